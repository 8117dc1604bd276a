//! The part of `testdata/signatures.json` that must not verify: one exchange, spoilt in one place at a time.

use serde_json::{Map, Value, json};

use crate::encoding::base64;
use crate::signing::{self, AnswerParts, Binding, RequestParts, SignatureError, content_digest};
use crate::transcript::MacKey;
use crate::{Digest, Origin};

/// One case: what is put in the place of the exchange's own fields, and what comes of it.
fn case(name: &str, replace: &Value, error: &str) -> Value {
    json!({ "name": name, "replace": replace, "error": error })
}

/// A copy of an exchange's half with other fields.
fn replaced(own: &Value, replace: &Value) -> Map<String, Value> {
    let mut fields = own.as_object().unwrap().clone();
    fields.extend(replace.as_object().unwrap().clone());
    fields
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    fields.get(name)?.as_str()
}

/// The bytes of the content; none where there is none.
fn content(fields: &Map<String, Value>) -> Vec<u8> {
    text(fields, "content")
        .map(|content| crate::encoding::from_base64(content).unwrap())
        .unwrap_or_default()
}

/// Requests that Blackboard refuses, with the slug of the refusal.
pub(super) fn requests(key: &MacKey, origin: &Origin, own: &Value) -> Vec<Value> {
    let input = own["signature_input"].as_str().unwrap();
    let signature = own["signature"].as_str().unwrap();
    let digest = own["content_digest"].as_str().unwrap();
    let inputs = |text: String| json!({ "signature_input": text });
    [
        ("another method", json!({ "method": "PUT" })),
        ("another target", json!({ "target": "/v1/messages?" })),
        ("another session", json!({ "claim_session": "AQIDBAUGBwgtYW5vdGhlci10b2tlbg" })),
        ("another content type", json!({ "content_type": "text/plain" })),
        ("another digest", json!({ "content_digest": content_digest(b"x") })),
        ("other content", json!({ "content": base64(b"x") })),
        ("another time", inputs(input.replace("created=1795535940", "created=1795535941"))),
        ("another HMAC", json!({ "signature": format!("claim=:{}:", base64(&[0; 32])) })),
        ("no signature", json!({ "signature": "" })),
        ("another label", json!({ "signature": signature.replace("claim=", "other=") })),
        ("no bytes", json!({ "signature": signature.replace(':', "\"") })),
        ("no input", json!({ "signature_input": "" })),
        ("an input for another label", inputs(input.replace("claim=", "other="))),
        (
            "other order of the components",
            inputs(input.replace(r#""@method" "@target-uri""#, r#""@target-uri" "@method""#)),
        ),
        ("a component less", inputs(input.replace(r#" "content-type""#, ""))),
        (
            "a component more",
            inputs(input.replace(r#""content-type")"#, r#""content-type" "date")"#)),
        ),
        ("a parameter more", inputs(format!("{input};expires=1795536000"))),
        ("no nonce", inputs(input.replace(r#";nonce="BwcHBwcHBwcHBwcHBwcHBw""#, ""))),
        ("a short nonce", inputs(input.replace("BwcHBwcHBwcHBwcHBwcHBw", "BwcHBwcHBwcHBwcHBwcH"))),
        (
            "a nonce that is not canonical",
            inputs(input.replace("BwcHBwcHBwcHBwcHBwcHBw", "BwcHBwcHBwcHBwcHBwcHBx")),
        ),
        ("another algorithm", inputs(input.replace("hmac-sha256", "hmac-sha512"))),
        ("other order of the parameters", inputs(swapped(input))),
        ("two digests", json!({ "content_digest": format!("{digest}, sha-512=:AA==:") })),
        (
            "a digest that is not canonical base64",
            json!({ "content_digest": digest.replace("4=:", "5=:") }),
        ),
        ("a digest but no type", json!({ "content_type": null })),
    ]
    .iter()
    .map(|(name, replace)| case(name, replace, request_refusal(key, origin, own, replace)))
    .collect()
}

/// `nonce` before `created`.
fn swapped(input: &str) -> String {
    let nonce = r#";nonce="BwcHBwcHBwcHBwcHBwcHBw""#;
    input.replace(nonce, "").replace(";created", &format!("{nonce};created"))
}

fn request_refusal(key: &MacKey, origin: &Origin, own: &Value, replace: &Value) -> &'static str {
    let fields = replaced(own, replace);
    let parts = RequestParts {
        method: text(&fields, "method").unwrap(),
        target: text(&fields, "target").unwrap(),
        claim_session: text(&fields, "claim_session").unwrap_or(super::TOKEN),
        content_digest: text(&fields, "content_digest"),
        content_type: text(&fields, "content_type"),
        signature_input: text(&fields, "signature_input").unwrap(),
        signature: text(&fields, "signature").unwrap(),
    };
    match signing::verify_request(key, origin, &parts) {
        Err(SignatureError::Wrong) => "signature-wrong",
        Err(_) => "signature-malformed",
        Ok(verified) if verified.content_digest != Some(Digest::of(&content(&fields))) => {
            "digest-mismatch"
        }
        Ok(_) => panic!("{replace} changes nothing"),
    }
}

/// Answers that settle nothing.
pub(super) fn answers(key: &MacKey, exchange: &Value) -> Vec<Value> {
    let (request, own) = (&exchange["request"], &exchange["answer"]);
    let own_signature = own["signature"].as_str().unwrap();
    let input = own["signature_input"].as_str().unwrap();
    let binding = request["signature"].as_str().unwrap().strip_prefix("claim=").unwrap();
    let unbound =
        json!({ "signature_input": input.replace(r#" "signature";req;key="claim""#, "") });
    [
        ("another status", json!({ "status": 200 })),
        ("other content", json!({ "content": base64(b"{ }") })),
        ("no content", json!({ "content": null })),
        ("another digest, and its content", json!({ "content": base64(b"{ }"), "content_digest": content_digest(b"{ }") })),
        ("another content type", json!({ "content_type": "text/plain" })),
        ("no signature", json!({ "signature": null, "signature_input": null })),
        ("the request's signature", json!({ "signature": request["signature"], "signature_input": request["signature_input"] })),
        ("another label", json!({ "signature": own_signature.replace("claim=", "other=") })),
        ("another time", json!({ "signature_input": input.replace("=1795535940", "=1795535941") })),
        ("not bound to the request", unbound),
        ("key before req", json!({ "signature_input": input.replace(r#";req;key="claim""#, r#";key="claim";req"#) })),
        ("the answer to another request", json!({ "request_signature": format!(":{}:", base64(&[0; 32])) })),
    ]
    .iter()
    .map(|(name, replace)| {
        assert!(!is_proven(key, binding, own, replace), "{name} changes nothing");
        case(name, replace, "unproven")
    })
    .collect()
}

fn is_proven(key: &MacKey, binding: &str, own: &Value, replace: &Value) -> bool {
    let fields = replaced(own, replace);
    let request = Binding::from_text(text(&fields, "request_signature").unwrap_or(binding));
    let parts = AnswerParts {
        status: fields["status"].as_u64().unwrap().try_into().unwrap(),
        content_digest: text(&fields, "content_digest"),
        content_type: text(&fields, "content_type"),
        signature_input: text(&fields, "signature_input").unwrap_or_default(),
        signature: text(&fields, "signature").unwrap_or_default(),
    };
    let digest = signing::verify_answer(key, &request, &parts);
    digest.is_ok_and(|digest| digest == Some(Digest::of(&content(&fields))))
}
