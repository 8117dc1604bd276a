//! Proofs: what they prove, and every way in which they do not.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use super::*;
use crate::checkpoint::{LogSigner, WitnessSigner};
use crate::note::SigningKey;
use crate::{Edge, Entry, Resource, TileSet};

const ENTRY: &[u8] = b"claim v1 received\n2\n";

struct Fixture {
    log: LogSigner,
    witness: WitnessSigner,
    proof: LogProof,
}

/// The third of five entries, cosigned.
fn fixture() -> Fixture {
    let entries: Vec<_> = (0..5)
        .map(|number| Entry::new(format!("claim v1 received\n{number}\n")).unwrap())
        .collect();
    let plan = Edge::empty().plan(&entries).unwrap();
    let mut tiles = TileSet::default();
    for object in plan.objects() {
        if let Resource::Tile(tile) = object.resource {
            tiles.insert(tile, &object.octets).unwrap();
        }
    }
    let log = LogSigner::new("b.example/log".parse().unwrap(), SigningKey::generate().unwrap());
    let witness = WitnessSigner::new("CUHK".parse().unwrap(), SigningKey::generate().unwrap());
    let signed = log.sign(plan.head()).unwrap();
    let logged = signed.log_signed(&log.key()).unwrap();
    let cosignature = witness.cosign(&logged, 1_700_000_000.try_into().unwrap()).unwrap();
    let index = LeafIndex::try_from(2_u64).unwrap();
    let inclusion = InclusionProof::from_tiles(index, plan.head().size, &tiles).unwrap();
    let proof = LogProof::new(index, inclusion, signed.with_signature(cosignature).unwrap());
    Fixture { log, witness, proof }
}

#[test]
fn a_proof_proves_entry_place_and_time() {
    let Fixture { log, witness, proof } = fixture();
    let octets = proof.to_bytes();
    let text = String::from_utf8(octets.clone()).unwrap();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 2\n"), "{text}");
    let again = LogProof::from_bytes(&octets).unwrap();
    assert_eq!(again, proof);
    let logged = again.verify(ENTRY, &log.key(), &[witness.key()]).unwrap();
    assert_eq!(logged.index().value(), 2);
    assert_eq!(logged.cosigned()[0].time().seconds(), 1_700_000_000);
    assert_eq!(logged.checkpoint().head().size.value(), 5);
    let unwitnessed = again.verify(ENTRY, &log.key(), &[]).unwrap();
    assert!(unwitnessed.cosigned().is_empty());
}

#[test]
fn what_does_not_prove_it() {
    let Fixture { log, witness, proof } = fixture();
    let key = log.key();
    let witnesses = [witness.key()];
    let error = proof.verify(b"claim v1 received\n3\n", &key, &witnesses).unwrap_err();
    assert!(matches!(error, ProofError::Inclusion(InclusionError::Root { .. })), "{error}");
    for index in [0_u64, 1, 3, 4, 5, 1 << 62] {
        let other = LogProof { index: index.try_into().unwrap(), ..proof.clone() };
        let error = other.verify(ENTRY, &key, &witnesses).unwrap_err();
        assert!(matches!(error, ProofError::Inclusion(_)), "{index}: {error}");
    }
    let stranger = fixture();
    let error = proof.verify(ENTRY, &stranger.log.key(), &witnesses).unwrap_err();
    assert!(matches!(error, ProofError::Checkpoint(_)), "{error}");
    let mixed = LogProof { checkpoint: stranger.proof.checkpoint, ..proof.clone() };
    let error = mixed.verify(ENTRY, &key, &witnesses).unwrap_err();
    assert!(matches!(error, ProofError::Checkpoint(_)), "{error}");
}

#[test]
fn a_known_witness_must_have_signed_what_names_it() {
    let Fixture { log, witness, proof } = fixture();
    let other = LogSigner::new(log.key().name().clone(), SigningKey::generate().unwrap());
    let head =
        crate::TreeHead { root: leaf_hash(b"other"), ..proof.checkpoint().unverified().head() };
    let elsewhere = other.sign(head).unwrap().log_signed(&other.key()).unwrap();
    let cosignature = witness.cosign(&elsewhere, 9.try_into().unwrap()).unwrap();
    let checkpoint = proof.checkpoint.clone().with_signature(cosignature).unwrap();
    let error =
        LogProof { checkpoint, ..proof }.verify(ENTRY, &log.key(), &[witness.key()]).unwrap_err();
    assert!(matches!(error, ProofError::Cosignature(VerifyError::BadSignature { .. })), "{error}");
}

#[test]
fn the_log_is_no_witness() {
    let Fixture { log, proof, .. } = fixture();
    let posing = WitnessKey::new("honest".parse().unwrap(), *log.key().public());
    let error = proof.verify(ENTRY, &log.key(), std::slice::from_ref(&posing)).unwrap_err();
    assert_eq!(error, ProofError::WitnessIsLog { witness: Box::new(posing) });
}

#[test]
fn extra_data_is_kept() {
    let Fixture { log, proof, .. } = fixture();
    let proof = LogProof { extra: Some(b"age".to_vec()), ..proof };
    let octets = proof.to_bytes();
    assert!(octets.starts_with(b"c2sp.org/tlog-proof@v1\nextra YWdl\nindex 2\n"));
    let again = LogProof::from_bytes(&octets).unwrap();
    assert_eq!(again.extra(), Some(b"age".as_slice()));
    assert!(again.verify(ENTRY, &log.key(), &[]).is_ok());
}

#[test]
fn what_is_not_a_proof() {
    let proof = String::from_utf8(fixture().proof.to_bytes()).unwrap();
    let hash = Hash::EMPTY_TREE.to_string();
    let replaced = |from: &str, to: &str| {
        let other = proof.replacen(from, to, 1);
        assert_ne!(other, proof, "{from:?} occurs");
        other
    };
    let rows = [
        (String::new(), ProofFormatError::NoCheckpoint),
        (proof.replace("\n\n", "\n"), ProofFormatError::NoCheckpoint),
        ("\n\n".to_owned(), ProofFormatError::Header),
        (replaced("@v1", "@v2"), ProofFormatError::Header),
        (format!("\u{feff}{proof}"), ProofFormatError::Header),
        (format!(" {proof}"), ProofFormatError::Header),
        (proof.replacen('\n', "\r\n", 1), ProofFormatError::Header),
        (replaced("index 2", "index 02"), ProofFormatError::Index),
        (replaced("index 2", "index +2"), ProofFormatError::Index),
        (replaced("index 2", "index -2"), ProofFormatError::Index),
        (replaced("index 2", "index 9223372036854775807"), ProofFormatError::Index),
        (replaced("index 2", &format!("index {}", "9".repeat(9999))), ProofFormatError::Index),
        (replaced("index 2", "index 2\r"), ProofFormatError::Index),
        (replaced("index 2", "Index 2"), ProofFormatError::Index),
        (replaced("index 2\n", ""), ProofFormatError::Index),
        (replaced("index 2\n", "index 2\nindex 2\n"), ProofFormatError::Hash { line: 3 }),
        (replaced("index 2\n", "extra \nindex 2\n"), ProofFormatError::Extra),
        (replaced("index 2\n", "extra YWd\nindex 2\n"), ProofFormatError::Extra),
        (replaced("index 2\n", "extraYWdl\nindex 2\n"), ProofFormatError::Extra),
        (replaced("index 2\n", "extra YWdl\nextra YWdl\nindex 2\n"), ProofFormatError::Index),
        (
            replaced("index 2\n", &format!("extra {}\nindex 2\n", "AAAA".repeat(21_846))),
            ProofFormatError::Extra,
        ),
        (replaced("=\n", "\n"), ProofFormatError::Hash { line: 3 }),
        (
            replaced("\n\n", &format!("\n{}\n", format!("{hash}\n").repeat(64))),
            ProofFormatError::TooManyHashes,
        ),
        (
            format!("{proof}{}", "a".repeat(MAX_PROOF_LENGTH)),
            ProofFormatError::TooLong { octets: proof.len() + MAX_PROOF_LENGTH },
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(LogProof::from_bytes(text.as_bytes()), Err(expected), "{text:.120}");
    }
    for text in [format!("{proof}\n"), proof.trim_end().to_owned(), replaced("\n\n", "\n\n\n")] {
        let error = LogProof::from_bytes(text.as_bytes()).unwrap_err();
        assert!(matches!(error, ProofFormatError::Checkpoint(_)), "{error}");
    }
    let mut octets = proof.into_bytes();
    octets[24] = 0xff;
    assert_eq!(LogProof::from_bytes(&octets), Err(ProofFormatError::NoCheckpoint));
}
