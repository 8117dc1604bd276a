//! The request.

use std::fmt;

use der::pem::{LineEnding, encode_string};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;

use crate::{
    CertificationRequest, Ed25519CertificationRequest, Ed25519SigningKey, MakeRequestError, Origin,
    RequestError, SigningKey, Subject, certification_request, ed25519_certification_request,
};

/// A Blackboard's request to have its timestamp key and its log key certified by the root.
///
/// Both requests were verified to be signed by the keys in them, and to name the origin's timestamp authority and log.
#[derive(Clone, PartialEq, Eq)]
pub struct EvidenceRequest {
    origin: Origin,
    timestamp: CertificationRequest,
    log: Ed25519CertificationRequest,
}

/// Why a text is not such a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceRequestError {
    /// It is longer than any request.
    #[error("a request file has at most {} bytes; this has {found}", EvidenceRequest::MAX_SIZE)]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// It is not text.
    #[error("a request file is text in UTF-8; this is not")]
    NotText,
    /// It does not begin as a request file of this version does.
    #[error("a request file begins with the line `{}`; this does not", FIRST_LINE)]
    FirstLine,
    /// The second line names no origin in its canonical form.
    #[error(
        "the second line of a request file is `origin: https://…` in canonical form; here it is {found:?}"
    )]
    Origin {
        /// The line: untrusted, to be escaped before it is shown.
        found: String,
    },
    /// There are more or fewer certification requests than two, or other PEM blocks among them.
    #[error("a request file holds two certification requests in PEM, this one {found}")]
    Count {
        /// How many there are; reading stops after the third.
        found: usize,
    },
    /// A PEM block is damaged.
    #[error("the PEM in the request file is damaged")]
    Pem,
    /// The first certification request is not one for the origin's timestamp key.
    #[error(
        "the first certification request is not one for the timestamp key of {origin}: {source}"
    )]
    Timestamp {
        /// The origin in the file.
        origin: Origin,
        /// What is wrong with it.
        source: RequestError,
    },
    /// The second certification request is not one for the origin's log key.
    #[error("the second certification request is not one for the log key of {origin}: {source}")]
    Log {
        /// The origin in the file.
        origin: Origin,
        /// What is wrong with it.
        source: RequestError,
    },
}

/// What every request file begins with.
const FIRST_LINE: &str = "claim request v1";

impl EvidenceRequest {
    /// The largest request file that is read, in bytes: two certification requests of the largest size fit.
    pub const MAX_SIZE: usize = 48 * 1024;

    /// Makes the request of the Blackboard with this origin and these keys.
    ///
    /// # Errors
    /// [`MakeRequestError`] when the origin's host does not fit a certificate, or a key does not sign.
    pub fn make(
        origin: &Origin,
        timestamp: &SigningKey,
        log: &Ed25519SigningKey,
    ) -> Result<Self, MakeRequestError> {
        let timestamp = certification_request(timestamp, &timestamp_subject(origin))?;
        let log = ed25519_certification_request(log, &log_subject(origin))?;
        Ok(Self {
            origin: origin.clone(),
            timestamp: CertificationRequest::from_der(&timestamp)?,
            log: Ed25519CertificationRequest::from_der(&log)?,
        })
    }

    /// Reads a request file and verifies both requests in it. Lines may end in CR LF.
    ///
    /// # Errors
    /// [`EvidenceRequestError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EvidenceRequestError> {
        if bytes.len() > Self::MAX_SIZE {
            return Err(EvidenceRequestError::TooLarge { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| EvidenceRequestError::NotText)?;
        let (first, rest) = line(text);
        if first != FIRST_LINE {
            return Err(EvidenceRequestError::FirstLine);
        }
        let (second, rest) = line(rest);
        let origin: Origin = second
            .strip_prefix("origin: ")
            .and_then(|origin| origin.parse().ok())
            .ok_or_else(|| EvidenceRequestError::Origin { found: second.to_owned() })?;
        let [timestamp, log] = two_requests(rest)?;
        let timestamp = CertificationRequest::from_der(&timestamp)
            .and_then(|one| one.names_exactly(&timestamp_subject(&origin)).map(|()| one))
            .map_err(|source| EvidenceRequestError::Timestamp { origin: origin.clone(), source })?;
        let log = Ed25519CertificationRequest::from_der(&log)
            .and_then(|one| one.names_exactly(&log_subject(&origin)).map(|()| one))
            .map_err(|source| EvidenceRequestError::Log { origin: origin.clone(), source })?;
        Ok(Self { origin, timestamp, log })
    }

    /// The request file.
    pub fn to_text(&self) -> String {
        let (timestamp, log) = (pem(self.timestamp.der()), pem(self.log.der()));
        format!("{FIRST_LINE}\norigin: {}\n{timestamp}{log}", self.origin)
    }

    /// The Blackboard's origin.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The request for the timestamp key.
    pub fn timestamp(&self) -> &CertificationRequest {
        &self.timestamp
    }

    /// The request for the log key.
    pub fn log(&self) -> &Ed25519CertificationRequest {
        &self.log
    }

    /// Whom the timestamp key's certificate is to name.
    pub fn timestamp_subject(&self) -> Subject {
        timestamp_subject(&self.origin)
    }

    /// Whom the log key's certificate is to name.
    pub fn log_subject(&self) -> Subject {
        log_subject(&self.origin)
    }
}

impl fmt::Debug for EvidenceRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EvidenceRequest").field("origin", &self.origin).finish_non_exhaustive()
    }
}

fn timestamp_subject(origin: &Origin) -> Subject {
    Subject::Timestamp { origin: origin.clone() }
}

fn log_subject(origin: &Origin) -> Subject {
    Subject::Log { origin: origin.clone() }
}

/// The first line without its end, and what follows it.
pub(super) fn line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.strip_suffix('\r').unwrap_or(line), rest)
}

fn two_requests(text: &str) -> Result<[Vec<u8>; 2], EvidenceRequestError> {
    let mut found = Vec::new();
    for one in CertificateSigningRequestDer::pem_slice_iter(text.as_bytes()).take(3) {
        found.push(one.map_err(|_| EvidenceRequestError::Pem)?.as_ref().to_vec());
    }
    found.try_into().map_err(|found: Vec<_>| EvidenceRequestError::Count { found: found.len() })
}

#[expect(
    clippy::expect_used,
    reason = "the encoder refuses only what overflows a length, and MAX_SIZE bounds that"
)]
pub(super) fn pem(der: &[u8]) -> String {
    encode_string("CERTIFICATE REQUEST", LineEnding::LF, der).expect("it is at most MAX_SIZE")
}
