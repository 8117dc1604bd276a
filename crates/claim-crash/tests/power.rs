//! Power cuts: what was acknowledged is there in what was synced; and a sync that is missing does not go unseen.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use std::path::Path;

use claim_crash::check::{Claims, check};
use claim_crash::deed::{Deed, Enrol, HandIn, Kind, Message};
use claim_crash::order::{Action, Order};
use claim_crash::power::{Disk, Moment as Time, Removed, traced, tracer};
use claim_crash::process::Said;
use claim_crash::round::done;
use claim_crash::world::{Scene, Side, World};
use claim_store::{Moment, Point};

const PROGRAM: &str = env!("CARGO_BIN_EXE_claim-crash");

fn hand_in(scene: &Scene) -> Deed {
    let contents = vec![b"first".to_vec(), b"second".to_vec()];
    Deed::HandIn(Box::new(HandIn::new(scene, 0, contents, Kind::Plain).unwrap()))
}

/// Starts Blackboard on what the disk has and says what is wrong of all that it had acknowledged; where nothing is, it
/// does something more.
async fn wrong_after(world: &mut World, disk: &Disk) -> Vec<String> {
    disk.cut().unwrap();
    if let Err(error) = world.start(Side::Blackboard, &[]).await {
        return vec![format!("{error:#}")];
    }
    // The answer to the ceremony was brought by hand, and is again.
    world.certify_evidence().await.unwrap();
    match check(&world.scene, Claims::All).await {
        Ok(wrong) if wrong.is_empty() => {}
        Ok(wrong) => return wrong,
        Err(error) => return vec![format!("{error:#}")],
    }
    let goes_on = Deed::Message(Message::new(&world.scene, 1, "after the cut".to_owned()));
    done(&world.scene, goes_on).await.map_or_else(|error| vec![format!("{error:#}")], |()| vec![])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_blackboard_acknowledged_survives_a_power_cut_and_each_missing_sync_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    let mut world = World::without_blackboard(Path::new(PROGRAM)).await.unwrap();
    let before = Disk::of(&world.scene.dir(Side::Blackboard)).unwrap();
    world.start_traced(Side::Blackboard, &tracer(&file)).await.unwrap();
    world.certify_evidence().await.unwrap();
    world.enrol_students().await.unwrap();
    done(&world.scene, hand_in(&world.scene)).await.unwrap();
    let message = Message::new(&world.scene, 1, "before the cut".to_owned());
    done(&world.scene, Deed::Message(message)).await.unwrap();
    let cut = Time::now();
    world.kill(Side::Blackboard).await.unwrap();
    let trace = traced(file).await.unwrap();
    for removed in
        [Removed::Nothing, Removed::Database, Removed::ObjectContent, Removed::ObjectNames]
    {
        let mut disk = before.clone();
        disk.run(&trace, cut, removed);
        let wrong = wrong_after(&mut world, &disk).await;
        assert_eq!(wrong.is_empty(), removed == Removed::Nothing, "{removed:?}: {wrong:?}");
        // One that does not come to serve is gone already.
        let _ = world.kill(Side::Blackboard).await;
        world.scene.record().messages.remove("after the cut");
    }
}

/// A process that is killed after it made a name and before it synced it leaves a name that a power cut takes away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_left_unsynced_is_synced_before_it_is_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    let mut world = World::new(Path::new(PROGRAM), &[]).await.unwrap();
    world.enrol_students().await.unwrap();
    let order = Order { point: Point::Chunk, moment: Moment::After, action: Action::Stop };
    world.running(Side::Blackboard).unwrap().order(order).await.unwrap();
    let scene = std::sync::Arc::clone(&world.scene);
    let deed = hand_in(&scene);
    let under_way = tokio::spawn(async move { done(&scene, deed).await });
    assert_eq!(world.running(Side::Blackboard).unwrap().next().await.unwrap(), Said::Hit);
    world.kill(Side::Blackboard).await.unwrap();
    let dir = world.scene.dir(Side::Blackboard);
    let mut disk = Disk::of(&dir).unwrap();
    disk.forget_names_below(&dir.join("objects/claims"));
    world.start_traced(Side::Blackboard, &tracer(&file)).await.unwrap();
    under_way.await.unwrap().unwrap();
    let cut = Time::now();
    world.kill(Side::Blackboard).await.unwrap();
    disk.run(&traced(file).await.unwrap(), cut, Removed::Nothing);
    assert_eq!(wrong_after(&mut world, &disk).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cuhk_acknowledged_survives_a_power_cut_and_a_missing_sync_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace");
    let mut world = World::new(Path::new(PROGRAM), &[]).await.unwrap();
    world.enrol_students().await.unwrap();
    let enrol = Enrol::new(&world.scene).await.unwrap();
    world.kill(Side::Cuhk).await.unwrap();
    let before = Disk::of(&world.scene.dir(Side::Cuhk)).unwrap();
    world.start_traced(Side::Cuhk, &tracer(&file)).await.unwrap();
    done(&world.scene, Deed::Enrol(Box::new(enrol))).await.unwrap();
    let cut = Time::now();
    world.kill(Side::Cuhk).await.unwrap();
    let trace = traced(file).await.unwrap();
    for removed in [Removed::Nothing, Removed::Database] {
        let mut disk = before.clone();
        disk.run(&trace, cut, removed);
        disk.cut().unwrap();
        world.start(Side::Cuhk, &[]).await.unwrap();
        let wrong = check(&world.scene, Claims::All).await.unwrap();
        assert_eq!(wrong.is_empty(), removed == Removed::Nothing, "{removed:?}: {wrong:?}");
        world.kill(Side::Cuhk).await.unwrap();
    }
}
