//! A certificate of CUHK's own and the key that belongs to it.
//!
//! Each pair is made key first, certificate second, each durable before the next step.
//! So a key without its certificate is one that was cut off, or waits for its certificate.

use std::path::{Path, PathBuf};

use claim_core::{Origin, Timestamp};
use claim_files::{Mode as FileMode, write_new};
use claim_pki::{Certificate, Issuer, IssuerError, Profile, Root, RootSpec, Sign, Subject};

use super::{AuthorityError, next_number};
use crate::crl::announced;
use crate::desk::{beginning, random_serial};
use crate::folder::{Folder, exists, read_certificates};
use crate::keys::KeyPlace;
use crate::mode::Mode;

/// Where the certificate and the key of an authority are.
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) key: KeyPlace,
}

/// The issuing key that comes next, and where its certificate will be.
pub(crate) struct NextIssuing(Pair);

/// What of a pair is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Nothing,
    KeyOnly,
    CertificateOnly,
    Both,
}

impl Pair {
    pub(super) fn root(folder: &Folder) -> Self {
        let key = folder.keys().root_key(folder.root_key());
        Self { certificate: folder.root_certificate(), key }
    }

    pub(super) fn issuing(folder: &Folder, number: u32) -> Result<Self, AuthorityError> {
        let key = folder.keys().issuing_key(number, folder.issuing_key(number))?;
        Ok(Self { certificate: folder.issuing_certificate(number), key })
    }

    pub(super) fn state(&self) -> Result<State, AuthorityError> {
        Ok(match (exists(&self.certificate)?, self.key.exists()?) {
            (true, true) => State::Both,
            (true, false) => State::CertificateOnly,
            (false, true) => State::KeyOnly,
            (false, false) => State::Nothing,
        })
    }

    /// The issuer, who says in what it signs where its list lies.
    pub(super) fn load(&self, origin: Option<&Origin>) -> Result<Issuer, AuthorityError> {
        let (certificate, key) = (read_certificate(&self.certificate)?, self.key.open()?);
        let issuer = Issuer::new(certificate, key).map_err(|error| match error {
            IssuerError::OtherKey => AuthorityError::Mismatch {
                certificate: self.certificate.clone(),
                key: self.key.name(),
            },
            source => AuthorityError::NotAnAuthority { path: self.certificate.clone(), source },
        })?;
        Ok(announced(issuer, origin))
    }

    /// The key of what was cut off, or a new one, durable when this returns.
    pub(super) fn key_to_begin_with(&self) -> Result<Box<dyn Sign>, AuthorityError> {
        if self.key.exists()? {
            tracing::warn!(key = %self.key.name(), "going on with a key that has no certificate yet");
            return Ok(self.key.open()?);
        }
        Ok(self.key.make()?)
    }

    pub(super) fn write_certificate(
        &self,
        certificate: &Certificate,
    ) -> Result<(), AuthorityError> {
        Ok(write_new(&self.certificate, certificate.to_pem().as_bytes(), FileMode::Public)?)
    }

    pub(super) fn key_missing(self) -> AuthorityError {
        AuthorityError::KeyMissing { key: self.key.name(), certificate: self.certificate }
    }

    pub(super) fn certificate_missing(self) -> AuthorityError {
        AuthorityError::CertificateMissing { key: self.key.name(), certificate: self.certificate }
    }

    pub(super) fn both_missing(self) -> AuthorityError {
        AuthorityError::RootMissing { key: self.key.name(), certificate: self.certificate }
    }

    /// Makes a root here.
    pub(super) fn make_root(&self, mode: Mode, now: Timestamp) -> Result<(), AuthorityError> {
        let name = claim_pki::AuthorityName::cuhk(mode.root_common_name())?;
        let spec = RootSpec { name, domain: None };
        let key = self.key_to_begin_with()?;
        let validity = beginning(now, Profile::Root);
        let issuer = Issuer::self_signed_root(&spec, key, &random_serial(), validity)?;
        self.write_certificate(issuer.certificate())
    }

    /// Makes an issuing certificate under the root here.
    pub(super) fn make_issuing(
        &self,
        root: &Issuer,
        mode: Mode,
        now: Timestamp,
    ) -> Result<(), AuthorityError> {
        let subject = issuing_subject(mode)?;
        let key = self.key_to_begin_with()?;
        let wanted = beginning(now, Profile::Issuing);
        // No certificate outlives its issuer; where nothing is left, `prepare` says so.
        let validity = wanted.within(root.validity()).unwrap_or(wanted);
        let issuance = root.prepare(&subject, key.public_key(), &random_serial(), validity)?;
        self.write_certificate(&root.issue(issuance)?)
    }
}

impl NextIssuing {
    pub(crate) fn of(folder: &Folder) -> Result<Self, AuthorityError> {
        Ok(Self(Pair::issuing(folder, next_number(folder)?)?))
    }

    /// The key that waits for its certificate, or a new one, durable when this returns.
    pub(crate) fn key_to_begin_with(&self) -> Result<Box<dyn Sign>, AuthorityError> {
        self.0.key_to_begin_with()
    }

    /// Puts the certificate in its place if it is for the key that waits for one, and tells whether it is.
    pub(crate) fn certify(&self, certificate: &Certificate) -> Result<bool, AuthorityError> {
        if !self.0.key.exists()? {
            return Ok(false);
        }
        match Issuer::new(certificate.clone(), self.0.key.open()?) {
            Ok(_) => self.0.write_certificate(certificate).map(|()| true),
            Err(IssuerError::OtherKey) => Ok(false),
            Err(source) => {
                let path = self.0.certificate.clone();
                Err(AuthorityError::NotAnAuthority { path, source })
            }
        }
    }
}

/// The name of an issuing authority, which all of them share: their keys tell them apart.
pub(crate) fn issuing_subject(mode: Mode) -> Result<Subject, AuthorityError> {
    let name = claim_pki::AuthorityName::cuhk(mode.issuing_common_name())?;
    Ok(Subject::Issuing { name })
}

/// Reads a file with one certificate.
pub(crate) fn read_certificate(path: &Path) -> Result<Certificate, AuthorityError> {
    let unreadable =
        |source| AuthorityError::CertificateUnreadable { path: path.to_owned(), source };
    let chain = read_certificates(path)?.map_err(unreadable)?;
    match <[Certificate; 1]>::try_from(chain) {
        Ok([certificate]) => Ok(certificate),
        Err(_) => Err(unreadable(claim_pki::CertificateError::TooMany { limit: 1 })),
    }
}

pub(super) fn read_root(path: &Path) -> Result<Root, AuthorityError> {
    Root::new(read_certificate(path)?)
        .map_err(|source| AuthorityError::NotARoot { path: path.to_owned(), source })
}

pub(super) fn check_time(
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
