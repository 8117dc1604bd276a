//! Why no answer came, in words for a person.

use std::error::Error as StdError;
use std::io;

use claim_core::Timestamp;
use claim_pki::PathError;
use rustls::{AlertDescription, CertificateError, Error as TlsError, InvalidMessage};
use rustls_pki_types::{ServerName, UnixTime};

/// Why no answer came from a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReachError {
    /// The machine is there, but no program listens on the port.
    #[error("nothing listens there")]
    Refused,
    /// The host's name has no address.
    #[error("the name of the host cannot be resolved")]
    NotResolved,
    /// There is no way to the machine.
    #[error("the host cannot be reached from here")]
    NoRoute,
    /// The time for the exchange is over.
    #[error("no answer came in time")]
    Timeout,
    /// There is no secure connection.
    #[error("no secure connection: {0}")]
    Tls(TlsFailure),
    /// The proxy named in the environment does not do its work.
    #[error("the proxy that the environment names (HTTPS_PROXY) made no connection: {0}")]
    Proxy(#[source] reqwest::Error),
    /// The answer is longer than it may be.
    #[error("the answer is longer than {max} bytes")]
    TooLong {
        /// The budget in bytes.
        max: usize,
    },
    /// The connection ended before the answer did.
    #[error("the connection was interrupted")]
    Interrupted(#[source] reqwest::Error),
    /// The request cannot be sent as it is.
    #[error("the request cannot be sent")]
    Unsendable(#[source] reqwest::Error),
}

/// Why there is no secure connection.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The server's certificate does not lead to the root: another authority issued it, or one of the
    /// same name with another key, as when CUHK was set up anew.
    #[error("the server's certificate was not issued by the trusted root")]
    UnknownIssuer,
    /// The certificate is for other names.
    #[error("the server's certificate is for {}, not for {expected}", presented.join(", "))]
    WrongName {
        /// The name in the URL.
        expected: String,
        /// The names in the certificate.
        presented: Vec<String>,
    },
    /// The certificate's time is over, by this machine's clock.
    #[error("the server's certificate expired at {not_after}; it is {at} by this machine's clock")]
    Expired {
        /// This machine's time.
        at: Timestamp,
        /// The end of the certificate's time.
        not_after: Timestamp,
    },
    /// The certificate's time has not come, by this machine's clock.
    #[error(
        "the server's certificate is valid from {not_before}; it is {at} by this machine's clock"
    )]
    NotYetValid {
        /// This machine's time.
        at: Timestamp,
        /// The beginning of the certificate's time.
        not_before: Timestamp,
    },
    /// The certificate is not that of the service with this origin.
    #[error("the server's certificate is not that of this service: {0}")]
    NotThisService(PathError),
    /// Any other defect of the certificate.
    #[error("the server's certificate is not acceptable: {0}")]
    Certificate(CertificateError),
    /// What answers does not speak TLS.
    #[error("the server does not speak TLS there")]
    NotTls,
    /// The server ended the handshake.
    #[error("the server refused the connection ({0:?})")]
    Alert(AlertDescription),
    /// Any other failure of the protocol.
    #[error("{0}")]
    Protocol(TlsError),
}

impl ReachError {
    /// Whether the server may have got the request, so that only a repetition can settle what happened.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::Refused
            | Self::NotResolved
            | Self::NoRoute
            | Self::Tls(_)
            | Self::Proxy(_)
            | Self::Unsendable(_) => false,
            Self::Timeout | Self::TooLong { .. } | Self::Interrupted(_) => true,
        }
    }
}

impl From<reqwest::Error> for ReachError {
    fn from(error: reqwest::Error) -> Self {
        // The URL is the caller's own; what it tells of it is the caller's choice.
        let error = error.without_url();
        if error.is_builder() {
            return Self::Unsendable(error);
        }
        if error.is_dns() {
            return Self::NotResolved;
        }
        let mut refused = false;
        let mut no_route = false;
        let mut cause: Option<&(dyn StdError + 'static)> = error.source();
        while let Some(current) = cause {
            // hyper-util keeps this type to itself; its text is the only mark.
            if current.to_string().starts_with("tunnel error") {
                return Self::Proxy(error);
            }
            if let Some(tls) = current.downcast_ref::<TlsError>() {
                return Self::Tls(tls.into());
            }
            if let Some(io) = current.downcast_ref::<io::Error>() {
                refused |= io.kind() == io::ErrorKind::ConnectionRefused;
                no_route |= matches!(
                    io.kind(),
                    io::ErrorKind::HostUnreachable
                        | io::ErrorKind::NetworkUnreachable
                        | io::ErrorKind::AddrNotAvailable
                );
            }
            cause = next(current);
        }
        if error.is_timeout() {
            Self::Timeout
        } else if refused {
            Self::Refused
        } else if no_route {
            Self::NoRoute
        } else {
            Self::Interrupted(error)
        }
    }
}

/// The next error of the chain; `io::Error` skips what it wraps, which is where TLS errors are.
fn next<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    wrapped.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| error.source())
}

impl From<&TlsError> for TlsFailure {
    fn from(error: &TlsError) -> Self {
        match error {
            TlsError::InvalidCertificate(defect) => defect.into(),
            TlsError::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            TlsError::AlertReceived(alert) => Self::Alert(*alert),
            other => Self::Protocol(other.clone()),
        }
    }
}

impl From<&CertificateError> for TlsFailure {
    fn from(defect: &CertificateError) -> Self {
        match defect {
            CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::UnknownIssuer,
            CertificateError::NotValidForNameContext { expected, presented } => {
                Self::WrongName { expected: name(expected), presented: presented.clone() }
            }
            CertificateError::ExpiredContext { time, not_after } => {
                Self::Expired { at: timestamp(*time), not_after: timestamp(*not_after) }
            }
            CertificateError::NotValidYetContext { time, not_before } => {
                Self::NotYetValid { at: timestamp(*time), not_before: timestamp(*not_before) }
            }
            CertificateError::Other(other) => match other.0.downcast_ref::<PathError>() {
                Some(path) => Self::NotThisService(path.clone()),
                None => Self::Certificate(defect.clone()),
            },
            other => Self::Certificate(other.clone()),
        }
    }
}

fn name(name: &ServerName<'_>) -> String {
    name.to_str().into_owned()
}

fn timestamp(time: UnixTime) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}
