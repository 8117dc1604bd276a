//! Why certificates are revoked.

use std::fmt;
use std::str::FromStr;

/// Why a certificate was revoked (RFC 5280 §5.3.1).
///
/// There is no `certificateHold`: what is revoked here stays revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum RevocationReason {
    /// No reason was given.
    Unspecified,
    /// The private key is, or may be, in other hands.
    KeyCompromise,
    /// The same for the key of a certification authority.
    CaCompromise,
    /// The person or server is no longer what the certificate says.
    AffiliationChanged,
    /// Another certificate has taken its place.
    Superseded,
    /// It is no longer needed.
    CessationOfOperation,
    /// What it allowed is no longer allowed.
    PrivilegeWithdrawn,
    /// What an attribute authority said is not to be trusted any more.
    AaCompromise,
}

/// A text that names no reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no reason for a revocation; there are {}", names())]
pub struct RevocationReasonError {
    /// The text.
    pub text: String,
}

impl RevocationReason {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The name that RFC 5280 gives it, e.g. `keyCompromise`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    /// The value of the ENUMERATED `CRLReason`.
    pub fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The reason with this value of `CRLReason`; `None` for a hold, its end, and what is not defined.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

impl FromStr for RevocationReason {
    type Err = RevocationReasonError;

    fn from_str(text: &str) -> Result<Self, RevocationReasonError> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or_else(|| RevocationReasonError { text: text.to_owned() })
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

fn names() -> String {
    RevocationReason::ALL.map(RevocationReason::as_str).join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn names_and_codes_are_those_of_rfc_5280() {
        for reason in RevocationReason::ALL {
            assert_eq!(reason.as_str().parse::<RevocationReason>().unwrap(), reason);
            assert_eq!(RevocationReason::from_code(reason.code()), Some(reason));
        }
        for code in [6, 7, 8, 11, 255] {
            assert_eq!(RevocationReason::from_code(code), None);
        }
        assert!("certificateHold".parse::<RevocationReason>().is_err());
    }
}
