//! What is erased, what is not, and that being cut off anywhere leaves nothing half erased for good.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use claim_core::Timestamp;
use claim_core::claim::ClaimId;
use claim_core::hand_in::PieceRef;
use claim_course::AssignmentPlan;
use claim_store::blackboard::{
    BlackboardStore, EntryKind, Erasable, Erasure, HolderRow, Lodged, Marked, NewClaim, NewMessage,
    NewPiece, OldMessages,
};
use claim_store::{Faults, Injector, Moment, ObjectName, Objects, Point, Scrubbed, Taken, Verdict};

use crate::claims::{self, assignment, claim, first, holder, lab, on_record};
use crate::site::{Site, at, on_each_database};

/// Long after everything.
const LATER: i64 = 1_000_000;

const PIECES: [PieceRef; 2] = [PieceRef { file: 0, index: 0 }, PieceRef { file: 0, index: 1 }];

/// A claim that is received, with all its entries in the log.
async fn received(store: &BlackboardStore, manifest: &str, replaces: Option<ClaimId>) -> ClaimId {
    let id = first(store, claim(manifest, at(0), replaces)).await.id;
    for piece in PIECES {
        store.mark_piece(NewPiece { claim: id, piece, at: at(1) }).await.unwrap();
    }
    id
}

async fn logged(site: &Site) {
    use sqlx::Executor;
    let mut connection = site.connection().await;
    connection.execute("UPDATE log_entries SET leaf = id").await.unwrap();
}

async fn set_up(site: &Site) -> BlackboardStore {
    let store = site.blackboard().await;
    claims::set_up(&store, assignment(Some(at(100)))).await;
    store
}

/// What may be erased of the one assignment: how many claims.
async fn erasable(store: &BlackboardStore, before: Timestamp) -> u64 {
    let listed = store.erasable(before).await.unwrap();
    assert!(listed.len() <= 1 && listed.iter().all(|one| one.reference == lab()), "{listed:?}");
    let claims = store.erasable_claims(&lab(), before).await.unwrap();
    let counted = listed.first().map_or(0, |one| one.claims);
    assert_eq!(claims.len() as u64, counted);
    counted
}

async fn begin(store: &BlackboardStore, before: Timestamp) -> Vec<ClaimId> {
    store.begin_erasures(&lab(), before, at(LATER), 10).await.unwrap()
}

on_each_database! {
    async fn what_is_old_is_erased_and_its_entries_stay(site: Site) {
        let store = set_up(&site).await;
        let id = received(&store, "a", None).await;
        let next = received(&store, "b", Some(id)).await;

        // Its entries are not in the log yet; then it is too young; then its assignment is not over.
        assert_eq!(erasable(&store, at(LATER)).await, 0);
        logged(&site).await;
        for before in [0, 1, 99, 9_999] {
            assert_eq!(erasable(&store, at(before)).await, 0, "{before}");
            assert_eq!(begin(&store, at(before)).await, []);
        }
        let [listed] = &store.erasable(at(LATER)).await.unwrap()[..] else { panic!("one assignment") };
        let bytes = 2 * ("cms of a".len() + "token of a".len() + "crl".len()) as u64;
        let expected = Erasable { reference: lab(), claims: 2, oldest: at(0), newest: at(0), bytes };
        assert_eq!(*listed, expected);

        // All of a holder's go at once, and are not shown from then on, by any way.
        let begun: BTreeSet<ClaimId> = begin(&store, at(LATER)).await.into_iter().collect();
        assert_eq!(begun, BTreeSet::from([id, next]));
        assert_eq!(begin(&store, at(LATER)).await, []);
        assert_eq!(erasable(&store, at(LATER)).await, 0);
        assert_eq!(store.erasures_under_way().await.unwrap().len(), 2);
        assert_eq!(store.claim(id).await.unwrap(), None);
        assert_eq!(store.outline(id).await.unwrap(), None);
        assert_eq!(store.claims_for(&lab()).await.unwrap(), []);
        assert_eq!(store.claims_of(&lab(), &holder()).await.unwrap(), []);
        assert_eq!(store.counting(&lab(), &holder()).await.unwrap(), None);
        assert_eq!(store.some_durable_pieces().await.unwrap(), [], "a start does not look for its files");
        let piece = NewPiece { claim: id, piece: PIECES[0], at: at(2) };
        assert_eq!(store.mark_piece(piece).await.unwrap(), Marked::NoClaim);
        let erasure = Erasure { erased_at: at(LATER), done: false };
        assert_eq!(store.erasure(id).await.unwrap(), Some(erasure));
        assert_eq!(store.lodge(claim("a", at(5), None)).await.unwrap(), Lodged::Erased(erasure));

        store.finish_erasures(&[id]).await.unwrap();
        store.settle_erasures(&[id, next]).await.unwrap();
        assert_eq!(store.erasures_under_way().await.unwrap(), [next]);
        // What the holder has lodged is on record until the last of it goes.
        assert_eq!(on_record(&store).await.last_claim, Some(next));
        store.finish_erasures(&[id, next]).await.unwrap();
        store.scrub().await.unwrap();
        store.settle_erasures(&[id, next]).await.unwrap();
        assert_eq!(store.erasures_under_way().await.unwrap(), []);
        assert_eq!(on_record(&store).await, HolderRow::default());
        let erasure = Erasure { done: true, ..erasure };
        assert_eq!(store.erasure(id).await.unwrap(), Some(erasure));
        assert_eq!(store.durable_pieces(id).await.unwrap(), []);
        for kind in [EntryKind::Lodged, EntryKind::Received] {
            assert!(store.leaf(id, kind).await.unwrap().is_some());
        }
        // The same claim again would be a second entry of the log.
        assert_eq!(store.lodge(claim("a", at(5), None)).await.unwrap(), Lodged::Erased(erasure));
        assert!(names_of_people(&site).await.is_empty());
    }

    async fn what_waits_for_files_keeps_all_of_its_holder(site: Site) {
        let store = set_up(&site).await;
        let id = received(&store, "a", None).await;
        first(&store, claim("b", at(5), Some(id))).await;
        logged(&site).await;
        assert_eq!(erasable(&store, at(LATER)).await, 0);
        assert_eq!(begin(&store, at(LATER)).await, []);
    }

    async fn whoever_lodges_meanwhile_loses_nothing(site: Site) {
        let store = site.blackboard().await;
        // One that has no end: what is lodged for it is old by itself.
        let endless = AssignmentPlan { until: None, ..assignment(None) };
        claims::set_up(&store, endless).await;
        let first_claim = NewClaim { due: None, ..claim("a", at(0), None) };
        let old = first(&store, first_claim).await.id;
        store.mark_minute(at(700), None).await.unwrap();
        logged(&site).await;
        assert_eq!(begin(&store, at(LATER)).await, [old]);
        let next = NewClaim { due: None, ..claim("b", at(LATER), Some(old)) };
        let next = first(&store, next).await.id;
        store.finish_erasures(&[old]).await.unwrap();
        let expected = HolderRow { last_claim: Some(next), attempts: 2 };
        assert_eq!(on_record(&store).await, expected);
        assert!(store.claim(next).await.unwrap().is_some());
        // Finished once more, of a claim that nobody began to erase, it erases nothing.
        store.finish_erasures(&[next]).await.unwrap();
        assert!(store.claim(next).await.unwrap().is_some());
    }

    async fn whoever_handed_in_nothing_leaves_nothing(site: Site) {
        let store = set_up(&site).await;
        let large = NewClaim { files: 11, ..claim("a", at(0), None) };
        assert!(matches!(store.lodge(large).await.unwrap(), Lodged::LimitExceeded { .. }));
        assert_eq!(names_of_people(&site).await, ["1155123456"]);
        assert_eq!(store.empty_holders().await.unwrap(), [lab()]);
        store.erase_empty_holders(&"IEMS5710/lab2".parse().unwrap()).await.unwrap();
        assert_eq!(store.empty_holders().await.unwrap(), [lab()]);
        store.erase_empty_holders(&lab()).await.unwrap();
        assert_eq!(store.empty_holders().await.unwrap(), []);
        assert!(names_of_people(&site).await.is_empty());
        // A row that says something stays.
        first(&store, claim("b", at(0), None)).await;
        store.erase_empty_holders(&lab()).await.unwrap();
        assert_eq!(on_record(&store).await.attempts, 1);
    }

    async fn old_messages_go_and_the_others_stay(site: Site) {
        let store = site.blackboard().await;
        for second in 0..5 {
            let mut nonce = [0; 16];
            nonce[0] = second;
            let message = NewMessage {
                session: [1; 32],
                nonce,
                person: "1155123456".parse().unwrap(),
                received_at: at(second.into()),
                content_digest: [2; 32],
                text: format!("message {second}"),
            };
            store.keep_message(message).await.unwrap();
        }
        let old = store.messages_before(at(3)).await.unwrap();
        assert_eq!(old, OldMessages { count: 3, bytes: 3 * 9, oldest: Some(at(0)) });
        for erased in [2, 1, 0] {
            assert_eq!(store.erase_messages(at(3), 2).await.unwrap(), erased);
        }
        let left = store.messages(0, 10).await.unwrap();
        assert_eq!(left.iter().map(|message| message.received_at).collect::<Vec<_>>(), [at(3), at(4)]);
        let old = store.messages_before(at(3)).await.unwrap();
        assert_eq!(old, OldMessages { count: 0, bytes: 0, oldest: None });
    }
}

/// Who is named in the records of what was handed in.
async fn names_of_people(site: &Site) -> Vec<String> {
    let mut connection = site.connection().await;
    let rows = sqlx::query("SELECT holder FROM holders UNION SELECT holder FROM claims ORDER BY 1")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    rows.iter().map(|row| sqlx::Row::get(row, 0)).collect()
}

/// What SQLite deletes stays in the file, and in the log beside it, until something is written over it; and where rows move
/// from page to page, copies of them stay behind that nobody deletes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_lingers_in_a_file() {
    let site = Site::sqlite();
    let store = set_up(&site).await;
    handed_in_by_many(&site).await;
    assert_eq!(lingering(&site).len(), MANY);
    let begun = store.begin_erasures(&lab(), at(LATER), at(LATER), 1_500).await.unwrap();
    assert_eq!(begun.len(), 2 * 1_500);
    store.finish_erasures(&begun).await.unwrap();
    assert_eq!(store.scrub().await.unwrap(), Scrubbed::Whole);
    let left: Vec<String> = (1_500..MANY).map(sid).collect();
    assert_eq!(lingering(&site), left.into_iter().collect());
    store.close().await;
}

const MANY: usize = 3_000;

fn sid(student: usize) -> String {
    format!("1155{student:06}")
}

/// Two claims of each of many students, in an order that has rows move a lot.
async fn handed_in_by_many(site: &Site) {
    use sqlx::Connection;
    let mut connection = site.connection().await;
    let mut transaction = connection.begin().await.unwrap();
    for number in 0..MANY {
        let student = number * 1_237 % MANY;
        let holder = sid(student);
        for attempt in 1..=2 {
            let id = ClaimId::of_manifest(format!("{holder} {attempt}").as_bytes()).to_string();
            let cms = [holder.as_bytes(), &vec![7; 500 + number * 7_919 % 4_000]].concat();
            let insert = "INSERT INTO claims (id, course, assignment, holder, attempt, person, lodged_at, late_ms, state, \
                 upload_until, received_at, pieces, durable, cms, token, revocation, place) VALUES ($1, 'IEMS5710', \
                 'lab1', $2, $3, $2, 0, 0, 'waiting', 0, 0, 0, 0, $4, $4, $4, $3)";
            let insert = sqlx::query(insert).bind(id.clone()).bind(holder.clone()).bind(attempt);
            insert.bind(cms).execute(&mut *transaction).await.unwrap();
            let update = "UPDATE claims SET state = 'received', withdrawal = $2 WHERE id = $1";
            let update = sqlx::query(update).bind(id).bind(holder.repeat(3).into_bytes());
            update.execute(&mut *transaction).await.unwrap();
        }
        let insert = "INSERT INTO holders VALUES ('IEMS5710', 'lab1', $1, NULL, 2)";
        sqlx::query(insert).bind(holder).execute(&mut *transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

/// Whose ids stand in the database's file, or in one beside it.
fn lingering(site: &Site) -> BTreeSet<String> {
    let known: BTreeSet<String> = (0..MANY).map(sid).collect();
    let mut found = BTreeSet::new();
    for file in fs::read_dir(site.file().parent().unwrap()).unwrap() {
        let content = fs::read(file.unwrap().path()).unwrap();
        let ids = content.windows(10).filter(|window| window.starts_with(b"1155"));
        found.extend(ids.filter_map(|id| std::str::from_utf8(id).ok()).map(str::to_owned));
    }
    found.intersection(&known).cloned().collect()
}

/// Fails once, at one point, when that is reached for the nth time.
struct Once {
    point: Point,
    moment: Moment,
    time: u32,
    reached: AtomicU32,
}

impl Injector for Once {
    fn reached(
        &self,
        point: Point,
        moment: Moment,
    ) -> Pin<Box<dyn Future<Output = Verdict> + Send>> {
        let hit = (point, moment) == (self.point, self.moment);
        let fails = hit && self.reached.fetch_add(1, Ordering::SeqCst) + 1 == self.time;
        Box::pin(ready(if fails { Verdict::Fail } else { Verdict::Proceed }))
    }
}

/// What the command does.
async fn erase(store: &BlackboardStore, objects: &Objects) -> Result<(), String> {
    let begun = store.begin_erasures(&lab(), at(LATER), at(LATER), 10).await;
    begun.map_err(|error| error.to_string())?;
    let under_way = store.erasures_under_way().await.map_err(|error| error.to_string())?;
    objects.erase_all_of(&under_way).await.map_err(|error| error.to_string())?;
    store.finish_erasures(&under_way).await.map_err(|error| error.to_string())?;
    store.settle_erasures(&under_way).await.map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_anywhere_it_goes_on_where_it_was() {
    // `Erased` is reached twice: when the records go, and when it is noted that nothing is left.
    let points = [
        (Point::ErasureBegun, 1),
        (Point::ObjectErased, 1),
        (Point::Erased, 1),
        (Point::Erased, 2),
    ];
    for (point, time) in points {
        for moment in [Moment::Before, Moment::After] {
            let (site, folder) = (Site::sqlite(), tempfile::tempdir().unwrap());
            let store = set_up(&site).await;
            let id = received(&store, "a", None).await;
            logged(&site).await;
            let objects = Objects::open(folder.path()).unwrap();
            for piece in PIECES {
                let name = ObjectName::piece(id, piece);
                objects.keep(&name, Bytes::from_static(b"abc")).await.unwrap();
            }
            // A piece that nobody marked, what a killed process left, and a piece of another claim in the same folder.
            let beside = [
                format!("{id}.0.7"),
                format!("{id}.0.1#3"),
                format!("{:.2}{:062}.0.0", id.to_string(), 0),
            ];
            let shard = folder.path().join(format!("claims/{:.2}", id.to_string()));
            for name in &beside {
                fs::write(shard.join(name), b"abcd").unwrap();
            }
            let space = objects.space_of(HashMap::from([(id, 3)])).await.unwrap();
            assert_eq!(space, HashMap::from([(3, Taken { objects: 4, bytes: 14 })]));
            store.close().await;

            let once = Arc::new(Once { point, moment, time, reached: AtomicU32::new(0) });
            let faults = Faults::by(Arc::clone(&once) as Arc<dyn Injector>);
            let broken = BlackboardStore::open_with(&site.url(), faults.clone()).await.unwrap();
            let objects = Objects::open_with(folder.path(), faults).unwrap();
            erase(&broken, &objects).await.unwrap_err();
            assert!(once.reached.load(Ordering::SeqCst) >= time, "{point} {moment:?}");
            broken.close().await;

            // After it was cut off the claim is either as it was, or not shown any more, and then it goes on.
            let store = site.blackboard().await;
            let begun = store.erasure(id).await.unwrap().is_some();
            assert_eq!(store.claim(id).await.unwrap().is_none(), begun);
            erase(&store, &objects).await.unwrap();
            assert_eq!(store.erasures_under_way().await.unwrap(), []);
            assert!(store.erasure(id).await.unwrap().unwrap().done);
            let left: Vec<_> =
                fs::read_dir(&shard).unwrap().map(|file| file.unwrap().file_name()).collect();
            assert_eq!(left, [beside[2].as_str()]);
            store.close().await;
        }
    }
}
