//! Claims: lodged once, received piece by piece, withdrawn.
//!
//! Whatever the log must tell is staged in the transaction that makes it so.

mod lodge;
mod pieces;
mod withdraw;

use claim_core::claim::{ClaimId, Holder};
use claim_core::hand_in::{ClaimState, PieceRef, late_ms};
use claim_core::{AssignmentRef, PersonId, Timestamp};
use claim_course::{Contender, Counting};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

pub use lodge::{Lodged, NewClaim};
pub use pieces::{Marked, NewPiece};
pub use withdraw::{NewWithdrawal, Withdrawn};

use super::BlackboardStore;
use super::assignments::{holder_key, read_holder_key};
use super::courses::choices;
use crate::StoreError;
use crate::readers::Read;
use crate::row::Columns;

/// A claim on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRow {
    /// Its id.
    pub id: ClaimId,
    /// What it is for.
    pub reference: AssignmentRef,
    /// Whose it is.
    pub holder: Holder,
    /// Its number among the holder's claims for the assignment, from one.
    pub attempt: u64,
    /// Who lodged it.
    pub person: PersonId,
    /// The token's time.
    pub lodged_at: Timestamp,
    /// The due time that it names.
    pub due: Option<Timestamp>,
    /// By how many milliseconds it was late.
    pub late_ms: i64,
    /// What has become of it.
    pub state: ClaimState,
    /// Until when files may follow.
    pub upload_until: Timestamp,
    /// When its last piece was durable.
    pub received_at: Option<Timestamp>,
    /// How many pieces its files have.
    pub pieces: u64,
    /// How many of them are durable.
    pub durable: u64,
    /// The signed claim.
    pub cms: Vec<u8>,
    /// The token.
    pub token: Vec<u8>,
    /// The revocation lists by which its signers were judged; PEM.
    pub revocation: Vec<u8>,
    /// CUHK's token, where it was signed in an outage.
    pub outage: Option<Stamp>,
}

/// CUHK's token over a claim that was signed while Blackboard could not be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Its time, by which the claim is judged.
    pub at: Timestamp,
    /// The token.
    pub token: Vec<u8>,
}

/// What a list tells of a claim: without the signed claim, which can have megabytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimOutline {
    /// Its id.
    pub id: ClaimId,
    /// What it is for.
    pub reference: AssignmentRef,
    /// Whose it is.
    pub holder: Holder,
    /// Who lodged it.
    pub person: PersonId,
    /// The token's time.
    pub lodged_at: Timestamp,
    /// The time by which it is judged: the token's, or that of CUHK's in an outage.
    pub judged_at: Timestamp,
    /// The due time that it names, which both signed.
    pub due: Option<Timestamp>,
    /// By how many milliseconds it was late, as it is judged now.
    pub late_ms: i64,
    /// What has become of it.
    pub state: ClaimState,
    /// When its last piece was durable.
    pub received_at: Option<Timestamp>,
}

impl ClaimOutline {
    /// By how many milliseconds it is late by the due time that both signed, as the receipt says.
    pub fn signed_late_ms(&self) -> i64 {
        late_ms(self.judged_at, self.due)
    }
}

impl From<&ClaimRow> for ClaimOutline {
    fn from(row: &ClaimRow) -> Self {
        Self {
            id: row.id,
            reference: row.reference.clone(),
            holder: row.holder.clone(),
            person: row.person.clone(),
            lodged_at: row.lodged_at,
            judged_at: row.outage.as_ref().map_or(row.lodged_at, |stamp| stamp.at),
            due: row.due,
            late_ms: row.late_ms,
            state: row.state,
            received_at: row.received_at,
        }
    }
}

impl From<&ClaimOutline> for Contender {
    fn from(claim: &ClaimOutline) -> Self {
        Self {
            claim: claim.id,
            judged_at: claim.judged_at,
            in_time: claim.late_ms == 0,
            is_received: claim.state == ClaimState::Received,
        }
    }
}

/// A query for rows that [`outline`] reads: what else it selects, and what comes after `FROM`, which names `claims`.
macro_rules! select_outlines {
    ($($more:literal)? from $rest:literal) => {
        concat!(
            "SELECT ",
            $($more, ", ",)?
            "claims.id AS id, claims.course AS course, claims.assignment AS assignment, claims.holder AS holder, \
             claims.person AS person, lodged_at, stamped_at, claims.due AS due, late_ms, state, received_at FROM ",
            $rest
        )
    };
}
pub(super) use select_outlines;

impl BlackboardStore {
    /// Lodges a claim: when this returns, claim, token and log entry are durable, or none of them is.
    ///
    /// # Errors
    /// [`StoreError::Busy`] when too many wait; whatever befalls the database. It is safe to repeat.
    pub async fn lodge(&self, claim: NewClaim) -> Result<Lodged, StoreError> {
        self.lodgings.commit(claim).await
    }

    /// Records that a piece is durable in the object storage; with the last one, the claim is received.
    ///
    /// # Errors
    /// As [`Self::lodge`].
    pub async fn mark_piece(&self, piece: NewPiece) -> Result<Marked, StoreError> {
        self.pieces.commit(piece).await
    }

    /// A claim, if it is on record.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn claim(&self, id: ClaimId) -> Result<Option<ClaimRow>, StoreError> {
        let row =
            sqlx::query(SELECT_ONE).bind(id.to_string()).read_optional(&self.database).await?;
        row.as_ref().map(read).transpose()
    }

    /// The outline of a claim, if it is on record.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn outline(&self, id: ClaimId) -> Result<Option<ClaimOutline>, StoreError> {
        let row = sqlx::query(select_outlines!(from "claims WHERE id = $1 \
             AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = claims.id)"))
        .bind(id.to_string())
        .read_optional(&self.database)
        .await?;
        row.as_ref().map(outline).transpose()
    }

    /// The claims of one holder for one assignment, newest first.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn claims_of(
        &self,
        reference: &AssignmentRef,
        holder: &Holder,
    ) -> Result<Vec<ClaimOutline>, StoreError> {
        let rows = sqlx::query(
            select_outlines!(from "claims \
             WHERE course = $1 AND assignment = $2 AND holder = $3 \
             AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = claims.id) ORDER BY place DESC, attempt DESC"),
        )
        .bind(reference.course.as_str())
        .bind(reference.assignment.as_str())
        .bind(holder_key(holder))
        .read_all(&self.database)
        .await?;
        rows.iter().map(outline).collect()
    }

    /// The claim of this holder that counts: the one that staff chose, else the last by the chain of `replaces` that was
    /// lodged in time, is received in full and is not withdrawn. One that was stamped in an outage stands in the chain where
    /// it would have been lodged then.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn counting(
        &self,
        reference: &AssignmentRef,
        holder: &Holder,
    ) -> Result<Option<Counting>, StoreError> {
        let claims = self.claims_of(reference, holder).await?;
        let chosen = choices::of_holder(&self.database, reference, holder).await?;
        let chosen = chosen.map(|choice| choice.claim);
        Ok(Counting::of_holder(claims.iter().map(Contender::from), chosen))
    }

    /// All claims of an assignment, by holder and attempt: for staff.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn claims_for(
        &self,
        reference: &AssignmentRef,
    ) -> Result<Vec<ClaimOutline>, StoreError> {
        let rows = sqlx::query(
            select_outlines!(from "claims \
             WHERE course = $1 AND assignment = $2 \
             AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = claims.id) ORDER BY holder, place, attempt"),
        )
        .bind(reference.course.as_str())
        .bind(reference.assignment.as_str())
        .read_all(&self.database)
        .await?;
        rows.iter().map(outline).collect()
    }

    /// The pieces of a claim that are durable, in ascending order.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn durable_pieces(&self, id: ClaimId) -> Result<Vec<PieceRef>, StoreError> {
        let rows =
            sqlx::query("SELECT file, piece FROM pieces WHERE claim = $1 ORDER BY file, piece")
                .bind(id.to_string())
                .read_all(&self.database)
                .await?;
        let piece = |row| {
            let columns = Columns::new("pieces", row);
            Ok(PieceRef { file: columns.count("file")?, index: columns.count("piece")? })
        };
        rows.iter().map(piece).collect()
    }
}

impl BlackboardStore {
    /// Two of all pieces that are durable, if there are so many: the first and the last by the claims' ids, which are
    /// hashes and so fall anywhere.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn some_durable_pieces(&self) -> Result<Vec<(ClaimId, PieceRef)>, StoreError> {
        let mut pieces = Vec::new();
        for sql in [
            "SELECT claim, file, piece FROM pieces \
             WHERE NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = pieces.claim) \
             ORDER BY claim, file, piece LIMIT 1",
            "SELECT claim, file, piece FROM pieces \
             WHERE NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = pieces.claim) \
             ORDER BY claim DESC, file DESC, piece DESC LIMIT 1",
        ] {
            let Some(row) = sqlx::query(sql).read_optional(&self.database).await? else {
                continue;
            };
            let columns = Columns::new("pieces", &row);
            let piece = PieceRef { file: columns.count("file")?, index: columns.count("piece")? };
            pieces.push((columns.parsed("claim")?, piece));
        }
        Ok(pieces)
    }
}

const SELECT_ONE: &str = "SELECT id, course, assignment, holder, attempt, person, lodged_at, due, late_ms, state, \
     upload_until, received_at, pieces, durable, cms, token, revocation, outage, stamped_at FROM claims WHERE id = $1 \
     AND NOT EXISTS (SELECT 1 FROM erasures WHERE erasures.claim = claims.id)";

/// A claim as the transaction sees it.
async fn find(connection: &mut AnyConnection, id: ClaimId) -> Result<Option<ClaimRow>, StoreError> {
    let row = sqlx::query(SELECT_ONE).bind(id.to_string()).fetch_optional(connection).await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<ClaimRow, StoreError> {
    let columns = Columns::new("claims", row);
    Ok(ClaimRow {
        id: columns.parsed("id")?,
        reference: AssignmentRef {
            course: columns.parsed("course")?,
            assignment: columns.parsed("assignment")?,
        },
        holder: read_holder_key(&columns)?,
        attempt: columns.count("attempt")?,
        person: columns.parsed("person")?,
        lodged_at: columns.time("lodged_at")?,
        due: columns.optional_time("due")?,
        late_ms: columns.int("late_ms")?,
        state: state(&columns)?,
        upload_until: columns.time("upload_until")?,
        received_at: columns.optional_time("received_at")?,
        pieces: columns.count("pieces")?,
        durable: columns.count("durable")?,
        cms: columns.bytes("cms")?,
        token: columns.bytes("token")?,
        revocation: columns.bytes("revocation")?,
        outage: match columns.optional_bytes("outage")? {
            Some(token) => Some(Stamp { at: columns.time("stamped_at")?, token }),
            None => None,
        },
    })
}

const STATES: [(ClaimState, &str); 5] = [
    (ClaimState::Waiting, "waiting"),
    (ClaimState::Received, "received"),
    (ClaimState::Superseded, "superseded"),
    (ClaimState::Lapsed, "lapsed"),
    (ClaimState::Withdrawn, "withdrawn"),
];

pub(super) fn outline(row: &AnyRow) -> Result<ClaimOutline, StoreError> {
    let columns = Columns::new("claims", row);
    let lodged_at = columns.time("lodged_at")?;
    Ok(ClaimOutline {
        id: columns.parsed("id")?,
        reference: AssignmentRef {
            course: columns.parsed("course")?,
            assignment: columns.parsed("assignment")?,
        },
        holder: read_holder_key(&columns)?,
        person: columns.parsed("person")?,
        lodged_at,
        judged_at: columns.optional_time("stamped_at")?.unwrap_or(lodged_at),
        due: columns.optional_time("due")?,
        late_ms: columns.int("late_ms")?,
        state: state(&columns)?,
        received_at: columns.optional_time("received_at")?,
    })
}

fn state(columns: &Columns<'_>) -> Result<ClaimState, StoreError> {
    let text = columns.text("state")?;
    let state = STATES.iter().find(|(_, known)| *known == text).map(|(state, _)| *state);
    state.ok_or_else(|| columns.foreign("state"))
}

fn state_name(state: ClaimState) -> &'static str {
    STATES.iter().find(|(known, _)| *known == state).map_or("", |(_, name)| name)
}
