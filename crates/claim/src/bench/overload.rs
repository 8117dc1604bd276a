//! `claim bench overload`: more hand-ins are begun than can be served, whatever the answers are.
//!
//! Server and students have processors of their own where there are several: else the students, who do about as much
//! work as the server, would keep it from working by coming.

mod report;
mod visit;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use claim_pki::Issuer;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::report::{Outcome, Report, Row};
use self::visit::{Step, Tally, Visit, address};
use super::connection::Client;
use super::io::memory;
use super::pin::pin;
use super::site::Site;
use super::students::Student;
use super::temporary_folder;
use crate::cli::OverloadArgs;
use crate::commands::{Context, StopSignals};
use crate::exit::Exit;

/// So many students take turns while the most is measured.
const REGULARS: u32 = 1_000;

/// So many visits tell how long one takes when nobody else is there.
const PROBES: usize = 9;

/// How long the server may take to be as it was.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often new students come.
const TICK: Duration = Duration::from_millis(5);

/// How often the server's memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Runs it.
pub(super) async fn run(arguments: OverloadArgs, context: &Context) -> Result<Exit> {
    let mut signals = StopSignals::listen()?;
    let report = tokio::select! {
        report = measured(&arguments, context) => report?,
        () = signals.received() => return Ok(Exit::Refused),
    };
    context.terminal.result(&report.to_string(), &serde_json::to_value(&report)?);
    Ok(Exit::Done)
}

async fn measured(arguments: &OverloadArgs, context: &Context) -> Result<Report> {
    let terminal = context.terminal;
    let dir = temporary_folder(context)?;
    terminal.say("Starting CUHK and Blackboard, and certifying the students …");
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    // The server inherits the processors of whoever starts it.
    let mut apart = processors > 1 && pin(0, processors / 2).await;
    let site = Site::start(dir.path()).await?;
    apart = apart && pin(processors / 2, processors).await;
    site.takes_claims().await?;
    let stage = Stage { client: Client::new(&site)?, addresses: arguments.addresses };
    let regulars = students(0, REGULARS, &site.issuer).await?;
    let time = Duration::from_secs(arguments.seconds);

    terminal.say(&format!("Whole hand-ins, as many as it can serve, for {} s …", time.as_secs()));
    let hand_ins = stage.most(&regulars, arguments.concurrency, time, true).await?;
    terminal.say(&format!("Lodgings alone, as many as it can serve, for {} s …", time.as_secs()));
    let lodgings = stage.most(&regulars, arguments.concurrency, time, false).await?;
    ensure!(hand_ins > 0.0 && lodgings > 0.0, "nothing was served");

    let rate = hand_ins * f64::from(arguments.times);
    let count = (rate * time.as_secs_f64()).ceil() as u32;
    terminal.say(&format!("Certifying {count} students more …"));
    let crowd = students(REGULARS, count, &site.issuer).await?;
    let usual = stage.usual(&regulars).await?;
    terminal.say(&format!("{rate:.0} students a second, for {} s …", time.as_secs()));
    let outcome = stage.overload(&site, crowd, rate, time).await?;
    let ended = Instant::now();
    let recovered = loop {
        let took = stage.alone(&regulars, 0).await?;
        if took <= usual * 3 + Duration::from_millis(20) {
            break Some(ended.elapsed().as_secs_f64());
        }
        if ended.elapsed() > PATIENCE {
            break None;
        }
    };
    let memory_after = memory(site.process())?.now;
    site.stop().await;
    Ok(Report {
        processors,
        apart,
        times: arguments.times,
        addresses: arguments.addresses,
        hand_ins,
        lodgings,
        outcome,
        recovered,
        memory_after,
    })
}

/// Students with certificates that nobody has seen.
async fn students(first: u32, count: u32, issuer: &Arc<Issuer>) -> Result<Arc<Vec<Student>>> {
    let issuer = Arc::clone(issuer);
    let made = tokio::task::spawn_blocking(move || {
        (first..first + count).map(|number| Student::new(number, &issuer)).collect()
    });
    let students: Result<Vec<_>> = made.await?;
    Ok(Arc::new(students?))
}

/// Where it takes place.
struct Stage {
    client: Client,
    addresses: u32,
}

impl Stage {
    /// How many visits a second are served to students who come again and again, so many at once.
    async fn most(
        &self,
        regulars: &Arc<Vec<Student>>,
        concurrency: u32,
        time: Duration,
        whole: bool,
    ) -> Result<f64> {
        let (stop, next) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let tally = Arc::new(Tally::default());
        let mut at_work = JoinSet::new();
        for number in 0..concurrency {
            let (client, students) = (self.client.clone(), Arc::clone(regulars));
            let (stop, next, tally) = (Arc::clone(&stop), Arc::clone(&next), Arc::clone(&tally));
            let from = address(number % self.addresses)?;
            at_work.spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let number = next.fetch_add(1, Ordering::Relaxed) % students.len();
                    let mut visit = Visit::new(&client, &tally, &students[number], from);
                    let lodged = visit.lodge().await?;
                    if whole {
                        visit.complete(&lodged).await;
                    }
                    visit.end().await;
                }
                anyhow::Ok(())
            });
        }
        let done = || {
            let step = if whole { Step::Receipt } else { Step::Lodging };
            tally.of(step).served.load(Ordering::Relaxed)
        };
        tokio::time::sleep(super::WARM_UP).await;
        let (begin, before) = (Instant::now(), done());
        tokio::time::sleep(time).await;
        let served = (done() - before) as f64 / begin.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        for worker in at_work.join_all().await {
            worker?;
        }
        Ok(served)
    }

    /// How long it takes to lodge when nobody else is there.
    async fn usual(&self, regulars: &Arc<Vec<Student>>) -> Result<Duration> {
        let mut took = Vec::new();
        for number in 0..PROBES {
            took.push(self.alone(regulars, number).await?);
        }
        took.sort_unstable();
        Ok(took[took.len() / 2])
    }

    async fn alone(&self, regulars: &Arc<Vec<Student>>, number: usize) -> Result<Duration> {
        let (tally, begun) = (Tally::default(), Instant::now());
        let student = regulars.get(number).context("there are no students")?;
        let mut visit = Visit::new(&self.client, &tally, student, address(0)?);
        visit.lodge().await?;
        let took = begun.elapsed();
        visit.end().await;
        Ok(took)
    }

    /// So many students a second begin, whatever becomes of those before them.
    async fn overload(
        &self,
        site: &Site,
        crowd: Arc<Vec<Student>>,
        rate: f64,
        time: Duration,
    ) -> Result<Outcome> {
        let tally = Arc::new(Tally::default());
        let (told, mut lodged) = mpsc::unbounded_channel();
        let (memory_before, cpu) = (memory(site.process())?.now, site.cpu()?);
        let (begin, mut begun, mut visits) = (Instant::now(), 0_usize, JoinSet::new());
        let (mut memory_peak, mut memory_half, mut looked) = (memory_before, None, begin);
        while begin.elapsed() < time {
            let due = ((begin.elapsed().as_secs_f64() * rate) as usize).min(crowd.len());
            while begun < due {
                let (client, crowd) = (self.client.clone(), Arc::clone(&crowd));
                let (tally, told, number) = (Arc::clone(&tally), told.clone(), begun);
                let from = address(u32::try_from(number)? % self.addresses)?;
                begun += 1;
                visits.spawn(async move {
                    let arrived = Instant::now();
                    let mut visit = Visit::new(&client, &tally, &crowd[number], from);
                    // Whatever fails is in the tally.
                    let Ok(lodged) = visit.lodge().await else { return };
                    let _ = told.send(arrived.elapsed());
                    visit.complete(&lodged).await;
                    visit.end().await;
                });
            }
            // Those who are done are not kept.
            while visits.try_join_next().is_some() {}
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                let now = memory(site.process())?.now;
                memory_peak = memory_peak.max(now);
                if begin.elapsed() >= time / 2 {
                    memory_half.get_or_insert(now);
                }
            }
            tokio::time::sleep(TICK).await;
        }
        let elapsed = begin.elapsed().as_secs_f64();
        let used = site.cpu()?.since(cpu);
        let memory_end = memory(site.process())?.now;
        let rows = Step::ALL.map(|step| Row::new(step, &tally, elapsed)).to_vec();
        let waiting = visits.len();
        visits.shutdown().await;
        let mut latencies = Vec::new();
        while let Ok(latency) = lodged.try_recv() {
            latencies.push(latency);
        }
        latencies.sort_unstable();
        Ok(Outcome {
            elapsed,
            begun,
            waiting,
            rows,
            lodged_half: report::quantile(&latencies, 0.5),
            lodged_99: report::quantile(&latencies, 0.99),
            server_processors: (used.user + used.system).as_secs_f64() / elapsed,
            memory_before,
            memory_half: memory_half.unwrap_or(memory_end),
            memory_end,
            memory_peak: memory_peak.max(memory_end),
            first_failure: tally.first_failure(),
        })
    }
}
