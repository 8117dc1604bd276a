//! What each role computes, beside the primitives that it cannot avoid.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark panics to fail"
)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use claim_core::blackboard::{self, ExpectConfirmation};
use claim_core::encoding::Bytes;
use claim_core::signing::{Content, Outgoing, RequestParts};
use claim_core::student;
use claim_pki::SigningKey;
use criterion::{Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_128 as HPKE;
use rustls::crypto::hpke::{Hpke, HpkePublicKey};
use support::World;

fn primitives(c: &mut Criterion) {
    let mut group = c.benchmark_group("primitive");
    let key = SigningKey::generate().unwrap();
    let signature = key.sign(b"message").unwrap();
    let public = HpkePublicKey(key.public_key().point().to_vec());
    group.bench_function("ECDSA P-256 sign", |b| {
        b.iter(|| key.sign(black_box(b"message")).unwrap())
    });
    group.bench_function("ECDSA P-256 verify", |b| {
        b.iter(|| key.public_key().verify(black_box(b"message"), &signature).unwrap());
    });
    group.bench_function("HPKE seal", |b| {
        b.iter(|| HPKE.seal(black_box(b"info"), b"", &[0; 32], &public).unwrap());
    });
    group.finish();
}

fn blackboards_side(c: &mut Criterion) {
    let mut group = c.benchmark_group("blackboard");
    let world = World::new();
    let World { origin, ring, now, identity, root, credential, .. } = &world;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (request, _) = student::request(credential, origin, &mut rng);
    let chain = request.certificate.certificates();
    group.bench_function("step 3: verify the chain", |b| {
        b.iter(|| root.verify_person(black_box(&chain), *now).unwrap());
    });
    let person = root.verify_person(&chain, *now).unwrap();
    group.bench_function("step 4: challenge", |b| {
        b.iter(|| blackboard::challenge(origin, &request, &person, ring, *now, &mut rng).unwrap());
    });
    let (own, waiting) = student::request(credential, origin, &mut rng);
    let (challenge, _) =
        blackboard::challenge(origin, &own, &person, ring, *now, &mut rng).unwrap();
    let (confirmation, _) = waiting.receive(&challenge).unwrap();
    group.bench_function("step 5: confirm", |b| {
        b.iter(|| {
            ExpectConfirmation::open(&confirmation.challenge, origin, ring, *now)
                .unwrap()
                .confirm(&confirmation.confirmation, identity, ring, *now, &mut rng)
                .unwrap()
        });
    });
    group.finish();
}

fn students_side(c: &mut Criterion) {
    let mut group = c.benchmark_group("student");
    let world = World::new();
    let World { origin, ring, now, identity, root, credential, .. } = &world;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    group.bench_function("steps 3 to 5, both sides", |b| {
        b.iter(|| {
            let (request, waiting) = student::request(credential, origin, &mut rng);
            let person = root.verify_person(&request.certificate.certificates(), *now).unwrap();
            let (challenge, _) =
                blackboard::challenge(origin, &request, &person, ring, *now, &mut rng).unwrap();
            let (request, waiting) = waiting.receive(&challenge).unwrap();
            let (answer, _) = ExpectConfirmation::open(&request.challenge, origin, ring, *now)
                .unwrap()
                .confirm(&request.confirmation, identity, ring, *now, &mut rng)
                .unwrap();
            waiting.receive(answer, root, *now).unwrap()
        });
    });
    group.finish();
}

fn step_six(c: &mut Criterion) {
    let mut group = c.benchmark_group("step 6");
    let world = World::new();
    let World { origin, ring, now, identity, root, credential, .. } = &world;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let (request, waiting) = student::request(credential, origin, &mut rng);
    let person = root.verify_person(&request.certificate.certificates(), *now).unwrap();
    let (challenge, _) =
        blackboard::challenge(origin, &request, &person, ring, *now, &mut rng).unwrap();
    let (request, waiting) = waiting.receive(&challenge).unwrap();
    let open = ExpectConfirmation::open(&request.challenge, origin, ring, *now).unwrap();
    let (answer, _) = open.confirm(&request.confirmation, identity, ring, *now, &mut rng).unwrap();
    let session = waiting.receive(answer, root, *now).unwrap();
    let content = Content { media_type: "text/plain", bytes: b"hello" };
    let outgoing = Outgoing { method: "POST", target: "/v1/messages", content: Some(content) };
    group.bench_function("student: sign a request", |b| {
        b.iter(|| session.sign(black_box(&outgoing), *now, &Bytes([0; 16])).0);
    });
    let (fields, _) = session.sign(&outgoing, *now, &Bytes([0; 16]));
    let parts = RequestParts {
        method: "POST",
        target: "/v1/messages",
        claim_session: session.token(),
        content_digest: fields.content_digest.as_deref(),
        content_type: Some("text/plain"),
        signature_input: &fields.signature_input,
        signature: &fields.signature,
    };
    group.bench_function("blackboard: open the token, authenticate, sign the answer", |b| {
        b.iter(|| {
            let session = blackboard::Session::open(session.token(), origin, ring, *now).unwrap();
            let head = session.authenticate(origin, black_box(&parts)).unwrap();
            let answerer = head.answerer();
            head.timely(*now).unwrap().content(b"hello").unwrap();
            answerer.sign(201, Some(content), *now)
        });
    });
    group.finish();
}

criterion_group!(benches, primitives, blackboards_side, students_side, step_six);
criterion_main!(benches);
