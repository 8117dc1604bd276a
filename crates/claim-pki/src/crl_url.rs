//! Where a CRL can be fetched.

use std::fmt;
use std::str::FromStr;

use url::Url;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};

use crate::Origin;
use crate::oid::ID_CE_CRL_DISTRIBUTION_POINTS;
use crate::tbs::Fields;

/// The `http` or `https` URL of an authority's CRL, as it stands in certificates (RFC 5280 §4.2.1.13).
///
/// CRLs are signed, so plain `http` does no harm, and some programs fetch them in no other way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlUrl(String);

/// Why a text is no URL for a CRL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} must be an http or https URL of at most {} ASCII characters", CrlUrl::MAX_LENGTH)]
pub struct CrlUrlError {
    /// The text.
    pub text: String,
}

impl CrlUrl {
    /// The longest URL in characters.
    pub const MAX_LENGTH: usize = 1024;

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where a certificate says that its issuer's CRL lies: the one URI of its one distribution point.
    pub(crate) fn of(fields: &Fields) -> Option<Self> {
        let (_, points): (_, Vec<DistributionPoint>) =
            fields.extension(ID_CE_CRL_DISTRIBUTION_POINTS).ok()??;
        let [DistributionPoint { distribution_point: Some(name), .. }] = points.as_slice() else {
            return None;
        };
        let DistributionPointName::FullName(names) = name else { return None };
        match names.as_slice() {
            [GeneralName::UniformResourceIdentifier(uri)] => uri.as_str().parse().ok(),
            _ => None,
        }
    }

    /// Whether it is an address of this server.
    pub(crate) fn is_at(&self, server: &Origin) -> bool {
        self.0.strip_prefix(server.as_str()).is_some_and(|path| path.starts_with('/'))
    }
}

impl FromStr for CrlUrl {
    type Err = CrlUrlError;

    fn from_str(text: &str) -> Result<Self, CrlUrlError> {
        let usable = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.as_str().is_ascii()
                && url.as_str().len() <= Self::MAX_LENGTH
        };
        match Url::parse(text) {
            Ok(url) if usable(&url) => Ok(Self(url.into())),
            _ => Err(CrlUrlError { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for CrlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn only_what_programs_can_fetch() {
        let url: CrlUrl = "https://cuhk.example:9335/crl/0a0b.crl".parse().unwrap();
        assert_eq!(url.as_str(), "https://cuhk.example:9335/crl/0a0b.crl");
        assert!("http://cuhk.example/c.crl".parse::<CrlUrl>().is_ok());
        assert!(url.is_at(&"https://cuhk.example:9335".parse().unwrap()));
        for other in
            ["https://cuhk.example", "https://cuhk.example:933", "https://cuhk.example:9336"]
        {
            assert!(!url.is_at(&other.parse().unwrap()), "{other}");
        }
        let long = format!("https://cuhk.example/{}", "a".repeat(CrlUrl::MAX_LENGTH));
        for wrong in ["", "/crl", "ldap://cuhk.example/cn=CRL", "file:///crl", &long] {
            assert!(wrong.parse::<CrlUrl>().is_err(), "{wrong:?}");
        }
    }
}
