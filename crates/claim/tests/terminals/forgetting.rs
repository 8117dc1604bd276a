//! `claim cuhk retention`: people who left are erased, and evidence, the audit log and everybody else stay whole.

use std::fs;

use serde_json::{Value, json};

use crate::course::{Folder, OTHER_SID, SID};
use crate::doctor::sql;
use crate::invitations::{University, enroll};
use crate::program::{Done, Program};

const NAME: &str = "Chan Tai Man";
const EMAIL: &str = "chan.tm@link.cuhk.example";

/// What names the one who leaves.
const NAMES: [&str; 4] = [SID, NAME, EMAIL, "Chan laptop"];

fn cuhk(university: &University, arguments: &[&str]) -> Done {
    university.cuhk.run(&[&["cuhk"], arguments].concat())
}

fn documents(university: &University, arguments: &[&str]) -> Vec<Value> {
    cuhk(university, &[arguments, &["--json"]].concat()).expect(0).documents()
}

/// A CUHK that serves, with two people on the roster who have enrolled; the folder of the first.
fn university() -> (University, Program, Folder) {
    let university = University::new();
    let serving = university.serve_cuhk();
    let roster = format!("id,name,email\n{SID},{NAME},{EMAIL}\n{OTHER_SID},Wong Siu Ming,\n");
    university.cuhk.write("people.csv", roster);
    cuhk(&university, &["roster", "import", "people.csv"]).expect(0);
    let student = Folder::new();
    let invitation = university.invite(&["--sid", SID]);
    let device = ["student", "enroll", "--device", "Chan laptop", "--invite-file", "-"];
    student.run_with(&device, invitation).expect(0);
    enroll(&Folder::new(), &university.invite(&["--sid", OTHER_SID])).expect(0);
    (university, serving, student)
}

/// The student's receipt of a report, from a Blackboard that is gone again.
fn receipt(university: &University, student: &Folder) {
    let (blackboard, origin) = (university.blackboard(), university.blackboard_url());
    blackboard.secret("blackboard.invite", university.invite(&["--server", &origin]));
    let more = format!("{}public-url = \"{origin}\"\n", blackboard.read("claim.toml"));
    blackboard.write("claim.toml", more);
    blackboard.run(&["blackboard", "request"]).expect(0);
    university.cuhk.write("request", blackboard.read("blackboard.request"));
    cuhk(university, &["certify", "request", "--yes", "--out", "answer"]).expect(0);
    blackboard.write("blackboard.answer", university.cuhk.read("answer"));
    let serving = university.serve_blackboard(&[]);
    serving.out.line("Claims are taken: ");
    student.write("report.txt", "a report");
    let to = ["--blackboard", &origin, "--cuhk", &university.cuhk_url];
    let hand_in = [&["student", "hand-in", "report.txt", "--yes"], &to[..]].concat();
    let done = (0..100).map(|_| student.run(&hand_in));
    // The first revocation list may still be on its way.
    done.into_iter().find(|done| !done.err.contains("revocation list")).unwrap().expect(0);
    serving.stop();
}

/// As if the first had left, and the certificate ended, this many days ago.
fn left(university: &University, days: u32) {
    cuhk(university, &["roster", "remove", SID, "--yes"]).expect(0);
    let then = format!("(unixepoch() - {days} * 86400) * 1000");
    let change = format!(
        "UPDATE people SET removed_at = {then} WHERE id = '{SID}'; \
         UPDATE certificates SET not_after = {then} WHERE name = '{SID}';"
    );
    sql(&university.cuhk.path("cuhk.db"), &change);
}

/// Which of these are somewhere in the octets of the database, or of what belongs to it.
fn lingering(folder: &Folder) -> Vec<&'static str> {
    let names = ["cuhk.db", "cuhk.db-wal", "cuhk.db-shm"].into_iter();
    let files: Vec<Vec<u8>> = names
        .filter(|name| folder.has(name))
        .map(|name| fs::read(folder.path(name)).unwrap())
        .collect();
    let lingers = |name: &&str| {
        files.iter().any(|file| file.windows(name.len()).any(|octets| octets == name.as_bytes()))
    };
    NAMES.into_iter().filter(lingers).collect()
}

#[test]
fn whoever_left_long_ago_is_erased_and_receipts_verify() {
    let (university, serving, student) = university();
    receipt(&university, &student);
    university
        .cuhk
        .write("before.checkpoint", cuhk(&university, &["audit", "checkpoint"]).expect(0).out);
    let counted = ["list", "--count", "month", "--profile", "person"];
    let count = documents(&university, &counted);
    let serial = documents(&university, &["search", SID])[0]["serial"].as_str().unwrap().to_owned();
    let fingerprint = documents(&university, &["search", SID])[0]["sha256"].clone();
    left(&university, 400);
    assert_eq!(lingering(&university.cuhk), NAMES);

    // Nothing is erased unless it is asked for, and then it is shown first.
    cuhk(&university, &["retention"]).explains(2, &["it is not said what to erase"]);
    let nobody = cuhk(&university, &["retention", "--keep-days", "401"]).expect(0).out;
    assert!(nobody.contains("--apply would erase: 0 people"), "{nobody}");
    let shown = cuhk(&university, &["retention", "--keep-days", "399"]).expect(0).out;
    assert!(shown.starts_with(SID) && shown.contains("certificates: 1"), "{shown}");
    assert!(shown.ends_with("Nothing was erased.\n") && !shown.contains(OTHER_SID), "{shown}");
    let held = documents(
        &university,
        &["retention", "--keep-days", "399", "--hold", SID, "--hold", OTHER_SID],
    );
    assert_eq!((&held[0]["people"], &held[0]["held"]), (&json!(0), &json!([SID])));
    let hold = ["retention", "--keep-days", "399", "--hold", SID, "--apply"];
    assert_eq!(documents(&university, &hold)[0]["people"], 0);
    assert_eq!(documents(&university, &["search", SID]).len(), 1);

    // The days may stand in the file, where a timer finds them.
    let settings = university.cuhk.read("claim.toml");
    university.cuhk.write("claim.toml", format!("{settings}keep-days = 399\n"));
    let done = cuhk(&university, &["retention", "--apply"]).expect(0).out;
    assert!(done.starts_with("Erased: 1 person, 1 certificate, 1 code, "), "{done}");
    assert!(done.ends_with("The database's file has none of it any more.\n"), "{done}");
    assert!(!done.contains(SID), "a timer's output may be kept longer: {done}");
    assert_eq!(lingering(&university.cuhk), [""; 0], "also while CUHK serves");
    let again = cuhk(&university, &["retention", "--apply"]).expect(0).out;
    assert!(again.starts_with("There was nothing to erase."), "{again}");

    // What stays says that something was erased.
    assert_eq!(documents(&university, &counted), count);
    let [one] = &documents(&university, &["search", &serial])[..] else { panic!("not one") };
    assert_eq!(
        (&one["holder"], &one["key_sha256"], &one["device"]),
        (&json!(""), &Value::Null, &Value::Null)
    );
    assert_eq!((&one["sha256"], &one["authentication"]), (&fingerprint, &json!("code")));
    for arguments in [&["list"][..], &["show", &serial], &["audit", "list"]] {
        let shown = cuhk(&university, arguments).expect(0).out;
        assert!(shown.contains("(erased"), "{arguments:?}: {shown}");
        assert!(NAMES.iter().all(|name| !shown.contains(name)), "{arguments:?}: {shown}");
    }
    let table =
        cuhk(&university, &["export", "--format", "csv", "--serial", &serial]).expect(0).out;
    assert!(table.contains(&format!("{serial},person,,2")), "{table}");
    cuhk(&university, &["export", "--format", "pem"]).expect(0);
    cuhk(&university, &["show", SID]).explains(1, &["Whoever was erased is not found by name"]);
    cuhk(&university, &["roster", "list"]).expect(0);

    // The log is what was appended, also by what was kept of it before; it tells of the erasure and of nobody.
    cuhk(&university, &["audit", "verify", "--checkpoint", "before.checkpoint"]).expect(0);
    let [erased] = &documents(&university, &["audit", "list", "--deed", "erased"])[..] else {
        panic!("not one entry")
    };
    assert_eq!((&erased["subject"], &erased["details"]["people"]), (&json!(""), &json!(1)));
    assert!(NAMES.iter().all(|name| !erased.to_string().contains(name)), "{erased}");
    let of_other = documents(&university, &["audit", "list", "--person", OTHER_SID]);
    assert!(
        of_other.iter().any(|entry| entry["details"]["name"] == "Wong Siu Ming"),
        "{of_other:?}"
    );

    // Evidence needs nothing of CUHK; and whoever is still there goes on.
    serving.stop();
    let root = university.cuhk.path("cuhk.cer");
    let done =
        student.run(&["verify", "inbox.receipt", "--root", root.to_str().unwrap()]).expect(0);
    assert!(done.out.contains(NAME) || done.out.contains(SID), "{}", done.out);
    let serving = university.serve_cuhk();
    enroll(&Folder::new(), &university.invite(&["--sid", OTHER_SID])).expect(0);
    serving.stop();
    cuhk(&university, &["audit", "verify"]).expect(0);
}

#[test]
fn whoever_asks_is_told_what_goes_and_what_stays() {
    let (university, serving, student) = university();
    let forget = ["retention", "--person", SID];
    let apply = [&forget[..], &["--apply"]].concat();
    cuhk(&university, &["retention", "--person", "1155999999"])
        .explains(1, &["not in CUHK's records"]);
    cuhk(&university, &[&forget[..], &["--hold", SID]].concat()).explains(2, &["to be kept"]);
    let told = cuhk(&university, &forget).expect(0).out;
    for said in [
        "from which the person must be taken off first",
        "1 of which must be revoked first",
        "serial numbers",
        "receipts",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    cuhk(&university, &apply).explains(
        1,
        &[
            "is on the roster and has a certificate that is good",
            "claim cuhk roster remove",
            "claim cuhk revoke --sid",
        ],
    );
    cuhk(&university, &["roster", "remove", SID, "--yes"]).expect(0);
    cuhk(&university, &apply)
        .explains(1, &["is off the roster and has a certificate that is good"]);
    let revoked =
        cuhk(&university, &["revoke", "--sid", SID, "--reason", "cessationOfOperation", "--yes"])
            .expect(0)
            .out;
    assert_eq!(lingering(&university.cuhk), NAMES);
    let done = documents(&university, &apply);
    assert_eq!(
        (&done[0]["people"], &done[0]["files"], &done[0]["applied"]),
        (&json!(1), &json!("clean"), &json!(true))
    );
    assert_eq!(lingering(&university.cuhk), [""; 0]);
    cuhk(&university, &apply).explains(1, &["not in CUHK's records"]);

    // What was revoked stays so, on record and on the list, and whoever shows it is refused; that is noted, and goes
    // with the next erasure.
    let serial = revoked.split_whitespace().find(|word| word.len() > 30).unwrap();
    assert!(cuhk(&university, &["show", serial]).expect(0).out.contains("revoked"));
    let to = ["--cuhk", &university.cuhk_url];
    let renewed = student.run(&[&["student", "renew"], &to[..]].concat()).expect(1);
    assert!(renewed.err.contains("revoked"), "{}", renewed.err);
    serving.stop();
    assert_eq!(documents(&university, &["audit", "list", "--person", SID]).len(), 1);
    cuhk(&university, &apply).expect(0);
    assert_eq!(lingering(&university.cuhk), [""; 0]);
    cuhk(&university, &["audit", "verify"]).expect(0);
}

#[test]
fn an_archive_without_names_verifies() {
    let (university, serving, _) = university();
    serving.stop();
    let folder = &university.cuhk;
    left(&university, 400);
    folder.write("before.checkpoint", cuhk(&university, &["audit", "checkpoint"]).expect(0).out);
    let prune = ["audit", "prune", "--before", "2099-01-01", "--archive", "old.archive", "--yes"];
    cuhk(&university, &prune).expect(0);
    let old = folder.read("old.archive");
    assert!(old.contains(SID) && old.contains(EMAIL) && old.contains(OTHER_SID));

    let redact = ["audit", "redact", "old.archive", "--out"];
    cuhk(&university, &[&redact[..], &["one.archive", "--person", SID]].concat()).expect(0);
    cuhk(&university, &[&redact[..], &["none.archive", "--all"]].concat()).expect(0);
    cuhk(&university, &[&redact[..], &["none.archive", "--all"]].concat()).explains(1, &["exists"]);
    let (one, none) = (folder.read("one.archive"), folder.read("none.archive"));
    assert!(NAMES.iter().all(|name| !one.contains(name) && !none.contains(name)));
    assert!(one.contains(OTHER_SID) && !none.contains(OTHER_SID));
    for archive in ["old.archive", "one.archive", "none.archive"] {
        let verify = ["audit", "verify", "--archive", archive, "--checkpoint", "before.checkpoint"];
        let done = cuhk(&university, &verify).expect(0);
        assert!(
            done.out.contains("✓ entries 1 to ") && done.out.contains("before.checkpoint agrees"),
            "{}",
            done.out
        );
    }
    let erased = documents(&university, &["audit", "list", "--deed", "erased"]);
    assert_eq!(erased.len(), 2);
    assert!(!format!("{erased:?}").contains(SID), "{erased:?}");
    // Nothing is written of an archive that somebody changed.
    folder.write("old.archive", old.replace("person-recorded", "person-restored"));
    cuhk(&university, &[&redact[..], &["new.archive", "--all"]].concat())
        .explains(1, &["is not whole"]);
    assert!(!folder.has("new.archive") && !folder.has("new.archive.part"));
}
