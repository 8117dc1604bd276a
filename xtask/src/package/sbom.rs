//! The list of what the program is made of (CycloneDX), by cargo-cyclonedx, and judged by its own schema.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::{epoch, folder};
use crate::python::{environment, target, workspace};
use crate::{say, succeed};

/// The version of cargo-cyclonedx.
const VERSION: &str = "0.5.9";

/// What judges the list.
const VALIDATOR: &str = "xtask/src/package/requirements.txt";

/// Reads the list by the schema of its version, which knows every member and format.
const VALIDATE: &str = "\
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
fault = JsonStrictValidator(SchemaVersion.V1_5).validate_str(open(sys.argv[1]).read())
sys.exit(f'{sys.argv[1]}: {fault}' if fault else 0)
";

/// Makes the list, and tells where it is.
pub(super) fn make() -> Result<PathBuf> {
    let tool = provide()?;
    say("── the list of libraries");
    let path = folder()?.join("claim.cdx.json");
    let made = list(&tool)?;
    ensure!(list(&tool)? == made, "two lists of the same libraries differ");
    std::fs::write(&path, made)?;
    validate(&path)?;
    Ok(path)
}

/// The list as the tool makes it, which puts it beside every manifest of the workspace.
fn list(tool: &Path) -> Result<String> {
    let workspace = workspace()?;
    let mut cyclonedx = Command::new(tool);
    cyclonedx.args(["cyclonedx", "--format", "json", "--spec-version", "1.5", "--all"]);
    cyclonedx.args(["--target", super::image::TARGET, "--override-filename", "claim.cdx"]);
    cyclonedx.env("SOURCE_DATE_EPOCH", epoch()?).current_dir(&workspace);
    succeed(&mut cyclonedx, "cargo-cyclonedx")?;
    let made = std::fs::read_to_string(workspace.join("crates/claim/claim.cdx.json"))?;
    for folder in std::fs::read_dir(workspace.join("crates"))?.flatten().map(|entry| entry.path()) {
        let beside = folder.join("claim.cdx.json");
        if beside.exists() {
            std::fs::remove_file(beside)?;
        }
    }
    let beside = workspace.join("xtask/claim.cdx.json");
    if beside.exists() {
        std::fs::remove_file(beside)?;
    }
    // Where the sources lay is nobody's business, and differs from machine to machine.
    Ok(made.replace(&format!("{}", workspace.display()), "/claim"))
}

fn provide() -> Result<PathBuf> {
    let tools = target()?.join("tools");
    let tool = tools.join("bin/cargo-cyclonedx");
    if !tool.exists() {
        say("── installing cargo-cyclonedx");
        let mut install = Command::new("cargo");
        install.args(["install", "--locked", "cargo-cyclonedx", "--version", VERSION, "--root"]);
        succeed(install.arg(&tools), "installing cargo-cyclonedx")?;
    }
    Ok(tool)
}

fn validate(path: &Path) -> Result<()> {
    let python = environment("cyclonedx", &workspace()?.join(VALIDATOR))?;
    succeed(Command::new(python).args(["-c", VALIDATE]).arg(path), "judging the list")
        .context("the list is not what CycloneDX says")
}
