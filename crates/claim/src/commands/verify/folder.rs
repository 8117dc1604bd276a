//! `claim verify FOLDER`: everything that `claim staff download` took, receipt by receipt, several at once.
//!
//! Receipts prove what each claim is; the list in the folder tells what should be there, and whose word that is.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};
use claim_core::claim::{ClaimId, FileEntry};
use claim_core::receipt::{
    Evidence, FileState, Finding, MAX_RECEIPT, Report, Severity, Verdict, verify,
};
use claim_core::{Digest, json};
use claim_course::taking::{MANIFEST, SHEET, Taken, TakenClaim};
use claim_pki::{RevocationList, Root};

use super::{hash, read_lists, read_root, read_some, unreadable};
use crate::cli::VerifyArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::progress::Count;
use crate::words::verify::folder::{self as words, Judged, Totals};
use crate::words::verify::shown;

/// The largest list that is read, in bytes.
const MAX_LIST: u64 = 1 << 30;

/// What all receipts are judged by.
struct Judge<'a> {
    folder: &'a Path,
    list: &'a Taken,
    arguments: &'a VerifyArgs,
    root: Root,
    newer_lists: Vec<RevocationList>,
    count: Count,
}

/// Says what the receipts in a folder prove, and whether what lies there is what they say.
pub(super) fn run(arguments: &VerifyArgs, root: &Path, context: &Context) -> Result<Exit> {
    let (terminal, folder) = (context.terminal, arguments.receipt.as_path());
    if !arguments.files.is_empty() {
        let what = format!("{} is a folder of receipts and files", shown(folder));
        terminal.failure(&what, None, "Name it alone: what lies in it is compared.");
        return Ok(Exit::Usage);
    }
    let path = folder.join(MANIFEST);
    let text = read_some(&path, MAX_LIST)
        .context("a folder is verified by the list that `claim staff download` writes into it")?;
    let list: Taken =
        json::from_slice(&text).with_context(|| format!("{} is not such a list", shown(&path)))?;
    let mut newer_lists = Vec::new();
    for path in &arguments.crl {
        newer_lists.extend(read_lists(path)?);
    }
    let count = Count::new(terminal);
    let judge =
        Judge { folder, list: &list, arguments, root: read_root(root)?, newer_lists, count };
    let judged = judge.all();
    judge.count.clear();
    let mut totals = Totals::new(&list, extra(folder, &list)?, inconsistent(&list));
    for one in judged? {
        totals.add(&one);
        terminal.result(&words::line(&one), &words::document(&one, &judge.root, root));
    }
    let (text, document) = (words::summary(folder, &totals), words::summary_document(&totals));
    terminal.result(&text, &document);
    Ok(match totals.verdict() {
        Verdict::Verified => Exit::Done,
        Verdict::Incomplete => Exit::Incomplete,
        Verdict::NotVerified => Exit::NotVerified,
    })
}

impl Judge<'_> {
    /// All claims in the order of the list, as many at once as the machine has processors.
    fn all(&self) -> Result<Vec<Judged>> {
        let claims = &self.list.claims;
        self.count.begin(claims.len() as u64, 0);
        let workers = thread::available_parallelism().map_or(1, usize::from).min(claims.len());
        let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let Some(claim) = claims.get(number) else { break };
                        let judged = self.one(claim);
                        self.count.one(claim.place.as_str());
                        done.lock().unwrap_or_else(PoisonError::into_inner).push((number, judged));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        done.sort_by_key(|(number, _)| *number);
        done.into_iter().map(|(_, judged)| judged).collect()
    }

    /// One claim: its receipt, its files, and what the list says of them.
    fn one(&self, claim: &TakenClaim) -> Result<Judged> {
        let mut differences = Vec::new();
        let Some(receipt) = self.receipt(claim, &mut differences)? else {
            return Ok(Judged { claim: claim.clone(), report: None, differences });
        };
        let files = self.files(claim, &mut differences)?;
        let report = verify(&Evidence {
            receipt: &receipt,
            root: &self.root,
            files: &files,
            witness: self.arguments.witness.as_ref(),
            newer_lists: &self.newer_lists,
        });
        differences.extend(self.against_the_list(claim, &report));
        Ok(Judged { claim: claim.clone(), report: Some(report), differences })
    }

    fn receipt(
        &self,
        claim: &TakenClaim,
        differences: &mut Vec<String>,
    ) -> Result<Option<Vec<u8>>> {
        let path = self.folder.join(claim.receipt.as_str());
        if !is_file(&path)? {
            differences.push(format!("{} is missing", words::shown(&claim.receipt)));
            return Ok(None);
        }
        let receipt = read_some(&path, MAX_RECEIPT as u64 + 1)?;
        if Digest::of(&receipt) != claim.receipt_sha256 {
            differences
                .push(format!("{} is not the one that was taken", words::shown(&claim.receipt)));
        }
        Ok(Some(receipt))
    }

    /// The files that are there, each under the name that it has in the claim.
    fn files(&self, claim: &TakenClaim, differences: &mut Vec<String>) -> Result<Vec<FileEntry>> {
        let mut files = Vec::new();
        for file in &claim.files {
            let path = self.folder.join(file.path.as_str());
            if !is_file(&path)? {
                differences.push(format!("{} is missing", words::shown(&file.path)));
                continue;
            }
            files.push(hash(&path, file.name.clone())?);
            self.count.bytes(file.size);
        }
        Ok(files)
    }

    /// What the receipt says otherwise than the list, and what of it the list leaves out.
    fn against_the_list(&self, claim: &TakenClaim, report: &Report) -> Vec<String> {
        let mut differences: Vec<String> = report
            .findings()
            .filter(|finding: &&Finding| finding.severity() == Severity::Failure)
            .map(ToString::to_string)
            .collect();
        let Some(claimed) = &report.claim else { return differences };
        let manifest = &claimed.manifest;
        if claimed.id != claim.claim {
            differences.push(format!("its receipt is that of another claim ({})", claimed.id));
        }
        if manifest.sids != claim.sids {
            differences.push(format!("the claim names {}, the list {}", manifest.sids, claim.sids));
        }
        if manifest.assignment_ref() != self.list.assignment
            || manifest.blackboard != self.list.blackboard
        {
            let (to, at) = (manifest.assignment_ref(), &manifest.blackboard);
            differences.push(format!("the claim is for {to} at {at}"));
        }
        let listed: HashSet<&str> = claim.files.iter().map(|file| file.name.as_str()).collect();
        let left_out = report.files.iter().filter(|file| {
            matches!(file.state, FileState::NotGiven) && !listed.contains(file.name.as_str())
        });
        differences.extend(left_out.map(|file| {
            format!("{} was handed in and is not in the list", words::shown(&file.name))
        }));
        differences
    }
}

/// Students for whom the list names a claim that it does not have, or that does not name them.
fn inconsistent(list: &Taken) -> Vec<String> {
    let claims: HashMap<ClaimId, &TakenClaim> =
        list.claims.iter().map(|claim| (claim.claim, claim)).collect();
    let failed: HashSet<ClaimId> = list.failed.iter().map(|failed| failed.claim).collect();
    let wrong = |claim: &ClaimId, sid| match claims.get(claim) {
        Some(taken) => !taken.sids.sids().contains(sid),
        // Where somebody was interrupted it is not there yet.
        None => list.complete && !failed.contains(claim),
    };
    let students = list.students.iter();
    students
        .filter(|student| student.claim.is_some_and(|claim| wrong(&claim, &student.sid)))
        .map(|student| format!("{}: the list names a claim that is not theirs", student.sid))
        .collect()
}

/// What lies in the folder and belongs to no claim of the list.
fn extra(folder: &Path, list: &Taken) -> Result<Vec<String>> {
    let mut known: BTreeSet<PathBuf> = [MANIFEST, SHEET].map(|name| folder.join(name)).into();
    for claim in &list.claims {
        known.insert(folder.join(claim.receipt.as_str()));
        known.extend(claim.files.iter().map(|file| folder.join(file.path.as_str())));
    }
    let (mut folders, mut extra) = (vec![folder.to_owned()], Vec::new());
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).with_context(|| unreadable(&next))? {
            let entry = entry.with_context(|| unreadable(&next))?;
            let path = entry.path();
            let kind = entry.file_type().with_context(|| unreadable(&path))?;
            if kind.is_dir() {
                // What the program keeps for itself.
                if path != folder.join(".claim") {
                    folders.push(path);
                }
            } else if !known.contains(&path) {
                extra.push(shown(path.strip_prefix(folder).unwrap_or(&path)));
            }
        }
    }
    extra.sort();
    Ok(extra)
}

/// Whether a file is there itself; a link to one elsewhere is none.
fn is_file(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(error)
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
        {
            Ok(false)
        }
        Err(error) => Err(error).with_context(|| unreadable(path)),
    }
}
