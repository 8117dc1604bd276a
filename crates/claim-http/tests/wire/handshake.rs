//! Who gets past the TLS handshake, and what becomes of those who don't.

use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use claim_http::{ClientCertificates, ConnectionInfo, IdentityError, Limits, TlsIdentity};
use rustls::NamedGroup;
use rustls::client::ResolvesClientCert;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use crate::fixture::{Authority, LONG, TestServer, read_to_close};

fn impatient() -> Limits {
    Limits { handshake_timeout: Duration::from_millis(200), ..Limits::default() }
}

fn refused(reason: &str) -> String {
    format!("claim_connections_refused_total{{reason=\"{reason}\"}}")
}

#[tokio::test]
async fn tls_1_2_is_refused_with_an_alert() {
    let server = TestServer::start(Router::new());
    let output = Command::new("openssl")
        .args(["s_client", "-tls1_2", "-connect", &server.address.to_string()])
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("alert protocol version"), "{text}");
    assert!(!output.status.success());
    server.counted(&refused("old-tls"), 1).await;
}

#[tokio::test]
async fn plain_http_is_closed_and_counted() {
    let server = TestServer::start(Router::new());
    let mut tcp = server.tcp().await;
    tcp.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await.unwrap();
    // A TLS alert record (RFC 8446 §5.1), and not a word of HTTP.
    assert_eq!(answer.first(), Some(&21));
    server.counted(&refused("not-tls"), 1).await;
    assert_eq!(server.count("claim_requests_total"), 0);
}

#[tokio::test]
async fn silence_runs_out_of_time() {
    let server = TestServer::start_limited(impatient(), Router::new());
    let mut tcp = server.tcp().await;
    assert_eq!(read_to_close(&mut tcp).await, "");
    server.counted(&refused("handshake-timeout"), 1).await;
    server.counted("claim_connections_open", 0).await;
}

#[tokio::test]
async fn a_byte_at_a_time_runs_out_of_time() {
    let server = TestServer::start_limited(impatient(), Router::new());
    let (mut reader, mut writer) = server.tcp().await.into_split();
    // The beginning of a ClientHello of 512 bytes, then padding without end.
    let drip = async move {
        let start = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3];
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        for byte in start.into_iter().chain(std::iter::repeat(0)) {
            pace.tick().await;
            if writer.write_all(&[byte]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = drip => {}
        _ = read_to_close(&mut reader) => {}
    }
    server.counted(&refused("handshake-timeout"), 1).await;
}

#[tokio::test]
async fn whoever_hangs_up_in_the_handshake_is_counted() {
    let server = TestServer::start(Router::new());
    drop(server.tcp().await);
    server.counted(&refused("handshake-given-up"), 1).await;
    // A client that does not believe the certificate says so by an alert.
    let stranger = Authority::new("Another root");
    let trust = claim_http::ServerTrust::Root(stranger.root());
    let client = claim_http::https_client(&trust, None, LONG).unwrap();
    client.get(server.url("/")).send().await.unwrap_err();
    server.counted(&refused("handshake-given-up"), 2).await;
}

#[tokio::test]
async fn the_key_exchange_is_hybrid_and_there_is_nothing_to_resume() {
    let server = TestServer::start(Router::new());
    let mut tls = server.tls(b"http/1.1").await;
    let group = tls.get_ref().1.negotiated_key_exchange_group().unwrap();
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
    tls.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(read_to_close(&mut tls).await.starts_with("HTTP/1.1 404"));
    assert_eq!(tls.get_ref().1.tls13_tickets_received(), 0);
}

#[tokio::test]
async fn a_client_without_the_hybrid_gets_in() {
    let server = TestServer::start(Router::new().route("/", get(async || "here")));
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("curl")
        .args(["-sS", "--noproxy", "*", "--curves", "P-256", "--cacert"])
        .arg(server.root_file(&folder))
        .arg(server.url("/"))
        .output()
        .await
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "here");
}

#[tokio::test]
async fn the_certificate_changes_while_the_server_serves() {
    let server = TestServer::start(Router::new());
    let leaf = |tls: &tokio_rustls::client::TlsStream<_>| {
        tls.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    };
    let mut before = server.tls(b"http/1.1").await;
    let renewed = server.authority.identity(&["localhost"]);
    server.certificate.replace(&renewed);
    let after = server.tls(b"http/1.1").await;
    assert_ne!(leaf(&before), leaf(&after));
    assert_eq!(&leaf(&after), renewed.leaf().unwrap());
    // What was open stays open.
    before.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(read_to_close(&mut before).await.starts_with("HTTP/1.1 404"));
}

type Seen = Arc<Mutex<Vec<Option<Arc<[CertificateDer<'static>]>>>>>;

/// A server that remembers what its handler saw of the client.
fn observing(clients: ClientCertificates) -> (TestServer, Seen) {
    let seen = Seen::default();
    let handler = {
        let seen = Arc::clone(&seen);
        async move |Extension(info): Extension<ConnectionInfo>| {
            seen.lock().unwrap().push(info.client_chain);
        }
    };
    let app = Router::new().route("/", get(handler));
    (TestServer::start_with(Limits::default(), clients, app), seen)
}

#[tokio::test]
async fn a_clients_certificate_reaches_the_handler() {
    let (server, seen) = observing(ClientCertificates::Requested);
    let stranger = Authority::new("Another root");
    // Whose it is and until when it is valid is not for the handshake to judge.
    let (expired, key) = stranger.certify_with(&["somebody"], |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
    });
    let chain = format!("{expired}{}", stranger.pem());
    let identity = TlsIdentity::from_pem(&chain, &key).unwrap();
    let client = claim_http::https_client(&server.trust(), Some(&identity), LONG).unwrap();
    assert_eq!(client.get(server.url("/")).send().await.unwrap().status(), 200);
    assert_eq!(server.client().get(server.url("/")).send().await.unwrap().status(), 200);
    let seen = seen.lock().unwrap();
    let shown = seen[0].as_ref().unwrap();
    assert_eq!(shown.len(), 2);
    assert_eq!(&shown[0], identity.leaf().unwrap());
    assert_eq!(seen[1], None);
}

#[tokio::test]
async fn no_certificate_is_asked_for_where_none_is_wanted() {
    let (server, seen) = observing(ClientCertificates::None);
    let identity = server.authority.identity(&["somebody"]);
    let client = claim_http::https_client(&server.trust(), Some(&identity), LONG).unwrap();
    assert_eq!(client.get(server.url("/")).send().await.unwrap().status(), 200);
    assert_eq!(*seen.lock().unwrap(), [None]);
}

/// Shows a certificate and signs with another key.
#[derive(Debug)]
struct Impostor(Arc<rustls::sign::CertifiedKey>);

impl ResolvesClientCert for Impostor {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[rustls::SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_is_refused() {
    let (server, seen) = observing(ClientCertificates::Requested);
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let victim = server.authority.identity(&["somebody"]).leaf().unwrap().clone();
    let own = rcgen::KeyPair::generate().unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(own.serialize_der()).unwrap();
    let key = provider.key_provider.load_private_key(key).unwrap();
    let forged = rustls::sign::CertifiedKey::new(vec![victim], key);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(server.authority.root().der().to_vec().into()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(Impostor(Arc::new(forged))));
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    // In TLS 1.3 the client is done before the server has checked: the refusal comes with the first read.
    if let Ok(mut tls) = connector.connect(name, server.tcp().await).await {
        let _ = tls.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(read_to_close(&mut tls).await, "");
    }
    server.counted(&refused("handshake-failed"), 1).await;
    assert!(seen.lock().unwrap().is_empty());
}

#[test]
fn a_chain_and_a_key_must_fit() {
    let authority = Authority::new("Test root");
    let (chain, key) = authority.certify(&["localhost"]);
    let (_, other_key) = authority.certify(&["localhost"]);
    let refusal = |chain: &str, key: &str| TlsIdentity::from_pem(chain, key).unwrap_err();
    assert!(TlsIdentity::from_pem(&chain, &key).is_ok());
    assert_eq!(refusal(&chain, &other_key), IdentityError::Mismatch);
    assert_eq!(refusal("", &key), IdentityError::NoCertificate);
    assert_eq!(refusal(&key, &key), IdentityError::NoCertificate);
    assert_eq!(refusal(&chain, ""), IdentityError::NoKey);
    assert_eq!(refusal(&chain, &chain), IdentityError::NoKey);
    assert_eq!(refusal(&chain.replace("-----END", "-----ENT"), &key), IdentityError::Pem);
    assert_eq!(refusal(&chain.repeat(9), &key), IdentityError::TooManyCertificates);
    let identity = TlsIdentity::from_pem(&chain, &key).unwrap();
    assert_eq!(format!("{identity:?}"), "TlsIdentity(1 certificates, key …)");
}

#[test]
fn keys_of_other_kinds_serve_too() {
    // `--tls-cert` may come from any authority.
    for algorithm in [&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        assert!(TlsIdentity::from_pem(&certificate.pem(), &key.serialize_pem()).is_ok());
    }
}
