//! The one way in which a course changes: a list of changes, in one transaction.

use claim_core::claim::ClaimId;
use claim_core::{AssignmentRef, CourseId, Digest, PersonId, Sid, Timestamp};
use claim_course::time::Zone;
use claim_course::{Change, GroupName, Request, Role, Standing, Unfit};
use sqlx::AnyConnection;

use super::changing::Changing;
use super::{find, staff};
use crate::blackboard::BlackboardStore;
use crate::blackboard::audit::{By, course_recorded, staff_recorded};
use crate::retry::retry;
use crate::row::Columns;
use crate::{Point, StoreError};

/// A course on its way to the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCourse {
    /// Its short name.
    pub course: CourseId,
    /// What people call it.
    pub title: String,
    /// Its zone.
    pub zone: Zone,
    /// Whether everybody with a certificate may hand in.
    pub open: bool,
}

/// What a list of changes led to. Unless it is `Yes`, nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// They are on record: now, or they were since the same request came before.
    Yes {
        /// The course's revision with them.
        revision: u64,
    },
    /// There is no such course.
    NoCourse,
    /// The course has changed since.
    Stale {
        /// Its revision now.
        revision: u64,
    },
    /// Whoever asks may not make one of them.
    NotAllowed {
        /// Which, counted from one; 0 where there is none.
        number: usize,
        /// What it would take.
        request: Request,
        /// What this person is in the course.
        standing: Standing,
    },
    /// One of them cannot be made.
    Refused {
        /// Which, counted from one.
        number: usize,
        /// Why.
        why: Refused,
    },
}

/// Why a change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It could be made nowhere.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// An assignment of another course.
    #[error("{reference} is no assignment of this course")]
    OtherCourse {
        /// The assignment.
        reference: AssignmentRef,
    },
    /// No such assignment.
    #[error("the course has no assignment {assignment}")]
    NoAssignment {
        /// Its name.
        assignment: claim_core::AssignmentId,
    },
    /// Not on the roster.
    #[error("{sid} is not on the course's roster")]
    NotOnRoster {
        /// Who.
        sid: Sid,
    },
    /// More members than can hand in together.
    #[error("the group {group:?} would have more than {max} members", max = claim_core::claim::MAX_MEMBERS)]
    GroupTooLarge {
        /// The group.
        group: GroupName,
    },
    /// There is nobody in the group.
    #[error("there is no group {group:?} in the set that hands in to this assignment")]
    NoGroup {
        /// Its name.
        group: GroupName,
    },
    /// There is no due time that could be extended.
    #[error("the assignment has no due time that could be extended")]
    NoDueTime,
    /// The due time would not be a later one.
    #[error("the due time is {due} already, which is not earlier")]
    NotLater {
        /// The assignment's due time.
        due: Timestamp,
    },
    /// Groups hand in to the assignment, so no single student can have more time.
    #[error("{sid} hands in with a group: give the group more time")]
    HandsInWithGroup {
        /// The student.
        sid: Sid,
    },
    /// Everybody hands in alone.
    #[error("everybody hands in alone to this assignment: give students more time, not groups")]
    HandsInAlone,
    /// No such extension, or it was revoked before.
    #[error("there is no extension {number} that holds")]
    NoExtension {
        /// Its number.
        number: u64,
    },
    /// The claim cannot count.
    #[error(
        "{claim} is no claim of theirs for this assignment that was received in full and is not withdrawn"
    )]
    NotChoosable {
        /// The claim.
        claim: ClaimId,
    },
    /// The course would have no owner left.
    #[error("{person} is the course's only owner: make somebody else owner first")]
    LastOwner {
        /// The owner.
        person: PersonId,
    },
}

impl BlackboardStore {
    /// Adds a course, with its first owner, unless there is one of that name; returns whether it was added.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn add_course(
        &self,
        new: &NewCourse,
        owner: Option<&PersonId>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Course).await?;
            let added = insert(write.connection(), new).await?;
            if let Some(owner) = owner.filter(|_| added) {
                let role = Some(Role::Owner);
                // There is no other owner whom it would take from.
                let _ = staff::put(write.connection(), &new.course, owner, role, at).await?;
            }
            if added {
                let course = find(write.connection(), &new.course).await?;
                let made = course.and_then(|course| course_recorded(None, &course));
                let role = Some(Role::Owner);
                let owner = owner.and_then(|owner| staff_recorded(&new.course, owner, None, role));
                let entries: Vec<_> = made.into_iter().chain(owner).collect();
                self.recorder.record(&mut write, &entries).await?;
            }
            write.commit().await?;
            Ok(added)
        })
    }

    /// Makes changes, all of them or none. `revision` is the one from which they were made, where somebody has seen one;
    /// `request` is what the request is known by when it comes again.
    ///
    /// # Errors
    /// Whatever befalls the database. It is safe to repeat where there is a `revision`.
    pub async fn change_course(
        &self,
        course: &CourseId,
        revision: Option<u64>,
        changes: &[Change],
        request: Option<Digest>,
        by: Changer<'_>,
        at: Timestamp,
    ) -> Result<Changed, StoreError> {
        retry!(async {
            let mut write = self.database.begin(Point::Course).await?;
            let Some(next) = next_revision(write.connection(), course).await? else {
                return Ok(Changed::NoCourse);
            };
            let stale = revision.filter(|seen| seen.saturating_add(1) != next.revision);
            let revision = next.revision.saturating_sub(1);
            // Whoever repeats what took their own role has made it.
            let is_repeated = stale.is_some_and(|seen| {
                request.is_some()
                    && next.last_change == request
                    && seen.saturating_add(2) == next.revision
            });
            if is_repeated {
                return Ok(Changed::Yes { revision });
            }
            let standing = by.standing(write.connection(), course).await?;
            if let Some((number, request)) = beyond(standing, changes) {
                return Ok(Changed::NotAllowed { number, request, standing });
            }
            // Who may change nothing is not told that somebody else did.
            if stale.is_some() {
                return Ok(Changed::Stale { revision });
            }
            let mut changing = Changing::new(course, by.name(), at);
            for (number, change) in (1..).zip(changes) {
                if let Err(why) = change.check() {
                    return Ok(Changed::Refused { number, why: why.into() });
                }
                if let Err(why) = changing.make(write.connection(), change).await? {
                    return Ok(Changed::Refused { number, why });
                }
            }
            remember(write.connection(), course, request).await?;
            let entries = changing.entries().into_iter().map(|entry| match by.by() {
                Some(by) => entry.by(by),
                None => entry,
            });
            self.recorder.record(&mut write, &entries.collect::<Vec<_>>()).await?;
            write.commit().await?;
            Ok(Changed::Yes { revision: next.revision })
        })
    }
}

/// The first of these changes that this standing does not cover, counted from one, and what it would take.
fn beyond(standing: Standing, changes: &[Change]) -> Option<(usize, Request)> {
    // Nothing is a change of the revision too, by which a stranger could tell that there is a course.
    let nothing = changes.is_empty().then_some((0, Request::ChangeCourse));
    let mut asked = nothing.into_iter().chain((1..).zip(changes.iter().map(Change::request)));
    asked.find(|(_, request)| !standing.may(*request))
}

pub(in crate::blackboard) async fn insert(
    connection: &mut AnyConnection,
    new: &NewCourse,
) -> Result<bool, StoreError> {
    let inserted = sqlx::query(
        "INSERT INTO courses (course, title, zone, open, revision) VALUES ($1, $2, $3, $4, 1) \
         ON CONFLICT (course) DO NOTHING",
    )
    .bind(new.course.as_str())
    .bind(new.title.as_str())
    .bind(new.zone.name())
    .bind(i64::from(new.open))
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() > 0)
}

/// Who changes a course.
#[derive(Clone, Copy, Debug)]
pub enum Changer<'a> {
    /// A user of Blackboard's machine, by name.
    Administrator(&'a str),
    /// Somebody whose certificate was verified, with its serial number.
    Person(&'a PersonId, &'a str),
}

impl Changer<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Administrator(name) => name,
            Self::Person(person, _) => person.as_str(),
        }
    }

    /// As the audit log has it; `None` where that knows for whom the records are open.
    fn by(&self) -> Option<By> {
        match self {
            Self::Administrator(_) => None,
            Self::Person(person, serial) => Some(By::certificate(person.as_str(), *serial)),
        }
    }

    /// What may be changed goes by the role at the moment of the change.
    async fn standing(
        &self,
        connection: &mut AnyConnection,
        course: &CourseId,
    ) -> Result<Standing, StoreError> {
        let Self::Person(person, _) = self else { return Ok(Standing::Administrator) };
        let row = sqlx::query("SELECT role FROM staff WHERE course = $1 AND person = $2")
            .bind(course.as_str())
            .bind(person.as_str())
            .fetch_optional(connection)
            .await?;
        Ok(match row {
            Some(row) => Standing::Staff(Columns::new("staff", &row).parsed("role")?),
            None => Standing::Stranger,
        })
    }
}

struct Next {
    revision: u64,
    last_change: Option<Digest>,
}

/// Counts on, which also makes all who change the course queue here.
async fn next_revision(
    connection: &mut AnyConnection,
    course: &CourseId,
) -> Result<Option<Next>, StoreError> {
    let row = sqlx::query(
        "UPDATE courses SET revision = revision + 1 WHERE course = $1 RETURNING revision, last_change",
    )
    .bind(course.as_str())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let columns = Columns::new("courses", &row);
    let last_change = match columns.optional_bytes("last_change")? {
        Some(bytes) => {
            let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| columns.foreign("last_change"))?;
            Some(Digest::from_bytes(bytes))
        }
        None => None,
    };
    Ok(Some(Next { revision: columns.count("revision")?, last_change }))
}

async fn remember(
    connection: &mut AnyConnection,
    course: &CourseId,
    request: Option<Digest>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE courses SET last_change = $2 WHERE course = $1")
        .bind(course.as_str())
        .bind(request.map(|digest| digest.as_bytes().to_vec()))
        .execute(connection)
        .await?;
    Ok(())
}
