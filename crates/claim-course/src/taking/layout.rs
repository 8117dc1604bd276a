//! Where the files of a claim go: as Moodle or Canvas would name them, or by SID.
//!
//! What graders' tools read are the names that those systems give (looked up in November 2026):
//! - Moodle, "Download all submissions" in folders, the default since 3.1: `FULLNAME_ID_assignsubmission_file_/…` with the
//!   student's own folders below; `_` in the name becomes a blank; of a group its name and number. Since 4.1 without the last
//!   `_`. (moodle/moodle, mod/assign/classes/downloader.php, `get_student_prefix`.) What takes marked files back reads both
//!   (mod/assign/feedback/file/importziplib.php, `is_valid_filename_for_import`), and so does whoever looks for the form
//!   without; therefore ours is the one with `_`.
//! - Canvas, "Download submissions": all files beside each other, `lastnamefirstname[_LATE]_USERID_FILEID_FILENAME`, the name
//!   in lower case with nothing but letters and digits. (instructure/canvas-lms, lib/content_zipper.rb, `get_filename`,
//!   `add_upload_submission`.)

use std::fmt;
use std::str::FromStr;

use claim_core::Sid;
use claim_core::claim::{FileName, Files};
use serde::{Deserialize, Serialize};

use super::RECEIPTS;
use super::names::{MAX_NAME, receipt_of, segment, shortened};
use crate::model::Member;

/// The longest path in the folder, in UTF-16 code units: Windows has 260 for the whole, of which some are left for where the
/// folder lies.
const MAX_PATH: usize = 200;

/// How the folder is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `1155123456/report.pdf`, with `1155123456.receipt` beside it; groups by their name.
    BySid,
    /// As Moodle's folders.
    Moodle,
    /// As Canvas's files.
    Canvas,
}

/// No layout of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the layouts are by-sid, moodle and canvas")]
pub struct UnknownLayout;

/// Whose files they are, as far as names of folders tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The student; of a group the first one.
    pub sid: Sid,
    /// The name in the roster, or empty.
    pub name: String,
    /// The same as the roster of another system had it: last and first name, and that system's number of the student.
    pub member: Option<Member>,
    /// The group's name, where a group hands in.
    pub group: Option<String>,
    /// How many there are.
    pub members: usize,
}

impl Layout {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::BySid, Self::Moodle, Self::Canvas];

    /// What the folder, or the beginning of each file, is called; others may be called the same.
    pub fn stem(self, whose: &Whose, late: bool) -> String {
        let sid = whose.sid.as_str();
        let members = match (&whose.group, whose.members) {
            (Some(group), _) => Some(group.clone()),
            (None, 0 | 1) => None,
            (None, more) => Some(format!("{sid} and {} more", more - 1)),
        };
        match self {
            Self::BySid => {
                members.map_or_else(|| sid.to_owned(), |name| segment(&name, MAX_NAME, sid))
            }
            Self::Moodle => {
                let name = members.unwrap_or_else(|| whose.name.clone());
                let name = segment(&name.replace('_', " "), MAX_NAME / 2, "");
                // What takes it apart at each `_` finds three words behind the name.
                let name = name.replace('_', " ");
                let name = name.trim_matches(|c: char| c.is_whitespace() || ".~-".contains(c));
                let id = whose.number("Identifier").unwrap_or_else(|| sid.to_owned());
                let stem = |name: &str| format!("{name}_{id}_assignsubmission_file_");
                // Up to a dot in the name it could be that of a device.
                match FileName::normalised(&stem(name)) {
                    Ok(_) if !name.is_empty() => stem(name),
                    _ => stem("Participant"),
                }
            }
            Self::Canvas => {
                let name = members.unwrap_or_else(|| whose.sortable());
                let name: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
                let name = segment(&name.to_lowercase(), MAX_NAME / 2, "").replace('_', "");
                let name = if name.is_empty() { "student".to_owned() } else { name };
                let id = whose.number("ID").unwrap_or_else(|| sid.to_owned());
                let late = if late { "_LATE" } else { "" };
                format!("{name}{late}_{id}")
            }
        }
    }

    /// Where the receipt is.
    pub fn receipt(self, stem: &str) -> String {
        match self {
            Self::BySid => receipt_of(stem),
            // Beside the files it would be taken for one of them.
            Self::Moodle | Self::Canvas => format!("{RECEIPTS}/{}", receipt_of(stem)),
        }
    }

    /// Where each of the files is, in their order.
    pub fn paths(self, stem: &str, files: &Files) -> Vec<String> {
        let numbered = (1_usize..).zip(files.entries());
        match self {
            Self::BySid | Self::Moodle => {
                let long = free_folder(files);
                numbered
                    .map(|(number, entry)| {
                        let path = format!("{stem}/{}", entry.name());
                        match path.encode_utf16().count() {
                            0..=MAX_PATH => path,
                            _ => format!("{stem}/{long}/{number}-{}", last(entry.name(), 60)),
                        }
                    })
                    .collect()
            }
            Self::Canvas => {
                let flat = |name: &FileName| shortened(&name.as_str().replace('/', "_"), 100);
                numbered
                    .map(|(number, entry)| format!("{stem}_{number}_{}", flat(entry.name())))
                    .collect()
            }
        }
    }

    /// What is moved as one when a claim comes or goes: its folder, or each of its files.
    pub fn units<'a>(self, stem: &'a str, paths: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        match self {
            Self::BySid | Self::Moodle => vec![stem.to_owned()],
            Self::Canvas => paths.into_iter().map(str::to_owned).collect(),
        }
    }
}

fn last(name: &FileName, max: usize) -> String {
    let last = name.as_str().rsplit('/').next().unwrap_or_default();
    shortened(last, max)
}

/// A folder for files with long paths, that the claim itself does not have.
fn free_folder(files: &Files) -> String {
    let is_used = |folder: &String| {
        files.entries().iter().any(|entry| {
            let first = entry.name().as_str().split('/').next().unwrap_or_default();
            first.to_lowercase() == *folder
        })
    };
    let name = |number: usize| match number {
        1 => "long".to_owned(),
        number => format!("long{number}"),
    };
    (1..).map(name).find(|folder| !is_used(folder)).unwrap_or_default()
}

impl Whose {
    fn extra(&self, columns: &[&str]) -> Option<&str> {
        let extra = &self.member.as_ref()?.extra;
        let had = |column: &&str| extra.iter().find(|(name, _)| name == column);
        let found = columns.iter().find_map(had)?;
        Some(found.1.as_str()).filter(|text| !text.is_empty())
    }

    /// The other system's own number of the student, where the roster had it: the last word of `Participant 4711`.
    fn number(&self, column: &str) -> Option<String> {
        let number = self.extra(&[column])?.rsplit(' ').next()?;
        let is_number =
            (1..=20).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| number.to_owned())
    }

    /// Last name first, as far as it is known which that is.
    fn sortable(&self) -> String {
        match (
            self.extra(&["Last name", "Surname", "Last Name"]),
            self.extra(&["First name", "First Name"]),
        ) {
            (Some(last), Some(first)) => format!("{last}, {first}"),
            _ => self.name.clone(),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::BySid => "by-sid",
            Self::Moodle => "moodle",
            Self::Canvas => "canvas",
        })
    }
}

impl FromStr for Layout {
    type Err = UnknownLayout;

    fn from_str(text: &str) -> Result<Self, UnknownLayout> {
        Self::ALL.into_iter().find(|layout| layout.to_string() == text).ok_or(UnknownLayout)
    }
}

#[cfg(test)]
mod tests;
