//! Forgeries with the real keys, and what exposes each: the table of docs/EVIDENCE.md.
//!
//! They are stored, too, in `testdata/receipts.json`, for verifiers in other languages. `UPDATE=receipts` rewrites them.

use std::path::PathBuf;

use claim_core::claim::{ClaimId, FileEntry};
use claim_core::encoding::base64;
use claim_core::receipt::{Evidence, Member, Outcome, Point, Report, Verdict, verify};
use claim_log::witness::{AddCheckpoint, Decision, decide};
use claim_log::{ConsistencyProof, LogProof, TreeSize};
use claim_pki::{Root, Validity};
use serde_json::{Value, json};

use crate::checks::{codes, content, with};
use crate::site::{
    CUHK, Made, REPORT, Site, Story, YEAR, at, entries, file, log, prove, revoked, timestamp,
    token, witness, witness_with,
};

/// A receipt, the files that go with it, and what it must be told.
struct Case {
    name: &'static str,
    receipt: Vec<u8>,
    files: Vec<(&'static str, &'static [u8])>,
    verdict: Verdict,
    /// The first finding that decides, with its point; none where every check holds.
    finding: Option<(Point, &'static str)>,
}

const FILES: [(&str, &[u8]); 2] = [("report.pdf", REPORT), ("data/empty", b"")];

fn holds(name: &'static str, receipt: Vec<u8>) -> Case {
    Case { name, receipt, files: FILES.into(), verdict: Verdict::Verified, finding: None }
}

fn incomplete(name: &'static str, receipt: Vec<u8>, point: Point, code: &'static str) -> Case {
    let verdict = Verdict::Incomplete;
    Case { name, receipt, files: FILES.into(), verdict, finding: Some((point, code)) }
}

fn forged(name: &'static str, receipt: Vec<u8>, point: Point, code: &'static str) -> Case {
    let verdict = Verdict::NotVerified;
    Case { name, receipt, files: FILES.into(), verdict, finding: Some((point, code)) }
}

fn genuine(site: &Site) -> Vec<Case> {
    let whole = site.make(&Story::new());
    let group = Story { sids: vec!["1155123456", "1155123457"], ..Story::new() };
    let late = Story { due: Some(at("15:59:00.000")), ..Story::new() };
    vec![
        holds("whole", whole.zip()),
        holds("group, one signed", site.make(&group).zip()),
        holds("group, both signed", site.make(&Story { signers: vec![0, 1], ..group }).zip()),
        holds("by staff", site.make(&Story { by_staff: true, ..Story::new() }).zip()),
        holds("late", site.make(&late).zip()),
        holds("without a due time", site.make(&Story { due: None, ..Story::new() }).zip()),
        incomplete(
            "lodging proof",
            Made { received: None, ..whole.clone() }.zip(),
            Point::Log,
            "not-received",
        ),
        incomplete(
            "first moments",
            Made { lodged: None, received: None, ..whole }.zip(),
            Point::Log,
            "not-logged",
        ),
    ]
}

/// A proof can have the cosignatures of several witnesses, and each that is there must be genuine.
fn of_two_witnesses(site: &Site) -> Vec<Case> {
    let mut two = site.make(&Story::new());
    let both = |first, second| [(&site.witness, at(first)), (&site.other_witness, at(second))];
    let [lodged, received] =
        [both("15:59:42.000", "15:59:45.000"), both("16:00:32.000", "16:00:31.000")];
    site.prove(&mut two, &lodged, &received);
    let mut later = two.clone();
    site.prove(&mut later, &lodged[..1], &received);
    let proof = String::from_utf8(content(&two, Member::LodgedProof)).unwrap();
    let name = site.other_witness.signer.key().name().to_string();
    let line = proof.lines().find(|line| line.starts_with(&format!("\u{2014} {name} "))).unwrap();
    // In the middle of the signature.
    let (place, end) = (line.len() - 20, line.len() - 19);
    let other = if &line[place..end] == "A" { "B" } else { "A" };
    let altered = format!("{}{other}{}", &line[..place], &line[end..]);
    let altered = with(&two, Member::LodgedProof, proof.replace(line, &altered).as_bytes());
    vec![
        holds("two witnesses", two.zip()),
        holds("two witnesses, one of them later", later.zip()),
        forged("two witnesses, one cosignature altered", altered, Point::Log, "proof"),
    ]
}

/// By a student, or by whoever has a receipt in hands.
fn of_students(site: &Site) -> Vec<Case> {
    let made = site.make(&Story::new());
    let other = site.make(&Story { nonce: 8, gen_time: at("15:58:00.000"), ..Story::new() });
    let cms = content(&made, Member::Claim);
    let place = cms.windows(10).position(|it| it == b"report.pdf").unwrap();
    let mut altered = cms;
    altered[place] = b'R';
    let readme = String::from_utf8(content(&made, Member::Readme)).unwrap();
    let readme = readme.replace("Never take it from", "Just take it from");
    vec![
        Case {
            files: vec![("report.pdf", b"The better report.\n")],
            ..forged("changed file", made.zip(), Point::Files, "file")
        },
        Case {
            files: vec![("other.pdf", REPORT)],
            ..forged("unknown file", made.zip(), Point::Files, "unknown-file")
        },
        forged("altered claim", with(&made, Member::Claim, &altered), Point::Claim, "claim"),
        forged(
            "mixed: token of an earlier claim",
            Made { token: other.token.clone(), ..made.clone() }.zip(),
            Point::Token,
            "token-imprint",
        ),
        forged(
            "mixed: proof of another claim",
            Made { lodged: other.lodged.clone(), ..made.clone() }.zip(),
            Point::Log,
            "proof",
        ),
        forged(
            "mixed: claim with another's evidence",
            Made { claim: made.claim.clone(), ..other }.zip(),
            Point::Token,
            "token-imprint",
        ),
        forged(
            "misleading README",
            with(&made, Member::Readme, readme.as_bytes()),
            Point::Container,
            "readme-text",
        ),
    ]
}

/// By Blackboard, or whoever has its keys.
fn of_blackboard(site: &Site) -> Vec<Case> {
    let made = site.make(&Story::new());
    let all = entries(&made);
    let lodged_at = at("15:59:42.000");
    let by = [(&site.witness, lodged_at)];
    // The timestamp key was stolen; it is evening, and the log cannot be made to have had it in time.
    let back_dated = Story { witnessed: at("20:00:00.000"), ..Story::new() };
    let ahead = Story { witnessed: at("15:57:00.000"), ..Story::new() };
    let mut other_face = all.clone();
    other_face[0] = b"claim v1 received\nanother\n".to_vec();
    let face = prove(&site.log.signer, &other_face, 3, &by);
    let validity = Validity::starting(site.start, YEAR);
    let posing = witness_with(&site.root_issuer, "posing.example", &site.log.secret, validity);
    let mut vouching = Made { witnesses: vec![posing.certificate.clone()], ..made.clone() };
    site.prove(&mut vouching, &[(&posing, lodged_at)], &[(&posing, at("16:00:32.000"))]);
    let alone = prove(&site.log.signer, &all[..5], 3, &[]);
    let revoked_before = [revoked(&serial_of(site), at("15:00:00.000"))];
    vec![
        incomplete(
            "token back-dated with the stolen timestamp key",
            site.make(&back_dated).zip(),
            Point::Time,
            "word-alone",
        ),
        forged("clock far ahead", site.make(&ahead).zip(), Point::Time, "clock-far"),
        forged(
            "log with two faces",
            Made { lodged: Some(face), ..made.clone() }.zip(),
            Point::Log,
            "two-histories",
        ),
        forged("log key posing as witness", vouching.zip(), Point::Log, "proof"),
        forged(
            "log without a witness",
            Made { lodged: Some(alone), ..made.clone() }.zip(),
            Point::Log,
            "not-cosigned",
        ),
        forged(
            "claim of a revoked signer taken",
            site.make(&Story { revoked: revoked_before.into(), ..Story::new() }).zip(),
            Point::Time,
            "signer-revoked",
        ),
        forged(
            "token of another Blackboard",
            {
                let elsewhere = "https://localhost:3142".parse().unwrap();
                let other = timestamp(&site.root_issuer, &elsewhere, site.start);
                let token = token(&other, &made.claim, at("15:59:41.204"));
                Made { token, ..made.clone() }.zip()
            },
            Point::Origins,
            "origin",
        ),
    ]
}

/// By whoever has the issuing authority's key, but not the root's.
fn of_the_issuing_key(site: &Site) -> Vec<Case> {
    let made = site.make(&Story::new());
    let thief = site.thief("CUHK Issuing");
    let clock = timestamp(&thief, &site.origin, site.start);
    let own_log = log(&thief, &site.origin, site.start);
    let own_witness = witness(&thief, "localhost:9335/witness", site.start);
    let (lodged, received) = (at("15:59:42.000"), at("16:00:32.000"));
    let mut witnessed = Made { witnesses: vec![own_witness.certificate.clone()], ..made.clone() };
    site.prove(&mut witnessed, &[(&own_witness, lodged)], &[(&own_witness, received)]);
    vec![
        forged(
            "timestamp certificate from the issuing key",
            Made { token: token(&clock, &made.claim, at("15:59:41.204")), ..made.clone() }.zip(),
            Point::Token,
            "certificate-path",
        ),
        forged(
            "log certificate from the issuing key",
            Made { log: own_log.certificate, ..made }.zip(),
            Point::Origins,
            "certificate-path",
        ),
        forged(
            "witness certificate from the issuing key",
            witnessed.zip(),
            Point::Origins,
            "certificate-path",
        ),
    ]
}

fn serial_of(site: &Site) -> claim_pki::SerialNumber {
    let leaf = site.students[0].chain.certificates()[0];
    claim_pki::Certificate::from_der(leaf).unwrap().serial().clone()
}

/// Claims that were signed in an outage, and what passes for such.
fn of_outages(site: &Site) -> Vec<Case> {
    let story = Story::of_outage();
    let made = site.make(&story);
    let late = site.make(&Story { stamped: Some(at("16:00:00.000")), ..story.clone() });
    let ordinary = site.make(&Story { stamped: None, ..story.clone() });
    let other = site.make(&Story { nonce: 8, ..story });
    let stamped =
        |made: &Made, by, time| Made { outage: Some(token(by, &made.claim, time)), ..made.clone() };
    let in_time = at("15:59:41.204");
    let elsewhere = "https://localhost:3142".parse().unwrap();
    let neighbour = timestamp(&site.root_issuer, &elsewhere, site.start);
    let old = timestamp(&site.root_issuer, &CUHK.parse().unwrap(), site.start.plus_seconds(-3600));
    let thief = site.thief("CUHK Root").with_crl_url(format!("{CUHK}/crl/00.crl").parse().unwrap());
    let thief = timestamp(&thief, &CUHK.parse().unwrap(), site.start);
    let point = Point::Token;
    vec![
        holds("outage, in time", made.zip()),
        holds("outage, late", late.zip()),
        incomplete(
            "outage, lodging proof",
            Made { received: None, ..made.clone() }.zip(),
            Point::Log,
            "not-received",
        ),
        forged(
            "outage, token left out",
            Made { outage: None, ..made.clone() }.zip(),
            point,
            "outage-missing",
        ),
        forged(
            "outage pretended: a token beside an ordinary claim",
            stamped(&ordinary, &site.tsa, in_time).zip(),
            point,
            "outage-unclaimed",
        ),
        forged(
            "outage, token of another claim",
            Made { outage: other.outage, ..made.clone() }.zip(),
            point,
            "outage-imprint",
        ),
        forged(
            "outage, Blackboard's own token for CUHK's",
            stamped(&made, &site.timestamp, in_time).zip(),
            point,
            "outage-authority",
        ),
        forged(
            "outage, token by another Blackboard",
            stamped(&made, &neighbour, in_time).zip(),
            point,
            "outage-authority",
        ),
        forged(
            "outage, token by an authority that the issuing key made",
            stamped(&made, &thief, in_time).zip(),
            point,
            "outage-certificate",
        ),
        forged(
            "outage, back-dated to before the signer had a certificate",
            stamped(&made, &old, site.start.plus_seconds(-1)).zip(),
            Point::Time,
            "signer-not-valid",
        ),
        forged(
            "outage, stamped after Blackboard had it",
            stamped(&made, &site.tsa, at("16:35:00.000")).zip(),
            Point::Time,
            "outage-later",
        ),
    ]
}

fn all(site: &Site) -> Vec<Case> {
    let mut cases = genuine(site);
    cases.extend(of_two_witnesses(site));
    cases.extend(of_students(site));
    cases.extend(of_blackboard(site));
    cases.extend(of_the_issuing_key(site));
    cases.extend(of_outages(site));
    // A whole world of their own: same names, other keys.
    let other = Site::new();
    let receipt = other.make(&Story::new()).zip();
    cases.push(forged("another root", receipt, Point::Claim, "claim"));
    cases
}

#[track_caller]
fn judge(case: &Case, root: &Root) {
    let files: Vec<FileEntry> = case.files.iter().map(|(name, bytes)| file(name, bytes)).collect();
    let evidence =
        Evidence { receipt: &case.receipt, root, files: &files, witness: None, newer_lists: &[] };
    let report = verify(&evidence);
    assert_eq!(report.verdict(), case.verdict, "{}: {:?}", case.name, report.checks());
    assert_eq!(decisive(&report), case.finding, "{}", case.name);
}

fn decisive(report: &Report) -> Option<(Point, &'static str)> {
    let worst =
        report.checks().iter().map(|check| check.outcome).filter(|it| *it != Outcome::NotReached);
    let worst = worst.max().filter(|it| *it != Outcome::Holds)?;
    let check = report.checks().iter().find(|check| check.outcome == worst)?;
    let heaviest = check.findings.iter().map(|it| it.severity()).max()?;
    let finding = check.findings.iter().find(|it| it.severity() == heaviest)?;
    Some((check.point, finding.code()))
}

#[test]
fn each_forgery_is_exposed_where_it_is_said() {
    let site = Site::new();
    let cases = all(&site);
    cases.iter().for_each(|case| judge(case, &site.root));
}

/// Makes all of them anew.
fn update() {
    let site = Site::new();
    let cases: Vec<Value> = all(&site).iter().map(stored).collect();
    let root = site.root_issuer.certificate().to_pem();
    let text = serde_json::to_string_pretty(&json!({ "root": root, "cases": cases })).unwrap();
    std::fs::write(path(), text + "\n").unwrap();
}

fn stored(case: &Case) -> Value {
    let files: Vec<Value> = case
        .files
        .iter()
        .map(|(name, bytes)| json!({ "name": name, "content": base64(bytes) }))
        .collect();
    json!({
        "name": case.name,
        "receipt": base64(&case.receipt),
        "files": files,
        "verdict": case.verdict.name(),
        "point": case.finding.map(|(point, _)| point.name()),
        "finding": case.finding.map(|(_, code)| code),
    })
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/receipts.json")
}

#[test]
fn the_stored_receipts_are_judged_as_they_say() {
    if std::env::var_os("UPDATE").is_some_and(|what| what == "receipts") {
        update();
    }
    let stored: Value = serde_json::from_slice(&std::fs::read(path()).unwrap()).unwrap();
    let root = Root::from_pem(stored["root"].as_str().unwrap()).unwrap();
    let cases = stored["cases"].as_array().unwrap();
    assert!(cases.len() > 20);
    for case in cases {
        let bytes =
            |value: &Value| claim_core::encoding::from_base64(value.as_str().unwrap()).unwrap();
        let files: Vec<FileEntry> = case["files"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| file(it["name"].as_str().unwrap(), &bytes(&it["content"])))
            .collect();
        let receipt = bytes(&case["receipt"]);
        let evidence = Evidence {
            receipt: &receipt,
            root: &root,
            files: &files,
            witness: None,
            newer_lists: &[],
        };
        let report = verify(&evidence);
        assert_eq!(report.verdict().name(), case["verdict"], "{}", case["name"]);
        let (point, finding) = decisive(&report).unzip();
        assert_eq!(json!(point.map(Point::name)), case["point"], "{}", case["name"]);
        assert_eq!(json!(finding), case["finding"], "{}", case["name"]);
    }
}

/// A draft that was signed early and kept back cannot pass for what came after: it does not name its predecessor.
#[test]
fn an_old_draft_lodged_again() {
    let site = Site::new();
    let draft = Story { nonce: 1, gen_time: at("15:59:50.000"), ..Story::new() };
    let last = Story::new();
    let last_id = ClaimId::of_manifest(&site.manifest(&last));
    let [last, draft] = [&last, &draft].map(|story| site.verify(&site.make(story).zip(), &[]));
    // Each alone is genuine; the draft was lodged later, but in its place the log has another claim of this holder.
    assert!(last.lodged_at < draft.lodged_at);
    let replaces = |report: &Report| report.claim.as_ref().unwrap().manifest.replaces;
    assert_eq!((replaces(&last), replaces(&draft)), (None, None));
    // What would honestly have been lodged then names what it replaces.
    let successor = Story { nonce: 2, replaces: Some(last_id), ..Story::new() };
    let successor = site.verify(&site.make(&successor).zip(), &[]);
    assert_eq!(replaces(&successor), Some(last_id));
    assert_eq!(codes(&successor), ["not-given"]);
}

/// The log drops an entry and signs a tree without it.
#[test]
fn a_log_that_forgets() {
    let site = Site::new();
    let made = site.make(&Story::new());
    let before = made.received.clone().unwrap();
    let mut forgetful = entries(&made);
    forgetful.remove(3);
    forgetful.extend([b"claim v1 received\nx\n".to_vec(), b"claim v1 received\ny\n".to_vec()]);
    let after = prove(&site.log.signer, &forgetful, 0, &[]);
    assert!(refused(&site, &before, &after), "no witness that saw the receipt's tree cosigns");
    // And whoever holds the receipt shows it: the log has signed that it has the entry.
    assert_eq!(site.verify(&made.zip(), &[]).verdict(), Verdict::Verified);
}

/// Two receipts of one log that contradict each other: each holder sees a genuine one.
#[test]
fn a_log_with_two_faces_is_seen_when_two_receipts_meet() {
    let site = Site::new();
    let [one, other] = [7, 8].map(|nonce| site.make(&Story { nonce, ..Story::new() }));
    let signed = |made: &Made| {
        let checkpoint = made.received.clone().unwrap().checkpoint().clone();
        checkpoint.log_signed(&site.log.signer.key()).unwrap()
    };
    let split = claim_log::witness::SplitView::of(&signed(&one), &signed(&other));
    assert!(split.is_some(), "proof for anybody that the log has two histories");
    let (one, other) = (one.received.unwrap(), other.received.unwrap());
    assert!(refused(&site, &one, &other), "an honest witness cosigns only one of them");
}

/// Whether a witness that cosigned the first checkpoint refuses the second, whatever proof comes with it.
fn refused(site: &Site, first: &LogProof, second: &LogProof) -> bool {
    let key = site.log.signer.key();
    let last = first.checkpoint().log_signed(&key).unwrap();
    let size: TreeSize = last.head().size;
    let hashes = second.inclusion().hashes().to_vec();
    [Vec::new(), hashes].into_iter().all(|hashes| {
        let proof = ConsistencyProof::new(hashes).unwrap();
        let request = AddCheckpoint::new(size, proof, second.checkpoint().clone());
        matches!(decide(Some(&key), Some(&last), &request), Decision::Refuse(_))
    })
}
