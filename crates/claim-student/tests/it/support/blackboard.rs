//! A Blackboard that keeps messages in memory, and does everything else as the real one.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use claim_core::blackboard::{self, ExpectConfirmation, Identity, Session};
use claim_core::messages::{ChallengeRequest, MessageAnswer, SessionRequest};
use claim_core::ring::{Period, Ring, SealingKey};
use claim_core::signing::{Content, RequestParts};
use claim_core::{Origin, PersonId, Problem, ProblemType, Timestamp, json};
use claim_http::{Refusal, system_rng};
use claim_pki::SigningKey;

use super::fake::{Asked, Fake, Reply, Reserved};
use super::pki::{Authority, chain, now};

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
}

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
            MESSAGES => self.message(asked, &ring),
            other => Err(Refusal(Problem::new(ProblemType::NotFound, other))),
        }
    }

    fn message(&self, asked: &Asked, ring: &Ring) -> Result<Reply, Refusal> {
        let field = |name| asked.headers.get(name).map(|value| value.to_str().unwrap());
        let parts = RequestParts {
            method: asked.method.as_str(),
            target: &asked.path,
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
        let media_type = reply.headers["content-type"].to_str().unwrap().to_owned();
        let content = Content { media_type: &media_type, bytes: &reply.body };
        let fields = answerer.sign(reply.status.as_u16(), Some(content), self.now());
        Ok(reply
            .with("content-digest", &fields.content_digest.unwrap())
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
