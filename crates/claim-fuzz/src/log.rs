//! The log's formats, each of which has one form.

use claim_log::note::{KeyName, Note, SigningKey, VerifierKey};
use claim_log::witness::AddCheckpoint;
use claim_log::{
    Bundle, ConsistencyProof, Entry, Frontier, InclusionProof, LeafIndex, LogProof, LogSigner,
    Resource, SignedCheckpoint, TreeSize, leaf_hash,
};

use crate::{Outcome, outcome};

/// What is accepted is written as it came.
pub(crate) fn note(data: &[u8]) -> Outcome {
    let read = Note::from_bytes(data);
    if let Ok(note) = &read {
        assert_eq!(note.to_bytes(), data);
    }
    outcome(&read)
}

pub(crate) fn checkpoint(data: &[u8]) -> Outcome {
    let read = SignedCheckpoint::from_bytes(data);
    if let Ok(checkpoint) = &read {
        assert_eq!(checkpoint.to_bytes(), data);
        assert!(Note::from_bytes(data).is_ok(), "a checkpoint is a note");
    }
    outcome(&read)
}

pub(crate) fn checkpoints() -> Vec<Vec<u8>> {
    vec![signed().to_bytes()]
}

/// A checkpoint of three entries by a key made for it.
fn signed() -> SignedCheckpoint {
    let mut log = Frontier::default();
    (0..3).for_each(|octet| log.append(leaf_hash(&[octet])).unwrap());
    let name: KeyName = "localhost:3141/log".parse().unwrap();
    LogSigner::new(name, SigningKey::generate().unwrap()).sign(log.head()).unwrap()
}

pub(crate) fn proof(data: &[u8]) -> Outcome {
    let read = LogProof::from_bytes(data);
    if let Ok(proof) = &read {
        assert_eq!(proof.to_bytes(), data);
    }
    outcome(&read)
}

pub(crate) fn proofs() -> Vec<Vec<u8>> {
    let hashes = InclusionProof::new(vec![leaf_hash(b"a"), leaf_hash(b"b")]).unwrap();
    let index: LeafIndex = "1".parse().unwrap();
    vec![LogProof::new(index, hashes, signed()).to_bytes()]
}

pub(crate) fn add_checkpoint(data: &[u8]) -> Outcome {
    let read = AddCheckpoint::from_bytes(data);
    if let Ok(request) = &read {
        assert_eq!(request.to_bytes(), data);
    }
    outcome(&read)
}

pub(crate) fn add_checkpoints() -> Vec<Vec<u8>> {
    let proof = ConsistencyProof::new(vec![leaf_hash(b"a")]).unwrap();
    let old: TreeSize = "2".parse().unwrap();
    vec![AddCheckpoint::new(old, proof, signed()).to_bytes()]
}

/// The first octet says how many entries there should be.
pub(crate) fn bundle(data: &[u8]) -> Outcome {
    let Some((count, octets)) = data.split_first() else { return Outcome::Refused };
    let bundle = Bundle::new(0, u16::from(*count) + 1).unwrap();
    let read = bundle.decode(octets);
    if let Ok(entries) = &read {
        assert_eq!(entries.len(), usize::from(bundle.width()));
        assert_eq!(Bundle::encode(entries), octets);
    }
    outcome(&read)
}

pub(crate) fn bundles() -> Vec<Vec<u8>> {
    let entries = [b"one".as_slice(), b""].map(|entry| Entry::new(entry).unwrap());
    vec![[&[1], Bundle::encode(&entries).as_slice()].concat()]
}

/// Each resource has one path, each key and number one text.
pub(crate) fn path(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let (resource, key) = (text.parse::<Resource>(), text.parse::<VerifierKey>());
    let (name, size) = (text.parse::<KeyName>(), text.parse::<TreeSize>());
    let written = [
        resource.as_ref().ok().map(ToString::to_string),
        key.as_ref().ok().map(ToString::to_string),
        name.as_ref().ok().map(ToString::to_string),
        size.as_ref().ok().map(ToString::to_string),
    ];
    let mut accepted = written.iter().flatten().peekable();
    let outcome = if accepted.peek().is_some() { Outcome::Accepted } else { Outcome::Refused };
    assert!(accepted.all(|written| written == text));
    outcome
}

pub(crate) fn paths() -> Vec<Vec<u8>> {
    ["checkpoint", "tile/0/x001/067.p/12", "tile/entries/000", "12", "localhost:3141/log"]
        .map(|path| path.as_bytes().to_vec())
        .to_vec()
}
