//! Blackboard's audit log: old and new values in the transaction of the change, and whom an entry concerns.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use claim_core::{CourseId, PersonId, Sid};
use claim_course::{AssignmentPlan, Change, Enrolled, Role};
use claim_log::Frontier;
use claim_store::blackboard::audit::{
    AuditChain, AuditEntry, By, CourseEntry, Deed, Entry, EntryFilter, LOG, Pruning, WrongEntry,
};
use claim_store::blackboard::{
    AllowedOutage, BlackboardStore, Changed, Changer, Lodged, NewClaim, NewCourse,
};
use claim_store::cuhk;

use crate::claims::{assignment, claim, set_up};
use crate::site::{at, on_each_database};

async fn entries(store: &BlackboardStore) -> Vec<AuditEntry> {
    store.audit().entries(0, &EntryFilter::default(), 1000).await.unwrap()
}

async fn verify(store: &BlackboardStore) -> Result<u64, WrongEntry> {
    let mut chain = AuditChain::after(&LOG, Frontier::empty());
    for entry in entries(store).await {
        chain.take(&entry)?;
    }
    assert_eq!(chain.frontier(), &store.audit().head().await.unwrap().frontier);
    Ok(chain.frontier().size().value())
}

fn course(name: &str) -> CourseId {
    name.parse().unwrap()
}

fn sid(number: u32) -> Sid {
    format!("{number:010}").parse().unwrap()
}

fn person(number: u32) -> PersonId {
    sid(number).as_str().parse().unwrap()
}

on_each_database! {
    async fn a_due_time_that_changes_is_told_as_it_was_and_as_it_is(site: Site) {
        let store = site.blackboard().await.acting(By::administrator("ann"), || at(7));
        let lab = AssignmentPlan { due: Some(at(100)), ..assignment(None) };
        for due in [Some(at(100)), Some(at(200)), Some(at(200)), None] {
            set_up(&store, AssignmentPlan { due, ..lab.clone() }).await;
        }
        let told = entries(&store).await;
        let deeds: Vec<_> = told.iter().map(|entry| entry.deed.as_str()).collect();
        let recorded = "assignment-recorded";
        assert_eq!(deeds, ["log-begun", "course-recorded", recorded, recorded, recorded]);
        let reference = lab.reference().to_string();
        assert_eq!((told[3].subject.as_str(), told[3].actor.as_str(), told[3].at), (reference.as_str(), "ann", at(7)));
        let details = |at: usize| -> serde_json::Value { serde_json::from_str(&told[at].details).unwrap() };
        // The deed that it begins with is done by then.
        assert_eq!(details(0), serde_json::json!({ "assignments": 0, "claims": 0, "messages": 0 }));
        assert_eq!(details(2)["due"], serde_json::json!([null, at(100).to_string()]));
        assert_eq!(details(3), serde_json::json!({
            "course": lab.course.as_str(), "assignment": lab.assignment.as_str(),
            "due": [at(100).to_string(), at(200).to_string()],
        }));
        assert_eq!(details(4)["due"], serde_json::json!([at(200).to_string(), null]));
        assert_eq!(verify(&store).await, Ok(5));
    }

    async fn what_concerns_a_student_is_theirs_and_everybodys_and_nobody_elses(site: Site) {
        let store = site.blackboard().await;
        let (iems, other) = (course("IEMS5710"), course("CSCI3150"));
        let everybody = |of: &CourseId| CourseEntry::new(Deed::AssignmentRecorded, of).concerns_everybody();
        let granted = |of: &CourseId, sids: &[Sid]| {
            CourseEntry::new(Deed::ExtensionGranted, of)
                .about("g1")
                .by(By::certificate("lecturer", "5f0c"))
                .changed("due", at(1).to_string(), at(2).to_string())
                .with("reason", "ill")
                .concerns_all_of(sids)
        };
        let own = CourseEntry::new(Deed::StaffRecorded, &iems).concerns_person(&"lecturer".parse().unwrap());
        store
            .audit()
            .record(&[
                everybody(&iems).into(),
                granted(&iems, &[sid(1), sid(2), sid(1)]).into(),
                granted(&other, &[sid(1)]).into(),
                everybody(&other).into(),
                CourseEntry::new(Deed::RosterImported, &iems).with("added", 2000).into(),
                own.into(),
            ])
            .await
            .unwrap();
        let allowed = AllowedOutage { reason: "power".to_owned(), at: at(9) };
        store.allow_outage(at(1), at(2), &allowed).await.unwrap();
        let concerning = async |course: &CourseId, person: &PersonId, after, limit| -> Vec<u64> {
            let page = store.audit_concerning(course, person, after, limit).await.unwrap();
            page.into_iter().map(|entry| entry.number).collect()
        };
        // 1 is the log's beginning; 8 is the outage.
        assert_eq!(concerning(&iems, &person(1), 0, 10).await, [2, 3, 8]);
        assert_eq!(concerning(&iems, &person(3), 0, 10).await, [2, 8]);
        assert_eq!(concerning(&other, &person(1), 0, 10).await, [4, 5, 8]);
        assert_eq!(concerning(&iems, &"lecturer".parse().unwrap(), 0, 10).await, [2, 7, 8]);
        assert_eq!(concerning(&course("NONE"), &person(1), 0, 10).await, [8]);
        // Page by page.
        assert_eq!(concerning(&iems, &person(1), 0, 2).await, [2, 3]);
        assert_eq!(concerning(&iems, &person(1), 3, 2).await, [8]);
        let about = async |person: &PersonId| -> Vec<u64> {
            let page = store.audit_about(person, 0, 10).await.unwrap();
            page.into_iter().map(|entry| entry.number).collect()
        };
        assert_eq!(about(&person(1)).await, [2, 3, 4, 5, 8]);
        assert_eq!(about(&person(2)).await, [2, 3, 8]);
        assert_eq!(about(&person(3)).await, [8]);
        let extension = store.audit_concerning(&iems, &person(2), 2, 1).await.unwrap().remove(0);
        assert_eq!((extension.actor.as_str(), extension.credential.as_str()), ("lecturer", "5f0c"));
        assert!(extension.details.contains(r#""reason":"ill""#), "{}", extension.details);
        assert_eq!(verify(&store).await, Ok(8));

        // Who was concerned goes out with the entries.
        let head = store.audit().head().await.unwrap();
        let entry = Entry::new(Deed::Pruned);
        let pruning = Pruning { before: head.pruned, after: head.frontier, entry };
        assert!(store.audit().prune(&pruning).await.unwrap());
        assert!(!store.audit().prune(&pruning).await.unwrap(), "others were first");
        assert_eq!(concerning(&iems, &person(1), 0, 10).await, [0; 0]);
        let mut connection = site.connection().await;
        let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM audit_concerns").fetch_one(&mut connection).await.unwrap();
        assert_eq!(left, 0);
    }

    async fn what_staff_hands_in_for_a_student_is_told_once_and_only_where_it_is_lodged(site: Site) {
        let store = site.blackboard().await;
        set_up(&store, assignment(Some(at(100)))).await;
        let teacher: PersonId = "chan.tm".parse().unwrap();
        let change = [Change::Staff { person: teacher.clone(), role: Some(Role::Teacher) }];
        let by = Changer::Administrator("ann");
        let changed = store.change_course(&course("IEMS5710"), None, &change, None, by, at(1)).await.unwrap();
        assert!(matches!(changed, Changed::Yes { .. }), "{changed:?}");
        let told = async || entries(&store).await.into_iter().filter(|entry| entry.deed == "handed-in-on-behalf").collect::<Vec<_>>();
        let ill = Some("ill".to_owned());
        let new = NewClaim { person: teacher, note: ill, ..claim("a", at(7), None) };
        let wrong_due = NewClaim { due: None, ..new.clone() };
        assert!(matches!(store.lodge(wrong_due).await.unwrap(), Lodged::DueChanged { .. }));
        assert_eq!(told().await, []);
        assert!(matches!(store.lodge(new.clone()).await.unwrap(), Lodged::First(_)));
        assert!(matches!(store.lodge(new.clone()).await.unwrap(), Lodged::Repeat(_)));
        let own = claim("b", at(8), Some(new.id));
        assert!(matches!(store.lodge(own).await.unwrap(), Lodged::First(_)));
        let [entry] = &told().await[..] else { panic!("others") };
        assert_eq!((entry.actor.as_str(), entry.credential.as_str(), entry.at), ("chan.tm", "5f0c", at(7)));
        let details: serde_json::Value = serde_json::from_str(&entry.details).unwrap();
        assert_eq!(details, serde_json::json!({
            "course": "IEMS5710", "assignment": "lab1", "claim": new.id.to_string(),
            "lodged_at": at(7).to_string(), "sids": ["1155123456"], "reason": "ill",
        }));
        let concerned = store.audit_concerning(&course("IEMS5710"), &"1155123456".parse().unwrap(), 0, 100).await.unwrap();
        assert!(concerned.contains(entry));
        verify(&store).await.unwrap();
    }

    async fn a_student_is_told_of_a_course_while_it_is_theirs_and_of_assignments_that_are_seen(site: Site) {
        let store = site.blackboard().await.acting(By::administrator("ann"), || at(7));
        let iems = course("IEMS5710");
        let new = NewCourse { course: iems.clone(), title: "T".to_owned(), zone: "UTC".parse().unwrap(), open: false };
        assert!(store.add_course(&new, Some(&"chan.tm".parse().unwrap()), at(1)).await.unwrap());
        let change = async |changes: &[Change]| {
            let changed = store.change_course(&iems, None, changes, None, Changer::Administrator("ann"), at(7)).await;
            assert!(matches!(changed.unwrap(), Changed::Yes { .. }));
        };
        let enrolled = |number| Enrolled { sid: sid(number), name: String::new(), email: String::new(), extra: vec![] };
        change(&[Change::Members { members: vec![enrolled(1), enrolled(2)] }]).await;
        change(&[Change::Assignment(AssignmentPlan { visible_from: Some(at(50)), ..assignment(Some(at(100))) })]).await;
        let told = async |who: &PersonId, now| -> Vec<String> {
            let told = store.audit_for(who, at(now), 0, 10).await.unwrap();
            told.into_iter().map(|entry| entry.deed).collect()
        };
        let early = ["course-recorded", "member-added"];
        assert_eq!(told(&person(1), 49).await, early);
        let all = ["course-recorded", "member-added", "assignment-recorded"];
        assert_eq!(told(&person(1), 50).await, all);
        assert_eq!(told(&person(3), 50).await, [""; 0]);
        assert_eq!(told(&"chan.tm".parse().unwrap(), 50).await, ["staff-recorded"]);
        change(&[Change::Drop { sids: vec![sid(1)] }]).await;
        assert_eq!(told(&person(1), 50).await, ["member-added", "member-dropped"]);
        assert_eq!(told(&person(2), 50).await, all);
        change(&[Change::Course { title: "T".to_owned(), zone: "UTC".parse().unwrap(), open: true }]).await;
        assert_eq!(told(&person(3), 50).await, ["course-recorded", "assignment-recorded", "course-recorded"]);
        assert_eq!(told(&"other.x".parse().unwrap(), 50).await, [""; 0]);
        // Staff sees all of it, part by part, and nothing of another course.
        let first = store.audit_of_course(&iems, 0, 2).await.unwrap();
        let rest = store.audit_of_course(&iems, first[1].number, 10).await.unwrap();
        assert_eq!((first.len(), rest.len()), (2, 5));
        assert!(store.audit_of_course(&course("OTHER"), 0, 10).await.unwrap().is_empty());
    }

    async fn what_fails_leaves_neither_change_nor_entry(site: Site) {
        let store = site.blackboard().await;
        let inbox = NewCourse {
            course: course("IEMS5710"),
            title: "a\0b".to_owned(),
            zone: "UTC".parse().unwrap(),
            open: true,
        };
        let named = |title: &str| NewCourse { title: title.to_owned(), ..inbox.clone() };
        // PostgreSQL's text cannot hold the character; whatever a change says is looked at before.
        let changes = [Change::Assignment(AssignmentPlan { title: "a\0b".to_owned(), ..assignment(None) })];
        let by = Changer::Administrator("ann");
        let refused = store.change_course(&inbox.course, None, &changes, None, by, at(1)).await.unwrap();
        assert_eq!(refused, Changed::NoCourse);
        assert_eq!(entries(&store).await, []);
        assert!(store.put_first_assignment(&named("Inbox"), &assignment(None)).await.unwrap());
        assert!(!store.put_first_assignment(&named("Inbox"), &assignment(None)).await.unwrap());
        let refused = store.change_course(&inbox.course, None, &changes, None, by, at(1)).await.unwrap();
        assert!(matches!(refused, Changed::Refused { number: 1, .. }), "{refused:?}");
        let told = entries(&store).await;
        assert_eq!((told.len(), told[1].authentication.as_str()), (3, "blackboard"));
    }

    async fn an_entry_of_the_one_log_is_none_of_the_other(site: Site) {
        let store = site.blackboard().await;
        store.audit().record(&[Entry::new(Deed::BackedUp)]).await.unwrap();
        let [begun, backed_up] = &entries(&store).await[..] else { panic!("others") };
        for entry in [begun, backed_up] {
            assert_eq!(entry.expected_leaf(&LOG), Some(entry.leaf));
            assert_ne!(entry.expected_leaf(&cuhk::audit::LOG), Some(entry.leaf));
        }
        let mut chain = AuditChain::after(&cuhk::audit::LOG, Frontier::empty());
        assert_eq!(chain.take(begun), Err(WrongEntry::Changed { number: 1 }));
    }
}

#[test]
fn each_deed_has_a_name_of_its_own() {
    for deed in Deed::ALL {
        assert_eq!(deed.name().parse::<Deed>().unwrap(), deed);
    }
    assert!("no-such".parse::<Deed>().is_err());
}
