//! The trust anchor.

use std::fmt;

use rustls_pki_types::{CertificateDer, Der};

use super::issuer::{When, read};
use super::{PathError, VerifiedIssuer, VerifiedPerson, VerifiedServer};
use crate::{Certificate, CertificateError, KeyError, Origin, PublicKey, Timestamp};

/// `cuhk.cer`: the one certificate that is trusted because the holder of this value chose to.
#[derive(Clone, PartialEq, Eq)]
pub struct Root {
    certificate: Certificate,
    public_key: PublicKey,
    name_constraints: Option<Der<'static>>,
}

/// Why a certificate cannot be a trust anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// It is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Another authority issued it.
    #[error("the certificate is not self-signed, so it is no root")]
    NotSelfSigned,
    /// It is not that of an authority.
    #[error("the certificate is not that of a certification authority")]
    NotAnAuthority,
    /// Its key is not a P-256 key as an uncompressed point.
    #[error("the root's key cannot be used: {0}")]
    Key(#[source] KeyError),
    /// Its signature is not by its own key: it was altered.
    #[error("the root's signature is not by its own key")]
    Signature,
}

/// What ends the common name of a root that was made for trying things out on one machine.
const LOCAL_DEMO: &str = "(local demo)";

impl Root {
    /// The longest chain that is verified, leaf included.
    pub const MAX_CHAIN: usize = 4;
    /// The largest certificate in such a chain, in bytes of DER.
    pub const MAX_SIZE: usize = 8 * 1024;
    /// What ends the common name of a root for one machine only.
    pub const LOCAL_DEMO: &str = LOCAL_DEMO;

    /// Reads the root in PEM.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn from_pem(text: &str) -> Result<Self, RootError> {
        Self::new(Certificate::from_pem(text)?)
    }

    /// Reads the root in DER.
    ///
    /// # Errors
    /// [`RootError`].
    pub fn from_der(der: &[u8]) -> Result<Self, RootError> {
        Self::new(Certificate::from_der(der)?)
    }

    /// Takes a certificate as the root.
    ///
    /// # Errors
    /// [`RootError`] when it is not self-signed by an authority with a P-256 key.
    pub fn new(certificate: Certificate) -> Result<Self, RootError> {
        if certificate.issuer_der() != certificate.subject_der() {
            return Err(RootError::NotSelfSigned);
        }
        let public_key = certificate.public_key().map_err(RootError::Key)?;
        certificate.verify_signature(&public_key).map_err(|_| RootError::Signature)?;
        if !certificate.fields().is_ca() {
            return Err(RootError::NotAnAuthority);
        }
        let der = CertificateDer::from(certificate.der());
        let anchor = webpki::anchor_from_trusted_cert(&der)
            .map_err(|_| CertificateError::Malformed(der::ErrorKind::Failed.into()))?;
        let name_constraints = anchor.to_owned().name_constraints;
        Ok(Self { certificate, public_key, name_constraints })
    }

    /// The certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        self.certificate.der()
    }

    /// SHA-256 of the DER: what an invitation pins.
    pub fn hash(&self) -> &[u8; 32] {
        self.certificate.digest()
    }

    /// Whether this root was made for one machine only, where anyone is enrolled.
    pub fn is_local_demo(&self) -> bool {
        self.certificate.common_name().is_some_and(|name| name.ends_with(LOCAL_DEMO))
    }

    /// Verifies the certificate of an issuing authority, in DER.
    ///
    /// The result verifies each person or server with one signature verification.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn verify_issuer(&self, der: &[u8], at: Timestamp) -> Result<VerifiedIssuer, PathError> {
        let issuer = VerifiedIssuer::at_any_time(self, read(der)?)?;
        issuer.check_time(at)?;
        Ok(issuer)
    }

    /// Verifies a person's certificate and its issuer's: the leaf first, the others in any order.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn verify_person(
        &self,
        chain: &[&[u8]],
        at: Timestamp,
    ) -> Result<VerifiedPerson, PathError> {
        let (leaf, issuer) = self.issuer_in(chain)?;
        issuer.person(&leaf, When::At(at))
    }

    /// The same for re-enrolment: a certificate that expired no more than `grace_seconds` ago is
    /// verified as of its last second.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn verify_person_for_renewal(
        &self,
        chain: &[&[u8]],
        at: Timestamp,
        grace_seconds: u32,
    ) -> Result<VerifiedPerson, PathError> {
        let (leaf, issuer) = self.issuer_in(chain)?;
        issuer.person(&leaf, When::AtOrSince(at, grace_seconds))
    }

    /// Verifies a server's certificate and its issuer's: the leaf first, the others in any order.
    ///
    /// # Errors
    /// [`PathError`]; [`PathError::WrongOrigin`] when it is for another server.
    pub fn verify_server(
        &self,
        chain: &[&[u8]],
        origin: &Origin,
        at: Timestamp,
    ) -> Result<VerifiedServer, PathError> {
        let (leaf, issuer) = self.issuer_in(chain)?;
        issuer.server(&leaf, Some(origin), When::At(at))
    }

    /// The same for re-enrolment, of whatever server the certificate names.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn verify_server_for_renewal(
        &self,
        chain: &[&[u8]],
        at: Timestamp,
        grace_seconds: u32,
    ) -> Result<VerifiedServer, PathError> {
        let (leaf, issuer) = self.issuer_in(chain)?;
        issuer.server(&leaf, None, When::AtOrSince(at, grace_seconds))
    }

    pub(crate) fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    pub(super) fn name_constraints(&self) -> Option<Der<'static>> {
        self.name_constraints.clone()
    }

    /// Finds the leaf's issuer in the chain and verifies it, but for the time, which the leaf's decides.
    fn issuer_in(&self, chain: &[&[u8]]) -> Result<(Certificate, VerifiedIssuer), PathError> {
        if chain.len() > Self::MAX_CHAIN {
            return Err(PathError::TooManyCertificates { found: chain.len() });
        }
        let (leaf, others) = chain.split_first().ok_or(PathError::NoCertificate)?;
        let leaf = read(leaf)?;
        if leaf.issuer_der() == self.certificate.subject_der() {
            return Err(PathError::IssuedByRoot);
        }
        let mut refusal = PathError::UnknownIssuer;
        for other in others {
            let other = read(other)?;
            let named = other.subject_der() == leaf.issuer_der()
                && leaf.issuer_key_id().is_none_or(|id| Some(id) == other.subject_key_id());
            if !named {
                continue;
            }
            match VerifiedIssuer::at_any_time(self, other) {
                Ok(issuer) => return Ok((leaf, issuer)),
                // Another certificate for the same authority may do better.
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Root").field(&self.certificate).finish()
    }
}
