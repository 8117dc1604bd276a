//! What evidence rests on: timestamp authorities, logs and witnesses, whose certificates the root itself issues.

use super::issuer::read;
use super::verified::{Leaf, of_the_leaf};
use super::{PathError, Root};
use crate::profile::{service_origin, usage_period, witness};
use crate::tbs::Fields;
use crate::{
    Certificate, CrlUrl, Ed25519PublicKey, Origin, Profile, ProfileError, ProfilePart, PublicKey,
    SerialNumber, Timestamp, Validity, WitnessName,
};

/// A timestamp authority whose certificate has been verified to be issued by `cuhk.cer` itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTimestampAuthority {
    origin: Origin,
    key_usage_period: Validity,
    is_of_the_issuer: bool,
    leaf: Leaf,
}

/// A log whose certificate has been verified to be issued by `cuhk.cer` itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedLog {
    origin: Origin,
    leaf: Leaf<Ed25519PublicKey>,
}

/// A witness whose certificate has been verified to be issued by `cuhk.cer` itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedWitness {
    name: WitnessName,
    leaf: Leaf<Ed25519PublicKey>,
}

impl Root {
    /// Verifies a timestamp authority's certificate, in DER, as of a time at which it must be valid.
    ///
    /// Whether its key was still in use when it signed is another question: see
    /// [`VerifiedTimestampAuthority::key_usage_period`].
    ///
    /// # Errors
    /// [`PathError`]; [`PathError::NotIssuedByRoot`] when another authority issued it.
    pub fn verify_timestamp(
        &self,
        leaf: &[u8],
        at: Timestamp,
    ) -> Result<VerifiedTimestampAuthority, PathError> {
        let profile = Profile::Timestamp;
        let (certificate, leaf) = self.service(leaf, at, |fields| profile.check(fields))?;
        let fields = certificate.fields();
        let part = ProfilePart::PrivateKeyUsagePeriod;
        let key_usage_period = usage_period(fields).ok_or(ProfileError::Part { profile, part })?;
        let origin = service_origin(profile, fields)?;
        let is_of_the_issuer = CrlUrl::of(fields).is_some_and(|url| url.is_at(&origin));
        Ok(VerifiedTimestampAuthority { origin, key_usage_period, is_of_the_issuer, leaf })
    }

    /// Verifies a log's certificate, in DER, as of a time at which it must be valid.
    ///
    /// # Errors
    /// [`PathError`]; [`PathError::NotIssuedByRoot`] when another authority issued it.
    pub fn verify_log(&self, leaf: &[u8], at: Timestamp) -> Result<VerifiedLog, PathError> {
        let profile = Profile::Log;
        let (certificate, leaf) = self.service(leaf, at, |fields| profile.check_ed25519(fields))?;
        Ok(VerifiedLog { origin: service_origin(profile, certificate.fields())?, leaf })
    }

    /// Verifies a witness's certificate, in DER, as of a time at which it must be valid.
    ///
    /// # Errors
    /// [`PathError`]; [`PathError::NotIssuedByRoot`] when another authority issued it.
    pub fn verify_witness(&self, leaf: &[u8], at: Timestamp) -> Result<VerifiedWitness, PathError> {
        let check = |fields: &Fields| Profile::Witness.check_ed25519(fields);
        let (certificate, leaf) = self.service(leaf, at, check)?;
        Ok(VerifiedWitness { name: witness(certificate.fields())?, leaf })
    }

    /// One link of RFC 5280 §6.1.3, from the root to what is no authority.
    ///
    /// The root's name constraints are for DNS names; these profiles have none (RFC 5280 §4.2.1.10).
    fn service<Key>(
        &self,
        leaf: &[u8],
        at: Timestamp,
        check: impl Fn(&Fields) -> Result<Key, ProfileError>,
    ) -> Result<(Certificate, Leaf<Key>), PathError> {
        let certificate = read(leaf)?;
        if certificate.issuer_der() != self.certificate().subject_der() {
            return Err(PathError::NotIssuedByRoot);
        }
        let key_id = self.public_key().key_id();
        if certificate.issuer_key_id().is_some_and(|id| id != key_id) {
            return Err(PathError::UnknownIssuer);
        }
        certificate.verify_signature(self.public_key()).map_err(|_| PathError::BadSignature)?;
        let key = check(certificate.fields())?;
        let leaf = Leaf::new(&certificate, key, key_id);
        if at.as_seconds() < certificate.not_before().as_seconds() {
            return Err(PathError::NotYetValid { at, not_before: certificate.not_before() });
        }
        if at.as_seconds() > certificate.not_after().as_seconds() {
            return Err(PathError::Expired { at, not_after: certificate.not_after() });
        }
        let validity = self.certificate().validity();
        match validity.contains(at) {
            true => Ok((certificate, leaf)),
            false => Err(PathError::IssuerNotValid { at, issuer: Profile::Root, validity }),
        }
    }
}

impl VerifiedTimestampAuthority {
    /// The origin of the server for which it says when something was there.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// When the key may sign: a timestamp of another time does not count (`privateKeyUsagePeriod`).
    pub fn key_usage_period(&self) -> Validity {
        self.key_usage_period
    }

    /// Whether it is the authority of CUHK itself, for outages of Blackboards (PROTOCOL.md §2): the root says in the
    /// certificate that its revocation list lies at the very origin for which the certificate is.
    ///
    /// A Blackboard's certificate never says so, since CUHK certifies nobody else for an origin of its own.
    pub fn is_of_the_issuer(&self) -> bool {
        self.is_of_the_issuer
    }
}

impl VerifiedLog {
    /// The origin of the server that keeps the log.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl VerifiedWitness {
    /// The witness's name: the key name of its cosignatures.
    pub fn name(&self) -> &WitnessName {
        &self.name
    }
}

of_the_leaf!(
    VerifiedTimestampAuthority: PublicKey,
    VerifiedLog: Ed25519PublicKey,
    VerifiedWitness: Ed25519PublicKey
);
