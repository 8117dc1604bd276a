//! Steps 3 to 6 as they should go.

use claim_blackboard::Event;
use claim_core::encoding::RequestNonce;
use claim_core::messages::SessionAnswer;

use crate::running::Place;
use crate::student::{SID, Say, Student, rng};

#[tokio::test]
async fn a_student_says_something_and_it_is_kept() {
    let place = Place::enrolled();
    let mut blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let now = place.time.now();

    let (waiting, request) = student.challenged().await;
    let on_our_side = waiting.key_fingerprint();
    let (id, fingerprint) = blackboard
        .event(|event| match event {
            Event::SessionKeySealed { id, fingerprint, .. } => Some((id, fingerprint)),
            _ => None,
        })
        .await;
    assert_eq!((id.as_str(), fingerprint), (SID, on_our_side));
    drop(request);

    let session = student.open(now).await;
    assert_eq!(session.server_time(), now);
    assert_eq!(session.expires_at(), now.plus_seconds(8 * 3600));

    let text = "我交了 report.pdf \u{1b}[31m\u{0}";
    let reply = student.say(&session, &Say::text(text, now)).await;
    let answer = reply.message();
    assert_eq!((answer.sid.as_str(), answer.received_at), (SID, now));
    let told = blackboard
        .event(|event| match event {
            Event::Message { number, id, received_at, text } => {
                Some((number, id.to_string(), received_at, text))
            }
            _ => None,
        })
        .await;
    assert_eq!(told, (answer.number, SID.to_owned(), now, text.to_owned()));

    let second = student.say(&session, &Say::text("second", now)).await.message();
    assert!(second.number > answer.number);
    let kept: Vec<_> = place.messages().await.into_iter().map(|m| (m.id, m.text)).collect();
    assert_eq!(kept, [(answer.number, text.to_owned()), (second.number, "second".to_owned())]);
    blackboard.stop().await;
}

#[tokio::test]
async fn staff_talk_too() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let staff = Student::new(&place.authority, &blackboard, "chan.tm");
    let now = place.time.now();
    let session = staff.open(now).await;
    let answer = staff.say(&session, &Say::text("hello", now)).await.message();
    assert_eq!(answer.sid.as_str(), "chan.tm");
    blackboard.stop().await;
}

#[tokio::test]
async fn a_repetition_gets_the_first_answer_signed_anew() {
    let place = Place::enrolled();
    let mut blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let session = student.open(place.time.now()).await;
    let say = Say::text("once", place.time.now());
    let first = student.say(&session, &say).await;
    let answer = first.message();
    place.time.pass(5);
    let again = Say { created: place.time.now(), ..say.clone() };
    for repetition in [&say, &again] {
        let reply = student.say(&session, repetition).await;
        assert!(reply.signed);
        assert_eq!(reply.answer.body, first.answer.body);
    }
    let other = Say::text("twice", place.time.now());
    let other = Say { nonce: say.nonce, ..other };
    student.say(&session, &other).await.assert_refused(409, "nonce-reused", true);
    assert_eq!(place.messages().await.len(), 1);
    assert_eq!(blackboard.told(), [(answer.number, "once".to_owned())]);
    blackboard.stop().await;
}

#[tokio::test]
async fn the_same_request_from_many_connections_at_once_is_kept_once() {
    let place = Place::enrolled();
    let mut blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let session = student.open(place.time.now()).await;
    let say = Say::text("once", place.time.now());
    let replies =
        futures_util::future::join_all((0..20).map(|_| student.say(&session, &say))).await;
    let numbers: Vec<_> = replies.iter().map(|reply| reply.message().number).collect();
    assert!(numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
    assert_eq!(place.messages().await.len(), 1);
    assert_eq!(blackboard.told().len(), 1);
    blackboard.stop().await;
}

#[tokio::test]
async fn a_nonce_belongs_to_its_session() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let nonce = RequestNonce::random(&mut rng());
    for text in ["in one session", "in another"] {
        let session = student.open(place.time.now()).await;
        let say = Say { nonce, ..Say::text(text, place.time.now()) };
        student.say(&session, &say).await.message();
    }
    assert_eq!(place.messages().await.len(), 2);
    blackboard.stop().await;
}

#[tokio::test]
async fn step_5_is_repeated_when_its_answer_was_lost() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let (waiting, request) = student.challenged().await;
    let mut answers: Vec<SessionAnswer> = Vec::new();
    for _ in 0..2 {
        answers.push(student.exchange("/v1/sessions", &request).await);
        place.time.pass(1);
    }
    assert_ne!(answers[0].session, answers[1].session);
    assert_eq!(answers[0].expires_at, answers[1].expires_at, "counted from step 4");
    let lost = answers.remove(0);
    let session = waiting.receive(answers.remove(0), &student.root, place.time.now()).unwrap();
    let say = Say::text("hello", place.time.now());
    student.say(&session, &say).await.message();
    // The token is part of what is signed, so the two cannot be mixed up, though both name the same session.
    student
        .say_changed(&session, &say, |fields, _| fields[0].1 = lost.session)
        .await
        .assert_refused(403, "signature-wrong", false);
    blackboard.stop().await;
}

#[tokio::test]
async fn a_session_ends_with_the_certificate() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let now = place.time.now();
    let validity = crate::authority::from(now.plus_seconds(-3600), 2 * 3600);
    let credential = place.authority.person(SID, validity);
    let student = Student::with(&place.authority, &blackboard, credential);
    let session = student.open(now).await;
    assert_eq!(session.expires_at(), validity.not_after());
    place.time.pass(3601);
    let say = Say::text("too late", place.time.now());
    student.say(&session, &say).await.assert_refused(403, "session-expired", false);
    assert!(place.messages().await.is_empty());
    blackboard.stop().await;
}

#[tokio::test]
async fn the_largest_message_and_every_way_to_name_its_type() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let session = student.open(place.time.now()).await;
    let largest = "é".repeat(32 * 1024);
    student.say(&session, &Say::text(&largest, place.time.now())).await.message();
    for media_type in ["text/plain", "Text/Plain;charset=UTF-8", "text/plain; charset=\"utf-8\""] {
        let mut say = Say::text("hello", place.time.now());
        say.content.as_mut().unwrap().0 = media_type;
        student.say(&session, &say).await.message();
    }
    assert_eq!(place.messages().await[0].text, largest);
    blackboard.stop().await;
}

#[tokio::test]
async fn a_browser_gets_pages() {
    let place = Place::enrolled();
    let blackboard = place.start().await;
    let student = Student::new(&place.authority, &blackboard, SID);
    let home = student.send(student.request("GET", "/"), None).await;
    assert_eq!(home.status, 200);
    assert_eq!(home.header("content-type"), Some("text/html; charset=utf-8"));
    let html = String::from_utf8(home.answer.body.to_vec()).unwrap();
    assert!(html.contains(&format!("claim student --blackboard {}", place.origin())), "{html}");
    let page = student.send(student.request("GET", "/problems/clock-skew"), None).await;
    assert_eq!(page.status, 200);
    blackboard.stop().await;
}
