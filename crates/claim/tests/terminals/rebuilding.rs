//! A Blackboard that was restored from an older backup: its log comes back from a mirror, and goes on as one history.

use std::fs;
use std::process::Command;

use crate::backups::{course, elsewhere, hand_in};
use crate::course::{Course, Folder};
use crate::program::{Done, Program};

/// Reads the whole log, by a receipt and what was seen before, and keeps its files.
fn audit(course: &Course, mirror: &str) -> Done {
    let audit = ["log", "audit", &course.blackboard, "--receipt", "inbox.receipt"];
    course.folder.run(&[&audit[..], &["--mirror", mirror]].concat())
}

/// The same folder once more, to be changed.
fn copy(course: &Course, from: &str, to: &str) {
    let mut copy = Command::new("cp");
    copy.args(["-r", from, to]).current_dir(course.folder.path("."));
    assert!(copy.status().unwrap().success());
}

/// `log rebuild` of a restored Blackboard, from a mirror that lies in the course's folder.
fn rebuild(restored: &Folder, course: &Course, mirror: &str) -> Done {
    let mirror = course.folder.path(mirror);
    restored.run(&["blackboard", "log", "rebuild", mirror.to_str().unwrap()])
}

/// A claim before the backup `safe`, two after it, and mirrors of the log with two, four and six entries.
fn behind() -> (Course, Program, Folder) {
    let (course, cuhk, blackboard) = course();
    course.folder.run(&["blackboard", "backup", "safe"]).expect(0);
    let done = audit(&course, "mirror-2").expect(0);
    assert!(done.out.contains("Mirrored in "), "{}", done.out);
    hand_in(&course, "second draft").expect(0);
    audit(&course, "mirror-4").expect(0);
    hand_in(&course, "third draft").expect(0);
    // The same folder again: what it has stays, and what is new is added.
    copy(&course, "mirror-4", "mirror-6");
    audit(&course, "mirror-6").expect(0);
    blackboard.signal("KILL");
    blackboard.end();
    let folder = elsewhere(&course.folder);
    let backup = course.folder.path("safe");
    let done = folder.run(&["blackboard", "restore", backup.to_str().unwrap()]).expect(0);
    assert!(done.out.contains("claim blackboard log rebuild"), "{}", done.out);
    (course, cuhk, folder)
}

fn verified(course: &Course, receipt: &str) {
    course.folder.run(&["verify", receipt, "--root", "cuhk.cer"]).expect(0);
}

#[test]
fn a_log_comes_back_from_a_mirror_and_goes_on_as_one_history() {
    let (course, _cuhk, folder) = behind();
    let done = rebuild(&folder, &course, "mirror-6").expect(0);
    for words in [
        "The log has 6 entries again, 4 of them from ",
        "there is only the log: 2. Their students have receipts",
        "has cosigned that tree",
    ] {
        assert!(done.out.contains(words), "{words}: {}", done.out);
    }
    // Once more, before the start: there is nothing left to do.
    let done = rebuild(&folder, &course, "mirror-6").expect(0);
    assert!(done.out.starts_with("The log lacks nothing that "), "{}", done.out);

    let blackboard = folder.start(&["blackboard"]);
    blackboard.out.line("Claims are taken: ");
    // The same files again are a claim of their own, after those of which there is only the log.
    hand_in(&course, "third draft").expect(0);
    for receipt in ["inbox.receipt", "inbox-2.receipt", "inbox-3.receipt", "inbox-4.receipt"] {
        verified(&course, receipt);
    }
    let done = audit(&course, "mirror-6").expect(0);
    let grown = "It has grown by 2 entries since last time; the 6 before are unchanged.";
    assert!(done.out.contains(grown), "{}", done.out);
    // By what a student has who handed in between backup and loss, and who never saw the log again.
    let audit = ["log", "audit", &course.blackboard, "--receipt", "inbox-3.receipt"];
    course.folder.run(&[&audit[..], &["--state", "anew.audit"]].concat()).expect(0);
    assert!(!blackboard.err.text().contains("THE LOG IS STOPPED"), "{}", blackboard.err.text());
    blackboard.stop();
    let done = rebuild(&folder, &course, "mirror-6").expect(0);
    assert!(done.out.starts_with("The log lacks nothing that "), "{}", done.out);
}

#[test]
fn no_mirror_is_believed() {
    let (course, cuhk, folder) = behind();
    let blackboard = folder.start(&["blackboard"]);
    blackboard.err.shows("THE LOG IS STOPPED: the witness ");
    blackboard.err.shows("claim blackboard log rebuild");
    let refused = rebuild(&folder, &course, "mirror-6");
    refused.explains(1, &["another Blackboard works with the folder"]);
    blackboard.stop();
    let records = fs::read(folder.path("blackboard.db")).unwrap();

    // Older than what the witness has cosigned: as old as the records, or not old enough.
    for (mirror, entries) in [("mirror-2", 2), ("mirror-4", 4)] {
        let behind = format!("the mirror has {entries} entries, and the witness ");
        let said = [behind.as_str(), "has cosigned 6: the mirror is behind, too"];
        rebuild(&folder, &course, mirror).explains(1, &said);
    }
    edited(&course, &folder);
    incomplete(&course, &folder);

    // One of another log, and none at all.
    let (other, _servers) = other_log();
    let refused = rebuild(&folder, &other, "mirror-2");
    refused.explains(4, &["the checkpoint is not by ", "/log"]);
    fs::create_dir(course.folder.path("nothing")).unwrap();
    rebuild(&folder, &course, "nothing").explains(4, &["has no checkpoint"]);
    let nonsense = ["blackboard", "log", "rebuild", "ftp://localhost/log"];
    folder.run(&nonsense).explains(2, &["neither a folder nor an address"]);
    let nobody = ["blackboard", "log", "rebuild", "https://localhost:1/log"];
    folder.run(&nobody).explains(3, &["localhost:1"]);

    // Without a witness nobody can tell whether it is all.
    cuhk.stop();
    let refused = rebuild(&folder, &course, "mirror-6");
    refused.explains(3, &["no witness has cosigned the mirror's checkpoint", &course.cuhk]);
    assert_eq!(fs::read(folder.path("blackboard.db")).unwrap(), records, "nothing was changed");
}

/// Another course with a log of its own.
fn other_log() -> (Course, (Program, Program)) {
    let (course, cuhk, blackboard) = course();
    audit(&course, "mirror-2").expect(0);
    (course, (cuhk, blackboard))
}

fn edited(course: &Course, folder: &Folder) {
    copy(course, "mirror-6", "edited");
    let bundle = course.folder.path("edited/tile/entries/000.p/6");
    let genuine = fs::read(&bundle).unwrap();
    let word = genuine.windows(8).rposition(|octets| octets == b"received").unwrap();
    let mut changed = genuine.clone();
    changed[word..word + 8].copy_from_slice(b"rejected");
    fs::write(&bundle, &changed).unwrap();
    let said = ["the mirror is wrong: ", "entry 5 is not the one in its tile"];
    rebuild(folder, course, "edited").explains(4, &said);
    // Entries and tiles that agree, as somebody would forge them who has not the log's key.
    let tile = course.folder.path("edited/tile/0/000.p/6");
    let mut hashes = fs::read(&tile).unwrap();
    let leaf = claim_log::Entry::new(entry_at(&changed, 5)).unwrap().leaf_hash();
    hashes[5 * 32..].copy_from_slice(leaf.as_bytes());
    fs::write(&tile, &hashes).unwrap();
    let said = ["the mirror is wrong: ", "the checkpoint was signed over something else"];
    rebuild(folder, course, "edited").explains(4, &said);
    // A checkpoint that fits them, by nobody.
    fs::write(&bundle, &genuine).unwrap();
    let checkpoint = course.folder.path("edited/checkpoint");
    let forged = fs::read_to_string(&checkpoint).unwrap().replace("\n6\n", "\n5\n");
    fs::write(&checkpoint, forged).unwrap();
    rebuild(folder, course, "edited").explains(4, &["the checkpoint is not by "]);
}

/// The entry at this place of a bundle: each has its length before it, in two bytes.
fn entry_at(bundle: &[u8], place: usize) -> &[u8] {
    let mut rest = bundle;
    for _ in 0..place {
        let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        rest = &rest[2 + length..];
    }
    let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
    &rest[2..2 + length]
}

fn incomplete(course: &Course, folder: &Folder) {
    for name in ["tile/0/000.p/6", "tile/entries/000.p/6"] {
        copy(course, "mirror-6", "partial");
        // The narrower ones of before are there, and lead to no checkpoint of now.
        fs::remove_file(course.folder.path("partial").join(name)).unwrap();
        assert!(course.folder.path("partial").join(name.replace(".p/6", ".p/4")).exists());
        let missing = format!("{name} is missing");
        rebuild(folder, course, "partial").explains(4, &["the mirror is wrong: ", &missing]);
        fs::remove_dir_all(course.folder.path("partial")).unwrap();
    }
}

#[test]
fn what_was_withdrawn_after_the_backup_is_withdrawn_again() {
    let (course, _cuhk, blackboard) = course();
    course.folder.run(&["blackboard", "backup", "safe"]).expect(0);
    let claim = course.folder.run(&["student", "status", "--json"]).expect(0).documents();
    let claim = find_claim(&claim);
    course.folder.run(&["student", "withdraw", &claim, "--yes"]).expect(0);
    // While the one that has it all still serves, its log is a mirror like any other.
    let folder = elsewhere(&course.folder);
    let backup = course.folder.path("safe");
    folder.run(&["blackboard", "restore", backup.to_str().unwrap()]).expect(0);
    wait_for_entries(&course, 3);
    let log = format!("{}/log/", course.blackboard);
    let done = folder.run(&["blackboard", "log", "rebuild", &log, "--json"]).expect(0);
    let document = &done.documents()[0];
    assert_eq!(document["brought_back"], 1);
    assert_eq!(document["withdrawn_claims"], serde_json::json!([claim]));
    assert_eq!(document["lost_claims"], serde_json::json!([]));
    blackboard.signal("KILL");
    blackboard.end();

    let blackboard = folder.start(&["blackboard"]);
    blackboard.out.line("Claims are taken: ");
    let status = course.folder.run(&["student", "status"]).expect(0);
    assert!(status.out.contains("withdrawn"), "{}", status.out);
    hand_in(&course, "second draft").expect(0);
    verified(&course, "inbox-2.receipt");
    let audit = ["log", "audit", &course.blackboard, "--receipt", "inbox.receipt"];
    let done = course.folder.run(&audit).expect(0);
    assert!(done.out.contains("5 entries"), "{}", done.out);
}

/// Waits until the log has so many entries.
fn wait_for_entries(course: &Course, entries: u64) {
    let audit = ["log", "audit", &course.blackboard, "--receipt", "inbox.receipt", "--json"];
    let grown = |_| {
        let done = course.folder.run(&audit).expect(0);
        done.documents()[0]["entries"] == entries
    };
    assert!((0..200).any(grown), "the log does not grow to {entries}");
}

fn find_claim(documents: &[serde_json::Value]) -> String {
    let text = serde_json::to_string(documents).unwrap();
    let place = text.find("\"claim\":\"").unwrap_or_else(|| panic!("{text}")) + 9;
    text[place..place + 64].to_owned()
}
