//! CUHK's root and issuing certificates: made once, loaded ever after, never overwritten.
//!
//! There may be several issuing certificates, numbered in the order in which they were made. The newest issues; those
//! before it stay in use until they end, for what they have issued: they stand in `cacerts`, and their keys sign their
//! revocation lists.

mod error;
mod pair;

use std::sync::Arc;

use claim_core::{Digest, Origin, Timestamp};
use claim_pki::{Certificate, Issuer, Profile, Root, SerialNumber};

pub use self::error::AuthorityError;
pub(crate) use self::pair::{NextIssuing, read_certificate};
use self::pair::{Pair, State, check_time, read_root};
use crate::folder::{Folder, exists};
use crate::mode::Mode;

/// The root that everybody trusts, and the issuing keys under it.
///
/// The root's own key is not part of it: it signs little, and does not stay in memory.
#[derive(Debug)]
pub(crate) struct Authority {
    root: Root,
    /// The newest first; never empty.
    issuing: Vec<Issuing>,
    issuer: Arc<Issuer>,
}

/// An issuing certificate that is valid, and its key where that is there.
#[derive(Debug)]
struct Issuing {
    certificate: Certificate,
    issuer: Option<Arc<Issuer>>,
}

/// Whether the root was there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// It was made just now.
    Made,
    /// It was there.
    Loaded,
}

impl Authority {
    /// Loads what is in the folder, or makes what was never there; `has_issued` tells whether CUHK's records hold
    /// any certificate, `origin` where CUHK serves. It may wait for passphrases and tokens.
    pub(crate) fn load_or_make(
        folder: &Folder,
        new_root: Mode,
        has_issued: bool,
        origin: Option<&Origin>,
        now: Timestamp,
    ) -> Result<(Self, Found), AuthorityError> {
        let found = make_root(folder, new_root, has_issued, now)?;
        let pair = Pair::root(folder);
        let root = read_root(&pair.certificate)?;
        check_time(&pair.certificate, root.certificate(), now)?;
        if !folder.keys().root_elsewhere {
            // Looked at here although it is needed later: what does not belong together is told at the start.
            let issuer = pair.load(origin)?;
            make_issuing(folder, &issuer, Mode::of(&root), has_issued, now)?;
        }
        let this = Self::load(folder, root, origin, now)?;
        warn_of_the_end(this.issuing_certificate(), now);
        Ok((this, found))
    }

    /// Loads the issuing certificates of now, for a root that is known.
    pub(crate) fn load(
        folder: &Folder,
        root: Root,
        origin: Option<&Origin>,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        let mut issuing: Vec<Issuing> = Vec::new();
        let mut ended = None;
        for number in folder.issuing_numbers()?.into_iter().rev() {
            let pair = Pair::issuing(folder, number)?;
            if !exists(&pair.certificate)? {
                continue;
            }
            match read_issuing(pair, &root, origin, now, issuing.is_empty()) {
                Ok(one) => issuing.push(one),
                Err(error @ AuthorityError::Expired { .. }) => {
                    ended.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match issuing.first().and_then(|newest| newest.issuer.clone()) {
            Some(issuer) => Ok(Self { root, issuing, issuer }),
            None => Err(ended.unwrap_or_else(|| none(folder))),
        }
    }

    /// The same without those that were revoked.
    ///
    /// # Errors
    /// [`AuthorityError::AllRevoked`] when nobody is left who could issue.
    pub(crate) fn without(self, revoked: &[SerialNumber]) -> Result<Self, AuthorityError> {
        let Self { root, mut issuing, .. } = self;
        issuing.retain(|one| !revoked.contains(one.certificate.serial()));
        match issuing.iter().find_map(|one| one.issuer.clone()) {
            Some(issuer) => Ok(Self { root, issuing, issuer }),
            None => Err(AuthorityError::AllRevoked),
        }
    }

    /// The trust anchor.
    pub(crate) fn root(&self) -> &Root {
        &self.root
    }

    pub(crate) fn root_certificate(&self) -> &Certificate {
        self.root.certificate()
    }

    /// SHA-256 of the root certificate's DER.
    pub(crate) fn root_digest(&self) -> Digest {
        Digest::from_bytes(*self.root.hash())
    }

    /// The certificate of whoever issues now.
    pub(crate) fn issuing_certificate(&self) -> &Certificate {
        self.issuer.certificate()
    }

    /// All that are valid, the newest first.
    pub(crate) fn issuing_certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.issuing.iter().map(|one| &one.certificate)
    }

    /// Whoever issues now.
    pub(crate) fn issuer(&self) -> &Arc<Issuer> {
        &self.issuer
    }

    /// All whose key is there, the newest first.
    pub(crate) fn issuers(&self) -> impl Iterator<Item = &Arc<Issuer>> {
        self.issuing.iter().filter_map(|one| one.issuer.as_ref())
    }
}

/// Loads the root certificate alone, for what needs no key.
pub(crate) fn load_root(folder: &Folder) -> Result<Root, AuthorityError> {
    let path = folder.root_certificate();
    if !exists(&path)? {
        return Err(AuthorityError::None { dir: folder.path().to_owned() });
    }
    read_root(&path)
}

/// Loads the root with its key, for the few certificates and the list that it signs itself; `origin` is where CUHK
/// serves. It may wait for a passphrase or a token.
pub(crate) fn load_root_issuer(
    folder: &Folder,
    origin: Option<&Origin>,
) -> Result<Issuer, AuthorityError> {
    if folder.keys().root_elsewhere {
        return Err(AuthorityError::RootOffline);
    }
    let pair = Pair::root(folder);
    match pair.state()? {
        State::Both => pair.load(origin),
        State::CertificateOnly => Err(pair.key_missing()),
        State::KeyOnly | State::Nothing => {
            Err(AuthorityError::None { dir: folder.path().to_owned() })
        }
    }
}

/// Every issuing certificate that is there, also those that have ended.
pub(crate) fn issuing_certificates(folder: &Folder) -> Result<Vec<Certificate>, AuthorityError> {
    let mut all = Vec::new();
    for number in folder.issuing_numbers()?.into_iter().rev() {
        let path = folder.issuing_certificate(number);
        if exists(&path)? {
            all.push(read_certificate(&path)?);
        }
    }
    Ok(all)
}

/// Makes a root, and nothing else.
pub(crate) fn make_root_alone(folder: &Folder, now: Timestamp) -> Result<Root, AuthorityError> {
    make_root(folder, Mode::Rostered, false, now)?;
    let pair = Pair::root(folder);
    pair.load(None)?;
    read_root(&pair.certificate)
}

/// The number that the next issuing certificate has: that of a key which has no certificate yet, else a new one.
fn next_number(folder: &Folder) -> Result<u32, AuthorityError> {
    let mut next = 1;
    for number in folder.issuing_numbers()? {
        if exists(&folder.issuing_certificate(number))? {
            next = number.saturating_add(1);
        }
    }
    Ok(next)
}

/// Makes the next issuing certificate, by the root whose key is at hand, and tells its number.
pub(crate) fn renew_issuing(
    folder: &Folder,
    mode: Mode,
    now: Timestamp,
) -> Result<u32, AuthorityError> {
    let root = load_root_issuer(folder, folder.remembered_origin().as_ref())?;
    let number = next_number(folder)?;
    Pair::issuing(folder, number)?.make_issuing(&root, mode, now)?;
    Ok(number)
}

fn make_root(
    folder: &Folder,
    mode: Mode,
    has_issued: bool,
    now: Timestamp,
) -> Result<Found, AuthorityError> {
    let pair = Pair::root(folder);
    if folder.keys().root_elsewhere {
        return match exists(&pair.certificate)? {
            true => Ok(Found::Loaded),
            false => Err(AuthorityError::None { dir: folder.path().to_owned() }),
        };
    }
    // Nothing can have been issued before there was an issuing key.
    let in_use = has_issued || !folder.issuing_numbers()?.is_empty();
    match pair.state()? {
        State::Both => Ok(Found::Loaded),
        State::CertificateOnly => Err(pair.key_missing()),
        State::Nothing if in_use => Err(pair.both_missing()),
        State::KeyOnly if in_use => Err(pair.certificate_missing()),
        State::Nothing | State::KeyOnly => {
            pair.make_root(mode, now)?;
            Ok(Found::Made)
        }
    }
}

/// Makes the first issuing certificate, or the next one after all were taken away.
fn make_issuing(
    folder: &Folder,
    root: &Issuer,
    mode: Mode,
    has_issued: bool,
    now: Timestamp,
) -> Result<(), AuthorityError> {
    if !issuing_certificates(folder)?.is_empty() {
        return Ok(());
    }
    let number = next_number(folder)?;
    let pair = Pair::issuing(folder, number)?;
    match pair.state()? {
        State::KeyOnly if has_issued => Err(pair.certificate_missing()),
        // All are gone on purpose.
        _ => pair.make_issuing(root, mode, now),
    }
}

/// One issuing certificate that is valid now; the newest must have its key.
fn read_issuing(
    pair: Pair,
    root: &Root,
    origin: Option<&Origin>,
    now: Timestamp,
    is_newest: bool,
) -> Result<Issuing, AuthorityError> {
    let certificate = read_certificate(&pair.certificate)?;
    root.verify_issuer(certificate.der(), certificate.not_before()).map_err(|source| {
        AuthorityError::ForeignIssuing { path: pair.certificate.clone(), source }
    })?;
    check_time(&pair.certificate, &certificate, now)?;
    let issuer = match pair.state()? {
        State::Both => Some(Arc::new(pair.load(origin)?)),
        _ if is_newest => return Err(pair.key_missing()),
        _ => {
            tracing::warn!(
                path = ?pair.certificate,
                "the key of a former issuing certificate is gone: its revocation list cannot be renewed"
            );
            None
        }
    };
    Ok(Issuing { certificate, issuer })
}

/// No issuing certificate is there at all.
fn none(folder: &Folder) -> AuthorityError {
    match folder.keys().root_elsewhere {
        true => AuthorityError::IssuingNeeded { answer: folder.authority_answer() },
        false => AuthorityError::None { dir: folder.path().to_owned() },
    }
}

/// Certificates that are issued now would be cut short.
fn warn_of_the_end(issuing: &Certificate, now: Timestamp) {
    let not_after = issuing.not_after();
    if now.plus_seconds(Profile::Person.life().into()) > not_after {
        tracing::warn!(
            %not_after,
            "the issuing certificate ends soon, and what it signs ends with it: run `claim cuhk issuing renew`"
        );
    }
}
