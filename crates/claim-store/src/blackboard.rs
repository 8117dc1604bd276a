//! What Blackboard keeps: the ring of sealing keys, wrapped; the messages of step 6; assignments, claims, and the log.

mod assignments;
pub mod audit;
mod claims;
mod cosigned;
mod courses;
pub(crate) mod erasures;
mod hand_ins;
mod log;
mod log_events;
mod messages;
mod offers;
mod outages;
mod rebuild;
mod ring;
mod signers;

use std::sync::Arc;

pub use assignments::HolderRow;
pub use claims::{
    ClaimOutline, ClaimRow, Lodged, Marked, NewClaim, NewPiece, NewWithdrawal, Stamp, Withdrawn,
};
pub use cosigned::{CosignedRow, Lag, NewCosignature};
pub use courses::{Changed, Changer, ChoiceRow, NewCourse, Place, Refused};
pub use erasures::{Erasable, Erasure, OldMessages};
pub use hand_ins::StaffRow;
pub use log::{EntryKind, EntryRow, LogHeadRow};
pub use log_events::LogEvent;
pub use messages::{Kept, NewMessage, StoredMessage};
pub use offers::Offer;
pub use outages::{AllowedOutage, OutageRow};
pub use rebuild::Rebuilt;
pub use ring::{Published, RingRow};
pub use signers::Signers;

use claim_pki::Timestamp;

use self::audit::By;
use crate::audit::Recorder;
use crate::database::Database;
use crate::migrations::Schema;
use crate::writer::Writer;
use crate::{DatabaseUrl, Faults, Kind, StoreError};

/// Blackboard's database.
pub struct BlackboardStore {
    database: Arc<Database>,
    messages: Writer<NewMessage>,
    lodgings: Writer<NewClaim>,
    pieces: Writer<NewPiece>,
    recorder: Recorder,
    signers: signers::Memory,
}

impl BlackboardStore {
    /// Opens the database, brings its schema up to date, and starts the tasks that commit.
    ///
    /// A SQLite file that is not there is made, with mode 0600; SQLite keeps its log beside it.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`] when a newer program has worked with it, [`StoreError::OtherSchema`] when it
    /// is not Blackboard's.
    pub async fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        Self::open_with(url, Faults::none()).await
    }

    /// The same, with faults at its points.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_with(url: &DatabaseUrl, faults: Faults) -> Result<Self, StoreError> {
        let database = Arc::new(Database::open(url, Schema::Blackboard, faults).await?);
        let messages = Writer::start(Arc::clone(&database));
        let lodgings = Writer::start(Arc::clone(&database));
        let pieces = Writer::start(Arc::clone(&database));
        let recorder = Recorder::of(&audit::LOG);
        let signers = signers::Memory::default();
        Ok(Self { database, messages, lodgings, pieces, recorder, signers })
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

    /// Commits what waits, refuses more, and closes all connections.
    pub async fn close(&self) {
        self.messages.finish().await;
        self.lodgings.finish().await;
        self.pieces.finish().await;
        self.database.close().await;
    }
}
