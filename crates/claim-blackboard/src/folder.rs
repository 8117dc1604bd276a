//! The files of a Blackboard, by name.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use claim_audit::KeyFiles;
use claim_files::Passphrase;

/// The longest certificate, invitation or other public file that is read, in bytes.
const MAX_PUBLIC_LENGTH: u64 = 256 * 1024;

/// The folder of a Blackboard, and what opens the keys in it.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    passphrase: Option<Passphrase>,
}

impl Folder {
    /// The lock of the serving process.
    pub(crate) const LOCK: &str = "blackboard.lock";

    /// The lock of whoever erases old claims, or makes a backup.
    pub(crate) const ERASING: &str = "erasing.lock";

    /// What a backup has beside the database and the objects, as far as it is there.
    pub(crate) const BACKED_UP: [&str; 11] = [
        "cuhk.cer",
        "blackboard.cer",
        "blackboard.key",
        // Before the other, whose name it takes: one of the two copies is the key that the answer is for.
        "timestamp-next.key",
        "timestamp.key",
        "log.key",
        "blackboard-audit.key",
        "blackboard-audit.vkey",
        "blackboard.request",
        "blackboard.answer",
        "claim.toml",
    ];

    /// The folder, for what needs no key.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), passphrase: None }
    }

    /// The folder whose private keys have this passphrase, or none.
    pub(crate) fn with_passphrase(dir: &Path, passphrase: Option<Passphrase>) -> Self {
        Self { dir: dir.to_owned(), passphrase }
    }

    /// The passphrase of all private keys in it.
    pub(crate) fn passphrase(&self) -> Option<&str> {
        self.passphrase.as_ref().map(Passphrase::expose)
    }

    /// The folder itself.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The private key that CUHK certifies.
    pub(crate) fn key(&self) -> PathBuf {
        self.dir.join("blackboard.key")
    }

    /// The certificate of that key, and the issuing one.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.dir.join("blackboard.cer")
    }

    /// The key that wraps the sealing ring.
    pub(crate) fn sealing_key(&self) -> PathBuf {
        self.dir.join("sealing.key")
    }

    /// The key that signs timestamps, and nothing else.
    pub(crate) fn timestamp_key(&self) -> PathBuf {
        self.dir.join("timestamp.key")
    }

    /// The key that will sign them after that, until it has its certificate.
    pub(crate) fn next_timestamp_key(&self) -> PathBuf {
        self.dir.join("timestamp-next.key")
    }

    /// The key that signs the log's checkpoints, and nothing else.
    pub(crate) fn log_key(&self) -> PathBuf {
        self.dir.join("log.key")
    }

    /// The key that signs the audit log's checkpoints.
    pub(crate) fn audit_keys(&self) -> KeyFiles {
        KeyFiles {
            private: self.dir.join("blackboard-audit.key"),
            public: self.dir.join("blackboard-audit.vkey"),
        }
    }

    /// The request that CUHK's root answers.
    pub(crate) fn evidence_request(&self) -> PathBuf {
        self.dir.join("blackboard.request")
    }

    /// The answer to it: the certificates of timestamp key, log key and witness.
    pub(crate) fn evidence_answer(&self) -> PathBuf {
        self.dir.join("blackboard.answer")
    }

    /// The newest revocation lists.
    pub(crate) fn revocation_lists(&self) -> PathBuf {
        self.dir.join("revocation.crl")
    }

    /// CUHK's issuing certificates that have not ended, whose lists these are.
    pub(crate) fn issuers(&self) -> PathBuf {
        self.dir.join("issuers.cer")
    }

    /// Pieces of files, tiles of the log.
    pub(crate) fn objects(&self) -> PathBuf {
        self.dir.join("objects")
    }

    /// The invitation that a local CUHK leaves.
    pub(crate) fn invitation(&self) -> PathBuf {
        self.dir.join("blackboard.invite")
    }
}

/// Reads a file that anyone may read; `None` when there is none.
pub(crate) fn read_public(path: &Path) -> io::Result<Option<String>> {
    read_public_up_to(path, MAX_PUBLIC_LENGTH)
}

/// The same for files that may be larger, up to so many bytes.
pub(crate) fn read_public_up_to(path: &Path, limit: u64) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    let length = file.take(limit + 1).read_to_string(&mut text)?;
    if length as u64 > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {limit} bytes"),
        ));
    }
    Ok(Some(text))
}
