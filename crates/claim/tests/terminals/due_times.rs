//! Due times and upload windows that change after something was handed in: what the receipt says then, and to whom what is
//! explained.

use crate::course::{Course, SID};
use crate::program::{Done, Program};

const TEACHER: &str = "1155000009";
const LAB: &str = "IEMS5710/lab1";

/// Both servers, a student, and a lab that is due then.
struct Lab {
    course: Course,
    _servers: (Program, Program),
}

impl Lab {
    fn due(due: &str) -> Self {
        let course = Course::new();
        let servers = course.servers();
        servers.1.out.line("Claims are taken: ");
        course.enrol(SID);
        course.folder.write("report.txt", "my report");
        let lab = Self { course, _servers: servers };
        lab.staff(&["course", "add", "IEMS5710", "--zone", "Asia/Hong_Kong"]).expect(0);
        lab.staff(&["roster", "add", "IEMS5710", SID]).expect(0);
        lab.staff(&["assignment", "add", LAB, "--due", due]).expect(0);
        lab
    }

    fn staff(&self, command: &[&str]) -> Done {
        self.course.folder.run(&[&["blackboard"], command].concat())
    }

    fn hand_in(&self) -> Done {
        self.course.folder.run(&[
            "student",
            "hand-in",
            "report.txt",
            "--to",
            LAB,
            "--yes",
            "--sid",
            SID,
        ])
    }

    fn status(&self) -> String {
        self.course.folder.run(&["student", "status", "--sid", SID]).expect(0).out
    }

    fn verified(&self) -> String {
        let done = self.course.folder.run(&["verify", "lab1.receipt", "--root", "cuhk.cer"]);
        done.expect(0).out.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn a_late_claim_that_an_extension_brings_into_time() {
    let lab = Lab::due("2020-01-01 00:00");
    assert!(lab.hand_in().expect(0).out.contains(" after the deadline: late"));
    let extend = ["extend", "grant", LAB, "--sid", SID, "--due", "2099-12-24 23:59"];
    lab.staff(&[&extend[..], &["--reason", "ill"]].concat()).expect(0);
    let now = "in time by the due time that holds now, 2099-12-24 23:59:59.999 +08:00";
    let told = lab.status();
    assert!(told.contains(now) && told.contains("; the receipt says late by "), "{told}");
    assert!(
        told.contains("by the due time that both signed, 2020-01-01 00:00:59.999 +08:00"),
        "{told}"
    );
    // The receipt is what it was, and says where the rest stands.
    let verified = lab.verified();
    assert!(verified.contains("the due time that both signed: LATE by"), "{verified}");
    assert!(
        verified.contains("in Blackboard's record alone: `claim student status`"),
        "{verified}"
    );
    // Whoever goes on with the claim is not told that Blackboard contradicts its timestamp.
    let again = lab.hand_in().expect(0);
    assert!(
        again.out.contains("late; in time by a due time that was granted since"),
        "{}",
        again.out
    );
    // Staff reads the same.
    lab.course.enrol(TEACHER);
    lab.staff(&["staff", "add", "IEMS5710", TEACHER, "--role", "assistant"]).expect(0);
    let servers = ["--cuhk", &lab.course.cuhk, "--blackboard", &lab.course.blackboard];
    let list = [&["staff", "--id", TEACHER][..], &servers, &["list", LAB]].concat();
    let listed = lab.course.folder.run(&list).expect(0).out;
    assert!(listed.contains(now) && listed.contains("; the receipt says late by "), "{listed}");
}

#[test]
fn an_earlier_due_time_does_not_reach_back() {
    let lab = Lab::due("2099-12-24 23:59");
    lab.hand_in().expect(0);
    lab.staff(&["assignment", "set", LAB, "--due", "2020-01-01 00:00"]).expect(0);
    let told = lab.status();
    let said = "in time, as the receipt says, by the due time that both signed, 2099-12-24 23:59:59.999 +08:00";
    assert!(told.contains(said) && told.contains("does not reach back"), "{told}");
    assert!(told.contains("received  ← counts"), "{told}");
    assert!(lab.verified().contains("in time"));
}

#[test]
fn a_changed_upload_window_says_what_it_means_for_claims_that_wait() {
    let lab = Lab::due("2099-12-24 23:59");
    let set =
        |hours: &str| lab.staff(&["assignment", "set", LAB, "--upload-hours", hours]).expect(0).out;
    let told = set("12");
    assert!(told.contains("files may follow for 12 hours now, before for 24 hours"), "{told}");
    assert!(told.contains("No claim waits for files."), "{told}");
    // A claim is lodged, and its files do not follow: the program is stopped as soon as it is lodged.
    lab.course.folder.write("large.bin", vec![7; 64 * 1024 * 1024]);
    let hand_in = ["student", "hand-in", "large.bin", "--to", LAB, "--yes", "--sid", SID];
    let program = lab.course.folder.start(&hand_in);
    program.out.shows("lodged ");
    program.signal("KILL");
    program.end();
    let told = set("1");
    let said = "The one claim that waits for files keeps the time that was promised at lodging";
    assert!(told.contains(said), "{told}");
    let told = set("48");
    assert!(
        told.contains("keeps at least the longer time, counted from lodging: until 20"),
        "{told}"
    );
    let shown = lab.staff(&["course", "show", "IEMS5710"]).expect(0).out;
    assert!(shown.contains("lab1  waiting for files: 1, until 20"), "{shown}");
    let entries = lab.staff(&["audit", "list", "--json"]).expect(0).out;
    assert!(entries.contains("waiting_claims"), "{entries}");
}
