//! Revoking: on record first, then on the list.

use std::collections::BTreeSet;

use claim_core::{PersonId, Timestamp};
use claim_pki::{Certificate, RevocationReason, SerialNumber};
use claim_store::cuhk::{CertificateRecord, Revocation, Revoked};

use super::{AdminError, Office};
use crate::authority::{AuthorityError, issuing_certificates, load_root};
use crate::crl::{ListError, ListOf, Lists, hex};

/// What is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoking {
    /// One certificate.
    Serial(SerialNumber),
    /// Every certificate of a person that has not ended.
    Person(PersonId),
}

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
struct Known {
    serial: String,
    profile: String,
    holder: String,
    not_after: Timestamp,
    of: ListOf,
    issuer: String,
}

impl Office {
    /// Revokes certificates from now on, and publishes the lists that name them.
    ///
    /// When this returns, both are durable. What was revoked before stays as it was, and its list is published again.
    ///
    /// # Errors
    /// [`AdminError::NothingToRevoke`], after which nothing was changed. After [`AdminError::List`] all is revoked, but
    /// the list is still the old one: a serving CUHK makes the next one within a minute, or this does when it is
    /// done again.
    pub async fn revoke(
        &self,
        what: &Revoking,
        reason: RevocationReason,
    ) -> Result<Vec<RevokedEntry>, AdminError> {
        let known = self.find(what).await?;
        if known.is_empty() {
            return Err(AdminError::NothingToRevoke { what: what.to_string() });
        }
        if self.folder.keys().root_elsewhere && known.iter().any(|one| one.of == ListOf::Root) {
            return Err(AuthorityError::RootOffline.into());
        }
        let mut entries = Vec::new();
        for one in &known {
            entries.push(self.revoke_one(one, reason).await?);
        }
        let lists = Lists { folder: &self.folder, store: &self.store, now: self.clock.now() };
        let issuers: BTreeSet<_> = known.iter().map(|one| (one.of, &one.issuer)).collect();
        for (of, issuer) in issuers {
            lists.publish_of(of, issuer).await.map_err(AdminError::List)?;
        }
        Ok(entries)
    }

    async fn revoke_one(
        &self,
        one: &Known,
        reason: RevocationReason,
    ) -> Result<RevokedEntry, AdminError> {
        let revocation = Revocation {
            serial: one.serial.clone(),
            issuer: one.issuer.clone(),
            not_after: one.not_after,
            revoked_at: self.clock.now(),
            reason,
        };
        let (stands, before) = match self.store.revoke(&revocation).await? {
            Revoked::Now => (revocation, false),
            Revoked::Before(earlier) => (earlier, true),
        };
        Ok(RevokedEntry {
            serial: stands.serial,
            profile: one.profile.clone(),
            holder: one.holder.clone(),
            revoked_at: stands.revoked_at,
            reason: stands.reason,
            before,
        })
    }

    async fn find(&self, what: &Revoking) -> Result<Vec<Known>, AdminError> {
        let records = match what {
            Revoking::Serial(serial) => {
                let serial = serial.to_string();
                match self.store.certificate(&serial).await? {
                    Some(record) => vec![record],
                    None => return self.find_issuing(&serial),
                }
            }
            Revoking::Person(id) => {
                let now = self.clock.now();
                let mut records = self.store.certificates_of("person", id.as_str()).await?;
                records.retain(|record| record.not_after >= now);
                records
            }
        };
        records.into_iter().map(|record| self.known(record)).collect()
    }

    /// Issuing certificates are not on record where the root is at hand: the first is made with the root, before
    /// there are records.
    fn find_issuing(&self, serial: &str) -> Result<Vec<Known>, AdminError> {
        let mut all = issuing_certificates(&self.folder)?.into_iter();
        let Some(issuing) = all.find(|one| one.serial().to_string() == serial) else {
            return Ok(Vec::new());
        };
        Ok(vec![Known {
            serial: serial.to_owned(),
            profile: "issuing".to_owned(),
            holder: issuing.common_name().unwrap_or_default().to_owned(),
            not_after: issuing.not_after(),
            of: ListOf::Root,
            issuer: self.root_key_id()?,
        }])
    }

    fn known(&self, record: CertificateRecord) -> Result<Known, AdminError> {
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

    fn newest_issuing(&self) -> Result<Certificate, AdminError> {
        let newest = issuing_certificates(&self.folder)?.into_iter().next();
        let none = || AuthorityError::None { dir: self.folder.path().to_owned() };
        Ok(newest.ok_or_else(none)?)
    }

    fn root_key_id(&self) -> Result<String, AdminError> {
        Ok(hex(&key_id(load_root(&self.folder)?.certificate())?))
    }
}

fn key_id(certificate: &Certificate) -> Result<[u8; 20], AdminError> {
    certificate.subject_key_id().ok_or(AdminError::List(ListError::NoKeyId))
}

impl std::fmt::Display for Revoking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Serial(serial) => write!(f, "serial number {serial}"),
            Self::Person(id) => write!(f, "{} {id}", id.label()),
        }
    }
}
