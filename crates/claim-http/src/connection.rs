//! One connection, from the end of its handshake to its close.

mod bodies;
mod drive;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;

use self::bodies::{AnswerBody, RequestBody};
use self::drive::{End, drive};
use crate::activity::Activity;
use crate::household::Household;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::refused::Refused;
use crate::turns::Turns;
use crate::turnwise::Line;

/// How long a connection is kept readable after an answer that did not wait for its request's end.
///
/// Closing a socket with unread bytes resets the connection, and the reset can overtake the answer
/// (RFC 9112 §9.6): the client would see a broken connection instead of "too large".
const LINGER: Duration = Duration::from_secs(2);

/// The most that is read of such content and thrown away, in bytes: to read it is not free, also where nobody looks.
const MAX_DISCARDED: usize = 16 * 1024 * 1024;

// What HTTP/2 leaves to a server, said here and not left to what a library takes by default.

/// The dynamic table of HPACK, in bytes (RFC 7541 §4.2).
const HEADER_TABLE: u32 = 4096;

/// The largest frame, in bytes: the smallest that a server may ask for (RFC 9113 §6.5.2).
const FRAME: u32 = 16 * 1024;

/// What is made ready of each answer before the client takes it, in bytes.
const SEND_BUFFER: usize = 64 * 1024;

/// Streams that were reset before the server looked at them (CVE-2023-44487); then it closes the connection.
const PENDING_RESETS: usize = 20;

/// Streams that the server itself reset for a fault of the client's; then it closes the connection.
const ERROR_RESETS: usize = 64;

/// Who is at the other end; every request carries it as an `Extension`.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// A number of this process's own, for the log.
    pub id: u64,
    /// The address at the other end: the client's, or that of a balancer before this server.
    pub peer: SocketAddr,
    /// The certificates that the client showed, leaf first.
    ///
    /// The client has proved that it holds the leaf's key, and nothing else has been checked,
    /// see [`crate::ClientCertificates::Requested`].
    pub client_chain: Option<Arc<[CertificateDer<'static>]>>,
}

/// The life of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It serves.
    Serving,
    /// It finishes what is under way.
    Draining,
    /// It is over.
    Ended,
}

/// What all connections of a server share.
pub(crate) struct Shared {
    pub(crate) app: Router,
    pub(crate) limits: Arc<Limits>,
    pub(crate) metrics: Metrics,
    pub(crate) phase: watch::Receiver<Phase>,
    pub(crate) turns: Arc<Turns<u64>>,
}

/// The version of HTTP that both sides agreed on in the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// What a connection runs on: TLS or, for the health listener, bare TCP.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// The socket below.
    fn into_tcp(self) -> TcpStream;
}

impl Transport for TcpStream {
    fn into_tcp(self) -> TcpStream {
        self
    }
}

impl Transport for TlsStream<TcpStream> {
    fn into_tcp(self) -> TcpStream {
        self.into_inner().0
    }
}

/// A connection at work, in a place of its own: it is what an idle connection costs.
pub(crate) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves one connection until it ends, its time is over, or the server is.
///
/// What serves it is made before the future: an `async fn` has room for its arguments and for what it makes of them.
pub(crate) fn serve_connection(
    transport: impl Transport,
    version: Version,
    info: ConnectionInfo,
    shared: &Arc<Shared>,
) -> Serving {
    let id = info.id;
    let household = Household::from(info.peer.ip());
    let line = Line::new(&shared.turns, household, id);
    let activity = Activity::new(version == Version::Http1);
    let io = TokioIo::new(bodies::Watched::new(transport, Arc::clone(&activity)));
    let service = Requests {
        app: shared.app.clone(),
        info,
        version,
        activity: Arc::clone(&activity),
        limits: Arc::clone(&shared.limits),
    };
    let shared = Arc::clone(shared);
    let limits = &shared.limits;
    match version {
        Version::Http1 => {
            let mut connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(None)
                .max_headers(limits.max_headers)
                .max_header_size(limits.max_header_bytes as usize)
                .max_buf_size(limits.max_header_bytes as usize)
                .serve_connection(io, service);
            Box::pin(async move {
                let end = match drive(&mut connection, &activity, &shared).await {
                    End::Finished(Ok(())) => {
                        let transport = connection.into_parts().io.into_inner().into_inner();
                        Box::pin(close(transport, activity.body_left() > 0)).await
                    }
                    end => end,
                };
                ended(end, id, household, &shared);
            })
        }
        Version::Http2 => {
            let mut connection = http2::Builder::new(line)
                .timer(TokioTimer::new())
                .max_concurrent_streams(limits.max_concurrent_streams)
                .max_header_list_size(limits.max_header_bytes)
                .header_table_size(HEADER_TABLE)
                .initial_stream_window_size(limits.http2_window_bytes)
                .initial_connection_window_size(limits.http2_window_bytes)
                .max_frame_size(FRAME)
                .max_send_buf_size(SEND_BUFFER)
                .max_pending_accept_reset_streams(PENDING_RESETS)
                .max_local_error_reset_streams(ERROR_RESETS)
                .serve_connection(io, service);
            Box::pin(async move {
                let end = drive(&mut connection, &activity, &shared).await;
                ended(end, id, household, &shared);
            })
        }
    }
}

/// Counts and tells how a connection ended.
fn ended(end: End, id: u64, household: Household, shared: &Shared) {
    match end {
        End::Finished(Ok(())) => tracing::debug!(connection = id, "closed"),
        End::Finished(Err(error)) if error.is_parse() => refuse(shared, id, Refused::NotHttp),
        End::Finished(Err(error)) => tracing::debug!(connection = id, %error, "broken"),
        End::CutOff => tracing::debug!(connection = id, "cut off"),
        End::Refused(reason) => {
            if reason.is_abuse() {
                shared.turns.set_back(household);
            }
            refuse(shared, id, reason);
        }
    }
}

/// Counts a connection that the server closes by itself.
pub(crate) fn refuse(shared: &Shared, connection: u64, reason: Refused) {
    shared.metrics.connection_refused(reason);
    tracing::debug!(connection, reason = reason.label(), "connection refused");
}

/// Ends a connection so that the last answer arrives.
async fn close(mut transport: impl Transport, body_left: bool) -> End {
    let mut discarded = 0;
    let ending = async {
        if transport.shutdown().await.is_ok() && body_left {
            // Below TLS: nobody will look at these bytes, so nobody need decrypt them.
            let mut tcp = transport.into_tcp();
            let mut unread = vec![0; 16 * 1024];
            while discarded < MAX_DISCARDED {
                match tcp.read(&mut unread).await {
                    Ok(length) if length > 0 => discarded += length,
                    _ => break,
                }
                // Others have their turn in between.
                tokio::task::yield_now().await;
            }
        }
    };
    // A peer that goes on regardless gets the reset.
    let _ = tokio::time::timeout(LINGER, ending).await;
    if discarded < MAX_DISCARDED { End::Finished(Ok(())) } else { End::Refused(Refused::Overhead) }
}
/// Hands the requests of one connection to the application.
struct Requests {
    app: Router,
    info: ConnectionInfo,
    version: Version,
    activity: Arc<Activity>,
    limits: Arc<Limits>,
}

impl Service<Request<Incoming>> for Requests {
    type Response = Response<AnswerBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let handling = self.activity.request(&self.limits);
        let activity = Arc::clone(&self.activity);
        let window = self.limits.http2_window_bytes as usize;
        let mut request = request.map(|body| Body::new(RequestBody::new(body, window, activity)));
        request.extensions_mut().insert(self.info.clone());
        let answer = tower::Service::call(&mut self.app.clone(), request);
        let activity = Arc::clone(&self.activity);
        let http1 = self.version == Version::Http1;
        let must_wait = self.activity.has_had_a_request();
        Box::pin(async move {
            if must_wait {
                // Many small requests in one packet are as many turns.
                tokio::task::yield_now().await;
            }
            let mut answer = answer.await?;
            if http1 && activity.body_left() > 0 {
                // hyper closes a connection on which a body was not read to its end. RFC 9112 §9.6: say so before,
                // so that the client sends its next request elsewhere.
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer.map(|body| AnswerBody::new(body, handling.answered())))
        })
    }
}
