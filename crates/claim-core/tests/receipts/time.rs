//! Points 6 to 8: clocks, certificates in their time, due, files.

use claim_core::Digest;
use claim_core::claim::FileEntry;
use claim_core::receipt::{
    Due, Evidence, FileState, Point, RevocationLists, Standing, Verdict, verify,
};
use claim_pki::{SigningKey, TimestampToken};

use crate::checks::{codes, fails, files};
use crate::site::{
    Made, REPORT, Site, Story, at, entries, file, list_by, log, prove, revoked, timestamp,
    timestamp_with, token, witness,
};

#[test]
fn point_6_clocks() {
    let site = Site::new();
    let run = |story: &Story| site.verify(&site.make(story).zip(), &files());
    let witnessed = |time| Story { witnessed: at(time), ..Story::new() };
    // genTime is 15:59:41.204.
    for (story, expected) in [
        (witnessed("15:59:39.000"), [""; 0].as_slice()),
        (witnessed("15:59:38.000"), &["clock-ahead"]),
        (witnessed("15:57:42.000"), &["clock-ahead"]),
    ] {
        let report = run(&story);
        assert_eq!(codes(&report), expected);
        assert_eq!(report.verdict(), Verdict::Verified);
    }
    fails(&run(&witnessed("15:57:41.000")), Point::Time, "clock-far");
}

#[test]
fn point_6_certificates_in_their_time() {
    let site = Site::new();
    let story = Story::new();
    let made = site.make(&story);
    let check = |made: &Made, code| fails(&site.verify(&made.zip(), &files()), Point::Time, code);
    // The student's certificate is of the afternoon; the claim is lodged before, or half a year later.
    let before = Story {
        gen_time: site.start.plus_seconds(-1),
        witnessed: site.start,
        list_of: site.start.plus_seconds(-600),
        ..story.clone()
    };
    let site_before = &site;
    let old_timestamp = timestamp(&site.root_issuer, &site.origin, site.start.plus_seconds(-3600));
    let mut early = site_before.make(&story);
    early.token = token(&old_timestamp, &early.claim, before.gen_time);
    let old_log = log(&site.root_issuer, &site.origin, site.start.plus_seconds(-3600));
    early.log = old_log.certificate.clone();
    let all = entries(&early);
    early.lodged = Some(prove(&old_log.signer, &all[..5], 3, &[(&site.witness, before.witnessed)]));
    early.received = Some(prove(&old_log.signer, &all, 6, &[(&site.witness, before.witnessed)]));
    check(&early, "signer-not-valid");
    // Log and witness are younger than W.
    let young = log(&site.root_issuer, &site.origin, at("15:59:43.000"));
    let all = entries(&made);
    let by = [(&site.witness, at("15:59:42.000"))];
    let too_young = Made {
        log: young.certificate.clone(),
        lodged: Some(prove(&young.signer, &all[..5], 3, &by)),
        received: Some(prove(&young.signer, &all, 6, &by)),
        ..made.clone()
    };
    check(&too_young, "certificate-path");
    let young = witness(&site.root_issuer, "young.example", at("15:59:43.000"));
    let mut too_young = Made { witnesses: vec![young.certificate.clone()], ..made.clone() };
    let times = (at("15:59:42.000"), at("16:00:32.000"));
    site.prove(&mut too_young, &[(&young, times.0)], &[(&young, times.1)]);
    check(&too_young, "certificate-path");
    // A witness that came later may cosign what came later.
    let later = Made {
        witnesses: vec![site.witness.certificate.clone(), young.certificate.clone()],
        ..made.clone()
    };
    let mut later = later;
    site.prove(&mut later, &[(&site.witness, times.0)], &[(&young, times.1)]);
    assert_eq!(site.verify(&later.zip(), &files()).verdict(), Verdict::Verified);
}

#[test]
fn point_6_revocation() {
    let site = Site::new();
    let check = |made: &Made, code| fails(&site.verify(&made.zip(), &files()), Point::Time, code);
    let serial = |credential: &claim_core::student::Credential| {
        claim_pki::Certificate::from_der(credential.chain.certificates()[0])
            .unwrap()
            .serial()
            .clone()
    };
    let with_revoked = |time| {
        let revoked = vec![revoked(&serial(&site.students[0]), at(time))];
        // No list names what is revoked only after it, but for the rest of its second.
        site.make(&Story { revoked, list_of: at("15:59:41.000"), ..Story::new() })
    };
    check(&with_revoked("15:59:41.000"), "signer-revoked");
    check(&with_revoked("15:30:00.000"), "signer-revoked");
    let later = site.verify(&with_revoked("15:59:42.000").zip(), &files());
    assert_eq!(later.verdict(), Verdict::Verified);
    // Somebody else.
    let revoked_other = vec![revoked(&serial(&site.students[1]), at("15:00:00.000"))];
    let other = site.make(&Story { revoked: revoked_other, ..Story::new() });
    assert_eq!(site.verify(&other.zip(), &files()).verdict(), Verdict::Verified);
    // 25 hours, and a millisecond more.
    let of = |millis: i64| Story {
        gen_time: claim_core::Timestamp::from_millis(at("15:59:41.000").as_millis() + millis),
        list_of: at("15:59:41.000").plus_seconds(-25 * 3600),
        ..Story::new()
    };
    assert_eq!(codes(&site.verify(&site.make(&of(0)).zip(), &files())), [""; 0]);
    assert_eq!(codes(&site.verify(&site.make(&of(1)).zip(), &files())), ["list-old"]);
    let later = Story { list_of: at("15:59:42.000"), ..Story::new() };
    assert_eq!(codes(&site.verify(&site.make(&later).zip(), &files())), ["list-later"]);
    // The list of another authority, one too many, or with a signature of somebody else.
    let made = site.make(&Story::new());
    let relist = |lists: &[claim_pki::RevocationList]| {
        let pem: String = lists.iter().map(|list| list.to_pem()).collect();
        let lists = RevocationLists::from_slice(pem.as_bytes()).unwrap();
        let mut made = Made { lists, ..made.clone() };
        let times = (at("15:59:42.000"), at("16:00:32.000"));
        site.prove(&mut made, &[(&site.witness, times.0)], &[(&site.witness, times.1)]);
        made
    };
    let own = site.list(at("15:00:00.000"), &[]);
    let of_root = list_by(&site.root_issuer, at("15:00:00.000"), &[]);
    check(&relist(std::slice::from_ref(&of_root)), "list");
    check(&relist(&[own.clone(), own]), "list-count");
    check(&relist(&[list_by(&Site::new().issuing, at("15:00:00.000"), &[])]), "list");
    // Newer lists.
    let newer = |list: claim_pki::RevocationList| {
        verify(&Evidence {
            receipt: &made.zip(),
            root: &site.root,
            files: &files(),
            witness: None,
            newer_lists: &[list],
        })
    };
    let services = [
        site.timestamp.certificate(),
        &site.log.certificate,
        &site.witness.certificate,
        site.issuing.certificate(),
    ];
    for certificate in services {
        let of_root = |time| {
            let revoked = [revoked(certificate.serial(), at(time))];
            newer(list_by(&site.root_issuer, at("17:00:00.000"), &revoked))
        };
        fails(&of_root("15:59:41.000"), Point::Time, "revoked");
        assert_eq!(of_root("16:10:00.000").verdict(), Verdict::Verified);
    }
    assert_eq!(newer(of_root).verdict(), Verdict::Verified);
    fails(
        &newer(list_by(&Site::new().root_issuer, at("17:00:00.000"), &[])),
        Point::Time,
        "foreign-list",
    );
    // The issuing authority cannot undo a receipt by revoking for a time that is past.
    let backdated = [revoked(&serial(&site.students[0]), at("15:00:00.000"))];
    assert_eq!(newer(site.list(at("17:00:00.000"), &backdated)).verdict(), Verdict::Verified);
}

#[test]
fn point_7_due() {
    let site = Site::new();
    let run = |story: &Story| site.verify(&site.make(story).zip(), &files());
    let due = |due: Option<&str>| Story { due: due.map(at), ..Story::new() };
    assert_eq!(run(&due(None)).due, Some(Due::None));
    let in_time = run(&due(Some("15:59:41.204")));
    assert_eq!(in_time.due, Some(Due::InTime { due: at("15:59:41.204") }));
    let witnessed = at("15:59:42.000");
    assert_eq!(in_time.standing, Some(Standing::ConfirmedInTime { witnessed, seconds: 2 }));
    let late = run(&due(Some("15:59:41.203")));
    assert_eq!(codes(&late), ["late"]);
    assert_eq!(late.verdict(), Verdict::Verified);
    let Some(Due::Late { by, .. }) = late.due else { panic!("{:?}", late.due) };
    assert_eq!(by.millis, 1);
    // Blackboard's clock was ahead: late by it, but the witness saw it in time.
    let ahead = Story { witnessed: at("15:59:40.000"), ..due(Some("15:59:40.500")) };
    let report = run(&ahead);
    assert_eq!(codes(&report), ["in-time-by-witness"]);
    assert_eq!(report.due, Some(Due::InTime { due: at("15:59:40.500") }));
}

#[test]
fn point_8_files() {
    let site = Site::new();
    let large = vec![7; 9 * 1024 * 1024];
    let files = vec![file("report.pdf", REPORT), file("data/large", &large)];
    let receipt = site.make(&Story { files: files.clone(), ..Story::new() }).zip();
    let verify = |files: &[FileEntry]| site.verify(&receipt, files);
    assert_eq!(verify(&files).verdict(), Verdict::Verified);
    assert_eq!(codes(&verify(&files[..1])), ["not-given"]);
    fails(&verify(&[file("report.pdf", b"The report!\n")]), Point::Files, "file");
    let state = |name: &str, bytes: &[u8]| {
        let report = verify(&[file(name, bytes), files[usize::from(name == "report.pdf")].clone()]);
        fails(&report, Point::Files, "file");
        report.files.iter().find(|it| it.name.to_string() == name).unwrap().state
    };
    assert!(matches!(state("report.pdf", b"The report!\n"), FileState::Piece { index: 0, .. }));
    assert!(matches!(state("report.pdf", b""), FileState::Size { claimed: 12, given: 0 }));
    let mut changed = large;
    changed[5 * 1024 * 1024] ^= 1;
    assert!(matches!(state("data/large", &changed), FileState::Piece { index: 1, .. }));
    let unknown = [files.clone(), vec![file("other", b"")]].concat();
    fails(&verify(&unknown), Point::Files, "unknown-file");
    let twice = [files.clone(), files[..1].to_vec()].concat();
    fails(&verify(&twice), Point::Files, "file-twice");
    // The signer's fault: all pieces are those that were handed in, but the digest of the whole is another.
    let json = serde_json::to_string(&files[1]).unwrap();
    let json = json.replace(&files[1].sha256().to_string(), &files[0].sha256().to_string());
    let wrong: FileEntry = serde_json::from_str(&json).unwrap();
    let receipt = site.make(&Story { files: vec![wrong], ..Story::new() }).zip();
    let report = site.verify(&receipt, &files[1..]);
    fails(&report, Point::Files, "file");
    assert!(matches!(report.files[0].state, FileState::Whole { .. }));
}

/// The key's year is over, but whoever has it signs all the same.
#[test]
fn point_6_the_timestamp_keys_year() {
    let site = Site::new();
    let key = SigningKey::generate().unwrap();
    let copy = SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap();
    let old = timestamp_with(
        &site.root_issuer,
        &site.origin,
        site.start.plus_seconds(-400 * 86_400),
        key,
    );
    let mut made = site.make(&Story::new());
    // What the program refuses to sign is made by changing what it signed a year before.
    let then = at("15:59:41.204").plus_seconds(-300 * 86_400);
    made.token = std::iter::repeat_with(|| token(&old, &made.claim, then))
        .find_map(|token| moved(token.der(), "20260128155941.204Z", "20261124155941.204Z", &copy))
        .unwrap();
    let (lodged, received) = (at("15:59:42.000"), at("16:00:32.000"));
    site.prove(&mut made, &[(&site.witness, lodged)], &[(&site.witness, received)]);
    fails(&site.verify(&made.zip(), &files()), Point::Time, "key-usage");
}

/// The token with another time, signed anew; `None` when the new signature has another length than the old one.
pub(crate) fn moved(
    token: &[u8],
    from: &str,
    to: &str,
    key: &SigningKey,
) -> Option<TimestampToken> {
    let find = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).position(|it| it == part);
    let mut der = token.to_vec();
    let time = find(&der, from.as_bytes()).unwrap();
    // The content ends with its time; its digest stands in the signed attributes, behind the last name of SHA-256.
    let end = time + from.len();
    let start = (0..time).rev().find(|start| {
        let content = Digest::of(&der[*start..end]);
        find(&der[end..], content.as_bytes()).is_some()
    });
    let start = start.unwrap();
    let digest = end + find(&der[end..], Digest::of(&der[start..end]).as_bytes()).unwrap();
    der[time..end].copy_from_slice(to.as_bytes());
    let new = Digest::of(&der[start..end]);
    der[digest..digest + 32].copy_from_slice(new.as_bytes());
    let sha256 = [0x30, 0x0b, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];
    let attributes = der[..digest].windows(13).rposition(|it| it == sha256).unwrap() + sha256.len();
    let (head, length) = match der[attributes + 1] {
        0x81 => (3, usize::from(der[attributes + 2])),
        short => (2, usize::from(short)),
    };
    let signed = &der[attributes..attributes + head + length];
    let signature = key.sign(&[&[0x31], &signed[1..]].concat()).unwrap();
    let place = der.len() - signature.len();
    // An OCTET STRING of just this length is the last thing in the token.
    if der[place - 2..place] != [4, u8::try_from(signature.len()).unwrap()] {
        return None;
    }
    der[place..].copy_from_slice(&signature);
    TimestampToken::from_der(&der).ok()
}
