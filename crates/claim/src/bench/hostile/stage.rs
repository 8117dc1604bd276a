//! What an attacker works with: an address, connections that do as they are told, and what anybody may know.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail};
use bytes::Bytes;
use claim_core::encoding::{base64, from_base64};
use claim_core::student::{self, Session};
use claim_pki::Root;
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Victim;
use super::attacks::Attack;
use super::honest::{MESSAGES, TEXT};
use super::servers::{Server, Servers};
use crate::bench::connection::{Ask, Client, provider};
use crate::bench::students::{Student, system_rng};

/// Where the students are; all of 127/8 is this machine.
const STUDENTS: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Where the attacker is, unless it shares the students' address.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// The most that an attacker reads of one answer.
const MAX_HEAD: usize = 64 * 1024;

/// What a connection says that it speaks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Speaks {
    Http1,
    Http2,
    /// HTTP/1.1, and it shows a certificate in the handshake.
    Http1Certified,
}

/// What all of an attacker's connections share.
pub(super) struct Stage {
    from: Ipv4Addr,
    blackboard: Target,
    cuhk: Target,
    http1: TlsConnector,
    http2: TlsConnector,
    certified: TlsConnector,
    /// Step 3 with a certificate that everybody may have, and with one that leads nowhere.
    pub(super) challenge: Vec<u8>,
    pub(super) garbage: Vec<u8>,
    session: Session,
    tries: AtomicU64,
}

struct Target {
    address: SocketAddr,
    name: ServerName<'static>,
    host: String,
}

pub(super) type Tls = TlsStream<TcpStream>;

impl Stage {
    pub(super) async fn new(servers: &Servers, same_address: bool) -> Result<Self> {
        let student = Student::new(super::STUDENTS, &servers.issuer)?;
        let credential = student.credential;
        let origin = &servers.blackboard.origin;
        let (request, _) = student::request(&credential, origin, &mut system_rng());
        let challenge = serde_json::to_value(request)?;
        let garbage = spoilt(challenge.clone())?;
        let address = servers.blackboard.address;
        let client = Client::of(Arc::clone(&servers.root), origin.clone(), address)?;
        let mut connection = client.connect().await?;
        let session = client.open_session(&mut connection, &credential).await?;
        let chain = credential.chain.certificates();
        let chain = chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
        let key = PrivateKeyDer::from_pem_slice(credential.key.to_pkcs8_pem().as_bytes())?;
        Ok(Self {
            from: if same_address { STUDENTS } else { ELSEWHERE },
            blackboard: Target::new(&servers.blackboard)?,
            cuhk: Target::new(&servers.cuhk)?,
            http1: connector(&servers.root, b"http/1.1", None)?,
            http2: connector(&servers.root, b"h2", None)?,
            certified: connector(&servers.root, b"http/1.1", Some((chain, key)))?,
            challenge: serde_json::to_vec(&challenge)?,
            garbage: serde_json::to_vec(&garbage)?,
            session,
            tries: AtomicU64::new(0),
        })
    }

    pub(super) fn host(&self, victim: Victim) -> &str {
        &self.target(victim).host
    }

    fn target(&self, victim: Victim) -> &Target {
        match victim {
            Victim::Blackboard => &self.blackboard,
            Victim::Cuhk => &self.cuhk,
        }
    }

    /// One try more, of whatever the attack repeats.
    pub(super) fn tried(&self) {
        self.tries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) async fn tcp(&self, victim: Victim) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind((self.from, 0).into())?;
        let stream = socket.connect(self.target(victim).address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    pub(super) async fn tls(&self, victim: Victim, speaks: Speaks) -> Result<Tls> {
        let connector = match speaks {
            Speaks::Http1 => &self.http1,
            Speaks::Http2 => &self.http2,
            Speaks::Http1Certified => &self.certified,
        };
        let tcp = self.tcp(victim).await?;
        Ok(connector.connect(self.target(victim).name.clone(), tcp).await?)
    }

    /// The head of a POST with this content type and these lines more.
    pub(super) fn post(&self, victim: Victim, path: &str, kind: &str, lines: &str) -> String {
        let host = self.host(victim);
        format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {kind}\r\n{lines}\r\n")
    }

    /// A POST with this content.
    pub(super) fn posted(&self, victim: Victim, path: &str, kind: &str, content: &[u8]) -> Vec<u8> {
        let length = format!("Content-Length: {}\r\n", content.len());
        [self.post(victim, path, kind, &length).as_bytes(), content].concat()
    }

    /// A message in the session that the attacker has; each is another.
    pub(super) fn message(&self) -> Result<Vec<u8>> {
        let text = Bytes::from_static(b"again");
        let ask = Ask { method: "POST", target: MESSAGES, content: Some((TEXT, &text)) };
        let (request, _) = ask.sign(&self.session)?;
        let mut lines = String::new();
        for (name, value) in request.headers() {
            lines.push_str(&format!("{name}: {}\r\n", value.to_str()?));
        }
        let host = self.host(Victim::Blackboard);
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n{lines}\r\nagain",
            request.uri().path()
        );
        Ok(head.into_bytes())
    }
}

impl Target {
    fn new(server: &Server) -> Result<Self> {
        let host = server.origin.host().to_string();
        Ok(Self {
            address: server.address,
            name: ServerName::try_from(host.clone())?,
            host: format!("{host}:{}", server.origin.port()),
        })
    }
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn connector(root: &Root, alpn: &[u8], identity: Option<Identity>) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(root.der().to_vec()))?;
    let builder = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&version::TLS13])?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// The same with a certificate whose signature is wrong, which takes the longest to find out.
fn spoilt(mut challenge: Value) -> Result<Value> {
    let leaf = challenge["certificate"][0].as_str().ok_or_else(|| anyhow!("no certificate"))?;
    let mut der = from_base64(leaf)?;
    if let Some(last) = der.last_mut() {
        *last ^= 1;
    }
    challenge["certificate"][0] = json!(base64(&der));
    Ok(challenge)
}

/// Reads one answer of HTTP/1.1, and returns its status.
pub(super) async fn read_answer(stream: &mut Tls, unread: &mut Vec<u8>) -> Result<u16> {
    loop {
        if let Some(end) = unread.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&unread[..end]).to_ascii_lowercase();
            let length = head.split("\r\n").find_map(|line| line.strip_prefix("content-length: "));
            let whole = end + 4 + length.map_or(Ok(0), str::parse::<usize>)?;
            if unread.len() >= whole {
                unread.drain(..whole);
                let status = head.split(' ').nth(1).context("no status")?;
                return Ok(status.parse()?);
            }
        }
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes).await? {
            0 => bail!("the connection was closed"),
            length => unread.extend_from_slice(bytes.get(..length).unwrap_or_default()),
        }
        if unread.len() > MAX_HEAD {
            bail!("the answer is too long");
        }
    }
}

/// Sends the same over and over, as fast as it is taken, and reads what comes, until the other side has enough.
pub(super) async fn flood(stage: &Stage, stream: Tls, bytes: &[u8]) -> Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let sending = async {
        while writer.write_all(bytes).await.is_ok() {
            stage.tried();
        }
    };
    let reading = async {
        let mut discarded = [0; 16 * 1024];
        while reader.read(&mut discarded).await.is_ok_and(|length| length > 0) {}
    };
    tokio::select! {
        () = sending => {}
        () = reading => {}
    }
    Ok(())
}

/// An attack that goes on.
pub(super) struct Raid {
    stage: Arc<Stage>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Raid {
    /// Begins, on a thread of its own.
    pub(super) fn begin(attack: &'static Attack, stage: Arc<Stage>) -> Result<Self> {
        let (stop, stopped) = oneshot::channel::<()>();
        stage.tries.store(0, Ordering::Relaxed);
        let raiding = Arc::clone(&stage);
        let thread = std::thread::Builder::new().name("attacker".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut raiders = JoinSet::new();
                for _ in 0..attack.at_once {
                    let stage = Arc::clone(&raiding);
                    raiders.spawn(async move {
                        loop {
                            // What goes wrong is what the servers are there for.
                            let _ = (attack.play)(&stage).await;
                            stage.tried();
                            tokio::task::yield_now().await;
                        }
                    });
                }
                // The sender's end is as good as its word.
                let _ = stopped.await;
            });
            Ok(())
        })?;
        Ok(Self { stage, stop, thread })
    }

    /// Ends, with all its connections; returns how many tries there were.
    pub(super) async fn end(self) -> Result<u64> {
        drop(self.stop);
        let thread = self.thread;
        let ended = tokio::task::spawn_blocking(move || thread.join()).await?;
        ended.map_err(|_| anyhow!("the attacker panicked"))??;
        Ok(self.stage.tries.load(Ordering::Relaxed))
    }
}
