//! One round: something breaks at one point, under load; then everything is gone on with, and everything is checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use claim_core::claim::ClaimId;
use claim_store::blackboard::BlackboardStore;
use claim_store::{Moment, Point};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::check::{Claims, check};
use crate::deed::{
    AllowOutage, Deed, Enrol, HandIn, Import, Invite, Kind, Message, Renew, Revoke, Split, Witness,
};
use crate::order::{Action, Order};
use crate::postgres::Postgres;
use crate::process::Said;
use crate::world::{Scene, Side, World};

/// How long the point may take to be reached, and how long what was broken may take to be done after all.
const WITHIN: Duration = Duration::from_secs(60);

/// The pause before a deed is taken up again.
const AGAIN: Duration = Duration::from_millis(25);

/// Where a point is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// While a server serves.
    Serving(Side),
    /// When a server starts.
    Start(Side),
    /// When Blackboard starts for the first time.
    FirstStart,
    /// By staff.
    Office,
}

/// Where this point is reached.
pub fn stage(point: Point) -> Stage {
    match point {
        Point::CodeSpent
        | Point::Reservation
        | Point::Certificate
        | Point::Witness
        | Point::SplitView => Stage::Serving(Side::Cuhk),
        Point::Roster
        | Point::Invitation
        | Point::Mailing
        | Point::Mailed
        | Point::Announced
        | Point::SignIn
        | Point::SignInConfirmed
        | Point::Revocation
        | Point::RevocationList
        | Point::LogRebuilt
        | Point::ErasureBegun
        | Point::ObjectErased
        | Point::Erased
        | Point::WitnessKey
        | Point::AuditCheckpoint
        | Point::Pruning
        | Point::Forgotten
        | Point::OutageAllowed => Stage::Office,
        Point::Minute | Point::Probe | Point::Course | Point::Ring | Point::WitnessMet => {
            Stage::Start(Side::Blackboard)
        }
        Point::WitnessThinned | Point::Audit => Stage::Start(Side::Cuhk),
        Point::LogBegin => Stage::FirstStart,
        Point::Message
        | Point::Lodge
        | Point::Chunk
        | Point::Piece
        | Point::Completion
        | Point::Withdrawal
        | Point::Batch
        | Point::Tile
        | Point::Checkpoint
        | Point::Cosignature => Stage::Serving(Side::Blackboard),
    }
}

/// Breaks something and says what was wrong afterwards. For [`Stage::FirstStart`] the world was made with the order.
///
/// # Errors
/// When the point was not reached, or what must go on does not.
pub async fn round(world: &mut World, order: Order, rng: &mut ChaCha8Rng) -> Result<Vec<String>> {
    let scene = Arc::clone(&world.scene);
    let mut deeds = match stage(order.point) {
        Stage::Serving(side) => {
            world.running(side)?.order(order).await?;
            let running = UnderWay::set_out(&scene, deeds(&scene, order, rng).await?);
            let reached = reach(world, side, order).await;
            let deeds = running.come_back().await?;
            reached?;
            deeds
        }
        Stage::Start(side) => {
            start(world, side, order).await?;
            deeds(&scene, order, rng).await?
        }
        Stage::FirstStart => {
            reach(world, Side::Blackboard, order).await?;
            world.enrol_students().await?;
            world.allow_outages().await?;
            deeds(&scene, order, rng).await?
        }
        Stage::Office => {
            let deeds = UnderWay::set_out(&scene, deeds(&scene, order, rng).await?);
            let deeds = deeds.come_back().await?;
            if !deeds.iter().any(was_hit) {
                bail!("the order {order} was not carried out");
            }
            deeds
        }
    };
    let mut wrong = settle(&scene, &mut deeds).await?;
    let claims: Vec<ClaimId> = deeds.iter().filter_map(claim).collect();
    wrong.extend(check(&scene, Claims::These(&claims)).await?);
    Ok(wrong)
}

/// A server answers before it is durable; says what the check finds of that. Nothing is repeated: that would mend it.
///
/// # Errors
/// When the point is not reached.
pub async fn pretend(world: &mut World, point: Point, rng: &mut ChaCha8Rng) -> Result<Vec<String>> {
    let scene = Arc::clone(&world.scene);
    let order = Order { point, moment: Moment::Before, action: Action::Pretend };
    let deeds = match stage(point) {
        Stage::Serving(side) => {
            world.running(side)?.order(order).await?;
            let running = UnderWay::set_out(&scene, deeds(&scene, order, rng).await?);
            let reached = reach(world, side, order).await;
            let deeds = running.come_back().await?;
            reached?;
            deeds
        }
        _ => UnderWay::set_out(&scene, deeds(&scene, order, rng).await?).come_back().await?,
    };
    let claims: Vec<ClaimId> = deeds.iter().filter_map(claim).collect();
    check(&scene, Claims::These(&claims)).await
}

/// A deed that nothing breaks, to its end.
///
/// # Errors
/// When it does not come to its end.
pub async fn done(scene: &Scene, deed: Deed) -> Result<()> {
    let wrong = settle(scene, &mut [deed]).await?;
    if wrong.is_empty() { Ok(()) } else { bail!("{}", wrong.join("; ")) }
}

/// Both servers killed at any moment, under load.
///
/// # Errors
/// When what must go on does not.
pub async fn anywhere(world: &mut World, side: Side, rng: &mut ChaCha8Rng) -> Result<Vec<String>> {
    let scene = Arc::clone(&world.scene);
    let mut all = load(&scene, rng)?;
    all.push(Deed::Enrol(Box::new(Enrol::new(&scene).await?)));
    let running = UnderWay::set_out(&scene, all);
    sleep(Duration::from_micros(u64::from(rng.next_u32() % 400_000))).await;
    world.kill(side).await?;
    world.start(side, &[]).await?;
    let mut deeds = running.come_back().await?;
    let mut wrong = settle(&scene, &mut deeds).await?;
    let claims: Vec<ClaimId> = deeds.iter().filter_map(claim).collect();
    wrong.extend(check(&scene, Claims::These(&claims)).await?);
    Ok(wrong)
}

/// The database server of Blackboard's records ended at any moment, under load, and started again.
///
/// # Errors
/// When what must go on does not.
pub async fn database_down(
    world: &mut World,
    server: &mut Postgres,
    rng: &mut ChaCha8Rng,
) -> Result<Vec<String>> {
    let scene = Arc::clone(&world.scene);
    let running = UnderWay::set_out(&scene, load(&scene, rng)?);
    sleep(Duration::from_micros(u64::from(rng.next_u32() % 400_000))).await;
    server.crash().await?;
    server.run().await?;
    let mut deeds = running.come_back().await?;
    let mut wrong = settle(&scene, &mut deeds).await?;
    let claims: Vec<ClaimId> = deeds.iter().filter_map(claim).collect();
    wrong.extend(check(&scene, Claims::These(&claims)).await?);
    Ok(wrong)
}

/// Says what is wrong of all that there ever was in this world.
///
/// # Errors
/// When it cannot be checked.
pub async fn all(world: &World) -> Result<Vec<String>> {
    check(&world.scene, Claims::All).await
}

/// Starts a server anew, with the order.
async fn start(world: &mut World, side: Side, order: Order) -> Result<()> {
    world.kill(side).await?;
    if order.point == Point::Ring {
        // Without keys it makes one at the start. Whoever has a session opens another one then.
        let url = world.scene.database(Side::Blackboard).parse()?;
        let store = BlackboardStore::open(&url).await?;
        store.forget_all_ring().await?;
        store.close().await;
        for number in 0.. {
            let Ok(person) = world.scene.person(number) else { break };
            person.forget_session().await;
        }
    }
    let mut process = world.spawn(side, &[order])?;
    let (mut listening, mut hit) = (false, false);
    // It may be hit before it serves or after, and need not come to serve at all.
    while !hit || (!listening && order.action == Action::Pretend) {
        match process.next().await? {
            Said::Hit => hit = true,
            Said::Listening => listening = true,
            said if hit => bail!("{said:?}"),
            said => bail!("{order} was not carried out: {said:?}"),
        }
    }
    match order.action {
        Action::Pretend => {
            world.adopt(side, process);
            Ok(())
        }
        // After an error some starts go on and some do not: the next one must.
        Action::Stop | Action::Fail | Action::Full => {
            process.kill().await?;
            world.start(side, &[]).await
        }
    }
}

/// Waits until the order is carried out; kills and starts again what it has stopped.
async fn reach(world: &mut World, side: Side, order: Order) -> Result<()> {
    let process = world.running(side)?;
    let said = timeout(WITHIN, process.next());
    match said.await.with_context(|| format!("{order} was not carried out"))?? {
        Said::Hit => {}
        said => bail!("{order} was not carried out: {said:?}"),
    }
    if order.action == Action::Stop {
        world.kill(side).await?;
        world.start(side, &[]).await?;
    }
    Ok(())
}

/// What people do in this round: what leads to the point, and some more.
async fn deeds(scene: &Arc<Scene>, order: Order, rng: &mut ChaCha8Rng) -> Result<Vec<Deed>> {
    let mut deeds = load(scene, rng)?;
    match order.point {
        Point::CodeSpent | Point::Certificate => {
            deeds.push(Deed::Enrol(Box::new(Enrol::new(scene).await?)));
        }
        Point::Reservation => deeds.push(Deed::Renew(Box::new(Renew::new(scene).await?))),
        Point::SplitView => {
            let mut root = [0; 32];
            rng.fill_bytes(&mut root);
            // Before it and not beside it: the log must not grow while the witness is shown another tree of its size.
            done(scene, hand_in(scene, 0, 2, Kind::Plain, rng)?).await?;
            return Ok(vec![Deed::Split(Split::new(root))]);
        }
        Point::Roster => deeds.push(Deed::Import(Import::new(scene, order)?)),
        Point::Invitation => deeds.push(Deed::Invite(Invite::new(scene, order)?)),
        Point::Revocation | Point::RevocationList => {
            let person = scene.new_person().await?;
            let certificate = claim_pki::Certificate::from_der(person.credential.chain.leaf())?;
            let serial = certificate.serial().to_string();
            deeds.push(Deed::Revoke(Revoke::new(scene, serial, order)));
        }
        Point::Withdrawal => deeds.push(hand_in(scene, 1, 2, Kind::Withdrawn, rng)?),
        Point::OutageAllowed => {
            let since = i64::from(rng.next_u32()) * 1000;
            deeds.push(Deed::AllowOutage(AllowOutage::new(since, since + 60_000, order)));
        }
        Point::WitnessKey => {
            // It cosigns what there is: something, then.
            done(scene, hand_in(scene, 2, 1, Kind::Plain, rng)?).await?;
            deeds.push(Deed::Witness(Box::new(Witness::new(scene, rng.next_u64(), order)?)));
        }
        _ => {}
    }
    Ok(deeds)
}

/// A hand-in of some files, which in one case of four is a claim of an outage, and two messages.
fn load(scene: &Arc<Scene>, rng: &mut ChaCha8Rng) -> Result<Vec<Deed>> {
    let files = 2 + rng.next_u32() % 2;
    let kind = if rng.next_u32().is_multiple_of(4) { Kind::Outage } else { Kind::Plain };
    let mut deeds = vec![hand_in(scene, 0, files, kind, rng)?];
    for person in [1, 2] {
        let text = format!("{:016x}", rng.next_u64());
        deeds.push(Deed::Message(Message::new(scene, person, text)));
    }
    Ok(deeds)
}

fn hand_in(
    scene: &Arc<Scene>,
    person: usize,
    files: u32,
    kind: Kind,
    rng: &mut ChaCha8Rng,
) -> Result<Deed> {
    let contents = (0..files)
        .map(|_| {
            let mut content = vec![0; 64 + usize::try_from(rng.next_u32() % 4096).unwrap_or(0)];
            rng.fill_bytes(&mut content);
            content
        })
        .collect();
    Ok(Deed::HandIn(Box::new(HandIn::new(scene, person, contents, kind)?)))
}

/// Deeds that people are about.
struct UnderWay {
    tasks: Vec<JoinHandle<Deed>>,
    enough: Arc<AtomicBool>,
}

impl UnderWay {
    /// Each deed goes as far as it comes, again and again until it is done.
    fn set_out(scene: &Arc<Scene>, deeds: Vec<Deed>) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let one = |mut deed: Deed| {
            let (scene, enough) = (Arc::clone(scene), Arc::clone(&enough));
            tokio::spawn(async move {
                // Whatever hinders it in the end is settled afterwards; what is wrong by itself repeats then.
                while deed.advance(&scene).await.is_err() && !enough.load(Ordering::Relaxed) {
                    sleep(AGAIN).await;
                }
                deed
            })
        };
        let tasks = deeds.into_iter().map(one).collect();
        Self { tasks, enough }
    }

    /// What was broken is broken: each deed comes back from the attempt that it is in.
    async fn come_back(self) -> Result<Vec<Deed>> {
        self.enough.store(true, Ordering::Relaxed);
        let mut deeds = Vec::with_capacity(self.tasks.len());
        for task in self.tasks {
            deeds.push(task.await?);
        }
        Ok(deeds)
    }
}

/// Nothing breaks any more: all of it must be acknowledged now.
async fn settle(scene: &Scene, deeds: &mut [Deed]) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for deed in deeds {
        let begun = Instant::now();
        while let Err(error) = deed.advance(scene).await {
            let text = format!("{error:#}");
            if text.contains("WRONG") {
                wrong.push(text);
                break;
            }
            if begun.elapsed() > WITHIN {
                wrong.push(format!("it is still not done: {text}"));
                break;
            }
            sleep(AGAIN).await;
        }
    }
    Ok(wrong)
}

fn claim(deed: &Deed) -> Option<ClaimId> {
    match deed {
        Deed::HandIn(deed) => Some(deed.id()),
        _ => None,
    }
}

fn was_hit(deed: &Deed) -> bool {
    match deed {
        Deed::Invite(deed) => deed.was_hit(),
        Deed::Import(deed) => deed.was_hit(),
        Deed::Revoke(deed) => deed.was_hit(),
        Deed::AllowOutage(deed) => deed.was_hit(),
        Deed::Witness(deed) => deed.was_hit(),
        _ => false,
    }
}
