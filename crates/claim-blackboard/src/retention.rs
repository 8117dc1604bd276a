//! Retention: erasing the claims and messages that are older than the school keeps them.
//!
//! The log stays whole, and with it what anybody's receipt proves: its entries have ids and digests, and no ids of people. What
//! goes is in `claim_store`'s records and objects; how they go, and that nothing is half erased for good, is said there.

mod rule;

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use claim_core::claim::ClaimId;
use claim_core::{AssignmentRef, Timestamp};
use claim_files::{FileError, FolderLock, lock_folder};
use claim_store::blackboard::{BlackboardStore, Erasable, OldMessages};
use claim_store::{Faults, ObjectError, Objects, Scrubbed, StoreError, Taken};

pub use rule::{Hold, KEEP_AT_LEAST, Rule};

use crate::admin::{self, AdminError};
use crate::folder::Folder;

/// So many holders' claims for one assignment go at once: whoever lodges meanwhile waits for one such step at most.
const HOLDERS_AT_ONCE: u32 = 64;

/// So many messages go at once.
const MESSAGES_AT_ONCE: u32 = 1_000;

/// Of so many claims it is noted at once that nothing is left.
const SETTLED_AT_ONCE: usize = 1_000;

/// How often it is tried whether a backup is done.
const TRY_EVERY: Duration = Duration::from_millis(200);

/// What a rule would erase now, or erases.
#[derive(Clone, Debug)]
pub struct Due {
    /// What came before this time.
    pub before: Timestamp,
    /// What goes of each assignment.
    pub claims: Vec<DueClaims>,
    /// What would go, and is held.
    pub held: Vec<Erasable>,
    /// The messages that go.
    pub messages: OldMessages,
    /// How many claims an erasure that was cut off has left half erased.
    pub under_way: u64,
}

/// What goes of one assignment.
#[derive(Clone, Debug)]
pub struct DueClaims {
    /// The records.
    pub records: Erasable,
    /// The pieces of files.
    pub files: Taken,
}

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// How many claims, with those that had been left half erased.
    pub claims: u64,
    /// Their files.
    pub files: Taken,
    /// How many messages.
    pub messages: u64,
    /// What was done about the database's own files; `None` where nothing was erased.
    pub scrubbed: Option<Scrubbed>,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// So many more claims are erased.
    Claims(u64),
    /// So many more messages are.
    Messages(u64),
    /// The database's file is being written anew.
    Scrubbing,
}

/// Why not everything was erased. Done again, it goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetentionError {
    /// Another process erases, or backs up, and does not come to an end.
    #[error("a backup of this Blackboard, or another erasure, is under way")]
    Busy,
    /// There are no records.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Files cannot be erased.
    #[error(transparent)]
    Objects(#[from] ObjectError),
    /// The folder cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Keeps backups and erasures apart: a backup has the records of one moment, and then the files that they name.
///
/// # Errors
/// [`RetentionError::Busy`] when the other is not done after so long.
pub(crate) async fn apart(dir: &Path, patience: Duration) -> Result<FolderLock, RetentionError> {
    let wait = async {
        loop {
            match lock_folder(dir, Folder::ERASING) {
                Err(FileError::Locked { .. }) => tokio::time::sleep(TRY_EVERY).await,
                locked => break locked,
            }
        }
    };
    let locked = tokio::time::timeout(patience, wait).await;
    Ok(locked.map_err(|_| RetentionError::Busy)??)
}

/// The records and files of a Blackboard, to be erased from.
#[derive(Clone, Copy)]
pub(crate) struct Kept<'b> {
    pub(crate) store: &'b BlackboardStore,
    pub(crate) objects: &'b Objects,
}

impl Kept<'_> {
    /// What this rule would erase.
    pub(crate) async fn due(self, rule: &Rule, now: Timestamp) -> Result<Due, RetentionError> {
        let before = self.before(rule, now).await?;
        let (held, goes): (Vec<_>, Vec<_>) = self
            .store
            .erasable(before)
            .await?
            .into_iter()
            .partition(|one| rule.holds(&one.reference));
        let mut numbers = HashMap::new();
        for (number, one) in goes.iter().enumerate() {
            let claims = self.store.erasable_claims(&one.reference, before).await?;
            numbers.extend(claims.into_iter().map(|claim| (claim, number)));
        }
        let mut files = self.objects.space_of(numbers).await?;
        let claims = goes.into_iter().enumerate().map(|(number, records)| DueClaims {
            records,
            files: files.remove(&number).unwrap_or_default(),
        });
        Ok(Due {
            before,
            claims: claims.collect(),
            held,
            messages: self.store.messages_before(before).await?,
            under_way: self.store.erasures_under_way().await?.len() as u64,
        })
    }

    /// Erases by this rule, if there is one, and what an erasure that was cut off has left.
    pub(crate) async fn erase(
        self,
        rule: Option<&Rule>,
        now: Timestamp,
        mut tell: impl FnMut(Step),
    ) -> Result<Erased, RetentionError> {
        let mut erased = Erased::default();
        let mut gone = self.store.erasures_under_way().await?;
        self.finish(&gone, &mut erased, &mut tell).await?;
        if let Some(rule) = rule {
            let before = self.before(rule, now).await?;
            for one in self.store.erasable(before).await? {
                if !rule.holds(&one.reference) {
                    gone.extend(
                        self.assignment(&one.reference, (before, now), &mut erased, &mut tell)
                            .await?,
                    );
                }
            }
            for reference in self.store.empty_holders().await? {
                if !rule.holds(&reference) {
                    self.store.erase_empty_holders(&reference).await?;
                }
            }
            self.messages(before, &mut erased, &mut tell).await?;
        }
        if erased.claims > 0 || erased.messages > 0 {
            tell(Step::Scrubbing);
            let scrubbed = self.store.scrub().await?;
            erased.scrubbed = Some(scrubbed);
            if scrubbed != Scrubbed::LogInUse {
                for some in gone.chunks(SETTLED_AT_ONCE) {
                    self.store.settle_erasures(some).await?;
                }
            }
        }
        Ok(erased)
    }

    /// What came before this time may go.
    ///
    /// It goes by the time at which Blackboard served last, if that is earlier than now: its clock is compared with others',
    /// and one of this machine that has leapt years ahead must not make everything old.
    async fn before(self, rule: &Rule, now: Timestamp) -> Result<Timestamp, RetentionError> {
        let served = self.store.served_last().await?;
        Ok(rule.before(served.map_or(now, |served| served.min(now))))
    }

    async fn assignment(
        self,
        reference: &AssignmentRef,
        (before, now): (Timestamp, Timestamp),
        erased: &mut Erased,
        tell: &mut impl FnMut(Step),
    ) -> Result<Vec<ClaimId>, RetentionError> {
        let mut gone = Vec::new();
        loop {
            let begun = self.store.begin_erasures(reference, before, now, HOLDERS_AT_ONCE).await?;
            if begun.is_empty() {
                return Ok(gone);
            }
            self.finish(&begun, erased, tell).await?;
            gone.extend(begun);
        }
    }

    /// Files first: as long as there is one, the records know that something is to be erased.
    async fn finish(
        self,
        claims: &[ClaimId],
        erased: &mut Erased,
        tell: &mut impl FnMut(Step),
    ) -> Result<(), RetentionError> {
        for some in claims.chunks(HOLDERS_AT_ONCE as usize) {
            erased.files += self.objects.erase_all_of(some).await?;
            self.store.finish_erasures(some).await?;
            erased.claims += some.len() as u64;
            tell(Step::Claims(some.len() as u64));
        }
        Ok(())
    }

    async fn messages(
        self,
        before: Timestamp,
        erased: &mut Erased,
        tell: &mut impl FnMut(Step),
    ) -> Result<(), RetentionError> {
        loop {
            let gone = self.store.erase_messages(before, MESSAGES_AT_ONCE).await?;
            if gone == 0 {
                return Ok(());
            }
            erased.messages += gone;
            tell(Step::Messages(gone));
        }
    }
}

/// A Blackboard from which a command erases; it may be serving.
pub struct Retention {
    store: BlackboardStore,
    objects: Objects,
    _apart: FolderLock,
}

impl Retention {
    /// Opens the records of the Blackboard in this folder, and waits until no backup is being made.
    ///
    /// # Errors
    /// [`RetentionError`].
    pub async fn open(
        dir: &Path,
        database: Option<&str>,
        patience: Duration,
    ) -> Result<Self, RetentionError> {
        let store = admin::open(dir, database, Faults::none()).await?;
        let objects = Objects::open(&Folder::new(dir).objects())?;
        Ok(Self { store, objects, _apart: apart(dir, patience).await? })
    }

    /// What this rule would erase.
    ///
    /// # Errors
    /// [`RetentionError`].
    pub async fn due(&self, rule: &Rule, now: Timestamp) -> Result<Due, RetentionError> {
        self.kept().due(rule, now).await
    }

    /// Erases it, and what an erasure that was cut off has left.
    ///
    /// # Errors
    /// [`RetentionError`]. Done again, it goes on.
    pub async fn erase(
        &self,
        rule: &Rule,
        now: Timestamp,
        tell: impl FnMut(Step),
    ) -> Result<Erased, RetentionError> {
        self.kept().erase(Some(rule), now, tell).await
    }

    fn kept(&self) -> Kept<'_> {
        Kept { store: &self.store, objects: &self.objects }
    }
}

impl std::fmt::Debug for Retention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retention").finish_non_exhaustive()
    }
}
