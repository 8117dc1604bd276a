//! `claim student hand-in`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use claim_core::PersonId;
use claim_core::hand_in::Assignment;
use claim_student::{
    Collected, Explained, HandInError, Haste, Lodged, Lodging, OpenSession, Outcome, Place, Plan,
    Received, SessionError, SignedClaim, Student, Wanted, choose,
};
use serde_json::json;

use super::consent::Consent;
use super::outage::{self, Waits};
use super::{observed, the_one};
use crate::cli::HandInArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::words;

/// How a line of the dialogue begins that hands in.
const COMMAND: &str = "/hand-in";

const QUESTION: &str = "Sign this and hand it in? [y/N] ";

pub(super) async fn run(arguments: HandInArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let HandInArgs { paths, to, receipt, note, no_wait, consent, student } = arguments;
    let consent = match Consent::new(consent, terminal) {
        Ok(consent) => consent,
        Err(exit) => return Ok(exit),
    };
    let place = match receipt.as_deref().map(|path| chosen_place(path, terminal)).transpose() {
        Ok(place) => place,
        Err(exit) => return Ok(exit),
    };
    let progress = Arc::new(Progress::new(terminal));
    let observer = {
        let progress = Arc::clone(&progress);
        move |event| progress.tell(&event, &words::student::words(&event))
    };
    let program = observed(student.servers, context, Arc::new(observer))?;
    let id = match the_one(&program, student.sid, terminal) {
        Ok(id) => id,
        Err(exit) => return Ok(exit),
    };
    let collected = match program.collect(paths).await {
        Ok(collected) => collected,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    let wanted = to.unwrap_or_default();
    let waits = if no_wait { Waits::No } else { Waits::Yes };
    let job = Job { program: &program, consent, place, note, waits, terminal, progress: &progress };
    // One attempt: while the program kept trying, the deadline might pass.
    let opened = match program.open_session_at_once(&id).await {
        // Who was never told of an assignment has nothing to do but try again.
        Err(away) if !away.is_outage() || program.last_told(&id).is_none() => {
            match away.outcome() {
                Outcome::Refused => Err(away),
                _ => program.open_session(&id).await,
            }
        }
        opened => opened,
    };
    match opened {
        Ok(mut session) => job.run(&mut session, collected, &wanted).await,
        Err(away) if away.is_outage() => outage::run(job, &id, collected, &wanted, &away).await,
        Err(error) => Ok(job.failed(&error)),
    }
}

/// A line of the dialogue that hands in: which files, and to what where it says so.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    paths: Vec<PathBuf>,
    /// As it was typed.
    to: Option<String>,
}

/// Reads `/hand-in [--to COURSE/ASSIGNMENT] PATH…`, quoted as in a shell where paths have spaces.
pub(super) fn command(line: &str) -> Option<Line> {
    let rest = line.trim_start().strip_prefix(COMMAND)?;
    if !rest.is_empty() && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    // A quote without its end stands for itself.
    let words =
        shlex::split(rest).unwrap_or_else(|| rest.split_whitespace().map(str::to_owned).collect());
    let mut words = words.into_iter();
    let (mut paths, mut to) = (Vec::new(), None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--to" => to = Some(words.next().unwrap_or_default()),
            _ => paths.push(PathBuf::from(word)),
        }
    }
    Some(Line { paths, to })
}

/// The same as the command, in the session of the dialogue; where that has none, since Blackboard is away, CUHK stamps
/// the claim.
pub(super) async fn in_dialogue(
    Line { paths, to }: Line,
    student: &Student,
    id: &PersonId,
    session: Result<&mut OpenSession, &SessionError>,
    terminal: Terminal,
) -> Result<Exit> {
    let progress = Progress::new(terminal);
    let wanted = match to.map(|to| to.parse()).transpose() {
        Ok(wanted) => wanted.unwrap_or_default(),
        Err(error) => {
            let what = format!("--to names no assignment: {error}");
            terminal.failure(&what, None, "Write it like IEMS5710/lab1.");
            return Ok(Exit::Usage);
        }
    };
    let collected = match student.collect(paths).await {
        Ok(collected) => collected,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    let consent = if terminal.is_json() { Consent::Given } else { Consent::Asked };
    let job = Job {
        program: student,
        consent,
        place: None,
        note: None,
        waits: Waits::Yes,
        terminal,
        progress: &progress,
    };
    match session {
        Ok(session) => job.run(session, collected, &wanted).await,
        Err(away) => outage::run(job, id, collected, &wanted, away).await,
    }
}

/// Where the receipt goes, if it can: found out before anything is signed.
fn chosen_place(path: &Path, terminal: Terminal) -> Result<Place, Exit> {
    let place = Place::of_receipt(path);
    let taken = place.as_ref().is_some_and(|place| place.receipt().exists());
    match place {
        Some(place) if !taken => Ok(place),
        _ => {
            let what = match taken {
                true => format!("{} is there already", path.display()),
                false => format!("{} is not the name of a file", path.display()),
            };
            terminal.failure(&what, None, "Name a file that is not there yet with --receipt.");
            Err(Exit::Usage)
        }
    }
}

fn failed(error: &dyn Explained, progress: &Progress, terminal: Terminal) -> Exit {
    progress.clear();
    terminal.explained(error)
}

/// One hand-in, from the collected files on.
pub(super) struct Job<'a> {
    pub(super) program: &'a Student,
    pub(super) consent: Consent,
    pub(super) place: Option<Place>,
    pub(super) note: Option<String>,
    pub(super) waits: Waits,
    pub(super) terminal: Terminal,
    pub(super) progress: &'a Progress,
}

/// How far lodging came.
#[allow(clippy::large_enum_variant, reason = "one of them at a time, and moved once")]
pub(super) enum Step {
    /// Blackboard has it, for this assignment.
    Lodged(Lodged, Assignment),
    /// Something changed; this is the plan that fits now.
    Changed(Plan),
    /// Blackboard went away; the claim that was sent may be lodged or not.
    Away(SignedClaim, HandInError),
    /// It goes no further, and that was told.
    Ended(Exit),
}

impl Job<'_> {
    async fn run(
        self,
        session: &mut OpenSession,
        collected: Collected,
        wanted: &Wanted,
    ) -> Result<Exit> {
        let assignments = match session.assignments_in(Haste::Hurried).await {
            Ok(assignments) => assignments,
            Err(away) if away.is_outage() => {
                let id = session.id().clone();
                return outage::run(self, &id, collected, wanted, &away).await;
            }
            Err(error) => return Ok(self.failed(&error)),
        };
        let assignment = match choose(&assignments, wanted) {
            Ok(assignment) => assignment,
            Err(error) => {
                self.failed(&error);
                return Ok(Exit::Usage);
            }
        };
        let place = self.place(&assignment);
        let plan = Plan::new(collected, assignment, self.note.clone(), session.server_now());
        let plan = match plan {
            Ok(plan) => plan,
            Err(error) => return Ok(self.failed(&error)),
        };
        match self.lodge(session, plan, Haste::Hurried).await? {
            Step::Away(signed, error) => {
                outage::instead(&self, session, signed, &place, &error).await
            }
            step => self.after(session, step, &place).await,
        }
    }

    /// Where the receipt goes.
    pub(super) fn place(&self, assignment: &Assignment) -> Place {
        let here = || Place::of_assignment(Path::new(""), &assignment.reference());
        self.place.clone().unwrap_or_else(here)
    }

    /// Shows, asks, signs and lodges, again where something changed for the worse.
    pub(super) async fn lodge(
        &self,
        session: &mut OpenSession,
        mut plan: Plan,
        haste: Haste,
    ) -> Result<Step> {
        loop {
            let signed = match session.sign(plan) {
                Ok(signed) => signed,
                Err(error) => return Ok(Step::Ended(self.failed(&error))),
            };
            if signed.is_from_earlier() {
                self.terminal.say(
                    "These files were lodged before, and nothing came after them: going on with that claim.",
                );
            } else {
                self.show(session, &signed);
                if !self.consent.obtain(QUESTION, self.terminal).await? {
                    return Ok(Step::Ended(Exit::Refused));
                }
            }
            match self.send(session, signed, haste).await {
                Step::Changed(changed) => plan = changed,
                step => return Ok(step),
            }
        }
    }

    /// Lodges what is signed.
    pub(super) async fn send(
        &self,
        session: &mut OpenSession,
        signed: SignedClaim,
        haste: Haste,
    ) -> Step {
        let assignment = signed.plan().assignment().clone();
        let sent = signed.clone();
        match session.lodge_in(signed, haste).await {
            Ok(Lodging::Lodged(lodged)) => {
                self.progress.clear();
                let line = words::hand_in::lodged(&lodged, &assignment.zone);
                self.terminal.say(&line);
                Step::Lodged(lodged, assignment)
            }
            Ok(Lodging::Changed { plan, change }) => {
                let what = words::hand_in::change(&change, &assignment.zone);
                if self.consent == Consent::Given {
                    let why = "That may matter to you, so it was not signed without a word.";
                    let advice = "Look at it with `claim student status`, then hand in again.";
                    self.progress.clear();
                    let what = format!("nothing was lodged: {what}");
                    self.terminal.failure(&what, Some(why), advice);
                    return Step::Ended(Exit::Refused);
                }
                self.terminal.say(&format!("Not lodged yet: {what}."));
                Step::Changed(plan)
            }
            Err(error) if error.is_outage() && haste == Haste::Hurried => Step::Away(sent, error),
            Err(error) => Step::Ended(self.failed(&error)),
        }
    }

    /// What follows lodging, whatever came of it.
    pub(super) async fn after(
        &self,
        session: &mut OpenSession,
        mut step: Step,
        place: &Place,
    ) -> Result<Exit> {
        loop {
            step = match step {
                Step::Lodged(lodged, assignment) => {
                    return self.rest(session, lodged, &assignment.zone, place).await;
                }
                Step::Changed(plan) => self.lodge(session, plan, Haste::Patient).await?,
                Step::Away(_, error) => return Ok(self.failed(&error)),
                Step::Ended(exit) => return Ok(exit),
            }
        }
    }

    fn show(&self, session: &OpenSession, signed: &SignedClaim) {
        self.progress.clear();
        for line in words::hand_in::plan(
            session.id(),
            signed.plan(),
            session.server_now(),
            "Blackboard's clock",
        ) {
            self.terminal.say(&line);
        }
    }

    /// What follows once the claim is lodged: its proof, the files, the receipt.
    pub(super) async fn rest(
        &self,
        session: &mut OpenSession,
        mut lodged: Lodged,
        zone: &str,
        place: &Place,
    ) -> Result<Exit> {
        // The upload does not depend on it, and the receipt has all that is in it.
        let proof = match session.keep_lodged(&lodged, place).await {
            Ok(path) => Some(path),
            Err(error) => {
                let line = format!("The proof of lodging is not stored yet: {error}.");
                self.terminal.say(&line);
                None
            }
        };
        if let Err(error) = session.upload(&mut lodged).await {
            return Ok(self.failed(&error));
        }
        self.progress.clear();
        let collected = lodged.collected().clone();
        let manifest = lodged.manifest().clone();
        match session.receive(lodged, place).await {
            Ok(received) => {
                let Received { claim, status, receipt, incomplete } = &received;
                let files: Vec<_> =
                    manifest.files.entries().iter().map(words::hand_in::file).collect();
                let left_out: Vec<_> =
                    collected.left_out().iter().map(words::hand_in::left_out).collect();
                let document = json!({
                    "event": "handed-in", "claim": claim, "course": manifest.course,
                    "assignment": manifest.assignment, "sids": manifest.sids, "note": manifest.note,
                    "lodged_at": status.lodged_at, "due": status.due, "late_ms": status.late_ms,
                    "zone": zone, "state": status.state, "counts": status.counts,
                    "clock_offset_ms": session.clock_offset(), "receipt": receipt, "incomplete": incomplete,
                    "lodging_proof": proof, "files": files, "left_out": left_out,
                });
                let line = words::hand_in::received(&received);
                self.terminal.result(&line, &document);
                Ok(Exit::Done)
            }
            Err(error) => Ok(self.failed(&error)),
        }
    }

    pub(super) fn failed(&self, error: &dyn Explained) -> Exit {
        failed(error, self.progress, self.terminal)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn lines_that_hand_in() {
        let read = |line: &str| {
            let Line { paths, to } = command(line)?;
            let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            Some((paths.join("|"), to.unwrap_or_default()))
        };
        let lab = || "lab1".to_owned();
        for (line, paths, to) in [
            ("/hand-in a b/c", "a|b/c", String::new()),
            ("  /hand-in 'my report.pdf' x\\ y", "my report.pdf|x y", String::new()),
            ("/hand-in Bob's", "Bob's", String::new()),
            ("/hand-in --to lab1 a", "a", lab()),
            ("/hand-in a --to lab1", "a", lab()),
            ("/hand-in", "", String::new()),
        ] {
            assert_eq!(read(line), Some((paths.to_owned(), to)), "{line}");
        }
        for message in ["hello", "/hand-ins", "/handin a", "see /hand-in a"] {
            assert_eq!(read(message), None, "{message}");
        }
    }
}
