//! `claim student resume`: whatever was begun and has no receipt yet.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;
use claim_core::hand_in::ClaimState;
use claim_student::{Draft, OpenSession, Student, Wanted};

use super::consent::Consent;
use super::job::{Job, failed};
use super::observed;
use super::outage::{self, Waits};
use super::whose::Whose;
use crate::cli::ResumeArgs;
use crate::commands::Context;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::words;

/// How the files of hand-ins end that wait for Blackboard.
const ENDING: &str = "pending";

pub(super) async fn run(arguments: ResumeArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let progress = Arc::new(Progress::new(terminal));
    let observer = {
        let progress = Arc::clone(&progress);
        move |event| progress.tell(&event, &words::student::words(&event))
    };
    let ResumeArgs { files, no_wait, anew, yes, servers } = arguments;
    let program = observed(servers, context, Arc::new(observer))?;
    let waits = if no_wait { Waits::No } else { Waits::Yes };
    let (files, named) = match files.is_empty() {
        true => (pending_here()?, false),
        false => (files, true),
    };
    let mut exit = Exit::Done;
    let mut nothing = files.is_empty();
    for file in files {
        let done = match program.pending(&file) {
            Ok(pending) => {
                terminal.say(&words::hand_in::waiting(&pending));
                outage::finish(&program, &pending, waits, &progress, terminal).await?
            }
            Err(error) => terminal.explained(&error),
        };
        if done != Exit::Done {
            exit = done;
        }
    }
    // After those: a claim that CUHK has stamped may have taken the place of one that was begun.
    let drafts = match named {
        true => Vec::new(),
        false => match program.drafts() {
            Ok(drafts) => drafts,
            Err(error) => return Ok(terminal.explained(&error)),
        },
    };
    let resuming = Resuming { program: &program, waits, anew, yes, terminal, progress: &progress };
    for draft in drafts.iter().filter(|draft| draft.blackboard() == program.blackboard()) {
        nothing = false;
        let done = resuming.go_on(draft).await?;
        if done != Exit::Done {
            exit = done;
        }
    }
    if nothing {
        terminal.say(
            "Nothing here waits for Blackboard, and nothing that was begun is unfinished. \
             Name a .pending file that is elsewhere.",
        );
    }
    Ok(exit)
}

/// The hand-ins that wait in the current folder, by name.
fn pending_here() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(".")? {
        let path = PathBuf::from(entry?.file_name());
        if path.extension().is_some_and(|ending| ending == ENDING) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// How hand-ins are taken up again.
struct Resuming<'a> {
    program: &'a Student,
    waits: Waits,
    anew: bool,
    yes: bool,
    terminal: Terminal,
    progress: &'a Progress,
}

impl Resuming<'_> {
    /// Goes on where the program was stopped.
    async fn go_on(&self, draft: &Draft) -> Result<Exit> {
        self.terminal.say(&words::hand_in::begun(draft));
        let mut session = match self.program.open_session(draft.person()).await {
            Ok(session) => session,
            Err(error) => return Ok(failed(&error, self.progress, self.terminal)),
        };
        let lodged = match session.take_up(draft).await {
            Ok(Some(lodged)) => lodged,
            Ok(None) => return self.begin_again(draft, &mut session).await,
            Err(error) => return Ok(failed(&error, self.progress, self.terminal)),
        };
        let state = lodged.status().state;
        if matches!(state, ClaimState::Superseded | ClaimState::Withdrawn) {
            self.terminal.say(&words::hand_in::is_over(draft, state));
            return Ok(self.forgotten(draft, Exit::Done));
        }
        self.terminal.say(&words::hand_in::lodged(&lodged, draft.zone()));
        // The files were consented to when they were signed.
        let job = self.job(draft, if self.can_ask() { Consent::Asked } else { Consent::Given });
        let Some(place) = draft.place() else { return Ok(Exit::Refused) };
        let exit = job.files(&mut session, lodged, draft.zone(), &place).await?;
        Ok(match state {
            ClaimState::Lapsed => self.forgotten(draft, exit),
            _ => exit,
        })
    }

    /// Blackboard never had the claim: it is handed in as if nothing had been, and asked about before.
    async fn begin_again(&self, draft: &Draft, session: &mut OpenSession) -> Result<Exit> {
        self.terminal.say("Blackboard does not have it: it was not handed in.");
        let consent = match Consent::new(self.yes, self.terminal) {
            Ok(consent) => consent,
            Err(exit) => return Ok(exit),
        };
        let collected = match self.program.collect(draft.named().to_vec()).await {
            Ok(collected) => collected,
            Err(error) => return Ok(failed(&error, self.progress, self.terminal)),
        };
        let wanted = Wanted::Exactly(draft.manifest().assignment_ref());
        let exit = self.job(draft, consent).run(session, collected, &wanted).await?;
        Ok(match exit {
            Exit::Done => self.forgotten(draft, exit),
            exit => exit,
        })
    }

    fn can_ask(&self) -> bool {
        Consent::can_ask(self.yes, self.terminal)
    }

    fn job(&self, draft: &Draft, consent: Consent) -> Job<'_> {
        Job {
            program: self.program,
            consent,
            place: draft.place(),
            note: draft.manifest().note.clone(),
            whose: Whose::of(draft.manifest()),
            waits: self.waits,
            anew: self.anew,
            terminal: self.terminal,
            progress: self.progress,
        }
    }

    fn forgotten(&self, draft: &Draft, exit: Exit) -> Exit {
        match self.program.forget(draft.id()) {
            Ok(()) => exit,
            Err(error) => failed(&error, self.progress, self.terminal),
        }
    }
}
