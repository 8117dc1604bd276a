//! Point 5: the log.

use claim_core::receipt::{Evidence, Member, Point, RevocationLists, Verdict, verify};
use claim_pki::Validity;

use crate::checks::{content, fails, files, with};
use crate::site::{Made, Site, Story, at, entries, log, prove, token, witness, witness_with};

#[test]
fn point_5_the_log() {
    let site = Site::new();
    let made = site.make(&Story::new());
    let (lodged_at, received_at) = (at("15:59:42.000"), at("16:00:32.000"));
    let by = [(&site.witness, lodged_at)];
    let check = |made: &Made, code| fails(&site.verify(&made.zip(), &files()), Point::Log, code);
    let all = entries(&made);
    let lodged = |entries: &[Vec<u8>], index| Made {
        lodged: Some(prove(&site.log.signer, entries, index, &by)),
        ..made.clone()
    };
    // Another entry of the log; another claim's; the proof of the wrong one of the two.
    check(&lodged(&all, 4), "proof");
    check(&Made { lodged: made.received.clone(), ..made.clone() }, "proof");
    check(&Made { received: made.lodged.clone(), ..made.clone() }, "proof");
    let other = site.make(&Story { nonce: 8, ..Story::new() });
    check(&Made { lodged: other.lodged.clone(), ..made.clone() }, "proof");
    check(&Made { received: other.received.clone(), ..made.clone() }, "proof");
    // The log has it with another revocation list, or another token.
    let list = site.list(at("14:00:00.000"), &[]);
    let lists = RevocationLists::for_claim(&made.claim, &[list]).unwrap();
    check(&Made { lists, ..made.clone() }, "proof");
    let again = token(&site.timestamp, &made.claim, at("15:59:41.204"));
    check(&Made { token: again, ..made.clone() }, "proof");
    // Signed by another key than the log's.
    let stranger = log(&site.root_issuer, &site.origin, site.start);
    let proof = prove(&stranger.signer, &all[..5], 3, &by);
    check(&Made { lodged: Some(proof), ..made.clone() }, "proof");
    // Nobody cosigned; nobody whom the root certifies; not the one that was asked for.
    let proof = prove(&site.log.signer, &all[..5], 3, &[]);
    check(&Made { lodged: Some(proof), ..made.clone() }, "not-cosigned");
    let proof = prove(&site.log.signer, &all[..8], 6, &[]);
    check(&Made { received: Some(proof), ..made.clone() }, "not-cosigned");
    let uncertified = witness(&Site::new().root_issuer, "witness.example", site.start);
    let by_stranger = [(&uncertified, lodged_at)];
    let proof = prove(&site.log.signer, &all[..5], 3, &by_stranger);
    check(&Made { lodged: Some(proof), ..made.clone() }, "not-cosigned");
    let demand = |made: &Made, key: &claim_log::WitnessKey| {
        verify(&Evidence {
            receipt: &made.zip(),
            root: &site.root,
            files: &files(),
            witness: Some(key),
            newer_lists: &[],
        })
    };
    fails(&demand(&made, &uncertified.signer.key()), Point::Log, "not-by-demanded-witness");
    fails(&demand(&made, &site.other_witness.signer.key()), Point::Log, "not-by-demanded-witness");
    assert_eq!(demand(&made, &site.witness.signer.key()).verdict(), Verdict::Verified);
    // One that cuhk.cer does not know counts when the verifier knows it, with its time.
    let mut outside = made.clone();
    let (lodged, received) = (at("15:59:50.000"), at("16:00:50.000"));
    site.prove(
        &mut outside,
        &[(&site.witness, lodged_at), (&uncertified, lodged)],
        &[(&site.witness, received_at), (&uncertified, received)],
    );
    let report = demand(&outside, &uncertified.signer.key());
    assert_eq!(report.verdict(), Verdict::Verified, "{:?}", report.checks());
    let witness = report.logged.unwrap().witness.unwrap();
    assert_eq!((witness.at, witness.certified), (lodged, false));
    let report = site.verify(&outside.zip(), &files());
    assert_eq!(report.logged.unwrap().witness.unwrap().at, lodged_at);
    // A witness's certificate without its cosignature.
    let pem = String::from_utf8(content(&made, Member::Certificates)).unwrap();
    let mut witnesses = [&site.witness.certificate, &site.other_witness.certificate];
    witnesses.sort_by_key(|it| *it.digest());
    let pem = pem.strip_suffix(&site.witness.certificate.to_pem()).unwrap().to_owned();
    let pem = pem + &witnesses.map(claim_pki::Certificate::to_pem).concat();
    let report = site.verify(&with(&made, Member::Certificates, pem.as_bytes()), &files());
    fails(&report, Point::Log, "idle-witness");
    // The log itself, as a witness that the root was deceived into certifying.
    let validity = Validity::starting(site.start, crate::site::YEAR);
    let posing = witness_with(&site.root_issuer, "posing.example", &site.log.secret, validity);
    let mut forged = Made { witnesses: vec![posing.certificate.clone()], ..made.clone() };
    site.prove(&mut forged, &[(&posing, lodged_at)], &[(&posing, received_at)]);
    check(&forged, "proof");
    // *Received* stands before *lodged*.
    let mut turned = all.clone();
    turned.swap(3, 6);
    let turned = Made {
        lodged: Some(prove(&site.log.signer, &turned, 6, &by)),
        received: Some(prove(&site.log.signer, &turned[..5], 3, &by)),
        ..made.clone()
    };
    check(&turned, "received-before-lodged");
    // Two trees of one size: each proof holds, both together do not.
    let mut other_tree = all.clone();
    other_tree[0] = b"claim v1 received\nanother\n".to_vec();
    let split = Made { lodged: Some(prove(&site.log.signer, &other_tree, 3, &by)), ..made.clone() };
    check(&split, "two-histories");
}
