//! Courses: changed as a whole or not at all, and asked by whoever lodges.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use claim_core::claim::{ClaimId, Holder};
use claim_core::late::LatePolicy;
use claim_core::{CourseId, Digest, PersonId, Sid, Timestamp};
use claim_course::{
    AssignmentPlan, Change, Enrolled, ExtensionScope, GroupPlace, Request, Role, Standing,
};
use claim_store::blackboard::{
    BlackboardStore, Changed, Changer, Lodged, Marked, NewClaim, NewCourse, NewPiece, Place,
    Refused, StaffRow,
};

use crate::claims::{assignment, claim, first, lab};
use crate::site::{Site, at, on_each_database};

const ANN: &str = "1155123456";
const BEN: &str = "1155123457";
const CAT: &str = "1155123458";

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

fn person(text: &str) -> PersonId {
    text.parse().unwrap()
}

fn together(sids: &[&str]) -> Holder {
    Holder::new(sids.iter().map(|text| sid(text)).collect()).unwrap()
}

fn id() -> CourseId {
    lab().course
}

/// A page of what staff sees: who, the claims, and the one that counts.
async fn seen(
    store: &BlackboardStore,
    after: Option<&str>,
    limit: u32,
) -> Vec<(Sid, Vec<ClaimId>, Option<ClaimId>)> {
    let page = store.hand_ins(&lab(), after.map(sid).as_ref(), limit).await.unwrap();
    let row = |row: StaffRow| {
        let claims = row.claims.iter().map(|claim| claim.id).collect();
        (row.sid, claims, row.counting.map(|counting| counting.claim))
    };
    page.unwrap().1.into_iter().map(row).collect()
}

/// A course with Ann and Ben on its roster and an owner, and the lab in it.
async fn course(site: &Site, plan: AssignmentPlan) -> BlackboardStore {
    let store = site.blackboard().await;
    let new = NewCourse {
        course: id(),
        title: "Network security".to_owned(),
        zone: "Asia/Hong_Kong".parse().unwrap(),
        open: false,
    };
    assert!(store.add_course(&new, Some(&person("chan.tm")), at(0)).await.unwrap());
    assert!(!store.add_course(&new, Some(&person("thief")), at(0)).await.unwrap());
    change(&store, &[members(&[ANN, BEN]), Change::Assignment(plan)]).await.unwrap();
    store
}

fn members(sids: &[&str]) -> Change {
    let enrolled = |text: &&str| Enrolled {
        sid: sid(text),
        name: format!("Student {text}"),
        email: String::new(),
        extra: vec![("Section".to_owned(), "A".to_owned())],
    };
    Change::Members { members: sids.iter().map(enrolled).collect() }
}

fn groups(places: &[(&str, Option<&str>)]) -> Change {
    let place = |(who, group): &(&str, Option<&str>)| GroupPlace {
        sid: sid(who),
        group: group.map(|name| name.parse().unwrap()),
    };
    Change::Groups { set: "groups".parse().unwrap(), places: places.iter().map(place).collect() }
}

fn extend(scope: ExtensionScope, due: Timestamp) -> Change {
    let assignment = lab().assignment;
    Change::Extend { assignment, scope, due, until: None, reason: "ill".to_owned() }
}

async fn change(store: &BlackboardStore, changes: &[Change]) -> Result<u64, Refused> {
    match store
        .change_course(&id(), None, changes, None, Changer::Administrator("root"), at(1))
        .await
        .unwrap()
    {
        Changed::Yes { revision } => Ok(revision),
        Changed::Refused { why, .. } => Err(why),
        other => panic!("{other:?}"),
    }
}

/// A claim of these students, lodged by the first.
fn of(sids: &[&str], manifest: &str, lodged_at: Timestamp, due: Option<Timestamp>) -> NewClaim {
    let holder = together(sids);
    NewClaim { person: person(sids[0]), holder, due, ..claim(manifest, lodged_at, None) }
}

async fn receive(store: &BlackboardStore, claim: ClaimId, when: Timestamp) {
    for index in 0..2 {
        let piece = claim_core::hand_in::PieceRef { file: 0, index };
        let marked = store.mark_piece(NewPiece { claim, piece, at: when }).await.unwrap();
        assert!(matches!(marked, Marked::Waiting { .. } | Marked::Received { .. }));
    }
}

async fn counts_for(store: &BlackboardStore, who: &str) -> Option<ClaimId> {
    let offers = store.offers(&sid(who), at(5_000)).await.unwrap();
    offers[0].counting.map(|counting| counting.claim)
}

async fn due_for(store: &BlackboardStore, who: &str) -> Option<Timestamp> {
    let offers = store.offers(&sid(who), at(50)).await.unwrap();
    match &offers[0].place {
        Place::Holder { terms, .. } => terms.due,
        other => panic!("{other:?}"),
    }
}

fn by_groups() -> AssignmentPlan {
    AssignmentPlan { groups: Some("groups".parse().unwrap()), ..assignment(Some(at(100))) }
}

on_each_database! {
    async fn only_those_on_the_roster_have_a_course(site: Site) {
        let store = course(&site, assignment(Some(at(100)))).await;
        assert_eq!(store.standing(&id(), &person(ANN)).await.unwrap(), Standing::Student);
        assert_eq!(store.standing(&id(), &person(CAT)).await.unwrap(), Standing::Stranger);
        assert_eq!(store.standing(&id(), &person("chan.tm")).await.unwrap(), Standing::Staff(Role::Owner));
        assert_eq!(store.standing(&id(), &person("nobody")).await.unwrap(), Standing::Stranger);
        assert!(store.offers(&sid(CAT), at(5)).await.unwrap().is_empty());
        let refused = store.lodge(of(&[CAT], "cat's", at(5), Some(at(100)))).await.unwrap();
        assert_eq!(refused, Lodged::NoAssignment);
        assert!(matches!(store.lodge(of(&[ANN], "ann's", at(5), Some(at(100)))).await.unwrap(), Lodged::First(_)));
        // Whoever leaves is a stranger; what was handed in stays, and whoever comes back has it again.
        change(&store, &[Change::Drop { sids: vec![sid(ANN)] }]).await.unwrap();
        assert!(store.offers(&sid(ANN), at(6)).await.unwrap().is_empty());
        assert_eq!(store.lodge(of(&[ANN], "later", at(6), Some(at(100)))).await.unwrap(), Lodged::NoAssignment);
        let listed = store.members(&id(), None, 10).await.unwrap();
        assert_eq!((listed.len(), listed[0].dropped_at), (2, Some(at(1))));
        change(&store, &[members(&[ANN])]).await.unwrap();
        assert_eq!(store.offers(&sid(ANN), at(6)).await.unwrap()[0].claims.len(), 1);
    }

    async fn an_assignment_is_seen_from_its_time_on(site: Site) {
        let plan = AssignmentPlan { visible_from: Some(at(10)), ..assignment(Some(at(100))) };
        let store = course(&site, plan).await;
        assert!(store.offers(&sid(ANN), at(9)).await.unwrap().is_empty());
        assert_eq!(store.lodge(of(&[ANN], "early", at(9), Some(at(100)))).await.unwrap(), Lodged::NoAssignment);
        assert_eq!(store.offers(&sid(ANN), at(10)).await.unwrap().len(), 1);
        assert!(matches!(store.lodge(of(&[ANN], "a", at(10), Some(at(100)))).await.unwrap(), Lodged::First(_)));
    }

    async fn staff_does_not_hand_in_for_itself(site: Site) {
        let store = course(&site, assignment(Some(at(100)))).await;
        change(&store, &[
            Change::Staff { person: person(BEN), role: Some(Role::Assistant) },
            Change::Staff { person: person("wong.kl"), role: Some(Role::Assistant) },
            Change::Staff { person: person("teacher"), role: Some(Role::Teacher) },
        ]).await.unwrap();
        assert!(store.offers(&sid(BEN), at(5)).await.unwrap().is_empty());
        let refused = store.lodge(of(&[BEN], "ben's", at(5), Some(at(100)))).await.unwrap();
        assert_eq!(refused, Lodged::NotAllowed { role: Role::Assistant, request: Request::HandIn });
        let by = |who: &str| NewClaim { person: person(who), ..of(&[ANN], "for ann", at(5), Some(at(100))) };
        assert_eq!(store.lodge(by("wong.kl")).await.unwrap(), Lodged::NotAllowed { role: Role::Assistant, request: Request::HandInFor });
        assert_eq!(store.lodge(by("stranger")).await.unwrap(), Lodged::NoAssignment);
        assert!(matches!(store.lodge(by("teacher")).await.unwrap(), Lodged::First(_)));
    }

    async fn groups_hand_in_together(site: Site) {
        let store = course(&site, by_groups()).await;
        let alone = store.lodge(of(&[ANN], "alone", at(5), Some(at(100)))).await.unwrap();
        assert_eq!(alone, Lodged::NoGroup { ask: vec!["chan.tm".to_owned()] });
        let offer = &store.offers(&sid(ANN), at(5)).await.unwrap()[0];
        assert_eq!((&offer.place, &offer.ask[..]), (&Place::NoGroup, &["chan.tm".to_owned()][..]));
        change(&store, &[groups(&[(ANN, Some("Seven")), (BEN, Some("Seven"))])]).await.unwrap();
        let alone = store.lodge(of(&[ANN], "alone", at(5), Some(at(100)))).await.unwrap();
        assert_eq!(alone, Lodged::HolderChanged { holder: together(&[ANN, BEN]) });
        let row = first(&store, of(&[ANN, BEN], "ours", at(5), Some(at(100)))).await;
        receive(&store, row.id, at(6)).await;
        for who in [ANN, BEN] {
            assert_eq!(counts_for(&store, who).await, Some(row.id), "{who}");
        }
        // Ben races, and is told who was first.
        let late = NewClaim { person: person(BEN), ..of(&[ANN, BEN], "ben's", at(7), Some(at(100))) };
        let refused = store.lodge(late).await.unwrap();
        assert_eq!(refused, Lodged::ReplacesChanged { last_claim: Some(row.id) });
        // Who leaves the group leaves nothing behind of what was handed in before.
        change(&store, &[groups(&[(BEN, None)])]).await.unwrap();
        assert_eq!(counts_for(&store, BEN).await, Some(row.id));
        let next = first(&store, of(&[ANN], "mine", at(8), Some(at(100)))).await;
        receive(&store, next.id, at(9)).await;
        assert_eq!(counts_for(&store, ANN).await, Some(next.id));
        assert_eq!(counts_for(&store, BEN).await, Some(row.id));

        // Staff sees the same, also where a group is cut in two by the pages.
        let mine = (sid(ANN), vec![next.id, row.id], Some(next.id));
        let bens = (sid(BEN), vec![row.id], Some(row.id));
        assert_eq!(seen(&store, None, 10).await, [mine.clone(), bens.clone()]);
        assert_eq!(seen(&store, None, 1).await, [mine]);
        assert_eq!(seen(&store, Some(ANN), 1).await, [bens]);
        assert_eq!(seen(&store, Some(BEN), 1).await, []);
    }

    async fn more_time(site: Site) {
        let store = course(&site, assignment(Some(at(100)))).await;
        let late = first(&store, of(&[ANN], "late", at(150), Some(at(100)))).await;
        receive(&store, late.id, at(151)).await;
        let bens = first(&store, of(&[BEN], "ben's", at(150), Some(at(100)))).await;
        receive(&store, bens.id, at(151)).await;
        assert_eq!(late.late_ms, 50_000);
        assert_eq!(counts_for(&store, ANN).await, None);
        change(&store, &[extend(ExtensionScope::Student(sid(ANN)), at(200))]).await.unwrap();
        assert_eq!((due_for(&store, ANN).await, due_for(&store, BEN).await), (Some(at(200)), Some(at(100))));
        assert_eq!((counts_for(&store, ANN).await, counts_for(&store, BEN).await), (Some(late.id), None));
        // A claim must name the due time that holds.
        let named = |due| NewClaim { replaces: Some(late.id), ..of(&[ANN], "next", at(180), Some(due)) };
        assert_eq!(store.lodge(named(at(100))).await.unwrap(), Lodged::DueChanged { due: Some(at(200)) });
        let next = first(&store, named(at(200))).await;
        receive(&store, next.id, at(181)).await;
        assert_eq!(next.late_ms, 0);
        // Taken back: what both signed holds, what was only re-judged is late again.
        change(&store, &[Change::RevokeExtension { number: 1 }]).await.unwrap();
        let offers = store.offers(&sid(ANN), at(200)).await.unwrap();
        let lates: Vec<_> = offers[0].claims.iter().map(|claim| claim.late_ms).collect();
        assert_eq!(lates, [0, 50_000]);
        let revoked = change(&store, &[Change::RevokeExtension { number: 1 }]).await;
        assert_eq!(revoked, Err(Refused::NoExtension { number: 1 }));
    }

    async fn more_time_for_a_group_and_for_all(site: Site) {
        let store = course(&site, by_groups()).await;
        change(&store, &[groups(&[(ANN, Some("Seven")), (BEN, Some("Eight"))])]).await.unwrap();
        let scope = ExtensionScope::Group("Seven".parse().unwrap());
        change(&store, &[extend(scope, at(200))]).await.unwrap();
        assert_eq!((due_for(&store, ANN).await, due_for(&store, BEN).await), (Some(at(200)), Some(at(100))));
        change(&store, &[extend(ExtensionScope::All, at(150))]).await.unwrap();
        assert_eq!((due_for(&store, ANN).await, due_for(&store, BEN).await), (Some(at(200)), Some(at(150))));
        let granted = store.extensions(&id()).await.unwrap();
        assert_eq!(granted.iter().map(|extension| extension.number).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((granted[0].granted_by.as_str(), granted[0].granted_at), ("root", at(1)));
        for (scope, refused) in [
            (ExtensionScope::Student(sid(ANN)), Refused::HandsInWithGroup { sid: sid(ANN) }),
            (ExtensionScope::Group("Nine".parse().unwrap()), Refused::NoGroup { group: "Nine".parse().unwrap() }),
        ] {
            assert_eq!(change(&store, &[extend(scope, at(300))]).await, Err(refused));
        }
        let earlier = change(&store, &[extend(ExtensionScope::All, at(100))]).await;
        assert_eq!(earlier, Err(Refused::NotLater { due: at(100) }));
    }

    async fn a_changed_due_time_judges_again(site: Site) {
        let store = course(&site, assignment(Some(at(100)))).await;
        let row = first(&store, of(&[ANN], "late", at(150), Some(at(100)))).await;
        receive(&store, row.id, at(151)).await;
        let due = |seconds| Change::Assignment(assignment(Some(at(seconds))));
        change(&store, &[due(160)]).await.unwrap();
        assert_eq!(counts_for(&store, ANN).await, Some(row.id));
        change(&store, &[due(120)]).await.unwrap();
        assert_eq!(counts_for(&store, ANN).await, None);
        let next = NewClaim { replaces: Some(row.id), ..of(&[ANN], "next", at(110), Some(at(120))) };
        let next = first(&store, next).await;
        receive(&store, next.id, at(111)).await;
        // An earlier due time does not reach back: both signed another.
        change(&store, &[due(50)]).await.unwrap();
        assert_eq!(counts_for(&store, ANN).await, Some(next.id));
        assert_eq!(store.lodge(of(&[BEN], "ben's", at(60), Some(at(120)))).await.unwrap(), Lodged::DueChanged { due: Some(at(50)) });
    }

    async fn nothing_late_where_nothing_late_is_taken(site: Site) {
        let store = course(&site, AssignmentPlan { late: LatePolicy::Refuse, ..assignment(Some(at(100))) }).await;
        assert_eq!(store.lodge(of(&[ANN], "late", at(101), Some(at(100)))).await.unwrap(), Lodged::Closed { until: at(100) });
        change(&store, &[extend(ExtensionScope::Student(sid(ANN)), at(200))]).await.unwrap();
        assert!(matches!(store.lodge(of(&[ANN], "late", at(101), Some(at(200)))).await.unwrap(), Lodged::First(_)));
    }

    async fn staff_chooses_what_counts(site: Site) {
        let store = course(&site, assignment(Some(at(100)))).await;
        let one = first(&store, of(&[ANN], "one", at(5), Some(at(100)))).await;
        receive(&store, one.id, at(6)).await;
        let late = NewClaim { replaces: Some(one.id), ..of(&[ANN], "late", at(150), Some(at(100))) };
        let late = first(&store, late).await;
        let choose = |claim| Change::Choose {
            assignment: lab().assignment, sids: together(&[ANN]), claim, reason: "agreed".to_owned(),
        };
        let refused = change(&store, &[choose(Some(late.id))]).await;
        assert_eq!(refused, Err(Refused::NotChoosable { claim: late.id }), "files are missing");
        receive(&store, late.id, at(151)).await;
        change(&store, &[choose(Some(late.id))]).await.unwrap();
        let offer = store.offers(&sid(ANN), at(200)).await.unwrap().remove(0);
        let counting = offer.counting.unwrap();
        assert_eq!((counting.claim, counting.chosen, offer.reason.as_deref()), (late.id, true, Some("agreed")));
        assert_eq!(store.counting(&lab(), &together(&[ANN])).await.unwrap(), Some(counting));
        assert_eq!(store.choices(&lab()).await.unwrap()[0].chosen_by, "root");
        change(&store, &[choose(None)]).await.unwrap();
        assert_eq!(counts_for(&store, ANN).await, Some(one.id));
        // Nobody's claim counts for somebody else.
        let bens = Change::Choose {
            assignment: lab().assignment, sids: together(&[BEN]), claim: Some(one.id), reason: "x".to_owned(),
        };
        assert_eq!(change(&store, &[bens]).await, Err(Refused::NotChoosable { claim: one.id }));
    }

    async fn all_changes_or_none(site: Site) {
        let store = course(&site, assignment(Some(at(100)))).await;
        let before = store.course(&id()).await.unwrap().unwrap();
        let refused = change(&store, &[members(&[CAT]), Change::Drop { sids: vec![sid("1155999999")] }]).await;
        assert_eq!(refused, Err(Refused::NotOnRoster { sid: sid("1155999999") }));
        assert_eq!(store.course(&id()).await.unwrap().unwrap(), before);
        assert_eq!(store.members(&id(), None, 10).await.unwrap().len(), 2);
        let strangers = change(&store, &[groups(&[(CAT, Some("Seven"))])]).await;
        assert_eq!(strangers, Err(Refused::NotOnRoster { sid: sid(CAT) }));
    }

    async fn changes_are_made_from_what_was_seen(site: Site) {
        let store = course(&site, assignment(Some(at(100)))).await;
        let seen = store.course(&id()).await.unwrap().unwrap().revision;
        let request = Some(Digest::of(b"the request"));
        let ask = |revision, request, changes: &'static [&'static str]| {
            let store = &store;
            async move {
                store.change_course(&id(), Some(revision), &[members(changes)], request, Changer::Administrator("ann"), at(2)).await.unwrap()
            }
        };
        let made = Changed::Yes { revision: seen + 1 };
        assert_eq!(ask(seen, request, &[CAT]).await, made);
        // The answer was lost, and the request comes again.
        assert_eq!(ask(seen, request, &[CAT]).await, made);
        let stale = Changed::Stale { revision: seen + 1 };
        assert_eq!(ask(seen, Some(Digest::of(b"another")), &[CAT]).await, stale);
        assert_eq!(ask(seen, None, &[CAT]).await, stale);
        assert_eq!(store.course(&id()).await.unwrap().unwrap().revision, seen + 1);
        let elsewhere = "OTHER".parse().unwrap();
        assert_eq!(store.change_course(&elsewhere, None, &[], None, Changer::Administrator("x"), at(2)).await.unwrap(), Changed::NoCourse);
    }

    async fn a_course_keeps_an_owner(site: Site) {
        let store = course(&site, assignment(None)).await;
        let role = |who: &str, role| Change::Staff { person: person(who), role };
        let refused = Err(Refused::LastOwner { person: person("chan.tm") });
        assert_eq!(change(&store, &[role("chan.tm", None)]).await, refused);
        assert_eq!(change(&store, &[role("chan.tm", Some(Role::Teacher))]).await, refused);
        change(&store, &[role("wong.kl", Some(Role::Owner)), role("chan.tm", Some(Role::Assistant))]).await.unwrap();
        let staff = store.staff(&id()).await.unwrap();
        let roles: Vec<_> = staff.iter().map(|one| (one.person.as_str(), one.role)).collect();
        assert_eq!(roles, [("chan.tm", Role::Assistant), ("wong.kl", Role::Owner)]);
        assert_eq!(store.courses_of_staff(&person("wong.kl")).await.unwrap()[0].1, Role::Owner);
    }
}

on_each_database! {
    async fn the_role_at_the_moment_of_the_change_decides(site: Site) {
        let store = course(&site, assignment(Some(at(100)))).await;
        let (owner, teacher) = (person("chan.tm"), person("wong.kl"));
        let by = |who: PersonId, changes: Vec<Change>| {
            let store = &store;
            async move {
                let by = Changer::Person(&who, "5f0c");
                store.change_course(&id(), None, &changes, None, by, at(2)).await.unwrap()
            }
        };
        let role = |role| vec![Change::Staff { person: teacher.clone(), role }];
        let due = vec![Change::Assignment(assignment(Some(at(200))))];
        let refused = |standing, request| Changed::NotAllowed { number: 1, request, standing };
        for (given, outcome) in [
            (None, Some(refused(Standing::Stranger, Request::ChangeAssignments))),
            (Some(Role::Assistant), Some(refused(Standing::Staff(Role::Assistant), Request::ChangeAssignments))),
            (Some(Role::Teacher), None),
        ] {
            assert!(matches!(by(owner.clone(), role(given)).await, Changed::Yes { .. }));
            let changed = by(teacher.clone(), due.clone()).await;
            assert_eq!(matches!(changed, Changed::Yes { .. }), outcome.is_none(), "{given:?}");
            assert!(outcome.is_none_or(|outcome| outcome == changed));
        }
        // No change at all is asked for by strangers and assistants in vain, too.
        for (who, standing) in [("nobody", Standing::Stranger), ("looks.on", Standing::Staff(Role::Assistant))] {
            if standing != Standing::Stranger {
                let change = vec![Change::Staff { person: person(who), role: Some(Role::Assistant) }];
                assert!(matches!(by(owner.clone(), change).await, Changed::Yes { .. }));
            }
            let seen = store.course(&id()).await.unwrap();
            let changed = by(person(who), Vec::new()).await;
            let refused = Changed::NotAllowed { number: 0, request: Request::ChangeCourse, standing };
            assert_eq!(changed, refused);
            assert_eq!(store.course(&id()).await.unwrap(), seen);
        }
        let promoted = by(teacher.clone(), role(Some(Role::Owner))).await;
        assert_eq!(promoted, refused(Standing::Staff(Role::Teacher), Request::ChangeStaff));
    }
}
