//! Four courses, everybody that somebody can be in one of them, and what can be named there.

use std::cell::Cell;
use std::path::Path;

use claim_blackboard::{Changed, Courses, NewCourse};
use claim_core::claim::{ClaimId, Holder};
use claim_core::hand_in::{CMS, ClaimStatus, Limits, OCTETS};
use claim_core::late::LatePolicy;
use claim_core::student::{Credential, Session};
use claim_core::{Origin, PersonId, Sid, json};
use claim_course::time::Zone;
use claim_course::{AssignmentPlan, Change, Enrolled, ExtensionScope, GroupPlace, Role, Standing};

use super::ways;
use crate::authority::now;
use crate::blackboard::Setting;
use crate::case::Records;
use crate::student::Say;
use crate::wire::{Client, Version};

/// The course of the table: only its roster hands in.
pub(super) const RIGHTS: &str = "RIGHTS";

/// One in which everybody may hand in.
pub(super) const OPEN: &str = "OPEN";

/// One whose people are nothing in the others.
pub(super) const OTHER: &str = "OTHER";

/// The first in small letters; it belongs to somebody else.
const SMALL: &str = "rights";

/// What is in the one file of every claim here.
pub(super) const CONTENT: &[u8] = b"my report on rights";

/// Everything that is on record of courses, and of claims.
const RECORDS: &str = "SELECT 'course ' || course || title || zone || open || revision AS line FROM courses \
     UNION ALL SELECT 'assignment ' || course || assignment || title || coalesce(due, '') FROM assignments \
     UNION ALL SELECT 'member ' || course || sid || name || coalesce(dropped_at, '') FROM members \
     UNION ALL SELECT 'group ' || course || group_set || sid || group_name FROM group_members \
     UNION ALL SELECT 'extension ' || course || number || coalesce(revoked_at, '') FROM extensions \
     UNION ALL SELECT 'staff ' || course || person || role FROM staff \
     UNION ALL SELECT 'choice ' || course || holder || claim FROM choices \
     UNION ALL SELECT 'claim ' || id || state || durable FROM claims \
     UNION ALL SELECT 'piece ' || claim || file || piece FROM pieces \
     UNION ALL SELECT 'entry ' || hex(entry) FROM log_entries \
     UNION ALL SELECT 'audit ' || number FROM audit_entries ORDER BY 1";

/// The extensions of the other course have numbers that the first has not.
const NUMBERS: &str = "INSERT INTO extensions (course, number, assignment, scope, who, due, reason, granted_by, granted_at) \
     VALUES ('OTHER', 900000, 'other-more', 'all', '', 4102502400000, 'test', 'test', 0)";

/// Somebody in a session.
pub(super) struct Person {
    credential: Credential,
    session: Session,
    blackboard: Origin,
    /// The course in which they were first anything.
    home: Option<&'static str>,
    /// What they are in each course; strangers in all others.
    roles: Vec<(&'static str, Standing)>,
    /// Where they have handed in: a claim that stays, and one that is to be withdrawn.
    own: Option<(&'static str, [ClaimId; 2])>,
}

impl Person {
    pub(super) fn name(&self) -> &str {
        self.credential.id.as_str()
    }

    pub(super) fn id(&self) -> &PersonId {
        &self.credential.id
    }

    pub(super) fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Where they hand in.
    pub(super) fn blackboard(&self) -> &Origin {
        &self.blackboard
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn has_handed_in(&self, course: &str) -> bool {
        self.own.is_some_and(|(of, _)| of == course)
    }

    pub(super) fn standing(&self, course: &str) -> Standing {
        let known = self.roles.iter().find(|(of, _)| *of == course);
        known.map_or(Standing::Stranger, |(_, standing)| *standing)
    }
}

/// What can be named in a request.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The course in the address, or in a claim.
    pub(super) course: String,
    /// The course in a change.
    pub(super) changed: String,
    pub(super) assignment: String,
    /// Another assignment, for extensions.
    pub(super) more_time: String,
    /// One for groups.
    pub(super) together: String,
    /// A student.
    pub(super) sid: String,
    /// The student's group.
    pub(super) group: String,
    /// An extension that holds.
    pub(super) extension: u64,
    /// A claim of the student.
    pub(super) claim: String,
    /// The student's last claim.
    pub(super) last: Option<ClaimId>,
    /// Claims of whoever asks.
    pub(super) own: Option<[ClaimId; 2]>,
    /// The last claim of whoever asks.
    pub(super) own_last: Option<ClaimId>,
    /// The course's revision.
    pub(super) revision: u64,
    /// Another each time, so that each change changes something.
    pub(super) mark: u32,
}

/// A part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Course,
    Changed,
    Assignment,
    Sid,
    Group,
    Extension,
    Claim,
}

impl Part {
    /// Those that stand beside the course in the address.
    pub(super) const ALL: [Self; 6] =
        [Self::Changed, Self::Assignment, Self::Sid, Self::Group, Self::Extension, Self::Claim];
}

impl Names {
    /// What there is nowhere.
    pub(super) fn nowhere() -> Self {
        Self {
            course: "NOWHERE".to_owned(),
            changed: "NOWHERE".to_owned(),
            assignment: "absent-lab".to_owned(),
            more_time: "absent-more".to_owned(),
            together: "absent-together".to_owned(),
            sid: "1199999999".to_owned(),
            group: "Team NOWHERE".to_owned(),
            extension: 1_000_000,
            claim: ClaimId::of_manifest(b"nothing").to_string(),
            last: None,
            own: None,
            own_last: None,
            revision: 1,
            mark: 0,
        }
    }

    /// The same with one part from elsewhere.
    pub(super) fn with(&self, part: Part, from: &Self) -> Self {
        let (own, from) = (self.clone(), from.clone());
        match part {
            Part::Course => Self { course: from.course, ..own },
            Part::Changed => Self { changed: from.changed, ..own },
            Part::Assignment => Self {
                assignment: from.assignment,
                more_time: from.more_time,
                together: from.together,
                ..own
            },
            Part::Sid => Self { sid: from.sid, ..own },
            Part::Group => Self { group: from.group, ..own },
            Part::Extension => Self { extension: from.extension, ..own },
            Part::Claim => Self { claim: from.claim, ..own },
        }
    }

    /// The same with one part of addresses in another spelling.
    pub(super) fn spelt(&self, part: Part, spelt: impl Fn(&str) -> String) -> Self {
        let names = self.clone();
        match part {
            Part::Course => Self { course: spelt(&self.course), ..names },
            Part::Assignment => Self { assignment: spelt(&self.assignment), ..names },
            Part::Claim => Self { claim: spelt(&self.claim), ..names },
            Part::Changed | Part::Sid | Part::Group | Part::Extension => names,
        }
    }

    /// What is visible of an answer, but for what was named to get it, and what comes of its length.
    pub(super) fn blotted(&self, visible: &str) -> String {
        let extension = format!("extension {} ", self.extension);
        let mut names = [
            &self.changed,
            &self.more_time,
            &self.together,
            &self.assignment,
            &self.sid,
            &self.group,
            &self.claim,
            &extension,
        ];
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        let text = names.iter().fold(visible.to_owned(), |text, name| text.replace(*name, "…"));
        let of_it = |line: &&str| {
            !["content-length", "content-digest"].iter().any(|name| line.starts_with(name))
        };
        text.lines().filter(of_it).collect::<Vec<_>>().join("\n")
    }
}

/// Both servers, with everything.
pub(super) struct World {
    setting: Setting,
    courses: Courses,
    records: Records,
    people: Vec<Person>,
    marks: Cell<u32>,
}

impl World {
    pub(super) async fn new() -> Self {
        let setting = Setting::with(
            "[blackboard.limits]\nrefusals-per-minute = 1000000\n\
             [blackboard.quotas]\nrequests-per-minute = 1000000\n",
        )
        .await;
        let courses = claim_blackboard::courses(setting.dir(), None).await.unwrap();
        let records = Records::of_courses(setting.dir(), RECORDS).await;
        let mut world = Self { setting, courses, records, people: Vec::new(), marks: Cell::new(0) };
        for (course, base) in [(RIGHTS, 10), (OPEN, 20), (OTHER, 30), (SMALL, 40)] {
            world.set_up(course).await;
            world.students(course, base).await;
        }
        for (course, base) in [(RIGHTS, 10), (OPEN, 20)] {
            for role in Role::ALL {
                // Of the university's staff, and a student.
                let id = format!("{}.{role}", course.to_lowercase());
                world.staff(&id, course, role).await;
                world.staff(sid(base + 4 + role as u32).as_str(), course, role).await;
            }
        }
        world.staff("other.teacher", OTHER, Role::Teacher).await;
        world.staff("small.owner", SMALL, Role::Owner).await;
        world.records.execute(NUMBERS).await;
        world.person("nobody.x", None).await;
        world.person(sid(90).as_str(), None).await;
        for person in &mut world.people {
            let is_student = matches!(person.credential.id, PersonId::Student(_));
            if is_student && person.standing(OPEN) == Standing::Stranger {
                person.roles.push((OPEN, Standing::Student));
            }
        }
        world
    }

    /// A course with assignments, and nobody in it.
    async fn set_up(&self, course: &str) {
        let new = NewCourse {
            course: course.parse().unwrap(),
            title: format!("The course {course}"),
            zone: Zone::utc(),
            open: course == OPEN,
        };
        assert!(self.courses.add(&new, None, now()).await.unwrap());
        let [alone, more_time, together] = assignments(course);
        let plans = [
            plan(course, &alone, None),
            plan(course, &more_time, None),
            plan(course, &together, Some("teams")),
        ];
        self.change(course, &plans.map(Change::Assignment)).await;
    }

    /// Two students, of whom the second is the one whom everybody names, and one who has left; each has handed in.
    async fn students(&mut self, course: &'static str, base: u32) {
        let sids = [1, 2, 3].map(|number| sid(base + number));
        let enrolled = |sid: &Sid| Enrolled {
            sid: sid.clone(),
            name: String::new(),
            email: String::new(),
            extra: Vec::new(),
        };
        let members = sids.iter().map(enrolled).collect();
        let group = Some(team(course).parse().unwrap());
        let places = vec![GroupPlace { sid: sids[1].clone(), group }];
        let grouped = Change::Groups { set: "teams".parse().unwrap(), places };
        self.change(course, &[Change::Members { members }, grouped]).await;
        for sid in &sids {
            self.person(sid.as_str(), Some((course, Standing::Student))).await;
            let person = self.people.last().unwrap();
            let own = [self.hand_in(person, course).await, self.hand_in(person, course).await];
            self.people.last_mut().unwrap().own = Some((course, own));
        }
        let [_, _, left] = sids;
        self.change(course, &[Change::Drop { sids: vec![left] }]).await;
        self.people.last_mut().unwrap().roles.clear();
    }

    async fn staff(&mut self, id: &str, course: &'static str, role: Role) {
        let staff = Change::Staff { person: id.parse().unwrap(), role: Some(role) };
        self.change(course, &[staff]).await;
        self.person(id, Some((course, Standing::Staff(role)))).await;
    }

    async fn change(&self, course: &str, changes: &[Change]) {
        let course = course.parse().unwrap();
        let changed = self.courses.change(&course, None, changes, now()).await.unwrap();
        assert!(matches!(changed, Changed::Yes { .. }), "{changed:?}");
    }

    async fn person(&mut self, id: &str, role: Option<(&'static str, Standing)>) {
        let credential = self.setting.certified(id);
        let session = self.setting.open(&credential).await;
        let (home, roles) = (role.map(|(course, _)| course), role.into_iter().collect());
        let blackboard = self.client().origin.clone();
        self.people.push(Person { credential, session, blackboard, home, roles, own: None });
    }

    /// Hands in and uploads.
    async fn hand_in(&self, person: &Person, course: &str) -> ClaimId {
        let [assignment, ..] = assignments(course);
        let last = self.last_claim(course, person.id()).await;
        let holder = Holder::one(person.name().parse().unwrap());
        let to = format!("{course}/{assignment}");
        let cms = ways::claim(person, &to, &holder, last);
        let lodging =
            Say { target: "/v1/claims", content: Some((CMS, cms)), ..Say::text("", now()) };
        // Blackboard takes claims as soon as the root has certified its keys and CUHK's list has come.
        let answer = loop {
            let signed = lodging.anew().signed(&person.session);
            let answer = self.client().ask(Version::Http2, &signed.ask).await;
            if answer.status != 503 {
                break answer;
            }
        };
        assert_eq!(answer.status, 201, "{answer:?}");
        let claim = json::from_slice::<ClaimStatus>(&answer.body).unwrap().claim;
        let target = format!("/v1/claims/{claim}/files/0/0").leak();
        let content = Some((OCTETS, CONTENT.to_vec()));
        let upload = Say { method: "PUT", target, content, ..Say::text("", now()) };
        let signed = upload.signed(&person.session);
        let answer = self.client().ask(Version::Http2, &signed.ask).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        claim
    }

    /// The last claim of somebody who hands in alone.
    async fn last_claim(&self, course: &str, person: &PersonId) -> Option<ClaimId> {
        let [assignment, ..] = assignments(course);
        let query = "SELECT CAST(coalesce(max(last_claim), '') AS BLOB) FROM holders \
             WHERE course || '/' || assignment || '/' || holder = $1";
        let key = format!("{course}/{assignment}/{person}");
        let found = String::from_utf8(self.records.bytes(query, &key).await).unwrap();
        (!found.is_empty()).then(|| found.parse().unwrap())
    }

    /// What can be named in this course, by this person.
    pub(super) async fn names(&self, course: &'static str, who: &Person) -> Names {
        let named = self.named(course);
        let id = course.parse().unwrap();
        let [assignment, more_time, together] = assignments(course);
        let extension = async || {
            let known = self.courses.extensions(&id).await.unwrap();
            known.iter().rfind(|one| one.revoked_at.is_none()).map(|one| one.number)
        };
        if extension().await.is_none() {
            let extend = Change::Extend {
                assignment: more_time.parse().unwrap(),
                scope: ExtensionScope::All,
                due: ways::later(),
                until: None,
                reason: "to be named".to_owned(),
            };
            self.change(course, &[extend]).await;
        }
        self.marks.set(self.marks.get() + 1);
        Names {
            course: course.to_owned(),
            changed: course.to_owned(),
            assignment,
            more_time,
            together,
            sid: named.name().to_owned(),
            group: team(course),
            extension: extension().await.unwrap(),
            claim: named.own.unwrap().1[0].to_string(),
            last: self.last_claim(course, named.id()).await,
            own: who.own.filter(|(of, _)| *of == course).map(|(_, own)| own),
            own_last: self.last_claim(course, who.id()).await,
            revision: self.courses.one(&id).await.unwrap().unwrap().revision,
            mark: self.marks.get(),
        }
    }

    /// The student whom everybody names.
    fn named(&self, course: &str) -> &Person {
        let of_course = |one: &&Person| one.own.is_some_and(|(of, _)| of == course);
        self.people.iter().filter(of_course).nth(1).unwrap()
    }

    /// Everybody who has to do with this course, but for the student whom everybody names; somebody of staff and a student
    /// who are nothing anywhere; and people of other courses.
    pub(super) fn cast(&self, course: &'static str) -> impl Iterator<Item = &Person> {
        let of_others = [sid(31).to_string(), "other.teacher".into(), "small.owner".into()];
        self.people.iter().filter(move |one| {
            let belongs = one.home.is_none_or(|home| home == course);
            let is_named = one.home == Some(course) && one.name() == self.named(course).name();
            (belongs && !is_named) || of_others.iter().any(|other| other == one.name())
        })
    }

    /// Somebody who is this in the first course.
    pub(super) fn one(&self, standing: Standing) -> &Person {
        self.cast(RIGHTS).find(|one| one.standing(RIGHTS) == standing).unwrap()
    }

    pub(super) fn dir(&self) -> &Path {
        self.setting.dir()
    }

    pub(super) fn client(&self) -> &Client {
        &self.setting.site().client
    }

    pub(super) async fn records(&self) -> Vec<String> {
        self.records.all().await
    }

    pub(super) fn assert_sound(&mut self) {
        self.setting.assert_sound();
    }
}

fn sid(number: u32) -> Sid {
    format!("{}", 1_155_900_000 + number).parse().unwrap()
}

fn team(course: &str) -> String {
    format!("Team {course}")
}

/// For everybody, one for extensions, one for groups.
fn assignments(course: &str) -> [String; 3] {
    ["lab", "more", "together"].map(|name| format!("{}-{name}", course.to_lowercase()))
}

pub(super) fn plan(course: &str, assignment: &str, groups: Option<&str>) -> AssignmentPlan {
    AssignmentPlan {
        course: course.parse().unwrap(),
        assignment: assignment.parse().unwrap(),
        title: format!("{assignment} of {course}"),
        visible_from: None,
        due: Some(ways::due()),
        until: None,
        late: LatePolicy::Accept,
        upload_seconds: 3_600,
        limits: Limits { files: 10, bytes: 1_000_000, attempts: 1_000_000 },
        groups: groups.map(|set| set.parse().unwrap()),
    }
}
