//! One hand-in: shown, signed, lodged, sent and received, with all that may come between.

use std::path::{Path, PathBuf};

use anyhow::Result;
use claim_core::hand_in::Assignment;
use claim_student::{
    Collected, Explained, HandInError, Haste, Lodged, Lodging, OpenSession, Place, Plan, Received,
    SignedClaim, Student, Wanted,
};
use serde_json::json;

use super::ask;
use super::consent::Consent;
use super::outage::{self, Waits};
use super::whose::{Unclear, Whose};
use crate::exit::Exit;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::words;

const QUESTION: &str = "Sign this and hand it in? [y/N] ";

const ANEW: &str = "Hand in the files as they are now, as a new claim? [y/N] ";

/// How often files that change while they are sent are handed in anew before that must be said again.
const MOST_ANEW: usize = 3;

/// One hand-in, from the collected files on.
pub(super) struct Job<'a> {
    pub(super) program: &'a Student,
    pub(super) consent: Consent,
    pub(super) place: Option<Place>,
    pub(super) note: Option<String>,
    pub(super) whose: Whose,
    pub(super) waits: Waits,
    /// Files that are not those of a claim that waits for them are handed in anew without a question.
    pub(super) anew: bool,
    pub(super) terminal: Terminal,
    pub(super) progress: &'a Progress,
}

/// What came of sending the files.
#[allow(clippy::large_enum_variant, reason = "one of them at a time, and moved once")]
enum Rest {
    /// It goes no further, and that was told.
    Ended(Exit),
    /// A file is not the one that was claimed. These had been named.
    Changed(HandInError, Vec<PathBuf>),
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
    pub(super) async fn run(
        self,
        session: &mut OpenSession,
        collected: Collected,
        wanted: &Wanted,
    ) -> Result<Exit> {
        let haste = self.whose.haste();
        let assignment = match self.whose.assignment(session, wanted, haste).await {
            Ok(assignment) => assignment,
            Err(Unclear::Asking(away)) if away.is_outage() && haste == Haste::Hurried => {
                let id = session.id().clone();
                return outage::run(self, &id, collected, wanted, &away).await;
            }
            Err(Unclear::Asking(error)) => return Ok(self.failed(&error)),
            Err(Unclear::Said(error)) => {
                self.failed(&*error);
                return Ok(Exit::Usage);
            }
        };
        let place = self.place(&assignment);
        let plan = match self.whose.plan(collected, assignment, self.note.clone(), session) {
            Ok(plan) => plan.kept_for(&place),
            Err(error) => return Ok(self.failed(&*error)),
        };
        if let Some(exit) = self.tell_difference(session, &plan) {
            return Ok(exit);
        }
        match self.lodge(session, plan, haste).await? {
            Step::Away(signed, error) => {
                outage::instead(&self, session, signed, &place, &error).await
            }
            step => self.after(session, step, &place).await,
        }
    }

    /// Tells how these files differ from those of a claim that waits for its own. Somebody who cannot be asked must have
    /// said that they are to be handed in anew.
    fn tell_difference(&self, session: &OpenSession, plan: &Plan) -> Option<Exit> {
        let difference = session.difference(plan)?;
        let what = words::hand_in::difference(&difference, &plan.assignment().zone);
        self.progress.clear();
        if self.consent == Consent::Given && !self.anew {
            let why = "What is signed now is another claim, with a time of its own. Nothing was mixed, and nothing was sent.";
            let advice = "Put the files back as they were and hand in again to finish that claim; or say --anew to \
                          hand in what is there now.";
            self.terminal.failure(&what, Some(why), advice);
            return Some(Exit::Refused);
        }
        self.terminal.say(&format!("Attention: {what}."));
        self.terminal.say("What is handed in now is another claim, with a time of its own.");
        None
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
                let what = change.in_words(&assignment.zone);
                if self.consent == Consent::Given {
                    let why = "That may matter to you, so it was not signed without a word.";
                    let advice = self.whose.look_again();
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
                    return self.files(session, lodged, &assignment.zone, place).await;
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

    /// What follows once the claim is lodged; where a file was changed since, these files anew if that is wanted.
    pub(super) async fn files(
        &self,
        session: &mut OpenSession,
        mut lodged: Lodged,
        zone: &str,
        place: &Place,
    ) -> Result<Exit> {
        for _ in 0..MOST_ANEW {
            let wanted = Wanted::Exactly(lodged.manifest().assignment_ref());
            let (error, named) = match self.rest(session, lodged, zone, place).await? {
                Rest::Ended(exit) => return Ok(exit),
                Rest::Changed(error, named) => (error, named),
            };
            if !self.is_wanted_anew(&error).await? {
                return Ok(self.failed(&error));
            }
            let collected = match self.program.collect(named).await {
                Ok(collected) => collected,
                Err(error) => return Ok(self.failed(&error)),
            };
            let plan = match self.plan(session, collected, &wanted).await {
                Ok(plan) => plan.kept_for(place),
                Err(exit) => return Ok(exit),
            };
            lodged = match self.lodge(session, plan, Haste::Patient).await? {
                Step::Lodged(lodged, _) => lodged,
                Step::Ended(exit) => return Ok(exit),
                Step::Away(_, error) => return Ok(self.failed(&error)),
                Step::Changed(_) => return Ok(Exit::Refused),
            };
        }
        match self.rest(session, lodged, zone, place).await? {
            Rest::Ended(exit) => Ok(exit),
            Rest::Changed(error, _) => Ok(self.failed(&error)),
        }
    }

    /// What these files would be as a claim for this assignment.
    async fn plan(
        &self,
        session: &mut OpenSession,
        collected: Collected,
        wanted: &Wanted,
    ) -> Result<Plan, Exit> {
        let assignment = self.whose.assignment(session, wanted, Haste::Patient).await;
        let assignment = assignment.map_err(|error| match error {
            Unclear::Asking(error) => self.failed(&error),
            Unclear::Said(error) => self.failed(&*error),
        })?;
        let plan = self.whose.plan(collected, assignment, self.note.clone(), session);
        plan.map_err(|error| self.failed(&*error))
    }

    /// Whether files that were changed are to be handed in anew: asked, or said before.
    async fn is_wanted_anew(&self, error: &HandInError) -> Result<bool> {
        self.progress.clear();
        if self.anew {
            self.terminal.say(&format!("{error}: handing in anew."));
            return Ok(true);
        }
        if self.consent == Consent::Given {
            return Ok(false);
        }
        self.terminal.say(&format!("{error}. {}", error.why().unwrap_or_default()));
        let answer = ask(self.terminal, ANEW).await?.unwrap_or_default();
        Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Its proof, the files, the receipt.
    async fn rest(
        &self,
        session: &mut OpenSession,
        mut lodged: Lodged,
        zone: &str,
        place: &Place,
    ) -> Result<Rest> {
        // The upload does not depend on it, and the receipt has all that is in it.
        let proof = match session.keep_lodged(&lodged, place).await {
            Ok(path) => Some(path),
            Err(error) => {
                let line = format!("The proof of lodging is not stored yet: {error}.");
                self.terminal.say(&line);
                None
            }
        };
        match session.upload(&mut lodged).await {
            Ok(()) => {}
            Err(error @ HandInError::FileChanged { .. }) => {
                return Ok(Rest::Changed(error, lodged.collected().named().to_vec()));
            }
            Err(error) => return Ok(Rest::Ended(self.failed(&error))),
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
                    "assignment": manifest.assignment, "sids": manifest.sids, "by": manifest.by, "note": manifest.note,
                    "lodged_at": status.lodged_at, "due": status.due, "late_ms": status.late_ms,
                    "judged_late_ms": status.judged_late_ms,
                    "zone": zone, "state": status.state, "counts": status.counts,
                    "clock_offset_ms": session.clock_offset(), "receipt": receipt, "incomplete": incomplete,
                    "lodging_proof": proof, "files": files, "left_out": left_out,
                });
                let line = words::hand_in::received(&received);
                self.terminal.result(&line, &document);
                Ok(Rest::Ended(Exit::Done))
            }
            Err(error) => Ok(Rest::Ended(self.failed(&error))),
        }
    }

    pub(super) fn failed(&self, error: &dyn Explained) -> Exit {
        failed(error, self.progress, self.terminal)
    }
}

/// Tells an error in place of the bars.
pub(super) fn failed(error: &dyn Explained, progress: &Progress, terminal: Terminal) -> Exit {
    progress.clear();
    terminal.explained(error)
}
