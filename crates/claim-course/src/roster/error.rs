//! What can be wrong with a roster.

use claim_core::{Escaped, NameError, Sid};

use super::person::why;
use crate::table::{BadLines, FieldsError, TableError};

/// Why a roster was refused; nothing of it was taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// The file is no table.
    #[error("{0}")]
    Table(#[from] TableError),
    /// No column has a name under which SIDs stand.
    #[error(
        "no column has the students' IDs: the first line must name one of sid, \"Student ID\", \"ID number\", \
         \"SIS User ID\", \"SIS Login ID\" or Username; it names {found}"
    )]
    NoSidColumn {
        /// The names found, in escaped form.
        found: String,
    },
    /// Two columns have names of the same meaning.
    #[error(
        "two columns say the same, \"{}\" and \"{}\"; leave one out or rename it",
        Escaped(first),
        Escaped(second)
    )]
    TwoColumns {
        /// The first one.
        first: String,
        /// The second one.
        second: String,
    },
    /// There is no student in it.
    #[error("the roster names nobody")]
    Nobody,
    /// Some lines are wrong.
    #[error("{0}")]
    Lines(BadLines<LineError>),
}

impl RosterError {
    pub(super) fn no_sid_column(header: &[String]) -> Self {
        /// More would only be noise.
        const SHOWN: usize = 200;
        let found: String = header.join(", ").chars().take(SHOWN).collect();
        Self::NoSidColumn { found: format!("\"{}\"", Escaped(&found)) }
    }
}

/// What can be wrong with one line of a roster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// More or fewer fields than columns.
    #[error("{0}")]
    Fields(#[from] FieldsError),
    /// No SID.
    #[error(
        "nothing stands in \"{}\"; fill in the student's ID, or take the line out if it is no student's",
        Escaped(column)
    )]
    NoSid {
        /// The column of the SIDs.
        column: String,
    },
    /// Not a SID.
    #[error("{}", why(error, text))]
    Sid {
        /// What stands there.
        text: String,
        /// Why it is not one.
        error: NameError,
    },
    /// The id of staff.
    #[error(
        "\"{}\" is no student's ID; a roster has students only: take the line out, or choose the role \
         of students before you export",
        Escaped(text)
    )]
    Staff {
        /// What stands there.
        text: String,
    },
    /// The SID stands in an earlier line too.
    #[error("{sid} stands in line {first} already; take one of the two out")]
    Duplicate {
        /// The SID.
        sid: Sid,
        /// Where it stands first, counted from one.
        first: u64,
    },
    /// Not an address.
    #[error("\"{}\" is not an e-mail address; correct it or leave it empty", Escaped(text))]
    Email {
        /// What stands there.
        text: String,
    },
    /// Text that cannot be shown as it is.
    #[error("\"{}\": {why}", Escaped(column))]
    Text {
        /// The column.
        column: String,
        /// What is wrong with it.
        why: TextError,
    },
}

/// What can be wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Longer than any should be.
    #[error("it has {found} characters; at most {longest} will do")]
    TooLong {
        /// How many characters it has.
        found: usize,
        /// How many it may have.
        longest: usize,
    },
    /// A line break or another control character.
    #[error("it has a line break or another control character; is a quotation mark missing?")]
    Control,
    /// A character that cannot be seen, or that turns the direction of reading.
    #[error("it has a hidden character: {escaped}")]
    Hidden {
        /// The text, with what is hidden in escaped form.
        escaped: String,
    },
}
