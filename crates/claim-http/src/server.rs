//! A server: listens, lets in, serves, drains.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use claim_core::Origin;
use rustls::ServerConfig;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::admission::{Admission, UrgencyOf, with_admission};
use crate::connection::{
    ConnectionInfo, Phase, Serving, Shared, Version, refuse, serve_connection,
};
use crate::delays::Delays;
use crate::edge::with_edge;
use crate::household::Household;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::places::{Place, Places};
use crate::refused::Refused;
use crate::standing::with_standing;
use crate::turns::Turns;
use crate::turnwise::{Line, Newcomer};

/// The pause after the system refused a socket: long enough not to spin, short enough not to be noticed.
const NO_SOCKET_PAUSE: Duration = Duration::from_millis(100);

/// A server over TLS, ready to serve.
///
/// Addresses take turns at the processors, and within each its connections: whoever makes much work waits behind it.
/// Where there is more to do than can be done, the less urgent requests are refused before anything is done for them.
/// That takes a runtime with a thread more than there are processors.
///
/// A handler is dropped at its next `await` when its client goes away: whatever must not
/// stop half-way belongs into a task or a transaction of its own.
#[derive(Debug)]
pub struct Server {
    /// Where it listens, from [`crate::bind`].
    pub listeners: Vec<TcpListener>,
    /// From [`crate::server_tls`].
    pub tls: Arc<ServerConfig>,
    /// The routes. The server itself adds request ids, security headers, problem documents for
    /// unknown addresses and methods, and the answer to a handler's panic.
    pub app: Router,
    /// What goes first when there is more to do than can be done.
    pub urgency: UrgencyOf,
    /// The public origin, for the `type` of problem documents.
    pub origin: Origin,
    /// The budgets.
    pub limits: Limits,
    /// Where it counts.
    pub metrics: Metrics,
}

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// Connections that were cut off because their requests did not finish within the drain time.
    pub cut_off: usize,
}

impl Server {
    /// Serves until `shutdown` completes, then takes no more connections and requests and waits
    /// for those under way, for the drain time at most.
    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send) -> Stopped {
        let acceptor = TlsAcceptor::from(self.tls);
        let Self { limits, metrics, .. } = self;
        let delays = Arc::new(Delays::new(limits.bearable_wait, metrics.clone()));
        let admission = Admission::new(self.urgency, &limits, Arc::clone(&delays), metrics.clone());
        let app = with_admission(self.app, admission);
        let app = with_edge(app, self.origin, metrics.clone());
        let app = with_standing(app, limits.refusals_per_minute);
        let handshake =
            move |tcp, id, shared, newcomer| handshake(acceptor.clone(), tcp, id, shared, newcomer);
        serve(self.listeners, app, limits, metrics, delays, handshake, shutdown).await
    }
}

/// Serves on these listeners; `open` makes a connection out of a socket, if it can.
pub(crate) async fn serve<F>(
    listeners: Vec<TcpListener>,
    app: Router,
    limits: Limits,
    metrics: Metrics,
    delays: Arc<Delays>,
    open: impl Fn(TcpStream, ConnectionInfo, Arc<Shared>, Newcomer) -> F + Clone + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send,
) -> Stopped
where
    F: Future<Output = Option<Serving>> + Send + 'static,
{
    let places = Places::new(&limits);
    let (phase, observed) = watch::channel(Phase::Serving);
    let drain_timeout = limits.drain_timeout;
    // One thread fewer than there are: the one that is left brings whoever has something to do into line.
    let threads = tokio::runtime::Handle::current().metrics().num_workers();
    let turns = Turns::observed(threads.saturating_sub(1), usize::MAX, Some(delays));
    let limits = Arc::new(limits);
    let shared = Arc::new(Shared { app, limits, metrics, phase: observed, turns });
    let mut doors = JoinSet::new();
    for listener in listeners {
        doors.spawn(accept(listener, Arc::clone(&places), Arc::clone(&shared), open.clone()));
    }
    shutdown.await;
    doors.shutdown().await;
    phase.send_replace(Phase::Draining);
    let drained = tokio::time::timeout(drain_timeout, places.all_free()).await;
    let cut_off = if drained.is_ok() { 0 } else { places.taken() };
    phase.send_replace(Phase::Ended);
    Stopped { cut_off }
}

/// Lets connections in, for ever.
async fn accept<F>(
    listener: TcpListener,
    places: Arc<Places>,
    shared: Arc<Shared>,
    open: impl Fn(TcpStream, ConnectionInfo, Arc<Shared>, Newcomer) -> F,
) where
    F: Future<Output = Option<Serving>> + Send + 'static,
{
    static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
    loop {
        let (tcp, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The peer went before it was let in, which concerns nobody else.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) =>
            {
                continue;
            }
            Err(error) => {
                // There are no file descriptors left, or no memory: the next try would fail as fast.
                shared.metrics.connection_refused(Refused::NoSocket);
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(NO_SOCKET_PAUSE).await;
                continue;
            }
        };
        let id = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        shared.metrics.connection_accepted();
        tracing::debug!(connection = id, %peer, "accepted");
        match places.take(peer.ip()) {
            Ok(place) => {
                // Small answers must not wait for the client's acknowledgement of the last one.
                if let Err(error) = tcp.set_nodelay(true) {
                    tracing::debug!(connection = id, %error, "no TCP_NODELAY");
                }
                let info = ConnectionInfo { id, peer, client_chain: None };
                let household = Household::from(peer.ip());
                let (line, newcomer) = Line::of_newcomer(&shared.turns, household, id);
                // In a place of its own: whoever takes a future as an argument has room for it twice.
                let opening = Box::pin(open(tcp, info, Arc::clone(&shared), newcomer));
                let connection = line.work(async move {
                    // What opening it took is free again while the connection lives.
                    if let Some(serving) = opening.await {
                        serving.await;
                    }
                });
                tokio::spawn(keep_place(place, shared.metrics.clone(), connection));
            }
            Err(reason) => {
                drop(tcp);
                refuse(&shared, id, reason);
            }
        }
    }
}

async fn keep_place(place: Place, metrics: Metrics, connection: impl Future) {
    /// Counts down also when the connection's task is dropped.
    struct Open(Metrics);
    impl Drop for Open {
        fn drop(&mut self) {
            self.0.connection_closed();
        }
    }
    metrics.connection_opened();
    let open = Open(metrics);
    connection.await;
    drop((open, place));
}

/// Does the TLS handshake.
async fn handshake(
    acceptor: TlsAcceptor,
    tcp: TcpStream,
    mut info: ConnectionInfo,
    shared: Arc<Shared>,
    newcomer: Newcomer,
) -> Option<Serving> {
    let mut phase = shared.phase.clone();
    let timeout = shared.limits.handshake_timeout;
    let handshake = tokio::time::timeout(timeout, let_in(acceptor, tcp, Instant::now() + timeout));
    let stream = tokio::select! {
        biased;
        result = handshake => match result {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let reason = Refused::from_handshake(&error);
                tracing::debug!(connection = info.id, %error, "no TLS");
                refuse(&shared, info.id, reason);
                return None;
            }
            Err(_) => {
                refuse(&shared, info.id, Refused::HandshakeTimeout);
                return None;
            }
        },
        // No request can be under way: nothing to wait for.
        _ = phase.wait_for(|phase| *phase != Phase::Serving) => return None,
    };
    newcomer.enters();
    let (_, tls) = stream.get_ref();
    info.client_chain = tls.peer_certificates().map(Arc::from);
    let version = match tls.alpn_protocol() {
        Some(b"h2") => Version::Http2,
        // Also without ALPN, as RFC 9112 needs none.
        _ => Version::Http1,
    };
    Some(serve_connection(stream, version, info, &shared))
}

/// The TLS handshake, of which the first message costs the most: whoever went away while it waited for its turn, or
/// has waited for too long, costs none.
async fn let_in(
    acceptor: TlsAcceptor,
    tcp: TcpStream,
    until: Instant,
) -> io::Result<TlsStream<TcpStream>> {
    let something = tcp.peek(&mut [0]).await?;
    // What the system says of a socket is known only when it was asked, which happens between turns.
    tokio::task::yield_now().await;
    if something == 0 || tcp.ready(Interest::READABLE).await?.is_read_closed() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if Instant::now() >= until {
        // Time-outs are looked at last.
        return std::future::pending().await;
    }
    acceptor.accept(tcp).await
}
