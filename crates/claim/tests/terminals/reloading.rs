//! TLS certificates from elsewhere, renewed in their files while both servers serve.

use std::fs;
use std::process::Command;

use http::{Request, StatusCode};

use crate::course::{Course, Folder};
use crate::http::{Connection, Version, whole};
use crate::program::Program;

/// A certificate for `localhost` from nobody in particular, and its key, both in PEM.
pub(crate) fn make(folder: &Folder, name: &str) -> (String, String) {
    let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    openssl.args(["-nodes", "-subj", "/CN=localhost", "-days", "30"]);
    openssl.args(["-addext", "subjectAltName=DNS:localhost"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    openssl.args(["-out", &certificate, "-keyout", &key]);
    let output = openssl.current_dir(folder.path("")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (folder.read(&certificate), folder.read(&key))
}

async fn home(connection: &mut Connection) -> StatusCode {
    let request = Request::get("https://localhost/").header("host", "localhost");
    connection.ask(request.body(whole("")).unwrap()).await.0.status()
}

async fn takes_over_a_renewal(course: &Course, name: &str, url: &str) {
    let folder = &course.folder;
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    let (first, first_key) = make(folder, "first");
    let (second, second_key) = make(folder, "second");
    folder.write("shown.pem", &first);
    folder.write("shown.key", &first_key);
    let arguments = [name, "--tls-cert", "shown.pem", "--tls-key", "shown.key"];
    let server: Program = folder.start(&arguments);
    server.out.shows(" listens on ");
    let connect = async |root: &str| {
        let root = folder.path(root);
        Connection::open(port, &root, Version::Http2).await
    };
    let mut old = connect("first.pem").await.unwrap();
    assert_ne!(home(&mut old).await, StatusCode::INTERNAL_SERVER_ERROR);

    // Whoever renews writes one file after the other, and may be in the middle of one.
    let half = &second[..second.len() / 2];
    let unusable = [
        (first.as_str(), second_key.as_str(), "belongs to another private key"),
        (half, &second_key, "not well-formed PEM"),
        ("", &second_key, "no certificate in the file"),
        (&second, "", "no private key in the file"),
    ];
    for (certificate, key, said) in unusable {
        folder.write("shown.pem", certificate);
        folder.write("shown.key", key);
        server.signal("HUP");
        server.err.shows("The new TLS certificate cannot be used");
        server.err.shows(said);
        server.err.shows("the old one stays");
        assert_eq!(connect("first.pem").await.unwrap().certificate, old.certificate);
    }
    fs::remove_file(folder.path("shown.pem")).unwrap();
    server.signal("HUP");
    server.err.shows("shown.pem");

    folder.write("shown.pem", &second);
    folder.write("shown.key", &second_key);
    server.signal("HUP");
    server.out.shows("New connections get the new TLS certificate, valid until ");
    let mut new = connect("second.pem").await.unwrap();
    assert!(connect("first.pem").await.is_err(), "the first one is not shown any more");
    assert_ne!(new.certificate, old.certificate);
    let answers = (home(&mut new).await, home(&mut old).await);
    assert_eq!(answers.0, answers.1, "the old connection goes on");
    drop((new, old));
    let done = server.stop();
    // It tries again within a minute, and may have.
    assert!(done.err.matches("the old one stays").count() > unusable.len(), "{}", done.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn cuhk_takes_over_a_renewal_without_a_restart() {
    let course = Course::new();
    takes_over_a_renewal(&course, "cuhk", &course.cuhk).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn blackboard_takes_over_a_renewal_without_a_restart() {
    let course = Course::new();
    let cuhk = course.cuhk();
    takes_over_a_renewal(&course, "blackboard", &course.blackboard).await;
    cuhk.stop();
}
