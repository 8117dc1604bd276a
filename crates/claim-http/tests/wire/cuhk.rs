//! Servers with certificates that CUHK issued, and the trust that demands one.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Router;
use axum::routing::get;
use claim_core::{Origin, Timestamp};
use claim_http::{
    IdentityError, ReachError, ServerTrust, TlsFailure, TlsIdentity, https_client, send,
};
use claim_pki::{
    AuthorityName, Certificate, Issuer, PathError, Profile, Root, RootSpec, SerialNumber,
    SigningKey, Subject, Validity,
};

use crate::fixture::{LONG, TestServer};

fn validity(profile: Profile) -> Validity {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let now = Timestamp::from_millis(now.try_into().unwrap());
    Validity::starting(now.plus_seconds(-60), profile.life())
}

/// A root and the issuing authority below it.
struct Cuhk {
    root: Arc<Root>,
    issuing: Issuer,
}

impl Cuhk {
    fn new() -> Self {
        let name = |name| AuthorityName::cuhk(name).unwrap();
        let spec = RootSpec { name: name("Test root"), domain: None };
        let (key, serial) = (SigningKey::generate().unwrap(), SerialNumber::from_random([1; 16]));
        let root = Issuer::self_signed_root(&spec, key, &serial, validity(Profile::Root)).unwrap();
        let subject = Subject::Issuing { name: name("Test issuing") };
        let (certificate, key) = issue(&root, &subject, Profile::Issuing);
        let anchor = Root::new(root.certificate().clone()).unwrap();
        Self { root: Arc::new(anchor), issuing: Issuer::new(certificate, key).unwrap() }
    }

    fn identity(&self, subject: &Subject, profile: Profile) -> TlsIdentity {
        let (leaf, key) = issue(&self.issuing, subject, profile);
        TlsIdentity::from_pki(&[leaf, self.issuing.certificate().clone()], &key).unwrap()
    }

    fn server(&self, origin: &Origin) -> TlsIdentity {
        self.identity(&Subject::Server { origin: origin.clone() }, Profile::Server)
    }
}

fn issue(issuer: &Issuer, subject: &Subject, profile: Profile) -> (Certificate, SigningKey) {
    let key = SigningKey::generate().unwrap();
    let serial = SerialNumber::from_random([2; 16]);
    let validity = validity(profile).within(issuer.validity()).unwrap();
    let issuance = issuer.prepare(subject, key.public_key(), &serial, validity).unwrap();
    (issuer.issue(issuance).unwrap(), key)
}

async fn reach(trust: ServerTrust, url: &str) -> Result<u16, TlsFailure> {
    let client = https_client(&trust, None, LONG).unwrap();
    match send(client.get(url), 10_000).await {
        Ok(answer) => Ok(answer.status.as_u16()),
        Err(ReachError::Tls(failure)) => Err(failure),
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_code_goes_to_the_service_itself_only() {
    let server = TestServer::start(Router::new().route("/", get(async || "here")));
    let cuhk = Cuhk::new();
    let (root, origin, url) = (&cuhk.root, &server.origin, server.url("/"));
    let code = || ServerTrust::CuhkServer { root: Arc::clone(root), origin: origin.clone() };
    let usual = || ServerTrust::Root(Arc::clone(root));

    server.certificate.replace(&cuhk.server(origin));
    assert_eq!(reach(code(), &url).await, Ok(200));
    assert_eq!(reach(usual(), &url).await, Ok(200));

    // Another service on the same host: its certificate is good for the name, but it is not CUHK.
    let other: Origin = "https://localhost:1".parse().unwrap();
    server.certificate.replace(&cuhk.server(&other));
    assert_eq!(reach(usual(), &url).await, Ok(200));
    assert_eq!(
        reach(code(), &url).await,
        Err(TlsFailure::NotThisService(PathError::WrongOrigin {
            expected: origin.clone(),
            found: other
        }))
    );

    // The same names under another root, as after a new start of CUHK.
    server.certificate.replace(&Cuhk::new().server(origin));
    for trust in [code(), usual()] {
        assert_eq!(reach(trust, &url).await, Err(TlsFailure::UnknownIssuer));
    }
}

#[tokio::test]
async fn a_persons_certificate_serves_nobody() {
    let server = TestServer::start(Router::new());
    let cuhk = Cuhk::new();
    let subject =
        Subject::Person { id: "1155123456".parse().unwrap(), name: Some("localhost".to_owned()) };
    server.certificate.replace(&cuhk.identity(&subject, Profile::Person));
    let refusal = reach(ServerTrust::Root(Arc::clone(&cuhk.root)), &server.url("/")).await;
    assert!(matches!(refusal, Err(TlsFailure::Certificate(_) | TlsFailure::WrongName { .. })));
}

#[tokio::test]
async fn a_certificate_by_address_is_good_for_loopback() {
    let server = TestServer::start(Router::new());
    let cuhk = Cuhk::new();
    server.certificate.replace(&cuhk.server(&server.origin));
    // Whoever is called localhost may also be reached by its addresses.
    let url = format!("https://{}/", server.address);
    assert_eq!(reach(ServerTrust::Root(Arc::clone(&cuhk.root)), &url).await, Ok(404));
}

#[test]
fn an_identity_is_made_of_what_belongs_together() {
    let cuhk = Cuhk::new();
    let subject = Subject::Server { origin: "https://localhost:3141".parse().unwrap() };
    let (leaf, _) = issue(&cuhk.issuing, &subject, Profile::Server);
    let other = SigningKey::generate().unwrap();
    let refusal = |chain: &[Certificate]| TlsIdentity::from_pki(chain, &other).unwrap_err();
    assert_eq!(refusal(&[leaf]), IdentityError::Mismatch);
    assert_eq!(refusal(&[]), IdentityError::NoCertificate);
}
