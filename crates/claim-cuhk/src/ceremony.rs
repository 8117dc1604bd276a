//! What only the root signs: certificates for the keys of evidence, on a request file.
//!
//! The issuing key, which serves whoever asks, must never make them: its theft would discredit every receipt.

use std::sync::Arc;

use claim_core::{Origin, Timestamp};
use claim_pki::{
    AuthorityAnswer, AuthorityName, AuthorityRequest, Certificate, EvidenceAnswer, EvidenceRequest,
    Issuer, PrepareError, PublicKey, RevocationList, RevocationListError, Subject, SubjectError,
    SubjectKey, WitnessName, WitnessRequest,
};
use claim_store::StoreError;
use claim_store::cuhk::{CuhkStore, Holder, Provenance, Reservation, Reserved};

use crate::authority::{AuthorityError, load_root, load_root_issuer};
use crate::crl::{ListError, ListOf, Lists, announced_at, hex};
use crate::desk::{DeskError, beginning, existing, random_serial, sign};
use crate::folder::{Folder, exists};
use crate::signing;
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
    /// An issuing authority, by its common name, at a root that is kept offline.
    Issuing(String),
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
    /// The revocation list cannot be made.
    #[error(transparent)]
    List(#[from] ListError),
    /// The list that was just made cannot be read.
    #[error("the revocation list on record cannot be read: {0}")]
    Read(#[from] RevocationListError),
    /// No CUHK has been certified here whose witness could cosign.
    #[error("this root has certified no CUHK yet, whose witness the answer must name")]
    NoCuhk,
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
        let witness = self.own_witness().await?;
        let root = Arc::new(self.root().await?);
        let origin = request.origin().clone();
        let key = request.timestamp().public_key().into();
        let timestamp = self.certify(&root, &Service::Timestamp(origin.clone()), key).await?;
        let key = request.log().public_key().into();
        let log = self.certify(&root, &Service::Log(origin), key).await?;
        Ok(EvidenceAnswer { timestamp, log, witness })
    }

    /// The certificate of the witness that CUHK is; where CUHK is elsewhere, the newest that was made for it.
    async fn own_witness(&self) -> Result<Certificate, CeremonyError> {
        if exists(&self.folder.offline_root_mark()).map_err(WitnessError::from)? {
            let name = witness::name(self.origin, &load_root(self.folder)?)?;
            for record in self.store.certificates_of(WITNESS, name.as_str()).await? {
                let revoked = self.store.revocation(&record.serial).await?.is_some();
                if let Some(der) = record.certificate.filter(|_| !revoked) {
                    return Ok(Certificate::from_der(&der).map_err(DeskError::from)?);
                }
            }
            return Err(CeremonyError::NoCuhk);
        }
        let witness = witness::load_or_make(self).await?;
        // Where the root's key is at hand, CUHK's own timestamp key is certified with it, if that is due.
        if let Err(error) = timestamps::load_or_make(self).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "CUHK has no timestamp key");
        }
        Ok(witness.certificate().clone())
    }

    /// Certifies the keys of a CUHK that serves elsewhere, or finds the certificates that they have.
    pub(crate) async fn answer_authority(
        &self,
        request: &AuthorityRequest,
    ) -> Result<AuthorityAnswer, CeremonyError> {
        let root = Arc::new(announced_at(self.root().await?, self.origin));
        let key = request.timestamp().public_key().into();
        let service = Service::Timestamp(self.origin.clone());
        let timestamp = self.certify(&root, &service, key).await?;
        let key = request.witness().public_key().into();
        let service = Service::Witness(request.witness_name().clone());
        let witness = self.certify(&root, &service, key).await?;
        let issuing = match request.issuing() {
            Some((name, request)) => {
                Some(self.certify_issuing(&root, name, request.public_key()).await?)
            }
            None => None,
        };
        let Self { folder, store, now, .. } = *self;
        let key_id = hex(root.key_id());
        Lists { folder, store, now }.publish_of(ListOf::Root, &key_id).await?;
        let record = store.revocation_list(&key_id).await?.ok_or(ListError::NoKeyId)?;
        let list = RevocationList::from_der(&record.list)?;
        Ok(AuthorityAnswer { timestamp, witness, issuing, list })
    }

    /// The same key gets the same certificate again.
    async fn certify_issuing(
        &self,
        root: &Arc<Issuer>,
        name: &str,
        key: &PublicKey,
    ) -> Result<Certificate, DeskError> {
        for record in self.store.certificates_of(ISSUING, name).await? {
            if record.key_digest == *key.fingerprint() {
                return existing(self.store, std::iter::once(root), record).await;
            }
        }
        self.certify(root, &Service::Issuing(name.to_owned()), key.into()).await
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
        let root = Arc::new(self.root().await?);
        Ok(self.certify(&root, &Service::Witness(name.clone()), key.into()).await?)
    }

    /// The root with its key, which does not stay in memory.
    pub(crate) async fn root(&self) -> Result<Issuer, AuthorityError> {
        let (folder, origin) = (self.folder.clone(), self.origin.clone());
        signing::apart(move || load_root_issuer(&folder, Some(&origin))).await?
    }

    /// Makes the certificate of this key, or finds the one that it has. It is on record before it is signed.
    pub(crate) async fn certify(
        &self,
        root: &Arc<Issuer>,
        service: &Service,
        key: SubjectKey<'_>,
    ) -> Result<Certificate, DeskError> {
        let (subject, serial) = (service.subject().map_err(PrepareError::from)?, random_serial());
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
            provenance: Provenance::default(),
            most_live: None,
            announce: false,
        };
        match self.store.reserve(&reservation).await? {
            Reserved::New => sign(self.store, root, issuance, &reservation.serial).await,
            Reserved::Existing(record) => existing(self.store, std::iter::once(root), record).await,
        }
    }
}

impl Service {
    fn subject(&self) -> Result<Subject, SubjectError> {
        Ok(match self {
            Self::Timestamp(origin) => Subject::Timestamp { origin: origin.clone() },
            Self::Log(origin) => Subject::Log { origin: origin.clone() },
            Self::Witness(name) => Subject::Witness { name: name.clone() },
            Self::Issuing(name) => Subject::Issuing { name: AuthorityName::cuhk(name)? },
        })
    }

    pub(crate) fn holder(&self) -> Holder {
        match self {
            Self::Timestamp(origin) | Self::Log(origin) => Holder::Server(origin.clone()),
            Self::Witness(name) => Holder::Witness(name.clone()),
            Self::Issuing(name) => Holder::Authority(name.clone()),
        }
    }

    pub(crate) fn profile(&self) -> &'static str {
        match self {
            Self::Timestamp(_) => "timestamp",
            Self::Log(_) => LOG,
            Self::Witness(_) => WITNESS,
            Self::Issuing(_) => ISSUING,
        }
    }
}

/// The profile of logs, as it stands in CUHK's records.
pub(crate) const LOG: &str = "log";

/// The profile of issuing authorities, likewise.
const ISSUING: &str = "issuing";

/// The profile of witnesses, likewise.
const WITNESS: &str = "witness";
