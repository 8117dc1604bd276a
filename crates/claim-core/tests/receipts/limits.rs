//! What no receipt can show, so that docs/EVIDENCE.md says so; and what a witness from outside then shows.

use claim_core::receipt::{Evidence, Point, Standing, Verdict, verify};
use claim_log::WitnessKey;

use crate::checks::{codes, fails};
use crate::site::{Made, Site, Story, at, witness};
use crate::support::student;

/// The story of a claim that came at eight in the evening, told as if it had come in time.
fn back_dated(site: &Site) -> Made {
    site.make(&Story { witnessed: at("15:59:42.000"), ..Story::new() })
}

fn demanding(site: &Site, made: &Made, witness: &WitnessKey) -> claim_core::receipt::Report {
    verify(&Evidence {
        receipt: &made.zip(),
        root: &site.root,
        files: &Story::new().files,
        witness: Some(witness),
        newer_lists: &[],
    })
}

#[test]
fn a_certificate_in_a_students_name() {
    let mut site = Site::new();
    // The issuing authority has made a second certificate for the same student, for a key of its own.
    site.students[0] = student(&site.issuing, "1155123456", site.start);
    let report = site.verify(&site.make(&Story::new()).zip(), &Story::new().files);
    assert_eq!(report.verdict(), Verdict::Verified, "CUHK's records must show it");
}

#[test]
fn blackboard_and_its_witness_agree_on_a_time() {
    let site = Site::new();
    let mut made = back_dated(&site);
    let report = site.verify(&made.zip(), &Story::new().files);
    assert_eq!(report.verdict(), Verdict::Verified, "nobody else was asked");
    // Who demands another witness gets none...
    let outside = witness(&Site::new().root_issuer, "outside.example", site.start);
    let key = outside.signer.key();
    fails(&demanding(&site, &made, &key), Point::Log, "not-by-demanded-witness");
    // ... or its time.
    let evening = at("20:00:00.000");
    let (lodged, received) = (at("15:59:42.000"), at("16:00:32.000"));
    site.prove(
        &mut made,
        &[(&site.witness, lodged), (&outside, evening)],
        &[(&site.witness, received), (&outside, evening)],
    );
    let report = demanding(&site, &made, &key);
    assert_eq!(report.verdict(), Verdict::Incomplete);
    assert_eq!(report.standing, Some(Standing::WordAlone));
    assert_eq!(codes(&report), ["word-alone"]);
}
