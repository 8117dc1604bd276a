//! The students' end: a lean HTTPS client, so that the machine is left to the server.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use claim_core::messages::{Challenge, JSON, SessionAnswer};
use claim_core::student::{self, Credential, Session};
use claim_core::{Escaped, Origin, json};
use claim_pki::Root;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore, version};
use rustls_pki_types::{CertificateDer, ServerName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::now;
use super::site::Site;
use super::students::system_rng;

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// What all connections have in common.
#[derive(Clone)]
pub(super) struct Client {
    root: Arc<Root>,
    origin: Origin,
    address: SocketAddr,
    name: ServerName<'static>,
    tls: TlsConnector,
}

/// An open HTTP/2 connection, which is what the student program uses too.
pub(super) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
}

impl Client {
    pub(super) fn new(site: &Site) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(site.root.der().to_vec()))?;
        let mut tls = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        // A new connection is to be a full handshake.
        tls.resumption = Resumption::disabled();
        Ok(Self {
            root: Arc::clone(&site.root),
            origin: site.origin.clone(),
            address: site.address,
            name: ServerName::try_from(site.origin.host().to_string())?,
            tls: TlsConnector::from(Arc::new(tls)),
        })
    }

    /// What the two sides agree on in the TLS handshake.
    pub(super) async fn negotiated_key_exchange(&self) -> Result<&'static dyn SupportedKxGroup> {
        let stream = self.handshake().await?;
        let (_, connection) = stream.get_ref();
        connection
            .negotiated_key_exchange_group()
            .ok_or_else(|| anyhow!("TLS did not tell its key exchange"))
    }

    pub(super) async fn connect(&self) -> Result<Connection> {
        let stream = TokioIo::new(self.handshake().await?);
        let (requests, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        let driver = tokio::spawn(async move {
            // What goes wrong on it, the requests are told too.
            let _ = connection.await;
        });
        Ok(Connection { requests, driver })
    }

    /// Steps 3 to 5: every check of the student program, by the same code.
    pub(super) async fn open_session(
        &self,
        connection: &mut Connection,
        credential: &Credential,
    ) -> Result<Session> {
        let (request, waiting) = student::request(credential, &self.origin, &mut system_rng());
        let challenge: Challenge = self.post(connection, "/v1/challenges", &request).await?;
        let (request, waiting) = waiting.receive(&challenge)?;
        let answer: SessionAnswer = self.post(connection, "/v1/sessions", &request).await?;
        Ok(waiting.receive(answer, &self.root, now())?)
    }

    async fn handshake(&self) -> Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.address).await.context("cannot connect to Blackboard")?;
        tcp.set_nodelay(true)?;
        self.tls.connect(self.name.clone(), tcp).await.context("the TLS handshake failed")
    }

    async fn post<A: DeserializeOwned>(
        &self,
        connection: &mut Connection,
        path: &str,
        message: &impl Serialize,
    ) -> Result<A> {
        let body = Full::new(Bytes::from(serde_json::to_vec(message)?));
        let request =
            Request::post(self.origin.join(path)).header(header::CONTENT_TYPE, JSON).body(body)?;
        let answer = connection.requests.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow!("the answer cannot be read: {error}"))?.to_bytes();
        if status != StatusCode::CREATED {
            let text = String::from_utf8_lossy(&body);
            bail!("{path} was answered with {status}: {}", Escaped(&text));
        }
        Ok(json::from_slice(&body)?)
    }
}

/// What the student program offers, in its order: the server takes the first that it knows.
fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768, aws_lc_rs::kx_group::X25519],
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
        ..aws_lc_rs::default_provider()
    }
}

impl Connection {
    /// Says goodbye and waits until the connection is gone.
    pub(super) async fn close(self) {
        drop(self.requests);
        // The task was neither aborted nor can it panic; there is nothing to learn from it.
        let _ = self.driver.await;
    }
}
