//! What evidence rests on, at the command line of CUHK: keys certified by the root, certificates revoked.

use std::process::Command;

use claim_pki::{Ed25519SigningKey, EvidenceAnswer, EvidenceRequest, SigningKey};

use crate::course::{Folder, SID};
use crate::invitations::University;

const BLACKBOARD: &str = "https://blackboard.example:3141";

/// A request file, as a Blackboard writes it.
fn request() -> String {
    let timestamp = SigningKey::generate().unwrap();
    let log = Ed25519SigningKey::generate().unwrap();
    EvidenceRequest::make(&BLACKBOARD.parse().unwrap(), &timestamp, &log).unwrap().to_text()
}

/// What `openssl` says about something in a folder.
pub(crate) fn openssl(folder: &Folder, arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).current_dir(folder.path(".")).output();
    let output = output.expect("openssl runs");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    said
}

#[test]
fn the_ceremony_shows_asks_and_writes_the_answer() {
    let university = University::new();
    let folder = &university.cuhk;
    folder.write("blackboard.request", request());
    let certify = ["cuhk", "certify", "blackboard.request"];

    for no in ["\n", "n\n", ""] {
        let done = folder.run_with(&certify, no).expect(1);
        assert!(done.err.contains(BLACKBOARD) && done.err.contains("Certify? [y/N]"), "{done:?}");
        assert!(!folder.has("blackboard.request.answer"));
    }
    assert!(!folder.has("cuhk-witness.cer"), "nothing was made either");
    let done = folder.run_with(&certify, "y\n").expect(0);
    assert!(done.out.starts_with(&format!("Certified for {BLACKBOARD}: ")), "{done:?}");
    let answer = folder.read("blackboard.request.answer");

    // Stock tools agree that all three come from the root itself.
    let parsed = EvidenceAnswer::from_bytes(answer.as_bytes()).unwrap();
    for (name, certificate, subject) in [
        ("timestamp", &parsed.timestamp, "blackboard.example timestamp"),
        ("log", &parsed.log, "blackboard.example log"),
        ("witness", &parsed.witness, "/witness"),
    ] {
        folder.write(name, certificate.to_pem());
        let strict = ["verify", "-x509_strict", "-CAfile", "cuhk.cer", name];
        assert_eq!(openssl(folder, &strict), format!("{name}: OK\n"));
        let shown = openssl(folder, &["x509", "-in", name, "-noout", "-subject"]);
        assert!(shown.contains(subject), "{shown}");
    }

    // Again, while CUHK serves: the same certificates, and the file stays as it is.
    let cuhk = university.serve_cuhk();
    let yes = [&certify[..], &["--yes", "--json"]].concat();
    let [document] = &folder.run(&yes).expect(0).documents()[..] else { panic!() };
    assert_eq!(document["log"], parsed.log.serial().to_string());
    let out = [&certify[..], &["--yes", "--out", "again"]].concat();
    folder.run(&out).expect(0);
    assert_eq!(
        (folder.read("again"), folder.read("blackboard.request.answer")),
        (answer.clone(), answer)
    );
    cuhk.stop();
}

#[test]
fn what_is_no_request_is_not_certified_and_nothing_is_overwritten() {
    let university = University::new();
    let folder = &university.cuhk;
    folder.write("note.txt", "\u{1b}[2Jclaim request v9\n");
    let certify = |file: &str| folder.run(&["cuhk", "certify", "--yes", file]);
    certify("note.txt").explains(1, &["note.txt is not a request", "claim request v1"]);
    let moved = request().replace(BLACKBOARD, "https://other.example:3141");
    folder.write("moved.request", moved);
    certify("moved.request").explains(1, &["https://other.example:3141"]);

    folder.write("blackboard.request", request());
    folder.write("blackboard.request.answer", "somebody's own");
    certify("blackboard.request").explains(1, &["blackboard.request.answer", "--out"]);
    assert_eq!(folder.read("blackboard.request.answer"), "somebody's own");
    let elsewhere = Folder::new();
    elsewhere.write("blackboard.request", request());
    elsewhere
        .run(&["cuhk", "certify", "--yes", "blackboard.request"])
        .explains(1, &["it has no cuhk.cer"]);
}

#[test]
fn a_certificate_is_revoked_while_cuhk_serves() {
    let university = University::new();
    let folder = &university.cuhk;
    let cuhk = university.serve_cuhk();
    let student = Folder::new();
    let invitation = university.invite(&["--sid", SID]);
    student.run_with(&["student", "enroll", "--invite-file", "-"], invitation).expect(0);
    let listed = folder.run(&["cuhk", "list", "--json"]).expect(0).documents();
    let entry = listed.iter().find(|entry| entry["holder"] == SID).unwrap();
    let serial = entry["serial"].as_str().unwrap().to_owned();
    assert!(entry["revoked_at"].is_null());

    let revoke = ["cuhk", "revoke", &serial, "--reason", "keyCompromise"];
    let done = folder.run(&revoke).expect(0);
    assert!(done.out.starts_with(&format!("Revoked the person certificate {serial} of {SID} at ")));
    let done = folder.run(&["cuhk", "revoke", "--sid", SID]).expect(0);
    assert!(done.out.contains("was revoked before"), "{}", done.out);
    assert!(done.out.contains("(keyCompromise); that stands."), "{}", done.out);
    let listed = folder.run(&["cuhk", "list"]).expect(0).out;
    let line = listed.lines().find(|line| line.starts_with(&serial)).unwrap();
    assert!(line.contains("revoked ") && line.ends_with("(keyCompromise)"), "{line}");

    // Served at once, by the process that did not do it, and known to openssl.
    let lists = std::fs::read_dir(folder.path("crl")).unwrap();
    let names: Vec<_> =
        lists.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let listed = names.iter().filter(|name| {
        let url = format!("{}/crl/{name}", university.cuhk_url);
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--fail", "--cacert", "cuhk.cer", "--output", "served.crl", &url]);
        assert!(curl.current_dir(folder.path(".")).status().unwrap().success());
        let text =
            openssl(folder, &["crl", "-inform", "DER", "-in", "served.crl", "-noout", "-text"]);
        text.to_lowercase().contains(&serial) && text.contains("Key Compromise")
    });
    assert_eq!(listed.count(), 1);
    let renew = ["student", "renew", "--cuhk", &university.cuhk_url];
    student.run(&renew).explains(1, &["revoked"]);

    folder.run(&["cuhk", "revoke", "00ff"]).explains(1, &["serial number", "claim cuhk list"]);
    folder.run(&["cuhk", "revoke", &serial, "--reason", "boredom"]).expect(2);
    folder.run(&["cuhk", "revoke"]).expect(2);
    cuhk.stop();
}
