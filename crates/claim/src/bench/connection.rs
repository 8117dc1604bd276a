//! The students' end: a lean HTTPS client, so that the machine is left to the server.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use claim_core::encoding::RequestNonce;
use claim_core::messages::{Challenge, JSON, SessionAnswer};
use claim_core::signing::{AnswerParts, Content, Outgoing};
use claim_core::student::{self, Credential, ExpectAnswer, Session};
use claim_core::{Escaped, Origin, json};
use claim_pki::Root;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore, version};
use rustls_pki_types::{CertificateDer, ServerName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::now;
use super::site::Site;
use super::students::system_rng;

/// The largest answer that is read, in bytes: it lists ten thousand files, or the claims of five hundred students.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// The names of the versions of HTTP (RFC 7301 §6).
const HTTP2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// What all connections have in common.
#[derive(Clone)]
pub(super) struct Client {
    root: Arc<Root>,
    origin: Origin,
    address: SocketAddr,
    name: ServerName<'static>,
    tls: TlsConnector,
}

/// An open connection.
pub(super) struct Connection {
    requests: Requests,
    driver: JoinHandle<()>,
}

/// Where requests go in, in the version of HTTP that the server chose.
enum Requests {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// What came of a request.
pub(super) enum Try<T> {
    /// What was asked for.
    Answered(T),
    /// The server has too much to do, and says after how many seconds to come again.
    Busy(Option<u64>),
}

/// What the two sides agree on in the TLS handshake.
pub(super) struct Negotiated {
    pub(super) key_exchange: &'static dyn SupportedKxGroup,
    /// As in RFC 7301, e.g. `h2`.
    pub(super) http: String,
}

impl Client {
    pub(super) fn new(site: &Site) -> Result<Self> {
        Self::of(Arc::clone(&site.root), site.origin.clone(), site.address)
    }

    /// A client of the server with this origin, at this address.
    pub(super) fn of(root: Arc<Root>, origin: Origin, address: SocketAddr) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(root.der().to_vec()))?;
        let mut tls = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
        // A new connection is to be a full handshake.
        tls.resumption = Resumption::disabled();
        Ok(Self {
            name: ServerName::try_from(origin.host().to_string())?,
            root,
            origin,
            address,
            tls: TlsConnector::from(Arc::new(tls)),
        })
    }

    /// The server's origin.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Tries what the server chooses.
    pub(super) async fn negotiate(&self) -> Result<Negotiated> {
        let stream = self.handshake(Ipv4Addr::UNSPECIFIED).await?;
        let (_, tls) = stream.get_ref();
        let key_exchange = tls.negotiated_key_exchange_group();
        let http = tls.alpn_protocol().unwrap_or(HTTP1);
        Ok(Negotiated {
            key_exchange: key_exchange
                .ok_or_else(|| anyhow!("TLS did not tell its key exchange"))?,
            http: String::from_utf8_lossy(http).into_owned(),
        })
    }

    pub(super) async fn connect(&self) -> Result<Connection> {
        self.connect_from(Ipv4Addr::UNSPECIFIED).await
    }

    /// Connects from this address, which is one of this machine's.
    pub(super) async fn connect_from(&self, from: Ipv4Addr) -> Result<Connection> {
        let stream = self.handshake(from).await?;
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(HTTP2);
        let stream = TokioIo::new(stream);
        // What goes wrong on a connection, its requests are told too.
        if is_http2 {
            let (requests, driver) = http2::handshake(TokioExecutor::new(), stream).await?;
            let driver = tokio::spawn(async move { drop(driver.await) });
            Ok(Connection { requests: Requests::Http2(requests), driver })
        } else {
            let (requests, driver) = http1::handshake(stream).await?;
            let driver = tokio::spawn(async move { drop(driver.await) });
            Ok(Connection { requests: Requests::Http1(requests), driver })
        }
    }

    /// Steps 3 to 5: every check of the student program, by the same code.
    pub(super) async fn open_session(
        &self,
        connection: &mut Connection,
        credential: &Credential,
    ) -> Result<Session> {
        self.try_open_session(connection, credential).await?.answered()
    }

    /// The same, where the server may be busy.
    pub(super) async fn try_open_session(
        &self,
        connection: &mut Connection,
        credential: &Credential,
    ) -> Result<Try<Session>> {
        let (request, waiting) = student::request(credential, &self.origin, &mut system_rng());
        let challenge: Challenge = match self.post(connection, "/v1/challenges", &request).await? {
            Try::Answered(challenge) => challenge,
            Try::Busy(after) => return Ok(Try::Busy(after)),
        };
        let (request, waiting) = waiting.receive(&challenge)?;
        let answer: SessionAnswer = match self.post(connection, "/v1/sessions", &request).await? {
            Try::Answered(answer) => answer,
            Try::Busy(after) => return Ok(Try::Busy(after)),
        };
        Ok(Try::Answered(waiting.receive(answer, &self.root, now())?))
    }

    /// A signed request of step 6; the answer's signature is verified.
    pub(super) async fn ask(
        &self,
        connection: &mut Connection,
        session: &Session,
        ask: Ask<'_>,
    ) -> Result<(StatusCode, Bytes)> {
        self.try_ask(connection, session, ask).await?.answered()
    }

    /// The same, where the server may be busy, which it need not sign.
    pub(super) async fn try_ask(
        &self,
        connection: &mut Connection,
        session: &Session,
        ask: Ask<'_>,
    ) -> Result<Try<(StatusCode, Bytes)>> {
        let (request, expected) = ask.sign(session)?;
        let (head, body) = connection.send(request).await?.into_parts();
        let content = read_answer(body).await?;
        if is_busy(head.status) {
            return Ok(Try::Busy(retry_after(&head.headers)));
        }
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let parts = AnswerParts {
            status: head.status.as_u16(),
            content_digest: text("content-digest"),
            content_type: text("content-type"),
            signature_input: text("signature-input").unwrap_or_default(),
            signature: text("signature").unwrap_or_default(),
        };
        expected.receive(&parts, &content).with_context(|| format!("{}", head.status))?;
        Ok(Try::Answered((head.status, content)))
    }

    async fn handshake(&self, from: Ipv4Addr) -> Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        if !from.is_unspecified() {
            socket.bind((from, 0).into())?;
        }
        let tcp = socket.connect(self.address).await.context("cannot connect to Blackboard")?;
        tcp.set_nodelay(true)?;
        self.tls.connect(self.name.clone(), tcp).await.context("the TLS handshake failed")
    }

    async fn post<A: DeserializeOwned>(
        &self,
        connection: &mut Connection,
        path: &str,
        message: &impl Serialize,
    ) -> Result<Try<A>> {
        let body = Full::new(Bytes::from(serde_json::to_vec(message)?));
        let request = Request::post(self.origin.join(path)).header(header::CONTENT_TYPE, JSON);
        let answer = connection.send(request.body(body)?).await?;
        let (status, after) = (answer.status(), retry_after(answer.headers()));
        let body = read_answer(answer.into_body()).await?;
        if is_busy(status) {
            return Ok(Try::Busy(after));
        }
        if status != StatusCode::CREATED {
            let text = String::from_utf8_lossy(&body);
            bail!("{path} was answered with {status}: {}", Escaped(&text));
        }
        Ok(Try::Answered(json::from_slice(&body)?))
    }
}

impl<T> Try<T> {
    /// Where a busy server is a failure.
    fn answered(self) -> Result<T> {
        match self {
            Self::Answered(answer) => Ok(answer),
            Self::Busy(_) => Err(anyhow!("the server says that it is busy")),
        }
    }
}

fn is_busy(status: StatusCode) -> bool {
    matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// A request of step 6 before it is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    pub(super) method: &'static str,
    pub(super) target: &'a str,
    /// Its media type, and the bytes.
    pub(super) content: Option<(&'static str, &'a Bytes)>,
}

impl Ask<'_> {
    /// The request, and what its answer must be.
    pub(super) fn sign(
        self,
        session: &Session,
    ) -> Result<(Request<Full<Bytes>>, ExpectAnswer<'_>)> {
        let Self { method, target, content } = self;
        let signed = content.map(|(media_type, bytes)| Content { media_type, bytes });
        let outgoing = Outgoing { method, target, content: signed };
        let nonce = RequestNonce::random(&mut system_rng());
        let (fields, expected) = session.sign(&outgoing, now(), &nonce);
        let mut request = Request::builder()
            .method(method)
            .uri(session.origin().join(target))
            .header("claim-session", session.token())
            .header("signature-input", fields.signature_input)
            .header("signature", fields.signature);
        if let Some((media_type, _)) = content {
            request = request.header(header::CONTENT_TYPE, media_type);
        }
        if let Some(digest) = fields.content_digest {
            request = request.header("content-digest", digest);
        }
        let bytes = content.map(|(_, bytes)| bytes.clone()).unwrap_or_default();
        Ok((request.body(Full::new(bytes))?, expected))
    }
}

/// The whole content of an answer.
pub(super) async fn read_answer(body: Incoming) -> Result<Bytes> {
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    Ok(body.map_err(|error| anyhow!("the answer cannot be read: {error}"))?.to_bytes())
}

/// What the student program offers, in its order: the server takes the first that it knows.
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![aws_lc_rs::kx_group::X25519MLKEM768, aws_lc_rs::kx_group::X25519],
        cipher_suites: vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256],
        ..aws_lc_rs::default_provider()
    }
}

impl Connection {
    /// Sends a request; the answer's body is still to come.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>> {
        match &mut self.requests {
            Requests::Http1(requests) => {
                // RFC 9112 §3.2.1: to the server itself only the path goes into the request line.
                let uri = request.uri().clone().into_parts();
                if let (Some(authority), Some(path)) = (uri.authority, uri.path_and_query) {
                    let host = HeaderValue::from_str(authority.as_str())?;
                    request.headers_mut().insert(header::HOST, host);
                    *request.uri_mut() = path.into();
                }
                requests.ready().await?;
                Ok(requests.send_request(request).await?)
            }
            Requests::Http2(requests) => Ok(requests.send_request(request).await?),
        }
    }

    /// Whether the server has not closed it.
    pub(super) fn is_open(&self) -> bool {
        !self.driver.is_finished()
    }

    /// Says goodbye and waits until the connection is gone.
    pub(super) async fn close(self) {
        drop(self.requests);
        // The task was neither aborted nor can it panic; there is nothing to learn from it.
        let _ = self.driver.await;
    }
}
