//! What Blackboard proves itself with: its key, and the certificates that lead from it to the root.

use claim_core::blackboard::Identity;
use claim_core::messages::{Chain, ChainError};
use claim_core::{Origin, Timestamp};
use claim_http::{IdentityError, TlsIdentity};
use claim_pki::{Certificate, KeyError, PathError, PublicKey, Root, SigningKey};

/// Certificates that lead from Blackboard's own key and origin to the root: verified, which is what makes one.
#[derive(Clone, Debug)]
pub(crate) struct Certified {
    certificates: Vec<Certificate>,
    issuer: Box<Certificate>,
    chain: Chain,
    serial: String,
    not_before: Timestamp,
    not_after: Timestamp,
}

/// Why certificates are not Blackboard's own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotOurs {
    /// They do not lead to the root, or are for another origin or time.
    #[error(transparent)]
    Path(#[from] PathError),
    /// They certify another key.
    #[error("the certificate belongs to another key than blackboard.key")]
    OtherKey,
    /// There are too many of them, or none.
    #[error(transparent)]
    Count(#[from] ChainError),
}

impl Certified {
    /// Verifies certificates, leaf first.
    pub(crate) fn verify(
        certificates: Vec<Certificate>,
        key: &PublicKey,
        root: &Root,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<Self, NotOurs> {
        // First of all: what else may be wrong with a certificate of another key is nobody's business here.
        if certificates.first().is_some_and(|leaf| leaf.spki_der() != key.spki_der()) {
            return Err(NotOurs::OtherKey);
        }
        let chain = Chain::new(certificates.iter().map(|one| one.der().to_vec()).collect())?;
        let verified = root.verify_server(&chain.certificates(), origin, now)?;
        // A verified path has it; a leaf that the root itself issued is refused there.
        let issuer = Box::new(certificates.get(1).cloned().ok_or(PathError::UnknownIssuer)?);
        Ok(Self {
            issuer,
            chain,
            serial: verified.serial().to_string(),
            not_before: verified.not_before(),
            not_after: verified.not_after(),
            certificates,
        })
    }

    /// The certificate of the authority that issued the leaf.
    pub(crate) fn issuer(&self) -> &Certificate {
        &self.issuer
    }

    /// The serial number, lower-case hexadecimal.
    pub(crate) fn serial(&self) -> &str {
        &self.serial
    }

    /// When it ceases to be valid.
    pub(crate) fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether two thirds of its life are over.
    pub(crate) fn is_renewal_due(&self, now: Timestamp) -> bool {
        let life = self.not_after.millis_since(self.not_before);
        now.millis_since(self.not_before) >= life / 3 * 2
    }

    /// All of them, leaf first, as they are kept in `blackboard.cer`.
    pub(crate) fn to_pem(&self) -> String {
        self.certificates.iter().map(Certificate::to_pem).collect()
    }

    /// What Blackboard shows in the TLS handshake.
    pub(crate) fn tls(&self, key: &SigningKey) -> Result<TlsIdentity, IdentityError> {
        TlsIdentity::from_pki(&self.certificates, key)
    }
}

/// The key with its certificates.
#[derive(Debug)]
pub(crate) struct Credential {
    /// For step 5.
    pub(crate) identity: Identity,
    /// What the key is certified by.
    pub(crate) certified: Certified,
}

impl Credential {
    /// Puts together what was verified together.
    pub(crate) fn new(certified: Certified, key: SigningKey, origin: &Origin) -> Self {
        let chain = certified.chain.clone();
        Self { identity: Identity { origin: origin.clone(), chain, key }, certified }
    }

    /// The same key with other certificates of it.
    pub(crate) fn with(&self, certified: Certified) -> Result<Self, KeyError> {
        let key = SigningKey::from_pkcs8_pem(&self.identity.key.to_pkcs8_pem())?;
        Ok(Self::new(certified, key, &self.identity.origin))
    }
}
