//! Entries of the log that come back into records which were restored from an older copy.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use claim_core::Digest;
use claim_core::claim::{ClaimId, LogEntry};
use claim_core::hand_in::{ClaimState, PieceRef};
use claim_store::blackboard::{
    BlackboardStore, EntryKind, Lodged, LogHeadRow, Marked, NewClaim, NewPiece, NewWithdrawal,
    Rebuilt, Withdrawn,
};

use crate::claims::{assignment, claim, first, set_up};
use crate::site::{Site, at, on_each_database};

const BEFORE: (u64, [u8; 32]) = (1, [1; 32]);

/// What the log has of these claims when they are lodged.
fn lodged(claim: &NewClaim) -> LogEntry {
    LogEntry::Lodged {
        claim: claim.id,
        timestamp: Digest::of(&claim.token),
        revocation: Digest::of(&claim.revocation),
    }
}

/// Records of which the log has the claim `a`; `b` is staged, and `c` came after the copy was made.
async fn restored(site: &Site) -> (BlackboardStore, [NewClaim; 3]) {
    let store = site.blackboard().await;
    set_up(&store, assignment(Some(at(100)))).await;
    let empty = LogHeadRow { size: 0, root: [0; 32], published_size: 0, checkpoint: vec![0] };
    store.begin_log(&empty).await.unwrap();
    let a = claim("a", at(0), None);
    first(&store, a.clone()).await;
    let staged = store.staged_entries(10).await.unwrap();
    assert!(store.append_to_log((0, [0; 32]), BEFORE, &staged).await.unwrap());
    let b = claim("b", at(1), Some(a.id));
    first(&store, b.clone()).await;
    let c = claim("c", at(2), Some(b.id));
    (store, [a, b, c])
}

async fn log(store: &BlackboardStore) -> Vec<LogEntry> {
    let rows = store.logged_entries(0, 100).await.unwrap();
    rows.iter().map(|row| LogEntry::from_slice(&row.entry).unwrap()).collect()
}

async fn size(store: &BlackboardStore) -> u64 {
    store.log_head().await.unwrap().unwrap().size
}

fn piece(claim: ClaimId, index: u64) -> NewPiece {
    NewPiece { claim, piece: PieceRef { file: 0, index }, at: at(3) }
}

on_each_database! {
    async fn lost_entries_come_back_in_their_places(site: Site) {
        let (store, [a, b, c]) = restored(&site).await;
        let back = [
            lodged(&b),
            LogEntry::Received { claim: b.id },
            lodged(&c),
            LogEntry::Received { claim: c.id },
        ];
        let after = (5, [5; 32]);
        let rebuilt = store.rebuild_log(BEFORE, after, &back).await.unwrap();
        assert_eq!(rebuilt, Rebuilt::Done { lost: vec![c.id], withdrawn: vec![] });
        assert_eq!(log(&store).await, [&[lodged(&a)], &back[..]].concat());
        assert!(store.staged_entries(10).await.unwrap().is_empty(), "what was staged is the log's own");
        assert_eq!(store.leaf(c.id, EntryKind::Received).await.unwrap(), Some(4));
        let head = store.log_head().await.unwrap().unwrap();
        assert_eq!((head.size, head.root, head.published_size), (5, [5; 32], 0));

        // The claim of which there is only the log is not lodged once more; one after it is.
        assert_eq!(store.lodge(NewClaim { token: vec![9], ..c.clone() }).await.unwrap(), Lodged::OnlyInLog);
        // Files that had arrived and are lost arrive again, and the log has said so before.
        assert_eq!(store.mark_piece(piece(b.id, 0)).await.unwrap(), Marked::Waiting { now: true });
        assert_eq!(store.mark_piece(piece(b.id, 1)).await.unwrap(), Marked::Received { now: true });
        assert_eq!(store.leaf(b.id, EntryKind::Received).await.unwrap(), Some(2));
        assert!(store.staged_entries(10).await.unwrap().is_empty());
        let d = claim("d", at(4), Some(b.id));
        first(&store, d).await;
        assert_eq!(store.staged_entries(10).await.unwrap().len(), 1);

        // A second time the head is another one.
        let again = store.rebuild_log(BEFORE, after, &back).await.unwrap();
        assert_eq!(again, Rebuilt::HeadMoved);
        assert_eq!(log(&store).await.len(), 5);
    }

    async fn what_was_withdrawn_is_withdrawn(site: Site) {
        let (store, [_, b, c]) = restored(&site).await;
        let withdrawal = Digest::of(b"a signed withdrawal");
        let back = [
            lodged(&b),
            LogEntry::Withdrawn { claim: b.id, withdrawal },
            lodged(&c),
            LogEntry::Withdrawn { claim: c.id, withdrawal },
        ];
        let rebuilt = store.rebuild_log(BEFORE, (5, [5; 32]), &back).await.unwrap();
        assert_eq!(rebuilt, Rebuilt::Done { lost: vec![c.id], withdrawn: vec![b.id] });
        let row = store.claim(b.id).await.unwrap().unwrap();
        assert_eq!(row.state, ClaimState::Withdrawn);
        // Another withdrawal of the same would contradict the log.
        let again = NewWithdrawal { claim: b.id, cms: b"another".to_vec(), at: at(3) };
        assert!(matches!(store.withdraw(&again).await.unwrap(), Withdrawn::Yes(_)));
        assert!(store.staged_entries(10).await.unwrap().is_empty());
    }

    async fn what_contradicts_the_log_is_not_overwritten(site: Site) {
        let (store, [_, b, c]) = restored(&site).await;
        // The claim was lodged before, with another token, and anew after the restore.
        let before = NewClaim { token: b"another token".to_vec(), ..b.clone() };
        for back in [vec![lodged(&c), lodged(&before)], vec![lodged(&b), lodged(&b)]] {
            let after = (1 + back.len() as u64, [3; 32]);
            let rebuilt = store.rebuild_log(BEFORE, after, &back).await.unwrap();
            assert_eq!(rebuilt, Rebuilt::Contradicts { claim: b.id });
            assert_eq!((size(&store).await, log(&store).await.len()), (1, 1));
            assert_eq!(store.leaf(c.id, EntryKind::Lodged).await.unwrap(), None);
            assert_eq!(store.staged_entries(10).await.unwrap().len(), 1);
        }
    }
}
