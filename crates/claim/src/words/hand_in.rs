//! What is said about assignments, claims and files.

use claim_core::claim::{ClaimId, FileEntry, FileName, Holder};
use claim_core::hand_in::{Assignment, ClaimState, ClaimSummary, WithoutGroup, late_ms};
use claim_core::late::{LatePolicy, PenaltyStep};
use claim_core::{Escaped, PersonId, Timestamp};
use claim_course::time::{Zone, shown};
use claim_student::{Difference, Draft, Kept, KeptState, LeftOut, Lodged, Pending, Plan, Received};
use serde_json::{Value, json};

use super::judged::Judged;
use super::short;

/// How many files are named in a sentence; what is more is counted.
const MOST_NAMED: usize = 10;

/// How many files are listed before a question; what is more is counted.
const MOST_FILES: usize = 200;

/// Everything that is about to be signed, a line each, at this time by that clock.
pub(crate) fn plan(id: &PersonId, plan: &Plan, now: Timestamp, clock: &str) -> Vec<String> {
    let assignment = plan.assignment();
    let files = plan.collected().files();
    let mut lines = vec![
        row("Who", &who(id, plan)),
        row("For", &format!("{}  {}", assignment.reference(), Escaped(&assignment.title))),
        row("Due", &due(assignment, now, clock)),
    ];
    lines.extend(if_late(assignment).map(|late| row("If late", &late)));
    lines.extend(assignment.group.as_ref().map(|group| row("Group", &Escaped(group).to_string())));
    if assignment.due.is_some_and(|due| now > due) {
        lines.push(row("Warning", "the due time is over: this will be late"));
    }
    lines.extend(assignment.last_claim.map(|last| replaces(assignment, last)));
    if let Some(note) = plan.note() {
        lines.push(row("Note", &Escaped(note).to_string()));
    }
    let entries = files.entries();
    let what = format!("{}, {}", count(entries.len(), "file"), size(files.total_size()));
    lines.push(row("Files", &what));
    for entry in entries.iter().take(MOST_FILES) {
        let digest = short(&entry.sha256());
        lines.push(format!("  {:>15}  {digest}  {}", entry.size(), Escaped(entry.name().as_str())));
    }
    if entries.len() > MOST_FILES {
        lines.push(format!("  … and {} more", entries.len() - MOST_FILES));
    }
    let empty: Vec<_> = entries.iter().filter(|entry| entry.size() == 0).collect();
    for entry in empty.iter().take(MOST_FILES) {
        lines.push(row("Warning", &format!("{} is empty", Escaped(entry.name().as_str()))));
    }
    for LeftOut { path, why } in plan.collected().left_out().iter().take(MOST_FILES) {
        let path = path.to_string_lossy();
        lines.push(row("Left out", &format!("{}: {why}", Escaped(&path))));
    }
    lines
}

/// Who signs, and for whom where that is somebody else.
fn who(id: &PersonId, plan: &Plan) -> String {
    let sids = &plan.assignment().sids;
    match plan.by() {
        None => format!("{}: {sids}", id.label()),
        Some(by) => format!("ID: {by}, on behalf of SID: {sids}"),
    }
}

/// The claim that another one replaces, and of a group who had signed that one.
pub(super) fn replaces(assignment: &Assignment, last: ClaimId) -> String {
    let known = assignment.claims.iter().find(|claim| claim.claim == last);
    let by = known.map_or_else(String::new, |claim| signed_by(claim, &assignment.sids));
    row("Replaces", &format!("claim {}{by}", short(last.digest())))
}

/// `, signed by …`, where several could have.
fn signed_by(claim: &ClaimSummary, sids: &Holder) -> String {
    match claim.signers.as_slice() {
        [] => String::new(),
        _ if sids.sids().len() == 1 => String::new(),
        signers => format!(", signed by {}", people(signers)),
    }
}

/// Ids, with commas between them.
pub(crate) fn people(people: &[PersonId]) -> String {
    people.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A word and what it says.
pub(super) fn row(word: &str, text: &str) -> String {
    format!("{word:<9} {text}")
}

/// When an assignment is due: in the course's zone, and how long that is by this clock.
pub(super) fn due(assignment: &Assignment, now: Timestamp, clock: &str) -> String {
    match assignment.due {
        None => "no due time".to_owned(),
        Some(due) => {
            let millis = due.millis_since(now);
            let distance = match millis {
                0.. => format!("in {}", span(millis)),
                _ => format!("{} ago", span(-millis)),
            };
            let extended = match assignment.extended_from {
                Some(from) => format!(" (extended from {})", shown(from, &assignment.zone)),
                None => String::new(),
            };
            format!("{}{extended}, {distance} by {clock}", shown(due, &assignment.zone))
        }
    }
}

/// What becomes of a claim that is late, where it is not just marked.
fn if_late(assignment: &Assignment) -> Option<String> {
    match &assignment.late {
        _ if assignment.due.is_none() => None,
        LatePolicy::Refuse => Some("nothing is taken after the due time".to_owned()),
        LatePolicy::Accept => {
            assignment.until.map(|until| format!("taken until {}", shown(until, &assignment.zone)))
        }
        LatePolicy::Penalty { steps } => {
            let step = |step: &PenaltyStep| {
                let (hours, minutes) = (step.after_minutes / 60, step.after_minutes % 60);
                format!("{} % off after {hours}:{minutes:02} h", step.percent)
            };
            let steps: Vec<_> = steps.steps().iter().map(step).collect();
            Some(steps.join(", "))
        }
    }
}

/// What a trial came to, at this time by Blackboard's clock.
pub(crate) fn tried(assignment: &Assignment, now: Timestamp) -> String {
    let when = match late_ms(now, assignment.due) {
        0 => "in time".to_owned(),
        late => format!("{} late", span(late)),
    };
    let used = assignment.claims.len();
    let most = assignment.limits.attempts;
    format!(
        "\nLodged now it would be {when}; the files could follow for {}. Of {most} claims, {used} {} lodged.\n\
         This was a trial: nothing was signed, nothing was handed in, and nothing of it is on record.",
        span(assignment.upload_seconds.saturating_mul(1_000)),
        if used == 1 { "is" } else { "are" }
    )
}

/// `lodged 23:59:41.204, 18.8 s before the deadline`
pub(crate) fn lodged(lodged: &Lodged, zone: &str) -> String {
    let at = Zone::or_utc(zone).shown_clock(lodged.lodged_at());
    match (lodged.manifest().due, lodged.late_ms()) {
        (None, _) => format!("lodged {at}"),
        (Some(due), 0) => {
            format!(
                "lodged {at}, {} before the deadline",
                span(due.millis_since(lodged.lodged_at()))
            )
        }
        (Some(_), late) => {
            // A due time that was granted since is no part of what both signed.
            let now = match lodged.status().judged_late_ms {
                Some(0) => "; in time by a due time that was granted since",
                Some(_) => "; less by a due time that was granted since",
                None => "",
            };
            format!("lodged {at}, {} after the deadline: late{now}", span(late))
        }
    }
}

/// What CUHK has stamped, while Blackboard is away.
pub(crate) fn stamped(pending: &Pending) -> String {
    format!(
        "stamped by CUHK at {}.\nThe hand-in will finish when Blackboard is back: keep {}, and the files as they are.",
        by_cuhks_time(pending),
        Escaped(&pending.path().to_string_lossy())
    )
}

/// A hand-in that is taken up again.
pub(crate) fn waiting(pending: &Pending) -> String {
    format!(
        "{} for {}: stamped by CUHK at {}.",
        Escaped(&pending.path().to_string_lossy()),
        pending.manifest().assignment_ref(),
        by_cuhks_time(pending)
    )
}

/// A hand-in that was begun, and is taken up again.
pub(crate) fn begun(draft: &Draft) -> String {
    let manifest = draft.manifest();
    format!(
        "{}: claim {} of {}, which was begun here.",
        manifest.assignment_ref(),
        short(draft.id().digest()),
        count(manifest.files.entries().len(), "file")
    )
}

/// There is nothing to go on with.
pub(crate) fn is_over(draft: &Draft, is: ClaimState) -> String {
    format!("It needs nothing more: claim {} is {}.", short(draft.id().digest()), state(is))
}

/// How what is there now differs from a claim that waits for its files.
pub(crate) fn difference(difference: &Difference, zone: &str) -> String {
    let Difference { claim, lodged_at, changed, gone, new, note } = difference;
    let mut what = Vec::new();
    let mut list = |names: &[FileName], one: &str, several: &str| {
        let shown: Vec<_> =
            names.iter().take(MOST_NAMED).map(|name| Escaped(name.as_str())).collect();
        let shown: Vec<_> = shown.iter().map(ToString::to_string).collect();
        let more = match names.len().saturating_sub(MOST_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        match names.len() {
            0 => {}
            1 => what.push(format!("{} {one}", shown.join(""))),
            _ => what.push(format!("{}{more} {several}", shown.join(", "))),
        }
    };
    list(changed, "was changed", "were changed");
    list(gone, "is not among them", "are not among them");
    list(new, "is new", "are new");
    if *note {
        what.push("the note is another".to_owned());
    }
    format!(
        "claim {}, lodged {}, still waits for its files, and these are others: {}",
        short(claim.digest()),
        shown(*lodged_at, zone),
        what.join("; ")
    )
}

/// Blackboard has what CUHK stamped.
pub(crate) fn lodged_later(lodged: &Lodged, pending: &Pending) -> String {
    let at = Zone::or_utc(pending.zone()).shown_clock(lodged.lodged_at());
    format!("lodged {at}, and judged by CUHK's time: {}", by_cuhks_time(pending))
}

/// Blackboard had the claim before it went away.
pub(crate) fn lodged_before(lodged: &Lodged, zone: &str) -> String {
    format!(
        "Blackboard had it before it went away: {}. CUHK's timestamp is not needed.",
        self::lodged(lodged, zone)
    )
}

/// `23:59:41.204, 18.7 s before the deadline`
fn by_cuhks_time(pending: &Pending) -> String {
    let stamped = pending.stamped_at();
    let at = Zone::or_utc(pending.zone()).shown_clock(stamped);
    match pending.manifest().due.map(|due| due.millis_since(stamped)) {
        None => at,
        Some(before @ 0..) => format!("{at}, {} before the deadline", span(before)),
        Some(late) => format!("{at}, {} after the deadline: late", span(-late)),
    }
}

/// The end of a hand-in.
pub(crate) fn received(received: &Received) -> String {
    let Received { claim, status, receipt, incomplete } = received;
    let counts = match status.counts {
        true => "; it is the one that counts",
        false => "",
    };
    let missing: String =
        incomplete.iter().map(|what| format!("\nThe receipt is genuine, but {what}.")).collect();
    format!(
        "received: all files of claim {} are at Blackboard{counts}.{missing}\n\
         The receipt is {}. Keep it.",
        short(claim.digest()),
        receipt.display()
    )
}

/// An assignment with the claims for it.
pub(crate) fn assignment(assignment: &Assignment, now: Timestamp) -> String {
    let mut text = format!(
        "{}  {}\n    due: {}",
        assignment.reference(),
        Escaped(&assignment.title),
        due(assignment, now, "Blackboard's clock")
    );
    if let Some(late) = if_late(assignment) {
        text.push_str(&format!("\n    late: {late}"));
    }
    if let Some(group) = &assignment.group {
        text.push_str(&format!("\n    as the group {}: {}", Escaped(group), assignment.sids));
    }
    if assignment.claims.is_empty() {
        text.push_str("\n    nothing handed in");
    }
    for claim in &assignment.claims {
        text.push_str(&format!("\n    {}", summary(claim, assignment)));
    }
    text
}

/// An assignment for somebody who is in no group.
pub(crate) fn without_group(assignment: &WithoutGroup) -> String {
    let WithoutGroup { course, assignment, title, ask, .. } = assignment;
    let whom = match ask.as_slice() {
        [] => "the staff of the course".to_owned(),
        ask => Escaped(&ask.join(" or ")).to_string(),
    };
    format!(
        "{course}/{assignment}  {}\n    handed in by groups, and you are in none: ask {whom}",
        Escaped(title)
    )
}

fn summary(claim: &ClaimSummary, assignment: &Assignment) -> String {
    let zone = &assignment.zone;
    let late = match claim.late_ms {
        0 => String::new(),
        late => format!(", {} late", span(late)),
    };
    let counts = match (claim.counts, &claim.chosen) {
        (true, Some(reason)) => format!("  ← counts: staff chose it ({})", Escaped(reason)),
        (true, None) => "  ← counts".to_owned(),
        (false, _) => String::new(),
    };
    let (id, at, state) =
        (short(claim.claim.digest()), shown(claim.lodged_at, zone), state(claim.state));
    let by = match &claim.by {
        Some(by) => format!(", handed in for you by {by}"),
        None => signed_by(claim, &assignment.sids),
    };
    let judged = Judged {
        lodged_at: claim.lodged_at,
        signed_due: claim.due,
        signed_late_ms: claim.signed_late_ms,
        late_ms: claim.late_ms,
        due: assignment.due,
        zone,
    };
    let why = judged.explained().map_or_else(String::new, |why| format!("\n        {why}"));
    format!("claim {id}  lodged {at}{late}, {state}{by}{counts}{why}")
}

fn state(state: ClaimState) -> &'static str {
    match state {
        ClaimState::Waiting => "files are missing",
        ClaimState::Received => "received",
        ClaimState::Superseded => "superseded by a later one",
        ClaimState::Lapsed => "lapsed: the files did not come in time",
        ClaimState::Withdrawn => "withdrawn",
    }
}

/// A receipt in the student's folder.
pub(crate) fn kept(kept: &Kept) -> String {
    let Kept { path, claim, manifest, lodged_at, state, erased_at } = kept;
    let erased = match erased_at {
        Some(at) => {
            format!("\n    Blackboard erased its copy on {}: keep this one", super::day(*at))
        }
        None => String::new(),
    };
    format!(
        "{}  {}  claim {}, {}, {}\n    {}{erased}",
        super::local(*lodged_at).strftime("%F %T%:z"),
        manifest.assignment_ref(),
        short(claim.digest()),
        count(manifest.files.entries().len(), "file"),
        kind(*state),
        path.display()
    )
}

/// A claim of which Blackboard has erased its copy.
pub(crate) fn erased(kept: &Kept) -> Option<(String, serde_json::Value)> {
    let (at, reference) = (kept.erased_at?, kept.manifest.assignment_ref());
    let line = format!(
        "{reference}  claim {}: Blackboard erased its copy on {}, as it is older than the school keeps what was handed in.\n    {} in {} stays valid: claim verify reads it without Blackboard. Keep it, and the files.",
        short(kept.claim.digest()),
        super::day(at),
        match kept.state {
            KeptState::Received => "The receipt",
            KeptState::Lodged => "The proof of lodging",
        },
        kept.path.display()
    );
    let document = serde_json::json!({ "state": "erased", "claim": kept.claim,
        "course": reference.course, "assignment": reference.assignment, "erased_at": at, "path": kept.path });
    Some((line, document))
}

/// What a kept proof is.
pub(crate) fn kind(state: KeptState) -> &'static str {
    match state {
        KeptState::Lodged => "proof of lodging",
        KeptState::Received => "receipt",
    }
}

/// A file for JSON.
pub(crate) fn file(entry: &FileEntry) -> Value {
    json!({ "name": entry.name(), "size": entry.size(), "sha256": entry.sha256() })
}

/// Something that was left out, for JSON.
pub(crate) fn left_out(left_out: &LeftOut) -> Value {
    json!({ "path": left_out.path.to_string_lossy(), "why": left_out.why.to_string() })
}

/// A length of time in two units at most.
pub(super) fn span(millis: i64) -> String {
    let seconds = millis / 1_000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match seconds {
        // Cut, not rounded: 59.99 s must not read as a minute.
        ..60 => format!("{}.{} s", seconds, millis % 1_000 / 100),
        60..3_600 => format!("{minutes} min {} s", seconds % 60),
        3_600..172_800 => format!("{hours} h {} min", minutes % 60),
        _ => format!(
            "{} {} h",
            count(usize::try_from(days).unwrap_or(usize::MAX), "day"),
            hours % 24
        ),
    }
}

pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

pub(crate) fn size(bytes: u64) -> String {
    let units = ["KB", "MB", "GB", "TB", "PB"];
    if bytes < 1_000 {
        return count(usize::try_from(bytes).unwrap_or(usize::MAX), "byte");
    }
    let (mut tenths, mut unit) = (bytes / 100, 0);
    while tenths >= 10_000 && unit + 1 < units.len() {
        (tenths, unit) = (tenths / 1_000, unit + 1);
    }
    let name = units.get(unit).copied().unwrap_or_default();
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (millis, text) in [
            (0, "0.0 s"),
            (18_796, "18.7 s"),
            (59_999, "59.9 s"),
            (60_000, "1 min 0 s"),
            (3_599_999, "59 min 59 s"),
            (3_600_000, "1 h 0 min"),
            (172_799_000, "47 h 59 min"),
            (172_800_000, "2 days 0 h"),
            (400 * 86_400_000 + 7_200_000, "400 days 2 h"),
        ] {
            assert_eq!(span(millis), text, "{millis}");
        }
    }

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1.0 KB"),
            (999_999, "999.9 KB"),
            (12_345_678, "12.3 MB"),
            (u64::MAX, "18446.7 PB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }
}
