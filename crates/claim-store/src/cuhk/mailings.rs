//! Invitations that go by mail: on record before the code leaves, and again with what became of it.

use claim_pki::Timestamp;
use sqlx::any::AnyRow;

use super::CuhkStore;
use super::audit::{Deed, Entry};
use super::invitations::{self, Invitation};
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

impl CuhkStore {
    /// Keeps a code that is about to be mailed to this address, and ends the open codes of the same person.
    ///
    /// When this returns, it is on record that nobody knows what becomes of that mail.
    ///
    /// # Errors
    /// As [`Self::put_invitation`].
    pub async fn begin_mailing(&self, invitation: &Invitation, to: &str) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Mailing).await?;
            let ended = invitations::replace(write.connection(), &[invitation]).await?;
            sqlx::query("UPDATE invitations SET mail_to = $1 WHERE code_hash = $2")
                .bind(to)
                .bind(invitation.code_hash.to_vec())
                .execute(write.connection())
                .await?;
            let mut entries: Vec<Entry> =
                ended.into_iter().map(|one| one.because("replaced")).collect();
            entries.push(invitation.made().with("mail_to", to));
            self.recorder.record(&mut write, &entries).await?;
            write.commit().await
        })
    }

    /// A mail server has taken the mail with this code.
    ///
    /// # Errors
    /// Whatever befalls the database; then it stays unknown.
    pub async fn mail_taken(&self, code_hash: &[u8; 32], now: Timestamp) -> Result<(), StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Mailed).await?;
            let row = sqlx::query(
                "UPDATE invitations SET mailed_at = $1 WHERE code_hash = $2 RETURNING invitee, mail_to",
            )
            .bind(now.as_millis())
            .bind(code_hash.to_vec())
            .fetch_optional(write.connection())
            .await?;
            if let Some(row) = row {
                let entry = mailed(Deed::InvitationMailed, &row)?;
                self.recorder.record(&mut write, &[entry]).await?;
            }
            write.commit().await
        })
    }

    /// The mail with this code has surely not left; the code ends with that.
    ///
    /// # Errors
    /// Whatever befalls the database; then it stays unknown.
    pub async fn mail_refused(
        &self,
        code_hash: &[u8; 32],
        why: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let why = why.replace('\0', " ");
        retry!(async {
            let mut write = self.database.begin(Point::Mailed).await?;
            let row = sqlx::query(
                "UPDATE invitations SET mail_fault = $1, expires_at = $2 WHERE code_hash = $3 \
                 RETURNING invitee, mail_to",
            )
            .bind(why.as_str())
            .bind(now.as_millis())
            .bind(code_hash.to_vec())
            .fetch_optional(write.connection())
            .await?;
            if let Some(row) = row {
                let entry = mailed(Deed::InvitationEnded, &row)?.with("why", "not mailed");
                self.recorder.record(&mut write, &[entry.with("fault", why.as_str())]).await?;
            }
            write.commit().await
        })
    }
}

/// What became of the mail with an invitation.
fn mailed(deed: Deed, row: &AnyRow) -> Result<Entry, StoreError> {
    let columns = Columns::new("invitations", row);
    let entry = Entry::new(deed).about(columns.optional_text("invitee")?.unwrap_or_default());
    Ok(entry.with_some("mail_to", columns.optional_text("mail_to")?))
}
