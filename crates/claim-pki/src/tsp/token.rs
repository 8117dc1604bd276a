//! Tokens: when something was there, signed by a timestamp authority (RFC 3161 §2.4.2, RFC 5816).

use der::asn1::{AnyRef, UintRef};
use der::{Decode, Encode, Tag, Tagged};

use super::{VERSION, gen_time, message_imprint};
use crate::asn1::{children_of, sequence, tlv};
use crate::cms::{Form, MakeError, Message, Signature};
use crate::digest::sha256;
use crate::oid::{TIMESTAMP_TOKEN_POLICY, TST_INFO_CONTENT};
use crate::profile::usage_period;
use crate::{
    Certificate, CmsError, KeyError, Profile, ProfileError, ProfilePart, SerialNumber, SigningKey,
    Timestamp, Validity, VerifiedTimestampAuthority,
};

/// A timestamp authority's key with its certificate: what makes tokens.
#[derive(Debug)]
pub struct TimestampSigner {
    key: SigningKey,
    certificate: Certificate,
    usage: Validity,
}

/// A timestamp as a `TimeStampResp` that grants it, with the authority's certificate: read but not verified.
///
/// There is one encoding of what it says, and this is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampToken {
    der: Vec<u8>,
    info: TokenInfo,
    certificate: Certificate,
    signature: Signature,
}

/// A timestamp that a verified authority has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    info: TokenInfo,
    authority: VerifiedTimestampAuthority,
}

/// `TSTInfo`, apart from what is the same in all of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TokenInfo {
    digest: [u8; 32],
    serial: SerialNumber,
    gen_time: Timestamp,
}

/// A part of a timestamp that is not as it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenPart {
    /// The answer's status: the timestamp was not granted, or there is more than the status.
    Status,
    /// The version of the token's content.
    Version,
    /// The policy: not ours.
    Policy,
    /// The digest: not by SHA-256.
    Imprint,
    /// The serial number: not positive, or too long.
    SerialNumber,
    /// The time: not in UTC to the millisecond at most.
    GenTime,
    /// There is more than these: accuracy, ordering, nonce, name of the authority or extensions.
    Optional,
    /// The octets are not those of the one encoding of what they say.
    Encoding,
}

/// Why something is not a timestamp of the form that is used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// It is larger than any that is needed.
    #[error("a timestamp has at most {} bytes; this has {found}", TimestampToken::MAX_SIZE)]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// The DER is not that of a `TimeStampResp`.
    #[error("the timestamp is malformed: {0}")]
    Malformed(#[from] der::Error),
    /// A part is not as it must be.
    #[error("the timestamp's {part} cannot be accepted")]
    Part {
        /// The part.
        part: TokenPart,
    },
    /// The signed message in it is not as it must be.
    #[error("the timestamp is refused: {0}")]
    Message(#[from] CmsError),
}

/// Why a timestamp could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MakeTokenError {
    /// The certificate certifies another key.
    #[error("the timestamp certificate belongs to another key")]
    OtherKey,
    /// The certificate does not have the timestamp profile.
    #[error("this is no certificate of a timestamp authority: {0}")]
    Profile(#[from] ProfileError),
    /// The key's year has not begun, or is over: a timestamp would not count.
    #[error("the timestamp key may sign from {} to {}; it is {at}", period.not_before(), period.not_after())]
    OutsideKeyUsage {
        /// The time that the token would have had.
        at: Timestamp,
        /// When the key may sign.
        period: Validity,
    },
    /// The key did not sign.
    #[error("the timestamp cannot be signed: {0}")]
    Key(#[from] KeyError),
    /// What came out is not as it must be.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Why a timestamp does not show that something was there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyTokenError {
    /// The timestamp is over something else.
    #[error("the timestamp is over something else")]
    Imprint,
    /// The verified authority is not the one whose certificate stands in the token.
    #[error("the timestamp was made with another certificate than that of this authority")]
    OtherAuthority,
    /// The signature is not by the authority's key.
    #[error("the timestamp's signature is not by the authority's key")]
    Signature,
}

const FORM: Form = Form {
    content_type: TST_INFO_CONTENT,
    // The time is in the content, to the millisecond.
    signing_time: false,
    issuers: false,
    max_signers: 1,
    max_size: TimestampToken::MAX_SIZE,
};

/// `PKIStatusInfo` with `granted` alone (RFC 3161 §2.4.2).
const GRANTED: [u8; 5] = [0x30, 3, 2, 1, 0];

impl TimestampSigner {
    /// Takes a key with its certificate.
    ///
    /// # Errors
    /// [`MakeTokenError::Profile`], [`MakeTokenError::OtherKey`].
    pub fn new(key: SigningKey, certificate: Certificate) -> Result<Self, MakeTokenError> {
        let profile = Profile::Timestamp;
        let certified = profile.check(certificate.fields())?;
        if certified != *key.public_key() {
            return Err(MakeTokenError::OtherKey);
        }
        let part = ProfilePart::PrivateKeyUsagePeriod;
        let usage =
            usage_period(certificate.fields()).ok_or(ProfileError::Part { profile, part })?;
        Ok(Self { key, certificate, usage })
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// When the key may sign.
    pub fn key_usage_period(&self) -> Validity {
        self.usage
    }

    /// Says that what has this SHA-256 was there at this time.
    ///
    /// Each token has a serial number of its own, which the caller draws.
    ///
    /// # Errors
    /// [`MakeTokenError::OutsideKeyUsage`], [`MakeTokenError::Key`], [`MakeTokenError::Token`].
    pub fn sign(
        &self,
        digest: &[u8; 32],
        at: Timestamp,
        serial: &SerialNumber,
    ) -> Result<TimestampToken, MakeTokenError> {
        if !self.usage.contains(at) {
            return Err(MakeTokenError::OutsideKeyUsage { at, period: self.usage });
        }
        let info = TokenInfo { digest: *digest, serial: serial.clone(), gen_time: at };
        let content = info.to_der().map_err(TokenError::Malformed)?;
        let signature = Signature::make(&FORM, &content, &self.key, &self.certificate, None)
            .map_err(|error| match error {
                MakeError::Key(error) => MakeTokenError::Key(error),
                MakeError::Encoding(error) => MakeTokenError::Token(error.into()),
            })?;
        let der = encode(&info, &self.certificate, &signature).map_err(TokenError::Malformed)?;
        let certificate = self.certificate.clone();
        match der.len() {
            0..=TimestampToken::MAX_SIZE => {
                Ok(TimestampToken { der, info, certificate, signature })
            }
            found => Err(TokenError::TooLarge { found }.into()),
        }
    }
}

impl TimestampToken {
    /// The largest timestamp that is read, in bytes of DER.
    pub const MAX_SIZE: usize = 24 * 1024;

    /// Reads a `TimeStampResp`. Nothing is verified yet.
    ///
    /// # Errors
    /// [`TokenError`], by the name of what cannot be accepted.
    pub fn from_der(der: &[u8]) -> Result<Self, TokenError> {
        if der.len() > Self::MAX_SIZE {
            return Err(TokenError::TooLarge { found: der.len() });
        }
        let parts = children_of(&AnyRef::from_der(der)?, Tag::Sequence, 2)?;
        let (status, token) = match parts.as_slice() {
            [status, token] => (status, Some(token)),
            [status] => (status, None),
            _ => return Err(TokenPart::Status.into()),
        };
        if status.to_der()? != GRANTED {
            return Err(TokenPart::Status.into());
        }
        let message = Message::from_der(&FORM, &token.ok_or(TokenPart::Status)?.to_der()?)?;
        let info = TokenInfo::from_der(&message.content)?;
        let Message { content, mut signatures, mut certificates } = message;
        // Status and signed message have been compared with their one encoding.
        if info.to_der()? != content {
            return Err(TokenPart::Encoding.into());
        }
        let signature = signatures.pop().ok_or(CmsError::NoSigner)?;
        let certificate = certificates.pop().ok_or(CmsError::MissingCertificate)?;
        Ok(Self { der: der.to_vec(), info, certificate, signature })
    }

    /// Verifies that the token is over what has this SHA-256, and signed by this authority,
    /// which [`Root::verify_timestamp`](crate::Root::verify_timestamp) makes of [`Self::certificate`].
    ///
    /// # Errors
    /// [`VerifyTokenError`].
    pub fn verify(
        &self,
        digest: &[u8; 32],
        authority: &VerifiedTimestampAuthority,
    ) -> Result<VerifiedToken, VerifyTokenError> {
        if self.info.digest != *digest {
            return Err(VerifyTokenError::Imprint);
        }
        if authority.leaf_digest() != self.certificate.digest() {
            return Err(VerifyTokenError::OtherAuthority);
        }
        let signed = self.info.to_der().map_err(|_| VerifyTokenError::Signature)?;
        self.signature
            .verify(&FORM, &sha256(&signed), authority.public_key())
            .map_err(|_| VerifyTokenError::Signature)?;
        Ok(VerifiedToken { info: self.info.clone(), authority: authority.clone() })
    }

    /// The `TimeStampResp` in DER, as it came or was made.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate of the authority that seems to have signed; it has not been verified.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The time in it, which nobody may have signed: no signature has been looked at.
    pub fn unverified_gen_time(&self) -> Timestamp {
        self.info.gen_time
    }
}

impl VerifiedToken {
    /// When it was there, in milliseconds.
    pub fn gen_time(&self) -> Timestamp {
        self.info.gen_time
    }

    /// The SHA-256 of what was there.
    pub fn digest(&self) -> &[u8; 32] {
        &self.info.digest
    }

    /// The token's own serial number.
    pub fn serial(&self) -> &SerialNumber {
        &self.info.serial
    }

    /// The authority that signed.
    pub fn authority(&self) -> &VerifiedTimestampAuthority {
        &self.authority
    }

    /// Whether the token's time lies within the period in which the key may sign: outside it does not count.
    pub fn within_key_usage(&self) -> bool {
        self.authority.key_usage_period().contains(self.info.gen_time)
    }
}

impl TokenInfo {
    fn to_der(&self) -> der::Result<Vec<u8>> {
        sequence(&[
            &VERSION,
            &tlv(Tag::ObjectIdentifier, TIMESTAMP_TOKEN_POLICY)?,
            &message_imprint(&self.digest)?,
            &UintRef::new(self.serial.as_bytes())?.to_der()?,
            &gen_time::encode(self.gen_time)?,
        ])
    }

    fn from_der(der: &[u8]) -> Result<Self, TokenError> {
        let parts = children_of(&AnyRef::from_der(der)?, Tag::Sequence, 10)?;
        let [version, policy, imprint, serial, time, optional @ ..] = parts.as_slice() else {
            return Err(TokenPart::Version.into());
        };
        if version.to_der()? != VERSION {
            return Err(TokenPart::Version.into());
        }
        if policy.tag() != Tag::ObjectIdentifier || policy.value() != TIMESTAMP_TOKEN_POLICY {
            return Err(TokenPart::Policy.into());
        }
        let imprint = imprint.to_der()?;
        // The digest is the end of it, or else it does not encode to the same.
        let digest = imprint.last_chunk::<32>().ok_or(TokenPart::Imprint)?;
        if message_imprint(digest)? != imprint {
            return Err(TokenPart::Imprint.into());
        }
        serial.tag().assert_eq(Tag::Integer)?;
        let serial = SerialNumber::from_integer_octets(serial.value())
            .map_err(|_| TokenPart::SerialNumber)?;
        time.tag().assert_eq(Tag::GeneralizedTime)?;
        let gen_time = gen_time::decode(time.value()).ok_or(TokenPart::GenTime)?;
        match optional {
            [] => Ok(Self { digest: *digest, serial, gen_time }),
            _ => Err(TokenPart::Optional.into()),
        }
    }
}

fn encode(
    info: &TokenInfo,
    certificate: &Certificate,
    signature: &Signature,
) -> der::Result<Vec<u8>> {
    let message = Message {
        content: info.to_der()?,
        signatures: vec![signature.clone()],
        certificates: vec![certificate.clone()],
    };
    sequence(&[&GRANTED, &message.to_der(&FORM)?])
}

impl From<TokenPart> for TokenError {
    fn from(part: TokenPart) -> Self {
        Self::Part { part }
    }
}

impl std::fmt::Display for TokenPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Status => "status (it was not granted)",
            Self::Version => "version",
            Self::Policy => "policy (it is not the one of this system)",
            Self::Imprint => "digest (it is not SHA-256)",
            Self::SerialNumber => "serial number",
            Self::GenTime => "time",
            Self::Optional => "accuracy, ordering, nonce, name or extension (there must be none)",
            Self::Encoding => "encoding (it is not the one that says the same)",
        })
    }
}
