//! Reserving a serial number before anything is signed with it, and binding a code to the key that uses it.

mod before;
mod together;

use std::fmt;
use std::num::NonZeroU32;

use claim_pki::{Origin, PersonId, Timestamp, WitnessName};

use super::CuhkStore;
use super::certificates::CertificateRecord;
use super::devices::Device;
use super::invitations::{Bound, InvitationRecord, Invitee};
use super::provenance::Provenance;
use crate::StoreError;
use crate::database::Database;
use crate::writer::Job;

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A person.
    Person(PersonId),
    /// A server, or its timestamp authority or log.
    Server(Origin),
    /// A witness.
    Witness(WitnessName),
    /// An issuing authority, by its common name: at a root that is kept offline.
    Authority(String),
}

/// A certificate that is about to be signed.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// SHA-256 of the code with which it is asked for; `None` where the requester was known otherwise.
    pub code_hash: Option<[u8; 32]>,
    /// Whom it will name.
    pub holder: Holder,
    /// The profile by which it is made.
    pub profile: &'static str,
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub key_digest: [u8; 32],
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// DER of the TBSCertificate (RFC 5280 §4.1.2).
    pub tbs: Vec<u8>,
    /// The first moment of its validity.
    pub not_before: Timestamp,
    /// The last moment of its validity.
    pub not_after: Timestamp,
    /// The time of the request, by which the code's life is judged.
    pub now: Timestamp,
    /// Who asked, and for which device.
    pub provenance: Provenance,
    /// How many live certificates the person may hold, with this one; `None` where nobody counts.
    pub most_live: Option<NonZeroU32>,
    /// Whether the holder is to be told of it by mail.
    pub announce: bool,
}

/// What a reservation led to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one of them at a time, and moved once")]
pub enum Reserved {
    /// It is on record: sign it, then [`CuhkStore::record_issued`].
    New,
    /// The same key has used the code or renewed the certificate before, or is a key of the evidence that has a
    /// certificate: this is what was reserved then.
    ///
    /// Where it has no certificate yet, sign this `tbs`, not the one that was just offered.
    Existing(CertificateRecord),
}

/// Why nothing was reserved.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReserveError {
    /// No such code was given out, or it was voided.
    #[error("no such code was given out")]
    UnknownCode,
    /// The code was given to somebody else.
    #[error("the code was given to another than the one who is to be certified")]
    OtherHolder {
        /// Whom the code enrols.
        invitee: Invitee,
    },
    /// The code's life is over.
    #[error("the code expired at {expires_at}; it is {now}")]
    Expired {
        /// When it ended.
        expires_at: Timestamp,
        /// The time of the request.
        now: Timestamp,
    },
    /// Another key has used the code: one of the two who have it may have stolen it.
    #[error("the code was used before, with another key (certificate {})", bound.serial)]
    OtherKey {
        /// The key that came first, and its certificate.
        bound: Bound,
    },
    /// The certificate by which it is asked for was renewed before, with another key: one of the two who have it may
    /// have stolen it.
    #[error("the certificate was renewed before, with another key (certificate {})", bound.serial)]
    Renewed {
        /// The key that came first, and its certificate.
        bound: Bound,
    },
    /// The person holds as many live certificates as one may.
    #[error("{} live certificates are as many as one person may hold", live.len())]
    TooMany {
        /// Those that are live.
        live: Vec<Device>,
    },
    /// The certificate by which it is asked for is revoked, since a moment ago perhaps.
    #[error("the certificate {serial} is revoked since {at}")]
    Revoked {
        /// Its serial number.
        serial: String,
        /// Since when.
        at: Timestamp,
    },
    /// There is a certificate with this serial number; draw another.
    #[error("the serial number is taken")]
    SerialTaken,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CuhkStore {
    /// Puts a certificate on record before it is signed and, with a code, binds the code to its key.
    ///
    /// It happens in one transaction, which others that come at the same time share; of several requests with the same
    /// code, at whichever replica, exactly one gets [`Reserved::New`]. When this returns, the outcome is durable. Whoever
    /// stops waiting takes nothing back.
    ///
    /// # Errors
    /// [`ReserveError`]; nothing was changed then.
    pub async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, ReserveError> {
        self.reservations.commit(reservation.clone()).await?
    }
}

impl Job for Reservation {
    type Outcome = Result<Reserved, ReserveError>;

    /// A few seconds' worth.
    const QUEUE: usize = 4096;

    const BATCH: usize = 64;

    async fn commit(
        database: &Database,
        jobs: &[&Self],
    ) -> Result<Vec<Result<Reserved, ReserveError>>, StoreError> {
        together::reserve(database, jobs).await
    }
}

impl Holder {
    /// The id, origin or name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Person(id) => id.as_str(),
            Self::Server(origin) => origin.as_str(),
            Self::Witness(name) => name.as_str(),
            Self::Authority(name) => name,
        }
    }

    fn may_use(&self, invitee: &Invitee) -> bool {
        match (self, invitee) {
            (Self::Person(id), Invitee::Person(invited)) => id == invited,
            (Self::Server(origin), Invitee::Server(invited)) => origin == invited,
            (Self::Server(origin), Invitee::AnyLoopbackServer) => origin.is_loopback(),
            _ => false,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Reservation {
    /// Everything about the code that does not depend on who comes first.
    fn check_against(&self, record: &InvitationRecord) -> Result<(), ReserveError> {
        let invitation = &record.invitation;
        if !self.holder.may_use(&invitation.invitee) {
            return Err(ReserveError::OtherHolder { invitee: invitation.invitee.clone() });
        }
        if self.now >= invitation.expires_at {
            let expires_at = invitation.expires_at;
            return Err(ReserveError::Expired { expires_at, now: self.now });
        }
        Ok(())
    }
}
