//! Revocation lists: signed from the records, recorded, published as files.
//!
//! A list is made in one order: read the last list's number, read what is revoked, sign under the next number, swap it in.
//! Of several who do it at once one swaps and the others begin again. So the last list holds all that was revoked before
//! its making began, and whoever revokes makes one afterwards.

mod error;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use claim_core::{Origin, Timestamp};
use claim_files::{Mode as FileMode, replace};
use claim_pki::{
    Issuer, RevocationList, RevocationListError, RevokedCertificate, Root, SerialNumber,
    VerifiedRevocationList,
};
use claim_store::StoreError;
use claim_store::cuhk::{CuhkStore, Revocation, RevocationListRecord};

pub use self::error::ListError;
use crate::authority::{Authority, load_root, load_root_issuer};
use crate::folder::Folder;
use crate::public::Public;
use crate::signing;

const DAY: i64 = 24 * 3600;

/// How long a revoked certificate stays on the list after its end, in seconds: whoever looks at it then has a clock that
/// is behind, or a claim of its last days.
const KEPT_AFTER_END: i64 = 31 * DAY;

/// How often another list may be swapped in first before this one is given up.
const ATTEMPTS: usize = 8;

/// Who signs a list, of what it has issued itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ListOf {
    /// An issuing authority: persons and servers.
    Issuing,
    /// The root: the issuing authorities, and the keys of evidence.
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
}

impl Lists<'_> {
    /// Makes the next list of the authority with this key id, whose key is opened for it.
    pub(crate) async fn publish_of(&self, of: ListOf, wanted: &str) -> Result<(), ListError> {
        let issuer = match of {
            ListOf::Root => self.root().await?,
            ListOf::Issuing => self.issuing(wanted).await?,
        };
        let found = hex(issuer.key_id());
        if found != wanted {
            return Err(ListError::OtherIssuer { wanted: wanted.to_owned(), found });
        }
        self.publish(&issuer, of).await
    }

    /// Makes the next list of an authority whose key is there.
    pub(crate) async fn publish(&self, issuer: &Arc<Issuer>, of: ListOf) -> Result<(), ListError> {
        let key_id = hex(issuer.key_id());
        for _ in 0..ATTEMPTS {
            // Before what is revoked is read: see the module.
            let last = self.store.revocation_list(&key_id).await?;
            let number = last.map_or(1, |last| last.number.saturating_add(1));
            let next_update = self.now.plus_seconds(of.life());
            let revoked = self.revoked(&key_id).await?;
            let entries: Result<Vec<_>, _> = revoked.iter().map(entry).collect();
            let prepared =
                issuer.prepare_revocation_list(number, self.now, next_update, &entries?)?;
            let list = signing::issue_list(issuer, prepared).await??;
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

    /// Sees that the lists of all authorities are there, hold all that is revoked, are young enough, and lie in the
    /// folder, where everybody may have them beside the certificates.
    pub(crate) async fn keep_up(&self, authority: &Authority) -> Result<(), ListError> {
        let issuing = authority.issuing_certificates();
        Public(self.folder).authorities(authority.root_certificate(), issuing)?;
        for issuer in authority.issuers() {
            let key_id = hex(issuer.key_id());
            let last = self.store.revocation_list(&key_id).await?;
            let listed = |list: &RevocationList| {
                let certificate = issuer.certificate();
                let issuer = authority.root().verify_issuer(certificate.der(), self.now)?;
                Ok(issuer.verify_revocation_list(list)?)
            };
            match last {
                Some(last) if !self.is_due(ListOf::Issuing, &last, listed).await? => {
                    self.write_if_other(&last)?;
                }
                _ => self.publish(issuer, ListOf::Issuing).await?,
            }
        }
        self.keep_up_root(authority).await
    }

    async fn keep_up_root(&self, authority: &Authority) -> Result<(), ListError> {
        let root = authority.root();
        let key_id = root.certificate().subject_key_id().ok_or(ListError::NoKeyId)?;
        let key_id = hex(&key_id);
        let last = self.store.revocation_list(&key_id).await?;
        if self.folder.keys().root_elsewhere {
            return self.take_over_root(root, &key_id, last).await;
        }
        let listed = |list: &RevocationList| Ok(root.verify_revocation_list(list)?);
        match last {
            Some(last) if !self.is_due(ListOf::Root, &last, listed).await? => {
                self.write_if_other(&last)
            }
            _ => self.publish(&self.root().await?, ListOf::Root).await,
        }
    }

    /// Takes the list that a root elsewhere has made, and somebody has laid into the folder, where it is newer.
    async fn take_over_root(
        &self,
        root: &Root,
        key_id: &str,
        last: Option<RevocationListRecord>,
    ) -> Result<(), ListError> {
        let path = self.path(key_id);
        let laid = match std::fs::read(&path) {
            Ok(bytes) => Some(read_list(&bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(ListError::Unreadable { path, source }),
        };
        let Some(laid) = laid else {
            return match last {
                Some(last) => self.write(&last),
                None => Err(ListError::RootListNeeded { path }),
            };
        };
        let verified = root.verify_revocation_list(&laid)?;
        self.record_foreign(key_id, &laid, &verified).await?;
        // An older one was put there: the newer one goes back.
        match self.store.revocation_list(key_id).await? {
            Some(stands) => self.write_if_other(&stands),
            None => Ok(()),
        }
    }

    /// Takes a list of a root elsewhere that came with its answer, where it is newer.
    pub(crate) async fn take_root_list(
        &self,
        root: &Root,
        list: &RevocationList,
    ) -> Result<(), ListError> {
        let verified = root.verify_revocation_list(list)?;
        let key_id = hex(list.issuer_key_id());
        self.record_foreign(&key_id, list, &verified).await?;
        match self.store.revocation_list(&key_id).await? {
            Some(stands) => self.write_if_other(&stands),
            None => Ok(()),
        }
    }

    async fn record_foreign(
        &self,
        key_id: &str,
        list: &RevocationList,
        verified: &VerifiedRevocationList,
    ) -> Result<(), ListError> {
        let record = RevocationListRecord {
            issuer: key_id.to_owned(),
            number: verified.number(),
            this_update: verified.this_update(),
            next_update: verified.next_update(),
            list: list.der().to_vec(),
        };
        self.store.take_revocation_list(&record).await?;
        Ok(())
    }

    /// Whether the root says, as far as is known here, that this certificate of its own is no longer good.
    pub(crate) async fn revoked_by_root(
        &self,
        root: &Root,
        serial: &SerialNumber,
    ) -> Result<bool, ListError> {
        if self.store.revocation(&serial.to_string()).await?.is_some() {
            return Ok(true);
        }
        let key_id = root.certificate().subject_key_id().ok_or(ListError::NoKeyId)?;
        let Some(last) = self.store.revocation_list(&hex(&key_id)).await? else {
            return Ok(false);
        };
        let list = root.verify_revocation_list(&RevocationList::from_der(&last.list)?)?;
        Ok(list.revoked(serial).is_some())
    }

    async fn is_due(
        &self,
        of: ListOf,
        last: &RevocationListRecord,
        listed: impl FnOnce(&RevocationList) -> Result<VerifiedRevocationList, ListError>,
    ) -> Result<bool, ListError> {
        let age = self.now.as_seconds() - last.this_update.as_seconds();
        if age >= of.renewed_after() {
            return Ok(true);
        }
        // A process that revoked may have ended before it made its list.
        let listed = listed(&RevocationList::from_der(&last.list)?)?;
        let revoked = self.revoked(&last.issuer).await?;
        let missing = |one: &Revocation| {
            one.serial.parse().is_ok_and(|serial| listed.revoked(&serial).is_none())
        };
        Ok(revoked.iter().any(missing))
    }

    async fn revoked(&self, key_id: &str) -> Result<Vec<Revocation>, StoreError> {
        self.store.revocations(key_id, self.now.plus_seconds(-KEPT_AFTER_END)).await
    }

    async fn root(&self) -> Result<Arc<Issuer>, ListError> {
        let folder = self.folder.clone();
        let root = signing::apart(move || load_root_issuer(&folder, None)).await?;
        Ok(Arc::new(root.map_err(Box::new)?))
    }

    /// The issuing authority with this key id, else whoever issues now.
    async fn issuing(&self, wanted: &str) -> Result<Arc<Issuer>, ListError> {
        let (folder, now) = (self.folder.clone(), self.now);
        let loaded =
            signing::apart(move || Authority::load(&folder, load_root(&folder)?, None, now));
        let authority = loaded.await?.map_err(Box::new)?;
        let is_it = |issuer: &&Arc<Issuer>| hex(issuer.key_id()) == wanted;
        Ok(Arc::clone(authority.issuers().find(is_it).unwrap_or(authority.issuer())))
    }

    fn path(&self, issuer: &str) -> PathBuf {
        self.folder.revocation_lists().join(format!("{issuer}.crl"))
    }

    fn write(&self, record: &RevocationListRecord) -> Result<(), ListError> {
        let folder = self.folder.revocation_lists();
        std::fs::create_dir_all(&folder)
            .map_err(|source| ListError::Folder { path: folder.clone(), source })?;
        replace(&self.path(&record.issuer), &record.list, FileMode::Public)?;
        Ok(Public(self.folder).list(&record.issuer, &record.list)?)
    }

    fn write_if_other(&self, record: &RevocationListRecord) -> Result<(), ListError> {
        match std::fs::read(self.path(&record.issuer)) {
            Ok(bytes) if bytes == record.list => {
                Ok(Public(self.folder).list(&record.issuer, &record.list)?)
            }
            _ => self.write(record),
        }
    }
}

/// A list as somebody carries it: in DER or PEM.
fn read_list(bytes: &[u8]) -> Result<RevocationList, RevocationListError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.contains("-----BEGIN") => RevocationList::from_pem(text),
        _ => RevocationList::from_der(bytes),
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
