//! Certificates of which their holders are still to be told by mail: on record with the certificate, so that nothing
//! that stops CUHK loses one.

use claim_pki::{PersonId, Timestamp};
use sqlx::{AnyConnection, AssertSqlSafe};

use super::CuhkStore;
use super::people::{self, PersonRecord};
use super::provenance::{self, Provenance};
use crate::batch::values;
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// A certificate that its holder is to be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// Who holds it.
    pub person: PersonRecord,
    /// When it was reserved.
    pub issued_at: Timestamp,
    /// The last moment of its validity.
    pub not_after: Timestamp,
    /// Who asked for it, and for which device.
    pub provenance: Provenance,
    /// How often it was tried.
    pub attempts: u64,
}

/// What became of telling somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnnouncementEnd {
    /// The mail server took the mail.
    Sent {
        /// When.
        at: Timestamp,
    },
    /// It did not, and no further attempt is made.
    GivenUp {
        /// Why.
        why: String,
    },
}

impl CuhkStore {
    /// Up to `limit` announcements that are due, of certificates that are signed, the oldest first.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn due_announcements(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Announcement>, StoreError> {
        let rows = sqlx::query(
            "SELECT announcements.serial, announcements.attempts, certificates.reserved_at, \
             certificates.not_after, certificates.device, certificates.authenticated_by, \
             certificates.predecessor, people.id, people.name, people.email, people.role, \
             people.added_at, people.removed_at FROM announcements \
             JOIN certificates ON certificates.serial = announcements.serial \
             JOIN people ON people.id = certificates.name \
             WHERE next_at <= $1 AND certificate IS NOT NULL AND profile = 'person' \
             ORDER BY next_at, announcements.serial LIMIT $2",
        )
        .bind(now.as_millis())
        .bind(i64::from(limit))
        .read_all(&self.database)
        .await?;
        let announcement = |row| {
            let columns = Columns::new("announcements", row);
            Ok(Announcement {
                serial: columns.text("serial")?,
                person: people::read(row)?,
                issued_at: columns.time("reserved_at")?,
                not_after: columns.time("not_after")?,
                provenance: provenance::read(&columns)?,
                attempts: columns.count("attempts")?,
            })
        };
        rows.iter().map(announcement).collect()
    }

    /// Begins to tell somebody; until its end is on record it is due again at `next_at`, so that at worst somebody is told
    /// twice. `false` when another replica was first, or it has ended.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn begin_announcement(
        &self,
        announcement: &Announcement,
        next_at: Timestamp,
    ) -> Result<bool, StoreError> {
        let attempts = i64::try_from(announcement.attempts)
            .map_err(|_| StoreError::Foreign { table: "announcements", column: "attempts" })?;
        retry!(async {
            let mut write = self.database.begin(Point::Announced).await?;
            let begun = sqlx::query(
                "UPDATE announcements SET next_at = $1, attempts = attempts + 1 \
                 WHERE serial = $2 AND attempts = $3 AND next_at IS NOT NULL",
            )
            .bind(next_at.as_millis())
            .bind(announcement.serial.as_str())
            .bind(attempts)
            .execute(write.connection())
            .await?;
            write.commit().await?;
            Ok(begun.rows_affected() == 1)
        })
    }

    /// Keeps what became of it.
    ///
    /// # Errors
    /// Whatever befalls the database; then it is due again.
    pub async fn announced(&self, serial: &str, end: &AnnouncementEnd) -> Result<(), StoreError> {
        let (sent_at, fault) = match end {
            AnnouncementEnd::Sent { at } => (Some(*at), None),
            AnnouncementEnd::GivenUp { why } => (None, Some(why.replace('\0', " "))),
        };
        retry!(async {
            let mut write = self.database.begin(Point::Announced).await?;
            sqlx::query(
                "UPDATE announcements SET next_at = NULL, sent_at = $1, fault = $2 \
                 WHERE serial = $3",
            )
            .bind(sent_at.map(Timestamp::as_millis))
            .bind(fault.as_deref())
            .bind(serial)
            .execute(write.connection())
            .await?;
            write.commit().await
        })
    }

    /// Why this person was last not told of a certificate by mail, if that was given up.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn announcement_fault(&self, id: &PersonId) -> Result<Option<String>, StoreError> {
        let row = sqlx::query(
            "SELECT fault FROM announcements \
             JOIN certificates ON certificates.serial = announcements.serial \
             WHERE profile = 'person' AND certificates.name = $1 \
             ORDER BY created_at DESC, announcements.serial LIMIT 1",
        )
        .bind(id.as_str())
        .read_optional(&self.database)
        .await?;
        match row {
            Some(row) => Columns::new("announcements", &row).optional_text("fault"),
            None => Ok(None),
        }
    }
}

/// Puts on record that the holders of these certificates, by serial number, are to be told of them, each from a time on.
pub(super) async fn put(
    connection: &mut AnyConnection,
    certificates: &[(&str, Timestamp)],
) -> Result<(), StoreError> {
    if certificates.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "INSERT INTO announcements (serial, created_at, next_at, attempts) VALUES {}",
        values(certificates.len(), 4)
    );
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    for (serial, now) in certificates {
        insert = insert.bind(*serial).bind(now.as_millis()).bind(now.as_millis()).bind(0_i64);
    }
    insert.execute(connection).await?;
    Ok(())
}
