//! Agreement with independent implementations: the crates `tlog_tiles` and `signed_note`.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use claim_log::note::{Note, SigningKey};
use claim_log::{
    ConsistencyProof, Edge, Entry, Hash, InclusionProof, LogSigner, Object, Resource,
    SignedCheckpoint, TileSet, TreeHead, leaf_hash,
};
use signed_note::{Signer, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{Checkpoint, Hash as TheirHash, HashReader, Tile as TheirTile};

/// All hashes of their tree.
#[derive(Default)]
struct TheirTree(Vec<TheirHash>);

impl HashReader for TheirTree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<TheirHash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

fn ours(hash: TheirHash) -> Hash {
    Hash::from_bytes(hash.0)
}

fn theirs(hashes: &[Hash]) -> Vec<TheirHash> {
    hashes.iter().map(|hash| TheirHash(*hash.as_bytes())).collect()
}

/// A log in both implementations, and our tiles of it.
fn both(size: u64) -> (TheirTree, Vec<TreeHead>, TileSet) {
    let mut their_tree = TheirTree::default();
    let mut edge = Edge::empty();
    let mut heads = vec![edge.head()];
    let mut tiles = TileSet::default();
    for number in 0..size {
        let hashes = tlog_tiles::stored_hashes(number, &entry(number), &their_tree).unwrap();
        their_tree.0.extend(hashes);
        let plan = edge.plan(&[Entry::new(entry(number)).unwrap()]).unwrap();
        for Object { resource, octets } in plan.objects() {
            if let Resource::Tile(tile) = resource {
                tiles.insert(*tile, octets).unwrap();
            }
        }
        edge = plan.into_parts().1;
        heads.push(edge.head());
    }
    (their_tree, heads, tiles)
}

#[test]
fn roots_and_proofs() {
    let (their_tree, heads, tiles) = both(530);
    for (new, head) in (0..).zip(&heads).skip(1) {
        let root = tlog_tiles::tree_hash(new, &their_tree).unwrap();
        assert_eq!(ours(root), head.root);
        for place in [0, new / 2, new - 1] {
            let index = place.try_into().unwrap();
            let proof = InclusionProof::from_tiles(index, head.size, &tiles).unwrap();
            let their_proof = tlog_tiles::prove_record(new, place, &their_tree).unwrap();
            assert_eq!(theirs(proof.hashes()), their_proof);
            let leaf = tlog_tiles::record_hash(&entry(place));
            assert_eq!(ours(leaf), leaf_hash(&entry(place)));
            tlog_tiles::check_record(&theirs(proof.hashes()), new, root, place, leaf).unwrap();
        }
        for old in [1, new / 2, new - 1, new].into_iter().filter(|old| *old > 0) {
            let older = heads[usize::try_from(old).unwrap()];
            let proof = ConsistencyProof::from_tiles(older.size, head.size, &tiles).unwrap();
            assert_eq!(
                theirs(proof.hashes()),
                tlog_tiles::prove_tree(new, old, &their_tree).unwrap(),
                "{old} to {new}"
            );
            let old_root = TheirHash(*older.root.as_bytes());
            tlog_tiles::check_tree(&theirs(proof.hashes()), new, root, old, old_root).unwrap();
        }
    }
}

#[test]
fn tiles() {
    let (their_tree, _, _) = both(1400);
    let mut edge = Edge::empty();
    for step in [1_u64, 254, 1, 1, 300, 0, 800, 43] {
        let old = edge.head().size.value();
        let new = old + step;
        let entries: Vec<_> = (old..new).map(|number| Entry::new(entry(number)).unwrap()).collect();
        let plan = edge.plan(&entries).unwrap();
        let mut written: Vec<_> = plan
            .objects()
            .iter()
            .filter_map(|object| match object.resource {
                Resource::Tile(tile) => Some((
                    (tile.level(), tile.index(), u32::from(tile.width())),
                    object.octets.clone(),
                )),
                _ => None,
            })
            .collect();
        written.sort_unstable();
        let mut expected: Vec<_> = TheirTile::new_tiles(8, old, new)
            .into_iter()
            .map(|tile| {
                let octets = tile.read_data(&their_tree).unwrap();
                ((tile.level(), tile.level_index(), tile.width()), octets)
            })
            .collect();
        expected.sort_unstable();
        assert_eq!(written, expected, "{old} to {new}");
        edge = plan.into_parts().1;
    }
}

/// Our key in their format, `PRIVATE+KEY+<name>+<id>+<base64 of type and seed>`.
fn their_signer(name: &str, log: &LogSigner, der: &[u8]) -> StandardSigner {
    let key = log.key().to_string();
    let id = key.split('+').nth(1).unwrap().to_owned();
    // PKCS#8 version 1 ends with the 32 octets of the seed (RFC 8410 §7).
    let seed = [&[1], &der[der.len() - 32..]].concat();
    StandardSigner::new(&format!("PRIVATE+KEY+{name}+{id}+{}", STANDARD.encode(seed))).unwrap()
}

#[test]
fn checkpoints_and_notes() {
    let name = "blackboard.example:3141/log";
    let key = SigningKey::generate().unwrap();
    let der = key.to_pkcs8_der().unwrap().as_bytes().to_vec();
    let log = LogSigner::new(name.parse().unwrap(), key);
    let verifier = StandardVerifier::new(&log.key().to_string()).unwrap();
    let verifiers = VerifierList::new(vec![Box::new(verifier)]);

    let head = TreeHead { size: 20_852_163_u64.try_into().unwrap(), root: leaf_hash(b"root") };
    let signed = log.sign(head).unwrap();

    // They verify and read ours.
    let their_note = signed_note::Note::from_bytes(&signed.to_bytes()).unwrap();
    let (verified, unverified) = their_note.verify(&verifiers).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let checkpoint = Checkpoint::from_bytes(their_note.text()).unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size()), (name, 20_852_163));
    assert_eq!(ours(*checkpoint.hash()), head.root);

    // We verify and read theirs; Ed25519 is deterministic, so it is the same.
    let theirs = Checkpoint::new(name, 20_852_163, *checkpoint.hash(), "").unwrap();
    let mut note = signed_note::Note::new(&theirs.to_bytes(), &[]).unwrap();
    let signer = their_signer(name, &log, &der);
    assert_eq!(signer.name(), name);
    note.add_sigs(&[&signer]).unwrap();
    assert_eq!(note.to_bytes(), signed.to_bytes());
    let read = SignedCheckpoint::from_bytes(&note.to_bytes()).unwrap();
    assert_eq!(read.log_signed(&log.key()).unwrap().head(), head);
}

#[test]
fn what_is_no_note_is_none_for_both() {
    let line = "\u{2014} k AAAAAAA=\n";
    for (text, good) in [
        (format!("text\n\n{line}"), true),
        (format!("text\n\nmore\n\n{line}{line}"), true),
        (format!("\n\n\n{line}"), true),
        (format!("text\n{line}"), false),
        (format!("text\r\n\n{line}"), false),
        (format!("text\n\n{line}\n"), false),
        (format!("text\n\n{}", line.trim_end()), false),
        (format!("text\n\n{}", line.replace(" k", " +")), false),
        (format!("text\n\n{}", line.replace('=', "")), false),
    ] {
        assert_eq!(Note::from_bytes(text.as_bytes()).is_ok(), good, "{text:?}");
        assert_eq!(signed_note::Note::from_bytes(text.as_bytes()).is_ok(), good, "{text:?}");
    }
}
