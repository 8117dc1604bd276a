//! What a roster tells of a person, each kind of text with its rules.

use std::fmt;
use std::str::FromStr;

use claim_core::{Escaped, PersonId};
use lettre::Address;

/// The longest name, in characters; a certificate shows the first 64.
pub const MAX_NAME_LENGTH: usize = 200;

/// The longest role, in characters.
pub const MAX_ROLE_LENGTH: usize = 64;

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets of a path).
const MAX_ADDRESS_LENGTH: usize = 254;

/// A person's name as it goes on record: one line, not empty, at most [`MAX_NAME_LENGTH`] characters, nothing hidden, and
/// nothing that a spreadsheet would compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName(String);

/// An address to which an invitation can be mailed: the plain form, without quotes, comments and address literals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress(Address);

/// What a person is, in a word or two of those who run CUHK; it grants nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role(String);

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PersonNameError {
    /// Nothing but white space.
    #[error("the name is empty")]
    Empty,
    /// Longer than any name should be.
    #[error("the name has {found} characters; at most {MAX_NAME_LENGTH} will do")]
    TooLong {
        /// How many characters it has.
        found: usize,
    },
    /// A line break or another control character.
    #[error("the name has a line break or another control character; is a quotation mark missing?")]
    Control,
    /// A character that cannot be seen, or that turns the direction of reading.
    #[error("the name has a hidden character: {escaped}")]
    Hidden {
        /// The name, with what is hidden in escaped form.
        escaped: String,
    },
    /// A spreadsheet that opens what CUHK writes would compute it.
    #[error("the name begins with {first:?}, as a formula does")]
    Formula {
        /// Its first character.
        first: char,
    },
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EmailError {
    /// Not the form of an address.
    #[error("{escaped} is not an e-mail address")]
    Form {
        /// What stands there, in escaped form.
        escaped: String,
    },
    /// Longer than mail servers take.
    #[error("the e-mail address has {found} bytes; mail servers take {MAX_ADDRESS_LENGTH}")]
    TooLong {
        /// How many bytes it has.
        found: usize,
    },
}

/// Why a text is not a role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoleError {
    /// Not a word.
    #[error(
        "{escaped} is no role: a letter, then up to {} letters, digits, spaces, '.', '_', '-'",
        MAX_ROLE_LENGTH - 1
    )]
    Form {
        /// What stands there, in escaped form.
        escaped: String,
    },
}

impl PersonName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = PersonNameError;

    /// White space around it is ignored.
    fn from_str(text: &str) -> Result<Self, PersonNameError> {
        let text = text.trim();
        let found = text.chars().count();
        if found > MAX_NAME_LENGTH {
            return Err(PersonNameError::TooLong { found });
        }
        if text.chars().any(char::is_control) {
            return Err(PersonNameError::Control);
        }
        if hides_something(text) {
            return Err(PersonNameError::Hidden { escaped: Escaped(text).to_string() });
        }
        match text.chars().next() {
            None => Err(PersonNameError::Empty),
            // What OWASP calls CSV injection: the name comes back in the file for the mail merge.
            Some(first @ ('=' | '+' | '-' | '@')) => Err(PersonNameError::Formula { first }),
            Some(_) => Ok(Self(text.to_owned())),
        }
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl EmailAddress {
    /// The address as it stood in the roster.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// The address as the mail library has it.
    pub(crate) fn address(&self) -> &Address {
        &self.0
    }
}

impl FromStr for EmailAddress {
    type Err = EmailError;

    /// White space around it is ignored.
    fn from_str(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.len() > MAX_ADDRESS_LENGTH {
            return Err(EmailError::TooLong { found: text.len() });
        }
        let form = || EmailError::Form { escaped: format!("\"{}\"", Escaped(text)) };
        // Quotes, comments and literals are in the grammar of RFC 5322, and in no roster but by mistake or malice.
        let odd = |c: char| c.is_control() || c.is_whitespace() || "\"<>()[],;:\\".contains(c);
        let begins_well = text.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if !begins_well || text.contains(odd) || hides_something(text) {
            return Err(form());
        }
        text.parse().map(Self).map_err(|_| form())
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Role {
    /// The role as it stood in the roster.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text is the same role, in upper or lower case.
    pub fn is(&self, text: &str) -> bool {
        self.0.to_lowercase() == text.trim().to_lowercase()
    }

    /// Whether it says of this person what the id does not: the ids of students are ten digits, those of staff are not.
    pub(super) fn contradicts(&self, id: &PersonId) -> bool {
        match id {
            PersonId::Student(_) => self.0.eq_ignore_ascii_case("staff"),
            PersonId::Staff(_) => self.0.eq_ignore_ascii_case("student"),
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;

    /// White space around it is ignored.
    fn from_str(text: &str) -> Result<Self, RoleError> {
        let text = text.trim();
        let fits = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-');
        if text.starts_with(char::is_alphabetic)
            && text.chars().count() <= MAX_ROLE_LENGTH
            && text.chars().all(fits)
        {
            return Ok(Self(text.to_owned()));
        }
        Err(RoleError::Form { escaped: format!("\"{}\"", Escaped(text)) })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a terminal must not be shown it as it is: all that [`Escaped`] changes but backslashes.
fn hides_something(text: &str) -> bool {
    Escaped(text).to_string() != text.replace('\\', "\\\\")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn names_of_the_world_are_names() {
        for name in ["陳大文", "O'Neil, Ann", "نور‌الدین", "Jean-Luc", "a\\b", "Q"] {
            assert_eq!(name.parse::<PersonName>().unwrap().as_str(), name);
        }
        assert_eq!(" Ann ".parse::<PersonName>().unwrap().as_str(), "Ann");
    }

    #[test]
    fn a_name_hides_nothing_and_computes_nothing() {
        for (name, said) in [
            ("Chan\u{202e}nimda", "hidden character: Chan\\u{202e}nimda"),
            ("Ann\u{200b}", "hidden"),
            ("Ann\u{feff}x", "hidden"),
            ("a\u{2028}b", "hidden"),
            ("a\r\nBcc: b@c.d", "control character"),
            ("=HYPERLINK(\"http://x\")", "as a formula does"),
            ("@SUM(A1)", "as a formula does"),
            ("+1", "as a formula does"),
            ("-1", "as a formula does"),
            ("", "empty"),
        ] {
            let error = name.parse::<PersonName>().unwrap_err().to_string();
            assert!(error.contains(said) && !error.contains('\u{202e}'), "{error}");
        }
    }

    #[test]
    fn addresses_are_plain() {
        for address in [
            "chan.tm@cuhk.example",
            "1155123456@link.cuhk.example",
            "a+b@c.example",
            "用户@例子.example",
        ] {
            assert_eq!(address.parse::<EmailAddress>().unwrap().as_str(), address);
        }
        for address in [
            "",
            "chan",
            "chan@",
            "@cuhk.example",
            "chan@@cuhk.example",
            "chan cuhk@x.example",
            "a@b.example, c@d.example",
            "a@b.example;c@d.example",
            "Chan <chan@cuhk.example>",
            "\"a b\"@cuhk.example",
            "chan@[127.0.0.1]",
            "chan@cuhk.example\r\nBcc: x@y.example",
            "chan@cuhk\u{202e}.example",
            "=cmd@cuhk.example",
            "-oX@cuhk.example",
        ] {
            let error = address.parse::<EmailAddress>().unwrap_err().to_string();
            assert!(error.contains("is not an e-mail address") && !error.contains('\n'), "{error}");
        }
        let long = format!("{}@cuhk.example", "x".repeat(300));
        assert!(matches!(long.parse::<EmailAddress>(), Err(EmailError::TooLong { found: 313 })));
    }

    #[test]
    fn a_role_is_a_word_that_fits_the_id() {
        let (student, staff) = ("1155123456".parse().unwrap(), "chan.tm".parse().unwrap());
        let role = |text: &str| text.parse::<Role>().unwrap();
        assert!(role("Student").contradicts(&staff) && !role("Student").contradicts(&student));
        assert!(role("staff").contradicts(&student) && !role("staff").contradicts(&staff));
        assert!(!role("PhD candidate").contradicts(&student) && !role("Tutor").contradicts(&staff));
        for text in ["", "=1", "1st year", "a\tb", "a\u{202e}", &"x".repeat(65)] {
            assert!(text.parse::<Role>().is_err(), "{text:?}");
        }
    }
}
