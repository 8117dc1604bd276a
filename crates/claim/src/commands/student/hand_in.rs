//! `claim student hand-in`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use claim_core::PersonId;
use claim_student::{Explained as _, OpenSession, Outcome, Place, SessionError, Student};

use super::consent::Consent;
use super::job::{Job, failed};
use super::outage::{self, Waits};
use super::whose::Whose;
use super::{observed, the_one, together};
use crate::cli::HandInArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::words;

/// How a line of the dialogue begins that hands in.
const COMMAND: &str = "/hand-in";

pub(super) async fn run(arguments: HandInArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let arguments = match together::Together::of(arguments) {
        Ok(together) => return together::run(together, context).await,
        Err(arguments) => arguments,
    };
    let HandInArgs { paths, to, receipt, note, no_wait, anew, consent, student, .. } = *arguments;
    let consent = match Consent::new(consent.yes, terminal) {
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
    let progress = &*progress;
    let (program, whose) = (&program, Whose::Own);
    let job = Job { program, consent, place, note, whose, waits, anew, terminal, progress };
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
        whose: Whose::Own,
        waits: Waits::Yes,
        anew: false,
        terminal,
        progress: &progress,
    };
    match session {
        Ok(session) => job.run(session, collected, &wanted).await,
        Err(away) => outage::run(job, id, collected, &wanted, away).await,
    }
}

/// Where the receipt goes, if it can: found out before anything is signed.
pub(super) fn chosen_place(path: &Path, terminal: Terminal) -> Result<Place, Exit> {
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
