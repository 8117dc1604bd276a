//! A witness and an auditor, each before a log that has two histories.

use std::sync::LazyLock;

use claim_log::audit::{Audit, Conclusion, MAX_FINDINGS};
use claim_log::note::{KeyName, SigningKey};
use claim_log::witness::{AddCheckpoint, Decision, SplitView, decide};
use claim_log::{
    ConsistencyProof, Edge, Entry, Hash, LogSigned, LogSigner, Object, Resource, TileSet, TreeSize,
};

use crate::Outcome;

/// Up to here the two histories are one.
const COMMON: usize = 5;
/// How large the trees are that are looked at: around powers of two, and around a tile.
const SIZES: [usize; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 255, 256, 257, 300];

static HISTORIES: LazyLock<[Vec<Tree>; 2]> = LazyLock::new(|| {
    let name: KeyName = "localhost:3141/log".parse().unwrap();
    let signer = LogSigner::new(name, SigningKey::generate().unwrap());
    [0_u8, 1].map(|history| SIZES.map(|size| Tree::new(history, size, &signer)).into())
});

/// One of the histories at one size.
struct Tree {
    history: u8,
    size: usize,
    files: Vec<Object>,
    tiles: TileSet,
    checkpoint: LogSigned,
}

impl Tree {
    fn new(history: u8, size: usize, signer: &LogSigner) -> Self {
        let entry = |place: usize| {
            let which = if place < COMMON { 0 } else { history };
            Entry::new(format!("{which} {place}")).unwrap()
        };
        let entries: Vec<Entry> = (0..size).map(entry).collect();
        let (files, edge) = Edge::empty().plan(&entries).unwrap().into_parts();
        let mut tiles = TileSet::default();
        for file in &files {
            if let Resource::Tile(tile) = file.resource {
                tiles.insert(tile, &file.octets).unwrap();
            }
        }
        let checkpoint = signer.sign(edge.head()).unwrap().log_signed(&signer.key()).unwrap();
        Self { history, size, files, tiles, checkpoint }
    }

    /// Whether the other one is this one, grown.
    fn grows_to(&self, other: &Self) -> bool {
        self.size <= other.size && (self.history == other.history || self.size <= COMMON)
    }
}

/// The tree that an octet names: the history by its highest bit, the size by the others.
fn tree(octet: u8) -> &'static Tree {
    &HISTORIES[usize::from(octet >> 7)][usize::from(octet & 0x7f) % SIZES.len()]
}

/// Four octets a request: the tree, the size that the witness is said to know, the tree that the proof is of, and what
/// is wrong with the proof.
///
/// The witness cosigns exactly what has grown from what it cosigned last. Accepted when it takes the last request.
pub(crate) fn witness(data: &[u8]) -> Outcome {
    let mut last: Option<&Tree> = None;
    let mut outcome = Outcome::Refused;
    for request in data.as_chunks::<4>().0.iter().take(64) {
        let [octet, old, of, fault] = *request;
        let (new, of) = (tree(octet), tree(of));
        let old = SIZES[usize::from(old) % SIZES.len()];
        let proof = proof(of, old, new.size, fault);
        let request = AddCheckpoint::new(size(old), proof, new.checkpoint.signed().clone());
        let read = AddCheckpoint::from_bytes(&request.to_bytes()).unwrap();
        assert_eq!(read, request);
        let key = new.checkpoint.key();
        assert!(matches!(decide(None, None, &request), Decision::Refuse(_)), "a log nobody knows");
        let known = last.map(|last| &last.checkpoint);
        match decide(Some(key), known, &request) {
            Decision::Accept(accepted) => {
                let before = last.map_or(0, |last| last.size);
                assert_eq!(old, before, "a request that is about something else");
                assert!(last.is_none_or(|last| last.grows_to(new)), "two histories are cosigned");
                assert_eq!(accepted.checkpoint(), &new.checkpoint);
                last = Some(new);
                outcome = Outcome::Accepted;
            }
            Decision::Refuse(refusal) => {
                let honest = old == last.map_or(0, |last| last.size)
                    && last.is_none_or(|last| last.grows_to(new))
                    && old <= new.size
                    && fault == 0
                    && (of.history, of.size) == (new.history, new.size);
                assert!(!honest, "an honest log is refused: {}", refusal.kind());
                let split = known.and_then(|last| SplitView::of(last, &new.checkpoint));
                assert_eq!(
                    refusal.evidence(),
                    split.as_ref(),
                    "evidence is neither lost nor invented"
                );
                assert!((400..500).contains(&refusal.status()) && refusal.body().ends_with('\n'));
                outcome = Outcome::Refused;
            }
        }
    }
    outcome
}

/// The proof from one tree's tiles, with one hash changed, added or taken away, where that is said.
fn proof(of: &Tree, old: usize, new: usize, fault: u8) -> ConsistencyProof {
    let proof = ConsistencyProof::from_tiles(size(old), size(new), &of.tiles);
    let mut hashes = proof.map(|proof| proof.hashes().to_vec()).unwrap_or_default();
    let place = usize::from(fault >> 2).min(hashes.len());
    match fault & 3 {
        1 if place < hashes.len() => hashes[place] = Hash::EMPTY_TREE,
        2 if place < hashes.len() => drop(hashes.remove(place)),
        3 => hashes.insert(place, Hash::EMPTY_TREE),
        _ => {}
    }
    ConsistencyProof::new(hashes).unwrap()
}

fn size(size: usize) -> TreeSize {
    TreeSize::try_from(size as u64).unwrap()
}

pub(crate) fn witnessings() -> Vec<Vec<u8>> {
    let grown = [[3, 0, 3, 0], [10, 3, 10, 0], [14, 10, 14, 0], [14, 14, 14, 0]];
    let forked = [[5, 0, 5, 0], [0x8c, 5, 0x8c, 0], [12, 12, 12, 0], [0x8f, 12, 0x8f, 0]];
    [grown.concat(), forked.concat(), vec![0, 0, 0, 0]].to_vec()
}

/// The tree, the tree that is remembered (none where it would be larger and the highest two bits are set), then five
/// octets for each change of what is served: which file, what to do, where, and with what.
///
/// Sound is exactly what is served as it is, and was so before.
pub(crate) fn audit(data: &[u8]) -> Outcome {
    let [shown, remembered, changes @ ..] = data else { return Outcome::Refused };
    let shown = tree(*shown);
    let remembered = (*remembered != u8::MAX).then(|| tree(*remembered));
    let mut files: Vec<(Resource, Option<Vec<u8>>)> =
        shown.files.iter().map(|file| (file.resource, Some(file.octets.clone()))).collect();
    for change in changes.as_chunks::<5>().0.iter().take(16) {
        apply(*change, &mut files);
    }
    let untouched = files
        .iter()
        .zip(&shown.files)
        .all(|((_, served), file)| served.as_deref() == Some(file.octets.as_slice()));
    let before = remembered.map(|tree| tree.checkpoint.clone());
    let mut audit = Audit::new(shown.checkpoint.clone(), before).unwrap();
    let mut asked = 0;
    while let Some(resource) = audit.wanted() {
        let served = files.iter().find(|(known, _)| *known == resource);
        let (_, octets) = served.expect("an audit asks for what a log has");
        audit.supply(octets.as_deref());
        asked += 1;
    }
    assert_eq!(asked, files.len(), "every file is looked at");
    let report = audit.finish();
    let honest = remembered.is_none_or(|tree| tree.grows_to(shown));
    assert_eq!(report.conclusion() == Conclusion::Sound, untouched && honest);
    assert_eq!(report.conclusion() == Conclusion::Sound, report.findings().is_empty());
    assert!(report.findings().len() <= MAX_FINDINGS + 2);
    if untouched && !honest {
        assert_eq!(report.conclusion(), Conclusion::Contradiction);
    }
    match report.conclusion() {
        Conclusion::Sound => Outcome::Accepted,
        _ => Outcome::Refused,
    }
}

fn apply(change: [u8; 5], files: &mut [(Resource, Option<Vec<u8>>)]) {
    let [which, what, high, low, octet] = change;
    if files.is_empty() {
        return;
    }
    let (which, count) = (usize::from(which), files.len());
    let other = files[usize::from(octet) % count].1.clone();
    let Some(content) = &mut files[which % count].1 else { return };
    let place = usize::from(u16::from_be_bytes([high, low])) % (content.len() + 1);
    match what % 6 {
        0 => content.truncate(place),
        1 => content.insert(place, octet),
        2 if place < content.len() => content[place] ^= octet,
        3 if place < content.len() => drop(content.remove(place)),
        4 => files[which % count].1 = None,
        5 => files[which % count].1 = other,
        _ => {}
    }
}

pub(crate) fn audits() -> Vec<Vec<u8>> {
    vec![
        vec![14, 0xff],
        vec![15, 14],
        vec![0, 0],
        vec![0x8f, 5],
        // A change that changes nothing.
        vec![12, 10, 0, 2, 0, 7, 0],
    ]
}
