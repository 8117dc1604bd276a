//! The short code that a person types (RFC 8628 §6.1).

use std::fmt;

use claim_http::system_rng;

/// Consonants alone: none looks like another or like a digit, and no word comes about.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";

/// How many letters it has: 34 bits, which only tell apart those that wait at the same time.
const LENGTH: usize = 8;

/// Eight letters, shown in two groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShortCode(String);

impl ShortCode {
    pub(crate) fn random() -> Self {
        let mut letters = String::with_capacity(LENGTH);
        while letters.len() < LENGTH {
            let [byte] = claim_core::encoding::Bytes::<1>::random(&mut system_rng()).0;
            // The last whole multiple of twenty: each letter is as likely as another.
            if byte < 240 {
                letters.push(char::from(LETTERS[usize::from(byte % 20)]));
            }
        }
        Self(letters)
    }

    /// Reads what was typed: capitals, spaces and hyphens do not matter.
    pub(crate) fn typed(text: &str) -> Option<Self> {
        /// Longer than anybody types.
        const MAX_TYPED: usize = 64;
        if text.len() > MAX_TYPED {
            return None;
        }
        let letters = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let letters: String = letters.map(|c| c.to_ascii_uppercase()).collect();
        let known = letters.bytes().all(|byte| LETTERS.contains(&byte));
        (known && letters.len() == LENGTH).then_some(Self(letters))
    }

    /// Without the hyphen, as it is on record.
    pub(crate) fn letters(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShortCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_at_checked(LENGTH / 2) {
            Some((first, second)) => write!(f, "{first}-{second}"),
            None => f.write_str(&self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = ShortCode::random();
        let shown = code.to_string();
        assert_eq!((shown.len(), shown.as_bytes()[4]), (9, b'-'));
        for typed in [
            shown.clone(),
            shown.to_lowercase(),
            code.letters().to_owned(),
            format!(" {} ", shown.replace('-', " - ")),
        ] {
            assert_eq!(ShortCode::typed(&typed), Some(code.clone()), "{typed}");
        }
        for wrong in
            ["", "BCDF-GHJ", "BCDF-GHJKL", "BCDF-GHJA", "BCDF-GHJ1", "BCDF_GHJK", "ＢCDFGHJK"]
        {
            assert_eq!(ShortCode::typed(wrong), None, "{wrong}");
        }
        assert_ne!(ShortCode::random(), code);
    }
}
