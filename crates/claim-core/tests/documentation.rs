//! The table of refusals in docs/PROTOCOL.md is the one in the code.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::path::PathBuf;

use claim_core::{GivenBy, ProblemType};

const BEGIN: &str = "| type | status | by | meaning | what to do |\n|---|---|---|---|---|\n";

#[test]
fn the_table_of_refusals() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/PROTOCOL.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once(BEGIN).unwrap();
    let end = after.find("\n\n").map_or("", |end| &after[end + 1..]);
    let expected = format!("{before}{BEGIN}{}{end}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected, "PROTOCOL.md has another table");
}

fn table() -> String {
    let row = |problem: &ProblemType| {
        let by = match problem.given_by() {
            GivenBy::Cuhk => "CUHK",
            GivenBy::Blackboard => "Blackboard",
            GivenBy::Both => "both",
        };
        format!(
            "| `{}` | {} | {by} | {} | {} |\n",
            problem.slug(),
            problem.status(),
            problem.why(),
            problem.what_to_do()
        )
    };
    ProblemType::ALL.iter().map(row).collect()
}
