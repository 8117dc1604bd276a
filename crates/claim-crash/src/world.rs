//! Both servers in processes of their own, in a folder of their own, and the people who use them.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use claim_blackboard::AllowedOutage;
use claim_core::claim::ClaimId;
use claim_core::invitation::Invitee;
use claim_core::messages::Chain;
use claim_core::receipt::log_name;
use claim_core::student::{Credential, Session};
use claim_core::{Origin, PersonId, Sid};
use claim_cuhk::{Clock, Office};
use claim_http::TlsIdentity;
use claim_log::LogSigner;
use claim_log::note::SigningKey as NoteKey;
use claim_pki::{Certificate, Ed25519SigningKey, EvidenceRequest, Root, SigningKey};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::deed::enrol::{enrol, invite};
use crate::order::Order;
use crate::process::{PATIENCE, Process, Said};
use crate::record::Record;
use crate::wire::{Wire, now};

/// How many students hand in and say something in every round.
const STUDENTS: u32 = 3;

/// The first of the students' ids.
const FIRST_SID: u32 = 1_155_000_000;

/// Ports below those that the system gives to connections by itself: a server that is killed gets its own again.
const PORTS: std::ops::Range<u16> = 15_000..30_000;

/// How long to wait before something is tried or looked at again.
const AGAIN: Duration = Duration::from_millis(20);

/// An hour, in seconds.
const HOUR: i64 = 3600;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// CUHK.
    Cuhk,
    /// Blackboard.
    Blackboard,
}

/// The servers, and what everybody else knows.
pub struct World {
    /// What those share who use the servers.
    pub scene: Arc<Scene>,
    cuhk: Option<Process>,
    blackboard: Option<Process>,
    ports: [u16; 2],
    /// How many MiB of their disk the servers keep free.
    keep_free: u32,
}

/// What those share who use the servers.
pub struct Scene {
    folder: TempDir,
    /// The program that can be both servers.
    pub program: PathBuf,
    /// What everybody trusts.
    pub root: Arc<Root>,
    /// CUHK, as it is reached.
    pub cuhk: Wire,
    /// Blackboard, as it is reached.
    pub blackboard: Wire,
    /// CUHK's records, for what is not to break.
    pub office: Office,
    /// Where Blackboard's records are, if not in its folder.
    records: Option<String>,
    people: Mutex<Vec<Arc<Person>>>,
    record: Mutex<Record>,
    next_sid: AtomicU32,
}

/// A student with a certificate.
pub struct Person {
    /// The id.
    pub sid: Sid,
    /// The certificate and its key.
    pub credential: Credential,
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
    last_claim: Mutex<Option<ClaimId>>,
}

impl World {
    /// New servers in a new folder. Blackboard has the orders from its very first start.
    ///
    /// # Errors
    /// When they do not start, which is a finding too.
    pub async fn new(program: &Path, orders: &[Order]) -> Result<Self> {
        Self::on(program, orders, None).await
    }

    /// The same, with Blackboard's records in this database, which is empty.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub async fn on(program: &Path, orders: &[Order], records: Option<String>) -> Result<Self> {
        let mut world = Self::with_cuhk(program, records, 0).await?;
        world.start(Side::Blackboard, orders).await?;
        world.certify_evidence().await?;
        Ok(world)
    }

    /// New servers that keep so many MiB of their disk free.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub async fn keeping_free(program: &Path, mib: u32) -> Result<Self> {
        let mut world = Self::with_cuhk(program, None, mib).await?;
        world.start(Side::Blackboard, &[]).await?;
        world.certify_evidence().await?;
        Ok(world)
    }

    /// CUHK serves, and Blackboard is invited and was never started.
    ///
    /// # Errors
    /// When CUHK does not start.
    pub async fn without_blackboard(program: &Path) -> Result<Self> {
        Self::with_cuhk(program, None, 0).await
    }

    async fn with_cuhk(program: &Path, records: Option<String>, keep_free: u32) -> Result<Self> {
        let ports = [free_port()?, free_port()?];
        let folder = tempfile::tempdir()?;
        let [cuhk_origin, origin] =
            ports.map(|port| Origin::from_user(&format!("https://localhost:{port}")));
        let (cuhk_origin, origin) = (cuhk_origin?, origin?);
        let dir = folder.path().join("cuhk");
        claim_cuhk::init(&dir, None, Some(&cuhk_origin), &Clock::system()).await?;
        let root = std::fs::read_to_string(dir.join("cuhk.cer"))?;
        let root = Arc::new(Root::from_pem(&root)?);
        let scene = Arc::new(Scene {
            program: program.to_owned(),
            cuhk: Wire::new(&root, &cuhk_origin, None)?,
            blackboard: Wire::new(&root, &origin, None)?,
            office: Office::open(&dir, None, Clock::system()).await?,
            root,
            folder,
            records,
            people: Mutex::default(),
            record: Mutex::default(),
            next_sid: AtomicU32::new(FIRST_SID),
        });
        let mut world = Self { scene, cuhk: None, blackboard: None, ports, keep_free };
        world.start(Side::Cuhk, &[]).await?;
        world.invite_blackboard(&origin).await?;
        Ok(world)
    }

    /// The students, once the servers serve.
    ///
    /// # Errors
    /// When one is not enrolled.
    pub async fn enrol_students(&self) -> Result<()> {
        for _ in 0..STUDENTS {
            let person = self.scene.new_person().await?;
            self.scene.people.lock().unwrap_or_else(PoisonError::into_inner).push(person);
        }
        Ok(())
    }

    /// Staff says that Blackboard cannot be reached all day, so that whatever CUHK stamps is taken. It is written by this
    /// process: not where a tracer of the server must see every write.
    ///
    /// # Errors
    /// When the records do not take it.
    pub async fn allow_outages(&self) -> Result<()> {
        let scene = &self.scene;
        let (dir, database) = (scene.dir(Side::Blackboard), scene.elsewhere(Side::Blackboard));
        let allowed = AllowedOutage { reason: "a test".to_owned(), at: now() };
        let (since, until) = (now().plus_seconds(-HOUR), now().plus_seconds(24 * HOUR));
        let records = claim_blackboard::courses(&dir, database).await?;
        Ok(records.allow_outage(since, until, &allowed).await?)
    }

    /// Starts a server, which must come to serve.
    ///
    /// # Errors
    /// When it does not.
    pub async fn start(&mut self, side: Side, orders: &[Order]) -> Result<()> {
        let process = self.spawn(side, orders)?;
        self.until_it_serves(side, process).await
    }

    /// Starts a server that a tracer watches.
    ///
    /// # Errors
    /// When it does not come to serve.
    pub async fn start_traced(&mut self, side: Side, tracer: &[OsString]) -> Result<()> {
        let process = self.spawn_under(side, tracer, &[])?;
        self.until_it_serves(side, process).await
    }

    async fn until_it_serves(&mut self, side: Side, mut process: Process) -> Result<()> {
        match process.next().await? {
            Said::Listening => {
                *self.place(side) = Some(process);
                Ok(())
            }
            said => bail!("{side:?} does not start: {said:?}"),
        }
    }

    /// Starts a server and does not wait for it.
    ///
    /// # Errors
    /// When there is no process.
    pub fn spawn(&self, side: Side, orders: &[Order]) -> Result<Process> {
        self.spawn_under(side, &[], orders)
    }

    fn spawn_under(&self, side: Side, under: &[OsString], orders: &[Order]) -> Result<Process> {
        let orders: Vec<String> = orders.iter().map(ToString::to_string).collect();
        let arguments = self.arguments(side);
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        for order in &orders {
            arguments.extend(["--order", order]);
        }
        Process::start(under, &self.scene.program, &arguments)
    }

    /// How a server is called.
    fn arguments(&self, side: Side) -> Vec<String> {
        let dir = self.scene.dir(side).display().to_string();
        let [cuhk, blackboard] = self.ports;
        let words: Vec<String> = match side {
            Side::Cuhk => vec!["cuhk".into(), "--port".into(), cuhk.to_string()],
            Side::Blackboard => {
                let origin = self.scene.cuhk.origin.to_string();
                let port = blackboard.to_string();
                vec!["blackboard".into(), "--port".into(), port, "--cuhk".into(), origin]
            }
        };
        let records = self.scene.elsewhere(side).into_iter();
        let records = records.flat_map(|url| ["--database".to_owned(), url.to_owned()]);
        let keep_free = self.keep_free.to_string();
        let common = ["--dir".into(), dir, "--keep-free".into(), keep_free];
        words.into_iter().chain(records).chain(common).collect()
    }

    /// A running server.
    ///
    /// # Errors
    /// When it does not run.
    pub fn running(&mut self, side: Side) -> Result<&mut Process> {
        self.place(side).as_mut().ok_or_else(|| anyhow!("{side:?} does not run"))
    }

    /// Takes over a server that runs already.
    pub fn adopt(&mut self, side: Side, process: Process) {
        *self.place(side) = Some(process);
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill(&mut self, side: Side) -> Result<()> {
        let process = self.place(side).take();
        process.ok_or_else(|| anyhow!("{side:?} does not run"))?.kill().await
    }

    fn place(&mut self, side: Side) -> &mut Option<Process> {
        match side {
            Side::Cuhk => &mut self.cuhk,
            Side::Blackboard => &mut self.blackboard,
        }
    }

    async fn invite_blackboard(&self, origin: &Origin) -> Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        let invitation = self.scene.office.invite(Invitee::Server(origin.clone()), None, None);
        let line = invitation.await?.expose();
        let dir = self.scene.dir(Side::Blackboard);
        std::fs::create_dir(&dir)?;
        let path = dir.join("blackboard.invite");
        std::fs::write(&path, line)?;
        Ok(std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?)
    }

    /// The ceremony at which the root certifies the keys of evidence. The same keys get the same certificates.
    ///
    /// # Errors
    /// When Blackboard does not ask for it.
    pub async fn certify_evidence(&self) -> Result<()> {
        let dir = self.scene.dir(Side::Blackboard);
        let request = dir.join("blackboard.request");
        let asked = Instant::now();
        let request = loop {
            match std::fs::read(&request) {
                Ok(bytes) => break bytes,
                Err(_) if asked.elapsed() < PATIENCE => sleep(AGAIN).await,
                Err(error) => return Err(error).context("Blackboard asks for no certificates"),
            }
        };
        let answer = self.scene.office.certify(&EvidenceRequest::from_bytes(&request)?).await?;
        Ok(std::fs::write(dir.join("blackboard.answer"), answer.to_text())?)
    }
}

impl Scene {
    /// A server's folder.
    pub fn dir(&self, side: Side) -> PathBuf {
        self.folder.path().join(match side {
            Side::Cuhk => "cuhk",
            Side::Blackboard => "blackboard",
        })
    }

    /// A server's database, as its URL.
    pub fn database(&self, side: Side) -> String {
        let file = match side {
            Side::Cuhk => claim_cuhk::DATABASE_FILE,
            Side::Blackboard => claim_blackboard::DATABASE_FILE,
        };
        match self.elsewhere(side) {
            Some(url) => url.to_owned(),
            None => format!("sqlite:{}", self.dir(side).join(file).display()),
        }
    }

    /// The URL of a server's database that is not in its folder.
    pub fn elsewhere(&self, side: Side) -> Option<&str> {
        self.records.as_deref().filter(|_| side == Side::Blackboard)
    }

    /// A folder for something that comes once.
    pub fn aside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What was acknowledged.
    pub fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One of the students.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn person(&self, number: usize) -> Result<Arc<Person>> {
        let people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        people.get(number).cloned().ok_or_else(|| anyhow!("there is no student {number}"))
    }

    /// Somebody whom nobody has seen before.
    ///
    /// # Errors
    /// Never, in fact: an id is ten digits.
    pub fn new_sid(&self) -> Result<Sid> {
        Ok(format!("{:010}", self.next_sid.fetch_add(1, Ordering::Relaxed)).parse()?)
    }

    /// Invited and enrolled, where nothing breaks.
    ///
    /// # Errors
    /// When that fails.
    pub async fn new_person(&self) -> Result<Arc<Person>> {
        let invitation = invite(self, self.new_sid()?).await?;
        let key = SigningKey::generate()?;
        let certificate = enrol(self, &invitation, &key).await?;
        Ok(Arc::new(self.known(certificate, key)?))
    }

    /// The person of this certificate.
    ///
    /// # Errors
    /// When it is no student's.
    pub fn known(&self, certificate: Certificate, key: SigningKey) -> Result<Person> {
        let id = certificate.person_id().ok_or_else(|| anyhow!("no person"))?;
        let PersonId::Student(sid) = id.clone() else { bail!("no student") };
        let issuing = self.issuing()?;
        let chain = Chain::new(vec![certificate.der().to_vec(), issuing.der().to_vec()])?;
        Ok(Person {
            sid,
            credential: Credential { id, chain, key },
            session: tokio::sync::Mutex::default(),
            last_claim: Mutex::default(),
        })
    }

    /// CUHK's issuing certificate.
    ///
    /// # Errors
    /// When its file is gone.
    pub fn issuing(&self) -> Result<Certificate> {
        let path = self.dir(Side::Cuhk).join("cuhk-issuing.cer");
        Ok(Certificate::from_pem(&std::fs::read_to_string(path)?)?)
    }

    /// The log's own key: for the key by which it is judged, and for a log that lies.
    ///
    /// # Errors
    /// When its file is gone.
    pub fn log(&self) -> Result<LogSigner> {
        let pem = std::fs::read_to_string(self.dir(Side::Blackboard).join("log.key"))?;
        let key =
            NoteKey::from_pkcs8_der(&Ed25519SigningKey::from_pkcs8_pem(&pem)?.to_pkcs8_der())?;
        Ok(LogSigner::new(log_name(&self.blackboard.origin), key))
    }
}

impl Person {
    /// CUHK, to somebody who shows this person's certificate.
    ///
    /// # Errors
    /// When there can be no client.
    pub fn shown_to(&self, scene: &Scene) -> Result<Wire> {
        let chain = self.credential.chain.certificates().into_iter();
        let chain: Vec<_> = chain.map(Certificate::from_der).collect::<Result<_, _>>()?;
        let identity = TlsIdentity::from_pki(&chain, &self.credential.key)?;
        Wire::new(&scene.root, &scene.cuhk.origin, Some(&identity))
    }

    /// The session, opened where there is none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn session(&self, blackboard: &Wire) -> Result<Arc<Session>> {
        let mut place = self.session.lock().await;
        if let Some(session) = &*place {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(blackboard.session(&self.credential).await?);
        *place = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Forgets the session: Blackboard does not know it any more.
    pub async fn forget_session(&self) {
        *self.session.lock().await = None;
    }

    /// The last claim that Blackboard is known to have.
    pub fn last_claim(&self) -> Option<ClaimId> {
        *self.last_claim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another one is the last.
    pub fn set_last_claim(&self, claim: ClaimId) {
        *self.last_claim.lock().unwrap_or_else(PoisonError::into_inner) = Some(claim);
    }
}

/// A port that nobody has, among those that the system does not give away by itself.
pub(crate) fn free_port() -> Result<u16> {
    use rand_core::Rng as _;
    for _ in 0..1000 {
        let width = u32::from(PORTS.end - PORTS.start);
        let offset = claim_http::system_rng().next_u32() % width;
        let port = PORTS.start + u16::try_from(offset)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free")
}
