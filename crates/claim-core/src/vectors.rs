//! The known-answer vectors in `testdata/`: published ones, and our own, which other implementations read.
//!
//! `UPDATE=1 cargo test -p claim-core` rewrites our own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test panics to fail")]

mod encodings;
mod refused;

use std::path::PathBuf;

use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_128 as HPKE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey};
use serde_json::{Value, json};

use crate::encoding::{Bytes, base64, from_base64};
use crate::signing::{self, AnswerParts, Binding, Content, Outgoing, RequestParts};
use crate::transcript::{Confirmed, Context, SessionKey, SessionSecret, Transcript};
use crate::{Digest, Origin, Timestamp};

const SID: &str = "1155123456";
const TOKEN: &str = "AQIDBAUGBwgtc2Vzc2lvbi10b2tlbg";
const CREATED: &str = "2026-11-24T15:59:00.000Z";

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(name)
}

/// Compares with the file, or writes it when asked to.
fn check(name: &str, computed: &Value) {
    let text = serde_json::to_string_pretty(computed).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path(name), &text).unwrap();
    }
    let stored = std::fs::read_to_string(path(name)).unwrap();
    assert_eq!(stored, text, "testdata/{name} is not what the code computes");
}

fn stored(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    from_base64(value.as_str().unwrap()).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn open(private_key: &[u8], info: &[u8], aad: &[u8], enc: &[u8], ciphertext: &[u8]) -> Vec<u8> {
    let private_key = HpkePrivateKey::from(private_key.to_vec());
    HPKE.open(&EncapsulatedSecret(enc.to_vec()), info, aad, ciphertext, &private_key).unwrap()
}

/// RFC 9180 §A.3.1, sequence number 0.
#[test]
fn hpke_of_rfc_9180() {
    let plaintext = open(
        &hex("f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2"),
        &hex("4f6465206f6e2061204772656369616e2055726e"),
        &hex("436f756e742d30"),
        &hex(
            "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac98536d7b61a1af4b78e5b7f951c0900be\
             863c403ce65c9bfcb9382657222d18c4",
        ),
        &hex(
            "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f9076ac232e3ab2523f39513434",
        ),
    );
    assert_eq!(plaintext, b"Beauty is truth, truth beauty");
}

/// Sealed once, with a key that nobody uses: sealing is random, so the vector fixes what opens.
#[test]
fn our_own_hpke_vector_opens() {
    let vector = stored("hpke.json");
    let session_key = open(
        &bytes(&vector["private_key"]),
        &bytes(&vector["info"]),
        b"",
        &bytes(&vector["enc"]),
        &bytes(&vector["ciphertext"]),
    );
    assert_eq!(session_key, bytes(&vector["session_key"]));
}

/// Context, transcript, keys and confirmations, from fixed inputs.
#[test]
fn key_schedule() {
    let origin: Origin = "https://localhost:3141".parse().unwrap();
    let request = format!("SID:{SID} requests to upload report !");
    let leaf = b"stands for the DER of a certificate";
    let (student_nonce, server_nonce) = (Bytes([1; 32]), Bytes([2; 32]));
    let (enc, ciphertext) = (Bytes([3; 65]), Bytes([4; 48]));
    let session_key = SessionKey::new([5; 32]);
    let sentence = request.parse().unwrap();
    let context =
        Context::new(&origin, &sentence, &Digest::of(leaf), &student_nonce, &server_nonce);
    let transcript = Transcript::new(&context, "hpke-p256", &enc, &ciphertext);
    let secret = SessionSecret::extract(&transcript, &session_key);
    let (server_time, expires_at) = ("2026-11-24T15:59:00.000Z", "2026-11-24T23:59:00.000Z");
    let time = |text: &str| text.parse::<Timestamp>().unwrap();
    let confirmed = Confirmed::new(
        &transcript,
        TOKEN,
        &SID.parse().unwrap(),
        time(server_time),
        time(expires_at),
    );
    check(
        "session.json",
        &json!({
            "note": "Bytes are padded base64. context to fingerprint follow from the members of input.",
            "input": {
                "origin": origin, "request": request, "leaf": base64(leaf),
                "student_nonce": base64(&student_nonce.0), "server_nonce": base64(&server_nonce.0),
                "scheme": "hpke-p256", "enc": base64(&enc.0), "ciphertext": base64(&ciphertext.0),
                "session_key": base64(session_key.expose()),
                "session_token": TOKEN, "sid": SID, "server_time": server_time, "expires_at": expires_at,
            },
            "context": base64(context.as_bytes()),
            "T": base64(transcript.as_bytes()),
            "prk": base64(secret.expose()),
            "k_student": base64(secret.student_key().expose()),
            "k_blackboard": base64(secret.blackboard_key().expose()),
            "k_message": base64(secret.message_key().expose()),
            "k_answer": base64(secret.answer_key().expose()),
            "session_id": base64(transcript.session_id().as_bytes()),
            "student_confirmation": base64(&secret.student_key().sign(transcript.as_bytes())),
            "B": base64(confirmed.as_bytes()),
            "blackboard_confirmation": base64(&secret.blackboard_key().sign(confirmed.as_bytes())),
            "fingerprint": base64(&secret.fingerprint().0),
        }),
    );
}

/// Signature bases and signatures of requests and answers.
#[test]
fn signatures() {
    let origin: Origin = "https://localhost:3141".parse().unwrap();
    let key = crate::transcript::MacKey::new([6; 32]);
    let created = CREATED.parse::<Timestamp>().unwrap().as_seconds();
    let nonce = Bytes([7; 16]);
    let text = "hello, 世界".as_bytes();
    let requests = [
        (
            "POST",
            "/v1/messages",
            Some(Content { media_type: "text/plain; charset=utf-8", bytes: text }),
        ),
        ("GET", "/v1/example?a=%20b&c", None),
    ];
    let answers =
        [(201, Some(Content { media_type: "application/json", bytes: b"{}" })), (204, None)];
    let mut vectors = Vec::new();
    for ((method, target, content), (status, answer)) in requests.into_iter().zip(answers) {
        let request = Outgoing { method, target, content };
        let (fields, binding) =
            signing::sign_request(&key, &origin, TOKEN, &request, created, &nonce);
        let parts = RequestParts {
            method,
            target,
            claim_session: TOKEN,
            content_digest: fields.content_digest.as_deref(),
            content_type: content.map(|content| content.media_type),
            signature_input: &fields.signature_input,
            signature: &fields.signature,
        };
        let params = fields.signature_input.strip_prefix("claim=").unwrap();
        let answered = signing::sign_answer(&key, &binding, status, answer, created);
        vectors.push(json!({
            "request": {
                "method": method, "target": target, "content_type": parts.content_type,
                "content": content.map(|content| base64(content.bytes)),
                "base": signing::request_base(&origin, &parts, params),
                "content_digest": fields.content_digest, "signature_input": fields.signature_input,
                "signature": fields.signature,
            },
            "answer": answer_vector(status, answer, &binding, &answered),
        }));
    }
    check(
        "signatures.json",
        &json!({
            "note": "k_message and k_answer are both the key here. Bytes are padded base64. What is refused is the first exchange with the fields in `replace` instead of its own.",
            "origin": origin, "key": base64(key.expose()), "session_token": TOKEN,
            "created": created, "nonce": nonce, "exchanges": vectors,
            "refused_requests": refused::requests(&key, &origin, &vectors[0]["request"]),
            "refused_answers": refused::answers(&key, &vectors[0]),
        }),
    );
}

fn answer_vector(
    status: u16,
    content: Option<Content<'_>>,
    binding: &Binding,
    fields: &signing::SignatureFields,
) -> Value {
    let parts = AnswerParts {
        status,
        content_digest: fields.content_digest.as_deref(),
        content_type: content.map(|content| content.media_type),
        signature_input: &fields.signature_input,
        signature: &fields.signature,
    };
    let params = fields.signature_input.strip_prefix("claim=").unwrap();
    json!({
        "status": status, "content_type": parts.content_type,
        "content": content.map(|content| base64(content.bytes)),
        "base": signing::answer_base(binding, &parts, params),
        "content_digest": fields.content_digest, "signature_input": fields.signature_input,
        "signature": fields.signature,
    })
}
