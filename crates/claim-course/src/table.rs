//! Tables with a header, as spreadsheets and the systems of universities write them.
//!
//! UTF-8 with or without a byte order mark, or UTF-16 with one; fields separated by commas, semicolons or tabs,
//! whichever the first line uses; quotation marks as in RFC 4180. Lines keep their numbers, so that each can be named.

mod csv_line;
mod error;

use csv::{ReaderBuilder, StringRecord, Trim};

pub use csv_line::csv_line;
pub use error::{BadLine, BadLines, FieldsError, TableError};

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The most lines below the first.
pub const MAX_LINES: usize = 100_000;

/// The most columns.
pub const MAX_COLUMNS: usize = 2_000;

/// A table whose columns are named by its first line.
#[derive(Clone, Debug)]
pub struct Table {
    text: String,
    /// Where the lines below the first begin, and the number of the one that does.
    body: (usize, u64),
    separator: u8,
    header: Vec<String>,
}

/// A line of a table.
#[derive(Clone, Debug)]
pub struct Line {
    number: u64,
    fields: StringRecord,
    expected: usize,
}

impl Table {
    /// Reads the file: the names of its columns, and that the rest is text.
    ///
    /// # Errors
    /// [`TableError`]
    pub fn read(bytes: &[u8]) -> Result<Self, TableError> {
        let text = decode(bytes)?;
        let (from, first) = behind_the_hint(&text);
        let separator = separator(text.get(from..).unwrap_or_default());
        let mut table = Self { text, body: (from, first), separator, header: Vec::new() };
        let (header, end) = {
            let mut reader = table.reader();
            let mut header = StringRecord::new();
            // The text is UTF-8 and in memory, and the reader is flexible: there is nothing left to fail.
            let found = reader.read_record(&mut header).unwrap_or_default();
            if !found {
                return Err(TableError::Empty);
            }
            let at = reader.position().clone();
            (header, (from + offset(&at), first - 1 + at.line()))
        };
        if header.len() > MAX_COLUMNS {
            return Err(TableError::TooManyColumns { found: header.len() });
        }
        table.header = header.iter().map(str::to_owned).collect();
        table.body = end;
        if table.records().nth(MAX_LINES).is_some() {
            return Err(TableError::TooManyLines);
        }
        Ok(table)
    }

    /// The names of the columns, without white space around them.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The lines below the first, without empty ones; fields without white space around them.
    pub fn lines(&self) -> impl Iterator<Item = Line> + '_ {
        let (from, first) = self.body;
        let text = self.text.get(from..).unwrap_or_default();
        self.records().map(move |fields| {
            let number = fields.position().map_or(0, |at| first_line(text, at));
            Line { number: first - 1 + number, fields, expected: self.header.len() }
        })
    }

    fn records(&self) -> impl Iterator<Item = StringRecord> + '_ {
        self.reader().into_records().map_while(Result::ok)
    }

    fn reader(&self) -> csv::Reader<&[u8]> {
        let text = self.text.get(self.body.0..).unwrap_or_default();
        ReaderBuilder::new()
            .delimiter(self.separator)
            .has_headers(false)
            .flexible(true)
            .trim(Trim::All)
            .from_reader(text.as_bytes())
    }
}

impl Line {
    /// Its number in the file, counted from one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// What stands in a column; empty where the line ends before it.
    pub fn field(&self, column: usize) -> &str {
        self.fields.get(column).unwrap_or_default()
    }

    /// All of its fields, however many.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter()
    }

    /// That it has as many fields as there are columns.
    ///
    /// # Errors
    /// [`FieldsError`]
    pub fn complete(&self) -> Result<&Self, FieldsError> {
        match self.fields.len() {
            found if found == self.expected => Ok(self),
            found => Err(FieldsError { found, expected: self.expected }),
        }
    }
}

fn decode(bytes: &[u8]) -> Result<String, TableError> {
    if bytes.len() > MAX_BYTES {
        return Err(TableError::TooLarge { found: bytes.len() });
    }
    let text = match bytes {
        [0xff, 0xfe, units @ ..] => wide(units, u16::from_le_bytes)?,
        [0xfe, 0xff, units @ ..] => wide(units, u16::from_be_bytes)?,
        // What Excel saves as .xlsx and .xls is no text.
        [b'P', b'K', 3, 4, ..] | [0xd0, 0xcf, 0x11, 0xe0, ..] => return Err(TableError::Workbook),
        _ => {
            let text = std::str::from_utf8(bytes).map_err(|error| TableError::NotUtf8 {
                line: line_at(bytes, error.valid_up_to()),
            })?;
            text.strip_prefix('\u{feff}').unwrap_or(text).to_owned()
        }
    };
    match text.find('\0') {
        Some(at) => Err(TableError::NotText { line: line_at(text.as_bytes(), at) }),
        None => Ok(text),
    }
}

fn wide(octets: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, TableError> {
    let (pairs, rest) = octets.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    for read in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        text.push(
            read.map_err(|_| TableError::NotUtf16 { line: line_at(text.as_bytes(), text.len()) })?,
        );
    }
    match rest {
        [] => Ok(text),
        _ => Err(TableError::NotUtf16 { line: line_at(text.as_bytes(), text.len()) }),
    }
}

/// The line in which an octet stands, counted from one.
fn line_at(text: &[u8], at: usize) -> u64 {
    1 + text.iter().take(at).filter(|&&octet| octet == b'\n').count() as u64
}

/// Where the table begins: behind the line `sep=;` by which some programs tell Excel the separator.
fn behind_the_hint(text: &str) -> (usize, u64) {
    match text.split_once('\n') {
        Some((line, _)) if matches!(line.trim_end(), "sep=," | "sep=;" | "sep=\t" | "sep=") => {
            (line.len() + 1, 2)
        }
        _ => (0, 1),
    }
}

/// The separator that the first line has most, outside of quotation marks.
fn separator(text: &str) -> u8 {
    let first = text.trim_start_matches(['\r', '\n', ' ']).lines().next().unwrap_or_default();
    let bare = || first.split('"').step_by(2).flat_map(str::bytes);
    let count = |separator: u8| bare().filter(|&octet| octet == separator).count();
    // Of equals the last one wins: the comma.
    *b"\t;,".iter().max_by_key(|&&separator| count(separator)).unwrap_or(&b',')
}

/// The line in which a record begins: its position is where the last one ended, before empty lines.
fn first_line(text: &str, at: &csv::Position) -> u64 {
    let rest = text.as_bytes().get(offset(at)..).unwrap_or_default();
    let ends = rest.iter().take_while(|octet| matches!(octet, b'\r' | b'\n'));
    at.line() + ends.filter(|&&octet| octet == b'\n').count() as u64
}

fn offset(at: &csv::Position) -> usize {
    usize::try_from(at.byte()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
