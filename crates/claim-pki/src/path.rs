//! Path validation (RFC 5280 §6): from `cuhk.cer` through the issuing authority to a person or server.
//!
//! All paths have this one shape. The issuing authority's certificate is verified once ([`VerifiedIssuer`]),
//! after that each person costs one signature.

mod error;
mod issuer;
mod root;
mod verified;

pub use error::PathError;
pub use issuer::VerifiedIssuer;
pub use root::{Root, RootError};
pub use verified::{VerifiedPerson, VerifiedServer};
