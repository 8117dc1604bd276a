//! Copies of CUHK's public files, at any web server or object store.
//!
//! What they hold is signed and judged by that alone, so nothing about the place is believed: plain `http` does as well.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use claim_pki::{Certificate, CertificateError};
use http::StatusCode;
use reqwest::Url;

use crate::client::{ClientError, public_client, send};
use crate::clock::Clock;
use crate::reach::ReachError;

/// The largest file of certificates that is read, in bytes.
const MAX_CERTIFICATES: usize = 256 * 1024;

/// Where the copies lie: an `http` or `https` URL, below which CUHK's folder `public` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorUrl(String);

/// Why a text is no such URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an http or https URL without user, query and fragment")]
pub struct MirrorUrlError {
    /// The text.
    pub text: String,
}

/// Why certificates could not be had there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// No answer came at all.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// Something else was answered.
    #[error("the answer to the request for CUHK's certificates is {status}")]
    Status {
        /// The status.
        status: StatusCode,
    },
    /// What came are no certificates.
    #[error(transparent)]
    Certificates(#[from] CertificateError),
}

impl MirrorUrl {
    /// The URL of a file, by its path below the folder, which begins with a slash.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.trim_end_matches('/'))
    }

    /// A client for it, which believes whoever answers.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn client(clock: &Clock, timeout: Duration) -> Result<reqwest::Client, ClientError> {
        public_client(clock, timeout)
    }

    /// CUHK's certificates as they lie there, which are to be verified.
    ///
    /// # Errors
    /// [`MirrorError`].
    pub async fn authorities(
        &self,
        client: &reqwest::Client,
    ) -> Result<Vec<Certificate>, MirrorError> {
        let answer = send(client.get(self.join("/cacerts.pem")), MAX_CERTIFICATES).await?;
        match answer.status {
            StatusCode::OK => {
                Ok(Certificate::chain_from_pem(&String::from_utf8_lossy(&answer.body))?)
            }
            status => Err(MirrorError::Status { status }),
        }
    }
}

impl FromStr for MirrorUrl {
    type Err = MirrorUrlError;

    fn from_str(text: &str) -> Result<Self, MirrorUrlError> {
        let usable = |url: &Url| {
            matches!(url.scheme(), "http" | "https")
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        match Url::parse(text) {
            Ok(url) if usable(&url) => Ok(Self(url.into())),
            // A password in it stays out of what is said.
            _ => Err(MirrorUrlError {
                text: text.split('@').next_back().unwrap_or_default().to_owned(),
            }),
        }
    }
}

impl fmt::Display for MirrorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn files_lie_below_the_url() {
        for text in ["http://mirror.example/claim", "http://mirror.example/claim/"] {
            let url: MirrorUrl = text.parse().unwrap();
            assert_eq!(url.join("/cacerts.pem"), "http://mirror.example/claim/cacerts.pem");
        }
        let bare: MirrorUrl = "https://mirror.example".parse().unwrap();
        assert_eq!(bare.join("/crl/x.crl"), "https://mirror.example/crl/x.crl");
    }

    #[test]
    fn what_is_no_plain_place_is_refused_without_its_password() {
        for text in
            ["mirror.example", "ftp://mirror.example", "http://m/?a=b", "http://m/#a", "file:///x"]
        {
            assert!(text.parse::<MirrorUrl>().is_err(), "{text}");
        }
        let error = "https://user:secret@mirror.example".parse::<MirrorUrl>().unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
