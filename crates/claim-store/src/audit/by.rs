//! Who did something, and how the server knew.

use std::fmt;
use std::str::FromStr;

/// How a server knew who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Authentication {
    /// By a one-time code.
    Code,
    /// By a certificate, whose serial number is the credential.
    Certificate,
    /// By single sign-on; the credential is the identity provider.
    SingleSignOn,
    /// Not at all: a local demonstration enrols whoever asks.
    LocalDemo,
    /// By the rights to the server's files: an administrative command on the machine.
    Administrator,
    /// It was CUHK itself.
    Cuhk,
    /// It was Blackboard itself.
    Blackboard,
    /// Not at all: a stranger, who was refused.
    Nobody,
}

impl Authentication {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Code,
        Self::Certificate,
        Self::SingleSignOn,
        Self::LocalDemo,
        Self::Administrator,
        Self::Cuhk,
        Self::Blackboard,
        Self::Nobody,
    ];

    /// Its name in entries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Certificate => "certificate",
            Self::SingleSignOn => "single-sign-on",
            Self::LocalDemo => "local-demo",
            Self::Administrator => "administrator",
            Self::Cuhk => "cuhk",
            Self::Blackboard => "blackboard",
            Self::Nobody => "nobody",
        }
    }
}

impl fmt::Display for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no such way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such way to be known; there are: {all}", all = Authentication::ALL.map(Authentication::name).join(", "))]
pub struct UnknownAuthentication;

impl FromStr for Authentication {
    type Err = UnknownAuthentication;

    fn from_str(text: &str) -> Result<Self, UnknownAuthentication> {
        Self::ALL.into_iter().find(|one| one.name() == text).ok_or(UnknownAuthentication)
    }
}

/// Who did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// Who: a person's id, a server's origin, a user of the machine. Empty for the server itself and for strangers.
    pub who: String,
    /// How the server knew.
    pub authentication: Authentication,
    /// By what: the serial number of a certificate, the identity provider. Never a secret. Often empty.
    pub credential: String,
}

impl By {
    /// CUHK itself.
    pub fn cuhk() -> Self {
        Self::known("", Authentication::Cuhk)
    }

    /// Blackboard itself.
    pub fn blackboard() -> Self {
        Self::known("", Authentication::Blackboard)
    }

    /// Somebody on the machine, by name or number.
    pub fn administrator(who: impl Into<String>) -> Self {
        Self::known(who, Authentication::Administrator)
    }

    /// The holder of the certificate with this serial number.
    pub fn certificate(who: impl Into<String>, serial: impl Into<String>) -> Self {
        let credential = serial.into();
        Self { credential, ..Self::known(who, Authentication::Certificate) }
    }

    /// Somebody whom the server knew in this way.
    pub fn known(who: impl Into<String>, authentication: Authentication) -> Self {
        Self { who: who.into(), authentication, credential: String::new() }
    }
}
