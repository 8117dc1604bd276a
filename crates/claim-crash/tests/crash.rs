//! Both servers broken, killed and started again, for a short while and with a fixed seed; and the harness itself shown to
//! see what it is for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use std::path::Path;

use claim_crash::campaign::{Campaign, Plan};
use claim_crash::order::{Action, Order};
use claim_crash::round::{pretend, round};
use claim_crash::world::{Side, World};
use claim_store::{Moment, Point};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

const PROGRAM: &str = env!("CARGO_BIN_EXE_claim-crash");

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(5)
}

async fn world() -> World {
    let world = World::new(Path::new(PROGRAM), &[]).await.unwrap();
    world.enrol_students().await.unwrap();
    world.allow_outages().await.unwrap();
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_run_loses_nothing() {
    let (rounds, seed, postgres) = (24, 20_261_126, false);
    let plan = Plan { program: PROGRAM.into(), rounds, seed, postgres };
    let outcome = Campaign::run(&plan, |_| {}).await.unwrap();
    assert_eq!(outcome.faults, Vec::<String>::new(), "\n{}", outcome.table);
}

/// The same with Blackboard's records on a database server, which is killed as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_run_on_postgresql_loses_nothing() {
    let (rounds, seed, postgres) = (16, 20_261_126, true);
    let plan = Plan { program: PROGRAM.into(), rounds, seed, postgres };
    let outcome = Campaign::run(&plan, |_| {}).await.unwrap();
    assert_eq!(outcome.faults, Vec::<String>::new(), "\n{}", outcome.table);
}

/// A witness of somebody's own, and an outage that staff allows: each broken in every way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_staff_and_other_witnesses_do_is_not_lost() {
    let (mut world, mut rng) = (world().await, rng());
    for point in [Point::WitnessKey, Point::OutageAllowed] {
        for moment in [Moment::Before, Moment::After] {
            for action in [Action::Fail, Action::Stop] {
                let order = Order { point, moment, action };
                let wrong = round(&mut world, order, &mut rng).await.unwrap();
                assert_eq!(wrong, Vec::<String>::new(), "{order}");
            }
        }
    }
}

/// What a server says before it is durable is lost, and each time the check must say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_commit_is_seen() {
    let points = [
        (Point::Message, "message"),
        (Point::Lodge, "lost"),
        (Point::Chunk, "is lost"),
        (Point::Piece, "has pieces"),
        (Point::Completion, "has pieces"),
        (Point::Withdrawal, "was withdrawn"),
        (Point::Tile, "the log"),
        (Point::Certificate, "is not on record"),
        (Point::Revocation, "the revocation of"),
        (Point::RevocationList, "not on the list"),
        (Point::Roster, "is not on the roster"),
        (Point::Invitation, "is lost"),
        (Point::SplitView, "is lost"),
        (Point::OutageAllowed, "was allowed and is lost"),
    ];
    for (point, words) in points {
        // What one leaves behind, the next must not take for its own.
        let mut world = world().await;
        let wrong = pretend(&mut world, point, &mut rng()).await.unwrap();
        assert!(wrong.iter().any(|one| one.contains(words)), "{point}: {wrong:?}");
    }
}

/// A batch that is committed, and whose files are not written, is finished at the next start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_that_was_committed_and_not_written_is_finished_after_a_kill() {
    let (mut world, mut rng) = (world().await, rng());
    for point in [Point::Batch, Point::Tile, Point::Checkpoint] {
        let order = Order { point, moment: Moment::After, action: Action::Stop };
        let wrong = round(&mut world, order, &mut rng).await.unwrap();
        assert_eq!(wrong, Vec::<String>::new(), "{order}");
    }
}

/// A disk that is not mounted is no empty disk.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blackboard_without_the_files_of_its_records_says_so_and_does_not_serve() {
    let (mut world, mut rng) = (world().await, rng());
    let order = Order { point: Point::Lodge, moment: Moment::After, action: Action::Fail };
    assert_eq!(round(&mut world, order, &mut rng).await.unwrap(), Vec::<String>::new());
    world.kill(Side::Blackboard).await.unwrap();
    let objects = world.scene.dir(Side::Blackboard).join("objects");
    let aside = world.scene.dir(Side::Blackboard).join("aside");
    std::fs::rename(&objects, &aside).unwrap();
    let refused = world.start(Side::Blackboard, &[]).await.unwrap_err().to_string();
    assert!(refused.contains("the records tell of files that are not in"), "{refused}");
    std::fs::remove_dir(&objects).unwrap();
    std::fs::rename(&aside, &objects).unwrap();
    let wrong = round(&mut world, order, &mut rng).await;
    assert!(wrong.is_err(), "nobody serves yet");
    world.start(Side::Blackboard, &[]).await.unwrap();
    assert_eq!(round(&mut world, order, &mut rng).await.unwrap(), Vec::<String>::new());
}
