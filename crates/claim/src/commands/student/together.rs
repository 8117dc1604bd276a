//! `claim student hand-in --sign-only`, `--add-signature` and `--lodge`: several sign one claim before it is lodged.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use claim_core::hand_in::{Assignment, Assignments};
use claim_core::{AssignmentRef, Timestamp};
use claim_course::time::shown;
use claim_student::{
    Collected, Compared, OpenSession, Place, Plan, SharedClaim, Student, TogetherError, Wanted,
    choose,
};

use super::consent::Consent;
use super::hand_in::chosen_place;
use super::job::{Job, failed};
use super::outage::Waits;
use super::whose::Whose;
use super::{observed, the_one};
use crate::cli::{HandInArgs, TogetherArgs};
use crate::commands::Context;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::terminal::Terminal;
use crate::words;

const SIGN_ONLY: &str =
    "Sign this, for others to sign as well? It is NOT handed in by that. [y/N] ";
const ADD: &str = "Add your signature to this? It is NOT handed in by that. [y/N] ";
const LODGE: &str = "Hand this in, with these signatures? [y/N] ";

/// How the file ends that goes from one to the other.
const ENDING: &str = "claim.p7s";

/// What is to be done with a claim that several sign.
enum What {
    /// Made and signed, into this file; else into one that is called like the assignment.
    Sign(Option<PathBuf>),
    /// Signed by one more.
    Add(PathBuf),
    /// Handed in; the signatures of all these files together.
    Lodge(PathBuf, Vec<PathBuf>),
}

/// One of these, and the other arguments.
pub(super) struct Together {
    what: What,
    arguments: Box<HandInArgs>,
}

impl Together {
    /// From the arguments; they come back where they ask for an ordinary hand-in.
    pub(super) fn of(mut arguments: HandInArgs) -> Result<Self, Box<HandInArgs>> {
        let TogetherArgs { sign_only, add_signature, lodge } = &mut arguments.together;
        let mut lodge = std::mem::take(lodge).into_iter();
        let what = match (sign_only.take(), add_signature.take(), lodge.next()) {
            (Some(file), ..) => What::Sign(file),
            (None, Some(file), _) => What::Add(file),
            (None, None, Some(first)) => What::Lodge(first, lodge.collect()),
            (None, None, None) => return Err(Box::new(arguments)),
        };
        Ok(Self { what, arguments: Box::new(arguments) })
    }
}

/// Where it happens.
struct Desk<'a> {
    program: &'a Student,
    session: OpenSession,
    told: Assignments,
    consent: Consent,
    terminal: Terminal,
    progress: &'a Progress,
}

/// It goes no further, and that was told.
type Step<T> = Result<T, Exit>;

pub(super) async fn run(together: Together, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let Together { what, arguments } = together;
    let HandInArgs { paths, to, receipt, note, anew, consent, student, .. } = *arguments;
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
    let collected = match paths.is_empty() {
        true => None,
        false => match program.collect(paths).await {
            Ok(collected) => Some(collected),
            Err(error) => return Ok(failed(&error, &progress, terminal)),
        },
    };
    // CUHK stamps what one person signs: what several sign waits for Blackboard, as long as that takes.
    let mut session = match program.open_session(&id).await {
        Ok(session) => session,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    let told = match session.assignments().await {
        Ok(told) => told,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    let desk = Desk { program: &program, session, told, consent, terminal, progress: &progress };
    let wanted = to.unwrap_or_default();
    let done = match (what, collected) {
        (What::Sign(file), Some(collected)) => desk.sign(file, collected, &wanted, note).await?,
        (What::Add(file), collected) => desk.add(&file, collected, &wanted).await?,
        (What::Lodge(first, rest), Some(collected)) => {
            let files = (first.as_path(), rest.as_slice());
            desk.lodge(files, collected, &wanted, place, anew).await?
        }
        // clap asks for paths with both.
        (What::Sign(_) | What::Lodge(..), None) => Err(Exit::Usage),
    };
    Ok(done.unwrap_or_else(|exit| exit))
}

impl Desk<'_> {
    /// Makes a claim and signs it into a file.
    async fn sign(
        self,
        file: Option<PathBuf>,
        collected: Collected,
        wanted: &Wanted,
        note: Option<String>,
    ) -> Result<Step<Exit>> {
        let assignment = match choose(&self.told, wanted) {
            Ok(assignment) => assignment,
            Err(error) => {
                failed(&error, self.progress, self.terminal);
                return Ok(Err(Exit::Usage));
            }
        };
        let named = || PathBuf::from(format!("{}.{ENDING}", assignment.assignment));
        let file = file.unwrap_or_else(named);
        if file.exists() {
            let what = format!("{} is there already", words::verify::shown(&file));
            let why = "It may hold signatures of others, so nothing is written over it.";
            self.progress.clear();
            self.terminal.failure(&what, Some(why), "Name another file: --sign-only=FILE");
            return Ok(Err(Exit::Usage));
        }
        let now = self.session.server_now();
        let plan = match Plan::new(collected, assignment.clone(), note, now) {
            Ok(plan) => plan,
            Err(error) => return Ok(Err(failed(&error, self.progress, self.terminal))),
        };
        self.progress.clear();
        let lines = words::hand_in::plan(self.session.id(), &plan, now, "Blackboard's clock");
        lines.iter().for_each(|line| self.terminal.say(line));
        if !self.consent.obtain(SIGN_ONLY, self.terminal).await? {
            return Ok(Err(Exit::Refused));
        }
        let signed = self.session.sign_for_others(plan);
        let shared = signed.and_then(|signed| self.session.share(&signed, &file));
        Ok(shared.map_err(|error| self.failed(&error)).map(|shared| {
            self.tell_signed(&shared, &assignment, None);
            Exit::Done
        }))
    }

    /// Shows a claim and adds this person's signature to it.
    async fn add(
        self,
        file: &Path,
        collected: Option<Collected>,
        wanted: &Wanted,
    ) -> Result<Step<Exit>> {
        let looked = self.looked_at(file, collected.as_ref(), wanted);
        let (shared, assignment, compared) = match looked {
            Ok(looked) => looked,
            Err(exit) => return Ok(Err(exit)),
        };
        self.show(&shared, &assignment, compared.as_ref());
        if !self.consent.obtain(ADD, self.terminal).await? {
            return Ok(Err(Exit::Refused));
        }
        let signed = self.session.add_signature(&shared);
        Ok(signed.map_err(|error| self.failed(&error)).map(|signed| {
            self.tell_signed(&signed, &assignment, compared.as_ref());
            Exit::Done
        }))
    }

    /// The claim that is to be signed, its assignment, and how it compares with this person's files: whatever speaks
    /// against signing it is said before anybody is asked.
    fn looked_at(
        &self,
        file: &Path,
        collected: Option<&Collected>,
        wanted: &Wanted,
    ) -> Step<(SharedClaim, Assignment, Option<Compared>)> {
        let shared = self.session.shared(file).map_err(|error| self.failed(&error))?;
        self.is_for(&shared, wanted)?;
        let fits = self.session.fits(&shared, &self.told);
        let assignment = fits.map_err(|error| self.failed(&error))?;
        if shared.signers().contains(self.session.id()) {
            let id = self.session.id().clone();
            return Err(self.failed(&TogetherError::SignedAlready { id }));
        }
        let compared = collected.map(|collected| shared.compared(collected.files()));
        match compared {
            Some(compared) if !compared.agrees() => {
                // What was not named is not said to be wrong.
                let compared = Box::new(Compared { gone: Vec::new(), ..compared });
                Err(self.failed(&TogetherError::OtherFiles { compared }))
            }
            compared => Ok((shared, assignment, compared)),
        }
    }

    /// Lodges a claim with all its signatures, and goes on as with any other.
    async fn lodge(
        mut self,
        (first, others): (&Path, &[PathBuf]),
        collected: Collected,
        wanted: &Wanted,
        place: Option<Place>,
        anew: bool,
    ) -> Result<Step<Exit>> {
        let (shared, assignment) = match self.to_lodge(first, others, &collected, wanted) {
            Ok(found) => found,
            Err(exit) => return Ok(Err(exit)),
        };
        let compared = shared.compared(collected.files());
        self.show(&shared, &assignment, Some(&compared));
        if !self.consent.obtain(LODGE, self.terminal).await? {
            return Ok(Err(Exit::Refused));
        }
        let here = || Place::of_assignment(Path::new(""), &assignment.reference());
        let place = place.unwrap_or_else(here);
        let zone = assignment.zone.clone();
        let lodged = self.session.lodge_together(&shared, collected, assignment, &place).await;
        let lodged = match lodged {
            Ok(lodged) => lodged,
            Err(error) => return Ok(Err(self.failed(&error))),
        };
        self.progress.clear();
        self.terminal.say(&words::hand_in::lodged(&lodged, &zone));
        self.terminal.say(&words::together::lodged_with(&lodged, &shared));
        let job = Job {
            program: self.program,
            consent: self.consent,
            place: Some(place.clone()),
            note: shared.manifest().note.clone(),
            whose: Whose::Own,
            waits: Waits::Yes,
            anew,
            terminal: self.terminal,
            progress: self.progress,
        };
        Ok(Ok(job.files(&mut self.session, lodged, &zone, &place).await?))
    }

    /// The claim with all its signatures, which may be lodged as far as can be seen, and its assignment.
    fn to_lodge(
        &self,
        first: &Path,
        others: &[PathBuf],
        collected: &Collected,
        wanted: &Wanted,
    ) -> Step<(SharedClaim, Assignment)> {
        let refused = |error: TogetherError| self.failed(&error);
        let others: Result<Vec<_>, _> =
            others.iter().map(|path| self.session.shared(path)).collect();
        let first = self.session.shared(first).map_err(refused)?;
        let shared = self.session.join(first, &others.map_err(refused)?).map_err(refused)?;
        self.is_for(&shared, wanted)?;
        self.session.may_lodge(&shared, collected).map_err(refused)?;
        match self.session.fits(&shared, &self.told) {
            Ok(assignment) => Ok((shared, assignment)),
            // Lodging it again is safe, and how it goes on where the files are missing.
            Err(error @ TogetherError::Lodged { .. }) => {
                let reference = shared.manifest().assignment_ref();
                let assignment = self.assignment(&reference).ok_or_else(|| self.failed(&error))?;
                self.terminal.say(&format!("Going on: {error}."));
                Ok((shared, assignment))
            }
            Err(error) => Err(refused(error)),
        }
    }

    fn assignment(&self, reference: &AssignmentRef) -> Option<Assignment> {
        self.told.assignments.iter().find(|one| one.reference() == *reference).cloned()
    }

    /// Whether the claim is for the assignment that was named, if one was.
    fn is_for(&self, shared: &SharedClaim, wanted: &Wanted) -> Step<()> {
        let AssignmentRef { course, assignment } = shared.manifest().assignment_ref();
        let fits = match wanted {
            Wanted::Any => true,
            Wanted::Name(name) => {
                let name = name.to_string();
                name == course.to_string() || name == assignment.to_string()
            }
            Wanted::Exactly(wanted) => wanted.course == course && wanted.assignment == assignment,
        };
        if fits {
            return Ok(());
        }
        let file = words::verify::shown(shared.path());
        let what = format!("{file} is a claim for {course}/{assignment}, not {wanted}");
        self.progress.clear();
        self.terminal.failure(&what, None, "Leave out --to: the file says what it is for.");
        Err(Exit::Usage)
    }

    fn show(&self, shared: &SharedClaim, assignment: &Assignment, compared: Option<&Compared>) {
        self.progress.clear();
        let (id, now) = (self.session.id(), self.session.server_now());
        let lines = words::together::claim(id, shared, assignment, compared, now);
        lines.iter().for_each(|line| self.terminal.say(line));
    }

    fn tell_signed(
        &self,
        shared: &SharedClaim,
        assignment: &Assignment,
        compared: Option<&Compared>,
    ) {
        self.progress.clear();
        let until = |due: Timestamp| format!("until {}", shown(due, &assignment.zone));
        let due = assignment.due.map_or_else(|| "when it suits".to_owned(), until);
        let document = words::together::signed_json(shared, compared);
        self.terminal.result(&words::together::signed(shared, &due), &document);
    }

    fn failed(&self, error: &TogetherError) -> Exit {
        failed(error, self.progress, self.terminal)
    }
}
