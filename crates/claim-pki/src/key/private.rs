//! Private keys.

use std::fmt;

use aws_lc_rs::agreement::{self, ECDH_P256};
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use der::asn1::{AnyRef, BitStringRef, OctetStringRef};
use der::pem::LineEnding;
use der::{Decode, SecretDocument, Sequence};
use pkcs8::{AlgorithmIdentifierRef, PrivateKeyInfoRef};
use zeroize::Zeroizing;

use super::pem::{decode_pem, pem_block};
use super::public::named_p256;
use super::{KeyError, PublicKey, algorithm_name};
use crate::oid::{ID_EC_PUBLIC_KEY, SECP_256_R_1};

/// A P-256 private key with its public key.
///
/// It is wiped from memory when dropped, and `Debug` shows the public key's fingerprint only.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
    // Encoded once: after that nothing can fail when the key has to be saved.
    pkcs8_pem: Zeroizing<String>,
}

/// `ECPrivateKey` (RFC 5915 §3), with parameters that may be anything so that each has its own refusal.
#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    parameters: Option<AnyRef<'a>>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
}

impl SigningKey {
    /// Makes a new key with the cryptographic library's own random numbers.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library fails.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map_err(|_| KeyError::Library)?;
        let scalar = scalar_of(&pair)?;
        Self::from_scalar(&scalar)
    }

    /// Reads an unencrypted private key in PEM: PKCS#8 (RFC 5958), or SEC1 (RFC 5915) as `openssl ecparam` writes it.
    ///
    /// Other PEM blocks and text around it are skipped.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        if let Some(block) = pem_block(text, "PRIVATE KEY") {
            return Self::from_pkcs8_der(decode_pem(block)?.as_bytes());
        }
        if let Some(block) = pem_block(text, "EC PRIVATE KEY") {
            // RFC 1421 §4.6.1.1: how encryption is announced inside the older forms.
            if block.contains("Proc-Type: 4,ENCRYPTED") {
                return Err(KeyError::Encrypted);
            }
            let document = decode_pem(block)?;
            let key = EcPrivateKey::from_der(document.as_bytes()).map_err(KeyError::Malformed)?;
            // Outside PKCS#8 only the parameters tell the curve.
            named_p256(&ID_EC_PUBLIC_KEY, key.parameters)?;
            return Self::from_ec_private_key(&key);
        }
        if pem_block(text, "ENCRYPTED PRIVATE KEY").is_some() {
            return Err(KeyError::Encrypted);
        }
        if pem_block(text, "RSA PRIVATE KEY").is_some() {
            return Err(KeyError::NotP256 {
                algorithm: algorithm_name(&const_oid::db::rfc5912::RSA_ENCRYPTION),
            });
        }
        Err(KeyError::NoPem)
    }

    /// The key as unencrypted PKCS#8 in PEM, with the public key inside.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        self.pkcs8_pem.clone()
    }

    /// The public key that belongs to it.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Signs with ECDSA and SHA-256; the signature is in DER.
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature =
            self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Library)?;
        Ok(signature.as_ref().to_vec())
    }

    /// The private key as 32 octets, big-endian, for the KEM of HPKE (RFC 9180 §7.1.2).
    ///
    /// # Errors
    /// [`KeyError::Library`] when the library fails.
    pub fn private_scalar(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        scalar_of(&self.pair)
    }

    pub(super) fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = PrivateKeyInfoRef::from_der(der).map_err(KeyError::Malformed)?;
        named_p256(&info.algorithm.oid, info.algorithm.parameters)?;
        let key =
            EcPrivateKey::from_der(info.private_key.as_bytes()).map_err(KeyError::Malformed)?;
        if key.parameters.is_some() {
            named_p256(&ID_EC_PUBLIC_KEY, key.parameters)?;
        }
        Self::from_ec_private_key(&key)
    }

    fn from_ec_private_key(key: &EcPrivateKey<'_>) -> Result<Self, KeyError> {
        let this = Self::from_scalar(key.private_key.as_bytes())?;
        match key.public_key {
            Some(bits) if !same_point(this.public.point(), bits.raw_bytes()) => {
                Err(KeyError::Inconsistent)
            }
            _ => Ok(this),
        }
    }

    fn from_scalar(scalar: &[u8]) -> Result<Self, KeyError> {
        let public = agreement::PrivateKey::from_private_key(&ECDH_P256, scalar)
            .map_err(|_| KeyError::InvalidPoint)?
            .compute_public_key()
            .map_err(|_| KeyError::Library)?;
        let public = PublicKey::from_point(public.as_ref())?;
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            scalar,
            public.point(),
        )
        .map_err(|_| KeyError::InvalidPoint)?;
        let pkcs8_pem = encode(scalar, &public).map_err(KeyError::Malformed)?;
        Ok(Self { pair, public, pkcs8_pem })
    }
}

fn scalar_of(pair: &EcdsaKeyPair) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let scalar = pair.private_key().as_be_bytes().map_err(|_| KeyError::Library)?;
    Ok(Zeroizing::new(scalar.as_ref().to_vec()))
}

/// PKCS#8 with the public key inside the `ECPrivateKey`, as OpenSSL writes it.
fn encode(scalar: &[u8], public: &PublicKey) -> der::Result<Zeroizing<String>> {
    let key = EcPrivateKey {
        version: 1,
        private_key: OctetStringRef::new(scalar)?,
        parameters: None,
        public_key: Some(BitStringRef::from_bytes(public.point())?),
    };
    let key = SecretDocument::encode_msg(&key)?;
    let algorithm = AlgorithmIdentifierRef {
        oid: ID_EC_PUBLIC_KEY,
        parameters: Some(AnyRef::from(&SECP_256_R_1)),
    };
    let info = PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(key.as_bytes())?);
    SecretDocument::encode_msg(&info)?.to_pem("PRIVATE KEY", LineEnding::LF)
}

/// Whether the octets are this point, uncompressed or compressed (SEC 1 §2.3.3).
fn same_point(point: &[u8; PublicKey::POINT_OCTETS], octets: &[u8]) -> bool {
    let [_, coordinates @ ..] = point;
    let (x, y) = coordinates.split_at(32);
    match octets {
        [form @ (2 | 3), rest @ ..] => rest == x && y.last().is_some_and(|low| low & 1 == form & 1),
        _ => octets == point,
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public).finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn text_and_back() {
        let key = SigningKey::generate().unwrap();
        let text = key.to_pkcs8_pem();
        let again = SigningKey::from_pkcs8_pem(&text).unwrap();
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(again.private_scalar().unwrap(), key.private_scalar().unwrap());
        assert_eq!(again.to_pkcs8_pem(), text);
        let windows = text.replace('\n', "\r\n");
        assert!(SigningKey::from_pkcs8_pem(&format!("a note\r\n{windows}another\r\n")).is_ok());
    }

    #[test]
    fn two_keys_are_different() {
        let (one, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        assert_ne!(one.public_key(), other.public_key());
        let signature = one.sign(b"message").unwrap();
        assert!(one.public_key().verify(b"message", &signature).is_ok());
        assert!(one.public_key().verify(b"massage", &signature).is_err());
        assert!(other.public_key().verify(b"message", &signature).is_err());
    }

    /// RFC 9180 A.3.1 gives a P-256 key pair: `skEm` and `pkEm`.
    #[test]
    fn the_public_key_is_that_of_the_scalar() {
        let scalar = hex("4995788ef4b9d6132b249ce59a77281493eb39af373d236a1fe415cb0c2d7beb");
        let point = "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac9\
                     8536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4";
        let key = SigningKey::from_scalar(&scalar).unwrap();
        assert_eq!(key.public_key().point().as_slice(), hex(point));
        assert_eq!(key.private_scalar().unwrap().as_slice(), scalar);
    }

    #[test]
    fn scalars_must_lie_in_their_range() {
        // SEC 2 §2.4.2: the order n; private keys are 1 to n - 1.
        let order = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
        for scalar in [vec![0; 32], order, vec![0xff; 32], vec![1; 31], vec![1; 33], vec![]] {
            assert_eq!(SigningKey::from_scalar(&scalar).unwrap_err(), KeyError::InvalidPoint);
        }
    }

    #[test]
    fn a_foreign_public_key_in_the_file_is_noticed() {
        let (one, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let mixed = encode(&one.private_scalar().unwrap(), other.public_key()).unwrap();
        assert_eq!(SigningKey::from_pkcs8_pem(&mixed).unwrap_err(), KeyError::Inconsistent);
    }

    #[test]
    fn texts_without_a_usable_key() {
        assert_eq!(SigningKey::from_pkcs8_pem("").unwrap_err(), KeyError::NoPem);
        let cut = "-----BEGIN PRIVATE KEY-----\nMIGH";
        assert_eq!(SigningKey::from_pkcs8_pem(cut).unwrap_err(), KeyError::NoPem);
        for damaged in ["!", "AAAA"] {
            let text = format!("-----BEGIN PRIVATE KEY-----\n{damaged}\n-----END PRIVATE KEY-----");
            let error = SigningKey::from_pkcs8_pem(&text).unwrap_err();
            assert!(matches!(error, KeyError::Malformed(_)), "{error}");
        }
    }

    #[test]
    fn debug_shows_nothing_secret() {
        let key = SigningKey::generate().unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains(&format!("{:?}", key.public_key())));
        let scalar = key.private_scalar().unwrap();
        let hexadecimal: String = scalar.iter().map(|octet| format!("{octet:02x}")).collect();
        assert!(!shown.contains(&hexadecimal) && !shown.contains(&format!("{scalar:?}")));
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            text.chars().filter_map(|c| c.to_digit(16)).map(|d| u8::try_from(d).unwrap()).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }
}
