//! One-time enrolment codes, of which only the hash is kept.

use claim_pki::{Origin, PersonId, Timestamp};
use sqlx::AnyConnection;

use super::CuhkStore;
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
            put(write.connection(), invitation).await?;
            write.commit().await
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
        let mut connection = self.database.reader().acquire().await?;
        find(&mut connection, code_hash).await
    }

    /// Voids the codes for any loopback server that no key has used, and returns how many they were.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn void_loopback_invitations(&self) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Invitation).await?;
            // A code that is used at this very moment makes the foreign key fail; the next attempt spares it.
            let voided = sqlx::query(
                "DELETE FROM invitations WHERE invitee_kind = 'loopback' AND NOT EXISTS \
                 (SELECT 1 FROM certificates WHERE certificates.code_hash = invitations.code_hash)",
            )
            .execute(write.connection())
            .await?
            .rows_affected();
            write.commit().await?;
            Ok(voided)
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
            let voided = sqlx::query(
                "UPDATE invitations SET expires_at = $1 WHERE expires_at > $1 AND NOT EXISTS \
                 (SELECT 1 FROM certificates WHERE certificates.code_hash = invitations.code_hash)",
            )
            .bind(now.as_millis())
            .execute(write.connection())
            .await?
            .rows_affected();
            write.commit().await?;
            Ok(voided)
        })
    }
}

pub(super) async fn put(
    connection: &mut AnyConnection,
    invitation: &Invitation,
) -> Result<(), StoreError> {
    let (kind, invitee) = match &invitation.invitee {
        Invitee::Person(id) => ("person", Some(id.as_str())),
        Invitee::Server(origin) => ("server", Some(origin.as_str())),
        Invitee::AnyLoopbackServer => ("loopback", None),
    };
    sqlx::query(
        "INSERT INTO invitations (code_hash, invitee_kind, invitee, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(invitation.code_hash.to_vec())
    .bind(kind)
    .bind(invitee)
    .bind(invitation.created_at.as_millis())
    .bind(invitation.expires_at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn find(
    connection: &mut AnyConnection,
    code_hash: &[u8; 32],
) -> Result<Option<InvitationRecord>, StoreError> {
    let row = sqlx::query(
        "SELECT invitee_kind, invitee, created_at, expires_at, key_digest, serial \
         FROM invitations LEFT JOIN certificates \
         ON certificates.code_hash = invitations.code_hash WHERE invitations.code_hash = $1",
    )
    .bind(code_hash.to_vec())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let columns = Columns::new("invitations", &row);
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
        code_hash: *code_hash,
        invitee,
        created_at: columns.time("created_at")?,
        expires_at: columns.time("expires_at")?,
    };
    Ok(Some(InvitationRecord { invitation, bound }))
}
