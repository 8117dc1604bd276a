//! Claims that were signed while Blackboard could not be reached.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_core::Timestamp;
use claim_core::claim::ClaimId;
use claim_core::hand_in::{ClaimState, PieceRef};
use claim_store::blackboard::{
    AllowedOutage, BlackboardStore, Lodged, Marked, NewClaim, NewPiece, OutageRow, Stamp,
};

use crate::claims::{assignment, claim, counting, first, holder, lab, on_record, set_up};
use crate::site::{Site, at, on_each_database};

/// A Blackboard that served up to 50 and again from 500 on; the assignment is due at 100.
async fn after_an_outage(site: &Site) -> BlackboardStore {
    let store = site.blackboard().await;
    set_up(&store, assignment(Some(at(100)))).await;
    store.mark_minute(at(0), None).await.unwrap();
    store.mark_minute(at(50), None).await.unwrap();
    store.mark_minute(at(500), None).await.unwrap();
    store
}

/// Stamped by CUHK then, and lodged at 510.
fn stamped(manifest: &str, stamped_at: Timestamp, replaces: Option<ClaimId>) -> NewClaim {
    let outage = Some(Stamp { at: stamped_at, token: b"CUHK's token".to_vec() });
    NewClaim { outage, ..claim(manifest, at(510), replaces) }
}

async fn receive(store: &BlackboardStore, claim: ClaimId, when: Timestamp) {
    for index in 0..2 {
        let piece = NewPiece { claim, piece: PieceRef { file: 0, index }, at: when };
        store.mark_piece(piece).await.unwrap();
    }
    assert_eq!(store.claim(claim).await.unwrap().unwrap().state, ClaimState::Received);
}

on_each_database! {
    async fn it_is_judged_by_cuhks_time(site: Site) {
        let store = after_an_outage(&site).await;
        let new = stamped("a", at(90), None);
        let row = first(&store, new.clone()).await;
        assert_eq!((row.late_ms, row.lodged_at), (0, at(510)));
        assert_eq!(row.outage, new.outage);
        assert_eq!(store.claim(new.id).await.unwrap(), Some(row.clone()));
        // The window of 600 seconds stood still until 500.
        assert_eq!(row.upload_until, at(90 + 600 + 410));
        assert_eq!(store.lodge(new).await.unwrap(), Lodged::Repeat(row));
        let late = first(&store, stamped("b", at(101), None)).await;
        assert_eq!(late.late_ms, 1_000);
    }

    async fn without_an_outage_it_is_refused_unless_people_allow_it(site: Site) {
        let store = after_an_outage(&site).await;
        // A minute on either side of the outage is within.
        for (seconds, shown) in [(-11, false), (-10, true), (500, true)] {
            let outcome = store.lodge(stamped(&format!("a{seconds}"), at(seconds), None)).await.unwrap();
            assert_eq!(matches!(outcome, Lodged::First(_)), shown, "{seconds}: {outcome:?}");
        }
        let pretended = NewClaim { lodged_at: at(1000), ..stamped("b", at(800), None) };
        assert_eq!(store.lodge(pretended.clone()).await.unwrap(), Lodged::NoOutage { at: at(800) });
        let allowed = AllowedOutage { reason: "the network was down".to_owned(), at: at(900) };
        store.allow_outage(at(790), at(850), &allowed).await.unwrap();
        first(&store, pretended).await;
        // Said again it has another reason, once.
        let again = AllowedOutage { reason: "the campus network".to_owned(), ..allowed };
        store.allow_outage(at(790), at(850), &again).await.unwrap();
        let marked = OutageRow { since: at(50), until: at(500), allowed: None };
        let said = OutageRow { since: at(790), until: at(850), allowed: Some(again) };
        assert_eq!(store.outages().await.unwrap(), [marked, said]);
    }

    async fn after_the_upload_window_it_is_too_late(site: Site) {
        let store = after_an_outage(&site).await;
        let until = at(90 + 600 + 410);
        let late = |lodged_at, name| NewClaim { lodged_at, ..stamped(name, at(90), None) };
        let just = first(&store, late(until, "a")).await;
        assert_eq!(just.state, ClaimState::Waiting);
        let outcome = store.lodge(late(Timestamp::from_millis(until.as_millis() + 1), "b")).await.unwrap();
        assert_eq!(outcome, Lodged::OutageTooLate { until });
    }

    async fn a_due_time_that_was_put_off_meanwhile_harms_nobody(site: Site) {
        let store = after_an_outage(&site).await;
        set_up(&store, assignment(Some(at(400)))).await;
        let row = first(&store, stamped("a", at(90), None)).await;
        assert_eq!((row.due, row.late_ms), (Some(at(100)), 0));
        // Late by what it names: it has to be signed anew; and nothing is taken for a time that was cut short.
        let outcome = store.lodge(stamped("b", at(200), None)).await.unwrap();
        assert_eq!(outcome, Lodged::DueChanged { due: Some(at(400)) });
        set_up(&store, assignment(Some(at(95)))).await;
        let outcome = store.lodge(stamped("c", at(90), None)).await.unwrap();
        assert_eq!(outcome, Lodged::DueChanged { due: Some(at(95)) });
        // An ordinary claim names the due time on record.
        set_up(&store, assignment(Some(at(4_000)))).await;
        let ordinary = claim("d", at(510), Some(row.id));
        assert_eq!(store.lodge(ordinary).await.unwrap(), Lodged::DueChanged { due: Some(at(4_000)) });
    }

    async fn it_is_taken_though_another_came_before_it(site: Site) {
        let store = site.blackboard().await;
        set_up(&store, assignment(Some(at(100)))).await;
        store.mark_minute(at(0), None).await.unwrap();
        // From another device, of which the one that signs in the outage was not told.
        let earlier = first(&store, claim("earlier", at(10), None)).await;
        receive(&store, earlier.id, at(20)).await;
        store.mark_minute(at(500), None).await.unwrap();
        let row = first(&store, stamped("a", at(90), None)).await;
        assert_eq!(counting(&store).await, Some(earlier.id));
        receive(&store, row.id, at(520)).await;
        // It was signed later, so it counts; and the next claim comes after it.
        assert_eq!(counting(&store).await, Some(row.id));
        assert_eq!(on_record(&store).await.last_claim, Some(row.id));
    }

    async fn it_does_not_push_aside_what_was_lodged_after_it(site: Site) {
        let store = site.blackboard().await;
        set_up(&store, assignment(Some(at(900)))).await;
        store.mark_minute(at(0), None).await.unwrap();
        store.mark_minute(at(500), None).await.unwrap();
        // Blackboard is back, and a better version is handed in from another device.
        let claim_of = |manifest, lodged_at, replaces| NewClaim {
            due: Some(at(900)),
            ..claim(manifest, lodged_at, replaces)
        };
        let better = first(&store, claim_of("better", at(510), None)).await;
        // Hours later the first device wakes up.
        let old = NewClaim { due: Some(at(900)), lodged_at: at(700), ..stamped("old", at(90), None) };
        let old = first(&store, old).await;
        assert_eq!(store.claim(better.id).await.unwrap().unwrap().state, ClaimState::Waiting);
        receive(&store, better.id, at(710)).await;
        receive(&store, old.id, at(720)).await;
        assert_eq!(counting(&store).await, Some(better.id));
        let listed = store.claims_of(&lab(), &holder()).await.unwrap();
        assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [better.id, old.id]);
        // What comes next replaces the one that was lodged last, not the first of the list, and counts, as always.
        assert_eq!(on_record(&store).await.last_claim, Some(old.id));
        let next = first(&store, claim_of("next", at(800), Some(old.id))).await;
        receive(&store, next.id, at(810)).await;
        assert_eq!(counting(&store).await, Some(next.id));
        assert_eq!(store.mark_piece(NewPiece { claim: old.id, piece: PieceRef { file: 0, index: 0 }, at: at(820) }).await.unwrap(), Marked::Received { now: false });
    }
}
