//! `claim bench` measures, on real sockets, and says so in one document.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs a benchmark of a second in the folder; its document.
fn bench(dir: &Path, arguments: &[&str]) -> Value {
    claim(dir, &[arguments, &["--seconds", "1"]].concat())
}

/// Runs a benchmark in the folder; its document.
fn claim(dir: &Path, arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_claim"))
        .arg("bench")
        .args(arguments)
        .args(["--json", "--dir"])
        .arg(dir)
        // What the person has set for servers of their own does not reach this one.
        .env("CLAIM_PUBLIC_URL", "https://blackboard.example")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{errors}");
    // Keys and certificates of the servers do not stay behind.
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0);
    serde_json::from_str(&text).unwrap()
}

fn assert_positive(row: &Value, members: &[&str]) {
    for member in members {
        assert!(row[*member].as_f64().unwrap() > 0.0, "{member}: {row}");
    }
}

#[test]
fn sessions_are_measured_in_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let report = bench(dir.path(), &["sessions", "--students", "3", "--concurrency", "8"]);

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
        assert_positive(row, &["visits", "per_second", "unavoidable", "ratio"]);
    }
}

#[test]
fn hand_ins_are_measured_from_the_connection_to_the_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let report = bench(dir.path(), &["handin", "--students", "20", "--concurrency", "20"]);
    let [row] = report["phases"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&row["work"], &row["failures"]), (&"hand-in".into(), &0.into()));
    assert_positive(row, &["visits", "per_second", "unavoidable", "ratio", "bytes_written"]);
    assert_eq!(row.get("calls"), None, "nobody asked for them");
}

#[test]
fn receipts_are_verified_by_the_second() {
    let dir = tempfile::tempdir().unwrap();
    let report = bench(dir.path(), &["verify", "--receipts", "3"]);
    assert_eq!(report["receipts"], 3);
    assert_positive(&report, &["verified", "per_second", "each", "unavoidable", "ratio"]);
}

#[test]
fn uploads_are_measured_large_and_small() {
    let dir = tempfile::tempdir().unwrap();
    let output = claim(dir.path(), &["upload", "--megabytes", "9", "--files", "20"]);
    let [large, small] = output["uploads"].as_array().unwrap().as_slice() else {
        panic!("{output}")
    };
    assert_eq!((&large["requests"], &small["requests"]), (&3.into(), &20.into()));
    for upload in [large, small] {
        assert_positive(upload, &["elapsed", "unavoidable", "written", "memory_peak"]);
    }
}

#[test]
fn idle_connections_cost_memory() {
    let dir = tempfile::tempdir().unwrap();
    let report = claim(dir.path(), &["idle", "--connections", "600"]);
    assert_eq!(report["connections"], 600);
    assert_positive(&report, &["opened_in", "memory_before", "memory_open", "each"]);
}

#[test]
fn certificates_are_measured_beside_a_signature_and_a_verification() {
    let dir = tempfile::tempdir().unwrap();
    let report = claim(dir.path(), &["enroll", "--students", "30", "--concurrency", "4"]);
    assert_eq!((&report["enrolled"], &report["connections"]), (&27.into(), &4.into()));
    let members =
        ["per_second", "median", "p99", "longest", "signature", "verification", "share", "ratio"];
    assert_positive(&report, &members);
}

#[test]
fn every_list_of_a_course_is_measured_when_everybody_is_seen_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let size = ["--students", "9", "--assignments", "4", "--claims", "2", "--concurrency", "3"];
    let arguments = [&["course"], &size[..], &["--requests", "3"]].concat();
    let report = claim(dir.path(), &arguments);
    assert_eq!(report["claims"], 72);
    let lists = report["lists"].as_array().unwrap();
    assert_eq!(lists.len(), 9);
    for list in lists {
        assert_positive(list, &["median", "p99", "longest", "bytes"]);
    }
    assert_positive(&report, &["database", "memory_empty", "memory_before", "memory_peak"]);
}
