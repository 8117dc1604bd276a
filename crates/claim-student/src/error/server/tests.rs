#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_core::{Problem, Timestamp};
use claim_http::Answer;
use http::{HeaderMap, header};

use super::*;

fn unreached(origin: &str, root: Option<&str>, source: ReachError) -> Unreached {
    let (origin, root) = (origin.parse().unwrap(), root.map(PathBuf::from));
    Unreached { service: Service::Blackboard, origin, root, source }
}

fn text_of(error: &dyn Explained) -> String {
    format!("{error} | {} | {}", error.why().unwrap_or_default(), error.advice())
}

fn refused(problem: &Problem, status: u16) -> Refused {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, "application/problem+json".parse().unwrap());
    headers.insert("x-request-id", "00ff".parse().unwrap());
    let body = problem.to_json(&"https://localhost:3141".parse().unwrap()).into();
    let answer = Answer { status: StatusCode::from_u16(status).unwrap(), headers, body };
    let problem = Box::new(ProblemAnswer::from_answer(&answer).unwrap());
    Refused { service: Service::Blackboard, problem }
}

#[test]
fn each_way_not_to_reach_a_server_says_what_to_do() {
    let at = Timestamp::from_seconds(1_000_000_000);
    let origin: Origin = "https://localhost:3141".parse().unwrap();
    let wrong = PathError::WrongOrigin { expected: origin.clone(), found: origin };
    let presented = vec!["bb.example".to_owned(), "x".to_owned()];
    let expected = "localhost".to_owned();
    for (source, said, outcome) in [
        (ReachError::Refused, "`claim blackboard`", Outcome::Unreachable),
        (ReachError::NotResolved, "the name in --blackboard", Outcome::Unreachable),
        (ReachError::NoRoute, "network", Outcome::Unreachable),
        (ReachError::Timeout, "try again; that is safe", Outcome::Unknown),
        (ReachError::TooLong { max: 7 }, "longer than 7", Outcome::Unknown),
        (
            ReachError::Tls(TlsFailure::UnknownIssuer),
            "f/cuhk.cer is not the root",
            Outcome::Refused,
        ),
        (
            ReachError::Tls(TlsFailure::WrongName { expected, presented }),
            "--blackboard https://bb.example:3141",
            Outcome::Refused,
        ),
        (
            ReachError::Tls(TlsFailure::Expired { at, not_after: at }),
            "date and time of this machine",
            Outcome::Refused,
        ),
        (
            ReachError::Tls(TlsFailure::NotYetValid { at, not_before: at }),
            "date and time of this machine",
            Outcome::Refused,
        ),
        (ReachError::Tls(TlsFailure::NotThisService(wrong)), "calls its own", Outcome::Refused),
        (
            ReachError::Tls(TlsFailure::NotThisService(PathError::UnknownIssuer)),
            "is not Blackboard",
            Outcome::Refused,
        ),
        (ReachError::Tls(TlsFailure::NotTls), "the port above all", Outcome::Refused),
    ] {
        let error = unreached("https://localhost:3141", Some("f/cuhk.cer"), source);
        let text = text_of(&error);
        assert!(text.contains(said), "{text}");
        assert_eq!(error.outcome(), outcome, "{text}");
        assert!(text.contains("https://localhost:3141"), "{text}");
    }
}

#[test]
fn a_server_elsewhere_cannot_be_started_here() {
    let error = unreached("https://bb.example:3141", None, ReachError::Refused);
    assert!(!error.advice().contains("`claim blackboard`"));
    assert!(error.advice().contains("--blackboard"));
}

#[test]
fn the_systems_roots_are_not_cuhk_cer() {
    let failure = ReachError::Tls(TlsFailure::UnknownIssuer);
    let text = text_of(&unreached("https://bb.example", None, failure));
    assert!(text.contains("this system") && text.contains("--tls-roots"), "{text}");
}

#[test]
fn names_in_certificates_are_a_strangers_text() {
    let failure = TlsFailure::WrongName {
        expected: "localhost".to_owned(),
        presented: vec!["\u{1b}[2J".to_owned() + &"x".repeat(10_000)],
    };
    let error = unreached("https://localhost", None, ReachError::Tls(failure));
    assert!(!text_of(&error).contains('\u{1b}'));
    assert!(error.advice().len() < 1_000);
}

#[test]
fn known_refusals_have_the_words_of_the_table() {
    for &problem_type in ProblemType::ALL {
        let error = refused(&Problem::new(problem_type, "this time"), problem_type.status());
        let text = text_of(&error);
        for said in
            [problem_type.title(), problem_type.what_to_do(), problem_type.why(), "this time"]
        {
            assert!(text.contains(said), "{text}");
        }
        let server_error = problem_type.status() >= 500;
        assert_eq!(text.contains("X-Request-Id: 00ff"), server_error, "{text}");
        if server_error {
            assert!(error.is_temporary());
        }
    }
}

#[test]
fn unknown_refusals_go_by_their_status() {
    for (status, temporary) in [(400, false), (403, false), (408, true), (429, true), (503, true)] {
        let mut error = refused(&Problem::new(ProblemType::NotFound, "this time"), status);
        error.problem.problem_type = None;
        assert_eq!(error.is_temporary(), temporary);
        assert!(error.why().is_none());
        assert!(error.advice().contains("Ask the people who run Blackboard"));
    }
}

#[test]
fn a_foreign_answer_is_shown_in_safe_characters() {
    let error = Foreign {
        service: Service::Cuhk,
        origin: "https://localhost:9335".parse().unwrap(),
        status: StatusCode::OK,
        defect: "\u{202e}\n".to_owned() + &"x".repeat(10_000),
        retry_after: None,
    };
    let text = text_of(&error);
    assert!(text.len() < 1_000 && !text.chars().any(char::is_control), "{text:?}");
    assert!(!text.contains('\u{202e}') && text.contains("--cuhk"), "{text:?}");
}
