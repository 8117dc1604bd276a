//! Public keys.

use std::fmt;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ParsedPublicKey, UnparsedPublicKey,
};
use der::Decode;
use der::asn1::{AnyRef, ObjectIdentifier};
use spki::SubjectPublicKeyInfoRef;

use super::{KeyError, algorithm_name};
use crate::digest::sha256;
use crate::oid::{ID_EC_PUBLIC_KEY, SECP_256_R_1};

/// A P-256 public key whose point lies on the curve, as an uncompressed point.
#[derive(Clone)]
pub struct PublicKey {
    spki: Vec<u8>,
    point: [u8; PublicKey::POINT_OCTETS],
    fingerprint: [u8; 32],
    parsed: ParsedPublicKey,
}

/// A signature is not by this key over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not by this key over this message")]
pub struct BadSignature;

impl PublicKey {
    /// The length of an uncompressed point (SEC 1 §2.3.3): 4, x, y.
    pub const POINT_OCTETS: usize = 65;

    /// Reads a SubjectPublicKeyInfo in DER (RFC 5480 §2).
    ///
    /// # Errors
    /// [`KeyError`] tells another algorithm, another curve, explicit parameters and compressed points apart.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = SubjectPublicKeyInfoRef::from_der(der).map_err(KeyError::Malformed)?;
        named_p256(&info.algorithm.oid, info.algorithm.parameters)?;
        let bits = info.subject_public_key.as_bytes().ok_or(KeyError::InvalidPoint)?;
        let point = uncompressed(bits)?;
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .map_err(|_| KeyError::InvalidPoint)?;
        Ok(Self { spki: der.to_vec(), point, fingerprint: sha256(der), parsed })
    }

    /// From an uncompressed point.
    pub(super) fn from_point(point: &[u8]) -> Result<Self, KeyError> {
        let bits = der::asn1::BitStringRef::from_bytes(point).map_err(KeyError::Malformed)?;
        let algorithm = spki::AlgorithmIdentifierRef {
            oid: ID_EC_PUBLIC_KEY,
            parameters: Some(AnyRef::from(&SECP_256_R_1)),
        };
        let info = SubjectPublicKeyInfoRef { algorithm, subject_public_key: bits };
        Self::from_spki_der(&der::Encode::to_der(&info).map_err(KeyError::Malformed)?)
    }

    /// The SubjectPublicKeyInfo in DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The uncompressed point.
    pub fn point(&self) -> &[u8; Self::POINT_OCTETS] {
        &self.point
    }

    /// The key identifier of certificates: SHA-1 of the point's octets (RFC 5280 §4.2.1.2, method 1).
    ///
    /// It finds keys, it proves nothing.
    pub fn key_id(&self) -> [u8; 20] {
        let mut id = [0; 20];
        id.copy_from_slice(digest(&SHA1_FOR_LEGACY_USE_ONLY, &self.point).as_ref());
        id
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Checks an ECDSA signature with SHA-256, in DER, over the message.
    ///
    /// # Errors
    /// [`BadSignature`], whatever is wrong with it.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.parsed.verify_sig(message, signature).map_err(|_| BadSignature)
    }

    /// The same with SHA-384.
    pub(crate) fn verify_sha384(
        &self,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        UnparsedPublicKey::new(&ECDSA_P256_SHA384_ASN1, &self.point)
            .verify(message, signature)
            .map_err(|_| BadSignature)
    }
}

/// That an algorithm identifier stands for a key on the named curve P-256.
pub(super) fn named_p256(
    algorithm: &ObjectIdentifier,
    parameters: Option<AnyRef<'_>>,
) -> Result<(), KeyError> {
    if *algorithm != ID_EC_PUBLIC_KEY {
        return Err(KeyError::NotP256 { algorithm: algorithm_name(algorithm) });
    }
    let parameters = parameters.ok_or(KeyError::ExplicitParameters)?;
    // RFC 5480 §2.1.1: "implicitCurve and specifiedCurve MUST NOT be used in PKIX."
    match parameters.decode_as::<ObjectIdentifier>() {
        Ok(SECP_256_R_1) => Ok(()),
        Ok(curve) => Err(KeyError::NotP256 { algorithm: algorithm_name(&curve) }),
        Err(_) => Err(KeyError::ExplicitParameters),
    }
}

fn uncompressed(bits: &[u8]) -> Result<[u8; PublicKey::POINT_OCTETS], KeyError> {
    match bits {
        [2 | 3, x @ ..] if x.len() == 32 => Err(KeyError::CompressedPoint),
        // 6 and 7 begin X9.62's hybrid form, which the library would take as well.
        [4, ..] => bits.try_into().map_err(|_| KeyError::InvalidPoint),
        _ => Err(KeyError::InvalidPoint),
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.point == other.point
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(SHA-256 ")?;
        self.fingerprint.iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::SigningKey;

    fn spki(point: &[u8]) -> Vec<u8> {
        let algorithm = spki::AlgorithmIdentifierRef {
            oid: ID_EC_PUBLIC_KEY,
            parameters: Some(AnyRef::from(&SECP_256_R_1)),
        };
        let subject_public_key = der::asn1::BitStringRef::from_bytes(point).unwrap();
        der::Encode::to_der(&SubjectPublicKeyInfoRef { algorithm, subject_public_key }).unwrap()
    }

    #[test]
    fn der_and_back() {
        let key = SigningKey::generate().unwrap().public_key().clone();
        let again = PublicKey::from_spki_der(key.spki_der()).unwrap();
        assert_eq!(again, key);
        assert_eq!(again.point(), key.point());
        assert_eq!(spki(key.point()), key.spki_der());
        assert_eq!(*key.fingerprint(), sha256(key.spki_der()));
    }

    #[test]
    fn only_uncompressed_points_on_the_curve_will_do() {
        let key = SigningKey::generate().unwrap();
        let point = *key.public_key().point();
        let parse = |point: &[u8]| PublicKey::from_spki_der(&spki(point)).map(drop);
        assert_eq!(parse(&point), Ok(()));
        let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();
        assert_eq!(parse(&compressed), Err(KeyError::CompressedPoint));
        // X9.62's hybrid form: the library takes it, other programs do not.
        let mut hybrid = point;
        hybrid[0] = 6 + (point[64] & 1);
        let mut elsewhere = point;
        elsewhere[64] ^= 1;
        let infinity = [0];
        for wrong in [&hybrid[..], &elsewhere, &infinity, &point[..64], &[4; 66], &[]] {
            assert_eq!(parse(wrong), Err(KeyError::InvalidPoint), "{wrong:?}");
        }
    }

    #[test]
    fn other_algorithms_have_names() {
        let parse = |oid: &str, parameters: Option<AnyRef<'_>>| {
            let algorithm =
                spki::AlgorithmIdentifierRef { oid: ObjectIdentifier::new_unwrap(oid), parameters };
            let bits = der::asn1::BitStringRef::from_bytes(&[4; 65]).unwrap();
            let info = SubjectPublicKeyInfoRef { algorithm, subject_public_key: bits };
            PublicKey::from_spki_der(&der::Encode::to_der(&info).unwrap()).unwrap_err()
        };
        let not_p256 = |name: &str| KeyError::NotP256 { algorithm: name.to_owned() };
        let ec = "1.2.840.10045.2.1";
        let p521 = ObjectIdentifier::new_unwrap("1.3.132.0.35");
        let secp256k1 = ObjectIdentifier::new_unwrap("1.3.132.0.10");
        assert_eq!(parse(ec, Some(AnyRef::from(&p521))), not_p256("P-521"));
        assert_eq!(parse(ec, Some(AnyRef::from(&secp256k1))), not_p256("1.3.132.0.10"));
        assert_eq!(parse(ec, Some(AnyRef::NULL)), KeyError::ExplicitParameters);
        assert_eq!(parse(ec, None), KeyError::ExplicitParameters);
        assert_eq!(parse("1.2.840.113549.1.1.1", Some(AnyRef::NULL)), not_p256("RSA"));
        assert_eq!(parse("1.3.101.112", None), not_p256("Ed25519"));
        let error = PublicKey::from_spki_der(&[0x30, 0]).unwrap_err();
        assert!(matches!(error, KeyError::Malformed(_)));
    }

    #[test]
    fn signatures_must_be_der() {
        let key = SigningKey::generate().unwrap();
        let signature = key.sign(b"message").unwrap();
        let verify = |signature: &[u8]| key.public_key().verify(b"message", signature);
        assert_eq!(verify(&signature), Ok(()));
        assert_eq!(verify(&[&signature[..], &[0]].concat()), Err(BadSignature));
        assert_eq!(verify(&signature[..signature.len() - 1]), Err(BadSignature));
        assert_eq!(verify(&[]), Err(BadSignature));
        assert_eq!(verify(&[0; 64]), Err(BadSignature));
        assert_eq!(key.public_key().verify_sha384(b"message", &signature), Err(BadSignature));
    }
}
