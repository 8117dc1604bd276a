//! CUHK whose root and issuing keys are in a PKCS #11 token.

use std::fs;

use crate::course::{Folder, OTHER_SID, SID, free_port};
use crate::evidence::openssl;
use crate::program::{Done, Program};
use crate::softhsm::{PIN, make_token, uri};

/// A folder with a token, and `claim.toml` for keys in it.
fn with_token() -> Folder {
    let (folder, port) = (Folder::new(), free_port());
    make_token(&folder);
    folder.write(
        "claim.toml",
        format!(
            "[cuhk]\nlisten = \"127.0.0.1:{port}\"\npublic-url = \"https://localhost:{port}\"\n\
             root-key = \"{}\"\nroot-passphrase = \"pin\"\n\
             issuing-key = \"{}\"\nissuing-passphrase = \"pin\"\n",
            uri("cuhk-root"),
            uri("cuhk-issuing")
        ),
    );
    folder
}

fn serves(folder: &Folder) -> Program {
    let program = folder.start(&["cuhk"]);
    program.out.line("CUHK listens on ");
    program
}

/// A student's certificate, for openssl.
fn enrols(folder: &Folder, sid: &str) -> Done {
    let invitation = folder.run(&["cuhk", "invite", "--sid", sid]).expect(0).out;
    let student = Folder::new();
    let done = student.run_with(&["student", "enroll", "--invite-file", "-"], invitation);
    let wallet = student.home().join(".local/share/claim");
    if done.code == 0 {
        fs::copy(wallet.join(format!("{sid}.cer")), folder.path("person.cer")).unwrap();
    }
    done
}

fn openssl_agrees(folder: &Folder, issuing: &str) {
    let strict = ["verify", "-x509_strict", "-CAfile", "cuhk.cer", "-untrusted", issuing];
    assert_eq!(openssl(folder, &[&strict[..], &["person.cer"]].concat()), "person.cer: OK\n");
}

#[test]
fn both_keys_are_made_in_the_token_and_sign_there() {
    let folder = with_token();
    folder.run(&["cuhk", "init"]).expect(0);
    for key in ["cuhk.key", "cuhk-issuing.key"] {
        assert!(!folder.has(key), "{key}");
    }
    let cuhk = serves(&folder);
    enrols(&folder, SID).expect(0);
    openssl_agrees(&folder, "cuhk-issuing.cer");
    folder.run(&["cuhk", "revoke", "--sid", SID]).expect(0);

    // The next issuing key is made there too, and taken over while CUHK serves.
    folder.run(&["cuhk", "issuing", "renew"]).expect(0);
    cuhk.signal("HUP");
    cuhk.out.line("Another issuing certificate is in use from now on");
    enrols(&folder, OTHER_SID).expect(0);
    openssl_agrees(&folder, "cuhk-issuing-2.cer");
    assert!(!folder.has("cuhk-issuing-2.key"));
    cuhk.stop();
    serves(&folder).stop();
}

#[test]
fn keys_move_into_a_token_with_the_next_issuing_certificate() {
    let folder = with_token();
    let settings = folder.read("claim.toml");
    folder.write("claim.toml", "");
    folder.run(&["cuhk", "init"]).expect(0);
    // The root stays a file.
    let settings: String = settings
        .lines()
        .filter(|line| !line.starts_with("root-"))
        .map(|line| format!("{line}\n"))
        .collect();
    folder.write("claim.toml", settings);
    folder.run(&["cuhk", "issuing", "renew"]).expect(0);
    assert!(folder.has("cuhk-issuing.key") && !folder.has("cuhk-issuing-2.key"));
    let cuhk = serves(&folder);
    enrols(&folder, SID).expect(0);
    openssl_agrees(&folder, "cuhk-issuing-2.cer");
    cuhk.stop();
}

#[test]
fn what_is_wrong_with_a_token_is_told_at_the_start() {
    let folder = with_token();
    folder.run(&["cuhk", "init"]).expect(0);
    let starts = |arguments: &[&str]| {
        folder.run(&[&["cuhk", "--listen", "127.0.0.1:0"], arguments].concat())
    };
    // A wrong PIN does not become right by trying again: exit code 2 keeps systemd from locking the token.
    folder.secret("wrong", "0000000000");
    for option in ["--root-passphrase", "--issuing-passphrase"] {
        let done = starts(&[option, "wrong"]);
        done.explains(2, &["the PIN does not open the token \"cuhk\"", "locks itself"]);
    }
    for (key, said, advice) in [
        (
            uri("cuhk-issuing").replace("=cuhk;", "=other;"),
            "there is no token \"other\"",
            "--list-slots",
        ),
        (uri("no-such-key"), "its private key pkcs11:token=cuhk;object=no-such-key", "Restore"),
        (uri("x").replace("/libsofthsm2", "/nothing"), "cannot be used", "?module-path="),
        (uri("cuhk-root"), "do not belong together", "from the same backup"),
    ] {
        starts(&["--issuing-key", &key]).explains(1, &[said, advice]);
    }
    let with_pin = format!("{}&pin-value={PIN}", uri("cuhk-issuing"));
    let done = starts(&["--issuing-key", &with_pin]).expect(2);
    assert!(done.err.contains("everybody sees arguments"), "{}", done.err);
    folder.write("claim.toml", "");
    let keys = [uri("cuhk-root"), uri("cuhk-issuing")];
    let done = starts(&["--root-key", &keys[0], "--issuing-key", &keys[1]]);
    done.explains(2, &["there is no PIN for it", "--root-passphrase"]);
    // The token is away.
    let folder = with_token();
    folder.run(&["cuhk", "init"]).expect(0);
    fs::rename(folder.path("tokens"), folder.path("unplugged")).unwrap();
    fs::create_dir(folder.path("tokens")).unwrap();
    folder.run(&["cuhk"]).explains(1, &["there is no token \"cuhk\"", "Plug it in"]);
}
