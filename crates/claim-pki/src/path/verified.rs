//! What a verified path proves. Only path validation makes these values.

use crate::{Certificate, Origin, PersonId, PublicKey, SerialNumber, Timestamp, Validity};

/// A person whose certificate has been verified up to `cuhk.cer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPerson {
    pub(super) id: PersonId,
    pub(super) name: String,
    pub(super) leaf: Leaf,
}

/// A server whose certificate has been verified up to `cuhk.cer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedServer {
    pub(super) origin: Origin,
    pub(super) leaf: Leaf,
}

/// What a verified certificate says, whoever it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leaf<Key = PublicKey> {
    pub(super) public_key: Key,
    pub(super) digest: [u8; 32],
    pub(super) serial: SerialNumber,
    pub(super) validity: Validity,
    pub(super) issuer_key_id: [u8; 20],
}

impl<Key> Leaf<Key> {
    pub(super) fn new(certificate: &Certificate, public_key: Key, issuer_key_id: [u8; 20]) -> Self {
        Self {
            public_key,
            digest: *certificate.digest(),
            serial: certificate.serial().clone(),
            validity: certificate.validity(),
            issuer_key_id,
        }
    }
}

impl VerifiedPerson {
    /// Whom the certificate names.
    pub fn id(&self) -> &PersonId {
        &self.id
    }

    /// The certificate's common name: the person's name, or the id where CUHK knows none.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl VerifiedServer {
    /// The origin for which the certificate vouches.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

/// The accessors that all have.
macro_rules! of_the_leaf {
    ($($verified:ident: $key:ty),+) => {$(
        impl $verified {
            /// The certified key.
            pub fn public_key(&self) -> &$key {
                &self.leaf.public_key
            }

            /// SHA-256 of the certificate's DER.
            pub fn leaf_digest(&self) -> &[u8; 32] {
                &self.leaf.digest
            }

            /// The certificate's serial number.
            pub fn serial(&self) -> &SerialNumber {
                &self.leaf.serial
            }

            /// The identifier of the issuer's key: with the serial number it tells which certificate this is.
            pub fn issuer_key_id(&self) -> &[u8; 20] {
                &self.leaf.issuer_key_id
            }

            /// The first second in which the certificate is valid.
            pub fn not_before(&self) -> Timestamp {
                self.leaf.validity.not_before()
            }

            /// The last second in which the certificate is valid.
            pub fn not_after(&self) -> Timestamp {
                self.leaf.validity.not_after()
            }

            /// Whether the certificate is valid at another time than the one at which it was verified.
            pub fn valid_at(&self, at: Timestamp) -> bool {
                self.leaf.validity.contains(at)
            }
        }
    )+};
}
of_the_leaf!(VerifiedPerson: PublicKey, VerifiedServer: PublicKey);
pub(super) use of_the_leaf;
