//! What can be wrong with a roster.

use claim_core::{NameError, PersonId};
use claim_course::roster::spreadsheet_hint;
use claim_course::table::{BadLines, FieldsError, TableError};

use super::{EmailError, PersonNameError, RoleError};

/// Why a roster was refused; nothing of it went on record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RosterError {
    /// The file is no table.
    #[error("{0}")]
    Table(#[from] TableError),
    /// No column of ids, or more than one, or two of another kind.
    #[error(
        "the first line must name exactly one column id (or sid), and at most one of each of name, \
             email and role; it names {found}"
    )]
    Columns {
        /// The names found, in escaped form.
        found: String,
    },
    /// The first line names the columns and no other follows.
    #[error("the roster names nobody")]
    Nobody,
    /// Some lines are wrong.
    #[error("{0}")]
    Lines(BadLines<LineError>),
}

/// What can be wrong with one line of a roster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// More or fewer fields than columns.
    #[error("{0}")]
    Fields(#[from] FieldsError),
    /// The id is not one.
    #[error("{error}{}", spreadsheet_hint(text))]
    Id {
        /// What stands there.
        text: String,
        /// Why it is not one.
        error: NameError,
    },
    /// The name is not one.
    #[error("{0}")]
    Name(#[from] PersonNameError),
    /// The address is not one.
    #[error("{0}")]
    Email(#[from] EmailError),
    /// The role is not one.
    #[error("{0}")]
    Role(#[from] RoleError),
    /// The role says the contrary of the id.
    #[error("the role is {role:?}, but {id} is the id of {label}", label = whose(id))]
    OtherRole {
        /// The id.
        id: PersonId,
        /// The role.
        role: String,
    },
    /// The id stands in an earlier line too.
    #[error("{id} stands in line {first} already")]
    Duplicate {
        /// The id.
        id: PersonId,
        /// Where it stands first, counted from one.
        first: u64,
    },
}

fn whose(id: &PersonId) -> &'static str {
    match id {
        PersonId::Student(_) => "a student",
        PersonId::Staff(_) => "staff",
    }
}
