//! Rosters: people in a CSV file, as spreadsheets and student record systems write it.

use std::collections::HashMap;
use std::fmt;

use claim_core::{NameError, PersonId};
use csv::{ReaderBuilder, StringRecord, Trim};

/// The largest roster, in bytes.
pub const MAX_ROSTER_BYTES: usize = 8 * 1024 * 1024;

/// The most people in one roster.
pub const MAX_ROSTER_PEOPLE: usize = 100_000;

/// The longest name, in characters; a certificate shows the first 64.
pub const MAX_NAME_LENGTH: usize = 200;

/// How many bad lines are told at once.
const MAX_BAD_LINES: usize = 20;

/// One person of a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterEntry {
    /// The id to be certified.
    pub id: PersonId,
    /// The name to be certified, where the roster tells one.
    pub name: Option<PersonName>,
}

/// A person's name as it goes on record: one line, not empty, at most [`MAX_NAME_LENGTH`] characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonName(String);

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PersonNameError {
    /// Nothing but white space.
    #[error("the name is empty")]
    Empty,
    /// Longer than any name should be.
    #[error("the name has {found} characters; at most {MAX_NAME_LENGTH} will do")]
    TooLong {
        /// How many characters it has.
        found: usize,
    },
    /// A line break or another control character.
    #[error("the name has a line break or another control character; is a quotation mark missing?")]
    Control,
}

/// Why a roster was refused; nothing of it went on record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// Larger than [`MAX_ROSTER_BYTES`].
    #[error("the roster has {found} bytes; at most {MAX_ROSTER_BYTES} are read at once")]
    TooLarge {
        /// How large it is.
        found: usize,
    },
    /// UTF-16, which some spreadsheets call "Unicode text".
    #[error("the roster is in UTF-16; save it as \"CSV UTF-8\"")]
    Utf16,
    /// Another encoding than UTF-8.
    #[error("line {line} is not UTF-8; save the roster as \"CSV UTF-8\"")]
    NotUtf8 {
        /// The line, counted from one.
        line: usize,
    },
    /// There is no line at all.
    #[error("the roster is empty; its first line must name the columns: id, and if wanted name")]
    Empty,
    /// No column of ids, or more than one, or two of names.
    #[error(
        "the first line must name exactly one column id (or sid) and at most one column name; it \
             names {found}"
    )]
    Columns {
        /// The names found, in escaped form.
        found: String,
    },
    /// More people than [`MAX_ROSTER_PEOPLE`].
    #[error("the roster has more than {MAX_ROSTER_PEOPLE} people; split it")]
    TooManyPeople,
    /// The first line names the columns and no other follows.
    #[error("the roster names nobody")]
    Nobody,
    /// Some lines are wrong.
    #[error("{}", told(lines, *more))]
    Lines {
        /// The first bad ones.
        lines: Vec<BadLine>,
        /// How many more there are.
        more: usize,
    },
}

/// What is wrong with one line of a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// The line, counted from one.
    pub line: u64,
    /// What is wrong with it.
    pub reason: LineError,
}

/// What can be wrong with one line of a roster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// More or fewer fields than columns.
    #[error(
        "it has {found} fields where the first line has {expected}; a name with a separator in it \
             needs quotation marks"
    )]
    Fields {
        /// How many it has.
        found: usize,
        /// How many the first line has.
        expected: usize,
    },
    /// The id is not one.
    #[error("{0}{hint}", hint = zeros_hint(.0, *.1))]
    Id(NameError, bool),
    /// The name is not one.
    #[error("{0}")]
    Name(#[from] PersonNameError),
    /// The id stands in an earlier line too.
    #[error("{id} stands in line {first} already")]
    Duplicate {
        /// The id.
        id: PersonId,
        /// Where it stands first, counted from one.
        first: u64,
    },
}

impl PersonName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for PersonName {
    type Err = PersonNameError;

    /// White space around it is ignored.
    fn from_str(text: &str) -> Result<Self, PersonNameError> {
        let text = text.trim();
        let found = text.chars().count();
        if found == 0 {
            return Err(PersonNameError::Empty);
        }
        if found > MAX_NAME_LENGTH {
            return Err(PersonNameError::TooLong { found });
        }
        if text.chars().any(char::is_control) {
            return Err(PersonNameError::Control);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Reads a roster: a first line that names the columns, then one person a line.
///
/// UTF-8 with or without a byte order mark; separated by commas, semicolons or tabs, whichever the first line
/// uses; further columns are ignored.
///
/// # Errors
/// [`RosterError`]; bad lines are told together, by number.
pub fn read_roster(bytes: &[u8]) -> Result<Vec<RosterEntry>, RosterError> {
    let text = decode(bytes)?;
    let mut reader = ReaderBuilder::new()
        .delimiter(delimiter(text))
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .from_reader(text.as_bytes());
    // The text is UTF-8 and in memory, and the reader is flexible: there is nothing left to fail.
    let mut records = reader.records().map_while(Result::ok);
    let columns = Columns::find(&records.next().ok_or(RosterError::Empty)?)?;
    let (mut entries, mut bad, mut more) = (Vec::new(), Vec::new(), 0);
    let mut first_lines = HashMap::new();
    for record in records {
        let line = record.position().map_or(0, |position| first_line(text, position));
        if entries.len() == MAX_ROSTER_PEOPLE {
            return Err(RosterError::TooManyPeople);
        }
        match columns.entry(&record, line, &mut first_lines) {
            Ok(entry) => entries.push(entry),
            Err(reason) if bad.len() < MAX_BAD_LINES => bad.push(BadLine { line, reason }),
            Err(_) => more += 1,
        }
    }
    if !bad.is_empty() {
        return Err(RosterError::Lines { lines: bad, more });
    }
    if entries.is_empty() {
        return Err(RosterError::Nobody);
    }
    Ok(entries)
}

/// Where in each line what is wanted stands.
struct Columns {
    count: usize,
    id: usize,
    name: Option<usize>,
}

impl Columns {
    fn find(header: &StringRecord) -> Result<Self, RosterError> {
        let at = |wanted: &[&str]| -> Vec<usize> {
            let is_wanted =
                |field: &str| wanted.iter().any(|name| field.eq_ignore_ascii_case(name));
            (0..header.len()).filter(|&at| header.get(at).is_some_and(is_wanted)).collect()
        };
        match (at(&["id", "sid"]).as_slice(), at(&["name"]).as_slice()) {
            (&[id], name @ ([] | [_])) => {
                Ok(Self { count: header.len(), id, name: name.first().copied() })
            }
            _ => {
                /// More would only be noise.
                const SHOWN: usize = 200;
                let found: String =
                    header.iter().collect::<Vec<_>>().join(", ").chars().take(SHOWN).collect();
                Err(RosterError::Columns { found: format!("{found:?}") })
            }
        }
    }

    fn entry(
        &self,
        record: &StringRecord,
        line: u64,
        first_lines: &mut HashMap<PersonId, u64>,
    ) -> Result<RosterEntry, LineError> {
        if record.len() != self.count {
            return Err(LineError::Fields { found: record.len(), expected: self.count });
        }
        let text = record.get(self.id).unwrap_or_default();
        let id: PersonId = text.parse().map_err(|error| {
            LineError::Id(error, text.bytes().all(|byte| byte.is_ascii_digit()))
        })?;
        let name = match self.name.and_then(|at| record.get(at)).unwrap_or_default() {
            "" => None,
            name => Some(name.parse()?),
        };
        if let Some(&first) = first_lines.get(&id) {
            return Err(LineError::Duplicate { id, first });
        }
        first_lines.insert(id.clone(), line);
        Ok(RosterEntry { id, name })
    }
}

/// The line in which a record begins: its position is where the last one ended, before empty lines.
fn first_line(text: &str, position: &csv::Position) -> u64 {
    let at = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + ends.filter(|&&byte| byte == b'\n').count() as u64
}

fn decode(bytes: &[u8]) -> Result<&str, RosterError> {
    if bytes.len() > MAX_ROSTER_BYTES {
        return Err(RosterError::TooLarge { found: bytes.len() });
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(RosterError::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        RosterError::NotUtf8 { line: 1 + good.iter().filter(|&&byte| byte == b'\n').count() }
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// The separator that the first line uses most.
fn delimiter(text: &str) -> u8 {
    let first = text.trim_start().lines().next().unwrap_or_default().as_bytes();
    let count = |delimiter: u8| first.iter().filter(|&&byte| byte == delimiter).count();
    // Of equals the last one wins: the comma.
    *b"\t;,".iter().max_by_key(|&&delimiter| count(delimiter)).unwrap_or(&b',')
}

fn zeros_hint(error: &NameError, only_digits: bool) -> &'static str {
    match error {
        NameError::SidLength { found: 1..=9 } if only_digits => {
            " (spreadsheets drop leading zeros unless the column is text)"
        }
        _ => "",
    }
}

fn told(lines: &[BadLine], more: usize) -> String {
    let mut told: Vec<String> =
        lines.iter().map(|bad| format!("line {}: {}", bad.line, bad.reason)).collect();
    if more > 0 {
        told.push(format!("and {more} more lines"));
    }
    told.join("\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn people(text: &str) -> Vec<(String, Option<String>)> {
        let entries = read_roster(text.as_bytes()).unwrap();
        entries.into_iter().map(|e| (e.id.to_string(), e.name.map(|name| name.0))).collect()
    }

    fn bad(text: &str) -> String {
        read_roster(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn the_usual_spellings_are_read() {
        let expected = [
            ("1155123456".to_owned(), Some("Chan, Tai Man".to_owned())),
            ("0055123457".to_owned(), None),
            ("chan.tm".to_owned(), Some("陳大文".to_owned())),
        ];
        for text in [
            "id,name\n1155123456,\"Chan, Tai Man\"\n0055123457,\nchan.tm,陳大文\n",
            "\u{feff}SID;Name\r\n1155123456;Chan, Tai Man\r\n0055123457;\r\n\r\nchan.tm;陳大文",
            "Name\tcourse\tid\nChan, Tai Man\tx\t 1155123456 \n\tx\t0055123457\n陳大文\tx\tchan.tm\n",
        ] {
            assert_eq!(people(text), expected, "{text}");
        }
        assert_eq!(people("id\n1155123456\n"), [("1155123456".to_owned(), None)]);
    }

    #[test]
    fn every_bad_line_is_told_by_number() {
        let text = "id,name\n\
            1155123456,A\n\
            115512345,B\n\
            1155123457,Chan, Tai Man\n\
            \n\
            1155123456,C\n\
            Chan,D\n\
            11551234567,E\n";
        assert_eq!(bad(text), bad(&text.replace('\n', "\r\n")));
        assert_eq!(
            bad(text),
            "line 3: a student ID has exactly 10 digits; this has 9 characters (spreadsheets drop \
                 leading zeros unless the column is text)\n\
             line 4: it has 3 fields where the first line has 2; a name with a separator in it needs quotation marks\n\
             line 6: 1155123456 stands in line 2 already\n\
             line 7: an id is ten digits (student) or a lower-case letter and up to 63 of a-z, 0-9, '.', '_', '-' (staff)\n\
             line 8: a student ID has exactly 10 digits; this has 11 characters"
        );
    }

    #[test]
    fn names_are_one_line_and_not_endless() {
        assert!(bad("id,name\n1155123456,a\u{1b}[2J\n").contains("control character"));
        assert!(bad("id,name\n1155123456,\"Chan\n1155123457,Lee\n").contains("quotation mark"));
        let long = "x".repeat(MAX_NAME_LENGTH + 1);
        assert!(bad(&format!("id,name\n1155123456,{long}\n")).contains("201 characters"));
    }

    #[test]
    fn a_file_that_is_no_roster_is_told_apart() {
        assert_eq!(read_roster(b""), Err(RosterError::Empty));
        assert_eq!(read_roster(b"id,name\n"), Err(RosterError::Nobody));
        assert_eq!(read_roster(b"\xff\xfei\0d\0"), Err(RosterError::Utf16));
        assert_eq!(read_roster(b"id,name\n1,\xe9\n"), Err(RosterError::NotUtf8 { line: 2 }));
        for header in ["name", "1155123456,Chan", "id,sid", "id,name,NAME", "\u{1b}[2J"] {
            let error = bad(&format!("{header}\n1155123456\n"));
            assert!(error.contains("first line") && !error.contains('\u{1b}'), "{error}");
        }
        let large = vec![b'x'; MAX_ROSTER_BYTES + 1];
        assert!(matches!(read_roster(&large), Err(RosterError::TooLarge { .. })));
    }

    #[test]
    fn the_budgets_hold() {
        let many: String = (0..=MAX_ROSTER_PEOPLE).map(|n| format!("{n:010}\n")).collect();
        assert_eq!(read_roster(format!("id\n{many}").as_bytes()), Err(RosterError::TooManyPeople));
        let error = read_roster(format!("id\n{}", "x y\n".repeat(50)).as_bytes()).unwrap_err();
        assert!(matches!(error, RosterError::Lines { ref lines, more: 30 } if lines.len() == 20));
    }
}
