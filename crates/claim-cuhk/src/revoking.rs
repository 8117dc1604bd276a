//! What revoking a certificate takes with it, and on whose list it comes: for those who run CUHK and for holders alike.

use std::collections::BTreeSet;

use claim_core::Timestamp;
use claim_pki::{Certificate, RevocationReason};
use claim_store::StoreError;
use claim_store::cuhk::audit::By;
use claim_store::cuhk::{CertificateRecord, CuhkStore, Revocation, Revoked};

use crate::authority::{AuthorityError, issuing_certificates, load_root};
use crate::crl::{ListError, ListOf, hex};
use crate::folder::Folder;

/// A certificate that is revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedEntry {
    /// Its serial number.
    pub serial: String,
    /// Its profile.
    pub profile: String,
    /// Whom it names: an id, an origin, or a witness's name.
    pub holder: String,
    /// Since when it is revoked.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
    /// Whether it was revoked before, and stays so as it was.
    pub before: bool,
}

/// A certificate of CUHK's, and on whose list it comes.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) serial: String,
    pub(crate) profile: String,
    pub(crate) holder: String,
    pub(crate) not_after: Timestamp,
    pub(crate) of: ListOf,
    /// The key id of whoever signs that list.
    pub(crate) issuer: String,
}

/// Where certificates are revoked.
#[derive(Clone, Copy)]
pub(crate) struct Revoker<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) store: &'a CuhkStore,
    pub(crate) now: Timestamp,
}

/// Why nothing was revoked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RevokerError {
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    List(#[from] ListError),
    #[error("CUHK's records cannot be used: {0}")]
    Store(#[from] StoreError),
}

impl Revoker<'_> {
    /// Revokes these, all or none, from now on. When this returns, it is durable. `by` is their holder, if it is not the
    /// office.
    pub(crate) async fn revoke(
        &self,
        known: &[Known],
        reason: RevocationReason,
        by: Option<&By>,
    ) -> Result<Vec<RevokedEntry>, StoreError> {
        let revocation = |one: &Known| Revocation {
            serial: one.serial.clone(),
            issuer: one.issuer.clone(),
            not_after: one.not_after,
            revoked_at: self.now,
            reason,
        };
        let revocations: Vec<_> = known.iter().map(revocation).collect();
        let outcomes = self.store.revoke_all(&revocations, by).await?;
        let entry = |((one, revocation), outcome): ((&Known, Revocation), Revoked)| {
            let (stands, before) = match outcome {
                Revoked::Now => (revocation, false),
                Revoked::Before(earlier) => (earlier, true),
            };
            RevokedEntry {
                serial: stands.serial,
                profile: one.profile.clone(),
                holder: one.holder.clone(),
                revoked_at: stands.revoked_at,
                reason: stands.reason,
                before,
            }
        };
        Ok(known.iter().zip(revocations).zip(outcomes).map(entry).collect())
    }

    /// Issuing certificates are not on record where the root is at hand: the first is made with the root, before
    /// there are records.
    pub(crate) fn issuing(&self, serial: &str) -> Result<Option<Known>, RevokerError> {
        let mut all = issuing_certificates(self.folder)?.into_iter();
        let Some(issuing) = all.find(|one| one.serial().to_string() == serial) else {
            return Ok(None);
        };
        Ok(Some(Known {
            serial: serial.to_owned(),
            profile: "issuing".to_owned(),
            holder: issuing.common_name().unwrap_or_default().to_owned(),
            not_after: issuing.not_after(),
            of: ListOf::Root,
            issuer: self.root_key_id()?,
        }))
    }

    pub(crate) fn known(&self, record: CertificateRecord) -> Result<Known, RevokerError> {
        let (of, issuer) = match record.profile.as_str() {
            "person" | "server" => {
                let signed = record.certificate.as_deref().map(Certificate::from_der);
                let issuer = signed.and_then(|read| read.ok()?.issuer_key_id());
                // One that was never signed can only be signed by the issuing key of now.
                let issuer = match issuer {
                    Some(issuer) => issuer,
                    None => key_id(&self.newest_issuing()?)?,
                };
                (ListOf::Issuing, hex(&issuer))
            }
            _ => (ListOf::Root, self.root_key_id()?),
        };
        Ok(Known {
            serial: record.serial,
            profile: record.profile,
            holder: record.name,
            not_after: record.not_after,
            of,
            issuer,
        })
    }

    fn newest_issuing(&self) -> Result<Certificate, RevokerError> {
        let newest = issuing_certificates(self.folder)?.into_iter().next();
        Ok(newest.ok_or_else(|| AuthorityError::None { dir: self.folder.path().to_owned() })?)
    }

    fn root_key_id(&self) -> Result<String, RevokerError> {
        Ok(hex(&key_id(load_root(self.folder)?.certificate())?))
    }
}

/// Of all certificates of one holder those that go with some of them: these by their serial numbers, and again and again those
/// of a key that goes, and those that were re-enrolled from one that goes.
///
/// Whoever has a stolen key has every certificate of it, and may have renewed it since. What has ended is left out, but for
/// those that are named.
pub(crate) fn line(
    all: Vec<CertificateRecord>,
    named: &BTreeSet<String>,
    now: Timestamp,
) -> Vec<CertificateRecord> {
    let mut serials = named.clone();
    let mut keys = BTreeSet::new();
    loop {
        let before = (serials.len(), keys.len());
        for record in &all {
            if serials.contains(&record.serial) {
                keys.insert(record.key_digest);
            }
            let predecessor = record.provenance.predecessor.as_ref();
            let renews_one = predecessor.is_some_and(|serial| serials.contains(serial));
            if keys.contains(&record.key_digest) || renews_one {
                serials.insert(record.serial.clone());
            }
        }
        if (serials.len(), keys.len()) == before {
            break;
        }
    }
    let goes = |record: &CertificateRecord| {
        named.contains(&record.serial)
            || serials.contains(&record.serial) && record.not_after >= now
    };
    all.into_iter().filter(goes).collect()
}

fn key_id(certificate: &Certificate) -> Result<[u8; 20], RevokerError> {
    Ok(certificate.subject_key_id().ok_or(ListError::NoKeyId)?)
}
