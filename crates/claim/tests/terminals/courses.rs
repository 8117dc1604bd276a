//! A course, as people on Blackboard's machine and its staff from afar run it.

use crate::course::{Course, OTHER_SID, SID};
use crate::program::{Done, Program};

const TEACHER: &str = "1155000009";
const ASSISTANT: &str = "1155000008";

/// Both servers, a course with two students and staff, all of them enrolled.
fn course() -> (Course, Program, Program) {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    for sid in [SID, OTHER_SID, TEACHER, ASSISTANT] {
        course.enrol(sid);
    }
    for command in [
        &["course", "add", "IEMS5710", "--title", "Network security", "--zone", "Asia/Hong_Kong"][..],
        &["staff", "add", "IEMS5710", TEACHER, "--role", "owner"],
        &["staff", "add", "IEMS5710", ASSISTANT, "--role", "assistant"],
        &["roster", "add", "IEMS5710", SID, OTHER_SID],
        &["assignment", "add", "IEMS5710/lab1", "--due", "2099-12-24 23:59", "--late", "refuse"],
    ] {
        course.folder.run(&[&["blackboard"], command].concat()).expect(0);
    }
    course.folder.write("report.txt", "my report");
    (course, cuhk, blackboard)
}

fn staff(course: &Course, id: &str, command: &[&str]) -> Done {
    let who = ["staff", "--id", id, "--cuhk", &course.cuhk, "--blackboard", &course.blackboard];
    course.folder.run(&[&who[..], command].concat())
}

fn hand_in(course: &Course, sid: &str, to: &str) -> Done {
    course.folder.run(&["student", "hand-in", "report.txt", "--to", to, "--yes", "--sid", sid])
}

fn status(course: &Course, sid: &str) -> String {
    course.folder.run(&["student", "status", "--sid", sid]).expect(0).out
}

#[test]
fn a_teacher_from_afar_and_a_student() {
    let (course, _cuhk, _blackboard) = course();
    let shown = staff(&course, TEACHER, &["course", "show", "IEMS5710"]).expect(0).out;
    for words in
        ["Network security", "2099-12-24 23:59:59.999 +08:00", "nothing taken late", "owner"]
    {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    assert!(status(&course, SID).contains("nothing is taken after the due time"));
    let extend = ["extend", "grant", "IEMS5710/lab1", "--sid", SID, "--due", "2099-12-26 12:00"];
    staff(&course, TEACHER, &[&extend[..], &["--reason", "ill"]].concat()).expect(0);
    let told = status(&course, SID);
    assert!(told.contains("2099-12-26 12:00:59.999"), "{told}");
    assert!(told.contains("extended from 2099-12-24 23:59:59.999"), "{told}");
    assert!(!status(&course, OTHER_SID).contains("2099-12-26"));
    hand_in(&course, SID, "IEMS5710/lab1").expect(0);
    let listed = staff(&course, ASSISTANT, &["list", "IEMS5710/lab1"]).expect(0).out;
    assert!(listed.contains(&format!("{SID}  ")) && listed.contains("in time, lodged"), "{listed}");
    assert!(listed.contains("1 in time, 0 late only, 0 with files missing, 1 nothing"), "{listed}");
}

#[test]
fn an_assistant_looks_and_changes_nothing_and_strangers_learn_nothing() {
    let (course, _cuhk, _blackboard) = course();
    for command in [
        &["course", "show", "IEMS5710"][..],
        &["roster", "list", "IEMS5710"],
        &["list", "IEMS5710/lab1"],
    ] {
        staff(&course, ASSISTANT, command).expect(0);
        // To a student of the course, as to everybody else, these addresses are not there.
        let known = staff(&course, SID, command);
        let guessed: Vec<String> =
            command.iter().map(|word| word.replace("IEMS5710", "COMP9999")).collect();
        let guessed: Vec<&str> = guessed.iter().map(String::as_str).collect();
        let guessed = staff(&course, SID, &guessed);
        assert_eq!((known.code, guessed.code), (1, 1), "{known:?} {guessed:?}");
        assert_eq!(known.err, guessed.err.replace("COMP9999", "IEMS5710"));
    }
    for command in [
        &["assignment", "set", "IEMS5710/lab1", "--due", "2100-01-01 00:00"][..],
        &["roster", "drop", "IEMS5710", OTHER_SID],
        &["group", "put", "IEMS5710", "Seven", SID],
        &["staff", "add", "IEMS5710", ASSISTANT, "--role", "owner"],
        &["course", "set", "IEMS5710", "--open-to", "everybody"],
    ] {
        staff(&course, ASSISTANT, command).explains(1, &["role in the course does not cover"]);
    }
    let shown = staff(&course, TEACHER, &["course", "show", "IEMS5710"]).expect(0).out;
    assert!(shown.contains("2099-12-24") && !shown.contains("2100"), "{shown}");
}

#[test]
fn a_group_hands_in_together() {
    let (course, _cuhk, _blackboard) = course();
    let add = ["assignment", "add", "IEMS5710/project", "--groups", "groups"];
    staff(&course, TEACHER, &add).expect(0);
    hand_in(&course, SID, "IEMS5710/project").explains(2, &["you are in none yet", TEACHER]);
    assert!(status(&course, SID).contains("handed in by groups, and you are in none: ask"));
    staff(&course, TEACHER, &["group", "put", "IEMS5710", "Seven", SID, OTHER_SID]).expect(0);
    hand_in(&course, SID, "IEMS5710/project").expect(0);
    for sid in [SID, OTHER_SID] {
        let told = status(&course, sid);
        assert!(told.contains("as the group Seven: 0955000001, 1155123456"), "{told}");
        assert!(told.contains("received, signed by 1155123456  ← counts"), "{told}");
    }
    let listed = staff(&course, TEACHER, &["list", "IEMS5710/project"]).expect(0).out;
    assert!(listed.contains("2 in time"), "{listed}");
    let verified = course.folder.run(&["verify", "project.receipt", "--root", "cuhk.cer"]);
    assert!(verified.out.contains(OTHER_SID), "{}", verified.out);
}

#[test]
fn what_counts_is_chosen_with_a_reason_that_both_sides_see() {
    let (course, _cuhk, _blackboard) = course();
    hand_in(&course, SID, "IEMS5710/lab1").expect(0);
    course.folder.write("report.txt", "a worse report");
    hand_in(&course, SID, "IEMS5710/lab1").expect(0);
    let rows = staff(&course, TEACHER, &["--json", "list", "IEMS5710/lab1"]).expect(0).documents();
    let mine = rows.iter().find(|row| row["sid"] == SID).unwrap();
    let claims = mine["claims"].as_array().unwrap();
    assert_eq!((claims.len(), &mine["counting"]), (2, &claims[0]["claim"]));
    let first = claims[1]["claim"].as_str().unwrap();
    let reason = ["--sid", SID, "--reason", "the second was a mistake"];
    staff(&course, TEACHER, &[&["count", "choose", "IEMS5710/lab1", first], &reason[..]].concat())
        .expect(0);
    let told = status(&course, SID);
    assert!(told.contains("← counts: staff chose it (the second was a mistake)"), "{told}");
    staff(&course, TEACHER, &[&["count", "by-rule", "IEMS5710/lab1"], &reason[..]].concat())
        .expect(0);
    assert!(!status(&course, SID).contains("staff chose"));
}

#[test]
fn what_is_handed_in_is_watched_as_it_happens_also_over_a_restart() {
    let (course, _cuhk, blackboard) = course();
    let who = ["staff", "--cuhk", &course.cuhk, "--blackboard", &course.blackboard, "--id"];
    let watch = |more: &[&str]| {
        course.folder.start(&[&who[..], &[ASSISTANT, "watch", "IEMS5710/lab1"], more].concat())
    };
    let watching = watch(&[]);
    watching.out.line("Watching IEMS5710");
    hand_in(&course, SID, "IEMS5710/lab1").expect(0);
    watching.out.shows(&format!("  {SID}  IEMS5710/lab1: lodged, in time"));
    watching.out.shows(&format!("  {SID}  IEMS5710/lab1: received in full"));
    // Somebody who waits holds up nothing, though the server would finish for an hour what is under way.
    blackboard.stop();
    watching.out.shows("Blackboard does not answer");
    let _blackboard = course.blackboard();
    hand_in(&course, OTHER_SID, "IEMS5710/lab1").expect(0);
    watching.out.shows(&format!("  {OTHER_SID}  IEMS5710/lab1: lodged, in time"));
    watching.signal("INT");
    let told = watching.end().expect(0).out;
    assert_eq!(told.matches("lodged, in time").count(), 2, "nothing is told twice:\n{told}");
    let all = watch(&["--since", "start", "--json"]);
    let events: Vec<_> =
        ["lodged", "received", "lodged", "received"].map(|name| all.out.event(name)).into();
    assert_eq!((&events[0]["sids"][0], &events[3]["sids"][0]), (&SID.into(), &OTHER_SID.into()));
    assert_eq!(events[0]["assignment"], "lab1");
    all.signal("INT");
    all.end().expect(0);
    // Others learn nothing, and who mistypes is told so.
    let stranger = staff(&course, SID, &["watch", "IEMS5710"]);
    assert_eq!(stranger.code, 1, "{stranger:?}");
    staff(&course, TEACHER, &["watch", "IEMS5710", "--since", "yesterday"]).expect(2);
}

#[test]
fn everybody_sees_who_changed_what_concerns_them() {
    let (course, _cuhk, _blackboard) = course();
    let set = ["assignment", "set", "IEMS5710/lab1", "--due", "2099-12-25 12:00"];
    staff(&course, TEACHER, &set).expect(0);
    let extend = ["extend", "grant", "IEMS5710/lab1", "--sid", SID, "--due", "2099-12-26 12:00"];
    staff(&course, TEACHER, &[&extend[..], &["--reason", "ill"]].concat()).expect(0);
    let changes =
        |sid: &str| course.folder.run(&["student", "changes", "--sid", sid]).expect(0).out;
    let told = changes(SID);
    for words in [
        "IEMS5710/lab1: assignment changed: due 2099-12-24 23:59:59.999 +08:00 (Asia/Hong_Kong) → 2099-12-25 12:00:59.999",
        "more time for the student 1155123456 until 2099-12-26 12:00:59.999 +08:00 (Asia/Hong_Kong); by 1155000009; because: ill",
        "IEMS5710: on the roster",
        "by the people who run Blackboard",
    ] {
        assert!(told.contains(words), "{words}:\n{told}");
    }
    let other = changes(OTHER_SID);
    assert!(other.contains("due 2099-12-24") && !other.contains("ill"), "{other}");
    assert!(!other.contains(SID) && !told.contains(OTHER_SID), "{other}{told}");
    let all = staff(&course, ASSISTANT, &["changes", "IEMS5710"]).expect(0).out;
    for words in [SID, OTHER_SID, "because: ill", "1155000008 staff: role assistant"] {
        assert!(all.contains(words), "{words}:\n{all}");
    }
    staff(&course, SID, &["changes", "IEMS5710"]).explains(1, &[]);
    let documents =
        staff(&course, TEACHER, &["--json", "changes", "IEMS5710"]).expect(0).documents();
    let granted = documents.iter().find(|one| one["deed"] == "extension-granted").unwrap();
    assert_eq!((&granted["by"], &granted["said"]["reason"]), (&TEACHER.into(), &"ill".into()));
}

#[test]
fn times_are_those_of_the_courses_zone() {
    let course = Course::new();
    let (_cuhk, _blackboard) = course.servers();
    let run = |command: &[&str]| course.folder.run(&[&["blackboard"], command].concat());
    run(&["course", "add", "B", "--zone", "Europe/Berlin"]).expect(0);
    let add = |due: &str| run(&["assignment", "add", "B/lab", "--due", due]);
    add("2026-10-25 02:30").explains(2, &["comes twice", "+02:00"]);
    add("2026-03-29 02:30").explains(2, &["does not exist"]);
    let told = add("2026-10-25 02:30 +01:00").expect(0).out;
    assert!(told.contains("2026-10-25 02:30:59.999 +01:00 (Europe/Berlin)"), "{told}");
    run(&["assignment", "add", "B/lab", "--zone", "UTC"]).explains(2, &["are in Europe/Berlin"]);
    let set = run(&["assignment", "set", "B/lab", "--late", "refuse"]).expect(0).out;
    assert!(set.contains("02:30:59.999 +01:00"), "{set}");
    let penalty = ["assignment", "set", "B/lab", "--penalty", "0h:10", "--penalty", "24h:10"];
    run(&penalty).explains(2, &["step 2"]);
}
