//! Withdrawing a claim, and letting it lapse.

use std::time::Duration;

use claim_core::claim::{ClaimId, LogEntry};
use claim_core::hand_in::ClaimState;
use claim_core::{Digest, Timestamp};
use sqlx::AnyConnection;

use super::{ClaimRow, find};
use crate::blackboard::BlackboardStore;
use crate::blackboard::log::{self, EntryIds};
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// A signed withdrawal that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewWithdrawal {
    /// Which claim.
    pub claim: ClaimId,
    /// The signed withdrawal.
    pub cms: Vec<u8>,
    /// When its last byte was read.
    pub at: Timestamp,
}

/// What withdrawing led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is withdrawn: now, or it was before.
    Yes(Box<ClaimRow>),
    /// The time for that is over.
    TooLate {
        /// The last moment at which it could have been withdrawn.
        until: Timestamp,
    },
    /// It has ended in another way.
    Ended {
        /// What has become of it.
        state: ClaimState,
    },
    /// There is no such claim.
    NoClaim,
}

/// A server that was silent for longer than this was out of reach, in milliseconds.
const GAP: i64 = 60_000;

impl BlackboardStore {
    /// Withdraws a claim: when this returns, the withdrawal and its log entry are durable.
    ///
    /// # Errors
    /// Whatever befalls the database. It is safe to repeat.
    pub async fn withdraw(&self, withdrawal: &NewWithdrawal) -> Result<Withdrawn, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Withdrawal).await?;
            let mut ids = EntryIds::take(write.connection(), 1).await?;
            let outcome = withdraw(write.connection(), &mut ids, withdrawal).await?;
            write.commit().await?;
            Ok(outcome)
        })
    }

    /// Notes that the server serves at this time. After a gap of over a minute since the last such mark, the upload
    /// windows of all waiting claims move by it. Then claims whose window is over lapse; returns how many.
    ///
    /// `silent` is how much time has passed since this process made its last mark, by a clock that nobody can set; `None`
    /// where it has made none. A gap is no longer than that: a clock that was put forward is not an outage.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn mark_minute(
        &self,
        now: Timestamp,
        silent: Option<Duration>,
    ) -> Result<u64, StoreError> {
        let silent =
            silent.map_or(i64::MAX, |silent| i64::try_from(silent.as_millis()).unwrap_or(i64::MAX));
        retry!(async {
            let mut write = self.database.begin(Point::Minute).await?;
            let connection = write.connection();
            let last = last_mark(connection, now).await?;
            let gap = now.millis_since(last).min(silent);
            if gap > GAP {
                let since = Timestamp::from_millis(now.as_millis() - gap);
                sqlx::query("INSERT INTO outages (since, until) VALUES ($1, $2) ON CONFLICT (since) DO NOTHING")
                    .bind(since.as_millis())
                    .bind(now.as_millis())
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(
                    "UPDATE claims SET upload_until = upload_until + $1 WHERE state = 'waiting'",
                )
                .bind(gap)
                .execute(&mut *connection)
                .await?;
            }
            // Another replica's clock may be a little ahead. A mark that lies further ahead was made by a clock that was
            // wrong, and would hide every outage until its time has come.
            let mark = if last.millis_since(now) > GAP { now } else { now.max(last) };
            sqlx::query("UPDATE minute_marks SET last = $1 WHERE id = 1")
                .bind(mark.as_millis())
                .execute(&mut *connection)
                .await?;
            let lapsed = sqlx::query(
                "UPDATE claims SET state = 'lapsed' WHERE state = 'waiting' AND upload_until < $1",
            )
            .bind(now.as_millis())
            .execute(connection)
            .await?
            .rows_affected();
            write.commit().await?;
            Ok(lapsed)
        })
    }
}

impl BlackboardStore {
    /// When the server marked last that it serves; `None` before it has.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn served_last(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = sqlx::query("SELECT last FROM minute_marks WHERE id = 1")
            .read_optional(&self.database)
            .await?;
        row.map(|row| Columns::new("minute_marks", &row).time("last")).transpose()
    }
}

/// The last mark; the first one ever is made here.
async fn last_mark(
    connection: &mut AnyConnection,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    sqlx::query("INSERT INTO minute_marks (id, last) VALUES (1, $1) ON CONFLICT (id) DO NOTHING")
        .bind(now.as_millis())
        .execute(&mut *connection)
        .await?;
    let row =
        sqlx::query("SELECT last FROM minute_marks WHERE id = 1").fetch_one(connection).await?;
    Columns::new("minute_marks", &row).time("last")
}

async fn withdraw(
    connection: &mut AnyConnection,
    ids: &mut EntryIds,
    withdrawal: &NewWithdrawal,
) -> Result<Withdrawn, StoreError> {
    let Some(mut row) = find(connection, withdrawal.claim).await? else {
        return Ok(Withdrawn::NoClaim);
    };
    match row.state {
        ClaimState::Withdrawn => return Ok(Withdrawn::Yes(Box::new(row))),
        ClaimState::Waiting | ClaimState::Received => {}
        state => return Ok(Withdrawn::Ended { state }),
    }
    let until = row.due.unwrap_or(row.upload_until);
    if withdrawal.at > until {
        return Ok(Withdrawn::TooLate { until });
    }
    sqlx::query("UPDATE claims SET state = 'withdrawn', withdrawal = $1 WHERE id = $2")
        .bind(withdrawal.cms.as_slice())
        .bind(row.id.to_string())
        .execute(&mut *connection)
        .await?;
    let entry = LogEntry::Withdrawn { claim: row.id, withdrawal: Digest::of(&withdrawal.cms) };
    log::stage(connection, ids.next(), &entry).await?;
    row.state = ClaimState::Withdrawn;
    Ok(Withdrawn::Yes(Box::new(row)))
}
