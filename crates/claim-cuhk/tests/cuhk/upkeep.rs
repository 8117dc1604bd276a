//! What a serving CUHK does by itself, made to do it now: nobody waits for an hour here.

use std::fs;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use claim_cuhk::{Config, Event};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::curl::run;
use crate::fixture::{Hand, TestCuhk, config, folder};

const DAY: i64 = 86_400;

/// More than anything takes that a test waits for.
const LONG: Duration = Duration::from_secs(60);

/// A connection over TLS, and the certificate that was shown in its handshake.
async fn connect(cuhk: &TestCuhk) -> (TlsStream<TcpStream>, CertificateDer<'static>) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(cuhk.root.der().to_vec())).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let port = cuhk.origin.as_str().rsplit(':').next().unwrap().parse().unwrap();
    let tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap();
    let leaf = tls.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
    (tls, leaf)
}

/// Waits until something was told that `pick` takes something from.
async fn told<T>(cuhk: &TestCuhk, pick: impl Fn(&Event) -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = cuhk.events().iter().rev().find_map(&pick) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("it is told")
}

/// Waits until `/readyz` says this.
async fn readiness(cuhk: &TestCuhk, said: &str) {
    let url = format!("http://{}/readyz", cuhk.health.unwrap());
    let waiting =
        async { while !run("curl", &["--silent", "--noproxy", "*", &url]).await.contains(said) {} };
    let in_time = tokio::time::timeout(LONG, waiting).await;
    assert!(
        in_time.is_ok(),
        "{said:?}: {}",
        run("curl", &["--silent", "--noproxy", "*", &url]).await
    );
}

#[tokio::test]
async fn its_own_certificate_is_renewed_while_it_serves() {
    let folder = folder();
    // Two months ago, so that the certificate of today is valid by the client's clock too.
    let hand = Hand::now();
    hand.move_by(-61 * DAY);
    let cuhk = TestCuhk::start_with(Config { clock: hand.clock(), ..config(folder.path()) }).await;
    let (mut old_connection, old) = connect(&cuhk).await;
    cuhk.nudge.now();

    // It is due, and cannot be had: that is told, and the old one stays.
    hand.move_by(61 * DAY);
    let path = folder.path().join("cuhk-server.cer");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    cuhk.nudge.now();
    let failed = |event: &Event| match event {
        Event::ServerCertificateNotRenewed { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    assert!(told(&cuhk, failed).await.contains("cuhk-server.cer"));
    assert_eq!(connect(&cuhk).await.1, old);

    fs::remove_dir(&path).unwrap();
    cuhk.nudge.now();
    let number = |cuhk: &TestCuhk| {
        cuhk.events().iter().filter(|event| matches!(event, Event::ServerCertificate(_))).count()
    };
    let renewed = async {
        while number(&cuhk) < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, renewed).await.expect("it is renewed");
    let (new_connection, new) = connect(&cuhk).await;
    assert_ne!(new, old);
    drop(new_connection);
    old_connection
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    old_connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    cuhk.nudge.now();
    cuhk.stop().await;
}

#[tokio::test]
async fn what_keeps_it_from_its_work_is_told() {
    let (folder, hand) = (folder(), Hand::now());
    let metrics = Some((Ipv4Addr::LOCALHOST, 0).into());
    let config = Config { metrics, clock: hand.clock(), ..config(folder.path()) };
    let cuhk = TestCuhk::start_with(config).await;
    readiness(&cuhk, "ready\n").await;

    // Reading works, and nothing can be written: as on a disk that is full.
    let url = format!("sqlite://{}", folder.path().join("cuhk.db").display());
    sqlx::any::install_default_drivers();
    let database = sqlx::AnyPool::connect(&url).await.unwrap();
    let full = "CREATE TRIGGER full BEFORE UPDATE ON _sqlx_migrations \
                BEGIN SELECT RAISE(ABORT, 'no room'); END";
    sqlx::query(full).execute(&database).await.unwrap();
    cuhk.nudge.now();
    readiness(&cuhk, "not ready: the records take nothing: ").await;
    sqlx::query("DROP TRIGGER full").execute(&database).await.unwrap();
    database.close().await;
    cuhk.nudge.now();
    readiness(&cuhk, "ready\n").await;

    // The issuing certificate is valid for five years: half a year before, CUHK says so, and a month before it is
    // not ready.
    hand.move_by(5 * 365 * DAY - 100 * DAY);
    cuhk.nudge.now();
    told(&cuhk, |event| matches!(event, Event::IssuingEnds { .. }).then_some(())).await;
    readiness(&cuhk, "ready\n").await;
    hand.move_by(75 * DAY);
    cuhk.nudge.now();
    readiness(&cuhk, "not ready: the issuing certificate ends at ").await;
    let ends = |event: &&Event| matches!(event, Event::IssuingEnds { .. });
    assert_eq!(cuhk.events().iter().filter(ends).count(), 1, "told once");
    cuhk.stop().await;
}
