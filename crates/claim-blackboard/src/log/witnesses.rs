//! The witnesses: those whose cosignatures Blackboard can show, and how those that it asks are doing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use claim_core::{Origin, Timestamp};
use claim_log::note::{KeyName, KeyNameError};
use claim_log::{LogKey, WitnessKey};
use claim_pki::{Certificate, PathError, Root};

/// A witness whose certificate has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) key: WitnessKey,
    pub(crate) certificate: Certificate,
}

/// Why somebody is no witness of this log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum MeetError {
    #[error("its certificate is not a witness's of this cuhk.cer: {0}")]
    Path(#[from] PathError),
    #[error("its name cannot stand in a note: {0}")]
    Name(#[from] KeyNameError),
    #[error("it has the log's own key, and so cannot testify against it")]
    WitnessIsLog,
}

impl Met {
    /// Verifies a certificate as of this time.
    pub(crate) fn verify(
        certificate: Certificate,
        root: &Root,
        log: &LogKey,
        at: Timestamp,
    ) -> Result<Self, MeetError> {
        let verified = root.verify_witness(certificate.der(), at)?;
        let name: KeyName = verified.name().as_str().parse()?;
        let key = WitnessKey::new(name, *verified.public_key().as_bytes());
        match key.public() == log.public() {
            true => Err(MeetError::WitnessIsLog),
            false => Ok(Self { key, certificate }),
        }
    }
}

/// One that Blackboard asks, as those who wait for receipts see it.
#[derive(Clone, Debug)]
struct Asked {
    origin: Origin,
    /// The size of the last tree that it has cosigned.
    up_to: u64,
    /// Whether its last answer came, and soon: only for such a one do receipts wait, and at first for everybody.
    prompt: bool,
}

/// All of them. Nothing here is held across an `await`.
#[derive(Default)]
pub(crate) struct Witnesses {
    met: RwLock<Vec<Arc<Met>>>,
    asked: Mutex<Vec<Asked>>,
}

/// The place of one that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(usize);

impl Witnesses {
    /// Knows a witness from now on, with its newest certificate.
    pub(crate) fn meet(&self, met: Arc<Met>) {
        let mut all = self.met.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.key != met.key);
        all.push(met);
    }

    /// Everybody whose cosignatures can be verified and shown.
    pub(crate) fn met(&self) -> Vec<Arc<Met>> {
        self.met.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives a witness that is to be asked its place.
    pub(crate) fn place(&self, origin: &Origin) -> Place {
        let mut asked = self.asked();
        asked.push(Asked { origin: origin.clone(), up_to: 0, prompt: true });
        Place(asked.len() - 1)
    }

    /// Takes note of how far it has cosigned, on record.
    pub(crate) fn has_cosigned(&self, place: Place, up_to: u64) {
        if let Some(asked) = self.asked().get_mut(place.0) {
            asked.up_to = up_to;
        }
    }

    /// Takes note of whether it answers soon; returns whether that is news.
    pub(crate) fn is_prompt(&self, place: Place, prompt: bool) -> bool {
        let mut asked = self.asked();
        let Some(asked) = asked.get_mut(place.0) else { return false };
        std::mem::replace(&mut asked.prompt, prompt) != prompt
    }

    /// Whether a witness that answers soon has yet to cosign a tree with this leaf.
    ///
    /// One that answers late, or not at all, is not waited for: what the others have cosigned goes out without it.
    pub(crate) fn have_one_to_wait_for(&self, leaf: u64) -> bool {
        self.asked().iter().any(|asked| asked.prompt && asked.up_to <= leaf)
    }

    /// Each that is asked, and whether it answers soon.
    pub(crate) fn states(&self) -> Vec<(Origin, bool)> {
        self.asked().iter().map(|asked| (asked.origin.clone(), asked.prompt)).collect()
    }

    fn asked(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn only_a_witness_that_answers_soon_is_waited_for() {
        let witnesses = Witnesses::default();
        assert!(!witnesses.have_one_to_wait_for(4), "nobody is asked");
        let place = witnesses.place(&"https://witness.example:9337".parse().unwrap());
        assert!(witnesses.have_one_to_wait_for(4), "it has not been late yet");
        witnesses.has_cosigned(place, 4);
        assert!(!witnesses.have_one_to_wait_for(3), "a tree of four has the leaf 3");
        assert!(witnesses.have_one_to_wait_for(4));
        assert!(!witnesses.is_prompt(place, true), "no news");
        assert!(witnesses.is_prompt(place, false));
        assert!(!witnesses.have_one_to_wait_for(4), "it is late");
        assert!(witnesses.is_prompt(place, true));
        witnesses.has_cosigned(place, 5);
        assert!(!witnesses.have_one_to_wait_for(4));
        // One of two is enough to be waited for.
        witnesses.place(&"https://other.example:9337".parse().unwrap());
        assert!(witnesses.have_one_to_wait_for(4));
        assert_eq!(witnesses.states().len(), 2);
    }
}
