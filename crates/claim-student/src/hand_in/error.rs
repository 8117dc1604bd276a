//! Why a hand-in did not come to its end, and how far it came.

use std::io;
use std::path::PathBuf;

use claim_core::PersonId;
use claim_core::claim::{ClaimId, FileName, ManifestError};
use claim_core::hand_in::ClaimState;
use claim_files::FileError;
use claim_pki::SignError;

use super::evidence::EvidenceError;
use crate::error::{Explained, Outcome, Refused, quoted, tamed};
use crate::exchange::AskError;
use crate::wallet::WalletError;

/// Why a hand-in did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandInError {
    /// The claim would be too long.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The claim cannot be signed.
    #[error("the claim cannot be signed: {0}")]
    Sign(#[from] SignError),
    /// The issuing certificate, which belongs into the claim, is not in the certificate's file.
    #[error("the certificate file of {id} does not hold the certificate of its issuer")]
    IssuerMissing {
        /// Whose it is.
        id: PersonId,
    },
    /// The signed claim cannot be kept, so it was not sent.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// The records changed each time that it was signed.
    #[error("the claim was not lodged: Blackboard's records change too fast")]
    KeepsChanging,
    /// Blackboard does not have it.
    #[error("the claim was not lodged: {0}")]
    NotLodged(#[source] AskError),
    /// It may be lodged or not.
    #[error("nobody knows whether the claim was lodged: {last}")]
    LodgingUnknown {
        /// Which claim.
        claim: ClaimId,
        /// What hindered.
        last: Box<AskError>,
    },
    /// Blackboard takes no claims at present, and does not have this one; it signed both.
    #[error("the claim was not lodged: {0}")]
    TakesNothing(#[source] Refused),
    /// What Blackboard gave proves nothing.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// It ended before all files were there.
    #[error("the claim has ended before all files were there: {}", ended(*state))]
    Ended {
        /// Which claim.
        claim: ClaimId,
        /// What has become of it.
        state: ClaimState,
    },
    /// A file is not what it was when it was claimed.
    #[error("{} was changed after the claim was signed", quoted(path))]
    FileChanged {
        /// Which claim.
        claim: ClaimId,
        /// Its name in the claim.
        name: FileName,
        /// Where it is.
        path: PathBuf,
    },
    /// A file cannot be read any more.
    #[error("{} cannot be read any more: {}", quoted(path), tamed(source))]
    FileUnreadable {
        /// Which claim.
        claim: ClaimId,
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Pieces were not taken.
    #[error("the claim is lodged, but not all files are there yet: {last}")]
    Uploading {
        /// Which claim.
        claim: ClaimId,
        /// What hindered.
        last: Box<AskError>,
    },
    /// Pieces were taken, and are said to be missing all the same.
    #[error("the claim is lodged, but Blackboard still misses {missing} pieces that it took")]
    Stalled {
        /// Which claim.
        claim: ClaimId,
        /// How many it misses.
        missing: usize,
    },
    /// A proof did not come.
    #[error("the claim is lodged, but its proof did not come: {last}")]
    Proof {
        /// Which claim.
        claim: ClaimId,
        /// What hindered.
        last: Box<AskError>,
    },
    /// The files are received, and the log does not show it yet.
    #[error("all files are received, but the log's proof of it is not there yet")]
    Incomplete {
        /// Which claim.
        claim: ClaimId,
        /// Where what there is was stored.
        path: PathBuf,
    },
    /// A proof cannot be stored.
    #[error(transparent)]
    File(#[from] FileError),
    /// The claim was not withdrawn, as far as is known.
    #[error(transparent)]
    Withdrawing(AskError),
    /// The program itself was stopped.
    #[error("reading was stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

impl HandInError {
    /// Whether Blackboard went away before the claim was lodged, as far as is known: CUHK may stamp it meanwhile.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::NotLodged(error) => error.is_outage(),
            Self::LodgingUnknown { last, .. } => last.is_outage(),
            // Until its people have settled it, it might as well be away.
            Self::TakesNothing(_) => true,
            _ => false,
        }
    }

    /// Whether it says that the claim has ended, of which the claim's own state tells more.
    pub(super) fn is_about_the_claim(&self) -> bool {
        matches!(self, Self::Uploading { last, .. } if last.slug() == Some("claim-ended"))
    }
}

fn ended(state: ClaimState) -> &'static str {
    match state {
        ClaimState::Superseded => "another one was lodged after it",
        ClaimState::Lapsed => "the time for the files is over",
        ClaimState::Withdrawn => "it was withdrawn",
        ClaimState::Waiting | ClaimState::Received => "Blackboard does not say why",
    }
}

/// What to do where the claim stands, and only the rest is missing.
const GO_ON: &str =
    "Hand in the same files again: it goes on where it stopped, and what is lodged stays lodged.";

impl Explained for HandInError {
    fn why(&self) -> Option<String> {
        match self {
            Self::Wallet(error) => error.why(),
            Self::NotLodged(error) | Self::Withdrawing(error) => error.why(),
            Self::TakesNothing(refused) => refused.why(),
            Self::LodgingUnknown { .. } => {
                Some("It was sent, but no answer came that Blackboard signed.".to_owned())
            }
            Self::Uploading { last, .. } | Self::Proof { last, .. } => last.why(),
            Self::Evidence(error) => error.why(),
            Self::FileChanged { name, .. } => Some(format!(
                "The claim, which is lodged, lists {} as it was before; Blackboard takes nothing else for it.",
                tamed(name)
            )),
            Self::Incomplete { .. } => Some(
                "The witness has not confirmed the log's newest state. That is no fault of yours."
                    .to_owned(),
            ),
            _ => None,
        }
    }

    fn advice(&self) -> String {
        match self {
            Self::Wallet(error) => error.advice(),
            Self::NotLodged(error) | Self::Withdrawing(error) => error.advice(),
            Self::TakesNothing(refused) => format!(
                "{} What you signed is kept: `claim student resume`, or handing in the same files again, goes on with it.",
                refused.advice()
            ),
            Self::Evidence(error) => error.advice(),
            Self::Manifest(_) => "Hand in fewer files, or put them into an archive.".to_owned(),
            Self::Sign(_) | Self::IssuerMissing { .. } => {
                "Renew the certificate with `claim student renew`, then hand in again.".to_owned()
            }
            Self::KeepsChanging => "Wait a minute and hand in again.".to_owned(),
            Self::LodgingUnknown { .. } => {
                "Hand in the same files again: that settles it, and cannot lodge them twice.".to_owned()
            }
            Self::Ended { .. } => {
                "See with `claim student status` which claim counts; hand in again if it is not the one you want."
                    .to_owned()
            }
            Self::FileChanged { .. } => {
                "Put the file back as it was and hand in again to finish this claim; or hand in the changed file with \
                 --anew, which is another claim with a time of its own."
                    .to_owned()
            }
            Self::FileUnreadable { .. }
            | Self::Uploading { .. }
            | Self::Stalled { .. }
            | Self::Proof { .. }
            | Self::Stopped(_) => GO_ON.to_owned(),
            Self::Incomplete { .. } => {
                "Hand in the same files again later: that fetches the complete receipt.".to_owned()
            }
            Self::File(_) => {
                "Make room or name another place with --receipt, and hand in the same files again: \
                 what is lodged stays lodged."
                    .to_owned()
            }
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::NotLodged(error) | Self::Withdrawing(error) => error.outcome(),
            Self::LodgingUnknown { .. } => Outcome::Unknown,
            Self::TakesNothing(_) => Outcome::Unreachable,
            Self::Uploading { last, .. } | Self::Proof { last, .. } => last.outcome(),
            Self::Stalled { .. } | Self::Incomplete { .. } => Outcome::Unknown,
            _ => Outcome::Refused,
        }
    }
}
