//! Handing in while Blackboard is away: both real servers, stopped and started again.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::course::{Course, OTHER_SID, SID};
use crate::program::Program;

const HAND_IN: [&str; 6] = ["student", "hand-in", "report.pdf", "--to", "IEMS5710/lab1", "--yes"];

/// Both servers ready for claims, an assignment, a student who was told of it, and a report.
pub(crate) fn course() -> (Course, Program, Program) {
    course_with("")
}

/// The same with these settings of Blackboard's.
pub(crate) fn course_with(settings: &str) -> (Course, Program, Program) {
    let course = Course::new();
    let file = course.folder.read("claim.toml");
    let table = "[blackboard]\n";
    course.folder.write("claim.toml", file.replace(table, &format!("{table}{settings}")));
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    let add = ["blackboard", "assignment", "add", "IEMS5710/lab1", "--due", "2099-12-24 23:59"];
    course.folder.run(&add).expect(0);
    course.enrol(SID);
    course.folder.write("report.pdf", vec![7; 5 * 1024 * 1024]);
    (course, cuhk, blackboard)
}

pub(crate) fn told(course: &Course) {
    course.folder.run(&["student", "status"]).expect(0);
}

/// Does to Blackboard's database what the program never would.
pub(crate) fn execute(course: &Course, statement: &str) {
    let run = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30); c.execute(sys.argv[2]); c.commit()";
    let mut python = Command::new("python3");
    python.args(["-c", run]).arg(course.folder.path("blackboard.db")).arg(statement);
    assert!(python.status().unwrap().success());
}

/// Blackboard, which marked its last minute a quarter of an hour ago: so long it seems to have been away.
fn back_after_a_while(course: &Course) -> Program {
    execute(course, "UPDATE minute_marks SET last = last - 900000");
    let blackboard = course.blackboard();
    blackboard.out.line("Claims are taken: ");
    blackboard
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap()
}

#[test]
fn the_program_finishes_by_itself_when_blackboard_is_back() {
    let (course, _cuhk, blackboard) = course();
    told(&course);
    blackboard.stop();
    let student = course.folder.start(&HAND_IN);
    student.out.shows("stamped by CUHK at ");
    student.out.shows("will finish when Blackboard is back: keep lab1.pending");
    let mode = course.folder.path("lab1.pending").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let _blackboard = back_after_a_while(&course);
    let done = student.end().expect(0);
    for words in ["judged by CUHK's time", "before the deadline", "lab1.receipt", "counts"] {
        assert!(done.out.contains(words), "{words}:\n{}", done.out);
    }
    assert!(!course.folder.has("lab1.pending"));
    let verified = course
        .folder
        .run(&["verify", "lab1.receipt", "report.pdf", "--root", "cuhk.cer", "--json"])
        .expect(0);
    let report = &verified.documents()[0];
    assert!(report["stamped_at"].as_str() < report["lodged_at"].as_str(), "{report}");
    let outages = course.folder.run(&["blackboard", "outage", "list"]).expect(0);
    assert!(outages.out.contains("by the minute marks"), "{}", outages.out);
}

#[test]
fn what_waits_is_resumed_after_the_program_was_stopped() {
    let (course, _cuhk, blackboard) = course();
    told(&course);
    blackboard.stop();
    let student = course.folder.start(&HAND_IN);
    student.out.shows("keep lab1.pending");
    // Ctrl-C loses nothing.
    student.signal("INT");
    student.end().expect(3);
    let resume = ["student", "resume", "--no-wait"];
    course.folder.run(&resume).explains(3, &["does not answer"]);
    assert!(course.folder.has("lab1.pending"));
    let _blackboard = back_after_a_while(&course);
    let done = course.folder.run(&["student", "resume"]).expect(0);
    assert!(done.out.contains("judged by CUHK's time"), "{}", done.out);
    assert!(!course.folder.has("lab1.pending") && course.folder.has("lab1.receipt"));
    let nothing = course.folder.run(&["student", "resume"]).expect(0);
    assert!(nothing.out.contains("Nothing here waits"), "{}", nothing.out);
    // A receipt of an outage has one command more.
    let checked = course.folder.run(&["verify", "lab1.receipt", "--root", "cuhk.cer"]).expect(0);
    assert!(checked.out.contains("by CUHK's clock"), "{}", checked.out);
}

/// Blackboard was away for some seconds around the deadline, which its minute marks do not show.
#[test]
fn past_the_deadline_nothing_is_taken_that_nothing_shows_until_people_allow_it() {
    let (course, _cuhk, blackboard) = course();
    let due = now() + 30_000;
    execute(&course, &format!("UPDATE assignments SET due = {due} WHERE course = 'IEMS5710'"));
    told(&course);
    blackboard.stop();
    let student = course.folder.start(&HAND_IN);
    let stamped = student.out.line("stamped by CUHK at ");
    assert!(stamped.contains("before the deadline"), "{stamped}");
    // Nothing but the clock tells that a moment has passed.
    while now() <= due {
        std::thread::sleep(Duration::from_millis(20));
    }
    let blackboard = course.blackboard();
    blackboard.out.line("Claims are taken: ");
    let refused = ["does not take it by CUHK's time", "Keep lab1.pending"];
    student.end().explains(1, &refused);
    assert!(course.folder.has("lab1.pending") && !course.folder.has("lab1.receipt"));
    let listed = course.folder.run(&["blackboard", "list", "IEMS5710/lab1", "--json"]).expect(0);
    assert!(listed.documents().is_empty());

    // The people who run Blackboard know better: the minute before this one, and as always a minute around it.
    let minute = |at: u64| {
        let format = ["-u", "-d", &format!("@{}", at / 1000), "+%Y-%m-%d %H:%M"].map(str::to_owned);
        let told = Command::new("date").args(format).output().unwrap();
        String::from_utf8(told.stdout).unwrap().trim().to_owned()
    };
    let (since, until) = (minute(due - 120_000), minute(now() - 60_000));
    let allow = ["blackboard", "outage", "allow", "--since", &since, "--until", &until];
    let reason = ["--reason", "the campus network was down"];
    let allowed = course.folder.run(&[&allow[..], &reason].concat()).expect(0);
    assert!(allowed.out.contains("the campus network was down"), "{}", allowed.out);
    course.folder.run(&["student", "resume"]).expect(0);
    let verified = course
        .folder
        .run(&["verify", "lab1.receipt", "report.pdf", "--root", "cuhk.cer"])
        .expect(0);
    for words in ["in time", "by CUHK's clock", "it is judged by CUHK's time"] {
        assert!(verified.out.contains(words), "{words}:\n{}", verified.out);
    }
}

#[test]
fn before_the_deadline_a_short_outage_costs_nothing() {
    let (course, _cuhk, blackboard) = course();
    told(&course);
    blackboard.stop();
    let student = course.folder.start(&HAND_IN);
    student.out.shows("keep lab1.pending");
    let blackboard = course.blackboard();
    blackboard.out.line("Claims are taken: ");
    let done = student.end().expect(0);
    assert!(
        done.out.contains("It is not too late yet: handing in by Blackboard's time."),
        "{}",
        done.out
    );
    assert!(!course.folder.has("lab1.pending"));
    let verified = course
        .folder
        .run(&["verify", "lab1.receipt", "report.pdf", "--root", "cuhk.cer", "--json"])
        .expect(0);
    assert!(verified.documents()[0]["stamped_at"].is_null());
}

#[test]
fn without_cuhk_or_without_having_been_told_it_says_so() {
    let (course, cuhk, blackboard) = course();
    blackboard.stop();
    let never =
        ["Blackboard does not answer", "has never told this program", "claim student status"];
    course.folder.run(&HAND_IN).explains(3, &never);
    let blackboard = course.blackboard();
    blackboard.out.line("Claims are taken: ");
    told(&course);
    // Told to one is not told to the other.
    course.enrol(OTHER_SID);
    blackboard.stop();
    let other = [&HAND_IN[..], &["--sid", OTHER_SID]].concat();
    course.folder.run(&other).explains(3, &never);
    cuhk.stop();
    let both = ["CUHK does not answer", "Neither Blackboard nor CUHK can be reached"];
    course.folder.run(&[&HAND_IN[..], &["--sid", SID]].concat()).explains(3, &both);
    assert!(!course.folder.has("lab1.pending"));
}
