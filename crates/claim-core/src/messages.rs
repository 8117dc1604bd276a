//! The four messages of steps 3 to 5, as they stand on the wire.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::encoding::{Base64, Base64Url, Bytes, Nonce, base64, from_base64};
use crate::{Origin, PersonId, Timestamp};

/// The one way to send the session key that this version knows: HPKE to the certificate's P-256 key.
pub const SCHEME: &str = "hpke-p256";

/// The media type of the messages of steps 3 to 5.
pub const JSON: &str = "application/json";

/// The most certificates a chain in a message may have.
pub const MAX_CHAIN: usize = 4;

/// The sentence of step 3: who asks, and for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^(SID:[0-9]{10} requests to upload report !|ID:[a-z][a-z0-9._-]{0,63} requests to manage courses !)$"))]
pub struct Sentence(PersonId);

/// A text is not one of the two sentences.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"request\" is not \"SID:<ten digits> requests to upload report !\"")]
pub struct SentenceError;

impl Sentence {
    const STUDENT: (&str, &str) = ("SID:", " requests to upload report !");
    const STAFF: (&str, &str) = ("ID:", " requests to manage courses !");

    /// The sentence that this person says.
    pub fn of(id: PersonId) -> Self {
        Self(id)
    }

    /// Who says it.
    pub fn id(&self) -> &PersonId {
        &self.0
    }
}

impl fmt::Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = match self.0 {
            PersonId::Student(_) => Self::STUDENT,
            PersonId::Staff(_) => Self::STAFF,
        };
        write!(f, "{before}{}{after}", self.0)
    }
}

impl FromStr for Sentence {
    type Err = SentenceError;

    fn from_str(text: &str) -> Result<Self, SentenceError> {
        let id = |(before, after)| text.strip_prefix(before)?.strip_suffix(after);
        if let Some(sid) = id(Self::STUDENT) {
            sid.parse().map(|sid| Self(PersonId::Student(sid))).map_err(|_| SentenceError)
        } else if let Some(staff) = id(Self::STAFF) {
            staff.parse().map(|staff| Self(PersonId::Staff(staff))).map_err(|_| SentenceError)
        } else {
            Err(SentenceError)
        }
    }
}

impl TryFrom<String> for Sentence {
    type Error = SentenceError;

    fn try_from(text: String) -> Result<Self, SentenceError> {
        text.parse()
    }
}

impl From<Sentence> for String {
    fn from(sentence: Sentence) -> Self {
        sentence.to_string()
    }
}

/// A certificate chain in a message: the leaf, then its issuers without the root; DER, padded base64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
#[schemars(try_from = "Vec<Base64>", into = "Vec<Base64>")]
#[schemars(extend("minItems" = 1, "maxItems" = MAX_CHAIN))]
pub struct Chain(Vec<Vec<u8>>);

/// Why a list is not a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No certificate, or more than [`MAX_CHAIN`].
    #[error("\"certificate\" holds {found} certificates where 1 to {MAX_CHAIN} are expected")]
    Count {
        /// How many there are.
        found: usize,
    },
    /// A member is not padded base64.
    #[error("\"certificate\" holds something that is not padded base64")]
    NotBase64,
}

impl Chain {
    /// From DER certificates, leaf first.
    ///
    /// # Errors
    /// [`ChainError::Count`].
    pub fn new(certificates: Vec<Vec<u8>>) -> Result<Self, ChainError> {
        match certificates.len() {
            1..=MAX_CHAIN => Ok(Self(certificates)),
            found => Err(ChainError::Count { found }),
        }
    }

    /// The leaf's DER.
    pub fn leaf(&self) -> &[u8] {
        self.0.first().map_or(&[], Vec::as_slice)
    }

    /// All of them as DER, leaf first.
    pub fn certificates(&self) -> Vec<&[u8]> {
        self.0.iter().map(Vec::as_slice).collect()
    }
}

impl TryFrom<Vec<String>> for Chain {
    type Error = ChainError;

    fn try_from(texts: Vec<String>) -> Result<Self, ChainError> {
        if texts.len() > MAX_CHAIN {
            return Err(ChainError::Count { found: texts.len() });
        }
        let certificates: Result<_, _> = texts.iter().map(|text| from_base64(text)).collect();
        Self::new(certificates.map_err(|_| ChainError::NotBase64)?)
    }
}

impl From<Chain> for Vec<String> {
    fn from(chain: Chain) -> Self {
        chain.0.iter().map(|der| base64(der)).collect()
    }
}

/// Step 3: `POST /v1/challenges`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChallengeRequest {
    /// The sentence.
    pub request: Sentence,
    /// The certificate of whoever says it.
    pub certificate: Chain,
    /// The student's nonce.
    pub nonce: Nonce,
}

/// Step 4: the answer to [`ChallengeRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Challenge {
    /// An opaque token, to be sent back in step 5.
    pub challenge: String,
    /// The origin that the session key is bound to; the student compares, and computes with its own.
    pub origin: Origin,
    /// Blackboard's nonce.
    pub nonce: Nonce,
    /// [`SCHEME`].
    pub scheme: String,
    /// HPKE's encapsulated key: an uncompressed P-256 point, 65 bytes.
    pub enc: Bytes<65>,
    /// The encrypted session key: 32 bytes and a 16-byte tag.
    pub ciphertext: Bytes<48>,
    /// When the token ceases to be accepted.
    pub expires_at: Timestamp,
}

/// Step 5: `POST /v1/sessions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionRequest {
    /// The token of step 4.
    pub challenge: String,
    /// HMAC(k_student, T): the student has decrypted the session key.
    pub confirmation: Bytes<32>,
}

/// The answer to [`SessionRequest`]: the session, and who opened it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionAnswer {
    /// An opaque token, to be sent with every request of step 6.
    pub session: String,
    /// The person whom Blackboard knows in this session: a SID, or a staff id.
    pub sid: PersonId,
    /// Blackboard's clock.
    pub server_time: Timestamp,
    /// When the session ends.
    pub expires_at: Timestamp,
    /// HMAC(k_blackboard, B): Blackboard has the session key too.
    pub confirmation: Bytes<32>,
    /// Blackboard's server-profile certificate.
    pub certificate: Chain,
    /// ECDSA-SHA-256 over B by that certificate's key; DER, `b64u`.
    #[serde(with = "b64u_bytes")]
    #[schemars(with = "Base64Url")]
    pub signature: Vec<u8>,
}

/// The answer to an accepted message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageAnswer {
    /// Who sent it, by the session.
    pub sid: PersonId,
    /// When Blackboard had it.
    pub received_at: Timestamp,
    /// Its number at this Blackboard; later messages have greater ones.
    pub number: i64,
}

/// Bytes of no fixed length as `b64u`.
mod b64u_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::encoding::{b64u, from_b64u};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&b64u(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        from_b64u(&String::deserialize(d)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn the_sentences_are_the_seeds_to_the_letter() {
        let sentence = "SID:1155123456 requests to upload report !";
        assert_eq!(sentence.parse::<Sentence>().unwrap().to_string(), sentence);
        let sentence = "ID:chan.tm requests to manage courses !";
        assert_eq!(sentence.parse::<Sentence>().unwrap().to_string(), sentence);
    }

    #[test]
    fn nothing_else_is_a_sentence() {
        for wrong in [
            "",
            "SID: 1155123456 requests to upload report !",
            "SID:1155123456 requests to upload report!",
            "SID:115512345 requests to upload report !",
            "SID:chan requests to upload report !",
            "ID:1155123456 requests to manage courses !",
            "SID:1155123456 requests to manage courses !",
            "sid:1155123456 requests to upload report !",
            "SID:1155123456 requests to upload report !\n",
        ] {
            assert_eq!(wrong.parse::<Sentence>(), Err(SentenceError), "{wrong:?}");
        }
    }

    #[test]
    fn a_chain_has_one_to_four_certificates() {
        let list = |n: usize| vec!["AA==".to_owned(); n];
        assert!(Chain::try_from(list(1)).is_ok() && Chain::try_from(list(4)).is_ok());
        assert_eq!(Chain::try_from(list(0)), Err(ChainError::Count { found: 0 }));
        assert_eq!(Chain::try_from(list(5)), Err(ChainError::Count { found: 5 }));
        assert_eq!(Chain::try_from(vec!["AA".to_owned()]), Err(ChainError::NotBase64));
    }
}
