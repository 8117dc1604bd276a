//! The rows of the session: what the steps 3 to 6 themselves refuse.

use claim_core::encoding::{b64u, base64, from_b64u};
use claim_core::signing::content_digest;
use claim_core::{ProblemType, Timestamp};
use serde_json::Value;

use crate::authority::{DAY, now};
use crate::blackboard::Setting;
use crate::case::Ended;
use crate::student::{MESSAGES, Say, accepted, ask_step_3, ask_step_5, challenged, step_3};
use crate::wire::{Ask, Version};

pub(crate) async fn sid_mismatch(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site().case(row).await;
    let right = step_3(&setting.student().await, &setting.site().client);
    for sentence in
        ["SID:1155888888 requests to upload report !", "ID:chan requests to manage courses !"]
    {
        let mut wrong = right.clone();
        wrong["request"] = sentence.into();
        case.refused(&ask_step_3(&wrong)).await;
    }
    case.passes(&ask_step_3(&right)).await;
    case.end().await
}

pub(crate) async fn challenge_invalid(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site().case(row).await;
    let student = setting.student().await;
    let (_, step_5) = challenged(&student, &setting.site().client).await;
    let right = serde_json::to_value(step_5).unwrap();
    let token = from_b64u(right["challenge"].as_str().unwrap()).unwrap();
    let session = setting.open(&student).await;
    for challenge in [
        String::new(),
        "nonsense".to_owned(),
        b64u(&token[..token.len() - 1]),
        b64u(&flipped(&token, 0)),
        b64u(&flipped(&token, token.len() - 1)),
        session.token().to_owned(),
    ] {
        let mut wrong = right.clone();
        wrong["challenge"] = challenge.into();
        case.refused(&ask_step_5(&wrong)).await;
    }
    case.passes(&ask_step_5(&right)).await;
    case.end().await
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}

pub(crate) async fn confirmation_wrong(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site().case(row).await;
    let student = setting.student().await;
    let (_, step_5) = challenged(&student, &setting.site().client).await;
    let (_, another) = challenged(&student, &setting.site().client).await;
    let right = serde_json::to_value(&step_5).unwrap();
    for confirmation in
        [b64u(&flipped(&step_5.confirmation.0, 31)), b64u(&[0; 32]), b64u(&another.confirmation.0)]
    {
        let mut wrong = right.clone();
        wrong["confirmation"] = confirmation.into();
        case.refused(&ask_step_5(&wrong)).await;
    }
    case.passes(&ask_step_5(&right)).await;
    case.end().await
}

pub(crate) async fn session_invalid(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let say = Say::text("hello", now()).signed(&session);
    let token = from_b64u(session.token()).unwrap();
    let (_, step_5) = challenged(&setting.student().await, &setting.site().client).await;
    case.refused(&say.ask.clone().without("claim-session")).await;
    for token in [
        String::new(),
        "nonsense".to_owned(),
        format!("{0}, {0}", session.token()),
        b64u(&flipped(&token, 0)),
        b64u(&flipped(&token, token.len() - 1)),
        step_5.challenge,
    ] {
        case.refused(&say.ask.clone().with("claim-session", token)).await;
    }
    case.passes_signed(&say.ask, &say.expected).await;
    case.end().await
}

pub(crate) async fn signature_malformed(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let say = Say::text("hello", now()).signed(&session);
    let value = |name| say.ask.value(name);
    let (input, signature) = (value("signature-input"), value("signature"));
    let digest = value("content-digest");
    for name in ["signature", "signature-input", "content-digest", "content-type"] {
        case.refused(&say.ask.clone().without(name)).await;
    }
    for (name, value) in [
        ("signature", "claim=:AA".to_owned()),
        ("signature", signature.replace("claim=", "other=")),
        ("signature-input", "claim".to_owned()),
        ("signature-input", input.replace(" \"claim-session\"", "")),
        ("signature-input", input.replace("hmac-sha256", "hmac-sha512")),
        ("signature-input", input.replace(";alg", ";keyid=\"x\";alg")),
        ("signature-input", input.replace(";nonce", ";expires=1;nonce")),
        ("content-digest", format!("{digest}, sha-512=:AA==:")),
        ("content-digest", format!("{digest};a")),
        ("content-digest", "sha-256=:AAAA:".to_owned()),
    ] {
        case.refused(&say.ask.clone().with(name, value)).await;
    }
    // Members under other labels belong to others.
    let ask = say.ask.clone().with("signature", format!("proxy=:AAAA:, {signature}"));
    let ask = ask.with("signature-input", format!("{input}, proxy=(\"@method\")"));
    case.passes_signed(&ask, &say.expected).await;
    case.end().await
}

pub(crate) async fn signature_wrong(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let say = Say::text("hello", now());
    let signed = say.signed(&session);
    let ask = &signed.ask;
    let other = setting.open(&setting.student().await).await;
    let later = say.created.as_seconds() + 1;
    let input = ask.value("signature-input");
    let input = input.replace(&say.created.as_seconds().to_string(), &later.to_string());
    for (name, value) in [
        ("signature", format!("claim=:{}:", base64(&[0; 32]))),
        ("signature", "claim=::".to_owned()),
        ("signature-input", input),
        ("content-type", "text/plain".to_owned()),
        ("content-digest", content_digest(b"goodbye")),
        // Somebody else's session.
        ("claim-session", other.token().to_owned()),
    ] {
        case.refused(&ask.clone().with(name, value)).await;
    }
    // Signed for another address or method than it is sent to.
    for (method, target) in [("PUT", MESSAGES), ("POST", "/v1/messages?"), ("POST", "/v1/sessions")]
    {
        let elsewhere = Say { method, target, ..say.clone() }.signed(&session).ask;
        let sent = Ask { method: "POST", target: MESSAGES.to_owned(), ..elsewhere };
        case.refused(&sent).await;
    }
    case.passes_signed(ask, &signed.expected).await;
    case.end().await
}

pub(crate) async fn clock_skew(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    for seconds in [-310, 310, -DAY, DAY] {
        let say = Say::text("hello", now().plus_seconds(seconds)).signed(&session);
        let answer = case.refused_signed(&say.ask, &say.expected).await;
        let document: Value = serde_json::from_slice(&answer.body).unwrap();
        let told: Timestamp = document["server_time"].as_str().unwrap().parse().unwrap();
        assert!(now().millis_since(told).abs() < 60_000, "{document}");
    }
    for seconds in [-290, 290] {
        let say = Say::text("hello", now().plus_seconds(seconds)).signed(&session);
        case.passes_signed(&say.ask, &say.expected).await;
    }
    case.end().await
}

pub(crate) async fn digest_mismatch(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let say = Say::text("hello", now()).signed(&session);
    for content in ["hellp", "hello ", "hell", ""] {
        case.refused_signed(&say.ask.clone().carrying(content), &say.expected).await;
    }
    let nothing = Say { content: None, ..Say::text("", now()) }.signed(&session);
    case.refused_signed(&nothing.ask.clone().carrying("hello"), &nothing.expected).await;
    case.passes_signed(&say.ask, &say.expected).await;
    case.end().await
}

pub(crate) async fn message_unreadable(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    for content in [&b""[..], b"\xff", b"abc\xc3", b"\xed\xa0\x80", b"caf\xe9"] {
        let say = Say::text(content, now()).signed(&session);
        case.refused_signed(&say.ask, &say.expected).await;
    }
    let nothing = Say { content: None, ..Say::text("", now()) }.signed(&session);
    case.refused_signed(&nothing.ask, &nothing.expected).await;
    for content in ["x", "café", "\0", "\u{1b}[31m\u{202e}"] {
        let say = Say::text(content, now()).signed(&session);
        case.passes_signed(&say.ask, &say.expected).await;
    }
    case.end().await
}

pub(crate) async fn nonce_reused(row: ProblemType, setting: &Setting) -> Ended {
    let (case, session) = setting.in_session(row).await;
    let client = &setting.site().client;
    let first = Say::text("hello", now());
    let signed = first.signed(&session);
    let stored = accepted(&client.ask(Version::Http2, &signed.ask).await);
    let other = Say { nonce: first.nonce, ..Say::text("hellO", now()) }.signed(&session);
    case.refused_signed(&other.ask, &other.expected).await;
    // The same again, signed at another moment, is the same message.
    let again = Say { created: first.created.plus_seconds(1), ..first.clone() }.signed(&session);
    let answer = case.passes_signed(&again.ask, &again.expected).await;
    assert_eq!(accepted(&answer), stored);
    let fresh = Say::text("hellO", now()).signed(&session);
    case.passes_signed(&fresh.ask, &fresh.expected).await;
    case.end().await
}
