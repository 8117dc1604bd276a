//! Retention: what is older than it is kept goes, the log and everybody's receipts stay; cut off, it goes on.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::backups::elsewhere;
use crate::course::{Course, Folder, SID};
use crate::doctor::sql;
use crate::program::{Done, Program};

const FILE: &str = "thesis of mine.txt";
const SAID: &str = "I shall be late";

/// As if everything had come two years before.
const AGED: &str = "UPDATE claims SET lodged_at = lodged_at - 63072000000, received_at = received_at - 63072000000; \
     UPDATE messages SET received_at = received_at - 63072000000";

/// Both servers, a student who handed in to two assignments two years ago and said something then.
fn course() -> (Course, Program, Program) {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    course.folder.run(&["blackboard", "assignment", "add", "IEMS5710/lab1"]).expect(0);
    course.enrol(SID);
    course.folder.write(FILE, "all of it");
    for assignment in ["blackboard/inbox", "IEMS5710/lab1"] {
        let arguments = ["student", "hand-in", FILE, "--to", assignment, "--yes"];
        // The first revocation list may still be on its way.
        let hand_in = || course.folder.run(&arguments);
        let done = (0..100).map(|_| hand_in()).find(|done| !done.err.contains("revocation list"));
        done.unwrap().expect(0);
    }
    course.folder.run(&["student", "say", SAID]).expect(0);
    sql(&course.folder.path("blackboard.db"), AGED);
    (course, cuhk, blackboard)
}

fn retention(folder: &Folder, more: &[&str]) -> Done {
    folder.run(&[&["blackboard", "retention", "--json", "--keep-days", "365"], more].concat())
}

/// The documents of this event.
fn events(done: &Done, event: &str) -> Vec<Value> {
    done.documents().into_iter().filter(|document| document["event"] == event).collect()
}

/// Whether these octets stand in a file of Blackboard's records, or of what was handed in.
fn lingers(folder: &Path, octets: &str) -> bool {
    let mut open = vec![folder.join("objects")];
    let mut files = vec![folder.join("blackboard.db")];
    files.extend(["wal", "shm"].map(|end| folder.join(format!("blackboard.db-{end}"))));
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { &mut open } else { &mut files }.push(path);
        }
    }
    let octets = octets.as_bytes();
    files
        .iter()
        .filter_map(|path| fs::read(path).ok())
        .any(|content| content.windows(octets.len()).any(|window| window == octets))
}

/// How many pieces of files there are.
fn pieces(folder: &Path) -> usize {
    let shards = fs::read_dir(folder.join("objects/claims")).unwrap();
    shards.map(|shard| fs::read_dir(shard.unwrap().path()).unwrap().count()).sum()
}

#[test]
fn what_is_old_goes_and_receipts_and_log_stay() {
    let (course, _cuhk, blackboard) = course();
    let (folder, dir) = (&course.folder, course.folder.path("."));
    let audit = ["log", "audit", &course.blackboard, "--receipt", "inbox.receipt"];
    folder.run(&audit).expect(0);

    // Without --apply nothing goes.
    let shown = retention(folder, &[]).expect(0);
    let old = events(&shown, "old");
    assert_eq!(old.iter().map(|one| &one["assignment"]).collect::<Vec<_>>(), ["lab1", "inbox"]);
    assert_eq!(
        (&old[1]["claims"], &old[1]["pieces"], &old[1]["file_bytes"]),
        (&1.into(), &1.into(), &9.into())
    );
    assert_eq!(events(&shown, "old-messages")[0]["messages"], 1);
    assert_eq!(events(&shown, "would-erase")[0]["claims"], 2);
    folder.run(&["student", "fetch", "blackboard/inbox", "--out", "before"]).expect(0);
    // What is younger than it is kept does not go either, nor what is held.
    let younger =
        folder.run(&["blackboard", "retention", "--keep-days", "1000", "--apply"]).expect(0);
    assert!(younger.out.contains("Erased: 0 claims"), "{}", younger.out);
    let erased = retention(folder, &["--hold", "IEMS5710", "--apply"]).expect(0);
    assert_eq!(events(&erased, "held")[0]["course"], "IEMS5710");
    let outcome = &events(&erased, "erased")[0];
    assert_eq!(
        (&outcome["claims"], &outcome["pieces"], &outcome["messages"]),
        (&1.into(), &1.into(), &1.into())
    );
    assert_eq!(outcome["scrubbed"], "whole");
    assert!(!lingers(&dir, SAID) && lingers(&dir, FILE) && lingers(&dir, SID));
    folder.run(&["student", "fetch", "IEMS5710/lab1", "--out", "held"]).expect(0);

    // The holder is told; what they kept proves what it proved, offline and against the log.
    let status = folder.run(&["student", "status"]).expect(0);
    assert!(status.out.contains("Blackboard erased its copy on"), "{}", status.out);
    assert!(!status.out.contains("IEMS5710/lab1  claim "), "{}", status.out);
    let receipts = folder.run(&["student", "receipts"]).expect(0);
    assert_eq!(
        receipts.out.matches("Blackboard erased its copy on").count(),
        1,
        "{}",
        receipts.out
    );
    folder.run(&["verify", "inbox.receipt", FILE, "--root", "cuhk.cer"]).expect(0);
    folder.run(&audit).expect(0);

    // With the last of it, the person is gone from every file, while Blackboard serves.
    retention(folder, &["--apply"]).expect(0);
    assert!(!lingers(&dir, SID) && !lingers(&dir, FILE), "something lingers");
    assert_eq!(pieces(&dir), 0);
    folder.run(&audit).expect(0);
    let audited = folder.run(&[&audit[..], &["--state", "anew"]].concat()).expect(0);
    assert!(audited.out.contains("4 entries"), "{}", audited.out);
    // Hand-ins go on from the beginning.
    folder.write(FILE, "another");
    folder.run(&["student", "hand-in", FILE, "--to", "blackboard/inbox", "--yes"]).expect(0);
    blackboard.stop();
    let again = course.blackboard();
    again.out.line("Claims are taken: ");
}

#[test]
fn what_was_cut_off_is_ended_and_is_in_no_backup() {
    let (course, _cuhk, blackboard) = course();
    blackboard.signal("KILL");
    blackboard.end();
    let folder = &course.folder;
    // A clock that is years ahead of the time at which Blackboard served last makes nothing old.
    let served = |change: &str| format!("UPDATE minute_marks SET last = last {change} 63072000000");
    sql(&folder.path("blackboard.db"), &served("-"));
    assert_eq!(events(&retention(folder, &[]).expect(0), "would-erase")[0]["claims"], 0);
    sql(&folder.path("blackboard.db"), &served("+"));
    // As it is when an erasure is killed after it has begun.
    let begun = "INSERT INTO erasures SELECT id, 1795737600000, 0 FROM claims WHERE course = 'blackboard'; \
         DELETE FROM claims WHERE course <> 'blackboard'; DELETE FROM messages; \
         DELETE FROM pieces WHERE claim NOT IN (SELECT id FROM claims); \
         DELETE FROM holders WHERE course <> 'blackboard'; \
         DELETE FROM claim_members WHERE course <> 'blackboard'";
    sql(&folder.path("blackboard.db"), begun);
    let told = retention(folder, &[]).expect(0);
    assert_eq!(events(&told, "under-way")[0]["claims"], 1);
    let backup = folder.run(&["blackboard", "backup", "safe", "--json"]).expect(0);
    assert_eq!(backup.documents()[0]["missing"].as_array().unwrap().len(), 0);
    let safe = folder.path("safe");
    assert!(!lingers(&safe, SID) && !lingers(&safe, FILE), "it is in the backup");
    // The other claim's piece, of which nothing is on record, is none of anybody's business.
    assert_eq!((pieces(&folder.path(".")), pieces(&safe)), (2, 1));

    // No rule is set: what has begun is ended all the same, and nothing else.
    let blackboard = course.blackboard();
    blackboard.out.shows("What is older than it is kept is gone. Erased: 1 claims");
    assert!(!lingers(&folder.path("."), SID) && !lingers(&folder.path("."), FILE));
    assert_eq!(pieces(&folder.path(".")), 1);
    let told = retention(folder, &[]).expect(0);
    assert!(events(&told, "under-way").is_empty());
}

#[test]
fn a_restored_blackboard_erases_again_what_it_had_erased() {
    let (course, _cuhk, blackboard) = course();
    let folder = &course.folder;
    folder.run(&["blackboard", "backup", "safe"]).expect(0);
    retention(folder, &["--apply"]).expect(0);
    blackboard.signal("KILL");
    blackboard.end();
    let backup = folder.path("safe");
    let restored = elsewhere(folder);
    let toml = restored.read("claim.toml");
    let kept = "[blackboard]\nkeep-days = 365\nhold = [\"IEMS5710/lab1\"]\n";
    restored.write("claim.toml", toml.replacen("[blackboard]\n", kept, 1));
    let done = restored.run(&["blackboard", "restore", backup.to_str().unwrap()]).expect(0);
    assert!(done.out.contains("What was erased after the backup is here again"), "{}", done.out);
    assert_eq!(pieces(&restored.path(".")), 2);

    let blackboard = restored.start(&["blackboard"]);
    blackboard.out.shows("What is older than it is kept is gone. Erased: 1 claims");
    assert_eq!(pieces(&restored.path(".")), 1);
    let status = folder.run(&["student", "status", "--json"]).expect(0);
    let erased: Vec<_> =
        status.documents().into_iter().filter(|one| one["state"] == "erased").collect();
    assert_eq!(erased.iter().map(|one| &one["assignment"]).collect::<Vec<_>>(), ["inbox"]);
    folder.run(&["student", "fetch", "IEMS5710/lab1"]).expect(0);
    // That something is erased is never said by a file alone.
    let toml = restored.read("claim.toml");
    restored.write(
        "claim.toml",
        toml.replacen("keep-days = 365\n", "keep-days = 365\napply = true\n", 1),
    );
    let refused = restored.run(&["blackboard", "retention"]);
    assert!(refused.err.contains("has no option \"apply\""), "{}", refused.err);
}

#[test]
fn a_period_that_is_too_short_is_refused() {
    let course = Course::new();
    for days in ["0", "29", "-1", "a year"] {
        let keep = format!("--keep-days={days}");
        let done = course.folder.run(&["blackboard", "retention", &keep]).expect(2);
        assert!(done.err.contains("keep-days"), "{}", done.err);
    }
    let done = course.folder.run(&["blackboard", "retention", "--keep-days", "30"]);
    done.explains(1, &["no Blackboard has been started in this folder"]);
}
