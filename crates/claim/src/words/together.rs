//! What is said about a claim that several sign.

use claim_core::claim::{FileEntry, FileName};
use claim_core::hand_in::Assignment;
use claim_core::{Escaped, PersonId, Timestamp};
use claim_student::{Compared, Lodged, SharedClaim};
use serde_json::{Value, json};

use super::hand_in::{count, due, people, replaces, row, size};
use super::verify::shown;

/// How many files are listed before a question; what is more is counted.
const MOST_FILES: usize = 200;

/// Everything that the claim says and that is about to be signed, or lodged, by this person, a line each.
pub(crate) fn claim(
    id: &PersonId,
    shared: &SharedClaim,
    assignment: &Assignment,
    compared: Option<&Compared>,
    now: Timestamp,
) -> Vec<String> {
    let manifest = shared.manifest();
    let mut lines = vec![
        row("Who", &format!("{}: {id}", id.label())),
        row("Claim", &shared.id().to_string()),
        row("For", &format!("{}  {}", assignment.reference(), Escaped(&assignment.title))),
        row("Due", &due(assignment, now, "Blackboard's clock")),
        row("Whose", &manifest.sids.to_string()),
        row("Signed", &format!("by {}", people(&shared.signers()))),
    ];
    let missing = shared.missing();
    if !missing.is_empty() {
        lines.push(row("Not yet", &format!("by {}", people(&missing))));
    }
    if assignment.due.is_some_and(|due| now > due) {
        lines.push(row("Warning", "the due time is over: this will be late"));
    }
    lines.extend(manifest.replaces.map(|last| replaces(assignment, last)));
    lines.extend(manifest.note.as_ref().map(|note| row("Note", &Escaped(note).to_string())));
    let entries = manifest.files.entries();
    let what = format!("{}, {}", count(entries.len(), "file"), size(manifest.files.total_size()));
    lines.push(row("Files", &what));
    lines.extend(entries.iter().take(MOST_FILES).map(|entry| file(entry, compared)));
    if entries.len() > MOST_FILES {
        lines.push(format!("  … and {} more", entries.len() - MOST_FILES));
    }
    if let Some(Compared { same, gone, .. }) = compared {
        let rest = match gone.len() {
            0 => String::new(),
            gone => format!(", {gone} not compared (·)"),
        };
        lines.push(row("Compared", &format!("{} the same as yours (✓){rest}", same.len())));
    } else {
        lines
            .push(row("Compared", "nothing: name your own files or folders to have them compared"));
    }
    lines
}

/// A file, with its whole digest: what is signed for others is worth comparing to the end.
fn file(entry: &FileEntry, compared: Option<&Compared>) -> String {
    let same = |name: &FileName| compared.is_some_and(|compared| compared.same.contains(name));
    let mark = if same(entry.name()) { "✓" } else { "·" };
    let (size, name) = (entry.size(), Escaped(entry.name().as_str()));
    format!("  {size:>15}  {}  {mark} {name}", entry.sha256())
}

/// What stands in the file now, that nothing is handed in, and what to do next.
pub(crate) fn signed(shared: &SharedClaim, due: &str) -> String {
    let file = shown(shared.path());
    let missing = shared.missing();
    let next = match missing.as_slice() {
        [] => "Everybody has signed.".to_owned(),
        missing => format!(
            "Give {file}, and the files, to whoever is to sign too ({}):\n    claim student hand-in --add-signature {file} PATH…",
            people(missing)
        ),
    };
    format!(
        "NOT HANDED IN YET. {file} holds the claim, signed by {}; nothing was sent to Blackboard.\n{next}\n\
         One of those who signed hands it in, with the files as they are now, {due}:\n    \
         claim student hand-in PATH… --lodge {file}",
        people(&shared.signers())
    )
}

/// The same for programs.
pub(crate) fn signed_json(shared: &SharedClaim, compared: Option<&Compared>) -> Value {
    let manifest = shared.manifest();
    let files: Vec<_> = manifest.files.entries().iter().map(super::hand_in::file).collect();
    json!({
        "event": "signed", "handed_in": false, "claim": shared.id(), "file": shared.path(),
        "course": manifest.course, "assignment": manifest.assignment, "due": manifest.due,
        "sids": manifest.sids, "replaces": manifest.replaces, "note": manifest.note,
        "signers": shared.signers(), "missing": shared.missing(), "files": files,
        "compared": compared.map(|compared| json!({ "same": compared.same, "not_compared": compared.gone })),
    })
}

/// With whose signatures it was lodged; and whose came too late, where it had been lodged before.
pub(crate) fn lodged_with(lodged: &Lodged, shared: &SharedClaim) -> String {
    let stored = lodged.signers();
    let late: Vec<_> = shared.signers().into_iter().filter(|one| !stored.contains(one)).collect();
    match late.is_empty() {
        true => format!("signed by {}", people(&stored)),
        false => format!(
            "signed by {}: so it was lodged before, and the signature of {} is not in it",
            people(&stored),
            people(&late)
        ),
    }
}
