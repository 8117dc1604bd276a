//! The keys that sign every day, with passphrases: Blackboard's, a witness's, and those that CUHK makes by itself.

use std::fs;
use std::process::Command;

use crate::course::{Folder, SID};
use crate::invitations::{University, enroll};
use crate::program::{Done, Program};

const PASSPHRASE: &str = "what opens the keys of every day";

/// A Blackboard whose keys have a passphrase, certified, and its CUHK, whose own have one too.
fn protected() -> (University, Program) {
    let university = University::new();
    let (cuhk, blackboard) = (&university.cuhk, university.blackboard());
    for folder in [cuhk, blackboard] {
        folder.secret("keys.pass", format!("{PASSPHRASE}\n"));
    }
    let more = |folder: &Folder, text: &str| {
        folder.write("claim.toml", format!("{}{text}", folder.read("claim.toml")));
    };
    more(cuhk, "services-passphrase = \"keys.pass\"\n");
    let origin = university.blackboard_url();
    more(blackboard, &format!("key-passphrase = \"keys.pass\"\npublic-url = \"{origin}\"\n"));
    let serving = university.serve_cuhk();
    blackboard.secret("blackboard.invite", university.invite(&["--server", &origin]));
    (university, serving)
}

fn is_encrypted(folder: &Folder, key: &str) {
    assert!(folder.read(key).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{key}");
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-in", key, "-passin", "file:keys.pass", "-noout"]);
    let output = openssl.current_dir(folder.path(".")).output().unwrap();
    assert!(output.status.success(), "{key}: {output:?}");
}

#[test]
fn all_keys_have_passphrases_and_a_request_is_made_without_serving() {
    let (university, cuhk) = protected();
    let blackboard = university.blackboard();

    // The request for the keys of evidence, before Blackboard has ever served; again it is the same.
    let asked = blackboard.run(&["blackboard", "request"]).expect(0);
    let shown: Vec<_> = asked.out.lines().filter(|line| line.contains("SHA-256 ")).collect();
    assert_eq!(shown.len(), 2, "{}", asked.out);
    let request = blackboard.read("blackboard.request");
    blackboard.run(&["blackboard", "request"]).expect(0);
    assert_eq!(blackboard.read("blackboard.request"), request);
    university.cuhk.write("request", request);
    let no = university.cuhk.run_with(&["cuhk", "certify", "request"], "n\n").expect(1);
    for line in shown {
        assert!(no.err.contains(line.trim()), "{line} is to be compared:\n{}", no.err);
    }
    let certify = ["cuhk", "certify", "request", "--yes", "--out", "answer"];
    university.cuhk.run(&certify).expect(0);
    blackboard.write("blackboard.answer", university.cuhk.read("answer"));

    let serving = university.serve_blackboard(&[]);
    serving.out.line("Claims are taken: ");
    for key in ["blackboard.key", "timestamp.key", "log.key"] {
        is_encrypted(blackboard, key);
    }
    for key in ["cuhk-server.key", "cuhk-timestamp.key", "cuhk-witness.key"] {
        is_encrypted(&university.cuhk, key);
    }
    let student = Folder::new();
    enroll(&student, &university.invite(&["--sid", SID])).expect(0);
    student.write("report.txt", "a report");
    let hand_in = ["student", "hand-in", "report.txt", "--yes", "--blackboard"];
    let to = [university.blackboard_url(), university.cuhk_url.clone()];
    let handed_in = [&hand_in[..], &[&to[0], "--cuhk", &to[1]]].concat();
    let done = (0..100).map(|_| student.run(&handed_in));
    // The first revocation list may still be on its way.
    done.into_iter().find(|done| !done.err.contains("revocation list")).unwrap().expect(0);
    serving.stop();
    cuhk.stop();
    // Both start again by their passphrases.
    university.serve_cuhk().stop();
    university.serve_blackboard(&[]).stop();
}

/// Starts it to its end, which comes at once.
fn refused(folder: &Folder, program: &str, arguments: &[&str]) -> Done {
    folder.run(&[&[program], arguments].concat())
}

#[test]
fn what_does_not_open_is_refused_at_the_start() {
    let (university, cuhk) = protected();
    let (office, blackboard) = (&university.cuhk, university.blackboard());
    blackboard.run(&["blackboard", "request"]).expect(0);
    university.serve_blackboard(&[]).stop();
    cuhk.stop();
    for (folder, program, option, keys) in [
        (
            blackboard,
            "blackboard",
            "--key-passphrase",
            ["blackboard.key", "timestamp.key", "log.key"],
        ),
        (
            office,
            "cuhk",
            "--services-passphrase",
            ["cuhk-server.key", "cuhk-witness.key", "cuhk-server.key"],
        ),
    ] {
        folder.secret("wrong.pass", "another\n");
        let wrong = refused(folder, program, &[option, "wrong.pass"]);
        wrong.explains(2, &["the passphrase does not open", option]);
        // Each by itself is missed, also where the others open.
        for key in keys {
            let (whole, plain) = (folder.read(key), folder.path("plain"));
            let mut openssl = Command::new("openssl");
            openssl.args(["pkey", "-in", key, "-passin", "file:keys.pass", "-out", "plain"]);
            assert!(openssl.current_dir(folder.path(".")).status().unwrap().success());
            folder.secret(key, fs::read(&plain).unwrap());
            let done = refused(folder, program, &[]);
            done.explains(2, &[key, "is not encrypted, but a passphrase", option]);
            folder.secret(key, whole);
        }
        let settings = folder.read("claim.toml");
        let without: String = settings
            .lines()
            .filter(|line| !line.contains("-passphrase"))
            .map(|line| format!("{line}\n"))
            .collect();
        folder.write("claim.toml", without);
        let none = refused(folder, program, &[]);
        none.explains(2, &["encrypted with a passphrase", option, "credential:NAME"]);
        folder.write("claim.toml", settings);
    }

    // Keys and certificates that do not belong together, and those that are gone.
    let other = protected();
    other.0.serve_blackboard(&[]).stop();
    other.1.stop();
    let (key, own) = ("blackboard.key", blackboard.read("blackboard.key"));
    // With an invitation it would enrol the key that is there.
    fs::remove_file(blackboard.path("blackboard.invite")).unwrap();
    blackboard.secret(key, other.0.blackboard().read(key));
    refused(blackboard, "blackboard", &[]).explains(1, &["blackboard.cer"]);
    fs::remove_file(blackboard.path(key)).unwrap();
    refused(blackboard, "blackboard", &[]).explains(1, &[key, "is not"]);
    blackboard.secret(key, own);
}

#[test]
fn the_sealing_key_comes_from_a_credential() {
    let (university, cuhk) = protected();
    let blackboard = university.blackboard();
    university.serve_blackboard(&[]).stop();
    fs::create_dir(blackboard.path("credentials")).unwrap();
    fs::rename(blackboard.path("sealing.key"), blackboard.path("credentials/sealing")).unwrap();
    let serve = ["blackboard", "--sealing-key", "credential:sealing"];
    blackboard.run(&serve).explains(1, &["no credential \"sealing\"", "sealing key"]);
    let mut command = blackboard.command(&serve);
    command.env("CREDENTIALS_DIRECTORY", blackboard.path("credentials"));
    let serving = Program::start(command);
    serving.out.line("Blackboard listens on ");
    assert!(!blackboard.has("sealing.key"));
    serving.stop();
    blackboard.secret("short", "AAAA\n");
    blackboard.run(&["blackboard", "--sealing-key", "short"]).explains(1, &["32 bytes"]);
    cuhk.stop();
}

#[test]
fn a_witness_has_a_passphrase_too() {
    let university = University::new();
    let witness = Folder::new();
    witness.secret("keys.pass", format!("{PASSPHRASE}\n"));
    witness.write("cuhk.cer", university.cuhk.read("cuhk.cer"));
    let serve = ["log", "witness", "--name", "witness.example", "--key-passphrase"];
    let asks = [&serve[..], &["keys.pass"]].concat();
    witness.run(&asks).explains(1, &["claim cuhk certify witness.request"]);
    is_encrypted(&witness, "witness.key");
    witness.run(&asks).explains(1, &["claim cuhk certify witness.request"]);
    witness.secret("wrong.pass", "another\n");
    let wrong = [&serve[..], &["wrong.pass"]].concat();
    witness.run(&wrong).explains(2, &["the passphrase does not open", "--key-passphrase"]);
    witness.run(&serve[..4]).explains(2, &["encrypted with a passphrase", "--key-passphrase"]);
}
