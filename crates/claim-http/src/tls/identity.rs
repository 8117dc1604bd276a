//! A certificate chain and the private key that belongs to it.

use std::fmt;
use std::sync::Arc;

use claim_pki::{Certificate, SigningKey};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::provider;

/// What one end of a TLS connection shows and proves: a chain, leaf first, and the leaf's key.
///
/// The two fit: nothing else can be made.
#[derive(Clone)]
pub struct TlsIdentity(Arc<CertifiedKey>);

/// Why a chain and a key are no identity.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The PEM has no certificate.
    #[error("there is no certificate in the file")]
    NoCertificate,
    /// The PEM has no private key.
    #[error("there is no private key in the file (PKCS#8, PKCS#1 or SEC1, in PEM, not encrypted)")]
    NoKey,
    /// The file is not PEM.
    #[error("the file is not well-formed PEM")]
    Pem,
    /// The chain has more certificates than anyone needs.
    #[error("the chain has more than {} certificates", TlsIdentity::MAX_CERTIFICATES)]
    TooManyCertificates,
    /// The leaf certifies another key.
    #[error("the certificate belongs to another private key")]
    Mismatch,
    /// rustls cannot use the certificate or the key.
    #[error("the certificate or key cannot be used for TLS: {0}")]
    Unusable(rustls::Error),
}

impl TlsIdentity {
    /// The longest chain that is read from a file.
    pub const MAX_CERTIFICATES: usize = 8;

    /// From a chain that CUHK issued, leaf first, without the root.
    ///
    /// # Errors
    /// [`IdentityError`] when the chain is empty or the leaf certifies another key.
    pub fn from_pki(chain: &[Certificate], key: &SigningKey) -> Result<Self, IdentityError> {
        let chain = chain.iter().map(|one| CertificateDer::from(one.der().to_vec())).collect();
        let pem = key.to_pkcs8_pem();
        let key =
            PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| IdentityError::NoKey)?;
        Self::from_der(chain, key)
    }

    /// From PEM files of any certification authority (`--tls-cert`, `--tls-key`), with any key that rustls supports.
    ///
    /// # Errors
    /// [`IdentityError`] tells which of the two files is at fault, or that they do not fit.
    pub fn from_pem(chain: &str, key: &str) -> Result<Self, IdentityError> {
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|error| match error {
            pem::Error::NoItemsFound => IdentityError::NoKey,
            _ => IdentityError::Pem,
        })?;
        Self::from_pem_and_key(chain, key)
    }

    /// The same with a key that was opened before.
    pub(super) fn from_pem_and_key(
        chain: &str,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, IdentityError> {
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
            .take(Self::MAX_CERTIFICATES + 1)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| IdentityError::Pem)?;
        Self::from_der(chain, key)
    }

    /// The leaf, in DER.
    pub fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.0.cert.first()
    }

    pub(crate) fn certified_key(&self) -> &Arc<CertifiedKey> {
        &self.0
    }

    fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, IdentityError> {
        match chain.len() {
            0 => return Err(IdentityError::NoCertificate),
            1..=Self::MAX_CERTIFICATES => {}
            _ => return Err(IdentityError::TooManyCertificates),
        }
        CertifiedKey::from_der(chain, key, &provider()).map(|key| Self(Arc::new(key))).map_err(
            |error| match error {
                rustls::Error::InconsistentKeys(_) => IdentityError::Mismatch,
                other => IdentityError::Unusable(other),
            },
        )
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsIdentity({} certificates, key …)", self.0.cert.len())
    }
}
