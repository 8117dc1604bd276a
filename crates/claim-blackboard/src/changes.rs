//! Who changed what: to those whom it concerns, and to staff. All of it comes from the audit log.

use std::collections::BTreeMap;

use claim_core::{CourseId, PersonId, Problem};
use claim_course::time::Zone;
use claim_course::{Eyes, MAX_TOLD, Request, ToldChange, ToldChanges};
use claim_store::blackboard::audit::{AuditEntry, Authentication};
use serde_json::{Map, Value};

use crate::blackboard::Blackboard;
use crate::courses::allowed;
use crate::error;

/// Which part of the list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// What comes after the entry of this number.
    pub(crate) after: u64,
    /// The most of them.
    pub(crate) limit: u32,
}

impl Part {
    /// All of them, as many as there are in one answer.
    pub(crate) const FIRST: Self = Self { after: 0, limit: MAX_TOLD };
}

/// `GET /v1/changes`: what concerns this person.
pub(crate) async fn own(
    blackboard: &Blackboard,
    person: &PersonId,
    part: Part,
) -> Result<ToldChanges, Problem> {
    let now = blackboard.clock.now();
    let entries = blackboard.store.audit_for(person, now, part.after, part.limit).await;
    let entries = entries.map_err(|error| error::storage(&error))?;
    let sid = match person {
        PersonId::Student(sid) => Some(sid),
        PersonId::Staff(_) => None,
    };
    tell(blackboard, entries, part, Eyes::Concerned(sid)).await
}

/// `GET /v1/courses/{course}/changes`: everything in the course, to its staff.
pub(crate) async fn of_course(
    blackboard: &Blackboard,
    person: &PersonId,
    course: &CourseId,
    part: Part,
) -> Result<ToldChanges, Problem> {
    allowed(blackboard, person, course, Request::SeeChanges).await?;
    let entries = blackboard.store.audit_of_course(course, part.after, part.limit).await;
    let entries = entries.map_err(|error| error::storage(&error))?;
    tell(blackboard, entries, part, Eyes::Staff).await
}

async fn tell(
    blackboard: &Blackboard,
    entries: Vec<AuditEntry>,
    part: Part,
    eyes: Eyes<'_>,
) -> Result<ToldChanges, Problem> {
    let is_full = entries.len() == part.limit as usize;
    let next = entries.last().filter(|_| is_full).map(|entry| entry.number);
    let mut zones = BTreeMap::new();
    let mut changes = Vec::with_capacity(entries.len());
    for entry in entries {
        let details = match serde_json::from_str(&entry.details) {
            Ok(Value::Object(details)) => details,
            // Nothing, where it was erased.
            _ => Map::new(),
        };
        let course: Option<CourseId> = named(&details, "course");
        let zone = match &course {
            Some(course) => zone_of(blackboard, &mut zones, course).await?,
            None => Zone::utc(),
        };
        let mut change = ToldChange {
            number: entry.number,
            at: entry.at,
            deed: entry.deed.clone(),
            assignment: named(&details, "assignment"),
            course,
            zone,
            by: by(&entry, eyes),
            changed: BTreeMap::new(),
            said: BTreeMap::new(),
            is_erased: entry.is_erased(),
        };
        if eyes == Eyes::Staff && !entry.subject.is_empty() {
            change.said.insert("about".to_owned(), entry.subject.clone().into());
        }
        change.describe(details, eyes);
        changes.push(change);
    }
    Ok(ToldChanges { server_time: blackboard.clock.now(), changes, next })
}

fn named<T: std::str::FromStr>(details: &Map<String, Value>, name: &str) -> Option<T> {
    details.get(name)?.as_str()?.parse().ok()
}

/// The names of users of Blackboard's machine are for staff, who sees them at extensions too.
fn by(entry: &AuditEntry, eyes: Eyes<'_>) -> Option<String> {
    let is_person = entry.authentication == Authentication::Certificate.name();
    let shown = is_person || eyes == Eyes::Staff;
    (shown && !entry.actor.is_empty()).then(|| entry.actor.clone())
}

async fn zone_of(
    blackboard: &Blackboard,
    known: &mut BTreeMap<CourseId, Zone>,
    course: &CourseId,
) -> Result<Zone, Problem> {
    if let Some(zone) = known.get(course) {
        return Ok(zone.clone());
    }
    let found = blackboard.store.course(course).await.map_err(|error| error::storage(&error))?;
    let zone = found.map_or_else(Zone::utc, |course| course.zone);
    known.insert(course.clone(), zone.clone());
    Ok(zone)
}
