//! What a person calls the device that keeps a certificate.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a device, e.g. `laptop-2`: one to 40 ASCII letters, digits, spaces, dots, hyphens and low lines, of which
/// the first and the last are letters or digits.
///
/// It tells the certificates of one person apart for that person. It stands in no certificate, and nothing is decided by it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceName(String);

/// Why a text is no name of a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceNameError {
    /// Nothing, or more than fits into a line.
    #[error("a device's name has 1 to {} characters; this has {found}", DeviceName::MAX_LENGTH)]
    Length {
        /// How many characters it has.
        found: usize,
    },
    /// Another character.
    #[error(
        "a device's name has letters a to z, digits, spaces and . - _, and begins and ends with a letter or digit"
    )]
    Character,
}

impl DeviceName {
    /// The header field of an enrolment request that carries it.
    pub const HEADER: &str = "claim-device";

    /// The longest name, in characters.
    pub const MAX_LENGTH: usize = 40;

    /// What can be kept of a name that something else was given, such as a host: `None` where nothing can.
    pub fn cleaned(text: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
        let kept: String = text
            .chars()
            .map(|c| if is_plain(c) { c } else { '-' })
            .take(Self::MAX_LENGTH)
            .collect();
        kept.trim_matches(|c: char| !c.is_ascii_alphanumeric()).parse().ok()
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceName {
    type Err = DeviceNameError;

    fn from_str(text: &str) -> Result<Self, DeviceNameError> {
        let found = text.chars().count();
        if !(1..=Self::MAX_LENGTH).contains(&found) {
            return Err(DeviceNameError::Length { found });
        }
        let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
        let at_end = |c: char| c.is_ascii_alphanumeric();
        let is_plain =
            text.chars().all(inside) && text.starts_with(at_end) && text.ends_with(at_end);
        if !is_plain {
            return Err(DeviceNameError::Character);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for DeviceName {
    type Error = DeviceNameError;

    fn try_from(text: String) -> Result<Self, DeviceNameError> {
        text.parse()
    }
}

impl From<DeviceName> for String {
    fn from(name: DeviceName) -> Self {
        name.0
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn a_name_is_plain() {
        let longest = "a".repeat(40);
        for good in ["x", "laptop-2", "Lab PC 3", "host.cuhk.example", &longest] {
            assert_eq!(good.parse::<DeviceName>().unwrap().as_str(), good);
        }
        let length = |found| Err(DeviceNameError::Length { found });
        assert_eq!("".parse::<DeviceName>(), length(0));
        assert_eq!("a".repeat(41).parse::<DeviceName>(), length(41));
        for bad in
            [" x", "x ", "-x", "x.", "a\tb", "a\u{1b}b", "筆電", "a\u{202e}b", "a\nb", "a\"b"]
        {
            assert_eq!(bad.parse::<DeviceName>(), Err(DeviceNameError::Character), "{bad:?}");
        }
    }

    #[test]
    fn a_host_is_cleaned() {
        let cleaned = |text: &str| DeviceName::cleaned(text).map(|name| name.to_string());
        assert_eq!(cleaned("chan-laptop").as_deref(), Some("chan-laptop"));
        assert_eq!(cleaned("Chan's Mac (2)").as_deref(), Some("Chan-s Mac -2"));
        assert_eq!(cleaned("-x-").as_deref(), Some("x"));
        assert_eq!(cleaned(&"a".repeat(64)).unwrap().len(), DeviceName::MAX_LENGTH);
        assert_eq!(cleaned("筆電"), None);
        assert_eq!(cleaned(""), None);
    }
}
