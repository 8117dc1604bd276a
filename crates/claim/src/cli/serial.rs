//! Serial numbers as other tools print them: hexadecimal with or without colons, or decimal.

use std::str::FromStr;

use claim_pki::SerialNumber;

/// What somebody has typed for a serial number: up to two numbers, where it could be read both ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnySerial(Vec<String>);

/// A text is no serial number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a serial number is hexadecimal, with or without colons, or decimal")]
pub(crate) struct AnySerialError;

/// The most decimal digits that are read: those of 20 octets.
const MOST_DIGITS: usize = 49;

impl AnySerial {
    /// The numbers that it may be, as CUHK writes them.
    pub(crate) fn candidates(&self) -> &[String] {
        &self.0
    }
}

impl FromStr for AnySerial {
    type Err = AnySerialError;

    fn from_str(text: &str) -> Result<Self, AnySerialError> {
        let plain: String = text.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
        let (digits, is_hex) = match plain.strip_prefix("0x").or(plain.strip_prefix("0X")) {
            Some(rest) => (rest, true),
            None => (plain.as_str(), text.contains(':')),
        };
        let even = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
        let hex = even.parse::<SerialNumber>().ok();
        let decimal = (!is_hex).then(|| decimal(digits)).flatten();
        let mut read: Vec<String> =
            [hex, decimal].into_iter().flatten().map(|serial| serial.to_string()).collect();
        read.dedup();
        if read.is_empty() { Err(AnySerialError) } else { Ok(Self(read)) }
    }
}

fn decimal(digits: &str) -> Option<SerialNumber> {
    if digits.len() > MOST_DIGITS {
        return None;
    }
    // Octets, the last one first.
    let mut octets: Vec<u8> = Vec::new();
    for digit in digits.chars() {
        let mut carry = digit.to_digit(10)?;
        for octet in &mut octets {
            let value = u32::from(*octet) * 10 + carry;
            [*octet, ..] = value.to_le_bytes();
            carry = value >> 8;
        }
        if carry > 0 {
            octets.push(u8::try_from(carry).ok()?);
        }
    }
    let hex: String = octets.iter().rev().map(|octet| format!("{octet:02x}")).collect();
    hex.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn every_spelling_is_the_same_number() {
        let serial = "5f0c8e21a3b4c5d6e7f8091a2b3c4d5e";
        let colons = "5F:0C:8E:21:A3:B4:C5:D6:E7:F8:09:1A:2B:3C:4D:5E";
        // python3 -c 'print(0x5f0c8e21a3b4c5d6e7f8091a2b3c4d5e)'
        let decimal = "126341849929227104884252734351738686814";
        for text in [serial, colons, &format!("0x{serial}"), &serial.to_uppercase(), decimal] {
            let read: AnySerial = text.parse().unwrap();
            assert!(read.candidates().contains(&serial.to_owned()), "{text}: {read:?}");
        }
        assert_eq!("1f".parse::<AnySerial>().unwrap().candidates(), ["1f"]);
        assert_eq!("16".parse::<AnySerial>().unwrap().candidates(), ["16", "10"]);
        assert_eq!("0:f".parse::<AnySerial>().unwrap().candidates(), ["0f"]);
        for text in ["", "x", ":", "0", &"9".repeat(50)] {
            assert_eq!(text.parse::<AnySerial>(), Err(AnySerialError), "{text}");
        }
    }
}
