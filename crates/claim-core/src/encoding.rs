//! How bytes stand in texts and in what is hashed: base64, base64url, hex, `lp`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A text is not the canonical encoding of bytes of the expected length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// Not base64url without padding (RFC 4648 §5), or not its canonical form.
    #[error("not canonical base64url without padding")]
    Base64Url,
    /// Not padded base64 (RFC 4648 §4), or not its canonical form.
    #[error("not canonical base64 with padding")]
    Base64,
    /// Not lower-case hexadecimal.
    #[error("not lower-case hexadecimal")]
    Hex,
    /// Well encoded, but of another length.
    #[error("{found} bytes where {expected} are expected")]
    Length {
        /// The length that the protocol lays down, in bytes.
        expected: usize,
        /// The length found, in bytes.
        found: usize,
    },
    /// The elements of an `lp` string do not come apart.
    #[error("not a sequence of length-prefixed elements")]
    LengthPrefixed,
}

/// Base64url without padding (RFC 4648 §5): the protocol's `b64u`.
pub fn b64u(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Bytes of any length from their one canonical `b64u` text.
///
/// # Errors
/// [`EncodingError::Base64Url`].
pub fn from_b64u(text: &str) -> Result<Vec<u8>, EncodingError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| EncodingError::Base64Url)
}

/// Padded base64 (RFC 4648 §4), as JSON members that hold DER use it.
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Bytes of any length from their one canonical padded base64 text.
///
/// # Errors
/// [`EncodingError::Base64`].
pub fn from_base64(text: &str) -> Result<Vec<u8>, EncodingError> {
    STANDARD.decode(text).map_err(|_| EncodingError::Base64)
}

/// Concatenates the elements, each after its length as 8 bytes, big-endian: the protocol's `lp`.
///
/// No two different sequences of elements give the same bytes.
pub fn lp(elements: &[&[u8]]) -> Vec<u8> {
    let length = elements.iter().map(|element| 8 + element.len()).sum();
    let mut joined = Vec::with_capacity(length);
    for element in elements {
        joined.extend_from_slice(&(element.len() as u64).to_be_bytes());
        joined.extend_from_slice(element);
    }
    joined
}

/// Takes an `lp` string of exactly `N` elements apart.
///
/// # Errors
/// [`EncodingError::LengthPrefixed`] when a length runs over the end, or elements are missing or left over.
pub fn split_lp<const N: usize>(mut joined: &[u8]) -> Result<[&[u8]; N], EncodingError> {
    let mut elements = [&[][..]; N];
    for element in &mut elements {
        let (length, rest) = joined.split_first_chunk().ok_or(EncodingError::LengthPrefixed)?;
        let length = usize::try_from(u64::from_be_bytes(*length))
            .map_err(|_| EncodingError::LengthPrefixed)?;
        (*element, joined) = rest.split_at_checked(length).ok_or(EncodingError::LengthPrefixed)?;
    }
    if joined.is_empty() { Ok(elements) } else { Err(EncodingError::LengthPrefixed) }
}

/// Takes a slice as an array of the length that the protocol lays down.
///
/// # Errors
/// [`EncodingError::Length`].
pub fn exactly<const N: usize>(bytes: &[u8]) -> Result<[u8; N], EncodingError> {
    bytes.try_into().map_err(|_| EncodingError::Length { expected: N, found: bytes.len() })
}

/// `N` bytes that stand in JSON and headers as `b64u`: nonces, confirmations.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bytes<const N: usize>(pub [u8; N]);

/// A nonce of steps 3 and 4: 32 fresh random bytes.
pub type Nonce = Bytes<32>;

/// The nonce of a signed request: 16 fresh random bytes, 22 characters.
pub type RequestNonce = Bytes<16>;

impl<const N: usize> Bytes<N> {
    /// Draws fresh random bytes.
    pub fn random(rng: &mut dyn rand_core::CryptoRng) -> Self {
        let mut bytes = [0; N];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

impl<const N: usize> FromStr for Bytes<N> {
    type Err = EncodingError;

    fn from_str(text: &str) -> Result<Self, EncodingError> {
        exactly(&from_b64u(text)?).map(Self)
    }
}

impl<const N: usize> TryFrom<String> for Bytes<N> {
    type Error = EncodingError;

    fn try_from(text: String) -> Result<Self, EncodingError> {
        text.parse()
    }
}

impl<const N: usize> From<Bytes<N>> for String {
    fn from(bytes: Bytes<N>) -> Self {
        b64u(&bytes.0)
    }
}

impl<const N: usize> fmt::Display for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&b64u(&self.0))
    }
}

impl<const N: usize> fmt::Debug for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bytes({self})")
    }
}

impl<const N: usize> JsonSchema for Bytes<N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Bytes{N}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let characters = (N * 4).div_ceil(3);
        json_schema!({
            "type": "string",
            "description": format!("{N} bytes in base64url without padding."),
            "pattern": format!("^[A-Za-z0-9_-]{{{characters}}}$"),
        })
    }
}

/// What the schema of bytes in padded base64 is.
#[derive(JsonSchema)]
#[schemars(with = "String", inline)]
#[schemars(extend("contentEncoding" = "base64", "pattern" =
    "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"))]
pub(crate) struct Base64;

/// What the schema of bytes in base64url without padding is.
#[derive(JsonSchema)]
#[schemars(with = "String", inline)]
#[schemars(extend("pattern" = "^[A-Za-z0-9_-]*$"))]
pub(crate) struct Base64Url;

/// Bytes as a JSON text of padded base64.
pub(crate) mod base64_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use super::{base64, from_base64};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        from_base64(&String::deserialize(d)?).map_err(D::Error::custom)
    }
}

/// The same for a member that may be left out.
pub(crate) mod optional_base64_bytes {
    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => super::base64_bytes::serialize(bytes, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        super::base64_bytes::deserialize(d).map(Some)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lp_puts_eight_bytes_of_length_before_each_element() {
        assert_eq!(lp(&[b"ab", b""]), b"\0\0\0\0\0\0\0\x02ab\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn one_text_per_value() {
        assert_eq!("AAAAAAAAAAAAAAAAAAAAAA".parse::<RequestNonce>().unwrap(), Bytes([0; 16]));
        // Trailing bits set, padding, the other alphabet, white space: none is the canonical text.
        for wrong in [
            "AAAAAAAAAAAAAAAAAAAAAB",
            "AAAAAAAAAAAAAAAAAAAAAA==",
            "+AAAAAAAAAAAAAAAAAAAAA",
            "AAAA AAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(wrong.parse::<RequestNonce>(), Err(EncodingError::Base64Url), "{wrong}");
        }
        assert_eq!(
            "AAAA".parse::<RequestNonce>(),
            Err(EncodingError::Length { expected: 16, found: 3 })
        );
    }

    #[test]
    fn split_refuses_what_lp_did_not_make() {
        let joined = lp(&[b"one", b"two"]);
        assert_eq!(split_lp::<2>(&joined).unwrap(), [b"one", b"two"]);
        assert!(split_lp::<1>(&joined).is_err() && split_lp::<3>(&joined).is_err());
        assert!(split_lp::<2>(&joined[..joined.len() - 1]).is_err());
        assert!(split_lp::<1>(&[0xff; 8]).is_err());
    }

    proptest! {
        #[test]
        fn lp_comes_apart_again(a: Vec<u8>, b: Vec<u8>, c: Vec<u8>) {
            let joined = lp(&[&a, &b, &c]);
            prop_assert_eq!(split_lp::<3>(&joined).unwrap(), [&a[..], &b, &c]);
        }

        #[test]
        fn split_never_panics(bytes: Vec<u8>) {
            let _ = split_lp::<4>(&bytes);
        }

        #[test]
        fn base64_is_canonical(text: String) {
            if let Ok(bytes) = from_b64u(&text) { prop_assert_eq!(b64u(&bytes), text.clone()); }
            if let Ok(bytes) = from_base64(&text) { prop_assert_eq!(base64(&bytes), text); }
        }
    }
}
