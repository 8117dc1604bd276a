//! Whose a hand-in is: one's own, or that of students on whose behalf staff hands in.

use claim_core::claim::{Holder, Manifest};
use claim_core::hand_in::Assignment;
use claim_core::{AssignmentRef, StaffId};
use claim_student::{
    AskError, ChooseError, Collected, Explained, Haste, LimitError, OpenSession, Plan, Wanted,
    choose,
};

/// Whose a hand-in is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// The person's own, perhaps with a group.
    Own,
    /// Of these students; this member of staff signs, alone.
    Of { by: StaffId, holder: Holder },
}

/// Why there is no assignment to hand in to.
pub(super) enum Unclear {
    /// Blackboard did not tell.
    Asking(AskError),
    /// What was said does not fit what Blackboard tells.
    Said(Box<dyn Explained>),
}

impl From<AskError> for Unclear {
    fn from(error: AskError) -> Self {
        Self::Asking(error)
    }
}

/// Others hand in together than were named.
#[derive(Debug, thiserror::Error)]
enum OtherHolder {
    /// Nobody does.
    #[error("to {assignment} everybody hands in alone, and you named {named}")]
    Alone { assignment: AssignmentRef, named: Holder },
    /// More or others do.
    #[error("{assignment} is handed in by {is} together, and you named {named}")]
    Together { assignment: AssignmentRef, is: Holder, named: Holder },
}

/// The assignment is closed to those on whose behalf staff hands in.
#[derive(Debug, thiserror::Error)]
#[error("{limit} for {holder}")]
struct ClosedToThem {
    assignment: AssignmentRef,
    limit: LimitError,
    holder: Holder,
}

impl Whose {
    /// Whose a claim is that was signed here.
    pub(super) fn of(manifest: &Manifest) -> Self {
        match &manifest.by {
            None => Self::Own,
            Some(by) => Self::Of { by: by.clone(), holder: manifest.sids.clone() },
        }
    }

    /// For one's own files CUHK stamps the claim where Blackboard is away. What holds for others only Blackboard knows.
    pub(super) fn haste(&self) -> Haste {
        match self {
            Self::Own => Haste::Hurried,
            Self::Of { .. } => Haste::Patient,
        }
    }

    /// The assignment as those have it whose hand-in it is.
    pub(super) async fn assignment(
        &self,
        session: &mut OpenSession,
        wanted: &Wanted,
        haste: Haste,
    ) -> Result<Assignment, Unclear> {
        let (holder, reference) = match (self, wanted) {
            (Self::Of { holder, .. }, Wanted::Exactly(reference)) => (holder, reference),
            _ => {
                let assignments = session.assignments_in(haste).await?;
                let said = |error: ChooseError| Unclear::Said(Box::new(error));
                return choose(&assignments, wanted).map_err(said);
            }
        };
        let mut found = None;
        // Each of them is looked at: one may not be in the course at all.
        for sid in holder.sids() {
            found = Some(session.student_view(reference, sid).await?.assignment);
        }
        match found {
            Some(assignment) if assignment.sids == *holder => Ok(assignment),
            Some(Assignment { sids: is, .. }) => {
                let (assignment, named) = (reference.clone(), holder.clone());
                Err(Unclear::Said(Box::new(match is.sids().len() {
                    1 => OtherHolder::Alone { assignment, named },
                    _ => OtherHolder::Together { assignment, is, named },
                })))
            }
            // A holder has members.
            None => Err(Unclear::Said(Box::new(ChooseError::None))),
        }
    }

    /// What will be signed.
    pub(super) fn plan(
        &self,
        collected: Collected,
        assignment: Assignment,
        note: Option<String>,
        session: &OpenSession,
    ) -> Result<Plan, Box<dyn Explained>> {
        let (reference, now) = (assignment.reference(), session.server_now());
        match (Plan::new(collected, assignment, note, now), self) {
            (Ok(plan), Self::Own) => Ok(plan),
            (Ok(plan), Self::Of { by, .. }) => Ok(plan.on_behalf(by.clone())),
            (Err(limit @ LimitError::Closed { .. }), Self::Of { holder, .. }) => {
                let (assignment, holder) = (reference, holder.clone());
                Err(Box::new(ClosedToThem { assignment, limit, holder }))
            }
            (Err(error), _) => Err(Box::new(error)),
        }
    }

    /// What to do where something changed in the moment between looking and lodging.
    pub(super) fn look_again(&self) -> &'static str {
        match self {
            Self::Own => "Look at it with `claim student status`, then hand in again.",
            Self::Of { .. } => "Look at it with `claim staff list`, then hand in again.",
        }
    }
}

impl Explained for OtherHolder {
    fn why(&self) -> Option<String> {
        Some("A claim is that of those who hand in together, and names exactly them.".to_owned())
    }

    fn advice(&self) -> String {
        match self {
            Self::Alone { .. } => "Hand in once for each of them.".to_owned(),
            Self::Together { is, .. } => {
                let sids: Vec<_> = is.sids().iter().map(ToString::to_string).collect();
                format!("Say --for {}.", sids.join(","))
            }
        }
    }
}

impl Explained for ClosedToThem {
    fn why(&self) -> Option<String> {
        Some("What holds for students holds also where staff hands in on their behalf.".to_owned())
    }

    fn advice(&self) -> String {
        format!("Grant more time first: claim staff extend grant {} --help", self.assignment)
    }
}
