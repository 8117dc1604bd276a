//! `claim bench sessions` measures, on real sockets, and says so in one document.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::process::Command;

use serde_json::Value;

#[test]
fn sessions_are_measured_in_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_claim"))
        .args([
            "bench",
            "sessions",
            "--seconds",
            "1",
            "--students",
            "3",
            "--concurrency",
            "8",
            "--json",
            "--dir",
        ])
        .arg(dir.path())
        // What the person has set for servers of their own does not reach this one.
        .env("CLAIM_PUBLIC_URL", "https://blackboard.example")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    let report: Value = serde_json::from_str(&text).unwrap();

    assert_eq!((&report["students"], &report["concurrency"]), (&3.into(), &3.into()));
    assert_eq!(report["key_exchange"], "X25519MLKEM768");
    let ways: Vec<_> = report["phases"].as_array().unwrap().iter().collect();
    let way = |row: &Value| (row["connections"].clone(), row["certificates"].clone());
    assert_eq!(
        ways.iter().map(|row| way(row)).collect::<Vec<_>>(),
        [("new".into(), "new".into()), ("kept".into(), "known".into())]
    );
    for row in ways {
        assert_eq!(row["failures"], 0);
        for positive in ["visits", "per_second", "unavoidable", "ratio"] {
            assert!(row[positive].as_f64().unwrap() > 0.0, "{positive}: {row}");
        }
    }
    // Keys and certificates of the servers do not stay behind.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
