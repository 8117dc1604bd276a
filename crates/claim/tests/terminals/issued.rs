//! What was issued and done, and that nobody can change it unnoticed, as the people who run CUHK look at it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::course::{Folder, OTHER_SID, SID};
use crate::doctor::sql;
use crate::invitations::{University, enroll};

/// A CUHK at which one student has enrolled, another has tried a wrong code, and which has stopped.
fn university() -> University {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    let invitation = university.invite(&["--sid", SID]);
    enroll(&Folder::new(), &invitation).expect(0);
    let (before, after) = invitation.rsplit_once('/').unwrap();
    let wrong = format!("{before}/AQEBAQEBAQEBAQEBAQEBAQ#{}", after.rsplit_once('#').unwrap().1);
    let other = Folder::new();
    for _ in 0..3 {
        enroll(&other, &wrong).explains(1, &["code"]);
    }
    cuhk.stop();
    university
}

fn documents(folder: &Folder, arguments: &[&str]) -> Vec<Value> {
    let arguments = [&["cuhk"], arguments, &["--json"]].concat();
    folder.run(&arguments).expect(0).documents()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

#[test]
fn whoever_comes_new_finds_out_what_was_issued() {
    let university = university();
    let folder = &university.cuhk;
    let issued = documents(folder, &["list", "--profile", "person"]);
    let [one] = &issued[..] else { panic!("{issued:?}") };
    let (serial, month) = (text(one, "serial"), &text(one, "reserved_at")[..7]);
    assert_eq!((text(one, "holder"), text(one, "authentication")), (SID, "code"));

    // By whatever is known of it.
    let pairs: Vec<&str> = (0..serial.len()).step_by(2).map(|at| &serial[at..at + 2]).collect();
    let colons = pairs.join(":").to_uppercase();
    let python = format!("print(int('{serial}', 16))");
    let decimal = Command::new("python3").args(["-c", &python]).output().unwrap().stdout;
    let decimal = String::from_utf8(decimal).unwrap();
    for found in [
        vec!["search", SID],
        vec!["search", serial],
        vec!["search", &colons],
        vec!["search", decimal.trim()],
        vec!["search", text(one, "sha256")],
        vec!["list", "--issued", month, "--profile", "person", "--authentication", "code"],
        vec!["export", "--format", "json", "--holder", SID],
    ] {
        assert_eq!(documents(folder, &found), issued, "{found:?}");
    }
    assert_eq!(documents(folder, &["list", "--issued", "2020-05"]), [Value::Null; 0]);
    assert_eq!(documents(folder, &["search", OTHER_SID]), [Value::Null; 0]);
    let days = documents(folder, &["list", "--count", "day", "--profile", "person"]);
    assert_eq!(
        (days.len(), text(&days[0], "issued"), &days[0]["count"]),
        (1, &text(one, "reserved_at")[..10], &1.into())
    );

    let table =
        folder.run(&["cuhk", "export", "--format", "csv", "--profile", "person"]).expect(0).out;
    let lines: Vec<&str> = table.lines().collect();
    assert!(
        lines[0]
            .starts_with("serial,profile,holder,issued_at,not_before,not_after,sha256,key_sha256,"),
        "{table}"
    );
    assert_eq!((lines.len(), lines[1].split(',').nth(2)), (2, Some(SID)));
    folder.write(
        "all.pem",
        folder.run(&["cuhk", "export", "--format", "pem", "--holder", SID]).expect(0).out,
    );
    let arguments = ["x509", "-noout", "-fingerprint", "-sha256", "-in"];
    let mut openssl = Command::new("openssl");
    let read = openssl.args(arguments).arg(folder.path("all.pem")).output().unwrap().stdout;
    let read = String::from_utf8(read).unwrap().replace(':', "").to_lowercase();
    assert!(read.contains(text(one, "sha256")), "{read}");

    // What was done, and by whom.
    let shown = folder.run(&["cuhk", "show", SID]).expect(0).out;
    for said in ["enrolled", "invited", "issued", "by administrator ", &format!("by code {SID}")] {
        assert!(shown.contains(said), "{said:?} is not in:\n{shown}");
    }
    let shown = folder.run(&["cuhk", "show", &colons]).expect(0).out;
    assert!(shown.contains("BEGIN CERTIFICATE") && shown.contains("issued"), "{shown}");
    folder.run(&["cuhk", "show", OTHER_SID]).explains(1, &["nobody of this name"]);
    let entries = documents(folder, &["audit", "list"]);
    let deeds: Vec<&str> = entries.iter().map(|entry| text(entry, "deed")).collect();
    assert_eq!(deeds[..3], ["log-begun", "root-made", "issuing-made"]);
    for deed in ["started", "audit-key-made", "list-made", "invited", "issued", "refused"] {
        assert!(deeds.contains(&deed), "{deed} is not in {deeds:?}");
    }
    let refused = documents(folder, &["audit", "list", "--deed", "refused"]);
    let counted: u64 =
        refused.iter().map(|entry| entry["details"]["count"].as_u64().unwrap()).sum();
    assert_eq!((counted, text(&refused[0]["details"], "problem")), (3, "code-refused"));
    assert!(!format!("{entries:?}").contains("AQEBAQEB"), "a code is in the log");
    let started = documents(folder, &["audit", "list", "--deed", "started"]);
    assert_eq!(text(&started[0]["details"]["settings"], "origin"), university.cuhk_url);

    // Other settings are told at the next start.
    university.cuhk.start(&["cuhk", "--keep-free", "1"]).out.line("CUHK listens on ");
    let started = documents(folder, &["audit", "list", "--deed", "started"]);
    assert_eq!(
        started[1]["details"]["changed"],
        serde_json::json!({ "keep_free_bytes": ["default", "1048576"] })
    );
}

#[test]
fn no_entry_is_changed_unnoticed() {
    let university = university();
    let folder = &university.cuhk;
    let verify =
        |arguments: &[&str]| folder.run(&[&["cuhk", "audit", "verify"], arguments].concat());
    let checkpoint = || folder.run(&["cuhk", "audit", "checkpoint"]).expect(0).out;
    folder.write("first.checkpoint", checkpoint());
    fs::copy(folder.path("cuhk.db"), folder.path("earlier.db")).unwrap();
    university.invite(&["--sid", OTHER_SID]);
    folder.write("second.checkpoint", checkpoint());
    let done = verify(&["--checkpoint", "second.checkpoint", "--checkpoint", "first.checkpoint"])
        .expect(0);
    assert!(done.out.contains("first.checkpoint agrees: entries 1 to "), "{}", done.out);
    assert!(done.out.contains("second.checkpoint agrees: entries 1 to "), "{}", done.out);
    let (database, untouched) = (folder.path("cuhk.db"), folder.path("untouched.db"));
    fs::copy(&database, &untouched).unwrap();
    let last = documents(folder, &["audit", "list"]).last().unwrap()["number"].as_u64().unwrap();
    for (change, number) in [
        ("UPDATE audit_entries SET at = at + 1 WHERE number = 4", 4),
        ("UPDATE audit_entries SET subject = '1155000000' WHERE number = 5", 5),
        ("UPDATE audit_entries SET details = '{}' WHERE number = 6", 6),
        ("DELETE FROM audit_entries WHERE number = 3", 3),
        (
            "INSERT INTO audit_entries SELECT 99, at, deed, authentication, credential, serial, digest, salt, \
          actor, subject, details, personal, leaf, root FROM audit_entries WHERE number = 2",
            last + 1,
        ),
        (
            "UPDATE audit_entries SET number = 1 - number WHERE number IN (2, 3); \
          UPDATE audit_entries SET number = 4 + number WHERE number < 0",
            2,
        ),
        (&format!("DELETE FROM audit_entries WHERE number = {last}"), last),
        ("UPDATE audit_head SET frontier = zeroblob(length(frontier))", last),
    ] {
        sql(&database, change);
        let found = verify(&[]).explains(4, &[&format!("the first wrong entry is {number}: ")]);
        assert!(found.err.contains("OPERATIONS.md"), "{change}: {}", found.err);
        fs::copy(&untouched, &database).unwrap();
    }

    // Records as they were earlier, whole in themselves: only what is kept elsewhere tells.
    fs::copy(folder.path("earlier.db"), &database).unwrap();
    verify(&["--checkpoint", "first.checkpoint"]).expect(0);
    let shorter = format!("covers {last} entries; entry ");
    verify(&["--checkpoint", "second.checkpoint"]).explains(4, &[&shorter]);
    fs::copy(&untouched, &database).unwrap();

    // A checkpoint of another log, or one that somebody wrote.
    let forged = fs::read_to_string(folder.path("second.checkpoint")).unwrap();
    let (_, rest) = forged.split_once('\n').unwrap();
    folder.write("forged.checkpoint", format!("other.example/audit\n{rest}"));
    verify(&["--checkpoint", "forged.checkpoint"])
        .explains(4, &["is not signed by a key of this audit log"]);
    folder.write("none.checkpoint", "none");
    verify(&["--checkpoint", "none.checkpoint"]).explains(1, &["is not a checkpoint"]);

    // A backup from before the second checkpoint, restored, is an entry and is noticed.
    folder.run(&["cuhk", "backup", "safe"]).expect(0);
    assert_eq!(documents(folder, &["audit", "list", "--deed", "backed-up"]).len(), 1);
    university.invite(&["--sid", OTHER_SID]);
    folder.write("third.checkpoint", checkpoint());
    let restored = crate::backups::elsewhere(folder);
    restored.run(&["cuhk", "restore", folder.path("safe").to_str().unwrap()]).expect(0);
    assert_eq!(documents(&restored, &["audit", "list", "--deed", "restored"]).len(), 1);
    restored.run(&["cuhk", "audit", "verify"]).expect(0);
    let third = folder.path("third.checkpoint");
    let noticed =
        restored.run(&["cuhk", "audit", "verify", "--checkpoint", third.to_str().unwrap()]);
    noticed.explains(4, &["Records that were restored have lost what came after their backup"]);
}

#[test]
fn old_entries_go_into_an_archive_and_all_of_it_verifies() {
    let university = university();
    let folder = &university.cuhk;
    let run = |arguments: &[&str]| folder.run(&[&["cuhk"], arguments].concat());
    folder.write("before.checkpoint", run(&["audit", "checkpoint"]).expect(0).out);
    // The student has left long ago.
    run(&["roster", "remove", SID, "--yes"]).expect(0);
    let (database, untouched) = (folder.path("cuhk.db"), folder.path("untouched.db"));
    sql(
        &database,
        "UPDATE certificates SET not_after = 1000 WHERE profile = 'person'; UPDATE invitations SET expires_at = 1000",
    );
    let serial = text(&documents(folder, &["list", "--profile", "person"])[0], "serial").to_owned();
    fs::copy(&database, &untouched).unwrap();

    let prune = ["audit", "prune", "--before", "2099-01-01", "--archive", "old.archive", "--yes"];
    run(&["audit", "prune", "--before", "1970", "--archive", "old.archive", "--yes"]).expect(0);
    assert!(!folder.has("old.archive") && !folder.has("old.archive.part"), "nothing is that old");
    let done = run(&prune).expect(0).out;
    assert!(
        done.starts_with("Entries 1 to ")
            && done.contains("and 1 certificates are in old.archive now"),
        "{done}"
    );
    // Cut off after the archive was written: the records have it all, and it goes on with that archive.
    fs::copy(&untouched, &database).unwrap();
    assert_eq!(run(&prune).expect(0).out, done);
    run(&prune).explains(1, &["exists"]);

    assert_eq!(documents(folder, &["search", &serial]), [Value::Null; 0]);
    let left = documents(folder, &["audit", "list"]);
    assert_eq!((left.len(), text(&left[0], "deed")), (1, "pruned"));
    university.invite(&["--sid", OTHER_SID]);
    // The rest alone, then all of it together, against what was kept before.
    let done = run(&["audit", "verify", "--checkpoint", "before.checkpoint"]).expect(0);
    assert!(done.out.contains("stand in archives"), "{}", done.out);
    let all = ["audit", "verify", "--archive", "old.archive", "--checkpoint", "before.checkpoint"];
    let done = run(&all).expect(0);
    assert!(
        done.out.contains("✓ entries 1 to ") && done.out.contains("before.checkpoint agrees"),
        "{}",
        done.out
    );
    // A second archive goes on where the first ends.
    run(&["audit", "prune", "--before", "2099", "--archive", "next.archive", "--yes"]).expect(0);
    run(&["audit", "verify", "--archive", "next.archive", "--archive", "old.archive"]).expect(0);
    run(&["audit", "verify", "--archive", "next.archive"]).expect(0);
    run(&["audit", "verify", "--archive", "old.archive"]).explains(4, &["leave out entry"]);

    // An archive that was changed says so, as does one that was cut off.
    let archive = folder.read("old.archive");
    assert!(archive.contains(&serial) && archive.contains(SID));
    folder.write("old.archive", archive.replace(SID, OTHER_SID));
    run(&["audit", "verify", "--archive", "old.archive"]).explains(1, &["is not whole"]);
    folder.write("old.archive", &archive[..archive.len() / 2]);
    run(&["audit", "verify", "--archive", "old.archive"]).explains(1, &["old.archive"]);
    fs::remove_file(folder.path("old.archive")).unwrap();
    fs::remove_file(folder.path("next.archive")).unwrap();
    run(&["audit", "verify"]).expect(0);
    university.serve_cuhk();
}
