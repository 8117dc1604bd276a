//! `say` and `messages`: what goes in, what comes out, and what a stranger's text cannot do to a terminal.

use crate::course::{Course, OTHER_SID, SID};

#[test]
fn a_message_from_an_argument_and_from_a_pipe() {
    let course = Course::new();
    let folder = &course.folder;
    let (_cuhk, blackboard) = course.servers();
    let done = folder.run(&["blackboard", "messages"]).expect(0);
    assert_eq!(done.out, "No message has been accepted yet.\n");
    course.enrol(SID);
    for (number, arguments, input, text) in [
        (1, &["my report follows"][..], "", "my report follows"),
        (2, &["-"], "from a pipe\n", "from a pipe"),
        (3, &["-"], "no line feed", "no line feed"),
        (4, &["-"], "two\nlines\n\n", "two\\nlines\\n"),
        (5, &["--", "-h"], "", "-h"),
        (6, &["--explain", "with its story"], "", "with its story"),
        (7, &["-hello"], "", "-hello"),
        (8, &["--hello there"], "", "--hello there"),
        (9, &["-5 degrees", "--explain"], "", "-5 degrees"),
    ] {
        let done = folder.run_with(&[&["student", "say"], arguments].concat(), input).expect(0);
        let last = done.out.lines().last().unwrap();
        assert!(last.starts_with(&format!("Blackboard has message {number} (")), "{last}");
        assert!(blackboard.out.line(&format!("SID:{SID} ")).ends_with(&format!("  {text}")));
    }
    let done = folder.run(&["student", "say", "--json", "ten"]).expect(0);
    let [document] = &done.documents()[..] else { panic!("{}", done.out) };
    assert_eq!(document["event"], "message-acknowledged");
    assert_eq!((&document["number"], &document["id"]), (&10.into(), &SID.into()));
    let done = folder.run(&["student", "say", "--quiet", "eleven"]).expect(0);
    assert_eq!((done.out.as_str(), done.err.as_str()), ("", ""));

    // The list has all of them, whether or not Blackboard runs.
    let before = folder.run(&["blackboard", "messages"]).expect(0).out;
    blackboard.stop();
    let done = folder.run(&["blackboard", "messages"]).expect(0);
    assert_eq!(done.out, before);
    assert_eq!(done.out.lines().count(), 11);
    let documents = folder.run(&["blackboard", "messages", "--json"]).expect(0).documents();
    for (line, (number, document)) in done.out.lines().zip((1..).zip(&documents)) {
        assert_eq!(document["number"], number);
        let received_at = document["received_at"].as_str().unwrap();
        assert!(line.starts_with(&format!("SID:{SID} {received_at}  ")), "{line}");
    }
    assert_eq!(documents[3]["text"], "two\nlines\n");
}

#[test]
fn what_is_no_message_is_refused_before_it_is_sent() {
    let course = Course::new();
    let folder = &course.folder;
    let (_cuhk, _blackboard) = course.servers();
    course.enrol(SID);
    folder.run(&["student", "say"]).expect(2);
    folder.run(&["student", "say", ""]).explains(1, &["the message is empty"]);
    folder.run(&["student", "say", "-"]).explains(1, &["the message is empty"]);
    // As in the dialogue: nobody sees a message in white space.
    for blank in ["   ", "\t", "\n", "\u{a0}\u{3000} "] {
        folder.run(&["student", "say", blank]).explains(1, &["the message is empty, or has only"]);
        folder.run_with(&["student", "say", "-"], blank).explains(1, &["the message is empty"]);
    }
    folder.run_with(&["student", "say", "-"], b"\xff\xfe").explains(1, &["not UTF-8"]);
    let long = "x".repeat(64 * 1024);
    folder.run_with(&["student", "say", "-"], &long).expect(0);
    folder.run_with(&["student", "say", "-"], format!("{long}x")).explains(1, &["65536"]);
    let messages = folder.run(&["blackboard", "messages", "--json"]).expect(0).documents();
    assert_eq!(messages.len(), 1);
}

#[test]
fn who_says_it_must_be_clear() {
    let course = Course::new();
    let folder = &course.folder;
    let (_cuhk, blackboard) = course.servers();
    folder
        .run(&["student", "say", "x"])
        .explains(2, &["nobody is enrolled", "`claim student enroll`"]);
    folder.run(&["student", "say", "--sid", SID, "x"]).explains(1, &[SID, "not enrolled here"]);
    course.enrol(SID);
    folder.run(&["student", "say", "only one can be meant"]).expect(0);
    course.enrol(OTHER_SID);
    folder.run(&["student", "say", "x"]).explains(2, &["--sid"]);
    folder.run(&["student", "say", "--sid", OTHER_SID, "it is me"]).expect(0);
    blackboard.out.line(&format!("SID:{SID} "));
    blackboard.out.line(&format!("SID:{OTHER_SID} "));
    let status = folder.run(&["student", "status"]).expect(0).out;
    let lines: Vec<_> = status.lines().collect();
    assert!(lines[0].starts_with(&format!("{OTHER_SID}  certificate ")), "{status}");
    assert!(lines[1].starts_with(&format!("{SID}  certificate ")), "{status}");
    let documents = folder.run(&["student", "status", "--json"]).expect(0).documents();
    assert!(documents.iter().all(|document| document["state"] == "valid"), "{documents:?}");
    folder.run(&["student", "renew"]).explains(2, &["--sid"]);
    folder.run(&["student", "renew", "--sid", SID]).expect(0);
}

#[test]
fn a_message_cannot_play_with_the_terminal() {
    // Clears the screen, sets the title, rings, goes back over the line, turns the text around, hides it.
    let text = "\u{1b}[2J\u{1b}]0;owned\u{7}a\rSID:1155000000 12:00:00  forged\u{8}\u{9b}31m\u{202e}txt.\u{2066}\u{200b}\u{7f}";
    let course = Course::new();
    let folder = &course.folder;
    let (_cuhk, blackboard) = course.servers();
    course.enrol(SID);
    folder.run_with(&["student", "say", "-"], text).expect(0);
    let live = blackboard.out.line(&format!("SID:{SID} "));
    let listed = folder.run(&["blackboard", "messages"]).expect(0).out;
    for shown in [&live, listed.trim_end()] {
        assert!(shown.starts_with(&format!("SID:{SID} ")), "{shown}");
        assert!(shown.contains(r"\u{1b}[2J") && shown.contains(r"\u{202e}txt."), "{shown}");
        assert!(!shown.contains(is_dangerous), "{shown:?}");
    }
    // In JSON the text is whole, and just as harmless where it is shown on a terminal.
    let done = folder.run(&["blackboard", "messages", "--json"]).expect(0);
    let [document] = &done.documents()[..] else { panic!("{}", done.out) };
    assert_eq!(document["text"], text);
    assert!(!done.out.trim_end().contains(is_dangerous), "{:?}", done.out);
}

/// Controls, and the characters that change the direction of what follows.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
