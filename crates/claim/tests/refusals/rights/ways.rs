//! In how many ways everything can be asked, as it goes over the wire.

use std::fmt;

use claim_core::claim::{ClaimId, FileHasher, Files, Holder, ManifestMembers, sign_withdrawal};
use claim_core::encoding::Bytes;
use claim_core::hand_in::{CMS, OCTETS};
use claim_core::late::LatePolicy;
use claim_core::messages::JSON;
use claim_core::{PersonId, ProblemType, Timestamp};
use claim_course::time::Zone;
use claim_course::{
    Change, Changes, Enrolled, ExtensionScope, GroupPlace, Request, Role, Standing,
};

use super::world::{CONTENT, Names, OPEN, Part, Person, plan};
use crate::authority::{now, rng};
use crate::claims::{claim_by, manifest_bytes, with_signer};
use crate::student::Say;

/// One way to ask something.
pub(super) struct Way {
    pub(super) say: Say,
    /// What it names: the same where the same is asked.
    pub(super) key: String,
    pub(super) shown: Shown,
    /// What need not be there: it is made, or is a place in a list.
    pub(super) free: &'static [Part],
    /// A claim for somebody by somebody else, which is refused before anybody looks for the course.
    is_signed_by_another: bool,
}

/// By what it is seen whether it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// By the status.
    Done,
    /// Everybody has the list; it names the course, or does not.
    InList,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

impl Way {
    pub(super) fn get(target: String) -> Self {
        Self::new(Say::reading(target.clone().leak(), now()), target)
    }

    fn listed(target: &'static str) -> Self {
        Self { shown: Shown::InList, ..Self::get(target.to_owned()) }
    }

    fn new(say: Say, key: String) -> Self {
        Self { say, key, shown: Shown::Done, free: &[], is_signed_by_another: false }
    }

    fn sent(target: String, media_type: &'static str, content: Vec<u8>, key: String) -> Self {
        let content = Some((media_type, content));
        Self::new(Say { target: target.leak(), content, ..Say::text("", now()) }, key)
    }

    /// How it is refused to somebody whose standing does not cover it.
    pub(super) fn refusal(&self, standing: Standing) -> ProblemType {
        match standing {
            _ if self.is_signed_by_another => ProblemType::ClaimSigner,
            Standing::Staff(_) => ProblemType::NotAllowed,
            Standing::Stranger | Standing::Student => ProblemType::NotFound,
            Standing::Administrator => panic!("an administrator has no session"),
        }
    }
}

/// All of them, for somebody who is this in the course.
pub(super) fn ways(request: Request, at: &Names, who: &Person, standing: Standing) -> Vec<Way> {
    let Names { course, assignment, .. } = at;
    match request {
        Request::SeeOwn => {
            let own = at.own.iter().flat_map(|own| reading(&own[0].to_string()));
            let own = own.filter(|_| standing == Standing::Student);
            [Way::listed("/v1/assignments")].into_iter().chain(own).collect()
        }
        Request::HandIn => handing_in(at, who, standing),
        Request::SeeCourse => {
            vec![Way::listed("/v1/courses"), Way::get(format!("/v1/courses/{course}"))]
        }
        Request::SeeRoster => {
            let target = format!("/v1/courses/{course}/members");
            let after = Way::get(format!("{target}?after={}&limit=1", at.sid));
            vec![Way { free: &[Part::Sid], ..after }, Way::get(target)]
        }
        Request::SeeHandIns => {
            let assignment = format!("/v1/courses/{course}/assignments/{assignment}");
            let target = format!("{assignment}/hand-ins");
            let student = format!("{assignment}/students/{}", at.sid);
            let events = Way::get(format!("/v1/courses/{course}/events?after=0"));
            vec![Way::get(format!("{target}?limit=1")), Way::get(target), Way::get(student), events]
        }
        Request::TakeFiles => reading(&at.claim),
        Request::SeeChanges => {
            let target = format!("/v1/courses/{course}/changes");
            vec![Way::get(format!("{target}?after=1&limit=1")), Way::get(target)]
        }
        Request::HandInFor => handing_in_for(at, who, standing),
        Request::ChangeCourse
        | Request::ChangeAssignments
        | Request::ChangeRoster
        | Request::ChangeGroups
        | Request::Extend
        | Request::Choose
        | Request::ChangeStaff => changing(request, at, standing),
    }
}

/// Everything that can be asked of a claim.
pub(super) fn of_a_claim(claim: &str, who: &Person) -> Vec<Way> {
    reading(claim).into_iter().chain([uploading(claim), withdrawing(claim, who)]).collect()
}

fn reading(claim: &str) -> Vec<Way> {
    ["", "/files/0/0", "/receipt"].map(|rest| Way::get(format!("/v1/claims/{claim}{rest}"))).into()
}

fn uploading(claim: &str) -> Way {
    let target = format!("/v1/claims/{claim}/files/0/0");
    let way = Way::sent(target.clone(), OCTETS, CONTENT.to_vec(), format!("PUT {target}"));
    Way { say: Say { method: "PUT", ..way.say }, ..way }
}

fn withdrawing(claim: &str, who: &Person) -> Way {
    // An address that names no claim gets a withdrawal of some claim.
    let id = claim.parse().unwrap_or_else(|_| ClaimId::of_manifest(claim.as_bytes()));
    let cms = with_signer(who.credential(), |signer| sign_withdrawal(id, signer, now()).unwrap());
    let target = format!("/v1/claims/{claim}/withdrawal");
    Way::sent(target.clone(), CMS, cms.der().to_vec(), target)
}

/// For oneself: a new claim, and what belongs to one's own; where one has none, to the student's who is named.
fn handing_in(at: &Names, who: &Person, standing: Standing) -> Vec<Way> {
    let own =
        at.own.filter(|_| standing == Standing::Student).map(|own| own.map(|id| id.to_string()));
    let [kept, withdrawn] = own.unwrap_or_else(|| [at.claim.clone(), at.claim.clone()]);
    let mut ways = Vec::new();
    // Whoever was on no roster when this began has nothing of their own.
    if standing != Standing::Student || at.own.is_some() {
        ways.extend([uploading(&kept), withdrawing(&withdrawn, who)]);
    }
    if let PersonId::Student(sid) = who.id() {
        let holder = Holder::one(sid.clone());
        ways.push(lodging(at, who, &holder, at.own_last));
    }
    ways
}

/// A claim for the student who is named, by somebody of staff. `by` is an ID of staff, so nobody else can say it; from a
/// student it is a claim that somebody else has signed.
fn handing_in_for(at: &Names, who: &Person, standing: Standing) -> Vec<Way> {
    let is_student = matches!(who.id(), PersonId::Student(_));
    if is_student && matches!(standing, Standing::Staff(_)) {
        return Vec::new();
    }
    let way = lodging(at, who, &Holder::one(at.sid.parse().unwrap()), at.last);
    vec![Way { is_signed_by_another: is_student, ..way }]
}

fn lodging(at: &Names, who: &Person, holder: &Holder, replaces: Option<ClaimId>) -> Way {
    let to = format!("{}/{}", at.course, at.assignment);
    let key = format!("a claim for {holder} to {to}");
    Way::sent("/v1/claims".to_owned(), CMS, claim(who, &to, holder, replaces), key)
}

/// A signed claim: for oneself, or by somebody of staff.
pub(super) fn claim(who: &Person, to: &str, holder: &Holder, replaces: Option<ClaimId>) -> Vec<u8> {
    let mut hasher = FileHasher::new();
    hasher.update(CONTENT);
    let file = hasher.finish("report.txt".to_owned().try_into().unwrap()).unwrap();
    let manifest = ManifestMembers {
        blackboard: who.blackboard().clone(),
        // What can be no name is in no claim.
        assignment: to.parse().unwrap_or_else(|_| "NOWHERE/absent-lab".parse().unwrap()),
        due: Some(due()),
        sids: holder.clone(),
        by: match who.id() {
            PersonId::Student(_) => None,
            PersonId::Staff(id) => Some(id.clone()),
        },
        replaces,
        outage: false,
        nonce: Bytes::random(&mut rng()),
        note: None,
        files: Files::new(vec![file]).unwrap(),
    };
    claim_by(who.credential(), &manifest_bytes(&manifest)).der().to_vec()
}

/// When all assignments are due.
pub(super) fn due() -> Timestamp {
    "2099-12-31T15:59:59.999Z".parse().unwrap()
}

/// When they are due with more time.
pub(super) fn later() -> Timestamp {
    due().plus_seconds(86_400)
}

fn changing(request: Request, at: &Names, standing: Standing) -> Vec<Way> {
    let lists = changes(request, at);
    let title = changes(Request::ChangeCourse, at).swap_remove(0);
    // Behind one that more people may make; and from a revision that is none, which nobody is told who may not.
    let behind = [title, lists[0].clone()].concat();
    let may = standing.may(request);
    let stale = lists[0].clone();
    let mut ways: Vec<Way> =
        lists.into_iter().chain([behind]).map(|list| change(at, at.revision, list)).collect();
    if !may {
        ways.push(change(at, at.revision + 7, stale));
    }
    if request == Request::ChangeGroups {
        ways.iter_mut().for_each(|way| way.free = &[Part::Group]);
    }
    if request == Request::ChangeAssignments {
        ways.iter_mut().for_each(|way| way.free = &[Part::Assignment]);
    }
    ways
}

fn change(at: &Names, revision: u64, changes: Vec<Change>) -> Way {
    let content = serde_json::to_vec(&Changes { revision, changes }).unwrap();
    let target = format!("/v1/courses/{}/changes", at.course);
    let key = format!("{target} {}", String::from_utf8(content.clone()).unwrap());
    Way::sent(target, JSON, content, key)
}

/// How many kinds of change there are.
pub(super) const KINDS: usize = 9;

/// Which one it is; a new one is to be added to [`changes`] too.
pub(super) fn kind(change: &Change) -> usize {
    match change {
        Change::Course { .. } => 0,
        Change::Assignment(_) => 1,
        Change::Members { .. } => 2,
        Change::Drop { .. } => 3,
        Change::Groups { .. } => 4,
        Change::Extend { .. } => 5,
        Change::RevokeExtension { .. } => 6,
        Change::Staff { .. } => 7,
        Change::Choose { .. } => 8,
    }
}

/// Lists of changes that take this right and no other; all of them leave the course as it is for the next.
pub(super) fn changes(request: Request, at: &Names) -> Vec<Vec<Change>> {
    let reason = || format!("because of {}", at.mark);
    let extend = |assignment: &str, scope| Change::Extend {
        assignment: assignment.parse().unwrap(),
        scope,
        due: later(),
        until: None,
        reason: reason(),
    };
    match request {
        Request::ChangeCourse => {
            let title = format!("The course {}, {}", at.course, at.mark);
            vec![vec![Change::Course { title, zone: Zone::utc(), open: at.course == OPEN }], vec![]]
        }
        Request::ChangeAssignments => {
            let mut plan = plan(&at.changed, &at.more_time, None);
            plan.late = LatePolicy::Accept;
            plan.title = format!("More time {}", at.mark);
            vec![vec![Change::Assignment(plan)]]
        }
        Request::ChangeRoster => {
            let sid = at.sid.parse().unwrap();
            let name = format!("Named {}", at.mark);
            let back = Enrolled { sid, name, email: String::new(), extra: Vec::new() };
            let dropped = Change::Drop { sids: vec![at.sid.parse().unwrap()] };
            vec![vec![dropped, Change::Members { members: vec![back] }]]
        }
        Request::ChangeGroups => {
            let put = |group: Option<&str>| Change::Groups {
                set: "teams".parse().unwrap(),
                places: vec![GroupPlace {
                    sid: at.sid.parse().unwrap(),
                    group: group.map(|name| name.parse().unwrap()),
                }],
            };
            vec![vec![put(None), put(Some(&at.group))]]
        }
        Request::Extend => vec![
            vec![extend(&at.more_time, ExtensionScope::Student(at.sid.parse().unwrap()))],
            vec![extend(&at.together, ExtensionScope::Group(at.group.parse().unwrap()))],
            vec![extend(&at.more_time, ExtensionScope::All)],
            vec![Change::RevokeExtension { number: at.extension }],
        ],
        Request::Choose => {
            let choose = |claim: Option<&str>| Change::Choose {
                assignment: at.assignment.parse().unwrap(),
                sids: Holder::one(at.sid.parse().unwrap()),
                claim: claim.map(|claim| claim.parse().unwrap()),
                reason: reason(),
            };
            vec![vec![choose(Some(&at.claim))], vec![choose(Some(&at.claim)), choose(None)]]
        }
        Request::ChangeStaff => {
            let staff = |role| Change::Staff { person: "helper.x".parse().unwrap(), role };
            vec![vec![staff(Some(Role::Assistant))], vec![staff(Some(Role::Owner)), staff(None)]]
        }
        Request::SeeOwn
        | Request::HandIn
        | Request::SeeCourse
        | Request::SeeRoster
        | Request::SeeHandIns
        | Request::TakeFiles
        | Request::SeeChanges
        | Request::HandInFor => vec![],
    }
}
