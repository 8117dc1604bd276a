//! What CUHK keeps: the roster, invitations, every certificate from before it is signed, what it revoked, and what it
//! has seen of the logs that it witnesses.

mod announcements;
pub mod audit;
mod certificates;
mod devices;
mod erasing;
mod invitations;
mod mailings;
mod people;
mod provenance;
mod reservations;
mod revocations;
mod search;
mod sign_ins;
mod signed;
mod standings;

pub use announcements::{Announcement, AnnouncementEnd};
pub use certificates::{CertificateRecord, ErasedCertificate};
pub use devices::Device;
pub use erasing::{Departed, Erased, ErasureRule, Traces};
pub use invitations::{Bound, Invitation, InvitationRecord, Invitee};
pub use people::PersonRecord;
pub use provenance::Provenance;
pub use reservations::{Holder, Reservation, ReserveError, Reserved};
pub use revocations::{Revocation, RevocationListRecord, Revoked};
pub use search::CertificateFilter;
pub use sign_ins::{BeginSignInError, Decision, SignIn, SignInRecord};
pub use standings::PersonStanding;

use std::sync::Arc;

use claim_pki::Timestamp;

use self::audit::{AuditRecords, By};
use self::signed::Signed;
use crate::audit::Recorder;
use crate::database::Database;
use crate::migrations::Schema;
use crate::witness::WitnessRecords;
use crate::writer::Writer;
use crate::{DatabaseUrl, Faults, Kind, StoreError};

/// CUHK's database.
pub struct CuhkStore {
    database: Arc<Database>,
    reservations: Writer<Reservation>,
    signed: Writer<Signed>,
    recorder: Recorder,
}

impl CuhkStore {
    /// Opens the database, brings its schema up to date, and starts the tasks that commit.
    ///
    /// A SQLite file that is not there is made, with mode 0600; SQLite keeps its log beside it.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] when a newer program has worked with it, [`StoreError::OtherSchema`] when it
    /// is not CUHK's.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Self::open_with(url, Faults::none()).await
    }

    /// The same, with faults at its points.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(url: &DatabaseUrl, faults: Faults) -> Result<Self, StoreError> {
        let recorder = Recorder::of(&audit::LOG);
        let database = Arc::new(Database::open(url, Schema::Cuhk, faults).await?);
        let reservations = Writer::start(Arc::clone(&database));
        let signed = Writer::start(Arc::clone(&database));
        Ok(Self { database, reservations, signed, recorder })
    }

    /// The same, acting for somebody: whoever does what the audit log does not say of another. `now` is the time of its
    /// entries, asked for as each is appended.
    #[must_use]
    pub fn acting(self, by: By, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { recorder: self.recorder.acting(by, now), ..self }
    }

    /// The kind of the database.
    pub fn kind(&self) -> Kind {
        self.database.kind()
    }

    /// Writes something that changes nothing, to tell whether the database can be used.
    ///
    /// # Errors
    /// When it cannot.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.database.check().await
    }

    /// The audit log.
    pub fn audit(&self) -> AuditRecords<'_> {
        AuditRecords::of(&self.database, &self.recorder)
    }

    /// What CUHK has seen of the logs that it witnesses.
    pub fn witnessing(&self) -> WitnessRecords<'_> {
        WitnessRecords::of(&self.database)
    }

    /// Commits what waits, refuses more, and closes all connections, once those who use them are done.
    pub async fn close(&self) {
        self.reservations.finish().await;
        self.signed.finish().await;
        self.database.close().await;
    }
}
