//! A CUHK that enrols whoever comes with the right code, and remembers what it was asked.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use claim_core::invitation::{Code, Invitation, Invitee, RootPin};
use claim_core::{Digest, Origin, PersonId, Problem, ProblemType};
use claim_http::{CERTS_ONLY, Refusal, TlsIdentity, decode_est_body, encode_est_body};
use claim_pki::{Certificate, CertificationRequest, encode_certs_only};

use super::fake::{Asked, Fake, Reply, Reserved};
use super::pki::{Authority, now};

/// A CUHK.
pub(crate) struct Cuhk {
    fake: Fake,
    pub(crate) authority: Arc<Authority>,
    /// SHA-256 of the keys that were certified, in order.
    pub(crate) keys: Arc<Mutex<Vec<Digest>>>,
    /// What the next certificates are replaced by.
    pub(crate) forged: Arc<Mutex<Vec<Certificate>>>,
}

impl Deref for Cuhk {
    type Target = Fake;

    fn deref(&self) -> &Fake {
        &self.fake
    }
}

impl DerefMut for Cuhk {
    fn deref_mut(&mut self) -> &mut Fake {
        &mut self.fake
    }
}

pub(crate) const CACERTS: &str = "/.well-known/est/cacerts";
pub(crate) const ENROLL: &str = "/.well-known/est/simpleenroll";
pub(crate) const REENROLL: &str = "/.well-known/est/simplereenroll";

impl Cuhk {
    pub(crate) async fn start(authority: Authority) -> Self {
        let reserved = Reserved::new().await;
        let tls = authority.tls(&reserved.origin);
        Self::start_at(reserved, authority, &tls)
    }

    /// One whose TLS certificate is for another origin, of whatever authority.
    pub(crate) async fn start_with_tls(
        authority: Authority,
        tls: impl FnOnce(&Authority, &Origin) -> TlsIdentity,
    ) -> Self {
        let reserved = Reserved::new().await;
        let tls = tls(&authority, &reserved.origin);
        Self::start_at(reserved, authority, &tls)
    }

    fn start_at(reserved: Reserved, authority: Authority, tls: &TlsIdentity) -> Self {
        let authority = Arc::new(authority);
        let keys = Arc::new(Mutex::new(Vec::new()));
        let forged = Arc::new(Mutex::new(Vec::new()));
        let origin = reserved.origin.clone();
        let service = {
            let (authority, keys, forged) =
                (Arc::clone(&authority), Arc::clone(&keys), Arc::clone(&forged));
            move |asked: Asked| {
                answer(&authority, &keys, &forged, &asked)
                    .unwrap_or_else(|Refusal(problem)| Reply::problem(&problem, &origin))
            }
        };
        Self { fake: Fake::start(reserved, tls, service), authority, keys, forged }
    }

    /// An invitation to this CUHK.
    pub(crate) fn invitation(&self, id: &PersonId) -> Invitation {
        Invitation {
            cuhk: self.origin.clone(),
            invitee: Invitee::Person(id.clone()),
            code: code(),
            pin: RootPin::of(&Digest::from_bytes(*self.authority.root.hash())),
        }
    }
}

/// The one code that is valid.
fn code() -> Code {
    "AQEBAQEBAQEBAQEBAQEBAQ".parse().unwrap()
}

fn answer(
    authority: &Authority,
    keys: &Mutex<Vec<Digest>>,
    forged: &Mutex<Vec<Certificate>>,
    asked: &Asked,
) -> Result<Reply, Refusal> {
    let id = match asked.path.as_str() {
        CACERTS => return Ok(certs_only(&authority.published())),
        ENROLL => basic_user(authority, asked)?,
        REENROLL => client(authority, asked)?,
        _ => return Err(Refusal(Problem::new(ProblemType::NotFound, &asked.path))),
    };
    let der = decode_est_body(&asked.body).unwrap();
    let request = CertificationRequest::from_der(&der).unwrap();
    request.names_only(&id).unwrap();
    keys.lock().unwrap().push(Digest::from_bytes(*request.public_key().fingerprint()));
    let leaf = authority.person(&id, request.public_key());
    Ok(certs_only(&[forged.lock().unwrap().pop().unwrap_or(leaf)]))
}

fn basic_user(authority: &Authority, asked: &Asked) -> Result<PersonId, Refusal> {
    let refused = || Refusal(Problem::new(ProblemType::CodeRefused, "no such code"));
    let header = asked.headers.get("authorization").ok_or_else(refused)?.to_str().unwrap();
    let decoded = decode_est_body(header.strip_prefix("Basic ").unwrap().as_bytes()).unwrap();
    let credentials = String::from_utf8(decoded).unwrap();
    let (user, password) = credentials.split_once(':').unwrap();
    if !authority.root.is_local_demo() && password != code().expose() {
        return Err(refused());
    }
    Ok(user.parse().unwrap())
}

fn client(authority: &Authority, asked: &Asked) -> Result<PersonId, Refusal> {
    let refused = || Refusal(Problem::new(ProblemType::ClientCertificateRequired, ""));
    let chain = asked.connection.client_chain.clone().ok_or_else(refused)?;
    let chain: Vec<&[u8]> = chain.iter().map(AsRef::as_ref).collect();
    let person = authority.root.verify_person_for_renewal(&chain, now(), 86_400).unwrap();
    Ok(person.id().clone())
}

fn certs_only(certificates: &[Certificate]) -> Reply {
    let der = encode_certs_only(certificates).unwrap();
    Reply::new(200, CERTS_ONLY, encode_est_body(&der))
}
