//! The roster.

use claim_pki::{PersonId, Timestamp};
use sqlx::AnyConnection;

use super::CuhkStore;
use super::invitations::{self, Invitation};
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// One person on the roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRecord {
    /// The student's or staff member's id.
    pub id: PersonId,
    /// The name for the certificate's common name, where it is known.
    pub name: Option<String>,
    /// When the person was first put on the roster.
    pub added_at: Timestamp,
}

impl CuhkStore {
    /// Puts a person on the roster, or updates the name of one who is on it.
    ///
    /// A record without a name does not take away a known one; `added_at` stays the first.
    ///
    /// # Errors
    /// [`StoreError::NulCharacter`] in the name, and whatever befalls the database.
    pub async fn put_person(&self, person: &PersonRecord) -> Result<(), StoreError> {
        check_name(person)?;
        retry!(async {
            let mut write = self.database.begin(Point::Invitation).await?;
            put(write.connection(), person).await?;
            write.commit().await
        })
    }

    /// Puts people on the roster and invites each of them: all, or on any error none.
    ///
    /// # Errors
    /// As [`Self::put_person`] and [`Self::put_invitation`].
    pub async fn put_people_with_invitations(
        &self,
        people: &[(PersonRecord, Invitation)],
    ) -> Result<(), StoreError> {
        for (person, _) in people {
            check_name(person)?;
        }
        retry!(async {
            let mut write = self.database.begin(Point::Invitation).await?;
            for (person, invitation) in people {
                put(write.connection(), person).await?;
                invitations::put(write.connection(), invitation).await?;
            }
            write.commit().await
        })
    }

    /// The person of this id, if on the roster.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn person(&self, id: &PersonId) -> Result<Option<PersonRecord>, StoreError> {
        let row = sqlx::query("SELECT id, name, added_at FROM people WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.database.reader())
            .await?;
        row.map(|row| {
            let columns = Columns::new("people", &row);
            Ok(PersonRecord {
                id: columns.parsed("id")?,
                name: columns.optional_text("name")?,
                added_at: columns.time("added_at")?,
            })
        })
        .transpose()
    }

    /// Whether anyone is on the roster.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn has_people(&self) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT id FROM people LIMIT 1")
            .fetch_optional(self.database.reader())
            .await?;
        Ok(row.is_some())
    }
}

fn check_name(person: &PersonRecord) -> Result<(), StoreError> {
    match &person.name {
        Some(name) if name.contains('\0') => Err(StoreError::NulCharacter { column: "name" }),
        _ => Ok(()),
    }
}

async fn put(connection: &mut AnyConnection, person: &PersonRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO people (id, name, added_at) VALUES ($1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET name = COALESCE(excluded.name, people.name)",
    )
    .bind(person.id.as_str())
    .bind(person.name.as_deref())
    .bind(person.added_at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}
