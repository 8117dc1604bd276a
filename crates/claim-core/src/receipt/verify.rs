//! What a receipt proves: the list of DESIGN, in its order, each point by one function.
//!
//! Bytes in, report out: no network, no clock, no file. Each point yields what it established as a value of its own
//! type, and a later point can only be asked with the values of those before it. The first point that fails ends the
//! list; what makes a receipt incomplete does not.

mod certificates;
mod claim;
mod container;
mod due;
mod files;
mod finding;
mod log;
mod origins;
mod report;
mod time;
mod token;

use claim_log::WitnessKey;
use claim_pki::{RevocationList, Root};

pub use due::Due;
pub use files::{FileFact, FileState};
pub use finding::{Certificate, Finding, Severity};
pub use report::{
    Check, Claimed, Lateness, Logged, Outcome, Point, Report, SignedBy, Verdict, Witnessed,
};
pub use time::Standing;

use crate::claim::FileEntry;

/// What there is to judge by.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The receipt, or the lodging proof.
    pub receipt: &'a [u8],
    /// `cuhk.cer`, from elsewhere.
    pub root: &'a Root,
    /// The files that are at hand, hashed by [`FileHasher`](crate::claim::FileHasher), under the names by which the
    /// claim may know them.
    pub files: &'a [FileEntry],
    /// The witness whose cosignature is demanded. Without it, one that `cuhk.cer` certifies is.
    pub witness: Option<&'a WitnessKey>,
    /// Revocation lists that are newer than the receipt, of the root or of an issuing authority.
    pub newer_lists: &'a [RevocationList],
}

/// Says what the evidence proves.
pub fn verify(evidence: &Evidence<'_>) -> Report {
    let mut report = Report::new();
    // What stopped it stands in the report.
    let _ = go_through(evidence, &mut report);
    report
}

/// The list. DESIGN §7 "Verification", PROTOCOL.md §11.
fn go_through(evidence: &Evidence<'_>, report: &mut Report) -> Option<()> {
    let Evidence { receipt, root, files, witness, newer_lists } = *evidence;
    // 1. The container is well-formed.
    let opened = report.point(Point::Container, |_| container::check(receipt))?;
    // 2. The claim is signed by persons whom `cuhk.cer` knows, each for themselves.
    let claim = report.point(Point::Claim, |found| claim::check(&opened, root, found))?;
    // 3. Blackboard's timestamp authority had exactly this claim; where Blackboard could not be reached, CUHK's before.
    let token = report.point(Point::Token, |_| token::check(&opened, &claim, root))?;
    // 4. All of it is about one Blackboard, and every certificate has its place.
    let services = report.point(Point::Origins, |_| {
        origins::check(&opened, &claim, &token, root) //
    })?;
    // 5. The log has the claim, and that its files were received, and a witness saw the log.
    let logged = report.point(Point::Log, |found| {
        log::check(&opened, &claim, &services, witness, found) //
    })?;
    // 6. The time is right, and all certificates were good at their time.
    let moment = report.point(Point::Time, |found| {
        let moment = time::check(&claim, &token, &logged, found)?;
        let (opened, claim, token) = (&opened, &claim, &token);
        let used =
            certificates::Used { opened, claim, token, services: &services, logged: &logged };
        certificates::check(&used, root, newer_lists, found)?;
        Ok(moment)
    })?;
    // 7. In time, or late by how much.
    report.point(Point::Due, |found| Ok(due::check(&claim, &moment, found)))?;
    // 8. The files at hand are those of the claim.
    report.point(Point::Files, |found| Ok(files::check(&claim, files, found)))?;
    Some(())
}
