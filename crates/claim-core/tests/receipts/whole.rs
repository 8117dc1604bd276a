//! Receipts as honest servers make them.

use claim_core::receipt::{Due, FileState, Standing, Verdict};

use crate::checks::{codes, files};
use crate::site::{Made, Site, Story, at};

#[test]
fn a_whole_receipt_holds() {
    let site = Site::new();
    let receipt = site.make(&Story::new()).zip();
    let report = site.verify(&receipt, &files());
    assert_eq!(codes(&report), [""; 0], "{:?}", report.checks());
    assert_eq!(report.verdict(), Verdict::Verified);
    let claim = report.claim.unwrap();
    assert_eq!(claim.signers[0].person, site.students[0].id);
    assert_eq!(claim.manifest.assignment_ref().to_string(), "IEMS5710/lab1");
    assert_eq!(report.lodged_at, Some(at("15:59:41.204")));
    let witnessed = at("15:59:42.000");
    assert_eq!(report.standing, Some(Standing::ProvenInTime { witnessed }));
    assert_eq!(report.due, Some(Due::InTime { due: at("15:59:59.999") }));
    let logged = report.logged.unwrap();
    assert_eq!((logged.lodged, logged.received), (Some(3), Some(6)));
    assert_eq!(logged.log, "localhost:3141/log");
    let witness = logged.witness.unwrap();
    assert_eq!(witness.witness.name().as_str(), "localhost:9335/witness");
    assert!(witness.certified);
    assert!(report.files.iter().all(|file| file.state == FileState::Same));
    // Without the files the receipt is as good; it only says so.
    let report = site.verify(&receipt, &[]);
    assert_eq!(codes(&report), ["not-given"]);
    assert_eq!(report.verdict(), Verdict::Verified);
}

#[test]
fn what_is_genuine_but_not_complete() {
    let site = Site::new();
    let whole = site.make(&Story::new());
    let rows: [(&str, Made, &[&str]); 2] = [
        ("lodging proof", Made { received: None, ..whole.clone() }, &["not-received"]),
        (
            "first moments",
            Made { lodged: None, received: None, ..whole.clone() },
            &["not-logged", "word-alone"],
        ),
    ];
    for (what, made, expected) in rows {
        let report = site.verify(&made.zip(), &files());
        assert_eq!(codes(&report), expected, "{what}");
        assert_eq!(report.verdict(), Verdict::Incomplete, "{what}");
    }
    let stories: [(&str, Story, &[&str]); 2] = [
        (
            "old list",
            Story { list_of: at("00:00:00.000").plus_seconds(-36_600), ..Story::new() },
            &["list-old"],
        ),
        ("seen late", Story { witnessed: at("16:01:42.000"), ..Story::new() }, &["word-alone"]),
    ];
    for (what, story, expected) in stories {
        let report = site.verify(&site.make(&story).zip(), &files());
        assert_eq!(codes(&report), expected, "{what}");
        assert_eq!(report.verdict(), Verdict::Incomplete, "{what}");
    }
}

#[test]
fn point_2_who_signs_for_whom() {
    let site = Site::new();
    let group = Story { sids: vec!["1155123456", "1155123457"], ..Story::new() };
    for signers in [vec![0], vec![1], vec![0, 1]] {
        let report = site.verify(&site.make(&Story { signers, ..group.clone() }).zip(), &files());
        assert_eq!(report.verdict(), Verdict::Verified, "{:?}", report.checks());
    }
    let report = site.verify(&site.make(&Story { by_staff: true, ..group }).zip(), &files());
    assert_eq!(report.verdict(), Verdict::Verified);
    assert_eq!(codes(&report), ["by-staff"]);
}

#[test]
fn the_earliest_witness_counts() {
    let site = Site::new();
    let mut made = site.make(&Story::new());
    let (early, late) = (at("15:59:43.000"), at("15:59:55.000"));
    site.prove(
        &mut made,
        &[(&site.witness, late), (&site.other_witness, early)],
        &[(&site.witness, at("16:01:00.000"))],
    );
    let report = site.verify(&made.zip(), &files());
    assert_eq!(report.verdict(), Verdict::Verified, "{:?}", report.checks());
    let logged = report.logged.unwrap();
    assert_eq!(logged.witness.unwrap().at, early);
    assert_eq!(logged.witnesses.len(), 2);
}
