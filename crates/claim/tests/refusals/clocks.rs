//! What only time brings about, or a moment that is held: Blackboard within the test, by a clock that the test moves.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use claim_blackboard::{Clock, Config, Event, Observer, Quotas, start};
use claim_core::student::{Credential, Session};
use claim_core::{Origin, ProblemType, Timestamp};
use claim_pki::Certificate;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::authority::{Authority, DAY, from, now};
use crate::case::{Case, Ended, Records, Site};
use crate::claims::{claim_by, inbox_manifest};
use crate::program::free_address;
use crate::student::{Say, ask_step_3, ask_step_5, challenged, open, step_3};
use crate::wire::{Client, Version};

/// A Blackboard within the test, with a CUHK that consists of its keys alone.
struct Stage {
    _folder: tempfile::TempDir,
    authority: Authority,
    site: Site,
    time: Arc<AtomicI64>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Quotas::default(), Arc::new(|_| {})).await
    }

    async fn with(quotas: Quotas, observer: Observer) -> Self {
        Self::prepared(quotas, observer, 7 * DAY, |_, _, _| {}).await
    }

    /// One that takes claims, and whose revocation list is good for so many seconds.
    async fn with_list(list_seconds: i64) -> Self {
        Self::prepared(Quotas::default(), Arc::new(|_| {}), list_seconds, Authority::evidence).await
    }

    async fn prepared(
        quotas: Quotas,
        observer: Observer,
        list_seconds: i64,
        prepare: impl FnOnce(&Authority, &Path, &Origin),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (dir, authority) = (folder.path(), Authority::foreign());
        let port = free_address().port();
        let origin: Origin = format!("https://localhost:{port}").parse().unwrap();
        prepare(&authority, dir, &origin);
        let (key, leaf) = authority.server(&origin);
        let issuing = Certificate::from_der(&authority.issuing_der()).unwrap();
        write_private(&dir.join("blackboard.key"), key.to_pkcs8_pem().as_bytes());
        std::fs::write(dir.join("blackboard.cer"), leaf.to_pem() + &issuing.to_pem()).unwrap();
        std::fs::write(dir.join("cuhk.cer"), authority.root_pem()).unwrap();
        let list = authority.revocation_list(now().plus_seconds(list_seconds));
        std::fs::write(dir.join("revocation.crl"), list).unwrap();
        // Whole seconds, as `created` has.
        let time = Arc::new(AtomicI64::new(now().as_seconds() * 1000));
        let clock = Arc::clone(&time);
        let config = Config {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port))],
            metrics: Some((Ipv4Addr::LOCALHOST, 0).into()),
            clock: Clock::new(move || Timestamp::from_millis(clock.load(Ordering::SeqCst))),
            quotas,
            ..Config::new(dir, "https://localhost:1".parse().unwrap())
        };
        let running = start(config, observer).await.unwrap_or_else(|error| panic!("{error}"));
        let site = Site {
            client: Client::new(&authority.root(), &origin, None),
            records: Records::of_blackboard(dir).await,
            metrics: running.metrics_address().unwrap(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            running
                .run(async {
                    let _ = stopped.await;
                })
                .await;
        });
        Self { _folder: folder, authority, site, time, stop, serving }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.time.load(Ordering::SeqCst))
    }

    fn pass(&self, seconds: i64) {
        self.time.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    fn student(&self) -> Credential {
        self.authority.person("1155123456", from(now().plus_seconds(-DAY), 30 * DAY))
    }

    async fn open(&self, student: &Credential) -> Session {
        open(student, &self.site.client, &self.authority.root(), self.now()).await
    }

    async fn end(self, ended: Ended) -> Ended {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
        ended
    }
}

fn write_private(path: &Path, content: &[u8]) {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.unwrap().write_all(content).unwrap();
}

/// Step 5 within 60 seconds of step 4, and one millisecond later.
pub(crate) async fn a_challenge_ends(row: ProblemType) -> Ended {
    let stage = Stage::new().await;
    let case = stage.site.case(row).await;
    let student = stage.student();
    let (_, step_5) = challenged(&student, &stage.site.client).await;
    let right = ask_step_5(&serde_json::to_value(step_5).unwrap());
    stage.pass(60);
    case.refused(&right).await;
    stage.pass(DAY);
    case.refused(&right).await;
    stage.pass(-DAY);
    stage.time.fetch_sub(1, Ordering::SeqCst);
    case.passes(&right).await;
    let ended = case.end().await;
    stage.end(ended).await
}

/// The last revocation list is good until the time that it names: who comes then is sent away, and who is there already
/// lodges nothing any more, for the list goes into the receipt.
pub(crate) async fn no_current_list(row: ProblemType) -> Ended {
    let stage = Stage::with_list(1800).await;
    let case = stage.site.case(row).await;
    let student = stage.student();
    let right = ask_step_3(&step_3(&student, &stage.site.client));
    let session = stage.open(&student).await;
    let claim = claim_by(&student, &inbox_manifest(&student, stage.site.origin()));
    let lodging = || {
        let content = Some((claim_core::hand_in::CMS, claim.der().to_vec()));
        let lodging = Say { target: "/v1/claims", content, ..Say::text("", stage.now()) };
        lodging.signed(&session)
    };
    stage.pass(1801);
    case.refused(&right).await;
    let (after, say) = (lodging(), Say::text("hello", stage.now()).signed(&session));
    case.refused_signed(&after.ask, &after.expected).await;
    // What needs no list goes on.
    case.passes_signed(&say.ask, &say.expected).await;
    stage.pass(-2);
    case.passes(&right).await;
    let before = lodging();
    case.passes_signed(&before.ask, &before.expected).await;
    let ended = case.end().await;
    stage.end(ended).await
}

/// A Blackboard whose evidence keys nobody has certified takes messages, but no claims.
pub(crate) async fn no_evidence_keys(row: ProblemType) -> Ended {
    let stage = Stage::new().await;
    let case = stage.site.case(row).await;
    let session = stage.open(&stage.student()).await;
    let content = Some((claim_core::hand_in::CMS, b"a claim".to_vec()));
    let claim = Say { target: "/v1/claims", content, ..Say::text("", stage.now()) };
    let claim = claim.signed(&session);
    case.refused_signed(&claim.ask, &claim.expected).await;
    let say = Say::text("hello", stage.now()).signed(&session);
    case.passes_signed(&say.ask, &say.expected).await;
    let ended = case.end().await;
    stage.end(ended).await
}

/// Eight hours.
pub(crate) async fn a_session_ends(row: ProblemType) -> Ended {
    let stage = Stage::new().await;
    let case = stage.site.case(row).await;
    let student = stage.student();
    let session = stage.open(&student).await;
    stage.pass(8 * 3600);
    let say = Say::text("hello", stage.now()).signed(&session);
    case.refused(&say.ask).await;
    stage.time.fetch_sub(1, Ordering::SeqCst);
    case.passes_signed(&say.ask, &say.expected).await;
    // A new session takes what the old one did not.
    stage.pass(1);
    let again = stage.open(&student).await;
    let say = Say::text("hello", stage.now()).signed(&again);
    case.passes_signed(&say.ask, &say.expected).await;
    // No session outlives the certificate.
    let brief = stage.authority.person("1155123457", from(stage.now(), 600));
    let session = stage.open(&brief).await;
    stage.pass(601);
    let say = Say::text("hello", stage.now()).signed(&session);
    case.refused(&say.ask).await;
    stage.pass(-2);
    case.passes_signed(&say.ask, &say.expected).await;
    let ended = case.end().await;
    stage.end(ended).await
}

/// A certificate that Blackboard has verified before.
pub(crate) async fn a_certificate_ends(row: ProblemType) -> Ended {
    let stage = Stage::new().await;
    let case = stage.site.case(row).await;
    let student =
        stage.authority.person("1155123456", from(stage.now().plus_seconds(-DAY), DAY + 60));
    let ask = ask_step_3(&step_3(&student, &stage.site.client));
    assert_eq!(stage.site.client.ask(Version::Http2, &ask).await.status, 201);
    stage.pass(61);
    case.refused(&ask).await;
    stage.pass(-1);
    case.passes(&ask).await;
    let ended = case.end().await;
    stage.end(ended).await
}

/// Five minutes to the second, either way.
pub(crate) async fn five_minutes_apart(row: ProblemType) -> Ended {
    let stage = Stage::new().await;
    let case = stage.site.case(row).await;
    let session = stage.open(&stage.student()).await;
    let said = |seconds| Say::text("hello", stage.now().plus_seconds(seconds)).signed(&session);
    for seconds in [-301, 301] {
        let say = said(seconds);
        case.refused_signed(&say.ask, &say.expected).await;
        let say = said(seconds / 301 * 300);
        case.passes_signed(&say.ask, &say.expected).await;
    }
    let ended = case.end().await;
    stage.end(ended).await
}

/// One session key is made at a time here, and nobody may wait.
pub(crate) async fn no_turn_for_a_session_key(row: ProblemType) -> Ended {
    let quotas = Quotas { kem_concurrency: NonZeroU32::MIN, kem_waiting: 0, ..Quotas::default() };
    // The observer is called in the midst of the work, and holds it there.
    let (held, holding) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let observer = Arc::new(move |event| {
        if matches!(event, Event::CertificateVerified { .. }) {
            // Once released, nobody is there any more.
            let _ = held.send(());
            let _ = released.lock().unwrap().recv();
        }
    });
    let stage = Stage::with(quotas, observer).await;
    let case = stage.site.case(row).await;
    let ask = ask_step_3(&step_3(&stage.student(), &stage.site.client));
    let first = stage.site.client.ask(Version::Http2, &ask);
    let meanwhile = async {
        let holding = tokio::task::spawn_blocking(move || holding.recv().unwrap());
        holding.await.unwrap();
        busy(&case, &ask).await;
        drop(release);
    };
    let (first, ()) = tokio::join!(first, meanwhile);
    assert_eq!(first.status, 201);
    case.passes(&ask).await;
    let ended = case.end().await;
    stage.end(ended).await
}

async fn busy(case: &Case<'_>, ask: &crate::wire::Ask) {
    let answer = case.refused(ask).await;
    assert_eq!(crate::case::header(&answer, "retry-after"), Some("1"));
}
