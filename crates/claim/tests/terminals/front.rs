//! What stands before Blackboard, for students to go through: one that ends TLS and loses what it is told to, and one
//! that cuts the wire.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use claim_http::{Answer, ServerTrust, https_client, send};
use http::{HeaderName, Method, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::course::{Course, free_port};
use crate::program::Program;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What becomes of one request.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// It is answered.
    Passes,
    /// It never arrives, and the connection breaks.
    IsLost,
    /// It arrives and is done; the connection breaks before the answer.
    AnswerIsLost,
    /// It arrives and is done; half of the answer's content comes through.
    AnswerIsCut,
    /// It is answered in Blackboard's place, with this status and this Retry-After.
    IsAnswered(u16, &'static str),
    /// It takes so much longer.
    IsLate(Duration),
    /// It never arrives, and nothing is said.
    Hangs,
    /// It arrives and is done, and nothing is said.
    AnswerHangs,
}

type Rule = Box<dyn FnMut(&Method, &str) -> Fate + Send>;

/// A reverse proxy that ends TLS with Blackboard's own certificate, takes whole requests and gives whole answers.
pub(crate) struct Front {
    rule: Arc<Mutex<Rule>>,
    requests: Arc<Mutex<Vec<(String, Fate)>>>,
    hanging: (mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>),
    runtime: Runtime,
    listener: Mutex<Option<TcpListener>>,
    to: u16,
}

/// A course whose students reach Blackboard through something else, which listens on the first of these ports and leads
/// to the second.
pub(crate) fn course_behind() -> (Course, u16, u16) {
    let course = Course::new();
    let front: u16 = course.blackboard.rsplit_once(':').unwrap().1.parse().unwrap();
    let behind = free_port();
    let text = course.folder.read("claim.toml");
    let listens = text.lines().filter(|line| line.starts_with("listen = ")).nth(1).unwrap();
    let instead =
        format!("listen = [\"127.0.0.1:{behind}\"]\npublic-url = \"{}\"", course.blackboard);
    course.folder.write("claim.toml", text.replace(listens, &instead));
    (course, front, behind)
}

fn listen(runtime: &Runtime, port: u16) -> TcpListener {
    runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, port))).unwrap()
}

impl Front {
    /// Listens; serves once [`Front::serve`] was called.
    pub(crate) fn new(port: u16, to: u16) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = Mutex::new(Some(listen(&runtime, port)));
        let rule: Rule = Box::new(|_, _| Fate::Passes);
        let (rule, requests) = (Arc::new(Mutex::new(rule)), Arc::default());
        let (tell, hanging) = mpsc::channel();
        Self { rule, requests, hanging: (tell, Mutex::new(hanging)), runtime, listener, to }
    }

    /// Serves with the certificate that Blackboard has got meanwhile.
    pub(crate) fn serve(&self, course: &Course) {
        let certificates = CertificateDer::pem_file_iter(course.folder.path("blackboard.cer"));
        let certificates = certificates.unwrap().collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(course.folder.path("blackboard.key")).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let client = https_client(&ServerTrust::Unverified, None, PATIENCE).unwrap();
        let (rule, requests) = (Arc::clone(&self.rule), Arc::clone(&self.requests));
        let hanging = self.hanging.0.clone();
        let passing = Arc::new(Passing { rule, requests, hanging, client, to: self.to });
        let listener = self.listener.lock().unwrap().take().unwrap();
        self.runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, passing) = (acceptor.clone(), Arc::clone(&passing));
                tokio::spawn(async move {
                    let Ok(tls) = acceptor.accept(tcp).await else { return };
                    let service = service_fn(move |request| {
                        let passing = Arc::clone(&passing);
                        async move { passing.pass(request).await }
                    });
                    let server = auto::Builder::new(TokioExecutor::new());
                    // What breaks here is broken on purpose.
                    let _ = server.serve_connection(TokioIo::new(tls), service).await;
                });
            }
        });
    }

    /// What becomes of the requests from now on.
    pub(crate) fn rule(&self, rule: impl FnMut(&Method, &str) -> Fate + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    /// Waits until a request hangs.
    pub(crate) fn waits_until_one_hangs(&self) {
        assert!(self.one_hangs_within(PATIENCE));
    }

    /// Whether a request hangs within that time.
    pub(crate) fn one_hangs_within(&self, time: Duration) -> bool {
        self.hanging.1.lock().unwrap().recv_timeout(time).is_ok()
    }

    /// The requests so far, with what became of them.
    pub(crate) fn requests(&self) -> Vec<(String, Fate)> {
        self.requests.lock().unwrap().clone()
    }
}

struct Passing {
    rule: Arc<Mutex<Rule>>,
    requests: Arc<Mutex<Vec<(String, Fate)>>>,
    hanging: mpsc::Sender<()>,
    client: reqwest::Client,
    to: u16,
}

type Body = BoxBody<Bytes, io::Error>;

impl Passing {
    /// Until the student gives up, or is killed.
    async fn hang(&self) {
        self.hanging.send(()).unwrap();
        std::future::pending().await
    }

    async fn pass(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (head, body) = request.into_parts();
        let target = head.uri.path_and_query().unwrap().to_string();
        let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let fate = (self.rule.lock().unwrap())(&head.method, &target);
        let told = (format!("{} {target}", head.method), fate.clone());
        self.requests.lock().unwrap().push(told);
        let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
        match fate {
            Fate::IsLost => return Err(broken()),
            Fate::IsAnswered(status, retry_after) => {
                let body = Empty::new().map_err(never).boxed();
                let mut answer = Response::new(body);
                *answer.status_mut() = StatusCode::from_u16(status).unwrap();
                answer.headers_mut().insert(header::RETRY_AFTER, retry_after.parse().unwrap());
                return Ok(answer);
            }
            // This is the very fault that is played; nothing waits for it.
            Fate::IsLate(by) => tokio::time::sleep(by).await,
            Fate::Hangs => self.hang().await,
            Fate::Passes | Fate::AnswerIsLost | Fate::AnswerIsCut | Fate::AnswerHangs => {}
        }
        let url = format!("https://127.0.0.1:{}{target}", self.to);
        let mut onward = self.client.request(head.method, url).body(body);
        for (name, value) in head.headers.iter().filter(|(name, _)| !of_the_connection(name)) {
            onward = onward.header(name, value);
        }
        let answer = send(onward, 64 << 20).await.map_err(io::Error::other)?;
        match fate {
            Fate::AnswerIsLost => Err(broken()),
            Fate::AnswerHangs => {
                self.hang().await;
                Err(broken())
            }
            Fate::AnswerIsCut => {
                let half = answer.body.slice(..answer.body.len() / 2);
                let frames = [Ok(Frame::data(half)), Err(broken())];
                let body = StreamBody::new(futures_util::stream::iter(frames));
                Ok(whole(answer, BodyExt::boxed(body)))
            }
            _ => {
                let body = Full::new(answer.body.clone()).map_err(never).boxed();
                Ok(whole(answer, body))
            }
        }
    }
}

fn never(never: Infallible) -> io::Error {
    match never {}
}

fn whole(answer: Answer, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = answer.status;
    for (name, value) in answer.headers.iter().filter(|(name, _)| !of_the_connection(name)) {
        response.headers_mut().append(name, value.clone());
    }
    response
}

fn of_the_connection(name: &HeaderName) -> bool {
    [header::HOST, header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING]
        .contains(name)
}

/// A wire that passes bytes on as they are, and is cut after so many of them from the student.
pub(crate) struct Wire {
    cuts: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Wire {
    /// After how many bytes the next connections are cut; those after the last of them are not.
    pub(crate) fn new(port: u16, to: u16, budgets: impl IntoIterator<Item = u64>) -> Self {
        let runtime = Runtime::new().unwrap();
        let listener = listen(&runtime, port);
        let cuts = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&cuts);
        let mut budgets: VecDeque<u64> = budgets.into_iter().collect();
        runtime.spawn(async move {
            while let Ok((student, _)) = listener.accept().await {
                let (budget, cuts) = (budgets.pop_front(), Arc::clone(&counted));
                tokio::spawn(async move {
                    let there = SocketAddr::from((Ipv4Addr::LOCALHOST, to));
                    let Ok(server) = TcpStream::connect(there).await else { return };
                    if connect(student, server, budget.unwrap_or(u64::MAX)).await {
                        cuts.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        Self { cuts, _runtime: runtime }
    }

    /// How many connections were cut.
    pub(crate) fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }
}

/// Passes on until one side ends, or the budget; tells whether it was the budget.
async fn connect(student: TcpStream, server: TcpStream, budget: u64) -> bool {
    let (mut from_student, mut to_student) = student.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let back = tokio::io::copy(&mut from_server, &mut to_student);
    let onward = async {
        let (mut left, mut piece) = (budget, vec![0; 16 * 1024]);
        while left > 0 {
            let length = from_student.read(&mut piece).await.unwrap_or(0);
            if length == 0 || to_server.write_all(&piece[..length]).await.is_err() {
                return false;
            }
            left = left.saturating_sub(length as u64);
        }
        true
    };
    tokio::select! {
        _ = back => false,
        cut = onward => cut,
    }
}

/// Both servers, the second behind what the students go through, and an assignment.
pub(crate) fn servers(course: &Course) -> (Program, Program) {
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    let add = ["blackboard", "assignment", "add", "IEMS5710/lab1", "--due", "2099-12-24 23:59"];
    course.folder.run(&add).expect(0);
    (cuhk, blackboard)
}
