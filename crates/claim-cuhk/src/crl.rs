//! Revocation lists: signed from the records, recorded, published as files.
//!
//! A list is made in one order: read the last list's number, read what is revoked, sign under the next number, swap it in.
//! Of several who do it at once one swaps and the others begin again. So the last list holds all that was revoked before
//! its making began, and whoever revokes makes one afterwards.

mod error;

use std::fmt::Write as _;

use claim_core::{Origin, Timestamp};
use claim_files::{Mode as FileMode, replace};
use claim_pki::{Issuer, RevocationList, RevokedCertificate, VerifiedRevocationList};
use claim_store::StoreError;
use claim_store::cuhk::{CuhkStore, Revocation, RevocationListRecord};

pub use self::error::ListError;
use crate::authority::{Authority, AuthorityError, load_issuing_issuer, load_root_issuer};
use crate::folder::Folder;

const DAY: i64 = 24 * 3600;

/// How long a revoked certificate stays on the list after its end, in seconds: whoever looks at it then has a clock that
/// is behind, or a claim of its last days.
const KEPT_AFTER_END: i64 = 31 * DAY;

/// How often another list may be swapped in first before this one is given up.
const ATTEMPTS: usize = 8;

/// Who signs a list, of what it has issued itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ListOf {
    /// The issuing authority: persons and servers.
    Issuing,
    /// The root: the issuing authority, and the keys of evidence.
    Root,
}

/// Where lists are made.
#[derive(Clone, Copy)]
pub(crate) struct Lists<'a> {
    pub(crate) folder: &'a Folder,
    pub(crate) store: &'a CuhkStore,
    pub(crate) now: Timestamp,
}

/// A key id as it stands in the addresses and names of revocation lists: lower-case hexadecimal.
pub(crate) fn hex(key_id: &[u8; 20]) -> String {
    key_id.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The issuer, who says in each certificate where the list lies that would name it, if others can reach CUHK.
pub(crate) fn announced(issuer: Issuer, cuhk: Option<&Origin>) -> Issuer {
    match cuhk.filter(|origin| !origin.is_loopback()) {
        Some(cuhk) => announced_at(issuer, cuhk),
        None => issuer,
    }
}

/// The same wherever CUHK is.
pub(crate) fn announced_at(issuer: Issuer, cuhk: &Origin) -> Issuer {
    let path = format!("/crl/{}.crl", hex(issuer.key_id()));
    match cuhk.join(&path).parse() {
        Ok(url) => issuer.with_crl_url(url),
        Err(_) => issuer,
    }
}

impl ListOf {
    pub(crate) const ALL: [Self; 2] = [Self::Issuing, Self::Root];

    /// How long a list is valid, in seconds: long enough for a Blackboard whose CUHK is down, and the root may be away.
    fn life(self) -> i64 {
        match self {
            Self::Issuing => 7 * DAY,
            Self::Root => 400 * DAY,
        }
    }

    /// How old a list grows before the next is made without any revocation, in seconds.
    fn renewed_after(self) -> i64 {
        match self {
            Self::Issuing => DAY,
            Self::Root => 30 * DAY,
        }
    }

    /// The issuer with its key.
    pub(crate) fn load(self, folder: &Folder) -> Result<Issuer, AuthorityError> {
        match self {
            Self::Issuing => load_issuing_issuer(folder, None),
            Self::Root => load_root_issuer(folder, None),
        }
    }
}

impl Lists<'_> {
    /// Makes the next list.
    pub(crate) async fn publish(&self, of: ListOf) -> Result<(), ListError> {
        self.publish_by(&of.load(self.folder)?, of).await
    }

    /// The same, if the key is still the one with this id.
    pub(crate) async fn publish_of(&self, of: ListOf, wanted: &str) -> Result<(), ListError> {
        let issuer = of.load(self.folder)?;
        let found = hex(issuer.key_id());
        if found != wanted {
            return Err(ListError::OtherIssuer { wanted: wanted.to_owned(), found });
        }
        self.publish_by(&issuer, of).await
    }

    async fn publish_by(&self, issuer: &Issuer, of: ListOf) -> Result<(), ListError> {
        let key_id = hex(issuer.key_id());
        for _ in 0..ATTEMPTS {
            // Before what is revoked is read: see the module.
            let last = self.store.revocation_list(&key_id).await?;
            let number = last.map_or(1, |last| last.number.saturating_add(1));
            let next_update = self.now.plus_seconds(of.life());
            let revoked = self.revoked(&key_id).await?;
            let entries: Result<Vec<_>, _> = revoked.iter().map(entry).collect();
            let list = issuer.revocation_list(number, self.now, next_update, &entries?)?;
            let record = RevocationListRecord {
                issuer: key_id.clone(),
                number,
                this_update: self.now,
                next_update,
                list: list.der().to_vec(),
            };
            if self.store.put_revocation_list(&record).await? {
                return self.write(&record);
            }
        }
        Err(ListError::Crowded { issuer: key_id })
    }

    /// Sees that the lists of both authorities are there, hold all that is revoked, are young enough, and lie in the
    /// folder.
    pub(crate) async fn keep_up(&self, authority: &Authority) -> Result<(), ListError> {
        for of in ListOf::ALL {
            let key_id = match of {
                ListOf::Issuing => authority.issuing_certificate().subject_key_id(),
                ListOf::Root => authority.root_certificate().subject_key_id(),
            };
            let key_id = hex(&key_id.ok_or(ListError::NoKeyId)?);
            match self.store.revocation_list(&key_id).await? {
                Some(last) if !self.is_due(of, &last, authority).await? => {
                    self.write_if_other(&last)?;
                }
                _ => self.publish(of).await?,
            }
        }
        Ok(())
    }

    async fn is_due(
        &self,
        of: ListOf,
        last: &RevocationListRecord,
        authority: &Authority,
    ) -> Result<bool, ListError> {
        let age = self.now.as_seconds() - last.this_update.as_seconds();
        if age >= of.renewed_after() {
            return Ok(true);
        }
        // A process that revoked may have ended before it made its list.
        let listed = listed(of, last, authority, self.now)?;
        let revoked = self.revoked(&last.issuer).await?;
        let missing = |one: &Revocation| {
            one.serial.parse().is_ok_and(|serial| listed.revoked(&serial).is_none())
        };
        Ok(revoked.iter().any(missing))
    }

    async fn revoked(&self, key_id: &str) -> Result<Vec<Revocation>, StoreError> {
        self.store.revocations(key_id, self.now.plus_seconds(-KEPT_AFTER_END)).await
    }

    fn write(&self, record: &RevocationListRecord) -> Result<(), ListError> {
        let folder = self.folder.revocation_lists();
        std::fs::create_dir_all(&folder)
            .map_err(|source| ListError::Folder { path: folder.clone(), source })?;
        let path = folder.join(format!("{}.crl", record.issuer));
        Ok(replace(&path, &record.list, FileMode::Public)?)
    }

    fn write_if_other(&self, record: &RevocationListRecord) -> Result<(), ListError> {
        let path = self.folder.revocation_lists().join(format!("{}.crl", record.issuer));
        match std::fs::read(path) {
            Ok(bytes) if bytes == record.list => Ok(()),
            _ => self.write(record),
        }
    }
}

/// What the last list says, read again from the records.
fn listed(
    of: ListOf,
    last: &RevocationListRecord,
    authority: &Authority,
    now: Timestamp,
) -> Result<VerifiedRevocationList, ListError> {
    let list = RevocationList::from_der(&last.list)?;
    let root = authority.root();
    match of {
        ListOf::Root => Ok(root.verify_revocation_list(&list)?),
        ListOf::Issuing => {
            let issuer = root.verify_issuer(authority.issuing_certificate().der(), now)?;
            Ok(issuer.verify_revocation_list(&list)?)
        }
    }
}

/// Revoked in the course of a second: from its end on, since a list has whole seconds and is never back-dated.
fn entry(revocation: &Revocation) -> Result<RevokedCertificate, ListError> {
    let serial = revocation
        .serial
        .parse()
        .map_err(|_| ListError::Record { serial: revocation.serial.clone() })?;
    let millis = revocation.revoked_at.as_millis();
    let seconds = millis.div_euclid(1000) + i64::from(millis.rem_euclid(1000) != 0);
    Ok(RevokedCertificate {
        serial,
        revoked_at: Timestamp::from_seconds(seconds),
        reason: revocation.reason,
    })
}
