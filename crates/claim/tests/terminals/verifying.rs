//! `claim verify` on the receipts of `testdata/receipts.json`: what people are told, and how it ends.

use std::path::Path;

use claim_core::encoding::from_base64;
use claim_log::WitnessKey;
use serde_json::Value;

use crate::course::{Folder, has_escapes};

/// A folder with `cuhk.cer`, the receipt of this name, and its files.
fn folder(name: &str) -> Folder {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/receipts.json");
    let stored: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = stored["cases"].as_array().unwrap();
    let case = cases.iter().find(|case| case["name"] == name).expect(name);
    let bytes = |value: &Value| from_base64(value.as_str().unwrap()).unwrap();
    let folder = Folder::new();
    folder.write("cuhk.cer", stored["root"].as_str().unwrap());
    folder.write("lab1.receipt", bytes(&case["receipt"]));
    std::fs::create_dir(folder.path("data")).unwrap();
    for file in case["files"].as_array().unwrap() {
        folder.write(file["name"].as_str().unwrap(), bytes(&file["content"]));
    }
    folder
}

#[test]
fn a_receipt_in_plain_words() {
    let folder = folder("whole");
    let done = folder.run(&["verify", "lab1.receipt", "report.pdf", "data"]).expect(0);
    for words in [
        "lab1.receipt: verified. Every check holds.",
        "signed by  1155123456",
        "to IEMS5710/lab1 at https://localhost:3141",
        "by Blackboard's clock",
        "that it was in time is proven",
        "in time, 18.795 s before",
        "all files, entry 6 of the log localhost:3141/log",
        "by localhost:9335/witness, whom the root certifies, at",
        "✓ report.pdf, 12 bytes",
        "✓ data/empty, 0 bytes",
        "cuhk.cer, SHA-256",
        "✓ container  holds",
        "✓ files      holds",
    ] {
        assert!(done.out.contains(words), "{words}: {}", done.out);
    }
    assert!(!has_escapes(&done.out));
    // A file by its name alone, wherever it lies; and none at all.
    let copy = folder.path("elsewhere.d");
    std::fs::create_dir(&copy).unwrap();
    std::fs::copy(folder.path("data/empty"), copy.join("empty")).unwrap();
    let done = folder.run(&["verify", "lab1.receipt", "elsewhere.d/empty"]).expect(0);
    assert!(done.out.contains("✓ data/empty"), "{}", done.out);
    assert!(done.out.contains("1 of 2 files were not given"), "{}", done.out);
    let done = folder.run(&["verify", "lab1.receipt", "--quiet"]).expect(0);
    assert!(done.out.contains("verified"), "{}", done.out);
}

#[test]
fn what_does_not_verify_ends_with_4_and_says_why() {
    for (name, point, words) in [
        ("changed file", "files", "The receipt holds, but files that were given are not what"),
        ("changed file", "files", "not the file that was handed in: that had 12 bytes"),
        ("altered claim", "claim", "claim.p7s:"),
        ("mixed: token of an earlier claim", "token", "the timestamp is over something else"),
        ("log with two faces", "log", "the log has two histories"),
        ("log key posing as witness", "log", "has the key of the log itself"),
        ("misleading README", "container", "do not follow what it says"),
        ("another root", "claim", "claim.p7s:"),
    ] {
        let folder = folder(name);
        let done = folder.run(&["verify", "lab1.receipt", "report.pdf"]).expect(4);
        assert!(done.out.contains("NOT VERIFIED"), "{name}: {}", done.out);
        assert!(done.out.contains(&format!("✗ {point:<10} fails\n      ")), "{name}: {}", done.out);
        assert!(done.out.contains(words), "{name}: {}", done.out);
        assert!(!done.out.contains("Just take it"), "{}", done.out);
    }
}

#[test]
fn what_is_genuine_but_not_complete_ends_with_5() {
    for (name, words) in [
        ("lodging proof", "it is a lodging proof only"),
        ("first moments", "does not show that the log has the claim"),
        ("token back-dated with the stolen timestamp key", "rests on Blackboard's word alone"),
        (
            "token back-dated with the stolen timestamp key",
            "in time, 18.795 s before, if that clock is right",
        ),
    ] {
        let done = folder(name).run(&["verify", "lab1.receipt"]).expect(5);
        assert!(done.out.contains("genuine, but not complete"), "{}", done.out);
        assert!(done.out.contains(words), "{}", done.out);
    }
}

#[test]
fn for_programs() {
    let json = |name: &str, code| -> Value {
        let done =
            folder(name).run(&["verify", "lab1.receipt", "report.pdf", "--json"]).expect(code);
        serde_json::from_str(&done.out).unwrap()
    };
    let whole = json("whole", 0);
    assert_eq!(whole["verdict"], "verified");
    assert_eq!(whole["claim"]["signers"][0]["id"], "1155123456");
    assert_eq!(whole["lodged_at"], "2026-11-24T15:59:41.204Z");
    assert_eq!(whole["time"]["standing"], "proven-in-time");
    assert_eq!(whole["due"]["late_ms"], 0);
    assert_eq!(whole["log"]["received"], 6);
    assert_eq!(whole["files"][0]["state"], "same");
    assert_eq!(whole["files"][1]["state"], "not-given");
    let points: Vec<&str> = whole["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["point"].as_str().unwrap())
        .collect();
    assert_eq!(points, ["container", "claim", "token", "origins", "log", "time", "due", "files"]);
    let late = json("late", 0);
    assert_eq!(late["due"]["late_ms"], 41_204);
    let broken = json("log without a witness", 4);
    assert_eq!(broken["checks"][4]["findings"][0]["code"], "not-cosigned");
    assert_eq!(broken["checks"][5]["outcome"], "not-reached");
    assert_eq!(broken["log"], Value::Null);
}

#[test]
fn whom_one_trusts() {
    let folder = folder("whole");
    let json = folder.run(&["verify", "lab1.receipt", "--json"]).expect(0).out;
    let json: Value = serde_json::from_str(&json).unwrap();
    let witness = json["log"]["witness"]["key"].as_str().unwrap();
    folder.run(&["verify", "lab1.receipt", "--witness", witness]).expect(0);
    // The same key under another name is another witness.
    let key: WitnessKey = witness.parse().unwrap();
    let other = WitnessKey::new("example.com/witness".parse().unwrap(), *key.public()).to_string();
    let done = folder.run(&["verify", "lab1.receipt", "--witness", &other]).expect(4);
    assert!(done.out.contains("example.com/witness has not cosigned"), "{}", done.out);
    folder.run(&["verify", "lab1.receipt", "--witness", "somebody"]).expect(2);
    folder.write("foreign.crl", "nothing");
    let done = folder.run(&["verify", "lab1.receipt", "--crl", "foreign.crl"]).expect(1);
    assert!(done.err.contains("foreign.crl is not a revocation list"), "{}", done.err);
}

#[test]
fn what_cannot_be_read() {
    let folder = folder("whole");
    folder.run(&["verify"]).expect(2);
    let done = folder.run(&["verify", "missing.receipt"]).expect(1);
    assert!(done.err.contains("missing.receipt cannot be read"), "{}", done.err);
    let done = folder.run(&["verify", "lab1.receipt", "missing.pdf"]).expect(1);
    assert!(done.err.contains("missing.pdf cannot be read"), "{}", done.err);
    let done = folder.run(&["verify", "lab1.receipt", "--root", "missing.cer"]).expect(1);
    assert!(done.err.contains("from CUHK itself or somebody you trust"), "{}", done.err);
    let done = folder.run(&["verify", "lab1.receipt", "--root", "lab1.receipt"]).expect(1);
    assert!(done.err.contains("is not a root certificate"), "{}", done.err);
    // No zip at all, and more than a receipt can have.
    folder.write("lab1.receipt", vec![0; 17 * 1024 * 1024]);
    let done = folder.run(&["verify", "lab1.receipt"]).expect(4);
    assert!(done.out.contains("a receipt has at most"), "{}", done.out);
    // A file that the claim does not know.
    let done = self::folder("whole").run(&["verify", "lab1.receipt", "cuhk.cer"]).expect(4);
    assert!(done.out.contains("cuhk.cer: the claim"), "{}", done.out);
}
