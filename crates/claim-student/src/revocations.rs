//! Whether CUHK has revoked the certificate by which a Blackboard proves itself.
//!
//! A stolen key of Blackboard's proves as much as the true one, until its certificate ends or somebody looks at the
//! list. CUHK is asked for it with each session, at most once a minute, and for a few seconds only: at 23:58 nobody may
//! miss a deadline because CUHK is away. Then the newest list counts that was ever had, which is kept in the folder.
//! What a list revokes stays revoked, however old the list is.

use std::path::PathBuf;
use std::time::Duration;

use claim_core::messages::Chain;
use claim_core::{Origin, Timestamp};
use claim_files::{Mode, replace};
use claim_http::{FetchListError, fetch_revocation_list, https_client, revocation_list_path};
use claim_pki::{
    Certificate, PathError, Revocation, RevocationList, Root, VerifiedIssuer,
    VerifiedRevocationList, VerifiedServer, VerifyRevocationListError,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::error::tamed;
use crate::event::Event;
use crate::session::{Party, SessionError};
use crate::wallet::{Wallet, read_public_up_to};

/// How long CUHK is waited for. Somebody who hands in waits as long.
const LOOK: Duration = Duration::from_secs(3);

/// How long what a look has brought, or not brought, is good for: Blackboard itself asks as often.
const FRESH: Duration = Duration::from_secs(60);

/// How many lists are kept: of the root, and of the issuing authorities of the last years.
const MAX_LISTS: usize = 8;

/// The most that is read of kept lists, in bytes of PEM: each of the largest size.
const MAX_KEPT: u64 = MAX_LISTS as u64 * 2 * RevocationList::MAX_SIZE as u64;

/// What the program knows of CUHK's lists.
#[derive(Debug, Default)]
pub(crate) struct Lists(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// What is in the folder is here, too.
    is_loaded: bool,
    /// Each was verified when it came; the newest first.
    lists: Vec<RevocationList>,
    /// The last look, and what it failed by.
    looked: Option<(Instant, Option<String>)>,
}

/// Why there is no newer list.
#[derive(Debug, thiserror::Error)]
enum LookError {
    #[error(transparent)]
    Client(#[from] claim_http::ClientError),
    #[error(transparent)]
    Fetch(#[from] FetchListError),
    #[error("it did not answer in time")]
    Slow,
    #[error("it has no list of this issuing certificate")]
    NoList,
    #[error(transparent)]
    Verify(#[from] VerifyRevocationListError),
    #[error("its list is older than the one that is known")]
    Older,
    #[error("its list was good until {0}")]
    Stale(Timestamp),
}

impl Party {
    /// Refuses a Blackboard whose certificate, or the issuing certificate above it, CUHK has revoked.
    ///
    /// Where CUHK cannot be asked, what is known counts, and [`Event::RevocationsNotFetched`] tells.
    pub(crate) async fn judge(
        &self,
        server: &VerifiedServer,
        chain: &Chain,
    ) -> Result<(), SessionError> {
        let issuer = self.issuer(server, chain).map_err(|error| self.unproven(error))?;
        let leaf = Certificate::from_der(chain.leaf())
            .map_err(|_| self.unproven(PathError::UnknownIssuer))?;
        let mut known = self.student.lists.0.lock().await;
        known.load(self.student.wallet());
        let is_fresh = known.looked.as_ref().is_some_and(|(at, _)| at.elapsed() < FRESH);
        if !is_fresh {
            let came = timeout(LOOK, self.look(&issuer, &leaf, &mut known)).await;
            let fault = came.unwrap_or(Err(LookError::Slow)).err();
            known.looked = Some((Instant::now(), fault.map(|fault| tamed(&fault))));
            known.keep(self.student.wallet());
        }
        let of_issuer = known.of_issuer(&issuer);
        let of_root = known.of_root(&self.root);
        let revoked = |list: &Option<VerifiedRevocationList>, serial| {
            list.as_ref().and_then(|list| list.revoked(serial))
        };
        if let Some(Revocation { at, .. }) = revoked(&of_issuer, server.serial()) {
            return Err(self.revoked(server.serial().clone(), false, at));
        }
        let serial = issuer.certificate().serial();
        if let Some(Revocation { at, .. }) = revoked(&of_root, serial) {
            return Err(self.revoked(serial.clone(), true, at));
        }
        if let Some((_, Some(why))) = &known.looked
            && !is_fresh
        {
            let issued_at = of_issuer.map(|list| list.this_update());
            self.student.tell(Event::RevocationsNotFetched { why: why.clone(), issued_at });
        }
        Ok(())
    }

    /// The certificate that Blackboard's comes from.
    fn issuer(&self, server: &VerifiedServer, chain: &Chain) -> Result<VerifiedIssuer, PathError> {
        let now = self.student.now();
        let certificates = chain.certificates();
        let mut issuers =
            certificates.iter().filter_map(|der| self.root.verify_issuer(der, now).ok());
        issuers.find(|one| one.key_id() == server.issuer_key_id()).ok_or(PathError::UnknownIssuer)
    }

    /// Fetches the issuing authority's list and the root's, and takes what is newer than what is known.
    async fn look(
        &self,
        issuer: &VerifiedIssuer,
        leaf: &Certificate,
        known: &mut Known,
    ) -> Result<(), LookError> {
        let client = https_client(&self.student.trust(&self.root), None, LOOK)?;
        let at = |id: &[u8; 20]| place(leaf, issuer.key_id(), &self.student.config.cuhk, id);
        if let Some(id) = self.root.certificate().subject_key_id()
            && let Some(list) = fetch_revocation_list(&client, &at(&id)).await?
        {
            let verified = self.root.verify_revocation_list(&list)?;
            known.take(list, &verified, known.of_root(&self.root))?;
        }
        let list = fetch_revocation_list(&client, &at(issuer.key_id())).await?;
        let list = list.ok_or(LookError::NoList)?;
        let verified = issuer.verify_revocation_list(&list)?;
        known.take(list, &verified, known.of_issuer(issuer))?;
        match self.student.now() > verified.next_update() {
            true => Err(LookError::Stale(verified.next_update())),
            false => Ok(()),
        }
    }

    fn unproven(&self, error: PathError) -> SessionError {
        let (blackboard, source) = (self.student.config.blackboard.clone(), error.into());
        SessionError::Exchange { blackboard, source }
    }

    fn revoked(
        &self,
        serial: claim_pki::SerialNumber,
        is_issuers: bool,
        at: Timestamp,
    ) -> SessionError {
        let blackboard = self.student.config.blackboard.clone();
        SessionError::Revoked { blackboard, serial, is_issuers, at }
    }
}

/// The URL of the list of the authority with this key id: beside the one that Blackboard's certificate names, which CUHK has
/// signed, or else at the CUHK that is configured.
fn place(leaf: &Certificate, issuer: &[u8; 20], cuhk: &Origin, id: &[u8; 20]) -> String {
    let named = leaf.revocation_list_url();
    let prefix = named.as_ref().and_then(|url| {
        let prefix = url.as_str().strip_suffix(&revocation_list_path(issuer))?;
        prefix.starts_with("https://").then_some(prefix)
    });
    match prefix {
        Some(prefix) => format!("{prefix}{}", revocation_list_path(id)),
        None => cuhk.join(&revocation_list_path(id)),
    }
}

impl Known {
    /// Takes what was kept, once.
    fn load(&mut self, wallet: &Wallet) {
        if self.is_loaded {
            return;
        }
        self.is_loaded = true;
        // A file that cannot be read is as good as none: it is written anew.
        let text = read_public_up_to(&path(wallet), MAX_KEPT).ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        self.lists = RevocationList::all_from_pem(&text, MAX_LISTS).unwrap_or_default();
    }

    fn keep(&self, wallet: &Wallet) {
        let text: String = self.lists.iter().map(RevocationList::to_pem).collect();
        // Whoever cannot write here has other troubles, which are told elsewhere; the lists count in this run.
        let _ = replace(&path(wallet), text.as_bytes(), Mode::Public);
    }

    fn take(
        &mut self,
        list: RevocationList,
        verified: &VerifiedRevocationList,
        before: Option<VerifiedRevocationList>,
    ) -> Result<(), LookError> {
        if before.is_some_and(|before| before.number() > verified.number()) {
            return Err(LookError::Older);
        }
        self.lists.retain(|one| one.issuer_key_id() != list.issuer_key_id());
        self.lists.insert(0, list);
        self.lists.truncate(MAX_LISTS);
        Ok(())
    }

    fn of_issuer(&self, issuer: &VerifiedIssuer) -> Option<VerifiedRevocationList> {
        self.lists.iter().find_map(|list| issuer.verify_revocation_list(list).ok())
    }

    fn of_root(&self, root: &Root) -> Option<VerifiedRevocationList> {
        self.lists.iter().find_map(|list| root.verify_revocation_list(list).ok())
    }
}

fn path(wallet: &Wallet) -> PathBuf {
    wallet.dir().join(".blackboard.crl")
}
