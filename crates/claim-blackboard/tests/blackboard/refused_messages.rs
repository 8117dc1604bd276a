//! Every refusal of step 6: its status and kind, whether it is signed, and that nothing is kept.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use claim_blackboard::{Event, Quotas};
use claim_core::encoding::RequestNonce;
use claim_http::Limits;
use hyper::body::Frame;
use serde_json::Value;

use crate::scene::Scene;
use crate::student::{SID, Say, Student, rng};

#[tokio::test]
async fn step_6_without_a_session() {
    let scene = Scene::new().await;
    let session = scene.session().await;
    let (_, request) = scene.student.challenged().await;
    let say = scene.text("hello");
    let reply = scene.student.say_changed(&session, &say, |fields, _| drop(fields.remove(0))).await;
    reply.assert_refused(403, "session-invalid", false);
    for token in ["", "nonsense", &"A".repeat(3000), "token, token", &request.challenge] {
        let token = token.to_owned();
        let reply =
            scene.student.say_changed(&session, &say, |fields, _| fields[0].1 = token).await;
        reply.assert_refused(403, "session-invalid", false);
    }
    scene.place.time.pass(8 * 3600);
    let say = scene.text("hello");
    scene.student.say(&session, &say).await.assert_refused(403, "session-expired", false);
    scene.end().await;
}

#[tokio::test]
async fn step_6_not_signed_as_it_must_be() {
    let scene = Scene::new().await;
    let session = scene.session().await;
    let say = scene.text("hello");
    let fields = scene.student.signed(&session, &say).0;
    let value = |name: &str| fields.iter().find(|field| field.0 == name).unwrap().1.clone();
    let (input, signature) = (value("signature-input"), value("signature"));
    let digest = value("content-digest");
    let rows: Vec<(&str, Option<String>)> = vec![
        ("signature", None),
        ("signature", Some("claim=:AA".to_owned())),
        ("signature", Some(signature.replace("claim=", "other="))),
        ("signature", Some("claim=\"text\"".to_owned())),
        ("signature-input", None),
        ("signature-input", Some("claim".to_owned())),
        ("signature-input", Some(input.replace("claim=", "other="))),
        ("signature-input", Some(input.replace(" \"claim-session\"", ""))),
        ("signature-input", Some(input.replace("hmac-sha256", "hmac-sha512"))),
        ("signature-input", Some(input.replace(";alg", ";keyid=\"x\";alg"))),
        (
            "signature-input",
            Some(input.replace("\"@method\" \"@target-uri\"", "\"@target-uri\" \"@method\"")),
        ),
        ("content-type", None),
        ("content-digest", Some(format!("{digest}, sha-512=:AA==:"))),
        ("content-digest", Some(digest.replace("sha-256", "md5"))),
        ("content-digest", Some("sha-256=:AAAA:".to_owned())),
        ("content-digest", None),
    ];
    for (name, value) in rows {
        let reply = scene
            .student
            .say_changed(&session, &say, |fields, _| {
                fields.retain(|field| field.0 != name);
                fields.extend(value.map(|value| (name, value)));
            })
            .await;
        reply.assert_refused(400, "signature-malformed", false);
    }
    scene.end().await;
}

#[tokio::test]
async fn step_6_changed_on_its_way() {
    let scene = Scene::new().await;
    let session = scene.session().await;
    let say = scene.text("hello");
    // The head: nothing of the answer may look authentic.
    for change in [
        ("content-type", "text/plain"),
        ("content-digest", "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"),
        ("signature", "claim=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"),
    ] {
        let reply = scene
            .student
            .say_changed(&session, &say, |fields, _| {
                fields.iter_mut().filter(|field| field.0 == change.0).for_each(|field| {
                    change.1.clone_into(&mut field.1);
                });
            })
            .await;
        reply.assert_refused(403, "signature-wrong", false);
    }
    let created = say.created.as_seconds();
    let reply = scene
        .student
        .say_changed(&session, &say, |fields, _| {
            let input = fields.iter_mut().find(|field| field.0 == "signature-input").unwrap();
            input.1 = input.1.replace(&created.to_string(), &(created + 1).to_string());
        })
        .await;
    reply.assert_refused(403, "signature-wrong", false);
    // Signed for one address and sent to another, which is the same path to a careless server.
    let elsewhere = Say { target: "/v1/messages?", ..say.clone() };
    let (fields, expected) = scene.student.signed(&session, &elsewhere);
    let mut request = scene.student.request("POST", "/v1/messages").body("hello");
    for (name, value) in fields {
        request = request.header(name, value);
    }
    let reply = scene.student.send(request, Some(&expected)).await;
    reply.assert_refused(403, "signature-wrong", false);
    // The content: the head is authentic, so the answer is signed.
    let reply = scene.student.say_changed(&session, &say, |_, content| content.push(b'!')).await;
    reply.assert_refused(400, "digest-mismatch", true);
    let reply = scene.student.say_changed(&session, &say, |_, content| content.clear()).await;
    reply.assert_refused(400, "digest-mismatch", true);
    let without = Say { content: None, ..say };
    let reply =
        scene.student.say_changed(&session, &without, |_, content| content.push(b'!')).await;
    reply.assert_refused(400, "digest-mismatch", true);
    scene.end().await;
}

#[tokio::test]
async fn somebody_elses_session() {
    let scene = Scene::new().await;
    let other = Student::new(&scene.place.authority, &scene.blackboard, "1155123457");
    let (mine, theirs) = (scene.session().await, other.open(scene.place.time.now()).await);
    let token = theirs.token().to_owned();
    let say = scene.text("in your name");
    let reply = scene.student.say_changed(&mine, &say, |fields, _| fields[0].1 = token).await;
    reply.assert_refused(403, "signature-wrong", false);
    scene.end().await;
}

#[tokio::test]
async fn a_clock_that_is_wrong() {
    let scene = Scene::new().await;
    let session = scene.session().await;
    let now = scene.place.time.now();
    for seconds in [-302, 302, -86_400, 86_400] {
        let say = Say::text("hello", now.plus_seconds(seconds));
        let reply = scene.student.say(&session, &say).await;
        reply.assert_refused(403, "clock-skew", true);
        let document: Value = serde_json::from_slice(&reply.answer.body).unwrap();
        assert_eq!(document["server_time"], now.to_string());
    }
    // It comes before everything else that may be wrong with an authentic request.
    let say = Say { target: "/v1/nothing", ..Say::text("x", now.plus_seconds(302)) };
    scene.student.say(&session, &say).await.assert_refused(403, "clock-skew", true);
    scene.end().await;
}

#[tokio::test]
async fn a_clock_within_the_tolerance() {
    let scene = Scene::new().await;
    let session = scene.session().await;
    for seconds in [-299, 299] {
        let say = Say::text("hello", scene.place.time.now().plus_seconds(seconds));
        scene.student.say(&session, &say).await.message();
    }
    scene.blackboard.stop().await;
}

#[tokio::test]
async fn messages_that_are_none() {
    let scene = Scene::new().await;
    let session = scene.session().await;
    let now = scene.place.time.now();
    for content in [&b"\xff"[..], b"abc\xc3", b"\xed\xa0\x80", b""] {
        let say = Say::text(content, now);
        scene.student.say(&session, &say).await.assert_refused(422, "message-unreadable", true);
    }
    let nothing = Say { content: None, ..scene.text("") };
    scene.student.say(&session, &nothing).await.assert_refused(422, "message-unreadable", true);
    for media_type in ["text/html", "application/json", "text/plain; charset=utf-16"] {
        let mut say = scene.text("hello");
        say.content.as_mut().unwrap().0 = media_type;
        scene.student.say(&session, &say).await.assert_refused(415, "unsupported-media-type", true);
    }
    let say = scene.text("hello");
    let encoded =
        |fields: &mut Vec<_>, _: &mut _| fields.push(("content-encoding", "gzip".to_owned()));
    let reply = scene.student.say_changed(&session, &say, encoded).await;
    reply.assert_refused(415, "unsupported-media-type", true);
    let say = Say::text("x".repeat(64 * 1024 + 1), now);
    scene.student.say(&session, &say).await.assert_refused(413, "content-too-large", true);
    scene.end().await;
}

/// A body that begins and never ends.
struct Endless(Option<Bytes>);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

#[tokio::test]
async fn content_that_does_not_come() {
    let body_read_timeout = Duration::from_millis(100);
    let scene = Scene::with(|config| {
        config.limits = Limits { body_read_timeout, ..Limits::default() };
    })
    .await;
    let session = scene.session().await;
    let endless = || reqwest::Body::wrap(Endless(Some(Bytes::from_static(b"hel"))));
    let (fields, expected) = scene.student.signed(&session, &scene.text("hello"));
    let mut request = scene.student.request("POST", "/v1/messages").body(endless());
    for (name, value) in fields {
        request = request.header(name, value);
    }
    let reply = scene.student.send(request, Some(&expected)).await;
    reply.assert_refused(408, "request-timeout", true);
    for path in ["/v1/challenges", "/v1/sessions"] {
        let reply = scene.student.post(path, "application/json", endless()).await;
        reply.assert_refused(408, "request-timeout", false);
    }
    // A stranger's content is not waited for: the signature is looked at first.
    let stranger = scene.student.request("POST", "/v1/messages").body(endless());
    let stranger = stranger.header("claim-session", session.token());
    let reply = scene.student.send(stranger, None).await;
    reply.assert_refused(400, "signature-malformed", false);
    scene.end().await;
}

#[tokio::test]
async fn addresses_and_methods_that_are_not_there() {
    let scene = Scene::new().await;
    let session = scene.session().await;
    for target in ["/v1/nothing", "/v1/messages/7", "/v2/messages", "/v1/messages/"] {
        let say = Say { target, ..scene.text("hello") };
        scene.student.say(&session, &say).await.assert_refused(404, "not-found", true);
        let unsigned = scene.student.post(target, "text/plain", "hello").await;
        unsigned.assert_refused(404, "not-found", false);
        let wrong = |fields: &mut Vec<_>, _: &mut _| drop(fields.pop());
        let reply = scene.student.say_changed(&session, &say, wrong).await;
        reply.assert_refused(400, "signature-malformed", false);
    }
    for target in ["/v1/messages", "/v1/challenges", "/v1/sessions"] {
        for method in ["GET", "PUT", "DELETE"] {
            let say = Say { method, target, content: None, ..scene.text("") };
            let reply = scene.student.say(&session, &say).await;
            reply.assert_refused(405, "method-not-allowed", true);
            assert_eq!(reply.header("allow"), Some("POST"));
            let unsigned = scene.student.send(scene.student.request(method, target), None).await;
            unsigned.assert_refused(405, "method-not-allowed", false);
            assert_eq!(unsigned.header("allow"), Some("POST"));
        }
    }
    let head = Say { method: "HEAD", content: None, ..scene.text("") };
    let reply = scene.student.say(&session, &head).await;
    assert_eq!((reply.status, reply.signed, reply.answer.body.len()), (405, true, 0));
    scene.end().await;
}

#[tokio::test]
async fn more_than_one_person_may_send() {
    let scene = Scene::with(|config| {
        let requests_per_minute = NonZeroU32::new(2).unwrap();
        config.quotas = Quotas { requests_per_minute, ..Quotas::default() };
    })
    .await;
    let session = scene.session().await;
    for text in ["first", "second"] {
        scene.student.say(&session, &scene.text(text)).await.message();
    }
    // Another session is still the same person, another person is not.
    let another = scene.session().await;
    let reply = scene.student.say(&another, &scene.text("third")).await;
    reply.assert_refused(503, "overloaded", true);
    assert_eq!(reply.header("retry-after"), Some("30"));
    let other = Student::new(&scene.place.authority, &scene.blackboard, "1155123457");
    let theirs = other.open(scene.place.time.now()).await;
    other.say(&theirs, &scene.text("hello")).await.message();
    scene.place.time.pass(30);
    scene.student.say(&session, &scene.text("third")).await.message();
    assert_eq!(scene.place.messages().await.len(), 4);
    scene.blackboard.stop().await;
}

#[tokio::test]
async fn a_database_that_fails() {
    sqlx::any::install_default_drivers();
    let scene = Scene::new().await;
    let session = scene.session().await;
    let path = scene.place.path("blackboard.db");
    let database = sqlx::AnyPool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("ALTER TABLE messages RENAME TO gone").execute(&database).await.unwrap();
    let say = scene.text("hello");
    let reply = scene.student.say(&session, &say).await;
    reply.assert_refused(503, "storage-unavailable", true);
    sqlx::query("ALTER TABLE gone RENAME TO messages").execute(&database).await.unwrap();
    scene.student.say(&session, &say).await.message();
    // A row that this program never writes is its own fault, as far as the student is concerned.
    sqlx::query("UPDATE messages SET person = '?'").execute(&database).await.unwrap();
    scene.student.say(&session, &say).await.assert_refused(500, "internal-error", true);
    database.close().await;
    scene.blackboard.stop().await;
}

#[tokio::test]
async fn refusals_are_told_with_the_person_once_that_is_known() {
    let mut scene = Scene::new().await;
    let session = scene.session().await;
    let say = Say { nonce: RequestNonce::random(&mut rng()), ..scene.text("hello") };
    scene.student.say_changed(&session, &say, |fields, _| fields[2].1.clear()).await;
    scene.student.say_changed(&session, &say, |_, content| content.clear()).await;
    let refused = |event| match event {
        Event::Refused { problem_type, id, peer, .. } => {
            assert!(peer.ip().is_loopback());
            Some((problem_type.slug(), id.map(|id| id.to_string())))
        }
        _ => None,
    };
    assert_eq!(scene.blackboard.event(refused).await, ("signature-malformed", None));
    let known = ("digest-mismatch", Some(SID.to_owned()));
    assert_eq!(scene.blackboard.event(refused).await, known);
    scene.end().await;
}
