//! Every refusal of steps 3 to 5: its status and kind, and that nothing is kept.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, mpsc as blocking};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use claim_blackboard::{Config, Event, Quotas};
use claim_pki::SigningKey;
use serde_json::{Value, json};

use crate::authority::{Authority, DAY, fresh, from};
use crate::running::{Blackboard, Place, observer};
use crate::scene::Scene;
use crate::student::{Reply, SID, Student, rng};

/// Step 3 as it should be, as JSON to be spoilt.
fn challenge(student: &Student) -> Value {
    let (request, _) =
        claim_core::student::request(&student.credential, &student.origin, &mut rng());
    serde_json::to_value(request).unwrap()
}

async fn post(scene: &Scene, body: &Value) -> Reply {
    scene.student.post("/v1/challenges", "application/json", body.to_string()).await
}

#[tokio::test]
async fn step_3_malformed() {
    let scene = Scene::new().await;
    let right = challenge(&scene.student);
    let text = right.to_string();
    let mut wrong = vec![
        String::new(),
        "[]".to_owned(),
        "null".to_owned(),
        "{".to_owned(),
        format!("{text} x"),
        text.replacen('{', "{\"nonce\":\"AA\",", 1),
        text.replace("requests to upload", "request to upload"),
        "[".repeat(60_000),
    ];
    for member in ["request", "certificate", "nonce"] {
        let mut without = right.clone();
        without.as_object_mut().unwrap().remove(member);
        wrong.push(without.to_string());
    }
    for (member, value) in [
        ("nonce", json!("AAAA")),
        ("nonce", json!(7)),
        ("certificate", json!([])),
        ("certificate", json!(["*"])),
        ("certificate", json!(vec!["AA=="; 5])),
        ("request", json!("SID:1155123456")),
    ] {
        let mut changed = right.clone();
        changed[member] = value;
        wrong.push(changed.to_string());
    }
    for body in wrong {
        let reply = scene.student.post("/v1/challenges", "application/json", body).await;
        reply.assert_refused(400, "malformed-request", false);
    }
    let latin1 = [b"{\"request\":\"", &b"\xe9"[..], b"\"}"].concat();
    let reply = scene.student.post("/v1/challenges", "application/json", latin1).await;
    reply.assert_refused(400, "malformed-request", false);
    let mut with_more = right;
    with_more["more"] = json!({"unknown": "members are ignored"});
    assert_eq!(post(&scene, &with_more).await.status, 201);
    scene.end().await;
}

#[tokio::test]
async fn steps_3_and_5_of_another_type_or_too_large() {
    let scene = Scene::new().await;
    for path in ["/v1/challenges", "/v1/sessions"] {
        for media_type in ["text/plain", "application/json; charset=latin1", "application/jsonx"] {
            let reply = scene.student.post(path, media_type, "{}").await;
            reply.assert_refused(415, "unsupported-media-type", false);
        }
        let encoded = scene.student.request("POST", path).body("{}");
        let encoded = encoded.header("content-type", "application/json");
        let reply = scene.student.send(encoded.header("content-encoding", "gzip"), None).await;
        reply.assert_refused(415, "unsupported-media-type", false);
        let large = " ".repeat(64 * 1024 + 1);
        let reply = scene.student.post(path, "application/json", large).await;
        reply.assert_refused(413, "content-too-large", false);
    }
    scene.end().await;
}

#[tokio::test]
async fn certificates_that_do_not_do() {
    let scene = Scene::new().await;
    let authority = &scene.place.authority;
    let now = scene.place.time.now();
    let foreign = Authority::new();
    let server_key = SigningKey::generate().unwrap();
    let server = authority.server(&scene.place.origin(), server_key.public_key(), fresh());
    let chain = |credential: &claim_core::student::Credential| {
        serde_json::to_value(&credential.chain).unwrap()
    };
    let student = authority.student(SID);
    let issuing = chain(&student)[1].clone();
    let mut tampered = STANDARD.decode(chain(&student)[0].as_str().unwrap()).unwrap();
    *tampered.last_mut().unwrap() ^= 1;
    let rows = [
        ("certificate-unreadable", json!(["AAAA", issuing])),
        ("certificate-unreadable", json!([STANDARD.encode([0x30; 9000]), issuing])),
        ("certificate-untrusted", chain(&foreign.student(SID))),
        ("certificate-untrusted", json!([chain(&student)[0], chain(&foreign.student(SID))[1]])),
        ("certificate-untrusted", json!([chain(&student)[0]])),
        ("certificate-untrusted", json!([STANDARD.encode(&tampered), issuing])),
        ("certificate-profile", serde_json::to_value(authority.chain(&server)).unwrap()),
        (
            "certificate-expired",
            chain(&authority.person(SID, from(now.plus_seconds(-2 * DAY), DAY))),
        ),
        (
            "certificate-not-yet-valid",
            chain(&authority.person(SID, from(now.plus_seconds(DAY), DAY))),
        ),
    ];
    // Twice, as the second time the issuing certificate is known already.
    for _ in 0..2 {
        for (slug, certificate) in &rows {
            let mut request = challenge(&scene.student);
            request["certificate"] = certificate.clone();
            let status = if *slug == "certificate-unreadable" { 400 } else { 403 };
            post(&scene, &request).await.assert_refused(status, slug, false);
        }
        scene.session().await;
    }
    scene.end().await;
}

#[tokio::test]
async fn a_known_certificate_is_refused_once_it_has_expired() {
    let scene = Scene::new().await;
    let now = scene.place.time.now();
    let credential = scene.place.authority.person(SID, from(now.plus_seconds(-DAY), DAY + 60));
    let student = Student::with(&scene.place.authority, &scene.blackboard, credential);
    student.open(now).await;
    scene.place.time.pass(61);
    let reply = post(&scene, &challenge(&student)).await;
    reply.assert_refused(403, "certificate-expired", false);
    scene.end().await;
}

#[tokio::test]
async fn somebody_elses_certificate() {
    let scene = Scene::new().await;
    for sentence in
        ["SID:1155123457 requests to upload report !", "ID:chan requests to manage courses !"]
    {
        let mut request = challenge(&scene.student);
        request["request"] = json!(sentence);
        post(&scene, &request).await.assert_refused(403, "sid-mismatch", false);
    }
    scene.end().await;
}

#[tokio::test]
async fn step_5_with_a_challenge_that_is_none() {
    let scene = Scene::new().await;
    let (_, request) = scene.student.challenged().await;
    let right = serde_json::to_value(request).unwrap();
    let token = URL_SAFE_NO_PAD.decode(right["challenge"].as_str().unwrap()).unwrap();
    let flipped = |index: usize| {
        let mut token = token.clone();
        token[index] ^= 1;
        URL_SAFE_NO_PAD.encode(token)
    };
    let session = scene.session().await;
    for challenge in [
        String::new(),
        "nonsense".to_owned(),
        "A".repeat(3000),
        flipped(0),
        flipped(1),
        flipped(20),
        flipped(token.len() - 1),
        session.token().to_owned(),
    ] {
        let mut request = right.clone();
        request["challenge"] = json!(challenge);
        let reply =
            scene.student.post("/v1/sessions", "application/json", request.to_string()).await;
        reply.assert_refused(403, "challenge-invalid", false);
    }
    for body in ["{}".to_owned(), json!({"challenge": "x", "confirmation": "AAAA"}).to_string()] {
        let reply = scene.student.post("/v1/sessions", "application/json", body).await;
        reply.assert_refused(400, "malformed-request", false);
    }
    scene.end().await;
}

#[tokio::test]
async fn step_5_too_late_or_by_somebody_without_the_key() {
    let scene = Scene::new().await;
    let (_, request) = scene.student.challenged().await;
    let mut wrong = serde_json::to_value(&request).unwrap();
    wrong["confirmation"] = json!(URL_SAFE_NO_PAD.encode([7; 32]));
    let reply = scene.student.post("/v1/sessions", "application/json", wrong.to_string()).await;
    reply.assert_refused(403, "confirmation-wrong", false);
    scene.place.time.pass(60);
    let late = serde_json::to_vec(&request).unwrap();
    let reply = scene.student.post("/v1/sessions", "application/json", late).await;
    reply.assert_refused(403, "challenge-expired", false);
    scene.end().await;
}

#[tokio::test]
async fn more_than_can_be_encrypted_at_once() {
    let place = Place::enrolled();
    let quotas = Quotas { kem_concurrency: NonZeroU32::MIN, kem_waiting: 0, ..Quotas::default() };
    let config = Config { quotas, ..place.config() };
    // The observer is called in the midst of the work, and holds it there.
    let (held, holding) = blocking::channel();
    let (release, released) = blocking::channel::<()>();
    let released = Mutex::new(released);
    let (inner, events) = observer();
    let observer = Arc::new(move |event| {
        if matches!(event, Event::CertificateVerified { .. }) {
            held.send(()).unwrap();
            let _ = released.lock().unwrap().recv();
        }
        inner(event);
    });
    let blackboard = Blackboard::start_observed(config, observer, events).await;
    let student = Arc::new(Student::new(&place.authority, &blackboard, SID));
    let first = tokio::spawn({
        let student = Arc::clone(&student);
        async move { student.challenged().await.1 }
    });
    tokio::task::spawn_blocking(move || holding.recv().unwrap()).await.unwrap();
    let second =
        student.post("/v1/challenges", "application/json", challenge(&student).to_string()).await;
    second.assert_refused(503, "overloaded", false);
    assert_eq!(second.header("retry-after"), Some("1"));
    drop(release);
    let _ = first.await;
    blackboard.stop().await;
}
