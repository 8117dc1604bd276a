//! `genTime`: GeneralizedTime with milliseconds, which `der` has not (RFC 3161 §2.4.2, X.690 §11.7).

use der::Tag;

use crate::Timestamp;
use crate::asn1::tlv;

/// `20261124155959.999Z`; zeros at the end of the fraction are left out, and so is the point before nothing.
pub(super) fn encode(time: Timestamp) -> der::Result<Vec<u8>> {
    // 2026-11-24T15:59:59.999Z
    let text = time.to_string();
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    let shortest = digits.trim_end_matches('0').trim_end_matches('.');
    // What was cut off in front of the point belongs to the seconds.
    let whole = digits.find('.').unwrap_or(digits.len());
    let shortest = if shortest.len() < whole { digits.get(..whole) } else { Some(shortest) };
    tlv(Tag::GeneralizedTime, format!("{}Z", shortest.unwrap_or_default()).as_bytes())
}

/// Reads the content of a GeneralizedTime in that form; `None` for any other.
pub(super) fn decode(content: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    if seconds.len() != 14 || fraction.len() > 3 || !digits(seconds) || !digits(fraction) {
        return None;
    }
    let part = |from: usize, to: usize| seconds.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    let time: Timestamp =
        format!("{year}-{month}-{day}T{hour}:{minute}:{second}.{fraction:0<3}Z").parse().ok()?;
    // One text per time: no zero at the end of the fraction, no point without one.
    let shortest = encode(time).ok()?;
    (shortest.get(2..) == Some(content)).then_some(time)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn text_and_back() {
        for (time, text) in [
            ("2026-11-24T15:59:59.999Z", "20261124155959.999Z"),
            ("2026-11-24T15:59:59.990Z", "20261124155959.99Z"),
            ("2026-11-24T15:59:59.900Z", "20261124155959.9Z"),
            ("2026-11-24T15:59:59.009Z", "20261124155959.009Z"),
            ("2026-11-24T15:59:59.000Z", "20261124155959Z"),
            ("2030-10-20T20:00:00.000Z", "20301020200000Z"),
            ("2030-10-20T20:00:00.100Z", "20301020200000.1Z"),
            ("1970-01-01T00:00:00.000Z", "19700101000000Z"),
            ("2049-12-31T23:59:59.999Z", "20491231235959.999Z"),
            ("2050-01-01T00:00:00.000Z", "20500101000000Z"),
            ("9999-12-30T21:59:59.000Z", "99991230215959Z"),
        ] {
            let time: Timestamp = time.parse().unwrap();
            let der = encode(time).unwrap();
            assert_eq!(&der[2..], text.as_bytes(), "{time}");
            assert_eq!(der[..2], [0x18, u8::try_from(text.len()).unwrap()]);
            assert_eq!(decode(text.as_bytes()), Some(time), "{text}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "Z",
            "20261124155959",
            "20261124155959.Z",
            "20261124155959.0Z",
            "20261124155959.10Z",
            "20261124155959.9999Z",
            "20261124155959.+1Z",
            "20261124155959,9Z",
            "20261124155959.9.9Z",
            "20261124155959+0000",
            "202611241559Z",
            "20261124155960Z",
            "20260230155959Z",
            "19691231235959Z",
            "2026112415595ⅨZ",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(decode(&[0xff; 15]), None);
    }
}
