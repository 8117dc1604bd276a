//! The files of a CUHK, by name.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claim_audit::KeyFiles;
use claim_core::Origin;
use claim_files::{FileError, Mode, Passphrase, read_private, replace};
use claim_pki::{Certificate, CertificateError, KeyError, SigningKey};
use zeroize::Zeroizing;

use crate::keys::KeySettings;

/// How the names of issuing certificates and their keys begin.
const ISSUING: &str = "cuhk-issuing";

/// The longest certificate file that is read, in bytes.
const MAX_CERTIFICATE_FILE: u64 = 64 * 1024;

/// The folder of a CUHK.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    dir: PathBuf,
    keys: Arc<KeySettings>,
}

impl Folder {
    /// The lock of the serving process.
    pub(crate) const LOCK: &str = "cuhk.lock";

    /// What a backup has beside the database and the issuing keys, as far as it is there.
    const BACKED_UP: [&str; 7] = [
        "cuhk.cer",
        "cuhk.key",
        "cuhk.origin",
        "cuhk.offline-root",
        "cuhk-audit.key",
        "cuhk-audit.vkey",
        "claim.toml",
    ];

    /// The folder of a CUHK whose keys are in it, without passphrases.
    pub(crate) fn new(dir: &Path) -> Self {
        Self::with_keys(dir, KeySettings::default())
    }

    /// The folder, and where the keys of its CUHK are.
    pub(crate) fn with_keys(dir: &Path, keys: KeySettings) -> Self {
        Self { dir: dir.to_owned(), keys: Arc::new(keys) }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn keys(&self) -> &KeySettings {
        &self.keys
    }

    /// The names of what a backup has beside the database.
    pub(crate) fn backed_up(&self) -> Result<Vec<String>, FileError> {
        let mut names: Vec<String> = Self::BACKED_UP.map(str::to_owned).to_vec();
        for number in self.issuing_numbers()? {
            let stem = issuing_stem(number);
            names.extend([format!("{stem}.cer"), format!("{stem}.key")]);
        }
        Ok(names)
    }

    /// The numbers of the issuing certificates and keys that are there, in ascending order.
    pub(crate) fn issuing_numbers(&self) -> Result<BTreeSet<u32>, FileError> {
        let mut numbers = BTreeSet::new();
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(numbers),
            Err(error) => return Err(unreadable(&self.dir, error)),
        };
        for entry in entries {
            let name = entry.map_err(|error| unreadable(&self.dir, error))?.file_name();
            numbers.extend(name.to_str().and_then(issuing_number));
        }
        Ok(numbers)
    }

    /// The root certificate: what everybody trusts, and may have.
    pub(crate) fn root_certificate(&self) -> PathBuf {
        self.dir.join("cuhk.cer")
    }

    /// The root's private key.
    pub(crate) fn root_key(&self) -> PathBuf {
        self.dir.join("cuhk.key")
    }

    /// The issuing certificate of this number, under the root: the first, or one that followed it.
    pub(crate) fn issuing_certificate(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{}.cer", issuing_stem(number)))
    }

    /// The private key of the issuing certificate of this number, where keys are files.
    pub(crate) fn issuing_key(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{}.key", issuing_stem(number)))
    }

    /// The request to a root that is elsewhere.
    pub(crate) fn authority_request(&self) -> PathBuf {
        self.dir.join("cuhk-issuing.request")
    }

    /// The answer to it.
    pub(crate) fn authority_answer(&self) -> PathBuf {
        self.dir.join("cuhk-issuing.answer")
    }

    /// Says that the root in this folder is kept offline, and that no CUHK serves from here.
    pub(crate) fn offline_root_mark(&self) -> PathBuf {
        self.dir.join("cuhk.offline-root")
    }

    /// The certificate of CUHK's own TLS server, and the issuing one.
    pub(crate) fn server_certificate(&self) -> PathBuf {
        self.dir.join("cuhk-server.cer")
    }

    /// The private key of CUHK's own TLS server.
    pub(crate) fn server_key(&self) -> PathBuf {
        self.dir.join("cuhk-server.key")
    }

    /// The certificate of the witness that CUHK is, under the root.
    pub(crate) fn witness_certificate(&self) -> PathBuf {
        self.dir.join("cuhk-witness.cer")
    }

    /// The private key of that witness.
    pub(crate) fn witness_key(&self) -> PathBuf {
        self.dir.join("cuhk-witness.key")
    }

    /// The key that signs the audit log's checkpoints.
    pub(crate) fn audit_keys(&self) -> KeyFiles {
        KeyFiles {
            private: self.dir.join("cuhk-audit.key"),
            public: self.dir.join("cuhk-audit.vkey"),
        }
    }

    /// The certificate of the timestamp authority that CUHK is, under the root.
    pub(crate) fn timestamp_certificate(&self) -> PathBuf {
        self.dir.join("cuhk-timestamp.cer")
    }

    /// The private key of that authority.
    pub(crate) fn timestamp_key(&self) -> PathBuf {
        self.dir.join("cuhk-timestamp.key")
    }

    /// The timestamp key that comes next, while its certificate is asked of a root elsewhere.
    pub(crate) fn next_timestamp_key(&self) -> PathBuf {
        self.dir.join("cuhk-timestamp-next.key")
    }

    /// The folder of the revocation lists, each named by its issuer's key id.
    pub(crate) fn revocation_lists(&self) -> PathBuf {
        self.dir.join("crl")
    }

    /// What everybody may have, for web servers.
    pub(crate) fn public(&self) -> PathBuf {
        self.dir.join("public")
    }

    /// The request by which a Blackboard in the same folder has its evidence keys certified, in local demo mode.
    pub(crate) fn blackboard_request(&self) -> PathBuf {
        self.dir.join("blackboard.request")
    }

    /// The answer to it.
    pub(crate) fn blackboard_answer(&self) -> PathBuf {
        self.dir.join("blackboard.answer")
    }

    /// The invitation that a Blackboard started in the same folder enrols with, in local demo mode.
    pub(crate) fn blackboard_invitation(&self) -> PathBuf {
        self.dir.join("blackboard.invite")
    }

    /// The SQLite database, where no other is configured.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.join(crate::config::DATABASE_FILE)
    }

    /// Remembers the origin under which CUHK is known, for invitations that are written later.
    pub(crate) fn remember_origin(&self, origin: &Origin) -> Result<(), FileError> {
        if self.remembered_origin().as_ref() == Some(origin) {
            return Ok(());
        }
        replace(&self.origin_file(), format!("{origin}\n").as_bytes(), Mode::Public)
    }

    /// The origin under which CUHK served last, if it did.
    pub(crate) fn remembered_origin(&self) -> Option<Origin> {
        std::fs::read_to_string(self.origin_file()).ok()?.trim().parse().ok()
    }

    fn origin_file(&self) -> PathBuf {
        self.dir.join("cuhk.origin")
    }
}

/// `cuhk-issuing`, and from the second on `cuhk-issuing-2`.
fn issuing_stem(number: u32) -> String {
    match number {
        1 => ISSUING.to_owned(),
        number => format!("{ISSUING}-{number}"),
    }
}

/// The number in the name of an issuing certificate or key.
fn issuing_number(name: &str) -> Option<u32> {
    let stem = name.strip_suffix(".cer").or_else(|| name.strip_suffix(".key"))?;
    let number = match stem.strip_prefix(ISSUING)? {
        "" => 1,
        rest => rest.strip_prefix('-')?.parse().ok()?,
    };
    (issuing_stem(number) == stem).then_some(number)
}

/// Whether there is anything of that name, be it a link that leads nowhere.
pub(crate) fn exists(path: &Path) -> Result<bool, FileError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(unreadable(path, error)),
    }
}

/// Renames the files of a key that must not be used any more, by the number of its certificate.
pub(crate) fn put_aside(paths: &[&PathBuf], certificate: &Certificate) -> Result<(), FileError> {
    let serial = certificate.serial();
    for path in paths {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".{serial}"));
        if exists(path)? {
            tracing::warn!(?path, ?aside, "there is to be a new key: the old one is put aside");
            std::fs::rename(path, &aside).map_err(|source| FileError::System {
                action: "rename",
                path: (*path).clone(),
                source,
            })?;
        }
    }
    Ok(())
}

/// Reads a private key, which nobody else may have access to, and which has this passphrase or none.
pub(crate) fn read_key(
    path: &Path,
    passphrase: Option<&Passphrase>,
) -> Result<Result<SigningKey, KeyError>, FileError> {
    Ok(SigningKey::from_pem(&read_secret_text(path)?, passphrase.map(Passphrase::expose)))
}

/// What is no text has no PEM in it either.
pub(crate) fn read_secret_text(path: &Path) -> Result<Zeroizing<String>, FileError> {
    let bytes = read_private(path)?;
    Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Reads a file that anybody may read, of at most so many bytes; `None` when there is none.
pub(crate) fn read_public(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    if !exists(path)? {
        return Ok(None);
    }
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    let length = metadata.len();
    if length > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), length, limit });
    }
    std::fs::read(path).map(Some).map_err(|error| unreadable(path, error))
}

/// Reads a file of certificates in PEM.
pub(crate) fn read_certificates(
    path: &Path,
) -> Result<Result<Vec<Certificate>, CertificateError>, FileError> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile { path: path.to_owned() });
    }
    let (length, limit) = (metadata.len(), MAX_CERTIFICATE_FILE);
    if length > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), length, limit });
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, error))?;
    Ok(Certificate::chain_from_pem(&String::from_utf8_lossy(&bytes)))
}

fn unreadable(path: &Path, source: std::io::Error) -> FileError {
    FileError::System { action: "read", path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuing_certificates_are_numbered() {
        for (name, number) in [
            ("cuhk-issuing.cer", Some(1)),
            ("cuhk-issuing.key", Some(1)),
            ("cuhk-issuing-2.cer", Some(2)),
            ("cuhk-issuing-17.key", Some(17)),
            ("cuhk-issuing-1.cer", None),
            ("cuhk-issuing-02.cer", None),
            ("cuhk-issuing-x.cer", None),
            ("cuhk-issuing.answer", None),
            ("cuhk-issuing.cer.5f0c", None),
            ("cuhk-server.cer", None),
        ] {
            assert_eq!(issuing_number(name), number, "{name}");
        }
    }
}
