//! Timestamps (RFC 3161) in the one form that evidence has: granted, with the certificate, and nothing that is optional.

mod gen_time;
mod request;
mod token;

pub use request::{TimestampRequest, TimestampRequestError};
pub use token::{
    MakeTokenError, TimestampSigner, TimestampToken, TokenError, TokenPart, VerifiedToken,
    VerifyTokenError,
};

use der::{Encode, Tag};

use crate::asn1::{sequence, tlv};
use crate::cms::SHA256;

/// `MessageImprint` (RFC 3161 §2.4.1) by SHA-256.
fn message_imprint(digest: &[u8; 32]) -> der::Result<Vec<u8>> {
    sequence(&[&SHA256.to_der()?, &tlv(Tag::OctetString, digest)?])
}

/// Version 1, of requests as of tokens.
const VERSION: [u8; 3] = [2, 1, 1];
