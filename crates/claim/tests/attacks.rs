//! `claim demo --attack` with the real program: every attack is refused, and every forgery exposed, by what is meant to.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
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

/// Every forgery, what exposes it, and a part of what is said then.
const FORGERIES: [(&str, &str, &str); 14] = [
    ("changed-file", "check files: file", "not the file that was handed in"),
    ("altered-claim", "check claim: claim", "NOT VERIFIED; check \"claim\": claim.p7s: "),
    ("mixed-token", "check token: token-imprint", "the timestamp is over something else"),
    (
        "mixed-proof",
        "check log: proof",
        "check \"log\": lodged.proof: the proof leads to the root ",
    ),
    ("old-draft", "replaces-changed", "409 replaces-changed: "),
    (
        "old-draft-taken",
        "receipts: predecessor-not-named",
        "but says that the claim before it is none",
    ),
    (
        "back-dated-token",
        "check time: word-alone",
        "genuine, but not complete; check \"time\": the time ",
    ),
    ("log-forgets", "witness: 422", "that the log has only grown is not proven"),
    ("log-forgets-audited", "audit: rewritten", "the log has rewritten its past"),
    ("two-faces", "witness: 409", "it has cosigned another tree of "),
    ("two-faces-audited", "audit: two-histories", "it shows two histories"),
    ("two-faces-unwitnessed", "check log: not-cosigned", "no witness that cuhk.cer certifies"),
    ("two-faces-together", "check log: two-histories", "the log has two histories"),
    ("posing-witness", "check log: proof", "has the key of the log itself"),
];

const NEIGHBOURS: [&str; 8] = [
    "honest-session",
    "honest-proxy",
    "same-request-again",
    "same-key-again",
    "honest-receipt",
    "honest-hand",
    "honest-log",
    "honest-witness",
];

/// Forged receipts that are left for whoever wants to look, and the exit code of `claim verify`.
const LEFT: [(&str, i32); 10] = [
    ("without-a-lie", 0),
    ("old-draft", 0),
    ("back-dated-token", 5),
    ("altered-claim", 4),
    ("mixed-token", 4),
    ("mixed-proof", 4),
    ("other-face", 4),
    ("two-faces", 4),
    ("posing-witness", 4),
    ("../inbox", 0),
];

/// Runs the demonstration in a folder of its own, on free ports where the usual ones are taken.
fn demo(folder: &Path, options: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_claim"))
        .env_clear()
        .args(["demo", "--sid", SID, "--attack", "--dir"])
        .arg(folder)
        .args(options)
        .output()
        .unwrap();
    let left: Vec<_> = std::fs::read_dir(folder)
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

/// The verdicts that begin like this, each with what it must contain.
#[track_caller]
fn shown(out: &str, begin: &str, expected: &[(&str, &str, &str)]) {
    let verdicts: Vec<&str> =
        out.lines().filter_map(|line| line.trim_start().strip_prefix(begin)).collect();
    assert_eq!(verdicts.len(), expected.len(), "{out}");
    for (verdict, (name, _, words)) in verdicts.iter().zip(expected) {
        assert!(verdict.contains(words), "{name}: {verdict}");
    }
}

#[test]
fn each_attack_and_forgery_is_shown_with_its_end() {
    let folder = tempfile::tempdir().unwrap();
    // With its port taken, if it was not, the first demonstration is at another origin than the second.
    let taken = TcpListener::bind("127.0.0.1:3141");
    let output = demo(folder.path(), &[]);
    drop(taken);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    shown(&out, "✓ refused: ", &ATTACKS);
    shown(&out, "✓ exposed: ", &FORGERIES);
    assert_eq!(out.matches("✓ passes: ").count(), NEIGHBOURS.len(), "{out}");
    assert!(!out.contains('✗'), "{out}");
    assert!(out.contains("18 of 18 attacks were refused as they must be; 14 of 14 forgeries were exposed as they must be; 8 of 8"), "{out}");
    // Whoever looks on runs the same commands, and is told the same.
    let root = folder.path().join("cuhk.cer");
    for (name, code) in LEFT {
        let receipt = folder.path().join("forged").join(name).with_extension("receipt");
        let verified = Command::new(env!("CARGO_BIN_EXE_claim"))
            .env_clear()
            .arg("verify")
            .args([&receipt, Path::new("--root"), &root])
            .output()
            .unwrap();
        assert_eq!(verified.status.code(), Some(code), "{name}: {}", text(&verified.stdout));
    }
    // The log, the witness and the records are as they were: the next demonstration in this folder is as good.
    let again = demo(folder.path(), &["--quiet"]);
    let (out, err) = (text(&again.stdout), text(&again.stderr));
    assert_eq!(again.status.code(), Some(0), "{out}\n{err}");
}

#[test]
fn in_json_each_attack_is_one_document() {
    let folder = tempfile::tempdir().unwrap();
    // A small file of one's own, under a name that is not the usual one.
    let report = folder.path().join("my report.pdf");
    std::fs::write(&report, "The report.\n").unwrap();
    let output = demo(folder.path(), &["--json", "--file", report.to_str().unwrap()]);
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
    let forgeries = named("forgery");
    assert_eq!(forgeries.len(), FORGERIES.len());
    for (name, expected, words) in FORGERIES {
        let document = &forgeries[name];
        assert_eq!(document["expected"], expected, "{document}");
        assert_eq!(document["exposed"], true, "{document}");
        assert_eq!(document["as_expected"], true, "{document}");
        assert!(document["exposure"].as_str().unwrap().contains(words), "{document}");
    }
    let neighbours = named("neighbour");
    assert_eq!(neighbours.len(), NEIGHBOURS.len());
    assert!(NEIGHBOURS.iter().all(|name| neighbours[*name]["passed"] == true), "{neighbours:?}");
    let verdict = &named("event")["verdict"];
    assert_eq!(verdict["passed"], true, "{verdict}");
}
