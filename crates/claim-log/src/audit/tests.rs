//! A log, and one thing wrong with it at a time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use std::collections::BTreeMap;

use super::*;
use crate::checkpoint::LogSigner;
use crate::note::SigningKey;
use crate::{Edge, Entry};

type Files = BTreeMap<Resource, Vec<u8>>;

struct Log {
    signer: LogSigner,
    files: Files,
    heads: BTreeMap<u64, TreeHead>,
}

fn entries(range: std::ops::Range<u64>) -> Vec<Entry> {
    range.map(|number| Entry::new(format!("entry {number}")).unwrap()).collect()
}

/// A log that grew in these steps.
fn log(sizes: &[u64]) -> Log {
    let signer = LogSigner::new("b.example/log".parse().unwrap(), SigningKey::generate().unwrap());
    let mut log = Log { signer, files: Files::new(), heads: BTreeMap::new() };
    let mut edge = Edge::empty();
    for size in sizes {
        let (objects, next) =
            edge.plan(&entries(edge.head().size.value()..*size)).unwrap().into_parts();
        log.files.extend(objects.into_iter().map(|object| (object.resource, object.octets)));
        edge = next;
        log.heads.insert(*size, edge.head());
    }
    log
}

impl Log {
    fn signed(&self, head: TreeHead) -> LogSigned {
        self.signer.sign(head).unwrap().log_signed(&self.signer.key()).unwrap()
    }

    fn last(&self) -> TreeHead {
        *self.heads.last_key_value().unwrap().1
    }

    fn audit_with(&self, head: TreeHead, remembered: Option<TreeHead>) -> Report {
        let remembered = remembered.map(|head| self.signed(head));
        let mut audit = Audit::new(self.signed(head), remembered).unwrap();
        while let Some(resource) = audit.wanted() {
            audit.supply(self.files.get(&resource).map(Vec::as_slice));
        }
        audit.finish()
    }

    fn audit(&self) -> Report {
        self.audit_with(self.last(), None)
    }

    fn file(&mut self, path: &str) -> &mut Vec<u8> {
        self.files.get_mut(&path.parse().unwrap()).unwrap()
    }
}

#[test]
fn sound_logs() {
    for sizes in [&[0][..], &[1], &[255], &[256], &[3, 300, 700], &[65_536], &[65_535, 66_200]] {
        let log = log(sizes);
        for remembered in log.heads.values().copied().map(Some).chain([None]) {
            let report = log.audit_with(log.last(), remembered);
            assert_eq!(report.findings(), [], "{sizes:?}");
            assert_eq!(report.conclusion(), Conclusion::Sound);
            assert_eq!(report.head(), log.last());
        }
    }
}

#[test]
fn a_changed_entry_is_named() {
    let mut log = log(&[700]);
    // "entry 300": two octets of length, then the text.
    let file = log.file("tile/entries/001");
    let place = file.windows(9).position(|window| window == b"entry 300").unwrap();
    file[place] = b'E';
    let report = log.audit();
    assert!(
        matches!(report.findings(), [Finding::Entry { index, .. }, Finding::Root { .. }] if index.value() == 300)
    );
    assert_eq!(report.conclusion(), Conclusion::Entries);
}

#[test]
fn a_damaged_bundle_is_named() {
    for damage in [
        |file: &mut Vec<u8>| file.clear(),
        |file: &mut Vec<u8>| file.push(0),
        |file: &mut Vec<u8>| file[0] = 0xff,
    ] {
        let mut log = log(&[700]);
        damage(log.file("tile/entries/001"));
        let report = log.audit();
        assert!(
            matches!(report.findings(), [Finding::Bundle { bundle, .. }, Finding::Root { .. }] if bundle.index() == 1)
        );
        assert_eq!(report.conclusion(), Conclusion::Entries);
    }
}

#[test]
fn a_damaged_tile_is_named() {
    // A tile of level 0: an entry does not fit it, and the tile above does not either.
    let mut damaged = log(&[700]);
    damaged.file("tile/0/001")[32 * 44] ^= 1;
    let report = damaged.audit();
    let [Finding::Entry { index, .. }, Finding::Hash { place: 1, below, .. }] = report.findings()
    else {
        panic!("{report:?}");
    };
    assert_eq!((index.value(), below.index(), below.level()), (300, 1, 0));
    assert_eq!(report.conclusion(), Conclusion::Tiles);

    // The partial tile at the end: the tiles do not lead to the root.
    let mut damaged = log(&[700]);
    damaged.file("tile/1/000.p/2")[40] ^= 1;
    let report = damaged.audit();
    assert!(
        matches!(report.findings(), [Finding::Hash { place: 1, .. }, Finding::Root { .. }]),
        "{report:?}"
    );
    assert_eq!(report.conclusion(), Conclusion::Tiles);

    let mut damaged = log(&[700]);
    damaged.file("tile/0/002.p/188").pop();
    let report = damaged.audit();
    assert!(matches!(
        report.findings(),
        [Finding::Tile { .. }, Finding::Root { from_entries: Some(_), from_tiles: None, .. }]
    ));
    assert_eq!(report.conclusion(), Conclusion::Tiles);
}

#[test]
fn a_missing_file_is_named() {
    let sound = log(&[66_200]);
    let higher = |resource: &Resource| matches!(resource, Resource::Tile(tile) if tile.level() > 0);
    let some = ["tile/entries/000", "tile/0/017", "tile/entries/258.p/152", "tile/0/258.p/152"];
    let some: [Resource; 4] = some.map(|path| path.parse().unwrap());
    for resource in sound.files.keys().filter(|one| higher(one) || some.contains(one)) {
        let missing = Log {
            signer: LogSigner::new("b".parse().unwrap(), SigningKey::generate().unwrap()),
            files: sound.files.clone().into_iter().filter(|(one, _)| one != resource).collect(),
            heads: sound.heads.clone(),
        };
        let report = missing.audit();
        let expected = Finding::Missing { resource: *resource };
        assert_eq!(report.findings().first(), Some(&expected));
        assert_ne!(report.conclusion(), Conclusion::Sound);
    }
}

#[test]
fn single_octets_of_every_file_count() {
    let mut log = log(&[300]);
    let names: Vec<_> = log.files.keys().copied().collect();
    for name in names {
        for place in (0..log.files[&name].len()).step_by(13) {
            log.files.get_mut(&name).unwrap()[place] ^= 0x10;
            let report = log.audit();
            assert_ne!(report.conclusion(), Conclusion::Sound, "{name} {place}");
            let expected = match name {
                Resource::Entries(_) => Conclusion::Entries,
                _ => Conclusion::Tiles,
            };
            assert_eq!(report.conclusion(), expected, "{name} {place}");
            log.files.get_mut(&name).unwrap()[place] ^= 0x10;
        }
    }
}

#[test]
fn a_checkpoint_over_something_else() {
    let log = log(&[700]);
    let head = TreeHead { root: Hash::EMPTY_TREE, ..log.last() };
    let report = log.audit_with(head, None);
    assert!(matches!(report.findings(), [Finding::Root { .. }]));
    assert_eq!(report.conclusion(), Conclusion::Checkpoint);
}

#[test]
fn a_log_that_contradicts_what_it_signed() {
    let log = log(&[3, 300, 700]);
    let earlier = log.heads[&300];
    let other = TreeHead { root: Hash::EMPTY_TREE, ..earlier };
    let report = log.audit_with(log.last(), Some(other));
    assert!(
        matches!(report.findings(), [Finding::Rewritten { found, .. }] if *found == earlier.root)
    );
    assert_eq!(report.conclusion(), Conclusion::Contradiction);

    let other = TreeHead { root: Hash::EMPTY_TREE, ..log.last() };
    let report = log.audit_with(log.last(), Some(other));
    assert!(matches!(report.findings(), [Finding::Forked { .. }]));
    assert_eq!(report.conclusion(), Conclusion::Contradiction);

    let report = log.audit_with(earlier, Some(log.last()));
    assert!(report.findings().iter().any(|finding| matches!(finding, Finding::Shrunk { .. })));
    assert_eq!(report.conclusion(), Conclusion::Contradiction);
}

#[test]
fn checkpoints_of_two_logs_are_not_compared() {
    let (one, other) = (log(&[3]), log(&[3]));
    assert!(Audit::new(one.signed(one.last()), Some(other.signed(other.last()))).is_err());
}

#[test]
fn a_log_full_of_errors_makes_a_short_report() {
    let mut log = log(&[2560]);
    for index in 0..10 {
        log.file(&format!("tile/0/00{index}")).fill(0);
    }
    let report = log.audit();
    let about_files =
        report.findings().iter().filter(|finding| !finding.is_about_the_log()).count();
    assert_eq!((about_files, report.omitted()), (MAX_FINDINGS, 2560 + 10 - MAX_FINDINGS));
}

#[test]
fn findings_are_sentences() {
    let mut log = log(&[3]);
    log.file("tile/entries/000.p/3")[2] ^= 1;
    let report = log.audit();
    let text = report.findings()[0].to_string();
    assert!(text.starts_with("entry 0 is not the one in its tile: its hash is "), "{text}");
    let text = report.findings()[1].to_string();
    assert!(text.starts_with("the checkpoint of 3 entries has the root "), "{text}");
}
