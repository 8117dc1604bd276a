//! The seed's three terminals: CUHK, Blackboard and the student in one folder, without any option.

use std::thread;

use crate::course::{Course, OTHER_SID, SID};
use crate::program::Program;

/// The line with a message in Blackboard's terminal: who, when (on the clock of this place), what.
fn check_message_line(line: &str, sid: &str, text: &str) {
    let rest = line.strip_prefix(&format!("SID:{sid} ")).expect(line);
    let (time, message) = rest.split_once("  ").expect(line);
    assert_eq!(message, text);
    let (clock, zone) = time.split_once('+').expect(line);
    assert_eq!(zone, "08:00");
    let shape: String = clock.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(shape, "99:99:99");
}

fn answer_question(student: &mut Program, sid: &str) {
    student.err.shows("Student ID (10 digits): ");
    student.type_line(sid);
}

#[test]
fn three_terminals_in_one_folder() {
    let course = Course::new();
    let folder = &course.folder;
    let cuhk = course.cuhk();
    cuhk.out.line("LOCAL DEMONSTRATION: this CUHK certifies ANY student ID, ");
    assert!(folder.has("cuhk.cer") && folder.has("cuhk.key"));
    let blackboard = course.blackboard();
    cuhk.out.line(&format!("Server: {} certificate ", course.blackboard));

    let mut student = folder.start(&["student"]);
    for (typed, told) in [
        ("", "a student ID has exactly 10 digits; this has 0 characters."),
        ("115512345", "a student ID has exactly 10 digits; this has 9 characters."),
        ("11551234567", "a student ID has exactly 10 digits; this has 11 characters."),
        ("115512345x", "a student ID has only the digits 0 to 9; character 10 is 'x'."),
        ("１１５５１２３４５６", "a student ID has only the digits 0 to 9; character 1 is "),
        ("1155 123456", "a student ID has only the digits 0 to 9; character 5 is ' '."),
    ] {
        answer_question(&mut student, typed);
        student.out.shows(&format!("That is not a student ID: {told}"));
    }
    answer_question(&mut student, &format!("  {SID} "));
    assert_eq!(student.out.line("SID: "), format!("SID: {SID} sign finished."));
    cuhk.out.line(&format!("SID: {SID} certificate "));
    student.out.shows("Type a message and press Enter");

    for (number, text) in [(1, "Hello"), (2, "報告已完成 ✓"), (3, "  spaces stay  ")] {
        student.err.shows("> ");
        student.type_line(text);
        student.out.shows(&format!("Blackboard has message {number} ("));
        check_message_line(&blackboard.out.line("SID:"), SID, text.trim_end());
    }
    student.err.shows("> ");
    student.type_line("   ");
    student.err.shows("> ");
    student.end_input();
    let done = student.end().expect(0);
    assert!(!done.err.contains("error"), "{}", done.err);
    blackboard.stop();
    cuhk.stop();

    // Later starts load what the first one made.
    let made = [folder.read("cuhk.cer"), folder.read("cuhk.key"), folder.read("blackboard.key")];
    let key = folder.read(&format!("{SID}.key"));
    let (cuhk, blackboard) = course.servers();
    let mut student = folder.start(&["student"]);
    answer_question(&mut student, SID);
    student.out.shows(&format!("{SID} has a certificate, valid until "));
    student.err.shows("> ");
    student.type_line("here again");
    student.out.shows("Blackboard has message 4 (");
    check_message_line(&blackboard.out.line("SID:"), SID, "here again");
    student.end_input();
    student.end().expect(0);
    blackboard.stop();
    cuhk.stop();
    let found = [folder.read("cuhk.cer"), folder.read("cuhk.key"), folder.read("blackboard.key")];
    assert_eq!(found, made);
    assert_eq!(folder.read(&format!("{SID}.key")), key);
}

#[test]
fn in_the_wrong_order() {
    let course = Course::new();
    let folder = &course.folder;
    // The student first: there is no root to believe in yet, so only an invitation could help.
    let done = folder.run_with(&["student"], format!("{SID}\n"));
    let done = done.explains(1, &["no root certificate", "claim cuhk", "same folder"]);
    assert!(done.err.contains("Paste your invitation (claim://…)"), "{}", done.err);
    assert_eq!(folder.names(), ["claim.toml"]);

    // Blackboard before CUHK: it waits, and goes on by itself.
    let blackboard = folder.start(&["blackboard"]);
    blackboard.out.line("Waiting for CUHK to leave ");
    let cuhk = course.cuhk();
    blackboard.out.line("Blackboard listens on ");

    // CUHK away: whoever is enrolled does not need it, whoever is not is told what to start.
    course.enrol(SID);
    cuhk.stop();
    let said = folder.run(&["student", "say", "CUHK sleeps"]).expect(0);
    assert!(said.out.contains("Blackboard has message 1 ("), "{}", said.out);
    let done = folder.run(&["student", "enroll", "--sid", OTHER_SID]);
    done.explains(3, &[&course.cuhk, "nothing listens there", "`claim cuhk`", "--cuhk"]);

    // Blackboard away.
    blackboard.stop();
    let done = folder.run(&["student", "say", "--sid", SID, "is anybody there?"]);
    done.explains(
        3,
        &[&course.blackboard, "nothing listens", "`claim blackboard`", "--blackboard"],
    );
    let done = folder.run_with(&["student"], format!("{SID}\n"));
    done.explains(3, &["nothing listens there", "`claim blackboard`"]);

    // What was cut off goes on where it was.
    let _servers = course.servers();
    let done = folder.run(&["student", "enroll", "--sid", OTHER_SID]).expect(0);
    assert!(done.out.contains(&format!("SID: {OTHER_SID} sign finished.")), "{}", done.out);
}

#[test]
fn two_students_at_once() {
    let course = Course::new();
    let (_cuhk, blackboard) = course.servers();
    let mut students: Vec<_> =
        [SID, OTHER_SID].map(|sid| (sid, course.folder.start(&["student"]))).into_iter().collect();
    for (sid, student) in &mut students {
        answer_question(student, sid);
    }
    for (sid, student) in &mut students {
        student.out.shows(&format!("SID: {sid} sign finished."));
        student.err.shows("> ");
    }
    for (sid, student) in &mut students {
        student.type_line(&format!("from {sid}"));
        student.out.shows("Blackboard has message ");
        check_message_line(&blackboard.out.line("SID:"), sid, &format!("from {sid}"));
    }
    for (_, mut student) in students {
        student.end_input();
        student.end().expect(0);
    }
}

#[test]
fn one_student_enrols_in_several_terminals_at_once() {
    let course = Course::new();
    let (_cuhk, _blackboard) = course.servers();
    let serials: Vec<_> = thread::scope(|scope| {
        let enrol = || {
            let done = course.folder.run(&["student", "enroll", "--sid", SID, "--json"]).expect(0);
            done.documents().last().unwrap()["serial"].clone()
        };
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(enrol)).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    assert!(serials.iter().all(|serial| serial == &serials[0]), "{serials:?}");
    let listed = course.folder.run(&["cuhk", "list", "--json"]).expect(0).documents();
    let own: Vec<_> = listed.iter().filter(|entry| entry["holder"] == SID).collect();
    assert_eq!(own.len(), 1, "{listed:?}");
}

#[test]
fn a_session_survives_servers_that_stop_or_are_killed() {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    let mut student = course.folder.start(&["student", "--sid", SID]);
    student.err.shows("> ");
    student.type_line("one");
    student.out.shows("Blackboard has message 1 (");

    blackboard.stop();
    student.type_line("two");
    student.out.shows("nothing listens there; trying again in ");
    let blackboard = course.blackboard();
    student.out.shows("Blackboard has message 2 (");

    blackboard.signal("KILL");
    blackboard.end().expect(128 + 9);
    cuhk.signal("KILL");
    cuhk.end().expect(128 + 9);
    let (_cuhk, blackboard) = course.servers();
    student.type_line("three");
    student.out.shows("Blackboard has message 3 (");
    blackboard.out.line("SID:");
    student.end_input();
    let done = student.end().expect(0);
    assert!(!done.out.contains("session has ended"), "the session is the first one:\n{}", done.out);

    let messages = course.folder.run(&["blackboard", "messages", "--json"]).expect(0).documents();
    let texts: Vec<_> = messages.iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    course.enrol(OTHER_SID);
}

#[test]
fn without_the_sealing_key_students_open_a_new_session_by_themselves() {
    let course = Course::new();
    let (_cuhk, blackboard) = course.servers();
    let mut student = course.folder.start(&["student", "--sid", SID]);
    student.err.shows("> ");
    blackboard.stop();
    std::fs::remove_file(course.folder.path("sealing.key")).unwrap();
    let blackboard = course.blackboard();
    blackboard.err.shows("open new ones");
    student.type_line("still me");
    student.out.shows("The session has ended (");
    student.out.shows("Blackboard has message 1 (");
}

#[test]
fn a_report_is_handed_in_between_two_messages() {
    let course = Course::new();
    let (_cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    course.folder.write("my report.pdf", "The report.\n");
    let mut student = course.folder.start(&["student", "--sid", SID]);
    student.err.shows("> ");
    student.type_line("Here it comes.");
    student.out.shows("Blackboard has message 1 (");

    // Looked at, and not signed.
    student.err.shows("> ");
    student.type_line("/hand-in 'my report.pdf'");
    student.out.shows("For       blackboard/inbox");
    student.out.shows("my report.pdf");
    student.err.shows("Sign this and hand it in? [y/N] ");
    student.type_line("");
    student.out.shows("Nothing was done.");
    // What cannot be handed in is said, and the dialogue goes on.
    student.err.shows("> ");
    student.type_line("/hand-in nowhere.pdf");
    student.err.shows("nowhere.pdf");

    student.err.shows("> ");
    student.type_line("/hand-in 'my report.pdf'");
    student.err.shows("Sign this and hand it in? [y/N] ");
    student.type_line("y");
    student.out.shows("lodged ");
    student.out.shows("received: all files of claim ");
    student.out.shows("The receipt is inbox.receipt. Keep it.");
    assert!(blackboard.out.line("SID:").contains("Here it comes."));
    assert!(blackboard.out.line("SID:").contains("lodged a claim for blackboard/inbox"));
    assert!(blackboard.out.line("SID:").contains("handed in 1 file for blackboard/inbox"));

    student.err.shows("> ");
    student.type_line("That was it.");
    student.out.shows("Blackboard has message 2 (");
    student.end_input();
    // Not everything that was asked for was done, which the exit code tells at the end.
    student.end().expect(1);
    let verify = ["verify", "inbox.receipt", "my report.pdf", "--root", "cuhk.cer"];
    course.folder.run(&verify).expect(0);
}
