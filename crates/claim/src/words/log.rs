//! What an audit of a log has found, in plain words and as JSON.

use serde_json::{Value, json};

use super::verify::shown;
use crate::commands::log::Audited;

/// The answer for people.
pub(crate) fn text(audited: &Audited) -> String {
    let (log, head) = (audited.key.name(), audited.report.head());
    let entries = counted(head.size.value());
    if !audited.is_sound() {
        let mut lines = vec![format!("{log}: WRONG. {} ({entries})", conclusion(audited))];
        lines.extend(findings(audited).iter().map(|finding| format!("  {finding}")));
        if omitted(audited) > 0 {
            lines.push(format!("  and {} more", omitted(audited)));
        }
        lines.push(format!("{} was left as it is.", shown(&audited.state)));
        return lines.join("\n");
    }
    let since = match audited.remembered.as_ref().map(|one| one.head().size.value()) {
        None => "Seen for the first time.".to_owned(),
        Some(then) if then == head.size.value() => "It is as it was last time.".to_owned(),
        Some(then) => format!(
            "It has grown by {} since last time; the {then} before are unchanged.",
            counted(head.size.value().saturating_sub(then))
        ),
    };
    let receipt = match audited.in_receipt {
        0 => "",
        _ => " It leads on from what the receipt shows of it.",
    };
    let mirror = audited.mirror.as_ref().map(|folder| format!(" Mirrored in {}.", shown(folder)));
    format!(
        "{log}: nothing is wrong. {entries}, root {}; every hash was computed again.\n{since}{receipt} Remembered in {}.{}",
        head.root,
        shown(&audited.state),
        mirror.unwrap_or_default()
    )
}

/// The answer for programs.
pub(crate) fn json(audited: &Audited) -> Value {
    let head = audited.report.head();
    json!({
        "log": audited.key.name().as_str(),
        "sound": audited.is_sound(),
        "conclusion": conclusion(audited),
        "entries": head.size.value(),
        "root": head.root.to_string(),
        "remembered_entries": audited.remembered.as_ref().map(|one| one.head().size.value()),
        "checkpoints_in_receipt": audited.in_receipt,
        "findings": findings(audited),
        "omitted": omitted(audited),
        "state": audited.state.to_string_lossy(),
        "mirror": audited.mirror.as_ref().map(|folder| folder.to_string_lossy()),
    })
}

fn conclusion(audited: &Audited) -> String {
    let of_the_log = audited.report.conclusion();
    if audited.strays.entries.is_empty() {
        return of_the_log.to_string();
    }
    format!("{of_the_log}; some entries are none that Claim writes")
}

fn findings(audited: &Audited) -> Vec<String> {
    let strays = audited.strays.entries.iter();
    let strays = strays.map(|index| format!("entry {index} is none that Claim writes"));
    audited.report.findings().iter().map(ToString::to_string).chain(strays).collect()
}

fn omitted(audited: &Audited) -> usize {
    audited.report.omitted() + audited.strays.omitted
}

pub(crate) fn counted(entries: u64) -> String {
    if entries == 1 { "1 entry".to_owned() } else { format!("{entries} entries") }
}
