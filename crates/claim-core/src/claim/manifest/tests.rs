#![allow(clippy::unwrap_used, reason = "a test panics to fail")]
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The example of PROTOCOL.md, with one small file.
fn example() -> Value {
    json!({
        "claim": "v1", "blackboard": "https://localhost:3141", "course": "IEMS5710", "assignment": "lab1",
        "due": "2026-11-24T15:59:59.999Z", "sids": ["1155123456"], "by": null, "replaces": null,
        "outage": false, "nonce": "AAAAAAAAAAAAAAAAAAAAAA", "note": null,
        "files": [{"name": "report.pdf", "size": 3,
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}],
    })
}

fn read(value: &Value) -> Result<Manifest, ManifestError> {
    Manifest::from_slice(value.to_string().as_bytes())
}

fn with(name: &str, value: Value) -> Value {
    let mut manifest = example();
    manifest[name] = value;
    manifest
}

#[test]
fn reads_what_it_writes() {
    let manifest = read(&example()).unwrap();
    let bytes = manifest.to_bytes().unwrap();
    assert_eq!(Manifest::from_slice(&bytes).unwrap(), manifest);
    assert!(bytes.starts_with(br#"{"claim":"v1","blackboard":"https://localhost:3141","course":"#));
    assert_eq!(manifest.assignment_ref().to_string(), "IEMS5710/lab1");
}

#[test]
fn every_member_must_be_there() {
    for name in example().as_object().unwrap().keys() {
        let mut manifest = example();
        manifest.as_object_mut().unwrap().remove(name);
        let error = read(&manifest).unwrap_err().to_string();
        assert!(error.contains(&format!("missing field `{name}`")), "{error}");
    }
}

#[test]
fn no_member_is_unknown_or_twice() {
    assert!(read(&with("extra", json!(1))).unwrap_err().to_string().contains("unknown field"));
    let twice = example().to_string().replacen('{', r#"{"outage":false,"#, 1);
    assert!(Manifest::from_slice(twice.as_bytes()).unwrap_err().to_string().contains("twice"));
}

#[test]
fn members_that_are_not_as_they_must_be() {
    for (name, value) in [
        ("claim", json!("v2")),
        ("claim", json!(1)),
        ("blackboard", json!("https://localhost:3141/")),
        ("blackboard", json!("http://localhost")),
        ("course", json!("..")),
        ("assignment", json!("a/b")),
        ("due", json!("2026-11-24T15:59:59Z")),
        ("due", json!(0)),
        ("sids", json!([])),
        ("sids", json!(["1155123457", "1155123456"])),
        ("sids", json!(["1155123456", "1155123456"])),
        ("sids", json!(["chan"])),
        ("sids", json!(null)),
        ("by", json!("1155123456")),
        ("replaces", json!("AB")),
        ("outage", json!(null)),
        ("nonce", json!("AAAA")),
        ("nonce", json!("AAAAAAAAAAAAAAAAAAAAAB")),
        ("note", json!(7)),
        ("files", json!([])),
        ("files", json!({})),
    ] {
        assert!(read(&with(name, value.clone())).is_err(), "{name}: {value}");
    }
    let bom = [b"\xef\xbb\xbf", example().to_string().as_bytes()].concat();
    assert!(Manifest::from_slice(&bom).is_err());
}

#[test]
fn a_budget_for_its_length() {
    let long = with("note", json!("x".repeat(MAX_MANIFEST)));
    assert!(matches!(read(&long), Err(ManifestError::TooLong { .. })));
}

#[test]
fn who_may_sign() {
    let student = |sid: &str| sid.parse::<PersonId>().unwrap();
    let own = read(&with("sids", json!(["1155123456", "1155123457"]))).unwrap();
    assert!(own.may_sign(&student("1155123457")));
    assert!(!own.may_sign(&student("1155123458")) && !own.may_sign(&student("chan")));
    let on_behalf = read(&with("by", json!("chan"))).unwrap();
    assert!(on_behalf.may_sign(&student("chan")));
    assert!(!on_behalf.may_sign(&student("1155123456")) && !on_behalf.may_sign(&student("lee")));
}

proptest! {
    #[test]
    fn never_panics(bytes in any::<Vec<u8>>()) {
        let _ = Manifest::from_slice(&bytes);
    }
}
