//! SignedData made part by part, so that each part can be spoilt while the signature stays right.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_pki::{Certificate, SigningKey};

use crate::der::{
    ECDSA_SHA256, INTEGER, OCTETS, OID, SET, SHA256, algorithm, context, sequence, set_of, tlv,
};

pub(crate) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
pub(crate) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
pub(crate) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
pub(crate) const SIGNING_TIME: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x05];
pub(crate) const SIGNING_CERTIFICATE_V2: &[u8] =
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];

/// A message with one signature; every part is what it must be until it is replaced.
#[derive(Clone)]
pub(crate) struct Cms {
    pub(crate) message_type: Vec<u8>,
    pub(crate) version: Vec<u8>,
    pub(crate) digest_algorithms: Vec<Vec<u8>>,
    pub(crate) content_type: Vec<u8>,
    /// What stands behind the content type, with its `[0]`.
    pub(crate) content: Vec<u8>,
    pub(crate) certificates: Vec<Vec<u8>>,
    /// What stands between the certificates and the signatures.
    pub(crate) crls: Vec<u8>,
    pub(crate) signer: SignerInfo,
    /// Signatures that others made.
    pub(crate) other_signers: Vec<Vec<u8>>,
}

#[derive(Clone)]
pub(crate) struct SignerInfo {
    pub(crate) version: Vec<u8>,
    pub(crate) identifier: Vec<u8>,
    pub(crate) digest_algorithm: Vec<u8>,
    pub(crate) attributes: Vec<Vec<u8>>,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) unsigned: Vec<u8>,
}

impl Cms {
    /// `content` under this type, with the digest that it has.
    pub(crate) fn new(content_type: &[u8], content: &[u8], signer: &Certificate) -> Self {
        Self {
            message_type: tlv(OID, SIGNED_DATA),
            version: tlv(INTEGER, &[3]),
            digest_algorithms: vec![algorithm(SHA256)],
            content_type: tlv(OID, content_type),
            content: context(0, &tlv(OCTETS, content)),
            certificates: vec![signer.der().to_vec()],
            crls: Vec::new(),
            signer: SignerInfo {
                version: tlv(INTEGER, &[1]),
                identifier: issuer_and_serial(signer),
                digest_algorithm: algorithm(SHA256),
                attributes: vec![
                    attribute(CONTENT_TYPE, &tlv(OID, content_type)),
                    attribute(MESSAGE_DIGEST, &tlv(OCTETS, &sha256(content))),
                    attribute(SIGNING_CERTIFICATE_V2, &ess(&[&tlv(OCTETS, signer.digest())])),
                ],
                algorithm: algorithm(ECDSA_SHA256),
                unsigned: Vec::new(),
            },
            other_signers: Vec::new(),
        }
    }

    pub(crate) fn set_attribute(&mut self, oid: &[u8], value: &[u8]) {
        self.remove_attribute(oid);
        self.signer.attributes.push(attribute(oid, value));
    }

    pub(crate) fn remove_attribute(&mut self, oid: &[u8]) {
        let start = tlv(OID, oid);
        self.signer.attributes.retain(|one| one[2..2 + start.len()] != start);
    }

    pub(crate) fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let mut signers = self.other_signers.clone();
        signers.push(self.signer.sign(key));
        self.assemble(signers)
    }

    pub(crate) fn assemble(&self, signers: Vec<Vec<u8>>) -> Vec<u8> {
        let mut certificates = self.certificates.clone();
        certificates.sort();
        let certificates = match certificates.as_slice() {
            [] => Vec::new(),
            some => context(0, &some.concat()),
        };
        let signed_data = sequence(&[
            &self.version,
            &set_of(self.digest_algorithms.clone()),
            &sequence(&[&self.content_type, &self.content]),
            &certificates,
            &self.crls,
            &set_of(signers),
        ]);
        sequence(&[&self.message_type, &context(0, &signed_data)])
    }
}

impl SignerInfo {
    pub(crate) fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let mut attributes = self.attributes.clone();
        attributes.sort();
        let signature = key.sign(&tlv(SET, &attributes.concat())).unwrap();
        self.with_signature(&signature)
    }

    pub(crate) fn with_signature(&self, signature: &[u8]) -> Vec<u8> {
        let mut attributes = self.attributes.clone();
        attributes.sort();
        let attributes = match attributes.as_slice() {
            [] => Vec::new(),
            some => context(0, &some.concat()),
        };
        sequence(&[
            &self.version,
            &self.identifier,
            &self.digest_algorithm,
            &attributes,
            &self.algorithm,
            &tlv(OCTETS, signature),
            &self.unsigned,
        ])
    }
}

pub(crate) fn attribute(oid: &[u8], value: &[u8]) -> Vec<u8> {
    sequence(&[&tlv(OID, oid), &tlv(SET, value)])
}

/// SigningCertificateV2 with one ESSCertIDv2 of these parts.
pub(crate) fn ess(parts: &[&[u8]]) -> Vec<u8> {
    sequence(&[&sequence(&[&sequence(parts)])])
}

/// The GeneralNames and serial number of an ESSCertIDv2.
pub(crate) fn issuer_serial(certificate: &Certificate) -> Vec<u8> {
    let names = sequence(&[&context(4, certificate.issuer_der())]);
    sequence(&[&names, &serial(certificate)])
}

pub(crate) fn issuer_and_serial(certificate: &Certificate) -> Vec<u8> {
    sequence(&[certificate.issuer_der(), &serial(certificate)])
}

pub(crate) fn serial(certificate: &Certificate) -> Vec<u8> {
    let octets = certificate.serial().as_bytes();
    let sign: &[u8] = if octets[0] >= 0x80 { &[0] } else { &[] };
    tlv(INTEGER, &[sign, octets].concat())
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().try_into().unwrap()
}
