//! `claim demo --attack` with the real program: every attack is refused, and by what is meant to refuse it.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::BTreeMap;
use std::process::{Command, Output};

use serde_json::Value;

const SID: &str = "1155123456";

/// Every attack, what refuses it, and a part of what is said then.
const ATTACKS: [(&str, &str, &str); 18] = [
    ("foreign-ca", "certificate-untrusted", "403 certificate-untrusted: "),
    ("edited-certificate", "certificate-untrusted", "403 certificate-untrusted: "),
    ("expired-certificate", "certificate-expired", "403 certificate-expired: "),
    ("wrong-profile", "certificate-profile", "403 certificate-profile: "),
    ("false-sid", "sid-mismatch", "403 sid-mismatch: "),
    ("stolen-challenge", "confirmation-wrong", "403 confirmation-wrong: "),
    ("flipped-bit", "digest-mismatch", "400 digest-mismatch: "),
    ("flipped-bit-new-digest", "signature-wrong", "403 signature-wrong: "),
    ("replay-other-content", "signature-wrong", "403 signature-wrong: "),
    ("nonce-reused", "nonce-reused", "409 nonce-reused: "),
    ("relay", "student: other-origin", "but the server says that it is https://localhost:"),
    ("relay-renamed", "student: session-key-not-for-us", "the session key does not decrypt"),
    (
        "false-blackboard",
        "student: certificate-of-another-server",
        "the certificate is for https://localhost:",
    ),
    (
        "false-blackboard-borrowed-certificate",
        "student: signature-wrong",
        "the server's signature is wrong",
    ),
    ("altered-answer", "student: answer-not-authentic", "(status 201) that does not count"),
    ("altered-status", "student: answer-not-authentic", "(status 200) that does not count"),
    ("invented-acknowledgement", "student: answer-not-authentic", "(status 201) that does not"),
    ("second-key", "code-used", "403 code-used: "),
];

const NEIGHBOURS: [&str; 4] =
    ["honest-session", "honest-proxy", "same-request-again", "same-key-again"];

/// Runs the demonstration in a folder of its own, on free ports where the usual ones are taken.
fn demo(options: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_claim"))
        .env_clear()
        .args(["demo", "--sid", SID, "--attack", "--dir"])
        .arg(folder.path())
        .args(options)
        .output()
        .unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("attack-"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "the attacker's own files are gone");
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn each_attack_is_shown_with_its_refusal() {
    let output = demo(&[]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    let verdicts: Vec<&str> =
        out.lines().filter_map(|line| line.trim_start().strip_prefix("✓ refused: ")).collect();
    assert_eq!(verdicts.len(), ATTACKS.len(), "{out}");
    for (verdict, (name, _, words)) in verdicts.iter().zip(ATTACKS) {
        assert!(verdict.contains(words), "{name}: {verdict}");
    }
    assert_eq!(out.matches("✓ passes: ").count(), NEIGHBOURS.len(), "{out}");
    assert!(!out.contains('✗'), "{out}");
    assert!(out.contains("18 of 18 attacks were refused as they must be; 4 of 4"), "{out}");
}

#[test]
fn in_json_each_attack_is_one_document() {
    let output = demo(&["--json"]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}");
    let documents: Vec<Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = |member: &str| -> BTreeMap<String, Value> {
        let of_them = documents
            .iter()
            .filter_map(|document| Some((document[member].as_str()?.to_owned(), document.clone())));
        of_them.collect()
    };
    let attacks = named("attack");
    assert_eq!(attacks.len(), ATTACKS.len());
    for (name, expected, words) in ATTACKS {
        let document = &attacks[name];
        assert_eq!(document["expected"], expected, "{document}");
        assert_eq!(document["refused"], true, "{document}");
        assert_eq!(document["as_expected"], true, "{document}");
        assert!(document["refusal"].as_str().unwrap().contains(words), "{document}");
    }
    let neighbours = named("neighbour");
    assert_eq!(neighbours.len(), NEIGHBOURS.len());
    assert!(NEIGHBOURS.iter().all(|name| neighbours[*name]["passed"] == true), "{neighbours:?}");
    let verdict = &named("event")["verdict"];
    assert_eq!(verdict["passed"], true, "{verdict}");
}
