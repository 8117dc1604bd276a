//! JavaScript programs that tests call, below the build folder.

use std::process::Command;

use anyhow::Result;

use crate::python::{target, workspace};
use crate::{say, succeed};

/// The sign-in service, for the tests of `claim`.
const OIDC_PROVIDER: &str = "crates/claim/tests/terminals/oidc";

/// Installs the sign-in service where the tests of `claim` look for it.
pub(crate) fn provide_sign_in_service() -> Result<()> {
    let (from, folder) = (workspace()?.join(OIDC_PROVIDER), target()?.join("oidc-provider"));
    // Installing asks the package index even when all is there; the list as installed tells without.
    let (wanted, record) =
        (std::fs::read(from.join("package-lock.json"))?, folder.join("installed.json"));
    if std::fs::read(&record).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    say("── installing npm packages for oidc-provider");
    std::fs::create_dir_all(&folder)?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(from.join(name), folder.join(name))?;
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]);
    succeed(install.current_dir(&folder), "installing npm packages")?;
    std::fs::write(record, wanted)?;
    Ok(())
}
