//! What CUHK tells the program around it while it works.

use std::net::SocketAddr;
use std::sync::Arc;

use claim_core::invitation::Invitee;
use claim_core::{Digest, Origin, PersonId, ProblemType, Timestamp};
use claim_pki::{EvidenceAnswer, EvidenceRequest, RevocationReason, SerialNumber};

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
    /// A person has revoked certificates of their own.
    RevokedByHolder(RevokedByHolder),
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
    /// Another issuing certificate is in use from now on; those before it stay good.
    IssuingRenewed {
        /// Its serial number.
        serial: SerialNumber,
        /// Its end.
        not_after: Timestamp,
    },
    /// An issuing certificate that was made meanwhile cannot be used; CUHK tries again every minute.
    IssuingNotRenewed {
        /// Why.
        reason: String,
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
    /// Somebody would renew a certificate that was renewed with another key before: its key may be stolen.
    RenewedBefore {
        /// Whom the certificate names.
        holder: Invitee,
        /// Serial number of the certificate that came of it.
        renewed_by: String,
        /// SHA-256 of the public key that was refused now (its SubjectPublicKeyInfo).
        key_fingerprint: Digest,
        /// Who sent it.
        peer: SocketAddr,
    },
    /// Somebody who had signed in with the university said that the key which waited for them is not theirs.
    SignInDenied {
        /// Who said so.
        person: PersonId,
        /// SHA-256 of the public key that got no certificate (its SubjectPublicKeyInfo).
        key_fingerprint: Digest,
        /// The address of the terminal that had asked.
        begun_from: String,
    },
    /// The keys of a Blackboard's evidence were certified by the request file in the folder (local demo mode).
    EvidenceCertified(CertifiedEvidence),
    /// The request file in the folder was not answered (local demo mode).
    EvidenceRefused {
        /// Why.
        reason: String,
    },
    /// The revocation lists are not as they should be; CUHK tries again every minute.
    ListsNotRenewed {
        /// Why.
        reason: String,
    },
    /// CUHK has no timestamp key, so it cannot help in outages of Blackboards; it tries again within the hour.
    TimestampsUnavailable {
        /// Why.
        reason: String,
    },
    /// A log that CUHK witnesses has signed two trees of one size: whoever keeps it lies. Both checkpoints are on record.
    LogSplit {
        /// The origin line of its checkpoints.
        origin: String,
        /// The size.
        size: u64,
    },
    /// Nobody can be told by mail of certificates at present; those who wait go on waiting.
    NotAnnounced {
        /// Why.
        reason: String,
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

/// What a person has revoked.
#[derive(Clone, Debug)]
pub struct RevokedByHolder {
    /// Who.
    pub id: PersonId,
    /// By a code that has enrolled nothing yet, and not by a certificate.
    pub by_code: bool,
    /// The serial numbers.
    pub serials: Vec<String>,
    /// Why.
    pub reason: RevocationReason,
    /// From where.
    pub peer: SocketAddr,
}

/// What the root has certified for the evidence of one Blackboard.
#[derive(Clone, Debug)]
pub struct CertifiedEvidence {
    /// The Blackboard.
    pub origin: Origin,
    /// The serial number of the timestamp key's certificate.
    pub timestamp: SerialNumber,
    /// The serial number of the log key's certificate.
    pub log: SerialNumber,
    /// The witness: the name of its key.
    pub witness: String,
}

impl CertifiedEvidence {
    pub(crate) fn of(request: &EvidenceRequest, answer: &EvidenceAnswer) -> Self {
        Self {
            origin: request.origin().clone(),
            timestamp: answer.timestamp.serial().clone(),
            log: answer.log.serial().clone(),
            witness: answer.witness.common_name().unwrap_or_default().to_owned(),
        }
    }
}

/// Whoever is told. It is called from the tasks that serve, so it must not block.
pub type Observer = Arc<dyn Fn(Event) + Send + Sync>;
