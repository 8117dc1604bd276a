//! Steps 3 to 5.

use std::sync::Arc;

use claim_core::student::ExchangeError;
use claim_core::{PersonId, ProblemType};
use claim_pki::PathError;
use claim_student::{Event, Explained, OpenSession, Outcome, SessionError, WalletError};

use crate::support::blackboard::{CHALLENGES, MESSAGES, SESSIONS};
use crate::support::{Authority, Blackboard, Person, Reply, now, nowhere, problem, sid, text_of};

fn id() -> PersonId {
    sid().into()
}

async fn world() -> (Blackboard, Person) {
    let authority = Arc::new(Authority::real());
    let blackboard = Blackboard::start(&authority).await;
    let person = Person::enrolled(&authority, &nowhere(), &blackboard.origin);
    (blackboard, person)
}

async fn open(person: &Person) -> Result<OpenSession, SessionError> {
    person.start().open_session(&id()).await
}

/// The error, after checking that step 6 was not reached.
async fn refused(blackboard: &Blackboard, person: &Person) -> SessionError {
    let error = open(person).await.unwrap_err();
    assert_eq!(blackboard.asked(MESSAGES), 0);
    error
}

#[tokio::test]
async fn a_session_is_opened_step_by_step() {
    let (_blackboard, person) = world().await;
    let session = open(&person).await.unwrap();
    assert_eq!(session.id(), &id());
    assert!(session.expires_at() > now());
    assert!(session.clock_offset().abs() < 60_000);
    assert_eq!(
        person.events.take(),
        [
            "ChallengeSent",
            "ChallengeReceived",
            "SessionKeyDecrypted",
            "ConfirmationSent",
            // There is no CUHK here.
            "RevocationsNotFetched",
            "BlackboardVerified",
            "SessionOpened"
        ]
    );
}

#[tokio::test]
async fn the_sentence_is_the_seeds() {
    let (_blackboard, person) = world().await;
    open(&person).await.unwrap();
    let sentence = person.events.find(|event| match event {
        Event::ChallengeSent { sentence, .. } => Some(sentence.to_string()),
        _ => None,
    });
    assert_eq!(sentence.unwrap(), "SID:1155123456 requests to upload report !");
}

#[tokio::test]
async fn a_blackboard_that_is_not_there_can_be_started() {
    let authority = Authority::real();
    let person = Person::enrolled(&authority, &nowhere(), &nowhere());
    let error = open(&person).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unreachable);
    let text = text_of(&error);
    assert!(text.contains("Blackboard does not answer at https://localhost:"), "{text}");
    assert!(text.contains("`claim blackboard`"), "{text}");
}

#[tokio::test]
async fn whoever_is_not_enrolled_is_told() {
    let (blackboard, mut person) = world().await;
    let other: PersonId = "1155000000".parse().unwrap();
    let error = person.start().open_session(&other).await.unwrap_err();
    assert!(matches!(error, SessionError::Wallet(WalletError::NotEnrolled { .. })));
    assert!(text_of(&error).contains("claim student enroll"));

    person.set_clock_ahead(2 * 86_400);
    let error = open(&person).await.unwrap_err();
    assert!(matches!(error, SessionError::Wallet(WalletError::Expired { .. })));
    assert!(text_of(&error).contains("claim student renew"));
    assert_eq!(blackboard.asked_at_all(), 0);
}

#[tokio::test]
async fn another_root_is_no_blackboard() {
    let (_, mut person) = world().await;
    let blackboard = Blackboard::start(&Arc::new(Authority::real())).await;
    person.config.blackboard = blackboard.origin.clone();
    let error = refused(&blackboard, &person).await;
    assert!(matches!(error, SessionError::Unreached(_)));
    assert!(text_of(&error).contains("is not the root of the Blackboard at"));
    assert_eq!(blackboard.asked_at_all(), 0);
}

#[tokio::test]
async fn a_blackboard_of_another_name_says_which() {
    let authority = Arc::new(Authority::real());
    let other = |_: &_| "https://blackboard.example".parse().unwrap();
    let blackboard = Blackboard::start_as(&authority, other, other).await;
    let person = Person::enrolled(&authority, &nowhere(), &blackboard.origin);
    let error = refused(&blackboard, &person).await;
    assert!(matches!(
        &error,
        SessionError::Exchange { source: ExchangeError::OtherOrigin { .. }, .. }
    ));
    assert!(text_of(&error).contains("--blackboard https://blackboard.example"));
    assert_eq!(blackboard.asked(SESSIONS), 0, "the session key stays closed");
}

#[tokio::test]
async fn a_relay_that_renames_the_challenge_gets_nothing() {
    // A Blackboard elsewhere, whose answer somebody in the middle made to look like that of this origin.
    let authority = Arc::new(Authority::real());
    let other = |_: &_| "https://blackboard.example".parse().unwrap();
    let blackboard = Blackboard::start_as(&authority, other, other).await;
    let person = Person::enrolled(&authority, &nowhere(), &blackboard.origin);
    let ours = blackboard.origin.clone();
    blackboard.after(CHALLENGES, move |reply| {
        let body = String::from_utf8(reply.body.clone()).unwrap();
        reply.body = body.replace("https://blackboard.example", ours.as_str()).into_bytes();
    });
    let error = refused(&blackboard, &person).await;
    assert!(matches!(&error, SessionError::Exchange { source: ExchangeError::NotForUs, .. }));
    assert!(text_of(&error).contains("Nothing of yours was sent"));
    assert_eq!(blackboard.asked(SESSIONS), 0);
}

#[tokio::test]
async fn a_server_without_blackboards_certificate_is_not_blackboard() {
    // It knows the session key, as anyone can who encrypts one to a public certificate.
    let authority = Arc::new(Authority::real());
    let other = |_: &_| "https://another.example".parse().unwrap();
    let blackboard = Blackboard::start_as(&authority, Clone::clone, other).await;
    let person = Person::enrolled(&authority, &nowhere(), &blackboard.origin);
    let error = refused(&blackboard, &person).await;
    assert!(matches!(
        &error,
        SessionError::Exchange {
            source: ExchangeError::Certificate(PathError::WrongOrigin { .. }),
            ..
        }
    ));
    assert_eq!(error.outcome(), Outcome::Refused);
}

#[tokio::test]
async fn a_changed_confirmation_is_noticed() {
    for (from, to) in [("\"sid\":\"1155123456\"", "\"sid\":\"1155000000\""), (".", "-")] {
        let (blackboard, person) = world().await;
        blackboard.after(SESSIONS, move |reply| {
            let body = String::from_utf8(reply.body.clone()).unwrap();
            reply.body = match to {
                // The time: the last dot stands in it.
                "-" => body.replacen("-1", "-0", 1).replacen("-2", "-1", 1).into_bytes(),
                _ => body.replacen(from, to, 1).into_bytes(),
            };
        });
        let error = refused(&blackboard, &person).await;
        assert!(
            matches!(&error, SessionError::Exchange { source: ExchangeError::Confirmation, .. }),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_our_own_words() {
    for path in [CHALLENGES, SESSIONS] {
        let (blackboard, person) = world().await;
        blackboard.instead(path, problem(ProblemType::CertificateExpired));
        let error = refused(&blackboard, &person).await;
        assert_eq!((error.outcome(), blackboard.asked(path)), (Outcome::Refused, 1));
        let text = text_of(&error);
        assert!(text.contains(ProblemType::CertificateExpired.title()), "{text}");
        assert!(text.contains("claim student renew"), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_blackboard_is_told() {
    for reply in [
        Reply::new(201, "text/html", "<h1>log in</h1>"),
        Reply::new(200, "application/json", "{}"),
        Reply::new(201, "application/json", "{"),
        Reply::new(201, "application/json", "[\"\u{1b}[31m\"]"),
        Reply::new(201, "application/json", "{\"challenge\":1}"),
        Reply::new(302, "text/html", "elsewhere").with("location", "https://elsewhere.example/"),
        Reply::new(404, "application/problem+json", "{"),
    ] {
        let (blackboard, person) = world().await;
        blackboard.instead(CHALLENGES, reply);
        let error = refused(&blackboard, &person).await;
        assert!(matches!(error, SessionError::Foreign(_)), "{error}");
        let text = text_of(&error);
        assert!(text.contains("does not answer like Blackboard"), "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert_eq!(blackboard.asked_at_all(), 1, "no redirect is followed");
    }
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let (blackboard, person) = world().await;
    blackboard.instead(CHALLENGES, Reply::new(201, "application/json", vec![b' '; 1 << 20]));
    let error = refused(&blackboard, &person).await;
    assert!(matches!(error, SessionError::Unreached(_)));
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[tokio::test]
async fn what_passes_is_waited_for() {
    let (blackboard, person) = world().await;
    blackboard.instead(CHALLENGES, Reply::new(502, "text/html", "<h1>gateway</h1>"));
    blackboard.instead(CHALLENGES, problem(ProblemType::Overloaded));
    blackboard.break_off(CHALLENGES);
    blackboard.instead(SESSIONS, problem(ProblemType::ChallengeExpired));
    blackboard.break_off(SESSIONS);
    open(&person).await.unwrap();
    assert_eq!(person.events.count(|event| matches!(event, Event::Retrying { .. })), 5);
    assert_eq!((blackboard.asked(CHALLENGES), blackboard.asked(SESSIONS)), (6, 3));
}

#[tokio::test]
async fn patience_ends() {
    let (blackboard, person) = world().await;
    for _ in 0..100 {
        blackboard.instead(CHALLENGES, problem(ProblemType::Overloaded));
    }
    let error = refused(&blackboard, &person).await;
    assert_eq!(error.outcome(), Outcome::Unreachable);
    assert!(blackboard.asked(CHALLENGES) < 50);
}

#[tokio::test]
async fn a_clock_that_differs_is_measured() {
    for seconds in [-240, 0, 240, 7_200] {
        let (blackboard, person) = world().await;
        blackboard.set_clock_ahead(seconds);
        let session = open(&person).await.unwrap();
        assert!((session.clock_offset() - seconds * 1000).abs() < 60_000);
        let told = person.events.find(|event| match event {
            Event::SessionOpened { clock_offset, .. } => Some(*clock_offset),
            _ => None,
        });
        assert_eq!(told, Some(session.clock_offset()));
    }
}

#[tokio::test]
async fn a_clock_that_is_days_behind_is_suspected_first() {
    let (blackboard, mut person) = world().await;
    person.set_clock_ahead(-3 * 86_400);
    let error = refused(&blackboard, &person).await;
    assert!(text_of(&error).contains("date and time of this machine"), "{}", text_of(&error));
}

#[tokio::test]
async fn a_newer_scheme_wants_a_newer_program() {
    let (blackboard, person) = world().await;
    blackboard.after(CHALLENGES, |reply| {
        let body = String::from_utf8(reply.body.clone()).unwrap();
        let scheme = "hpke-ml-kem".to_owned() + &"x".repeat(10_000);
        reply.body = body.replace("hpke-p256", &scheme).into_bytes();
    });
    let error = refused(&blackboard, &person).await;
    let text = text_of(&error);
    assert!(text.contains("hpke-ml-kem") && text.contains("newer version"), "{text}");
    assert!(text.len() < 1_000, "a stranger's text is cut");
}
