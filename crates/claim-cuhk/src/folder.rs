//! The files of a CUHK, by name.

use std::path::{Path, PathBuf};

use claim_core::Origin;
use claim_files::{FileError, Mode, read_private, replace};
use claim_pki::{Certificate, CertificateError, KeyError, SigningKey};
use zeroize::Zeroizing;

/// The longest certificate file that is read, in bytes.
const MAX_CERTIFICATE_FILE: u64 = 64 * 1024;

/// The folder of a CUHK.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// The lock of the serving process.
    pub(crate) const LOCK: &str = "cuhk.lock";

    /// What a backup has beside the database, as far as it is there.
    pub(crate) const BACKED_UP: [&str; 6] = [
        "cuhk.cer",
        "cuhk.key",
        "cuhk-issuing.cer",
        "cuhk-issuing.key",
        "cuhk.origin",
        "claim.toml",
    ];

    pub(crate) fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The root certificate: what everybody trusts, and may have.
    pub(crate) fn root_certificate(&self) -> PathBuf {
        self.0.join("cuhk.cer")
    }

    /// The root's private key.
    pub(crate) fn root_key(&self) -> PathBuf {
        self.0.join("cuhk.key")
    }

    /// The issuing certificate, under the root.
    pub(crate) fn issuing_certificate(&self) -> PathBuf {
        self.0.join("cuhk-issuing.cer")
    }

    /// The issuing certificate's private key.
    pub(crate) fn issuing_key(&self) -> PathBuf {
        self.0.join("cuhk-issuing.key")
    }

    /// The certificate of CUHK's own TLS server, and the issuing one.
    pub(crate) fn server_certificate(&self) -> PathBuf {
        self.0.join("cuhk-server.cer")
    }

    /// The private key of CUHK's own TLS server.
    pub(crate) fn server_key(&self) -> PathBuf {
        self.0.join("cuhk-server.key")
    }

    /// The certificate of the witness that CUHK is, under the root.
    pub(crate) fn witness_certificate(&self) -> PathBuf {
        self.0.join("cuhk-witness.cer")
    }

    /// The private key of that witness.
    pub(crate) fn witness_key(&self) -> PathBuf {
        self.0.join("cuhk-witness.key")
    }

    /// The certificate of the timestamp authority that CUHK is, under the root.
    pub(crate) fn timestamp_certificate(&self) -> PathBuf {
        self.0.join("cuhk-timestamp.cer")
    }

    /// The private key of that authority.
    pub(crate) fn timestamp_key(&self) -> PathBuf {
        self.0.join("cuhk-timestamp.key")
    }

    /// The folder of the revocation lists, each named by its issuer's key id.
    pub(crate) fn revocation_lists(&self) -> PathBuf {
        self.0.join("crl")
    }

    /// The request by which a Blackboard in the same folder has its evidence keys certified, in local demo mode.
    pub(crate) fn blackboard_request(&self) -> PathBuf {
        self.0.join("blackboard.request")
    }

    /// The answer to it.
    pub(crate) fn blackboard_answer(&self) -> PathBuf {
        self.0.join("blackboard.answer")
    }

    /// The invitation that a Blackboard started in the same folder enrols with, in local demo mode.
    pub(crate) fn blackboard_invitation(&self) -> PathBuf {
        self.0.join("blackboard.invite")
    }

    /// The SQLite database, where no other is configured.
    pub(crate) fn database(&self) -> PathBuf {
        self.0.join(crate::config::DATABASE_FILE)
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
        self.0.join("cuhk.origin")
    }
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

/// Reads a private key, which nobody else may have access to.
pub(crate) fn read_key(path: &Path) -> Result<Result<SigningKey, KeyError>, FileError> {
    Ok(SigningKey::from_pkcs8_pem(&read_secret_text(path)?))
}

/// What is no text has no PEM in it either.
fn read_secret_text(path: &Path) -> Result<Zeroizing<String>, FileError> {
    let bytes = read_private(path)?;
    Ok(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
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
