//! Many reservations in one transaction, by statements that are about all of them: one costs as many.

use std::collections::{HashMap, HashSet};

use claim_core::DeviceName;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::before::before;
use super::{Reservation, ReserveError, Reserved};
use crate::batch::{parameters, values};
use crate::cuhk::audit::Authentication;
use crate::cuhk::devices::{self, Device};
use crate::cuhk::{announcements, invitations, revocations};
use crate::database::Database;
use crate::row::Columns;
use crate::{Kind, Point, StoreError};

/// What became of one of them.
pub(super) type Outcome = Result<Reserved, ReserveError>;

/// What will become of each, as far as it is known.
type Judged<'r> = Vec<(&'r Reservation, Option<Outcome>)>;

/// Reserves all of these, each as if it were alone and they came in this order.
pub(super) async fn reserve(
    database: &Database,
    reservations: &[&Reservation],
) -> Result<Vec<Outcome>, StoreError> {
    let by_code = reservations.iter().any(|one| one.code_hash.is_some());
    let point = if by_code { Point::CodeSpent } else { Point::Reservation };
    let mut write = database.begin(point).await?;
    let connection = write.connection();
    if database.kind() == Kind::Postgres {
        // Two that ask for one person count one after the other; SQLite has one writer anyway.
        devices::lock_people(connection, &counted(reservations)).await?;
    }
    let mut judged = judge(connection, database.kind(), reservations).await?;
    // That code and predecessor are unique makes this one statement the compare-and-swap: whoever inserts first has bound
    // them, and everyone else waits here until that is settled.
    let open: Vec<_> = judged.iter().filter(|one| one.1.is_none()).map(|one| one.0).collect();
    let live = live(connection, &open).await?;
    let inserted = insert(connection, &open).await?;
    for (reservation, outcome) in judged.iter_mut().filter(|one| one.1.is_none()) {
        if inserted.contains(reservation.serial.as_str()) {
            *outcome = Some(Ok(Reserved::New));
        }
    }
    count(connection, &mut judged, live).await?;
    for index in 0..judged.len() {
        if let Some((reservation, None)) = judged.get(index) {
            let outcome = match refused_as(reservation, &judged) {
                Some(refusal) => Err(refusal),
                None => before(connection, reservation).await?,
            };
            if let Some(judged) = judged.get_mut(index) {
                judged.1 = Some(outcome);
            }
        }
    }
    let new: Vec<_> = judged.iter().filter(|one| is_new(&one.1)).collect();
    let announced = new.iter().map(|one| one.0).filter(|one| one.announce);
    let announced: Vec<_> = announced.map(|one| (one.serial.as_str(), one.now)).collect();
    announcements::put(connection, &announced).await?;
    if !new.is_empty() {
        write.commit().await?;
    }
    Ok(judged.into_iter().filter_map(|one| one.1).collect())
}

/// What those hold of whom it counts.
async fn live(
    connection: &mut AnyConnection,
    reservations: &[&Reservation],
) -> Result<HashMap<String, Vec<Device>>, StoreError> {
    match reservations.iter().map(|one| one.now).max() {
        Some(now) => devices::live(connection, &counted(reservations), now).await,
        None => Ok(HashMap::new()),
    }
}

/// The persons of whom it counts how many certificates they have.
fn counted(reservations: &[&Reservation]) -> Vec<String> {
    let counted = reservations.iter().filter(|one| one.most_live.is_some());
    let mut names: Vec<_> = counted.map(|one| one.holder.as_str().to_owned()).collect();
    names.sort();
    names.dedup();
    names
}

/// Refuses those whose code is not one of theirs, whose certificate is revoked, or whose serial number is that of one in an
/// archive.
async fn judge<'r>(
    connection: &mut AnyConnection,
    kind: Kind,
    reservations: &[&'r Reservation],
) -> Result<Judged<'r>, StoreError> {
    let predecessors = reservations.iter().filter_map(|one| one.provenance.predecessor.as_deref());
    let predecessors: Vec<_> = predecessors.collect();
    let revoked = revocations::revoked_under_lock(connection, kind, &predecessors).await?;
    let hashes: Vec<_> = reservations.iter().filter_map(|one| one.code_hash).collect();
    let records = invitations::find_all(connection, &hashes).await?;
    let used = used(connection, reservations).await?;
    let judge = |reservation: &Reservation| {
        if used.contains(&reservation.serial) {
            return Some(Err(ReserveError::SerialTaken));
        }
        if let Some(serial) = &reservation.provenance.predecessor
            && let Some(at) = revoked.get(serial)
        {
            return Some(Err(ReserveError::Revoked { serial: serial.clone(), at: *at }));
        }
        let hash = reservation.code_hash.as_ref()?;
        let Some(record) = records.get(hash) else { return Some(Err(ReserveError::UnknownCode)) };
        reservation.check_against(record).err().map(Err)
    };
    Ok(reservations.iter().map(|one| (*one, judge(one))).collect())
}

/// Of their serial numbers those that certificates in archives have.
async fn used(
    connection: &mut AnyConnection,
    reservations: &[&Reservation],
) -> Result<HashSet<String>, StoreError> {
    if reservations.is_empty() {
        return Ok(HashSet::new());
    }
    let these = parameters(1, reservations.len());
    let sql = format!("SELECT serial FROM used_serials WHERE serial IN ({these})");
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for reservation in reservations {
        query = query.bind(reservation.serial.as_str());
    }
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Columns::new("used_serials", row).text("serial")).collect()
}

/// The serial numbers of what was inserted: not where serial number, code or predecessor is taken, nor for a key of the
/// evidence that has a certificate.
async fn insert(
    connection: &mut AnyConnection,
    reservations: &[&Reservation],
) -> Result<HashSet<String>, StoreError> {
    if reservations.is_empty() {
        return Ok(HashSet::new());
    }
    let sql = format!(
        "INSERT INTO certificates (serial, code_hash, profile, name, key_digest, not_before, \
         not_after, reserved_at, tbs, device, authenticated_by, predecessor) VALUES {} \
         ON CONFLICT DO NOTHING RETURNING serial",
        values(reservations.len(), 12)
    );
    let mut insert = sqlx::query(AssertSqlSafe(sql));
    for reservation in reservations {
        let provenance = &reservation.provenance;
        insert = insert
            .bind(reservation.serial.as_str())
            .bind(reservation.code_hash.map(Vec::from))
            .bind(reservation.profile)
            .bind(reservation.holder.as_str())
            .bind(reservation.key_digest.to_vec())
            .bind(reservation.not_before.as_millis())
            .bind(reservation.not_after.as_millis())
            .bind(reservation.now.as_millis())
            .bind(reservation.tbs.as_slice())
            .bind(provenance.device.as_ref().map(DeviceName::as_str))
            .bind(provenance.authenticated_by.map(Authentication::name))
            .bind(provenance.predecessor.as_deref());
    }
    let rows = insert.fetch_all(connection).await?;
    rows.iter().map(|row| Columns::new("certificates", row).text("serial")).collect()
}

/// Why another by the same code or certificate was just refused, in whose way this one was.
fn refused_as(reservation: &Reservation, judged: &Judged<'_>) -> Option<ReserveError> {
    let by = |one: &Reservation| (one.code_hash, one.provenance.predecessor.clone());
    let key = by(reservation);
    let mut same = judged.iter().filter(|one| key != (None, None) && by(one.0) == key);
    same.find_map(|one| match &one.1 {
        Some(Err(refusal @ ReserveError::TooMany { .. })) => Some(refusal.clone()),
        _ => None,
    })
}

/// Refuses what is more than a person may hold, as if one came after the other, and takes it back.
async fn count(
    connection: &mut AnyConnection,
    judged: &mut Judged<'_>,
    mut live: HashMap<String, Vec<Device>>,
) -> Result<(), StoreError> {
    let mut taken_back = Vec::new();
    for (reservation, outcome) in judged.iter_mut().filter(|one| is_new(&one.1)) {
        let Some(most) = reservation.most_live else { continue };
        let live = live.entry(reservation.holder.as_str().to_owned()).or_default();
        // A renewal takes the place of what it renews.
        let stays =
            |device: &Device| Some(&device.serial) != reservation.provenance.predecessor.as_ref();
        let others: Vec<_> = live.iter().filter(|device| stays(device)).cloned().collect();
        if others.len() >= most.get() as usize {
            taken_back.push(reservation.serial.as_str());
            *outcome = Some(Err(ReserveError::TooMany { live: live.clone() }));
        } else {
            *live = others;
            live.push(Device::of(reservation));
        }
    }
    delete(connection, &taken_back).await
}

fn is_new(outcome: &Option<Outcome>) -> bool {
    matches!(outcome, Some(Ok(Reserved::New)))
}

async fn delete(connection: &mut AnyConnection, serials: &[&str]) -> Result<(), StoreError> {
    if serials.is_empty() {
        return Ok(());
    }
    let these = parameters(1, serials.len());
    let sql = format!("DELETE FROM certificates WHERE serial IN ({these})");
    let mut delete = sqlx::query(AssertSqlSafe(sql));
    for serial in serials {
        delete = delete.bind(*serial);
    }
    delete.execute(connection).await?;
    Ok(())
}
