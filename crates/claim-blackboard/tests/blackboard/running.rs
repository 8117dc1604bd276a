//! A Blackboard that runs in its folder, and what it tells.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use claim_blackboard::{Clock, Config, Event, Observer, StoredMessage, start};
use claim_core::{Origin, Timestamp};
use claim_files::{Mode, write_new};
use claim_http::Nudge;
use tempfile::TempDir;
use tokio::net::TcpSocket;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::authority::{Authority, fresh, now};

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct Time(Arc<AtomicI64>);

impl Time {
    pub(crate) fn new(at: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(at.as_millis())))
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(crate) fn clock(&self) -> Clock {
        let time = self.clone();
        Clock::new(move || time.now())
    }
}

/// A folder with everything that a Blackboard needs.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
    pub(crate) port: Port,
    pub(crate) time: Time,
}

impl Place {
    /// Key, certificate and root are there: no CUHK is needed.
    pub(crate) fn enrolled() -> Self {
        let place = Self::empty(Authority::new());
        let (key, chain) = place.authority.server_files(&place.origin(), fresh());
        place.put_key(&key);
        place.put("blackboard.cer", &chain);
        place.put("cuhk.cer", &place.authority.root_pem());
        place
    }

    /// Nothing is there.
    pub(crate) fn empty(authority: Authority) -> Self {
        let time = Time::new(now());
        Self { folder: tempfile::tempdir().unwrap(), authority, port: Port::reserve(), time }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn put_key(&self, pem: &str) {
        write_new(&self.path("blackboard.key"), pem.as_bytes(), Mode::Private).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn origin(&self) -> Origin {
        self.port.origin()
    }

    pub(crate) fn config(&self) -> Config {
        let cuhk = "https://localhost:9335".parse().unwrap();
        Config {
            listen: vec![self.port.address()],
            clock: self.time.clock(),
            ..Config::new(self.folder.path(), cuhk)
        }
    }

    pub(crate) async fn start(&self) -> Blackboard {
        Blackboard::start(self.config()).await
    }

    /// The messages on record.
    pub(crate) async fn messages(&self) -> Vec<StoredMessage> {
        messages(self.folder.path()).await
    }
}

pub(crate) async fn messages(folder: &Path) -> Vec<StoredMessage> {
    let mut pages = claim_blackboard::messages(folder, None).await.unwrap();
    let mut all = Vec::new();
    loop {
        let page = pages.next_page().await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// A port that nobody else gets while this lives: it is bound, and not listened on.
pub(crate) struct Port {
    pub(crate) number: u16,
    _socket: TcpSocket,
}

impl Port {
    pub(crate) fn reserve() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // With the same option, the server may bind it too, and is the only one to listen.
        socket.set_reuseaddr(true).unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self { number: socket.local_addr().unwrap().port(), _socket: socket }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }

    pub(crate) fn origin(&self) -> Origin {
        format!("https://localhost:{}", self.number).parse().unwrap()
    }
}

/// Collects events.
pub(crate) fn observer() -> (Observer, mpsc::UnboundedReceiver<Event>) {
    let (sender, events) = mpsc::unbounded_channel();
    let observer = move |event| {
        // When the test is over nobody listens any more.
        let _ = sender.send(event);
    };
    (Arc::new(observer), events)
}

/// A running Blackboard.
pub(crate) struct Blackboard {
    pub(crate) origin: Origin,
    pub(crate) port: u16,
    pub(crate) nudge: Nudge,
    events: mpsc::UnboundedReceiver<Event>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Blackboard {
    pub(crate) async fn start(config: Config) -> Self {
        let (observer, events) = observer();
        Self::start_observed(config, observer, events).await
    }

    pub(crate) async fn start_observed(
        config: Config,
        observer: Observer,
        events: mpsc::UnboundedReceiver<Event>,
    ) -> Self {
        let running = start(config, observer).await.unwrap();
        let (origin, port) = (running.origin().clone(), running.addresses()[0].port());
        let nudge = running.nudge();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            running
                .run(async {
                    let _ = stopped.await;
                })
                .await;
        });
        Self { origin, port, nudge, events, stop, task }
    }

    /// Stops, and waits until it has.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap();
    }

    /// Waits for the next event that `pick` takes something from.
    pub(crate) async fn event<T>(&mut self, mut pick: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            let event = self.events.recv().await.expect("an event");
            if let Some(picked) = pick(event) {
                return picked;
            }
        }
    }

    /// The messages that were told of until now.
    pub(crate) fn told(&mut self) -> Vec<(i64, String)> {
        let mut told = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            if let Event::Message { number, text, .. } = event {
                told.push((number, text));
            }
        }
        told
    }
}
