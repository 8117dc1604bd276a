//! A folder that becomes a package: files with their modes.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{empty, said};
use crate::succeed;

/// The folder.
pub(super) struct Stage(PathBuf);

impl Stage {
    /// An empty one.
    pub(super) fn new(folder: PathBuf) -> Result<Self> {
        empty(&folder)?;
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755))?;
        Ok(Self(folder))
    }

    pub(super) fn root(&self) -> &Path {
        &self.0
    }

    /// Puts a file there.
    pub(super) fn put(&self, name: &str, mode: u32, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.0.join(name);
        self.folder(path.parent().unwrap_or(&self.0))?;
        std::fs::write(&path, content)
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(std::fs::set_permissions(&path, PermissionsExt::from_mode(mode))?)
    }

    /// Puts a file there as gzip packs it, without its name and time.
    pub(super) fn put_packed(&self, name: &str, content: impl AsRef<[u8]>) -> Result<()> {
        self.put(name, 0o644, content)?;
        succeed(
            Command::new("gzip").args(["-9", "--no-name", "--force"]).arg(self.0.join(name)),
            "gzip",
        )
    }

    /// Makes folders that everybody may enter, whatever the umask.
    pub(super) fn folder(&self, path: &Path) -> Result<()> {
        std::fs::create_dir_all(path)?;
        let mut inner = Some(path);
        while let Some(folder) = inner.filter(|folder| folder.starts_with(&self.0)) {
            std::fs::set_permissions(folder, PermissionsExt::from_mode(0o755))?;
            inner = folder.parent();
        }
        Ok(())
    }

    /// Gives all files one time.
    pub(super) fn settle(&self, epoch: &str) -> Result<()> {
        let mut touch = Command::new("find");
        touch.arg(&self.0).args(["-exec", "touch", "--no-dereference", "--date"]);
        succeed(touch.arg(format!("@{epoch}")).args(["{}", "+"]), "setting times")
    }

    /// How many KiB are in it.
    pub(super) fn kibibytes(&self) -> Result<u64> {
        let sizes =
            said(Command::new("find").arg(&self.0).args(["-type", "f", "-printf", "%s\n"]))?;
        Ok(sizes
            .lines()
            .filter_map(|size| size.parse::<u64>().ok())
            .map(|size| size.div_ceil(1024))
            .sum())
    }
}
