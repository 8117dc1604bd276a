//! `claim bench hostile`, briefly: every attack beside honest students at the real programs.
//!
//! What counts here is that nobody honest is turned away, that memory stays bounded and that all is well afterwards; how
//! much is kept is measured at leisure, see docs/HOSTILE.md.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::process::Command;

use serde_json::Value;

/// More than any attack makes a server take, in MiB: a thousand connections with all that each may have.
const MEMORY: f64 = 600.0;

#[test]
fn attacks_turn_nobody_away_and_leave_the_servers_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_claim"))
        .args(["bench", "hostile", "--seconds", "1", "--rounds", "1", "--concurrency", "4"])
        .args(["--json", "--dir"])
        .arg(dir.path())
        // What the person has set for servers of their own does not reach these.
        .env("CLAIM_PUBLIC_URL", "https://blackboard.example")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_str(text.lines().last().unwrap_or_default())
        .unwrap_or_else(|error| panic!("{error}: {text}{errors}"));
    assert!(output.status.success(), "{report:#}{errors}");
    assert_eq!(report["alive"], true);
    let attacks = report["attacks"].as_array().unwrap();
    assert!(attacks.len() >= 20, "{report:#}");
    for attack in attacks {
        assert_eq!(attack["failures"], 0, "{attack:#}");
        assert!(attack["with"].as_f64().unwrap() > 0.0, "{attack:#}");
        assert!(attack["tries"].as_u64().unwrap() > 0 || slow(attack), "{attack:#}");
        assert!(attack["memory_peak"].as_f64().unwrap() < MEMORY, "{attack:#}");
        assert!(attack["recovered"].is_number(), "{attack:#}");
    }
    // Keys and certificates of the servers do not stay behind.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

/// Attacks that consist of staying, or that a busy machine does not get through the door within a second: the
/// thousand connections of `one-session`, the three hundred of `zero-windows`. How much the attacker gets done is not
/// what is promised here.
fn slow(attack: &Value) -> bool {
    let name = attack["attack"].as_str().unwrap();
    name.starts_with("slow-") || ["half-open", "one-session", "zero-windows"].contains(&name)
}
