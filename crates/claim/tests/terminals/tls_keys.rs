//! A TLS certificate from elsewhere whose key has a passphrase.

use std::process::Command;

use crate::course::{Course, Folder};
use crate::http::{Connection, Version};
use crate::program::Program;
use crate::reloading::make;

const PASSPHRASE: &str = "what opens the key of elsewhere";

/// Puts this passphrase around a key, as people do it.
fn encrypt(folder: &Folder, key: &str, passphrase: &str) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", key]);
    openssl.args(["-passout", &format!("pass:{passphrase}")]);
    let output = openssl.current_dir(folder.path("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A certificate and its key, which is encrypted.
fn protected(folder: &Folder, name: &str) -> (String, String) {
    let (certificate, _) = make(folder, name);
    (certificate, encrypt(folder, &format!("{name}.key"), PASSPHRASE))
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn what_does_not_open_keeps_a_server_from_starting() {
    let folder = Folder::new();
    let (certificate, key) = protected(&folder, "plain");
    folder.write("shown.pem", certificate);
    folder.write("shown.key", key);
    folder.secret("tls.pass", format!("{PASSPHRASE}\n"));
    folder.secret("wrong.pass", "another\n");
    for program in [&["cuhk"][..], &["blackboard"]] {
        let refused = |key: &str, more: &[&str]| {
            let tls = ["--tls-cert", "shown.pem", "--tls-key", key];
            let listen = ["--listen", "127.0.0.1:0"];
            folder.run(&[program, &tls, &listen, more].concat())
        };
        let done = refused("shown.key", &["--tls-key-passphrase", "wrong.pass"]);
        done.explains(
            2,
            &["does not open", "shown.key", "Put right what --tls-key-passphrase names"],
        );
        let done = refused("shown.key", &[]);
        done.explains(2, &["shown.key", "is encrypted with a passphrase", "--tls-key-passphrase"]);
        let done = refused("plain.key", &["--tls-key-passphrase", "tls.pass"]);
        done.explains(2, &["plain.key", "is not encrypted", "or leave --tls-key-passphrase out"]);
        let done = refused("shown.key", &["--tls-key-passphrase", "nowhere.pass"]);
        done.explains(1, &["nowhere.pass"]);
        let alone = ["--listen", "127.0.0.1:0", "--tls-key-passphrase", "tls.pass"];
        let done = folder.run(&[program, &alone].concat()).expect(2);
        let said = "--tls-key-passphrase opens the key of --tls-key, which is missing";
        assert!(done.err.contains(said), "{}", done.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_show_it_and_take_over_a_renewal() {
    let course = Course::new();
    let folder = &course.folder;
    folder.secret("tls.pass", format!("{PASSPHRASE}\n"));
    std::fs::create_dir(folder.path("credentials")).unwrap();
    folder.secret("credentials/tls", PASSPHRASE);
    let cuhk = course.cuhk();
    for source in ["tls.pass", "credential:tls"] {
        let (first, first_key) = protected(folder, "first");
        let (second, second_key) = protected(folder, "second");
        folder.write("shown.pem", first);
        folder.write("shown.key", first_key);
        let tls = ["--tls-cert", "shown.pem", "--tls-key", "shown.key"];
        let passphrase = ["--tls-key-passphrase", source];
        let mut command = folder.command(&[&["blackboard"][..], &tls, &passphrase].concat());
        command.env("CREDENTIALS_DIRECTORY", folder.path("credentials"));
        let server = Program::start(command);
        server.out.shows(" listens on ");
        let connect = async |root: &str| {
            let root = folder.path(root);
            Connection::open(port(&course.blackboard), &root, Version::Http2).await
        };
        assert!(connect("first.pem").await.is_ok());

        // Renewed by somebody who knows nothing of the passphrase, then as it should be.
        folder.write("shown.pem", second);
        folder.write("shown.key", folder.read("second.key"));
        server.signal("HUP");
        server.err.shows("is not encrypted");
        server.err.shows("the old one stays");
        assert!(connect("first.pem").await.is_ok());
        folder.write("shown.key", second_key);
        server.signal("HUP");
        server.out.shows("New connections get the new TLS certificate, valid until ");
        assert!(connect("second.pem").await.is_ok());
        server.stop();
    }
    cuhk.stop();

    // CUHK, by a file descriptor.
    let (certificate, key) = protected(folder, "third");
    folder.write("shown.pem", certificate);
    folder.write("shown.key", key);
    let inner = folder.command(&[]);
    let mut shell = Command::new("sh");
    let line = format!(
        "exec {:?} cuhk --tls-cert shown.pem --tls-key shown.key --tls-key-passphrase fd:3 3< tls.pass",
        inner.get_program()
    );
    shell.args(["-c", &line]).env("HOME", folder.home()).current_dir(folder.path(""));
    let cuhk = Program::start(shell);
    cuhk.out.shows(" listens on ");
    let root = folder.path("third.pem");
    assert!(Connection::open(port(&course.cuhk), &root, Version::Http2).await.is_ok());
    cuhk.stop();
}
