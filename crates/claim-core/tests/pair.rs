//! Both roles under simulated time, over a network that loses, repeats and delays.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test panics to fail")]

mod support;

use std::collections::BTreeMap;

use claim_core::blackboard::{self, ExpectConfirmation, Session};
use claim_core::encoding::RequestNonce;
use claim_core::messages::{ChallengeRequest, SessionRequest};
use claim_core::signing::{AnswerParts, Content, Outgoing, RequestParts, SignatureFields};
use claim_core::{Timestamp, json, student};
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use support::World;

/// What travels: a request to the server, or the answer to the request with that number.
#[derive(Clone)]
enum Packet {
    Challenge(Vec<u8>),
    Session(Vec<u8>),
    Message { fields: SignatureFields, content: Vec<u8>, token: String },
    Answer { to: u64, body: Vec<u8>, fields: Option<SignatureFields> },
}

/// How bad the network is, in percent and seconds.
#[derive(Clone, Copy, Debug)]
struct Weather {
    loss: u32,
    repetition: u32,
    delay: u32,
}

/// A network under simulated time: packets in flight by arrival.
struct Network {
    weather: Weather,
    now: Timestamp,
    in_flight: BTreeMap<(i64, u64), (u64, Packet)>,
    sent: u64,
    rng: ChaCha20Rng,
}

impl Network {
    fn send(&mut self, number: u64, packet: Packet) {
        let copies = if self.rng.next_u32() % 100 < self.weather.repetition { 2 } else { 1 };
        for _ in 0..copies {
            if self.rng.next_u32() % 100 >= self.weather.loss {
                let delay = i64::from(self.rng.next_u32() % (self.weather.delay + 1));
                self.sent += 1;
                let arrival = (self.now.plus_seconds(delay).as_millis(), self.sent);
                self.in_flight.insert(arrival, (number, packet.clone()));
            }
        }
    }

    /// The next packet, and the time it arrives; `None` when nothing is under way before the time-out.
    fn next_before(&mut self, timeout: Timestamp) -> Option<(u64, Packet)> {
        match self.in_flight.first_key_value() {
            Some((&(arrival, _), _)) if arrival <= timeout.as_millis() => {
                let ((arrival, _), packet) = self.in_flight.pop_first()?;
                self.now = self.now.max(Timestamp::from_millis(arrival));
                Some(packet)
            }
            _ => {
                self.now = timeout;
                None
            }
        }
    }
}

/// Blackboard: what it keeps is messages alone.
struct Server<'a> {
    world: &'a World,
    kept: BTreeMap<([u8; 32], [u8; 16]), Vec<u8>>,
    rng: ChaCha20Rng,
}

impl Server<'_> {
    fn answer(
        &mut self,
        packet: Packet,
        now: Timestamp,
    ) -> Option<(Vec<u8>, Option<SignatureFields>)> {
        let World { origin, identity, ring, root, .. } = self.world;
        match packet {
            Packet::Challenge(body) => {
                let request: ChallengeRequest = json::from_slice(&body).unwrap();
                let person = root.verify_person(&request.certificate.certificates(), now).unwrap();
                let (challenge, _) =
                    blackboard::challenge(origin, &request, &person, ring, now, &mut self.rng)
                        .unwrap();
                Some((serde_json::to_vec(&challenge).unwrap(), None))
            }
            Packet::Session(body) => {
                let request: SessionRequest = json::from_slice(&body).unwrap();
                // A repeated or late step 5 may find its challenge expired: the student begins again.
                let waiting =
                    ExpectConfirmation::open(&request.challenge, origin, ring, now).ok()?;
                let (answer, _) = waiting
                    .confirm(&request.confirmation, identity, ring, now, &mut self.rng)
                    .unwrap();
                Some((serde_json::to_vec(&answer).unwrap(), None))
            }
            Packet::Message { fields, content, token } => {
                let parts = RequestParts {
                    method: "POST",
                    target: "/v1/messages",
                    claim_session: &token,
                    content_digest: fields.content_digest.as_deref(),
                    content_type: Some("text/plain"),
                    signature_input: &fields.signature_input,
                    signature: &fields.signature,
                };
                let session = Session::open(&token, origin, ring, now).unwrap();
                let head = session.authenticate(origin, &parts).unwrap();
                let answerer = head.answerer();
                let request = head.timely(now).ok()?.content(&content).unwrap();
                let key = (*request.session().as_bytes(), request.nonce().0);
                let number = self.kept.len();
                let body =
                    self.kept.entry(key).or_insert_with(|| number.to_string().into_bytes()).clone();
                let content = Content { media_type: "application/json", bytes: &body };
                let fields = answerer.sign(201, Some(content), now);
                Some((body, Some(fields)))
            }
            Packet::Answer { .. } => None,
        }
    }
}

/// The student's program: sends, waits, sends again; an exchange that times out begins again at step 3.
struct Pair<'a> {
    network: Network,
    server: Server<'a>,
    requests: u64,
}

impl Pair<'_> {
    /// Sends a request and waits ten seconds for its answer; answers to other requests are not for us.
    fn ask(&mut self, packet: Packet) -> Option<(Vec<u8>, Option<SignatureFields>)> {
        self.requests += 1;
        let number = self.requests;
        self.network.send(number, packet);
        let timeout = self.network.now.plus_seconds(10);
        while let Some((about, packet)) = self.network.next_before(timeout) {
            match packet {
                Packet::Answer { to, body, fields } if to == number => return Some((body, fields)),
                Packet::Answer { .. } => {}
                request => {
                    let now = self.network.now;
                    if let Some((body, fields)) = self.server.answer(request, now) {
                        self.network.send(about, Packet::Answer { to: about, body, fields });
                    }
                }
            }
        }
        None
    }

    fn open(&mut self, rng: &mut ChaCha20Rng) -> Option<student::Session> {
        let world = self.server.world;
        let (request, waiting) = student::request(&world.credential, &world.origin, rng);
        let (body, _) = self.ask(Packet::Challenge(serde_json::to_vec(&request).unwrap()))?;
        let (request, waiting) = waiting.receive(&json::from_slice(&body).unwrap()).unwrap();
        let (body, _) = self.ask(Packet::Session(serde_json::to_vec(&request).unwrap()))?;
        let answer = json::from_slice(&body).unwrap();
        Some(waiting.receive(answer, &world.root, self.network.now).unwrap())
    }

    fn say(
        &mut self,
        session: &student::Session,
        text: &str,
        nonce: &RequestNonce,
    ) -> Option<Vec<u8>> {
        let content = Content { media_type: "text/plain", bytes: text.as_bytes() };
        let request = Outgoing { method: "POST", target: "/v1/messages", content: Some(content) };
        let (fields, waiting) = session.sign(&request, self.network.now, nonce);
        let token = session.token().to_owned();
        let packet = Packet::Message { fields, content: text.as_bytes().to_vec(), token };
        let (body, fields) = self.ask(packet)?;
        let fields = fields.unwrap();
        let parts = AnswerParts {
            status: 201,
            content_digest: fields.content_digest.as_deref(),
            content_type: Some("application/json"),
            signature_input: &fields.signature_input,
            signature: &fields.signature,
        };
        waiting.receive(&parts, &body).unwrap();
        Some(body)
    }
}

/// Sends five messages through this weather and returns how many the server kept.
fn run(weather: Weather, seed: u64) -> usize {
    let world = World::new();
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let network = Network {
        weather,
        now: world.now,
        in_flight: BTreeMap::new(),
        sent: 0,
        rng: ChaCha20Rng::seed_from_u64(seed + 1),
    };
    let server =
        Server { world: &world, kept: BTreeMap::new(), rng: ChaCha20Rng::seed_from_u64(seed + 2) };
    let mut pair = Pair { network, server, requests: 0 };
    let session = (0..1_000).find_map(|_| pair.open(&mut rng)).expect("a session at last");
    for number in 0..5 {
        let nonce = RequestNonce::random(&mut rng);
        let text = format!("message {number}");
        let body =
            (0..1_000).find_map(|_| pair.say(&session, &text, &nonce)).expect("an answer at last");
        assert_eq!(body, number.to_string().into_bytes(), "each message is kept once, in order");
    }
    pair.server.kept.len()
}

#[test]
fn fair_weather() {
    assert_eq!(run(Weather { loss: 0, repetition: 0, delay: 0 }, 1), 5);
}

#[test]
fn everything_twice() {
    assert_eq!(run(Weather { loss: 0, repetition: 100, delay: 3 }, 1), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn messages_arrive_once_in_any_weather(loss in 0u32..50, repetition in 0u32..50, delay in 0u32..15, seed: u32) {
        prop_assert_eq!(run(Weather { loss, repetition, delay }, u64::from(seed)), 5);
    }
}
