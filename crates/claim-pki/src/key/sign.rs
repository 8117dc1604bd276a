//! Keys that sign, wherever they are.

use super::{KeyError, PublicKey, SigningKey};

/// A P-256 private key that signs: in this process, or in a token that does not give it out.
///
/// It may be asked from several threads at once.
pub trait Sign: std::fmt::Debug + Send + Sync {
    /// The public key that belongs to it.
    fn public_key(&self) -> &PublicKey;

    /// Signs with ECDSA and SHA-256; the signature is in DER.
    ///
    /// # Errors
    /// [`KeyError::Library`], and [`KeyError::Elsewhere`] where the key is not in this process.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Whether signing waits for something outside this process: then it is not for a thread on which others wait.
    fn is_elsewhere(&self) -> bool {
        false
    }
}

impl Sign for SigningKey {
    fn public_key(&self) -> &PublicKey {
        self.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.sign(message)
    }
}

impl Sign for Box<dyn Sign> {
    fn public_key(&self) -> &PublicKey {
        (**self).public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        (**self).sign(message)
    }

    fn is_elsewhere(&self) -> bool {
        (**self).is_elsewhere()
    }
}
