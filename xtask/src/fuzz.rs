//! `cargo xtask fuzz`: all targets under libFuzzer for a given time, and corpora that stay small.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{say, succeed};

/// What is asked of the fuzzer.
#[derive(Debug, Args)]
pub(crate) struct Fuzz {
    /// For how long, in minutes, all targets together
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// This target only
    #[arg(long)]
    target: Option<String>,
    /// Write real inputs for targets that have none, and fuzz nothing
    #[arg(long)]
    seed: bool,
}

/// The version that the options below were tried with.
const CARGO_FUZZ: &str = "0.13.2";

/// The longest input, as in `claim_fuzz::MAX_INPUT`.
const MAX_INPUT: usize = 4096;

/// What is kept of each target's corpus, in files and in bytes.
const KEPT_FILES: usize = 32;
const KEPT_BYTES: u64 = 16 * 1024;

/// Stable rustc has no sanitizers. Without `--cfg fuzzing`, libraries do what they do in the program.
const BUILD: [&str; 3] = ["--sanitizer", "none", "--no-cfg-fuzzing"];

pub(crate) fn run(fuzz: &Fuzz) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = root.canonicalize().context("the workspace is gone")?;
    let folder = root.join("fuzz");
    write_seeds(&folder)?;
    if fuzz.seed {
        return Ok(());
    }
    let targets = chosen(&folder, fuzz.target.as_deref())?;
    provide()?;
    // What is fuzzed has the versions that are shipped; the fuzzer's own come on top.
    fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    succeed(cargo_fuzz(&folder, "build").arg("target"), "building the targets")?;
    let share = fuzz.minutes * 60.0 / targets.len() as f64;
    let share = Duration::try_from_secs_f64(share).context("--minutes is not a time")?;
    let mut found = Vec::new();
    for target in &targets {
        say(&format!("── {target}: {} s", share.as_secs().max(1)));
        found.extend(fuzz_one(&folder, target, share)?);
    }
    if found.is_empty() {
        say(&format!("nothing found in {} targets", targets.len()));
        return Ok(());
    }
    bail!("found:\n{}", found.join("\n"));
}

/// Each target has a folder of seeds of its name: the test of claim-fuzz sees to that.
fn chosen(folder: &Path, wanted: Option<&str>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder.join("seeds")).context("there are no seeds")? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    match wanted {
        None => Ok(names),
        Some(wanted) if names.iter().any(|name| name == wanted) => Ok(vec![wanted.to_owned()]),
        Some(wanted) => bail!("there is no target {wanted:?}, only {}", names.join(", ")),
    }
}

fn write_seeds(folder: &Path) -> Result<()> {
    let mut command = Command::new("cargo");
    command.args(["run", "--quiet", "--locked", "--package", "claim-fuzz", "--example", "seeds"]);
    succeed(command.arg("--").arg(folder.join("seeds")), "writing seeds")
}

fn provide() -> Result<()> {
    if Command::new("c++").arg("--version").output().is_err() {
        bail!("libFuzzer needs a C++ compiler; on Debian: sudo apt-get install g++");
    }
    let there = Command::new("cargo").args(["fuzz", "--version"]).output();
    if there.is_ok_and(|output| output.status.success()) {
        return Ok(());
    }
    say("── installing cargo-fuzz");
    let mut install = Command::new("cargo");
    install.args(["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ]);
    succeed(&mut install, "installing cargo-fuzz")
}

/// Fuzzes one target, minimises its corpus, and returns how to see again what was found.
fn fuzz_one(folder: &Path, target: &str, time: Duration) -> Result<Vec<String>> {
    let [corpus, seeds, artifacts] =
        ["corpus", "seeds", "artifacts"].map(|kind| folder.join(kind).join(target));
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&artifacts)?;
    let before = files(&artifacts)?;
    let mut command = cargo_fuzz(folder, "run");
    command.arg("target").args([&corpus, &seeds]).arg("--").args([
        format!("-max_total_time={}", time.as_secs().max(1)),
        format!("-max_len={MAX_INPUT}"),
        format!("-artifact_prefix={}/", artifacts.display()),
    ]);
    // A decoder that takes a second or a gibibyte for four kilobytes is a finding.
    command.args(["-timeout=5", "-rss_limit_mb=1024", "-verbosity=0", "-print_final_stats=1"]);
    let status = command.env("CLAIM_FUZZ_TARGET", target).status().context("cargo fuzz")?;
    minimise(folder, target, &corpus)?;
    if status.success() {
        return Ok(Vec::new());
    }
    let mut found: Vec<PathBuf> = files(&artifacts)?;
    found.retain(|file| !before.contains(file));
    if found.is_empty() {
        bail!("{target} stopped without a finding ({status})");
    }
    let again = |file: &PathBuf| {
        let (build, file) = (BUILD.join(" "), file.display());
        format!("{file}\n  CLAIM_FUZZ_TARGET={target} cargo fuzz run {build} target {file}")
    };
    Ok(found.iter().map(again).collect())
}

/// Keeps inputs that reach code of their own: of all sizes, so many that they can be read through.
fn minimise(folder: &Path, target: &str, corpus: &Path) -> Result<()> {
    let mut command = cargo_fuzz(folder, "cmin");
    command.arg("target").arg(corpus);
    // Without counters: how often a place is reached is for the fuzzer, not for what is kept.
    command.args(["--", "-verbosity=0", "-use_counters=0", "-set_cover_merge=1"]);
    let output = command.env("CLAIM_FUZZ_TARGET", target).output().context("cargo fuzz cmin")?;
    if !output.status.success() {
        bail!("minimising {target}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut sizes = Vec::new();
    for file in files(corpus)? {
        sizes.push((fs::metadata(&file)?.len(), file));
    }
    sizes.sort();
    let step = sizes.len().div_ceil(KEPT_FILES).max(1);
    let mut kept = 0;
    for (place, (size, file)) in sizes.iter().enumerate() {
        let taken = place.is_multiple_of(step) && kept + size <= KEPT_BYTES;
        match taken {
            true => kept += size,
            false => fs::remove_file(file)?,
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
}

fn cargo_fuzz(folder: &Path, what: &str) -> Command {
    let mut command = Command::new("cargo");
    command.args(["fuzz", what, "--fuzz-dir"]).arg(folder).args(BUILD);
    command
}
