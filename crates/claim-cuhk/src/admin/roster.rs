//! Rosters: people in a CSV file, as spreadsheets and student record systems write it.

mod error;
mod fields;

use std::collections::HashMap;
use std::str::FromStr;

use claim_core::PersonId;
use claim_course::table::{self, BadLines, Line, Table};

pub use self::error::{LineError, RosterError};
pub use self::fields::{
    EmailAddress, EmailError, MAX_NAME_LENGTH, MAX_ROLE_LENGTH, PersonName, PersonNameError, Role,
    RoleError,
};

/// The largest roster, in bytes.
pub const MAX_ROSTER_BYTES: usize = table::MAX_BYTES;

/// The most people in one roster.
pub const MAX_ROSTER_PEOPLE: usize = table::MAX_LINES;

/// One person of a roster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterEntry {
    /// The id to be certified.
    pub id: PersonId,
    /// The name to be certified, where the roster tells one.
    pub name: Option<PersonName>,
    /// Where mail goes, where the roster tells it.
    pub email: Option<EmailAddress>,
    /// What the person is, where the roster tells it.
    pub role: Option<Role>,
}

/// Reads a roster: a [`Table`] of one person a line; further columns are ignored.
///
/// # Errors
/// [`RosterError`]; bad lines are told together, by number.
pub fn read_roster(bytes: &[u8]) -> Result<Vec<RosterEntry>, RosterError> {
    let table = Table::read(bytes)?;
    let columns = Columns::find(table.header())?;
    let (mut entries, mut bad) = (Vec::new(), BadLines::new());
    let mut first_lines = HashMap::new();
    for line in table.lines() {
        match columns.entry(&line, &mut first_lines) {
            Ok(entry) => entries.push(entry),
            Err(reason) => bad.push(line.number(), reason),
        }
    }
    if !bad.is_empty() {
        return Err(RosterError::Lines(bad));
    }
    if entries.is_empty() {
        return Err(RosterError::Nobody);
    }
    Ok(entries)
}

/// Where in each line what is wanted stands.
struct Columns {
    id: usize,
    name: Option<usize>,
    email: Option<usize>,
    role: Option<usize>,
}

impl Columns {
    fn find(header: &[String]) -> Result<Self, RosterError> {
        let at = |wanted: &[&str]| -> Vec<usize> {
            let is_wanted =
                |field: &str| wanted.iter().any(|name| field.eq_ignore_ascii_case(name));
            (0..header.len())
                .filter(|&at| header.get(at).is_some_and(|name| is_wanted(name)))
                .collect()
        };
        let ids = at(&["id", "sid"]);
        let others = [at(&["name"]), at(&["email", "e-mail", "mail"]), at(&["role"])];
        match (ids.as_slice(), others.each_ref().map(Vec::as_slice)) {
            (&[id], [name @ ([] | [_]), email @ ([] | [_]), role @ ([] | [_])]) => Ok(Self {
                id,
                name: name.first().copied(),
                email: email.first().copied(),
                role: role.first().copied(),
            }),
            _ => {
                /// More would only be noise.
                const SHOWN: usize = 200;
                let found: String = header.join(", ").chars().take(SHOWN).collect();
                Err(RosterError::Columns { found: format!("{found:?}") })
            }
        }
    }

    fn entry(
        &self,
        line: &Line,
        first_lines: &mut HashMap<PersonId, u64>,
    ) -> Result<RosterEntry, LineError> {
        let text = line.complete()?.field(self.id);
        let id: PersonId =
            text.parse().map_err(|error| LineError::Id { text: text.to_owned(), error })?;
        let name = parsed::<PersonName>(line, self.name)?;
        let email = parsed::<EmailAddress>(line, self.email)?;
        let role = parsed::<Role>(line, self.role)?;
        if let Some(role) = role.as_ref().filter(|role| role.contradicts(&id)) {
            return Err(LineError::OtherRole { id, role: role.as_str().to_owned() });
        }
        if let Some(&first) = first_lines.get(&id) {
            return Err(LineError::Duplicate { id, first });
        }
        first_lines.insert(id.clone(), line.number());
        Ok(RosterEntry { id, name, email, role })
    }
}

/// What stands in a column, if there is one and it is not empty.
fn parsed<T: FromStr>(line: &Line, at: Option<usize>) -> Result<Option<T>, T::Err> {
    let text = at.map_or("", |at| line.field(at));
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]
    use claim_course::table::TableError;

    use super::*;

    fn people(text: &str) -> Vec<(String, Option<String>)> {
        let entries = read_roster(text.as_bytes()).unwrap();
        entries
            .into_iter()
            .map(|e| (e.id.to_string(), e.name.map(|name| name.to_string())))
            .collect()
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
        let wide: Vec<u8> =
            "\u{feff}id\n1155123456\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read_roster(&wide).unwrap(), read_roster(b"id\n1155123456\n").unwrap());
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
    fn mail_and_role_are_read_where_they_are() {
        let text = "E-Mail;id;Role\nann@cuhk.example;1155123456;Student\n;chan.tm;\n";
        let [ann, chan] = &read_roster(text.as_bytes()).unwrap()[..] else { panic!() };
        assert_eq!(ann.email.as_ref().unwrap().as_str(), "ann@cuhk.example");
        assert_eq!(ann.role.as_ref().unwrap().as_str(), "Student");
        assert_eq!((&chan.name, &chan.email, &chan.role), (&None, &None, &None));
        let text = "id,email,role\n1155123456,ann,\n1155123457,,staff\nlee,lee@x.example,=1\n";
        assert_eq!(
            bad(text),
            "line 2: \"ann\" is not an e-mail address\n\
             line 3: the role is \"staff\", but 1155123457 is the id of a student\n\
             line 4: \"=1\" is no role: a letter, then up to 63 letters, digits, spaces, '.', '_', '-'"
        );
    }

    #[test]
    fn what_spreadsheets_do_to_ids_is_told() {
        for (id, said) in [
            ("55123457", "drop leading zeros"),
            ("1.155E+09", "has made a number of it"),
            ("\"1,155,123,456\"", "has made a number of it"),
            ("1155123456.0", "has made a number of it"),
        ] {
            let error = bad(&format!("id,name\n{id},Ann\n"));
            assert!(error.starts_with("line 2: ") && error.contains(said), "{error}");
        }
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
        assert_eq!(read_roster(b""), Err(RosterError::Table(TableError::Empty)));
        assert_eq!(read_roster(b"id,name\n"), Err(RosterError::Nobody));
        let latin = read_roster(b"id,name\n1,\xe9\n");
        assert_eq!(latin, Err(RosterError::Table(TableError::NotUtf8 { line: 2 })));
        for header in ["name", "1155123456,Chan", "id,sid", "id,name,NAME", "\u{1b}[2J"] {
            let error = bad(&format!("{header}\n1155123456\n"));
            assert!(error.contains("first line") && !error.contains('\u{1b}'), "{error}");
        }
        let large = vec![b'x'; MAX_ROSTER_BYTES + 1];
        let found = MAX_ROSTER_BYTES + 1;
        assert_eq!(read_roster(&large), Err(RosterError::Table(TableError::TooLarge { found })));
    }

    #[test]
    fn the_budgets_hold() {
        let many: String = (0..=MAX_ROSTER_PEOPLE).map(|n| format!("{n:010}\n")).collect();
        let refused = read_roster(format!("id\n{many}").as_bytes());
        assert_eq!(refused, Err(RosterError::Table(TableError::TooManyLines)));
        let error = read_roster(format!("id\n{}", "x y\n".repeat(50)).as_bytes()).unwrap_err();
        assert!(
            matches!(error, RosterError::Lines(ref bad) if (bad.lines.len(), bad.more.len()) == (20, 30))
        );
        assert!(error.to_string().ends_with("and 30 more: lines 22-51"), "{error}");
    }
}
