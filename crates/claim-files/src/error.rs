//! Why a file could not be read, written or locked.

use std::io;
use std::path::{Path, PathBuf};

/// Why a file could not be read, written or locked.
///
/// Each message names the file, escaped, so that it can stand in a terminal as it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is a file of that name already; it was left as it is.
    #[error("{path:?} exists already; it was not changed")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// There is no such file.
    #[error("{path:?} does not exist")]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The disk, or the user's share of it, is full.
    #[error("no space left for {path:?}")]
    Full {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A private file can be read by others, so it may be known to them.
    #[error(
        "{path:?} can be read or changed by others (mode {mode:04o}); if nobody did, run: chmod 600 {}",
        quoted(path)
    )]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A folder, socket, device or pipe stands where a file should.
    #[error("{path:?} is not a regular file")]
    NotAFile {
        /// What stands there.
        path: PathBuf,
    },
    /// Far larger than any file of this kind.
    #[error("{path:?} has {length} bytes, more than the {limit} that such a file may have")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes, as far as it was read.
        length: u64,
        /// The longest in bytes.
        limit: u64,
    },
    /// Another process works with this folder.
    #[error("{path:?} is locked: another process works with this folder; stop it first")]
    Locked {
        /// The lock's file.
        path: PathBuf,
    },
    /// Anything else that the system refused.
    #[error("cannot {action} {path:?}: {source}")]
    System {
        /// What was tried: `create`, `open`, …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FileError {
    /// Sorts what the system said about `path` when asked to `action` it.
    pub(crate) fn from_system(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists { path },
            io::ErrorKind::NotFound => Self::Missing { path },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full { path, source }
            }
            _ => Self::System { action, path, source },
        }
    }
}

/// The path as one word of a shell command that can be pasted.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text.into_owned();
    }
    // `$'…'` takes the escapes that keep controls out of the terminal.
    let escaped: String = text
        .chars()
        .map(|c| match c {
            '\'' | '\\' => format!("\\{c}"),
            c if c.is_control() => format!("\\x{:02x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect();
    if escaped == text && !text.starts_with('-') {
        format!("'{text}'")
    } else {
        format!("-- $'{escaped}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_pasted() {
        for (path, word) in [
            ("/srv/claim/cuhk.key", "/srv/claim/cuhk.key"),
            ("my keys/cuhk.key", "'my keys/cuhk.key'"),
            ("it's", "-- $'it\\'s'"),
            ("a\u{1b}[2Jb", "-- $'a\\x1b[2Jb'"),
            ("-rf", "-- $'-rf'"),
        ] {
            assert_eq!(quoted(Path::new(path)), word);
        }
    }

    #[test]
    fn messages_hold_no_control_characters() {
        let path = PathBuf::from("a\u{1b}[2Jb\n");
        for error in [
            FileError::Exists { path: path.clone() },
            FileError::NotPrivate { path: path.clone(), mode: 0o644 },
            FileError::Locked { path },
        ] {
            let message = error.to_string();
            assert!(!message.chars().any(char::is_control), "{message:?}");
        }
    }
}
