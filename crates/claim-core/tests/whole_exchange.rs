//! `testdata/exchange.json`: one exchange from step 3 to an answered message, and what a student must refuse in it.
//!
//! Keys, HPKE and ECDSA are random, so the file is kept and checked; `UPDATE=exchange cargo test -p claim-core`
//! makes another.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

mod support;

use std::path::PathBuf;

use claim_core::blackboard::{self, ExpectConfirmation, Identity};
use claim_core::encoding::{RequestNonce, b64u, base64, from_base64};
use claim_core::invitation::RootPin;
use claim_core::messages::{Chain, Challenge, SessionAnswer, SessionRequest};
use claim_core::signing::{AnswerParts, Content, Outgoing, RequestParts};
use claim_core::student::{self, Credential, ExchangeError};
use claim_core::{Digest, Origin, Timestamp, json as strict};
use claim_pki::{Root, SigningKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use support::World;

const MESSAGE: &str = "hello, 世界";
const TEXT: &str = "text/plain; charset=utf-8";

/// The student's nonce comes out of this, here and whenever the file is checked.
fn students_rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(42)
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(43)
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/exchange.json")
}

/// Makes the exchange.
fn make() -> Value {
    let world = World::new();
    let World { now, origin, root, identity, credential, ring, .. } = &world;
    let (step_3, waiting) = student::request(credential, origin, &mut students_rng());
    let person = root.verify_person(&step_3.certificate.certificates(), *now).unwrap();
    let (step_4, _) =
        blackboard::challenge(origin, &step_3, &person, ring, *now, &mut rng()).unwrap();
    let (step_5, waiting) = waiting.receive(&step_4).unwrap();
    let (answer, session) = answered(&world, &step_5, identity);
    let own = waiting.receive(answer.clone(), root, *now).unwrap();
    json!({
        "note": "A whole exchange, and what a student refuses in its place. `error` tells which check fails. \
                 JSON members are as on the wire; key (the private scalar), nonce, root and content are padded base64.",
        "now": now, "origin": origin, "root": base64(root.der()),
        "pin": RootPin::of(&Digest::of(root.der())).to_string(),
        "student": {
            "id": credential.id, "key": base64(&credential.key.private_scalar().unwrap()),
            "pkcs8": *credential.key.to_pkcs8_pem(), "nonce": base64(&step_3.nonce.0),
        },
        "step_3": step_3, "step_4": step_4, "step_5": step_5, "step_5_answer": answer,
        "message": message(&own, session, *now),
        "refused_step_4": refused_step_4(),
        "refused_step_5_answers": refused_answers(&world, &step_5, &answer),
    })
}

/// Step 5, answered by whoever has this certificate and this key.
fn answered(
    world: &World,
    step_5: &SessionRequest,
    identity: &Identity,
) -> (SessionAnswer, blackboard::Session) {
    let World { now, origin, ring, .. } = world;
    let open = ExpectConfirmation::open(&step_5.challenge, origin, ring, *now).unwrap();
    open.confirm(&step_5.confirmation, identity, ring, *now, &mut rng()).unwrap()
}

/// What is put in the place of a member of step 4; null takes it away.
fn refused_step_4() -> Vec<Value> {
    let relay = "https://relay.example:3141";
    [
        ("another origin", "other-origin", json!({ "origin": relay })),
        (
            "an origin in another spelling",
            "malformed",
            json!({ "origin": "https://LOCALHOST:3141" }),
        ),
        ("another scheme", "unknown-scheme", json!({ "scheme": "hpke-p384" })),
        ("another nonce", "does-not-decrypt", json!({ "nonce": b64u(&[0; 32]) })),
        ("a short nonce", "malformed", json!({ "nonce": b64u(&[0; 31]) })),
        ("a nonce with padding", "malformed", json!({ "nonce": base64(&[0; 32]) })),
        ("enc is no point", "does-not-decrypt", json!({ "enc": b64u(&[4; 65]) })),
        ("enc is of another length", "malformed", json!({ "enc": b64u(&[2; 33]) })),
        ("another ciphertext", "does-not-decrypt", json!({ "ciphertext": b64u(&[0; 48]) })),
        ("a ciphertext that is too long", "malformed", json!({ "ciphertext": b64u(&[0; 49]) })),
        ("no challenge", "malformed", json!({ "challenge": null })),
        (
            "a time without milliseconds",
            "malformed",
            json!({ "expires_at": "2026-11-24T16:00:00Z" }),
        ),
    ]
    .map(|(name, error, replace)| json!({ "name": name, "error": error, "replace": replace }))
    .to_vec()
}

/// Answers to step 5, changed on their way or made by somebody else.
fn refused_answers(world: &World, step_5: &SessionRequest, answer: &SessionAnswer) -> Vec<Value> {
    let World { now, origin, issuing, identity, credential, .. } = world;
    let leaf_alone = Chain::new(vec![identity.chain.leaf().to_vec()]).unwrap();
    let time = "2026-11-24T15:59:00.001Z";
    let changed = [
        ("another confirmation", "confirmation", json!({ "confirmation": b64u(&[0; 32]) })),
        ("another token", "confirmation", json!({ "session": "AAAA" })),
        ("another person", "confirmation", json!({ "sid": "1155999999" })),
        ("another time", "confirmation", json!({ "server_time": time })),
        ("another end", "confirmation", json!({ "expires_at": time })),
        ("no certificate", "malformed", json!({ "certificate": [] })),
        ("a certificate in base64url", "malformed", json!({ "certificate": ["-_-_"] })),
        ("the leaf alone", "certificate", json!({ "certificate": leaf_alone })),
        ("a signature that is none", "signature", json!({ "signature": "AAAA" })),
        ("a signature with padding", "malformed", json!({ "signature": "AAAAAA==" })),
    ]
    .map(|(name, error, changes)| (name, error, merged(&json!(answer), &changes)));

    let elsewhere = "https://relay.example:3141".parse().unwrap();
    let (_, foreign) = support::authority(*now);
    let with = |chain: &Chain, key| Identity { origin: origin.clone(), chain: chain.clone(), key };
    let early = now.plus_seconds(3600);
    let past = now.plus_seconds(-7200);
    let by_others = [
        (
            "the signature of another key",
            "signature",
            with(&identity.chain, SigningKey::generate().unwrap()),
        ),
        (
            "the certificate of a person",
            "certificate",
            with(&credential.chain, copy(&credential.key)),
        ),
        (
            "the certificate of another origin",
            "certificate",
            support::server(issuing, &elsewhere, *now),
        ),
        ("the certificate of another root", "certificate", support::server(&foreign, origin, *now)),
        (
            "a certificate that is not valid yet",
            "certificate",
            support::server(issuing, origin, early),
        ),
        (
            "a certificate that has expired",
            "certificate",
            support::server_for(issuing, origin, past, 3600),
        ),
    ]
    .map(|(name, error, identity)| (name, error, json!(answered(world, step_5, &identity).0)));
    changed
        .into_iter()
        .chain(by_others)
        .map(|(name, error, answer)| json!({ "name": name, "error": error, "answer": answer }))
        .collect()
}

/// The message that ends the exchange, and its answer.
fn message(own: &student::Session, session: blackboard::Session, now: Timestamp) -> Value {
    let nonce = RequestNonce::random(&mut rng());
    let content = Content { media_type: TEXT, bytes: MESSAGE.as_bytes() };
    let request = Outgoing { method: "POST", target: "/v1/messages", content: Some(content) };
    let (fields, _) = own.sign(&request, now, &nonce);
    let parts = RequestParts {
        method: request.method,
        target: request.target,
        claim_session: own.token(),
        content_digest: fields.content_digest.as_deref(),
        content_type: Some(TEXT),
        signature_input: &fields.signature_input,
        signature: &fields.signature,
    };
    let head = session.authenticate(own.origin(), &parts).unwrap();
    let body = json!({ "sid": head.person(), "received_at": now, "number": 1 }).to_string();
    let content = Content { media_type: "application/json", bytes: body.as_bytes() };
    let answer = head.answerer().sign(201, Some(content), now);
    json!({
        "request": {
            "method": request.method, "target": request.target, "created": now.as_seconds(), "nonce": nonce,
            "content_type": TEXT, "content": base64(MESSAGE.as_bytes()),
            "content_digest": fields.content_digest, "signature_input": fields.signature_input,
            "signature": fields.signature,
        },
        "answer": {
            "status": 201, "content_type": "application/json", "content": base64(body.as_bytes()),
            "content_digest": answer.content_digest, "signature_input": answer.signature_input,
            "signature": answer.signature,
        },
    })
}

/// The same object with other members; null takes one away.
fn merged(own: &Value, changes: &Value) -> Value {
    let mut members = own.as_object().unwrap().clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.clone(), value.clone()),
        };
    }
    members.into()
}

fn copy(key: &SigningKey) -> SigningKey {
    SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("there is no text {name}"))
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    strict::from_slice(value.to_string().as_bytes()).ok()
}

/// What a student knows beforehand, from the file.
struct Student {
    credential: Credential,
    origin: Origin,
    root: Root,
    now: Timestamp,
}

impl Student {
    fn of(file: &Value) -> Self {
        let credential = Credential {
            id: text(&file["student"], "id").parse().unwrap(),
            chain: serde_json::from_value(file["step_3"]["certificate"].clone()).unwrap(),
            key: SigningKey::from_pkcs8_pem(text(&file["student"], "pkcs8")).unwrap(),
        };
        let root = Root::from_der(&from_base64(text(file, "root")).unwrap()).unwrap();
        let origin = text(file, "origin").parse().unwrap();
        Self { credential, origin, root, now: text(file, "now").parse().unwrap() }
    }

    /// Steps 3 to 5 up to the last answer; the class of the refusal, if this is one.
    fn until_step_5(
        &self,
        step_4: &Value,
    ) -> Result<(Value, student::ExpectConfirmation<'_>), &'static str> {
        let (_, waiting) = student::request(&self.credential, &self.origin, &mut students_rng());
        let challenge: Challenge = read(step_4).ok_or("malformed")?;
        let (step_5, waiting) = waiting.receive(&challenge).map_err(|error| class(&error))?;
        Ok((json!(step_5), waiting))
    }

    fn session(&self, step_4: &Value, answer: &Value) -> Result<student::Session, &'static str> {
        let (_, waiting) = self.until_step_5(step_4)?;
        let answer: SessionAnswer = read(answer).ok_or("malformed")?;
        waiting.receive(answer, &self.root, self.now).map_err(|error| class(&error))
    }
}

fn class(error: &ExchangeError) -> &'static str {
    match error {
        ExchangeError::OtherOrigin { .. } => "other-origin",
        ExchangeError::UnknownScheme { .. } => "unknown-scheme",
        ExchangeError::NotForUs => "does-not-decrypt",
        ExchangeError::Confirmation => "confirmation",
        ExchangeError::OtherPerson { .. } => "other-person",
        ExchangeError::Certificate(_) => "certificate",
        ExchangeError::Signature => "signature",
        other => panic!("{other}"),
    }
}

#[test]
fn the_whole_exchange() {
    if std::env::var_os("UPDATE").is_some_and(|what| what == "exchange") {
        std::fs::write(path(), serde_json::to_string_pretty(&make()).unwrap() + "\n").unwrap();
    }
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap();
    let student = Student::of(&file);
    let key = student.credential.key.private_scalar().unwrap();
    assert_eq!(text(&file["student"], "key"), base64(&key));
    assert_eq!(text(&file, "pin"), RootPin::of(&Digest::of(student.root.der())).to_string());

    let (step_3, _) = student::request(&student.credential, &student.origin, &mut students_rng());
    assert_eq!(json!(step_3), file["step_3"]);
    assert_eq!(text(&file["student"], "nonce"), base64(&step_3.nonce.0));
    let (step_5, _) = student.until_step_5(&file["step_4"]).unwrap();
    assert_eq!(step_5, file["step_5"]);
    let session = student.session(&file["step_4"], &file["step_5_answer"]).unwrap();
    the_message(&session, &file["message"]);

    let refused = file["refused_step_4"].as_array().unwrap();
    assert!(!refused.is_empty());
    for case in refused {
        let changed = merged(&file["step_4"], &case["replace"]);
        let error = student.until_step_5(&changed).err();
        assert_eq!(error, Some(text(case, "error")), "{}", case["name"]);
    }
    let refused = file["refused_step_5_answers"].as_array().unwrap();
    assert!(!refused.is_empty());
    for case in refused {
        let error = student.session(&file["step_4"], &case["answer"]).err();
        assert_eq!(error, Some(text(case, "error")), "{}", case["name"]);
    }
}

fn the_message(session: &student::Session, message: &Value) {
    let (request, answer) = (&message["request"], &message["answer"]);
    let content = from_base64(text(request, "content")).unwrap();
    let outgoing = Outgoing {
        method: text(request, "method"),
        target: text(request, "target"),
        content: Some(Content { media_type: text(request, "content_type"), bytes: &content }),
    };
    let created = Timestamp::from_seconds(request["created"].as_i64().unwrap());
    let nonce: RequestNonce = text(request, "nonce").parse().unwrap();
    let (fields, waiting) = session.sign(&outgoing, created, &nonce);
    assert_eq!(fields.content_digest.as_deref(), request["content_digest"].as_str());
    assert_eq!(fields.signature_input, text(request, "signature_input"));
    assert_eq!(fields.signature, text(request, "signature"));
    let parts = AnswerParts {
        status: answer["status"].as_u64().unwrap().try_into().unwrap(),
        content_digest: answer["content_digest"].as_str(),
        content_type: answer["content_type"].as_str(),
        signature_input: text(answer, "signature_input"),
        signature: text(answer, "signature"),
    };
    waiting.receive(&parts, &from_base64(text(answer, "content")).unwrap()).unwrap();
    let changed = AnswerParts { status: 200, ..parts };
    waiting.receive(&changed, &from_base64(text(answer, "content")).unwrap()).unwrap_err();
}
