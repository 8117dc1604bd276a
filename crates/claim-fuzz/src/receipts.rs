//! The whole of `claim_core::receipt::verify`, on the real receipts of `testdata/receipts.json`.

use std::sync::LazyLock;

use claim_core::encoding::from_base64;
use claim_core::receipt::{
    Container, Evidence, Member, Outcome as Checked, Report, Verdict, verify,
};
use claim_pki::Root;
use serde_json::Value;

use crate::Outcome;

/// Those of the vectors that are genuine.
static GENUINE: LazyLock<Genuine> = LazyLock::new(Genuine::read);

struct Genuine {
    root: Root,
    receipts: Vec<Receipt>,
}

struct Receipt {
    zip: Vec<u8>,
    container: Container,
    report: Report,
}

impl Genuine {
    fn read() -> Self {
        let text = include_str!("../../../testdata/receipts.json");
        let vectors: Value = serde_json::from_str(text).unwrap();
        let root = Root::from_pem(vectors["root"].as_str().unwrap()).unwrap();
        let cases = vectors["cases"].as_array().unwrap().iter();
        let receipts = cases
            .filter(|case| case["verdict"] != Verdict::NotVerified.name())
            .map(|case| {
                let zip = from_base64(case["receipt"].as_str().unwrap()).unwrap();
                let container = Container::from_zip(&zip).unwrap();
                Receipt { report: judge(&root, &zip), container, zip }
            })
            .collect();
        Self { root, receipts }
    }
}

/// The first octet says which receipt, the second which member, and what follows is put into its place; nothing where
/// a member can be left out. Behind the last member stands the receipt as a whole.
///
/// What still counts is what the genuine receipt says: who, what, when.
pub(crate) fn receipt(data: &[u8]) -> Outcome {
    let [which, place, content @ ..] = data else { return Outcome::Refused };
    let Genuine { root, receipts } = &*GENUINE;
    let genuine = &receipts[usize::from(*which) % receipts.len()];
    let changed = match Member::ALL.get(usize::from(*place) % (Member::ALL.len() + 1)) {
        Some(member) => with(&genuine.container, *member, content),
        None => content.to_vec(),
    };
    let report = judge(root, &changed);
    well_formed(&report);
    if report.verdict() == Verdict::NotVerified {
        return Outcome::Refused;
    }
    let same = receipts.iter().any(|it| it.zip == changed);
    if !same {
        assert_eq!(claimed(&report), claimed(&genuine.report), "another claim is taken");
    }
    if report.verdict() == Verdict::Verified && !same {
        assert_eq!(logged(&report), logged(&genuine.report), "another proof is taken");
    }
    Outcome::Accepted
}

fn judge(root: &Root, receipt: &[u8]) -> Report {
    verify(&Evidence { receipt, root, files: &[], witness: None, newer_lists: &[] })
}

fn with(container: &Container, changed: Member, bytes: &[u8]) -> Vec<u8> {
    let members = Member::ALL.into_iter().filter_map(|member| match member == changed {
        true => (!bytes.is_empty()).then(|| (member, bytes.to_vec())),
        false => container.content(member).map(|content| (member, content.to_vec())),
    });
    Container::new(members).to_zip()
}

/// Behind the point that fails nothing is looked at, and whoever fails says why.
fn well_formed(report: &Report) {
    let mut failed = false;
    for check in report.checks() {
        assert_eq!(failed, check.outcome == Checked::NotReached);
        failed |= check.outcome == Checked::Fails;
        assert!(
            !matches!(check.outcome, Checked::Fails | Checked::Incomplete)
                || !check.findings.is_empty()
        );
    }
    assert_eq!(failed, report.verdict() == Verdict::NotVerified);
    for finding in report.findings() {
        assert!(!finding.to_string().chars().any(char::is_control), "{finding:?}");
    }
}

fn claimed(report: &Report) -> String {
    let claim = report.claim.as_ref().unwrap();
    format!("{:?} {:?} {:?} {:?}", claim.id, claim.signers, report.lodged_at, report.due)
}

fn logged(report: &Report) -> String {
    let logged = report.logged.as_ref().unwrap();
    format!("{} {:?} {:?}", logged.log, logged.lodged, logged.received)
}

pub(crate) fn receipts() -> Vec<Vec<u8>> {
    let whole = |which: usize, member: Member| {
        let place = Member::ALL.into_iter().position(|one| one == member)?;
        let content = GENUINE.receipts[which].container.content(member)?;
        Some([&[u8::try_from(which).unwrap(), u8::try_from(place).unwrap()], content].concat())
    };
    let all = Member::ALL.into_iter().filter_map(|member| whole(0, member));
    let claims = (1..GENUINE.receipts.len()).filter_map(|which| whole(which, Member::Claim));
    all.chain(claims).collect()
}
