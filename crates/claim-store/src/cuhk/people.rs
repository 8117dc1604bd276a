//! The roster: who may hold a person certificate.

use claim_pki::{PersonId, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::CuhkStore;
use super::audit::{Deed, Entry};
use super::invitations::{self, Invitation};
use crate::batch::{BATCH, parameters, values};
use crate::readers::Read;
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
    /// Where mail goes, where it is known.
    pub email: Option<String>,
    /// What the person is, in the words of those who run CUHK; it grants nothing.
    pub role: Option<String>,
    /// When the person was first put on the roster.
    pub added_at: Timestamp,
    /// Since when the person is off the roster, who then gets no certificate any more.
    pub removed_at: Option<Timestamp>,
}

impl PersonRecord {
    /// Somebody of whom nothing else is known.
    pub fn new(id: PersonId, added_at: Timestamp) -> Self {
        Self { id, name: None, email: None, role: None, added_at, removed_at: None }
    }

    /// That this was put on record, with so many people in one.
    fn put(&self, people: usize) -> Entry {
        Entry::new(Deed::PersonRecorded)
            .about(self.id.as_str())
            .with_some("name", self.name.as_deref())
            .with_some("email", self.email.as_deref())
            .with_some("role", self.role.as_deref())
            .with("people", people)
    }
}

impl CuhkStore {
    /// Puts a person on the roster, or updates one who is on it.
    ///
    /// What a record does not tell does not take away what is known; `added_at` stays the first, and whoever is off the
    /// roster stays off it.
    ///
    /// # Errors
    /// [`StoreError::NulCharacter`] in a text, and whatever befalls the database.
    pub async fn put_person(&self, person: &PersonRecord) -> Result<(), StoreError> {
        self.put_people(std::slice::from_ref(person)).await
    }

    /// The same with many, each of whom is there once: all, or on any error none.
    ///
    /// # Errors
    /// As [`Self::put_person`].
    pub async fn put_people(&self, people: &[PersonRecord]) -> Result<(), StoreError> {
        people.iter().try_for_each(check_texts)?;
        retry!(async {
            let mut write = self.database.begin(Point::Roster).await?;
            for some in people.chunks(BATCH) {
                put(write.connection(), &some.iter().collect::<Vec<_>>()).await?;
            }
            let entries: Vec<Entry> = people.iter().map(|one| one.put(people.len())).collect();
            self.recorder.record(&mut write, &entries).await?;
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
        people.iter().try_for_each(|(person, _)| check_texts(person))?;
        retry!(async {
            let mut write = self.database.begin(Point::Invitation).await?;
            for some in people.chunks(BATCH) {
                let (people, codes): (Vec<_>, Vec<_>) =
                    some.iter().map(|(person, code)| (person, code)).unzip();
                put(write.connection(), &people).await?;
                invitations::put_all(write.connection(), &codes).await?;
            }
            let both = |(person, code): &(PersonRecord, Invitation)| {
                [person.put(people.len()), code.made()]
            };
            let entries: Vec<Entry> = people.iter().flat_map(both).collect();
            self.recorder.record(&mut write, &entries).await?;
            write.commit().await
        })
    }

    /// Takes people off the roster and ends their open codes; returns how many were on it.
    ///
    /// Nothing is erased: their records stay, with the time. Certificates that they hold stay what they are.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn remove_people(&self, ids: &[PersonId], now: Timestamp) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Roster).await?;
            let (mut removed, mut entries) = (0, Vec::new());
            for some in ids.chunks(BATCH) {
                let these = parameters(2, some.len());
                let sql = format!(
                    "UPDATE people SET removed_at = $1 WHERE removed_at IS NULL AND id IN ({these}) \
                     RETURNING id"
                );
                let mut update = sqlx::query(AssertSqlSafe(sql)).bind(now.as_millis());
                for id in some {
                    update = update.bind(id.as_str());
                }
                let rows = update.fetch_all(write.connection()).await?;
                removed += rows.len() as u64;
                entries.extend(changed(Deed::PersonRemoved, &rows)?);
                let ended = invitations::end_open(write.connection(), some, now).await?;
                entries.extend(ended.into_iter().map(|one| one.because("off the roster")));
            }
            self.recorder.record(&mut write, &entries).await?;
            write.commit().await?;
            Ok(removed)
        })
    }

    /// Puts people back on the roster who were taken off it; returns how many they were.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn restore_people(&self, ids: &[PersonId]) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Roster).await?;
            let mut entries = Vec::new();
            for some in ids.chunks(BATCH) {
                let these = parameters(1, some.len());
                let sql = format!(
                    "UPDATE people SET removed_at = NULL \
                     WHERE removed_at IS NOT NULL AND id IN ({these}) RETURNING id"
                );
                let mut update = sqlx::query(AssertSqlSafe(sql));
                for id in some {
                    update = update.bind(id.as_str());
                }
                let rows = update.fetch_all(write.connection()).await?;
                entries.extend(changed(Deed::PersonRestored, &rows)?);
            }
            self.recorder.record(&mut write, &entries).await?;
            write.commit().await?;
            Ok(entries.len() as u64)
        })
    }

    /// The person of this id, if on record, be it as one who was taken off the roster.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn person(&self, id: &PersonId) -> Result<Option<PersonRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT id, name, email, role, added_at, removed_at FROM people WHERE id = $1",
        )
        .bind(id.as_str())
        .read_optional(&self.database)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Those of these people who are on record, in no particular order, those off the roster among them.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn people_of(&self, ids: &[PersonId]) -> Result<Vec<PersonRecord>, StoreError> {
        let mut found = Vec::new();
        for some in ids.chunks(BATCH) {
            let these = parameters(1, some.len());
            let sql = format!(
                "SELECT id, name, email, role, added_at, removed_at FROM people WHERE id IN ({these})"
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for id in some {
                query = query.bind(id.as_str());
            }
            for row in query.read_all(&self.database).await? {
                found.push(read(&row)?);
            }
        }
        Ok(found)
    }

    /// Up to `limit` people on record by id, from the first or `after` another one, those off the roster among them.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn people(
        &self,
        after: Option<&PersonId>,
        limit: u32,
    ) -> Result<Vec<PersonRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, name, email, role, added_at, removed_at FROM people WHERE id > $1 \
             ORDER BY id LIMIT $2",
        )
        .bind(after.map_or("", PersonId::as_str))
        .bind(i64::from(limit))
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Whether anyone is on record.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn has_people(&self) -> Result<bool, StoreError> {
        let row =
            sqlx::query("SELECT id FROM people LIMIT 1").read_optional(&self.database).await?;
        Ok(row.is_some())
    }
}

pub(super) fn read(row: &AnyRow) -> Result<PersonRecord, StoreError> {
    let columns = Columns::new("people", row);
    Ok(PersonRecord {
        id: columns.parsed("id")?,
        name: columns.optional_text("name")?,
        email: columns.optional_text("email")?,
        role: columns.optional_text("role")?,
        added_at: columns.time("added_at")?,
        removed_at: columns.optional_time("removed_at")?,
    })
}

fn changed(deed: Deed, rows: &[AnyRow]) -> Result<Vec<Entry>, StoreError> {
    let entry = |row| Ok(Entry::new(deed).about(Columns::new("people", row).text("id")?));
    rows.iter().map(entry).collect()
}

fn check_texts(person: &PersonRecord) -> Result<(), StoreError> {
    let texts = [("name", &person.name), ("email", &person.email), ("role", &person.role)];
    match texts.into_iter().find(|(_, text)| text.as_ref().is_some_and(|text| text.contains('\0')))
    {
        Some((column, _)) => Err(StoreError::NulCharacter { column }),
        None => Ok(()),
    }
}

/// At most [`BATCH`] people, each once.
async fn put(connection: &mut AnyConnection, people: &[&PersonRecord]) -> Result<(), StoreError> {
    let rows = values(people.len(), 5);
    let sql = format!(
        "INSERT INTO people (id, name, email, role, added_at) VALUES {rows} \
         ON CONFLICT (id) DO UPDATE SET name = COALESCE(excluded.name, people.name), \
         email = COALESCE(excluded.email, people.email), \
         role = COALESCE(excluded.role, people.role)"
    );
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    for person in people {
        insert = insert
            .bind(person.id.as_str())
            .bind(person.name.as_deref())
            .bind(person.email.as_deref())
            .bind(person.role.as_deref())
            .bind(person.added_at.as_millis());
    }
    insert.execute(connection).await?;
    Ok(())
}
