//! Names that every common file system holds, of texts that may say anything.

use std::collections::HashSet;

use claim_core::claim::{FileName, FileNameError};
use unicode_normalization::UnicodeNormalization;

use super::{EARLIER, MANIFEST, RECEIPTS, SHEET};

/// The longest name made of a text, in bytes; a number and an ending have room behind it in all 255.
pub(super) const MAX_NAME: usize = 120;

/// One segment of a path: the text, as far as it can be one, else `otherwise`.
///
/// What [`FileName`] does not allow becomes `_`; what hides a file (`.`, `~`) or looks like an option (`-`) is taken off the
/// beginning; a name that Windows gives a device gets a `_` before it.
pub(super) fn segment(text: &str, max: usize, otherwise: &str) -> String {
    let safe = |c: char| if c == '/' || is_forbidden(c) { '_' } else { c };
    // Form C of a text whose characters were replaced may be another one.
    let text: String = text.nfc().map(safe).collect::<String>().nfc().collect();
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || ".~-".contains(c));
    let text = trimmed(cut(text, max));
    match FileName::normalised(text) {
        _ if text.is_empty() => otherwise.to_owned(),
        Ok(_) => text.to_owned(),
        Err(FileNameError::Device { .. }) => format!("_{text}"),
        // Whatever else there were: nothing is lost but a name that is easy to read.
        Err(_) => otherwise.to_owned(),
    }
}

/// A file's name of at most so many bytes, with its ending where that is a usual one.
pub(super) fn shortened(name: &str, max: usize) -> String {
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if (1..=16).contains(&ending.len()) => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let stem = segment(stem, max.saturating_sub(ending.len()), "file");
    format!("{stem}{ending}")
}

/// Whether it may stand in no name at all.
fn is_forbidden(c: char) -> bool {
    // Behind a letter, so that nothing but the character itself is judged.
    let refused = FileName::try_from(format!("a{c}b")).err();
    matches!(refused, Some(FileNameError::Character { .. }))
}

fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

fn trimmed(text: &str) -> &str {
    text.trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// The names in use in one folder: no two are the same on any system.
#[derive(Clone, Debug)]
pub struct Stems(HashSet<String>);

impl Default for Stems {
    fn default() -> Self {
        let mut stems = Self(HashSet::new());
        for own in [MANIFEST, SHEET, EARLIER, RECEIPTS] {
            stems.reserve(own);
        }
        stems
    }
}

impl Stems {
    /// This name is in use.
    pub fn reserve(&mut self, stem: &str) {
        self.0.insert(folded(stem));
        self.0.insert(folded(&receipt_of(stem)));
    }

    /// The name if nobody has it yet, else the same with a number.
    pub fn unique(&mut self, stem: &str) -> String {
        let numbered = |number: usize| match number {
            1 => stem.to_owned(),
            number => format!("{stem}~{number}"),
        };
        let is_free = |stem: &String| {
            !self.0.contains(&folded(stem)) && !self.0.contains(&folded(&receipt_of(stem)))
        };
        // There are always more numbers than names in use.
        let stem = (1..).map(numbered).find(is_free).unwrap_or_default();
        self.reserve(&stem);
        stem
    }
}

/// What lies beside it.
pub(super) fn receipt_of(stem: &str) -> String {
    format!("{stem}.receipt")
}

/// What two names have in common when some system holds them for one.
fn folded(name: &str) -> String {
    // Every name here is one that could be handed in.
    FileName::normalised(name).map_or_else(|_| name.to_owned(), |name| name.folded())
}
