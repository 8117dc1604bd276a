//! Certificates, kept as the octets that were issued.

use std::fmt;

use der::Decode;
use der::pem::{LineEnding, encode_string};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectKeyIdentifier};

use crate::crl_url::CrlUrl;
use crate::digest::sha256;
use crate::oid::{CN, ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_SUBJECT_KEY_IDENTIFIER, UID};
use crate::tbs::{ECDSA_SHA256, Fields, Signed};
use crate::{BadSignature, KeyError, PersonId, PublicKey, SerialNumber, Timestamp, Validity};

/// An X.509 certificate, version 3 (RFC 5280), that has been read but not verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    digest: [u8; 32],
    fields: Fields,
}

/// Why something is not a certificate or a chain of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The DER is not that of an X.509 certificate, version 3.
    #[error("the certificate is malformed: {0}")]
    Malformed(der::Error),
    /// A certificate is larger than any that is used here.
    #[error("a certificate has at most {} bytes; this has {found}", Certificate::MAX_SIZE)]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// The text has no certificate in PEM.
    #[error("there is no certificate in PEM")]
    NoPem,
    /// A PEM block is damaged.
    #[error("the PEM is damaged")]
    Pem,
    /// One was expected, or no more than a chain may have.
    #[error("there are more than {limit} certificates")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
}

impl Certificate {
    /// The largest certificate that is read, in bytes of DER.
    pub const MAX_SIZE: usize = 16 * 1024;
    /// The longest chain that is read from a file.
    pub const MAX_CHAIN: usize = 8;

    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`CertificateError::TooLarge`], [`CertificateError::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > Self::MAX_SIZE {
            return Err(CertificateError::TooLarge { found: der.len() });
        }
        let fields = read(der).map_err(CertificateError::Malformed)?;
        Ok(Self { der: der.to_vec(), digest: sha256(der), fields })
    }

    /// Reads the one certificate in a PEM text; other blocks and text around it are skipped.
    ///
    /// # Errors
    /// [`CertificateError`], also when there are several.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let mut chain = read_pem(text, 1)?;
        chain.pop().ok_or(CertificateError::NoPem)
    }

    /// Reads all certificates in a PEM text, at least one, in their order.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn chain_from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        read_pem(text, Self::MAX_CHAIN)
    }

    /// The certificate in PEM (RFC 7468).
    #[expect(
        clippy::expect_used,
        reason = "the encoder refuses only what overflows a length, and MAX_SIZE bounds that"
    )]
    pub fn to_pem(&self) -> String {
        encode_string("CERTIFICATE", LineEnding::LF, &self.der).expect("it is at most MAX_SIZE")
    }

    /// The certificate as it was issued.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What was signed, in DER (RFC 5280 §4.1.2).
    ///
    /// # Errors
    /// [`CertificateError::Malformed`], which a certificate that was read does not cause.
    pub fn tbs_der(&self) -> Result<Vec<u8>, CertificateError> {
        let content = Signed::from_der(&self.der).and_then(|signed| signed.content_der());
        content.map_err(CertificateError::Malformed)
    }

    /// SHA-256 of the DER.
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The serial number.
    pub fn serial(&self) -> &SerialNumber {
        &self.fields.serial
    }

    /// From when until when it is valid.
    pub fn validity(&self) -> Validity {
        self.fields.validity
    }

    /// The first second in which it is valid.
    pub fn not_before(&self) -> Timestamp {
        self.fields.validity.not_before()
    }

    /// The last second in which it is valid.
    pub fn not_after(&self) -> Timestamp {
        self.fields.validity.not_after()
    }

    /// The subject's name in DER.
    pub fn subject_der(&self) -> &[u8] {
        &self.fields.subject
    }

    /// The issuer's name in DER.
    pub fn issuer_der(&self) -> &[u8] {
        &self.fields.issuer
    }

    /// The subject's common name, if there is exactly one.
    pub fn common_name(&self) -> Option<&str> {
        self.fields.attributes.only(CN)
    }

    /// The person whom the subject's `UID` names, if there is exactly one and it is an id.
    ///
    /// This is what the certificate says, not what has been verified: see [`Root::verify_person`](crate::Root::verify_person).
    pub fn person_id(&self) -> Option<PersonId> {
        self.fields.attributes.only(UID)?.parse().ok()
    }

    /// The SubjectPublicKeyInfo in DER, whatever its algorithm.
    pub fn spki_der(&self) -> &[u8] {
        &self.fields.spki
    }

    /// The public key.
    ///
    /// # Errors
    /// [`KeyError`] when it is not a P-256 key as an uncompressed point.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_spki_der(&self.fields.spki)
    }

    /// The subject key identifier (RFC 5280 §4.2.1.2), if it has the 20 octets that are used here.
    pub fn subject_key_id(&self) -> Option<[u8; 20]> {
        self.fields.subject_key_id()
    }

    /// The key identifier of the issuer's key (RFC 5280 §4.2.1.1), if it has the 20 octets that are used here.
    pub fn issuer_key_id(&self) -> Option<[u8; 20]> {
        self.fields.authority_key_id()
    }

    /// Where the certificate says that its issuer's revocation list lies, if it does (RFC 5280 §4.2.1.13).
    pub fn revocation_list_url(&self) -> Option<CrlUrl> {
        CrlUrl::of(&self.fields)
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Checks that this key signed the certificate, with ECDSA and SHA-256.
    pub(crate) fn verify_signature(&self, key: &PublicKey) -> Result<(), BadSignature> {
        let signed = Signed::from_der(&self.der).map_err(|_| BadSignature)?;
        let signature = signed.signature.as_bytes().ok_or(BadSignature)?;
        let content = signed.content_der().map_err(|_| BadSignature)?;
        key.verify(&content, signature)
    }
}

impl Fields {
    pub(crate) fn subject_key_id(&self) -> Option<[u8; 20]> {
        let (_, id): (_, SubjectKeyIdentifier) =
            self.extension(ID_CE_SUBJECT_KEY_IDENTIFIER).ok()??;
        id.0.as_bytes().try_into().ok()
    }

    pub(crate) fn authority_key_id(&self) -> Option<[u8; 20]> {
        let (_, id): (_, AuthorityKeyIdentifier) =
            self.extension(ID_CE_AUTHORITY_KEY_IDENTIFIER).ok()??;
        id.key_identifier?.as_bytes().try_into().ok()
    }
}

fn read(der: &[u8]) -> der::Result<Fields> {
    let signed = Signed::from_der(der)?;
    let mut fields = Fields::from_der(&signed.content_der()?)?;
    // RFC 5280 §4.1.1.2: the algorithm outside must be the one inside.
    fields.ecdsa_sha256 &= signed.algorithm == ECDSA_SHA256;
    Ok(fields)
}

fn read_pem(text: &str, limit: usize) -> Result<Vec<Certificate>, CertificateError> {
    let mut chain = Vec::new();
    for one in CertificateDer::pem_slice_iter(text.as_bytes()) {
        if chain.len() == limit {
            return Err(CertificateError::TooMany { limit });
        }
        let der = one.map_err(|_| CertificateError::Pem)?;
        chain.push(Certificate::from_der(&der)?);
    }
    if chain.is_empty() { Err(CertificateError::NoPem) } else { Ok(chain) }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("common_name", &self.common_name())
            .field("serial", self.serial())
            .field("validity", &self.validity())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;
    use crate::{AuthorityName, Issuer, RootSpec, SigningKey};

    fn certificate() -> Certificate {
        let spec = RootSpec { name: AuthorityName::cuhk("Root").unwrap(), domain: None };
        let key = SigningKey::generate().unwrap();
        let serial = SerialNumber::from_random([7; 16]);
        let validity = Validity::starting(Timestamp::from_seconds(0), 1);
        let root = Issuer::self_signed_root(&spec, key, &serial, validity).unwrap();
        root.certificate().clone()
    }

    #[test]
    fn pem_and_back() {
        let one = certificate();
        let pem = one.to_pem();
        assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
        assert_eq!(Certificate::from_pem(&pem).unwrap(), one);
        assert_eq!(Certificate::from_der(one.der()).unwrap(), one);
        // As `openssl x509 -text` writes it, and as Windows does.
        let text = format!("Certificate:\n    Data:\n{pem}").replace('\n', "\r\n");
        assert_eq!(Certificate::from_pem(&text).unwrap(), one);
    }

    #[test]
    fn chains_keep_their_order_and_have_a_budget() {
        let (one, other) = (certificate(), certificate());
        let text = one.to_pem() + &other.to_pem();
        assert_eq!(Certificate::chain_from_pem(&text).unwrap(), [one.clone(), other]);
        assert_eq!(Certificate::from_pem(&text), Err(CertificateError::TooMany { limit: 1 }));
        assert!(Certificate::chain_from_pem(&one.to_pem().repeat(8)).is_ok());
        assert_eq!(
            Certificate::chain_from_pem(&one.to_pem().repeat(9)),
            Err(CertificateError::TooMany { limit: 8 })
        );
    }

    #[test]
    fn texts_without_certificates() {
        for text in ["", "nothing", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"] {
            assert_eq!(Certificate::chain_from_pem(text), Err(CertificateError::NoPem));
        }
        let damaged = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
        assert_eq!(Certificate::chain_from_pem(damaged), Err(CertificateError::Pem));
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(matches!(Certificate::from_pem(empty), Err(CertificateError::Malformed(_))));
    }

    #[test]
    fn certificates_have_a_budget_and_a_form() {
        let found = Certificate::MAX_SIZE + 1;
        let large = vec![0x30; found];
        assert_eq!(Certificate::from_der(&large), Err(CertificateError::TooLarge { found }));
        let one = certificate();
        let trailing = [one.der(), &[0]].concat();
        for wrong in [&trailing, &one.der()[..one.der().len() - 1], &[]] {
            assert!(matches!(Certificate::from_der(wrong), Err(CertificateError::Malformed(_))));
        }
    }

    /// RFC 5280 §4.2 forbids it, and two readers could each take another one.
    #[test]
    fn no_extension_stands_there_twice() {
        use der::Encode;
        use der::asn1::AnyRef;

        use crate::tbs::Contents;
        let one = certificate();
        let mut extensions = one.fields.extensions.clone();
        let copy = extensions.first().unwrap().clone();
        extensions.push(copy);
        let tbs = Contents {
            serial: one.serial(),
            issuer: one.issuer_der(),
            validity: one.validity(),
            subject: one.subject_der(),
            spki: one.spki_der(),
            extensions,
        }
        .into_der()
        .unwrap();
        let mut signed = Signed::from_der(one.der()).unwrap();
        signed.content = AnyRef::from_der(&tbs).unwrap();
        let twice = Certificate::from_der(&signed.to_der().unwrap());
        assert!(matches!(twice, Err(CertificateError::Malformed(_))));
    }
}
