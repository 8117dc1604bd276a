//! Revocation lists (RFC 5280 §5): full ones, in the one form that CUHK writes.

mod error;
mod list;
mod reason;
mod verify;

pub use error::{RevocationListError, RevocationListPart, SignRevocationListError};
pub use list::{ListIssuance, RevocationList, RevokedCertificate};
pub use reason::{RevocationReason, RevocationReasonError};
pub use verify::{Revocation, VerifiedRevocationList, VerifyRevocationListError};
