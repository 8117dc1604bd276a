//! Outages: a claim that was signed while Blackboard could not be reached, and CUHK's timestamp over it
//! (PROTOCOL.md §9 "Outages").
//!
//! [`stamped`] is the one place that says whether a timestamp is one of CUHK's over a claim: for the student's program,
//! for Blackboard, and for whoever verifies a receipt.

use claim_pki::{PathError, Root, TimestampToken, TokenError, VerifiedToken, VerifyTokenError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::encoding::{Base64, base64_bytes};
use crate::{Digest, Origin, Timestamp};

/// The address of CUHK's timestamp authority.
pub const TSA: &str = "/tsa";

/// The media type of requests for timestamps (RFC 3161 §3.4).
pub const QUERY: &str = "application/timestamp-query";

/// The media type of timestamps.
pub const REPLY: &str = "application/timestamp-reply";

/// Where Blackboard takes claims that were signed in an outage.
pub const OUTAGES: &str = "/v1/outages";

/// The content of `POST /v1/outages`, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutageClaim {
    /// The signed claim in DER, whose `outage` is true.
    #[serde(with = "base64_bytes")]
    #[schemars(with = "Base64")]
    pub claim: Vec<u8>,
    /// CUHK's timestamp over it: a TimeStampResp in DER.
    #[serde(with = "base64_bytes")]
    #[schemars(with = "Base64")]
    pub timestamp: Vec<u8>,
}

/// Why a timestamp is not one of CUHK's over a claim.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutageError {
    /// It is not in the one form of a timestamp.
    #[error(transparent)]
    Form(#[from] TokenError),
    /// Its certificate is not one that the root has issued to a timestamp authority, or was not valid then.
    #[error("the certificate of the timestamp authority: {0}")]
    Path(#[from] PathError),
    /// It is over something else, or not signed by its authority.
    #[error(transparent)]
    Token(#[from] VerifyTokenError),
    /// Its authority is that of a Blackboard.
    #[error("the timestamp is by the authority of {found}, which is not CUHK's own")]
    NotCuhk {
        /// For which origin the authority is.
        found: Origin,
    },
    /// The key was not in use then.
    #[error("the timestamp says {gen_time}, when its key was not in use")]
    KeyUsage {
        /// The timestamp's time.
        gen_time: Timestamp,
    },
}

/// Verifies that CUHK stamped this signed claim, both in DER: by its own authority directly under the root, whose
/// certificate was valid and whose key was in use at that time.
///
/// # Errors
/// [`OutageError`].
pub fn stamped(claim: &[u8], timestamp: &[u8], root: &Root) -> Result<VerifiedToken, OutageError> {
    let token = TimestampToken::from_der(timestamp)?;
    let at = token.unverified_gen_time();
    let authority = root.verify_timestamp(token.certificate().der(), at)?;
    let token = token.verify(Digest::of(claim).as_bytes(), &authority)?;
    if !authority.is_of_the_issuer() {
        return Err(OutageError::NotCuhk { found: authority.origin().clone() });
    }
    match token.within_key_usage() {
        true => Ok(token),
        false => Err(OutageError::KeyUsage { gen_time: token.gen_time() }),
    }
}
