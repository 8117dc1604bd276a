//! One row for every answer of tlog-witness.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use super::*;
use crate::checkpoint::{LogSigner, SignedCheckpoint};
use crate::note::SigningKey;
use crate::{ConsistencyProof, Edge, Entry, Hash, Resource, TileSet, leaf_hash};

struct Fixture {
    log: LogSigner,
    heads: Vec<TreeHead>,
    tiles: TileSet,
}

fn fixture() -> Fixture {
    let mut edge = Edge::empty();
    let mut fixture = Fixture {
        log: LogSigner::new("b.example/log".parse().unwrap(), SigningKey::generate().unwrap()),
        heads: vec![edge.head()],
        tiles: TileSet::default(),
    };
    for number in 0..9_u8 {
        let (objects, next) = edge.plan(&[Entry::new([number]).unwrap()]).unwrap().into_parts();
        for object in objects {
            if let Resource::Tile(tile) = object.resource {
                fixture.tiles.insert(tile, &object.octets).unwrap();
            }
        }
        edge = next;
        fixture.heads.push(edge.head());
    }
    fixture
}

impl Fixture {
    fn signed(&self, size: usize) -> SignedCheckpoint {
        self.log.sign(self.heads[size]).unwrap()
    }

    fn last(&self, size: usize) -> LogSigned {
        self.signed(size).log_signed(&self.log.key()).unwrap()
    }

    fn proof(&self, old: usize, new: usize) -> ConsistencyProof {
        let (old, new) = (self.heads[old].size, self.heads[new].size);
        ConsistencyProof::from_tiles(old, new, &self.tiles).unwrap()
    }

    fn request(&self, old: usize, new: usize) -> AddCheckpoint {
        AddCheckpoint::new(self.heads[old].size, self.proof(old, new), self.signed(new))
    }

    fn decide(&self, last: Option<usize>, request: &AddCheckpoint) -> Decision {
        decide(Some(&self.log.key()), last.map(|size| self.last(size)).as_ref(), request)
    }

    #[track_caller]
    fn refused(&self, last: Option<usize>, request: &AddCheckpoint) -> Refusal {
        match self.decide(last, request) {
            Decision::Refuse(refusal) => refusal,
            Decision::Accept(accepted) => panic!("{accepted:?}"),
        }
    }
}

#[test]
fn a_log_that_grows_is_cosigned() {
    let fixture = fixture();
    let witness = WitnessSigner::new("CUHK".parse().unwrap(), SigningKey::generate().unwrap());
    let rows = [(None, 0, 0), (None, 0, 5), (Some(0), 0, 9), (Some(3), 3, 9), (Some(8), 8, 9)];
    for (last, old, new) in rows {
        let request = AddCheckpoint::from_bytes(&fixture.request(old, new).to_bytes()).unwrap();
        let Decision::Accept(accepted) = fixture.decide(last, &request) else {
            panic!("{last:?} {old} {new}");
        };
        assert_eq!(accepted.old(), fixture.heads[old].size);
        assert_eq!(accepted.checkpoint().head(), fixture.heads[new]);
        let cosignature = accepted.cosign(&witness, 1_700_000_000.try_into().unwrap()).unwrap();
        let signed = fixture.signed(new).with_signature(cosignature).unwrap();
        let cosigned = signed.cosigned(&[witness.key()]).unwrap();
        assert_eq!(cosigned[0].time().seconds(), 1_700_000_000);
    }
}

#[test]
fn the_same_checkpoint_again_is_cosigned_again() {
    let fixture = fixture();
    let decision = fixture.decide(Some(5), &fixture.request(5, 5));
    assert!(matches!(decision, Decision::Accept(_)), "a lost answer can be asked for again");
}

#[test]
fn unknown_logs() {
    let fixture = fixture();
    let Decision::Refuse(refusal) = decide(None, None, &fixture.request(0, 5)) else { panic!() };
    assert!(matches!(refusal.kind(), RefusalKind::UnknownLog { .. }));
    assert_eq!(refusal.status(), 404);
    assert_eq!(refusal.body(), "this witness does not know the log \"b.example/log\"\n");
}

#[test]
fn checkpoints_that_the_log_did_not_sign() {
    let (fixture, mut stranger) = (fixture(), fixture());
    let request = stranger.request(3, 5);
    let refusal = fixture.refused(Some(3), &request);
    assert!(matches!(refusal.kind(), RefusalKind::NotSigned(_)));
    assert_eq!((refusal.status(), refusal.evidence()), (403, None));
    // A forked tree under a stranger's signature says nothing about the log.
    stranger.heads[5].root = leaf_hash(b"forged");
    assert_eq!(fixture.refused(Some(5), &stranger.request(5, 5)).evidence(), None);
    // A line that names the log's key, over another text.
    let good = fixture.signed(5);
    let wrong = fixture.signed(4).signatures()[0].clone();
    let request = AddCheckpoint::new(
        fixture.heads[3].size,
        fixture.proof(3, 5),
        good.with_signature(wrong).unwrap(),
    );
    assert_eq!(fixture.refused(Some(3), &request).status(), 403);
}

#[test]
fn old_sizes_that_do_not_fit() {
    let fixture = fixture();
    let beyond =
        AddCheckpoint::new(fixture.heads[7].size, ConsistencyProof::empty(), fixture.signed(5));
    let refusal = fixture.refused(Some(7), &beyond);
    assert_eq!(refusal.status(), 400);
    assert!(matches!(refusal.kind(), RefusalKind::Shrinking { .. }));
    for (last, old) in [(Some(3), 0), (Some(3), 2), (Some(3), 4), (Some(9), 5), (None, 5)] {
        let refusal = fixture.refused(last, &fixture.request(old, 5));
        assert_eq!(refusal.status(), 409, "{last:?} {old}");
        assert_eq!(refusal.content_type(), "text/x.tlog.size");
        assert_eq!(refusal.body(), format!("{}\n", last.unwrap_or(0)));
        assert_eq!(refusal.evidence(), None);
    }
}

#[test]
fn proofs_that_do_not_prove() {
    let fixture = fixture();
    let old = |size: usize| fixture.heads[size].size;
    let rows = [
        (Some(3), AddCheckpoint::new(old(3), ConsistencyProof::empty(), fixture.signed(9))),
        (Some(3), AddCheckpoint::new(old(3), fixture.proof(4, 9), fixture.signed(9))),
        (Some(3), AddCheckpoint::new(old(3), fixture.proof(3, 9), fixture.signed(8))),
        (Some(5), AddCheckpoint::new(old(5), fixture.proof(3, 9), fixture.signed(5))),
        (None, AddCheckpoint::new(old(0), fixture.proof(3, 9), fixture.signed(9))),
    ];
    for (last, request) in rows {
        let refusal = fixture.refused(last, &request);
        assert_eq!((refusal.status(), refusal.evidence()), (422, None));
        assert!(matches!(refusal.kind(), RefusalKind::InvalidProof(_)));
    }
    let hollow = TreeHead { root: leaf_hash(b"x"), ..TreeHead::EMPTY };
    let signed = fixture.log.sign(hollow).unwrap();
    let request = AddCheckpoint::new(old(0), ConsistencyProof::empty(), signed);
    assert_eq!(fixture.refused(None, &request).status(), 422, "no entries, but another root");
}

#[test]
fn two_histories_are_kept_as_evidence() {
    let mut fixture = fixture();
    let last = fixture.last(5);
    let key = fixture.log.key();
    let honest = fixture.heads[5];
    fixture.heads[5].root = Hash::EMPTY_TREE;
    let second = fixture.signed(5);
    // Whatever old size comes with it: the log has signed it.
    for (old, status) in [(5, 409), (0, 409), (4, 409), (9, 400)] {
        let request =
            AddCheckpoint::new(fixture.heads[old].size, ConsistencyProof::empty(), second.clone());
        let Decision::Refuse(refusal) = decide(Some(&key), Some(&last), &request) else {
            panic!("{old}");
        };
        assert_eq!(refusal.status(), status, "{old}");
        assert_eq!(matches!(refusal.kind(), RefusalKind::Split { .. }), old == 5);
        let evidence = refusal.evidence().unwrap();
        assert_eq!(evidence.first(), &last);
        assert_eq!(evidence.second().signed(), &second);
        assert_eq!(evidence.first().head(), honest);
        // Whoever has the two texts and the key comes to the same result.
        let texts = [evidence.first(), evidence.second()].map(|one| one.signed().to_bytes());
        let again = texts
            .map(|text| SignedCheckpoint::from_bytes(&text).unwrap().log_signed(&key).unwrap());
        let [first, second] = again;
        assert!(SplitView::of(&first, &second).is_some());
        assert!(SplitView::of(&first, &first).is_none());
    }
}
