//! What a course's file changes in what is on record.

use std::collections::BTreeMap;

use claim_core::{Escaped, Sid, Timestamp};
use serde::Serialize;

use super::{Plan, PlannedExtension, Span};
use crate::change::{Change, GroupPlace};
use crate::difference::shortened;
use crate::model::{
    AssignmentPlan, Course, Extension, ExtensionScope, GroupName, GroupSet, LatePolicy, Member,
    Role, StaffMember,
};
use crate::time::Zone;

/// What is on record of a course.
#[derive(Clone, Copy, Debug)]
pub struct OnRecord<'a> {
    /// The course; `None` where there is none of this name.
    pub course: Option<&'a Course>,
    /// Its assignments.
    pub assignments: &'a [AssignmentPlan],
    /// Its students.
    pub members: &'a [Member],
    /// Its extensions, also those that were revoked.
    pub extensions: &'a [Extension],
    /// Its staff.
    pub staff: &'a [StaffMember],
}

/// What a file changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanDifference {
    /// What is to be done, in this order.
    pub steps: Vec<Step>,
    /// What is on record and not in the file, and stays; a sentence each.
    pub stays: Vec<String>,
}

/// One change, and what it is in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The change.
    pub change: Change,
    /// What it changes, a line each.
    pub words: Vec<String>,
}

impl PlanDifference {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What makes the course as the file says.
    pub fn changes(&self) -> Vec<Change> {
        self.steps.iter().map(|step| step.change.clone()).collect()
    }

    /// What is to change and what stays, a line each; long lists are shortened.
    pub fn lines(&self) -> Vec<String> {
        let steps = self.steps.iter().flat_map(|step| shortened(&step.words, "~"));
        let stays: Vec<_> = self.stays.iter().map(|text| format!("  = {text}")).collect();
        steps.chain(shortened(&stays, "=")).collect()
    }
}

impl Plan {
    /// The course as it is on record, as a file would have it; `None` where there is none. Revoked extensions are left
    /// out, and groups of students who were dropped.
    pub fn of(recorded: &OnRecord<'_>) -> Option<Self> {
        let Course { course, title, zone, open, .. } = recorded.course?;
        let mut groups: BTreeMap<GroupSet, BTreeMap<GroupName, Vec<Sid>>> = BTreeMap::new();
        for member in recorded.members.iter().filter(|member| member.dropped_at.is_none()) {
            for (set, group) in &member.groups {
                let set = groups.entry(set.clone()).or_default();
                set.entry(group.clone()).or_default().push(member.sid.clone());
            }
        }
        let live = recorded.extensions.iter().filter(|one| one.revoked_at.is_none());
        let extension = |one: &Extension| PlannedExtension {
            assignment: one.assignment.clone(),
            scope: one.scope.clone(),
            due: one.due,
            until: one.until,
            reason: one.reason.clone(),
        };
        Some(Self {
            course: course.clone(),
            title: title.clone(),
            zone: zone.clone(),
            open: *open,
            assignments: recorded.assignments.to_vec(),
            groups,
            extensions: live.map(extension).collect(),
            staff: recorded.staff.iter().map(|one| (one.person.clone(), Some(one.role))).collect(),
        })
    }
}

/// Compares a file with what is on record.
pub fn difference(plan: &Plan, recorded: &OnRecord<'_>) -> PlanDifference {
    let steps = course(plan, recorded.course).into_iter();
    let steps = steps.chain(assignments(plan, recorded.assignments));
    let steps = steps.chain(groups(plan, recorded.members));
    let steps = steps.chain(extensions(plan, recorded.extensions));
    let steps = steps.chain(staff(plan, recorded.staff)).collect();
    PlanDifference { steps, stays: stays(plan, recorded) }
}

fn course(plan: &Plan, recorded: Option<&Course>) -> Option<Step> {
    let Plan { course, title, zone, open, .. } = plan;
    let who = |open: bool| match open {
        true => "everybody may hand in",
        false => "those on its roster may hand in",
    };
    let words = match recorded {
        None => {
            vec![format!("  + {course}  {}, in {zone}; {}", Escaped(title), who(*open))]
        }
        Some(was) => {
            let mut words = Vec::new();
            let mut told = |what: &str, was: String, now: String| {
                if was != now {
                    words.push(format!("  ~ {course}  {what}: {was} → {now}"));
                }
            };
            told("title", Escaped(&was.title).to_string(), Escaped(title).to_string());
            told("zone", was.zone.to_string(), zone.to_string());
            told("open", who(was.open).to_owned(), who(*open).to_owned());
            words
        }
    };
    let change = Change::Course { title: title.clone(), zone: zone.clone(), open: *open };
    (!words.is_empty()).then_some(Step { change, words })
}

fn assignments(plan: &Plan, recorded: &[AssignmentPlan]) -> Vec<Step> {
    let step = |now: &AssignmentPlan| {
        let name = &now.assignment;
        let was = recorded.iter().find(|one| one.assignment == *name);
        let facts = facts(now, &plan.zone);
        let words = match was {
            None => {
                let told = facts.iter().filter(|(_, text)| text != "none");
                let told: Vec<_> = told.map(|(what, text)| format!("{what}: {text}")).collect();
                vec![format!("  + {name}  {}", told.join("; "))]
            }
            Some(was) => {
                let before = self::facts(was, &plan.zone);
                let both = before.iter().zip(&facts).filter(|(was, now)| was != now);
                let told = both
                    .map(|((what, was), (_, now))| format!("  ~ {name}  {what}: {was} → {now}"));
                told.collect()
            }
        };
        (!words.is_empty()).then(|| Step { change: Change::Assignment(now.clone()), words })
    };
    plan.assignments.iter().filter_map(step).collect()
}

/// What there is to tell of an assignment.
fn facts(plan: &AssignmentPlan, zone: &Zone) -> [(&'static str, String); 10] {
    let shown = |time: Option<Timestamp>| match time {
        Some(time) => zone.shown(time),
        None => "none".to_owned(),
    };
    let late = match &plan.late {
        LatePolicy::Refuse => "refused".to_owned(),
        LatePolicy::Accept => "taken and marked".to_owned(),
        LatePolicy::Penalty { steps } => {
            let step = |after: u32, percent: u8| {
                format!("{percent} % after {}", Span::from_seconds(u64::from(after) * 60))
            };
            let steps = steps.steps().iter().map(|one| step(one.after_minutes, one.percent));
            steps.collect::<Vec<_>>().join(", ")
        }
    };
    let set = plan.groups.as_ref().map_or("none".to_owned(), ToString::to_string);
    [
        ("title", Escaped(&plan.title).to_string()),
        ("visible from", shown(plan.visible_from)),
        ("due", shown(plan.due)),
        ("taken until", shown(plan.until)),
        ("late", late),
        (
            "files may follow for",
            Span::from_seconds(plan.upload_seconds.unsigned_abs()).to_string(),
        ),
        ("most files", plan.limits.files.to_string()),
        ("most bytes", plan.limits.bytes.to_string()),
        ("attempts", plan.limits.attempts.to_string()),
        ("groups", set),
    ]
}

fn groups(plan: &Plan, recorded: &[Member]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (set, groups) in &plan.groups {
        let mut now: BTreeMap<&Sid, Option<&GroupName>> = BTreeMap::new();
        let placed = recorded.iter().filter(|member| member.groups.contains_key(set));
        now.extend(placed.map(|member| (&member.sid, None)));
        for (name, sids) in groups {
            now.extend(sids.iter().map(|sid| (sid, Some(name))));
        }
        let was: BTreeMap<&Sid, &GroupName> = recorded
            .iter()
            .filter_map(|member| Some((&member.sid, member.groups.get(set)?)))
            .collect();
        now.retain(|sid, group| was.get(*sid).copied() != *group);
        if now.is_empty() {
            continue;
        }
        let shown = |group: Option<&GroupName>| match group {
            Some(group) => Escaped(group.as_str()).to_string(),
            None => "no group".to_owned(),
        };
        let word = |(sid, group): (&&Sid, &Option<&GroupName>)| {
            let before = shown(was.get(*sid).copied());
            format!("  ~ {sid}  in {set}: {before} → {}", shown(*group))
        };
        let place = |(sid, group): (&&Sid, &Option<&GroupName>)| GroupPlace {
            sid: (*sid).clone(),
            group: group.cloned(),
        };
        let words = now.iter().map(word).collect();
        let places = now.iter().map(place).collect();
        steps.push(Step { change: Change::Groups { set: set.clone(), places }, words });
    }
    steps
}

fn extensions(plan: &Plan, recorded: &[Extension]) -> Vec<Step> {
    let new = plan.extensions.iter().filter(|one| !recorded.iter().any(|known| same(one, known)));
    let step = |one: &PlannedExtension| {
        let zone = &plan.zone;
        let until = one.until.map(|until| format!(", taken until {}", zone.shown(until)));
        let words = format!(
            "  + {}  for {}: due {}{}, {}",
            one.assignment,
            whom(&one.scope),
            zone.shown(one.due),
            until.unwrap_or_default(),
            Escaped(&one.reason)
        );
        Step { change: one.change(), words: vec![words] }
    };
    new.map(step).collect()
}

/// Whether what the file grants is granted already.
fn same(planned: &PlannedExtension, known: &Extension) -> bool {
    let PlannedExtension { assignment, scope, due, until, reason } = planned;
    known.revoked_at.is_none()
        && (assignment, scope) == (&known.assignment, &known.scope)
        && (due, until, reason) == (&known.due, &known.until, &known.reason)
}

fn whom(scope: &ExtensionScope) -> String {
    match scope {
        ExtensionScope::All => "everybody".to_owned(),
        ExtensionScope::Group(name) => format!("the group {}", Escaped(name.as_str())),
        ExtensionScope::Student(sid) => sid.to_string(),
    }
}

fn staff(plan: &Plan, recorded: &[StaffMember]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (person, &now) in &plan.staff {
        let was = recorded.iter().find(|one| one.person == *person).map(|one| one.role);
        if was == now {
            continue;
        }
        let name = |role: Option<Role>| role.map_or("no staff", Role::name);
        let words = vec![format!("  ~ {person}  {} → {}", name(was), name(now))];
        steps.push(Step { change: Change::Staff { person: person.clone(), role: now }, words });
    }
    // Whoever becomes owner does so before another one is owner no more.
    steps.sort_by_key(
        |step| matches!(step.change, Change::Staff { role, .. } if role != Some(Role::Owner)),
    );
    steps
}

fn stays(plan: &Plan, recorded: &OnRecord<'_>) -> Vec<String> {
    let known = |one: &&AssignmentPlan| {
        !plan.assignments.iter().any(|planned| planned.assignment == one.assignment)
    };
    let assignments = recorded.assignments.iter().filter(known);
    let assignments =
        assignments.map(|one| format!("{}  is not in the file, stays", one.assignment));
    let live = recorded.extensions.iter().filter(|one| {
        one.revoked_at.is_none() && !plan.extensions.iter().any(|planned| same(planned, one))
    });
    let extensions = live.map(|one| {
        format!(
            "{}  extension {} for {} is not in the file, stays",
            one.assignment,
            one.number,
            whom(&one.scope)
        )
    });
    let staff = recorded.staff.iter().filter(|one| !plan.staff.contains_key(&one.person));
    let staff = staff.map(|one| format!("{}  {} is not in the file, stays", one.person, one.role));
    assignments.chain(extensions).chain(staff).collect()
}
