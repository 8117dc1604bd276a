//! The file as TOML has it, and what it means.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use claim_core::hand_in::Limits;
use claim_core::{AssignmentId, CourseId, PersonId, Sid, Timestamp};
use serde::Deserialize;
use toml::Spanned;

use super::{MAX_BYTES, Plan, PlanError, PlanFault, PlannedExtension, Span};
use crate::change::Change;
use crate::model::{
    AssignmentPlan, ExtensionScope, GroupName, GroupSet, LatePolicy, PenaltyStep, PenaltySteps,
    Role,
};
use crate::time::{TimeError, Zone};

/// What holds where the file says nothing, as on the command line.
pub(super) const UPLOAD: i64 = 24 * 60 * 60;
pub(super) const LIMITS: Limits = Limits { files: 1_000, bytes: 1 << 30, attempts: 100 };

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CourseFile {
    course: Spanned<CourseId>,
    title: String,
    zone: Zone,
    #[serde(default)]
    open: bool,
    #[serde(default)]
    staff: BTreeMap<PersonId, RoleWord>,
    #[serde(default)]
    assignment: Vec<AssignmentFile>,
    #[serde(default)]
    groups: BTreeMap<GroupSet, BTreeMap<GroupName, Vec<Spanned<Sid>>>>,
    #[serde(default)]
    extension: Vec<ExtensionFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AssignmentFile {
    name: Spanned<AssignmentId>,
    title: Option<String>,
    visible_from: Option<Spanned<String>>,
    due: Option<Spanned<String>>,
    until: Option<Spanned<String>>,
    late: Option<LateWord>,
    penalty: Option<Spanned<Vec<StepFile>>>,
    upload_window: Option<Span>,
    max_files: Option<u64>,
    max_bytes: Option<u64>,
    max_attempts: Option<u64>,
    groups: Option<GroupSet>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LateWord {
    Refuse,
    Accept,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    after: Span,
    percent: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExtensionFile {
    assignment: Spanned<AssignmentId>,
    #[serde(rename = "for")]
    scope: ExtensionScope,
    due: Spanned<String>,
    until: Option<Spanned<String>>,
    reason: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RoleWord {
    None,
    Assistant,
    Teacher,
    Owner,
}

impl From<RoleWord> for Option<Role> {
    fn from(word: RoleWord) -> Self {
        match word {
            RoleWord::None => None,
            RoleWord::Assistant => Some(Role::Assistant),
            RoleWord::Teacher => Some(Role::Teacher),
            RoleWord::Owner => Some(Role::Owner),
        }
    }
}

pub(super) fn read(text: &str) -> Result<Plan, PlanError> {
    if text.len() > MAX_BYTES {
        return Err(at(text, &(0..0), PlanFault::TooLarge { found: text.len() }));
    }
    let file: CourseFile = toml::from_str(text).map_err(|error| {
        let place = error.span().unwrap_or_default();
        // It goes on with what else was expected, on further lines.
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        at(text, &place, PlanFault::Form { message })
    })?;
    meaning(file).map_err(|(place, fault)| at(text, &place, fault))
}

/// The fault at its place, in lines and columns.
fn at(text: &str, place: &Range<usize>, fault: PlanFault) -> PlanError {
    let before = text.get(..place.start).unwrap_or(text);
    let line = 1 + before.bytes().filter(|&octet| octet == b'\n').count();
    let column = 1 + before.rsplit('\n').next().unwrap_or_default().chars().count();
    PlanError { line, column, fault }
}

type Placed<T> = Result<T, (Range<usize>, PlanFault)>;

fn meaning(file: CourseFile) -> Placed<Plan> {
    let CourseFile { course, title, zone, open, staff, assignment, groups, extension } = file;
    let place = course.span();
    let course = course.into_inner();
    let change = Change::Course { title: title.clone(), zone: zone.clone(), open };
    change.check().map_err(|unfit| (place, unfit.into()))?;
    let mut assignments: Vec<AssignmentPlan> = Vec::new();
    for one in assignment {
        let place = one.name.span();
        let plan = one.meaning(&course, &zone)?;
        if assignments.iter().any(|other| other.assignment == plan.assignment) {
            return Err((place, PlanFault::Twice { name: plan.assignment }));
        }
        Change::Assignment(plan.clone()).check().map_err(|unfit| (place, unfit.into()))?;
        assignments.push(plan);
    }
    let mut extensions = Vec::new();
    for one in extension {
        let place = one.assignment.span();
        let extension = one.meaning(&zone)?;
        let name = &extension.assignment;
        if !assignments.iter().any(|plan| plan.assignment == *name) {
            return Err((place, PlanFault::NoAssignment { name: name.clone() }));
        }
        extension.change().check().map_err(|unfit| (place, unfit.into()))?;
        extensions.push(extension);
    }
    let staff = staff.into_iter().map(|(person, role)| (person, role.into())).collect();
    let groups = places(groups)?;
    Ok(Plan { course, title, zone, open, assignments, groups, extensions, staff })
}

/// That each student has one place in a set.
fn places(
    sets: BTreeMap<GroupSet, BTreeMap<GroupName, Vec<Spanned<Sid>>>>,
) -> Placed<BTreeMap<GroupSet, BTreeMap<GroupName, Vec<Sid>>>> {
    let mut read = BTreeMap::new();
    for (set, groups) in sets {
        let mut placed: HashSet<Sid> = HashSet::new();
        let mut named: BTreeMap<GroupName, Vec<Sid>> = BTreeMap::new();
        for (name, sids) in groups {
            let mut members = Vec::new();
            for sid in sids {
                let place = sid.span();
                let sid = sid.into_inner();
                if !placed.insert(sid.clone()) {
                    return Err((place, PlanFault::TwoGroups { sid, set }));
                }
                members.push(sid);
            }
            named.insert(name, members);
        }
        read.insert(set, named);
    }
    Ok(read)
}

/// A time at its place, read by the zone.
fn time(
    text: Option<&Spanned<String>>,
    read: impl Fn(&str) -> Result<Timestamp, TimeError>,
) -> Placed<Option<Timestamp>> {
    let one = |text: &Spanned<String>| {
        read(text.as_ref()).map_err(|error| (text.span(), PlanFault::Time(error)))
    };
    text.map(one).transpose()
}

impl AssignmentFile {
    fn meaning(self, course: &CourseId, zone: &Zone) -> Placed<AssignmentPlan> {
        let last = |text: &str| zone.last_moment(text);
        let late = match (self.late, self.penalty) {
            (Some(_), Some(penalty)) => return Err((penalty.span(), PlanFault::LateAndPenalty)),
            (Some(LateWord::Refuse), None) => LatePolicy::Refuse,
            (Some(LateWord::Accept) | None, None) => LatePolicy::Accept,
            (None, Some(steps)) => penalty(steps)?,
        };
        let assignment = self.name.into_inner();
        Ok(AssignmentPlan {
            course: course.clone(),
            title: self.title.unwrap_or_else(|| assignment.to_string()),
            assignment,
            visible_from: time(self.visible_from.as_ref(), |text| zone.first_moment(text))?,
            due: time(self.due.as_ref(), last)?,
            until: time(self.until.as_ref(), last)?,
            late,
            // What is too long for a number is too long for `Change::check`.
            upload_seconds: self
                .upload_window
                .map_or(UPLOAD, |window| i64::try_from(window.as_seconds()).unwrap_or(i64::MAX)),
            limits: Limits {
                files: self.max_files.unwrap_or(LIMITS.files),
                bytes: self.max_bytes.unwrap_or(LIMITS.bytes),
                attempts: self.max_attempts.unwrap_or(LIMITS.attempts),
            },
            groups: self.groups,
        })
    }
}

fn penalty(steps: Spanned<Vec<StepFile>>) -> Placed<LatePolicy> {
    let place = steps.span();
    let step = |step: StepFile| {
        let after_minutes = step.after.as_minutes().ok_or((place.clone(), PlanFault::Minutes))?;
        Ok(PenaltyStep { after_minutes, percent: step.percent })
    };
    let steps = steps.into_inner().into_iter().map(step).collect::<Placed<Vec<_>>>()?;
    let steps = PenaltySteps::new(steps).map_err(|error| (place, PlanFault::Penalty(error)))?;
    Ok(LatePolicy::Penalty { steps })
}

impl ExtensionFile {
    fn meaning(self, zone: &Zone) -> Placed<PlannedExtension> {
        let last = |text: &str| zone.last_moment(text);
        let place = self.due.span();
        let due = last(self.due.as_ref()).map_err(|error| (place, PlanFault::Time(error)))?;
        Ok(PlannedExtension {
            assignment: self.assignment.into_inner(),
            scope: self.scope,
            due,
            until: time(self.until.as_ref(), last)?,
            reason: self.reason,
        })
    }
}

impl PlannedExtension {
    /// What grants it.
    pub(super) fn change(&self) -> Change {
        Change::Extend {
            assignment: self.assignment.clone(),
            scope: self.scope.clone(),
            due: self.due,
            until: self.until,
            reason: self.reason.clone(),
        }
    }
}
