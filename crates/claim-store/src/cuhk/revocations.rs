//! Certificates that are no longer good, and the lists that say so.

use std::collections::HashMap;

use claim_core::Digest;
use claim_pki::{RevocationReason, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::CuhkStore;
use super::audit::{By, Deed, Entry};
use crate::batch::{BATCH, parameters};
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Kind, Point, StoreError};

/// A certificate that was revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Its serial number, lower-case hexadecimal.
    pub serial: String,
    /// The key id of whoever issued it, lower-case hexadecimal.
    pub issuer: String,
    /// The last moment of the certificate's validity.
    pub not_after: Timestamp,
    /// Since when it is revoked: when that was recorded.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// What a revocation led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is revoked from now on.
    Now,
    /// It was revoked before: this is how, and it stays so.
    Before(Revocation),
}

/// The last revocation list of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationListRecord {
    /// The issuer's key id, lower-case hexadecimal.
    pub issuer: String,
    /// The list's number.
    pub number: u64,
    /// When it was made.
    pub this_update: Timestamp,
    /// When the next one is due at the latest.
    pub next_update: Timestamp,
    /// The list in DER.
    pub list: Vec<u8>,
}

impl Revocation {
    /// That it was done, of a certificate that is on record, or of an issuing one.
    async fn entry(&self, connection: &mut AnyConnection) -> Result<Entry, StoreError> {
        let holder = sqlx::query("SELECT profile, name FROM certificates WHERE serial = $1")
            .bind(self.serial.as_str())
            .fetch_optional(connection)
            .await?;
        let mut entry = Entry::new(Deed::Revoked).serial(self.serial.as_str());
        if let Some(row) = &holder {
            let columns = Columns::new("certificates", row);
            entry = entry.about(columns.text("name")?).with("profile", columns.text("profile")?);
        }
        Ok(entry.with("reason", self.reason.as_str()))
    }
}

impl RevocationListRecord {
    fn made(&self) -> Entry {
        Entry::new(Deed::ListMade)
            .digest(*Digest::of(&self.list).as_bytes())
            .with("issuer", self.issuer.as_str())
            .with("number", self.number)
    }
}

impl CuhkStore {
    /// Has the next list of every issuer made soon, under a number that is higher by `ahead` than the last one on record.
    ///
    /// For records that were restored: lists that were made since they were copied must not be taken for newer.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn skip_list_numbers(&self, ahead: u32) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::RevocationList).await?;
            sqlx::query("UPDATE revocation_lists SET number = number + $1, this_update = 0")
                .bind(i64::from(ahead))
                .execute(write.connection())
                .await?;
            write.commit().await
        })
    }

    /// Revokes a certificate. When this returns, it is durable.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn revoke(&self, revocation: &Revocation) -> Result<Revoked, StoreError> {
        let mut revoked = self.revoke_all(std::slice::from_ref(revocation), None).await?;
        Ok(revoked.pop().unwrap_or(Revoked::Now))
    }

    /// Revokes certificates, all or none, and tells of each, in their order, what it led to. When this returns, it is
    /// durable. `by` is somebody whom CUHK knows from a request, if it is not whoever acts anyway.
    ///
    /// # Errors
    /// Whatever befalls the database; then none of them was revoked by this.
    pub async fn revoke_all(
        &self,
        revocations: &[Revocation],
        by: Option<&By>,
    ) -> Result<Vec<Revoked>, StoreError> {
        retry!(self.try_revoke_all(revocations, by))
    }

    async fn try_revoke_all(
        &self,
        revocations: &[Revocation],
        by: Option<&By>,
    ) -> Result<Vec<Revoked>, StoreError> {
        let mut write = self.database.begin(Point::Revocation).await?;
        let mut outcomes = Vec::with_capacity(revocations.len());
        let mut entries = Vec::new();
        let serials: Vec<_> = revocations.iter().map(|one| one.serial.as_str()).collect();
        for some in serials.chunks(BATCH) {
            lock_certificates(write.connection(), self.database.kind(), some).await?;
        }
        for revocation in revocations {
            let outcome = revoke_one(write.connection(), revocation).await?;
            if outcome == Revoked::Now {
                let entry = revocation.entry(write.connection()).await?;
                entries.push(by.into_iter().fold(entry, |entry, by| entry.by(by.clone())));
            }
            outcomes.push(outcome);
        }
        // What stood before needs no writing.
        if !entries.is_empty() {
            self.recorder.record(&mut write, &entries).await?;
            write.commit().await?;
        }
        Ok(outcomes)
    }

    /// How the certificate of this serial number was revoked, if it was.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn revocation(&self, serial: &str) -> Result<Option<Revocation>, StoreError> {
        let row = sqlx::query(
            "SELECT serial, issuer, not_after, revoked_at, reason FROM revocations WHERE serial = $1",
        )
        .bind(serial)
        .read_optional(&self.database)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Every revocation of this issuer's certificates that end at this moment or later, in the order of serial numbers.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn revocations(
        &self,
        issuer: &str,
        ending_from: Timestamp,
    ) -> Result<Vec<Revocation>, StoreError> {
        let rows = sqlx::query(
            "SELECT serial, issuer, not_after, revoked_at, reason FROM revocations \
             WHERE issuer = $1 AND not_after >= $2 ORDER BY serial",
        )
        .bind(issuer)
        .bind(ending_from.as_millis())
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }

    /// Every revocation there ever was, in the order of serial numbers.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn all_revocations(&self) -> Result<Vec<Revocation>, StoreError> {
        let rows = sqlx::query(
            "SELECT serial, issuer, not_after, revoked_at, reason FROM revocations ORDER BY serial",
        )
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }

    /// The last revocation list of this issuer, if there is one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn revocation_list(
        &self,
        issuer: &str,
    ) -> Result<Option<RevocationListRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT issuer, number, this_update, next_update, list FROM revocation_lists \
             WHERE issuer = $1",
        )
        .bind(issuer)
        .read_optional(&self.database)
        .await?;
        row.map(|row| {
            let columns = Columns::new("revocation_lists", &row);
            Ok(RevocationListRecord {
                issuer: columns.text("issuer")?,
                number: columns.count("number")?,
                this_update: columns.time("this_update")?,
                next_update: columns.time("next_update")?,
                list: columns.bytes("list")?,
            })
        })
        .transpose()
    }

    /// Makes this list the last one, if its number is one more than that of the last one, or one where there is none.
    ///
    /// Returns whether it is; then it is durable. Else somebody else was first: begin again from their list.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn put_revocation_list(
        &self,
        record: &RevocationListRecord,
    ) -> Result<bool, StoreError> {
        let number = i64::try_from(record.number)
            .map_err(|_| StoreError::Foreign { table: "revocation_lists", column: "number" })?;
        retry!(async {
            let mut write = self.database.begin(Point::RevocationList).await?;
            let put = put_list(write.connection(), record, number).await?;
            if put {
                self.recorder.record(&mut write, &[record.made()]).await?;
            }
            write.commit().await?;
            Ok(put)
        })
    }

    /// Makes this list, which an issuer elsewhere has made, the last one, if it is from later than the last one
    /// or, from the same second, has a larger number.
    ///
    /// Returns whether it is; then it is durable.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn take_revocation_list(
        &self,
        record: &RevocationListRecord,
    ) -> Result<bool, StoreError> {
        let number = i64::try_from(record.number)
            .map_err(|_| StoreError::Foreign { table: "revocation_lists", column: "number" })?;
        retry!(async {
            let mut write = self.database.begin(Point::RevocationList).await?;
            let taken = take_list(write.connection(), record, number).await?;
            if taken {
                self.recorder.record(&mut write, &[record.made()]).await?;
            }
            write.commit().await?;
            Ok(taken)
        })
    }
}

async fn take_list(
    connection: &mut AnyConnection,
    record: &RevocationListRecord,
    number: i64,
) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "INSERT INTO revocation_lists (number, this_update, next_update, list, issuer) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (issuer) DO UPDATE SET number = excluded.number, \
         this_update = excluded.this_update, next_update = excluded.next_update, list = excluded.list \
         WHERE revocation_lists.this_update < excluded.this_update \
         OR (revocation_lists.this_update = excluded.this_update AND revocation_lists.number < excluded.number)",
    );
    let changed = query
        .bind(number)
        .bind(record.this_update.as_millis())
        .bind(record.next_update.as_millis())
        .bind(record.list.as_slice())
        .bind(record.issuer.as_str())
        .execute(connection)
        .await?
        .rows_affected();
    Ok(changed == 1)
}

async fn put_list(
    connection: &mut AnyConnection,
    record: &RevocationListRecord,
    number: i64,
) -> Result<bool, StoreError> {
    let query = match number {
        1 => sqlx::query(
            "INSERT INTO revocation_lists (number, this_update, next_update, list, issuer) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (issuer) DO NOTHING",
        ),
        _ => sqlx::query(
            "UPDATE revocation_lists SET number = $1, this_update = $2, next_update = $3, list = $4 \
             WHERE issuer = $5 AND number = $1 - 1",
        ),
    };
    let changed = query
        .bind(number)
        .bind(record.this_update.as_millis())
        .bind(record.next_update.as_millis())
        .bind(record.list.as_slice())
        .bind(record.issuer.as_str())
        .execute(connection)
        .await?
        .rows_affected();
    Ok(changed == 1)
}

async fn revoke_one(
    connection: &mut AnyConnection,
    revocation: &Revocation,
) -> Result<Revoked, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO revocations (serial, issuer, not_after, revoked_at, reason) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (serial) DO NOTHING",
    )
    .bind(revocation.serial.as_str())
    .bind(revocation.issuer.as_str())
    .bind(revocation.not_after.as_millis())
    .bind(revocation.revoked_at.as_millis())
    .bind(revocation.reason.as_str())
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if inserted == 1 {
        return Ok(Revoked::Now);
    }
    let row = sqlx::query(
        "SELECT serial, issuer, not_after, revoked_at, reason FROM revocations WHERE serial = $1",
    )
    .bind(revocation.serial.as_str())
    .fetch_one(connection)
    .await?;
    Ok(Revoked::Before(read(&row)?))
}

pub(super) fn read(row: &AnyRow) -> Result<Revocation, StoreError> {
    let columns = Columns::new("revocations", row);
    Ok(Revocation {
        serial: columns.text("serial")?,
        issuer: columns.text("issuer")?,
        not_after: columns.time("not_after")?,
        revoked_at: columns.time("revoked_at")?,
        reason: columns.parsed("reason")?,
    })
}

/// Since when those of these certificates are revoked that are, which are about to be renewed. Until the transaction is
/// over nobody revokes them: what is renewed from them is either on record by then, or refused.
pub(super) async fn revoked_under_lock(
    connection: &mut AnyConnection,
    kind: Kind,
    serials: &[&str],
) -> Result<HashMap<String, Timestamp>, StoreError> {
    if serials.is_empty() {
        return Ok(HashMap::new());
    }
    lock_certificates(connection, kind, serials).await?;
    let these = parameters(1, serials.len());
    let sql = format!("SELECT serial, revoked_at FROM revocations WHERE serial IN ({these})");
    let mut select = sqlx::query(AssertSqlSafe(sql));
    for serial in serials {
        select = select.bind(*serial);
    }
    let rows = select.fetch_all(connection).await?;
    let revoked = rows.iter().map(|row| {
        let columns = Columns::new("revocations", row);
        Ok((columns.text("serial")?, columns.time("revoked_at")?))
    });
    revoked.collect()
}

/// Has whoever renews and whoever revokes a certificate come one after the other; SQLite has one writer anyway.
async fn lock_certificates(
    connection: &mut AnyConnection,
    kind: Kind,
    serials: &[&str],
) -> Result<(), StoreError> {
    if kind != Kind::Postgres {
        return Ok(());
    }
    let these = parameters(1, serials.len());
    // In an order, so that two cannot wait for each other.
    let sql = format!(
        "SELECT serial FROM certificates WHERE serial IN ({these}) ORDER BY serial FOR UPDATE"
    );
    let mut select = sqlx::query(AssertSqlSafe(sql));
    for serial in serials {
        select = select.bind(*serial);
    }
    select.fetch_all(connection).await?;
    Ok(())
}
