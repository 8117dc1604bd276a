//! Why a log is not rebuilt, and what to do about it.

use std::path::PathBuf;

use claim_core::Origin;
use claim_core::claim::ClaimId;
use claim_log::{CheckpointError, EdgeError, LeafIndex, LogFull, SizeError, TreeSize};
use claim_pki::RootError;
use claim_store::{DatabaseUrlError, ObjectError, StoreError};

use crate::start_error::StartError;

/// Why a log is not rebuilt. `Display` tells what happened, [`Self::advice`] what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RebuildError {
    /// The folder is in use, or was not restored to its end.
    #[error(transparent)]
    Folder(#[from] StartError),
    /// There is no Blackboard in the folder that could have a log.
    #[error("{path:?} does not exist: there is no log here that could be rebuilt")]
    Nothing {
        /// What every Blackboard with a log has.
        path: PathBuf,
    },
    /// A file that anyone may read cannot be read.
    #[error("{path:?} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The root certificate cannot be used.
    #[error("the root certificate in {path:?} cannot be used: {source}")]
    Root {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RootError,
    },
    /// The log's key is not certified, for this Blackboard and now.
    #[error("the log's key cannot be used: {reason}")]
    NotCertified {
        /// Why not.
        reason: String,
    },
    /// The records have no log.
    #[error("these records have no log yet, not even an empty one")]
    NotBegun,
    /// The mirror is one of another log.
    #[error("the mirror is one of another log, {found}")]
    OtherLog {
        /// Whose it is.
        found: String,
    },
    /// The mirror has less than the records.
    #[error("the mirror has {mirror} entries, and the records have {recorded}: it is the older one", mirror = .mirror.value(), recorded = .recorded.value())]
    MirrorBehind {
        /// How many the mirror has.
        mirror: TreeSize,
        /// How many the records have.
        recorded: TreeSize,
    },
    /// The tree on record is not a part of the mirror's.
    #[error("the {} entries on record are not the first ones of the mirror: it has another history", .recorded.value())]
    OtherHistory {
        /// How many the records have.
        recorded: TreeSize,
    },
    /// The entries do not lead to the checkpoint.
    #[error("the mirror's entries do not lead to its checkpoint of {} entries", .size.value())]
    OtherTree {
        /// How many the checkpoint has.
        size: TreeSize,
    },
    /// An entry is none of Claim's.
    #[error("entry {index} of the mirror is none that Claim writes")]
    Stray {
        /// Which one.
        index: LeafIndex,
    },
    /// The mirror is older than what a witness has cosigned.
    #[error("the mirror has {mirror} entries, and the witness {witness} has cosigned {known}: the mirror is behind, too", mirror = .mirror.value(), known = .known.value())]
    WitnessKnowsMore {
        /// Which witness.
        witness: Origin,
        /// How many it has cosigned.
        known: TreeSize,
        /// How many the mirror has.
        mirror: TreeSize,
    },
    /// A witness has cosigned another tree of this size: there are two histories already.
    #[error("the witness {witness} has cosigned another tree of {} entries than the mirror's", .size.value())]
    WitnessKnowsAnother {
        /// Which witness.
        witness: Origin,
        /// The size of both.
        size: TreeSize,
    },
    /// No witness has cosigned the mirror's checkpoint.
    #[error("no witness has cosigned the mirror's checkpoint: {}", .reasons.join("; "))]
    NoWitness {
        /// Of each that was asked, why.
        reasons: Vec<String>,
    },
    /// Somebody else works with the records.
    #[error("the log has grown meanwhile: another Blackboard works with these records")]
    HeadMoved,
    /// The records have taken anew what the log has.
    #[error(
        "the records have taken claim {claim} anew since the restore, and the log has it from before"
    )]
    Contradicts {
        /// Which claim.
        claim: ClaimId,
    },
    /// The database is not named rightly.
    #[error(transparent)]
    DatabaseUrl(#[from] DatabaseUrlError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log's own files cannot be read.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// The log's own files are not those of its records.
    #[error("the log's own files do not belong to its records: {0}")]
    Edge(#[from] EdgeError),
    /// The log can have no more entries.
    #[error(transparent)]
    Full(#[from] LogFull),
    /// The head on record cannot be.
    #[error("the log's head on record cannot be: {0}")]
    Size(#[from] SizeError),
    /// The checkpoint on record is not by the log's key.
    #[error("the checkpoint on record is not by this log's key: {0}")]
    Checkpoint(#[from] CheckpointError),
}

impl RebuildError {
    /// Whether nobody was reached, so that it may go well later.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::NoWitness { .. })
    }

    /// What to do next.
    pub fn advice(&self) -> String {
        let advice = match self {
            Self::Folder(error) => return error.advice(),
            Self::Nothing { .. } => {
                "Restore a backup of this Blackboard first, or name its folder with --dir."
            }
            Self::Read { .. } | Self::Root { .. } => "Put CUHK's cuhk.cer there.",
            Self::NotCertified { .. } => {
                "Give the --public-url and the listen address that this Blackboard had, and its blackboard.answer."
            }
            Self::NotBegun => {
                "Start this Blackboard once, until it says that claims are taken; then rebuild its log."
            }
            Self::OtherLog { .. } => "Give a mirror of this Blackboard's own log.",
            Self::MirrorBehind { .. } | Self::WitnessKnowsMore { .. } => {
                "Take a newer mirror: whoever audits the log with --mirror has one, or a cache that served its files."
            }
            Self::OtherHistory { .. } | Self::WitnessKnowsAnother { .. } => {
                "Nothing was changed. Keep everything: a log with two histories is what its witnesses are to find out. \
                 OPERATIONS.md, \"A log that is behind\", says how to proceed."
            }
            Self::OtherTree { .. } | Self::Stray { .. } => {
                "Nothing was changed. Take another mirror: this one is damaged, or was changed."
            }
            Self::NoWitness { .. } => {
                "Start CUHK, or say with --cuhk and --ask-witness where the witnesses are, and do it again: nobody else \
                 can tell whether the mirror has all that was ever signed."
            }
            Self::HeadMoved => {
                "Stop every Blackboard that works with these records, and do it again."
            }
            Self::Contradicts { .. } => {
                "Restore the backup again, and rebuild the log before the first start."
            }
            Self::Store(error) if error.is_temporary() => "Do it again in a moment.",
            Self::DatabaseUrl(_) | Self::Store(_) | Self::Objects(_) => {
                "Put that right and do it again."
            }
            Self::Edge(_) | Self::Full(_) | Self::Size(_) | Self::Checkpoint(_) => {
                "Restore records, keys and the folder objects from one and the same backup."
            }
        };
        advice.to_owned()
    }
}
