//! The report: each point of the list with what was found, and the facts that are established.

use std::fmt;

use claim_log::WitnessKey;

use super::finding::{Finding, Severity};
use super::{Due, FileFact, Standing};
use crate::claim::{ClaimId, Manifest};
use crate::{PersonId, Timestamp};

/// What a receipt proves, and what it does not.
#[derive(Debug)]
pub struct Report {
    checks: Vec<Check>,
    /// Who, what, for which assignment; `None` when that is not established.
    pub claim: Option<Claimed>,
    /// When it was there by Blackboard's clock.
    pub lodged_at: Option<Timestamp>,
    /// When CUHK stamped it by its own clock, where Blackboard could not be reached: by this time it is judged.
    pub stamped_at: Option<Timestamp>,
    /// What the log and its witnesses say.
    pub logged: Option<Logged>,
    /// How far the time is confirmed.
    pub standing: Option<Standing>,
    /// In time or not.
    pub due: Option<Due>,
    /// The claim's files, in its order, each with what is known of it; empty when the list did not get there.
    pub files: Vec<FileFact>,
}

/// One point of the list.
#[derive(Debug)]
pub struct Check {
    /// Which one.
    pub point: Point,
    /// How it went.
    pub outcome: Outcome,
    /// What was found; what makes it fail stands last.
    pub findings: Vec<Finding>,
}

/// The points of the list, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// The container is well-formed.
    Container,
    /// The claim is signed by those who may sign it.
    Claim,
    /// Blackboard's token is over this claim, and after an outage CUHK's.
    Token,
    /// Everything is about the same Blackboard.
    Origins,
    /// The log has it, and a witness saw the log.
    Log,
    /// The time is right, and all certificates were good.
    Time,
    /// In time, or late by how much.
    Due,
    /// The files are those of the claim.
    Files,
}

/// How a point went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// It holds.
    Holds,
    /// What is there is genuine, but something is missing.
    Incomplete,
    /// It does not hold.
    Fails,
    /// A point before it failed.
    NotReached,
}

/// What all points together come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Every check holds.
    Verified,
    /// All is genuine, but not complete.
    Incomplete,
    /// One fails.
    NotVerified,
}

/// The claim, once its signatures are verified.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// Its id.
    pub id: ClaimId,
    /// What was signed.
    pub manifest: Manifest,
    /// Who signed; the others in `manifest.sids` were only named.
    pub signers: Vec<SignedBy>,
}

/// A person who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// Who.
    pub person: PersonId,
    /// The name in the certificate.
    pub name: String,
    /// When the person says to have signed; nothing proves it.
    pub signing_time: Timestamp,
}

/// What the log and its witnesses say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// The log's name.
    pub log: String,
    /// The place of *lodged* in the log.
    pub lodged: Option<u64>,
    /// The place of *received* in the log.
    pub received: Option<u64>,
    /// Who cosigned `lodged.proof`, the earliest first.
    pub witnesses: Vec<Witnessed>,
    /// Whose time counts.
    pub witness: Option<Witnessed>,
}

/// A cosignature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// By whom.
    pub witness: WitnessKey,
    /// Whether `cuhk.cer` certifies this witness; else it is the one that was demanded.
    pub certified: bool,
    /// By its clock, in whole seconds.
    pub at: Timestamp,
}

/// By how much a claim is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// In milliseconds, at least one.
    pub millis: i64,
}

/// What a point established, as far as it concerns people.
pub(super) trait Tell {
    /// Writes it down.
    fn tell(&self, report: &mut Report);
}

impl Point {
    /// All, in order.
    pub const ALL: [Self; 8] = [
        Self::Container,
        Self::Claim,
        Self::Token,
        Self::Origins,
        Self::Log,
        Self::Time,
        Self::Due,
        Self::Files,
    ];

    /// Its name, for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Claim => "claim",
            Self::Token => "token",
            Self::Origins => "origins",
            Self::Log => "log",
            Self::Time => "time",
            Self::Due => "due",
            Self::Files => "files",
        }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Outcome {
    /// Its name, for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Incomplete => "incomplete",
            Self::Fails => "fails",
            Self::NotReached => "not-reached",
        }
    }

    fn of(findings: &[Finding]) -> Self {
        match findings.iter().map(Finding::severity).max() {
            None | Some(Severity::Note) => Self::Holds,
            Some(Severity::Incomplete) => Self::Incomplete,
            Some(Severity::Failure) => Self::Fails,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Verdict {
    /// Its name, for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Incomplete => "incomplete",
            Self::NotVerified => "not-verified",
        }
    }
}

impl Report {
    /// Nothing is checked yet.
    pub(super) fn new() -> Self {
        let not_reached =
            |point| Check { point, outcome: Outcome::NotReached, findings: Vec::new() };
        Self {
            checks: Point::ALL.into_iter().map(not_reached).collect(),
            claim: None,
            lodged_at: None,
            stamped_at: None,
            logged: None,
            standing: None,
            due: None,
            files: Vec::new(),
        }
    }

    /// Checks one point; `None` ends the list.
    ///
    /// A check returns what it established, or the finding because of which it cannot. It may add findings that do not
    /// keep it from going on; one of them may still be a failure.
    pub(super) fn point<T: Tell>(
        &mut self,
        point: Point,
        check: impl FnOnce(&mut Vec<Finding>) -> Result<T, Finding>,
    ) -> Option<T> {
        let mut findings = Vec::new();
        let proof = check(&mut findings).map_err(|finding| findings.push(finding)).ok();
        let outcome = Outcome::of(&findings);
        if let Some(proof) = &proof {
            proof.tell(self);
        }
        if let Some(entry) = self.checks.iter_mut().find(|check| check.point == point) {
            *entry = Check { point, outcome, findings };
        }
        proof.filter(|_| outcome != Outcome::Fails)
    }

    /// Each point of the list, in order.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// All findings, in order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|check| &check.findings)
    }

    /// What it all comes to.
    pub fn verdict(&self) -> Verdict {
        let worst = self.checks.iter().map(|check| check.outcome).max();
        match worst {
            Some(Outcome::Holds) => Verdict::Verified,
            Some(Outcome::Incomplete) => Verdict::Incomplete,
            // A point that was not reached has one before it that fails.
            Some(Outcome::Fails | Outcome::NotReached) | None => Verdict::NotVerified,
        }
    }
}
