//! The web origin of a server: the name under which it is known, certified and signed for.

use core::net::IpAddr;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// An `https` origin in its ASCII serialisation, e.g. `https://localhost:3141`
/// (RFC 6454 §6.2; the default port 443 is left out, international hosts are in Punycode).
///
/// Two origins are equal exactly when their texts are.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^https://[a-z0-9.:\[\]-]+$"))]
pub struct Origin(String);

/// The host of an [`Origin`]: what a server certificate's SAN holds as DNS name or address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginHost {
    /// A DNS name in ASCII.
    Name(String),
    /// An IPv4 or IPv6 address.
    Address(IpAddr),
}

/// Why a text is not an `https` origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It does not parse as a URL.
    #[error("{text:?} is not a URL: {reason}")]
    NotAUrl {
        /// The text.
        text: String,
        /// What the URL parser objects to.
        reason: url::ParseError,
    },
    /// Another scheme than `https`.
    #[error("{text:?} must start with https://")]
    NotHttps {
        /// The text.
        text: String,
    },
    /// More than scheme, host and port.
    #[error("{text:?} must be scheme, host and port only: no user, path, query or fragment")]
    MoreThanOrigin {
        /// The text.
        text: String,
    },
    /// On the wire an origin must stand in its one canonical spelling.
    #[error("{text:?} must be written {canonical:?}")]
    NotCanonical {
        /// The text.
        text: String,
        /// The ASCII serialisation.
        canonical: String,
    },
    /// Too long for a certificate and for every message that carries it.
    #[error("an origin has at most {} characters", Origin::MAX_LENGTH)]
    TooLong,
}

impl Origin {
    /// The longest origin in characters: `https://`, a 253-character name, a port.
    pub const MAX_LENGTH: usize = 8 + 253 + 6;

    /// Reads what a person typed: capital letters, a final slash or `:443` are put right.
    ///
    /// # Errors
    /// [`OriginError`] when it is no `https` URL, or has a user, path, query or fragment.
    pub fn from_user(text: &str) -> Result<Self, OriginError> {
        let url = Url::parse(text.trim())
            .map_err(|reason| OriginError::NotAUrl { text: text.to_owned(), reason })?;
        if url.scheme() != "https" {
            return Err(OriginError::NotHttps { text: text.to_owned() });
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::MoreThanOrigin { text: text.to_owned() });
        }
        let canonical = url.origin().ascii_serialization();
        if canonical.len() > Self::MAX_LENGTH {
            return Err(OriginError::TooLong);
        }
        Ok(Self(canonical))
    }

    /// The ASCII serialisation.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port as in a `Host` header: without the scheme.
    pub fn authority(&self) -> &str {
        self.0.strip_prefix("https://").unwrap_or(&self.0)
    }

    /// The host alone.
    pub fn host(&self) -> OriginHost {
        match self.url().as_ref().and_then(Url::host) {
            Some(Host::Ipv4(address)) => OriginHost::Address(address.into()),
            Some(Host::Ipv6(address)) => OriginHost::Address(address.into()),
            Some(Host::Domain(name)) => OriginHost::Name(name.to_owned()),
            None => OriginHost::Name(self.authority().to_owned()),
        }
    }

    /// The port, 443 where the text has none.
    pub fn port(&self) -> u16 {
        self.url().as_ref().and_then(Url::port).unwrap_or(443)
    }

    /// Whether the host is this machine itself: `localhost` or a loopback address.
    pub fn is_loopback(&self) -> bool {
        match self.host() {
            OriginHost::Address(address) => address.is_loopback(),
            OriginHost::Name(name) => name == "localhost" || name.ends_with(".localhost"),
        }
    }

    /// An URL below this origin; `path` starts with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    fn url(&self) -> Option<Url> {
        Url::parse(&self.0).ok()
    }
}

impl fmt::Display for OriginHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// The canonical spelling only; [`Origin::from_user`] is the lenient reader.
impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let origin = Self::from_user(text)?;
        if origin.0 != text {
            return Err(OriginError::NotCanonical { text: text.to_owned(), canonical: origin.0 });
        }
        Ok(origin)
    }
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        text.parse()
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn what_a_person_types_is_put_right() {
        for (typed, canonical) in [
            ("https://localhost:3141", "https://localhost:3141"),
            ("HTTPS://LocalHost:3141/", "https://localhost:3141"),
            ("https://blackboard.example:443", "https://blackboard.example"),
            ("https://[::1]:3141", "https://[::1]:3141"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
        ] {
            assert_eq!(Origin::from_user(typed).unwrap().as_str(), canonical);
        }
    }

    #[test]
    fn the_wire_takes_the_canonical_spelling_only() {
        assert!("https://localhost:3141".parse::<Origin>().is_ok());
        for wrong in ["https://localhost:3141/", "HTTPS://localhost", "https://a.example:443"] {
            assert!(matches!(wrong.parse::<Origin>(), Err(OriginError::NotCanonical { .. })));
        }
    }

    #[test]
    fn only_a_bare_https_origin_will_do() {
        for wrong in [
            "",
            "localhost:3141",
            "http://localhost",
            "https://",
            "https://u@localhost",
            "https://localhost/x",
            "https://localhost?x",
            "https://localhost#x",
        ] {
            assert!(Origin::from_user(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn host_port_and_authority() {
        let origin: Origin = "https://[::1]:3141".parse().unwrap();
        assert_eq!(origin.host(), OriginHost::Address("::1".parse().unwrap()));
        assert_eq!((origin.port(), origin.authority()), (3141, "[::1]:3141"));
        assert!(origin.is_loopback());
        let origin: Origin = "https://blackboard.example".parse().unwrap();
        assert_eq!((origin.port(), origin.is_loopback()), (443, false));
    }
}
