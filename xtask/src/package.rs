//! What is installed elsewhere: a Debian package, a container image, and the list of what is in both.

mod check;
mod deb;
mod image;
mod sbom;
mod stage;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Subcommand;

use crate::python::{target, workspace};
use crate::{say, succeed};

pub(crate) use self::check::check;

/// What to make; all of it comes into target/package.
#[derive(Debug, Subcommand)]
pub(crate) enum Package {
    /// A Debian package, from a release build; lintian judges it
    Deb,
    /// A container image (an OCI archive) with nothing but the program, from a static release build; it is unpacked and run
    Image,
    /// The list of all libraries in the program, with versions and licences (CycloneDX)
    Sbom,
    /// The Debian package from a debug build, packed twice, installed and removed again: the part of it that `test` runs
    Check,
}

/// Makes it.
pub(crate) fn run(package: &Package) -> Result<()> {
    let made = match package {
        Package::Deb => {
            crate::needs::provide_packaging()?;
            let sbom = sbom::make()?;
            build(&[], None)?;
            let binary = target()?.join("release/claim");
            let deb =
                deb::make(&deb::Deb { binary: &binary, sbom: Some(&sbom), compression: "xz" })?;
            let mut lintian = Command::new("lintian");
            lintian.args([
                "--fail-on",
                "error,warning",
                "--allow-root",
                "--tag-display-limit",
                "0",
            ]);
            succeed(lintian.arg(&deb), "lintian")?;
            check::unpacks(&deb)?;
            deb
        }
        Package::Image => {
            crate::needs::provide_packaging()?;
            let sbom = sbom::make()?;
            build(&["--target", image::TARGET], Some("-C target-feature=+crt-static"))?;
            let binary = target()?.join(image::TARGET).join("release/claim");
            image::make(&binary, &sbom)?
        }
        Package::Sbom => sbom::make()?,
        Package::Check => return check(),
    };
    say(&format!("── {}", made.display()));
    Ok(())
}

/// The program as it is released.
fn build(arguments: &[&str], flags: Option<&str>) -> Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--package", "claim"]).args(arguments);
    cargo.envs(flags.map(|flags| ("RUSTFLAGS", flags)));
    succeed(&mut cargo, "building claim")
}

/// Where packages are made.
fn folder() -> Result<PathBuf> {
    let folder = target()?.join("package");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The time that is written into packages: that of the commit, so that the same sources make the same bytes.
fn epoch() -> Result<String> {
    if let Ok(given) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(given);
    }
    said(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(workspace()?))
}

/// A command as root, or in a namespace of its own where whoever runs this is taken for root.
fn as_root(program: &str) -> Command {
    if crate::needs::is_root() {
        return Command::new(program);
    }
    let mut unshare = Command::new("unshare");
    unshare.args(["--map-root-user", program]);
    unshare
}

/// What a command prints, without the end of the line.
fn said(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// Makes an empty folder, whatever was there.
fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    Ok(std::fs::create_dir_all(folder)?)
}
