//! Requests over HTTP/1.1, byte by byte, and over HTTP/2, and the answers to them.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use claim_core::Origin;
use claim_core::encoding::base64;
use claim_http::{Answer, ServerTrust, TlsIdentity, https_client, send};
use claim_pki::Root;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use hyper::body::Frame;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// More than any answer takes on any machine: what is waited for comes, or the test has failed.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// The version of HTTP that a request goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

impl Version {
    pub(crate) const BOTH: [Self; 2] = [Self::Http1, Self::Http2];
}

/// A request, exactly as it is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn get(target: &str) -> Self {
        Self { method: "GET", target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn post(target: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", media_type.to_owned())];
        Self { method: "POST", target: target.to_owned(), headers, body: body.into() }
    }

    /// The same with another value in the place of a header, or with a header more.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|header| header.0 != name);
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|header| header.0 != name);
        self
    }

    pub(crate) fn carrying(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) fn by(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn value(&self, name: &str) -> String {
        self.headers.iter().find(|header| header.0 == name).unwrap().1.clone()
    }

    /// The head in HTTP/1.1, with these lines more.
    pub(crate) fn head(&self, host: &str, more: &str) -> String {
        let Self { method, target, .. } = self;
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{more}");
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head + "\r\n"
    }
}

/// What shows a client to be somebody in the handshake: a chain in DER, leaf first, and the key in PEM.
pub(crate) struct ClientIdentity {
    pub(crate) chain: Vec<Vec<u8>>,
    pub(crate) key: String,
}

impl ClientIdentity {
    fn pem(&self) -> String {
        let block = |der: &Vec<u8>| {
            format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64(der))
        };
        self.chain.iter().map(block).collect()
    }
}

/// A client of one server.
pub(crate) struct Client {
    http2: reqwest::Client,
    tls: TlsConnector,
    pub(crate) origin: Origin,
    address: SocketAddr,
}

impl Client {
    pub(crate) fn new(root: &Root, origin: &Origin, identity: Option<&ClientIdentity>) -> Self {
        let trust = ServerTrust::Root(Arc::new(root.clone()));
        let shown = identity.map(|it| TlsIdentity::from_pem(&it.pem(), &it.key).unwrap());
        let http2 = https_client(&trust, shown.as_ref(), LONG).unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from(root.der().to_vec())).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(ClientIdentity { chain, key }) => {
                let chain = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            http2,
            tls: TlsConnector::from(Arc::new(config)),
            origin: origin.clone(),
            address: (Ipv4Addr::LOCALHOST, origin.port()).into(),
        }
    }

    /// The one whom this client believes, as `Host` names it.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.origin.port())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends the request and reads its answer.
    pub(crate) async fn ask(&self, version: Version, ask: &Ask) -> Answer {
        self.ask_partly(version, ask, ask.body.len()).await
    }

    /// Sends the request but for the end of its content, which the server waits for in vain.
    pub(crate) async fn ask_partly(&self, version: Version, ask: &Ask, sent: usize) -> Answer {
        // On the heap: hundreds of these stand in one test, and a test's stack is small.
        Box::pin(self.exchange(version, ask, sent)).await
    }

    async fn exchange(&self, version: Version, ask: &Ask, sent: usize) -> Answer {
        let (now, never) = ask.body.split_at(sent);
        match version {
            Version::Http1 => {
                let more = match ask.body.len() {
                    0 => String::new(),
                    length => format!("Content-Length: {length}\r\n"),
                };
                let mut wire = self.open().await;
                let request = [ask.head(&self.host(), &more).as_bytes(), now].concat();
                wire.send(&request).await;
                wire.answer(ask.method).await.expect("the connection was closed without an answer")
            }
            Version::Http2 => {
                let method = ask.method.parse::<reqwest::Method>().unwrap();
                let mut request = self.http2.request(method, self.origin.join(&ask.target));
                for (name, value) in &ask.headers {
                    request = request.header(*name, value);
                }
                let body = match never {
                    [] => now.to_vec().into(),
                    _ => reqwest::Body::wrap(Endless(Some(now.to_vec().into()))),
                };
                send(request.body(body), MAX_ANSWER).await.unwrap()
            }
        }
    }

    /// Sends these bytes over HTTP/1.1 and reads the answer; `None` when there is none.
    pub(crate) async fn raw(&self, request: &[u8]) -> Option<Answer> {
        let exchange = async {
            let mut wire = self.open().await;
            wire.send(request).await;
            wire.answer("GET").await
        };
        Box::pin(exchange).await
    }

    /// A connection for HTTP/1.1.
    pub(crate) async fn open(&self) -> Wire<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = self.tls.connect(name, tcp).await.unwrap();
        Wire::over(stream)
    }
}

/// A body that begins and never ends.
struct Endless(Option<Bytes>);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

/// A connection that speaks HTTP/1.1 as it is told.
pub(crate) struct Wire<S> {
    pub(crate) stream: S,
    unread: Vec<u8>,
}

impl Wire<TcpStream> {
    /// Without TLS.
    pub(crate) async fn plain(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncReadExt + AsyncWriteExt + Unpin> Wire<S> {
    /// Over any transport.
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// Sends; a server that has closed already is not at fault.
    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        let sending = async {
            let _ = self.stream.write_all(bytes).await;
            let _ = self.stream.flush().await;
        };
        tokio::time::timeout(LONG, sending).await.expect("the server takes nothing");
    }

    /// Reads the next answer but for provisional ones; `None` when the connection ends before its end.
    pub(crate) async fn answer(&mut self, method: &str) -> Option<Answer> {
        loop {
            let head = self.head().await?;
            let (status, headers) = parse(&head);
            if status.is_informational() {
                continue;
            }
            let length = headers.get(http::header::CONTENT_LENGTH);
            let length = length.map(|length| length.to_str().unwrap().parse::<usize>().unwrap());
            let body = match length {
                _ if method == "HEAD" => Vec::new(),
                Some(length) => self.take(length).await?,
                None => Vec::new(),
            };
            return Some(Answer { status, headers, body: body.into() });
        }
    }

    /// Reads what comes until the other side closes, however it does that.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.read_more().await {}
        std::mem::take(&mut self.unread)
    }

    /// Reads a head, without the empty line after it.
    pub(crate) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                let head: Vec<u8> = self.unread.drain(..end + 4).collect();
                return Some(String::from_utf8(head).unwrap().trim_end().to_owned());
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.unread.len() < length {
            if !self.read_more().await {
                return None;
            }
        }
        Some(self.unread.drain(..length).collect())
    }

    /// Whether anything came before the end.
    async fn read_more(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        let reading = tokio::time::timeout(LONG, self.stream.read(&mut bytes)).await;
        match reading.expect("the server neither answers nor closes") {
            Ok(length @ 1..) => {
                self.unread.extend_from_slice(&bytes[..length]);
                true
            }
            Ok(0) | Err(_) => false,
        }
    }
}

fn parse(head: &str) -> (StatusCode, HeaderMap) {
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap();
    let status = first.strip_prefix("HTTP/1.1 ").or_else(|| first.strip_prefix("HTTP/1.0 "));
    let status = status.unwrap_or_else(|| panic!("no answer of HTTP/1: {head:?}"));
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let name = HeaderName::try_from(name).unwrap();
        headers.append(name, HeaderValue::try_from(value.trim()).unwrap());
    }
    (status[..3].parse().unwrap(), headers)
}
