//! The issuing authority, and what it issued.

use std::time::Duration;

use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

use super::verified::Leaf;
use super::{PathError, Root, VerifiedPerson, VerifiedServer};
use crate::profile::{person, server};
use crate::{Certificate, CertificateError, Origin, Profile, ProfilePart, Timestamp, Validity};

/// An issuing authority whose certificate has been verified with `cuhk.cer`.
///
/// It can be kept: each of its methods checks again that the authority itself is valid at the time in question.
#[derive(Clone, Debug)]
pub struct VerifiedIssuer {
    certificate: Certificate,
    key_id: [u8; 20],
    root_validity: Validity,
    /// The authority's name and key with the root's name constraints: what a leaf is verified against.
    anchor: TrustAnchor<'static>,
}

/// When a leaf must be valid.
#[derive(Clone, Copy)]
pub(super) enum When {
    /// At this time.
    At(Timestamp),
    /// At this time, or it expired no more than so many seconds ago.
    AtOrSince(Timestamp, u32),
}

/// The one signature algorithm of certificates.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[webpki::aws_lc_rs::ECDSA_P256_SHA256];

impl VerifiedIssuer {
    /// One link of RFC 5280 §6.1.3, from the root to an authority, without the time.
    pub(super) fn at_any_time(root: &Root, certificate: Certificate) -> Result<Self, PathError> {
        if certificate.issuer_der() != root.certificate().subject_der() {
            return Err(PathError::UnknownIssuer);
        }
        if certificate.issuer_key_id().is_some_and(|id| id != root.public_key().key_id()) {
            return Err(PathError::UnknownIssuer);
        }
        certificate.verify_signature(root.public_key()).map_err(|_| PathError::BadSignature)?;
        let key = Profile::Issuing.check(certificate.fields())?;
        let own = CertificateDer::from(certificate.der());
        let own = webpki::anchor_from_trusted_cert(&own)?;
        // The profile has no name constraints of its own, so those of the root are all that there are.
        let anchor = TrustAnchor { name_constraints: root.name_constraints(), ..own.to_owned() };
        let root_validity = root.certificate().validity();
        Ok(Self { certificate, key_id: key.key_id(), root_validity, anchor })
    }

    /// The authority's certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The identifier of the authority's key.
    pub fn key_id(&self) -> &[u8; 20] {
        &self.key_id
    }

    /// Verifies a person's certificate, in DER, with one signature verification.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn verify_person(&self, leaf: &[u8], at: Timestamp) -> Result<VerifiedPerson, PathError> {
        self.person(&read(leaf)?, When::At(at))
    }

    /// The same for re-enrolment: a certificate that expired no more than `grace_seconds` ago is
    /// verified as of its last second.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn verify_person_for_renewal(
        &self,
        leaf: &[u8],
        at: Timestamp,
        grace_seconds: u32,
    ) -> Result<VerifiedPerson, PathError> {
        self.person(&read(leaf)?, When::AtOrSince(at, grace_seconds))
    }

    /// Verifies a server's certificate, in DER, with one signature verification.
    ///
    /// # Errors
    /// [`PathError`]; [`PathError::WrongOrigin`] when it is for another server.
    pub fn verify_server(
        &self,
        leaf: &[u8],
        origin: &Origin,
        at: Timestamp,
    ) -> Result<VerifiedServer, PathError> {
        self.server(&read(leaf)?, Some(origin), When::At(at))
    }

    /// The same for re-enrolment, of whatever server the certificate names.
    ///
    /// # Errors
    /// [`PathError`].
    pub fn verify_server_for_renewal(
        &self,
        leaf: &[u8],
        at: Timestamp,
        grace_seconds: u32,
    ) -> Result<VerifiedServer, PathError> {
        self.server(&read(leaf)?, None, When::AtOrSince(at, grace_seconds))
    }

    /// Checks that root and authority are valid at this time.
    pub(crate) fn check_time(&self, at: Timestamp) -> Result<(), PathError> {
        for (issuer, validity) in
            [(Profile::Issuing, self.certificate.validity()), (Profile::Root, self.root_validity)]
        {
            if !validity.contains(at) {
                return Err(PathError::IssuerNotValid { at, issuer, validity });
            }
        }
        Ok(())
    }

    pub(super) fn person(
        &self,
        certificate: &Certificate,
        when: When,
    ) -> Result<VerifiedPerson, PathError> {
        let leaf = self.verify(certificate, Profile::Person)?;
        let (id, name) = person(certificate.fields())?;
        self.check_leaf_time(leaf.validity, when)?;
        Ok(VerifiedPerson { id, name: name.to_owned(), leaf })
    }

    pub(super) fn server(
        &self,
        certificate: &Certificate,
        expected: Option<&Origin>,
        when: When,
    ) -> Result<VerifiedServer, PathError> {
        let leaf = self.verify(certificate, Profile::Server)?;
        let found = server(certificate.fields())?;
        if let Some(expected) = expected.filter(|expected| **expected != found) {
            return Err(PathError::WrongOrigin { expected: expected.clone(), found });
        }
        self.check_leaf_time(leaf.validity, when)?;
        Ok(VerifiedServer { origin: found, leaf })
    }

    /// Issuer, signature, constraints and profile of a leaf, but not its time.
    fn verify(&self, leaf: &Certificate, profile: Profile) -> Result<Leaf, PathError> {
        let named = leaf.issuer_der() == self.certificate.subject_der()
            && leaf.issuer_key_id().is_none_or(|id| id == self.key_id);
        if !named {
            return Err(PathError::UnknownIssuer);
        }
        // Webpki looks at the time first; given one that suits the certificate it tells what else is wrong.
        let suitable = leaf.not_after().as_seconds();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(suitable.unsigned_abs()));
        let der = CertificateDer::from(leaf.der());
        let checked = EndEntityCert::try_from(&der).and_then(|end_entity| {
            let anchors = std::slice::from_ref(&self.anchor);
            end_entity
                .verify_for_usage(ALGORITHMS, anchors, &[], time, AnyUsage, None, None)
                .map(drop)
        });
        checked.map_err(|error| match error {
            webpki::Error::CaUsedAsEndEntity => {
                PathError::NotAsProfile { profile, part: ProfilePart::BasicConstraints }
            }
            webpki::Error::UnsupportedCriticalExtension => {
                PathError::NotAsProfile { profile, part: ProfilePart::CriticalExtension }
            }
            other => other.into(),
        })?;
        let key = profile.check(leaf.fields())?;
        Ok(Leaf::new(leaf, key, self.key_id))
    }

    fn check_leaf_time(&self, leaf: Validity, when: When) -> Result<(), PathError> {
        let (at, limit) = match when {
            When::At(at) => (at, leaf.not_after()),
            When::AtOrSince(at, grace) => (at, leaf.not_after().plus_seconds(grace.into())),
        };
        if at.as_seconds() < leaf.not_before().as_seconds() {
            return Err(PathError::NotYetValid { at, not_before: leaf.not_before() });
        }
        if at.as_seconds() > limit.as_seconds() {
            return Err(PathError::Expired { at, not_after: leaf.not_after() });
        }
        self.check_time(at.min(leaf.not_after()))
    }
}

/// Reads a certificate that a stranger sent.
pub(super) fn read(der: &[u8]) -> Result<Certificate, PathError> {
    if der.len() > Root::MAX_SIZE {
        return Err(PathError::TooLarge { found: der.len() });
    }
    Certificate::from_der(der).map_err(|error| match error {
        CertificateError::TooLarge { found } => PathError::TooLarge { found },
        _ => PathError::Malformed,
    })
}

/// Leaves the extended key usage to the profile, which demands exactly its own.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}
