//! A CUHK on a real socket, and the clients that talk to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use claim_core::invitation::{Code, Invitation, Invitee};
use claim_core::{Origin, ProblemType, Timestamp};
use claim_cuhk::{
    AuditEntry, CertificateEntry, Clock, Config, Deed, EntryFilter, Event, Observer, Office,
    StartError, init, start,
};
use claim_http::{EstError, Nudge, ServerTrust, Stopped, TlsIdentity, https_client};
use claim_pki::{Certificate, Root, SigningKey, Subject, certification_request};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

pub(crate) const SID: &str = "1155123456";

/// A running CUHK, stopped by [`TestCuhk::stop`].
pub(crate) struct TestCuhk {
    pub(crate) origin: Origin,
    pub(crate) root: Arc<Root>,
    pub(crate) dir: PathBuf,
    pub(crate) health: Option<SocketAddr>,
    pub(crate) nudge: Nudge,
    clock: Clock,
    events: Arc<Mutex<Vec<Event>>>,
    /// Changes with each event.
    told: watch::Receiver<()>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Stopped>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

/// A clock that tests move.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

impl Hand {
    pub(crate) fn now() -> Self {
        Self(Arc::new(AtomicI64::new(Clock::system().now().as_seconds())))
    }

    pub(crate) fn move_by(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn clock(&self) -> Clock {
        let seconds = Arc::clone(&self.0);
        Clock::new(move || Timestamp::from_seconds(seconds.load(Ordering::Relaxed)))
    }
}

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// On a free port of this machine.
pub(crate) fn config(dir: &Path) -> Config {
    Config { listen: vec![(Ipv4Addr::LOCALHOST, 0).into()], ..Config::new(dir) }
}

/// A folder with a real root in it.
pub(crate) async fn real_folder() -> TempDir {
    let folder = folder();
    init(folder.path(), None, None, &Clock::system()).await.unwrap();
    folder
}

pub(crate) fn collector() -> (Arc<Mutex<Vec<Event>>>, Observer) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let collected = Arc::clone(&events);
    (events, Arc::new(move |event| collected.lock().unwrap().push(event)))
}

pub(crate) fn silent() -> Observer {
    Arc::new(|_| {})
}

/// Why a CUHK with this configuration does not start.
pub(crate) async fn refused(config: Config) -> StartError {
    start(config, silent()).await.map(|_| ()).unwrap_err()
}

impl TestCuhk {
    pub(crate) async fn start(dir: &Path) -> Self {
        Self::start_with(config(dir)).await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        let (events, collect) = collector();
        let (tell, told) = watch::channel(());
        let observer: Observer = Arc::new(move |event| {
            collect(event);
            tell.send_modify(|()| ());
        });
        let (dir, clock) = (config.dir.clone(), config.clock.clone());
        let running = start(config, observer).await.unwrap();
        let (origin, health) = (running.origin().clone(), running.metrics_address());
        let nudge = running.nudge();
        let root = std::fs::read_to_string(dir.join("cuhk.cer")).unwrap();
        let root = Arc::new(Root::from_pem(&root).unwrap());
        assert_eq!(running.root().as_bytes(), root.hash());
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(running.run(async {
            let _ = stopped.await;
        }));
        Self { origin, root, dir, health, nudge, clock, events, told, stop, serving }
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        assert_eq!(self.serving.await.unwrap().cut_off, 0);
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    /// Waits for a condition that holds, if ever, when CUHK has told of something.
    pub(crate) async fn until<T>(&self, condition: impl Fn() -> Option<T>) -> T {
        let mut told = self.told.clone();
        let waiting = async {
            loop {
                told.mark_unchanged();
                if let Some(found) = condition() {
                    return found;
                }
                told.changed().await.expect("it serves");
            }
        };
        tokio::time::timeout(Duration::from_secs(45), waiting).await.expect("it never came")
    }

    /// A client that believes this CUHK and nobody else.
    pub(crate) fn client(&self) -> reqwest::Client {
        let trust =
            ServerTrust::CuhkServer { root: Arc::clone(&self.root), origin: self.origin.clone() };
        client(&trust, None)
    }

    pub(crate) async fn office(&self) -> Office {
        Office::open(&self.dir, None, self.clock.clone()).await.unwrap()
    }

    pub(crate) async fn invite(&self, invitee: Invitee) -> Invitation {
        self.office().await.invite(invitee, None, None).await.unwrap()
    }

    /// What is on record, but for CUHK's own server and witness.
    pub(crate) async fn issued(&self) -> Vec<CertificateEntry> {
        let list = self.everything_issued().await;
        let own = |entry: &CertificateEntry| {
            entry.holder == self.origin.as_str() || entry.profile == "witness"
        };
        list.into_iter().filter(|entry| !own(entry)).collect()
    }

    /// All that is on record.
    pub(crate) async fn everything_issued(&self) -> Vec<CertificateEntry> {
        self.office().await.list().await.unwrap()
    }

    /// Enrols through the EST client.
    pub(crate) async fn enrol(
        &self,
        invitee: &Invitee,
        code: &Code,
        key: &SigningKey,
    ) -> Result<Certificate, EstError> {
        self.enrol_by(&self.client(), invitee, code, key).await
    }

    pub(crate) async fn enrol_by(
        &self,
        client: &reqwest::Client,
        invitee: &Invitee,
        code: &Code,
        key: &SigningKey,
    ) -> Result<Certificate, EstError> {
        claim_http::simple_enroll(client, &self.origin, invitee, code, &request(invitee, key)).await
    }

    pub(crate) async fn issuing(&self) -> Certificate {
        let all = claim_http::fetch_ca_certificates(&self.client(), &self.origin).await.unwrap();
        all.into_iter().find(|one| one.der() != self.root.der()).unwrap()
    }

    /// The same from CUHK's folder.
    pub(crate) fn issuing_on_file(&self) -> Certificate {
        let pem = std::fs::read_to_string(self.dir.join("cuhk-issuing.cer")).unwrap();
        Certificate::from_pem(&pem).unwrap()
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer { status, headers, body: response.text().await.unwrap() }
    }

    /// A refusal of this type, with the document that goes with it.
    pub(crate) fn assert_problem(&self, answer: &Answer, expected: ProblemType) {
        assert_eq!(answer.slug(), expected.slug(), "{answer:?}");
        assert_eq!(answer.status.as_u16(), expected.status());
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.problem()["type"], expected.uri(&self.origin));
    }
}

impl Answer {
    pub(crate) fn problem(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub(crate) fn slug(&self) -> String {
        let problem = self.problem();
        problem["type"].as_str().and_then(|t| t.rsplit('/').next()).unwrap_or_default().to_owned()
    }
}

pub(crate) fn client(trust: &ServerTrust, identity: Option<&TlsIdentity>) -> reqwest::Client {
    https_client(trust, identity, Duration::from_secs(60)).unwrap()
}

pub(crate) fn student(sid: &str) -> Invitee {
    Invitee::Person(sid.parse().unwrap())
}

pub(crate) fn server(origin: &str) -> Invitee {
    Invitee::Server(origin.parse().unwrap())
}

pub(crate) fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

/// A certification request with the requester's own name in it.
pub(crate) fn request(invitee: &Invitee, key: &SigningKey) -> Vec<u8> {
    let subject = match invitee {
        Invitee::Person(id) => Subject::Person { id: id.clone(), name: None },
        Invitee::Server(origin) => Subject::Server { origin: origin.clone() },
    };
    certification_request(key, &subject).unwrap()
}

/// Sixteen bytes that nobody was invited with.
pub(crate) fn some_code() -> Code {
    "AQEBAQEBAQEBAQEBAQEBAQ".parse().unwrap()
}

/// The kind of a refusal.
pub(crate) fn refusal(result: Result<Certificate, EstError>) -> ProblemType {
    match result {
        Err(EstError::Refused(problem)) => problem.problem_type.unwrap(),
        other => panic!("not refused: {other:?}"),
    }
}

/// The files of a folder with their contents, but for what changes while CUHK serves.
pub(crate) fn lasting_files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".key") || name.ends_with(".cer"))
        .map(|name| (name.clone(), std::fs::read(dir.join(name)).unwrap()))
        .collect();
    files.sort();
    files
}

/// The refusals of somebody whom CUHK knew, when it has stopped: how they were known, and what was refused.
pub(crate) async fn refusals_of(dir: &Path, who: &str) -> Vec<(String, String)> {
    let office = Office::open(dir, None, Clock::system()).await.unwrap();
    let (person, deed) = (Some(who.to_owned()), Some(Deed::Refused.into()));
    let filter = EntryFilter { person, deed, ..EntryFilter::default() };
    let entries = office.audit().entries(0, &filter, 1000).await.unwrap();
    office.close().await;
    let refusal = |entry: AuditEntry| {
        assert_eq!((entry.subject.as_str(), entry.actor.as_str()), (who, who));
        let details: serde_json::Value = serde_json::from_str(&entry.details).unwrap();
        (entry.authentication, details["problem"].as_str().unwrap().to_owned())
    };
    entries.into_iter().map(refusal).collect()
}
