//! What becomes of claims that wait for files when the upload window of their assignment changes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use claim_core::Timestamp;
use claim_core::claim::{ClaimId, Holder};
use claim_course::api::WaitingClaims;
use claim_course::{AssignmentPlan, Change};
use claim_store::blackboard::audit::{By, EntryFilter};
use claim_store::blackboard::{BlackboardStore, Changed, Changer, NewClaim};

use crate::claims::{assignment, claim, first, lab, set_up};
use crate::site::{at, on_each_database};

const OTHER: &str = "1155123457";

/// The window becomes so many seconds, at this time.
async fn window(store: &BlackboardStore, upload_seconds: i64, now: Timestamp) {
    let plan = AssignmentPlan { upload_seconds, ..assignment(None) };
    let (changes, by) = ([Change::Assignment(plan)], Changer::Administrator("ann"));
    let changed = store.change_course(&lab().course, None, &changes, None, by, now).await;
    assert!(matches!(changed.unwrap(), Changed::Yes { .. }));
}

async fn until(store: &BlackboardStore, claim: ClaimId) -> Timestamp {
    store.claim(claim).await.unwrap().unwrap().upload_until
}

on_each_database! {
    async fn a_window_that_changes_shortens_nothing_that_was_promised(site: Site) {
        let store = site.blackboard().await.acting(By::administrator("ann"), || at(7));
        set_up(&store, assignment(None)).await;
        let first_one = NewClaim { due: None, ..claim("one", at(10), None) };
        let other = NewClaim {
            person: OTHER.parse().unwrap(),
            holder: Holder::one(OTHER.parse().unwrap()),
            due: None,
            ..claim("other", at(50), None)
        };
        let (one, other) = (first(&store, first_one).await.id, first(&store, other).await.id);
        let promised = |seconds: i64| (at(10 + seconds), at(50 + seconds));
        let both = async || (until(&store, one).await, until(&store, other).await);
        assert_eq!(both().await, promised(600));
        // Shorter: they keep what they have. Longer: they get it too; and keep that.
        for (seconds, keep) in [(60, 600), (3_600, 3_600), (600, 3_600)] {
            window(&store, seconds, at(100)).await;
            assert_eq!(both().await, promised(keep), "{seconds}");
        }
        let waiting = |claims, earliest, latest| {
            vec![WaitingClaims { assignment: lab().assignment, claims, earliest, latest }]
        };
        let (earliest, latest) = promised(3_600);
        let course = lab().course;
        assert_eq!(store.waiting(&course, at(100)).await.unwrap(), waiting(2, earliest, latest));
        // Of two, one has lapsed, though no minute mark has said it yet.
        window(&store, 7_200, at(3_620)).await;
        assert_eq!(both().await, (earliest, at(7_250)));
        let left = waiting(1, at(7_250), at(7_250));
        assert_eq!(store.waiting(&course, at(3_620)).await.unwrap(), left);
        assert_eq!(store.waiting(&"OTHER".parse().unwrap(), at(100)).await.unwrap(), vec![]);

        let entries = store.audit().entries(0, &EntryFilter::default(), 100).await.unwrap();
        let told: serde_json::Value = serde_json::from_str(&entries.last().unwrap().details).unwrap();
        assert_eq!(told["upload_seconds"], serde_json::json!([600, 7_200]));
        assert_eq!(told["waiting_claims"], 1);
        assert_eq!(told["waiting_until"], at(7_250).to_string());
    }
}
