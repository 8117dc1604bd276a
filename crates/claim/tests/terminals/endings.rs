//! Ctrl-C and SIGTERM: every program ends at once, with exit code 0.

use std::net::TcpStream;

use crate::course::{Course, Folder, SID};
use crate::program::Program;

#[test]
fn servers_stop_when_told_even_with_connections_open() {
    let course = Course::new();
    for signal in ["INT", "TERM"] {
        let (cuhk, blackboard) = course.servers();
        // Somebody who is connected and silent, and a student in the middle of a session.
        let silent: Vec<_> = [&course.cuhk, &course.blackboard]
            .map(|origin| TcpStream::connect(origin.trim_start_matches("https://")).unwrap())
            .into_iter()
            .collect();
        let student = course.folder.start(&["student", "--sid", SID]);
        student.err.shows("> ");
        for server in [blackboard, cuhk] {
            server.signal(signal);
            server.out.shows("Stopping: ");
            server.end().expect(0);
        }
        drop(silent);
    }
}

#[test]
fn a_waiting_blackboard_stops() {
    for signal in ["INT", "TERM"] {
        let folder = Folder::new();
        let blackboard = folder.start(&["blackboard", "--listen", "127.0.0.1:0"]);
        blackboard.out.line("Waiting for CUHK to leave ");
        blackboard.signal(signal);
        blackboard.end().expect(0);
    }
}

#[test]
fn a_student_stops_at_any_question() {
    let course = Course::new();
    let (_cuhk, _blackboard) = course.servers();
    for signal in ["INT", "TERM"] {
        let student = course.folder.start(&["student"]);
        student.err.shows("Student ID (10 digits): ");
        student.signal(signal);
        student.end().expect(0);

        let student = course.folder.start(&["student", "--sid", SID]);
        student.err.shows("> ");
        student.signal(signal);
        let done = student.end().expect(0);
        assert!(done.out.contains("Stopped. What was acknowledged is safe"), "{}", done.out);
    }
}

#[test]
fn ctrl_c_on_a_terminal() {
    let course = Course::new();
    let mut cuhk = Program::start(course.folder.on_a_terminal("cuhk"));
    cuhk.out.shows("CUHK listens on ");
    cuhk.send(b"\x03");
    cuhk.out.shows("Stopping: ");
    cuhk.end().expect(0);

    let (_cuhk, _blackboard) = course.servers();
    let mut student = Program::start(course.folder.on_a_terminal("student"));
    student.out.shows("Student ID (10 digits): ");
    student.type_line(SID);
    student.out.shows("> ");
    student.type_line("typed on a terminal");
    student.out.shows("Blackboard has message 1 (");
    student.out.shows("> ");
    student.send(b"\x03");
    student.out.shows("Stopped. ");
    student.end().expect(0);
}

#[test]
fn end_of_input_on_a_terminal() {
    let course = Course::new();
    let (_cuhk, _blackboard) = course.servers();
    let mut student = Program::start(course.folder.on_a_terminal("student"));
    student.out.shows("Student ID (10 digits): ");
    student.type_line(SID);
    student.out.shows("> ");
    student.send(b"\x04");
    student.end().expect(0);
}
