//! The log: one JSON object a line, an id for each request, and nobody's name before it is proved.

use std::collections::HashSet;

use http::Request;
use serde_json::Value;

use crate::course::{Course, Folder, SID};
use crate::http::{Connection, Version, whole};
use crate::program::{Done, Program};

/// The lines of a log that tell of answers, after a check that each line of it is an object with time and level.
fn answered(done: &Done) -> Vec<Value> {
    let parse = |line| {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let lines: Vec<Value> = done.err.lines().map(parse).collect();
    for line in lines.iter().chain(&done.documents()) {
        let time = line["timestamp"].as_str().unwrap_or_else(|| panic!("no time: {line}"));
        assert!(time.ends_with('Z') && time.contains('T'), "{line}");
        assert!(["INFO", "WARN", "ERROR"].contains(&line["level"].as_str().unwrap()), "{line}");
    }
    lines.into_iter().filter(|line| line["message"] == "answered").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_is_one_object_with_its_id() {
    let course = Course::new();
    let cuhk = course.folder.start(&["cuhk", "--json"]);
    cuhk.out.event("listening");
    let blackboard = course.folder.start(&["blackboard", "--json"]);
    blackboard.out.event("listening");
    course.enrol(SID);
    course.folder.run(&["student", "say", "what nobody finds in a log"]).expect(0);
    // By hand, with a path of one's own and what looks like somebody else's request.
    let port = course.blackboard.rsplit(':').next().unwrap().parse().unwrap();
    let root = course.folder.path("cuhk.cer");
    let mut connection = Connection::open(port, &root, Version::Http1).await.unwrap();
    let request = Request::get("https://localhost/some/private/path")
        .header("host", "localhost")
        .header("x-request-id", "0123456789abcdef");
    let (answer, _) = connection.ask(request.body(whole("")).unwrap()).await;
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    drop(connection);
    let (blackboard, cuhk) = (blackboard.stop(), cuhk.stop());

    let last = &blackboard.documents()[..];
    let [.., stopping, stopped] = last else { panic!("{last:?}") };
    assert_eq!((&stopping["event"], &stopped["event"]), (&"stopping".into(), &"stopped".into()));
    assert_eq!(stopped["cut_off"], 0);
    let answers = answered(&blackboard);
    let ids: HashSet<_> = answers.iter().map(|line| line["request"].to_string()).collect();
    assert_eq!(ids.len(), answers.len(), "an id is used once");
    for (route, status, who) in [
        ("/v1/challenges", 201, None),
        ("/v1/sessions", 201, Some(SID)),
        ("/v1/messages", 201, Some(SID)),
        ("none", 404, None),
    ] {
        let line = answers.iter().find(|line| line["route"] == route).expect(route);
        assert_eq!(line["status"], status, "{line}");
        assert_eq!(line.get("who").and_then(Value::as_str), who, "{line}");
        assert!(line["milliseconds"].as_f64().unwrap() > 0.0, "{line}");
        assert_eq!(line["request"].as_str().unwrap().len(), 16, "{line}");
    }
    let by_hand = answers.iter().find(|line| line["request"] == id.as_str()).unwrap();
    assert_eq!((&by_hand["method"], &by_hand["route"]), (&"GET".into(), &"none".into()));
    for unwanted in ["0123456789abcdef", "private", "what nobody finds in a log"] {
        assert!(!blackboard.err.contains(unwanted), "{}", blackboard.err);
    }
    let enrolled = answered(&cuhk);
    let line = enrolled.iter().find(|line| line["who"] == SID).unwrap();
    assert_eq!(line["route"], "/.well-known/est/simpleenroll");
}

#[test]
fn levels_come_from_v_or_the_environment() {
    let folder = Folder::new();
    let log = |levels: Option<&str>, arguments: &[&str]| {
        let mut command =
            folder.command(&[&["cuhk", "--listen", "127.0.0.1:0"], arguments].concat());
        command.envs(levels.map(|levels| ("CLAIM_LOG", levels)));
        let cuhk = Program::start(command);
        cuhk.out.shows("listen");
        cuhk.stop().err
    };
    // An answer to nobody is no line: what is there is the start itself.
    assert_eq!(log(None, &[]), "");
    assert_eq!(log(Some("claim_cuhk=error"), &["-vv"]), "");
    let mut command = folder.command(&["cuhk"]);
    command.env("CLAIM_LOG", "claim=loud");
    Program::start(command).end().explains(2, &["CLAIM_LOG is not a list of levels"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn libraries_are_never_heard_below_info() {
    let course = Course::new();
    let mut command = course.folder.command(&["cuhk", "-vv", "--json"]);
    command.env("CLAIM_LOG", "trace").env("RUST_LOG", "trace");
    let cuhk = Program::start(command);
    cuhk.out.event("listening");
    course.enrol(SID);
    let done = cuhk.stop();
    assert!(done.err.contains("\"level\":\"DEBUG\""), "{}", done.err);
    for line in done.err.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let ours = line["target"].as_str().unwrap().starts_with("claim");
        let level = line["level"].as_str().unwrap();
        assert!(ours || ["INFO", "WARN", "ERROR"].contains(&level), "{line}");
    }
}
