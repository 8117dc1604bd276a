//! Where certificates are made: on record first, then signed, on record again, and only then given out.

use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};

use claim_core::encoding::Bytes;
use claim_core::invitation::Invitee;
use claim_core::{Digest, Timestamp};
use claim_pki::{
    Certificate, CertificateError, Issuance, IssueError, Issuer, PrepareError, Profile, PublicKey,
    SerialNumber, Subject, Validity,
};
use claim_store::StoreError;
use claim_store::cuhk::{
    CertificateRecord, CuhkStore, Holder, Provenance, Reservation, ReserveError, Reserved,
};

use crate::authority::Authority;
use crate::event::Issued;
use crate::signing::{self, NoAnswer};
use claim_http::{Clock, system_rng};

/// How far back a certificate's validity begins, in seconds: whoever checks it may have a clock that is behind.
pub(crate) const CLOCK_ALLOWANCE: i64 = 5 * 60;

/// The issuing keys, the record, and the time.
pub(crate) struct Desk {
    /// Exchanged when there is a new issuing certificate.
    authority: RwLock<Arc<Authority>>,
    pub(crate) store: CuhkStore,
    pub(crate) clock: Clock,
}

/// A certificate to be made, for somebody who has been checked.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) holder: Invitee,
    /// A person's name, where one is on record.
    pub(crate) name: Option<String>,
    pub(crate) public_key: PublicKey,
    /// The hash of the one-time code that is used up by it.
    pub(crate) code_hash: Option<Digest>,
    /// Who asked for it, and for which device.
    pub(crate) provenance: Provenance,
    /// How many live certificates a person may hold with this one; `None` where nobody counts.
    pub(crate) most_live: Option<NonZeroU32>,
    /// Whether the holder is to be told of it by mail.
    pub(crate) announce: bool,
}

impl Order {
    fn subject(&self) -> Subject {
        match &self.holder {
            Invitee::Person(id) => Subject::Person { id: id.clone(), name: self.name.clone() },
            Invitee::Server(origin) => Subject::Server { origin: origin.clone() },
        }
    }
}

/// A certificate that may be given out.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) certificate: Certificate,
    /// The certificate of whoever issued it.
    pub(crate) issuer: Certificate,
    pub(crate) issued: Issued,
}

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeskError {
    /// It could not go on record.
    #[error(transparent)]
    Reserve(#[from] ReserveError),
    /// What was asked for cannot be certified.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// What was reserved before cannot be signed any more: it is of another issuing certificate.
    #[error("what was reserved under serial number {serial} cannot be signed: {source}")]
    Resume {
        /// The serial number.
        serial: String,
        /// Why not.
        source: PrepareError,
    },
    /// What was issued to the same key before has been revoked.
    #[error("the certificate of that key, {serial}, was revoked at {at}")]
    Revoked {
        /// Its serial number.
        serial: String,
        /// Since when.
        at: Timestamp,
    },
    /// It could not be signed.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The key did not answer.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// What is on record cannot be read.
    #[error("the certificate on record cannot be read: {0}")]
    Recorded(#[from] CertificateError),
    /// The database failed after the reservation.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Desk {
    pub(crate) fn new(authority: Authority, store: CuhkStore, clock: Clock) -> Self {
        Self { authority: RwLock::new(Arc::new(authority)), store, clock }
    }

    /// Root and issuing certificates as they are now.
    pub(crate) fn authority(&self) -> Arc<Authority> {
        Arc::clone(&self.authority.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Issues with the newest of these from now on.
    pub(crate) fn take_over(&self, authority: Authority) {
        *self.authority.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(authority);
    }

    /// Makes the certificate, or finds the one that the same key got by the same code.
    ///
    /// Whenever it is cut off, nothing was signed that is not on record, and the same order with the same
    /// code goes on where it stopped.
    pub(crate) async fn issue(&self, order: Order) -> Result<Given, DeskError> {
        let now = self.clock.now();
        let authority = self.authority();
        let issuer = authority.issuer();
        let serial = random_serial();
        let subject = order.subject();
        let profile = subject.profile();
        let wanted = beginning(now, profile);
        // No certificate outlives its issuer; where nothing is left, `prepare` says so.
        let validity = wanted.within(issuer.validity()).unwrap_or(wanted);
        let issuance = issuer.prepare(&subject, &order.public_key, &serial, validity)?;
        let reservation = Reservation {
            code_hash: order.code_hash.map(|hash| *hash.as_bytes()),
            holder: match &order.holder {
                Invitee::Person(id) => Holder::Person(id.clone()),
                Invitee::Server(origin) => Holder::Server(origin.clone()),
            },
            profile: match &order.holder {
                Invitee::Person(_) => "person",
                Invitee::Server(_) => "server",
            },
            key_digest: *order.public_key.fingerprint(),
            serial: serial.to_string(),
            tbs: issuance.tbs_der().to_vec(),
            not_before: validity.not_before(),
            not_after: validity.not_after(),
            now,
            provenance: order.provenance,
            most_live: order.most_live,
            announce: order.announce,
        };
        let (certificate, repeated) = match self.store.reserve(&reservation).await? {
            Reserved::New => {
                (sign(&self.store, issuer, issuance, &reservation.serial).await?, false)
            }
            Reserved::Existing(record) => {
                (existing(&self.store, authority.issuers(), record).await?, true)
            }
        };
        let issuer = authority
            .issuing_certificates()
            .find(|one| one.subject_key_id() == certificate.issuer_key_id())
            .unwrap_or(authority.issuing_certificate())
            .clone();
        let issued = Issued {
            serial: certificate.serial().clone(),
            key_fingerprint: Digest::from_bytes(reservation.key_digest),
            not_after: certificate.not_after(),
            holder: order.holder,
            repeated,
        };
        Ok(Given { certificate, issuer, issued })
    }
}

/// Signs and records. Of two that sign the same reservation, both get the certificate of the first.
pub(crate) async fn sign(
    store: &CuhkStore,
    issuer: &Arc<Issuer>,
    issuance: Issuance,
    serial: &str,
) -> Result<Certificate, DeskError> {
    let signed = signing::issue(issuer, issuance).await??;
    let recorded = store.record_issued(serial, signed.der()).await?;
    Ok(Certificate::from_der(&recorded)?)
}

/// What was reserved before, signed now if that was cut off, unless it was revoked since.
///
/// `issuers` are those who may have prepared it; there is one at least.
pub(crate) async fn existing(
    store: &CuhkStore,
    issuers: impl Iterator<Item = &Arc<Issuer>>,
    record: CertificateRecord,
) -> Result<Certificate, DeskError> {
    if let Some(revocation) = store.revocation(&record.serial).await? {
        return Err(DeskError::Revoked { serial: record.serial, at: revocation.revoked_at });
    }
    match record.certificate {
        Some(der) => Ok(Certificate::from_der(&der)?),
        None => {
            let mut refusal = PrepareError::OtherIssuer;
            for issuer in issuers {
                match issuer.resume(&record.tbs) {
                    Ok(issuance) => return sign(store, issuer, issuance, &record.serial).await,
                    Err(PrepareError::OtherIssuer) => {}
                    Err(error) => refusal = error,
                }
            }
            Err(DeskError::Resume { serial: record.serial, source: refusal })
        }
    }
}

/// A whole life of this profile, from shortly before now.
pub(crate) fn beginning(now: Timestamp, profile: Profile) -> Validity {
    Validity::starting(now.plus_seconds(-CLOCK_ALLOWANCE), profile.life())
}

/// A serial number of 128 random bits.
pub(crate) fn random_serial() -> SerialNumber {
    SerialNumber::from_random(Bytes::random(&mut system_rng()).0)
}
