//! The names of witnesses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a witness: its certificate's common name, and the key name of its cosignatures.
///
/// It has 1 to 64 printable characters, none of them a space or a plus sign, which C2SP's signed notes forbid.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WitnessName(String);

/// Why a text is not the name of a witness.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a witness has 1 to {} characters, and neither spaces nor '+'; this is {text:?}",
    WitnessName::MAX_LENGTH
)]
pub struct WitnessNameError {
    /// The text.
    pub text: String,
}

impl WitnessName {
    /// The longest name, in characters: it must fit a common name.
    pub const MAX_LENGTH: usize = 64;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WitnessName {
    type Err = WitnessNameError;

    fn from_str(text: &str) -> Result<Self, WitnessNameError> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.chars().count());
        let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+');
        match fits && clean {
            true => Ok(Self(text.to_owned())),
            false => Err(WitnessNameError { text: text.to_owned() }),
        }
    }
}

impl TryFrom<String> for WitnessName {
    type Error = WitnessNameError;

    fn try_from(text: String) -> Result<Self, WitnessNameError> {
        text.parse()
    }
}

impl From<WitnessName> for String {
    fn from(name: WitnessName) -> Self {
        name.0
    }
}

impl fmt::Display for WitnessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for WitnessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WitnessName({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn names_are_those_of_signed_notes() {
        let long = "a".repeat(64);
        for name in ["localhost:9335/witness", "witness.example", "見證人", &long] {
            assert_eq!(name.parse::<WitnessName>().unwrap().as_str(), name);
        }
        let too_long = "a".repeat(65);
        for wrong in ["", " ", "a b", "a\u{a0}b", "a+b", "a\nb", "a\u{7}", &too_long] {
            assert!(wrong.parse::<WitnessName>().is_err(), "{wrong:?}");
        }
    }
}
