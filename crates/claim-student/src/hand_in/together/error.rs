//! Why a claim that several sign is not signed, or not lodged.

use std::path::PathBuf;

use claim_core::claim::{ClaimError, ClaimId, FileName, Holder};
use claim_core::{AssignmentRef, Origin, PersonId, Timestamp};
use claim_course::time::shown;
use claim_files::FileError;
use claim_pki::{MergeError, SignError};

use super::{Change, Compared};
use crate::error::{Explained, Outcome, quoted, tamed};
use crate::hand_in::HandInError;
use crate::wallet::WalletError;

/// Why a claim that several sign is not signed, or not lodged. Unless it says otherwise, nothing was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TogetherError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no signed claim, or a signature in it does not verify.
    #[error("{} is not a claim that can be signed: {}", quoted(path), tamed(source))]
    NotAClaim {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<ClaimError>,
    },
    /// It is for another server.
    #[error("the claim is for the Blackboard at {found}, and this is {ours}")]
    OtherBlackboard {
        /// For which one it is.
        found: Origin,
        /// The one that was asked.
        ours: Origin,
    },
    /// One person signs it: it is handed in by staff, or stamped by CUHK.
    #[error("{} is a claim that one person signs, and nobody adds to", quoted(path))]
    SignedAlone {
        /// The file.
        path: PathBuf,
    },
    /// Whoever would sign is none of those for whom it is.
    #[error("the claim is for {sids}, and {id} is none of them")]
    NotYours {
        /// Who would sign.
        id: PersonId,
        /// Whose it is.
        sids: Holder,
    },
    /// Blackboard has no such assignment for this person.
    #[error("you have no assignment {reference}")]
    NoAssignment {
        /// The assignment in the claim.
        reference: AssignmentRef,
    },
    /// It is lodged; what was signed then stands.
    #[error(
        "the claim was lodged at {}, signed by {}", shown(*lodged_at, zone), joined(signers)
    )]
    Lodged {
        /// The claim.
        claim: ClaimId,
        /// When it was lodged.
        lodged_at: Timestamp,
        /// Who signed it.
        signers: Vec<PersonId>,
        /// The course's time zone.
        zone: String,
    },
    /// Nothing is taken any more.
    #[error("the assignment closed at {}", shown(*until, zone))]
    Closed {
        /// The last moment at which a claim was taken.
        until: Timestamp,
        /// The course's time zone.
        zone: String,
    },
    /// Blackboard's records changed since it was made.
    #[error("the claim can be lodged no more: {}", change.in_words(zone))]
    Changed {
        /// What changed.
        change: Box<Change>,
        /// The course's time zone.
        zone: String,
    },
    /// This person's signature is in it.
    #[error("{id} has signed it already")]
    SignedAlready {
        /// Who.
        id: PersonId,
    },
    /// Whoever would lodge it has not signed it.
    #[error("{id} has not signed {}", quoted(path))]
    NotSigned {
        /// Who would lodge it.
        id: PersonId,
        /// The file.
        path: PathBuf,
    },
    /// Somebody else has written the file meanwhile.
    #[error("{} was changed by somebody else while it was being signed", quoted(path))]
    FileChanged {
        /// The file.
        path: PathBuf,
    },
    /// Two files hold different claims.
    #[error("{} and {} are not the same claim", quoted(one), quoted(other))]
    OtherClaim {
        /// The one.
        one: PathBuf,
        /// The other.
        other: PathBuf,
    },
    /// The files on this disk are not those that were signed.
    #[error("these files are not those that were signed: {}", differences(compared))]
    OtherFiles {
        /// How they differ.
        compared: Box<Compared>,
    },
    /// It cannot be signed.
    #[error("the claim cannot be signed: {0}")]
    Sign(#[source] Box<SignError>),
    /// The signatures cannot be put together.
    #[error("the signatures cannot be put together: {0}")]
    Merge(#[source] Box<MergeError>),
    /// It came no further, as with any hand-in.
    #[error(transparent)]
    HandIn(Box<HandInError>),
}

impl From<HandInError> for TogetherError {
    fn from(error: HandInError) -> Self {
        Self::HandIn(Box::new(error))
    }
}

impl From<WalletError> for TogetherError {
    fn from(error: WalletError) -> Self {
        HandInError::Wallet(error).into()
    }
}

/// How files differ from those that are claimed: at most so many names that they do not fill the terminal.
fn differences(compared: &Compared) -> String {
    const MOST: usize = 10;
    let Compared { changed, gone, new, .. } = compared;
    let list = |names: &[FileName], what: &str| {
        let shown: Vec<_> = names.iter().take(MOST).map(tamed).collect();
        let more = match names.len().saturating_sub(MOST) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!names.is_empty()).then(|| format!("{what}: {}{more}", shown.join(", ")))
    };
    let lists =
        [list(changed, "changed"), list(gone, "not among them"), list(new, "not in the claim")];
    lists.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn joined(signers: &[PersonId]) -> String {
    match signers {
        [] => "people whom Blackboard does not name".to_owned(),
        signers => signers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

impl Explained for TogetherError {
    fn why(&self) -> Option<String> {
        Some(match self {
            Self::Changed { .. } => {
                "Due time, predecessor and members are part of what was signed, so a claim with others is another \
                 claim: the signatures in the file do not fit it."
                    .to_owned()
            }
            Self::NotAClaim { .. } | Self::OtherClaim { .. } => {
                "What nobody can check is not signed.".to_owned()
            }
            Self::Lodged { .. } => {
                "What is lodged stands as it is; nobody's signature is added to it later.".to_owned()
            }
            Self::NotSigned { .. } => "Whoever lodges a claim is one of those who signed it.".to_owned(),
            Self::HandIn(error) => return error.why(),
            _ => return None,
        })
    }

    fn advice(&self) -> String {
        match self {
            Self::File(_) => "Put that right and run the same command again.".to_owned(),
            Self::NotAClaim { .. } => {
                "Ask for the file again, as `claim student hand-in --sign-only` wrote it; if it comes the same, have it \
                 made anew."
                    .to_owned()
            }
            Self::OtherBlackboard { found, .. } => {
                format!("If that is your Blackboard too, say so: --blackboard {found}")
            }
            Self::SignedAlone { .. } => {
                "Have one made for your group with `claim student hand-in --sign-only`.".to_owned()
            }
            Self::NotYours { .. } => {
                "Sign what is your own group's: `claim student status` shows who is in it.".to_owned()
            }
            Self::NoAssignment { .. } => {
                "See with `claim student status` what you may hand in to.".to_owned()
            }
            Self::Lodged { .. } => {
                "Nothing more need be signed: `claim student status` shows what became of it.".to_owned()
            }
            Self::Closed { .. } => {
                "Ask the people of the course whether they still take it.".to_owned()
            }
            Self::Changed { .. } => {
                "Make it anew with `claim student hand-in PATH… --sign-only`, and have everybody sign that one. One \
                 signature is enough for a group where time is short: `claim student hand-in PATH…`."
                    .to_owned()
            }
            Self::SignedAlready { .. } => {
                "Give the file to the next one, or lodge it: claim student hand-in PATH… --lodge FILE".to_owned()
            }
            Self::NotSigned { .. } => {
                "Sign it first: claim student hand-in --add-signature FILE".to_owned()
            }
            Self::FileChanged { .. } => {
                "Run the same command again: it signs what is there now.".to_owned()
            }
            Self::OtherClaim { .. } => {
                "Lodge the one that is meant; each claim is signed and lodged by itself.".to_owned()
            }
            Self::OtherFiles { .. } => {
                "Name the files as they were when the claim was made; or make another with --sign-only, which all \
                 sign anew."
                    .to_owned()
            }
            Self::Sign(_) => {
                "Renew the certificate with `claim student renew`, then sign again.".to_owned()
            }
            Self::Merge(_) => "Lodge one of the files by itself.".to_owned(),
            Self::HandIn(error) => error.advice(),
        }
    }

    fn outcome(&self) -> Outcome {
        match self {
            Self::HandIn(error) => error.outcome(),
            _ => Outcome::Refused,
        }
    }
}
