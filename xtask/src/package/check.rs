//! That a package is what it should be: the same each time, installed into an empty folder, and its program runs there.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::{deb, empty, folder, said};
use crate::python::target;
use crate::{say, succeed};

/// What every package has.
const FILES: [&str; 14] = [
    "usr/bin/claim",
    "usr/lib/systemd/system/claim-cuhk.service",
    "usr/lib/systemd/system/claim-blackboard.service",
    "usr/lib/sysusers.d/claim.conf",
    "usr/lib/tmpfiles.d/claim.conf",
    "usr/share/man/man1/claim.1.gz",
    "usr/share/man/man1/claim-cuhk.1.gz",
    "usr/share/man/man1/claim-doctor.1.gz",
    "usr/share/bash-completion/completions/claim",
    "usr/share/zsh/vendor-completions/_claim",
    "usr/share/fish/vendor_completions.d/claim.fish",
    "usr/share/doc/claim/copyright",
    "usr/share/doc/claim/changelog.gz",
    "usr/share/doc/claim/OPERATIONS.md.gz",
];

/// Packs the program that the tests have built, twice, without compression, and installs it: what `cargo xtask test` does.
pub(crate) fn check() -> Result<()> {
    say("── the Debian package");
    let mut build = Command::new("cargo");
    succeed(build.args(["build", "--locked", "--package", "claim"]), "building claim")?;
    let binary = target()?.join("debug/claim");
    let parts = deb::Deb { binary: &binary, sbom: None, compression: "none" };
    let first = std::fs::read(deb::make(&parts)?)?;
    let path = deb::make(&parts)?;
    ensure!(std::fs::read(&path)? == first, "two packages of the same files differ");
    unpacks(&path)?;
    installs(&path)
}

/// Unpacks a package into an empty folder, and runs what is in it.
pub(super) fn unpacks(deb: &Path) -> Result<()> {
    let root = folder()?.join("root");
    empty(&root)?;
    succeed(Command::new("dpkg-deb").arg("--extract").arg(deb).arg(&root), "dpkg-deb --extract")?;
    for file in FILES {
        ensure!(root.join(file).is_file(), "the package has no {file}");
    }
    let version = said(Command::new(root.join("usr/bin/claim")).arg("--version"))?;
    ensure!(version == concat!("claim ", env!("CARGO_PKG_VERSION")), "{version}");
    let unit = std::fs::read_to_string(root.join("usr/lib/systemd/system/claim-cuhk.service"))?;
    ensure!(unit.contains("\nExecStart=/usr/bin/claim cuhk\n"), "{unit}");
    Ok(())
}

/// Has dpkg install a package into an empty folder, with its scripts, as root or as who may call himself so.
fn installs(deb: &Path) -> Result<()> {
    let root = folder()?.join("installed");
    empty(&root)?;
    for needed in ["var/lib/dpkg/info", "var/lib/dpkg/updates", "etc"] {
        std::fs::create_dir_all(root.join(needed))?;
    }
    for needed in ["var/lib/dpkg/status", "var/lib/dpkg/available"] {
        std::fs::write(root.join(needed), "")?;
    }
    let mut option = std::ffi::OsString::from("--root=");
    option.push(&root);
    let dpkg = |action: &str| {
        let mut dpkg = super::as_root("dpkg");
        dpkg.args(["--log=/dev/null", "--force-script-chrootless", "--force-depends"]);
        dpkg.arg("--no-triggers").arg(&option).arg(action);
        dpkg
    };
    succeed(dpkg("--install").arg(deb), "dpkg --install")?;
    let users = std::fs::read_to_string(root.join("etc/passwd")).context("no users were made")?;
    for user in ["claim-cuhk", "claim-blackboard"] {
        let home = format!(":/var/lib/{user}:");
        let made =
            users.lines().any(|line| line.starts_with(&format!("{user}:")) && line.contains(&home));
        ensure!(made, "there is no user {user}:\n{users}");
    }
    // Keys outlive the package.
    let key = root.join("var/lib/claim-cuhk/cuhk.key");
    std::fs::create_dir_all(key.parent().unwrap_or(&root))?;
    std::fs::write(&key, "a key")?;
    succeed(dpkg("--purge").arg("claim"), "dpkg --purge")?;
    ensure!(key.is_file(), "a purge has removed keys");
    if root.join("usr/bin/claim").exists() {
        bail!("a purge leaves the program");
    }
    Ok(())
}
