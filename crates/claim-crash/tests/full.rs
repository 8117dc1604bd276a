//! Both servers on a disk that becomes full: what they refuse, what goes on, and that it goes on by itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use std::path::Path;
use std::time::Duration;

use claim_core::ProblemType;
use claim_crash::check::{Claims, check};
use claim_crash::deed::{Deed, Enrol, HandIn, Kind, Message};
use claim_crash::round::{all, done};
use claim_crash::small_disk::SmallDisk;
use claim_crash::wire::Ask;
use claim_crash::world::{Scene, Side, World};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use tokio::time::{Instant, sleep};

const PROGRAM: &str = env!("CARGO_BIN_EXE_claim-crash");

/// The disk, in MiB. Its servers use some of it.
const DISK: u32 = 96;

/// What they keep free of it, in MiB.
const KEEP: u32 = 16;

const MIB: u64 = 1 << 20;

/// Nothing that is waited for takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(90);

fn hand_in(scene: &Scene, person: usize) -> Deed {
    let contents = vec![vec![1; 40_000], vec![2; 3000]];
    Deed::HandIn(Box::new(HandIn::new(scene, person, contents, Kind::Plain).unwrap()))
}

fn message(scene: &Scene, text: &str) -> Deed {
    Deed::Message(Message::new(scene, 1, text.to_owned()))
}

/// It is not done, because the disk is full, and the answer says when to come again.
async fn is_refused(scene: &Scene, deed: &mut Deed) {
    let error = deed.advance(scene).await.unwrap_err();
    let text = format!("{error:#}");
    let full = text.contains(ProblemType::StorageFull.slug())
        || text.contains(ProblemType::StorageFull.title());
    assert!(full && !text.contains("WRONG"), "{text}");
}

/// It is done, soon.
async fn is_done(scene: &Scene, deed: Deed) {
    done(scene, deed).await.unwrap();
}

fn lodged(scene: &Scene) -> usize {
    scene.record().claims.values().filter(|claim| claim.lodged.is_some()).count()
}

/// Everything that was acknowledged is there and verifies, by requests that read.
async fn all_is_there(scene: &Scene) {
    assert_eq!(check(scene, Claims::All).await.unwrap(), Vec::<String>::new());
}

async fn world() -> World {
    let world = World::keeping_free(Path::new(PROGRAM), KEEP).await.unwrap();
    world.enrol_students().await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_fuller_the_disk_the_less_is_taken_and_what_was_is_there() {
    let name = "the_fuller_the_disk_the_less_is_taken_and_what_was_is_there";
    let Some(disk) = SmallDisk::within(name, DISK).unwrap() else { return };
    let mut world = world().await;
    let scene = std::sync::Arc::clone(&world.scene);
    is_done(&scene, hand_in(&scene, 0)).await;
    let mut enrol = Deed::Enrol(Box::new(Enrol::new(&scene).await.unwrap()));

    // Uploads are refused: claims are lodged, messages are kept.
    disk.leave(12 * MIB).unwrap();
    let mut upload = hand_in(&scene, 0);
    is_refused(&scene, &mut upload).await;
    assert_eq!(lodged(&scene), 2);
    is_done(&scene, message(&scene, "there is room for a word")).await;

    // Messages are refused as well: claims are lodged.
    disk.leave(5 * MIB).unwrap();
    let mut word = message(&scene, "there is none");
    is_refused(&scene, &mut word).await;
    let mut late = hand_in(&scene, 1);
    is_refused(&scene, &mut late).await;
    assert_eq!(lodged(&scene), 3);

    // Nothing is taken; the log grows on what was, and all of it can be read.
    disk.leave(MIB).unwrap();
    let mut last = hand_in(&scene, 2);
    is_refused(&scene, &mut last).await;
    is_refused(&scene, &mut enrol).await;
    assert_eq!(lodged(&scene), 3);
    let session = scene.person(1).unwrap().session(&scene.blackboard).await.unwrap();
    let listed = Ask::get("/v1/assignments".to_owned());
    assert_eq!(scene.blackboard.ask(&session, &listed).await.unwrap().status, 200);
    all_is_there(&scene).await;

    // Not a page is left, and both servers are killed and started again.
    disk.leave(0).unwrap();
    is_refused(&scene, &mut last).await;
    all_is_there(&scene).await;
    for side in [Side::Cuhk, Side::Blackboard] {
        world.kill(side).await.unwrap();
        disk.leave(0).unwrap();
        world.start(side, &[]).await.unwrap();
    }
    all_is_there(&scene).await;
    is_refused(&scene, &mut last).await;

    // There is room: everything comes to its end, and nobody had to start anything.
    disk.make_room().unwrap();
    for deed in [upload, word, late, last, enrol] {
        is_done(&scene, deed).await;
    }
    assert_eq!(all(&world).await.unwrap(), Vec::<String>::new());
    // To students it was away; that is on record, for claims that CUHK has stamped meanwhile.
    let begun = Instant::now();
    while outages(&scene).await == 0 {
        assert!(begun.elapsed() < PATIENCE, "no outage was written down");
        sleep(Duration::from_millis(200)).await;
    }
}

async fn outages(scene: &Scene) -> usize {
    let url = scene.database(Side::Blackboard).parse().unwrap();
    let store = claim_store::blackboard::BlackboardStore::open(&url).await.unwrap();
    let outages = store.outages().await.unwrap();
    store.close().await;
    outages.len()
}

/// The disk is filled while people work, without any reserve, so that every write meets it at some time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_and_empties_at_random_loses_nothing() {
    let name = "a_disk_that_fills_up_and_empties_at_random_loses_nothing";
    let Some(disk) = SmallDisk::within(name, DISK).unwrap() else { return };
    let mut world = World::new(Path::new(PROGRAM), &[]).await.unwrap();
    world.enrol_students().await.unwrap();
    let scene = std::sync::Arc::clone(&world.scene);
    let mut rng = ChaCha8Rng::seed_from_u64(20_261_126);
    for step in 0..4 {
        let mut deeds: Vec<Deed> = (0..3).map(|person| hand_in(&scene, person)).collect();
        deeds.push(message(&scene, &format!("step {step}")));
        deeds.push(Deed::Enrol(Box::new(Enrol::new(&scene).await.unwrap())));
        for _ in 0..3 {
            disk.leave(u64::from(rng.next_u32() % 32) * 4096).unwrap();
            for deed in &mut deeds {
                let failed = deed.advance(&scene).await.err();
                let failed = failed.map(|error| format!("{error:#}")).unwrap_or_default();
                assert!(!failed.contains("WRONG"), "{failed}");
            }
        }
        if step % 2 == 1 {
            disk.leave(0).unwrap();
            let side = if step % 4 == 1 { Side::Blackboard } else { Side::Cuhk };
            world.kill(side).await.unwrap();
            // Of a disk without a reserve nothing more is asked than that it loses nothing.
            disk.leave(MIB).unwrap();
            world.start(side, &[]).await.unwrap();
        }
        disk.make_room().unwrap();
        for deed in deeds {
            is_done(&scene, deed).await;
        }
    }
    assert_eq!(all(&world).await.unwrap(), Vec::<String>::new());
}
