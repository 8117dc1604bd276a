//! The messages of steps 3 to 5, and the answer to a message of step 6.

use std::fmt::Debug;
use std::sync::LazyLock;

use claim_core::blackboard::{self, ExpectConfirmation};
use claim_core::json;
use claim_core::messages::{
    Challenge, ChallengeRequest, MAX_CHAIN, MessageAnswer, SessionAnswer, SessionRequest,
};
use claim_core::student;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::world::{self, WORLD};
use crate::{Outcome, outcome};

/// Decoded, encoded and decoded again it is the same message.
fn message<T: DeserializeOwned + Serialize + PartialEq + Debug>(
    data: &[u8],
) -> (Outcome, Option<T>) {
    let read = json::from_slice::<T>(data);
    if let Ok(message) = &read {
        let written = serde_json::to_vec(message).unwrap();
        assert_eq!(&json::from_slice::<T>(&written).unwrap(), message);
    }
    (outcome(&read), read.ok())
}

/// Also whoever it names, only a certificate for that person gets a challenge.
pub(crate) fn challenge_request(data: &[u8]) -> Outcome {
    let (outcome, request) = message::<ChallengeRequest>(data);
    if let Some(request) = request {
        assert!((1..=MAX_CHAIN).contains(&request.certificate.certificates().len()));
        let person = WORLD.trusted.verify_person(&request.certificate.certificates(), world::now());
        if let Ok(person) = person {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let ring = &WORLD.rings[0];
            let origin = world::origin();
            let answer =
                blackboard::challenge(&origin, &request, &person, ring, world::now(), &mut rng);
            assert_eq!(answer.is_ok(), request.request.id() == person.id());
        }
    }
    outcome
}

pub(crate) fn challenge(data: &[u8]) -> Outcome {
    message::<Challenge>(data).0
}

/// Also: no change of a token makes another that opens, and no guess confirms.
pub(crate) fn session_request(data: &[u8]) -> Outcome {
    let (outcome, request) = message::<SessionRequest>(data);
    if let Some(request) = request {
        let (origin, ring) = (world::origin(), &WORLD.rings[0]);
        if let Ok(waiting) =
            ExpectConfirmation::open(&request.challenge, &origin, ring, world::now())
        {
            let mut rng = ChaCha20Rng::seed_from_u64(1);
            let identity = &WORLD.identities[0];
            let answer =
                waiting.confirm(&request.confirmation, identity, ring, world::now(), &mut rng);
            if let Ok((answer, session)) = answer {
                assert_eq!(&answer.sid, session.person());
                assert_eq!(session.person(), &WORLD.credentials[0].id);
            }
        }
    }
    outcome
}

pub(crate) fn session_answer(data: &[u8]) -> Outcome {
    message::<SessionAnswer>(data).0
}

pub(crate) fn message_answer(data: &[u8]) -> Outcome {
    message::<MessageAnswer>(data).0
}

/// One honest exchange, as it stands on the wire.
struct Wire {
    challenge_request: Vec<u8>,
    challenge: Vec<u8>,
    session_request: Vec<u8>,
    session_answer: Vec<u8>,
}

static WIRE: LazyLock<Wire> = LazyLock::new(|| {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (origin, ring, identity) = (world::origin(), &WORLD.rings[0], &WORLD.identities[0]);
    let (request, waiting) = student::request(&WORLD.credentials[0], &origin, &mut rng);
    let person = WORLD.trusted.verify_person(&WORLD.person_chain(), world::now()).unwrap();
    let (challenge, _) =
        blackboard::challenge(&origin, &request, &person, ring, world::now(), &mut rng).unwrap();
    let (confirmation, _) = waiting.receive(&challenge).unwrap();
    let (answer, _) =
        ExpectConfirmation::open(&confirmation.challenge, &origin, ring, world::now())
            .unwrap()
            .confirm(&confirmation.confirmation, identity, ring, world::now(), &mut rng)
            .unwrap();
    Wire {
        challenge_request: serde_json::to_vec(&request).unwrap(),
        challenge: serde_json::to_vec(&challenge).unwrap(),
        session_request: serde_json::to_vec(&confirmation).unwrap(),
        session_answer: serde_json::to_vec(&answer).unwrap(),
    }
});

pub(crate) fn challenge_requests() -> Vec<Vec<u8>> {
    let staff = student::request(
        &WORLD.credentials[1],
        &world::origin(),
        &mut ChaCha20Rng::seed_from_u64(4),
    );
    vec![WIRE.challenge_request.clone(), serde_json::to_vec(&staff.0).unwrap()]
}

pub(crate) fn challenges() -> Vec<Vec<u8>> {
    vec![WIRE.challenge.clone()]
}

pub(crate) fn session_requests() -> Vec<Vec<u8>> {
    vec![WIRE.session_request.clone()]
}

pub(crate) fn session_answers() -> Vec<Vec<u8>> {
    vec![WIRE.session_answer.clone()]
}

pub(crate) fn message_answers() -> Vec<Vec<u8>> {
    let answer = MessageAnswer { sid: world::id(), received_at: world::now(), number: i64::MAX };
    vec![serde_json::to_vec(&answer).unwrap()]
}
