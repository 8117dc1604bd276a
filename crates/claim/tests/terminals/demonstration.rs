//! `claim demo`.

use std::net::TcpListener;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::course::{Folder, OTHER_SID, SID, has_escapes};
use crate::program::Program;

/// One demonstration at a time: they all begin with the same ports.
pub(crate) fn stage() -> MutexGuard<'static, ()> {
    static STAGE: Mutex<()> = Mutex::new(());
    STAGE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn six_steps_with_the_usual_ports_taken() {
    let _stage = stage();
    let taken = [9335, 3141].map(|port| (port, TcpListener::bind(("127.0.0.1", port))));
    let folder = Folder::new();
    let done = folder.run(&["demo", "--sid", SID]).expect(0);
    for (port, listener) in taken {
        let told =
            format!("Port {port} is taken (a server that runs already?); taking a free one.");
        // Where somebody else had the port, nobody knows for how long.
        assert!(listener.is_err() || done.out.contains(&told), "{}", done.out);
    }
    for step in 0..=6 {
        assert!(done.out.contains(&format!("\nStep {step}  ")), "{step}:\n{}", done.out);
        assert!(done.out.contains(&format!("\n  step {step}  ")), "{step}:\n{}", done.out);
    }
    for line in [&format!("SID: {SID} sign finished."), &format!("  Hello, this is {SID}.")] {
        assert!(done.out.lines().any(|said| said.ends_with(line)), "{line}:\n{}", done.out);
    }
    assert!(done.out.contains("inbox.receipt: verified. Every check holds."), "{}", done.out);
    assert!(!done.out.contains("Refused"), "{}", done.out);
    assert!(done.out.contains(&format!("\"SID:{SID} requests to upload report !\"")));
    assert_eq!(done.err, "");
    assert!(!has_escapes(&done.out), "colour on a pipe");
    assert_eq!(folder.names(), Vec::<String>::new(), "the folder of the demonstration was another");
}

#[test]
fn twice_in_the_same_folder() {
    let _stage = stage();
    let folder = Folder::new();
    let first = folder.run(&["demo", "--sid", SID, "--dir", "kept"]).expect(0);
    assert!(first.out.contains(" are in kept."), "{}", first.out);
    let root = folder.read("kept/cuhk.cer");
    let second = folder.run(&["demo", "--sid", SID, "--dir", "kept"]).expect(0);
    assert!(second.out.contains("has a certificate in this folder already"), "{}", second.out);
    let third = folder.run(&["demo", "--sid", OTHER_SID, "--dir", "kept"]).expect(0);
    assert!(third.out.contains(&format!("SID: {OTHER_SID} sign finished.")), "{}", third.out);
    assert_eq!(folder.read("kept/cuhk.cer"), root);
    folder
        .run(&["verify", "kept/inbox.receipt", "kept/report.txt", "--root", "kept/cuhk.cer"])
        .expect(4);
    folder
        .run(&["verify", "kept/inbox-2.receipt", "kept/report.txt", "--root", "kept/cuhk.cer"])
        .expect(0);
    let messages = folder.run(&["blackboard", "messages", "--dir", "kept", "--json"]).expect(0);
    assert_eq!(messages.documents().len(), 6);
}

#[test]
fn the_student_id_is_asked_for() {
    let _stage = stage();
    let folder = Folder::new();
    let mut demo = folder.start(&["demo"]);
    demo.err.shows("Student ID (10 digits): ");
    demo.type_line("115512345");
    demo.out.shows("That is not a student ID: a student ID has exactly 10 digits");
    demo.err.shows("Student ID (10 digits): ");
    demo.type_line(SID);
    demo.out.shows(&format!("SID: {SID} sign finished."));
    demo.end().expect(0);

    folder.run(&["demo"]).explains(2, &["no student ID was given", "--sid"]);
    let done = folder.run(&["demo", "--sid", "115512345"]).expect(2);
    assert!(done.err.contains("exactly 10 digits"), "{}", done.err);
}

#[test]
fn on_a_terminal_with_colour_and_without() {
    let _stage = stage();
    for colour in [true, false] {
        let folder = Folder::new();
        let mut command = folder.on_a_terminal("demo");
        if !colour {
            command.env("NO_COLOR", "1");
        }
        let mut demo = Program::start(command);
        demo.out.shows("Student ID (10 digits): ");
        demo.type_line(SID);
        demo.out.shows(&format!("SID: {SID} sign finished."));
        let done = demo.end().expect(0);
        assert_eq!(has_escapes(&done.out), colour, "{:?}", done.out);
    }
}

#[test]
fn stopped_half_way() {
    let _stage = stage();
    let folder = Folder::new();
    let demo = folder.start(&["demo", "--dir", "kept"]);
    demo.err.shows("Student ID (10 digits): ");
    demo.signal("INT");
    let done = demo.end().expect(0);
    assert!(done.out.ends_with("\nStopped.\n"), "{}", done.out);
    folder.run(&["demo", "--dir", "kept", "--sid", SID]).expect(0);
}

#[test]
fn in_json_and_quietly() {
    let _stage = stage();
    let folder = Folder::new();
    let done = folder.run(&["demo", "--sid", SID, "--json"]).expect(0);
    let documents = done.documents();
    for event in ["listening", "sign-finished", "message", "message-acknowledged", "summary"] {
        assert!(
            documents.iter().any(|document| document["event"] == event),
            "{event}: {}",
            done.out
        );
    }
    let done = folder.run(&["demo", "--sid", SID, "--quiet"]).expect(0);
    // What the receipt proves is a result.
    let first = done.out.lines().next().unwrap();
    assert!(first.ends_with("inbox.receipt: verified. Every check holds."), "{}", done.out);
    assert_eq!(done.err, "");
}
