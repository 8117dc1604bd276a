//! What all tests of the points use.

use claim_core::claim::FileEntry;
use claim_core::receipt::{Container, Member, Outcome, Point, Report, Severity, Verdict};

use crate::site::{Made, Story};

/// The files of [`Story::new`].
pub(crate) fn files() -> Vec<FileEntry> {
    Story::new().files
}

/// The findings' codes.
pub(crate) fn codes(report: &Report) -> Vec<&'static str> {
    report.findings().map(|finding| finding.code()).collect()
}

/// The point that fails, with the code of the finding; all points after it are not reached.
#[track_caller]
pub(crate) fn fails(report: &Report, point: Point, code: &str) {
    let checks = report.checks();
    let failing: Vec<_> = checks.iter().filter(|it| it.outcome == Outcome::Fails).collect();
    let [check] = failing.as_slice() else { panic!("{:?}", report.checks()) };
    let mut failures = check.findings.iter().filter(|it| it.severity() == Severity::Failure);
    let found = failures.next().unwrap();
    assert_eq!((check.point, found.code()), (point, code), "{found}");
    let place = checks.iter().position(|it| it.point == point).unwrap();
    assert!(checks[..place].iter().all(|it| it.outcome <= Outcome::Incomplete));
    assert!(checks[place + 1..].iter().all(|it| it.outcome == Outcome::NotReached));
    assert_eq!(report.verdict(), Verdict::NotVerified);
}

/// The receipt with one member's bytes replaced.
pub(crate) fn with(made: &Made, member: Member, bytes: &[u8]) -> Vec<u8> {
    let container = made.container();
    let members = Member::ALL.into_iter().filter_map(|one| match one == member {
        true => Some((one, bytes.to_vec())),
        false => container.content(one).map(|content| (one, content.to_vec())),
    });
    Container::new(members).to_zip()
}

pub(crate) fn content(made: &Made, member: Member) -> Vec<u8> {
    made.container().content(member).unwrap().to_vec()
}
