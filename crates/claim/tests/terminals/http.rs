//! A client that sends the two halves of a request apart, and listens to how the server ends the connection.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// The version of HTTP to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

impl Version {
    pub(crate) const BOTH: [Self; 2] = [Self::Http1, Self::Http2];
}

/// One connection to a server on this machine.
pub(crate) struct Connection {
    sender: Sender,
    /// Completes when the server has closed the connection, with what hyper says about that.
    pub(crate) closed: JoinHandle<hyper::Result<()>>,
    heard: Arc<Mutex<Vec<u8>>>,
    /// The certificate that the server showed, in DER.
    pub(crate) certificate: Vec<u8>,
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A frame of HTTP/2: its type and its payload (RFC 9113 §4.1).
type Frames = Vec<(u8, Vec<u8>)>;

impl Connection {
    /// Connects to `localhost`, trusting the root in this file.
    pub(crate) async fn open(port: u16, root: &Path, version: Version) -> io::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(root).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let alpn: &[u8] = if version == Version::Http1 { b"http/1.1" } else { b"h2" };
        config.alpn_protocols = vec![alpn.to_vec()];
        let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        let certificate = tls.get_ref().1.peer_certificates().unwrap()[0].to_vec();
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let io = TokioIo::new(Recorded { tls, heard: Arc::clone(&heard) });
        let (sender, closed) = match version {
            Version::Http1 => {
                let (sender, connection) = http1::handshake(io).await.unwrap();
                (Sender::Http1(sender), tokio::spawn(connection))
            }
            Version::Http2 => {
                let executor = TokioExecutor::new();
                let (sender, connection) = http2::handshake(executor, io).await.unwrap();
                (Sender::Http2(sender), tokio::spawn(connection))
            }
        };
        Ok(Self { sender, closed, heard, certificate })
    }

    /// Sends a request, and reads its answer to the end.
    pub(crate) async fn ask(&mut self, request: Request<Body>) -> (Response<()>, Bytes) {
        let answer = match &mut self.sender {
            Sender::Http1(sender) => sender.send_request(request).await,
            Sender::Http2(sender) => sender.send_request(request).await,
        };
        read(answer.unwrap()).await
    }

    /// Sends a request whose body comes later, through what is returned beside the answer to come.
    pub(crate) fn begin(
        &mut self,
        request: http::request::Builder,
    ) -> (mpsc::UnboundedSender<Bytes>, JoinHandle<(Response<()>, Bytes)>) {
        let (more, pieces) = mpsc::unbounded_channel::<Bytes>();
        let body = stream::unfold(pieces, |mut pieces| async move {
            let piece = pieces.recv().await?;
            Some((Ok(Frame::data(piece)), pieces))
        });
        let body = BodyExt::boxed(StreamBody::new(Shared::new(body)));
        let request = request.body(body).unwrap();
        let answer = match &mut self.sender {
            Sender::Http1(sender) => {
                let answer = sender.send_request(request);
                tokio::spawn(async move { read(answer.await.unwrap()).await })
            }
            Sender::Http2(sender) => {
                let answer = sender.send_request(request);
                tokio::spawn(async move { read(answer.await.unwrap()).await })
            }
        };
        (more, answer)
    }

    /// The frames that came over an HTTP/2 connection.
    pub(crate) fn frames(&self) -> Frames {
        let heard = self.heard.lock().unwrap();
        let (mut rest, mut frames) = (heard.as_slice(), Vec::new());
        while let Some((header, behind)) = rest.split_at_checked(9) {
            let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
            let Some((payload, behind)) = behind.split_at_checked(length) else { break };
            frames.push((header[3], payload.to_vec()));
            rest = behind;
        }
        frames
    }
}

async fn read(answer: Response<Incoming>) -> (Response<()>, Bytes) {
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(parts, ()), body)
}

/// A whole body.
pub(crate) fn whole(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).map_err(|never| match never {}).boxed()
}

/// A stream behind a lock, as a boxed body must be `Sync`.
struct Shared<S>(Mutex<Pin<Box<S>>>);

impl<S> Shared<S> {
    fn new(stream: S) -> Self {
        Self(Mutex::new(Box::pin(stream)))
    }
}

impl<S: futures_util::Stream> futures_util::Stream for Shared<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.lock().unwrap().as_mut().poll_next(cx)
    }
}

/// A connection that keeps what the server says.
struct Recorded {
    tls: TlsStream<TcpStream>,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.tls).poll_read(cx, buffer);
        self.heard.lock().unwrap().extend_from_slice(&buffer.filled()[before..]);
        outcome
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}
