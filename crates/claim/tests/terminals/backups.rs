//! Backup and restore, as OPERATIONS.md has it: made while the servers serve, restored elsewhere, and all goes on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::course::{Course, Folder, OTHER_SID, SID};
use crate::evidence::openssl;
use crate::invitations::{University, enroll};
use crate::program::{Done, Program};

/// The stock tool reads the list of sums, and agrees.
fn sums_agree(backup: &Path) -> bool {
    let mut check = Command::new("sha256sum");
    check.args(["--check", "--strict", "--quiet", "SHA256SUMS"]).current_dir(backup);
    check.status().unwrap().success()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A folder for the restored server, which has settings only.
pub(crate) fn elsewhere(settings: &Folder) -> Folder {
    let folder = Folder::new();
    folder.write("claim.toml", settings.read("claim.toml"));
    folder
}

/// Both servers ready for claims, and a student who has handed in once.
pub(crate) fn course() -> (Course, Program, Program) {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    course.enrol(SID);
    hand_in(&course, "first draft").expect(0);
    (course, cuhk, blackboard)
}

pub(crate) fn hand_in(course: &Course, content: &str) -> Done {
    course.folder.write("report.txt", content);
    let hand_in = || course.folder.run(&["student", "hand-in", "report.txt", "--yes"]);
    // The first revocation list may still be on its way.
    let done = (0..100).map(|_| hand_in()).find(|done| !done.err.contains("revocation list"));
    done.unwrap()
}

/// `blackboard restore` into another folder with the same settings, and serving from there.
fn blackboard_from(course: &Course, backup: &str) -> (Folder, Program) {
    let folder = elsewhere(&course.folder);
    let backup = course.folder.path(backup);
    let done = folder.run(&["blackboard", "restore", backup.to_str().unwrap()]).expect(0);
    assert!(done.out.starts_with("Every file is what was backed up."), "{}", done.out);
    let blackboard = folder.start(&["blackboard"]);
    blackboard.out.line("Blackboard listens on ");
    blackboard.out.line("Claims are taken: ");
    (folder, blackboard)
}

#[test]
fn a_blackboard_comes_back_elsewhere_with_all_that_it_had() {
    let (course, _cuhk, blackboard) = course();
    let receipt = fs::read(course.folder.path("inbox.receipt")).unwrap();
    let audit = ["log", "audit", &course.blackboard, "--receipt", "inbox.receipt"];
    course.folder.run(&audit).expect(0);
    // While it serves.
    let done = course.folder.run(&["blackboard", "backup", "safe", "--json"]).expect(0);
    assert_eq!(done.documents()[0]["missing"].as_array().unwrap().len(), 0);
    let backup = course.folder.path("safe");
    assert!(sums_agree(&backup));
    for (name, expected) in [
        ("", 0o700),
        ("objects", 0o700),
        ("blackboard.db", 0o600),
        ("blackboard.key", 0o600),
        ("log.key", 0o600),
        ("timestamp.key", 0o600),
        ("blackboard.cer", 0o644),
    ] {
        assert_eq!(mode(&backup.join(name)), expected, "{name}");
    }
    assert!(!backup.join("sealing.key").exists(), "it opens what is in the database");

    blackboard.signal("KILL");
    blackboard.end();
    fs::rename(course.folder.path("objects"), course.folder.path("lost")).unwrap();
    let (folder, _blackboard) = blackboard_from(&course, "safe");
    assert_eq!(mode(&folder.path("log.key")), 0o600);

    // The certificate from before opens a session; the claim from before is there with its files and its receipt.
    course.folder.run(&["student", "say", "back again"]).expect(0);
    course.folder.run(&["student", "fetch", "blackboard/inbox", "--out", "back"]).expect(0);
    assert_eq!(course.folder.read("back/inbox/report.txt"), "first draft");
    fs::rename(course.folder.path("inbox.receipt"), course.folder.path("kept")).unwrap();
    hand_in(&course, "first draft").expect(0);
    assert_eq!(fs::read(course.folder.path("inbox.receipt")).unwrap(), receipt);
    // Hand-ins go on, and the log is the one that was seen before.
    hand_in(&course, "second draft").expect(0);
    course.folder.run(&["verify", "inbox-2.receipt", "report.txt", "--root", "cuhk.cer"]).expect(0);
    let audited = course.folder.run(&audit).expect(0);
    assert!(audited.out.contains("the 2 before are unchanged"), "{}", audited.out);
}

#[test]
fn an_older_copy_never_begins_a_second_log() {
    let (course, _cuhk, blackboard) = course();
    course.folder.run(&["blackboard", "backup", "safe"]).expect(0);
    // After the backup the log grows, and the witness sees it.
    hand_in(&course, "second draft").expect(0);
    blackboard.signal("KILL");
    blackboard.end();
    let (folder, blackboard) = blackboard_from(&course, "safe");
    blackboard.err.shows("THE LOG IS STOPPED: the witness ");
    blackboard.err.shows("has cosigned 4 entries of it, and the records here have 2");

    refused_and_stamped(&course);
    // What was there before the backup is there: the claim, and its receipt.
    fs::rename(course.folder.path("inbox.receipt"), course.folder.path("kept")).unwrap();
    hand_in(&course, "first draft").expect(0);
    course.folder.run(&["verify", "inbox.receipt", "report.txt", "--root", "cuhk.cer"]).expect(0);
    let audit = ["log", "audit", &course.blackboard, "--receipt", "kept", "--state", "anew"];
    let audited = course.folder.run(&audit).expect(0);
    assert!(audited.out.contains("2 entries"), "{}", audited.out);
    // Also when it is started again.
    blackboard.stop();
    let blackboard = folder.start(&["blackboard"]);
    blackboard.err.shows("THE LOG IS STOPPED: the witness ");
    refused_and_stamped(&course);
}

/// Blackboard says what is wrong with it; CUHK stamps the claim for the time when its people have put it right.
pub(crate) fn refused_and_stamped(course: &Course) {
    course.folder.write("report.txt", "third draft");
    let done = course.folder.run(&["student", "hand-in", "report.txt", "--yes", "--no-wait"]);
    let said = ["the claim was not lodged: Blackboard cannot do it now", "records are older than"];
    let done = done.explains(3, &said);
    assert!(done.out.contains("Blackboard takes no claims at present"), "{}", done.out);
    assert!(!done.err.contains("nobody knows"), "{}", done.err);
    let pending = done.out.split_once("keep inbox").unwrap().1.split_once(',').unwrap().0;
    std::fs::remove_file(course.folder.path(&format!("inbox{pending}"))).unwrap();
}

#[test]
fn what_was_lost_before_is_told_at_the_backup() {
    let (course, _cuhk, _blackboard) = course();
    let claims = course.folder.path("objects/claims");
    let shard = fs::read_dir(&claims).unwrap().next().unwrap().unwrap().path();
    let piece = fs::read_dir(shard).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&piece).unwrap();
    let name = piece.file_name().unwrap().to_str().unwrap();
    let done = course.folder.run(&["blackboard", "backup", "safe"]);
    done.explains(1, &["1 files that the records name are missing", name]);
    // The rest of it is a backup all the same.
    let folder = elsewhere(&course.folder);
    let backup = course.folder.path("safe");
    folder.run(&["blackboard", "restore", backup.to_str().unwrap()]).explains(1, &[name]);
    assert!(folder.has("blackboard.db") && !folder.has("restore.unfinished"));
}

#[test]
fn a_restored_cuhk_voids_open_codes_and_takes_a_new_witness_key() {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    let enrolled = Folder::new();
    enroll(&enrolled, &university.invite(&["--sid", SID])).expect(0);
    let [spent_later, never_spent] = [0, 1].map(|_| university.invite(&["--sid", OTHER_SID]));
    university.cuhk.run(&["cuhk", "backup", "safe"]).expect(0);
    let backup = university.cuhk.path("safe");
    assert!(sums_agree(&backup));
    assert_eq!(mode(&backup.join("cuhk.key")), 0o600);
    assert!(!backup.join("cuhk-witness.key").exists());
    enroll(&Folder::new(), &spent_later).expect(0);
    // Lists that are made after the backup must not pass for newer than those of the restored one.
    university.cuhk.run(&["cuhk", "revoke", "--sid", OTHER_SID]).expect(0);
    let newest = list_number(&university.cuhk);
    let witness = university.cuhk.read("cuhk-witness.cer");
    cuhk.signal("KILL");
    cuhk.end();

    let folder = elsewhere(&university.cuhk);
    let done = folder.run(&["cuhk", "restore", backup.to_str().unwrap(), "--json"]).expect(0);
    assert_eq!(done.documents()[0]["voided_codes"], 2);
    let cuhk = folder.start(&["cuhk"]);
    cuhk.out.line("CUHK listens on ");
    assert_eq!(folder.read("cuhk.cer"), university.cuhk.read("cuhk.cer"));
    for code in [&spent_later, &never_spent] {
        enroll(&Folder::new(), code).explains(1, &["CUHK refused", "expired"]);
    }
    assert_ne!(folder.read("cuhk-witness.cer"), witness);
    assert!(list_number(&folder) > newest);
    // Whoever had a certificate has it still; new people are invited.
    enrolled.run(&["student", "renew", "--cuhk", &university.cuhk_url]).expect(0);
    let invited = folder.run(&["cuhk", "invite", "--sid", OTHER_SID]).expect(0).out;
    enroll(&Folder::new(), &invited).expect(0);
}

/// The highest number of a revocation list that lies in CUHK's folder.
fn list_number(cuhk: &Folder) -> u64 {
    let lists = fs::read_dir(cuhk.path("crl")).unwrap();
    let number = |path: &Path| {
        let asked = ["crl", "-in", path.to_str().unwrap(), "-inform", "DER", "-noout"];
        let said = openssl(cuhk, &[&asked[..], &["-crlnumber"]].concat());
        let digits = said.trim().rsplit(['=', 'x']).next().unwrap().to_owned();
        u64::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("{said}"))
    };
    lists.map(|list| number(&list.unwrap().path())).max().unwrap()
}

#[test]
fn a_cuhk_and_its_blackboard_come_back_together() {
    let (course, cuhk, blackboard) = course();
    let safe = ["safe-cuhk", "safe-blackboard"].map(|name| course.folder.path(name));
    // Blackboard first: CUHK's copy may know more of its log, never less.
    course.folder.run(&["blackboard", "backup", "safe-blackboard"]).expect(0);
    course.folder.run(&["cuhk", "backup", "safe-cuhk"]).expect(0);
    for server in [blackboard, cuhk] {
        server.signal("KILL");
        server.end();
    }
    let restored = [elsewhere(&course.folder), elsewhere(&course.folder)];
    restored[0].run(&["cuhk", "restore", safe[0].to_str().unwrap()]).expect(0);
    restored[1].run(&["blackboard", "restore", safe[1].to_str().unwrap()]).expect(0);
    let cuhk = restored[0].start(&["cuhk"]);
    cuhk.out.line("CUHK listens on ");
    let blackboard = restored[1].start(&["blackboard"]);
    blackboard.out.line("Claims are taken: ");

    let verify = ["verify", "inbox.receipt", "report.txt", "--root", "cuhk.cer"];
    course.folder.run(&verify).expect(0);
    // Made anew, with the cosignature of the witness from before.
    fs::rename(course.folder.path("inbox.receipt"), course.folder.path("kept")).unwrap();
    hand_in(&course, "first draft").expect(0);
    course.folder.run(&verify).expect(0);
    course.folder.run(&["student", "say", "back again"]).expect(0);
    hand_in(&course, "second draft").expect(0);
    course.folder.run(&["verify", "inbox-2.receipt", "report.txt", "--root", "cuhk.cer"]).expect(0);
}

#[test]
fn a_backup_that_is_not_whole_is_not_restored() {
    let course = Course::new();
    let _cuhk = course.cuhk();
    course.folder.run(&["cuhk", "backup", "safe"]).expect(0);
    let backup = course.folder.path("safe");
    let restore = |folder: &Folder| folder.run(&["cuhk", "restore", backup.to_str().unwrap()]);
    let untouched = |folder: &Folder| folder.names() == ["claim.toml"];

    let folder = elsewhere(&course.folder);
    let key = fs::read(backup.join("cuhk.key")).unwrap();
    let mut damaged = key.clone();
    damaged[40] ^= 1;
    fs::write(backup.join("cuhk.key"), &damaged).unwrap();
    restore(&folder).explains(1, &["cuhk.key", "is not what was backed up"]);
    fs::remove_file(backup.join("cuhk.key")).unwrap();
    restore(&folder).explains(1, &["cuhk.key", "does not exist"]);
    fs::write(backup.join("cuhk.key"), &key).unwrap();
    let sums = fs::read_to_string(backup.join("SHA256SUMS")).unwrap();
    for (wrong, said) in [
        (sums.replace("  cuhk.key", "  ../cuhk.key"), "is not a sum and a name"),
        (sums.replace("  cuhk.db", "  other.db"), "it is of another server"),
    ] {
        fs::write(backup.join("SHA256SUMS"), wrong).unwrap();
        restore(&folder).explains(1, &[said]);
    }
    fs::remove_file(backup.join("SHA256SUMS")).unwrap();
    restore(&folder).explains(1, &["this is no backup, or one that was not finished"]);
    assert!(untouched(&folder), "{:?}", folder.names());

    fs::write(backup.join("SHA256SUMS"), sums).unwrap();
    folder
        .run(&["blackboard", "restore", backup.to_str().unwrap()])
        .explains(1, &["no blackboard.db"]);
    folder.write("cuhk.cer", "what was here");
    restore(&folder).explains(1, &["is not empty: it has \"cuhk.cer\""]);
    assert_eq!(folder.read("cuhk.cer"), "what was here");
    course.folder.run(&["cuhk", "backup", "safe"]).explains(1, &["is not empty"]);
}

#[test]
fn what_was_restored_in_part_does_not_serve() {
    let course = Course::new();
    course.folder.write("restore.unfinished", "");
    for server in ["cuhk", "blackboard"] {
        let refused = course.folder.run(&[server]);
        refused.explains(1, &["a backup was not restored to its end"]);
    }
}

#[test]
fn records_on_a_database_server_are_refused_with_what_to_do() {
    let course = Course::new();
    let _cuhk = course.cuhk();
    let database = "--database=postgres://localhost/cuhk";
    for command in [["cuhk", "backup", "safe", database], ["cuhk", "restore", "safe", database]] {
        let done = course.folder.run(&command).expect(1);
        assert!(!course.folder.has("safe/cuhk.key"), "{done:?}");
    }
    let done = course.folder.run(&["cuhk", "backup", "safe2", database]);
    let done = done.explains(1, &["PostgreSQL"]);
    assert!(done.err.contains("pg_dump"), "{}", done.err);
}
