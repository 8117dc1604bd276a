//! What a line says of a student, each kind of text with its rules.

use claim_core::{Escaped, NameError, Sid, StaffId};

use super::format::Format;
use super::{LineError, TextError};

/// The longest name, in characters.
pub const MAX_NAME_LENGTH: usize = 200;

/// The longest text in any other column, in characters.
pub const MAX_FIELD_LENGTH: usize = 1_000;

/// The longest address, in bytes (RFC 5321 §4.5.3.1.3, less the angle brackets of a path).
const MAX_ADDRESS_LENGTH: usize = 254;

/// A SID: ten digits; also as `="1155123456"`, by which spreadsheets are kept from making a number of it, and before
/// the `@` of a login name.
pub(super) fn sid(found: &str) -> Result<Sid, LineError> {
    let bare = found.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')).unwrap_or(found);
    let error = match bare.parse::<Sid>() {
        Ok(sid) => return Ok(sid),
        Err(error) => error,
    };
    if let Some(sid) = bare.split_once('@').and_then(|(local, _)| local.parse().ok()) {
        return Ok(sid);
    }
    let text = found.to_owned();
    match bare.parse::<StaffId>() {
        Ok(_) => Err(LineError::Staff { text }),
        Err(_) => Err(LineError::Sid { text, error }),
    }
}

/// A name, from one column or from two.
pub(super) fn name(whole: &str, first: &str, last: &str) -> Result<Option<String>, LineError> {
    let joined = match (whole, first, last) {
        ("", "", last) => last.to_owned(),
        ("", first, "") => first.to_owned(),
        ("", first, last) if han(first) && han(last) => format!("{last}{first}"),
        ("", first, last) => format!("{first} {last}"),
        (whole, ..) => whole.to_owned(),
    };
    clean("name", &joined, MAX_NAME_LENGTH)?;
    Ok(Some(joined).filter(|name| !name.is_empty()))
}

/// Whether it is of those scripts in which the family's name comes first and no space follows.
fn han(text: &str) -> bool {
    text.chars().all(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{20000}'..='\u{3ffff}'))
}

pub(super) fn email(found: &str) -> Result<Option<String>, LineError> {
    if found.is_empty() {
        return Ok(None);
    }
    clean("e-mail address", found, MAX_FIELD_LENGTH)?;
    let odd = |c: char| c.is_whitespace() || "\"<>()[],;:\\".contains(c);
    let plain = match found.split_once('@') {
        Some((local, host)) => !local.is_empty() && !host.is_empty() && !host.contains('@'),
        None => false,
    };
    match plain && !found.contains(odd) && found.len() <= MAX_ADDRESS_LENGTH {
        true => Ok(Some(found.to_owned())),
        false => Err(LineError::Email { text: found.to_owned() }),
    }
}

/// Moodle writes several with commas between; Canvas has one in a line.
pub(super) fn groups(found: &str, format: Format) -> Result<Vec<String>, LineError> {
    clean("group", found, MAX_FIELD_LENGTH)?;
    let names: Vec<&str> = match format {
        Format::Moodle if found == "No groups" => Vec::new(),
        Format::Moodle => found.split(',').map(str::trim).collect(),
        _ => vec![found],
    };
    Ok(names.into_iter().filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// A text that is kept as it stands.
pub(super) fn text(column: &str, found: &str) -> Result<String, LineError> {
    clean(column, found, MAX_FIELD_LENGTH)?;
    Ok(found.to_owned())
}

fn clean(column: &str, found: &str, longest: usize) -> Result<(), LineError> {
    let bad = |why: TextError| Err(LineError::Text { column: column.to_owned(), why });
    let length = found.chars().count();
    if length > longest {
        return bad(TextError::TooLong { found: length, longest });
    }
    if found.chars().any(char::is_control) {
        return bad(TextError::Control);
    }
    // All that `Escaped` changes but backslashes: what cannot be seen, and what turns the direction of reading.
    let escaped = Escaped(found).to_string();
    if escaped != found.replace('\\', "\\\\") { bad(TextError::Hidden { escaped }) } else { Ok(()) }
}

/// What spreadsheets do to SIDs that they take for numbers, as the end of a sentence; empty for other texts.
pub fn spreadsheet_hint(text: &str) -> &'static str {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '+' | 'E' | 'e');
    if (1..Sid::LENGTH).contains(&digits) && digits == text.len() {
        " (spreadsheets drop leading zeros unless the column is text)"
    } else if digits > 0 && digits < text.len() && text.chars().all(number) {
        " (a spreadsheet has made a number of it: the column must be text)"
    } else {
        ""
    }
}

/// For what a SID is not.
pub(super) fn why(error: &NameError, text: &str) -> String {
    format!("{error}{}", spreadsheet_hint(text))
}
