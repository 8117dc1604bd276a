//! CUHK's root and issuing certificate: made once, loaded ever after, never overwritten.
//!
//! Each pair of files is made key first, certificate second, each atomically and on disk before the next step.
//! So a key without its certificate is a first start that was cut off, as long as nothing was issued since.

mod error;

use std::path::{Path, PathBuf};

use claim_core::{Digest, Origin, Timestamp};
use claim_files::{Mode as FileMode, write_new};
use claim_pki::{
    AuthorityName, Certificate, Issuer, IssuerError, Profile, Root, RootSpec, SigningKey, Subject,
};

pub use self::error::AuthorityError;
use crate::crl::announced;
use crate::desk::beginning;
use crate::desk::random_serial;
use crate::folder::{Folder, exists, read_certificates, read_key};
use crate::mode::Mode;

/// The root that everybody trusts, and the issuing key that signs under it.
///
/// The root's own key is needed to make the issuing certificate only, and does not stay in memory.
#[derive(Debug)]
pub(crate) struct Authority {
    root: Root,
    issuer: Issuer,
}

/// Whether the root was there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was made just now.
    Made,
    /// It was there.
    Loaded,
}

/// The two files of a certificate and its key.
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

/// What of a pair is there.
enum State {
    Nothing,
    KeyOnly,
    Both,
}

impl Authority {
    /// Loads what is in the folder, or makes what was never there; `has_issued` tells whether CUHK's records hold
    /// any certificate, `origin` where CUHK serves.
    pub(crate) fn load_or_make(
        folder: &Folder,
        new_root: Mode,
        has_issued: bool,
        origin: Option<&Origin>,
        now: Timestamp,
    ) -> Result<(Self, Found), AuthorityError> {
        let (root_files, issuing_files) = (Pair::root(folder), Pair::issuing(folder));
        // Nothing can have been issued before there was an issuing key.
        let root_in_use =
            has_issued || exists(&issuing_files.certificate)? || exists(&issuing_files.key)?;
        let (root_issuer, found) = match root_files.state()? {
            State::Both => (root_files.load()?, Found::Loaded),
            State::Nothing if root_in_use => return Err(root_files.both_missing()),
            State::KeyOnly if root_in_use => return Err(root_files.certificate_missing()),
            State::Nothing | State::KeyOnly => {
                (make_root(&root_files, new_root, now)?, Found::Made)
            }
        };
        let root = read_root(&root_files.certificate, root_issuer.certificate().clone())?;
        check_time(&root_files.certificate, root_issuer.certificate(), now)?;
        let root_issuer = announced(root_issuer, origin);

        let issuer = match issuing_files.state()? {
            State::Both => issuing_files.load()?,
            State::KeyOnly if has_issued => return Err(issuing_files.certificate_missing()),
            // Both are gone on purpose: it is how an issuing certificate is replaced.
            State::Nothing | State::KeyOnly => {
                make_issuing(&issuing_files, &root_issuer, Mode::of(&root), now)?
            }
        };
        check_time(&issuing_files.certificate, issuer.certificate(), now)?;
        root.verify_issuer(issuer.certificate().der(), now).map_err(|source| {
            AuthorityError::ForeignIssuing { path: issuing_files.certificate.clone(), source }
        })?;
        warn_of_the_end(issuer.certificate(), now);
        Ok((Self { root, issuer: announced(issuer, origin) }, found))
    }

    /// The trust anchor.
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    pub(crate) fn root_certificate(&self) -> &Certificate {
        self.root.certificate()
    }

    /// SHA-256 of the root certificate's DER.
    pub(crate) fn root_digest(&self) -> Digest {
        Digest::from_bytes(*self.root.hash())
    }

    pub(crate) fn issuing_certificate(&self) -> &Certificate {
        self.issuer.certificate()
    }

    pub(crate) fn issuer(&self) -> &Issuer {
        &self.issuer
    }
}

/// Loads the root certificate alone, for what needs no key.
pub(crate) fn load_root(folder: &Folder) -> Result<Root, AuthorityError> {
    let path = folder.root_certificate();
    if !exists(&path)? {
        return Err(AuthorityError::None { dir: folder.path().to_owned() });
    }
    read_root(&path, read_certificate(&path)?)
}

/// Loads the root with its key, for the few certificates and the list that it signs itself; `origin` is where CUHK
/// serves.
pub(crate) fn load_root_issuer(
    folder: &Folder,
    origin: Option<&Origin>,
) -> Result<Issuer, AuthorityError> {
    load_issuer(&Pair::root(folder), folder, origin)
}

/// Loads the issuing certificate with its key.
pub(crate) fn load_issuing_issuer(
    folder: &Folder,
    origin: Option<&Origin>,
) -> Result<Issuer, AuthorityError> {
    load_issuer(&Pair::issuing(folder), folder, origin)
}

/// Loads the issuing certificate alone.
pub(crate) fn load_issuing_certificate(folder: &Folder) -> Result<Certificate, AuthorityError> {
    read_certificate(&folder.issuing_certificate())
}

fn load_issuer(
    files: &Pair,
    folder: &Folder,
    origin: Option<&Origin>,
) -> Result<Issuer, AuthorityError> {
    match files.state()? {
        State::Both => Ok(announced(files.load()?, origin)),
        State::KeyOnly | State::Nothing => {
            Err(AuthorityError::None { dir: folder.path().to_owned() })
        }
    }
}

impl Pair {
    fn root(folder: &Folder) -> Self {
        Self { certificate: folder.root_certificate(), key: folder.root_key() }
    }

    fn issuing(folder: &Folder) -> Self {
        Self { certificate: folder.issuing_certificate(), key: folder.issuing_key() }
    }

    fn state(&self) -> Result<State, AuthorityError> {
        match (exists(&self.certificate)?, exists(&self.key)?) {
            (true, true) => Ok(State::Both),
            (false, true) => Ok(State::KeyOnly),
            (false, false) => Ok(State::Nothing),
            (true, false) => Err(AuthorityError::KeyMissing {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            }),
        }
    }

    fn load(&self) -> Result<Issuer, AuthorityError> {
        let (certificate, key) = (read_certificate(&self.certificate)?, self.load_key()?);
        Issuer::new(certificate, key).map_err(|error| match error {
            IssuerError::OtherKey => AuthorityError::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.clone(),
            },
            source => AuthorityError::NotAnAuthority { path: self.certificate.clone(), source },
        })
    }

    fn load_key(&self) -> Result<SigningKey, AuthorityError> {
        read_key(&self.key)?
            .map_err(|source| AuthorityError::KeyUnreadable { path: self.key.clone(), source })
    }

    /// The key of a first start that was cut off, or a new one, on disk when this returns.
    fn key_to_begin_with(&self) -> Result<SigningKey, AuthorityError> {
        if exists(&self.key)? {
            tracing::warn!(path = ?self.key, "going on with the key of a start that was cut off");
            return self.load_key();
        }
        let key = SigningKey::generate().map_err(AuthorityError::Generate)?;
        write_new(&self.key, key.to_pkcs8_pem().as_bytes(), FileMode::Private)?;
        Ok(key)
    }

    fn write_certificate(&self, certificate: &Certificate) -> Result<(), AuthorityError> {
        Ok(write_new(&self.certificate, certificate.to_pem().as_bytes(), FileMode::Public)?)
    }

    fn certificate_missing(self) -> AuthorityError {
        AuthorityError::CertificateMissing { certificate: self.certificate, key: self.key }
    }

    fn both_missing(self) -> AuthorityError {
        AuthorityError::RootMissing { certificate: self.certificate, key: self.key }
    }
}

fn make_root(files: &Pair, mode: Mode, now: Timestamp) -> Result<Issuer, AuthorityError> {
    let spec = RootSpec { name: AuthorityName::cuhk(mode.root_common_name())?, domain: None };
    let key = files.key_to_begin_with()?;
    let serial = random_serial();
    let issuer = Issuer::self_signed_root(&spec, key, &serial, beginning(now, Profile::Root))?;
    files.write_certificate(issuer.certificate())?;
    Ok(issuer)
}

fn make_issuing(
    files: &Pair,
    root: &Issuer,
    mode: Mode,
    now: Timestamp,
) -> Result<Issuer, AuthorityError> {
    let subject = Subject::Issuing { name: AuthorityName::cuhk(mode.issuing_common_name())? };
    let key = files.key_to_begin_with()?;
    let serial = random_serial();
    let wanted = beginning(now, Profile::Issuing);
    // No certificate outlives its issuer; where nothing is left, `prepare` says so.
    let validity = wanted.within(root.validity()).unwrap_or(wanted);
    let issuance = root.prepare(&subject, key.public_key(), &serial, validity)?;
    let certificate = root.issue(issuance)?;
    files.write_certificate(&certificate)?;
    Issuer::new(certificate, key).map_err(|source| AuthorityError::NotAnAuthority {
        path: files.certificate.clone(),
        source,
    })
}

fn read_certificate(path: &Path) -> Result<Certificate, AuthorityError> {
    let unreadable =
        |source| AuthorityError::CertificateUnreadable { path: path.to_owned(), source };
    let chain = read_certificates(path)?.map_err(unreadable)?;
    match <[Certificate; 1]>::try_from(chain) {
        Ok([certificate]) => Ok(certificate),
        Err(_) => Err(unreadable(claim_pki::CertificateError::TooMany { limit: 1 })),
    }
}

fn read_root(path: &Path, certificate: Certificate) -> Result<Root, AuthorityError> {
    Root::new(certificate)
        .map_err(|source| AuthorityError::NotARoot { path: path.to_owned(), source })
}

fn check_time(
    path: &Path,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<(), AuthorityError> {
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    if certificate.validity().contains(now) {
        Ok(())
    } else if now < not_before {
        Err(AuthorityError::NotYetValid { path: path.to_owned(), not_before, now })
    } else {
        Err(AuthorityError::Expired { path: path.to_owned(), not_after, now })
    }
}

/// Certificates that are issued now would be cut short.
fn warn_of_the_end(issuing: &Certificate, now: Timestamp) {
    let not_after = issuing.not_after();
    if now.plus_seconds(Profile::Person.life().into()) > not_after {
        tracing::warn!(
            %not_after,
            "the issuing certificate ends soon, and what it signs ends with it: \
             move cuhk-issuing.cer and cuhk-issuing.key to a safe place and start again to have it replaced"
        );
    }
}
