//! In local demo mode CUHK answers the request file of a Blackboard in its own folder by itself: nobody holds a ceremony
//! among three terminals of one machine.

use std::sync::Arc;
use std::time::Duration;

use claim_core::Digest;
use claim_files::{FileError, Mode as FileMode, read_private, replace};
use claim_pki::{EvidenceRequest, EvidenceRequestError};

use crate::ceremony::CeremonyError;
use crate::event::{CertifiedEvidence, Event};
use crate::folder::exists;
use crate::mode::Mode;
use crate::state::Cuhk;

/// How often it looks into the folder.
const PERIOD: Duration = Duration::from_millis(200);

/// Why a request file was not answered.
#[derive(Debug, thiserror::Error)]
enum NotAnswered {
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Request(#[from] EvidenceRequestError),
    #[error("it is for {origin}, and a local demonstration certifies servers of this machine only")]
    NotLoopback { origin: claim_core::Origin },
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
}

/// Goes on until it is aborted; does nothing where a person certifies.
pub(crate) async fn answer(cuhk: Arc<Cuhk>) {
    if cuhk.mode != Mode::LocalDemo {
        return;
    }
    let mut seen = Seen::default();
    let mut turns = tokio::time::interval(PERIOD);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        match look(&cuhk, &mut seen).await {
            Ok(None) => {}
            Ok(Some(certified)) => cuhk.tell(Event::EvidenceCertified(certified)),
            Err(error) => {
                let reason = error.to_string();
                // Once: it looks again five times a second.
                if seen.told.as_ref() != Some(&reason) {
                    seen.told = Some(reason.clone());
                    cuhk.tell(Event::EvidenceRefused { reason });
                }
            }
        }
    }
}

/// What was done before.
#[derive(Default)]
struct Seen {
    /// The request that was answered last.
    answered: Option<Digest>,
    /// Why one was not, as it was told.
    told: Option<String>,
}

/// Answers the request in the folder, if there is one that has no answer yet.
async fn look(cuhk: &Cuhk, seen: &mut Seen) -> Result<Option<CertifiedEvidence>, NotAnswered> {
    let (request, answer) = (cuhk.folder.blackboard_request(), cuhk.folder.blackboard_answer());
    if !exists(&request)? {
        return Ok(None);
    }
    // Only what nobody else can have written: whoever may write into the folder has the keys in it anyway.
    let bytes = read_private(&request)?;
    let digest = Digest::of(&bytes);
    if seen.answered == Some(digest) && exists(&answer)? {
        return Ok(None);
    }
    let request = EvidenceRequest::from_bytes(&bytes)?;
    if !request.origin().is_loopback() {
        return Err(NotAnswered::NotLoopback { origin: request.origin().clone() });
    }
    let certificates = cuhk.ceremony().answer(&request).await?;
    replace(&answer, certificates.to_text().as_bytes(), FileMode::Public)?;
    *seen = Seen { answered: Some(digest), told: None };
    Ok(Some(CertifiedEvidence::of(&request, &certificates)))
}
