//! The certificates of one person, as the person sees them: one a device.

use std::collections::HashMap;

use claim_pki::{PersonId, RevocationReason, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::CuhkStore;
use super::provenance::{self, Provenance};
use super::reservations::Reservation;
use crate::StoreError;
use crate::batch::parameters;
use crate::readers::Read;
use crate::row::Columns;

/// A certificate of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// When it was reserved, shortly before it was signed.
    pub issued_at: Timestamp,
    /// The last moment of its validity.
    pub not_after: Timestamp,
    /// Who asked for it, and for which device.
    pub provenance: Provenance,
    /// Since when it is revoked and why, if it is.
    pub revoked: Option<(Timestamp, RevocationReason)>,
    /// Serial number of the certificate that it was renewed by, if it was.
    pub renewed_by: Option<String>,
}

impl Device {
    /// What a reservation will be.
    pub(super) fn of(reservation: &Reservation) -> Self {
        Self {
            serial: reservation.serial.clone(),
            issued_at: reservation.now,
            not_after: reservation.not_after,
            provenance: reservation.provenance.clone(),
            revoked: None,
            renewed_by: None,
        }
    }

    /// Whether it counts among those that a person may hold: a renewal takes the place of what it renews.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.not_after >= now && self.revoked.is_none() && self.renewed_by.is_none()
    }
}

impl CuhkStore {
    /// The certificates of this person that end at this moment or later, the newest first, at most `limit`.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn devices(
        &self,
        id: &PersonId,
        ending_from: Timestamp,
        limit: u32,
    ) -> Result<Vec<Device>, StoreError> {
        let rows = sqlx::query(
            "SELECT certificates.serial, certificates.reserved_at, certificates.not_after, \
             certificates.device, certificates.authenticated_by, certificates.predecessor, \
             revocations.revoked_at, revocations.reason, later.serial AS renewed_by \
             FROM certificates LEFT JOIN revocations ON revocations.serial = certificates.serial \
             LEFT JOIN certificates AS later ON later.predecessor = certificates.serial \
             WHERE certificates.profile = 'person' AND certificates.name = $1 \
             AND certificates.not_after >= $2 AND certificates.certificate IS NOT NULL \
             ORDER BY certificates.reserved_at DESC, certificates.serial LIMIT $3",
        )
        .bind(id.as_str())
        .bind(ending_from.as_millis())
        .bind(i64::from(limit))
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }
}

/// What counts against the limits of these persons: also what is reserved and not signed yet.
pub(super) async fn live(
    connection: &mut AnyConnection,
    ids: &[String],
    now: Timestamp,
) -> Result<HashMap<String, Vec<Device>>, StoreError> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let these = parameters(2, ids.len());
    let sql = format!(
        "SELECT name, serial, reserved_at, not_after, device, authenticated_by, predecessor \
         FROM certificates \
         WHERE profile = 'person' AND name IN ({these}) AND not_after >= $1 \
         AND NOT EXISTS (SELECT 1 FROM revocations WHERE revocations.serial = certificates.serial) \
         AND NOT EXISTS (SELECT 1 FROM certificates AS later \
          WHERE later.predecessor = certificates.serial) \
         ORDER BY reserved_at DESC, serial"
    );
    let mut select = sqlx::query(AssertSqlSafe(sql)).bind(now.as_millis());
    for id in ids {
        select = select.bind(id.as_str());
    }
    let mut live: HashMap<String, Vec<Device>> = HashMap::new();
    for row in select.fetch_all(connection).await? {
        let name = Columns::new("certificates", &row).text("name")?;
        live.entry(name).or_default().push(read_live(&row)?);
    }
    Ok(live)
}

/// Has others who ask for these persons wait until this transaction is over.
pub(super) async fn lock_people(
    connection: &mut AnyConnection,
    ids: &[String],
) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let these = parameters(1, ids.len());
    // In an order, so that two cannot wait for each other.
    let sql = format!("SELECT id FROM people WHERE id IN ({these}) ORDER BY id FOR UPDATE");
    let mut select = sqlx::query(AssertSqlSafe(sql));
    for id in ids {
        select = select.bind(id.as_str());
    }
    select.fetch_all(connection).await?;
    Ok(())
}

fn read_live(row: &AnyRow) -> Result<Device, StoreError> {
    let columns = Columns::new("certificates", row);
    Ok(Device {
        serial: columns.text("serial")?,
        issued_at: columns.time("reserved_at")?,
        not_after: columns.time("not_after")?,
        provenance: provenance::read(&columns)?,
        revoked: None,
        renewed_by: None,
    })
}

fn read(row: &AnyRow) -> Result<Device, StoreError> {
    let columns = Columns::new("certificates", row);
    let revoked = match columns.optional_time("revoked_at")? {
        Some(at) => Some((at, columns.parsed("reason")?)),
        None => None,
    };
    let renewed_by = columns.optional_text("renewed_by")?;
    Ok(Device { revoked, renewed_by, ..read_live(row)? })
}
