//! A server that is told to stop: what is under way is finished, everybody else is sent off, and nobody new gets in.

use std::time::Duration;

use bytes::Bytes;
use claim_core::encoding::base64;
use claim_core::{PersonId, Sid};
use claim_pki::{SigningKey, Subject, certification_request};
use http::Request;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;

use crate::course::{Course, Folder, SID};
use crate::health::Health;
use crate::http::{Connection, Version, whole};
use crate::program::Program;

/// More than anything takes that a test waits for.
const LONG: Duration = Duration::from_secs(45);

/// GOAWAY (RFC 9113 §6.8) and its NO_ERROR.
const GOAWAY: u8 = 7;
const NO_ERROR: [u8; 4] = [0; 4];

/// A request in two halves, of which the server has the first.
struct Half {
    connection: Connection,
    more: UnboundedSender<Bytes>,
    rest: Bytes,
    answer: JoinHandle<(http::Response<()>, Bytes)>,
}

/// Which server a test is about.
#[derive(Clone, Copy, Debug)]
enum Server {
    Cuhk,
    Blackboard,
}

/// A running server with a health listener.
struct Running {
    program: Program,
    health: Health,
    port: u16,
}

fn course(drain_timeout: &str) -> Course {
    let course = Course::new();
    let toml = course.folder.read("claim.toml").replace("drain-timeout = 3600", drain_timeout);
    course.folder.write("claim.toml", toml);
    course
}

fn start(server: Server, course: &Course) -> Running {
    let (name, url) = match server {
        Server::Cuhk => ("cuhk", &course.cuhk),
        Server::Blackboard => ("blackboard", &course.blackboard),
    };
    let program = course.folder.start(&[name, "--metrics", "127.0.0.1:0"]);
    let health = Health::of(&program);
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    Running { program, health, port }
}

/// What enrols a student at CUHK, and what is nonsense to Blackboard: both are answered when they are whole.
fn request(server: Server) -> (http::request::Builder, Bytes) {
    match server {
        Server::Cuhk => {
            let id = PersonId::from(SID.parse::<Sid>().unwrap());
            let key = SigningKey::generate().unwrap();
            let subject = Subject::Person { id, name: None };
            let body = base64(&certification_request(&key, &subject).unwrap());
            let code = base64(format!("{SID}:AQEBAQEBAQEBAQEBAQEBAQ").as_bytes());
            let request = Request::post("https://localhost/.well-known/est/simpleenroll")
                .header("host", "localhost")
                .header("authorization", format!("Basic {code}"))
                .header("content-type", "application/pkcs10");
            (request.header("content-length", body.len()), body.into())
        }
        Server::Blackboard => {
            let body = Bytes::from_static(br#"{"half": "and half"}"#);
            let request = Request::post("https://localhost/v1/challenges")
                .header("host", "localhost")
                .header("content-type", "application/json");
            (request.header("content-length", body.len()), body)
        }
    }
}

impl Running {
    async fn connect(&self, folder: &Folder, version: Version) -> Connection {
        Connection::open(self.port, &folder.path("cuhk.cer"), version).await.unwrap()
    }

    /// A connection that has had its answer and stays open.
    async fn idle(&self, folder: &Folder, version: Version) -> Connection {
        let mut connection = self.connect(folder, version).await;
        let request = Request::get("https://localhost/").header("host", "localhost");
        connection.ask(request.body(whole("")).unwrap()).await;
        connection
    }

    /// A request of which a handler waits for the second half.
    async fn half(&self, server: Server, folder: &Folder, version: Version) -> Half {
        let mut connection = self.connect(folder, version).await;
        let (request, mut body) = request(server);
        let (more, answer) = connection.begin(request);
        let rest = body.split_off(body.len() / 2);
        more.send(body).unwrap();
        self.health.shows("metrics", "claim_requests_under_way 1");
        Half { connection, more, rest, answer }
    }

    /// Waits until nobody gets in any more.
    async fn refuses(&self) {
        let refused = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(LONG, refused).await.expect("new connections are refused");
    }
}

async fn drains(server: Server, version: Version, signal: &str) {
    let course = course("drain-timeout = 3600");
    let folder = &course.folder;
    // Blackboard has its certificate and needs CUHK no more.
    let cuhk = course.cuhk();
    course.blackboard().stop();
    cuhk.stop();
    let running = start(server, &course);
    running.health.shows("readyz", "ready");
    let idle =
        [running.idle(folder, Version::Http1).await, running.idle(folder, Version::Http2).await];
    let mut half = running.half(server, folder, version).await;

    running.program.signal(signal);
    running.program.out.shows("Stopping: ");
    running.health.shows("readyz", "HTTP/1.1 503 ");
    assert!(running.health.get("readyz").contains("is stopping"));
    running.refuses().await;
    for connection in idle {
        sent_off(connection).await;
    }
    assert!(!half.answer.is_finished(), "the request is under way");

    half.more.send(half.rest.clone()).unwrap();
    drop(half.more);
    let (answer, body) = half.answer.await.unwrap();
    match server {
        Server::Cuhk => assert_eq!(answer.status(), 200, "{body:?}"),
        Server::Blackboard => assert_eq!(answer.status(), 400, "{body:?}"),
    }
    (&mut half.connection.closed).await.unwrap().unwrap();
    match version {
        Version::Http1 => assert_eq!(answer.headers()["connection"], "close"),
        Version::Http2 => says_goodbye(&half.connection),
    }
    let done = running.program.end().expect(0);
    assert!(!done.out.contains("cut off"), "{}", done.out);
    assert_eq!(done.err, "");
}

/// Waits until the server has closed an idle connection in an orderly way.
async fn sent_off(mut connection: Connection) {
    (&mut connection.closed).await.unwrap().unwrap();
    // An HTTP/2 connection begins with the server's SETTINGS, type 4; HTTP/1.1 with the letters of its version.
    if connection.frames().first().is_some_and(|(kind, _)| *kind == 4) {
        says_goodbye(&connection);
    }
}

#[track_caller]
fn says_goodbye(connection: &Connection) {
    let frames = connection.frames();
    let goodbye = frames.iter().rfind(|(kind, _)| *kind == GOAWAY).expect("no GOAWAY came");
    assert_eq!(goodbye.1[4..8], NO_ERROR);
}

#[tokio::test(flavor = "multi_thread")]
async fn cuhk_answers_what_is_under_way() {
    for (version, signal) in Version::BOTH.into_iter().zip(["TERM", "INT"]) {
        drains(Server::Cuhk, version, signal).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blackboard_answers_what_is_under_way() {
    for (version, signal) in Version::BOTH.into_iter().zip(["INT", "TERM"]) {
        drains(Server::Blackboard, version, signal).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drain_time_is_the_end_of_patience() {
    let course = course("drain-timeout = 0.2");
    let running = start(Server::Cuhk, &course);
    let mut half = running.half(Server::Cuhk, &course.folder, Version::Http2).await;
    running.program.signal("TERM");
    let done = running.program.end().expect(0);
    assert!(done.out.contains("cut off after the drain time: 1."), "{}", done.out);
    assert!((&mut half.answer).await.is_err(), "it got no answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once() {
    for (first, second) in [("TERM", "TERM"), ("INT", "TERM")] {
        let course = course("drain-timeout = 3600");
        let running = start(Server::Cuhk, &course);
        let _half = running.half(Server::Cuhk, &course.folder, Version::Http1).await;
        running.program.signal(first);
        running.program.out.shows("Stopping: ");
        running.program.signal(second);
        running.program.out.shows("Stopped at once.");
        running.program.end().expect(1);
    }
}
