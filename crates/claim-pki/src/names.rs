//! The ids that certificates certify: students, staff.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A student's ID: exactly ten ASCII digits, kept as text because leading zeros count.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[0-9]{10}$"))]
pub struct Sid(String);

impl Sid {
    /// The number of digits of every SID.
    pub const LENGTH: usize = 10;

    /// The ten digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A member of staff's id: a lower-case letter, then up to 63 of `a-z 0-9 . _ -`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[a-z][a-z0-9._-]{0,63}$"))]
pub struct StaffId(String);

impl StaffId {
    /// The longest id, in characters: it must fit a common name.
    pub const MAX_LENGTH: usize = 64;

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whoever a person-profile certificate may name: a student or a member of staff.
///
/// The two forms cannot be confused: one starts with a digit, the other with a letter.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^([0-9]{10}|[a-z][a-z0-9._-]{0,63})$"))]
pub enum PersonId {
    /// A student, by SID.
    Student(Sid),
    /// A member of staff.
    Staff(StaffId),
}

impl PersonId {
    /// The id as it stands in the certificate's `UID`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Student(sid) => sid.as_str(),
            Self::Staff(id) => id.as_str(),
        }
    }

    /// The word that a terminal puts before the id: `SID` for students, `ID` for staff.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Student(_) => "SID",
            Self::Staff(_) => "ID",
        }
    }
}

/// Why a text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// A SID has another number of characters.
    #[error("a student ID has exactly 10 digits; this has {found} characters")]
    SidLength {
        /// How many characters there were.
        found: usize,
    },
    /// A SID has a character that is not an ASCII digit.
    #[error("a student ID has only the digits 0 to 9; character {position} is {found:?}")]
    SidDigit {
        /// The character that is not a digit.
        found: char,
        /// Where it stands, counted from one.
        position: usize,
    },
    /// Neither ten digits nor a staff id.
    #[error(
        "an id is ten digits (student) or a lower-case letter and up to 63 of a-z, 0-9, '.', '_', '-' (staff)"
    )]
    PersonForm,
}

impl FromStr for Sid {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Some((index, found)) = text.chars().enumerate().find(|(_, c)| !c.is_ascii_digit()) {
            return Err(NameError::SidDigit { found, position: index + 1 });
        }
        if text.len() != Self::LENGTH {
            return Err(NameError::SidLength { found: text.len() });
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for StaffId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let follows = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        match text.as_bytes() {
            [first, rest @ ..]
                if first.is_ascii_lowercase()
                    && text.len() <= Self::MAX_LENGTH
                    && rest.iter().all(|&b| follows(b)) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(NameError::PersonForm),
        }
    }
}

impl FromStr for PersonId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.bytes().next() {
            Some(first) if first.is_ascii_digit() => text.parse().map(Self::Student),
            _ => text.parse().map(Self::Staff),
        }
    }
}

impl From<Sid> for PersonId {
    fn from(sid: Sid) -> Self {
        Self::Student(sid)
    }
}

/// Text in and out, with the same rules everywhere: serde, `Display`, `Debug`.
macro_rules! textual {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.as_str().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    )+};
}
textual!(Sid, StaffId, PersonId);

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sid({})", self.0)
    }
}

impl fmt::Debug for StaffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaffId({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn a_sid_is_ten_ascii_digits() {
        assert_eq!("0055123456".parse::<Sid>().unwrap().as_str(), "0055123456");
        for wrong in [
            "",
            "115512345",
            "11551234567",
            "115512345a",
            "１１５５１２３４５６",
            " 1155123456",
            "1155123456\n",
            "-155123456",
        ] {
            assert!(wrong.parse::<Sid>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_error_names_the_first_wrong_character() {
        assert_eq!(
            "11551x3456".parse::<Sid>().unwrap_err(),
            NameError::SidDigit { found: 'x', position: 6 }
        );
        assert_eq!("123".parse::<Sid>().unwrap_err(), NameError::SidLength { found: 3 });
    }

    #[test]
    fn staff_ids_never_look_like_sids() {
        assert!(matches!("chan.tm".parse::<PersonId>().unwrap(), PersonId::Staff(_)));
        assert!(matches!("1155123456".parse::<PersonId>().unwrap(), PersonId::Student(_)));
        for wrong in ["", "Chan", "1chan", "chan tm", "chän", ".chan", &"a".repeat(65)] {
            assert!(wrong.parse::<PersonId>().is_err(), "{wrong:?}");
        }
        assert!("a".repeat(64).parse::<StaffId>().is_ok());
    }
}
