//! The claim: a signed list of files for one assignment, "this is what I hand in" (PROTOCOL.md §7).

mod entry;
mod file_name;
mod files;
mod manifest;
mod signed;

pub use entry::{LogEntry, LogEntryError};
pub use file_name::{CollisionError, FileName, FileNameError, check_together};
pub use files::{FileEntry, FileHasher, Files, FilesError, MAX_FILES, MAX_SIZE, PIECE};
pub use manifest::{
    ClaimId, Holder, HolderError, MAX_MANIFEST, MAX_MEMBERS, Manifest, ManifestError,
    ManifestMembers,
};
pub use signed::{
    ClaimError, VerifiedClaim, VerifiedWithdrawal, WithdrawalError, sign_claim, sign_withdrawal,
};
