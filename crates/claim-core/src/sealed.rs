//! Authenticated encryption of what is given away or stored: the one format of tokens and wrapped keys.
//!
//! Layout: version (1 byte), key id (8), random (24), AES-256-GCM ciphertext with its tag.
//! Key and nonce are derived from the secret and the random bytes, so a secret can seal any number of contents
//! without a nonce ever standing twice; AAD = `lp(token type, origin, key id)`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use zeroize::{Zeroize, Zeroizing};

use crate::encoding::{Bytes, lp};
use crate::secret::Secret;
use crate::transcript::hkdf_expand;
use crate::{Origin, Timestamp};

/// Names a sealing key inside what it sealed; no secret.
pub type KeyId = Bytes<8>;

/// The random bytes of one sealed content.
pub(crate) type Salt = Bytes<24>;

const VERSION: u8 = 1;
const TAG: usize = 16;

/// What something is sealed for; it does not open for another use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenType {
    /// Step 4 to step 5.
    Challenge,
    /// Step 5 to step 6.
    Session,
    /// A key of the ring, in the database.
    SealingKey,
}

impl TokenType {
    fn label(self) -> &'static [u8] {
        match self {
            Self::Challenge => b"claim v1 challenge token",
            Self::Session => b"claim v1 session token",
            Self::SealingKey => b"claim v1 sealing key",
        }
    }
}

/// Why a token does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Not a token of any Blackboard: wrong encoding, length or version.
    #[error("it does not have the form of a token")]
    Malformed,
    /// Sealed under a key that the ring does not hold (any more, or on this replica yet).
    #[error("it is sealed under the key {0}, which is not in the ring")]
    UnknownKey(KeyId),
    /// Changed, or sealed for another use or by another Blackboard.
    #[error("it does not open under its key")]
    Forged,
    /// Genuine, but its time is over.
    #[error("it was valid until {expires_at}; now it is {now}")]
    Expired {
        /// When it ceased to be valid.
        expires_at: Timestamp,
        /// The server's time.
        now: Timestamp,
    },
    /// No key of the ring may seal now; the server has to make one first.
    #[error("no key of the ring may seal at {now}")]
    NoSealingKey {
        /// The server's time.
        now: Timestamp,
    },
}

/// The parts of a sealed string.
pub(crate) struct Sealed<'a> {
    key_id: KeyId,
    random: Salt,
    ciphertext: &'a [u8],
}

impl<'a> Sealed<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, TokenError> {
        let (&version, rest) = bytes.split_first().ok_or(TokenError::Malformed)?;
        let (&key_id, rest) = rest.split_first_chunk().ok_or(TokenError::Malformed)?;
        let (&random, ciphertext) = rest.split_first_chunk().ok_or(TokenError::Malformed)?;
        if version != VERSION || ciphertext.len() < TAG {
            return Err(TokenError::Malformed);
        }
        Ok(Self { key_id: Bytes(key_id), random: Bytes(random), ciphertext })
    }

    pub(crate) fn key_id(&self) -> KeyId {
        self.key_id
    }

    pub(crate) fn open(
        &self,
        secret: &Secret<32>,
        token_type: TokenType,
        origin: &Origin,
    ) -> Result<Zeroizing<Vec<u8>>, TokenError> {
        let (key, nonce) = derive(secret, &self.random);
        let aad = Aad::from(aad(token_type, origin, &self.key_id));
        let mut content = Zeroizing::new(self.ciphertext.to_vec());
        let length =
            key.open_in_place(nonce, aad, &mut content).map_err(|_| TokenError::Forged)?.len();
        content.truncate(length);
        Ok(content)
    }
}

#[allow(
    clippy::expect_used,
    reason = "AES-GCM fails only beyond 2^36 bytes; contents here are below a kilobyte"
)]
pub(crate) fn seal(
    secret: &Secret<32>,
    token_type: TokenType,
    origin: &Origin,
    key_id: &KeyId,
    content: &[u8],
    random: Salt,
) -> Vec<u8> {
    let (key, nonce) = derive(secret, &random);
    let aad = Aad::from(aad(token_type, origin, key_id));
    let mut ciphertext = content.to_vec();
    key.seal_in_place_append_tag(nonce, aad, &mut ciphertext).expect("the content is short");
    let mut sealed = Vec::with_capacity(1 + 8 + size_of::<Salt>() + ciphertext.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&key_id.0);
    sealed.extend_from_slice(&random.0);
    sealed.append(&mut ciphertext);
    sealed
}

fn aad(token_type: TokenType, origin: &Origin, key_id: &KeyId) -> Vec<u8> {
    lp(&[token_type.label(), origin.as_str().as_bytes(), &key_id.0])
}

/// The AEAD key and nonce of one token: HKDF(salt = random, ikm = ring key, info = label).
#[allow(clippy::expect_used, reason = "AES-256 takes every key of 32 bytes")]
fn derive(secret: &Secret<32>, random: &Salt) -> (LessSafeKey, Nonce) {
    let mut prk = [0; 32];
    let salt = hmac::Key::new(hmac::HMAC_SHA256, &random.0);
    prk.copy_from_slice(hmac::sign(&salt, secret.expose()).as_ref());
    let mut key: [u8; 32] = hkdf_expand(&prk, b"claim v1 token key");
    let nonce = hkdf_expand(&prk, b"claim v1 token nonce");
    prk.zeroize();
    let unbound = UnboundKey::new(&AES_256_GCM, &key).expect("32 bytes");
    key.zeroize();
    (LessSafeKey::new(unbound), Nonce::assume_unique_for_key(nonce))
}
