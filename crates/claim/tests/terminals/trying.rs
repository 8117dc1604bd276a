//! `claim staff try`: staff sees what a student would, and nothing of it is on record.

use crate::course::SID;
use crate::program::Done;
use crate::school::{ASSISTANT, COLLEAGUE, STRANGER, School, TEACHER};

const LAB: &str = "IEMS5710/lab1";

fn try_as(school: &School, id: &str, sid: &str) -> Done {
    school.staff(id, &["try", LAB, "--as", sid, "report.txt"])
}

#[test]
fn a_trial_shows_what_a_student_sees_and_leaves_nothing() {
    let school = School::new();
    let set = |more: &[&str]| {
        school.staff(TEACHER, &[&["assignment", "set", LAB][..], more].concat()).expect(0)
    };
    set(&["--visible-from", "2099-12-01 09:00"]);
    let grant = ["extend", "grant", LAB, "--sid", SID, "--due", "2099-12-26 23:59"];
    school.staff(TEACHER, &[&grant[..], &["--reason", "ill"]].concat()).expect(0);
    let hidden = school.student(SID, &["status"]).expect(0).out;
    assert!(!hidden.contains(LAB), "{hidden}");
    let audit = || school.on_the_machine(&["audit", "list", "--json"]).expect(0).documents().len();
    let entries = audit();
    for id in [TEACHER, ASSISTANT] {
        let tried = try_as(&school, id, SID).expect(0).out;
        for words in [
            "students see it from 2099-12-01 09:00:00.000 +08:00",
            "(extended from 2099-12-24 23:59:59.999 +08:00",
            "Who       SID: 1155123456",
            "Due       2099-12-26 23:59:59.999 +08:00",
            "report.txt",
            "Lodged now it would be in time",
            "nothing of it is on record",
        ] {
            assert!(tried.contains(words), "{words}:\n{tried}");
        }
    }
    assert_eq!(audit(), entries);
    // Where signed claims and proofs are kept.
    assert!(!school.desk.has("receipts"), "{:?}", school.desk.names());
    let listed = school.staff(TEACHER, &["list", LAB]).expect(0).out;
    assert!(listed.contains("0 in time, 0 late only, 0 with files missing, 2 nothing"), "{listed}");

    // What a student would be refused for, the trial is refused for.
    set(&["--max-files", "1"]);
    school.desk.write("more.txt", "more");
    let two = ["try", LAB, "--as", SID, "report.txt", "more.txt"];
    school.staff(TEACHER, &two).explains(1, &["takes at most 1"]);
    try_as(&school, TEACHER, STRANGER).explains(1, &["1155999999 is not a student of the course"]);
    try_as(&school, COLLEAGUE, SID).explains(1, &["no such course"]);
    assert_eq!(school.on_the_machine(&["list", LAB, "--json"]).expect(0).documents().len(), 0);
}
