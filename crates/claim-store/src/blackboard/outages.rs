//! When Blackboard could not be reached: by its own minute marks, or as the people who run it have said.

use claim_core::Timestamp;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::BlackboardStore;
use super::audit::outage_allowed;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// A timestamp of CUHK's may lie so far before or after an outage, in milliseconds: clocks differ, and whoever finds
/// Blackboard out of reach gets the timestamp a moment later.
const MARGIN: i64 = 60_000;

/// A time in which Blackboard could not be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutageRow {
    /// Its beginning.
    pub since: Timestamp,
    /// Its end.
    pub until: Timestamp,
    /// Why the people who run Blackboard say so; `None` where its own minute marks do.
    pub allowed: Option<AllowedOutage>,
}

/// What the people who run Blackboard have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOutage {
    /// Why.
    pub reason: String,
    /// When they said so.
    pub at: Timestamp,
}

impl BlackboardStore {
    /// Notes that Blackboard could not be reached at that time, for everybody; said again it gets another reason.
    ///
    /// # Errors
    /// Whatever befalls the database. It is safe to repeat.
    pub async fn allow_outage(
        &self,
        since: Timestamp,
        until: Timestamp,
        allowed: &AllowedOutage,
    ) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::OutageAllowed).await?;
            sqlx::query(
                "INSERT INTO allowed_outages (since, until, reason, allowed_at) VALUES ($1, $2, $3, $4) \
                 ON CONFLICT (since, until) DO UPDATE SET reason = excluded.reason, \
                 allowed_at = excluded.allowed_at",
            )
            .bind(since.as_millis())
            .bind(until.as_millis())
            .bind(allowed.reason.as_str())
            .bind(allowed.at.as_millis())
            .execute(write.connection())
            .await?;
            let entry = outage_allowed(since, until, allowed);
            self.recorder.record(&mut write, &[entry]).await?;
            write.commit().await?;
            Ok(())
        })
    }

    /// Notes that claims could not be taken from then until now, by Blackboard's own knowledge.
    ///
    /// # Errors
    /// Whatever befalls the database. It is safe to repeat.
    pub async fn put_outage(&self, since: Timestamp, until: Timestamp) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Minute).await?;
            sqlx::query(
                "INSERT INTO outages (since, until) VALUES ($1, $2) \
                 ON CONFLICT (since) DO UPDATE SET until = excluded.until \
                 WHERE outages.until < excluded.until",
            )
            .bind(since.as_millis())
            .bind(until.as_millis())
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// Moves the upload windows of all waiting claims, because no files were taken for so many milliseconds.
    ///
    /// # Errors
    /// Whatever befalls the database. Repeated, they move again.
    pub async fn extend_windows(&self, millis: i64) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Minute).await?;
            sqlx::query(
                "UPDATE claims SET upload_until = upload_until + $1 WHERE state = 'waiting'",
            )
            .bind(millis)
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// All outages, the earliest first.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn outages(&self) -> Result<Vec<OutageRow>, StoreError> {
        let rows = sqlx::query(SELECT_SINCE).bind(i64::MIN).read_all(&self.database).await?;
        rows.iter().map(read).collect()
    }
}

const SELECT_SINCE: &str = "SELECT since, until, NULL AS reason, NULL AS allowed_at FROM outages WHERE until >= $1 \
     UNION ALL SELECT since, until, reason, allowed_at FROM allowed_outages WHERE until >= $1 ORDER BY 1, 2";

/// The outages that end after this time or at most a moment before, as the transaction sees them.
pub(super) async fn since(
    connection: &mut AnyConnection,
    at: Timestamp,
) -> Result<Vec<OutageRow>, StoreError> {
    let rows = sqlx::query(SELECT_SINCE)
        .bind(at.as_millis().saturating_sub(MARGIN))
        .fetch_all(connection)
        .await?;
    rows.iter().map(read).collect()
}

/// Whether one of these outages was at that time.
pub(super) fn covers(outages: &[OutageRow], at: Timestamp) -> bool {
    outages.iter().any(|outage| {
        at.millis_since(outage.since) >= -MARGIN && at.millis_since(outage.until) <= MARGIN
    })
}

/// The end of so many seconds that begin then and in which Blackboard can be reached: each outage moves it.
pub(super) fn reachable_until(outages: &[OutageRow], from: Timestamp, seconds: i64) -> Timestamp {
    let mut end = from.plus_seconds(seconds);
    let mut counted = from;
    // By their beginnings; what overlaps counts once.
    for outage in outages {
        let begins = outage.since.max(counted);
        if begins > end || outage.until <= begins {
            continue;
        }
        end = Timestamp::from_millis(
            end.as_millis().saturating_add(outage.until.millis_since(begins)),
        );
        counted = outage.until;
    }
    end
}

fn read(row: &AnyRow) -> Result<OutageRow, StoreError> {
    let columns = Columns::new("outages", row);
    let allowed = match columns.optional_text("reason")? {
        Some(reason) => Some(AllowedOutage { reason, at: columns.time("allowed_at")? }),
        None => None,
    };
    Ok(OutageRow { since: columns.time("since")?, until: columns.time("until")?, allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_790_000_000 + seconds)
    }

    fn outages(periods: &[(i64, i64)]) -> Vec<OutageRow> {
        let row = |(since, until): &(i64, i64)| OutageRow {
            since: at(*since),
            until: at(*until),
            allowed: None,
        };
        periods.iter().map(row).collect()
    }

    #[test]
    fn a_minute_on_either_side_is_within() {
        let outages = outages(&[(1000, 2000)]);
        for (seconds, within) in
            [(939, false), (940, true), (1500, true), (2060, true), (2061, false)]
        {
            assert_eq!(covers(&outages, at(seconds)), within, "{seconds}");
        }
    }

    #[test]
    fn the_window_moves_by_each_outage_once() {
        for (periods, end) in [
            (&[][..], 700),
            (&[(0, 50)], 700),
            (&[(0, 150)], 750),
            (&[(200, 300)], 800),
            (&[(200, 300), (250, 400)], 900),
            (&[(200, 400), (250, 300)], 900),
            (&[(200, 300), (750, 800)], 850),
            (&[(701, 900)], 700),
            (&[(200, 90_000)], 90_500),
        ] {
            assert_eq!(reachable_until(&outages(periods), at(100), 600), at(end), "{periods:?}");
        }
    }
}
