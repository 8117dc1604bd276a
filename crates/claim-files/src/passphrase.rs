//! Passphrases and PINs: where they come from. Never from an argument, which every user of a machine can read.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::{FileError, read_private};

/// A passphrase or PIN: wiped when dropped, never printed.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// Where a passphrase is to be read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassphraseSource {
    /// A file that nobody else can read.
    File(PathBuf),
    /// An open file descriptor that the program was started with; it is read once, to its end.
    Descriptor(u32),
    /// A credential of systemd: a file of this name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// A text that names no source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseSourceError {
    /// There is nothing, or nothing behind the colon.
    #[error("it is a file, fd:NUMBER or credential:NAME; this names none")]
    Empty,
    /// What follows `fd:` is no number.
    #[error("fd: is followed by the number of an open file descriptor")]
    Descriptor,
    /// What follows `credential:` is no name of a credential.
    #[error("a credential's name is that of a file, without slashes")]
    Credential,
}

/// Why a passphrase could not be had. What was read never stands in the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PassphraseError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The program was not started with credentials.
    #[error(
        "there is no credential {name:?}: systemd gave the program none (CREDENTIALS_DIRECTORY is not set)"
    )]
    NoCredentials {
        /// The credential that was wanted.
        name: String,
    },
    /// The descriptor or credential cannot be read.
    #[error("cannot read the passphrase from {source_name}: {source}")]
    Unreadable {
        /// Where from.
        source_name: PassphraseSource,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is nothing in it.
    #[error("the passphrase from {source_name} is empty")]
    Empty {
        /// Where from.
        source_name: PassphraseSource,
    },
    /// It has several lines, is too long, or is no text.
    #[error(
        "the passphrase from {source_name} is not one line of text with at most {} bytes",
        Passphrase::MAX_LENGTH
    )]
    NotOneLine {
        /// Where from.
        source_name: PassphraseSource,
    },
}

impl Passphrase {
    /// The longest passphrase, in bytes of UTF-8.
    pub const MAX_LENGTH: usize = 1024;

    /// Takes a text that is a secret from here on.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for what it opens.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl PassphraseSource {
    /// Reads the passphrase: one line of text, whose end does not belong to it.
    ///
    /// # Errors
    /// [`PassphraseError`]; [`FileError::NotPrivate`] for a file that others can read.
    pub fn read(&self) -> Result<Passphrase, PassphraseError> {
        let bytes = match self {
            Self::File(path) => read_private(path)?,
            Self::Descriptor(number) => {
                // Opened anew by its name: a descriptor by number alone is for `unsafe` code.
                self.read_from(&PathBuf::from(format!("/dev/fd/{number}")))?
            }
            Self::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| PassphraseError::NoCredentials { name: name.clone() })?;
                // systemd sees to who can read them; their modes differ by its version.
                self.read_from(&Path::new(&folder).join(name))?
            }
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| self.not_one_line())?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() {
            return Err(PassphraseError::Empty { source_name: self.clone() });
        }
        if text.len() > Passphrase::MAX_LENGTH || text.chars().any(char::is_control) {
            return Err(self.not_one_line());
        }
        Ok(Passphrase::new(text.to_owned()))
    }

    fn read_from(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, PassphraseError> {
        let unreadable = |source| PassphraseError::Unreadable { source_name: self.clone(), source };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        // Reserved at once, so that no copies are left behind; two more than a line with its end may have.
        let limit = Passphrase::MAX_LENGTH + 3;
        let mut bytes = Zeroizing::new(Vec::with_capacity(limit));
        file.take(limit as u64).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }

    fn not_one_line(&self) -> PassphraseError {
        PassphraseError::NotOneLine { source_name: self.clone() }
    }
}

impl FromStr for PassphraseSource {
    type Err = PassphraseSourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(number) = text.strip_prefix("fd:") {
            return number
                .parse()
                .map(Self::Descriptor)
                .map_err(|_| PassphraseSourceError::Descriptor);
        }
        if let Some(name) = text.strip_prefix("credential:") {
            let is_name = !name.is_empty() && !name.contains('/') && name != "." && name != "..";
            return match is_name {
                true => Ok(Self::Credential(name.to_owned())),
                false => Err(PassphraseSourceError::Credential),
            };
        }
        match text.strip_prefix("file:").unwrap_or(text) {
            "" => Err(PassphraseSourceError::Empty),
            path => Ok(Self::File(path.into())),
        }
    }
}

impl fmt::Display for PassphraseSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{path:?}"),
            Self::Descriptor(number) => write!(f, "file descriptor {number}"),
            Self::Credential(name) => write!(f, "the credential {name:?}"),
        }
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::fs::{self, Permissions};
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::{Mode, write_new};

    #[test]
    fn sources_are_named() {
        for (text, source) in [
            ("/run/pass", PassphraseSource::File("/run/pass".into())),
            ("file:fd:3", PassphraseSource::File("fd:3".into())),
            ("fd:3", PassphraseSource::Descriptor(3)),
            ("credential:root-key", PassphraseSource::Credential("root-key".into())),
        ] {
            assert_eq!(text.parse(), Ok(source), "{text}");
        }
        for wrong in
            ["", "file:", "fd:", "fd:x", "fd:-1", "credential:", "credential:a/b", "credential:.."]
        {
            assert!(wrong.parse::<PassphraseSource>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_line_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pass");
        let source = PassphraseSource::File(path.clone());
        for (content, read) in [
            ("secret", Some("secret")),
            ("secret\n", Some("secret")),
            ("secret\r\n", Some("secret")),
            (" se cret \n", Some(" se cret ")),
            ("", None),
            ("\n", None),
            ("two\nlines\n", None),
            ("two\n\n", None),
        ] {
            write_new(&path, content.as_bytes(), Mode::Private).unwrap();
            let found = source.read().ok();
            assert_eq!(found.as_ref().map(Passphrase::expose), read, "{content:?}");
            fs::remove_file(&path).unwrap();
        }
        write_new(&path, &[b'a'; Passphrase::MAX_LENGTH + 1], Mode::Private).unwrap();
        assert!(matches!(source.read(), Err(PassphraseError::NotOneLine { .. })));
    }

    #[test]
    fn what_others_can_read_is_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pass");
        write_new(&path, b"secret\n", Mode::Private).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let refused = PassphraseSource::File(path).read().unwrap_err();
        assert!(matches!(refused, PassphraseError::File(FileError::NotPrivate { .. })));
    }

    #[test]
    fn a_descriptor_is_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pass");
        fs::write(&path, "secret\n").unwrap();
        let file = fs::File::open(&path).unwrap();
        let number = u32::try_from(file.as_raw_fd()).unwrap();
        let read = PassphraseSource::Descriptor(number).read().unwrap();
        assert_eq!(read.expose(), "secret");
        let refused = PassphraseSource::Descriptor(987_654).read().unwrap_err();
        assert!(matches!(refused, PassphraseError::Unreadable { .. }), "{refused}");
    }

    #[test]
    fn a_passphrase_does_not_print_itself() {
        assert_eq!(format!("{:?}", Passphrase::new("secret".to_owned())), "Passphrase");
    }
}
