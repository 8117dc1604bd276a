//! A witness at work: started, serving, stopped.

mod identity;
mod upkeep;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use claim_core::{Origin, Problem, ProblemType};
use claim_files::{FileError, FolderLock, lock_folder};
use claim_http::{
    BindError, CertificateSwitch, ClientCertificates, Clock, ExternalWatch, Metrics, Nudge,
    Refusal, Server, Stopped, Urgency, bind, problem_pages, serve_health, server_tls,
};
use claim_log::WitnessKey;
use claim_store::{DatabaseUrl, StoreError, WitnessRecords, WitnessStore};
use http::Method;
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::upkeep::Upkeep;
use crate::add_checkpoint::KnownLog;
use crate::config::{Config, DEFAULT_PORT};
use crate::error::StartError;
use crate::event::{Event, Observer};
use crate::folder::Folder;
use crate::host::Host;
use crate::key::Witness;
use crate::logs::Logs;
use crate::routes::routes;

/// A serving witness.
pub(crate) struct Serving {
    witness: Witness,
    logs: Logs,
    store: WitnessStore,
    clock: Clock,
    body_timeout: Duration,
    observer: Observer,
}

/// A witness that is ready to serve: it has its certificate, its records and its addresses.
pub struct Running {
    serving: Arc<Serving>,
    server: Server,
    health: Option<Vec<TcpListener>>,
    upkeep: Upkeep,
    nudge: Nudge,
    origin: Origin,
    addresses: Vec<SocketAddr>,
    // Held until the server has stopped.
    lock: FolderLock,
}

/// Loads or makes the key, verifies its certificate, opens the records, and takes the addresses.
///
/// # Errors
/// [`StartError`]; [`StartError::NotCertified`] when the request for the certificate was left in the folder. Whatever was
/// made until then is complete and will be used at the next start.
pub async fn start(config: Config, observer: Observer) -> Result<Running, StartError> {
    if let Some(address) = config.metrics.filter(|address| !address.ip().is_loopback()) {
        return Err(StartError::MetricsNotLocal { address });
    }
    let folder = Folder::new(&config.dir);
    let lock = lock(&folder)?;
    let root = identity::root(&config)?;
    let url = match &config.database {
        Some(url) => url.parse()?,
        None => DatabaseUrl::sqlite(folder.database()),
    };
    let store = WitnessStore::open_with(&url, config.faults.clone()).await?;
    let witness = identity::witness(&config, &folder, &root, &store, &observer).await?;
    let logs = Logs::load(&root, &config.logs, &config.keys)?;
    let (external, shown) = match config.external_tls.clone() {
        Some(files) => {
            let watch = ExternalWatch::start(files)?;
            (Some(watch.identity().clone()), Some(watch))
        }
        None => (None, None),
    };
    let tls = external.map_or_else(|| identity::passing_tls(config.clock.now()), Ok)?;
    let switch = CertificateSwitch::new(&tls);
    let tls = server_tls(Arc::clone(&switch), ClientCertificates::None)
        .map_err(|error| StartError::Tls(error.to_string()))?;

    let listeners = bind(&config.listen)?;
    let addresses = local_addresses(&listeners)?;
    let health = config.metrics.map(|address| bind(&[address])).transpose()?;
    let origin = match config.public_url {
        Some(origin) => origin,
        None => {
            let port = addresses.first().map_or(DEFAULT_PORT, SocketAddr::port);
            Origin::from_user(&format!("https://localhost:{port}"))?
        }
    };
    let body_timeout = config.limits.body_read_timeout;
    let clock = config.clock;
    let serving = Arc::new(Serving { witness, logs, store, clock, body_timeout, observer });
    let (metrics, nudge) = (Metrics::new(), Nudge::new());
    metrics.certificate_expires("witness", serving.witness.certificate().not_after());
    let upkeep = Upkeep::new(switch, shown, metrics.clone(), nudge.listen());
    let app = routes::<Serving>().merge(problem_pages()).with_state(Arc::clone(&serving));
    let (limits, public) = (config.limits, origin.clone());
    let server = Server { listeners, tls, app, urgency, origin: public, limits, metrics };
    let running = Running { serving, server, health, upkeep, nudge, origin, addresses, lock };
    running.serving.tell(Event::Listening {
        key: running.key(),
        origin: running.origin.clone(),
        addresses: running.addresses.clone(),
        logs: running.serving.logs.names(),
        metrics: running.metrics_address(),
    });
    Ok(running)
}

/// Proofs wait for cosignatures; pages can wait for those.
fn urgency(_: &Method, route: &str) -> Urgency {
    if route.starts_with("/witness/") { Urgency::Deadline } else { Urgency::Other }
}

impl Running {
    /// The origin under which it is known.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What verifies its cosignatures.
    pub fn key(&self) -> WitnessKey {
        self.serving.witness.key()
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where `/metrics`, `/healthz` and `/readyz` are served, if they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.health.as_ref()?.first()?.local_addr().ok()
    }

    /// Has it look at its TLS files and its records now instead of at the next turn.
    pub fn nudge(&self) -> Nudge {
        self.nudge.clone()
    }

    /// Serves until `shutdown` completes, then finishes the requests under way, within the drain time.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Stopped {
        let Self { serving, server, health, upkeep, lock, .. } = self;
        let (stop, stopped) = watch::channel(false);
        let readiness = upkeep.readiness();
        let health = health.map(|listeners| {
            let (metrics, readiness) = (server.metrics.clone(), readiness.clone());
            tokio::spawn(serve_health(listeners, metrics, move || readiness.get(), told(stopped)))
        });
        let keeping = tokio::spawn(upkeep.run(Arc::clone(&serving)));
        let end = server
            .serve(async {
                shutdown.await;
                readiness.stop();
            })
            .await;
        keeping.abort();
        // A task that was aborted, or that panicked, has ended; there is nothing else to learn from it.
        let _ = keeping.await;
        stop.send_replace(true);
        if let Some(health) = health {
            let _ = health.await;
        }
        serving.store.close().await;
        drop(lock);
        end
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("origin", &self.origin)
            .field("key", &self.key())
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

impl Serving {
    pub(crate) fn tell(&self, event: Event) {
        (self.observer)(event);
    }
}

impl Host for Serving {
    fn witness(&self) -> &Witness {
        &self.witness
    }

    fn records(&self) -> WitnessRecords<'_> {
        self.store.records()
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn body_timeout(&self) -> Duration {
        self.body_timeout
    }

    async fn known(&self, origin: &str) -> Result<Vec<KnownLog>, StoreError> {
        Ok(self.logs.known(origin, self.clock.now()))
    }

    fn split(&self, origin: &str, size: u64) {
        self.tell(Event::LogSplit { origin: origin.to_owned(), size });
    }

    fn answer(&self, peer: SocketAddr, result: Result<Response, Problem>) -> Response {
        result.unwrap_or_else(|problem| {
            let (problem_type, detail) = (problem.problem_type, problem.detail.clone());
            // A flood that is turned away must not flood the terminal; it is counted.
            if problem_type != ProblemType::TooManyRefusals {
                self.tell(Event::Refused { problem_type, detail, peer });
            }
            Refusal(problem).into_response()
        })
    }
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // The end of whoever would tell is as good as the word.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

/// Makes the folder where it is missing, and locks it.
fn lock(folder: &Folder) -> Result<FolderLock, StartError> {
    let dir = folder.path();
    std::fs::create_dir_all(dir).map_err(|source| FileError::System {
        action: "create",
        path: dir.to_owned(),
        source,
    })?;
    lock_folder(dir, Folder::LOCK).map_err(|error| match error {
        FileError::Locked { .. } => StartError::FolderLocked { dir: dir.to_owned() },
        other => other.into(),
    })
}

fn local_addresses(listeners: &[TcpListener]) -> Result<Vec<SocketAddr>, StartError> {
    let address = |listener: &TcpListener| listener.local_addr();
    listeners.iter().map(address).collect::<Result<_, _>>().map_err(|source| {
        let address = SocketAddr::from(([0, 0, 0, 0], 0));
        BindError::Io { address, source }.into()
    })
}
