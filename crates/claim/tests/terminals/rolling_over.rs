//! Another issuing certificate, without a pause: what was issued before stays good, and so do its receipts.

use crate::course::{Course, OTHER_SID, SID};
use crate::evidence::openssl;

/// Hands in as this student, from the shared folder, to a receipt of this name.
fn hand_in(course: &Course, sid: &str, receipt: &str) {
    let command = ["student", "hand-in", "report.pdf", "--to", "IEMS5710/lab1", "--yes"];
    course.folder.run(&[&command[..], &["--sid", sid, "--receipt", receipt]].concat()).expect(0);
}

fn verifies(course: &Course, receipt: &str) {
    course.folder.run(&["verify", receipt, "report.pdf", "--root", "cuhk.cer"]).expect(0);
}

#[test]
fn both_issuing_certificates_are_good_at_once() {
    let course = Course::new();
    let folder = &course.folder;
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    let add = ["blackboard", "assignment", "add", "IEMS5710/lab1", "--due", "2099-12-24 23:59"];
    folder.run(&[&add[..], &["--zone", "Asia/Hong_Kong"]].concat()).expect(0);
    folder.write("report.pdf", vec![7; 10_000]);
    course.enrol(SID);
    hand_in(&course, SID, "before.receipt");

    // Both serve on.
    let renewed = folder.run(&["cuhk", "issuing", "renew"]).expect(0);
    assert!(renewed.out.starts_with("Made ./cuhk-issuing-2.cer ("), "{}", renewed.out);
    cuhk.signal("HUP");
    cuhk.out.line("Another issuing certificate is in use from now on");
    let certificates = folder.names().into_iter().filter(|name| name.starts_with("cuhk-issuing"));
    assert_eq!(certificates.count(), 4);
    let lists = std::fs::read_dir(folder.path("crl")).unwrap().count();
    assert_eq!(lists, 3, "of both issuing authorities and of the root");

    // A newcomer has a certificate of the new one; Blackboard takes both, at once.
    course.enrol(OTHER_SID);
    for (sid, issuing) in [(SID, "cuhk-issuing.cer"), (OTHER_SID, "cuhk-issuing-2.cer")] {
        folder.write("leaf.cer", folder.read(&format!("{sid}.cer")));
        let strict = ["verify", "-x509_strict", "-CAfile", "cuhk.cer", "-untrusted", issuing];
        openssl(folder, &[&strict[..], &["leaf.cer"]].concat());
    }
    hand_in(&course, OTHER_SID, "newcomer.receipt");
    hand_in(&course, SID, "after.receipt");
    for receipt in ["before.receipt", "newcomer.receipt", "after.receipt"] {
        verifies(&course, receipt);
    }

    // Whoever has a certificate of the old one renews, and can be revoked by it.
    folder.run(&["student", "renew", "--sid", SID]).expect(0);
    openssl(
        folder,
        &[
            "verify",
            "-x509_strict",
            "-CAfile",
            "cuhk.cer",
            "-untrusted",
            "cuhk-issuing-2.cer",
            &format!("{SID}.cer"),
        ],
    );
    let revoked = folder.run(&["cuhk", "revoke", "--sid", SID]).expect(0);
    assert_eq!(
        revoked.out.lines().filter(|line| line.starts_with("Revoked the person")).count(),
        2
    );

    // Receipts from before need neither server, and both start again as they are.
    blackboard.stop();
    cuhk.stop();
    verifies(&course, "before.receipt");
    let (cuhk, blackboard) = course.servers();
    folder.run(&["student", "say", "--sid", OTHER_SID, "still here"]).expect(0);
    blackboard.stop();
    cuhk.stop();
}

/// The drill for a stolen issuing key: the next one first, then the stolen one is revoked.
#[test]
fn a_stolen_issuing_key_lets_nobody_in_any_more() {
    let course = Course::new();
    let folder = &course.folder;
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    course.enrol(SID);
    folder.run(&["student", "say", "--sid", SID, "before"]).expect(0);

    folder.run(&["cuhk", "issuing", "renew"]).expect(0);
    let serial = openssl(folder, &["x509", "-in", "cuhk-issuing.cer", "-noout", "-serial"]);
    let serial = serial.trim().trim_start_matches("serial=").to_lowercase();
    let revoke = ["cuhk", "revoke", &serial, "--reason", "keyCompromise"];
    let done = folder.run(&revoke).expect(0);
    assert!(done.out.contains("Revoked the issuing certificate"), "{}", done.out);
    cuhk.signal("HUP");
    cuhk.out.line("Another issuing certificate is in use from now on");
    blackboard.signal("HUP");

    // Whoever has its certificates, or has made some with it, neither gets in nor renews; with a new code they do.
    let refused = folder.run(&["student", "renew", "--sid", SID]);
    refused.explains(1, &["revoked"]);
    loop {
        let said = folder.run(&["student", "say", "--sid", SID, "after"]);
        if said.code != 0 {
            said.explains(1, &["revoked"]);
            break;
        }
    }
    // Nor does anybody believe Blackboard, whose certificate is of the same key, until it has another: a local CUHK
    // invites it at its start, a real one is asked to.
    course.enrol(OTHER_SID);
    let said = folder.run(&["student", "say", "--sid", OTHER_SID, "to the old certificate"]);
    said.explains(1, &["CUHK has revoked the issuing certificate", "Nothing of yours was sent"]);
    blackboard.stop();
    // Its own TLS certificate is of the new one too.
    cuhk.stop();
    std::fs::remove_file(folder.path("blackboard.cer")).unwrap();
    let (cuhk, blackboard) = course.servers();
    folder.run(&["student", "say", "--sid", OTHER_SID, "with a new certificate"]).expect(0);
    blackboard.stop();
    cuhk.stop();
}
