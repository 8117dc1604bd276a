//! The second student, in Python, against the real servers.

use std::process::Command;

use anyhow::Result;

use crate::python::{environment, target, workspace};
use crate::{say, succeed};

/// Installs what the Python student needs into a folder of its own, and runs its tests.
pub(crate) fn run() -> Result<()> {
    say("── interop: the student in Python");
    let interop = workspace()?.join("interop");
    let python = environment("interop", &interop.join("requirements.txt"))?;
    succeed(
        Command::new("cargo").args(["build", "--locked", "--package", "claim"]),
        "building claim",
    )?;
    let mut tests = Command::new(python);
    tests.args(["-m", "unittest", "discover", "--start-directory"]).arg(&interop);
    tests.current_dir(&interop).env("CLAIM_BIN", target()?.join("debug/claim"));
    succeed(&mut tests, "interop")
}
