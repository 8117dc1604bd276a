//! The attacker's server: it ends the TLS connection, and does with what comes through as its mode says.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use claim_core::Origin;
use claim_core::messages::Challenge;
use claim_http::{
    Answer, CertificateSwitch, ClientCertificates, Limits, Metrics, Server, TlsIdentity, Urgency,
    send, server_tls,
};
use claim_pki::{Certificate, SigningKey};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::super::scene::{Certified, certified_server, free_port};
use super::super::serving::Serving;
use super::super::wire::MAX_ANSWER;
use super::impostor::Impostor;
use crate::stage::Stage;

/// The largest request that is passed on, in bytes.
const MAX_REQUEST: usize = 128 * 1024;

const MESSAGES: &str = "/v1/messages";

/// What the server does with requests and answers.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    /// Passes both on as they are.
    PassOn,
    /// Writes its own origin over Blackboard's in step 4.
    Rename,
    /// Plays Blackboard itself.
    Impostor(Arc<Impostor>),
    /// Tampers with the answers to messages.
    Alter(Alteration),
}

/// What becomes of the answer to a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alteration {
    /// Another number in the content.
    Number,
    /// Another status.
    Status,
    /// The message is swallowed; the last answer that Blackboard gave to another one is given again.
    Earlier,
}

/// The attacker's running server.
pub(crate) struct Middle {
    own: Certified,
    shared: Arc<Shared>,
    serving: Serving,
}

struct Shared {
    client: reqwest::Client,
    /// Where the students believe to be.
    origin: Origin,
    /// Where the requests go.
    upstream: Origin,
    mode: Mutex<Mode>,
    /// The last answer to a message that Blackboard gave.
    recorded: Mutex<Option<Answer>>,
}

impl Middle {
    /// At an address of its own, for which CUHK has certified it, in front of the demonstration's Blackboard.
    pub(crate) async fn relay(
        stage: &Stage,
        client: &reqwest::Client,
        issuing: &Certificate,
    ) -> Result<Self> {
        let (listener, origin) = free_port().await?;
        let own = certified_server(stage, client, issuing, origin.clone()).await?;
        Self::start(listener, origin, stage.blackboard.clone(), own, client)
    }

    /// Serves with this certificate, whatever address the students believe to be talking to.
    pub(crate) fn start(
        listener: TcpListener,
        origin: Origin,
        upstream: Origin,
        own: Certified,
        client: &reqwest::Client,
    ) -> Result<Self> {
        let identity = TlsIdentity::from_pki(&own.certificates, &own.key)?;
        let tls = server_tls(CertificateSwitch::new(&identity), ClientCertificates::None)?;
        let shared = Arc::new(Shared {
            client: client.clone(),
            origin: origin.clone(),
            upstream,
            mode: Mutex::new(Mode::PassOn),
            recorded: Mutex::new(None),
        });
        let server = Server {
            listeners: vec![listener],
            tls,
            app: Router::new().fallback(handle).with_state(Arc::clone(&shared)),
            urgency: |_, _| Urgency::Deadline,
            origin,
            limits: Limits::default(),
            metrics: Metrics::new(),
        };
        let serving = Serving::start(|told| async move {
            server.serve(told.wait()).await;
        });
        Ok(Self { own, shared, serving })
    }

    /// Where the students believe to be.
    pub(crate) fn origin(&self) -> &Origin {
        &self.shared.origin
    }

    /// The certificate that CUHK gave this server, and its issuer's.
    pub(crate) fn certificates(&self) -> &[Certificate] {
        &self.own.certificates
    }

    /// A second handle to what CUHK gave this server.
    pub(crate) fn certified(&self) -> Result<Certified> {
        let Certified { origin, certificates, key } = &self.own;
        let key = SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem())?;
        Ok(Certified { origin: origin.clone(), certificates: certificates.clone(), key })
    }

    /// From the next request on.
    pub(crate) fn set(&self, mode: Mode) {
        *locked(&self.shared.mode) = mode;
    }

    pub(crate) async fn stop(self) {
        self.serving.stop().await;
    }
}

async fn handle(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    match shared.handle(request).await {
        Ok(answer) => answer_of(answer),
        // Not a refusal: the attack has failed by itself, and ends as one that could not be played.
        Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:#}")).into_response(),
    }
}

impl Shared {
    async fn handle(&self, request: Request) -> Result<Answer> {
        let mode = locked(&self.mode).clone();
        let (parts, body) = request.into_parts();
        let target = parts.uri.path_and_query();
        let path = target.map_or("/", PathAndQuery::as_str).to_owned();
        let body = to_bytes(body, MAX_REQUEST).await?;
        match mode {
            Mode::Impostor(impostor) => impostor.answer(&path, &body),
            Mode::Alter(alteration) if path == MESSAGES => {
                self.alter(alteration, parts.method, &parts.headers, body).await
            }
            Mode::Rename => {
                let answer = self.pass_on(parts.method, &path, &parts.headers, body).await?;
                self.rename(answer)
            }
            Mode::PassOn | Mode::Alter(_) => {
                let answer = self.pass_on(parts.method, &path, &parts.headers, body).await?;
                if path == MESSAGES {
                    *locked(&self.recorded) = Some(answer.clone());
                }
                Ok(answer)
            }
        }
    }

    /// Sends the request to Blackboard, to the byte but for what belongs to the connection.
    async fn pass_on(
        &self,
        method: Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Answer> {
        let request = self.client.request(method, self.upstream.join(path));
        let request = request.headers(end_to_end(headers)).body(body);
        Ok(send(request, MAX_ANSWER).await?)
    }

    /// Puts this server's origin in the place of Blackboard's.
    fn rename(&self, mut answer: Answer) -> Result<Answer> {
        if let Ok(challenge) = serde_json::from_slice::<Challenge>(&answer.body) {
            let challenge = Challenge { origin: self.origin.clone(), ..challenge };
            answer.body = serde_json::to_vec(&challenge)?.into();
        }
        Ok(answer)
    }

    async fn alter(
        &self,
        alteration: Alteration,
        method: Method,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Answer> {
        if matches!(alteration, Alteration::Earlier)
            && let Some(answer) = locked(&self.recorded).clone()
        {
            return Ok(answer);
        }
        let mut answer = self.pass_on(method, MESSAGES, headers, body).await?;
        match alteration {
            Alteration::Number => {
                let mut document: Value = serde_json::from_slice(&answer.body)?;
                if let Some(number) = document.get_mut("number") {
                    *number = json!(number.as_i64().unwrap_or_default() + 1000);
                }
                answer.body = serde_json::to_vec(&document)?.into();
            }
            Alteration::Status => answer.status = StatusCode::OK,
            Alteration::Earlier => {}
        }
        Ok(answer)
    }
}

/// Whole values are put in and taken out, so a panic elsewhere spoils nothing.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer_of(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = end_to_end(&answer.headers);
    response
}

/// The fields that do not belong to one connection (RFC 9110 §7.6.1); the lengths follow from the content.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    const OF_THE_CONNECTION: [HeaderName; 5] = [
        header::CONNECTION,
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::TE,
    ];
    let kept = headers.iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(name));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}
