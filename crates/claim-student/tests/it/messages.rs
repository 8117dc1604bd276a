//! Step 6: a message is delivered once, and only Blackboard's own word counts.

use std::sync::Arc;
use std::time::Duration;

use claim_core::{PersonId, Problem, ProblemType};
use claim_student::{
    Event, Explained, Hindrance, MAX_MESSAGE, OpenSession, Outcome, SayError, Unsettled,
};

use crate::support::blackboard::{CHALLENGES, MESSAGES};
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

async fn opened() -> (Blackboard, Person, OpenSession) {
    let (blackboard, person) = world().await;
    let session = person.start().open_session(&id()).await.unwrap();
    person.events.take();
    (blackboard, person, session)
}

/// With a student who gives up at the first failure.
async fn impatient() -> (Blackboard, Person, OpenSession) {
    let (blackboard, mut person) = world().await;
    person.impatient();
    let session = person.start().open_session(&id()).await.unwrap();
    (blackboard, person, session)
}

fn unknown(error: SayError) -> (Unsettled, Hindrance) {
    assert_eq!(error.outcome(), Outcome::Unknown);
    match error {
        SayError::OutcomeUnknown { message, last, .. } => (*message, *last),
        other => panic!("{other}"),
    }
}

fn one_nonce(blackboard: &Blackboard) -> bool {
    let nonces = blackboard.nonces();
    nonces.iter().all(|nonce| *nonce == nonces[0])
}

#[tokio::test]
async fn a_message_is_acknowledged() {
    let (blackboard, person, mut session) = opened().await;
    let first = session.say("my report follows").await.unwrap();
    let second = session.say("我交了 👩‍👩‍👧\u{0}").await.unwrap();
    assert_eq!(blackboard.texts(), ["my report follows", "我交了 👩‍👩‍👧\u{0}"]);
    assert_eq!(blackboard.kept()[0].sid, id());
    assert_eq!((first.sid, first.number), (id(), 0));
    assert!(second.number > first.number);
    let told = ["MessageSigned", "MessageAcknowledged"];
    assert_eq!(person.events.take(), [told, told].concat());
}

#[tokio::test]
async fn the_limits_are_kept_here_already() {
    let (blackboard, _person, mut session) = opened().await;
    assert!(matches!(session.say("").await, Err(SayError::Empty)));
    let long = "x".repeat(MAX_MESSAGE + 1);
    assert!(matches!(session.say(&long).await, Err(SayError::TooLong { length: 65_537 })));
    assert_eq!(blackboard.asked(MESSAGES), 0);
    session.say(&long[1..]).await.unwrap();
    assert_eq!(blackboard.texts()[0].len(), MAX_MESSAGE);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_again_and_the_message_stands_once() {
    let (blackboard, person, mut session) = opened().await;
    blackboard.break_off(MESSAGES);
    blackboard.break_off(MESSAGES);
    session.say("once").await.unwrap();
    assert_eq!((blackboard.asked(MESSAGES), blackboard.texts().len()), (3, 1));
    assert!(one_nonce(&blackboard));
    let told = ["MessageSigned", "Retrying", "Retrying", "MessageAcknowledged"];
    assert_eq!(person.events.take(), told);
}

#[tokio::test]
async fn a_busy_blackboard_is_given_the_time_it_asks_for() {
    let (blackboard, person, mut session) = opened().await;
    let busy = Problem::new(ProblemType::Overloaded, "").with("retry_after", 1);
    blackboard.refuse_signed(busy);
    blackboard.instead(MESSAGES, Reply::new(503, "text/html", "").with("retry-after", "0"));
    session.say("later").await.unwrap();
    assert_eq!(blackboard.texts(), ["later"]);
    assert!(one_nonce(&blackboard));
    let honoured = person.events.find(|event| match event {
        Event::Retrying { after, .. } => (*after >= Duration::from_secs(1)).then_some(()),
        _ => None,
    });
    assert!(honoured.is_some());
}

#[tokio::test]
async fn a_wait_beyond_patience_is_not_begun() {
    let (blackboard, _person, mut session) = opened().await;
    let busy = Problem::new(ProblemType::Overloaded, "").with("retry_after", 3_600);
    blackboard.refuse_signed(busy);
    let error = session.say("later").await.unwrap_err();
    assert!(matches!(error, SayError::OutcomeUnknown { attempts: 1, .. }), "{error}");
    assert!(text_of(&error).contains(ProblemType::Overloaded.title()), "{}", text_of(&error));
    assert!(blackboard.texts().is_empty());
}

#[tokio::test]
async fn a_server_that_failed_leaves_the_outcome_open() {
    for failure in [ProblemType::InternalError, ProblemType::StorageUnavailable] {
        let (blackboard, _person, mut session) = impatient().await;
        blackboard.refuse_signed(Problem::new(failure, ""));
        let (message, _) = unknown(session.say("perhaps").await.unwrap_err());
        session.settle(message).await.unwrap();
        assert_eq!(blackboard.texts(), ["perhaps"]);
        assert!(one_nonce(&blackboard));
    }
}

#[tokio::test]
async fn a_changed_answer_is_never_success() {
    type Change = fn(&mut Reply);
    let changes: [(&str, Change); 9] = [
        ("body", |reply| {
            let body = String::from_utf8(reply.body.clone()).unwrap();
            reply.body = body.replace("\"number\":0", "\"number\":7").into_bytes();
        }),
        ("status", |reply| reply.status = http::StatusCode::OK),
        ("media type", |reply| {
            reply.headers.insert("content-type", "application/json; a=b".parse().unwrap());
        }),
        ("no signature", |reply| {
            reply.headers.remove("signature");
        }),
        ("no input", |reply| {
            reply.headers.remove("signature-input");
        }),
        ("two signatures", |reply| {
            reply.headers.append("signature", "claim=:AAAA:".parse().unwrap());
        }),
        ("not ASCII", |reply| {
            let value = http::HeaderValue::from_bytes(b"claim=:\xff:").unwrap();
            reply.headers.insert("signature", value);
        }),
        ("digest", |reply| {
            let other = claim_core::signing::content_digest(b"other");
            reply.headers.insert("content-digest", other.parse().unwrap());
        }),
        ("emptied", |reply| reply.body.clear()),
    ];
    for (name, change) in changes {
        let (blackboard, person, mut session) = impatient().await;
        blackboard.after(MESSAGES, change);
        let (message, last) = unknown(session.say("once").await.unwrap_err());
        assert!(matches!(last, Hindrance::NotAuthentic { .. }), "{name}: {last}");
        let acknowledged = |event: &Event| matches!(event, Event::MessageAcknowledged { .. });
        assert_eq!(person.events.count(acknowledged), 0, "{name}");
        // Without whoever changes it: the message is there, once.
        session.settle(message).await.unwrap();
        assert_eq!(blackboard.texts(), ["once"], "{name}");
        assert!(one_nonce(&blackboard));
    }
}

#[tokio::test]
async fn the_answer_to_another_message_is_none_to_this() {
    let (blackboard, _person, mut session) = impatient().await;
    let seen = Arc::new(std::sync::Mutex::new(None));
    let keep = Arc::clone(&seen);
    blackboard.after(MESSAGES, move |reply| *keep.lock().unwrap() = Some(reply.clone()));
    session.say("first").await.unwrap();
    let first = seen.lock().unwrap().take().unwrap();
    blackboard.instead(MESSAGES, first);
    unknown(session.say("second").await.unwrap_err());
    assert_eq!(blackboard.texts(), ["first"]);
}

#[tokio::test]
async fn an_unsigned_refusal_is_never_final() {
    for problem_type in [
        ProblemType::NonceReused,
        ProblemType::MessageUnreadable,
        ProblemType::SignatureWrong,
        ProblemType::ContentTooLarge,
        ProblemType::ClockSkew,
        ProblemType::NotFound,
    ] {
        let (blackboard, _person, mut session) = opened().await;
        blackboard.instead(MESSAGES, problem(problem_type));
        blackboard.instead(MESSAGES, Reply::new(403, "text/html", "<h1>no</h1>"));
        session.say("all the same").await.unwrap();
        assert_eq!(blackboard.texts(), ["all the same"]);
        assert!(one_nonce(&blackboard));
    }
}

#[tokio::test]
async fn an_unsigned_acceptance_is_none() {
    let (blackboard, _person, mut session) = impatient().await;
    let body = r#"{"sid":"1155123456","received_at":"2026-11-24T15:59:59.999Z","number":1}"#;
    blackboard.instead(MESSAGES, Reply::new(201, "application/json", body));
    let error = session.say("into the void").await.unwrap_err();
    let text = text_of(&error);
    assert!(text.contains("nobody knows") && text.contains("signed"), "{text}");
    unknown(error);
}

#[tokio::test]
async fn a_signed_refusal_is_final() {
    let (blackboard, _person, mut session) = opened().await;
    blackboard.refuse_signed(Problem::new(ProblemType::MessageUnreadable, "\u{1b}[2J"));
    let error = session.say("x").await.unwrap_err();
    assert!(matches!(error, SayError::Refused(_)));
    assert_eq!((error.outcome(), blackboard.asked(MESSAGES)), (Outcome::Refused, 1));
    let text = text_of(&error);
    assert!(text.contains(ProblemType::MessageUnreadable.title()), "{text}");
    assert!(!text.contains('\u{1b}'));
}

/// Found by the model (`model/`, property `refused-now`): whoever carries the connection delivers the request, and
/// then a copy that is spoiled where no signature reaches. Both answers are genuine; the student sees the second.
#[tokio::test]
async fn a_signed_refusal_of_one_copy_leaves_the_outcome_open() {
    for problem_type in [
        ProblemType::DigestMismatch,
        ProblemType::RequestTimeout,
        ProblemType::ContentTooLarge,
        ProblemType::UnsupportedMediaType,
        ProblemType::MalformedRequest,
        ProblemType::ClockSkew,
        ProblemType::Overloaded,
    ] {
        let (blackboard, _person, mut session) = impatient().await;
        let problem = Problem::new(problem_type, "").with("server_time", now().to_string());
        blackboard.accept_then_refuse_signed(problem);
        let (message, _) = unknown(session.say("once").await.unwrap_err());
        assert_eq!(blackboard.texts(), ["once"], "{problem_type:?}");
        session.settle(message).await.unwrap();
        assert_eq!(blackboard.texts(), ["once"], "{problem_type:?}");
    }
}

#[tokio::test]
async fn a_spoiled_copy_does_not_make_a_second_message() {
    let (blackboard, _person, mut session) = opened().await;
    blackboard.accept_then_refuse_signed(Problem::new(ProblemType::DigestMismatch, ""));
    blackboard.after(MESSAGES, |_| ());
    blackboard.instead(MESSAGES, problem(ProblemType::SessionInvalid));
    unknown(session.say("once").await.unwrap_err());
    assert_eq!((blackboard.texts().len(), blackboard.asked(CHALLENGES)), (1, 1));
}

#[tokio::test]
async fn long_answers_and_gateways_pages_are_survived() {
    let (blackboard, _person, mut session) = opened().await;
    blackboard.instead(MESSAGES, Reply::new(201, "application/json", vec![b' '; 1 << 20]));
    blackboard.instead(MESSAGES, Reply::new(201, "application/json", "not JSON"));
    blackboard.instead(MESSAGES, Reply::new(504, "text/html", "<h1>time-out</h1>"));
    blackboard
        .instead(MESSAGES, Reply::new(302, "text/html", "").with("location", "https://x.example/"));
    session.say("through").await.unwrap();
    assert_eq!(blackboard.texts(), ["through"]);
}

#[tokio::test]
async fn a_forgotten_session_is_opened_anew() {
    let (blackboard, person, mut session) = opened().await;
    session.say("before").await.unwrap();
    blackboard.forget_sessions();
    session.say("after").await.unwrap();
    assert_eq!(blackboard.texts(), ["before", "after"]);
    assert_eq!(blackboard.asked(CHALLENGES), 2);
    assert!(person.events.take().contains(&"SessionLost".to_owned()));
}

#[tokio::test]
async fn a_message_that_may_have_arrived_is_not_sent_in_another_session() {
    let (blackboard, _person, mut session) = opened().await;
    blackboard.after(MESSAGES, |reply| reply.broken = true);
    blackboard.instead(MESSAGES, problem(ProblemType::SessionInvalid));
    let (message, last) = unknown(session.say("once").await.unwrap_err());
    assert!(matches!(last, Hindrance::NoSession(_)));
    assert_eq!((blackboard.texts().len(), blackboard.asked(CHALLENGES)), (1, 1));

    // The session is still there, and settles it.
    session.settle(message).await.unwrap();
    assert_eq!(blackboard.texts(), ["once"]);
}

#[tokio::test]
async fn what_another_session_left_open_stays_open() {
    let (blackboard, person, mut session) = impatient().await;
    blackboard.break_off(MESSAGES);
    let (message, _) = unknown(session.say("once").await.unwrap_err());
    let mut other = person.start().open_session(&id()).await.unwrap();
    let asked = blackboard.asked(MESSAGES);
    let (message, last) = unknown(other.settle(message).await.unwrap_err());
    assert!(matches!(last, Hindrance::OtherSession));
    assert_eq!(blackboard.asked(MESSAGES), asked);
    session.settle(message).await.unwrap();
    assert_eq!(blackboard.texts(), ["once"]);
}

#[tokio::test]
async fn a_session_past_its_end_is_renewed_before_anything_is_sent() {
    let (blackboard, mut person) = world().await;
    let ahead = Arc::new(std::sync::atomic::AtomicI64::new(0));
    let hours = Arc::clone(&ahead);
    person.config.clock = claim_http::Clock::new(move || {
        now().plus_seconds(hours.load(std::sync::atomic::Ordering::SeqCst) * 3_600)
    });
    let mut session = person.start().open_session(&id()).await.unwrap();
    // Nine hours later, for both sides.
    ahead.store(9, std::sync::atomic::Ordering::SeqCst);
    blackboard.set_clock_ahead(9 * 3_600);
    session.say("good morning").await.unwrap();
    assert_eq!((blackboard.asked(CHALLENGES), blackboard.asked(MESSAGES)), (2, 1));
}

#[tokio::test]
async fn a_wrong_clock_does_no_harm() {
    for seconds in [-3_600, 3_600] {
        let (blackboard, mut person) = world().await;
        person.set_clock_ahead(seconds);
        let mut session = person.start().open_session(&id()).await.unwrap();
        session.say("in time").await.unwrap();
        assert_eq!((blackboard.texts().len(), blackboard.asked(MESSAGES)), (1, 1));
    }
}

#[tokio::test]
async fn a_clock_that_jumps_is_corrected() {
    let (blackboard, person, mut session) = opened().await;
    blackboard.set_clock_ahead(1_000);
    session.say("in time").await.unwrap();
    assert!((session.clock_offset() - 1_000_000).abs() < 60_000);
    assert_eq!((blackboard.texts().len(), blackboard.asked(MESSAGES)), (1, 2));
    assert!(person.events.take().contains(&"ClockCorrected".to_owned()));
}

#[tokio::test]
async fn a_blackboard_that_went_away_is_unreachable() {
    let (mut blackboard, mut person) = world().await;
    person.config.timeouts.patience = Duration::from_millis(50);
    let mut session = person.start().open_session(&id()).await.unwrap();
    blackboard.stop().await;
    // Over a connection that was open the first attempt may look as if it had arrived.
    let error = session.say("anyone?").await.unwrap_err();
    assert_ne!(error.outcome(), Outcome::Refused);
    assert!(text_of(&error).contains("Blackboard"), "{}", text_of(&error));
}
