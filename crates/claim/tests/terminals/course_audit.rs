//! Blackboard's audit log as the people who run it look at it: what was changed in a course, by whom, and that nobody can
//! change that unnoticed.

use std::fs;

use serde_json::Value;

use crate::course::{Course, Folder, SID};
use crate::doctor::sql;

/// A Blackboard with an assignment whose due time was changed, and with an outage, which has stopped.
fn changed() -> Course {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    for due in ["2026-11-24 23:59", "2026-11-25 23:59"] {
        let add = ["assignment", "add", "IEMS5710/lab1", "--due", due, "--zone", "Asia/Hong_Kong"];
        run(&course.folder, &add).expect(0);
    }
    let allow = ["outage", "allow", "--since", "2026-11-20 10:00", "--until", "2026-11-20 10:30"];
    run(&course.folder, &[&allow[..], &["--zone", "UTC", "--reason", "power"]].concat()).expect(0);
    blackboard.stop();
    cuhk.stop();
    course
}

fn run(folder: &Folder, arguments: &[&str]) -> crate::program::Done {
    folder.run(&[&["blackboard"], arguments].concat())
}

fn entries(folder: &Folder, arguments: &[&str]) -> Vec<Value> {
    run(folder, &[&["audit", "list", "--json"], arguments].concat()).expect(0).documents()
}

fn deeds(entries: &[Value]) -> Vec<&str> {
    entries.iter().map(|entry| entry["deed"].as_str().unwrap()).collect()
}

#[test]
fn every_change_of_a_course_is_told_and_no_entry_is_changed_unnoticed() {
    let course = changed();
    let folder = &course.folder;
    // The first checkpoint makes the key, at the latest now.
    folder.write("kept.checkpoint", run(folder, &["audit", "checkpoint"]).expect(0).out);
    let all = entries(folder, &[]);
    let first = ["log-begun", "course-recorded", "assignment-recorded", "started"];
    assert_eq!(deeds(&all)[..4], first);
    assert!(deeds(&all).contains(&"audit-key-made"), "{:?}", deeds(&all));
    assert_eq!(all[3]["details"]["settings"]["origin"], course.blackboard);
    let recorded = entries(folder, &["--deed", "assignment-recorded"]);
    let last = recorded.last().unwrap();
    assert_eq!(last["authentication"], "administrator");
    assert_eq!(
        last["details"],
        serde_json::json!({
            "course": "IEMS5710", "assignment": "lab1",
            "due": ["2026-11-24T15:59:59.999Z", "2026-11-25T15:59:59.999Z"],
        })
    );

    // What concerns one student: the outage in any case, a course's due times where it is theirs.
    assert_eq!(deeds(&entries(folder, &["--about", SID])), ["outage-allowed"]);
    assert_eq!(
        deeds(&entries(folder, &["--about", SID, "--course", "IEMS5710"])),
        ["course-recorded", "assignment-recorded", "assignment-recorded", "outage-allowed"]
    );
    run(folder, &["audit", "list", "--course", "IEMS5710"]).expect(2);

    let authority = course.blackboard.strip_prefix("https://").unwrap();
    assert!(folder.read("kept.checkpoint").starts_with(&format!("{authority}/audit\n")));
    let verify = |more: &[&str]| run(folder, &[&["audit", "verify"], more].concat());
    let done = verify(&["--checkpoint", "kept.checkpoint"]).expect(0);
    assert!(done.out.contains("kept.checkpoint agrees: entries 1 to "), "{}", done.out);
    verify(&[
        "--checkpoint",
        "kept.checkpoint",
        "--key",
        folder.read("blackboard-audit.vkey").trim(),
    ])
    .expect(0);
    let (database, untouched) = (folder.path("blackboard.db"), folder.path("untouched.db"));
    fs::copy(&database, &untouched).unwrap();
    let number = last["number"].as_u64().unwrap();
    for (change, number) in [
        (format!("UPDATE audit_entries SET actor = 'eve' WHERE number = {number}"), number),
        (
            format!(
                "UPDATE audit_entries SET details = replace(details, '11-25', '11-26') WHERE number = {number}"
            ),
            number,
        ),
        (format!("DELETE FROM audit_entries WHERE number = {number}"), number),
    ] {
        sql(&database, &change);
        let found = verify(&[]).explains(4, &[&format!("the first wrong entry is {number}: ")]);
        assert!(found.err.contains("Stop Blackboard"), "{change}: {}", found.err);
        fs::copy(&untouched, &database).unwrap();
    }
    folder.write("none.checkpoint", "none");
    verify(&["--checkpoint", "none.checkpoint"])
        .explains(1, &["is not a checkpoint", "claim blackboard audit checkpoint"]);
}

#[test]
fn old_entries_of_a_course_go_into_an_archive_and_a_restore_is_told() {
    let course = changed();
    let folder = &course.folder;
    folder.write("before.checkpoint", run(folder, &["audit", "checkpoint"]).expect(0).out);
    run(folder, &["backup", "safe"]).expect(0);
    assert_eq!(deeds(&entries(folder, &["--deed", "backed-up"])), ["backed-up"]);
    let restored = crate::backups::elsewhere(folder);
    run(&restored, &["restore", folder.path("safe").to_str().unwrap()]).expect(0);
    assert_eq!(deeds(&entries(&restored, &["--deed", "restored"])), ["restored"]);
    assert_eq!(restored.read("blackboard-audit.vkey"), folder.read("blackboard-audit.vkey"));
    run(&restored, &["audit", "verify"]).expect(0);

    let prune = ["audit", "prune", "--before", "2099-01-01", "--archive", "old.archive"];
    run(folder, &prune).explains(1, &["Nothing was moved."]);
    let prune = [&prune[..], &["--yes"]].concat();
    let done = run(folder, &prune).expect(0).out;
    assert!(done.starts_with("Entries 1 to ") && !done.contains("certificates"), "{done}");
    assert_eq!(deeds(&entries(folder, &[])), ["pruned"]);
    assert_eq!(entries(folder, &["--about", SID]), [Value::Null; 0]);
    run(folder, &prune).explains(1, &["exists"]);
    let verify = ["audit", "verify", "--checkpoint", "before.checkpoint"];
    let done = run(folder, &verify).expect(0);
    assert!(done.out.contains("stand in archives"), "{}", done.out);
    let done = run(folder, &[&verify[..], &["--archive", "old.archive"]].concat()).expect(0);
    assert!(done.out.contains("before.checkpoint agrees"), "{}", done.out);
    // A log that was pruned goes on.
    let (cuhk, blackboard) = course.servers();
    blackboard.stop();
    cuhk.stop();
    run(folder, &["audit", "verify", "--archive", "old.archive"]).expect(0);
    assert!(deeds(&entries(folder, &[])).contains(&"started"));
}
