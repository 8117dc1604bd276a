//! Signed certificates: many on record in one transaction.

use std::collections::{HashMap, HashSet};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::certificates::issued;
use crate::audit::Recorder;
use crate::batch::values;
use crate::database::Database;
use crate::row::Columns;
use crate::writer::Job;
use crate::{Point, StoreError};

/// A certificate that was signed.
pub(super) struct Signed {
    /// Its serial number, under which it was reserved.
    pub(super) serial: String,
    /// Its DER.
    pub(super) certificate: Vec<u8>,
    /// Who writes the entry of it in the audit log.
    pub(super) recorder: Recorder,
}

impl Job for Signed {
    /// The certificate that is on record.
    type Outcome = Result<Vec<u8>, StoreError>;

    /// A few seconds' worth.
    const QUEUE: usize = 4096;

    const BATCH: usize = 64;

    async fn commit(
        database: &Database,
        jobs: &[&Self],
    ) -> Result<Vec<Result<Vec<u8>, StoreError>>, StoreError> {
        let mut write = database.begin(Point::Certificate).await?;
        // Of two that signed the same reservation the first one counts: which of two rows an UPDATE takes nobody promises.
        let mut seen = HashSet::new();
        let first = jobs.iter().copied().filter(|job| seen.insert(job.serial.as_str()));
        let mut unwritten = put(write.connection(), &first.collect::<Vec<_>>()).await?;
        let (mut entries, mut outcomes) = (Vec::new(), Vec::with_capacity(jobs.len()));
        for job in jobs {
            outcomes.push(match unwritten.remove(job.serial.as_str()) {
                Some(row) => {
                    entries.push(issued(&row, &job.serial, &job.certificate)?);
                    Ok(job.certificate.clone())
                }
                None => recorded(write.connection(), &job.serial).await?,
            });
        }
        if let (Some(job), false) = (jobs.first(), entries.is_empty()) {
            job.recorder.record(&mut write, &entries).await?;
            write.commit().await?;
        }
        Ok(outcomes)
    }
}

/// Puts those on record under whose serial number there is no certificate yet; their rows, by serial number.
async fn put(
    connection: &mut AnyConnection,
    jobs: &[&Signed],
) -> Result<HashMap<String, AnyRow>, StoreError> {
    let sql = format!(
        "WITH signed (serial, certificate) AS (VALUES {}) \
         UPDATE certificates SET certificate = signed.certificate FROM signed \
         WHERE certificates.serial = signed.serial AND certificates.certificate IS NULL \
         AND erased_at IS NULL \
         RETURNING certificates.serial, profile, name, code_hash, device, authenticated_by, \
         predecessor",
        values(jobs.len(), 2)
    );
    let mut update = sqlx::query(AssertSqlSafe(sql));
    for job in jobs {
        update = update.bind(job.serial.as_str()).bind(job.certificate.as_slice());
    }
    let rows = update.fetch_all(connection).await?.into_iter();
    let by_serial = |row: AnyRow| Ok((Columns::new("certificates", &row).text("serial")?, row));
    rows.map(by_serial).collect()
}

/// The certificate that was on record before.
async fn recorded(
    connection: &mut AnyConnection,
    serial: &str,
) -> Result<Result<Vec<u8>, StoreError>, StoreError> {
    let row =
        sqlx::query("SELECT certificate FROM certificates WHERE serial = $1 AND erased_at IS NULL")
            .bind(serial)
            .fetch_optional(connection)
            .await?;
    match row {
        Some(row) => Ok(Ok(Columns::new("certificates", &row).bytes("certificate")?)),
        None => Ok(Err(StoreError::UnknownSerial { serial: serial.to_owned() })),
    }
}
