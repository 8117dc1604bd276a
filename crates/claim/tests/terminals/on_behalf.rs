//! `claim staff hand-in`: a teacher hands in for students, who see it, and everybody sees by whom.

use std::fs;

use crate::course::{OTHER_SID, SID};
use crate::program::Done;
use crate::school::{ASSISTANT, COLLEAGUE, STRANGER, School, TEACHER};

const LAB: &str = "IEMS5710/lab1";

fn hand_in(school: &School, id: &str, assignment: &str, students: &str) -> Done {
    let command = ["hand-in", assignment, "--for", students, "report.txt", "--yes"];
    school.staff(id, &[&command[..], &["--reason", "came by e-mail"]].concat())
}

/// How many claims are on record for the assignment.
fn on_record(school: &School, assignment: &str) -> usize {
    school.on_the_machine(&["list", assignment, "--json"]).expect(0).documents().len()
}

#[test]
fn it_counts_for_the_student_and_everybody_sees_by_whom() {
    let school = School::new();
    let done = hand_in(&school, TEACHER, LAB, SID).expect(0);
    for words in [
        "ID: chan.tm, on behalf of SID: 1155123456",
        "Note      came by e-mail",
        "counts",
        "lab1.receipt",
    ] {
        assert!(done.out.contains(words), "{words}:\n{}", done.out);
    }

    let told = school.student(SID, &["status"]).expect(0).out;
    assert!(told.contains("received, handed in for you by chan.tm  ← counts"), "{told}");
    let other = school.student(OTHER_SID, &["status"]).expect(0).out;
    assert!(other.contains("nothing handed in") && !other.contains("for you by"), "{other}");
    let listed = school.staff(ASSISTANT, &["list", LAB]).expect(0).out;
    assert!(listed.contains("handed in by chan.tm") && listed.contains("1 in time"), "{listed}");
    let listed = school.on_the_machine(&["list", LAB]).expect(0).out;
    assert!(listed.contains("received, handed in by chan.tm, counts"), "{listed}");
    let gradebook = school.staff(ASSISTANT, &["assignment", "gradebook", LAB]).expect(0).out;
    assert!(gradebook.contains("1155123456,,,handed in (by chan.tm),0"), "{gradebook}");
    let entries = ["audit", "list", "--deed", "handed-in-on-behalf", "--json"];
    let entries = school.on_the_machine(&entries).expect(0).documents();
    let [entry] = &entries[..] else { panic!("{entries:?}") };
    assert_eq!(
        (&entry["actor"], &entry["authentication"]),
        (&TEACHER.into(), &"certificate".into())
    );
    let details = &entry["details"];
    assert_eq!((&details["reason"], &details["sids"][0]), (&"came by e-mail".into(), &SID.into()));
    let about = |sid: &str| {
        school
            .on_the_machine(&["audit", "list", "--about", sid, "--course", "IEMS5710"])
            .expect(0)
            .out
    };
    assert!(about(SID).contains("handed-in-on-behalf"), "{}", about(SID));
    assert!(!about(OTHER_SID).contains("handed-in-on-behalf"), "{}", about(OTHER_SID));

    // The student has its receipt too, and it says who signed.
    fs::remove_file(school.desk.path("lab1.receipt")).unwrap();
    school.student(SID, &["fetch", LAB, "--out", "mine"]).expect(0);
    assert_eq!(school.desk.read("mine/lab1/report.txt"), "my report");
    let verify = ["verify", "mine/lab1.receipt", "mine/lab1/report.txt", "--root", "cuhk.cer"];
    let verified = school.desk.run(&verify).expect(0).out;
    assert!(
        verified.contains("1155123456, on whose behalf chan.tm of the staff handed it in"),
        "{verified}"
    );

    // Again it is the same; and the student's own comes after it.
    let again = hand_in(&school, TEACHER, LAB, SID).expect(0).out;
    assert!(again.contains("going on with that claim"), "{again}");
    assert_eq!(on_record(&school, LAB), 1);
    school.desk.write("report.txt", "my own report");
    school.student(SID, &["hand-in", "report.txt", "--to", LAB, "--yes"]).expect(0);
    let told = school.student(SID, &["status"]).expect(0).out;
    assert!(
        told.contains("received  ← counts") && told.contains("handed in for you by chan.tm\n"),
        "{told}"
    );
}

#[test]
fn a_group_is_named_whole_and_sees_it() {
    let school = School::new();
    let project = "IEMS5710/project";
    school.staff(TEACHER, &["assignment", "add", project, "--groups", "groups"]).expect(0);
    hand_in(&school, TEACHER, project, SID)
        .explains(1, &["groups hand in to this assignment", "1155123456 is in none"]);
    school.staff(TEACHER, &["group", "put", "IEMS5710", "Seven", SID, OTHER_SID]).expect(0);
    let all = format!("{OTHER_SID},{SID}");
    hand_in(&school, TEACHER, project, SID)
        .explains(2, &["together, and you named 1155123456", &format!("--for {all}")]);
    let with_others = format!("{all},{STRANGER}");
    hand_in(&school, TEACHER, project, &with_others)
        .explains(1, &[&format!("{STRANGER} is not a student of the course")]);
    assert_eq!(on_record(&school, project), 0);
    hand_in(&school, TEACHER, project, &all).expect(0);
    for sid in [SID, OTHER_SID] {
        let told = school.student(sid, &["status"]).expect(0).out;
        assert!(told.contains("handed in for you by chan.tm  ← counts"), "{told}");
    }
}

#[test]
fn what_is_late_is_late_and_after_the_closing_time_nothing_is_taken() {
    let school = School::new();
    let set = |more: &[&str]| {
        school.staff(TEACHER, &[&["assignment", "set", LAB][..], more].concat()).expect(0)
    };
    set(&["--due", "2026-01-01 23:59", "--late", "accept"]);
    let done = hand_in(&school, TEACHER, LAB, SID).expect(0);
    assert!(done.out.contains("the due time is over: this will be late"), "{}", done.out);
    assert!(done.out.contains("after the deadline: late"), "{}", done.out);
    let listed = school.staff(TEACHER, &["list", LAB]).expect(0).out;
    assert!(listed.contains("1 late only"), "{listed}");
    set(&["--late", "refuse"]);
    hand_in(&school, TEACHER, LAB, OTHER_SID)
        .explains(1, &["closed at ", "Grant more time first: claim staff extend grant"]);
    let grant = ["extend", "grant", LAB, "--sid", OTHER_SID, "--due", "2099-12-24 23:59"];
    school.staff(TEACHER, &[&grant[..], &["--reason", "ill"]].concat()).expect(0);
    let done = hand_in(&school, TEACHER, LAB, OTHER_SID).expect(0);
    assert!(done.out.contains("before the deadline"), "{}", done.out);
}

#[test]
fn who_may_not_hands_in_for_nobody() {
    let school = School::new();
    let refused = |id: &str, students: &str, code, said: &[&str]| {
        hand_in(&school, id, LAB, students).explains(code, said);
        assert_eq!(on_record(&school, LAB), 0, "{id} for {students}");
    };
    refused(ASSISTANT, SID, 1, &["as assistant of IEMS5710 you may not hand in on behalf"]);
    // Whoever is no staff of the course learns nothing of it, and of nobody in it.
    let known = hand_in(&school, COLLEAGUE, LAB, SID).explains(1, &["no such course"]);
    for (assignment, sid) in [(LAB, STRANGER), ("IEMS5710/none", SID), ("COMP9999/lab1", SID)] {
        let guessed = hand_in(&school, COLLEAGUE, assignment, sid).explains(1, &[]);
        assert_eq!(guessed.err, known.err);
    }
    refused(TEACHER, STRANGER, 1, &["1155999999 is not a student of the course"]);
    refused(TEACHER, &format!("{SID},{SID}"), 2, &["without repetition"]);
    refused(
        TEACHER,
        &format!("{OTHER_SID},{SID}"),
        2,
        &["everybody hands in alone", "once for each"],
    );
    // A student who is staff has no id that a claim could name as the one by whom it is.
    school.staff(TEACHER, &["staff", "add", "IEMS5710", STRANGER, "--role", "teacher"]).expect(0);
    refused(STRANGER, SID, 2, &["is the ID of a student", "--id"]);
    // Nobody hands in for staff.
    refused(TEACHER, STRANGER, 1, &["1155999999 is not a student of the course"]);
    let nothing = ["hand-in", LAB, "--for", SID, "report.txt", "--yes"];
    assert!(school.staff(TEACHER, &nothing).expect(2).err.contains("--reason <TEXT>"));
}

#[test]
fn one_that_was_cut_short_goes_on() {
    let school = School::new();
    // There is no such folder yet: all is received, and the receipt cannot be stored.
    let command = ["hand-in", LAB, "--for", SID, "report.txt", "--yes", "--reason", "ill"];
    let command = [&command[..], &["--receipt", "later/lab1.receipt"]].concat();
    school.staff(TEACHER, &command).expect(1);
    fs::create_dir(school.desk.path("later")).unwrap();
    school.desk.run(&["student", "resume", "--yes"]).expect(0);
    let verify = ["verify", "later/lab1.receipt", "report.txt", "--root", "cuhk.cer"];
    assert!(school.desk.run(&verify).expect(0).out.contains("of the staff"));
    assert_eq!(on_record(&school, LAB), 1);

    // Blackboard away: what holds for the student only it knows, so nothing is signed and nothing stamped.
    school.blackboard.signal("KILL");
    let kept = school.desk.names().len();
    hand_in(&school, TEACHER, LAB, OTHER_SID).explains(3, &["Blackboard"]);
    assert_eq!(school.desk.names().len(), kept);
}
