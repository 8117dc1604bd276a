//! The names of handed-in files: one spelling on every system, and nothing that could deceive or escape a folder.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use unicase::UniCase;
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A relative path with `/` between its segments, which every common file system can hold.
///
/// At most 1024 bytes, 255 a segment; in Unicode's Normalization Form C; only characters that Unicode 15.1 assigns, none
/// of them a control (Cc) or format (Cf) character. No segment is empty, `.` or `..`, ends in a dot or a space, contains
/// one of `\ : * ? " < > |`, or is a Windows device name before its first dot.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileName(String);

/// Why a text is not the name of a file that can be handed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileNameError {
    /// More than [`FileName::MAX_LENGTH`] bytes.
    #[error("a file name has at most {} bytes; this has {found}", FileName::MAX_LENGTH)]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// A segment has more than [`FileName::MAX_SEGMENT`] bytes.
    #[error(
        "{segment:?}: each part of a file name has at most {} bytes; this has {}",
        FileName::MAX_SEGMENT,
        segment.len()
    )]
    LongSegment {
        /// The segment.
        segment: String,
    },
    /// An empty segment, `.` or `..`: an absolute path, a doubled or final slash, a way out of the folder.
    #[error("{name:?} is not a plain relative path")]
    NotRelative {
        /// The name.
        name: String,
    },
    /// Another spelling of the same text.
    #[error("{name:?} is not in Unicode's Normalization Form C")]
    NotNormal {
        /// The name.
        name: String,
    },
    /// A control or format character, or one that Unicode 15.1 does not assign.
    #[error("{name:?} has the character {character:?}, which file names must not have")]
    Character {
        /// The name.
        name: String,
        /// The first such character.
        character: char,
    },
    /// Windows strips them, so two names would become one.
    #[error("{segment:?} ends in a dot or a space, which not every system keeps")]
    Ending {
        /// The segment.
        segment: String,
    },
    /// Windows has devices of that name.
    #[error("{segment:?} is the name of a device on Windows")]
    Device {
        /// The segment.
        segment: String,
    },
}

/// Two names that cannot lie in one folder on every system.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CollisionError {
    /// They differ in case at most.
    #[error("{first:?} and {second:?} are the same name on some systems")]
    Same {
        /// One name.
        first: String,
        /// The other.
        second: String,
    },
    /// One is a folder in the other's path.
    #[error("{file:?} would have to be a file and, for {inside:?}, a folder")]
    Folder {
        /// The file.
        file: String,
        /// The file that lies in a folder of that name.
        inside: String,
    },
}

// `Age=15.1`: assigned in Unicode 15.1 or before. Noncharacters have an age, but are not assigned (Cn).
static NOT_ALLOWED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"[\P{Age=15.1}\p{Cn}\p{Cc}\p{Cf}\\:*?"<>|]"#).ok());

impl FileName {
    /// The longest name, in bytes of UTF-8.
    pub const MAX_LENGTH: usize = 1024;

    /// The longest segment, in bytes of UTF-8.
    pub const MAX_SEGMENT: usize = 255;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a name as another system spells it: normalised to form C, then checked.
    ///
    /// # Errors
    /// [`FileNameError`].
    pub fn normalised(text: &str) -> Result<Self, FileNameError> {
        // Normalising can lengthen a text, threefold at most (UAX #15 §5), so the length is looked at before, too.
        length(text)?;
        text.nfc().collect::<String>().try_into()
    }

    /// What two names have in common when some system holds them for one.
    pub fn folded(&self) -> String {
        UniCase::unicode(self.as_str()).to_folded_case().nfc().collect()
    }
}

/// Checks that these names can lie in one folder on every system: no two are equal but for case
/// (NFC of the full case folding), and none is a folder of another.
///
/// # Errors
/// [`CollisionError`], for the first pair in the order of the folded names.
pub fn check_together<'a>(
    names: impl IntoIterator<Item = &'a FileName>,
) -> Result<(), CollisionError> {
    let mut files: BTreeMap<String, &FileName> = BTreeMap::new();
    for name in names {
        if let Some(first) = files.insert(name.folded(), name) {
            return Err(CollisionError::Same { first: first.0.clone(), second: name.0.clone() });
        }
    }
    for (folded, inside) in &files {
        let folders = folded.match_indices('/').filter_map(|(end, _)| folded.get(..end));
        if let Some(file) = folders.filter_map(|folder| files.get(folder)).next() {
            return Err(CollisionError::Folder { file: file.0.clone(), inside: inside.0.clone() });
        }
    }
    Ok(())
}

impl TryFrom<String> for FileName {
    type Error = FileNameError;

    fn try_from(name: String) -> Result<Self, FileNameError> {
        length(&name)?;
        if let Some(character) = forbidden_character(&name) {
            return Err(FileNameError::Character { name, character });
        }
        if !is_nfc(&name) {
            return Err(FileNameError::NotNormal { name });
        }
        for part in name.split('/') {
            if matches!(part, "" | "." | "..") {
                return Err(FileNameError::NotRelative { name });
            }
            segment(part)?;
        }
        Ok(Self(name))
    }
}

fn length(text: &str) -> Result<(), FileNameError> {
    match text.len() {
        0..=FileName::MAX_LENGTH => Ok(()),
        found => Err(FileNameError::TooLong { found }),
    }
}

fn forbidden_character(name: &str) -> Option<char> {
    match &*NOT_ALLOWED {
        Some(pattern) => pattern.find(name)?.as_str().chars().next(),
        // The pattern is a constant, which the tests compile; without it nothing is allowed.
        None => name.chars().next(),
    }
}

fn segment(segment: &str) -> Result<(), FileNameError> {
    if segment.len() > FileName::MAX_SEGMENT {
        return Err(FileNameError::LongSegment { segment: segment.to_owned() });
    }
    if segment.ends_with(['.', ' ']) {
        return Err(FileNameError::Ending { segment: segment.to_owned() });
    }
    if is_device(segment) {
        return Err(FileNameError::Device { segment: segment.to_owned() });
    }
    Ok(())
}

/// Whether Windows takes it for a device: the name before the first dot, without the spaces at its end.
fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default().trim_end_matches(' ');
    let stem = stem.to_ascii_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$") {
        return true;
    }
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let mut number = port.unwrap_or_default().chars();
    matches!((number.next(), number.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests;
