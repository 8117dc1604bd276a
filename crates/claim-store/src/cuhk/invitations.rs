//! One-time enrolment codes, of which only the hash is kept.

use std::collections::HashMap;

use claim_pki::{Origin, PersonId, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::CuhkStore;
use super::audit::{Deed, Entry};
use crate::batch::{BATCH, parameters, values};
use crate::database::Write;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// Whom a code enrols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invitee {
    /// This person.
    Person(PersonId),
    /// The server of this origin.
    Server(Origin),
    /// Any server on the loopback interface: the code that CUHK leaves in its folder in local demo mode.
    AnyLoopbackServer,
}

impl Invitee {
    /// The person, if it is one.
    fn person(&self) -> Option<&PersonId> {
        match self {
            Self::Person(id) => Some(id),
            Self::Server(_) | Self::AnyLoopbackServer => None,
        }
    }

    /// The kind, and the id or origin, as they are kept.
    fn columns(&self) -> (&'static str, Option<&str>) {
        match self {
            Self::Person(id) => ("person", Some(id.as_str())),
            Self::Server(origin) => ("server", Some(origin.as_str())),
            Self::AnyLoopbackServer => ("loopback", None),
        }
    }
}

/// A code that was given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// SHA-256 of the code.
    pub code_hash: [u8; 32],
    /// Whom it enrols.
    pub invitee: Invitee,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is void.
    pub expires_at: Timestamp,
}

/// The key that has used a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub key_digest: [u8; 32],
    /// Serial number of its certificate, lower-case hexadecimal.
    pub serial: String,
}

/// A code and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRecord {
    /// The code as it was given out.
    pub invitation: Invitation,
    /// The key that has used it, if any.
    pub bound: Option<Bound>,
}

impl CuhkStore {
    /// Keeps a new code.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is a code of this hash already; whatever befalls the database.
    pub async fn put_invitation(&self, invitation: &Invitation) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Invitation).await?;
            put_all(write.connection(), &[invitation]).await?;
            self.recorder.record(&mut write, &[invitation.made()]).await?;
            write.commit().await
        })
    }

    /// Keeps new codes of persons, one each, and ends the codes that these had and no key has used.
    ///
    /// # Errors
    /// As [`Self::put_invitation`]; then nothing was changed.
    pub async fn replace_invitations(&self, invitations: &[Invitation]) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Invitation).await?;
            let mut entries = Vec::new();
            for some in invitations.chunks(BATCH) {
                let some: Vec<&Invitation> = some.iter().collect();
                let ended = replace(write.connection(), &some).await?;
                entries.extend(ended.into_iter().map(|one| one.because("replaced")));
            }
            entries.extend(invitations.iter().map(Invitation::made));
            self.recorder.record(&mut write, &entries).await?;
            write.commit().await
        })
    }

    /// Ends every code of these persons that no key has used, as if it had been valid until now; returns how many.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn end_invitations(
        &self,
        ids: &[PersonId],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Invitation).await?;
            let mut ended = Vec::new();
            for some in ids.chunks(BATCH) {
                ended.extend(end_open(write.connection(), some, now).await?);
            }
            self.finish_ending(write, ended, "revoked").await
        })
    }

    /// Ends every code of any person that no key has used; returns how many.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn end_all_invitations(&self, now: Timestamp) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Invitation).await?;
            let rows = sqlx::query(
                "UPDATE invitations SET expires_at = $1 WHERE expires_at > $1 \
                 AND invitee_kind = 'person' AND NOT EXISTS \
                 (SELECT 1 FROM certificates WHERE certificates.code_hash = invitations.code_hash) \
                 RETURNING invitee_kind, invitee",
            )
            .bind(now.as_millis())
            .fetch_all(write.connection())
            .await?;
            self.finish_ending(write, ended(&rows)?, "revoked").await
        })
    }

    /// The code of this hash, if there is one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn invitation(
        &self,
        code_hash: &[u8; 32],
    ) -> Result<Option<InvitationRecord>, StoreError> {
        let mut reader = self.database.reader().await?;
        let found = find(reader.connection(), code_hash).await?;
        reader.done();
        Ok(found)
    }

    /// Voids the codes for any loopback server that no key has used, and returns how many they were.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn void_loopback_invitations(&self) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Invitation).await?;
            // A code that is used at this very moment makes the foreign key fail; the next attempt spares it.
            let rows = sqlx::query(
                "DELETE FROM invitations WHERE invitee_kind = 'loopback' AND NOT EXISTS \
                 (SELECT 1 FROM certificates WHERE certificates.code_hash = invitations.code_hash) \
                 RETURNING invitee_kind, invitee",
            )
            .fetch_all(write.connection())
            .await?;
            self.finish_ending(write, ended(&rows)?, "replaced").await
        })
    }

    /// Ends every code that no key has used, as if it had been valid until now; returns how many they were.
    ///
    /// For records that were restored: whether a code has been used since they were copied is not known.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn void_open_invitations(&self, now: Timestamp) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Invitation).await?;
            let rows = sqlx::query(
                "UPDATE invitations SET expires_at = $1 WHERE expires_at > $1 AND NOT EXISTS \
                 (SELECT 1 FROM certificates WHERE certificates.code_hash = invitations.code_hash) \
                 RETURNING invitee_kind, invitee",
            )
            .bind(now.as_millis())
            .fetch_all(write.connection())
            .await?;
            self.finish_ending(write, ended(&rows)?, "restored").await
        })
    }

    /// Puts on record that these ended, and why; returns how many they are.
    async fn finish_ending(
        &self,
        mut write: Write<'_>,
        ended: Vec<Ended>,
        why: &str,
    ) -> Result<u64, StoreError> {
        let entries: Vec<Entry> = ended.into_iter().map(|one| one.because(why)).collect();
        self.recorder.record(&mut write, &entries).await?;
        write.commit().await?;
        Ok(entries.len() as u64)
    }
}

impl Invitation {
    /// That it was made.
    pub(super) fn made(&self) -> Entry {
        let (kind, invitee) = self.invitee.columns();
        Entry::new(Deed::Invited)
            .about(invitee.unwrap_or_default())
            .with("invitee", kind)
            .with("expires_at", self.expires_at.to_string())
    }
}

/// An invitation that was ended.
pub(super) struct Ended {
    kind: String,
    invitee: Option<String>,
}

impl Ended {
    /// That it was, and why.
    pub(super) fn because(self, why: &str) -> Entry {
        Entry::new(Deed::InvitationEnded)
            .about(self.invitee.unwrap_or_default())
            .with("invitee", self.kind)
            .with("why", why)
    }
}

fn ended(rows: &[AnyRow]) -> Result<Vec<Ended>, StoreError> {
    let read = |row| {
        let columns = Columns::new("invitations", row);
        let (kind, invitee) = (columns.text("invitee_kind")?, columns.optional_text("invitee")?);
        Ok(Ended { kind, invitee })
    };
    rows.iter().map(read).collect()
}

/// At most [`BATCH`] codes.
pub(super) async fn put_all(
    connection: &mut AnyConnection,
    invitations: &[&Invitation],
) -> Result<(), StoreError> {
    let rows = values(invitations.len(), 5);
    let sql = format!(
        "INSERT INTO invitations (code_hash, invitee_kind, invitee, created_at, expires_at) \
         VALUES {rows}"
    );
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    for invitation in invitations {
        let (kind, invitee) = invitation.invitee.columns();
        insert = insert
            .bind(invitation.code_hash.to_vec())
            .bind(kind)
            .bind(invitee)
            .bind(invitation.created_at.as_millis())
            .bind(invitation.expires_at.as_millis());
    }
    insert.execute(connection).await?;
    Ok(())
}

/// At most [`BATCH`] codes in the place of those that the same persons had open.
pub(super) async fn replace(
    connection: &mut AnyConnection,
    invitations: &[&Invitation],
) -> Result<Vec<Ended>, StoreError> {
    let Some(now) = invitations.first().map(|one| one.created_at) else { return Ok(Vec::new()) };
    let ids: Vec<PersonId> =
        invitations.iter().filter_map(|one| one.invitee.person().cloned()).collect();
    let ended = end_open(connection, &ids, now).await?;
    put_all(connection, invitations).await?;
    Ok(ended)
}

/// Ends the open codes of at most [`BATCH`] persons.
pub(super) async fn end_open(
    connection: &mut AnyConnection,
    ids: &[PersonId],
    now: Timestamp,
) -> Result<Vec<Ended>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let these = parameters(2, ids.len());
    let sql = format!(
        "UPDATE invitations SET expires_at = $1 WHERE expires_at > $1 \
         AND invitee_kind = 'person' AND invitee IN ({these}) AND NOT EXISTS \
         (SELECT 1 FROM certificates WHERE certificates.code_hash = invitations.code_hash) \
         RETURNING invitee_kind, invitee"
    );
    let mut update = sqlx::query(AssertSqlSafe(sql)).bind(now.as_millis());
    for id in ids {
        update = update.bind(id.as_str());
    }
    ended(&update.fetch_all(connection).await?)
}

/// The invitation of this code, if there is one.
pub(super) async fn find(
    connection: &mut AnyConnection,
    code_hash: &[u8; 32],
) -> Result<Option<InvitationRecord>, StoreError> {
    Ok(find_all(connection, std::slice::from_ref(code_hash)).await?.remove(code_hash))
}

/// The invitations of these codes, as far as there are any.
pub(super) async fn find_all(
    connection: &mut AnyConnection,
    code_hashes: &[[u8; 32]],
) -> Result<HashMap<[u8; 32], InvitationRecord>, StoreError> {
    if code_hashes.is_empty() {
        return Ok(HashMap::new());
    }
    let these = parameters(1, code_hashes.len());
    let sql = format!(
        "SELECT invitations.code_hash AS hash, invitee_kind, invitee, created_at, expires_at, \
         key_digest, serial FROM invitations LEFT JOIN certificates \
         ON certificates.code_hash = invitations.code_hash \
         WHERE invitations.code_hash IN ({these})"
    );
    let mut select = sqlx::query(AssertSqlSafe(sql));
    for hash in code_hashes {
        select = select.bind(hash.to_vec());
    }
    let rows = select.fetch_all(connection).await?;
    let records = rows.iter().map(record);
    records.map(|record| record.map(|record| (record.invitation.code_hash, record))).collect()
}

fn record(row: &AnyRow) -> Result<InvitationRecord, StoreError> {
    let columns = Columns::new("invitations", row);
    let invitee = match columns.text("invitee_kind")?.as_str() {
        "person" => Invitee::Person(columns.parsed("invitee")?),
        "server" => Invitee::Server(columns.parsed("invitee")?),
        "loopback" => Invitee::AnyLoopbackServer,
        _ => return Err(columns.foreign("invitee_kind")),
    };
    let bound = match columns.optional_text("serial")? {
        Some(serial) => Some(Bound { key_digest: columns.digest("key_digest")?, serial }),
        None => None,
    };
    let invitation = Invitation {
        code_hash: columns.digest("hash")?,
        invitee,
        created_at: columns.time("created_at")?,
        expires_at: columns.time("expires_at")?,
    };
    Ok(InvitationRecord { invitation, bound })
}
