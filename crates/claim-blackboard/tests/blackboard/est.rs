//! A CUHK that only enrols servers: EST over TLS, one code, and a wish to misbehave where a test wants it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use claim_core::invitation::{Code, Invitation, Invitee, RootPin};
use claim_core::{Digest, Origin, Problem, ProblemType};
use claim_http::{
    CERTS_ONLY, CertificateSwitch, ClientCertificates, ConnectionInfo, Limits, Metrics, Refusal,
    Server, TlsIdentity, Urgency, bind, decode_est_body, encode_est_body, server_tls,
};
use claim_pki::{
    Certificate, CertificationRequest, Issuer, SigningKey, Validity, encode_certs_only,
};
use http::{HeaderMap, header};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::authority::{Authority, fresh, now};
use crate::running::Port;
use crate::student::rng;

/// What this CUHK does and has seen.
pub(crate) struct Desk {
    authority: Authority,
    /// The code that it takes, for whichever origin.
    pub(crate) code: Mutex<Code>,
    /// How long the certificates are valid that it issues.
    pub(crate) validity: Mutex<Validity>,
    /// What it answers with instead of a certificate.
    pub(crate) refusal: Mutex<Option<ProblemType>>,
    /// The key that it certifies instead of the one in the request.
    pub(crate) other_key: Mutex<Option<SigningKey>>,
    /// The user-ids that came with codes, and the digests of the keys.
    pub(crate) enrolled: Mutex<Vec<(String, [u8; 32])>>,
    /// The leaves that renewed.
    pub(crate) renewed: Mutex<Vec<Certificate>>,
}

/// It runs until it is dropped.
pub(crate) struct Cuhk {
    pub(crate) origin: Origin,
    pub(crate) desk: Arc<Desk>,
    _port: Port,
    _stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Drop for Cuhk {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Cuhk {
    pub(crate) fn start(authority: Authority) -> Self {
        Self::start_at(Port::reserve(), authority)
    }

    pub(crate) fn start_at(port: Port, authority: Authority) -> Self {
        Self::shown_at(port, authority, |authority, origin, key| {
            vec![
                authority.server(origin, key.public_key(), fresh()),
                authority.issuing.certificate().clone(),
            ]
        })
    }

    /// Shows this chain in the handshake, whatever it issues by.
    pub(crate) fn shown(
        authority: Authority,
        chain: impl FnOnce(&Authority, &Origin, &SigningKey) -> Vec<Certificate>,
    ) -> Self {
        Self::shown_at(Port::reserve(), authority, chain)
    }

    fn shown_at(
        port: Port,
        authority: Authority,
        chain: impl FnOnce(&Authority, &Origin, &SigningKey) -> Vec<Certificate>,
    ) -> Self {
        let origin = port.origin();
        let key = SigningKey::generate().unwrap();
        let identity = TlsIdentity::from_pki(&chain(&authority, &origin, &key), &key).unwrap();
        let tls =
            server_tls(CertificateSwitch::new(&identity), ClientCertificates::Requested).unwrap();
        let desk = Arc::new(Desk {
            authority,
            code: Mutex::new(Code::random(&mut rng())),
            validity: Mutex::new(fresh()),
            refusal: Mutex::default(),
            other_key: Mutex::default(),
            enrolled: Mutex::default(),
            renewed: Mutex::default(),
        });
        let app = Router::new()
            .route("/.well-known/est/cacerts", get(ca_certificates))
            // Its time is that of a cache, and not compared: the clocks of these Blackboards stand still.
            .route("/witness/certificate", get(async || [(header::AGE, "0")]))
            .route("/.well-known/est/simpleenroll", post(enroll))
            .route("/.well-known/est/simplereenroll", post(reenroll))
            .with_state(Arc::clone(&desk));
        let server = Server {
            listeners: bind(&[port.address()]).unwrap(),
            tls,
            app,
            urgency: |_, _| Urgency::Deadline,
            origin: origin.clone(),
            limits: Limits::default(),
            metrics: Metrics::new(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            server
                .serve(async {
                    let _ = stopped.await;
                })
                .await;
        });
        Self { origin, desk, _port: port, _stop: stop, task }
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.desk.authority
    }

    /// The line for a server.
    pub(crate) fn invitation(&self, origin: &str) -> Invitation {
        let root = self.authority().root.certificate();
        Invitation {
            cuhk: self.origin.clone(),
            invitee: Invitee::Server(origin.parse().unwrap()),
            code: self.desk.code.lock().unwrap().clone(),
            pin: RootPin::of(&Digest::from_bytes(*root.digest())),
        }
    }
}

async fn ca_certificates(State(desk): State<Arc<Desk>>) -> Response {
    let issuers: Vec<_> = [&desk.authority.root, &desk.authority.issuing]
        .map(Issuer::certificate)
        .into_iter()
        .cloned()
        .collect();
    certs_only(&issuers)
}

async fn enroll(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Bytes) -> Response {
    use base64::Engine;

    let basic = headers[header::AUTHORIZATION].to_str().unwrap().strip_prefix("Basic ").unwrap();
    let basic = base64::engine::general_purpose::STANDARD.decode(basic).unwrap();
    let basic = String::from_utf8(basic).unwrap();
    let (user_id, code) = basic.split_once(':').unwrap();
    let Ok(Invitee::Server(origin)) = Invitee::from_user_id(user_id) else {
        panic!("{user_id} is no server");
    };
    let request = request(&body);
    desk.enrolled.lock().unwrap().push((user_id.to_owned(), *request.public_key().fingerprint()));
    if code != desk.code.lock().unwrap().expose() {
        return refused(ProblemType::CodeRefused);
    }
    issue(&desk, &origin, &request)
}

async fn reenroll(
    State(desk): State<Arc<Desk>>,
    Extension(info): Extension<ConnectionInfo>,
    body: Bytes,
) -> Response {
    let Some(chain) = info.client_chain else {
        return refused(ProblemType::ClientCertificateRequired);
    };
    let chain: Vec<&[u8]> = chain.iter().map(AsRef::as_ref).collect();
    let root = desk.authority.anchor();
    let server = root.verify_server_for_renewal(&chain, now(), 30 * 86_400).unwrap();
    desk.renewed.lock().unwrap().push(Certificate::from_der(chain[0]).unwrap());
    issue(&desk, server.origin(), &request(&body))
}

fn issue(desk: &Desk, origin: &Origin, request: &CertificationRequest) -> Response {
    if let Some(problem_type) = *desk.refusal.lock().unwrap() {
        return refused(problem_type);
    }
    let other_key = desk.other_key.lock().unwrap();
    let key = other_key.as_ref().map_or(request.public_key(), SigningKey::public_key);
    let validity = *desk.validity.lock().unwrap();
    certs_only(&[desk.authority.server(origin, key, validity)])
}

fn request(body: &[u8]) -> CertificationRequest {
    CertificationRequest::from_der(&decode_est_body(body).unwrap()).unwrap()
}

fn certs_only(certificates: &[Certificate]) -> Response {
    let body = encode_est_body(&encode_certs_only(certificates).unwrap());
    ([(header::CONTENT_TYPE, CERTS_ONLY)], body).into_response()
}

fn refused(problem_type: ProblemType) -> Response {
    Refusal(Problem::new(problem_type, "as the test wants it")).into_response()
}
