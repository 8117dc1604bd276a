//! Python programs that tests call, each in an environment of its own below the build folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{say, succeed};

/// The linter of certificates, for the tests of `claim-pki`.
const PKILINT: &str = "crates/claim-pki/tests/lint/requirements.txt";

/// The mail server, for the tests of `claim`.
const AIOSMTPD: &str = "crates/claim/tests/terminals/mail/requirements.txt";

/// Installs the mail server where the tests of `claim` look for it.
pub(crate) fn provide_mail_server() -> Result<()> {
    environment("aiosmtpd", &workspace()?.join(AIOSMTPD)).map(drop)
}

/// Installs the linter of certificates where the tests of `claim-pki` look for it.
pub(crate) fn provide_pkilint() -> Result<()> {
    environment("pkilint", &workspace()?.join(PKILINT)).map(drop)
}

/// Makes sure that an environment has what its list of requirements names; returns its interpreter.
pub(crate) fn environment(name: &str, requirements: &Path) -> Result<PathBuf> {
    let folder = target()?.join(name);
    let python = folder.join("bin/python");
    // Installing asks the package index even when all is there; the list as installed tells without.
    let (wanted, record) = (std::fs::read(requirements)?, folder.join("requirements.txt"));
    if python.exists() && std::fs::read(&record).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    say(&format!("── installing Python packages for {name}"));
    let mut venv = Command::new("python3");
    succeed(venv.args(["-m", "venv", "--clear"]).arg(&folder), "making a Python environment")?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--require-hashes", "--requirement"]);
    succeed(install.arg(requirements), "installing Python packages")?;
    std::fs::write(record, wanted)?;
    Ok(python)
}

/// The folder of the workspace.
pub(crate) fn workspace() -> Result<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    workspace.canonicalize().context("the workspace is gone")
}

/// The build folder.
pub(crate) fn target() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    Ok(target.unwrap_or(workspace()?.join("target")))
}
