//! A Blackboard that keeps messages in memory, and does everything else as the real one.

mod claims;
mod evidence;

use std::collections::{HashMap, VecDeque};
use std::ops::Deref;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use claim_core::blackboard::{self, ExpectConfirmation, Identity, Session};
use claim_core::messages::{ChallengeRequest, MessageAnswer, SessionRequest};
use claim_core::ring::{Period, Ring, SealingKey};
use claim_core::signing::{Content, RequestParts};
use claim_core::{Origin, PersonId, Problem, ProblemType, Timestamp, json};
use claim_http::{Refusal, system_rng};
use claim_pki::{Certificate, SigningKey};

use super::fake::{Asked, Fake, Reply, Reserved};
use super::pki::{Authority, chain, now};

pub(crate) use claims::{Claims, refusal};

/// A message that was kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    key: ([u8; 32], [u8; 16]),
    pub(crate) sid: PersonId,
    pub(crate) text: String,
    received_at: Timestamp,
}

/// What the server works with.
pub(crate) struct World {
    authority: Arc<Authority>,
    identity: Identity,
    ring: Mutex<Ring>,
    kept: Mutex<Vec<Kept>>,
    /// (`created` as it stands in Signature-Input, nonce) of each request of step 6.
    seen: Mutex<Vec<String>>,
    /// Whether the request counts all the same, and what is said.
    signed_refusals: Mutex<VecDeque<(bool, Problem)>>,
    clock: AtomicI64,
    /// What is done to the next answers for a path before they are signed.
    lies: Mutex<HashMap<String, VecDeque<Lie>>>,
    claims: Claims,
}

type Lie = Box<dyn FnOnce(&mut Reply) + Send>;

/// A Blackboard.
pub(crate) struct Blackboard {
    fake: Fake,
    world: Arc<World>,
}

impl Deref for Blackboard {
    type Target = Fake;

    fn deref(&self) -> &Fake {
        &self.fake
    }
}

pub(crate) const CHALLENGES: &str = "/v1/challenges";
pub(crate) const SESSIONS: &str = "/v1/sessions";
pub(crate) const MESSAGES: &str = "/v1/messages";
pub(crate) const CLAIMS: &str = "/v1/claims";

impl Blackboard {
    pub(crate) async fn start(authority: &Arc<Authority>) -> Self {
        Self::start_as(authority, |origin| origin.clone(), |origin| origin.clone()).await
    }

    /// One that calls itself `claimed`, by a certificate for `certified`, both made from its true origin.
    pub(crate) async fn start_as(
        authority: &Arc<Authority>,
        claimed: impl FnOnce(&Origin) -> Origin,
        certified: impl FnOnce(&Origin) -> Origin,
    ) -> Self {
        let reserved = Reserved::new().await;
        let origin = reserved.origin.clone();
        let key = SigningKey::generate().unwrap();
        let certificates = authority.server(&certified(&origin), &key);
        let identity = Identity { origin: claimed(&origin), chain: chain(&certificates), key };
        let world = Arc::new(World {
            authority: Arc::clone(authority),
            identity,
            ring: Mutex::new(ring()),
            kept: Mutex::default(),
            seen: Mutex::default(),
            signed_refusals: Mutex::default(),
            clock: AtomicI64::new(0),
            lies: Mutex::default(),
            claims: Claims::new(authority, &origin),
        });
        let service = {
            let world = Arc::clone(&world);
            move |asked: Asked| {
                let refuse = |Refusal(problem)| Reply::problem(&problem, &world.identity.origin);
                world.answer(&asked).unwrap_or_else(refuse)
            }
        };
        Self { fake: Fake::start(reserved, &authority.tls(&origin), service), world }
    }

    /// The certificate by which it proves itself.
    pub(crate) fn certificate(&self) -> Certificate {
        Certificate::from_der(self.world.identity.chain.leaf()).unwrap()
    }

    /// The texts that were kept.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.kept().into_iter().map(|kept| kept.text).collect()
    }

    pub(crate) fn kept(&self) -> Vec<Kept> {
        self.world.kept.lock().unwrap().clone()
    }

    /// The nonces of all requests of step 6, in order.
    pub(crate) fn nonces(&self) -> Vec<String> {
        let seen = self.world.seen.lock().unwrap();
        seen.iter().map(|input| input.split('"').rev().nth(3).unwrap().to_owned()).collect()
    }

    /// Refuses the next authentic message so, and signs that.
    pub(crate) fn refuse_signed(&self, problem: Problem) {
        self.world.signed_refusals.lock().unwrap().push_back((false, problem));
    }

    /// Does as the next authentic message asks, then refuses another copy of it so, and only that answer arrives.
    pub(crate) fn accept_then_refuse_signed(&self, problem: Problem) {
        self.world.signed_refusals.lock().unwrap().push_back((true, problem));
    }

    /// Changes the next answer for this path, and signs that.
    pub(crate) fn lie(&self, path: &str, lie: impl FnOnce(&mut Reply) + Send + 'static) {
        let mut lies = self.world.lies.lock().unwrap();
        lies.entry(path.to_owned()).or_default().push_back(Box::new(lie));
    }

    /// What it has of claims.
    pub(crate) fn claims(&self) -> &Claims {
        &self.world.claims
    }

    /// Puts the clock so many seconds ahead of this machine's.
    pub(crate) fn set_clock_ahead(&self, seconds: i64) {
        self.world.clock.store(seconds, Ordering::SeqCst);
    }

    /// Forgets all sealing keys, and so all sessions.
    pub(crate) fn forget_sessions(&self) {
        *self.world.ring.lock().unwrap() = ring();
    }

    pub(crate) async fn stop(&mut self) {
        self.fake.stop().await;
    }
}

fn ring() -> Ring {
    let period = Period { from: now().plus_seconds(-86_400), until: now().plus_seconds(86_400) };
    Ring::new(vec![SealingKey::generate(period, &mut system_rng())])
}

impl World {
    fn now(&self) -> Timestamp {
        now().plus_seconds(self.clock.load(Ordering::SeqCst))
    }

    fn answer(&self, asked: &Asked) -> Result<Reply, Refusal> {
        let ring = self.ring.lock().unwrap().clone();
        match asked.path.as_str() {
            CHALLENGES => {
                let request: ChallengeRequest = json::from_slice(&asked.body).unwrap();
                let chain = request.certificate.certificates();
                let person = self.authority.root.verify_person(&chain, self.now());
                let person = person.map_err(|error| {
                    Refusal(Problem::new(ProblemType::CertificateUntrusted, error))
                })?;
                let origin = &self.identity.origin;
                let (challenge, _) = blackboard::challenge(
                    origin,
                    &request,
                    &person,
                    &ring,
                    self.now(),
                    &mut system_rng(),
                )
                .unwrap();
                Ok(json(201, &challenge))
            }
            SESSIONS => {
                let request: SessionRequest = json::from_slice(&asked.body).unwrap();
                let origin = &self.identity.origin;
                let (answer, _) =
                    ExpectConfirmation::open(&request.challenge, origin, &ring, self.now())
                        .map_err(|error| {
                            Refusal(Problem::new(ProblemType::ChallengeInvalid, error))
                        })?
                        .confirm(
                            &request.confirmation,
                            &self.identity,
                            &ring,
                            self.now(),
                            &mut system_rng(),
                        )
                        .map_err(|error| {
                            Refusal(Problem::new(ProblemType::ConfirmationWrong, error))
                        })?;
                Ok(json(201, &answer))
            }
            _ => self.step_six(asked, &ring),
        }
    }

    fn step_six(&self, asked: &Asked, ring: &Ring) -> Result<Reply, Refusal> {
        let field = |name| asked.headers.get(name).map(|value| value.to_str().unwrap());
        let parts = RequestParts {
            method: asked.method.as_str(),
            target: &asked.target,
            claim_session: field("claim-session").unwrap(),
            content_digest: field("content-digest"),
            content_type: field("content-type"),
            signature_input: field("signature-input").unwrap(),
            signature: field("signature").unwrap(),
        };
        self.seen.lock().unwrap().push(parts.signature_input.to_owned());
        let origin = &self.identity.origin;
        let session = Session::open(parts.claim_session, origin, ring, self.now())
            .map_err(|error| Refusal(Problem::new(ProblemType::SessionInvalid, error)))?;
        let head = session
            .authenticate(origin, &parts)
            .map_err(|error| Refusal(Problem::new(ProblemType::SignatureWrong, error)))?;
        let answerer = head.answerer();
        let reply = match self.accept(head, asked) {
            Ok(reply) => reply,
            Err(problem) => {
                let retry_after = problem.extensions.get("retry_after").map(ToString::to_string);
                let reply = Reply::problem(&problem, origin);
                match retry_after {
                    Some(seconds) => reply.with("retry-after", &seconds),
                    None => reply,
                }
            }
        };
        let mut reply = reply;
        let lie = self.lies.lock().unwrap().get_mut(&asked.path).and_then(VecDeque::pop_front);
        if let Some(lie) = lie {
            lie(&mut reply);
        }
        let media_type = reply.headers.get("content-type").map(|value| value.to_str().unwrap());
        let content = media_type.map(|media_type| Content { media_type, bytes: &reply.body });
        let fields = answerer.sign(reply.status.as_u16(), content, self.now());
        let reply = match &fields.content_digest {
            Some(digest) => reply.with("content-digest", digest),
            None => reply,
        };
        Ok(reply
            .with("signature-input", &fields.signature_input)
            .with("signature", &fields.signature))
    }

    fn accept(&self, head: blackboard::AuthenticHead, asked: &Asked) -> Result<Reply, Problem> {
        let timely = head.timely(self.now()).map_err(|error| {
            Problem::new(ProblemType::ClockSkew, error).with("server_time", self.now().to_string())
        })?;
        let refusal = self.signed_refusals.lock().unwrap().pop_front();
        if let Some((false, problem)) = refusal {
            return Err(problem);
        }
        let request = timely
            .content(&asked.body)
            .map_err(|error| Problem::new(ProblemType::DigestMismatch, error))?;
        if asked.path != MESSAGES {
            let reply = self.claims.answer(asked, &self.identity.origin);
            let reply = reply.ok_or_else(|| Problem::new(ProblemType::NotFound, &asked.path))?;
            return refusal.map_or(Ok(reply), |(_, problem)| Err(problem));
        }
        let mut kept = self.kept.lock().unwrap();
        let key = (*request.session().as_bytes(), request.nonce().0);
        let number = kept.iter().position(|kept| kept.key == key).unwrap_or_else(|| {
            kept.push(Kept {
                key,
                sid: request.person().clone(),
                text: String::from_utf8(asked.body.to_vec()).unwrap(),
                received_at: self.now(),
            });
            kept.len() - 1
        });
        let Kept { sid, received_at, .. } = kept[number].clone();
        if let Some((_, problem)) = refusal {
            return Err(problem);
        }
        let number = i64::try_from(number).unwrap();
        Ok(json(201, &MessageAnswer { sid, received_at, number }))
    }
}

fn json(status: u16, message: &impl serde::Serialize) -> Reply {
    Reply::new(status, "application/json", serde_json::to_vec(message).unwrap())
}
