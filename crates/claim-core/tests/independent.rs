//! What we make, others check: the `hpke` crate opens what Blackboard seals, and seals what a student opens.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

mod support;

use claim_core::encoding::{Bytes, from_base64};
use claim_core::messages::{SCHEME, Sentence};
use claim_core::student::{self, ExchangeError};
use claim_core::transcript::{Context, SessionSecret, Transcript};
use claim_core::{Digest, blackboard};
use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use httpsig::prelude::message_component::HttpMessageComponent;
use httpsig::prelude::{HttpSignatureBase, HttpSignatureHeaders, SharedKey};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::Value;
use support::World;

type Private = <DhP256HkdfSha256 as Kem>::PrivateKey;
type Public = <DhP256HkdfSha256 as Kem>::PublicKey;
type Encapsulated = <DhP256HkdfSha256 as Kem>::EncappedKey;

fn context(world: &World, student_nonce: &Bytes<32>, server_nonce: &Bytes<32>) -> Context {
    let sentence = Sentence::of(world.credential.id.clone());
    let leaf = Digest::of(world.credential.chain.leaf());
    Context::new(&world.origin, &sentence, &leaf, student_nonce, server_nonce)
}

#[test]
fn another_hpke_opens_what_blackboard_seals() {
    let world = World::new();
    let World { origin, ring, now, root, credential, .. } = &world;
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let (request, waiting) = student::request(credential, origin, &mut rng);
    let person = root.verify_person(&request.certificate.certificates(), *now).unwrap();
    let (challenge, fingerprint) =
        blackboard::challenge(origin, &request, &person, ring, *now, &mut rng).unwrap();
    let context = context(&world, &request.nonce, &challenge.nonce);
    let scalar = credential.key.private_scalar().unwrap();
    let session_key: [u8; 32] = hpke::single_shot_open::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
        &OpModeR::Base,
        &Private::from_bytes(scalar.as_ref()).unwrap(),
        &Encapsulated::from_bytes(&challenge.enc.0).unwrap(),
        context.as_bytes(),
        &challenge.ciphertext.0,
        b"",
    )
    .unwrap()
    .try_into()
    .unwrap();
    let transcript = Transcript::new(&context, SCHEME, &challenge.enc, &challenge.ciphertext);
    let secret = SessionSecret::extract(&transcript, &claim_core::Secret::new(session_key));
    assert_eq!(secret.fingerprint(), fingerprint);
    let (_, waiting) = waiting.receive(&challenge).unwrap();
    assert_eq!(waiting.key_fingerprint(), fingerprint);
}

#[test]
fn a_student_opens_what_another_hpke_seals() {
    let world = World::new();
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    for (info_is_right, opens) in [(true, true), (false, false)] {
        let (request, waiting) = student::request(&world.credential, &world.origin, &mut rng);
        let nonce = Bytes([9; 32]);
        let context =
            context(&world, &request.nonce, if info_is_right { &nonce } else { &request.nonce });
        let (enc, ciphertext) = hpke::single_shot_seal::<AesGcm128, HkdfSha256, DhP256HkdfSha256>(
            &OpModeS::Base,
            &Public::from_bytes(world.credential.key.public_key().point()).unwrap(),
            context.as_bytes(),
            &[7; 32],
            b"",
        )
        .unwrap();
        let challenge = claim_core::messages::Challenge {
            challenge: "token".to_owned(),
            origin: world.origin.clone(),
            nonce,
            scheme: SCHEME.to_owned(),
            enc: Bytes(enc.to_bytes().as_slice().try_into().unwrap()),
            ciphertext: Bytes(ciphertext.try_into().unwrap()),
            expires_at: world.now,
        };
        let received = waiting.receive(&challenge);
        assert_eq!(received.is_ok(), opens);
        if !opens {
            assert!(matches!(received, Err(ExchangeError::NotForUs)));
        }
    }
}

/// The `httpsig` crate computes the same signature bases and MACs as stand in `testdata/signatures.json`.
#[test]
fn another_rfc_9421_agrees_with_our_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/signatures.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let key = from_base64(vectors["key"].as_str().unwrap()).unwrap();
    let exchanges = vectors["exchanges"].as_array().unwrap();
    assert_eq!(exchanges.len(), 2);
    for message in exchanges.iter().flat_map(|exchange| [&exchange["request"], &exchange["answer"]])
    {
        let text = |member: &str| message[member].as_str().unwrap();
        let headers =
            HttpSignatureHeaders::try_parse(text("signature"), text("signature_input")).unwrap();
        let signature = &headers["claim"];
        let (lines, _) = text("base").rsplit_once('\n').unwrap();
        let components: Vec<HttpMessageComponent> =
            lines.split('\n').map(|line| line.try_into().unwrap()).collect();
        let base = HttpSignatureBase::try_new(&components, signature.signature_params()).unwrap();
        assert_eq!(String::from_utf8(base.as_bytes()).unwrap(), text("base"));
        let key = SharedKey::HmacSha256(key.clone());
        base.verify_signature_headers(&key, signature).unwrap();
        let wrong = SharedKey::HmacSha256(vec![0; 32]);
        assert!(base.verify_signature_headers(&wrong, signature).is_err());
    }
}
