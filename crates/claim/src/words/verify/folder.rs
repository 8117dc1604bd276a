//! What people are told of a folder of receipts and files.

use std::path::Path;

use claim_core::Escaped;
use claim_core::claim::FileName;
use claim_core::receipt::{Due, Finding, Report, Severity, Verdict};
use claim_course::taking::{State, Taken, TakenClaim};
use claim_pki::Root;
use serde_json::{Value, json};

use super::{Subject, span};

/// One claim, as it was judged.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) claim: TakenClaim,
    /// What its receipt proves; `None` where there is none.
    pub(crate) report: Option<Report>,
    /// What is wrong with it, in words.
    pub(crate) differences: Vec<String>,
}

impl Judged {
    fn verdict(&self) -> Verdict {
        match &self.report {
            Some(report) if self.differences.is_empty() => report.verdict(),
            _ => Verdict::NotVerified,
        }
    }
}

/// What was found in all.
#[derive(Clone, Debug)]
pub(crate) struct Totals<'a> {
    list: &'a Taken,
    /// What belongs to no claim.
    extra: Vec<String>,
    /// Where the list contradicts itself.
    inconsistent: Vec<String>,
    verified: usize,
    incomplete: usize,
    failing: usize,
    files: usize,
}

impl<'a> Totals<'a> {
    pub(crate) fn new(list: &'a Taken, extra: Vec<String>, inconsistent: Vec<String>) -> Self {
        let (verified, incomplete, failing, files) = (0, 0, 0, 0);
        Self { list, extra, inconsistent, verified, incomplete, failing, files }
    }

    pub(crate) fn add(&mut self, one: &Judged) {
        self.files += one.claim.files.len();
        match one.verdict() {
            Verdict::Verified => self.verified += 1,
            Verdict::Incomplete => self.incomplete += 1,
            Verdict::NotVerified => self.failing += 1,
        }
    }

    /// What is true of all of it.
    pub(crate) fn verdict(&self) -> Verdict {
        if self.failing > 0 || !self.extra.is_empty() || !self.inconsistent.is_empty() {
            Verdict::NotVerified
        } else if self.incomplete > 0 || !self.is_whole() {
            Verdict::Incomplete
        } else {
            Verdict::Verified
        }
    }

    /// Whether the list itself says that everything was taken.
    fn is_whole(&self) -> bool {
        self.list.complete && self.list.failed.is_empty()
    }

    fn without(&self) -> Vec<&str> {
        let nothing = self.list.students.iter().filter(|student| student.claim.is_none());
        nothing.map(|student| student.sid.as_str()).collect()
    }
}

/// A path in the folder, safe for a terminal.
pub(crate) fn shown(name: &FileName) -> String {
    Escaped(name.as_str()).to_string()
}

/// A line a claim, with what is wrong below.
pub(crate) fn line(one: &Judged) -> String {
    let Judged { claim, report, differences } = one;
    let (place, files) = (shown(&claim.place), claim.files.len());
    let late =
        report.as_ref().and_then(|report| report.due).map_or(String::new(), |due| match due {
            Due::Late { by, .. } => format!(", late by {}", span(by.millis)),
            Due::InTime { .. } => ", in time".to_owned(),
            Due::None => String::new(),
        });
    match one.verdict() {
        Verdict::Verified => format!("✓ {place}  {}{late}, {files} files", claim.sids),
        Verdict::Incomplete => {
            let report = report.iter().flat_map(Report::findings);
            let missing =
                report.filter(|finding: &&Finding| finding.severity() == Severity::Incomplete);
            let missing: Vec<String> = missing.map(ToString::to_string).collect();
            format!("○ {place}  {}{late}, {files} files: {}", claim.sids, missing.join("; "))
        }
        Verdict::NotVerified => {
            let mut lines = vec![format!("✗ {place}  {}: NOT VERIFIED", claim.sids)];
            lines.extend(differences.iter().map(|what| format!("    {}", Escaped(what))));
            lines.join("\n")
        }
    }
}

/// The same for programs: what its receipt proves, and what is wrong.
pub(crate) fn document(one: &Judged, trust: &Root, root: &Path) -> Value {
    let Judged { claim, report, differences } = one;
    let receipt = Path::new(claim.receipt.as_str());
    let subject = Subject { receipt, root, trust };
    json!({
        "claim": claim.claim,
        "place": claim.place,
        "sids": claim.sids,
        "counts": claim.counts,
        "verdict": one.verdict().name(),
        "differences": differences,
        "report": report.as_ref().map(|report| super::json(&subject, report)),
    })
}

/// What is true of all of it, and on whose word the rest is.
pub(crate) fn summary(folder: &Path, totals: &Totals<'_>) -> String {
    let Totals { list, extra, inconsistent, verified, incomplete, failing, files } = totals;
    let all = verified + incomplete + failing;
    let head = match totals.verdict() {
        Verdict::Verified => "verified. Every claim is as its receipt says",
        Verdict::Incomplete => "genuine, but not complete",
        Verdict::NotVerified => "NOT VERIFIED",
    };
    let mut lines: Vec<String> = inconsistent.iter().map(|what| format!("✗ {what}")).collect();
    lines.extend(extra.iter().map(|path| format!("✗ {path}: belongs to no claim of the list")));
    let missing = list
        .failed
        .iter()
        .map(|failed| format!("○ {}: not taken: {}", failed.sids, Escaped(&failed.why)));
    lines.extend(missing);
    lines.push(format!(
        "{}: {head}. {all} claims with {files} files for {}: {verified} verified, {incomplete} incomplete, {failing} not verified.",
        super::shown(folder),
        list.assignment
    ));
    if !totals.is_whole() {
        lines.push("The list says that not everything was taken.".to_owned());
    }
    let without = totals.without();
    let unfinished =
        list.students.iter().filter(|student| student.state == State::FilesMissing).count();
    lines.push(format!(
        "That {} of {} students have nothing ({unfinished} of them lodged a claim whose files are missing), and which claim counts, no receipt shows: it is in the list that {} took at {}.",
        without.len(),
        list.students.len(),
        Escaped(&list.taken_by),
        list.taken_at
    ));
    lines.join("\n")
}

/// The same for programs.
pub(crate) fn summary_document(totals: &Totals<'_>) -> Value {
    let Totals { list, extra, inconsistent, verified, incomplete, failing, files } = totals;
    json!({
        "event": "folder-verified",
        "assignment": list.assignment.to_string(),
        "verdict": totals.verdict().name(),
        "verified": verified,
        "incomplete": incomplete,
        "not_verified": failing,
        "files": files,
        "extra": extra,
        "inconsistent": inconsistent,
        "complete": totals.is_whole(),
        "failed": list.failed,
        "without": totals.without(),
        "taken_by": list.taken_by,
        "taken_at": list.taken_at,
    })
}
