//! What CUHK tells the program around it while it works.

use std::net::SocketAddr;
use std::sync::Arc;

use claim_core::invitation::Invitee;
use claim_core::{Digest, Origin, ProblemType, Timestamp};
use claim_pki::SerialNumber;

use crate::mode::Mode;

/// Something that people at the terminal, or a test, want to know at once. It holds no secrets.
///
/// Texts that a stranger sent are in escaped form.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Step 0: root key and certificate were made and stored.
    RootMade {
        /// SHA-256 of the root certificate's DER.
        fingerprint: Digest,
    },
    /// Step 0: root key and certificate were there already.
    RootLoaded {
        /// SHA-256 of the root certificate's DER.
        fingerprint: Digest,
    },
    /// CUHK takes requests.
    Listening {
        /// Its public origin.
        origin: Origin,
        /// Where it listens.
        addresses: Vec<SocketAddr>,
        /// Whom it enrols.
        mode: Mode,
        /// Where it serves health and metrics, if it does.
        metrics: Option<SocketAddr>,
    },
    /// Step 2: a certification request was signed.
    Enrolled(Issued),
    /// A certificate was renewed by its holder.
    Renewed(Issued),
    /// CUHK renewed, or made, the certificate of its own TLS server.
    ServerCertificate(Issued),
    /// CUHK could not renew the certificate of its own TLS server; it tries again within the hour.
    ServerCertificateNotRenewed {
        /// Why.
        reason: String,
        /// Until when the one it has is valid.
        not_after: Timestamp,
    },
    /// The TLS certificate from elsewhere was exchanged in its files, and is shown from now on.
    TlsReloaded {
        /// Until when the new one is valid, where that can be read.
        not_after: Option<Timestamp>,
    },
    /// The files of the TLS certificate from elsewhere cannot be used any more; what was read before stays.
    TlsNotReloaded {
        /// Why.
        reason: String,
    },
    /// The issuing certificate comes to its end, and no certificate that CUHK issues outlives it.
    IssuingEnds {
        /// Its end.
        not_after: Timestamp,
    },
    /// Somebody used a one-time code that has enrolled another key before: it may be stolen.
    CodeReused {
        /// Whose code it is.
        invitee: Invitee,
        /// SHA-256 of the public key that was refused now (its SubjectPublicKeyInfo).
        key_fingerprint: Digest,
        /// Who sent it.
        peer: SocketAddr,
    },
    /// A request was refused.
    Refused {
        /// The kind of refusal.
        problem_type: ProblemType,
        /// What was wrong this time.
        detail: String,
        /// Who sent it.
        peer: SocketAddr,
    },
}

/// A certificate that was issued.
#[derive(Clone, Debug)]
pub struct Issued {
    /// Whom it names.
    pub holder: Invitee,
    /// Its serial number.
    pub serial: SerialNumber,
    /// SHA-256 of its public key (SubjectPublicKeyInfo).
    pub key_fingerprint: Digest,
    /// Until when it is valid.
    pub not_after: Timestamp,
    /// Whether the same certificate was given out before: the answer had been lost.
    pub repeated: bool,
}

/// Whoever is told. It is called from the tasks that serve, so it must not block.
pub type Observer = Arc<dyn Fn(Event) + Send + Sync>;
