//! CUHK at work: started, serving, stopped.

mod issuing;
mod maintenance;

use std::future::Future;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use claim_core::invitation::RootPin;
use claim_core::{Digest, Origin};
use claim_files::{FileError, FolderLock, lock_folder, make_folder};
use claim_http::{
    BindError, CertificateSwitch, ClientCertificates, ExternalWatch, Metrics, Nudge, Rates, Server,
    Stopped, bind, serve_health, server_tls,
};
use claim_store::cuhk::CuhkStore;
use claim_store::cuhk::audit::By;
use claim_store::{DatabaseUrl, Faults, Room, check_restored};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use self::issuing::without_revoked;
use self::maintenance::{Maintenance, Readiness, Shown};
use crate::announcing;
use crate::audit::{Ledger, started, unrecorded};
use crate::authority::{Authority, AuthorityError, Found, load_root};
use crate::ceremony::Ceremony;
use crate::codes::Guesses;
use crate::config::{Config, DEFAULT_PORT};
use crate::crl::Lists;
use crate::desk::Desk;
use crate::elsewhere;
use crate::error::{NotLocal, StartError};
use crate::event::{Event, Observer};
use crate::folder::{Folder, exists};
use crate::invite::Invitations;
use crate::mail::Mailer;
use crate::mode::Mode;
use crate::own_certificate::OwnCertificate;
use crate::requests;
use crate::routes::{router, urgency};
use crate::sign_in::{CALLBACK, SignIns};
use crate::signing;
use crate::sso::{Provider, SsoError};
use crate::state::Cuhk;
use crate::timestamps::{self, TimestampAuthority};
use crate::witness;

/// How many timestamps of one person are being made at once; each is one signature.
const TIMESTAMPS_AT_ONCE: NonZeroU32 = NonZeroU32::new(4).unwrap();

/// How many renewals of one person are under way at once: one a device.
const RENEWALS_AT_ONCE: NonZeroU32 = NonZeroU32::new(8).unwrap();

/// A CUHK that is ready to serve: what needed to be made or loaded is, and the addresses are taken.
pub struct Running {
    cuhk: Arc<Cuhk>,
    server: Server,
    health: Option<Vec<TcpListener>>,
    maintenance: Maintenance,
    mailer: Option<Arc<Mailer>>,
    nudge: Nudge,
    addresses: Vec<SocketAddr>,
    // Held until the server has stopped.
    lock: FolderLock,
}

/// Step 0: makes or loads root, issuing certificate and the server's own certificate, and takes the addresses.
///
/// # Errors
/// [`StartError`]. Whatever was made until then is complete and will be used at the next start.
pub async fn start(config: Config, observer: Observer) -> Result<Running, StartError> {
    if let Some(address) = config.metrics.filter(|address| !address.ip().is_loopback()) {
        return Err(StartError::MetricsNotLocal { address });
    }
    let folder = Folder::with_keys(&config.dir, config.keys.clone());
    let lock = lock(&folder)?;
    let listeners = bind(&config.listen)?;
    let addresses = local_addresses(&listeners)?;
    let health = config.metrics.map(|address| bind(&[address])).transpose()?;
    let origin = origin(&config, &folder, &addresses)?;
    let store = open_store(&folder, config.database.as_deref(), config.faults.clone()).await?;
    let clock = config.clock.clone();
    let store = store.acting(By::cuhk(), move || clock.now());
    if folder.keys().root_elsewhere && exists(&folder.root_certificate())? {
        let (folder, store, now) = (&folder, &store, config.clock.now());
        elsewhere::take_answer(&Ceremony { folder, store, origin: &origin, now }).await?;
    }
    let (authority, found) = open_authority(&config, &folder, &store, &origin).await?;
    let lists = Lists { folder: &folder, store: &store, now: config.clock.now() };
    let authority = without_revoked(&lists, authority).await?;
    let (mode, fingerprint) = (Mode::of(authority.root()), authority.root_digest());
    let ledger = Ledger::default();
    for entry in unrecorded(&store, &authority).await? {
        ledger.note(entry);
    }
    ledger.note(started(&store, &config, origin.as_str(), mode, fingerprint).await?);
    ledger.write(&store, config.clock.now(), false).await;
    observer(match found {
        Found::Made => Event::RootMade { fingerprint },
        Found::Loaded => Event::RootLoaded { fingerprint },
    });

    let sign_ins = sign_ins(&config, mode, &origin)?;
    let desk = Desk::new(authority, store, config.clock.clone());
    let ceremony =
        Ceremony { folder: &folder, store: &desk.store, origin: &origin, now: desk.clock.now() };
    let witness = witness::load_or_make(&ceremony).await?;
    let (identity, shown) = match config.external_tls {
        Some(files) => {
            let watch = ExternalWatch::start(files)?;
            (watch.identity().clone(), Shown::External(watch))
        }
        None => {
            let own = OwnCertificate::load_or_issue(&desk, &folder, &origin).await?;
            if let Some(issued) = own.issued {
                observer(Event::ServerCertificate(issued));
            }
            (own.identity, Shown::Own { not_after: own.not_after })
        }
    };
    let timestamps = timestamps::load_or_make(&ceremony).await.map_err(|error| {
        // Everything else works without them, and the root may be in a safe.
        observer(Event::TimestampsUnavailable { reason: error.to_string() });
    });
    folder.remember_origin(&origin)?;

    let switch = CertificateSwitch::new(&identity);
    let tls = server_tls(Arc::clone(&switch), ClientCertificates::Requested)
        .map_err(|error| StartError::Tls(error.to_string()))?;
    let cuhk = Arc::new(Cuhk {
        invitations: Invitations {
            cuhk: origin.clone(),
            pin: RootPin::of(&fingerprint),
            life: config.code_life,
        },
        sign_ins,
        desk,
        mode,
        origin: origin.clone(),
        room: Room::of(vec![config.dir.clone()], config.keep_free),
        folder,
        witness,
        timestamps: TimestampAuthority::new(timestamps.ok()),
        guesses: Guesses::new(config.quotas.wrong_codes_per_minute),
        rates: Rates::new(config.quotas.timestamps_per_minute, TIMESTAMPS_AT_ONCE),
        renewals: Rates::hourly(config.quotas.renewals_per_hour, RENEWALS_AT_ONCE),
        renewal_grace: config.renewal_grace,
        certificates_per_person: config.certificates_per_person,
        announces: config.mailer.is_some(),
        issued: Notify::new(),
        body_read_timeout: config.limits.body_read_timeout,
        observer,
        ledger,
    });
    let (metrics, nudge) = (Metrics::new(), Nudge::new());
    let maintenance =
        Maintenance::new(&cuhk, switch, shown, metrics.clone(), nudge.listen()).await?;
    let server = Server {
        listeners,
        tls,
        app: router(&cuhk),
        urgency,
        origin,
        limits: config.limits,
        metrics,
    };
    let mailer = config.mailer;
    let running = Running { cuhk, server, health, maintenance, mailer, nudge, addresses, lock };
    running.cuhk.tell(Event::Listening {
        origin: running.cuhk.origin.clone(),
        addresses: running.addresses.clone(),
        mode,
        metrics: running.metrics_address(),
    });
    Ok(running)
}

impl Running {
    /// The origin under which CUHK is known.
    pub fn origin(&self) -> &Origin {
        &self.cuhk.origin
    }

    /// Whom it enrols.
    pub fn mode(&self) -> Mode {
        self.cuhk.mode
    }

    /// SHA-256 of the root certificate's DER.
    pub fn root(&self) -> Digest {
        self.cuhk.desk.authority().root_digest()
    }

    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where `/metrics`, `/healthz` and `/readyz` are served, if they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.health.as_ref()?.first()?.local_addr().ok()
    }

    /// Has CUHK look at its certificates, its TLS files and its records now instead of at the next turn.
    pub fn nudge(&self) -> Nudge {
        self.nudge.clone()
    }

    /// Serves until `shutdown` completes, then finishes the requests under way, within the drain time.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) -> Stopped {
        let Self { cuhk, server, health, maintenance, mailer, lock, .. } = self;
        let (stop, stopped) = watch::channel(false);
        let recording = tokio::spawn(record(Arc::clone(&cuhk), stopped.clone()));
        let readiness = Readiness::default();
        let health = health.map(|listeners| {
            let (metrics, readiness) = (server.metrics.clone(), readiness.clone());
            tokio::spawn(serve_health(listeners, metrics, move || readiness.get(), told(stopped)))
        });
        let keeping = tokio::spawn(maintenance.run(Arc::clone(&cuhk), readiness.clone()));
        let answering = tokio::spawn(requests::answer(Arc::clone(&cuhk)));
        let announcing =
            mailer.map(|mailer| tokio::spawn(announcing::run(Arc::clone(&cuhk), mailer)));
        let end = server
            .serve(async {
                shutdown.await;
                readiness.stop();
            })
            .await;
        for task in [keeping, answering].into_iter().chain(announcing) {
            task.abort();
            // A task that was aborted, or that panicked, has ended; there is nothing else to learn from it.
            let _ = task.await;
        }
        stop.send_replace(true);
        // To its end: what it has begun to write would be in memory alone.
        let _ = recording.await;
        if let Some(health) = health {
            let _ = health.await;
        }
        cuhk.ledger.write(&cuhk.desk.store, cuhk.desk.clock.now(), true).await;
        cuhk.desk.store.close().await;
        drop(lock);
        end
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("origin", self.origin())
            .field("mode", &self.mode())
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

/// Opens CUHK's records: the named database, or the SQLite file in the folder.
pub(crate) async fn open_store(
    folder: &Folder,
    database: Option<&str>,
    faults: Faults,
) -> Result<CuhkStore, StartError> {
    let url = match database {
        Some(url) => url.parse()?,
        None => DatabaseUrl::sqlite(folder.database()),
    };
    Ok(CuhkStore::open_with(&url, faults).await?)
}

/// Makes the folder where it is missing, and locks it.
pub(crate) fn lock(folder: &Folder) -> Result<FolderLock, StartError> {
    let dir = folder.path();
    make_folder(dir)?;
    let lock = lock_folder(dir, Folder::LOCK).map_err(|error| match error {
        FileError::Locked { .. } => StartError::FolderLocked { dir: dir.to_owned() },
        other => other.into(),
    })?;
    check_restored(dir)?;
    Ok(lock)
}

/// Signing in with the university, where a sign-in service is configured.
fn sign_ins(config: &Config, mode: Mode, origin: &Origin) -> Result<Option<SignIns>, SsoError> {
    let Some(settings) = &config.sso else { return Ok(None) };
    if mode == Mode::LocalDemo {
        return Err(SsoError::LocalDemo);
    }
    let provider = Provider::new(settings, origin.join(CALLBACK), config.clock.clone())?;
    let quotas = config.quotas;
    Ok(Some(SignIns::new(provider, quotas.sign_ins_per_minute, quotas.sign_ins_waiting)))
}

fn local_addresses(listeners: &[TcpListener]) -> Result<Vec<SocketAddr>, StartError> {
    let address = |listener: &TcpListener| listener.local_addr();
    listeners.iter().map(address).collect::<Result<_, _>>().map_err(|source| {
        let address = SocketAddr::from(([0, 0, 0, 0], 0));
        BindError::Io { address, source }.into()
    })
}

/// The public origin: the configured one, else the one by which others know it already, else this machine's.
fn origin(
    config: &Config,
    folder: &Folder,
    addresses: &[SocketAddr],
) -> Result<Origin, StartError> {
    let known = folder.remembered_origin().filter(|origin| !origin.is_loopback());
    match config.public_url.clone().or(known) {
        Some(origin) => Ok(origin),
        None => {
            let port = addresses.first().map_or(DEFAULT_PORT, SocketAddr::port);
            Ok(Origin::from_user(&format!("https://localhost:{port}"))?)
        }
    }
}

/// Loads or makes the keys and certificates, for a mode that fits who can reach CUHK and who is on record.
async fn open_authority(
    config: &Config,
    folder: &Folder,
    store: &CuhkStore,
    origin: &Origin,
) -> Result<(Authority, Found), StartError> {
    let not_local = why_not_local(config, store).await?;
    if exists(&folder.offline_root_mark())? {
        return Err(AuthorityError::OfflineRoot { dir: config.dir.clone() }.into());
    }
    // Looked at before anything is made beside it.
    if let Some(because) = &not_local
        && exists(&folder.root_certificate())?
        && Mode::of(&load_root(folder)?) == Mode::LocalDemo
    {
        return Err(StartError::LocalRoot { dir: config.dir.clone(), because: because.clone() });
    }
    let new_root = if not_local.is_none() { Mode::LocalDemo } else { Mode::Rostered };
    let has_issued = !store.certificates(None, 1).await?.is_empty();
    let (now, folder, origin) = (config.clock.now(), folder.clone(), origin.clone());
    let load = move || Authority::load_or_make(&folder, new_root, has_issued, Some(&origin), now);
    Ok(signing::apart(load).await.map_err(AuthorityError::from)??)
}

/// Whether CUHK is for more than this machine; `None` when it is not.
async fn why_not_local(config: &Config, store: &CuhkStore) -> Result<Option<NotLocal>, StartError> {
    if let Some(origin) = &config.public_url {
        return Ok(Some(NotLocal::PublicUrl(origin.clone())));
    }
    if let Some(address) = config.listen.iter().find(|address| !address.ip().is_loopback()) {
        return Ok(Some(NotLocal::Listener(*address)));
    }
    Ok(store.has_people().await?.then_some(NotLocal::People))
}

/// Writes into the audit log what waits for it, until CUHK stops; what is being written then is written.
async fn record(cuhk: Arc<Cuhk>, stopped: watch::Receiver<bool>) {
    /// How long a count waits at most after the end of its minute.
    const TURN: Duration = Duration::from_secs(5);
    loop {
        tokio::select! {
            () = told(stopped.clone()) => return,
            // Either is as good.
            _ = timeout(TURN, cuhk.ledger.wait()) => {}
        }
        cuhk.ledger.write(&cuhk.desk.store, cuhk.desk.clock.now(), false).await;
    }
}

async fn told(mut stopped: watch::Receiver<bool>) {
    // The sender's end is as good as its word.
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
