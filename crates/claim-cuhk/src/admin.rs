//! What the people who run CUHK do beside serving: make it, invite, certify the keys of evidence, revoke, look at what was
//! issued.
//!
//! All but [`init`] may be done while CUHK serves.

mod audit;
mod elsewhere;
mod error;
mod inviting;
mod issuing;
mod mailing;
mod people;
mod retention;
mod revoke;
mod roster;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use claim_audit::operator;
use claim_core::invitation::RootPin;
use claim_core::{DeviceName, Digest, Origin, PersonId, Timestamp};
use claim_http::Clock;
use claim_pki::{Certificate, EvidenceAnswer, EvidenceRequest, RevocationReason, WitnessRequest};
use claim_store::Faults;
use claim_store::cuhk::audit::{Authentication, By};
use claim_store::cuhk::{CertificateFilter, CertificateRecord, CuhkStore};

pub use self::elsewhere::init_offline_root;
pub use self::error::AdminError;
pub use self::inviting::{Invited, PreparedInvitations, Whom};
pub use self::issuing::RenewedIssuing;
pub use self::mailing::{MailOutcome, Mailed, Mailing};
pub use self::people::{ChangedPerson, PersonEntry, Progress, RosterDifference, RosterImport};
pub use self::retention::{Retained, RetentionPlan, RetentionRule, SPENT_DAYS};
pub use self::revoke::{Revoking, ToRevoke};
pub use self::roster::{
    EmailAddress, EmailError, LineError, MAX_NAME_LENGTH, MAX_ROLE_LENGTH, MAX_ROSTER_BYTES,
    MAX_ROSTER_PEOPLE, PersonName, PersonNameError, Role, RoleError, RosterEntry, RosterError,
    read_roster,
};
use crate::audit::unrecorded;
use crate::authority::{Authority, AuthorityError, issuing_certificates, load_root};
use crate::ceremony::Ceremony;
use crate::config::{DEFAULT_CODE_LIFE, DEFAULT_PORT};
use crate::error::StartError;
use crate::folder::{Folder, exists};
use crate::keys::KeySettings;
use crate::mode::Mode;
use crate::server::{lock, open_store};
use crate::signing;

/// How many records are read from the database at once.
const PAGE: u32 = 1000;

/// What [`init`] made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The root certificate's file.
    pub certificate: PathBuf,
    /// SHA-256 of the root certificate's DER.
    pub fingerprint: Digest,
}

/// Makes root and issuing certificate of a real CUHK, and nothing else.
///
/// `origin` is remembered for invitations; serving may change it. One that was cut off goes on where it stopped.
///
/// # Errors
/// [`StartError`], [`AuthorityError::MadeAlready`] among them when the folder has its CUHK.
pub async fn init(
    dir: &Path,
    database: Option<&str>,
    origin: Option<&Origin>,
    clock: &Clock,
) -> Result<Made, StartError> {
    init_with_keys(dir, KeySettings::default(), database, origin, clock).await
}

/// The same with keys that have passphrases, or are made in a token.
///
/// # Errors
/// As of [`init`].
pub async fn init_with_keys(
    dir: &Path,
    keys: KeySettings,
    database: Option<&str>,
    origin: Option<&Origin>,
    clock: &Clock,
) -> Result<Made, StartError> {
    let folder = Folder::with_keys(dir, keys);
    let _lock = lock(&folder)?;
    let certificate = folder.root_certificate();
    // A root without an issuing certificate is one that was cut off, if it is for the same purpose.
    if exists(&certificate)?
        && (!issuing_certificates(&folder)?.is_empty() || load_root(&folder)?.is_local_demo())
    {
        return Err(AuthorityError::MadeAlready { certificate }.into());
    }
    let store = open_store(&folder, database, Faults::none()).await?;
    let has_issued = !store.certificates(None, 1).await?.is_empty();
    let (known_as, now, place) = (origin.cloned(), clock.now(), folder.clone());
    let make =
        move || Authority::load_or_make(&place, Mode::Rostered, has_issued, known_as.as_ref(), now);
    let (authority, _) = signing::apart(make).await.map_err(AuthorityError::from)??;
    let time = clock.clone();
    let store = store.acting(By::administrator(operator()), move || time.now());
    store.audit().record(&unrecorded(&store, &authority).await?).await?;
    if let Some(origin) = origin {
        folder.remember_origin(origin)?;
    }
    store.close().await;
    Ok(Made { certificate, fingerprint: authority.root_digest() })
}

/// The desk of those who run CUHK: its records, and the root that invitations pin.
pub struct Office {
    folder: Folder,
    mode: Mode,
    pin: RootPin,
    store: CuhkStore,
    clock: Clock,
    /// How long a code is valid, in seconds.
    code_life: i64,
}

/// A certificate on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateEntry {
    /// Its serial number.
    pub serial: String,
    /// Its profile: `person`, `server`, `timestamp`, `log` or `witness`.
    pub profile: String,
    /// Whom it names: an id, an origin, or a witness's name; empty when that was erased.
    pub holder: String,
    /// SHA-256 of its public key (SubjectPublicKeyInfo); `None` when that was erased.
    pub key_fingerprint: Option<Digest>,
    /// The first moment of its validity.
    pub not_before: Timestamp,
    /// The last moment of its validity.
    pub not_after: Timestamp,
    /// When it went on record, shortly before it was signed.
    pub reserved_at: Timestamp,
    /// SHA-256 of its DER; `None` when it was never signed, because CUHK stopped before.
    pub fingerprint: Option<Digest>,
    /// Its DER, once it was signed, until it is erased.
    pub der: Option<Vec<u8>>,
    /// When its person was erased, if that was done.
    pub erased_at: Option<Timestamp>,
    /// Since when it is revoked and why, if it is.
    pub revoked: Option<(Timestamp, RevocationReason)>,
    /// How whoever asked for it was known; `None` where nobody asked, or where it is not on record.
    pub authenticated_by: Option<Authentication>,
    /// The person's device that keeps it, where one was named.
    pub device: Option<DeviceName>,
    /// Serial number of the certificate that it was re-enrolled from.
    pub predecessor: Option<String>,
}

impl Office {
    /// Opens the records of the CUHK in this folder.
    ///
    /// # Errors
    /// [`AdminError`] when there is no CUHK in the folder, or its records cannot be used.
    pub async fn open(
        dir: &Path,
        database: Option<&str>,
        clock: Clock,
    ) -> Result<Self, AdminError> {
        Self::open_with(dir, database, clock, Faults::none()).await
    }

    /// From now on opens private keys as these settings say.
    #[must_use]
    pub fn with_keys(self, keys: KeySettings) -> Self {
        let folder = Folder::with_keys(self.folder.path(), keys);
        Self { folder, ..self }
    }

    /// The same, with faults at the points of its records.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(
        dir: &Path,
        database: Option<&str>,
        clock: Clock,
        faults: Faults,
    ) -> Result<Self, AdminError> {
        let folder = Folder::new(dir);
        let root = load_root(&folder)?;
        let store = open_store(&folder, database, faults).await?;
        let time = clock.clone();
        let store = store.acting(By::administrator(operator()), move || time.now());
        let pin = RootPin::of(&Digest::from_bytes(*root.hash()));
        Ok(Self { folder, mode: Mode::of(&root), pin, store, clock, code_life: DEFAULT_CODE_LIFE })
    }

    /// The same, with codes that are valid so many seconds.
    #[must_use]
    pub fn with_code_life(self, code_life: i64) -> Self {
        Self { code_life, ..self }
    }

    /// Certifies the keys of a Blackboard's evidence by the root itself, and adds the certificate of CUHK's witness.
    ///
    /// The same keys get the same certificates again. Whoever calls this has shown the request to a person who said yes.
    ///
    /// # Errors
    /// [`AdminError::Ceremony`]; what was recorded until then is found again when it is done again.
    pub async fn certify(&self, request: &EvidenceRequest) -> Result<EvidenceAnswer, AdminError> {
        let origin = self.origin()?;
        Ok(self.ceremony(&origin).answer(request).await?)
    }

    /// Certifies the key of a witness that others run, by the root itself.
    ///
    /// The same key gets the same certificate again. Whoever calls this has shown the request to a person who said yes.
    ///
    /// # Errors
    /// [`AdminError::Ceremony`], [`CeremonyError::NameTaken`](crate::CeremonyError::NameTaken) among them.
    pub async fn certify_witness(
        &self,
        request: &WitnessRequest,
    ) -> Result<Certificate, AdminError> {
        let origin = self.origin()?;
        Ok(self.ceremony(&origin).answer_witness(request).await?)
    }

    /// Every certificate on record, in the order of their issue.
    ///
    /// # Errors
    /// [`AdminError`] when the records cannot be read.
    pub async fn list(&self) -> Result<Vec<CertificateEntry>, AdminError> {
        let revocations = self.store.all_revocations().await?.into_iter();
        let revoked: HashMap<_, _> =
            revocations.map(|one| (one.serial, (one.revoked_at, one.reason))).collect();
        let entry = |record: CertificateRecord| CertificateEntry {
            revoked: revoked.get(&record.serial).copied(),
            ..CertificateEntry::from(record)
        };
        let mut entries = Vec::new();
        let mut page = self.store.certificates(None, PAGE).await?;
        while let Some(last) = page.last().cloned() {
            entries.extend(page.into_iter().map(entry));
            page = self.store.certificates(Some(&last), PAGE).await?;
        }
        Ok(entries)
    }

    /// Up to a thousand certificates that are asked for, in the order of their issue, from the first or `after` another one.
    ///
    /// # Errors
    /// [`AdminError`] when the records cannot be read.
    pub async fn certificates(
        &self,
        filter: &CertificateFilter,
        after: Option<&CertificateEntry>,
    ) -> Result<Vec<CertificateEntry>, AdminError> {
        let after = after.map(|entry| (entry.reserved_at, entry.serial.as_str()));
        let page = self.store.certificates_matching(filter, after, PAGE).await?;
        let serials: Vec<&str> = page.iter().map(|record| record.serial.as_str()).collect();
        let revocations = self.store.revocations_among(&serials).await?.into_iter();
        let revoked: HashMap<_, _> =
            revocations.map(|one| (one.serial, (one.revoked_at, one.reason))).collect();
        let entry = |record: CertificateRecord| CertificateEntry {
            revoked: revoked.get(&record.serial).copied(),
            ..CertificateEntry::from(record)
        };
        Ok(page.into_iter().map(entry).collect())
    }

    /// The certificates of a person, the newest first.
    ///
    /// # Errors
    /// [`AdminError`] when the records cannot be read.
    pub async fn certificates_of(
        &self,
        id: &PersonId,
    ) -> Result<Vec<CertificateEntry>, AdminError> {
        let mut entries = Vec::new();
        for record in self.store.certificates_of("person", id.as_str()).await? {
            let revocation = self.store.revocation(&record.serial).await?;
            let revoked = revocation.map(|one| (one.revoked_at, one.reason));
            entries.push(CertificateEntry { revoked, ..CertificateEntry::from(record) });
        }
        Ok(entries)
    }

    /// Closes the records.
    pub async fn close(self) {
        self.store.close().await;
    }

    fn ceremony<'a>(&'a self, origin: &'a Origin) -> Ceremony<'a> {
        Ceremony { folder: &self.folder, store: &self.store, origin, now: self.clock.now() }
    }
}

impl Office {
    /// Where CUHK served last, or would without further settings.
    fn origin(&self) -> Result<Origin, AdminError> {
        match self.folder.remembered_origin() {
            Some(origin) => Ok(origin),
            None => Ok(Origin::from_user(&format!("https://localhost:{DEFAULT_PORT}"))?),
        }
    }
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Office")
            .field("folder", &self.folder.path())
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

impl From<CertificateRecord> for CertificateEntry {
    fn from(record: CertificateRecord) -> Self {
        Self {
            serial: record.serial,
            profile: record.profile,
            holder: record.name,
            key_fingerprint: record.erased.is_none().then(|| Digest::from_bytes(record.key_digest)),
            not_before: record.not_before,
            not_after: record.not_after,
            reserved_at: record.reserved_at,
            fingerprint: match record.erased {
                Some(erased) => erased.sha256.map(Digest::from_bytes),
                None => record.certificate.as_deref().map(Digest::of),
            },
            der: record.certificate,
            erased_at: record.erased.map(|erased| erased.at),
            authenticated_by: record.provenance.authenticated_by,
            device: record.provenance.device,
            predecessor: record.provenance.predecessor,
            revoked: None,
        }
    }
}
