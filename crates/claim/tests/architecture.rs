//! The map in ARCHITECTURE.md is true: who may use whom, and what the pure crates never do.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The pure crates: no I/O, no clock, no async, no globals.
const PURE: [&str; 4] = ["claim-pki", "claim-log", "claim-core", "claim-course"];

/// What would bring I/O or a runtime.
const IMPURE: [&str; 14] = [
    "async-std",
    "axum",
    "h2",
    "hyper",
    "hyper-util",
    "mio",
    "object_store",
    "reqwest",
    "smol",
    "socket2",
    "sqlx",
    "sqlx-core",
    "tokio",
    "tokio-rustls",
];

/// What no crate of the program brings: a second crypto library, or one with a known weakness.
const NOWHERE: [&str; 5] = ["ring", "rsa", "openssl", "openssl-sys", "native-tls"];

/// Which of our crates each may use directly.
const LAYERS: [(&str, &[&str]); 14] = [
    ("claim-pki", &[]),
    ("claim-log", &[]),
    ("claim-core", &["claim-log", "claim-pki"]),
    ("claim-course", &["claim-core"]),
    ("claim-files", &[]),
    ("claim-token", &["claim-files", "claim-pki"]),
    ("claim-store", &["claim-core", "claim-course", "claim-files", "claim-log", "claim-pki"]),
    ("claim-http", &["claim-core", "claim-pki"]),
    (
        "claim-witness",
        &["claim-core", "claim-files", "claim-http", "claim-log", "claim-pki", "claim-store"],
    ),
    (
        "claim-audit",
        &["claim-core", "claim-files", "claim-http", "claim-log", "claim-store", "claim-witness"],
    ),
    (
        "claim-cuhk",
        &[
            "claim-audit",
            "claim-core",
            "claim-course",
            "claim-files",
            "claim-http",
            "claim-log",
            "claim-pki",
            "claim-store",
            "claim-token",
            "claim-witness",
        ],
    ),
    (
        "claim-blackboard",
        &[
            "claim-audit",
            "claim-core",
            "claim-course",
            "claim-files",
            "claim-http",
            "claim-log",
            "claim-pki",
            "claim-store",
        ],
    ),
    ("claim-student", &["claim-core", "claim-course", "claim-files", "claim-http", "claim-pki"]),
    (
        "claim",
        &[
            "claim-audit",
            "claim-blackboard",
            "claim-core",
            "claim-course",
            "claim-cuhk",
            "claim-files",
            "claim-http",
            "claim-log",
            "claim-pki",
            "claim-store",
            "claim-student",
            "claim-witness",
        ],
    ),
];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// For each package, by name, the names of what it uses when it is built for use (not for its tests).
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--workspace", "--edges", "normal", "--no-dedupe"])
        .args(["--prefix", "depth", "--format", " {p}"])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut path: Vec<String> = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines().filter(|line| !line.is_empty()) {
        let (depth, package) = line.split_once(' ').unwrap();
        let name = package.split_whitespace().next().unwrap().to_owned();
        path.truncate(depth.parse().unwrap());
        if let Some(user) = path.last() {
            graph.entry(user.clone()).or_default().insert(name.clone());
        }
        graph.entry(name.clone()).or_default();
        path.push(name);
    }
    graph
}

fn below(graph: &BTreeMap<String, BTreeSet<String>>, name: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        for used in graph.get(&name).into_iter().flatten() {
            if seen.insert(used.clone()) {
                open.push(used.clone());
            }
        }
    }
    seen
}

#[test]
fn arrows_point_down_only() {
    let graph = graph();
    for (name, allowed) in LAYERS {
        for used in graph[name].iter().filter(|used| used.starts_with("claim")) {
            assert!(allowed.contains(&used.as_str()), "{name} must not use {used}");
        }
    }
}

#[test]
fn the_pure_crates_bring_no_io() {
    let graph = graph();
    for name in PURE {
        let below = below(&graph, name);
        assert!(below.len() > 5, "the graph was read");
        for impure in IMPURE {
            assert!(!below.contains(impure), "{name} brings {impure}");
        }
    }
    assert!(below(&graph, "claim").contains("tokio"), "the check can see what it looks for");
}

#[test]
fn one_crypto_library() {
    let below = below(&graph(), "claim");
    for unwanted in NOWHERE {
        assert!(!below.contains(unwanted), "claim brings {unwanted}");
    }
}

#[test]
fn the_pure_crates_do_no_io_themselves() {
    const NEVER: [&str; 10] = [
        "std::net",
        "std::fs",
        "std::env",
        "std::process",
        "std::thread",
        "std::io",
        "SystemTime",
        "Instant",
        "async fn",
        "static mut",
    ];
    for name in PURE {
        for file in sources(&workspace().join("crates").join(name).join("src")) {
            // The vectors are read from files, by tests only.
            if file.ends_with("vectors.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            for never in NEVER {
                assert!(!text.contains(never), "{} has {never}", file.display());
            }
        }
    }
}

#[test]
fn every_crate_is_on_the_map() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--locked", "--no-deps", "--format-version", "1"])
        .current_dir(workspace())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let map = std::fs::read_to_string(workspace().join("ARCHITECTURE.md")).unwrap();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        assert!(map.contains(&format!("`{name}`")), "ARCHITECTURE.md does not tell of {name}");
    }
    assert!(map.lines().count() <= 200, "a map fits in one's head");
}

/// What breaks servers on purpose is made by tests and their harness alone: nothing of the program leads to it.
#[test]
fn the_program_cannot_be_told_to_fail() {
    let mut seen = 0;
    for entry in std::fs::read_dir(workspace().join("crates")).unwrap() {
        let path = entry.unwrap().path();
        let harness = path.file_name().is_some_and(|name| name == "claim-crash");
        for file in sources(&path.join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            let makes_faults = text.contains("Faults::by(") || text.contains("impl Injector");
            assert!(harness || !makes_faults, "{} makes faults", file.display());
            seen += usize::from(makes_faults);
        }
    }
    assert!(seen > 0, "the check can see what it looks for");
    let below = below(&graph(), "claim");
    assert!(!below.contains("claim-crash"), "the program brings the harness");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
