//! The files follow: every piece that Blackboard misses, several at once.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use claim_core::Digest;
use claim_core::claim::{FileEntry, Files, PIECE};
use claim_core::encoding::RequestNonce;
use claim_core::hand_in::{ClaimState, ClaimStatus, OCTETS, PieceRef};
use claim_http::system_rng;
use futures_util::{StreamExt, future, stream};
use http::StatusCode;

use super::error::HandInError;
use super::evidence::{self, EvidenceError};
use super::lodge::Lodged;
use super::{MAX_DOCUMENT, target};
use crate::event::Event;
use crate::exchange::{Ask, AskError, Hindrance, Signed};
use crate::post::content_of;
use crate::retry::Patience;
use crate::session::OpenSession;

/// How many pieces are on their way at once, at most.
pub(crate) const AT_ONCE: usize = 4;

/// What a piece gets beyond other exchanges: enough for all that are on their way at 32 KiB/s together.
const PIECE_TIME: Duration = Duration::from_secs(540);

/// Why one piece is not durable.
enum PieceError {
    Hindered(Hindrance),
    Ended(HandInError),
}

/// What came of sending pieces.
#[derive(Default)]
struct Round {
    /// How many Blackboard has taken.
    taken: usize,
    /// What kept the rest from it.
    hindered: Option<Hindrance>,
}

/// How many pieces to send at once after a hindrance: on a line that breaks again and again, pieces that share it would
/// all be cut off before one of them is through.
pub(crate) fn narrowed(width: usize, taken: usize) -> usize {
    match taken >= 2 * width {
        true => (2 * width).min(AT_ONCE),
        false => (width / 2).max(1),
    }
}

impl OpenSession {
    /// Sends every piece that Blackboard misses, until it says that it has received all files.
    ///
    /// # Errors
    /// [`HandInError`]; after [`HandInError::Uploading`] the same files handed in again go on where it stopped.
    pub async fn upload(&mut self, lodged: &mut Lodged) -> Result<(), HandInError> {
        let timeouts = self.party.student.config.timeouts;
        let mut patience = Patience::new(&timeouts);
        let (mut fewest, mut width) = (usize::MAX, AT_ONCE);
        let files = &lodged.manifest.files;
        self.party.student.tell(Event::Uploading {
            files: lodged.manifest.files.clone(),
            missing: missing(&lodged.status, files)?,
        });
        loop {
            match lodged.status.state {
                ClaimState::Waiting => {}
                ClaimState::Received => break,
                state => return Err(HandInError::Ended { claim: lodged.id(), state }),
            }
            let missing = missing(&lodged.status, &lodged.manifest.files)?;
            // Patience is for standing still; who sends a large file over a slow line does not.
            if missing.len() < fewest {
                (fewest, patience) = (missing.len(), Patience::new(&timeouts));
            } else if let Some(pause) = patience.next_pause(None) {
                tokio::time::sleep(pause).await;
            } else {
                return Err(HandInError::Stalled { claim: lodged.id(), missing: missing.len() });
            }
            self.reopen_if_over().await.map_err(|error| uploading(lodged, error.into()))?;
            let Round { taken, hindered } = self.round(&missing, lodged, width).await?;
            if let Some(hindrance) = hindered {
                width = narrowed(width, taken);
                let Some(after) = patience.pause_after(&hindrance) else {
                    let (attempts, last) = (patience.attempts(), Box::new(hindrance));
                    let error = AskError::NoAnswer { attempts, may_have_arrived: true, last };
                    return Err(uploading(lodged, error));
                };
                let overcome = self.overcome(&hindrance, after).await;
                overcome.map_err(|error| uploading(lodged, error.into()))?;
            }
            self.refresh(lodged).await?;
        }
        let received_at = lodged.status.received_at;
        self.party.student.tell(Event::FilesReceived { claim: lodged.id(), received_at });
        Ok(())
    }

    /// Sends these pieces; begins no more of them once something hinders.
    async fn round(
        &self,
        missing: &[PieceRef],
        lodged: &Lodged,
        width: usize,
    ) -> Result<Round, HandInError> {
        let stop = AtomicBool::new(false);
        let go_on = |_: &PieceRef| future::ready(!stop.load(Ordering::Relaxed));
        let mut sent = stream::iter(missing.iter().copied())
            .take_while(go_on)
            .map(|piece| self.send_piece(piece, lodged))
            .buffer_unordered(width);
        let mut round = Round::default();
        while let Some(result) = sent.next().await {
            match result {
                Ok(()) => round.taken += 1,
                Err(PieceError::Hindered(hindrance)) => {
                    stop.store(true, Ordering::Relaxed);
                    round.hindered = Some(hindrance);
                }
                Err(PieceError::Ended(error)) if error.is_about_the_claim() => {
                    return Ok(Round::default());
                }
                Err(PieceError::Ended(error)) => return Err(error),
            }
        }
        Ok(round)
    }

    async fn send_piece(&self, piece: PieceRef, lodged: &Lodged) -> Result<(), PieceError> {
        let bytes = read_piece(piece, lodged).await.map_err(PieceError::Ended)?;
        let length = bytes.len() as u64;
        let address = target(lodged.id(), &format!("/files/{}/{}", piece.file, piece.index));
        let ask = Ask::put(address, OCTETS, bytes).with_time(PIECE_TIME);
        let nonce = RequestNonce::random(&mut system_rng());
        let ended = |error| PieceError::Ended(uploading(lodged, error));
        match self.exchange(&ask, &nonce).await {
            Ok(Signed::Answer(answer)) if answer.status == StatusCode::NO_CONTENT => {
                self.party.student.tell(Event::PieceReceived { piece, bytes: length });
                Ok(())
            }
            Ok(Signed::Answer(answer)) => {
                let (status, defect) = (answer.status, content_of(&answer));
                Err(ended(AskError::Unreadable { status, defect }))
            }
            Ok(Signed::Refused(refused)) => Err(ended(AskError::Refused(refused))),
            Err(hindrance) => Err(PieceError::Hindered(hindrance)),
        }
    }

    /// Asks what has become of the claim.
    pub(super) async fn refresh(&mut self, lodged: &mut Lodged) -> Result<(), HandInError> {
        let ask = Ask::get(target(lodged.id(), "")).at_most(MAX_DOCUMENT);
        let status = self.ask_json(&ask).await.map_err(|error| uploading(lodged, error))?;
        evidence::same(&lodged.status, &status)?;
        lodged.status = status;
        Ok(())
    }
}

/// The pieces that Blackboard says it misses: at most those that the claim has.
fn missing(status: &ClaimStatus, files: &Files) -> Result<Vec<PieceRef>, EvidenceError> {
    let most: u64 = files.entries().iter().map(FileEntry::piece_count).sum();
    let mut pieces = Vec::new();
    for run in &status.missing {
        for piece in run.pieces(files) {
            if pieces.len() as u64 >= most {
                return Err(EvidenceError::Missing);
            }
            pieces.push(piece);
        }
    }
    Ok(pieces)
}

/// Reads a piece again: between claim and upload a file may have been changed, and Blackboard would refuse it.
async fn read_piece(piece: PieceRef, lodged: &Lodged) -> Result<Bytes, HandInError> {
    let files = &lodged.manifest.files;
    let index = usize::try_from(piece.file).unwrap_or(usize::MAX);
    let (Some(entry), Some(path)) =
        (piece.file_in(files), lodged.collected.sources().get(index).cloned())
    else {
        return Err(EvidenceError::Missing.into());
    };
    let (size, digest) = (entry.piece_size(piece.index), entry.piece_digest(piece.index));
    let changed = |path: PathBuf| HandInError::FileChanged {
        claim: lodged.id(),
        name: entry.name().clone(),
        path,
    };
    let from = path.clone();
    let read = move || read_at(&from, piece.index * PIECE, size.unwrap_or_default());
    match tokio::task::spawn_blocking(read).await? {
        Ok(bytes) if Some(Digest::of(&bytes)) == digest => Ok(bytes.into()),
        Ok(_) => Err(changed(path)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(changed(path)),
        Err(source) => Err(HandInError::FileUnreadable { claim: lodged.id(), path, source }),
    }
}

fn read_at(path: &Path, start: u64, size: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn uploading(lodged: &Lodged, last: AskError) -> HandInError {
    HandInError::Uploading { claim: lodged.id(), last: Box::new(last) }
}
