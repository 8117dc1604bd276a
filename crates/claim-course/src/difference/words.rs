//! The difference in words, for a terminal.

use claim_core::Escaped;

use super::{ColumnChange, RosterDifference};
use crate::roster::{NoStudent, Roster};
use crate::time::Zone;

/// How many lines of each kind are shown.
pub const SHOWN: usize = 20;

/// The first [`SHOWN`] of some lines, and how many more there are.
pub fn shortened(lines: &[String], sign: &str) -> Vec<String> {
    let mut shown: Vec<String> = lines.iter().take(SHOWN).cloned().collect();
    if let Some(more @ 1..) = lines.len().checked_sub(SHOWN) {
        shown.push(format!("  {sign} … and {more} more"));
    }
    shown
}

impl RosterDifference {
    /// What is to change, a line each; long lists are shortened.
    pub fn lines(&self, zone: &Zone) -> Vec<String> {
        let added = self.added.iter().map(|one| {
            let told = [one.name.as_str(), one.email.as_str()];
            let told = told.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
            format!("  + {}  {}", one.sid, Escaped(&told.join("  ")))
        });
        let changed = self
            .changed
            .iter()
            .map(|one| format!("  ~ {}  {}", one.student.sid, columns(&one.columns)));
        let back = self.back.iter().map(|one| {
            let (sid, name) = (&one.student.sid, Escaped(&one.student.name));
            let since = zone.shown(one.dropped_at);
            let but = if one.columns.is_empty() { "" } else { "; " };
            let but = format!("{but}{}", columns(&one.columns));
            format!("  ^ {sid}  {name}  back again, dropped since {since}{but}")
        });
        let dropped = self.dropped.iter().map(|one| {
            format!("  - {}  {}  not in the file: dropped", one.sid, Escaped(&one.name))
        });
        let mut lines = shortened(&added.collect::<Vec<_>>(), "+");
        lines.extend(shortened(&changed.collect::<Vec<_>>(), "~"));
        lines.extend(shortened(&back.collect::<Vec<_>>(), "^"));
        lines.extend(shortened(&dropped.collect::<Vec<_>>(), "-"));
        lines
    }

    /// How much is to change, or was changed.
    pub fn summary(&self, applied: bool) -> String {
        let Self { added, changed, back, dropped, unchanged } = self;
        if self.is_empty() {
            return format!("Nothing changes: {} as before.", students(*unchanged));
        }
        let verb = if applied { "Added" } else { "To be added" };
        let mut text = format!(
            "{verb}: {}. Changed: {}. Back again: {}. Dropped: {}. As before: {unchanged}.",
            added.len(),
            changed.len(),
            back.len(),
            dropped.len()
        );
        if !dropped.is_empty() {
            text.push_str(
                "\nWhat dropped students handed in stays; a roster that has them brings them back.",
            );
        }
        if self.drops_most() && !applied {
            text.push_str("\nMost of the course would be dropped: is this the whole roster, and this course's?");
        }
        text
    }
}

fn columns(changes: &[ColumnChange]) -> String {
    let one = |ColumnChange { column, was, now }: &ColumnChange| {
        let column = Escaped(column);
        let quoted = |text: &str| match text {
            "" => "nothing".to_owned(),
            text => Escaped(text).to_string(),
        };
        match was {
            Some(was) => format!("{column}: {} → {}", quoted(was), quoted(now)),
            None => format!("{column}: {}", quoted(now)),
        }
    };
    changes.iter().map(one).collect::<Vec<_>>().join("; ")
}

impl Roster {
    /// What was understood of the file, a sentence a line: whose export it is, and what was left out.
    pub fn understood(&self) -> Vec<String> {
        let mut lines = vec![format!(
            "Read as {}: {}, their IDs from the column \"{}\".",
            self.format,
            students(self.entries.len()),
            Escaped(&self.sid_column)
        )];
        if !self.skipped.is_empty() {
            let one = |what: NoStudent, words: &str| {
                let lines: Vec<_> = self
                    .skipped
                    .iter()
                    .filter(|skipped| skipped.what == what)
                    .map(|skipped| skipped.line.to_string())
                    .collect();
                (!lines.is_empty()).then(|| format!("{words} in line {}", lines.join(", ")))
            };
            let all = [
                one(NoStudent::PointsPossible, "the points possible"),
                one(NoStudent::Posting, "the posting of grades"),
                one(NoStudent::TestStudent, "a test student"),
                one(NoStudent::PreviewUser, "a teacher's preview"),
            ];
            let all: Vec<_> = all.into_iter().flatten().collect();
            lines.push(format!("Not of students: {}.", all.join("; ")));
        }
        if !self.left_out.is_empty() {
            let count = self.left_out.len();
            let columns = if count == 1 { "column" } else { "columns" };
            lines.push(format!("Left out: {count} {columns} of grades or of the last access."));
        }
        lines
    }
}

fn students(count: usize) -> String {
    if count == 1 { "1 student".to_owned() } else { format!("{count} students") }
}
