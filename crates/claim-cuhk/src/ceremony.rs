//! What only the root signs: certificates for the keys of evidence, on a request file.
//!
//! The issuing key, which serves whoever asks, must never make them: its theft would discredit every receipt.

use claim_core::{Origin, Timestamp};
use claim_pki::{
    Certificate, EvidenceAnswer, EvidenceRequest, Issuer, Subject, SubjectKey, WitnessName,
    WitnessRequest,
};
use claim_store::StoreError;
use claim_store::cuhk::{CuhkStore, Holder, Reservation, Reserved};

use crate::authority::{AuthorityError, load_root_issuer};
use crate::desk::{DeskError, beginning, existing, random_serial, sign};
use crate::folder::Folder;
use crate::timestamps;
use crate::witness::{self, WitnessError};

/// Where the root's key lies, and what is kept of what it signs.
pub(crate) struct Ceremony<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) store: &'a CuhkStore,
    /// Where CUHK serves.
    pub(crate) origin: &'a Origin,
    pub(crate) now: Timestamp,
}

/// Somebody whose key the root certifies.
#[derive(Clone, Debug)]
pub(crate) enum Service {
    /// The timestamp authority of the server with this origin: a Blackboard, or CUHK itself.
    Timestamp(Origin),
    /// The log of that server.
    Log(Origin),
    /// A witness.
    Witness(WitnessName),
}

/// Why the keys of a Blackboard's evidence were not certified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CeremonyError {
    /// The root or its key cannot be used.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// CUHK's own witness cannot be used, and the answer needs its certificate.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// A certificate could not be made.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// The name is that of a witness with another key.
    #[error("the witness {name} is on record with another key (certificate {serial})")]
    NameTaken {
        /// The name.
        name: WitnessName,
        /// The certificate of the other key.
        serial: String,
    },
    /// The records cannot be read.
    #[error("CUHK's records cannot be used: {0}")]
    Store(#[from] StoreError),
    /// The Blackboard would pass for CUHK itself.
    #[error("{origin} is CUHK's own origin, and no Blackboard is certified for that")]
    OwnOrigin {
        /// The origin.
        origin: Origin,
    },
}

impl Ceremony<'_> {
    /// Certifies both keys of a request, or finds the certificates that they have.
    pub(crate) async fn answer(
        &self,
        request: &EvidenceRequest,
    ) -> Result<EvidenceAnswer, CeremonyError> {
        // Whoever has a timestamp key for CUHK's origin gives the timestamps of outages.
        if request.origin() == self.origin {
            return Err(CeremonyError::OwnOrigin { origin: self.origin.clone() });
        }
        let witness = witness::load_or_make(self).await?;
        // Where the root's key is at hand, CUHK's own timestamp key is certified with it, if that is due.
        if let Err(error) = timestamps::load_or_make(self).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "CUHK has no timestamp key");
        }
        let root = self.root()?;
        let origin = request.origin().clone();
        let key = request.timestamp().public_key().into();
        let timestamp = self.certify(&root, &Service::Timestamp(origin.clone()), key).await?;
        let key = request.log().public_key().into();
        let log = self.certify(&root, &Service::Log(origin), key).await?;
        Ok(EvidenceAnswer { timestamp, log, witness: witness.certificate().clone() })
    }

    /// Certifies the key of a witness elsewhere, or finds the certificate that it has.
    ///
    /// A name stands for one witness: another key of the same name is certified only when every certificate of the name
    /// was revoked.
    pub(crate) async fn answer_witness(
        &self,
        request: &WitnessRequest,
    ) -> Result<Certificate, CeremonyError> {
        let (name, key) = (request.name(), request.key().public_key());
        for record in self.store.certificates_of(WITNESS, name.as_str()).await? {
            let is_other = record.key_digest != key.fingerprint();
            if is_other && self.store.revocation(&record.serial).await?.is_none() {
                return Err(CeremonyError::NameTaken { name: name.clone(), serial: record.serial });
            }
        }
        let root = self.root()?;
        Ok(self.certify(&root, &Service::Witness(name.clone()), key.into()).await?)
    }

    /// The root with its key, which does not stay in memory.
    pub(crate) fn root(&self) -> Result<Issuer, AuthorityError> {
        load_root_issuer(self.folder, Some(self.origin))
    }

    /// Makes the certificate of this key, or finds the one that it has. It is on record before it is signed.
    pub(crate) async fn certify(
        &self,
        root: &Issuer,
        service: &Service,
        key: SubjectKey<'_>,
    ) -> Result<Certificate, DeskError> {
        let (subject, serial) = (service.subject(), random_serial());
        let wanted = beginning(self.now, subject.profile());
        let validity = wanted.within(root.validity()).unwrap_or(wanted);
        let issuance = root.prepare(&subject, key, &serial, validity)?;
        let reservation = Reservation {
            code_hash: None,
            holder: service.holder(),
            profile: service.profile(),
            key_digest: match key {
                SubjectKey::P256(key) => *key.fingerprint(),
                SubjectKey::Ed25519(key) => key.fingerprint(),
            },
            serial: serial.to_string(),
            tbs: issuance.tbs_der().to_vec(),
            not_before: validity.not_before(),
            not_after: validity.not_after(),
            now: self.now,
        };
        match self.store.reserve(&reservation).await? {
            Reserved::New => sign(self.store, root, issuance, &reservation.serial).await,
            Reserved::Existing(record) => existing(self.store, root, record).await,
        }
    }
}

impl Service {
    fn subject(&self) -> Subject {
        match self {
            Self::Timestamp(origin) => Subject::Timestamp { origin: origin.clone() },
            Self::Log(origin) => Subject::Log { origin: origin.clone() },
            Self::Witness(name) => Subject::Witness { name: name.clone() },
        }
    }

    fn holder(&self) -> Holder {
        match self {
            Self::Timestamp(origin) | Self::Log(origin) => Holder::Server(origin.clone()),
            Self::Witness(name) => Holder::Witness(name.clone()),
        }
    }

    fn profile(&self) -> &'static str {
        match self {
            Self::Timestamp(_) => "timestamp",
            Self::Log(_) => LOG,
            Self::Witness(_) => WITNESS,
        }
    }
}

/// The profile of logs, as it stands in CUHK's records.
pub(crate) const LOG: &str = "log";

/// The profile of witnesses, likewise.
const WITNESS: &str = "witness";
