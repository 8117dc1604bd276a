//! A container image with nothing but the program, what it reads, and a user.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::stage::Stage;
use super::{empty, epoch, folder, said};
use crate::{say, succeed};

/// What the program in the image is built for: named, so that only it is static, and not what builds it.
pub(super) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// As whom it runs: nobody else on the machine.
const USER: &str = "65532:65532";

/// Makes the image, runs what is in it, and tells where it is.
pub(super) fn make(binary: &Path, sbom: &Path) -> Result<PathBuf> {
    let kind = said(Command::new("file").arg(binary))?;
    ensure!(kind.contains("static"), "the program is not static: {kind}");
    let stage = Stage::new(folder()?.join("image"))?;
    stage.put("usr/bin/claim", 0o755, [])?;
    let mut strip = Command::new("strip");
    succeed(strip.arg("-o").arg(stage.root().join("usr/bin/claim")).arg(binary), "strip")?;
    stage.put("usr/share/doc/claim/claim.cdx.json", 0o644, std::fs::read(sbom)?)?;
    // Whom TLS may trust where it is told to trust the system, and when the clocks change in which zone.
    let roots = std::fs::read("/etc/ssl/certs/ca-certificates.crt").context("ca-certificates")?;
    stage.put("etc/ssl/certs/ca-certificates.crt", 0o644, roots)?;
    stage.folder(&stage.root().join("usr/share"))?;
    let mut zones = Command::new("cp");
    zones
        .args(["-R", "--preserve=links", "/usr/share/zoneinfo"])
        .arg(stage.root().join("usr/share"));
    succeed(&mut zones, "copying the time zones")?;
    stage.put("etc/passwd", 0o644, "claim:x:65532:65532:claim:/var/lib/claim:/\n")?;
    stage.put("etc/group", 0o644, "claim:x:65532:\n")?;
    // The C library looks names up by itself, in /etc/hosts and by DNS, and loads nothing for it.
    stage.put("etc/nsswitch.conf", 0o644, "hosts: files dns\n")?;
    stage.folder(&stage.root().join("tmp"))?;
    stage.folder(&stage.root().join("var/lib/claim"))?;
    stage.settle(&epoch()?)?;
    let path = archive(&stage)?;
    runs(&path)?;
    Ok(path)
}

fn archive(stage: &Stage) -> Result<PathBuf> {
    let folder = folder()?;
    let path = folder.join(format!("claim-{}-{TARGET}.oci.tar", env!("CARGO_PKG_VERSION")));
    let storage = folder.join("containers");
    empty(&storage)?;
    let buildah = |arguments: &[&str]| {
        let mut buildah = Command::new("buildah");
        buildah.arg("--root").arg(storage.join("root")).arg("--runroot").arg(storage.join("run"));
        buildah.args(["--storage-driver", "vfs"]).args(arguments);
        buildah
    };
    let container = said(&mut buildah(&["from", "scratch"]))?;
    succeed(buildah(&["copy", "--quiet", &container]).arg(stage.root()).arg("/"), "buildah copy")?;
    // What the program writes to is its user's.
    let data = stage.root().join("var/lib/claim");
    let chown = ["copy", "--quiet", "--chown", USER, "--chmod", "0700", &container];
    succeed(buildah(&chown).arg(&data).arg("/var/lib/claim"), "buildah copy")?;
    let config = [
        "config",
        "--user",
        USER,
        "--workingdir",
        "/var/lib/claim",
        "--volume",
        "/var/lib/claim",
        "--entrypoint",
        "[\"/usr/bin/claim\"]",
        "--cmd",
        "--help",
        "--port",
        "9335/tcp",
        "--port",
        "3141/tcp",
        "--stop-signal",
        "SIGTERM",
        "--label",
        "org.opencontainers.image.title=claim",
        "--label",
        concat!("org.opencontainers.image.version=", env!("CARGO_PKG_VERSION")),
        "--label",
        "org.opencontainers.image.licenses=Apache-2.0 OR MIT",
        &container,
    ];
    succeed(&mut buildah(&config), "buildah config")?;
    let timestamp = epoch()?;
    let commit =
        ["commit", "--quiet", "--rm", "--format", "oci", "--timestamp", &timestamp, &container];
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    let to = format!("oci-archive:{}:claim:{}", path.display(), env!("CARGO_PKG_VERSION"));
    succeed(buildah(&commit).arg(to), "buildah commit")?;
    empty(&storage)?;
    Ok(path)
}

/// Unpacks the image's layers into an empty folder, where there is nothing else, and plays the demonstration there.
fn runs(archive: &Path) -> Result<()> {
    say("── the image, unpacked and run");
    let (layout, root) = (folder()?.join("layout"), folder()?.join("image-root"));
    empty(&layout)?;
    empty(&root)?;
    succeed(Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&layout), "unpacking")?;
    let blob = |of: &Value| -> Result<PathBuf> {
        let digest = of["digest"].as_str().context("a blob without a digest")?;
        Ok(layout.join("blobs").join(digest.replace(':', "/")))
    };
    let read =
        |path: &Path| -> Result<Value> { Ok(serde_json::from_slice(&std::fs::read(path)?)?) };
    let index = read(&layout.join("index.json"))?;
    let manifest = read(&blob(&index["manifests"][0])?)?;
    let layers = manifest["layers"].as_array().context("an image without layers")?;
    for layer in layers {
        let mut unpack = Command::new("tar");
        unpack.args(["--no-same-owner", "-xf"]).arg(blob(layer)?).arg("-C").arg(&root);
        succeed(&mut unpack, "unpacking a layer")?;
    }
    // A runtime gives these two.
    std::fs::write(root.join("etc/hosts"), "127.0.0.1 localhost claim-image\n::1 localhost\n")?;
    if Path::new("/etc/resolv.conf").exists() {
        std::fs::copy("/etc/resolv.conf", root.join("etc/resolv.conf"))?;
    }
    std::fs::create_dir_all(root.join("dev"))?;
    let inside = |arguments: &[&str]| {
        // As any runtime does: devices, a root of its own, a folder.
        let script = "mount --rbind /dev \"$0/dev\" && exec chroot \"$0\" /usr/bin/claim \"$@\"";
        let mut inside = super::as_root("unshare");
        inside.args(["--mount", "sh", "-c", script]).arg(&root).args(arguments).env_clear();
        inside.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        inside
    };
    let version = said(&mut inside(&["--version"]))?;
    ensure!(version == concat!("claim ", env!("CARGO_PKG_VERSION")), "{version}");
    // Real servers, names that are looked up, certificates, a hand-in and its receipt.
    let told = said(&mut inside(&["demo", "--sid", "1155123456", "--dir", "/tmp/demo"]))?;
    ensure!(told.contains("verified"), "{told}");
    let zone = [
        "blackboard",
        "assignment",
        "add",
        "IEMS5710/lab1",
        "--due",
        "2036-11-24 23:59",
        "--zone",
        "Asia/Hong_Kong",
        "--dir",
        "/tmp/demo",
    ];
    let told = said(&mut inside(&zone))?;
    ensure!(told.contains("+08:00"), "{told}");
    Ok(())
}
