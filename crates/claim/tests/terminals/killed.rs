//! The student's program, killed anywhere and started again: it goes on with what there is, and says where that has
//! changed.

use std::os::unix::fs::MetadataExt;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::Method;

use crate::course::{Course, SID};
use crate::front::{Fate, Front, course_behind, servers};
use crate::going_away::{claims, the_claim};
use crate::program::Program;

pub(crate) const HAND_IN: [&str; 7] =
    ["student", "hand-in", "report.pdf", "data", "--to", "IEMS5710/lab1", "--yes"];

/// A front that can be told what to lose, both servers behind it, and a report of several pieces.
pub(crate) fn waiting_course() -> (Course, Front, Program, Program) {
    let (course, front, behind) = course_behind();
    let front = Front::new(front, behind);
    let (cuhk, blackboard) = servers(&course);
    front.serve(&course);
    course.enrol(SID);
    course.folder.write("report.pdf", vec![7; 9 << 20]);
    std::fs::create_dir(course.folder.path("data")).unwrap();
    course.folder.write("data/a.txt", "hello");
    (course, front, cuhk, blackboard)
}

/// Hands in, and kills the program at its request of this number, before it arrives or after it was done; tells whether
/// it was done before that.
fn killed_at(course: &Course, front: &Front, number: usize, fate: Fate, command: &[&str]) -> bool {
    let mut count = 0;
    front.rule(move |_, _| {
        count += 1;
        if count == number { fate.clone() } else { Fate::Passes }
    });
    let student = course.folder.start(command);
    // It comes to that request, or has made all of its own before.
    let is_done = loop {
        if front.one_hangs_within(Duration::from_millis(20)) {
            break false;
        }
        if student.out.text().contains("The receipt is ") {
            break true;
        }
    };
    // Whoever has made all requests ends by itself.
    if !is_done {
        student.signal("KILL");
    }
    student.end();
    front.rule(|_, _| Fate::Passes);
    is_done
}

#[test]
fn at_every_request_and_at_every_answer() {
    let (course, front, _cuhk, _blackboard) = waiting_course();
    for (round, number) in (1..).flat_map(|number| [(0, number), (1, number)]) {
        let name = format!("IEMS5710/step{number}-{round}");
        course.folder.run(&["blackboard", "assignment", "add", &name]).expect(0);
        let receipt = format!("{number}-{round}.receipt");
        let paths = ["student", "hand-in", "report.pdf", "data"];
        let more = ["--to", &name, "--receipt", &receipt, "--yes"];
        let command = [&paths[..], &more].concat();
        let fate = if round == 0 { Fate::Hangs } else { Fate::AnswerHangs };
        let is_done = killed_at(&course, &front, number, fate, &command);
        // The same command, or the other one where it knows of something.
        let resumed = course.folder.run(&["student", "resume", "--yes"]).expect(0);
        // With a receipt there is nothing to go on with.
        if resumed.out.contains("nothing that was begun") && !course.folder.has(&receipt) {
            course.folder.run(&command).expect(0);
        }
        let list = ["blackboard", "list", &name, "--json"];
        let listed = course.folder.run(&list).expect(0).documents();
        assert_eq!(listed.len(), 1, "killed at {number}-{round}: {listed:?}");
        assert_eq!((&listed[0]["state"], &listed[0]["counts"]), (&"received".into(), &true.into()));
        let verify = ["verify", &receipt, "report.pdf", "data", "--root", "cuhk.cer"];
        course.folder.run(&verify).expect(0);
        if is_done {
            assert!(number > 9, "only {number} requests");
            return;
        }
    }
}

/// Kills the program when the claim is lodged and no piece has arrived.
pub(crate) fn killed_before_the_files(course: &Course, front: &Front) {
    front.rule(|method, _| if *method == Method::PUT { Fate::Hangs } else { Fate::Passes });
    let student = course.folder.start(&HAND_IN);
    front.waits_until_one_hangs();
    student.signal("KILL");
    student.end();
    front.rule(|_, _| Fate::Passes);
    assert_eq!(claims(course)[0]["state"], "waiting");
}

/// Waits until the file has been at rest for so long that its times can be believed.
fn at_rest(course: &Course, name: &str) {
    let changed = std::fs::metadata(course.folder.path(name)).unwrap().ctime();
    let then = UNIX_EPOCH + Duration::from_secs(u64::try_from(changed).unwrap() + 5);
    // Nothing but the clock tells that a moment has passed.
    while SystemTime::now() < then {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_has_not_changed_is_not_read_again() {
    let (course, front, _cuhk, _blackboard) = waiting_course();
    at_rest(&course, "data/a.txt");
    killed_before_the_files(&course, &front);
    // A file that is newer than that, with the content that it had.
    course.folder.write("data/a.txt", "hello");
    let done = course.folder.run(&[&HAND_IN[..], &["--json"]].concat()).expect(0);
    let documents = done.documents();
    let read = documents.iter().find(|document| document["event"] == "files-read").unwrap();
    assert_eq!((&read["files"], &read["unchanged"]), (&2.into(), &1.into()));
    the_claim(&course, "data");
}

#[test]
fn files_that_were_changed_meanwhile_are_named_and_never_mixed() {
    let (course, front, _cuhk, _blackboard) = waiting_course();
    killed_before_the_files(&course, &front);
    course.folder.write("report.pdf", vec![8; 9 << 20]);
    course.folder.write("data/b.txt", "new");
    let said =
        ["still waits for its files", "report.pdf was changed", "data/b.txt is new", "--anew"];
    course.folder.run(&HAND_IN).explains(1, &said);
    assert_eq!(claims(&course).len(), 1, "nothing was sent");
    // `resume` has signed digests only, and finds it when it reads.
    let said = ["report.pdf was changed after the claim was signed", "--anew"];
    course.folder.run(&["student", "resume", "--yes"]).explains(1, &said);

    // As it was, it goes on.
    course.folder.write("report.pdf", vec![7; 9 << 20]);
    std::fs::remove_file(course.folder.path("data/b.txt")).unwrap();
    let done = course.folder.run(&HAND_IN).expect(0);
    assert!(done.out.contains("going on with that claim"), "{}", done.out);
    the_claim(&course, "report.pdf");
}

#[test]
fn changed_files_are_handed_in_anew_when_that_is_wanted() {
    let (course, front, _cuhk, _blackboard) = waiting_course();
    killed_before_the_files(&course, &front);
    course.folder.write("report.pdf", vec![8; 9 << 20]);
    let line = "student hand-in report.pdf data --to IEMS5710/lab1";
    let mut student = Program::start(course.folder.on_a_terminal(line));
    student.out.shows("Attention: claim ");
    student.out.shows("report.pdf was changed");
    student.out.shows("Sign this and hand it in? [y/N] ");
    student.type_line("n");
    student.end().expect(1);
    assert_eq!(claims(&course).len(), 1);
    course.folder.run(&[&HAND_IN[..], &["--anew"]].concat()).expect(0);
    let states: Vec<_> = claims(&course).iter().map(|claim| claim["state"].clone()).collect();
    assert_eq!(states, ["superseded", "received"]);
    let verify = ["verify", "lab1.receipt", "report.pdf", "data", "--root", "cuhk.cer"];
    course.folder.run(&verify).expect(0);
    // What was begun first is over, and that is said once.
    let resumed = course.folder.run(&["student", "resume"]).expect(0);
    assert!(resumed.out.contains("superseded"), "{}", resumed.out);
    let nothing = course.folder.run(&["student", "resume"]).expect(0);
    assert!(nothing.out.contains("nothing that was begun"), "{}", nothing.out);
}

/// The report is changed when the claim is lodged and its first piece is on its way.
fn changed_while_it_is_sent(course: &Course, front: &Front, command: &[&str]) -> Program {
    let ((tell, told), (let_go, gone)) = (channel(), channel::<()>());
    let mut first = true;
    front.rule(move |method, _| {
        if *method == Method::PUT && std::mem::take(&mut first) {
            tell.send(()).unwrap();
            gone.recv().unwrap();
        }
        Fate::Passes
    });
    let student = course.folder.start(command);
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    course.folder.write("report.pdf", vec![9; 40 << 20]);
    let_go.send(()).unwrap();
    student
}

#[test]
fn a_file_that_is_changed_while_it_is_sent() {
    let (course, front, _cuhk, _blackboard) = waiting_course();
    course.folder.write("report.pdf", vec![7; 40 << 20]);
    let student = changed_while_it_is_sent(&course, &front, &HAND_IN);
    let said = ["report.pdf was changed after the claim was signed", "--anew"];
    student.end().explains(1, &said);
    assert_eq!(claims(&course).len(), 1);

    course.folder.write("report.pdf", vec![6; 40 << 20]);
    let anew = [&HAND_IN[..], &["--anew"]].concat();
    let done = changed_while_it_is_sent(&course, &front, &anew).end().expect(0);
    assert!(done.out.contains("handing in anew"), "{}", done.out);
    let states: Vec<_> = claims(&course).iter().map(|claim| claim["state"].clone()).collect();
    assert_eq!(states, ["superseded", "superseded", "received"]);
    let verify = ["verify", "lab1.receipt", "report.pdf", "data", "--root", "cuhk.cer"];
    course.folder.run(&verify).expect(0);
}
