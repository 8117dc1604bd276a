//! What counts.

use claim_core::claim::{ClaimId, Holder};
use claim_core::{AssignmentRef, Sid};
use claim_course::Change;

use super::{Context, Desk, Done, Undone, change, course};
use crate::cli::course::{CountCommand, WhoseArgs};

pub(super) async fn run(command: CountCommand, desk: &mut Desk, context: &Context) -> Done {
    match command {
        CountCommand::Choose { assignment, claim, whose } => {
            let told = format!("{claim} counts for {assignment} now, whatever is lodged later.");
            choose(desk, assignment, Some(claim), whose).await?;
            context.terminal.say(&told);
        }
        CountCommand::ByRule { assignment, whose } => {
            let told = format!(
                "For {assignment} counts again the last claim that was lodged in time and received in full."
            );
            choose(desk, assignment, None, whose).await?;
            context.terminal.say(&told);
        }
    }
    Ok(())
}

async fn choose(
    desk: &mut Desk,
    assignment: AssignmentRef,
    claim: Option<ClaimId>,
    whose: WhoseArgs,
) -> Done {
    let seen = course(desk, &assignment.course).await?;
    let WhoseArgs { sid, reason } = whose;
    let (sids, assignment) = (holder(sid)?, assignment.assignment);
    change(desk, &seen, &[Change::Choose { assignment, sids, claim, reason }]).await
}

fn holder(mut sids: Vec<Sid>) -> Done<Holder> {
    sids.sort();
    Holder::new(sids).map_err(|error| Undone::Usage {
        what: error.to_string(),
        advice: "Name each member once.".to_owned(),
    })
}
