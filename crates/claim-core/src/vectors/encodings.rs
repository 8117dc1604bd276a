//! `testdata/encodings.json`: what section 1 of PROTOCOL.md writes down, and what it refuses.

use serde_json::{Value, json};

use super::check;
use crate::encoding::{base64, from_b64u, from_base64, lp};
use crate::invitation::{Code, Invitation, Invitee};
use crate::messages::Sentence;
use crate::{Origin, PersonId, Timestamp, json};

const CODE: &str = "AQEBAQEBAQEBAQEBAQEBAQ";
const PIN: &str = "AgICAgICAgICAgICAgICAg";

/// The class of everything that is not in the one form which the protocol knows.
const MALFORMED: &str = "malformed";

/// One case: what is read, and what comes of it.
fn case(read: Value, found: Option<Value>) -> Value {
    match found {
        Some(value) => json!({ "read": read, "is": value }),
        None => json!({ "read": read, "error": MALFORMED }),
    }
}

/// Reads each text; a value that is null says no more than that the text is good.
fn texts<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    read: impl Fn(&str) -> Option<Value>,
) -> Vec<Value> {
    texts.into_iter().map(|text| case(text.into(), read(text))).collect()
}

#[test]
fn encodings() {
    check(
        "encodings.json",
        &json!({
            "note": "Bytes are padded base64. `is` is what the text in `read` means; `error` says that it must be refused.",
            "lp": length_prefixed(),
            "b64u": texts(
                ["", "AA", "AAE", "__79", "-_-_", "AB", "AAF", "AA==", "__7+", "A", "AA\n", " AA", "é"],
                |text| from_b64u(text).ok().map(|bytes| base64(&bytes).into()),
            ),
            "base64": texts(
                ["", "AA==", "AAE=", "//79", "AA", "AAE", "AB==", "AAF=", "AA=", "__79", "AA==\n", "A A==", "===="],
                |text| from_base64(text).ok().map(|bytes| base64(&bytes).into()),
            ),
            "json_objects": json_objects(),
            "times": times(),
            "ids": ids(),
            "sentences": sentences(),
            "origins": origins(),
            "origins_as_typed": origins_as_typed(),
            "user_ids": user_ids(),
            "basic": basic(),
            "invitations": invitations(),
        }),
    );
}

fn length_prefixed() -> Vec<Value> {
    let cases: [&[&[u8]]; 4] =
        [&[], &[b""], &[b"ab", b""], &["é".as_bytes(), &[0, 255], b"claim v1"]];
    cases
        .map(|elements| {
            let read: Vec<String> = elements.iter().map(|element| base64(element)).collect();
            case(read.into(), Some(base64(&lp(elements)).into()))
        })
        .to_vec()
}

/// Bytes, as not all of them are text.
fn json_objects() -> Vec<Value> {
    let cases: [&[u8]; 16] = [
        b"{}",
        br#" {"a":{"b":1},"b":2} "#,
        br#"{"a":"\u4f60\ud83c\udf93"}"#,
        br#"{"a":1,"a":1}"#,
        br#"{"a":[{"b":1,"c":2,"b":3}]}"#,
        br#"{"a":1,"\u0061":2}"#,
        b"\xef\xbb\xbf{}",
        b"[]",
        b"null",
        b"",
        b"{}{}",
        br#"{"a":1,}"#,
        br#"{"a":NaN}"#,
        br#"{'a':1}"#,
        b"{\"a\":\"\xe9\"}",
        br#"{"a":"\ud83c"}"#,
    ];
    let read = |bytes: &[u8]| json::from_slice::<Value>(bytes).ok();
    cases.map(|bytes| case(base64(bytes).into(), read(bytes))).to_vec()
}

/// Milliseconds since 1970-01-01T00:00:00Z.
fn times() -> Vec<Value> {
    let cases = [
        "2026-11-24T15:59:59.999Z",
        "1970-01-01T00:00:00.000Z",
        "2028-02-29T00:00:00.001Z",
        "2026-11-24T15:59:59Z",
        "2026-11-24T15:59:59.99Z",
        "2026-11-24T15:59:59.9999Z",
        "2026-11-24T15:59:59.999+00:00",
        "2026-11-24t15:59:59.999z",
        "2026-11-24 15:59:59.999Z",
        "2026-11-24T15:59:60.000Z",
        "2026-11-24T24:00:00.000Z",
        "2026-02-29T00:00:00.000Z",
        "1969-12-31T23:59:59.999Z",
        "2026-11-24T15:59:59.999Z ",
        "+002026-11-24T15:59:59.999Z",
    ];
    texts(cases, |text| text.parse().ok().map(|time: Timestamp| time.as_millis().into()))
}

fn ids() -> Vec<Value> {
    let (longest, longer) = ("a".repeat(64), "a".repeat(65));
    let cases = [
        "1155123456",
        "0000000000",
        "chan.tm",
        "a_1-z",
        &longest,
        &longer,
        "115512345",
        "11551234567",
        "115512345a",
        "١١٥٥١٢٣٤٥٦",
        "1155123456\n",
        "Chan",
        ".chan",
        "",
    ];
    texts(cases, |text| {
        let id: PersonId = text.parse().ok()?;
        Some(if matches!(id, PersonId::Student(_)) { "student".into() } else { "staff".into() })
    })
}

fn sentences() -> Vec<Value> {
    let cases = [
        "SID:1155123456 requests to upload report !",
        "ID:chan.tm requests to manage courses !",
        "SID:1155123456 requests to upload report!",
        "SID: 1155123456 requests to upload report !",
        "SID:115512345 requests to upload report !",
        "SID:chan.tm requests to upload report !",
        "ID:1155123456 requests to manage courses !",
        "sid:1155123456 requests to upload report !",
        "SID:1155123456 requests to upload report !\n",
    ];
    texts(cases, |text| text.parse().ok().map(|sentence: Sentence| sentence.id().as_str().into()))
}

/// As they stand in messages and certificates: in the one spelling, or not at all.
fn origins() -> Vec<Value> {
    let cases = [
        "https://localhost:3141",
        "https://blackboard.example",
        "https://[::1]:3141",
        "https://xn--bcher-kva.example",
        "https://localhost:3141/",
        "https://LOCALHOST:3141",
        "https://blackboard.example:443",
        "https://[0:0:0:0:0:0:0:1]:3141",
        "https://bücher.example",
        "http://localhost:3141",
        "https://u@localhost",
        "https://localhost:03141",
        "https://localhost/x",
        "localhost:3141",
        "https://",
    ];
    texts(cases, |text| text.parse().ok().map(|origin: Origin| origin.host().to_string().into()))
}

/// As a person types the address of a server, and what is connected to then.
fn origins_as_typed() -> Vec<Value> {
    let cases = [
        "https://localhost:3141",
        "https://localhost:3141/",
        "HTTPS://LocalHost:3141",
        "https://blackboard.example:443",
        "https://[0:0::1]:3141",
        "https://bücher.example",
        "http://localhost:3141",
        "https://u@localhost",
        "https://localhost/x",
        "https://localhost?x",
        "https://localhost#x",
        "localhost:3141",
    ];
    texts(cases, |text| Origin::from_user(text).ok().map(|origin| origin.as_str().into()))
}

/// From an id to what stands in invitations and in HTTP Basic.
fn user_ids() -> Vec<Value> {
    let cases = ["1155123456", "chan.tm", "https://localhost:3141", "https://[::1]:3141"];
    texts(cases, |text| {
        let person = text.parse().map(Invitee::Person).ok();
        let invitee = person.or_else(|| text.parse().map(Invitee::Server).ok())?;
        Some(invitee.user_id().into())
    })
}

/// The value of `Authorization` for a user-id and a code.
fn basic() -> Vec<Value> {
    ["1155123456", "https%3A%2F%2Flocalhost%3A3141"]
        .map(|user_id| {
            let code: Code = CODE.parse().unwrap();
            assert_eq!(Invitee::from_user_id(user_id).unwrap().user_id(), user_id);
            let value =
                format!("Basic {}", base64(format!("{user_id}:{}", code.expose()).as_bytes()));
            case(json!({ "user_id": user_id, "code": CODE }), Some(value.into()))
        })
        .to_vec()
}

fn invitations() -> Vec<Value> {
    let line = |authority: &str, id: &str, code: &str, pin: &str| {
        format!("claim://{authority}/{id}/{code}#{pin}")
    };
    let cases = [
        line("localhost:9335", "1155123456", CODE, PIN),
        line("cuhk.example:443", "chan.tm", CODE, PIN),
        line("[::1]:9335", "https%3A%2F%2Flocalhost%3A3141", CODE, PIN),
        line("localhost:9335", "115512345", CODE, PIN),
        line("localhost:9335", "https%3A%2F%2FLOCALHOST", CODE, PIN),
        line("localhost:9335", "1155123456", "AQEBAQEBAQEBAQEBAQEBAR", PIN),
        line("localhost:9335", "1155123456", "AQEB", PIN),
        line("localhost:9335", "1155123456", CODE, "AgIC"),
        line("localhost:9335", "1155123456/x", CODE, PIN),
        line("", "1155123456", CODE, PIN),
        format!("claim://localhost:9335/1155123456/{CODE}"),
        format!("https://localhost:9335/1155123456/{CODE}#{PIN}"),
    ];
    texts(cases.iter().map(String::as_str), |text| {
        let invitation: Invitation = text.parse().ok()?;
        assert_eq!(invitation.expose(), text, "an invitation has one spelling");
        Some(json!({
            "cuhk": invitation.cuhk, "id": invitation.invitee.to_string(),
            "code": invitation.code.expose(), "pin": invitation.pin.to_string(),
        }))
    })
}
