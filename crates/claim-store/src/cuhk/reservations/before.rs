//! What stood in the way of a reservation: what the same code, certificate or key had led to before.

use sqlx::AnyConnection;

use super::together::Outcome;
use super::{Reservation, ReserveError, Reserved};
use crate::StoreError;
use crate::cuhk::certificates;
use crate::cuhk::invitations::Bound;

/// What this led to before.
pub(super) async fn before(
    connection: &mut AnyConnection,
    reservation: &Reservation,
) -> Result<Outcome, StoreError> {
    let key_digest = &reservation.key_digest;
    match (&reservation.code_hash, &reservation.provenance.predecessor) {
        (Some(code_hash), _) => existing(connection, code_hash, key_digest).await,
        (None, Some(predecessor)) => successor(connection, predecessor, key_digest).await,
        (None, None) => existing_evidence(connection, reservation).await,
    }
}

/// What the code is bound to, which stood in the way of binding it.
async fn existing(
    connection: &mut AnyConnection,
    code_hash: &[u8; 32],
    key_digest: &[u8; 32],
) -> Result<Outcome, StoreError> {
    let row = sqlx::query(
        "SELECT serial, profile, name, key_digest, not_before, not_after, reserved_at, tbs, \
         certificate, device, authenticated_by, predecessor, erased_at, sha256 FROM certificates WHERE code_hash = $1",
    )
    .bind(code_hash.to_vec())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(Err(ReserveError::SerialTaken)) };
    let record = certificates::read(&row)?;
    if record.key_digest == *key_digest {
        return Ok(Ok(Reserved::Existing(record)));
    }
    let bound = Bound { key_digest: record.key_digest, serial: record.serial };
    Ok(Err(ReserveError::OtherKey { bound }))
}

/// What the certificate was renewed by before, which stood in the way of doing it again.
async fn successor(
    connection: &mut AnyConnection,
    predecessor: &str,
    key_digest: &[u8; 32],
) -> Result<Outcome, StoreError> {
    let row = sqlx::query(
        "SELECT serial, profile, name, key_digest, not_before, not_after, reserved_at, tbs, \
         certificate, device, authenticated_by, predecessor, erased_at, sha256 FROM certificates \
         WHERE predecessor = $1",
    )
    .bind(predecessor)
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(Err(ReserveError::SerialTaken)) };
    let record = certificates::read(&row)?;
    if record.key_digest == *key_digest {
        return Ok(Ok(Reserved::Existing(record)));
    }
    let bound = Bound { key_digest: record.key_digest, serial: record.serial };
    Ok(Err(ReserveError::Renewed { bound }))
}

/// What the same key of the evidence was certified by before, which stood in the way of doing it again.
async fn existing_evidence(
    connection: &mut AnyConnection,
    reservation: &Reservation,
) -> Result<Outcome, StoreError> {
    let row = sqlx::query(
        "SELECT serial, profile, name, key_digest, not_before, not_after, reserved_at, tbs, \
         certificate, device, authenticated_by, predecessor, erased_at, sha256 FROM certificates WHERE profile IN ('timestamp', 'log', 'witness') \
         AND profile = $1 AND name = $2 AND key_digest = $3",
    )
    .bind(reservation.profile)
    .bind(reservation.holder.as_str())
    .bind(reservation.key_digest.to_vec())
    .fetch_optional(connection)
    .await?;
    Ok(match row {
        Some(row) => Ok(Reserved::Existing(certificates::read(&row)?)),
        None => Err(ReserveError::SerialTaken),
    })
}
