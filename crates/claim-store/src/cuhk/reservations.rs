//! Reserving a serial number before anything is signed with it, and binding a code to the key that uses it.

use std::fmt;
use std::num::NonZeroU32;

use claim_core::DeviceName;
use claim_pki::{Origin, PersonId, Timestamp, WitnessName};
use sqlx::AnyConnection;

use super::CuhkStore;
use super::announcements;
use super::audit::Authentication;
use super::certificates::{self, CertificateRecord};
use super::devices::{self, Device};
use super::invitations::{self, Bound, InvitationRecord, Invitee};
use super::provenance::Provenance;
use crate::database::Write;
use crate::retry::retry;
use crate::{Kind, Point, StoreError};

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
    /// It happens in one transaction; of several requests with the same code, at whichever replica, exactly one
    /// gets [`Reserved::New`]. When this returns, the outcome is durable.
    ///
    /// # Errors
    /// [`ReserveError`]; nothing was changed then.
    pub async fn reserve(&self, reservation: &Reservation) -> Result<Reserved, ReserveError> {
        retry!(self.try_reserve(reservation))?
    }

    async fn try_reserve(
        &self,
        reservation: &Reservation,
    ) -> Result<Result<Reserved, ReserveError>, StoreError> {
        let point = match reservation.code_hash {
            Some(_) => Point::CodeSpent,
            None => Point::Reservation,
        };
        let mut write = self.database.begin(point).await?;
        if reservation.most_live.is_some() && self.database.kind() == Kind::Postgres {
            // Two that ask for one person count one after the other; SQLite has one writer anyway.
            devices::lock_person(write.connection(), reservation.holder.as_str()).await?;
        }
        if let Some(predecessor) = &reservation.provenance.predecessor
            && let Some(at) = self.revoked_under_lock(&mut write, predecessor).await?
        {
            return Ok(Err(ReserveError::Revoked { serial: predecessor.clone(), at }));
        }
        if let Some(code_hash) = &reservation.code_hash {
            let Some(record) = invitations::find(write.connection(), code_hash).await? else {
                return Ok(Err(ReserveError::UnknownCode));
            };
            if let Err(refusal) = reservation.check_against(&record) {
                return Ok(Err(refusal));
            }
        }
        // That `code_hash` is unique makes this one statement the compare-and-swap: whoever inserts first
        // has bound the code, and everyone else waits here until that is settled.
        let inserted = insert(write.connection(), reservation).await?;
        if inserted {
            if let Some(most) = reservation.most_live {
                let of = reservation.holder.as_str();
                let mut live = devices::live(write.connection(), of, reservation.now).await?;
                if live.len() > most.get() as usize {
                    live.retain(|device| device.serial != reservation.serial);
                    return Ok(Err(ReserveError::TooMany { live }));
                }
            }
            if reservation.announce {
                announcements::put(write.connection(), &reservation.serial, reservation.now)
                    .await?;
            }
            write.commit().await?;
            return Ok(Ok(Reserved::New));
        }
        match (&reservation.code_hash, &reservation.provenance.predecessor) {
            (Some(code_hash), _) => existing(write, code_hash, &reservation.key_digest).await,
            (None, Some(predecessor)) => {
                successor(write, predecessor, &reservation.key_digest).await
            }
            (None, None) => existing_evidence(write, reservation).await,
        }
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

/// Whether the row was inserted: not when its serial number, its code or its predecessor is taken, nor for a key of the
/// evidence that has a certificate.
async fn insert(
    connection: &mut AnyConnection,
    reservation: &Reservation,
) -> Result<bool, StoreError> {
    let provenance = &reservation.provenance;
    let inserted = sqlx::query(
        "INSERT INTO certificates (serial, code_hash, profile, name, key_digest, not_before, \
         not_after, reserved_at, tbs, device, authenticated_by, predecessor) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT DO NOTHING",
    )
    .bind(reservation.serial.as_str())
    .bind(reservation.code_hash.map(Vec::from))
    .bind(reservation.profile)
    .bind(reservation.holder.as_str())
    .bind(reservation.key_digest.to_vec())
    .bind(reservation.not_before.as_millis())
    .bind(reservation.not_after.as_millis())
    .bind(reservation.now.as_millis())
    .bind(reservation.tbs.as_slice())
    .bind(provenance.device.as_ref().map(DeviceName::as_str))
    .bind(provenance.authenticated_by.map(Authentication::name))
    .bind(provenance.predecessor.as_deref())
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}

/// What the code is bound to, which stood in the way of binding it.
async fn existing(
    mut write: Write<'_>,
    code_hash: &[u8; 32],
    key_digest: &[u8; 32],
) -> Result<Result<Reserved, ReserveError>, StoreError> {
    let row = sqlx::query(
        "SELECT serial, profile, name, key_digest, not_before, not_after, reserved_at, tbs, \
         certificate, device, authenticated_by, predecessor FROM certificates WHERE code_hash = $1",
    )
    .bind(code_hash.to_vec())
    .fetch_optional(write.connection())
    .await?;
    let Some(row) = row else { return Ok(Err(ReserveError::SerialTaken)) };
    let record = certificates::read(&row)?;
    if record.key_digest == *key_digest {
        return Ok(Ok(Reserved::Existing(record)));
    }
    let bound = Bound { key_digest: record.key_digest, serial: record.serial };
    Ok(Err(ReserveError::OtherKey { bound }))
}

/// What the certificate was renewed by before, which stood in the way of doing it again.
async fn successor(
    mut write: Write<'_>,
    predecessor: &str,
    key_digest: &[u8; 32],
) -> Result<Result<Reserved, ReserveError>, StoreError> {
    let row = sqlx::query(
        "SELECT serial, profile, name, key_digest, not_before, not_after, reserved_at, tbs, \
         certificate, device, authenticated_by, predecessor FROM certificates \
         WHERE predecessor = $1",
    )
    .bind(predecessor)
    .fetch_optional(write.connection())
    .await?;
    let Some(row) = row else { return Ok(Err(ReserveError::SerialTaken)) };
    let record = certificates::read(&row)?;
    if record.key_digest == *key_digest {
        return Ok(Ok(Reserved::Existing(record)));
    }
    let bound = Bound { key_digest: record.key_digest, serial: record.serial };
    Ok(Err(ReserveError::Renewed { bound }))
}

/// What the same key of the evidence was certified by before, which stood in the way of doing it again.
async fn existing_evidence(
    mut write: Write<'_>,
    reservation: &Reservation,
) -> Result<Result<Reserved, ReserveError>, StoreError> {
    let row = sqlx::query(
        "SELECT serial, profile, name, key_digest, not_before, not_after, reserved_at, tbs, \
         certificate, device, authenticated_by, predecessor FROM certificates WHERE profile IN ('timestamp', 'log', 'witness') \
         AND profile = $1 AND name = $2 AND key_digest = $3",
    )
    .bind(reservation.profile)
    .bind(reservation.holder.as_str())
    .bind(reservation.key_digest.to_vec())
    .fetch_optional(write.connection())
    .await?;
    Ok(match row {
        Some(row) => Ok(Reserved::Existing(certificates::read(&row)?)),
        None => Err(ReserveError::SerialTaken),
    })
}
