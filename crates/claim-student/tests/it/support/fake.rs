//! A server whose answers can be replaced or changed, one request at a time.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, Request};
use axum::response::Response;
use claim_core::{Origin, Problem, ProblemType};
use claim_http::{
    CertificateSwitch, ClientCertificates, ConnectionInfo, Limits, Metrics, Server, TlsIdentity,
    Urgency, server_tls,
};
use futures_util::stream;
use http::{HeaderMap, Method, StatusCode, header};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

/// A request as a service gets it.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) connection: ConnectionInfo,
}

/// An answer that can still be changed.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// The connection breaks off before the answer is complete.
    pub(crate) broken: bool,
}

impl Reply {
    pub(crate) fn new(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, media_type.parse().unwrap());
        let status = StatusCode::from_u16(status).unwrap();
        Self { status, headers, body: body.into(), broken: false }
    }

    /// Without content.
    pub(crate) fn empty(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap();
        Self { status, headers: HeaderMap::new(), body: Vec::new(), broken: false }
    }

    pub(crate) fn problem(problem: &Problem, origin: &Origin) -> Self {
        let status = problem.problem_type.status();
        Self::new(status, "application/problem+json", problem.to_json(origin))
    }

    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    fn into_response(self) -> Response {
        let body = if self.broken {
            let part = Bytes::from(self.body);
            let part = part.slice(..part.len().min(1));
            Body::from_stream(stream::iter([Ok(part), Err(io::Error::other("broken off"))]))
        } else {
            Body::from(self.body)
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// An unsigned refusal, as anyone could send it.
pub(crate) fn problem(problem_type: ProblemType) -> Reply {
    let origin = "https://anyone.example".parse().unwrap();
    Reply::problem(&Problem::new(problem_type, "this time"), &origin)
}

/// What happens to one request.
enum Twist {
    /// The service never sees it.
    Instead(Reply),
    /// The service answers, and the answer is changed.
    After(Box<dyn FnOnce(&mut Reply) + Send>),
}

type Script = Mutex<HashMap<String, VecDeque<Twist>>>;

/// A socket whose server is yet to come.
pub(crate) struct Reserved {
    listener: TcpListener,
    pub(crate) origin: Origin,
}

impl Reserved {
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Self { listener, origin: format!("https://localhost:{port}").parse().unwrap() }
    }
}

/// An origin where nothing listens, and nothing will while the tests run.
pub(crate) fn nowhere() -> Origin {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = socket.local_addr().unwrap().port();
    // Bound, it keeps its port from others; not listening, it refuses connections.
    std::mem::forget(socket);
    format!("https://localhost:{port}").parse().unwrap()
}

/// A running server.
pub(crate) struct Fake {
    pub(crate) origin: Origin,
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Fake {
    pub(crate) fn start(
        reserved: Reserved,
        tls: &TlsIdentity,
        service: impl Fn(Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let Reserved { listener, origin } = reserved;
        let script = Arc::new(Script::default());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer = {
            let (script, asked, service) =
                (Arc::clone(&script), Arc::clone(&asked), Arc::new(service));
            move |Extension(connection): Extension<ConnectionInfo>, request: Request| {
                let (script, asked, service) =
                    (Arc::clone(&script), Arc::clone(&asked), Arc::clone(&service));
                async move {
                    let (parts, body) = request.into_parts();
                    let body = axum::body::to_bytes(body, 5 << 20).await.unwrap();
                    let path = parts.uri.path().to_owned();
                    asked.lock().unwrap().push(path.clone());
                    let twist = script.lock().unwrap().get_mut(&path).and_then(VecDeque::pop_front);
                    let request = Asked {
                        method: parts.method,
                        path,
                        target: parts.uri.path_and_query().unwrap().to_string(),
                        headers: parts.headers,
                        body,
                        connection,
                    };
                    let reply = match twist {
                        Some(Twist::Instead(reply)) => reply,
                        Some(Twist::After(change)) => {
                            let mut reply = service(request);
                            change(&mut reply);
                            reply
                        }
                        None => service(request),
                    };
                    reply.into_response()
                }
            }
        };
        let tls = server_tls(CertificateSwitch::new(tls), ClientCertificates::Requested).unwrap();
        let server = Server {
            listeners: vec![listener],
            tls,
            app: Router::new().fallback(answer),
            urgency: |_, _| Urgency::Deadline,
            origin: origin.clone(),
            limits: Limits::default(),
            metrics: Metrics::new(),
        };
        let task = tokio::spawn(async move {
            server.serve(std::future::pending()).await;
        });
        Self { origin, script, asked, task }
    }

    /// Answers the next request for this path so, without asking the service.
    pub(crate) fn instead(&self, path: &str, reply: Reply) {
        self.twist(path, Twist::Instead(reply));
    }

    /// Cuts the next request for this path off before its answer, without asking the service.
    pub(crate) fn cut(&self, path: &str) {
        self.instead(path, Reply { broken: true, ..Reply::new(200, "text/plain", "cut") });
    }

    /// Changes the answer to the next request for this path.
    pub(crate) fn after(&self, path: &str, change: impl FnOnce(&mut Reply) + Send + 'static) {
        self.twist(path, Twist::After(Box::new(change)));
    }

    /// Does the work of the next request for this path, and breaks its answer off.
    pub(crate) fn break_off(&self, path: &str) {
        self.after(path, |reply| reply.broken = true);
    }

    /// How often this path was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|asked| *asked == path).count()
    }

    /// How many requests came.
    pub(crate) fn asked_at_all(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// Stops at once.
    pub(crate) async fn stop(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    fn twist(&self, path: &str, twist: Twist) {
        self.script.lock().unwrap().entry(path.to_owned()).or_default().push_back(twist);
    }
}
