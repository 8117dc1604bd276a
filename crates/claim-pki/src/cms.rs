//! CMS SignedData (RFC 5652) in the one form that evidence has: claims and withdrawals, and the tokens of RFC 3161.
//!
//! There is exactly one encoding of what a message says. Reading one takes out what it says, writes that anew and
//! compares: whatever else may hide in CMS, here it has no place.

mod attributes;
mod error;
mod message;
mod signed_data;

pub use error::{CmsError, CmsPart};
pub(crate) use message::{Form, MakeError, Message, SHA256, Signature};
pub use signed_data::{
    ContentType, MergeError, SignError, SignedData, Signer, VerifiedSignedData, VerifiedSigner,
    VerifyError,
};
