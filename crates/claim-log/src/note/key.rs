//! Keys that verify notes.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

use super::{KeyName, NoteSignature, PosixTime, VerifiedSignature};
use crate::hash::sha256;
use crate::text::{decode_base64, encode_base64};

/// The first four octets of the hash of name, kind and public key. It tells keys apart and is no proof of anything.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

/// What a key signs, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// Ed25519 over the text of the note (signature type 0x01): how a log signs.
    Ed25519,
    /// Ed25519 over a time and the text of the note (type 0x04, `cosignature/v1`): how a witness signs.
    Cosignature,
}

/// A public key with its name, as a relying party knows it.
///
/// As text it is the *vkey*: name, key id in hexadecimal, base64 of kind and public key, with plus signs between.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct VerifierKey {
    name: KeyName,
    kind: KeyKind,
    public: [u8; VerifierKey::PUBLIC_OCTETS],
}

/// Why a text is not a verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It has not the three parts, or one of them is not in its form.
    #[error(
        "a verifier key is a name, an id of eight hexadecimal digits and base64, with + between"
    )]
    Malformed,
    /// The id is not that of name and key: one of them was changed.
    #[error("the verifier key says its id is {found}, but name and key give {expected}")]
    Id {
        /// The id that name and key have.
        expected: KeyId,
        /// The id in the text.
        found: KeyId,
    },
    /// The key is of a kind that is not used here.
    #[error(
        "the verifier key is of type 0x{number:02x}; known are 0x01 (Ed25519) and 0x04 (cosignature)"
    )]
    Kind {
        /// The signature type identifier.
        number: u8,
    },
    /// The key is of the other kind: a log's where a witness's must stand, or the reverse.
    #[error("the verifier key must be that of {}", .expected.whose())]
    OtherKind {
        /// The kind that is needed.
        expected: KeyKind,
    },
}

/// The signature was not made by that key over that text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not genuine")]
pub struct BadSignature;

impl KeyId {
    /// The id with these octets.
    pub const fn from_bytes(octets: [u8; 4]) -> Self {
        Self(octets)
    }

    /// The octets.
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl KeyKind {
    /// The signature type identifier of signed-note, "Signature types".
    const fn number(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    const fn whose(self) -> &'static str {
        match self {
            Self::Ed25519 => "a log (type 0x01)",
            Self::Cosignature => "a witness (type 0x04)",
        }
    }
}

impl VerifierKey {
    /// The length of a public key (RFC 8032 §5.1.5).
    pub const PUBLIC_OCTETS: usize = 32;

    /// The key of this name and kind.
    pub const fn new(name: KeyName, kind: KeyKind, public: [u8; Self::PUBLIC_OCTETS]) -> Self {
        Self { name, kind, public }
    }

    /// The name.
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The kind.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public key (RFC 8032 §5.1.5).
    pub const fn public(&self) -> &[u8; Self::PUBLIC_OCTETS] {
        &self.public
    }

    /// The id: SHA-256(name ‖ 0x0A ‖ kind ‖ public key), the first four octets.
    pub fn id(&self) -> KeyId {
        let name = self.name.as_str().as_bytes();
        let hash = sha256(&[name, b"\n", &[self.kind.number()], &self.public]);
        let [a, b, c, d, ..] = *hash.as_bytes();
        KeyId([a, b, c, d])
    }

    /// Whether a signature says that it is by this key.
    pub(super) fn made(&self, signature: &NoteSignature) -> bool {
        self.name == *signature.name() && self.id() == signature.id()
    }

    /// Verifies a signature over the text of a note.
    pub(super) fn verify(
        &self,
        text: &str,
        signature: &NoteSignature,
    ) -> Result<VerifiedSignature, BadSignature> {
        let (time, octets) = match self.kind {
            KeyKind::Ed25519 => (None, signature.octets()),
            KeyKind::Cosignature => {
                // `timestamped_signature` of tlog-cosignature: the time in 64 bits, then the signature.
                let (time, octets) = signature.octets().split_first_chunk().ok_or(BadSignature)?;
                let time = u64::from_be_bytes(*time).try_into().map_err(|_| BadSignature)?;
                (Some(time), octets)
            }
        };
        UnparsedPublicKey::new(&ED25519, self.public)
            .verify(&signed_message(text, time), octets)
            .map_err(|_| BadSignature)?;
        Ok(VerifiedSignature { key: self.clone(), time })
    }
}

/// What the Ed25519 signature is over: the text itself, or for a cosignature header, time and text.
pub(super) fn signed_message(text: &str, time: Option<PosixTime>) -> Vec<u8> {
    match time {
        Some(time) => format!("cosignature/v1\ntime {time}\n{text}").into_bytes(),
        None => text.as_bytes().to_vec(),
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Malformed)?;
        // The base64 may have plus signs of its own.
        let (id, key) = rest.split_once('+').ok_or(KeyError::Malformed)?;
        let name = name.parse().map_err(|_| KeyError::Malformed)?;
        let found = parse_id(id).ok_or(KeyError::Malformed)?;
        let key = decode_base64(key).ok_or(KeyError::Malformed)?;
        let (kind, public) = key.split_first().ok_or(KeyError::Malformed)?;
        let kind = match *kind {
            0x01 => KeyKind::Ed25519,
            0x04 => KeyKind::Cosignature,
            number => return Err(KeyError::Kind { number }),
        };
        let public = public.try_into().map_err(|_| KeyError::Malformed)?;
        let key = Self { name, kind, public };
        let expected = key.id();
        if found == expected { Ok(key) } else { Err(KeyError::Id { expected, found }) }
    }
}

/// Eight lower-case hexadecimal digits.
fn parse_id(text: &str) -> Option<KeyId> {
    let digit = |octet: u8| matches!(octet, b'0'..=b'9' | b'a'..=b'f');
    let canonical = text.len() == 8 && text.bytes().all(digit);
    let number = canonical.then(|| u32::from_str_radix(text, 16).ok())??;
    Some(KeyId(number.to_be_bytes()))
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [[self.kind.number()].as_slice(), &self.public].concat();
        write!(f, "{}+{}+{}", self.name, self.id(), encode_base64(&key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}
