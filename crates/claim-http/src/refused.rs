//! Why a connection was closed without an answer: the words of the metrics and of the log.

use std::io;

use rustls::{Error, InvalidMessage, PeerIncompatible};

/// Why the server closed a connection by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refused {
    /// As many connections as the server takes are open.
    Full,
    /// As many connections as one address may have are open from it.
    AddressFull,
    /// The system gave no socket (out of file descriptors or memory).
    NoSocket,
    /// The handshake did not end in time.
    HandshakeTimeout,
    /// What came is not TLS, most likely plain HTTP.
    NotTls,
    /// No TLS 1.3.
    OldTls,
    /// The peer ended the connection, or sent an alert, during the handshake.
    HandshakeGivenUp,
    /// Any other failure of the handshake.
    HandshakeFailed,
    /// The header of a request did not arrive in time.
    HeaderTimeout,
    /// What came is not HTTP, or its header is larger than allowed: hyper answers 400 or 431 by itself.
    NotHttp,
    /// The client did not take its answer.
    AnswerStalled,
    /// It sent more beside its requests than it may.
    Overhead,
    /// It took back more requests than it may.
    Abandoned,
}

impl Refused {
    /// The value of the label `reason`.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::AddressFull => "address-full",
            Self::NoSocket => "no-socket",
            Self::HandshakeTimeout => "handshake-timeout",
            Self::NotTls => "not-tls",
            Self::OldTls => "old-tls",
            Self::HandshakeGivenUp => "handshake-given-up",
            Self::HandshakeFailed => "handshake-failed",
            Self::HeaderTimeout => "header-timeout",
            Self::NotHttp => "not-http",
            Self::AnswerStalled => "answer-stalled",
            Self::Overhead => "overhead",
            Self::Abandoned => "abandoned",
        }
    }

    /// Whether no program does that which means well: whoever does it waits behind others for a while.
    pub(crate) fn is_abuse(self) -> bool {
        matches!(self, Self::Overhead | Self::Abandoned)
    }

    /// What a failed handshake means.
    pub(crate) fn from_handshake(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => Self::NotTls,
            Some(Error::PeerIncompatible(
                PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls13RequiredForQuic
                | PeerIncompatible::Tls12NotOfferedOrEnabled
                | PeerIncompatible::Tls12NotOffered,
            )) => Self::OldTls,
            Some(Error::AlertReceived(_)) => Self::HandshakeGivenUp,
            Some(_) => Self::HandshakeFailed,
            None => Self::HandshakeGivenUp,
        }
    }
}
