//! How far each person on the roster is: invited, mailed, enrolled.

use claim_pki::{PersonId, Timestamp};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::CuhkStore;
use super::people::{self, PersonRecord};
use crate::StoreError;
use crate::readers::Read;
use crate::row::Columns;

/// A person on record and what became of the invitations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonStanding {
    /// The person.
    pub person: PersonRecord,
    /// When the last invitation was made that did not surely fail to leave.
    pub invited_at: Option<Timestamp>,
    /// Until when the last code is, or was, valid that no key has used.
    pub open_until: Option<Timestamp>,
    /// When a mail server last took an invitation.
    pub mailed_at: Option<Timestamp>,
    /// When the last mail was begun of which nobody knows whether it left.
    pub doubtful_at: Option<Timestamp>,
    /// Why the last invitation surely did not leave by mail; `None` when it did, or did not go by mail.
    pub mail_fault: Option<String>,
    /// How many certificates were issued.
    pub certificates: u64,
}

/// People with what their invitations and certificates tell.
const STANDING: &str = "SELECT id, name, email, role, added_at, removed_at, \
     (SELECT MAX(created_at) FROM invitations WHERE invitee_kind = 'person' \
      AND invitee = people.id AND mail_fault IS NULL) AS invited_at, \
     (SELECT MAX(expires_at) FROM invitations WHERE invitee_kind = 'person' \
      AND invitee = people.id AND NOT EXISTS (SELECT 1 FROM certificates \
      WHERE certificates.code_hash = invitations.code_hash)) AS open_until, \
     (SELECT MAX(mailed_at) FROM invitations WHERE invitee_kind = 'person' \
      AND invitee = people.id) AS mailed_at, \
     (SELECT MAX(created_at) FROM invitations WHERE invitee_kind = 'person' \
      AND invitee = people.id AND mail_to IS NOT NULL AND mailed_at IS NULL \
      AND mail_fault IS NULL) AS doubtful_at, \
     (SELECT mail_fault FROM invitations WHERE invitee_kind = 'person' \
      AND invitee = people.id ORDER BY created_at DESC, code_hash LIMIT 1) AS mail_fault, \
     (SELECT COUNT(*) FROM certificates WHERE profile = 'person' \
      AND certificates.name = people.id AND certificate IS NOT NULL) AS issued \
     FROM people";

impl CuhkStore {
    /// Up to `limit` people on record with their standing, by id, from the first or `after` another one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn standings(
        &self,
        after: Option<&PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonStanding>, StoreError> {
        let rows =
            sqlx::query(AssertSqlSafe(format!("{STANDING} WHERE id > $1 ORDER BY id LIMIT $2")))
                .bind(after.map_or("", PersonId::as_str))
                .bind(i64::from(limit))
                .read_all(&self.database)
                .await?;
        rows.iter().map(read).collect()
    }

    /// The standing of the person of this id, if on record.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn standing(&self, id: &PersonId) -> Result<Option<PersonStanding>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(format!("{STANDING} WHERE id = $1")))
            .bind(id.as_str())
            .read_optional(&self.database)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Up to `limit` people on the roster who hold no certificate and were never invited, but for mails that surely
    /// failed; by id, from the first or `after` another one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn never_invited(
        &self,
        after: Option<&PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, name, email, role, added_at, removed_at FROM people \
             WHERE id > $1 AND removed_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM certificates WHERE profile = 'person' \
              AND certificates.name = people.id AND certificate IS NOT NULL) \
             AND NOT EXISTS (SELECT 1 FROM invitations WHERE invitee_kind = 'person' \
              AND invitee = people.id AND mail_fault IS NULL) \
             ORDER BY id LIMIT $2",
        )
        .bind(after.map_or("", PersonId::as_str))
        .bind(i64::from(limit))
        .read_all(&self.database)
        .await?;
        rows.iter().map(people::read).collect()
    }

    /// Up to `limit` people on the roster who were invited and hold no certificate; by id, from the first or `after`
    /// another one. Those are left out to whom a mail was begun at or after `mailed_before`, unless it surely failed.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn not_enrolled(
        &self,
        after: Option<&PersonId>,
        limit: u32,
        mailed_before: Option<Timestamp>,
    ) -> Result<Vec<PersonRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, name, email, role, added_at, removed_at FROM people \
             WHERE id > $1 AND removed_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM certificates WHERE profile = 'person' \
              AND certificates.name = people.id AND certificate IS NOT NULL) \
             AND EXISTS (SELECT 1 FROM invitations WHERE invitee_kind = 'person' \
              AND invitee = people.id) \
             AND NOT EXISTS (SELECT 1 FROM invitations WHERE invitee_kind = 'person' \
              AND invitee = people.id AND mail_to IS NOT NULL AND mail_fault IS NULL \
              AND created_at >= $3) \
             ORDER BY id LIMIT $2",
        )
        .bind(after.map_or("", PersonId::as_str))
        .bind(i64::from(limit))
        .bind(mailed_before.map_or(i64::MAX, Timestamp::as_millis))
        .read_all(&self.database)
        .await?;
        rows.iter().map(people::read).collect()
    }

    /// The people on the roster without a certificate of whose last mail nobody knows whether it left, by id.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn doubtful(&self) -> Result<Vec<PersonId>, StoreError> {
        let rows = sqlx::query(
            "SELECT DISTINCT people.id AS id FROM people JOIN invitations \
             ON invitee_kind = 'person' AND invitee = people.id \
             WHERE removed_at IS NULL AND mail_to IS NOT NULL AND mailed_at IS NULL \
             AND mail_fault IS NULL AND NOT EXISTS (SELECT 1 FROM invitations AS later \
              WHERE later.invitee_kind = 'person' AND later.invitee = people.id \
              AND later.mail_fault IS NULL AND later.created_at > invitations.created_at) \
             AND NOT EXISTS (SELECT 1 FROM certificates WHERE profile = 'person' \
              AND certificates.name = people.id AND certificate IS NOT NULL) ORDER BY people.id",
        )
        .read_all(&self.database)
        .await?;
        rows.iter().map(|row| Columns::new("people", row).parsed("id")).collect()
    }
}

fn read(row: &AnyRow) -> Result<PersonStanding, StoreError> {
    let columns = Columns::new("invitations", row);
    Ok(PersonStanding {
        person: people::read(row)?,
        invited_at: columns.optional_time("invited_at")?,
        open_until: columns.optional_time("open_until")?,
        mailed_at: columns.optional_time("mailed_at")?,
        doubtful_at: columns.optional_time("doubtful_at")?,
        mail_fault: columns.optional_text("mail_fault")?,
        certificates: columns.count("issued")?,
    })
}
