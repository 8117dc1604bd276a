//! Every target for a moment: its real inputs, what fuzzing found worth keeping, and a fixed number of changes of each.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test panics to fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use claim_fuzz::{MAX_INPUT, Outcome, Random, TARGETS, Target, mutate};

/// How many changed inputs each target gets.
const CHANGES: usize = 1000;

/// All that is checked in, in bytes.
const BUDGET: u64 = 1024 * 1024;

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(kind)
}

/// The inputs of one kind for one target, in the order of their names.
fn inputs(kind: &str, target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(folder(kind).join(target.name)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Runs one input, and says which it was when it panics.
fn run(target: &Target, name: &str, input: &[u8]) -> Outcome {
    struct Named<'a>(&'a Target, &'a str, &'a [u8]);
    impl Drop for Named<'_> {
        #[allow(clippy::print_stderr, reason = "a failing test says what failed")]
        fn drop(&mut self) {
            if std::thread::panicking() {
                let hex: String = self.2.iter().map(|octet| format!("{octet:02x}")).collect();
                eprintln!("target {}, input {}: {hex}", self.0.name, self.1);
            }
        }
    }
    let named = Named(target, name, input);
    (named.0.run)(named.2)
}

#[test]
fn real_inputs_are_accepted() {
    for target in TARGETS {
        for (number, input) in (target.seeds)().iter().enumerate() {
            let outcome = run(target, &format!("seed {number}"), input);
            assert_eq!(outcome, Outcome::Accepted, "{} {number}", target.name);
        }
        let kept = inputs("seeds", target);
        assert!(!kept.is_empty(), "cargo xtask fuzz --seed writes seeds for {}", target.name);
        for (path, input) in kept {
            let outcome = run(target, &path.display().to_string(), &input);
            assert_eq!(outcome, Outcome::Accepted, "{} is out of date", path.display());
        }
    }
}

#[test]
fn what_fuzzing_found_holds() {
    for target in TARGETS {
        for (path, input) in inputs("corpus", target) {
            run(target, &path.display().to_string(), &input);
        }
    }
}

#[test]
fn changed_inputs_hold() {
    for target in TARGETS {
        let of = |kind| inputs(kind, target).into_iter().map(|(_, input)| input);
        let seeds: Vec<Vec<u8>> = of("seeds").collect();
        let all: Vec<Vec<u8>> = seeds.iter().cloned().chain(of("corpus")).collect();
        let mut refused = 0;
        for number in 0..CHANGES {
            // Most of the corpus is refused, early or late: every other input comes from one that is accepted.
            let from = if number.is_multiple_of(2) { &seeds } else { &all };
            // One seed for each input, so that a failure can be had again alone.
            let mut random = Random::new(number as u64);
            let input = mutate(&from[number / 2 % from.len()], &mut random, MAX_INPUT);
            let outcome = run(target, &format!("change {number}"), &input);
            refused += usize::from(outcome == Outcome::Refused);
        }
        // The texts of strangers are all shown; everything else must have refused something.
        assert!(refused > 0 || target.name == "escaped", "{} refuses nothing", target.name);
    }
}

#[test]
fn each_folder_belongs_to_a_target_and_all_are_small() {
    let names: BTreeSet<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names.len(), TARGETS.len(), "two targets have one name");
    let mut size = 0;
    for kind in ["seeds", "corpus"] {
        for entry in fs::read_dir(folder(kind)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            assert!(names.contains(name.as_str()), "fuzz/{kind}/{name} belongs to no target");
            for file in fs::read_dir(entry.path()).unwrap() {
                size += file.unwrap().metadata().unwrap().len();
            }
        }
    }
    assert!(size <= BUDGET, "{size} bytes of inputs are checked in");
}
