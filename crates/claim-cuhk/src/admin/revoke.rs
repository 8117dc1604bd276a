//! Revoking: on record first, then on the list.

use std::collections::BTreeSet;

use claim_core::{PersonId, Timestamp};
use claim_pki::{RevocationReason, SerialNumber};

use super::{AdminError, Office};
use crate::authority::AuthorityError;
use crate::crl::{ListOf, Lists};
use crate::revoking::{Known, RevokedEntry, Revoker, RevokerError, line};

/// How often it is looked whether more was issued meanwhile that goes too.
const LOOKS: usize = 3;

/// What is to be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revoking {
    /// One certificate, with all of the same key and all that were re-enrolled from these.
    Serial(SerialNumber),
    /// One certificate alone.
    Only(SerialNumber),
    /// Every certificate of a person that has not ended.
    Person(PersonId),
}

/// A certificate that would be revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToRevoke {
    /// Its serial number.
    pub serial: String,
    /// Its profile.
    pub profile: String,
    /// Whom it names: an id, an origin, or a witness's name.
    pub holder: String,
    /// When it ends.
    pub not_after: Timestamp,
    /// Since when it is revoked and why, if it is: that stands.
    pub revoked: Option<(Timestamp, RevocationReason)>,
}

impl Office {
    /// What [`Self::revoke`] would revoke now; nothing is changed.
    ///
    /// # Errors
    /// As [`Self::revoke`].
    pub async fn to_revoke(&self, what: &Revoking) -> Result<Vec<ToRevoke>, AdminError> {
        let mut all = Vec::new();
        for one in self.find(what).await? {
            let revocation = self.store.revocation(&one.serial).await?;
            all.push(ToRevoke {
                serial: one.serial,
                profile: one.profile,
                holder: one.holder,
                not_after: one.not_after,
                revoked: revocation.map(|found| (found.revoked_at, found.reason)),
            });
        }
        Ok(all)
    }

    /// Revokes certificates from now on, all or none, and publishes the lists that name them.
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
        let (mut entries, mut issuers) = (Vec::new(), BTreeSet::new());
        let mut done = BTreeSet::new();
        // A renewal that was under way when the first were found is found by the second look: after the first round none
        // begins any more.
        for _ in 0..LOOKS {
            let mut known = self.find(what).await?;
            known.retain(|one| done.insert(one.serial.clone()));
            if known.is_empty() {
                break;
            }
            entries.extend(self.revoker().revoke(&known, reason, None).await?);
            issuers.extend(known.into_iter().map(|one| (one.of, one.issuer)));
        }
        let lists = Lists { folder: &self.folder, store: &self.store, now: self.clock.now() };
        for (of, issuer) in issuers {
            lists.publish_of(of, &issuer).await.map_err(AdminError::List)?;
        }
        Ok(entries)
    }

    async fn find(&self, what: &Revoking) -> Result<Vec<Known>, AdminError> {
        let revoker = self.revoker();
        let records = match what {
            Revoking::Serial(serial) | Revoking::Only(serial) => {
                let serial = serial.to_string();
                match self.store.certificate(&serial).await? {
                    Some(record)
                        if matches!(what, Revoking::Serial(_))
                            && matches!(record.profile.as_str(), "person" | "server") =>
                    {
                        let all = self.store.certificates_of(&record.profile, &record.name).await?;
                        line(all, &BTreeSet::from([serial]), revoker.now)
                    }
                    Some(record) => vec![record],
                    None => {
                        let issuing = revoker.issuing(&serial)?;
                        return self.some(what, issuing.into_iter().collect());
                    }
                }
            }
            Revoking::Person(id) => {
                let mut records = self.store.certificates_of("person", id.as_str()).await?;
                records.retain(|record| record.not_after >= revoker.now);
                records
            }
        };
        let known: Result<Vec<_>, _> = records.into_iter().map(|one| revoker.known(one)).collect();
        self.some(what, known?)
    }

    /// The same, if it is anything, and the key that signs its list is here.
    fn some(&self, what: &Revoking, known: Vec<Known>) -> Result<Vec<Known>, AdminError> {
        if known.is_empty() {
            return Err(AdminError::NothingToRevoke { what: what.to_string() });
        }
        if self.folder.keys().root_elsewhere && known.iter().any(|one| one.of == ListOf::Root) {
            return Err(AuthorityError::RootOffline.into());
        }
        Ok(known)
    }

    fn revoker(&self) -> Revoker<'_> {
        Revoker { folder: &self.folder, store: &self.store, now: self.clock.now() }
    }
}

impl From<RevokerError> for AdminError {
    fn from(error: RevokerError) -> Self {
        match error {
            RevokerError::Authority(error) => error.into(),
            RevokerError::List(error) => Self::List(error),
            RevokerError::Store(error) => error.into(),
        }
    }
}

impl std::fmt::Display for Revoking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Serial(serial) | Self::Only(serial) => write!(f, "serial number {serial}"),
            Self::Person(id) => write!(f, "{} {id}", id.label()),
        }
    }
}
