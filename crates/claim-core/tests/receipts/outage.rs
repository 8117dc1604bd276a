//! Claims that were signed in an outage: judged by CUHK's time, and every way in which that can be wrong.

use claim_core::Timestamp;
use claim_core::receipt::{
    Due, Evidence, Member, Outcome, Point, Report, Standing, Verdict, readme, verify,
};
use claim_pki::{SigningKey, TimestampSigner, TimestampToken};

use crate::checks::{codes, content, fails, files, with};
use crate::site::{
    CUHK, Made, Site, Story, at, list_by, revoked, timestamp, timestamp_with, token,
};
use crate::time::moved;

fn run(site: &Site, story: &Story) -> Report {
    site.verify(&site.make(story).zip(), &files())
}

/// The same claim with another token of CUHK's, or what is said to be one.
fn stamped_by(made: &Made, signer: &TimestampSigner, stamped: Timestamp) -> Vec<u8> {
    Made { outage: Some(token(signer, &made.claim, stamped)), ..made.clone() }.zip()
}

#[test]
fn in_time_by_cuhks_time() {
    let site = Site::new();
    let report = run(&site, &Story::of_outage());
    assert_eq!(report.verdict(), Verdict::Verified, "{:?}", report.checks());
    assert_eq!(codes(&report), ["in-outage"]);
    let stamped = at("15:59:41.204");
    assert_eq!(report.stamped_at, Some(stamped));
    assert_eq!(report.lodged_at, Some(at("16:30:00.500")));
    assert_eq!(report.standing, Some(Standing::Stamped { stamped }));
    assert_eq!(report.due, Some(Due::InTime { due: at("15:59:59.999") }));
    let text = String::from_utf8(content(&site.make(&Story::of_outage()), Member::Readme)).unwrap();
    assert!(text.contains("ts -verify -data claim.p7s -in outage.tsr -CAfile cuhk.cer -attime"));
}

#[test]
fn the_same_without_an_outage_is_late() {
    let site = Site::new();
    let report = run(&site, &Story { stamped: None, ..Story::of_outage() });
    assert_eq!(codes(&report), ["late"]);
    assert!(matches!(report.due, Some(Due::Late { .. })));
}

#[test]
fn late_by_cuhks_time() {
    let site = Site::new();
    let late = Story { stamped: Some(at("16:00:00.000")), ..Story::of_outage() };
    let report = run(&site, &late);
    assert_eq!(report.verdict(), Verdict::Verified);
    assert_eq!(codes(&report), ["in-outage", "late"]);
    let Some(Due::Late { by, .. }) = report.due else { panic!("{:?}", report.due) };
    assert_eq!(by.millis, 1);
    // Without a due time nobody is late.
    let report = run(&site, &Story { due: None, ..late });
    assert_eq!((codes(&report), report.due), (vec!["in-outage"], Some(Due::None)));
}

#[test]
fn what_the_witness_saw_in_time_needs_no_timestamp_of_cuhk() {
    let site = Site::new();
    let story = Story { due: Some(at("17:00:00.000")), ..Story::of_outage() };
    let report = run(&site, &story);
    let witnessed = at("16:30:01.000");
    assert_eq!(report.standing, Some(Standing::ProvenInTime { witnessed }));
}

#[test]
fn a_lodging_proof_of_an_outage_is_incomplete_as_any() {
    let site = Site::new();
    let whole = site.make(&Story::of_outage());
    for (made, expected) in [
        (Made { received: None, ..whole.clone() }, &["not-received", "in-outage"][..]),
        (Made { received: None, lodged: None, ..whole.clone() }, &["not-logged", "in-outage"]),
    ] {
        let report = site.verify(&made.zip(), &files());
        assert_eq!((codes(&report).as_slice(), report.verdict()), (expected, Verdict::Incomplete));
    }
}

#[test]
fn the_token_is_there_exactly_when_the_claim_says_so() {
    let site = Site::new();
    let check = |receipt: &[u8], code| fails(&site.verify(receipt, &files()), Point::Token, code);
    let made = site.make(&Story::of_outage());
    check(&Made { outage: None, ..made }.zip(), "outage-missing");
    // A claim that was late gets a token of CUHK's afterwards, or even before it was lodged.
    let late = site.make(&Story { stamped: None, ..Story::of_outage() });
    check(&stamped_by(&late, &site.tsa, at("15:59:41.204")), "outage-unclaimed");
    // README.txt tells of it, and of nothing else.
    let made = site.make(&Story::of_outage());
    for outage in [None, Some(at("15:59:41.205"))] {
        let text = readme(at("16:30:00.500"), outage);
        check(&with(&made, Member::Readme, text.as_bytes()), "readme-time");
    }
    let text = readme(at("15:59:41.204"), Some(at("15:59:41.204")));
    check(&with(&late, Member::Readme, text.as_bytes()), "readme-time");
}

#[test]
fn the_token_is_cuhks_own_and_over_this_claim() {
    let site = Site::new();
    let made = site.make(&Story::of_outage());
    let check = |receipt: &[u8], code| fails(&site.verify(receipt, &files()), Point::Token, code);
    let stamped = at("15:59:41.204");
    for bytes in [&b""[..], b"x", &made.outage.as_ref().unwrap().der()[1..]] {
        check(&with(&made, Member::Outage, bytes), "outage-form");
    }
    // Of another claim of the same student.
    let other = site.make(&Story { nonce: 8, ..Story::of_outage() });
    check(&Made { outage: other.outage, ..made.clone() }.zip(), "outage-imprint");
    // Blackboard's own token, also in the place of CUHK's.
    check(&stamped_by(&made, &site.timestamp, stamped), "outage-authority");
    // Of another Blackboard; and one that would be CUHK by its origin without the root's word for it.
    let elsewhere = "https://localhost:3142".parse().unwrap();
    let other = timestamp(&site.root_issuer, &elsewhere, site.start);
    check(&stamped_by(&made, &other, stamped), "outage-authority");
    // By one that the issuing authority has made, in either name, with the same address of its list.
    for name in ["CUHK Issuing", "CUHK Root"] {
        let thief = site.thief(name).with_crl_url(format!("{CUHK}/crl/00.crl").parse().unwrap());
        let own = timestamp(&thief, &CUHK.parse().unwrap(), site.start);
        check(&stamped_by(&made, &own, stamped), "outage-certificate");
    }
    // Of another CUHK.
    check(&stamped_by(&made, &Site::new().tsa, stamped), "outage-certificate");
    // A signature that is not the authority's.
    let mut der = made.outage.as_ref().unwrap().der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let outage = Some(TimestampToken::from_der(&der).unwrap());
    check(&Made { outage, ..made.clone() }.zip(), "outage-signature");
}

#[test]
fn the_tokens_time_is_one_that_can_be() {
    let site = Site::new();
    let made = site.make(&Story::of_outage());
    let verify = |receipt: &[u8]| site.verify(receipt, &files());
    let cuhk = CUHK.parse().unwrap();
    // Whoever stole the key makes it say another time: before it was certified, or after its year.
    let stolen = |from: Timestamp, at: Timestamp, said: [&str; 2]| {
        let key = SigningKey::generate().unwrap();
        let copy = SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap();
        let signer = timestamp_with(&site.root_issuer, &cuhk, from, key);
        let outage = std::iter::repeat_with(|| token(&signer, &made.claim, at))
            .find_map(|token| moved(token.der(), said[0], said[1], &copy));
        verify(&Made { outage, ..made.clone() }.zip())
    };
    let young = stolen(
        at("15:59:50.000"),
        at("15:59:55.204"),
        ["20261124155955.204Z", "20261124155941.204Z"],
    );
    fails(&young, Point::Token, "outage-certificate");
    let retired = stolen(
        site.start.plus_seconds(-400 * 86_400),
        at("15:59:41.204").plus_seconds(-300 * 86_400),
        ["20260128155941.204Z", "20261124155941.204Z"],
    );
    fails(&retired, Point::Token, "outage-key-usage");
    // Back-dated to before the signer's certificate was there: nobody can have signed then.
    let old = site.start.plus_seconds(-3600);
    let older = timestamp(&site.root_issuer, &cuhk, old);
    let before = site.start.plus_seconds(-1);
    fails(&verify(&stamped_by(&made, &older, before)), Point::Time, "signer-not-valid");
    // Later than Blackboard's own token.
    for (stamped, holds) in [("16:32:00.500", true), ("16:32:00.501", false)] {
        let report = verify(&stamped_by(&made, &site.tsa, at(stamped)));
        match holds {
            true => assert_eq!(codes(&report), ["in-outage", "late"]),
            false => fails(&report, Point::Time, "outage-later"),
        }
    }
}

#[test]
fn a_revoked_authority_does_not_count() {
    let site = Site::new();
    let made = site.make(&Story::of_outage());
    let serial = site.tsa.certificate().serial().clone();
    let with_list = |revoked_at: Timestamp| {
        let list = list_by(&site.root_issuer, at("17:00:00.000"), &[revoked(&serial, revoked_at)]);
        verify(&Evidence {
            receipt: &made.zip(),
            root: &site.root,
            files: &files(),
            witness: None,
            newer_lists: &[list],
        })
    };
    // Before the witness saw the claim: the key may have been in other hands.
    fails(&with_list(at("16:29:00.000")), Point::Time, "revoked");
    let report = with_list(at("16:45:00.000"));
    let time = report.checks().iter().find(|check| check.point == Point::Time).unwrap();
    assert_eq!(time.outcome, Outcome::Holds);
}
