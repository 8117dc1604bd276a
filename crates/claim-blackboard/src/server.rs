//! Blackboard at work: started, serving, stopped.

mod maintenance;

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use claim_core::late::LatePolicy;
use claim_core::ring::WrappingKey;
use claim_core::{AssignmentRef, Digest, Origin};
use claim_course::AssignmentPlan;
use claim_course::time::Zone;
use claim_files::{FileError, FolderLock, lock_folder, make_folder};
use claim_http::{
    BindError, CertificateSwitch, ClientCertificates, ExternalWatch, Metrics, Nudge, Rates, Server,
    Stopped, bind, serve_health, server_tls,
};
use claim_store::blackboard::audit::By;
use claim_store::blackboard::{BlackboardStore, NewCourse};
use claim_store::{Objects, Room, check_restored};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::maintenance::Maintenance;
use crate::audit::Start;
use crate::blackboard::{Announcer, Blackboard, Own};
use crate::clocks::{Clocks, compare_at_start};
use crate::config::{Config, DEFAULT_LIMITS, DEFAULT_PORT, DEFAULT_UPLOAD_SECONDS};
use crate::counters::Counters;
use crate::enrol::{Enrolment, own_key};
use crate::event::{Event, Observer};
use crate::evidence::{self, CurrentEvidence};
use crate::folder::Folder;
use crate::gate::Gate;
use crate::inventory;
use crate::lodging::Manifests;
use crate::log::Log;
use crate::people::People;
use crate::revocations::Revocations;
use crate::routes::{router, urgency};
use crate::sealing::{Sealing, wrapping_key, wrapping_key_from};
use crate::start_error::StartError;
use crate::storage::Storage;

/// A Blackboard that is ready to serve: it has its certificate, its records and its addresses.
pub struct Running {
    blackboard: Arc<Blackboard>,
    server: Server,
    health: Option<Vec<TcpListener>>,
    maintenance: Maintenance,
    nudge: Nudge,
    addresses: Vec<SocketAddr>,
    // Held until the server has stopped.
    lock: FolderLock,
}

/// Takes the addresses, opens the records, enrols at CUHK where that is needed, and reads the sealing ring.
///
/// Where CUHK is needed and not there yet, it waits, as long as the configuration has patience.
///
/// # Errors
/// [`StartError`]. Whatever was made until then is complete and will be used at the next start.
pub async fn start(config: Config, observer: Observer) -> Result<Running, StartError> {
    if let Some(address) = config.metrics.filter(|address| !address.ip().is_loopback()) {
        return Err(StartError::MetricsNotLocal { address });
    }
    let folder = Folder::with_passphrase(&config.dir, config.passphrase.clone());
    let lock = lock(&config.dir)?;
    let listeners = bind(&config.listen)?;
    let addresses = local_addresses(&listeners)?;
    let health = config.metrics.map(|address| bind(&[address])).transpose()?;
    let origin = match &config.public_url {
        Some(origin) => origin.clone(),
        None => {
            let port = addresses.first().map_or(DEFAULT_PORT, SocketAddr::port);
            Origin::from_user(&format!("https://localhost:{port}"))?
        }
    };
    // What only a person can put right comes first, and the waiting last.
    let wrapping = sealing_key(&config, &folder)?;
    let external = config.external_tls.clone().map(ExternalWatch::start).transpose()?;
    let store = BlackboardStore::open_with(&config.database_url()?, config.faults.clone()).await?;
    let time = config.clock.clone();
    let store = Arc::new(store.acting(By::blackboard(), move || time.now()));
    let objects = Objects::open_with(&folder.objects(), config.faults.clone())?;
    inventory::look(&store, &objects).await?;
    let (course, plan) = inbox()?;
    store.put_first_assignment(&course, &plan).await?;

    let room = Room::of(vec![config.dir.clone(), folder.objects()], config.keep_free);
    let key = own_key(&folder)?;
    evidence::look(&folder)?;
    let (clock, limits, quotas) = (config.clock.clone(), config.limits.clone(), config.quotas);
    let enrolment = Enrolment { config, folder, origin, observer };
    let (credential, root) = enrolment.obtain(key).await?;
    compare_at_start(&enrolment.cuhk(), &root, &clock).await?;
    let start = Start::tell(&store, &enrolment, Digest::from_bytes(*root.hash())).await;

    let tls = match &external {
        Some(external) => external.identity().clone(),
        None => credential.certified.tls(&credential.identity.key).map_err(StartError::OwnTls)?,
    };
    let switch = CertificateSwitch::new(&tls);
    let tls = server_tls(Arc::clone(&switch), ClientCertificates::None)
        .map_err(|error| StartError::Tls(error.to_string()))?;
    let (origin, observer) = (enrolment.origin.clone(), Arc::clone(&enrolment.observer));
    let sealing = Sealing::open(
        Arc::clone(&store),
        wrapping,
        origin.clone(),
        Arc::clone(&observer),
        clock.now(),
    )
    .await?;
    let metrics = Metrics::new();
    let issuer = credential.certified.issuer();
    let revocations = Revocations::load(&enrolment.folder, &root, issuer, clock.now());
    let log = Log::new(Arc::clone(&store), objects);
    let counters = Counters::registered(&metrics);
    let clocks = Clocks::new(clock.clone(), Arc::clone(&observer), counters.clone());
    let blackboard = Arc::new(Blackboard {
        origin: origin.clone(),
        clock,
        clocks,
        marked: Mutex::default(),
        observer,
        store,
        storage: Storage::new(room),
        sealing,
        people: Arc::new(People::new(Arc::clone(&root))),
        revocations,
        log,
        manifests: Manifests::new(),
        evidence: CurrentEvidence::default(),
        own: Own::new(credential),
        gate: Gate::new(&quotas),
        rates: Rates::new(quotas.requests_per_minute, quotas.requests_at_once),
        counters,
        body_timeout: limits.body_read_timeout,
        announcer: Announcer::default(),
        storage_fault: Mutex::default(),
        external_not_after: Mutex::default(),
        stopping: AtomicBool::new(false),
    });
    let nudge = Nudge::new();
    let (metrics_of, nudge_of) = (metrics.clone(), nudge.clone());
    let maintenance = Maintenance {
        start,
        enrolment,
        root,
        switch,
        external,
        metrics: metrics_of,
        nudge: nudge_of,
    };
    let app = router(Arc::clone(&blackboard));
    let server = Server { listeners, tls, app, urgency, origin, limits, metrics };
    let running = Running { blackboard, server, health, maintenance, nudge, addresses, lock };
    running.blackboard.tell(Event::Listening {
        origin: running.blackboard.origin.clone(),
        addresses: running.addresses.clone(),
        metrics: running.metrics_address(),
    });
    Ok(running)
}

impl Running {
    /// The origin under which Blackboard is known.
    pub fn origin(&self) -> &Origin {
        &self.blackboard.origin
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it serves health and metrics, if it does.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.health.as_ref()?.first()?.local_addr().ok()
    }

    /// Has Blackboard look at its certificates, its TLS files and its records now instead of at the next turn.
    pub fn nudge(&self) -> Nudge {
        self.nudge.clone()
    }

    /// Serves until `shutdown` completes, then finishes the requests under way, within the drain time.
    ///
    /// When it returns, all messages that were acknowledged are durable and have been told of.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Stopped {
        let Self { blackboard, server, health, maintenance, lock, .. } = self;
        let (stop, stopped) = watch::channel(false);
        let health = health.map(|listeners| {
            let (metrics, ready) = (server.metrics.clone(), Arc::clone(&blackboard));
            let ready = move || ready.ready();
            tokio::spawn(serve_health(listeners, metrics, ready, ended(stopped)))
        });
        let maintaining = tokio::spawn(maintenance.run(Arc::clone(&blackboard)));
        let end = server
            .serve(async {
                shutdown.await;
                blackboard.stopping.store(true, Ordering::Relaxed);
                // Nobody is to wait any longer for what may happen.
                blackboard.log.wake_watchers();
            })
            .await;
        maintaining.abort();
        // A task that was aborted, or that panicked, has ended; there is nothing else to learn from it.
        let _ = maintaining.await;
        blackboard.announcer.finish().await;
        blackboard.store.close().await;
        stop.send_replace(true);
        if let Some(health) = health {
            let _ = health.await;
        }
        drop(lock);
        end
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("origin", self.origin())
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// The key that wraps the sealing ring: from where the configuration says, else from the folder, where it is made.
fn sealing_key(config: &Config, folder: &Folder) -> Result<WrappingKey, StartError> {
    let path = folder.sealing_key();
    match &config.sealing_key {
        Some(source) => wrapping_key_from(source)
            .map_err(|error| StartError::SealingKeyFrom { from: source.clone(), error }),
        None => wrapping_key(&path).map_err(|source| StartError::SealingKey { path, source }),
    }
}

/// Makes the folder where it is missing, and locks it.
pub(crate) fn lock(dir: &Path) -> Result<FolderLock, StartError> {
    make_folder(dir)?;
    let lock = lock_folder(dir, Folder::LOCK).map_err(|error| match error {
        FileError::Locked { .. } => StartError::FolderLocked { dir: dir.to_owned() },
        other => other.into(),
    })?;
    check_restored(dir)?;
    Ok(lock)
}

fn local_addresses(listeners: &[TcpListener]) -> Result<Vec<SocketAddr>, StartError> {
    listeners.iter().map(TcpListener::local_addr).collect::<Result<_, _>>().map_err(|source| {
        let address = SocketAddr::from(([0, 0, 0, 0], 0));
        BindError::Io { address, source }.into()
    })
}

/// What students hand in to where nobody has set up anything: a course for everybody with one assignment.
fn inbox() -> Result<(NewCourse, AssignmentPlan), StartError> {
    let reference: AssignmentRef = "blackboard/inbox".parse().map_err(StartError::Inbox)?;
    let course = NewCourse {
        course: reference.course.clone(),
        title: "Blackboard".to_owned(),
        zone: Zone::utc(),
        open: true,
    };
    let plan = AssignmentPlan {
        course: reference.course,
        assignment: reference.assignment,
        title: "Inbox".to_owned(),
        visible_from: None,
        due: None,
        until: None,
        late: LatePolicy::Accept,
        upload_seconds: DEFAULT_UPLOAD_SECONDS,
        limits: DEFAULT_LIMITS,
        groups: None,
    };
    Ok((course, plan))
}

async fn ended(mut stopped: watch::Receiver<bool>) {
    // The sender's end is as good as its word.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
