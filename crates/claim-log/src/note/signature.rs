//! One line below a note.

use std::fmt;
use std::str::FromStr;

use super::{KeyId, KeyName};
use crate::text::{decode_base64, encode_base64};

/// A signature below a note: which key it names, and the octets that are said to be that key's.
///
/// As text it is the line without its newline: an em dash, the name, base64 of key id and octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    name: KeyName,
    id: KeyId,
    octets: Vec<u8>,
}

/// A line that should be a signature is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signature is a line of an em dash, a key's name and base64; this one is not: {reason}")]
pub struct SignatureLineError {
    reason: &'static str,
}

impl NoteSignature {
    pub(crate) const fn new(name: KeyName, id: KeyId, octets: Vec<u8>) -> Self {
        Self { name, id, octets }
    }

    /// The name of the key.
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// The id of the key.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// What follows the key id; its form is the key's affair.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

impl FromStr for NoteSignature {
    type Err = SignatureLineError;

    fn from_str(line: &str) -> Result<Self, SignatureLineError> {
        let refuse = |reason| SignatureLineError { reason };
        let line = line.strip_prefix("\u{2014} ").ok_or(refuse("it has no dash and space"))?;
        let (name, text) = line.split_once(' ').ok_or(refuse("it ends after the name"))?;
        let name = name.parse().map_err(|_| refuse("the name is not one"))?;
        let octets = decode_base64(text).ok_or(refuse("the base64 is not canonical"))?;
        match octets.split_first_chunk() {
            Some((id, octets)) if !octets.is_empty() => {
                Ok(Self { name, id: KeyId::from_bytes(*id), octets: octets.to_vec() })
            }
            _ => Err(refuse("there is no signature after the key's id")),
        }
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let octets = [self.id.as_bytes(), self.octets.as_slice()].concat();
        write!(f, "\u{2014} {} {}", self.name, encode_base64(&octets))
    }
}
