//! pkilint, a Python program that `cargo xtask provide` installs into the build folder.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// How pkilint reads object identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arcs {
    /// As it comes: up to 32 bits in each arc.
    Short,
    /// With a decoder that takes any arc.
    Any,
}

/// A linter of pkilint, and the files that it takes.
pub(crate) type Look = Vec<String>;

/// What each look finds, as pkilint's own codes, in alphabetical order.
pub(crate) fn findings(folder: &Path, arcs: Arcs, looks: &[Look]) -> Vec<Vec<String>> {
    let lines: String = looks.iter().map(|look| look.join("\t") + "\n").collect();
    let printed = run(folder, arcs, &lines);
    let found: Vec<_> = printed.lines().map(codes).collect();
    assert_eq!(found.len(), looks.len(), "one answer for each look:\n{printed}");
    found
}

fn run(folder: &Path, arcs: Arcs, lines: &str) -> String {
    let python = installed().join("bin/python");
    let there = python.exists();
    assert!(there, "{} is not there; `cargo xtask provide` installs it", python.display());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint/lint_documents.py");
    let mut command = Command::new(python);
    command.current_dir(folder).arg("-B").arg(script);
    if matches!(arcs, Arcs::Any) {
        command.arg("--large-arcs");
    }
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The codes in one answer.
fn codes(answer: &str) -> Vec<String> {
    let document: Value = serde_json::from_str(answer).unwrap_or_else(|e| panic!("{e}: {answer}"));
    let results = document["results"].as_array().unwrap();
    let found = results.iter().flat_map(|one| one["finding_descriptions"].as_array().unwrap());
    let mut codes: Vec<_> = found.map(|one| one["code"].as_str().unwrap().to_owned()).collect();
    codes.sort_unstable();
    codes
}

/// Where `xtask` puts it.
fn installed() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("pkilint")
}
