//! What the tests need beside Rust: found, or installed with apt when run as root on Debian, or named.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::{say, succeed};

/// A program that tests call, and the Debian package that has it.
struct Need {
    program: &'static str,
    package: &'static str,
}

const MAUDE: Need = Need { program: "maude", package: "maude" };

/// What makes packages, beside what is needed anyway.
const PACKAGING: [Need; 3] = [
    Need { program: "lintian", package: "lintian" },
    Need { program: "buildah", package: "buildah" },
    Need { program: "file", package: "file" },
];

const NEEDS: [Need; 17] = [
    MAUDE,
    Need { program: "cc", package: "gcc" },
    Need { program: "openssl", package: "openssl" },
    Need { program: "curl", package: "curl" },
    Need { program: "strace", package: "strace" },
    Need { program: "faketime", package: "faketime" },
    Need { program: "initdb", package: "postgresql" },
    Need { program: "sslscan", package: "sslscan" },
    Need { program: "testssl", package: "testssl.sh" },
    Need { program: "python3", package: "python3-venv" },
    Need { program: "systemd-analyze", package: "systemd" },
    Need { program: "nginx", package: "nginx" },
    Need { program: "softhsm2-util", package: "softhsm2" },
    Need { program: "dpkg-deb", package: "dpkg" },
    Need { program: "strip", package: "binutils" },
    Need { program: "node", package: "nodejs" },
    Need { program: "npm", package: "npm" },
];

/// Makes sure that everything is there.
pub(crate) fn provide() -> Result<()> {
    install(&NEEDS)
}

/// Makes sure that Maude is there, which runs the model.
pub(crate) fn provide_maude() -> Result<()> {
    install(&[MAUDE])
}

/// Makes sure that everything is there that makes packages.
pub(crate) fn provide_packaging() -> Result<()> {
    install(&NEEDS)?;
    install(&PACKAGING)
}

fn install(needs: &[Need]) -> Result<()> {
    let packages = missing(needs);
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !Path::new("/etc/debian_version").exists() || !is_root() {
        bail!("the tests need more than is installed here; on Debian: sudo apt-get install {list}");
    }
    say(&format!("── installing {list}"));
    succeed(Command::new("apt-get").args(["update", "--quiet"]), "apt-get update")?;
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(&packages);
    succeed(install.env("DEBIAN_FRONTEND", "noninteractive"), "apt-get install")?;
    match missing(needs).as_slice() {
        [] => Ok(()),
        still => bail!("installed, but still not found: {}", still.join(" ")),
    }
}

fn missing(needs: &[Need]) -> Vec<&'static str> {
    needs.iter().filter(|need| !is_there(need.program)).map(|need| need.package).collect()
}

/// On the path, or where Debian keeps what is for administrators, and PostgreSQL's server programs.
fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    folders.iter().any(|folder| folder.join(program).is_file())
}

/// Whether whoever runs this may do everything on this machine.
pub(crate) fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
