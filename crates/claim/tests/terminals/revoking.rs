//! A lost laptop: its owner gives up its certificate, by another one or by an invitation, and goes on with a new one.

use std::path::PathBuf;

use crate::course::{Course, Folder, OTHER_SID, SID};
use crate::evidence::openssl;
use crate::invitations::{University, enroll};
use crate::program::{Done, Program};

/// Where this person's files are, who works without a folder of their own choice.
fn wallet(person: &Folder) -> PathBuf {
    person.home().join(".local/share/claim")
}

fn serial(person: &Folder) -> String {
    let status = person.run(&["student", "status", "--json"]);
    let document = status.documents().into_iter().find(|one| one["state"] == "valid");
    document.expect("a certificate that is good")["serial"].as_str().unwrap().to_owned()
}

fn revoke(person: &Folder, university: &University, arguments: &[&str], line: &str) -> Done {
    let always = ["student", "revoke", "--yes", "--cuhk", &university.cuhk_url];
    person.run_with(&[&always[..], arguments].concat(), line)
}

#[test]
fn an_only_laptop_is_lost_and_one_invitation_gives_it_up_and_enrols_the_next() {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    let (laptop, next) = (Folder::new(), Folder::new());
    enroll(&laptop, &university.invite(&["--sid", SID])).expect(0);
    let lost = serial(&laptop);
    let line = university.invite(&["--sid", SID]);

    // The line alone does not say which; nothing is guessed.
    revoke(&next, &university, &["--invite-file", "-"], &line).explains(1, &["which", "--all"]);
    let all = ["--all", "--invite-file", "-", "--reason", "keyCompromise"];
    let done = revoke(&next, &university, &all, &line).expect(0);
    assert!(
        done.out.contains(&format!("Revoked certificate {lost} ("))
            && done.out.contains(&format!(") of {SID} at ")),
        "{}",
        done.out
    );
    cuhk.out.shows(&format!("SID: {SID} has revoked {lost} (by an invitation"));
    let listed = university.cuhk.run(&["cuhk", "list"]).expect(0).out;
    let listed = listed.lines().find(|one| one.starts_with(&lost)).unwrap();
    assert!(listed.ends_with("(keyCompromise)"), "{listed}");

    // Again, since the answer may have been lost; then the same line enrols, and is spent by that.
    let again = revoke(&next, &university, &all, &line).expect(0);
    assert!(again.out.contains("was revoked before"), "{}", again.out);
    enroll(&next, &line).expect(0);
    revoke(&next, &university, &all, &line).explains(1, &["used with another key"]);
    next.run(&["student", "renew", "--cuhk", &university.cuhk_url]).expect(0);
    let thief = laptop.run(&["student", "renew", "--cuhk", &university.cuhk_url]);
    thief.explains(1, &["revoked"]);
    // Nor does the thief give up what the owner has now.
    let thief = revoke(&laptop, &university, &["--all"], "");
    thief.explains(1, &["is revoked itself", "new invitation"]);
    next.run(&["student", "renew", "--cuhk", &university.cuhk_url]).expect(0);

    // The laptop is found: the old pair lies aside, and a new invitation is all that it needs.
    assert!(wallet(&laptop).join(format!("{SID}.key.{lost}")).exists());
    enroll(&laptop, &university.invite(&["--sid", SID])).expect(0);
    assert_ne!(serial(&laptop), lost);
    cuhk.stop();
}

#[test]
fn a_device_gives_itself_up_and_enrols_again_without_a_file_being_deleted() {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    let person = Folder::new();
    enroll(&person, &university.invite(&["--sid", SID])).expect(0);
    let (given_up, key) = (serial(&person), wallet(&person).join(format!("{SID}.key")));
    let secret = std::fs::read(&key).unwrap();

    // It is for good, so somebody must say yes.
    let ask = ["student", "revoke", "--cuhk", &university.cuhk_url];
    person.run(&ask).explains(2, &["nobody can be asked", "--yes"]);
    let terminal = format!(
        "student revoke --cuhk {} --dir {}",
        university.cuhk_url,
        wallet(&person).display()
    );
    let mut asked = Program::start(person.on_a_terminal(&terminal));
    asked.out.shows("the certificate in this folder");
    asked.out.shows("Revoke? [y/N] ");
    asked.type_line("n");
    let said_no = asked.end().expect(1);
    assert!(said_no.out.contains("Nothing was done."), "{}", said_no.out);
    assert_eq!(serial(&person), given_up);

    let done = revoke(&person, &university, &[], "").expect(0);
    for text in [
        format!("Revoked certificate {given_up} ("),
        format!("Certificate {given_up} of {SID} is revoked. It is put aside with its key"),
        "needs a new invitation".to_owned(),
    ] {
        assert!(done.out.contains(&text), "{text}: {}", done.out);
    }
    let aside = wallet(&person).join(format!("{SID}.key.{given_up}"));
    assert_eq!(std::fs::read(&aside).unwrap(), secret, "put aside, not lost");
    assert!(wallet(&person).join(format!("{SID}.cer.{given_up}")).exists());
    let none = revoke(&person, &university, &[], "");
    none.explains(2, &["nobody is enrolled"]);

    enroll(&person, &university.invite(&["--sid", SID])).expect(0);
    assert_ne!(serial(&person), given_up);
    assert_ne!(
        std::fs::read(&key).unwrap(),
        secret,
        "a key that was given up is certified no more"
    );

    // One that was cut off half-way, with the key aside already, is finished by enrolling.
    let now = serial(&person);
    revoke(&person, &university, &[], "").expect(0);
    let (cer, key) = (format!("{SID}.cer"), format!("{SID}.key.{now}"));
    std::fs::rename(wallet(&person).join(format!("{cer}.{now}")), wallet(&person).join(&cer))
        .unwrap();
    assert!(wallet(&person).join(key).exists());
    enroll(&person, &university.invite(&["--sid", SID])).expect(0);
    assert_ne!(serial(&person), now);
    cuhk.stop();
}

#[test]
fn whoever_was_revoked_by_the_office_enrols_again_with_the_next_invitation() {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    let person = Folder::new();
    enroll(&person, &university.invite(&["--sid", SID])).expect(0);
    let old = serial(&person);
    // On a terminal it shows what will go, and asks.
    let folder = &university.cuhk;
    let terminal = format!("cuhk revoke {old} --reason superseded");
    let mut asked = Program::start(folder.on_a_terminal(&terminal));
    asked.out.shows("From now on, and for good, these will be revoked (superseded):");
    asked.out.shows(&format!("person {old} of {SID}, valid until "));
    asked.out.shows("Revoke? [y/N] ");
    asked.type_line("n");
    asked.out.shows("Nothing was revoked.");
    asked.end().expect(1);
    person.run(&["student", "renew", "--cuhk", &university.cuhk_url]).expect(0);
    let newer = serial(&person);
    let mut asked = Program::start(folder.on_a_terminal(&terminal));
    asked.out.shows(&format!("{newer} of {SID}"));
    asked.out.shows("Revoke? [y/N] ");
    asked.type_line("yes");
    let done = asked.end().expect(0);
    assert_eq!(done.out.matches("Revoked the person certificate").count(), 2, "{}", done.out);

    // An invitation that it does not need is not spent while the certificate is good; now it is needed.
    let line = university.invite(&["--sid", SID]);
    let done = enroll(&person, &line).expect(0);
    assert!(
        done.out.contains(&format!("Certificate {newer} of {SID} is revoked.")),
        "{}",
        done.out
    );
    assert_ne!(serial(&person), newer);
    let again = enroll(&person, &university.invite(&["--sid", SID])).expect(0);
    assert!(again.out.contains("has a certificate already"), "{}", again.out);
    cuhk.stop();
}

#[test]
fn nobody_gives_up_what_is_anothers() {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    let (victim, attacker) = (Folder::new(), Folder::new());
    enroll(&victim, &university.invite(&["--sid", SID])).expect(0);
    enroll(&attacker, &university.invite(&["--sid", OTHER_SID])).expect(0);
    let line = university.invite(&["--sid", OTHER_SID]);
    let theirs = serial(&victim);
    for arguments in [&[theirs.as_str()][..], &["--device", "laptop"], &["00ff"]] {
        revoke(&attacker, &university, arguments, "").explains(1, &["has no such certificate"]);
        let by_line = [arguments, &["--invite-file", "-"]].concat();
        revoke(&attacker, &university, &by_line, &line).explains(1, &["has no such certificate"]);
    }
    // The id in the line is part of what the code is for.
    let forged = line.replace(OTHER_SID, SID);
    let all = ["--all", "--invite-file", "-"];
    revoke(&Folder::new(), &university, &all, &forged).explains(1, &["no open code"]);
    let mixed = [&all[..], &["--sid", SID]].concat();
    revoke(&Folder::new(), &university, &mixed, &line).explains(1, &["is for"]);
    let of_server = university.invite(&["--server", "https://localhost"]);
    revoke(&Folder::new(), &university, &all, &of_server).explains(1, &["not for a person"]);
    victim.run(&["student", "renew", "--cuhk", &university.cuhk_url]).expect(0);
    for wrong in
        [&["--all", "--device", "x"][..], &["00ff", "--all"], &["--reason", "certificateHold"]]
    {
        revoke(&attacker, &university, wrong, "").expect(2);
    }
    cuhk.stop();
}

/// In a local demonstration there are no invitations, and enrolling again is enough.
#[test]
fn a_demonstration_knows_it_too() {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    course.enrol(SID);
    course.folder.run(&["student", "say", "before"]).expect(0);
    let done = course.folder.run(&["student", "revoke", "--yes", "--json"]).expect(0);
    let documents = done.documents();
    assert!(documents.iter().any(|one| one["event"] == "put-aside"), "{}", done.out);
    assert!(documents.iter().any(|one| one["before"] == false && one["id"] == SID), "{}", done.out);
    blackboard.signal("HUP");
    course.enrol(SID);
    course.folder.run(&["student", "say", "after"]).expect(0);
    blackboard.stop();
    cuhk.stop();
}

/// The root has revoked the key by which a Blackboard timestamps: what it would sign now, nobody would believe.
#[test]
fn a_blackboard_whose_timestamp_key_is_revoked_takes_no_claims() {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    course.enrol(SID);
    let folder = &course.folder;
    folder.write("report.txt", "before");
    let hand_in = ["student", "hand-in", "report.txt", "--yes", "--receipt"];
    folder.run(&[&hand_in[..], &["before.receipt"]].concat()).expect(0);
    let listed = folder.run(&["cuhk", "list", "--json"]).expect(0).documents();
    let is_its = |one: &&serde_json::Value| {
        one["profile"] == "timestamp" && one["holder"] == course.blackboard.as_str()
    };
    let serial = listed.iter().find(is_its).unwrap()["serial"].as_str().unwrap();
    folder.run(&["cuhk", "revoke", serial, "--reason", "keyCompromise"]).expect(0);
    blackboard.signal("HUP");
    blackboard.err.shows(&format!("THE ROOT HAS REVOKED certificate {serial}"));
    folder.write("report.txt", "after");
    let after = folder.start(&[&hand_in[..], &["after.receipt"]].concat());
    blackboard.out.shows(&format!("has revoked certificate {serial}"));
    after.signal("INT");
    after.end();
    assert!(!folder.has("after.receipt") && !folder.has("after.lodged"));
    // What was lodged before stays, and is still given out.
    folder.run(&["verify", "before.receipt", "--root", "cuhk.cer"]).expect(0);
    blackboard.stop();
    cuhk.stop();
}

/// The drill for a stolen `blackboard.key`.
#[test]
fn a_blackboard_whose_key_was_stolen_takes_another_and_goes_on_with_its_log() {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    course.enrol(SID);
    let folder = &course.folder;
    let hand_in = |content: &str, receipt: &str| {
        folder.write("report.txt", content);
        let command = ["student", "hand-in", "report.txt", "--yes", "--receipt", receipt];
        folder.run(&command).expect(0);
    };
    hand_in("before", "before.receipt");
    blackboard.stop();

    let serial = openssl(folder, &["x509", "-in", "blackboard.cer", "-noout", "-serial"]);
    let serial = serial.trim().trim_start_matches("serial=").to_lowercase();
    folder.run(&["cuhk", "revoke", &serial, "--reason", "keyCompromise"]).expect(0);
    // Whoever has the key proves everything; nobody tells a thing to them.
    let thief = course.blackboard();
    folder.write("report.txt", "for the thief");
    for command in
        [&["student", "say", "hello"][..], &["student", "hand-in", "report.txt", "--yes"]]
    {
        let refused = folder.run(command).expect(1);
        assert!(refused.err.contains("CUHK has revoked the certificate"), "{}", refused.err);
        assert!(refused.err.contains(&serial), "{}", refused.err);
    }
    thief.stop();
    for name in ["blackboard.cer", "blackboard.key"] {
        std::fs::rename(folder.path(name), folder.path(&format!("stolen-{name}"))).unwrap();
    }
    std::fs::remove_file(folder.path("sealing.key")).unwrap();
    let blackboard = course.blackboard();
    blackboard.out.line("Claims are taken: ");
    hand_in("after", "after.receipt");
    for receipt in ["before.receipt", "after.receipt"] {
        folder.run(&["verify", receipt, "--root", "cuhk.cer"]).expect(0);
    }
    let audit = ["log", "audit", &course.blackboard, "--receipt"];
    folder.run(&[&audit[..], &["before.receipt"]].concat()).expect(0);

    // The thief does not renew it.
    let thief = std::process::Command::new("curl")
        .args(["--silent", "--cacert", "cuhk.cer", "--cert", "stolen-blackboard.cer"])
        .args(["--key", "stolen-blackboard.key", "--data-binary", "a request"])
        .args(["--header", "Content-Type: application/pkcs10"])
        .arg(format!("{}/.well-known/est/simplereenroll", course.cuhk))
        .current_dir(folder.path("."))
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&thief.stdout);
    assert!(answer.contains("certificate-revoked") && answer.contains(&serial), "{answer}");
    blackboard.stop();
    cuhk.stop();
}
