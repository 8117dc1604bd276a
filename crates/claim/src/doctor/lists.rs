//! Revocation lists: whether each is there, genuine, fresh, and for how long it is good.

use std::path::Path;

use claim_core::Timestamp;
use claim_pki::{Certificate, RevocationList, Root, VerifiedRevocationList};

use super::days;
use super::finding::Findings;
use super::keys::{first, issuing_stems};
use super::place::{Kind, Place};
use super::read_public;
use crate::cli::Check;
use crate::words::day;

/// The most lists in one file that are looked at.
const MOST: usize = 64;

/// Whoever signs a list.
enum Authority<'a> {
    Root(&'a Root),
    Issuing(&'a Root, Box<Certificate>),
}

impl Authority<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Root(_) => "of the root (issuing certificates and keys of evidence)",
            Self::Issuing(..) => "of the issuing certificate (persons and servers)",
        }
    }

    fn key_id(&self) -> Option<[u8; 20]> {
        match self {
            Self::Root(root) => root.certificate().subject_key_id(),
            Self::Issuing(_, certificate) => certificate.subject_key_id(),
        }
    }

    /// From how many days of age on a list should long have been followed by another.
    fn old(&self) -> i64 {
        match self {
            Self::Root(_) => 40,
            Self::Issuing(..) => 2,
        }
    }

    fn verify(
        &self,
        list: &RevocationList,
        now: Timestamp,
    ) -> Result<VerifiedRevocationList, String> {
        match self {
            Self::Root(root) => {
                root.verify_revocation_list(list).map_err(|error| error.to_string())
            }
            Self::Issuing(root, certificate) => {
                let issuer = root.verify_issuer(certificate.der(), now);
                let issuer = issuer.map_err(|error| error.to_string())?;
                issuer.verify_revocation_list(list).map_err(|error| error.to_string())
            }
        }
    }
}

pub(super) fn look(place: &Place, now: Timestamp, findings: &mut Findings) {
    if !findings.wants(Check::Lists) {
        return;
    }
    let Some(root) = place.root() else { return };
    match &place.kind {
        Kind::Cuhk { serve, offline: false } => {
            // Before the first start there is none.
            if !place.path("cuhk-server.cer").exists() {
                return;
            }
            let lists = in_folder(&place.path("crl"));
            let issuing = issuing_stems(&place.dir).into_iter();
            let issuing = issuing.filter_map(|stem| first(&place.path(&format!("{stem}.cer"))));
            let next = "systemctl status claim-cuhk: a CUHK that serves makes it anew daily";
            judge_all(&lists, &root, issuing, next, now, findings);
            if !serve.keys.root_elsewhere {
                let next =
                    "systemctl status claim-cuhk: a CUHK that has cuhk.key makes it anew monthly";
                judge(&lists, &Authority::Root(&root), next, now, findings);
            } else {
                from_elsewhere(&lists, &root, now, findings);
            }
        }
        Kind::Blackboard(_) => {
            if !place.path("blackboard.cer").exists() {
                return;
            }
            let text = read_public(&place.path("revocation.crl")).unwrap_or_default();
            let lists = RevocationList::all_from_pem(&text, MOST).unwrap_or_default();
            let issuers = read_public(&place.path("issuers.cer")).unwrap_or_default();
            let issuers = Certificate::chain_from_pem(&issuers).unwrap_or_default();
            let next = "See that CUHK serves and can be reached: Blackboard fetches it by itself, and refuses claims without";
            judge_all(&lists, &root, issuers.into_iter(), next, now, findings);
        }
        _ => {}
    }
}

fn judge_all(
    lists: &[RevocationList],
    root: &Root,
    issuers: impl Iterator<Item = Certificate>,
    next: &str,
    now: Timestamp,
    findings: &mut Findings,
) {
    let mut seen = false;
    for certificate in issuers.filter(|certificate| now <= certificate.not_after()) {
        seen = true;
        judge(lists, &Authority::Issuing(root, Box::new(certificate)), next, now, findings);
    }
    if !seen {
        let what = "There is no revocation list, and no issuing certificate that has not ended.";
        findings.wrong(
            Check::Lists,
            what,
            "Without a list nobody's certificate is believed.",
            next,
        );
    }
}

/// A list of a root elsewhere comes with each answer of that machine.
fn from_elsewhere(lists: &[RevocationList], root: &Root, now: Timestamp, findings: &mut Findings) {
    let next = "claim cuhk issuing renew --services-only, and have the request certified";
    let authority = Authority::Root(root);
    let current = newest(lists, &authority, now);
    match current {
        Ok(Some(list)) if (0..60).contains(&days(now, list.next_update())) => {
            let end = day(list.next_update());
            let what =
                format!("The revocation list {} is good until {end} only.", authority.name());
            findings.warning(Check::Lists, what, "The root's key is elsewhere.", next);
        }
        _ => judge_old(lists, &authority, i64::MAX, next, now, findings),
    }
}

fn judge(
    lists: &[RevocationList],
    authority: &Authority<'_>,
    next: &str,
    now: Timestamp,
    findings: &mut Findings,
) {
    judge_old(lists, authority, authority.old(), next, now, findings);
}

fn judge_old(
    lists: &[RevocationList],
    authority: &Authority<'_>,
    old: i64,
    next: &str,
    now: Timestamp,
    findings: &mut Findings,
) {
    let name = authority.name();
    let list = match newest(lists, authority, now) {
        Ok(Some(list)) => list,
        Ok(None) => {
            let what = format!("The revocation list {name} is not there.");
            findings.wrong(Check::Lists, what, "Without it certificates cannot be believed.", next);
            return;
        }
        Err(why) => {
            let what = format!("The revocation list {name} is not genuine.");
            findings.wrong(Check::Lists, what, why, next);
            return;
        }
    };
    let (number, end, age) = (list.number(), list.next_update(), days(list.this_update(), now));
    if now > end {
        let what = format!("The revocation list {name} was good until {end} (number {number}).");
        findings.wrong(
            Check::Lists,
            what,
            "Whoever checks certificates by it refuses them now.",
            next,
        );
    } else if age >= old {
        let left = days(now, end);
        let what = format!("The revocation list {name} is {age} days old (number {number}).");
        let why = format!("Another should have followed; this one is good for {left} days more.");
        findings.warning(Check::Lists, what, why, next);
    } else {
        findings.well(
            Check::Lists,
            format!(
                "The revocation list {name} has number {number}, {} entries, and is good until {}.",
                list.len(),
                day(end)
            ),
        );
    }
}

/// The newest list of an authority among these.
fn newest(
    lists: &[RevocationList],
    authority: &Authority<'_>,
    now: Timestamp,
) -> Result<Option<VerifiedRevocationList>, String> {
    let Some(id) = authority.key_id() else { return Ok(None) };
    let mut found: Option<VerifiedRevocationList> = None;
    for list in lists.iter().filter(|list| *list.issuer_key_id() == id) {
        let verified = authority.verify(list, now)?;
        if found.as_ref().is_none_or(|found| found.number() < verified.number()) {
            found = Some(verified);
        }
    }
    Ok(found)
}

/// The lists that CUHK publishes: files in DER or PEM.
fn in_folder(folder: &Path) -> Vec<RevocationList> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let crl = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "crl");
    let read = |path: std::path::PathBuf| {
        let bytes = std::fs::metadata(&path)
            .ok()
            .filter(|metadata| metadata.len() <= RevocationList::MAX_SIZE as u64)
            .and_then(|_| std::fs::read(&path).ok())?;
        let pem = || RevocationList::from_pem(std::str::from_utf8(&bytes).ok()?).ok();
        RevocationList::from_der(&bytes).ok().or_else(pem)
    };
    paths.filter(crl).filter_map(read).collect()
}
