//! Lodging: compare the holder's last claim, swap it, and record claim, token and log entry, all at once.

mod on_behalf;

use claim_core::claim::{ClaimId, Holder, LogEntry};
use claim_core::hand_in::{ClaimState, late_ms};
use claim_core::{AssignmentRef, Digest, PersonId, Sid, Timestamp};
use claim_course::{AssignmentPlan, Request, Role, Standing, Terms, judged_late_ms};
use sqlx::AnyConnection;

use super::{ClaimRow, Stamp, find, state_name};
use crate::blackboard::assignments::{self, HolderRow, holder_key, stored};
use crate::blackboard::courses::{self, Known, Place};
use crate::blackboard::erasures::{self, Erasure};
use crate::blackboard::log::{self, EntryIds};
use crate::blackboard::outages;
use crate::database::Database;
use crate::row::Columns;
use crate::writer::Job;
use crate::{Point, StoreError};

/// A claim whose signatures were verified and whose token was made, on its way to the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewClaim {
    /// Its id.
    pub id: ClaimId,
    /// What it is for.
    pub reference: AssignmentRef,
    /// Whose it is, as the manifest and the course's records have it.
    pub holder: Holder,
    /// Who lodges it.
    pub person: PersonId,
    /// The due time that the manifest names.
    pub due: Option<Timestamp>,
    /// The claim that it replaces.
    pub replaces: Option<ClaimId>,
    /// The token's time.
    pub lodged_at: Timestamp,
    /// How many files it lists.
    pub files: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// How many pieces they have.
    pub pieces: u64,
    /// The signed claim.
    pub cms: Vec<u8>,
    /// The token.
    pub token: Vec<u8>,
    /// The revocation lists by which the signers were judged; PEM.
    pub revocation: Vec<u8>,
    /// CUHK's token, verified, where it was signed in an outage.
    pub outage: Option<Stamp>,
    /// The serial number of the certificate by which whoever lodges it is known: the audit log says so of staff.
    pub serial: String,
    /// The note in it: to the audit log, why staff lodges it.
    pub note: Option<String>,
}

impl NewClaim {
    /// The time by which it is judged.
    fn judged_at(&self) -> Timestamp {
        self.outage.as_ref().map_or(self.lodged_at, |stamp| stamp.at)
    }
}

/// What lodging led to. Unless it is `First`, nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lodged {
    /// It is on record now.
    First(ClaimRow),
    /// A claim with its id was on record; that one stands.
    Repeat(ClaimRow),
    /// The log has it, and there is no record of it: the records were restored from an older copy.
    OnlyInLog,
    /// The log has it, and its record was erased because it was old.
    Erased(Erasure),
    /// There is no such assignment for whoever lodges it.
    NoAssignment,
    /// Staff hands in for somebody who is not on the roster.
    NoStudent {
        /// Whom the claim names.
        sid: Sid,
    },
    /// Staff of this role does not hand in: for itself, or for students.
    NotAllowed {
        /// The role.
        role: Role,
        /// Which of both it would take.
        request: Request,
    },
    /// The assignment is handed in by groups, and the student is in none.
    NoGroup {
        /// Who can be asked for one.
        ask: Vec<String>,
    },
    /// The student hands in as another holder: alone, or with others.
    HolderChanged {
        /// As whom.
        holder: Holder,
    },
    /// The assignment takes no claims any more.
    Closed {
        /// The last moment at which it took one.
        until: Timestamp,
    },
    /// The due time is another.
    DueChanged {
        /// The due time on record.
        due: Option<Timestamp>,
    },
    /// It was stamped in an outage that nothing shows.
    NoOutage {
        /// When it was stamped.
        at: Timestamp,
    },
    /// It was stamped in an outage, and comes too late after it.
    OutageTooLate {
        /// The last moment at which it was taken.
        until: Timestamp,
    },
    /// Another claim is the last one.
    ReplacesChanged {
        /// The last one.
        last_claim: Option<ClaimId>,
    },
    /// It is more than the assignment allows.
    LimitExceeded {
        /// What the assignment allows.
        assignment: Box<AssignmentPlan>,
        /// How many claims the holder has lodged already.
        attempts: u64,
    },
}

impl Job for NewClaim {
    type Outcome = Lodged;

    /// Claims have some kilobytes, seldom megabytes.
    const QUEUE: usize = 512;

    const BATCH: usize = 64;

    async fn commit(database: &Database, jobs: &[&Self]) -> Result<Vec<Lodged>, StoreError> {
        let mut write = database.begin(Point::Lodge).await?;
        // First of all, like the ids of messages: replicas queue here and cannot lock crosswise.
        let mut ids = EntryIds::take(write.connection(), 2 * jobs.len()).await?;
        let mut known = Vec::new();
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            outcomes.push(lodge(write.connection(), &mut ids, &mut known, job).await?);
        }
        on_behalf::record(&mut write, jobs, &outcomes).await?;
        write.commit().await?;
        Ok(outcomes)
    }
}

async fn lodge(
    connection: &mut AnyConnection,
    ids: &mut EntryIds,
    assignments: &mut Vec<Known>,
    claim: &NewClaim,
) -> Result<Lodged, StoreError> {
    if let Some(stored) = find(connection, claim.id).await? {
        return Ok(Lodged::Repeat(stored));
    }
    if log::has_lodged(connection, claim.id).await? {
        let erasure = erasures::find(connection, claim.id).await?;
        return Ok(erasure.map_or(Lodged::OnlyInLog, Lodged::Erased));
    }
    let Some(at) = assignment(connection, assignments, claim).await? else {
        return Ok(Lodged::NoAssignment);
    };
    let known = &assignments[at];
    let assignment = &known.plan;
    let terms = match place(connection, known, claim).await? {
        Ok(terms) => terms,
        Err(refused) => return Ok(refused),
    };
    if let Some(until) = terms.until.filter(|until| claim.judged_at() > *until) {
        return Ok(Lodged::Closed { until });
    }
    if !due_fits(claim, terms.due) {
        return Ok(Lodged::DueChanged { due: terms.due });
    }
    let upload_until = match &claim.outage {
        None => claim.lodged_at.plus_seconds(assignment.upload_seconds),
        Some(stamp) => {
            let outages = outages::since(connection, stamp.at).await?;
            if !outages::covers(&outages, stamp.at) {
                return Ok(Lodged::NoOutage { at: stamp.at });
            }
            let until = outages::reachable_until(&outages, stamp.at, assignment.upload_seconds);
            if claim.lodged_at > until {
                return Ok(Lodged::OutageTooLate { until });
            }
            until
        }
    };
    let lodged = holder(connection, claim).await?;
    let limits = &assignment.limits;
    if claim.files > limits.files
        || claim.bytes > limits.bytes
        || lodged.attempts >= limits.attempts
    {
        let assignment = Box::new(assignment.clone());
        return Ok(Lodged::LimitExceeded { assignment, attempts: lodged.attempts });
    }
    // What was signed in an outage could not know of a later one; `place` keeps it before that.
    if lodged.last_claim != claim.replaces && claim.outage.is_none() {
        return Ok(Lodged::ReplacesChanged { last_claim: lodged.last_claim });
    }
    if !swap_last_claim(connection, claim, lodged).await? {
        let last_claim = holder(connection, claim).await?.last_claim;
        return Ok(Lodged::ReplacesChanged { last_claim });
    }
    if lodged.attempts > 0 {
        supersede(connection, claim).await?;
    }
    let row = row(claim, terms.due, upload_until, lodged);
    let place = place_in_chain(connection, claim, row.attempt).await?;
    insert(connection, &row, place).await?;
    stage(connection, ids, claim, &row).await?;
    Ok(Lodged::First(row))
}

/// The assignment that the claim is for, read once in a transaction: many claims are for the same one. Its place in the list.
async fn assignment(
    connection: &mut AnyConnection,
    known: &mut Vec<Known>,
    claim: &NewClaim,
) -> Result<Option<usize>, StoreError> {
    if let Some(at) = known.iter().position(|known| known.plan.reference() == claim.reference) {
        return Ok(Some(at));
    }
    let Some(found) = courses::known(connection, &claim.reference).await? else { return Ok(None) };
    known.push(found);
    Ok(Some(known.len() - 1))
}

/// Whether whoever lodges it may do so as this holder, and the times that hold then.
async fn place(
    connection: &mut AnyConnection,
    known: &Known,
    claim: &NewClaim,
) -> Result<Result<Terms, Lodged>, StoreError> {
    let hidden = known.plan.visible_from.is_some_and(|from| claim.judged_at() < from);
    let request = match &claim.person {
        PersonId::Student(_) => Request::HandIn,
        PersonId::Staff(_) => Request::HandInFor,
    };
    let sid = match (&claim.person, known.role(&claim.person)) {
        (_, Some(role)) if !Standing::Staff(role).may(request) => {
            return Ok(Err(Lodged::NotAllowed { role, request }));
        }
        // Staff lodges for whoever the claim names.
        (PersonId::Staff(_), Some(_)) => claim.holder.sids().first(),
        (PersonId::Student(sid), None) if !hidden => Some(sid),
        _ => None,
    };
    let Some(sid) = sid else { return Ok(Err(Lodged::NoAssignment)) };
    Ok(match courses::place_of(connection, known, sid).await? {
        Place::Stranger if matches!(claim.person, PersonId::Staff(_)) => {
            Err(Lodged::NoStudent { sid: sid.clone() })
        }
        Place::Stranger => Err(Lodged::NoAssignment),
        Place::NoGroup => {
            let ask = courses::whom_to_ask(connection, &claim.reference.course).await?;
            Err(Lodged::NoGroup { ask })
        }
        Place::Holder { holder, .. } if holder != claim.holder => {
            Err(Lodged::HolderChanged { holder })
        }
        Place::Holder { terms, .. } => Ok(terms),
    })
}

/// The due time is the one that holds. After an outage it may be an earlier one, in which the claim is: whoever could not be
/// told of an extension loses nothing by it.
fn due_fits(claim: &NewClaim, due: Option<Timestamp>) -> bool {
    let is_earlier = claim.due.is_some_and(|named| due.is_none_or(|now| named < now));
    let in_time = late_ms(claim.judged_at(), claim.due) == 0;
    due == claim.due || (claim.outage.is_some() && is_earlier && in_time)
}

/// Where it stands in the order in which the holder's claims count.
async fn place_in_chain(
    connection: &mut AnyConnection,
    claim: &NewClaim,
    attempt: u64,
) -> Result<i64, StoreError> {
    let Some(stamp) = &claim.outage else { return Ok(stored(attempt)) };
    let row = sqlx::query(
        "SELECT COALESCE(MAX(place), 0) AS place FROM claims WHERE course = $1 AND assignment = $2 \
         AND holder = $3 AND COALESCE(stamped_at, lodged_at) <= $4",
    )
    .bind(claim.reference.course.as_str())
    .bind(claim.reference.assignment.as_str())
    .bind(holder_key(&claim.holder))
    .bind(stamp.at.as_millis())
    .fetch_one(connection)
    .await?;
    Columns::new("claims", &row).int("place")
}

/// The holder's row; made here where it was missing, so that there is one to compare and swap.
async fn holder(connection: &mut AnyConnection, claim: &NewClaim) -> Result<HolderRow, StoreError> {
    // To write what is there is how both databases return a row that they did not insert.
    let row = sqlx::query(
        "INSERT INTO holders (course, assignment, holder, last_claim, attempts) \
         VALUES ($1, $2, $3, NULL, 0) ON CONFLICT (course, assignment, holder) \
         DO UPDATE SET attempts = holders.attempts RETURNING last_claim, attempts",
    )
    .bind(claim.reference.course.as_str())
    .bind(claim.reference.assignment.as_str())
    .bind(holder_key(&claim.holder))
    .fetch_one(connection)
    .await?;
    assignments::read_holder(&row)
}

/// Makes this claim the holder's last, if the last one is still the one that was read.
async fn swap_last_claim(
    connection: &mut AnyConnection,
    claim: &NewClaim,
    known: HolderRow,
) -> Result<bool, StoreError> {
    // The number of attempts grows with each lodging, so it tells whether one came between.
    let swapped = sqlx::query(
        "UPDATE holders SET last_claim = $1, attempts = attempts + 1 \
         WHERE course = $2 AND assignment = $3 AND holder = $4 AND attempts = $5",
    )
    .bind(claim.id.to_string())
    .bind(claim.reference.course.as_str())
    .bind(claim.reference.assignment.as_str())
    .bind(holder_key(&claim.holder))
    .bind(stored(known.attempts))
    .execute(connection)
    .await?;
    Ok(swapped.rows_affected() == 1)
}

/// Ends the claim that waits for files; a late claim never ends one that was lodged in time, nor one that was stamped in
/// an outage what was lodged after it.
async fn supersede(connection: &mut AnyConnection, claim: &NewClaim) -> Result<(), StoreError> {
    let late = late_ms(claim.judged_at(), claim.due);
    let up_to = claim.outage.as_ref().map_or(i64::MAX, |stamp| stamp.at.as_millis());
    sqlx::query(
        "UPDATE claims SET state = 'superseded' WHERE course = $1 AND assignment = $2 \
         AND holder = $3 AND state = 'waiting' AND ($4 = 0 OR late_ms > 0) \
         AND COALESCE(stamped_at, lodged_at) <= $5",
    )
    .bind(claim.reference.course.as_str())
    .bind(claim.reference.assignment.as_str())
    .bind(holder_key(&claim.holder))
    .bind(late)
    .bind(up_to)
    .execute(connection)
    .await?;
    Ok(())
}

fn row(
    claim: &NewClaim,
    due: Option<Timestamp>,
    upload_until: Timestamp,
    known: HolderRow,
) -> ClaimRow {
    // Files that are all empty need no upload.
    let complete = claim.pieces == 0;
    ClaimRow {
        id: claim.id,
        reference: claim.reference.clone(),
        holder: claim.holder.clone(),
        attempt: known.attempts.saturating_add(1),
        person: claim.person.clone(),
        lodged_at: claim.lodged_at,
        due: claim.due,
        late_ms: judged_late_ms(claim.judged_at(), claim.due, due),
        state: if complete { ClaimState::Received } else { ClaimState::Waiting },
        upload_until,
        received_at: complete.then_some(claim.lodged_at),
        pieces: claim.pieces,
        durable: 0,
        cms: claim.cms.clone(),
        token: claim.token.clone(),
        revocation: claim.revocation.clone(),
        outage: claim.outage.clone(),
    }
}

async fn insert(
    connection: &mut AnyConnection,
    row: &ClaimRow,
    place: i64,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO claims (id, course, assignment, holder, attempt, person, lodged_at, due, late_ms, \
         state, upload_until, received_at, pieces, durable, cms, token, revocation, outage, stamped_at, place) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
    )
    .bind(row.id.to_string())
    .bind(row.reference.course.as_str())
    .bind(row.reference.assignment.as_str())
    .bind(holder_key(&row.holder))
    .bind(stored(row.attempt))
    .bind(row.person.as_str())
    .bind(row.lodged_at.as_millis())
    .bind(row.due.map(Timestamp::as_millis))
    .bind(row.late_ms)
    .bind(state_name(row.state))
    .bind(row.upload_until.as_millis())
    .bind(row.received_at.map(Timestamp::as_millis))
    .bind(stored(row.pieces))
    .bind(stored(row.durable))
    .bind(row.cms.as_slice())
    .bind(row.token.as_slice())
    .bind(row.revocation.as_slice())
    .bind(row.outage.as_ref().map(|stamp| stamp.token.clone()))
    .bind(row.outage.as_ref().map(|stamp| stamp.at.as_millis()))
    .bind(place)
    .execute(&mut *connection)
    .await?;
    for sid in row.holder.sids() {
        sqlx::query(
            "INSERT INTO claim_members (course, assignment, sid, claim) VALUES ($1, $2, $3, $4)",
        )
        .bind(row.reference.course.as_str())
        .bind(row.reference.assignment.as_str())
        .bind(sid.as_str())
        .bind(row.id.to_string())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

async fn stage(
    connection: &mut AnyConnection,
    ids: &mut EntryIds,
    claim: &NewClaim,
    row: &ClaimRow,
) -> Result<(), StoreError> {
    let lodged = LogEntry::Lodged {
        claim: claim.id,
        timestamp: Digest::of(&claim.token),
        revocation: Digest::of(&claim.revocation),
    };
    log::stage(connection, ids.next(), &lodged).await?;
    if row.state == ClaimState::Received {
        log::stage(connection, ids.next(), &LogEntry::Received { claim: claim.id }).await?;
    }
    Ok(())
}
