//! Serial numbers of certificates.

use std::fmt;
use std::str::FromStr;

/// The serial number of a certificate: a positive number of at most 20 octets (RFC 5280 §4.1.2.2).
///
/// Its text is lower-case hexadecimal, two digits an octet, as `openssl x509 -serial` prints it in capitals.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SerialNumber(Vec<u8>);

/// Why something is not a serial number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SerialError {
    /// Zero or negative.
    #[error("a serial number is greater than zero")]
    NotPositive,
    /// The number is too large.
    #[error("a serial number has at most {} octets; this has {found}", SerialNumber::MAX_OCTETS)]
    TooLong {
        /// How many octets there are.
        found: usize,
    },
    /// The integer is not in its shortest form, or the text is not hexadecimal with two digits an octet.
    #[error("a serial number is written in hexadecimal, two digits an octet, without spaces")]
    Form,
}

impl SerialNumber {
    /// The most octets that a serial number has, without the zero that keeps its DER positive.
    pub const MAX_OCTETS: usize = 20;

    /// A serial number of 128 random bits, which the caller draws.
    ///
    /// The one value that is no serial number, zero, becomes one.
    pub fn from_random(random: [u8; 16]) -> Self {
        match strip_zeros(&random) {
            [] => Self(vec![1]),
            octets => Self(octets.to_vec()),
        }
    }

    /// From the content octets of a DER INTEGER (two's complement, shortest form).
    ///
    /// # Errors
    /// [`SerialError`] when it is not positive, too long, or not in its shortest form.
    pub fn from_integer_octets(octets: &[u8]) -> Result<Self, SerialError> {
        match octets {
            [] => Err(SerialError::Form),
            [first, ..] if *first >= 0x80 => Err(SerialError::NotPositive),
            [0, second, ..] if *second < 0x80 => Err(SerialError::Form),
            _ => Self::from_unsigned(octets),
        }
    }

    /// The number in big-endian octets, without leading zeros.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// From big-endian octets; leading zeros are stripped.
    pub(crate) fn from_unsigned(octets: &[u8]) -> Result<Self, SerialError> {
        let octets = strip_zeros(octets);
        match octets.len() {
            0 => Err(SerialError::NotPositive),
            1..=Self::MAX_OCTETS => Ok(Self(octets.to_vec())),
            found => Err(SerialError::TooLong { found }),
        }
    }
}

/// Takes capital letters and leading zeros as well: that is how other tools print serial numbers.
impl FromStr for SerialNumber {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        // Bounds the work before anything is decoded; a few leading zeros do no harm.
        if text.len() > 4 * Self::MAX_OCTETS {
            return Err(SerialError::TooLong { found: text.len() / 2 });
        }
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(SerialError::Form);
        }
        let octets: Option<Vec<u8>> = pairs
            .iter()
            .map(|&[high, low]| {
                let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
                Some(digit(high)? << 4 | digit(low)?)
            })
            .collect();
        Self::from_unsigned(&octets.ok_or(SerialError::Form)?)
    }
}

impl fmt::Display for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for SerialNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SerialNumber({self})")
    }
}

fn strip_zeros(octets: &[u8]) -> &[u8] {
    let first = octets.iter().position(|&octet| octet != 0).unwrap_or(octets.len());
    octets.get(first..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn random_bits_always_make_a_positive_number() {
        let serial = SerialNumber::from_random([0xff; 16]);
        assert_eq!(serial.to_string(), "ff".repeat(16));
        let mut low = [0; 16];
        low[15] = 0x0a;
        assert_eq!(SerialNumber::from_random(low).to_string(), "0a");
        assert_eq!(SerialNumber::from_random([0; 16]).to_string(), "01");
    }

    #[test]
    fn text_and_back() {
        for text in ["01", "0a", "80", "deadbeef", &"f".repeat(40)] {
            assert_eq!(text.parse::<SerialNumber>().unwrap().to_string(), text);
        }
        assert_eq!("00DEADBEEF".parse::<SerialNumber>().unwrap().to_string(), "deadbeef");
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, error) in [
            ("", SerialError::NotPositive),
            ("0000", SerialError::NotPositive),
            ("1", SerialError::Form),
            ("0x", SerialError::Form),
            ("+1", SerialError::Form),
            ("dé", SerialError::Form),
            (&"f".repeat(42), SerialError::TooLong { found: 21 }),
            (&"0".repeat(82), SerialError::TooLong { found: 41 }),
        ] {
            assert_eq!(text.parse::<SerialNumber>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn integers_must_be_positive_and_in_their_shortest_form() {
        let from = SerialNumber::from_integer_octets;
        assert_eq!(from(&[0x00, 0x80]).unwrap().to_string(), "80");
        assert_eq!(from(&[0x7f]).unwrap().to_string(), "7f");
        assert_eq!(from(&[0x80]), Err(SerialError::NotPositive));
        assert_eq!(from(&[0x00]), Err(SerialError::NotPositive));
        assert_eq!(from(&[0x00, 0x7f]), Err(SerialError::Form));
        assert_eq!(from(&[]), Err(SerialError::Form));
        assert_eq!(from(&[1; 21]), Err(SerialError::TooLong { found: 21 }));
    }
}
