//! The demonstration's hand-in: a report, its receipt, and what the receipt proves.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use claim_core::Sid;
use claim_student::{Explained, Lodging, OpenSession, Place, Plan, Student, Wanted, choose};

use crate::cli::VerifyArgs;
use crate::commands::{Context, verify};
use crate::exit::Exit;
use crate::terminal::Terminal;
use crate::words;

/// How many lines the generated report has: about five megabytes, so that it has two pieces.
const LINES: usize = 100_000;

/// Hands in the file, or a generated report, in the session that is open; then says what the receipt proves.
pub(super) struct Report<'a> {
    pub(super) dir: &'a Path,
    pub(super) file: Option<PathBuf>,
    pub(super) sid: &'a Sid,
    pub(super) terminal: Terminal,
    pub(super) context: &'a Context,
}

/// What was handed in, and the receipt for it.
pub(super) struct HandedIn {
    pub(super) report: PathBuf,
    pub(super) receipt: PathBuf,
}

impl Report<'_> {
    pub(super) async fn hand_in(
        self,
        student: &Student,
        session: &mut OpenSession,
    ) -> Result<Result<HandedIn, Exit>> {
        let terminal = self.terminal;
        let file = match &self.file {
            Some(file) => file.clone(),
            None => self.generate()?,
        };
        let receipt = match lodge_and_upload(self.dir, &file, student, session, terminal).await {
            Ok(receipt) => receipt,
            Err(error) => return Ok(Err(terminal.explained(&*error))),
        };
        terminal.head("What the receipt proves (claim verify)");
        let arguments = VerifyArgs {
            receipt: receipt.clone(),
            files: vec![file.clone()],
            root: Some(self.dir.join("cuhk.cer")),
            witness: None,
            crl: Vec::new(),
        };
        Ok(match verify::run(&arguments, self.context)? {
            Exit::Done => Ok(HandedIn { report: file, receipt }),
            exit => Err(exit),
        })
    }

    fn generate(&self) -> Result<PathBuf> {
        let path = self.dir.join("report.txt");
        let text: String = (1..=LINES)
            .map(|line| format!("Report of {}, line {line:>6}, of {LINES}\n", self.sid))
            .collect();
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

/// Returns where the receipt is.
async fn lodge_and_upload(
    dir: &Path,
    file: &Path,
    student: &Student,
    session: &mut OpenSession,
    terminal: Terminal,
) -> Result<PathBuf, Box<dyn Explained>> {
    let collected = student.collect(vec![file.to_owned()]).await.map_err(boxed)?;
    let assignments = session.assignments().await.map_err(boxed)?;
    let assignment = choose(&assignments, &Wanted::default()).map_err(boxed)?;
    let place = Place::of_assignment(dir, &assignment.reference());
    let mut plan = Plan::new(collected, assignment, None, session.server_now()).map_err(boxed)?;
    let mut lodged = loop {
        let zone = plan.assignment().zone.clone();
        let signed = session.sign(plan).map_err(boxed)?;
        match session.lodge(signed).await.map_err(boxed)? {
            Lodging::Lodged(lodged) => {
                terminal.say(&words::hand_in::lodged(&lodged, &zone));
                break lodged;
            }
            // Nobody else changes anything here for long.
            Lodging::Changed { plan: changed, .. } => plan = changed,
        }
    };
    session.keep_lodged(&lodged, &place).await.map_err(boxed)?;
    session.upload(&mut lodged).await.map_err(boxed)?;
    let received = session.receive(lodged, &place).await.map_err(boxed)?;
    terminal.say(&words::hand_in::received(&received));
    Ok(received.receipt)
}

fn boxed<E: Explained + 'static>(error: E) -> Box<dyn Explained> {
    Box::new(error)
}
