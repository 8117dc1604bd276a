//! The terminal's side: it leaves a key, and asks what became of it.

use std::net::SocketAddr;
use std::sync::Arc;

use claim_core::encoding::{Bytes, b64u, from_base64, lp};
use claim_core::invitation::Invitee;
use claim_core::{DeviceName, Digest, PersonId, Problem, ProblemType, Secret, Timestamp, json};
use claim_http::system_rng;
use claim_pki::{Certificate, CertificationRequest, PublicKey};
use claim_store::cuhk::audit::{Authentication, By};
use claim_store::cuhk::{BeginSignInError, Decision, SignIn};
use claim_store::{DiskFault, Need};
use serde::Deserialize;
use tokio::time::Instant;
use tracing::Instrument;

use super::code::ShortCode;
use super::{COLLECT, LIFE, PAGE, SignIns, expired};
use crate::enrolment::{Admitted, no_storage, storage};
use crate::est::request_problem;
use crate::state::{self, Cuhk};

/// After how many seconds a terminal asks again.
pub(crate) const RETRY_AFTER: u64 = 3;

/// How often another short code is drawn when one is taken. Twice is more than unlikely.
const DRAWS: u32 = 8;

/// What a terminal sends.
#[derive(Deserialize)]
struct Document {
    id: PersonId,
    /// PKCS#10, DER in base64.
    request: String,
}

/// A key that is left for a person, whose holder has shown that it is theirs.
#[derive(Debug)]
pub struct SignInRequest {
    /// For whom.
    pub person: PersonId,
    /// The key.
    pub key: PublicKey,
}

impl SignInRequest {
    /// Reads what a terminal sends to `/v1/sign-ins`.
    ///
    /// # Errors
    /// [`ProblemType::MalformedRequest`], and those of certification requests, as at enrolment.
    pub fn from_slice(content: &[u8]) -> Result<Self, Problem> {
        let Document { id: person, request } = json::from_slice(content)
            .map_err(|error| Problem::new(ProblemType::MalformedRequest, error))?;
        let der = from_base64(&request).map_err(|error| {
            Problem::new(ProblemType::RequestUnreadable, format!("request: {error}"))
        })?;
        let request = CertificationRequest::from_der(&der).map_err(|e| request_problem(&e))?;
        request.names_only(&person).map_err(|error| request_problem(&error))?;
        Ok(Self { person, key: request.public_key().clone() })
    }
}

/// A key that waits, as its terminal is told.
pub(crate) struct Begun {
    /// What the terminal asks with; told once.
    pub(crate) secret: String,
    pub(crate) code: String,
    pub(crate) link: String,
    pub(crate) expires_at: Timestamp,
}

/// What became of it.
pub(crate) enum Asked {
    /// Nothing yet; whether the person is signed in by now.
    Waiting { signed_in: bool, expires_at: Timestamp },
    /// The certificate, and whom it names.
    Certified(PersonId, Box<Certificate>),
}

impl SignIns {
    /// Leaves a key.
    pub(crate) async fn begin(
        &self,
        cuhk: &Cuhk,
        content: &[u8],
        peer: SocketAddr,
    ) -> Result<Begun, Problem> {
        let (household, moment) = (peer.ip().into(), Instant::now());
        if let Some(wait) = self.begun.wait(&household, moment) {
            let detail = "too many sign-ins were begun from your address within a minute";
            return Err(too_many(detail, wait.as_secs().max(1)));
        }
        let SignInRequest { person, key } = SignInRequest::from_slice(content)?;
        if cuhk.room.check(Need::Record).is_err() {
            return Err(no_storage(Some(DiskFault::NoRoom)));
        }
        self.begun.count(household, moment);
        let (secret, now) = (Secret::<32>::random(&mut system_rng()), cuhk.desk.clock.now());
        let mut sign_in = SignIn {
            secret_hash: hash(&secret),
            code: ShortCode::random().letters().to_owned(),
            person,
            public_key: key.spki_der().to_vec(),
            begun_from: peer.ip().to_canonical().to_string(),
            begun_at: now,
            expires_at: now.plus_seconds(LIFE),
        };
        for _ in 0..DRAWS {
            match cuhk.desk.store.begin_sign_in(&sign_in, self.most.get()).await {
                Ok(()) => {
                    return Ok(Begun {
                        secret: b64u(secret.expose()),
                        code: ShortCode::typed(&sign_in.code)
                            .map(|c| c.to_string())
                            .unwrap_or_default(),
                        link: cuhk.origin.join(PAGE),
                        expires_at: sign_in.expires_at,
                    });
                }
                Err(BeginSignInError::CodeTaken) => {
                    sign_in.code = ShortCode::random().letters().to_owned();
                }
                Err(BeginSignInError::Store(error)) => return Err(storage(error)),
                Err(error) => return Err(too_many(&error.to_string(), 30)),
            }
        }
        Err(Problem::new(ProblemType::InternalError, "no short code is free"))
    }

    /// What became of the key of this terminal; its certificate, if it was confirmed, the same each time, for the device of
    /// the name that came when it was made. `known_as` is the person
    /// who has confirmed it, also where no certificate comes of it.
    pub(crate) async fn ask(
        &self,
        cuhk: &Arc<Cuhk>,
        secret: Option<Bytes<32>>,
        device: Option<DeviceName>,
        peer: SocketAddr,
        known_as: &mut Option<By>,
    ) -> Result<Asked, Problem> {
        let unknown = || {
            let detail = "no key waits for whoever asks with this";
            Problem::new(ProblemType::SignInExpired, detail)
        };
        let secret_hash = hash(&Secret::new(secret.ok_or_else(unknown)?.0));
        let found = cuhk.desk.store.sign_in(&secret_hash).await.map_err(storage)?;
        let record = found.ok_or_else(unknown)?;
        let (terminal, moment) = (Digest::from_bytes(secret_hash), Instant::now());
        if let Some(wait) = self.polled.wait(&terminal, moment) {
            let detail = format!("ask every {RETRY_AFTER} seconds");
            let problem = Problem::new(ProblemType::SignInPolledTooOften, detail);
            return Err(problem.with("retry_after", wait.as_secs().max(RETRY_AFTER)));
        }
        self.polled.count(terminal, moment);
        let (sign_in, now) = (record.sign_in, cuhk.desk.clock.now());
        match record.decision {
            Some(Decision::Denied) => {
                let detail = format!("{} was signed in and said so", sign_in.person);
                Err(Problem::new(ProblemType::SignInDenied, detail))
            }
            None if now >= sign_in.expires_at => Err(expired(sign_in.expires_at)),
            None => Ok(Asked::Waiting {
                signed_in: record.signed_in_at.is_some(),
                expires_at: sign_in.expires_at,
            }),
            Some(Decision::Confirmed) => {
                let person = sign_in.person.clone();
                *known_as = Some(By::known(person.as_str(), Authentication::SingleSignOn));
                let certificate = certify(cuhk, sign_in, device, peer).await?;
                Ok(Asked::Certified(person, Box::new(certificate)))
            }
        }
    }
}

/// Makes the certificate of a key that its person has confirmed, or finds the one that was made.
async fn certify(
    cuhk: &Arc<Cuhk>,
    sign_in: SignIn,
    device: Option<DeviceName>,
    peer: SocketAddr,
) -> Result<Certificate, Problem> {
    let public_key = PublicKey::from_spki_der(&sign_in.public_key).map_err(|error| {
        tracing::error!(%error, "a key on record cannot be read");
        Problem::new(ProblemType::InternalError, "the key on record cannot be read")
    })?;
    let holder = Invitee::Person(sign_in.person.clone());
    let admitted = Admitted::by_sign_in(cuhk, holder, sign_in.secret_hash).await?;
    let order = admitted.on(device).order_for(public_key);
    // In a task of its own: a client that goes away must not stop what has begun half-way.
    let making = {
        let cuhk = Arc::clone(cuhk);
        async move { cuhk.certify(order, state::Asked::SignedIn, peer).await }
    };
    let made = tokio::spawn(making.in_current_span()).await.map_err(|error| {
        tracing::error!(%error, "making a certificate failed");
        Problem::new(ProblemType::InternalError, "the certificate could not be made")
    })?;
    made.map_err(|problem| match problem.problem_type {
        // Its time is over, or whoever runs CUHK has ended it meanwhile.
        ProblemType::CodeExpired | ProblemType::CodeRefused => expired(collect_until(&sign_in)),
        _ => problem,
    })
}

/// Until when the certificate may be fetched.
pub(super) fn collect_until(sign_in: &SignIn) -> Timestamp {
    sign_in.expires_at.plus_seconds(COLLECT)
}

/// Under which a secret is on record. 256 random bits need no slow hash.
fn hash(secret: &Secret<32>) -> [u8; 32] {
    *Digest::of(&lp(&[b"claim v1 sign-in", b"terminal", secret.expose()])).as_bytes()
}

fn too_many(detail: &str, seconds: u64) -> Problem {
    Problem::new(ProblemType::TooManySignIns, detail).with("retry_after", seconds)
}
