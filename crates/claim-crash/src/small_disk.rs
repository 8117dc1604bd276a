//! A disk that is soon full: a tmpfs that only the test can see, as `unshare` lets everybody have one.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// Where the test that runs in it finds the disk.
const PLACE: &str = "CLAIM_SMALL_DISK";

/// A small disk, and what fills it.
#[derive(Debug)]
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// In the test itself: runs the test of this name again, with a disk of so many MiB, and returns `None` when it has
    /// passed. In the run on that disk: the disk, which is also where temporary folders are.
    ///
    /// # Errors
    /// When that run fails; it says what is missing on this machine.
    pub fn within(test: &str, mib: u32) -> Result<Option<Self>> {
        if let Some(folder) = env::var_os(PLACE) {
            return Ok(Some(Self { folder: folder.into() }));
        }
        let folder = tempfile::tempdir()?;
        // Whether there can be one at all, so that a failure of the test is not taken for that.
        let mounts = in_namespace(folder.path(), mib, OsStr::new("true"), &[]).output();
        let mounts = mounts.context("`unshare` cannot be run: it is in Debian's util-linux")?;
        if !mounts.status.success() {
            bail!(
                "there can be no small disk for this test: `unshare -rm` and a tmpfs in it must work, which needs user \
                 namespaces (sysctl kernel.unprivileged_userns_clone=1; in a container, a seccomp profile that allows \
                 unshare and mount): {}",
                String::from_utf8_lossy(&mounts.stderr)
            );
        }
        let program = env::current_exe()?;
        let arguments = ["--exact", test, "--nocapture", "--test-threads", "1"];
        let status = in_namespace(folder.path(), mib, program.as_os_str(), &arguments).status()?;
        if status.success() { Ok(None) } else { bail!("on the small disk: {status}") }
    }

    /// Fills it until so many bytes are left, or empties it until so many are.
    ///
    /// # Errors
    /// When the disk does not do that.
    pub fn leave(&self, bytes: u64) -> Result<()> {
        let path = self.folder.join("filler");
        let mut filler = File::options().append(true).create(true).open(&path)?;
        loop {
            let (free, filled) = (free(&self.folder)?, filler.metadata()?.len());
            let surplus = free.saturating_sub(bytes);
            if surplus > 0 {
                // In the end by single pages, which is what a tmpfs counts.
                let block = vec![0; usize::try_from(surplus.min(1 << 16))?];
                match filler.write_all(&block) {
                    Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
                    written => written?,
                }
            } else if free < bytes && filled > 0 {
                filler.set_len(filled.saturating_sub((bytes - free).max(4096)))?;
                return Ok(());
            } else {
                return Ok(());
            }
        }
    }

    /// Makes room.
    ///
    /// # Errors
    /// When the filler cannot be removed.
    pub fn make_room(&self) -> Result<()> {
        match fs::remove_file(self.folder.join("filler")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// A command in a mount namespace of its own, where a tmpfs is mounted at the folder.
fn in_namespace(folder: &Path, mib: u32, program: &OsStr, arguments: &[&str]) -> Command {
    let mount =
        format!("mount -t tmpfs -o size={mib}m,mode=700 small-disk \"$1\" && shift && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c", &mount, "sh"]).arg(folder);
    command.arg(program).args(arguments).env(PLACE, folder).env("TMPDIR", folder);
    command
}

fn free(folder: &Path) -> Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
