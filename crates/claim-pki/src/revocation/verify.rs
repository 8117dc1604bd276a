//! Revocation lists that are genuine.

use std::collections::BTreeMap;

use super::{RevocationList, RevocationReason};
use crate::{
    Certificate, PathError, Profile, PublicKey, Root, SerialNumber, Timestamp, VerifiedIssuer,
};

/// The certificates that an authority has revoked, with its signature verified.
///
/// Whether the list is recent enough is for whoever uses it to decide: see [`Self::this_update`], [`Self::current_at`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRevocationList {
    issuer_key_id: [u8; 20],
    number: u64,
    this_update: Timestamp,
    next_update: Timestamp,
    revoked: BTreeMap<SerialNumber, Revocation>,
}

/// That a certificate is no longer good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Since when, in whole seconds.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// Why a revocation list does not come from an authority.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyRevocationListError {
    /// Another authority issued it.
    #[error("the revocation list is that of another authority")]
    OtherIssuer,
    /// The signature is not by the authority's key.
    #[error("the revocation list's signature is not by its authority")]
    Signature,
    /// The authority itself was not valid when it issued the list.
    #[error("the revocation list was issued when its authority was not valid: {0}")]
    Issuer(#[source] PathError),
}

impl VerifiedIssuer {
    /// Verifies that this authority issued the list, and was valid when it did.
    ///
    /// # Errors
    /// [`VerifyRevocationListError`].
    pub fn verify_revocation_list(
        &self,
        list: &RevocationList,
    ) -> Result<VerifiedRevocationList, VerifyRevocationListError> {
        let certificate = self.certificate();
        let key = certificate
            .public_key()
            .map_err(|error| VerifyRevocationListError::Issuer(PathError::Key(error)))?;
        let verified = verify(list, certificate, &key)?;
        self.check_time(verified.this_update).map_err(VerifyRevocationListError::Issuer)?;
        Ok(verified)
    }
}

impl Root {
    /// Verifies that the root itself issued the list: the one of issuing and timestamp authorities, logs and witnesses.
    ///
    /// # Errors
    /// [`VerifyRevocationListError`].
    pub fn verify_revocation_list(
        &self,
        list: &RevocationList,
    ) -> Result<VerifiedRevocationList, VerifyRevocationListError> {
        let verified = verify(list, self.certificate(), self.public_key())?;
        let (at, validity) = (verified.this_update, self.certificate().validity());
        if !validity.contains(at) {
            let error = PathError::IssuerNotValid { at, issuer: Profile::Root, validity };
            return Err(VerifyRevocationListError::Issuer(error));
        }
        Ok(verified)
    }
}

fn verify(
    list: &RevocationList,
    issuer: &Certificate,
    key: &PublicKey,
) -> Result<VerifiedRevocationList, VerifyRevocationListError> {
    let content = &list.content;
    if content.issuer != issuer.subject_der() || content.issuer_key_id != key.key_id() {
        return Err(VerifyRevocationListError::OtherIssuer);
    }
    list.verify_signature(key).map_err(|_| VerifyRevocationListError::Signature)?;
    let revoked = content
        .revoked
        .iter()
        .map(|one| (one.serial.clone(), Revocation { at: one.revoked_at, reason: one.reason }))
        .collect();
    Ok(VerifiedRevocationList {
        issuer_key_id: content.issuer_key_id,
        number: content.number,
        this_update: content.this_update,
        next_update: content.next_update,
        revoked,
    })
}

impl VerifiedRevocationList {
    /// The identifier of the key of the authority whose certificates it is about.
    pub fn issuer_key_id(&self) -> &[u8; 20] {
        &self.issuer_key_id
    }

    /// The list's number: a later list has a larger one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it was issued, in whole seconds: what was revoked later does not stand in it.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// When the next one is due at the latest, in whole seconds.
    pub fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// Whether a time lies between this list and the next one, both seconds included.
    pub fn current_at(&self, at: Timestamp) -> bool {
        (self.this_update.as_seconds()..=self.next_update.as_seconds()).contains(&at.as_seconds())
    }

    /// Whether the certificate with this number is revoked, since when and why.
    pub fn revoked(&self, serial: &SerialNumber) -> Option<Revocation> {
        self.revoked.get(serial).copied()
    }

    /// How many certificates it names.
    pub fn len(&self) -> usize {
        self.revoked.len()
    }

    /// Whether it names none.
    pub fn is_empty(&self) -> bool {
        self.revoked.is_empty()
    }
}
