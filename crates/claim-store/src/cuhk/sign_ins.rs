//! Keys that wait until their person has signed in with the university, and what became of them.
//!
//! A confirmed one is an invitation whose code nobody was ever given: that it leads to one certificate for one key, also
//! when an answer is lost, and how long, is the same as with a code.

use claim_core::Digest;
use claim_pki::{PersonId, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::CuhkStore;
use super::audit::{Authentication, By, Deed, Entry};
use super::invitations::{self, Invitation, Invitee};
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// How long after its end a sign-in stays on record, in seconds: its terminal is told what became of it.
const KEPT: i64 = 3600;

/// A key that waits for its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// SHA-256 of what the terminal asks with.
    pub secret_hash: [u8; 32],
    /// What the person types in the browser.
    pub code: String,
    /// Whom the certificate will name, if it is this person who signs in.
    pub person: PersonId,
    /// DER of the key's SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    /// The address of the terminal, as text.
    pub begun_from: String,
    /// When the terminal asked.
    pub begun_at: Timestamp,
    /// Until when the person may confirm it.
    pub expires_at: Timestamp,
}

/// What the person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is their key.
    Confirmed,
    /// It is not.
    Denied,
}

/// A sign-in and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRecord {
    /// As it was begun.
    pub sign_in: SignIn,
    /// SHA-256 of the cookie of the browser in which the code was typed last.
    pub browser_hash: Option<[u8; 32]>,
    /// What that browser's way to the university is derived from, until it has come back.
    pub attempt: Option<[u8; 32]>,
    /// When the person was signed in, in that browser.
    pub signed_in_at: Option<Timestamp>,
    /// What the person said.
    pub decision: Option<Decision>,
}

/// Why no sign-in was begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeginSignInError {
    /// So many wait already.
    #[error("{most} sign-ins wait already")]
    Full {
        /// The most that may.
        most: u32,
    },
    /// Another one has this code; draw another.
    #[error("the code is taken")]
    CodeTaken,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

const SELECT: &str = "SELECT secret_hash, code, person, public_key, begun_from, begun_at, expires_at, \
     browser_hash, attempt, signed_in_at, decision FROM sign_ins";

impl CuhkStore {
    /// Puts a key on record that waits for its person, unless `most` do already; forgets those that ended long ago.
    ///
    /// # Errors
    /// [`BeginSignInError`]; nothing was put on record then.
    pub async fn begin_sign_in(&self, sign_in: &SignIn, most: u32) -> Result<(), BeginSignInError> {
        retry!(self.try_begin_sign_in(sign_in, most))?
    }

    async fn try_begin_sign_in(
        &self,
        sign_in: &SignIn,
        most: u32,
    ) -> Result<Result<(), BeginSignInError>, StoreError> {
        let mut write = self.database.begin(Point::SignIn).await?;
        forget(write.connection(), sign_in.begun_at).await?;
        let row = sqlx::query("SELECT COUNT(*) AS waiting FROM sign_ins WHERE expires_at > $1")
            .bind(sign_in.begun_at.as_millis())
            .fetch_one(write.connection())
            .await?;
        if Columns::new("sign_ins", &row).count("waiting")? >= u64::from(most) {
            return Ok(Err(BeginSignInError::Full { most }));
        }
        let inserted = sqlx::query(
            "INSERT INTO sign_ins (secret_hash, code, person, public_key, begun_from, begun_at, \
             expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(sign_in.secret_hash.to_vec())
        .bind(sign_in.code.as_str())
        .bind(sign_in.person.as_str())
        .bind(sign_in.public_key.as_slice())
        .bind(sign_in.begun_from.as_str())
        .bind(sign_in.begun_at.as_millis())
        .bind(sign_in.expires_at.as_millis())
        .execute(write.connection())
        .await?;
        if inserted.rows_affected() == 0 {
            return Ok(Err(BeginSignInError::CodeTaken));
        }
        write.commit().await?;
        Ok(Ok(()))
    }

    /// The sign-in that a terminal asks for.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn sign_in(
        &self,
        secret_hash: &[u8; 32],
    ) -> Result<Option<SignInRecord>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE secret_hash = $1")))
            .bind(secret_hash.to_vec())
            .read_optional(&self.database)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// The sign-in that goes on in a browser.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn sign_in_of_browser(
        &self,
        browser_hash: &[u8; 32],
    ) -> Result<Option<SignInRecord>, StoreError> {
        let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE browser_hash = $1")))
            .bind(browser_hash.to_vec())
            .read_optional(&self.database)
            .await?;
        row.as_ref().map(read).transpose()
    }

    /// Binds the sign-in with this code to a browser, which is about to go to the university; whichever browser or sign-in
    /// was bound before begins again. `None` when no sign-in with this code waits.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn bind_sign_in(
        &self,
        code: &str,
        browser_hash: &[u8; 32],
        attempt: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<SignInRecord>, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::SignIn).await?;
            sqlx::query(
                "UPDATE sign_ins SET browser_hash = NULL, attempt = NULL WHERE browser_hash = $1",
            )
            .bind(browser_hash.to_vec())
            .execute(write.connection())
            .await?;
            let bound = sqlx::query(
                "UPDATE sign_ins SET browser_hash = $1, attempt = $2, signed_in_at = NULL \
                 WHERE code = $3 AND expires_at > $4 AND decision IS NULL",
            )
            .bind(browser_hash.to_vec())
            .bind(attempt.to_vec())
            .bind(code)
            .bind(now.as_millis())
            .execute(write.connection())
            .await?;
            if bound.rows_affected() == 0 {
                return Ok(None);
            }
            let row = sqlx::query(AssertSqlSafe(format!("{SELECT} WHERE browser_hash = $1")))
                .bind(browser_hash.to_vec())
                .fetch_one(write.connection())
                .await?;
            let record = read(&row)?;
            write.commit().await?;
            Ok(Some(record))
        })
    }

    /// The browser has come back from the university: its attempt is used up. Of several that say so, one is told `true`.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn use_attempt(
        &self,
        browser_hash: &[u8; 32],
        attempt: &[u8; 32],
    ) -> Result<bool, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::SignIn).await?;
            let used = sqlx::query(
                "UPDATE sign_ins SET attempt = NULL WHERE browser_hash = $1 AND attempt = $2",
            )
            .bind(browser_hash.to_vec())
            .bind(attempt.to_vec())
            .execute(write.connection())
            .await?;
            write.commit().await?;
            Ok(used.rows_affected() == 1)
        })
    }

    /// The university has said that it is the right person who sits at this browser. `false` when the sign-in has ended, or
    /// is another browser's by now.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn person_signed_in(
        &self,
        secret_hash: &[u8; 32],
        browser_hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::SignIn).await?;
            let done = sqlx::query(
                "UPDATE sign_ins SET signed_in_at = $1 WHERE secret_hash = $2 \
                 AND browser_hash = $3 AND attempt IS NULL AND expires_at > $1 AND decision IS NULL",
            )
            .bind(now.as_millis())
            .bind(secret_hash.to_vec())
            .bind(browser_hash.to_vec())
            .execute(write.connection())
            .await?;
            write.commit().await?;
            Ok(done.rows_affected() == 1)
        })
    }

    /// The person who was signed in at this browser says whether it is their key. One that is confirmed may be certified
    /// until `collect_until`. `false` when it has ended, was decided before, or is another browser's.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn decide_sign_in(
        &self,
        sign_in: &SignIn,
        browser_hash: &[u8; 32],
        decision: Decision,
        now: Timestamp,
        collect_until: Timestamp,
    ) -> Result<bool, StoreError> {
        let point = match decision {
            Decision::Confirmed => Point::SignInConfirmed,
            Decision::Denied => Point::SignIn,
        };
        retry!(async {
            let mut write = self.database.begin(point).await?;
            let decided = sqlx::query(
                "UPDATE sign_ins SET decision = $1, decided_at = $2 WHERE secret_hash = $3 \
                 AND browser_hash = $4 AND signed_in_at IS NOT NULL AND expires_at > $2 \
                 AND decision IS NULL",
            )
            .bind(decision.as_str())
            .bind(now.as_millis())
            .bind(sign_in.secret_hash.to_vec())
            .bind(browser_hash.to_vec())
            .execute(write.connection())
            .await?;
            if decided.rows_affected() == 0 {
                return Ok(false);
            }
            if decision == Decision::Confirmed {
                let invitation = Invitation {
                    code_hash: sign_in.secret_hash,
                    invitee: Invitee::Person(sign_in.person.clone()),
                    created_at: now,
                    expires_at: collect_until,
                };
                invitations::put_all(write.connection(), &[&invitation]).await?;
            }
            self.recorder.record(&mut write, &[decision.said(sign_in)]).await?;
            write.commit().await?;
            Ok(true)
        })
    }

    /// Forgets sign-ins that ended more than an hour ago; returns how many.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn forget_sign_ins(&self, now: Timestamp) -> Result<u64, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::SignIn).await?;
            let forgotten = forget(write.connection(), now).await?;
            write.commit().await?;
            Ok(forgotten)
        })
    }
}

impl Decision {
    /// That the person said so.
    fn said(self, sign_in: &SignIn) -> Entry {
        let deed = match self {
            Self::Confirmed => Deed::SignInConfirmed,
            Self::Denied => Deed::SignInDenied,
        };
        let person = sign_in.person.as_str();
        Entry::new(deed)
            .by(By::known(person, Authentication::SingleSignOn))
            .about(person)
            .with("key_sha256", Digest::of(&sign_in.public_key).to_string())
            .with("terminal", sign_in.begun_from.as_str())
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Denied => "denied",
        }
    }
}

async fn forget(connection: &mut AnyConnection, now: Timestamp) -> Result<u64, StoreError> {
    let forgotten = sqlx::query("DELETE FROM sign_ins WHERE expires_at <= $1")
        .bind(now.plus_seconds(-KEPT).as_millis())
        .execute(connection)
        .await?;
    Ok(forgotten.rows_affected())
}

fn read(row: &AnyRow) -> Result<SignInRecord, StoreError> {
    let columns = Columns::new("sign_ins", row);
    let digest = |column| -> Result<Option<[u8; 32]>, StoreError> {
        let bytes = columns.optional_bytes(column)?;
        bytes.map(|bytes| bytes.try_into().map_err(|_| columns.foreign(column))).transpose()
    };
    Ok(SignInRecord {
        sign_in: SignIn {
            secret_hash: columns.digest("secret_hash")?,
            code: columns.text("code")?,
            person: columns.parsed("person")?,
            public_key: columns.bytes("public_key")?,
            begun_from: columns.text("begun_from")?,
            begun_at: columns.time("begun_at")?,
            expires_at: columns.time("expires_at")?,
        },
        browser_hash: digest("browser_hash")?,
        attempt: digest("attempt")?,
        signed_in_at: columns.optional_time("signed_in_at")?,
        decision: match columns.optional_text("decision")?.as_deref() {
            None => None,
            Some("confirmed") => Some(Decision::Confirmed),
            Some("denied") => Some(Decision::Denied),
            Some(_) => return Err(columns.foreign("decision")),
        },
    })
}
