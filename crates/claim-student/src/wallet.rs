//! The student's folder: `cuhk.cer`, and for each id a private key and a certificate.
//!
//! A key is never overwritten. A key without a certificate is an enrolment that was interrupted; it is taken up
//! again with the same key, because CUHK gives the certificate of a one-time code again to the key that used it.

mod error;
mod identities;
mod pair;

use std::fs::{DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use claim_core::messages::Chain;
use claim_core::student::Credential;
use claim_core::{PersonId, Timestamp};
use claim_files::{FileError, FolderLock, Mode, lock_folder, read_private, replace, write_new};
use claim_pki::{Certificate, PathError, Root, SerialNumber, SigningKey, VerifiedPerson};

pub use error::WalletError;
pub use identities::{Identity, IdentityState};
use pair::Pair;

/// The name of the root's file, unless another is configured.
const ROOT_FILE: &str = "cuhk.cer";

/// The largest certificate file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// How often a pair is looked at again that does not fit together.
const MOST_LOOKS: usize = 3;

/// The first byte of a certificate in DER, and of none in PEM.
const DER_SEQUENCE: u8 = 0x30;

/// The folder of one student, or of several who share a machine account.
#[derive(Clone, Debug)]
pub struct Wallet {
    dir: PathBuf,
    root: PathBuf,
}

/// A key and its certificate, checked to belong together and to lead to the root.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) credential: Credential,
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) person: VerifiedPerson,
}

impl Held {
    pub(crate) fn is_expired(&self, now: Timestamp) -> bool {
        // The whole last second belongs to the validity (RFC 5280 §4.1.2.5).
        now.as_seconds() > self.person.not_after().as_seconds()
    }
}

impl Wallet {
    /// The folder `dir`, with the root in `root` or else in its `cuhk.cer`. Nothing is read or made yet.
    pub fn new(dir: impl Into<PathBuf>, root: Option<PathBuf>) -> Self {
        let dir = dir.into();
        let root = root.unwrap_or_else(|| dir.join(ROOT_FILE));
        Self { dir, root }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the root certificate is, or will be.
    pub fn root_path(&self) -> &Path {
        &self.root
    }

    /// Where the private key of this id is, or will be.
    pub fn key_path(&self, id: &PersonId) -> PathBuf {
        self.dir.join(format!("{}.key", stem(id)))
    }

    /// Where the certificate of this id is, or will be: the leaf, then its issuer, in PEM.
    pub fn certificate_path(&self, id: &PersonId) -> PathBuf {
        self.dir.join(format!("{}.cer", stem(id)))
    }

    /// The root; `None` when there is no file.
    ///
    /// # Errors
    /// [`WalletError`] when the file cannot be read or is not a root.
    pub fn root(&self) -> Result<Option<Root>, WalletError> {
        let Some(bytes) = read_public(&self.root)? else { return Ok(None) };
        // Some programs store certificates in DER under the same ending.
        let root = match bytes.as_slice() {
            der @ [DER_SEQUENCE, ..] => Root::from_der(der),
            pem => Root::from_pem(&String::from_utf8_lossy(pem)),
        };
        root.map(Some).map_err(|source| WalletError::Root { path: self.root.clone(), source })
    }

    /// Stores the root on first contact.
    ///
    /// # Errors
    /// [`WalletError::OtherRoot`] when another process stored another one meanwhile.
    pub(crate) fn keep_root(&self, root: &Root) -> Result<(), WalletError> {
        self.make_folder()?;
        let pem = root.certificate().to_pem();
        match write_new(&self.root, pem.as_bytes(), Mode::Public) {
            Ok(()) => Ok(()),
            Err(FileError::Exists { path }) => match self.root()? {
                Some(stored) if stored.hash() == root.hash() => Ok(()),
                _ => Err(WalletError::OtherRoot { path }),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// The private key of this id; `None` when there is no file.
    pub(crate) fn key(&self, id: &PersonId) -> Result<Option<SigningKey>, WalletError> {
        self.key_at(self.key_path(id))
    }

    fn key_at(&self, path: PathBuf) -> Result<Option<SigningKey>, WalletError> {
        let bytes = match read_private(&path) {
            Ok(bytes) => bytes,
            Err(FileError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let pem = std::str::from_utf8(&bytes)
            .map_err(|_| WalletError::KeyNotText { path: path.clone() })?;
        SigningKey::from_pkcs8_pem(pem)
            .map(Some)
            .map_err(|source| WalletError::Key { path, source })
    }

    /// Makes the private key of this id, and stores it before it is used.
    pub(crate) fn make_key(&self, id: &PersonId) -> Result<SigningKey, WalletError> {
        let path = self.key_path(id);
        let key = SigningKey::generate()
            .map_err(|source| WalletError::Key { path: path.clone(), source })?;
        write_new(&path, key.to_pkcs8_pem().as_bytes(), Mode::Private)?;
        Ok(key)
    }

    /// The key and certificate of this id, whether or not the certificate's time is over.
    ///
    /// # Errors
    /// [`WalletError::NotEnrolled`] and [`WalletError::Interrupted`] when there is no certificate yet; others when
    /// what is there does not fit together.
    pub(crate) fn held(
        &self,
        id: &PersonId,
        root: &Root,
        now: Timestamp,
    ) -> Result<Held, WalletError> {
        let mut held = self.held_at_this_moment(id, root, now);
        // A pair that gives way to another at this very moment may be read half and half.
        for _ in 0..MOST_LOOKS {
            match held {
                Err(WalletError::OtherKey { .. }) => held = self.held_at_this_moment(id, root, now),
                _ => break,
            }
        }
        held
    }

    fn held_at_this_moment(
        &self,
        id: &PersonId,
        root: &Root,
        now: Timestamp,
    ) -> Result<Held, WalletError> {
        let (key_path, path) = (self.key_path(id), self.certificate_path(id));
        let Pair { key, certificate: pem } = self.pair(id)?;
        let (key, pem) = match (key, pem) {
            (Some(key), Some(pem)) => (key, pem),
            (Some(_), None) => {
                return Err(WalletError::Interrupted { id: id.clone(), key: key_path });
            }
            (None, Some(_)) => {
                return Err(WalletError::KeyMissing { key: key_path, certificate: path });
            }
            (None, None) => {
                return Err(WalletError::NotEnrolled { id: id.clone(), dir: self.dir.clone() });
            }
        };
        let certificates = Certificate::chain_from_pem(&String::from_utf8_lossy(&pem))
            .map_err(|source| WalletError::Certificate { path: path.clone(), source })?;
        let person = verify_whatever_the_time(root, &certificates, now)
            .map_err(|source| WalletError::Path { path: path.clone(), source })?;
        if person.id() != id {
            let found = person.id().clone();
            return Err(WalletError::OtherPerson { path, expected: id.clone(), found });
        }
        if person.public_key() != key.public_key() {
            return Err(WalletError::OtherKey { key: key_path, certificate: path });
        }
        let chain = Chain::new(certificates.iter().map(|one| one.der().to_vec()).collect())
            .map_err(|source| WalletError::Chain { path, source })?;
        Ok(Held { credential: Credential { id: id.clone(), chain, key }, certificates, person })
    }

    /// Stores a certificate in place of the one there is, if any: what was there is of no more use then.
    pub(crate) fn keep_certificate(
        &self,
        id: &PersonId,
        chain: &[Certificate],
    ) -> Result<PathBuf, WalletError> {
        let path = self.certificate_path(id);
        let pem: String = chain.iter().map(Certificate::to_pem).collect();
        replace(&path, pem.as_bytes(), Mode::Public)?;
        Ok(path)
    }

    /// Renames key and certificate of this serial number, so that neither is ever used again, and returns where the key is.
    ///
    /// The key goes first: it must not be taken for one of an interrupted enrolment. Whatever is cut off between the two is
    /// finished by doing it again.
    pub(crate) fn put_aside(
        &self,
        id: &PersonId,
        serial: &SerialNumber,
    ) -> Result<PathBuf, FileError> {
        let aside = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{serial}"));
            PathBuf::from(name)
        };
        let key = self.key_path(id);
        for path in [&key, &self.certificate_path(id)] {
            match std::fs::rename(path, aside(path)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(system("rename", path, source)),
            }
        }
        Ok(aside(&key))
    }

    /// Finishes what [`Self::put_aside`] began: a certificate whose key lies aside under its serial number goes there too.
    pub(crate) fn finish_putting_aside(&self, id: &PersonId) -> Result<(), WalletError> {
        let path = self.certificate_path(id);
        let Some(pem) = read_public(&path)? else { return Ok(()) };
        let chain = Certificate::chain_from_pem(&String::from_utf8_lossy(&pem));
        let Some(serial) = chain.ok().and_then(|chain| Some(chain.first()?.serial().clone()))
        else {
            return Ok(());
        };
        let mut key = self.key_path(id).into_os_string();
        key.push(format!(".{serial}"));
        if !self.key_path(id).exists() && Path::new(&key).exists() {
            self.put_aside(id, &serial)?;
        }
        Ok(())
    }

    /// Makes sure that only one process enrols this id in this folder; [`FileError::Locked`] while another does.
    pub(crate) fn lock(&self, id: &PersonId) -> Result<FolderLock, FileError> {
        self.make_folder()?;
        lock_folder(&self.dir, &format!(".{}.lock", stem(id)))
    }

    /// Private from the beginning: the names of the files in it are people's ids.
    fn make_folder(&self) -> Result<(), FileError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.dir)
            .map_err(|source| system("create", &self.dir, source))
    }
}

/// Verifies the chain at the present time or, where the leaf is not valid now, at the nearest time when it is.
///
/// This machine's clock may be wrong and a renewal may come late: whether the time is right is for the servers
/// to say, and for [`Held::is_expired`].
pub(crate) fn verify_whatever_the_time(
    root: &Root,
    chain: &[Certificate],
    now: Timestamp,
) -> Result<VerifiedPerson, PathError> {
    let leaf = chain.first().ok_or(PathError::NoCertificate)?;
    let at = now.clamp(leaf.not_before(), leaf.not_after());
    root.verify_person(&chain.iter().map(Certificate::der).collect::<Vec<_>>(), at)
}

/// The name of an id's files. SIDs are digits; a member of staff may be called `cuhk` or `blackboard`,
/// whose files may stand in the same folder.
pub(crate) fn stem(id: &PersonId) -> String {
    match id {
        PersonId::Student(sid) => sid.to_string(),
        PersonId::Staff(id) => format!("staff-{id}"),
    }
}

/// The content of a file that others may read; `None` when there is none.
pub(crate) fn read_public(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    read_public_up_to(path, MAX_FILE)
}

/// The same, of a file that may be longer.
pub(crate) fn read_public_up_to(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(system("open", path, source)),
    };
    let mut content = Vec::new();
    let length = file
        .take(limit.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|source| system("read", path, source))?;
    if length as u64 > limit {
        let (path, length) = (path.to_owned(), length as u64);
        return Err(FileError::TooLarge { path, length, limit });
    }
    Ok(Some(content))
}

fn system(action: &'static str, path: &Path, source: io::Error) -> FileError {
    FileError::System { action, path: path.to_owned(), source }
}
