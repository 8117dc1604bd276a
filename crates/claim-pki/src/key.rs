//! Keys: on P-256 for persons, servers, timestamps and certification authorities, Ed25519 for logs and witnesses.

mod ed25519;
mod encrypted;
mod pem;
mod private;
mod public;
mod sign;

pub use ed25519::{Ed25519PublicKey, Ed25519SigningKey};
pub use encrypted::open_private_key;
pub use private::SigningKey;
pub use public::{BadSignature, PublicKey};
pub use sign::Sign;

use der::asn1::ObjectIdentifier;

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The DER is not that of a key.
    #[error("the key is malformed: {0}")]
    Malformed(der::Error),
    /// A key for another algorithm or on another curve.
    #[error("the key must be an elliptic-curve key on P-256; this is {algorithm}")]
    NotP256 {
        /// What the key is for: a common name such as `RSA` or `P-384`, else the object identifier.
        algorithm: String,
    },
    /// A key for another algorithm than Ed25519, where only that will do.
    #[error("the key must be an Ed25519 key; this is {algorithm}")]
    NotEd25519 {
        /// What the key is for: a common name such as `RSA` or `P-256`, else the object identifier.
        algorithm: String,
    },
    /// The curve is spelled out instead of named (RFC 5480 §2.1.1 forbids that).
    #[error("the key spells out the parameters of its curve; the curve must be named (P-256)")]
    ExplicitParameters,
    /// The point is compressed: HPKE would encrypt to it, but the holder could not decrypt.
    #[error("the public key is a compressed point; it must be uncompressed")]
    CompressedPoint,
    /// The octets are not a point on the curve, or the private key is out of its range.
    #[error("the key does not lie on its curve")]
    InvalidPoint,
    /// The text has no private key in PEM (PKCS#8, or SEC1 `EC PRIVATE KEY`).
    #[error("there is no private key in PEM")]
    NoPem,
    /// The private key is encrypted with a passphrase.
    #[error("the private key is encrypted with a passphrase")]
    Encrypted,
    /// The passphrase is another one.
    #[error("the passphrase does not open the private key")]
    Passphrase,
    /// There is a passphrase for a key that has none, so that whoever set it believes the key to be protected.
    #[error("the private key is not encrypted, but a passphrase for it was given")]
    NotEncrypted,
    /// The private key is encrypted by another scheme than is read here.
    #[error(
        "the private key is encrypted in a way that is not read here (PKCS#8 with PBES2 and AES-CBC is)"
    )]
    Encryption,
    /// The key is in a token, which did not sign.
    #[error("the token that holds the key did not sign: {reason}")]
    Elsewhere {
        /// What it said.
        reason: String,
    },
    /// The public key inside the private key's file belongs to another private key.
    #[error("the public key in the file does not belong to the private key")]
    Inconsistent,
    /// The cryptographic library could not do its work.
    #[error("the cryptographic library failed")]
    Library,
}

/// What people call the algorithm of a key.
fn algorithm_name(algorithm: &ObjectIdentifier) -> String {
    use const_oid::db::{rfc5912, rfc8410};
    let name = match *algorithm {
        rfc5912::RSA_ENCRYPTION => "RSA",
        rfc5912::ID_RSASSA_PSS => "RSA-PSS",
        rfc5912::SECP_256_R_1 => "P-256",
        rfc5912::SECP_384_R_1 => "P-384",
        rfc5912::SECP_521_R_1 => "P-521",
        rfc8410::ID_ED_25519 => "Ed25519",
        rfc8410::ID_ED_448 => "Ed448",
        rfc8410::ID_X_25519 => "X25519",
        _ => return algorithm.to_string(),
    };
    name.to_owned()
}
