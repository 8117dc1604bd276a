//! Certificates taken apart into their octets, to be put together with something wrong in them.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_pki::{Certificate, SigningKey};

use crate::authority::Authority;

/// Content octets of the extensions' identifiers.
pub(crate) const SUBJECT_KEY_ID: &[u8] = b"\x55\x1d\x0e";
pub(crate) const KEY_USAGE: &[u8] = b"\x55\x1d\x0f";
pub(crate) const BASIC_CONSTRAINTS: &[u8] = b"\x55\x1d\x13";
pub(crate) const POLICIES: &[u8] = b"\x55\x1d\x20";
pub(crate) const AUTHORITY_KEY_ID: &[u8] = b"\x55\x1d\x23";
pub(crate) const EXTENDED_KEY_USAGE: &[u8] = b"\x55\x1d\x25";

/// BOOLEAN TRUE.
pub(crate) const CRITICAL: &[u8] = &[1, 1, 0xff];

/// The parts of a certificate, each with its tag and length, in the order in which they stand.
pub(crate) struct Parts {
    pub(crate) version: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) validity: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    /// Between key and extensions.
    pub(crate) before_extensions: Vec<u8>,
    /// By identifier.
    pub(crate) extensions: Vec<(&'static [u8], Vec<u8>)>,
    pub(crate) after_extensions: Vec<u8>,
    pub(crate) outer_algorithm: Vec<u8>,
    /// Instead of a right one.
    pub(crate) signature: Option<Vec<u8>>,
    pub(crate) behind_signature: Vec<u8>,
    pub(crate) unused_bits: u8,
    pub(crate) after_signature: Vec<u8>,
    pub(crate) after: Vec<u8>,
    pub(crate) long_length_outside: bool,
}

impl Parts {
    /// Those of a person's certificate.
    pub(crate) fn person(authority: &Authority) -> Self {
        Self::of(&authority.person())
    }

    /// Those of this certificate.
    pub(crate) fn of(certificate: &Certificate) -> Self {
        let outer = elements(content(certificate.der()));
        let [version, serial, algorithm, issuer, validity, subject, spki, extensions] =
            elements(content(&outer[0])).try_into().unwrap();
        let known = [
            SUBJECT_KEY_ID,
            KEY_USAGE,
            BASIC_CONSTRAINTS,
            POLICIES,
            AUTHORITY_KEY_ID,
            EXTENDED_KEY_USAGE,
        ];
        let named = |one: Vec<u8>| {
            let oid = content(&elements(content(&one))[0]).to_vec();
            let name = known.into_iter().find(|known| *known == oid);
            (name.unwrap_or_default(), one)
        };
        let list = elements(content(content(&extensions)));
        Self {
            outer_algorithm: algorithm.clone(),
            version,
            serial,
            algorithm,
            issuer,
            validity,
            subject,
            spki,
            before_extensions: Vec::new(),
            extensions: list.into_iter().map(named).collect(),
            after_extensions: Vec::new(),
            signature: None,
            behind_signature: Vec::new(),
            unused_bits: 0,
            after_signature: Vec::new(),
            after: Vec::new(),
            long_length_outside: false,
        }
    }

    /// Takes an extension away.
    pub(crate) fn remove(&mut self, oid: &[u8]) {
        self.extensions.retain(|(found, _)| *found != oid);
    }

    /// Gives an extension another value.
    pub(crate) fn set(&mut self, oid: &'static [u8], value: &[u8]) {
        let one = self.extensions.iter_mut().find(|(found, _)| *found == oid).unwrap();
        one.1 = extension(oid, &[], value);
    }

    /// Put together, and signed unless a signature was given.
    pub(crate) fn sign(&self, key: &SigningKey) -> Vec<u8> {
        let extensions: Vec<&[u8]> =
            self.extensions.iter().map(|(_, one)| one.as_slice()).collect();
        let extensions = match extensions.is_empty() {
            true => Vec::new(),
            false => tlv(0xa3, &[&tlv(0x30, &extensions)]),
        };
        let content = tlv(
            0x30,
            &[
                &self.version,
                &self.serial,
                &self.algorithm,
                &self.issuer,
                &self.validity,
                &self.subject,
                &self.spki,
                &self.before_extensions,
                &extensions,
                &self.after_extensions,
            ],
        );
        let signature = self.signature.clone().unwrap_or_else(|| key.sign(&content).unwrap());
        let signature = tlv(3, &[&[self.unused_bits], &signature, &self.behind_signature]);
        let parts =
            [content, self.outer_algorithm.clone(), signature, self.after_signature.clone()];
        let content = parts.concat();
        let mut whole = tlv(0x30, &[&content]);
        if self.long_length_outside {
            let length = u32::try_from(content.len()).unwrap().to_be_bytes();
            whole = [&[0x30, 0x84], length.as_slice(), &content].concat();
        }
        whole.extend_from_slice(&self.after);
        whole
    }
}

/// One element: tag, length in its one DER form, the parts of its content.
pub(crate) fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let [.., high, low] = content.len().to_be_bytes();
    let head = match content.len() {
        ..=0x7f => vec![tag, low],
        0x80..=0xff => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [head, content].concat()
}

/// An extension with this identifier, `critical` as it stands there, and value.
pub(crate) fn extension(oid: &[u8], critical: &[u8], value: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(6, &[oid]), critical, &tlv(4, &[value])])
}

/// The elements, one after another, with their tags and lengths.
fn elements(mut octets: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while !octets.is_empty() {
        let (head, length) = head(octets);
        let (one, rest) = octets.split_at(head + length);
        all.push(one.to_vec());
        octets = rest;
    }
    all
}

fn content(element: &[u8]) -> &[u8] {
    &element[head(element).0..]
}

/// How long the tag with the length is, and the content.
fn head(octets: &[u8]) -> (usize, usize) {
    match octets[1] {
        length @ ..=0x7f => (2, length.into()),
        0x81 => (3, octets[2].into()),
        _ => (4, usize::from(octets[2]) << 8 | usize::from(octets[3])),
    }
}
