//! The few encodings that all text formats of the log share, each with exactly one spelling.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::Hash;

/// A decimal number without sign or leading zeroes, at most 2^64 - 1.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || !text.starts_with('0');
    // `u64::from_str` takes a plus sign, which these formats do not have.
    (canonical && text.bytes().all(|octet| octet.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Base64 of RFC 4648 §4, with padding and without stray bits: one text for one value.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Base64 of RFC 4648 §4.
pub(crate) fn encode_base64(octets: &[u8]) -> String {
    STANDARD.encode(octets)
}

/// A hash on a line of its own, as base64.
pub(crate) fn decode_hash(text: &str) -> Option<Hash> {
    decode_base64(text)?.try_into().ok().map(Hash::from_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_for_a_number() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("10"), Some(10));
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        for other in ["", "00", "01", "+1", "-1", " 1", "1 ", "1_0", "0x1", "18446744073709551616"]
        {
            assert_eq!(decimal(other), None, "{other}");
        }
        assert_eq!(decimal(&"9".repeat(100_000)), None);
        assert_eq!(decimal("١"), None, "digits of other scripts");
    }

    #[test]
    fn one_spelling_for_octets() {
        assert_eq!(decode_base64("AQ=="), Some(vec![1]));
        for other in ["AQ", "AQ=", "AR==", "AQ==\n", " AQ==", "A-__"] {
            assert_eq!(decode_base64(other), None, "{other}");
        }
    }
}
