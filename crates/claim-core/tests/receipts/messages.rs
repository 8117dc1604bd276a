//! Points 1 to 4: the container, the signed messages in it, and the certificates.

use claim_core::receipt::{Member, Point};
use claim_pki::{SignedData, TimestampToken};

use crate::checks::{codes, content, fails, files, with};
use crate::site::{Made, Site, Story, at, entries, log, prove, sign, timestamp, token, witness};

#[test]
fn point_1_the_container() {
    let site = Site::new();
    let made = site.make(&Story::new());
    let check =
        |receipt: &[u8], code| fails(&site.verify(receipt, &files()), Point::Container, code);
    check(b"", "container-form");
    check(&[&made.zip()[..], b"x"].concat(), "container-form");
    let text = |member| String::from_utf8(content(&made, member)).unwrap();
    let readme = text(Member::Readme);
    check(
        &with(&made, Member::Readme, readme.replace("cuhk.cer", "mine.cer").as_bytes()),
        "readme-text",
    );
    check(&with(&made, Member::Readme, b""), "readme-text");
    check(&Made { lodged: None, ..made.clone() }.zip(), "received-without-lodged");
    let proof = text(Member::LodgedProof);
    check(&with(&made, Member::LodgedProof, b""), "proof-form");
    check(
        &with(&made, Member::ReceivedProof, proof.replace("index 3", "index 03").as_bytes()),
        "proof-form",
    );
    let extra = proof.replace("index 3", "extra AAAA\nindex 3");
    check(&with(&made, Member::LodgedProof, extra.as_bytes()), "proof-extra");
    for member in [Member::RevocationLists, Member::Certificates] {
        let pem = text(member);
        let spellings = [
            String::new(),
            format!("\n{pem}"),
            format!("{pem}\n"),
            pem.replace('\n', "\r\n"),
            format!("Subject: somebody\n{pem}"),
            pem.replacen("-----\n", "-----\nProc-Type: 4\n\n", 1),
            pem.replace("-----\nM", "-----\nM\n"),
            pem.trim_end().to_owned(),
            pem.replace("=\n", "\n"),
            format!("{pem}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        ];
        for spelling in spellings.iter().filter(|spelling| **spelling != pem) {
            check(&with(&made, member, spelling.as_bytes()), "pem-form");
        }
    }
    check(&with(&made, Member::Certificates, &content(&made, Member::RevocationLists)), "pem-form");
    check(
        &with(&made, Member::Certificates, &content(&made, Member::Certificates).repeat(40)),
        "pem-form",
    );
}

#[test]
fn point_2_the_claim() {
    let site = Site::new();
    let check = |made: &Made| fails(&site.verify(&made.zip(), &files()), Point::Claim, "claim");
    let made = site.make(&Story::new());
    let bytes = |der: &[u8]| {
        let receipt = with(&made, Member::Claim, der);
        fails(&site.verify(&receipt, &files()), Point::Claim, "claim");
    };
    bytes(b"");
    bytes(&[made.claim.der(), &[0]].concat());
    // A changed manifest, with the signature as it was.
    let changed: Vec<u8> = made.claim.der().to_vec();
    let place = changed.windows(10).position(|it| it == b"report.pdf").unwrap();
    let mut changed = changed;
    changed[place] ^= 0x20;
    bytes(&changed);
    // By somebody who is not among those who hand in.
    check(&site.make(&Story { signers: vec![1], ..Story::new() }));
    check(&site.make(&Story { signers: vec![0, 1], ..Story::new() }));
    // `by` staff, but signed by the student; and the reverse.
    let manifest = site.manifest(&Story { by_staff: true, ..Story::new() });
    let claim = sign(&manifest, &[&site.students[0]], at("15:59:41.000"));
    check(&Made { claim, ..made.clone() });
    let claim = sign(&site.manifest(&Story::new()), &[&site.staff], at("15:59:41.000"));
    check(&Made { claim, ..made.clone() });
    // Another CUHK's student of the same number.
    check(&Made { claim: Site::new().claim(&Story::new()), ..made.clone() });
    // A withdrawal is no claim.
    let other = claim_pki::ContentType::Withdrawal;
    let certificates = site.students[0].chain.certificates();
    let [leaf, issuer] = certificates.as_slice() else { panic!() };
    let (leaf, issuer) = (
        claim_pki::Certificate::from_der(leaf).unwrap(),
        claim_pki::Certificate::from_der(issuer).unwrap(),
    );
    let signer = claim_pki::Signer::new(&site.students[0].key, &leaf, &issuer).unwrap();
    let manifest = site.manifest(&Story::new());
    let claim = SignedData::sign(other, &manifest, &[signer], at("15:59:41.000")).unwrap();
    bytes(claim.der());
    let claim = sign(b"{}", &[&site.students[0]], at("15:59:41.000"));
    bytes(claim.der());
}

#[test]
fn point_3_the_token() {
    let site = Site::new();
    let made = site.make(&Story::new());
    let check = |made: &Made, code| {
        let mut made = made.clone();
        let (lodged, received) = (at("15:59:42.000"), at("16:00:32.000"));
        site.prove(&mut made, &[(&site.witness, lodged)], &[(&site.witness, received)]);
        fails(&site.verify(&made.zip(), &files()), Point::Token, code);
    };
    for bytes in [&b""[..], &made.token.der()[1..], &[made.token.der(), &[0]].concat()] {
        let receipt = with(&made, Member::Timestamp, bytes);
        fails(&site.verify(&receipt, &files()), Point::Token, "token-form");
    }
    // Over another claim of the same student.
    let other = site.make(&Story { nonce: 8, ..Story::new() });
    check(&Made { token: other.token.clone(), ..made.clone() }, "token-imprint");
    // By a timestamp authority of another CUHK.
    let foreign = Site::new();
    let stamped = |signer: &claim_pki::TimestampSigner| Made {
        token: token(signer, &made.claim, at("15:59:41.204")),
        ..made.clone()
    };
    check(&stamped(&foreign.timestamp), "certificate-path");
    // By one that the issuing authority has made instead of the root.
    for name in ["CUHK Issuing", "CUHK Root"] {
        let own = timestamp(&site.thief(name), &site.origin, site.start);
        check(&stamped(&own), "certificate-path");
    }
    // README.txt of another time.
    let receipt = with(
        &made,
        Member::Readme,
        claim_core::receipt::readme(at("15:59:41.205"), None).as_bytes(),
    );
    fails(&site.verify(&receipt, &files()), Point::Token, "readme-time");
    // A signature that is not the authority's.
    let mut der = made.token.der().to_vec();
    *der.last_mut().unwrap() ^= 1;
    let token = TimestampToken::from_der(&der).unwrap();
    check(&Made { token, ..made.clone() }, "token-signature");
}

#[test]
fn point_4_origins_and_certificates() {
    let site = Site::new();
    let made = site.make(&Story::new());
    let check = |receipt: &[u8], code| fails(&site.verify(receipt, &files()), Point::Origins, code);
    let elsewhere = "https://localhost:3142".parse().unwrap();
    // The claim is for another Blackboard.
    check(&site.make(&Story { origin: Some(elsewhere), ..Story::new() }).zip(), "origin");
    let elsewhere = "https://localhost:3142".parse().unwrap();
    let other = timestamp(&site.root_issuer, &elsewhere, site.start);
    check(
        &Made { token: token(&other, &made.claim, at("15:59:41.204")), ..made.clone() }.zip(),
        "origin",
    );
    let other = log(&site.root_issuer, &elsewhere, site.start);
    check(&Made { log: other.certificate.clone(), ..made.clone() }.zip(), "origin");
    // A checkpoint of another log.
    for member in [Member::LodgedProof, Member::ReceivedProof] {
        let proof =
            prove(&other.signer, &entries(&made)[..5], 3, &[(&site.witness, at("15:59:42.000"))]);
        check(&with(&made, member, &proof.to_bytes()), "checkpoint-origin");
    }
    // A log, or a witness, that the issuing authority made.
    for name in ["CUHK Issuing", "CUHK Root"] {
        let thief = site.thief(name);
        let own = log(&thief, &site.origin, site.start);
        check(&Made { log: own.certificate, ..made.clone() }.zip(), "certificate-path");
        let own = witness(&thief, "localhost:9335/witness", site.start);
        let mut forged = Made { witnesses: vec![own.certificate.clone()], ..made.clone() };
        let (lodged, received) = (at("15:59:42.000"), at("16:00:32.000"));
        site.prove(&mut forged, &[(&own, lodged)], &[(&own, received)]);
        check(&forged.zip(), "certificate-path");
    }
    // Certificates that are missing, too many, twice, or in another order.
    let pem = String::from_utf8(content(&made, Member::Certificates)).unwrap();
    let end = "-----END CERTIFICATE-----\n";
    let blocks: Vec<&str> = pem.split_inclusive(end).collect();
    assert_eq!(blocks.len(), 5, "signer, issuing, timestamp, log, witness");
    let orders: [&[usize]; 9] = [
        &[1, 2, 3, 4],
        &[0, 2, 3, 4],
        &[0, 1, 3, 4],
        &[0, 1, 2],
        &[1, 0, 2, 3, 4],
        &[0, 1, 3, 2, 4],
        &[0, 0, 1, 2, 3, 4],
        &[0, 1, 2, 3, 4, 4],
        &[4, 3, 2, 1, 0],
    ];
    for order in orders {
        let pem: String = order.iter().map(|index| blocks[*index]).collect();
        check(&with(&made, Member::Certificates, pem.as_bytes()), "certificate-order");
    }
    // Where the log belongs there is something else, and something that has no place at all.
    let extra = site.root_issuer.certificate().to_pem();
    for pem in [[&blocks[..3], &blocks[4..]].concat().concat(), format!("{pem}{extra}")] {
        let report = site.verify(&with(&made, Member::Certificates, pem.as_bytes()), &files());
        let code = if pem.ends_with(&extra) { codes(&report)[0] } else { "certificate-path" };
        fails(&report, Point::Origins, code);
    }
}
