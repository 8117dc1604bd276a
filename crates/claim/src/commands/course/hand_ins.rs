//! Who has handed in, who has not, who is late.

use claim_core::hand_in::ClaimState;
use claim_core::{AssignmentRef, Escaped, StaffId, Timestamp};
use claim_course::api::{HandIn, Lodged};
use claim_course::time::Zone;
use serde_json::json;

use super::{Context, Desk, Done, course, hand_ins_file as file};
use crate::cli::hand_ins::HandInsArgs;
use crate::words::hand_in::people;
use crate::words::judged::Judged;

/// How many are so far.
#[derive(Default)]
struct Counts {
    in_time: u64,
    late: u64,
    unfinished: u64,
    nothing: u64,
}

pub(super) async fn run(arguments: &HandInsArgs, desk: &mut Desk, context: &Context) -> Done {
    let HandInsArgs { assignment, format, out } = arguments;
    match format {
        Some(format) => file::write(assignment, *format, out.as_deref(), desk, context).await,
        None => list(assignment, desk, context).await,
    }
}

async fn list(assignment: &AssignmentRef, desk: &mut Desk, context: &Context) -> Done {
    let course = course(desk, &assignment.course).await?;
    let mut counts = Counts::default();
    desk.hand_ins(assignment, |row| tell(&row, &course.zone, &mut counts, context)).await?;
    let Counts { in_time, late, unfinished, nothing } = counts;
    context.terminal.say(&format!(
        "{assignment}: {in_time} in time, {late} late only, {unfinished} with files missing, {nothing} nothing."
    ));
    Ok(())
}

fn tell(row: &HandIn, zone: &Zone, counts: &mut Counts, context: &Context) {
    let HandIn { sid, name, on_roster, group, due, counting, chosen, claims } = row;
    let counted = claims.iter().find(|claim| Some(claim.claim) == *counting);
    let received = claims.iter().find(|claim| claim.state == ClaimState::Received);
    let waiting = claims.iter().find(|claim| claim.state == ClaimState::Waiting);
    let (count, what) = match (counted, received, waiting) {
        (Some(claim), ..) if claim.late_ms == 0 => {
            (&mut counts.in_time, format!("in time, {}", at(claim, zone)))
        }
        (Some(claim), ..) | (None, Some(claim), _) => {
            (&mut counts.late, format!("{}, {}", late(claim), at(claim, zone)))
        }
        (None, None, Some(claim)) => {
            (&mut counts.unfinished, format!("files missing, {}", at(claim, zone)))
        }
        (None, None, None) => (&mut counts.nothing, "nothing".to_owned()),
    };
    *count += 1;
    let mut line = format!("{sid}  {:<24}  {what}", Escaped(name).to_string());
    if let Some(group) = group {
        line.push_str(&format!("  group {}", Escaped(group.as_str())));
    }
    if let Some(reason) = chosen {
        line.push_str(&format!("  chosen by staff: {}", Escaped(reason)));
    }
    if !on_roster {
        line.push_str("  (not on the roster)");
    }
    if let Some(why) = counted.or(received).and_then(|claim| explained(claim, *due, zone)) {
        line.push_str(&format!("\n    {why}"));
    }
    let document = json!({
        "sid": sid, "name": name, "on_roster": on_roster, "group": group, "due": due,
        "counting": counting, "chosen": chosen, "claims": claims,
    });
    context.terminal.result(&line, &document);
}

/// Why the claim's receipt says otherwise than this list, where it does.
fn explained(claim: &Lodged, due: Option<Timestamp>, zone: &Zone) -> Option<String> {
    let judged = Judged {
        lodged_at: claim.lodged_at,
        signed_due: claim.due,
        signed_late_ms: claim.signed_late_ms,
        late_ms: claim.late_ms,
        due,
        zone: zone.name(),
    };
    judged.explained()
}

fn at(claim: &Lodged, zone: &Zone) -> String {
    // Whoever hands in alone has signed it, too.
    let by = match claim.by.parse::<StaffId>() {
        Ok(by) => format!("  handed in by {by}"),
        Err(_) if claim.sids.sids().len() == 1 => String::new(),
        Err(_) => format!(", signed by {}", people(&claim.signers)),
    };
    format!("lodged {}  claim {:.16}{by}", zone.shown(claim.lodged_at), claim.claim.to_string())
}

fn late(claim: &Lodged) -> String {
    let seconds = claim.late_ms.div_euclid(1000);
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let penalty = match claim.penalty {
        0 => String::new(),
        percent => format!(", {percent} % off"),
    };
    format!("late by {hours}:{minutes:02}:{:02} h{penalty}", seconds % 60)
}
