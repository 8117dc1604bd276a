//! What holds for logs of every size.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::BTreeMap;

use claim_log::{
    ConsistencyProof, Edge, Entry, Frontier, Hash, InclusionProof, LeafIndex, LogProof, LogSigner,
    Object, Resource, Tile, TileSet, TreeHead, TreeSize, leaf_hash, node_hash,
};
use proptest::prelude::*;

fn size(number: u64) -> TreeSize {
    number.try_into().unwrap()
}

fn index(number: u64) -> LeafIndex {
    number.try_into().unwrap()
}

fn entry(number: u64) -> Entry {
    Entry::new(format!("entry {number}")).unwrap()
}

fn entries(range: std::ops::Range<u64>) -> Vec<Entry> {
    range.map(entry).collect()
}

/// A log with all files of every size up to the last, and the head of each.
fn grown_one_by_one(last: u64) -> (BTreeMap<Resource, Vec<u8>>, Vec<TreeHead>) {
    let mut files = BTreeMap::new();
    let mut edge = Edge::empty();
    let mut heads = vec![edge.head()];
    for number in 0..last {
        let (objects, next) = edge.plan(&[entry(number)]).unwrap().into_parts();
        for Object { resource, octets } in objects {
            assert_eq!(files.insert(resource, octets), None, "a file is written once");
        }
        edge = next;
        heads.push(edge.head());
    }
    (files, heads)
}

/// Exactly these tiles, as they were published.
fn fetched(files: &BTreeMap<Resource, Vec<u8>>, tiles: Vec<Tile>) -> TileSet {
    let mut set = TileSet::default();
    for tile in tiles {
        set.insert(tile, &files[&Resource::Tile(tile)]).unwrap();
    }
    set
}

/// Places worth looking at in a log of this size: all of a small one, else the ends, those around tiles, and others.
fn places(size: u64) -> Vec<u64> {
    if size <= 40 {
        return (0..size).collect();
    }
    let mut places =
        vec![0, 1, size / 3, size / 2, size - 2, size - 1, 254, 255, 256, 257, 511, 512];
    places.retain(|place| *place < size);
    places
}

#[test]
fn every_proof_of_every_size_verifies_and_proves_nothing_else() {
    let (files, heads) = grown_one_by_one(600);
    for new in 0..=600_u64 {
        let head = heads[usize::try_from(new).unwrap()];
        for place in places(new) {
            let tiles = fetched(&files, InclusionProof::tiles(index(place), head.size).unwrap());
            let proof = InclusionProof::from_tiles(index(place), head.size, &tiles).unwrap();
            let leaf = entry(place).leaf_hash();
            proof.verify(index(place), &leaf, &head).unwrap();
            assert!(proof.verify(index(place), &entry(new).leaf_hash(), &head).is_err());
            if place > 0 {
                assert!(proof.verify(index(place - 1), &leaf, &head).is_err());
            }
            assert!(proof.verify(index(place + 1), &leaf, &head).is_err());
            altered(proof.hashes(), |hashes| {
                let other = InclusionProof::new(hashes).unwrap();
                assert!(other.verify(index(place), &leaf, &head).is_err(), "{place} in {new}");
            });
        }
        for old in places(new).into_iter().chain([new]) {
            let older = heads[usize::try_from(old).unwrap()];
            let tiles = fetched(&files, ConsistencyProof::tiles(older.size, head.size).unwrap());
            let proof = ConsistencyProof::from_tiles(older.size, head.size, &tiles).unwrap();
            proof.verify(&older, &head).unwrap();
            let forged = TreeHead { root: leaf_hash(b"forged"), ..older };
            assert!(proof.verify(&forged, &head).is_err());
            let forged = TreeHead { root: leaf_hash(b"forged"), ..head };
            if old > 0 {
                assert!(proof.verify(&older, &forged).is_err());
                altered(proof.hashes(), |hashes| {
                    let other = ConsistencyProof::new(hashes).unwrap();
                    assert!(other.verify(&older, &head).is_err(), "{old} to {new}");
                });
            }
        }
    }
}

/// Calls with the hashes of a proof after each single change: one altered, one left out, one added.
fn altered(hashes: &[Hash], check: impl Fn(Vec<Hash>)) {
    for place in 0..hashes.len() {
        let mut other = hashes.to_vec();
        let mut octets = *other[place].as_bytes();
        octets[place % 32] ^= 1;
        other[place] = Hash::from_bytes(octets);
        check(other);
    }
    if let Some((last, shorter)) = hashes.split_last() {
        check(shorter.to_vec());
        check([hashes, &[*last]].concat());
    }
    check([hashes, &[Hash::EMPTY_TREE]].concat());
}

#[test]
fn every_file_of_every_size_is_what_the_specification_says() {
    let (files, heads) = grown_one_by_one(600);
    for (resource, octets) in &files {
        match resource {
            Resource::Entries(bundle) => {
                let read = bundle.decode(octets).unwrap();
                let first = bundle.index() * 256;
                assert_eq!(read, entries(first..first + u64::from(bundle.width())));
            }
            Resource::Tile(tile) if tile.level() == 0 => {
                let first = tile.index() * 256;
                let expected: Vec<_> = entries(first..first + u64::from(tile.width()))
                    .iter()
                    .map(Entry::leaf_hash)
                    .collect();
                assert_eq!(tile.decode(octets).unwrap(), expected);
            }
            // MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])
            Resource::Tile(tile) => {
                assert_eq!((tile.level(), tile.index()), (1, 0));
                for (place, hash) in (0..).zip(tile.decode(octets).unwrap()) {
                    let mut tree = Frontier::empty();
                    for entry in entries(place * 256..(place + 1) * 256) {
                        tree.append(entry.leaf_hash()).unwrap();
                    }
                    assert_eq!(hash, tree.root());
                }
            }
            Resource::Checkpoint => unreachable!("no plan writes checkpoints"),
        }
    }
    let mut tree = Frontier::empty();
    for (number, head) in (0..).zip(heads) {
        assert_eq!(head, tree.head());
        tree.append(entry(number).leaf_hash()).unwrap();
    }
}

/// A tree of equal entries: its hashes depend on sizes alone, so it can be as large as one likes.
struct Uniform {
    /// The roots of the complete trees of 2^n entries.
    complete: Vec<Hash>,
}

impl Uniform {
    fn new() -> Self {
        let mut complete = vec![leaf_hash(b"same")];
        for level in 0..63 {
            let below: Hash = complete[level];
            complete.push(node_hash(&below, &below));
        }
        Self { complete }
    }

    /// RFC 9162 §2.1.1.
    fn root(&self, entries: u64) -> Hash {
        if entries == 0 {
            return Hash::EMPTY_TREE;
        }
        if entries.is_power_of_two() {
            return self.complete[entries.trailing_zeros() as usize];
        }
        let left = 1 << entries.ilog2();
        node_hash(&self.root(left), &self.root(entries - left))
    }

    fn head(&self, entries: u64) -> TreeHead {
        TreeHead { size: size(entries), root: self.root(entries) }
    }

    fn tiles(&self, tiles: Vec<Tile>) -> TileSet {
        let mut set = TileSet::default();
        for tile in tiles {
            let hash = self.complete[usize::from(tile.level()) * 8];
            set.insert(tile, &hash.as_bytes().repeat(usize::from(tile.width()))).unwrap();
        }
        set
    }
}

/// Numbers of every magnitude below 2^63.
fn any_size() -> impl Strategy<Value = u64> {
    (0..63_u32, any::<u64>()).prop_map(|(bits, number)| (1 << bits) | (number & ((1 << bits) - 1)))
}

proptest! {
    #[test]
    fn proofs_in_trees_of_any_size(entries in any_size(), place in any::<u64>()) {
        let uniform = Uniform::new();
        let head = uniform.head(entries);
        let place = index(place % entries);
        let tiles = uniform.tiles(InclusionProof::tiles(place, head.size).unwrap());
        let proof = InclusionProof::from_tiles(place, head.size, &tiles).unwrap();
        proof.verify(place, &leaf_hash(b"same"), &head).unwrap();
        prop_assert!(proof.verify(place, &leaf_hash(b"other"), &head).is_err());
        altered(proof.hashes(), |hashes| {
            if let Ok(other) = InclusionProof::new(hashes) {
                assert!(other.verify(place, &leaf_hash(b"same"), &head).is_err());
            }
        });
    }

    #[test]
    fn consistency_of_trees_of_any_size(new in any_size(), old in any::<u64>()) {
        let uniform = Uniform::new();
        let (new, old) = (uniform.head(new), uniform.head(old % (new + 1)));
        let tiles = uniform.tiles(ConsistencyProof::tiles(old.size, new.size).unwrap());
        let proof = ConsistencyProof::from_tiles(old.size, new.size, &tiles).unwrap();
        proof.verify(&old, &new).unwrap();
        if old.size != new.size {
            prop_assert!(proof.verify(&new, &old).is_err());
        }
        let one_more = uniform.head(new.size.value() - 1);
        if old.size < one_more.size && !old.size.is_zero() {
            prop_assert!(proof.verify(&old, &one_more).is_err());
        }
    }

    #[test]
    fn paths_and_resources_of_any_size(level in 0..8_u8, place in any_size(), width in 1..=256_u16) {
        if let Some(tile) = Tile::new(level, place, width) {
            let resource = Resource::Tile(tile);
            prop_assert_eq!(resource.to_string().parse(), Ok(resource));
            prop_assert!(tile.index() <= TreeSize::MAX.value() >> 8);
        }
    }

    #[test]
    fn texts_that_are_read_as_paths_are_paths(path in "(tile/)?([0-9]{1,2}|entries)/(x[0-9]{3}/){0,3}[0-9]{3}(\\.p/[0-9]{1,3})?") {
        if let Ok(resource) = path.parse::<Resource>() {
            prop_assert_eq!(resource.to_string(), path);
        }
    }

    #[test]
    fn batches_of_any_size_give_the_same_log(batches in proptest::collection::vec(0..400_u64, 1..8)) {
        let mut edge = Edge::empty();
        let mut files = BTreeMap::new();
        for batch in batches {
            let next = edge.head().size.value();
            let batch = entries(next..next + batch);
            let plan = edge.plan(&batch).unwrap();
            prop_assert_eq!(plan.before(), edge.head());
            let again = edge.plan(&batch).unwrap();
            prop_assert_eq!(plan.objects(), again.objects());
            // Of what a batch writes, only files of the same name were there before, with the same octets.
            for Object { resource, octets } in plan.objects() {
                let before = files.insert(*resource, octets.clone());
                prop_assert!(before.is_none_or(|before| before == *octets));
            }
            edge = plan.into_parts().1;
            let needed: Vec<_> = Edge::resources(edge.head().size)
                .into_iter()
                .map(|resource| Object { octets: files[&resource].clone(), resource })
                .collect();
            prop_assert_eq!(&Edge::load(edge.head(), &needed).unwrap(), &edge);
        }
        let at_once = Edge::empty().plan(&entries(0..edge.head().size.value())).unwrap();
        prop_assert_eq!(at_once.head(), edge.head());
        for Object { resource, octets } in at_once.objects() {
            prop_assert_eq!(&files[resource], octets);
        }
        prop_assert_eq!(at_once.edge(), &edge);
    }

    /// Whatever octets come from outside, reading them ends, without a panic.
    #[test]
    fn hostile_octets(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = LogProof::from_bytes(&octets);
        let _ = claim_log::witness::AddCheckpoint::from_bytes(&octets);
        let _ = claim_log::note::Note::from_bytes(&octets);
        let _ = claim_log::SignedCheckpoint::from_bytes(&octets);
        let _ = claim_log::Bundle::new(0, 3).unwrap().decode(&octets);
    }
}

/// Of the text of a proof, no octet can be changed without its proving less.
#[test]
fn no_octet_of_a_proof_can_be_changed() {
    let plan = Edge::empty().plan(&entries(0..5)).unwrap();
    let mut tiles = TileSet::default();
    for Object { resource, octets } in plan.objects() {
        if let Resource::Tile(tile) = resource {
            tiles.insert(*tile, octets).unwrap();
        }
    }
    let key = claim_log::note::SigningKey::generate().unwrap();
    let log = LogSigner::new("b.example/log".parse().unwrap(), key);
    let inclusion = InclusionProof::from_tiles(index(2), size(5), &tiles).unwrap();
    let octets = LogProof::new(index(2), inclusion, log.sign(plan.head()).unwrap()).to_bytes();
    let entry = entry(2);
    let proves = |octets: &[u8]| {
        let proof = LogProof::from_bytes(octets).ok()?;
        proof.verify(entry.as_bytes(), &log.key(), &[]).ok()
    };
    assert!(proves(&octets).is_some());
    for place in 0..octets.len() {
        for bit in 0..8 {
            let mut other = octets.clone();
            other[place] ^= 1 << bit;
            assert!(proves(&other).is_none(), "octet {place}, bit {bit}");
        }
        let mut other = octets.clone();
        other.remove(place);
        assert!(proves(&other).is_none(), "without octet {place}");
        for extra in *b"\n\r a" {
            let mut other = octets.clone();
            other.insert(place, extra);
            assert!(proves(&other).is_none(), "{extra} before octet {place}");
        }
    }
}
