//! What each side refuses when the other, or somebody in between, does not keep to the protocol.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

mod support;

use claim_core::blackboard::{
    self, ChallengeError, ConfirmationError, ExpectConfirmation, RequestError,
};
use claim_core::encoding::{Bytes, RequestNonce};
use claim_core::messages::{Challenge, SessionAnswer};
use claim_core::ring::Ring;
use claim_core::signing::{AnswerParts, Content, Outgoing, RequestParts};
use claim_core::student::{self, ExchangeError, ExpectChallenge};
use claim_core::{Origin, TokenError};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use support::World;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(42)
}

/// Steps 3 and 4.
fn challenged(world: &World) -> (Challenge, ExpectChallenge<'_>) {
    let (request, waiting) = student::request(&world.credential, &world.origin, &mut rng());
    let person = world.root.verify_person(&request.certificate.certificates(), world.now).unwrap();
    let World { origin, ring, now, .. } = world;
    let (challenge, _) =
        blackboard::challenge(origin, &request, &person, ring, *now, &mut rng()).unwrap();
    (challenge, waiting)
}

/// Steps 3 to 5, with the answer not yet received.
fn confirmed(
    world: &World,
) -> (SessionAnswer, student::ExpectConfirmation<'_>, blackboard::Session) {
    let (challenge, waiting) = challenged(world);
    let (request, waiting) = waiting.receive(&challenge).unwrap();
    let World { origin, ring, now, identity, .. } = world;
    let open = ExpectConfirmation::open(&request.challenge, origin, ring, *now).unwrap();
    let (answer, session) =
        open.confirm(&request.confirmation, identity, ring, *now, &mut rng()).unwrap();
    (answer, waiting, session)
}

fn refused(world: &World, change: impl FnOnce(&mut SessionAnswer)) -> ExchangeError {
    let (mut answer, waiting, _) = confirmed(world);
    change(&mut answer);
    waiting.receive(answer, &world.root, world.now).unwrap_err()
}

#[test]
fn both_sides_come_to_the_same_session() {
    let world = World::new();
    let (answer, waiting, session) = confirmed(&world);
    let own = waiting.receive(answer, &world.root, world.now).unwrap();
    assert_eq!(own.expires_at(), session.expires_at());
    assert_eq!(session.person(), &world.credential.id);
    let again =
        blackboard::Session::open(own.token(), &world.origin, &world.ring, world.now).unwrap();
    assert_eq!(again.id(), session.id());
}

#[test]
fn the_sentence_must_name_the_certificates_person() {
    let world = World::new();
    let other = support::student(&world.issuing, "1155999999", world.now);
    let (mut request, _) = student::request(&world.credential, &world.origin, &mut rng());
    request.certificate = other.chain.clone();
    let person = world.root.verify_person(&request.certificate.certificates(), world.now).unwrap();
    let World { origin, ring, now, .. } = &world;
    let error =
        blackboard::challenge(origin, &request, &person, ring, *now, &mut rng()).unwrap_err();
    assert!(matches!(error, ChallengeError::OtherPerson { .. }), "{error}");
}

#[test]
fn a_session_key_for_another_origin_does_not_decrypt() {
    let world = World::new();
    let (mut challenge, _) = challenged(&world);
    let elsewhere: Origin = "https://relay.example".parse().unwrap();
    let (_, waiting) = student::request(&world.credential, &elsewhere, &mut rng());
    assert!(matches!(waiting.receive(&challenge), Err(ExchangeError::OtherOrigin { .. })));
    // The relay changes the name in the answer as well.
    let (_, waiting) = student::request(&world.credential, &elsewhere, &mut rng());
    challenge.origin = elsewhere;
    assert!(matches!(waiting.receive(&challenge), Err(ExchangeError::NotForUs)));
}

#[test]
fn every_part_of_the_challenge_is_bound() {
    let world = World::new();
    type Change = fn(&mut Challenge);
    let changes: [(&str, Change); 3] = [
        ("nonce", |c| c.nonce = Bytes([0; 32])),
        ("enc", |c| c.enc.0[10] ^= 1),
        ("ciphertext", |c| c.ciphertext.0[0] ^= 1),
    ];
    for (name, change) in changes {
        let (mut challenge, waiting) = challenged(&world);
        change(&mut challenge);
        assert!(matches!(waiting.receive(&challenge), Err(ExchangeError::NotForUs)), "{name}");
    }
    let (mut challenge, waiting) = challenged(&world);
    challenge.scheme = "rsa-oaep".to_owned();
    assert!(matches!(waiting.receive(&challenge), Err(ExchangeError::UnknownScheme { .. })));
}

#[test]
fn a_challenge_cannot_be_answered_without_the_private_key() {
    let world = World::new();
    let (challenge, _) = challenged(&world);
    let World { origin, ring, now, identity, .. } = &world;
    let open = ExpectConfirmation::open(&challenge.challenge, origin, ring, *now).unwrap();
    let guess = open.confirm(&Bytes([0; 32]), identity, ring, *now, &mut rng());
    assert_eq!(guess.unwrap_err(), ConfirmationError::Wrong);
}

#[test]
fn a_challenge_lives_a_minute_and_a_session_eight_hours() {
    let world = World::new();
    let (challenge, _) = challenged(&world);
    let World { origin, ring, now, .. } = &world;
    let late = now.plus_seconds(60);
    let expired = ExpectConfirmation::open(&challenge.challenge, origin, ring, late).unwrap_err();
    assert!(matches!(expired, TokenError::Expired { .. }));
    assert!(
        ExpectConfirmation::open(&challenge.challenge, origin, ring, now.plus_seconds(59)).is_ok()
    );
    let (answer, _, _) = confirmed(&world);
    assert_eq!(answer.expires_at, now.plus_seconds(8 * 3_600));
    let open = |at| blackboard::Session::open(&answer.session, origin, ring, at);
    assert!(open(now.plus_seconds(8 * 3_600 - 1)).is_ok());
    assert!(matches!(open(now.plus_seconds(8 * 3_600)), Err(TokenError::Expired { .. })));
    assert!(matches!(
        blackboard::Session::open(&answer.session, origin, &Ring::default(), *now),
        Err(TokenError::UnknownKey(_))
    ));
}

#[test]
fn a_challenge_token_is_no_session_token() {
    let world = World::new();
    let (challenge, _) = challenged(&world);
    let World { origin, ring, now, .. } = &world;
    let confused = blackboard::Session::open(&challenge.challenge, origin, ring, *now);
    assert_eq!(confused.unwrap_err(), TokenError::Forged);
}

#[test]
fn every_part_of_the_confirmation_is_bound() {
    let world = World::new();
    let later = world.now.plus_seconds(1);
    assert!(matches!(refused(&world, |a| a.session.push('A')), ExchangeError::Confirmation));
    assert!(matches!(refused(&world, |a| a.server_time = later), ExchangeError::Confirmation));
    assert!(matches!(refused(&world, |a| a.expires_at = later), ExchangeError::Confirmation));
    assert!(matches!(
        refused(&world, |a| a.sid = "1155999999".parse().unwrap()),
        ExchangeError::Confirmation
    ));
    assert!(matches!(refused(&world, |a| a.confirmation.0[0] ^= 1), ExchangeError::Confirmation));
    assert!(matches!(refused(&world, |a| a.signature.push(0)), ExchangeError::Signature));
}

#[test]
fn only_the_blackboard_of_that_origin_will_do() {
    let world = World::new();
    let elsewhere = "https://other.example".parse().unwrap();
    let other = support::server(&world.issuing, &elsewhere, world.now).chain;
    assert!(matches!(refused(&world, |a| a.certificate = other), ExchangeError::Certificate(_)));
    let person = world.credential.chain.clone();
    assert!(matches!(refused(&world, |a| a.certificate = person), ExchangeError::Certificate(_)));
    let (_, foreign) = support::authority(world.now);
    let foreign = support::server(&foreign, &world.origin, world.now).chain;
    assert!(matches!(refused(&world, |a| a.certificate = foreign), ExchangeError::Certificate(_)));
    // A certificate for the right origin, shown by somebody who does not have its key.
    let twin = support::server(&world.issuing, &world.origin, world.now).chain;
    assert!(matches!(refused(&world, |a| a.certificate = twin), ExchangeError::Signature));
}

#[test]
fn the_answer_of_another_exchange_is_refused() {
    let mut world = World::new();
    let own = std::mem::replace(
        &mut world.credential,
        support::student(&world.issuing, "1155999999", world.now),
    );
    let (answer, _, _) = confirmed(&world);
    world.credential = own;
    let (_, waiting, _) = confirmed(&world);
    let error = waiting.receive(answer, &world.root, world.now).unwrap_err();
    assert!(matches!(error, ExchangeError::Confirmation), "{error}");
}

#[test]
fn requests_and_answers_are_bound_to_their_session() {
    let world = World::new();
    let (answer, waiting, session) = confirmed(&world);
    let own = waiting.receive(answer, &world.root, world.now).unwrap();
    let content = Content { media_type: "text/plain", bytes: b"hello" };
    let request = Outgoing { method: "POST", target: "/v1/messages", content: Some(content) };
    let (fields, expect) = own.sign(&request, world.now, &RequestNonce::random(&mut rng()));
    let parts = RequestParts {
        method: "POST",
        target: "/v1/messages",
        claim_session: own.token(),
        content_digest: fields.content_digest.as_deref(),
        content_type: Some("text/plain"),
        signature_input: &fields.signature_input,
        signature: &fields.signature,
    };
    let head = session.authenticate(&world.origin, &parts).unwrap();
    let answerer = head.answerer();
    let timely = head.timely(world.now.plus_seconds(300)).unwrap();
    let error = timely.content(b"hellO").unwrap_err();
    assert!(matches!(error, RequestError::Content { .. }));
    let fields = answerer.sign(400, None, world.now);
    let parts = AnswerParts {
        status: 400,
        content_digest: None,
        content_type: None,
        signature_input: &fields.signature_input,
        signature: &fields.signature,
    };
    expect.receive(&parts, b"").unwrap();
    assert!(expect.receive(&parts, b"added").is_err());
    assert!(expect.receive(&AnswerParts { status: 200, ..parts }, b"").is_err());
}

#[test]
fn five_minutes_either_way() {
    let world = World::new();
    for (skew, good) in [(-301, false), (-300, true), (300, true), (301, false)] {
        let (answer, waiting, session) = confirmed(&world);
        let own = waiting.receive(answer, &world.root, world.now).unwrap();
        let request = Outgoing { method: "GET", target: "/v1/x", content: None };
        let (fields, _) = own.sign(&request, world.now.plus_seconds(skew), &Bytes([0; 16]));
        let parts = RequestParts {
            method: "GET",
            target: "/v1/x",
            claim_session: own.token(),
            content_digest: None,
            content_type: None,
            signature_input: &fields.signature_input,
            signature: &fields.signature,
        };
        let head = session.authenticate(&world.origin, &parts).unwrap();
        assert_eq!(head.timely(world.now).is_ok(), good, "{skew} s");
    }
}
