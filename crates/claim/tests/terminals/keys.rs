//! The private keys of CUHK: with passphrases from wherever they may come, and every refusal at the start.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::course::{Folder, SID, free_port};
use crate::program::{Done, Program};

const ROOT: &str = "the root's passphrase";
const ISSUING: &str = "the issuing passphrase";

/// Any free port.
const ANY: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// A real CUHK whose keys have passphrases; `claim.toml` says where they are.
fn protected() -> Folder {
    let (folder, port) = (Folder::new(), free_port());
    folder.secret("root.pass", format!("{ROOT}\n"));
    folder.secret("issuing.pass", format!("{ISSUING}\n"));
    folder.write(
        "claim.toml",
        format!(
            "[cuhk]\nlisten = \"127.0.0.1:{port}\"\npublic-url = \"https://localhost:{port}\"\n\
             root-passphrase = \"root.pass\"\nissuing-passphrase = \"issuing.pass\"\n"
        ),
    );
    folder.run(&["cuhk", "init"]).expect(0);
    folder
}

fn serves(folder: &Folder, arguments: &[&str]) -> Program {
    let program = folder.start(&[&["cuhk"], arguments].concat());
    program.out.line("CUHK listens on ");
    program
}

/// Enrols a student in a folder of their own.
fn enrols(folder: &Folder, sid: &str) -> Folder {
    let invitation = folder.run(&["cuhk", "invite", "--sid", sid]).expect(0).out;
    let student = Folder::new();
    student.run_with(&["student", "enroll", "--invite-file", "-"], invitation).expect(0);
    student
}

#[test]
fn keys_with_passphrases_sign_and_are_encrypted_on_disk() {
    let folder = protected();
    for key in ["cuhk.key", "cuhk-issuing.key"] {
        assert!(folder.read(key).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{key}");
    }
    // OpenSSL opens them with the same passphrase.
    let mut openssl = Command::new("openssl");
    openssl.args(["pkey", "-in", "cuhk.key", "-passin", "file:root.pass", "-noout", "-text"]);
    let output = openssl.current_dir(folder.path(".")).output().unwrap();
    assert!(output.status.success(), "{output:?}");

    let cuhk = serves(&folder, &[]);
    enrols(&folder, SID);
    // What the root and the issuing key sign beside serving opens them too.
    folder.run(&["cuhk", "revoke", "--sid", SID]).expect(0);
    folder.run(&["cuhk", "issuing", "renew"]).expect(0);
    let next = folder.read("cuhk-issuing-2.key");
    assert!(next.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    cuhk.stop();
}

#[test]
fn passphrases_come_from_descriptors_and_credentials() {
    let folder = protected();
    // The shell opens the descriptors, as a supervisor does.
    let line = format!(
        "exec {} cuhk --root-passphrase fd:3 --issuing-passphrase fd:4 3<root.pass 4<issuing.pass",
        env!("CARGO_BIN_EXE_claim")
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(folder.path(".")).env_clear();
    let cuhk = Program::start(shell);
    cuhk.out.line("CUHK listens on ");
    cuhk.stop();

    let sources = ["--root-passphrase", "credential:root", "--issuing-passphrase", "credential:i"];
    let arguments = [&["cuhk"], &sources[..]].concat();
    folder.run(&arguments).explains(1, &["no credential \"root\"", "LoadCredential"]);
    fs::create_dir(folder.path("credentials")).unwrap();
    fs::copy(folder.path("root.pass"), folder.path("credentials/root")).unwrap();
    fs::copy(folder.path("issuing.pass"), folder.path("credentials/i")).unwrap();
    let mut command = folder.command(&arguments);
    command.env("CREDENTIALS_DIRECTORY", folder.path("credentials"));
    let cuhk = Program::start(command);
    cuhk.out.line("CUHK listens on ");
    cuhk.stop();
}

/// Starts it with this instead of what `claim.toml` says.
fn starts(folder: &Folder, arguments: &[&str]) -> Done {
    folder.run(&[&["cuhk"], &ANY[..], arguments].concat())
}

/// A passphrase or PIN that is wrong does not become right by trying again: exit code 2 tells systemd.
#[test]
fn a_passphrase_that_does_not_open_is_refused_at_the_start() {
    let folder = protected();
    folder.secret("wrong.pass", "another\n");
    for (option, key) in
        [("--root-passphrase", "cuhk.key"), ("--issuing-passphrase", "cuhk-issuing.key")]
    {
        let done = starts(&folder, &[option, "wrong.pass"]);
        done.explains(2, &[&format!("the passphrase does not open \"./{key}\""), option]);
    }
    // Without any.
    folder.write("claim.toml", "");
    for (given, option, key) in [
        (&[][..], "--root-passphrase", "cuhk.key"),
        (&["--root-passphrase", "root.pass"], "--issuing-passphrase", "cuhk-issuing.key"),
    ] {
        let done = starts(&folder, given);
        done.explains(2, &[&format!("\"./{key}\" is encrypted"), option, "credential:NAME"]);
    }
}

#[test]
fn a_passphrase_that_others_can_read_is_refused() {
    let folder = protected();
    for (mode, said) in
        [(0o644, "can be read or changed by others"), (0o640, "chmod 600 root.pass")]
    {
        fs::set_permissions(folder.path("root.pass"), Permissions::from_mode(mode)).unwrap();
        starts(&folder, &[]).explains(1, &["root.pass", said, "another passphrase"]);
    }
    fs::set_permissions(folder.path("root.pass"), Permissions::from_mode(0o600)).unwrap();
    for (content, said) in [("", "is empty"), ("two\nlines\n", "not one line of text")] {
        folder.secret("root.pass", content);
        starts(&folder, &[]).explains(1, &[said]);
    }
    fs::remove_file(folder.path("root.pass")).unwrap();
    starts(&folder, &[]).explains(1, &["\"root.pass\" does not exist"]);
    // A passphrase is never an argument: the text is taken for a file's name.
    starts(&folder, &["--root-passphrase", ROOT]).explains(1, &["does not exist"]);
    starts(&folder, &["--root-passphrase", "fd:77"])
        .explains(1, &["file descriptor 77", "3< FILE"]);
    folder.run(&["cuhk", "--root-passphrase", "fd:x"]).expect(2);
}

#[test]
fn a_passphrase_for_a_key_that_has_none_is_refused() {
    let folder = Folder::new();
    folder.run(&["cuhk", "init"]).expect(0);
    folder.secret("a.pass", "something\n");
    let done = starts(&folder, &["--issuing-passphrase", "a.pass"]);
    done.explains(2, &["\"./cuhk-issuing.key\" is not encrypted", "openssl pkcs8 -topk8"]);

    // The command of the advice is that of the documentation, and works.
    let mut openssl = Command::new("openssl");
    openssl.args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", "cuhk-issuing.key"]);
    openssl.args(["-out", "new.key", "-passout", "file:a.pass"]);
    assert!(openssl.current_dir(folder.path(".")).status().unwrap().success());
    fs::rename(folder.path("new.key"), folder.path("cuhk-issuing.key")).unwrap();
    fs::set_permissions(folder.path("cuhk-issuing.key"), Permissions::from_mode(0o600)).unwrap();
    let cuhk = serves(&folder, &[&ANY[..], &["--issuing-passphrase", "a.pass"]].concat());
    cuhk.stop();
}

#[test]
fn a_key_and_a_certificate_that_do_not_match_are_told() {
    let (one, other) = (protected(), protected());
    for key in ["cuhk.key", "cuhk-issuing.key"] {
        let own = one.read(key);
        one.secret(key, other.read(key));
        let said = format!("\"./{key}\" do not belong together");
        starts(&one, &[]).explains(1, &[&said, "another CUHK", "from the same backup"]);
        one.secret(key, own);
    }
    fs::rename(one.path("cuhk-issuing.key"), one.path("away")).unwrap();
    starts(&one, &[]).explains(1, &["its private key \"./cuhk-issuing.key\" is not", "Restore"]);
}
