//! Who signed a checkpoint, and when.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use super::*;
use crate::checkpoint::{LogSigner, WitnessSigner};
use crate::leaf_hash;
use crate::note::{KeyError, KeyKind, SigningKey};

fn log(origin: &str) -> LogSigner {
    LogSigner::new(origin.parse().unwrap(), SigningKey::generate().unwrap())
}

fn witness(name: &str) -> WitnessSigner {
    WitnessSigner::new(name.parse().unwrap(), SigningKey::generate().unwrap())
}

fn head() -> TreeHead {
    TreeHead { size: 7_u64.try_into().unwrap(), root: leaf_hash(b"root") }
}

fn time(seconds: u64) -> PosixTime {
    seconds.try_into().unwrap()
}

#[test]
fn signed_by_the_log_and_cosigned_by_witnesses() {
    let (log, one, other) = (log("b.example/log"), witness("CUHK"), witness("other"));
    let signed = log.sign(head()).unwrap();
    let logged = signed.log_signed(&log.key()).unwrap();
    assert_eq!(logged.head(), head());
    assert_eq!(logged.checkpoint().origin(), "b.example/log");
    assert_eq!(signed.cosigned(&[one.key()]), Ok(vec![]));

    let signed = signed
        .with_signature(one.cosign(&logged, time(1_700_000_000)).unwrap())
        .unwrap()
        .with_signature(other.cosign(&logged, time(1_700_000_009)).unwrap())
        .unwrap();
    let signed = SignedCheckpoint::from_bytes(&signed.to_bytes()).unwrap();
    assert!(signed.log_signed(&log.key()).is_ok(), "unknown signatures do no harm");
    let cosigned = signed.cosigned(&[other.key(), one.key()]).unwrap();
    let told: Vec<_> =
        cosigned.iter().map(|one| (one.witness().clone(), one.time().seconds())).collect();
    assert_eq!(told, [(one.key(), 1_700_000_000), (other.key(), 1_700_000_009)]);
    assert_eq!(cosigned[0].checkpoint(), logged.checkpoint());
    assert_eq!(signed.cosigned(&[other.key()]).unwrap().len(), 1);
}

#[test]
fn another_time_is_another_statement() {
    let (log, witness) = (log("b.example/log"), witness("CUHK"));
    let signed = log.sign(head()).unwrap();
    let cosignature = witness.cosign(&signed.log_signed(&log.key()).unwrap(), time(99)).unwrap();
    for place in 0..8 {
        let mut octets = cosignature.octets().to_vec();
        octets[place] ^= 1;
        let other = NoteSignature::new(cosignature.name().clone(), cosignature.id(), octets);
        let signed = signed.clone().with_signature(other).unwrap();
        let error = signed.cosigned(&[witness.key()]).unwrap_err();
        assert!(matches!(error, VerifyError::BadSignature { .. }), "{place}");
    }
}

#[test]
fn the_other_logs_checkpoint() {
    let (one, other) = (log("one.example/log"), log("other.example/log"));
    let impostor = log("one.example/log");
    let signed = other.sign(head()).unwrap();
    let error = signed.log_signed(&one.key()).unwrap_err();
    assert!(matches!(error, CheckpointError::Origin { .. }), "{error}");
    let error = impostor.sign(head()).unwrap().log_signed(&one.key()).unwrap_err();
    assert_eq!(error, CheckpointError::Signature(VerifyError::NoKnownKey));
}

/// The same Ed25519 key as log and as witness: its signatures of the one kind are none of the other.
#[test]
fn kinds_of_keys_are_not_mixed_up() {
    let der = SigningKey::generate().unwrap().to_pkcs8_der().unwrap();
    let key = || SigningKey::from_pkcs8_der(der.as_bytes()).unwrap();
    let log = LogSigner::new("same".parse().unwrap(), key());
    let witness = WitnessSigner::new("same".parse().unwrap(), key());
    let signed = log.sign(head()).unwrap();
    assert_eq!(signed.cosigned(&[witness.key()]), Ok(vec![]));
    let cosignature = witness.cosign(&signed.log_signed(&log.key()).unwrap(), time(9)).unwrap();
    let only = Note::new(signed.note.text()).unwrap().with_signature(cosignature).unwrap();
    let only = SignedCheckpoint { note: only, checkpoint: signed.checkpoint.clone() };
    let error = only.log_signed(&log.key()).unwrap_err();
    assert_eq!(error, CheckpointError::Signature(VerifyError::NoKnownKey));

    let text = log.key().to_string();
    let expected = KeyKind::Cosignature;
    assert_eq!(text.parse::<WitnessKey>(), Err(KeyError::OtherKind { expected }));
    assert_eq!(text.parse(), Ok(log.key()));
    let expected = KeyKind::Ed25519;
    let text = witness.key().to_string();
    assert_eq!(text.parse::<LogKey>(), Err(KeyError::OtherKind { expected }));
    assert_eq!(text.parse(), Ok(witness.key()));
}
