//! Taking out certificates that stand in an archive, with the entries that do.

use claim_pki::Timestamp;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::audit::{Pruning, take_out_entries};
use crate::batch::{BATCH, parameters, values};
use crate::cuhk::{CertificateRecord, CuhkStore, certificates};
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// What goes out of CUHK's records because an archive has it.
#[derive(Clone, Debug)]
pub struct CertificatePruning {
    /// The entries.
    pub entries: Pruning,
    /// The serial numbers of the certificates that go out; they stay known as used.
    pub serials: Vec<String>,
}

impl CuhkStore {
    /// Takes out entries and certificates; `false`, and nothing was done, when others went out meanwhile.
    ///
    /// Codes by which these certificates were asked for go with them. Revocations stay.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn prune(&self, pruning: &CertificatePruning) -> Result<bool, StoreError> {
        retry!(self.try_prune(pruning))
    }

    async fn try_prune(&self, pruning: &CertificatePruning) -> Result<bool, StoreError> {
        let CertificatePruning { entries, serials } = pruning;
        let mut write = self.database.begin(Point::Pruning).await?;
        if !take_out_entries(&super::LOG, &mut write, entries).await? {
            return Ok(false);
        }
        for some in serials.chunks(BATCH) {
            take_out(write.connection(), some).await?;
        }
        self.recorder.record(&mut write, std::slice::from_ref(&entries.entry)).await?;
        write.commit().await?;
        Ok(true)
    }

    /// Up to `limit` certificates of persons and servers that ended before this moment and may go into an archive, in the
    /// order of their reservation: not the last one of a server, or of a person who is on the roster.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn prunable_certificates(
        &self,
        before: Timestamp,
        after: Option<&CertificateRecord>,
        limit: u32,
    ) -> Result<Vec<CertificateRecord>, StoreError> {
        let (time, serial) = match after {
            Some(record) => (record.reserved_at.as_millis(), record.serial.as_str()),
            None => (i64::MIN, ""),
        };
        let rows = sqlx::query(
            "SELECT * FROM certificates WHERE profile IN ('person', 'server') \
             AND not_after < $1 AND (reserved_at, serial) > ($2, $3) \
             AND NOT EXISTS (SELECT 1 FROM invitations \
              WHERE invitations.code_hash = certificates.code_hash AND expires_at >= $1) \
             AND (EXISTS (SELECT 1 FROM certificates AS newer WHERE newer.profile = certificates.profile \
               AND newer.name = certificates.name AND newer.reserved_at > certificates.reserved_at) \
              OR (profile = 'person' AND NOT EXISTS (SELECT 1 FROM people \
               WHERE people.id = certificates.name AND removed_at IS NULL))) \
             ORDER BY reserved_at, serial LIMIT $4",
        )
        .bind(before.as_millis())
        .bind(time)
        .bind(serial)
        .bind(i64::from(limit))
        .read_all(&self.database)
        .await?;
        rows.iter().map(certificates::read).collect()
    }
}

async fn take_out(connection: &mut AnyConnection, serials: &[String]) -> Result<(), StoreError> {
    let rows = values(serials.len(), 1);
    let sql = format!("INSERT INTO used_serials (serial) VALUES {rows} ON CONFLICT DO NOTHING");
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    let these = parameters(1, serials.len());
    let sql = format!("DELETE FROM certificates WHERE serial IN ({these}) RETURNING code_hash");
    let mut delete = sqlx::query(AssertSqlSafe(sql));
    for serial in serials {
        insert = insert.bind(serial.as_str());
        delete = delete.bind(serial.as_str());
    }
    insert.execute(&mut *connection).await?;
    let mut codes = Vec::new();
    for row in delete.fetch_all(&mut *connection).await? {
        codes.extend(Columns::new("certificates", &row).optional_bytes("code_hash")?);
    }
    if !codes.is_empty() {
        let these = parameters(1, codes.len());
        let sql = format!("DELETE FROM invitations WHERE code_hash IN ({these})");
        let mut delete = sqlx::query(AssertSqlSafe(sql));
        for code in codes {
            delete = delete.bind(code);
        }
        delete.execute(connection).await?;
    }
    Ok(())
}
