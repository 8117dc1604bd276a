//! Claims and the entries that the log gets of them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use std::time::Duration;

use claim_core::claim::{ClaimId, Holder, LogEntry};
use claim_core::hand_in::{ClaimState, Limits, PieceRef};
use claim_core::{AssignmentRef, Digest, Timestamp};
use claim_course::{AssignmentPlan, Change, LatePolicy};
use claim_store::blackboard::{
    BlackboardStore, Changed, Changer, ClaimRow, CosignedRow, EntryKind, HolderRow, Lag, Lodged,
    LogHeadRow, Marked, NewClaim, NewCosignature, NewCourse, NewPiece, NewWithdrawal, Withdrawn,
};

use crate::site::{Site, at, on_each_database};

pub(crate) fn lab() -> AssignmentRef {
    "IEMS5710/lab1".parse().unwrap()
}

pub(crate) fn assignment(due: Option<Timestamp>) -> AssignmentPlan {
    AssignmentPlan {
        course: lab().course,
        assignment: lab().assignment,
        title: "Lab 1".to_owned(),
        visible_from: None,
        due,
        until: Some(at(10_000)),
        late: LatePolicy::Accept,
        upload_seconds: 600,
        limits: Limits { files: 10, bytes: 1_000, attempts: 5 },
        groups: None,
    }
}

/// Sets the assignment up, in a course that is open to everybody.
pub(crate) async fn set_up(store: &BlackboardStore, plan: AssignmentPlan) {
    let course = NewCourse {
        course: plan.course.clone(),
        title: "Network security".to_owned(),
        zone: "Asia/Hong_Kong".parse().unwrap(),
        open: true,
    };
    store.add_course(&course, None, at(0)).await.unwrap();
    let changes = [Change::Assignment(plan)];
    let changed = store
        .change_course(&course.course, None, &changes, None, Changer::Administrator("root"), at(0))
        .await;
    assert!(matches!(changed.unwrap(), Changed::Yes { .. }));
}

pub(crate) fn holder() -> Holder {
    Holder::one("1155123456".parse().unwrap())
}

/// A claim of two pieces, lodged at this time; what it says goes by `manifest`.
pub(crate) fn claim(manifest: &str, lodged_at: Timestamp, replaces: Option<ClaimId>) -> NewClaim {
    NewClaim {
        id: ClaimId::of_manifest(manifest.as_bytes()),
        reference: lab(),
        holder: holder(),
        person: "1155123456".parse().unwrap(),
        due: Some(at(100)),
        replaces,
        lodged_at,
        files: 1,
        bytes: 10,
        pieces: 2,
        cms: format!("cms of {manifest}").into_bytes(),
        token: format!("token of {manifest}").into_bytes(),
        revocation: b"crl".to_vec(),
        outage: None,
        serial: "5f0c".to_owned(),
        note: None,
    }
}

async fn store(site: &Site) -> BlackboardStore {
    let store = site.blackboard().await;
    set_up(&store, assignment(Some(at(100)))).await;
    store
}

pub(crate) async fn counting(store: &BlackboardStore) -> Option<ClaimId> {
    let counting = store.counting(&lab(), &holder()).await.unwrap();
    counting.map(|counting| counting.claim)
}

pub(crate) async fn first(store: &BlackboardStore, claim: NewClaim) -> ClaimRow {
    match store.lodge(claim).await.unwrap() {
        Lodged::First(row) => row,
        other => panic!("{other:?}"),
    }
}

fn piece(claim: ClaimId, index: u64, at: Timestamp) -> NewPiece {
    NewPiece { claim, piece: PieceRef { file: 0, index }, at }
}

/// What the holder has lodged, as the list of assignments tells it.
pub(crate) async fn on_record(store: &BlackboardStore) -> HolderRow {
    let offers = store.offers(&holder().sids()[0], at(0)).await.unwrap();
    offers.into_iter().find(|offer| offer.plan.reference() == lab()).unwrap().known
}

async fn state(store: &BlackboardStore, claim: ClaimId) -> ClaimState {
    store.claim(claim).await.unwrap().unwrap().state
}

async fn entries(store: &BlackboardStore) -> Vec<LogEntry> {
    let staged = store.staged_entries(100).await.unwrap();
    staged.iter().map(|row| LogEntry::from_slice(&row.entry).unwrap()).collect()
}

on_each_database! {
    async fn a_claim_and_its_entry_are_there_together(site: Site) {
        let store = store(&site).await;
        let new = claim("a", at(0), None);
        let row = first(&store, new.clone()).await;
        assert_eq!((row.attempt, row.late_ms, row.state), (1, 0, ClaimState::Waiting));
        assert_eq!(row.upload_until, at(600));
        assert_eq!(store.claim(new.id).await.unwrap(), Some(row.clone()));
        let lodged = LogEntry::Lodged {
            claim: new.id,
            timestamp: Digest::of(&new.token),
            revocation: Digest::of(&new.revocation),
        };
        assert_eq!(entries(&store).await, [lodged]);
        // Again, with another signature and another token: the first stands, and nothing is added.
        let again = NewClaim { cms: vec![1], token: vec![2], lodged_at: at(50), ..new };
        assert_eq!(store.lodge(again).await.unwrap(), Lodged::Repeat(row));
        assert_eq!(entries(&store).await.len(), 1);
        assert_eq!(on_record(&store).await.attempts, 1);
    }

    async fn what_does_not_fit_the_records_changes_nothing(site: Site) {
        let store = store(&site).await;
        let stranger = NewClaim { reference: "IEMS5710/lab2".parse().unwrap(), ..claim("a", at(0), None) };
        assert_eq!(store.lodge(stranger).await.unwrap(), Lodged::NoAssignment);
        let due = NewClaim { due: None, ..claim("b", at(0), None) };
        assert_eq!(store.lodge(due).await.unwrap(), Lodged::DueChanged { due: Some(at(100)) });
        assert_eq!(store.lodge(claim("c", at(10_001), None)).await.unwrap(), Lodged::Closed { until: at(10_000) });
        let replaces = Some(ClaimId::of_manifest(b"never"));
        assert_eq!(store.lodge(claim("d", at(0), replaces)).await.unwrap(), Lodged::ReplacesChanged { last_claim: None });
        for large in [
            NewClaim { files: 11, ..claim("e", at(0), None) },
            NewClaim { bytes: 1_001, ..claim("f", at(0), None) },
        ] {
            assert!(matches!(store.lodge(large).await.unwrap(), Lodged::LimitExceeded { attempts: 0, .. }));
        }
        assert_eq!(entries(&store).await, []);
        assert_eq!(on_record(&store).await, Default::default());
        assert_eq!(store.claims_of(&lab(), &holder()).await.unwrap(), []);
    }

    async fn each_claim_names_the_one_before(site: Site) {
        let store = store(&site).await;
        let a = first(&store, claim("a", at(0), None)).await;
        let stale = claim("b", at(1), None);
        assert_eq!(store.lodge(stale.clone()).await.unwrap(), Lodged::ReplacesChanged { last_claim: Some(a.id) });
        let b = first(&store, NewClaim { replaces: Some(a.id), ..stale }).await;
        assert_eq!((b.attempt, state(&store, a.id).await), (2, ClaimState::Superseded));
        let mut last = b;
        for manifest in ["c", "d", "e"] {
            last = first(&store, claim(manifest, at(2), Some(last.id))).await;
        }
        let sixth = store.lodge(claim("f", at(3), Some(last.id))).await.unwrap();
        assert!(matches!(sixth, Lodged::LimitExceeded { attempts: 5, .. }));
    }

    async fn of_claims_that_race_one_wins(site: Site) {
        let store = std::sync::Arc::new(store(&site).await);
        let tasks: Vec<_> = (0..20)
            .map(|number| {
                let store = std::sync::Arc::clone(&store);
                tokio::spawn(async move { store.lodge(claim(&format!("{number}"), at(0), None)).await.unwrap() })
            })
            .collect();
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Lodged::First(_) => won += 1,
                Lodged::ReplacesChanged { last_claim } => assert!(last_claim.is_some()),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((won, entries(&store).await.len()), (1, 1));
    }

    async fn a_late_claim_never_ends_one_in_time(site: Site) {
        let store = store(&site).await;
        let a = first(&store, claim("a", at(100), None)).await;
        let b = first(&store, claim("b", Timestamp::from_millis(at(100).as_millis() + 1), Some(a.id))).await;
        assert_eq!((a.late_ms, b.late_ms), (0, 1));
        assert_eq!(state(&store, a.id).await, ClaimState::Waiting);
        let c = first(&store, claim("c", at(102), Some(b.id))).await;
        assert_eq!((state(&store, a.id).await, state(&store, b.id).await), (ClaimState::Waiting, ClaimState::Superseded));
        assert_eq!(c.attempt, 3);
    }

    async fn received_with_the_last_piece(site: Site) {
        let store = store(&site).await;
        let a = first(&store, claim("a", at(0), None)).await;
        assert_eq!(store.mark_piece(piece(a.id, 1, at(1))).await.unwrap(), Marked::Waiting { now: true });
        assert_eq!(store.mark_piece(piece(a.id, 1, at(2))).await.unwrap(), Marked::Waiting { now: false });
        assert_eq!(store.durable_pieces(a.id).await.unwrap(), [PieceRef { file: 0, index: 1 }]);
        assert_eq!(counting(&store).await, None);
        assert_eq!(store.mark_piece(piece(a.id, 0, at(3))).await.unwrap(), Marked::Received { now: true });
        assert_eq!(store.mark_piece(piece(a.id, 0, at(4))).await.unwrap(), Marked::Received { now: false });
        assert_eq!(store.claim(a.id).await.unwrap().unwrap().received_at, Some(at(3)));
        assert_eq!(counting(&store).await, Some(a.id));
        assert_eq!(entries(&store).await[1..], [LogEntry::Received { claim: a.id }]);
        assert_eq!(store.mark_piece(piece(ClaimId::of_manifest(b"?"), 0, at(4))).await.unwrap(), Marked::NoClaim);
    }

    async fn empty_files_need_no_upload(site: Site) {
        let store = store(&site).await;
        let a = first(&store, NewClaim { pieces: 0, ..claim("a", at(7), None) }).await;
        assert_eq!((a.state, a.received_at), (ClaimState::Received, Some(at(7))));
        assert_eq!(entries(&store).await.len(), 2);
    }

    async fn what_counts(site: Site) {
        let store = store(&site).await;
        let empty = |manifest, lodged_at, replaces| NewClaim { pieces: 0, ..claim(manifest, lodged_at, replaces) };
        let a = first(&store, empty("a", at(0), None)).await;
        let b = first(&store, empty("b", at(1), Some(a.id))).await;
        assert_eq!(counting(&store).await, Some(b.id));
        // A late one and an incomplete one change nothing.
        let c = first(&store, claim("c", at(2), Some(b.id))).await;
        let d = first(&store, empty("d", at(101), Some(c.id))).await;
        assert_eq!(counting(&store).await, Some(b.id));
        // The last one withdrawn, the one before counts again.
        let withdrawal = NewWithdrawal { claim: b.id, cms: vec![1], at: at(3) };
        assert!(matches!(store.withdraw(&withdrawal).await.unwrap(), Withdrawn::Yes(_)));
        assert_eq!(counting(&store).await, Some(a.id));
        let newest: Vec<_> = store.claims_of(&lab(), &holder()).await.unwrap().iter().map(|row| row.id).collect();
        assert_eq!(newest, [d.id, c.id, b.id, a.id]);
    }

    async fn withdrawing(site: Site) {
        let store = store(&site).await;
        let a = first(&store, claim("a", at(0), None)).await;
        let at_time = |time| NewWithdrawal { claim: a.id, cms: vec![1], at: time };
        assert_eq!(store.withdraw(&at_time(at(101))).await.unwrap(), Withdrawn::TooLate { until: at(100) });
        assert_eq!(state(&store, a.id).await, ClaimState::Waiting);
        assert!(matches!(store.withdraw(&at_time(at(100))).await.unwrap(), Withdrawn::Yes(_)));
        // Repeated, also later: it is withdrawn, once.
        assert!(matches!(store.withdraw(&at_time(at(200))).await.unwrap(), Withdrawn::Yes(_)));
        let expected = LogEntry::Withdrawn { claim: a.id, withdrawal: Digest::of(&[1]) };
        assert_eq!(entries(&store).await[1..], [expected]);
        assert_eq!(store.mark_piece(piece(a.id, 0, at(5))).await.unwrap(), Marked::Ended { state: ClaimState::Withdrawn });
        let b = first(&store, claim("b", at(1), Some(a.id))).await;
        first(&store, claim("c", at(2), Some(b.id))).await;
        let superseded = NewWithdrawal { claim: b.id, cms: vec![1], at: at(3) };
        assert_eq!(store.withdraw(&superseded).await.unwrap(), Withdrawn::Ended { state: ClaimState::Superseded });
        let nobody = NewWithdrawal { claim: ClaimId::of_manifest(b"?"), ..superseded };
        assert_eq!(store.withdraw(&nobody).await.unwrap(), Withdrawn::NoClaim);
    }

    async fn a_claim_lapses_and_a_silent_server_moves_that(site: Site) {
        let store = store(&site).await;
        assert_eq!(store.mark_minute(at(0), None).await.unwrap(), 0);
        let a = first(&store, claim("a", at(0), None)).await;
        assert_eq!(store.mark_minute(at(60), None).await.unwrap(), 0);
        assert_eq!(store.claim(a.id).await.unwrap().unwrap().upload_until, at(600));
        // Ten minutes of silence: the window, which would be over, moves by them.
        assert_eq!(store.mark_minute(at(660), None).await.unwrap(), 0);
        assert_eq!(store.claim(a.id).await.unwrap().unwrap().upload_until, at(1_200));
        assert_eq!(store.mark_piece(piece(a.id, 0, at(1_201))).await.unwrap(), Marked::Ended { state: ClaimState::Lapsed });
        for minute in 12..=20 {
            assert_eq!(store.mark_minute(at(minute * 60), None).await.unwrap(), 0);
        }
        assert_eq!(store.mark_minute(at(1_201), None).await.unwrap(), 1);
        assert_eq!(state(&store, a.id).await, ClaimState::Lapsed);
        assert_eq!(store.mark_piece(piece(a.id, 0, at(1_202))).await.unwrap(), Marked::Ended { state: ClaimState::Lapsed });
    }

    async fn a_clock_that_is_set_is_no_outage_and_hides_none(site: Site) {
        let store = store(&site).await;
        let served = |seconds| Some(Duration::from_secs(seconds));
        let until = async |id| store.claim(id).await.unwrap().unwrap().upload_until;
        store.mark_minute(at(0), None).await.unwrap();
        let a = first(&store, claim("a", at(0), None)).await;
        // Put forward by five minutes, and back: the server has served all the time.
        store.mark_minute(at(320), served(20)).await.unwrap();
        store.mark_minute(at(40), served(20)).await.unwrap();
        store.mark_minute(at(360), served(20)).await.unwrap();
        assert_eq!((until(a.id).await, store.outages().await.unwrap()), (at(600), vec![]));
        // Set back for good, and then it is away for two minutes: the mark that was made ahead hides nothing.
        store.mark_minute(at(60), served(20)).await.unwrap();
        store.mark_minute(at(180), None).await.unwrap();
        assert_eq!(until(a.id).await, at(720));
        // Its records were away for two minutes while the clock was put forward by five: it is two that count.
        store.mark_minute(at(180 + 420), served(120)).await.unwrap();
        assert_eq!(until(a.id).await, at(840));
        let periods: Vec<_> = store.outages().await.unwrap().iter().map(|row| (row.since, row.until)).collect();
        assert_eq!(periods, [(at(60), at(180)), (at(480), at(600))]);
        // A replica whose clock is a little behind takes nothing back.
        store.mark_minute(at(580), served(20)).await.unwrap();
        store.mark_minute(at(650), None).await.unwrap();
        assert_eq!(until(a.id).await, at(840));
    }

    async fn the_log_grows_for_one_at_a_time(site: Site) {
        let store = store(&site).await;
        assert_eq!(store.log_head().await.unwrap(), None);
        let empty = LogHeadRow { size: 0, root: [0; 32], published_size: 0, checkpoint: b"0".to_vec() };
        store.begin_log(&empty).await.unwrap();
        store.begin_log(&LogHeadRow { size: 9, ..empty.clone() }).await.unwrap();
        assert_eq!(store.log_head().await.unwrap(), Some(empty));

        let a = first(&store, NewClaim { pieces: 0, ..claim("a", at(0), None) }).await;
        let staged = store.staged_entries(100).await.unwrap();
        assert_eq!(staged.len(), 2);
        assert_eq!(store.leaf(a.id, EntryKind::Lodged).await.unwrap(), None);
        assert!(!store.append_to_log((1, [0; 32]), (3, [1; 32]), &staged).await.unwrap());
        assert!(!store.append_to_log((0, [9; 32]), (2, [1; 32]), &staged).await.unwrap());
        assert!(store.append_to_log((0, [0; 32]), (2, [1; 32]), &staged).await.unwrap());
        // The other who had planned the same batch.
        assert!(!store.append_to_log((0, [0; 32]), (2, [1; 32]), &staged).await.unwrap());
        // Not before the tree is published, and never the same entries again.
        assert!(!store.append_to_log((2, [1; 32]), (4, [2; 32]), &staged).await.unwrap());
        assert_eq!(store.log_head().await.unwrap().unwrap().size, 2);
        assert_eq!(store.staged_entries(100).await.unwrap(), []);
        assert_eq!(store.logged_entries(1, 100).await.unwrap(), staged[1..]);
        assert_eq!(store.leaf(a.id, EntryKind::Lodged).await.unwrap(), Some(0));
        assert_eq!(store.leaf(a.id, EntryKind::Received).await.unwrap(), Some(1));
        assert_eq!(store.leaf(a.id, EntryKind::Withdrawn).await.unwrap(), None);

        store.publish_checkpoint(3, b"ahead of the tree").await.unwrap();
        assert_eq!(store.log_head().await.unwrap().unwrap().published_size, 0);
        store.publish_checkpoint(2, b"2").await.unwrap();
        store.publish_checkpoint(1, b"1").await.unwrap();
        assert_eq!(store.log_head().await.unwrap().unwrap().checkpoint, b"2");

        // Published, the tree may grow again.
        let b = first(&store, claim("b", at(1), Some(a.id))).await;
        let staged = store.staged_entries(100).await.unwrap();
        assert!(store.append_to_log((2, [1; 32]), (3, [2; 32]), &staged).await.unwrap());
        assert_eq!(store.leaf(b.id, EntryKind::Lodged).await.unwrap(), Some(2));

        // Whoever watches sees all of it in its order, from any place on.
        let events = store.log_events(0, 3, 10).await.unwrap();
        let told: Vec<_> = events.iter().map(|event| (event.leaf, event.kind, event.claim.id)).collect();
        let (lodged, received) = (EntryKind::Lodged, EntryKind::Received);
        assert_eq!(told, [(0, lodged, a.id), (1, received, a.id), (2, lodged, b.id)]);
        assert_eq!(store.log_events(0, 1, 10).await.unwrap(), events[..1]);
        let of = |course: &str| course.parse().unwrap();
        assert_eq!(store.log_events_of(&of("IEMS5710"), 1, 3, 10).await.unwrap(), events[1..]);
        assert_eq!(store.log_events_of(&of("IEMS5710"), 0, 3, 1).await.unwrap(), events[..1]);
        assert_eq!(store.log_events_of(&of("OTHER"), 0, 3, 10).await.unwrap(), []);

        assert_eq!(store.lag().await.unwrap(), Lag { covered: 0, uncovered: 3, cosigned_at: None });
        store.keep_cosignature(&cosignature("one", 2, "of two"), at(5)).await.unwrap();
        assert_eq!(store.lag().await.unwrap(), Lag { covered: 2, uncovered: 1, cosigned_at: Some(at(5)) });
        first(&store, claim("c", at(1), Some(b.id))).await;
        assert_eq!(store.lag().await.unwrap(), Lag { covered: 2, uncovered: 2, cosigned_at: Some(at(5)) });
    }

    async fn every_witness_cosigns_at_its_own_pace(site: Site) {
        let store = store(&site).await;
        let row = |size, checkpoint: &str, signatures: &[&str]| CosignedRow {
            size,
            checkpoint: checkpoint.as_bytes().to_vec(),
            signatures: signatures.iter().map(|one| one.as_bytes().to_vec()).collect(),
        };
        assert_eq!(store.first_cosigned(0).await.unwrap(), None);
        assert_eq!(store.last_cosigned_by("b").await.unwrap(), 0);
        for (witness, size, text) in
            [("b", 1, "b1"), ("b", 5, "b5"), ("b", 2, "b2"), ("a", 2, "a2"), ("a", 2, "again")]
        {
            store.keep_cosignature(&cosignature(witness, size, text), at(0)).await.unwrap();
        }
        // The earliest that covers a leaf, with the signatures of those who have come so far.
        assert_eq!(store.first_cosigned(0).await.unwrap(), Some(row(1, "b1 was first", &["b1"])));
        let two = row(2, "b2 was first", &["a2", "b2"]);
        assert_eq!(store.first_cosigned(1).await.unwrap(), Some(two.clone()));
        assert_eq!(store.first_cosigned(4).await.unwrap().unwrap().size, 5);
        assert_eq!(store.first_cosigned(5).await.unwrap(), None);
        assert_eq!(store.last_cosigned_by("a").await.unwrap(), 2);
        assert_eq!(store.last_cosigned_by("b").await.unwrap(), 5);
        assert_eq!(store.cosigned_after(0, 1).await.unwrap(), Some(two));
        assert_eq!(store.cosigned_after(0, 3).await.unwrap(), None);

        for certificate in ["first", "renewed"] {
            store.put_witness("b", certificate.as_bytes()).await.unwrap();
        }
        store.put_witness("a", b"another").await.unwrap();
        assert_eq!(store.witnesses().await.unwrap(), [&b"another"[..], b"renewed"]);
    }
}

fn cosignature<'a>(witness: &'a str, size: u64, text: &'a str) -> NewCosignature<'a> {
    let checkpoint = text_of_first(text);
    NewCosignature { witness, size, checkpoint, signature: text.as_bytes() }
}

/// The note that comes with this signature.
fn text_of_first(text: &str) -> &'static [u8] {
    match text {
        "b1" => b"b1 was first",
        "b2" => b"b2 was first",
        _ => b"another was first",
    }
}
