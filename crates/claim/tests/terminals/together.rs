//! Several members of a group sign one claim before one of them lodges it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::course::{Course, OTHER_SID, SID};
use crate::program::{Done, Program};

const THIRD: &str = "1155000003";
const STRANGER: &str = "1155000004";
const TEACHER: &str = "1155000009";
const FILE: &str = "project.claim.p7s";
const PROJECT: &str = "IEMS5710/project";

/// Both servers, and a group of three with a project that is due; one more student, and a teacher.
struct Group {
    course: Course,
    _cuhk: Program,
    blackboard: Program,
}

impl Group {
    fn new() -> Self {
        let course = Course::new();
        let (cuhk, blackboard) = course.servers();
        blackboard.out.line("Claims are taken: ");
        for sid in [SID, OTHER_SID, THIRD, STRANGER] {
            course.enrol(sid);
        }
        let group = Self { course, _cuhk: cuhk, blackboard };
        for command in [
            &["course", "add", "IEMS5710", "--zone", "Asia/Hong_Kong"][..],
            &["roster", "add", "IEMS5710", SID, OTHER_SID, THIRD, STRANGER],
            &["group", "put", "IEMS5710", "Seven", SID, OTHER_SID, THIRD],
            &["assignment", "add", PROJECT, "--groups", "groups", "--due", "2099-12-24 23:59"],
        ] {
            group.staff(command).expect(0);
        }
        group.course.folder.write("report.txt", "our report");
        group
    }

    fn staff(&self, command: &[&str]) -> Done {
        self.course.folder.run(&[&["blackboard"], command].concat())
    }

    fn hand_in(&self, sid: &str, what: &[&str]) -> Done {
        let command = ["student", "hand-in", "--yes", "--sid", sid];
        self.course.folder.run(&[&command[..], what].concat())
    }

    fn sign_only(&self, sid: &str) -> Done {
        self.hand_in(sid, &["report.txt", "--to", PROJECT, "--sign-only"])
    }

    fn status(&self, sid: &str) -> String {
        self.course.folder.run(&["student", "status", "--sid", sid]).expect(0).out
    }

    fn lodged(&self) -> Vec<Value> {
        self.staff(&["list", PROJECT, "--json"]).expect(0).documents()
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.course.folder.path(name)).unwrap()
    }
}

#[test]
fn two_of_three_sign_one_lodges_and_all_see_who_signed() {
    let group = Group::new();
    let done = group.sign_only(SID).expect(0);
    for words in ["NOT HANDED IN YET", FILE, OTHER_SID, "--add-signature", "--lodge"] {
        assert!(done.out.contains(words), "{words}:\n{}", done.out);
    }
    let mode = fs::metadata(group.course.folder.path(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(group.lodged().is_empty());
    assert!(group.status(SID).contains("nothing handed in"));
    let first = group.read(FILE);
    group.sign_only(SID).explains(2, &[FILE, "there already"]);
    group.hand_in(OTHER_SID, &["report.txt", "--lodge", FILE]).explains(1, &["has not signed"]);

    // The other sees what it says, beside a copy of the file that is another, and then the same.
    fs::create_dir(group.course.folder.path("mine")).unwrap();
    group.course.folder.write("mine/report.txt", "my draft");
    let add = |path: &str| group.hand_in(OTHER_SID, &["--add-signature", FILE, path]);
    let elsewhere = group.course.folder.path("mine/report.txt");
    add(elsewhere.to_str().unwrap()).explains(1, &["changed: report.txt"]);
    add("claim.toml").explains(1, &["not in the claim: claim.toml"]);
    assert_eq!(group.read(FILE), first);
    let done = add("report.txt").expect(0);
    for words in [
        PROJECT,
        "2099-12-24 23:59:59.999 +08:00",
        "Not yet   by 0955000001, 1155000003",
        "✓ report.txt",
        "1 the same as yours",
        "signed by 0955000001, 1155123456",
        "NOT HANDED IN YET",
    ] {
        assert!(done.out.contains(words), "{words}:\n{}", done.out);
    }
    let both = group.read(FILE);
    add("report.txt").explains(1, &["has signed it already"]);
    let stranger = group.hand_in(STRANGER, &["--add-signature", FILE]);
    stranger.explains(1, &["1155000004 is none of them"]);
    group.hand_in(SID, &["report.txt", "--lodge", FILE, "--to", "lab1"]).explains(2, &[PROJECT]);
    assert_eq!(group.read(FILE), both);

    // What is lodged are the files that were signed, and no others.
    group.course.folder.write("report.txt", "our report, later");
    let other = group.hand_in(SID, &["report.txt", "--lodge", FILE]);
    other.explains(1, &["not those that were signed", "changed: report.txt"]);
    assert!(group.lodged().is_empty());
    group.course.folder.write("report.txt", "our report");
    let done = group.hand_in(OTHER_SID, &["report.txt", "--lodge", FILE]).expect(0);
    for words in ["before the deadline", "signed by 0955000001, 1155123456", "project.receipt"] {
        assert!(done.out.contains(words), "{words}:\n{}", done.out);
    }

    for sid in [SID, OTHER_SID, THIRD] {
        let told = group.status(sid);
        assert!(told.contains("received, signed by 0955000001, 1155123456  ← counts"), "{told}");
    }
    assert_eq!(group.lodged().len(), 1);
    let verified = group.course.folder.run(&["verify", "project.receipt", "--root", "cuhk.cer"]);
    let verified = verified.expect(0).out;
    assert_eq!(verified.matches("signed by").count(), 2, "{verified}");
    assert!(verified.contains("1155000003, named but did not sign"), "{verified}");

    // Nobody's signature is added later, and whoever goes on finds what there is.
    let late = group.hand_in(THIRD, &["--add-signature", FILE]);
    late.explains(1, &["was lodged at", "signed by 0955000001, 1155123456"]);
    let again = group.hand_in(SID, &["report.txt", "--lodge", FILE]).expect(0);
    assert!(again.out.contains("Going on: the claim was lodged at"), "{}", again.out);
    assert_eq!(group.lodged().len(), 1);
}

#[test]
fn staff_sees_who_signed() {
    let group = Group::new();
    group.staff(&["staff", "add", "IEMS5710", TEACHER, "--role", "teacher"]).expect(0);
    group.course.enrol(TEACHER);
    group.sign_only(THIRD).expect(0);
    group.hand_in(SID, &["--add-signature", FILE]).expect(0);
    group.hand_in(SID, &["report.txt", "--lodge", FILE]).expect(0);
    let list = |more: &[&str]| {
        let servers = ["--cuhk", &group.course.cuhk, "--blackboard", &group.course.blackboard];
        let who = ["staff", "--id", TEACHER];
        let done =
            group.course.folder.run(&[&who[..], &servers, more, &["list", PROJECT]].concat());
        done.expect(0)
    };
    assert!(list(&[]).out.contains(", signed by 1155000003, 1155123456"), "{}", list(&[]).out);
    let row = list(&["--json"]).documents().into_iter().find(|row| row["sid"] == OTHER_SID);
    let claim = &row.unwrap()["claims"][0];
    assert_eq!(claim["signers"], json!([THIRD, SID]));
    assert_eq!((&claim["by"], &claim["sids"]), (&json!(SID), &json!([OTHER_SID, THIRD, SID])));
}

#[test]
fn what_changed_since_is_told_before_anybody_signs_or_lodges() {
    let group = Group::new();
    group.sign_only(SID).expect(0);
    group.hand_in(OTHER_SID, &["--add-signature", FILE]).expect(0);
    let signed = group.read(FILE);
    group.staff(&["assignment", "set", PROJECT, "--due", "2099-12-25 23:59"]).expect(0);
    let said = ["the due time is 2099-12-25 23:59:59.999", "--sign-only"];
    group.hand_in(THIRD, &["--add-signature", FILE]).explains(1, &said);
    group.hand_in(SID, &["report.txt", "--lodge", FILE]).explains(1, &said);
    assert_eq!(group.read(FILE), signed);

    // Anew; and while they sign, one member hands in alone.
    fs::remove_file(group.course.folder.path(FILE)).unwrap();
    group.sign_only(SID).expect(0);
    group.hand_in(OTHER_SID, &["--add-signature", FILE]).expect(0);
    group.course.folder.write("hasty.txt", "done");
    group.hand_in(THIRD, &["hasty.txt", "--to", PROJECT]).expect(0);
    let said = ["was lodged meanwhile by 1155000003 at 20", "which this one would replace"];
    group.hand_in(SID, &["report.txt", "--lodge", FILE]).explains(1, &said);
    assert_eq!(group.lodged().len(), 1);
    // Nothing of it waits to be handed in by itself later.
    let resumed = group.course.folder.run(&["student", "resume", "--yes"]).expect(0);
    assert!(resumed.out.contains("Nothing here waits"), "{}", resumed.out);
    group.staff(&["group", "take", "IEMS5710", STRANGER]);
    group.staff(&["group", "put", "IEMS5710", "Seven", STRANGER]).expect(0);
    let said = ["those who hand in together are"];
    group.hand_in(OTHER_SID, &["report.txt", "--lodge", FILE]).explains(1, &said);
}

#[test]
fn copies_that_were_signed_at_the_same_time_are_lodged_together() {
    let group = Group::new();
    let folder = &group.course.folder;
    group.hand_in(SID, &["report.txt", "--to", PROJECT, "--sign-only=a.p7s"]).expect(0);
    for (copy, sid) in [("b.p7s", OTHER_SID), ("c.p7s", THIRD)] {
        fs::copy(folder.path("a.p7s"), folder.path(copy)).unwrap();
        group.hand_in(sid, &["--add-signature", copy]).expect(0);
    }
    group.hand_in(SID, &["report.txt", "--to", PROJECT, "--sign-only=another.p7s"]).expect(0);
    let mixed = ["report.txt", "--lodge", "b.p7s", "--lodge", "another.p7s"];
    group.hand_in(SID, &mixed).explains(1, &["are not the same claim"]);
    // A bit of the last signature is another.
    let mut spoilt = group.read("c.p7s");
    let last = spoilt.len() - 3;
    spoilt[last] ^= 1;
    folder.write("spoilt.p7s", &spoilt);
    let said = ["spoilt.p7s is not a claim that can be signed"];
    group.hand_in(SID, &["report.txt", "--lodge", "spoilt.p7s"]).explains(1, &said);
    group.hand_in(OTHER_SID, &["--add-signature", "spoilt.p7s"]).explains(1, &said);
    assert!(group.lodged().is_empty());
    let done = group.hand_in(SID, &["report.txt", "--lodge", "b.p7s", "--lodge", "c.p7s"]);
    let all = "signed by 0955000001, 1155000003, 1155123456";
    assert!(done.expect(0).out.contains(all));
    assert!(group.status(THIRD).contains(all));
}

#[test]
fn a_signature_by_a_revoked_certificate_is_refused_and_whose_it_is() {
    let group = Group::new();
    group.sign_only(SID).expect(0);
    group.hand_in(OTHER_SID, &["--add-signature", FILE]).expect(0);
    group.course.folder.run(&["cuhk", "revoke", "--sid", OTHER_SID]).expect(0);
    // Blackboard fetches the list when it is told to look at its files; from then on it opens no session for that one.
    group.blackboard.signal("HUP");
    let say = ["student", "say", "--sid", OTHER_SID, "still here"];
    while group.course.folder.run(&say).code == 0 {}
    let lodging = group.hand_in(SID, &["report.txt", "--lodge", FILE]);
    lodging.explains(1, &["about the signature of 0955000001: the certificate was revoked at"]);
    assert!(group.lodged().is_empty());
    // One signature is enough for a group.
    group.hand_in(SID, &["report.txt", "--to", PROJECT]).expect(0);
}
