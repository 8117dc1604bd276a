//! The Debian package: the program, units, users, man pages, completions. The same files make the same bytes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::stage::Stage;
use super::{epoch, folder, said};
use crate::python::workspace;
use crate::succeed;

/// What the package is made of.
pub(super) struct Deb<'a> {
    /// The program.
    pub(super) binary: &'a Path,
    /// The list of what is in it.
    pub(super) sbom: Option<&'a Path>,
    /// As dpkg-deb names it.
    pub(super) compression: &'a str,
}

/// Whom a package names; SECURITY.md says how to reach them.
const MAINTAINER: &str = "The Claim contributors <maintainers@claim.invalid>";

/// Completions: the shell, and where it looks.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/claim"),
    ("zsh", "usr/share/zsh/vendor-completions/_claim"),
    ("fish", "usr/share/fish/vendor_completions.d/claim.fish"),
];

/// Makes the package, and tells where it is.
pub(super) fn make(deb: &Deb<'_>) -> Result<PathBuf> {
    let stage = Stage::new(folder()?.join("deb"))?;
    program(&stage, deb.binary)?;
    units(&stage)?;
    documents(&stage, deb)?;
    control(&stage, deb.binary)?;
    let epoch = epoch()?;
    stage.settle(&epoch)?;
    let (version, architecture) = (version()?, architecture()?);
    let path = folder()?.join(format!("claim_{version}_{architecture}.deb"));
    let mut build = Command::new("dpkg-deb");
    build
        .args(["--root-owner-group", "--uniform-compression"])
        .arg(format!("-Z{}", deb.compression));
    build.arg("--build").arg(stage.root()).arg(&path).env("SOURCE_DATE_EPOCH", &epoch);
    succeed(&mut build, "dpkg-deb")?;
    Ok(path)
}

fn program(stage: &Stage, binary: &Path) -> Result<()> {
    stage.put("usr/bin/claim", 0o755, [])?;
    let installed = stage.root().join("usr/bin/claim");
    let mut strip = Command::new("strip");
    succeed(strip.arg("-o").arg(&installed).arg(binary), "strip")?;
    for (shell, name) in COMPLETIONS {
        let script = said(Command::new(binary).args(["completions", shell]))?;
        stage.put(name, 0o644, script + "\n")?;
    }
    let pages = folder()?.join("man");
    super::empty(&pages)?;
    said(Command::new(binary).arg("man").arg(&pages))?;
    for entry in std::fs::read_dir(&pages)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        stage.put_packed(&format!("usr/share/man/man1/{name}"), std::fs::read(&path)?)?;
    }
    Ok(())
}

/// The units of contrib, where a package has its program.
fn units(stage: &Stage) -> Result<()> {
    let contrib = workspace()?.join("contrib");
    for unit in ["claim-cuhk.service", "claim-blackboard.service"] {
        let text = std::fs::read_to_string(contrib.join("systemd").join(unit))?;
        let text = text.replace("/usr/local/bin/claim", "/usr/bin/claim");
        stage.put(&format!("usr/lib/systemd/system/{unit}"), 0o644, text)?;
    }
    for (name, place) in [("sysusers.conf", "sysusers.d"), ("tmpfiles.conf", "tmpfiles.d")] {
        let content = std::fs::read(contrib.join("debian").join(name))?;
        stage.put(&format!("usr/lib/{place}/claim.conf"), 0o644, content)?;
    }
    Ok(())
}

fn documents(stage: &Stage, deb: &Deb<'_>) -> Result<()> {
    const PLACE: &str = "usr/share/doc/claim";
    let workspace = workspace()?;
    let read = |name: &str| {
        std::fs::read_to_string(workspace.join(name)).with_context(|| format!("cannot read {name}"))
    };
    let expat: String = read("LICENSE-MIT")?
        .lines()
        .map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") })
        .collect();
    let copyright = read("contrib/debian/copyright")?.replace("@MIT@\n", &expat);
    stage.put(&format!("{PLACE}/copyright"), 0o644, copyright)?;
    stage.put_packed(&format!("{PLACE}/changelog"), changelog()?)?;
    for name in ["CHANGELOG.md", "docs/OPERATIONS.md", "docs/EVIDENCE.md", "docs/CLOCKS.md"] {
        let installed = name.trim_start_matches("docs/");
        stage.put_packed(&format!("{PLACE}/{installed}"), read(name)?)?;
    }
    if let Some(sbom) = deb.sbom {
        stage.put(&format!("{PLACE}/claim.cdx.json"), 0o644, std::fs::read(sbom)?)?;
    }
    Ok(())
}

/// What Debian's tools read: the version and its day.
fn changelog() -> Result<String> {
    let mut day = Command::new("date");
    let day = said(day.args(["--utc", "--rfc-email", "--date"]).arg(format!("@{}", epoch()?)))?;
    let version = version()?;
    Ok(format!(
        "claim ({version}) stable; urgency=medium\n\n  * CHANGELOG.md tells what is new.\n\n -- {MAINTAINER}  {day}\n"
    ))
}

fn control(stage: &Stage, binary: &Path) -> Result<()> {
    let contrib = workspace()?.join("contrib/debian");
    let control = std::fs::read_to_string(contrib.join("control"))?
        .replace("@VERSION@", &version()?)
        .replace("@ARCHITECTURE@", &architecture()?)
        .replace("@MAINTAINER@", MAINTAINER)
        .replace("@SIZE@", &stage.kibibytes()?.to_string())
        .replace("@GLIBC@", &glibc(binary)?);
    for name in ["postinst", "prerm", "postrm"] {
        stage.put(&format!("DEBIAN/{name}"), 0o755, std::fs::read(contrib.join(name))?)?;
    }
    stage.put("DEBIAN/control", 0o644, control)?;
    let mut sums = Command::new("sh");
    sums.current_dir(stage.root());
    let sums = said(sums.args(["-c", "find usr -type f | LC_ALL=C sort | xargs md5sum"]))?;
    stage.put("DEBIAN/md5sums", 0o644, sums + "\n")
}

fn version() -> Result<String> {
    Ok(env!("CARGO_PKG_VERSION").to_owned())
}

fn architecture() -> Result<String> {
    said(Command::new("dpkg").arg("--print-architecture"))
}

/// The newest version of the C library that the program asks for.
fn glibc(binary: &Path) -> Result<String> {
    let symbols = said(Command::new("objdump").arg("-T").arg(binary))?;
    let versions = symbols.split("GLIBC_").skip(1).filter_map(|rest| {
        let text: String = rest.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
        numbers.map(|numbers| (numbers, text))
    });
    match versions.max() {
        Some((_, text)) => Ok(text),
        None => bail!("{} asks for no C library", binary.display()),
    }
}
