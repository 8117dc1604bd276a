//! What people are told while what was handed in is taken.

use claim_core::Escaped;
use claim_course::taking::{State, Taken};
use claim_student::{Event, TakeOutcome};
use serde_json::json;

use crate::terminal::Words;
use crate::words;

/// One event.
pub(crate) fn words(event: &Event) -> Words {
    match event {
        Event::ClaimTaken { claim, place, files, bytes } => Words {
            plain: Some(format!("{}  {files} files, {bytes} bytes fetched", Escaped(place))),
            json: Some(json!({
                "event": "claim-taken", "claim": claim, "place": place, "files": files, "bytes": bytes,
            })),
            ..Words::default()
        },
        Event::NotTaken { claim, place, why } => Words {
            plain: Some(format!("{}: NOT TAKEN: {why}", Escaped(place))),
            json: Some(json!({
                "event": "not-taken", "claim": claim, "place": place, "why": why,
            })),
            warning: true,
            ..Words::default()
        },
        other => words::student::words(other),
    }
}

/// What the person should look at.
pub(crate) fn attention(outcome: &TakeOutcome) -> Vec<Words> {
    let warning = |plain: String, json| Words {
        plain: Some(plain),
        json: Some(json),
        warning: true,
        ..Words::default()
    };
    let moved = outcome.moved.iter().map(|(from, to)| Words {
        plain: Some(format!(
            "{}: another claim counts now, or none; moved to {}, with everything that lay there.",
            Escaped(from.as_str()),
            Escaped(to.as_str())
        )),
        json: Some(json!({ "event": "moved", "from": from, "to": to })),
        ..Words::default()
    });
    let altered = outcome.altered.iter().map(|path| {
        warning(
            format!(
                "{} is not what was handed in any more: it was changed here, and was left as it is. Move it away to have it again.",
                Escaped(path.as_str())
            ),
            json!({ "event": "altered", "path": path }),
        )
    });
    let mislisted = outcome.mislisted.iter().map(|path| {
        warning(
            format!(
                "{} is what was handed in, but the claim lists another SHA-256 for it: whoever signed is at fault.",
                Escaped(path.as_str())
            ),
            json!({ "event": "mislisted", "path": path }),
        )
    });
    moved.chain(altered).chain(mislisted).collect()
}

/// What came of it, in one sentence or two.
pub(crate) fn summary(outcome: &TakeOutcome, into: &str) -> String {
    let TakeOutcome { manifest, new, mended, .. } = outcome;
    let Taken { expected, failed, students, .. } = manifest;
    let of = |state| students.iter().filter(|student| student.state == state).count();
    let there = expected.saturating_sub(failed.len());
    let mended = match mended {
        0 => String::new(),
        mended => format!(", {mended} made whole again"),
    };
    let mut text = format!(
        "{into}: {there} of {expected} claims are there, {new} of them new{mended}. Of {} students {} are in time, {} late, {} miss files, {} have nothing.",
        students.len(),
        of(State::InTime),
        of(State::Late),
        of(State::FilesMissing),
        of(State::Nothing),
    );
    if !manifest.complete {
        text.push_str(" INCOMPLETE: what is not there is named above and in manifest.json.");
    }
    let open = manifest.claims.iter().filter(|claim| !claim.receipt_complete).count();
    if open > 0 {
        text.push_str(&format!(
            " {open} receipts do not show yet that all files were received; the same command fetches them again."
        ));
    }
    text
}
