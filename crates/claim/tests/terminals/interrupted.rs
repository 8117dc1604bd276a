//! Lines that break, servers that die, answers that are lost: the hand-in completes, once.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::time::Duration;

use http::Method;

use crate::course::{Course, SID};
use crate::front::{Fate, Front, Wire, course_behind, servers};
use crate::going_away::the_claim;
use crate::program::Program;

const HAND_IN: [&str; 6] = ["student", "hand-in", "data", "--to", "IEMS5710/lab1", "--yes"];

/// A hundred pauses of half a second take their time.
const LONG: Duration = Duration::from_secs(300);

/// So many small files of this size, and one of several pieces that comes after them.
fn prepared_with(course: &Course, small: usize, size: usize) -> (Program, Program) {
    let servers = servers(course);
    course.enrol(SID);
    std::fs::create_dir(course.folder.path("data")).unwrap();
    for number in 0..small {
        let text = format!("{number:03} ").repeat(size / 4);
        course.folder.write(&format!("data/{number:03}.txt"), text);
    }
    course.folder.write("data/large.bin", vec![7; 9 * 1024 * 1024]);
    servers
}

fn prepared(course: &Course, small: usize) -> (Program, Program) {
    prepared_with(course, small, 4_000)
}

#[test]
fn a_line_that_is_cut_a_hundred_times() {
    let (course, front, behind) = course_behind();
    // Some are cut within the handshake; the others are long enough for the claim (50 KB), or two files.
    let budgets =
        (0..110_u64).map(|number| if number % 10 == 3 { 900 } else { 65_000 + number * 97 });
    let wire = Wire::new(front, behind, budgets);
    let (_cuhk, _blackboard) = prepared_with(&course, 400, 20_000);
    let done = course.folder.start(&HAND_IN).end_within(LONG).expect(0);
    assert!(done.out.contains("trying again in"), "{}", done.out);
    assert!(wire.cuts() >= 100, "{}", wire.cuts());
    the_claim(&course, "data");
}

/// Pieces that share a line which breaks after six megabytes would never all get through.
#[test]
fn a_line_that_breaks_before_four_pieces_are_through() {
    let (course, front, behind) = course_behind();
    let wire = Wire::new(front, behind, [6 << 20; 8]);
    let (_cuhk, _blackboard) = prepared(&course, 1);
    course.folder.write("data/large.bin", vec![9; 32 << 20]);
    course.folder.start(&HAND_IN).end_within(LONG).expect(0);
    assert!(wire.cuts() >= 5, "{}", wire.cuts());
    the_claim(&course, "data");
}

#[test]
fn one_request_in_ten_fails() {
    let (course, front, behind) = course_behind();
    let front = Front::new(front, behind);
    let (_cuhk, _blackboard) = prepared(&course, 250);
    front.serve(&course);
    // The same on every run: a linear congruential generator (Knuth, MMIX).
    let mut state = 0x5710_u64;
    front.rule(move |_, _| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let number = state >> 33;
        if !number.is_multiple_of(10) {
            return Fate::Passes;
        }
        match number / 10 % 6 {
            0 => Fate::IsLost,
            1 => Fate::AnswerIsLost,
            2 => Fate::AnswerIsCut,
            3 => Fate::IsLate(Duration::from_millis(300)),
            4 => Fate::IsAnswered(503, "1"),
            _ => Fate::IsAnswered(502, ""),
        }
    });
    course.folder.start(&HAND_IN).end_within(LONG).expect(0);
    let requests = front.requests();
    let failed = requests.iter().filter(|(_, fate)| !matches!(fate, Fate::Passes)).count();
    assert!(failed >= 20, "{failed} of {}", requests.len());
    the_claim(&course, "data");
}

#[test]
fn every_answer_is_lost_once() {
    let (course, front, behind) = course_behind();
    let front = Front::new(front, behind);
    let (_cuhk, _blackboard) = prepared(&course, 3);
    front.serve(&course);
    let mut seen = BTreeSet::new();
    front.rule(move |method, target| match seen.insert((method.clone(), target.to_owned())) {
        true => Fate::AnswerIsLost,
        false => Fate::Passes,
    });
    course.folder.start(&HAND_IN).end_within(LONG).expect(0);
    let lost: BTreeSet<_> = front.requests().into_iter().map(|(request, _)| request).collect();
    for request in ["POST /v1/challenges", "POST /v1/sessions", "POST /v1/claims"] {
        assert!(lost.contains(request), "{lost:?}");
    }
    the_claim(&course, "data");
}

#[test]
fn blackboard_is_killed_in_the_middle_of_the_files_and_started_again() {
    let (course, front, behind) = course_behind();
    let front = Front::new(front, behind);
    let (_cuhk, blackboard) = prepared(&course, 60);
    front.serve(&course);
    let (tell, told) = channel();
    let mut pieces = 0;
    front.rule(move |method, _| {
        pieces += usize::from(*method == Method::PUT);
        if pieces == 20 {
            let _ = tell.send(());
        }
        Fate::Passes
    });
    let student = course.folder.start(&HAND_IN);
    told.recv_timeout(LONG).unwrap();
    blackboard.signal("KILL");
    blackboard.end();
    let _blackboard = course.blackboard();
    student.end_within(LONG).expect(0);
    the_claim(&course, "data");
}

#[test]
fn whoever_asks_to_wait_is_given_that_time() {
    let (course, front, behind) = course_behind();
    let front = Front::new(front, behind);
    let (_cuhk, _blackboard) = prepared(&course, 1);
    front.serve(&course);
    let mut asked = 0;
    front.rule(move |method, _| {
        asked += usize::from(*method == Method::PUT);
        match (method == Method::PUT, asked) {
            (true, 1) => Fate::IsAnswered(503, "2"),
            _ => Fate::Passes,
        }
    });
    let done = course.folder.run(&HAND_IN).expect(0);
    let pause = done.out.split_once("; trying again in ").unwrap().1.split_once(" s").unwrap().0;
    assert!(pause.parse::<f64>().unwrap() >= 2.2, "{}", done.out);
    the_claim(&course, "data");
}
