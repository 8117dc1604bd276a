//! `claim staff watch`: a line for everything that happens, as it happens.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Result;
use claim_core::{Escaped, Sid, Timestamp};
use claim_course::time::Zone;
use claim_course::{HandInEvent, Happened};
use claim_student::{AskError, OpenSession};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Context, StopSignals};
use crate::cli::watch::{Since, WatchArgs, Watchable};
use crate::exit::Exit;

/// The pause before Blackboard is asked again that was away for longer than one attempt takes.
const AWAY: Duration = Duration::from_secs(2);

/// Watches until Ctrl-C.
pub(super) async fn run(
    arguments: WatchArgs,
    mut session: OpenSession,
    context: &Context,
) -> Result<Exit> {
    let mut signals = StopSignals::listen()?;
    tokio::select! {
        exit = watch(arguments, &mut session, context) => Ok(exit),
        // Watching is meant to be ended so.
        () = signals.received() => Ok(Exit::Done),
    }
}

async fn watch(arguments: WatchArgs, session: &mut OpenSession, context: &Context) -> Exit {
    let WatchArgs { what: Watchable { course, assignment }, since } = arguments;
    let (zone, names) = match look(&course, session).await {
        Ok(known) => known,
        Err(error) => return context.terminal.explained(&error),
    };
    let mut told = Telling { zone, names, counts: Counts::default(), bar: bar(context), context };
    let (mut after, mut is_away) = (since.map(|Since(place)| place), false);
    // From now on: that is when Blackboard has said where that is.
    let mut has_begun = after.is_some();
    if has_begun {
        told.say(&format!("Watching {course}; Ctrl-C ends it."));
    }
    loop {
        match session.watch(&course, assignment.as_ref(), after).await {
            Ok(watched) => {
                if !std::mem::replace(&mut has_begun, true) {
                    told.say(&format!("Watching {course}; Ctrl-C ends it."));
                }
                if std::mem::take(&mut is_away) {
                    told.say("Blackboard is back; nothing was missed.");
                }
                for event in &watched.events {
                    told.event(&course, event, watched.server_time);
                }
                after = Some(watched.next);
            }
            Err(error) if may_pass(&error) => {
                if !std::mem::replace(&mut is_away, true) {
                    told.say(&format!("Blackboard is away ({error}); it is asked on."));
                }
                tokio::time::sleep(AWAY).await;
            }
            Err(error) => return context.terminal.explained(&error),
        }
    }
}

/// Whether it is worth waiting for another answer.
fn may_pass(error: &AskError) -> bool {
    matches!(error, AskError::NoAnswer { .. }) || error.is_outage()
}

/// The zone of the course, and what its students are called.
async fn look(
    course: &claim_core::CourseId,
    session: &mut OpenSession,
) -> Result<(Zone, BTreeMap<Sid, String>), AskError> {
    let zone = session.course(course).await?.course.zone;
    let (mut names, mut after) = (BTreeMap::new(), None);
    loop {
        let page = session.members(course, after.as_ref()).await?;
        names.extend(page.members.into_iter().map(|member| (member.sid, member.name)));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok((zone, names)),
        }
    }
}

/// How often what happened since it is watched.
#[derive(Default)]
struct Counts {
    in_time: u64,
    late: u64,
    received: u64,
    withdrawn: u64,
}

struct Telling<'c> {
    zone: Zone,
    names: BTreeMap<Sid, String>,
    counts: Counts,
    bar: ProgressBar,
    context: &'c Context,
}

impl Telling<'_> {
    fn say(&self, line: &str) {
        self.bar.suspend(|| self.context.terminal.say(line));
    }

    fn event(&mut self, course: &claim_core::CourseId, event: &HandInEvent, now: Timestamp) {
        let (at, what) = match event.event {
            Happened::Lodged if event.late_ms == 0 => {
                self.counts.in_time += 1;
                (event.lodged_at, "lodged, in time".to_owned())
            }
            Happened::Lodged => {
                self.counts.late += 1;
                (event.lodged_at, format!("lodged, late by {}", late(event.late_ms)))
            }
            Happened::Received => {
                self.counts.received += 1;
                (event.received_at.unwrap_or(now), "received in full".to_owned())
            }
            Happened::Withdrawn => {
                self.counts.withdrawn += 1;
                (now, "withdrawn".to_owned())
            }
        };
        let named = |sid: &Sid| match self.names.get(sid).filter(|name| !name.is_empty()) {
            Some(name) => format!("{sid} {}", Escaped(name)),
            None => sid.to_string(),
        };
        let who: Vec<_> = event.sids.sids().iter().map(named).collect();
        let line = format!(
            "{}  {}  {course}/{}: {what}",
            self.zone.shown(at),
            who.join(", "),
            event.assignment
        );
        let mut document = json!(event);
        document["course"] = json!(course);
        self.bar.suspend(|| self.context.terminal.result(&line, &document));
        let Counts { in_time, late, received, withdrawn } = self.counts;
        self.bar.set_message(format!(
            "{in_time} lodged in time, {late} late; {received} received in full, {withdrawn} withdrawn"
        ));
        self.bar.tick();
    }
}

fn late(millis: i64) -> String {
    let seconds = millis.div_euclid(1000);
    format!("{}:{:02}:{:02} h", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// The line with the counts; on a terminal alone.
fn bar(context: &Context) -> ProgressBar {
    if !context.terminal.is_talkative() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg}");
    let bar = ProgressBar::new_spinner();
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar
}
