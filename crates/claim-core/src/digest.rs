//! SHA-256, the one hash of the protocol.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256, digest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::encoding::EncodingError;

/// A SHA-256 digest: the protocol's `H`. As text, 64 digits of lower-case hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[0-9a-f]{64}$"))]
pub struct Digest([u8; 32]);

/// Hashes bytes as they come.
#[derive(Clone)]
pub struct Hasher(Context);

impl Digest {
    /// Hashes the bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_output(&digest(&SHA256, bytes))
    }

    /// Takes 32 bytes that are a digest already.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn from_output(output: &aws_lc_rs::digest::Digest) -> Self {
        let mut value = [0; 32];
        value.copy_from_slice(output.as_ref());
        Self(value)
    }
}

impl Hasher {
    /// Has seen no byte yet.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes seen.
    pub fn finish(self) -> Digest {
        Digest::from_output(&self.0.finish())
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

/// The one canonical text only.
impl FromStr for Digest {
    type Err = EncodingError;

    fn from_str(text: &str) -> Result<Self, EncodingError> {
        let digit = |b: u8| match b {
            b'0'..=b'9' => Ok(b - b'0'),
            b'a'..=b'f' => Ok(b - b'a' + 10),
            _ => Err(EncodingError::Hex),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(EncodingError::Length { expected: 32, found: text.len() / 2 });
        }
        let mut value = [0; 32];
        for (byte, [high, low]) in value.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(value))
    }
}

impl TryFrom<String> for Digest {
    type Error = EncodingError;

    fn try_from(text: String) -> Result<Self, EncodingError> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

/// Lower-case hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn the_example_of_fips_180() {
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        let mut hasher = Hasher::new();
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.finish().to_string(), ABC);
    }

    #[test]
    fn one_text_per_digest() {
        assert_eq!(ABC.parse::<Digest>().unwrap(), Digest::of(b"abc"));
        for wrong in
            ["", "ab", &ABC[1..], &ABC.to_uppercase(), &format!("{ABC}0"), &format!("{ABC}00")]
        {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong:?}");
        }
        assert_eq!("é".repeat(32).parse::<Digest>(), Err(EncodingError::Hex));
    }
}
