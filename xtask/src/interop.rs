//! The second student, in Python, against the real servers.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{say, succeed};

/// Installs what the Python student needs into a folder of its own, and runs its tests.
pub(crate) fn run() -> Result<()> {
    say("── interop: the student in Python");
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workspace = workspace.canonicalize().context("the workspace is gone")?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or(workspace.join("target"), PathBuf::from);
    let environment = target.join("interop");
    let python = environment.join("bin/python");
    if !python.exists() {
        let mut venv = Command::new("python3");
        succeed(venv.args(["-m", "venv"]).arg(&environment), "making a Python environment")?;
    }
    let interop = workspace.join("interop");
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--requirement"]);
    succeed(install.arg(interop.join("requirements.txt")), "installing Python packages")?;
    succeed(
        Command::new("cargo").args(["build", "--locked", "--package", "claim"]),
        "building claim",
    )?;
    let mut tests = Command::new(&python);
    tests.args(["-m", "unittest", "discover", "--start-directory"]).arg(&interop);
    tests.current_dir(&interop).env("CLAIM_BIN", target.join("debug/claim"));
    succeed(&mut tests, "interop")
}
