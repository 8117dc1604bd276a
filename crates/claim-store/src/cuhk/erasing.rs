//! Erasing people who have left, and codes and mails that are over.
//!
//! What stays of a person: that certificates were issued under these serial numbers, from when until when, how whoever asked
//! for them was known, which was renewed by which, the SHA-256 of each, and what is revoked; and the audit log, without who,
//! whom and what in the entries by or about this person. What goes: everything else.

use std::ops::AddAssign;

use claim_core::Digest;
use claim_pki::{PersonId, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::{CuhkStore, devices};
use crate::audit::{Entry, erase_personal};
use crate::batch::{BATCH, parameters};
use crate::readers::Read;
use crate::retry::retry;
use crate::row::Columns;
use crate::{Kind, Point, Scrubbed, StoreError};

/// Somebody who may be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departed {
    /// Who.
    pub id: PersonId,
    /// When they were taken off the roster; `None` where they were never on it, as in a local demonstration.
    pub removed_at: Option<Timestamp>,
    /// How many certificates they had that are on record.
    pub certificates: u64,
    /// When the last of them ended.
    pub ended_at: Option<Timestamp>,
    /// How many codes of theirs are on record.
    pub codes: u64,
}

/// Who may be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureRule {
    /// Whoever has been off the roster, and without a certificate that lasts, since before this moment.
    Before(Timestamp),
    /// Whoever is off the roster, and has no certificate that is good at this moment: each has ended or is revoked.
    Asked(Timestamp),
}

/// What is on record of somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traces {
    /// Whether the person is on the roster.
    pub is_on_roster: bool,
    /// Whether the person is on record as one who was taken off it.
    pub was_on_roster: bool,
    /// Certificates.
    pub certificates: u64,
    /// Those of them that are good: neither ended nor revoked.
    pub good: u64,
    /// Codes, open or not.
    pub codes: u64,
    /// Mails about certificates that were sent, or are to be.
    pub mails: u64,
    /// Sign-ins.
    pub sign_ins: u64,
    /// Entries of the audit log by or about the person.
    pub entries: u64,
}

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// People.
    pub people: u64,
    /// Certificates that name nobody any more.
    pub certificates: u64,
    /// Codes.
    pub codes: u64,
    /// Mails about certificates.
    pub mails: u64,
    /// Sign-ins.
    pub sign_ins: u64,
    /// Entries of the audit log of which who, whom and what were erased.
    pub entries: u64,
}

/// The octets of a key's digest, which are zeros where it was erased.
const KEY_DIGEST: usize = 32;

/// Deeds that are about persons alone, whoever else is in the log.
const OF_PERSONS: &str = "'person-recorded', 'person-removed', 'person-restored', \
     'sign-in-confirmed', 'sign-in-denied', 'refused'";

/// Codes of persons that ended before $1, but for the last one of whoever has no certificate: it tells that they were
/// invited.
const SPENT: &str = "invitee_kind = 'person' AND expires_at < $1 \
     AND (EXISTS (SELECT 1 FROM certificates AS held WHERE held.profile = 'person' \
       AND held.name = invitations.invitee AND held.certificate IS NOT NULL) \
      OR EXISTS (SELECT 1 FROM invitations AS newer WHERE newer.invitee_kind = 'person' \
       AND newer.invitee = invitations.invitee AND newer.mail_fault IS NULL \
       AND newer.created_at > invitations.created_at))";

/// Mails about certificates that were sent or given up, of certificates from before $1.
const TOLD: &str = "next_at IS NULL AND created_at < $1";

impl CuhkStore {
    /// Everybody who may be erased by the rule of this moment: [`ErasureRule::Before`], by id.
    ///
    /// Those of whom only the audit log tells are among them, when its last such entry is from before it.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn departed(&self, before: Timestamp) -> Result<Vec<Departed>, StoreError> {
        let unknown =
            |column: &str| format!("NOT EXISTS (SELECT 1 FROM people WHERE people.id = {column})");
        let sql = format!(
            "SELECT who.id AS id, MAX(who.removed_at) AS removed_at, \
             (SELECT COUNT(*) FROM certificates WHERE profile = 'person' \
              AND certificates.name = who.id) AS certificates, \
             (SELECT MAX(not_after) FROM certificates WHERE profile = 'person' \
              AND certificates.name = who.id) AS ended_at, \
             (SELECT COUNT(*) FROM invitations WHERE invitee_kind = 'person' \
              AND invitee = who.id) AS codes \
             FROM (SELECT id, removed_at FROM people WHERE removed_at < $1 \
              UNION ALL SELECT name AS id, CAST(NULL AS BIGINT) AS removed_at FROM certificates \
              WHERE profile = 'person' AND name <> '' AND {} \
              UNION ALL SELECT subject AS id, CAST(NULL AS BIGINT) AS removed_at \
              FROM audit_entries WHERE deed IN ({OF_PERSONS}) AND subject <> '' AND {} \
              GROUP BY subject HAVING MAX(at) < $1) AS who \
             WHERE NOT EXISTS (SELECT 1 FROM certificates WHERE profile = 'person' \
              AND certificates.name = who.id AND not_after >= $1) \
             GROUP BY who.id ORDER BY who.id",
            unknown("certificates.name"),
            unknown("audit_entries.subject")
        );
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(before.as_millis())
            .read_all(&self.database)
            .await?;
        // A server may have been refused something too.
        rows.iter().filter_map(|row| departed(row).transpose()).collect()
    }

    /// What is on record of this person now.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn traces(&self, id: &PersonId, now: Timestamp) -> Result<Traces, StoreError> {
        let row = sqlx::query(
            "SELECT (SELECT COUNT(*) FROM people WHERE id = $1 AND removed_at IS NULL) AS present, \
             (SELECT COUNT(*) FROM people WHERE id = $1 AND removed_at IS NOT NULL) AS gone, \
             (SELECT COUNT(*) FROM certificates WHERE profile = 'person' AND name = $1) \
              AS certificates, \
             (SELECT COUNT(*) FROM certificates WHERE profile = 'person' AND name = $1 \
              AND not_after >= $2 AND NOT EXISTS (SELECT 1 FROM revocations \
              WHERE revocations.serial = certificates.serial)) AS good, \
             (SELECT COUNT(*) FROM invitations WHERE invitee_kind = 'person' AND invitee = $1) \
              AS codes, \
             (SELECT COUNT(*) FROM announcements JOIN certificates \
              ON certificates.serial = announcements.serial WHERE profile = 'person' \
              AND name = $1) AS mails, \
             (SELECT COUNT(*) FROM sign_ins WHERE person = $1) AS sign_ins, \
             (SELECT COUNT(*) FROM audit_entries WHERE subject = $1 OR actor = $1) AS entries",
        )
        .bind(id.as_str())
        .bind(now.as_millis())
        .read_one(&self.database)
        .await?;
        let columns = Columns::new("people", &row);
        Ok(Traces {
            is_on_roster: columns.count("present")? > 0,
            was_on_roster: columns.count("gone")? > 0,
            certificates: columns.count("certificates")?,
            good: columns.count("good")?,
            codes: columns.count("codes")?,
            mails: columns.count("mails")?,
            sign_ins: columns.count("sign_ins")?,
            entries: columns.count("entries")?,
        })
    }

    /// Erases those of these people who may be by the rule, as it is when this is done, with all that names them; of what, if
    /// of anything, the audit log then has an entry by this one, which the counts are added to. When this returns, it is
    /// durable; it is done in several steps, each whole in itself, and safe to repeat.
    ///
    /// # Errors
    /// Whatever befalls the database; then some of them may be erased.
    pub async fn erase_people(
        &self,
        ids: &[PersonId],
        rule: ErasureRule,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Erased, StoreError> {
        let mut erased = Erased::default();
        for some in ids.chunks(BATCH) {
            erased += retry!(self.try_erase(some, rule, entry, now))?;
        }
        Ok(erased)
    }

    async fn try_erase(
        &self,
        ids: &[PersonId],
        rule: ErasureRule,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Erased, StoreError> {
        let mut write = self.database.begin(Point::Forgotten).await?;
        if self.database.kind() == Kind::Postgres {
            // Whoever puts them back on the roster, or asks for a certificate, comes before or after.
            let ids: Vec<String> = ids.iter().map(|id| id.as_str().to_owned()).collect();
            devices::lock_people(write.connection(), &ids).await?;
        }
        let kept = kept(write.connection(), ids, rule).await?;
        let ids: Vec<&str> = ids
            .iter()
            .map(PersonId::as_str)
            .filter(|id| !kept.iter().any(|one| one == id))
            .collect();
        let erased = erase(write.connection(), &ids, now).await?;
        if erased == Erased::default() {
            return Ok(erased);
        }
        self.recorder.record(&mut write, &[erased.entry(entry)]).await?;
        write.commit().await?;
        Ok(erased)
    }

    /// How many codes ended, and of how many certificates somebody was told by mail, before this moment; of codes not the last
    /// one of whoever has no certificate.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn spent(&self, before: Timestamp) -> Result<Erased, StoreError> {
        let sql = format!(
            "SELECT (SELECT COUNT(*) FROM invitations WHERE {SPENT}) AS codes, \
             (SELECT COUNT(*) FROM announcements WHERE {TOLD}) AS mails"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(before.as_millis())
            .read_one(&self.database)
            .await?;
        let columns = Columns::new("invitations", &row);
        let (codes, mails) = (columns.count("codes")?, columns.count("mails")?);
        Ok(Erased { codes, mails, ..Erased::default() })
    }

    /// Erases [these](Self::spent), and notes that as [`Self::erase_people`] does.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn erase_spent(
        &self,
        before: Timestamp,
        entry: &Entry,
    ) -> Result<Erased, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Forgotten).await?;
            let erased = erase_spent(write.connection(), before).await?;
            if erased == Erased::default() {
                return Ok(erased);
            }
            self.recorder.record(&mut write, &[erased.entry(entry)]).await?;
            write.commit().await?;
            Ok(erased)
        })
    }

    /// Takes what was erased out of the files of the database too; nobody else writes meanwhile.
    ///
    /// # Errors
    /// Whatever befalls the database; [`StoreError::Full`] when there is not as much room again as it has.
    pub async fn scrub(&self) -> Result<Scrubbed, StoreError> {
        self.database.scrub().await
    }
}

impl AddAssign for Erased {
    fn add_assign(&mut self, more: Self) {
        self.people += more.people;
        self.certificates += more.certificates;
        self.codes += more.codes;
        self.mails += more.mails;
        self.sign_ins += more.sign_ins;
        self.entries += more.entries;
    }
}

impl Erased {
    /// The same entry with how much it was.
    fn entry(&self, entry: &Entry) -> Entry {
        let Self { people, certificates, codes, mails, sign_ins, entries } = *self;
        let counts = [
            ("people", people),
            ("certificates", certificates),
            ("codes", codes),
            ("mails", mails),
            ("sign_ins", sign_ins),
            ("entries", entries),
        ];
        counts.into_iter().fold(entry.clone(), |entry, (name, count)| entry.with(name, count))
    }
}

fn departed(row: &AnyRow) -> Result<Option<Departed>, StoreError> {
    let columns = Columns::new("people", row);
    let Ok(id) = columns.text("id")?.parse() else { return Ok(None) };
    Ok(Some(Departed {
        id,
        removed_at: columns.optional_time("removed_at")?,
        certificates: columns.count("certificates")?,
        ended_at: columns.optional_time("ended_at")?,
        codes: columns.count("codes")?,
    }))
}

/// Those of these whom the rule keeps.
async fn kept(
    connection: &mut AnyConnection,
    ids: &[PersonId],
    rule: ErasureRule,
) -> Result<Vec<String>, StoreError> {
    let (left_before, ended_before, or_revoked) = match rule {
        ErasureRule::Before(before) => (before.as_millis(), before.as_millis(), ""),
        ErasureRule::Asked(now) => (
            i64::MAX,
            now.as_millis(),
            " AND NOT EXISTS (SELECT 1 FROM revocations WHERE revocations.serial = certificates.serial)",
        ),
    };
    let these = parameters(3, ids.len());
    let sql = format!(
        "SELECT id FROM people WHERE id IN ({these}) AND (removed_at IS NULL OR removed_at >= $1) \
         UNION SELECT name AS id FROM certificates WHERE profile = 'person' \
         AND name IN ({these}) AND not_after >= $2{or_revoked}"
    );
    let mut select = sqlx::query(AssertSqlSafe(sql)).bind(left_before).bind(ended_before);
    for id in ids {
        select = select.bind(id.as_str());
    }
    let rows = select.fetch_all(connection).await?;
    rows.iter().map(|row| Columns::new("people", row).text("id")).collect()
}

/// Erases at most [`BATCH`] people.
async fn erase(
    connection: &mut AnyConnection,
    ids: &[&str],
    now: Timestamp,
) -> Result<Erased, StoreError> {
    if ids.is_empty() {
        return Ok(Erased::default());
    }
    let told = "DELETE FROM announcements WHERE serial IN (SELECT serial FROM certificates \
         WHERE profile = 'person' AND name IN (";
    let mails = delete(connection, ids, told, "))").await?;
    let certificates = erase_certificates(connection, ids, now).await?;
    let invited = "DELETE FROM invitations WHERE invitee_kind = 'person' AND invitee IN (";
    let codes = delete(connection, ids, invited, ")").await?;
    let sign_ins = delete(connection, ids, "DELETE FROM sign_ins WHERE person IN (", ")").await?;
    let entries = erase_personal(connection, ids).await?;
    let people = delete(connection, ids, "DELETE FROM people WHERE id IN (", ")").await?;
    let mut erased = Erased { people, certificates, codes, mails, sign_ins, entries };
    if erased != Erased::default() {
        erased.people = ids.len() as u64;
    }
    Ok(erased)
}

/// What a statement did that ends with the list of these ids, and something behind it.
async fn delete(
    connection: &mut AnyConnection,
    ids: &[&str],
    before: &str,
    behind: &str,
) -> Result<u64, StoreError> {
    let sql = format!("{before}{}{behind}", parameters(1, ids.len()));
    let mut delete = sqlx::query(AssertSqlSafe(sql));
    for id in ids {
        delete = delete.bind(*id);
    }
    Ok(delete.execute(connection).await?.rows_affected())
}

async fn erase_certificates(
    connection: &mut AnyConnection,
    ids: &[&str],
    now: Timestamp,
) -> Result<u64, StoreError> {
    let these = parameters(1, ids.len());
    let sql = format!(
        "SELECT serial, certificate FROM certificates WHERE profile = 'person' \
         AND certificate IS NOT NULL AND name IN ({these})"
    );
    let mut select = sqlx::query(AssertSqlSafe(sql));
    for id in ids {
        select = select.bind(*id);
    }
    for row in select.fetch_all(&mut *connection).await? {
        let columns = Columns::new("certificates", &row);
        let digest = Digest::of(&columns.bytes("certificate")?);
        sqlx::query("UPDATE certificates SET sha256 = $1 WHERE serial = $2")
            .bind(digest.as_bytes().to_vec())
            .bind(columns.text("serial")?)
            .execute(&mut *connection)
            .await?;
    }
    let these = parameters(4, ids.len());
    let sql = format!(
        "UPDATE certificates SET name = '', key_digest = $1, tbs = $2, certificate = NULL, \
         code_hash = NULL, device = NULL, erased_at = $3 \
         WHERE profile = 'person' AND name IN ({these})"
    );
    let mut update = sqlx::query(AssertSqlSafe(sql))
        .bind(vec![0_u8; KEY_DIGEST])
        .bind(Vec::<u8>::new())
        .bind(now.as_millis());
    for id in ids {
        update = update.bind(*id);
    }
    Ok(update.execute(connection).await?.rows_affected())
}

async fn erase_spent(
    connection: &mut AnyConnection,
    before: Timestamp,
) -> Result<Erased, StoreError> {
    // A certificate tells by what it was asked for without the code.
    let unbind = format!(
        "UPDATE certificates SET code_hash = NULL WHERE code_hash IN \
         (SELECT code_hash FROM invitations WHERE {SPENT})"
    );
    let codes = format!("DELETE FROM invitations WHERE {SPENT}");
    let mails = format!("DELETE FROM announcements WHERE {TOLD}");
    let mut counts = [0; 3];
    for (sql, count) in [unbind, codes, mails].into_iter().zip(&mut counts) {
        let done = sqlx::query(AssertSqlSafe(sql)).bind(before.as_millis());
        *count = done.execute(&mut *connection).await?.rows_affected();
    }
    let [_, codes, mails] = counts;
    Ok(Erased { codes, mails, ..Erased::default() })
}
