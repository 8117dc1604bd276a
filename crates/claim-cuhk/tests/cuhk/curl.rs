//! Enrolment and renewal with stock tools alone: `curl` and `openssl`.

use std::path::Path;

use claim_core::invitation::Invitee;

use crate::fixture::{SID, TestCuhk, folder, real_folder, student};

/// Runs a program and returns its standard output; it must succeed.
pub(crate) async fn run(program: &str, arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let program = program.to_owned();
    // The server under test runs on this runtime: waiting for a child must not stop it.
    tokio::task::spawn_blocking(move || {
        let output = std::process::Command::new(&program).args(&arguments).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} {arguments:?}: {told}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    })
    .await
    .unwrap()
}

/// Runs a line of shell in a folder.
pub(crate) async fn sh(dir: &Path, line: &str) -> String {
    run("sh", &["-euc", &format!("cd '{}'; {line}", dir.display())]).await
}

const KEY: &str = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out";
const CURL: &str = "curl --silent --show-error --fail-with-body --cacert cuhk.cer";
/// What comes back, as PEM.
const TO_PEM: &str = "base64 -d | openssl pkcs7 -inform DER -print_certs";

#[tokio::test(flavor = "multi_thread")]
async fn a_student_enrols_and_renews_with_curl_and_openssl() {
    for post_as in [
        "openssl req -in my.req -outform DER | base64",
        "cat my.req",
        "openssl req -in my.req -outform DER | base64 -w 0",
    ] {
        let folder = folder();
        let cuhk = TestCuhk::start(folder.path()).await;
        let (dir, est) = (folder.path(), cuhk.origin.join("/.well-known/est"));

        sh(dir, &format!("{CURL} {est}/cacerts | {TO_PEM} > ca.pem")).await;
        assert_eq!(sh(dir, "grep -c BEGIN ca.pem").await.trim(), "2");
        sh(dir, &format!("{KEY} my.key; openssl req -new -key my.key -subj /CN={SID} -out my.req"))
            .await;
        let post = format!(
            "{CURL} --header 'Content-Type: application/pkcs10' --header \
                 'Content-Transfer-Encoding: base64' --data-binary @-"
        );
        sh(
            dir,
            &format!("{post_as} | {post} --user {SID}:x {est}/simpleenroll | {TO_PEM} > my.cer"),
        )
        .await;
        let verify =
            "openssl verify -x509_strict -purpose sslclient -CAfile cuhk.cer -untrusted ca.pem";
        sh(dir, &format!("{verify} my.cer")).await;
        let shown =
            sh(dir, "openssl x509 -in my.cer -noout -subject -serial -nameopt RFC2253").await;
        assert!(shown.contains(&format!("CN={SID},UID={SID}")), "{shown}");
        let serial = cuhk.issued().await[0].serial.to_uppercase();
        assert!(shown.contains(&serial), "{shown} {serial}");

        // The same key, then a new one; with the issuing certificate and without.
        sh(
            dir,
            &format!(
                "cat my.cer ca.pem > chain.pem; {post_as} | {post} --cert chain.pem --key \
             my.key {est}/simplereenroll | {TO_PEM} > second.cer"
            ),
        )
        .await;
        sh(dir, &format!("{KEY} new.key; openssl req -new -key new.key -subj / -out my.req")).await;
        sh(
            dir,
            &format!(
                "{post_as} | {post} --cert second.cer --key my.key {est}/simplereenroll | \
             {TO_PEM} > third.cer"
            ),
        )
        .await;
        sh(dir, &format!("{verify} second.cer third.cer")).await;
        sh(
            dir,
            "openssl x509 -in third.cer -noout -pubkey > a; openssl pkey -in new.key -pubout > \
             b; cmp a b",
        )
        .await;
        assert_eq!(cuhk.issued().await.len(), 3);
        cuhk.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invited_student_pins_the_root_by_hand() {
    let folder = real_folder().await;
    let cuhk = TestCuhk::start(folder.path()).await;
    let invitation = cuhk.invite(student(SID)).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (dir, origin) = (elsewhere.path(), &cuhk.origin);
    // First contact: unverified, then compared with the 16 bytes in the invitation.
    sh(dir, &format!("curl --silent --insecure {origin}/cuhk.cer > cuhk.cer")).await;
    let pin = "openssl x509 -in cuhk.cer -outform DER | openssl dgst -sha256 -binary | head -c 16 | \
         base64 | tr '+/' '-_' | tr -d '='";
    assert_eq!(sh(dir, pin).await.trim(), invitation.pin.to_string());
    let Invitee::Person(id) = &invitation.invitee else { panic!("a person") };
    sh(dir, &format!("{KEY} my.key; openssl req -new -key my.key -subj / -out my.req")).await;
    // The code goes by a file, not by an argument that others on the machine can see.
    std::fs::write(dir.join("user"), format!("user = \"{id}:{}\"\n", invitation.code.expose()))
        .unwrap();
    let post = format!(
        "{CURL} --config user --header 'Content-Type: application/pkcs10' --data-binary @my.req"
    );
    sh(dir, &format!("{post} {origin}/.well-known/est/simpleenroll | {TO_PEM} > my.cer")).await;
    sh(dir, &format!("{CURL} {origin}/.well-known/est/cacerts | {TO_PEM} > ca.pem")).await;
    sh(
        dir,
        "openssl verify -x509_strict -purpose sslclient -CAfile cuhk.cer -untrusted ca.pem my.cer",
    )
    .await;
    cuhk.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cuhks_own_certificate_stands_up_to_openssl() {
    let folder = folder();
    let cuhk = TestCuhk::start(folder.path()).await;
    let connect = format!(
        "openssl s_client -connect 127.0.0.1:{} -servername localhost -verify_hostname localhost \
             -verify_return_error -x509_strict -CAfile cuhk.cer -brief </dev/null 2>&1",
        cuhk.origin.port()
    );
    let told = sh(folder.path(), &connect).await;
    assert!(told.contains("TLSv1.3") && told.contains("Verification: OK"), "{told}");
    let verify = "openssl verify -x509_strict -purpose sslserver -CAfile cuhk.cer -untrusted \
         cuhk-issuing.cer cuhk-server.cer";
    sh(folder.path(), verify).await;
    sh(folder.path(), "openssl verify -x509_strict -CAfile cuhk.cer cuhk-issuing.cer").await;
    for (key, certificate) in [
        ("cuhk.key", "cuhk.cer"),
        ("cuhk-issuing.key", "cuhk-issuing.cer"),
        ("cuhk-server.key", "cuhk-server.cer"),
    ] {
        sh(
            folder.path(),
            &format!(
                "openssl pkey -in {key} -pubout > a; openssl x509 -in \
             {certificate} -noout -pubkey > b; cmp a b"
            ),
        )
        .await;
    }
    cuhk.stop().await;
}
