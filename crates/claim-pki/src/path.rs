//! Path validation (RFC 5280 §6): from `cuhk.cer` through the issuing authority to a person or server, and from
//! `cuhk.cer` directly to a timestamp authority, a log or a witness.
//!
//! All paths have one of these two shapes. The issuing authority's certificate is verified once ([`VerifiedIssuer`]),
//! after that each person costs one signature.

mod error;
mod issuer;
mod root;
mod service;
mod verified;

pub use error::PathError;
pub use issuer::VerifiedIssuer;
pub use root::{Root, RootError};
pub use service::{VerifiedLog, VerifiedTimestampAuthority, VerifiedWitness};
pub use verified::{VerifiedPerson, VerifiedServer};
