//! Blackboard that goes away between the session and the lodging: CUHK stamps, and whatever was sent before is settled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::course::{Course, SID};
use crate::front::{Fate, Front, course_behind, servers};
use crate::program::Program;

const HAND_IN: [&str; 6] = ["student", "hand-in", "report.pdf", "--to", "IEMS5710/lab1", "--yes"];

pub(crate) fn claims(course: &Course) -> Vec<Value> {
    course.folder.run(&["blackboard", "list", "IEMS5710/lab1", "--json"]).expect(0).documents()
}

/// There is one claim, it counts, and its receipt holds for these files; what that says.
pub(crate) fn the_claim(course: &Course, files: &str) -> Value {
    let listed = claims(course);
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((&listed[0]["state"], &listed[0]["counts"]), (&"received".into(), &true.into()));
    let verify = ["verify", "lab1.receipt", files, "--root", "cuhk.cer", "--json"];
    course.folder.run(&verify).expect(0).documents().remove(0)
}

/// And its receipt says when CUHK stamped it, if it did.
fn one_claim(course: &Course, stamped: bool) {
    let report = the_claim(course, "report.pdf");
    assert_eq!(!report["stamped_at"].is_null(), stamped, "{report}");
    assert!(!course.folder.has("lab1.pending"));
}

fn prepared(course: &Course) -> (Program, Program) {
    let servers = servers(course);
    course.enrol(SID);
    course.folder.write("report.pdf", vec![7; 5 * 1024 * 1024]);
    servers
}

/// Blackboard, which marked its last minute a quarter of an hour ago: so long it seems to have been away.
fn back_after_a_while(course: &Course) -> Program {
    crate::outages::execute(course, "UPDATE minute_marks SET last = last - 900000");
    let blackboard = course.blackboard();
    blackboard.out.line("Claims are taken: ");
    blackboard
}

/// The student, at the question whether to sign.
fn at_the_question(course: &Course) -> Program {
    let arguments = "student hand-in report.pdf --to IEMS5710/lab1";
    let student = Program::start(course.folder.on_a_terminal(arguments));
    student.out.shows("Sign this and hand it in? [y/N] ");
    student
}

#[test]
fn while_somebody_thinks_about_the_question() {
    let course = Course::new();
    let (_cuhk, blackboard) = prepared(&course);
    let mut student = at_the_question(&course);
    blackboard.stop();
    student.type_line("y");
    student.out.shows("Blackboard cannot be reached any more");
    student.out.shows("stamped by CUHK at ");
    student.out.shows("keep lab1.pending");
    let _blackboard = back_after_a_while(&course);
    student.out.shows("judged by CUHK's time");
    student.end().expect(0);
    one_claim(&course, true);
}

#[test]
fn and_cuhk_too_then_it_goes_on_asking_blackboard() {
    let course = Course::new();
    let (cuhk, blackboard) = prepared(&course);
    let mut student = at_the_question(&course);
    blackboard.stop();
    cuhk.stop();
    student.type_line("y");
    student.out.shows("CUHK did not stamp it: ");
    student.out.shows("Trying Blackboard again …");
    let _servers = (course.cuhk(), course.blackboard());
    student.end().expect(0);
    one_claim(&course, false);
}

/// What is sent through `front` fails from the lodging on, until the program waits for Blackboard.
fn cut_off(front: &Front, at_the_lodging: Fate) -> Arc<AtomicBool> {
    let back = Arc::<AtomicBool>::default();
    let (seen, mut cut) = (Arc::clone(&back), false);
    front.rule(move |_, target| {
        let lodging = target == "/v1/claims" && !cut;
        cut |= lodging;
        match (lodging, cut && !seen.load(Ordering::Relaxed)) {
            (true, _) => at_the_lodging.clone(),
            (_, true) => Fate::IsLost,
            _ => Fate::Passes,
        }
    });
    back
}

#[test]
fn after_it_has_lodged_the_claim_and_before_it_says_so() {
    let (course, front, behind) = course_behind();
    let front = Front::new(front, behind);
    let (_cuhk, _blackboard) = prepared(&course);
    front.serve(&course);
    let back = cut_off(&front, Fate::AnswerIsLost);
    let student = course.folder.start(&HAND_IN);
    student.out.shows("nobody knows whether the claim was lodged");
    student.out.shows("keep lab1.pending");
    assert_eq!(claims(&course).len(), 1, "Blackboard had it");
    back.store(true, Ordering::Relaxed);
    let done = student.end().expect(0);
    assert!(done.out.contains("Blackboard had it before it went away"), "{}", done.out);
    one_claim(&course, false);
    let asked = front.requests();
    assert!(!asked.iter().any(|(request, _)| request.contains("/v1/outages")), "{asked:?}");
}

/// By its minute marks Blackboard served: it does not go by CUHK's time, and the first claim is sent once more.
#[test]
fn before_it_gets_the_claim() {
    let (course, front, behind) = course_behind();
    let front = Front::new(front, behind);
    let (_cuhk, _blackboard) = prepared(&course);
    front.serve(&course);
    let back = cut_off(&front, Fate::IsLost);
    let student = course.folder.start(&HAND_IN);
    student.out.shows("keep lab1.pending");
    back.store(true, Ordering::Relaxed);
    let done = student.end().expect(0);
    assert!(done.out.contains("handing in by Blackboard's time"), "{}", done.out);
    one_claim(&course, false);
}

/// And stopped there; the same is settled by `resume`.
#[test]
fn and_the_program_is_killed_while_it_waits() {
    let (course, front, behind) = course_behind();
    let front = Front::new(front, behind);
    let (_cuhk, _blackboard) = prepared(&course);
    front.serve(&course);
    let back = cut_off(&front, Fate::AnswerIsLost);
    let student = course.folder.start(&HAND_IN);
    student.out.shows("keep lab1.pending");
    student.signal("KILL");
    student.end();
    back.store(true, Ordering::Relaxed);
    let done = course.folder.run(&["student", "resume"]).expect(0);
    assert!(done.out.contains("Blackboard had it before it went away"), "{}", done.out);
    one_claim(&course, false);
}

#[test]
fn in_the_dialogue() {
    let course = Course::new();
    let (_cuhk, blackboard) = prepared(&course);
    let mut student = course.folder.start(&["student", "--sid", SID]);
    student.out.shows("Blackboard knows you.");
    blackboard.stop();
    // It was never told of an assignment.
    student.type_line("/hand-in report.pdf --to IEMS5710/lab1");
    student.err.shows("has never told this program");
    let blackboard = course.blackboard();
    blackboard.out.line("Claims are taken: ");
    course.folder.run(&["student", "status"]).expect(0);
    blackboard.stop();
    student.type_line("/hand-in report.pdf --to IEMS5710/lab1");
    student.err.shows("have CUHK stamp it, and hand it in when Blackboard is back? [y/N] ");
    student.type_line("y");
    student.out.shows("keep lab1.pending");
    let blackboard = back_after_a_while(&course);
    student.out.shows("judged by CUHK's time");
    student.out.shows("The receipt is ");
    one_claim(&course, true);
    student.type_line("thank you");
    blackboard.out.line(&format!("SID:{SID} "));
    student.end_input();
    // What failed at first is not forgotten.
    student.end().expect(3);
}

#[test]
fn before_the_dialogue_begins() {
    let course = Course::new();
    let (_cuhk, blackboard) = prepared(&course);
    course.folder.run(&["student", "status"]).expect(0);
    blackboard.stop();
    let mut student = course.folder.start(&["student", "--sid", SID]);
    student.out.shows("Files can be handed in all the same");
    student.type_line("is anybody there?");
    student.err.shows("does not answer");
    student.type_line("/hand-in report.pdf --to IEMS5710/lab1");
    student.err.shows("have CUHK stamp it, and hand it in when Blackboard is back? [y/N] ");
    student.type_line("y");
    student.out.shows("keep lab1.pending");
    let blackboard = back_after_a_while(&course);
    student.out.shows("The receipt is ");
    one_claim(&course, true);
    student.type_line("now somebody is");
    blackboard.out.line(&format!("SID:{SID} "));
    student.end_input();
    student.end().expect(0);
}
