//! Who may do what in a course: one table, from which both the checks and their tests come.

use crate::model::Role;

/// What somebody is, seen from one course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Neither on its roster nor staff. For them neither the course nor anybody in it exists.
    Stranger,
    /// On its roster; or anybody, where the course is open to everybody.
    Student,
    /// Staff.
    Staff(Role),
    /// A user of Blackboard's machine.
    Administrator,
}

/// What can be asked of a course.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Request {
    /// See what one may hand in to, and one's own claims.
    SeeOwn,
    /// Hand in, upload, withdraw.
    HandIn,
    /// See the course as it is set up: assignments, extensions, staff.
    SeeCourse,
    /// See who is on the roster and in which group.
    SeeRoster,
    /// See who has handed in what and when.
    SeeHandIns,
    /// Take the files that were handed in, with their receipts.
    TakeFiles,
    /// See who changed what.
    SeeChanges,
    /// Change title, zone, or to whom the course is open.
    ChangeCourse,
    /// Set up and change assignments.
    ChangeAssignments,
    /// Put students on the roster, change their particulars, drop them.
    ChangeRoster,
    /// Put students into groups.
    ChangeGroups,
    /// Grant and revoke extensions.
    Extend,
    /// Choose which claim counts.
    Choose,
    /// Hand in on behalf of a student.
    HandInFor,
    /// Say who is staff, and as what.
    ChangeStaff,
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Stranger,
        Self::Student,
        Self::Staff(Role::Assistant),
        Self::Staff(Role::Teacher),
        Self::Staff(Role::Owner),
        Self::Administrator,
    ];

    /// Whether this may be asked.
    pub fn may(self, request: Request) -> bool {
        let place = match self {
            Self::Stranger => 0,
            Self::Student => 1,
            Self::Staff(Role::Assistant) => 2,
            Self::Staff(Role::Teacher) => 3,
            Self::Staff(Role::Owner) => 4,
            Self::Administrator => 5,
        };
        TABLE.iter().any(|(known, row)| *known == request && row.as_bytes()[place] == b'x')
    }
}

impl Request {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::SeeOwn,
        Self::HandIn,
        Self::SeeCourse,
        Self::SeeRoster,
        Self::SeeHandIns,
        Self::TakeFiles,
        Self::SeeChanges,
        Self::ChangeCourse,
        Self::ChangeAssignments,
        Self::ChangeRoster,
        Self::ChangeGroups,
        Self::Extend,
        Self::Choose,
        Self::HandInFor,
        Self::ChangeStaff,
    ];

    /// What it is, in words that go after "may" or "to".
    pub fn words(self) -> &'static str {
        match self {
            Self::SeeOwn => "see what they may hand in to",
            Self::HandIn => "hand in",
            Self::SeeCourse => "see how the course is set up",
            Self::SeeRoster => "see the roster",
            Self::SeeHandIns => "see who has handed in",
            Self::TakeFiles => "take what was handed in",
            Self::SeeChanges => "see who changed what",
            Self::ChangeCourse => "change the course",
            Self::ChangeAssignments => "change assignments",
            Self::ChangeRoster => "change the roster",
            Self::ChangeGroups => "change groups",
            Self::Extend => "grant extensions",
            Self::Choose => "choose which claim counts",
            Self::HandInFor => "hand in on behalf of a student",
            Self::ChangeStaff => "say who is staff",
        }
    }
}

/// A row a request; a column a standing: stranger, student, assistant, teacher, owner, administrator. An administrator has no
/// key that a claim could be signed with, and staff does not hand in for itself.
const TABLE: [(Request, &str); Request::ALL.len()] = [
    (Request::SeeOwn, /*          */ "-x----"),
    (Request::HandIn, /*          */ "-x----"),
    (Request::SeeCourse, /*       */ "--xxxx"),
    (Request::SeeRoster, /*       */ "--xxxx"),
    (Request::SeeHandIns, /*      */ "--xxxx"),
    (Request::TakeFiles, /*       */ "--xxxx"),
    (Request::SeeChanges, /*      */ "--xxxx"),
    (Request::ChangeCourse, /*    */ "---xxx"),
    (Request::ChangeAssignments, /**/ "---xxx"),
    (Request::ChangeRoster, /*    */ "---xxx"),
    (Request::ChangeGroups, /*    */ "---xxx"),
    (Request::Extend, /*          */ "---xxx"),
    (Request::Choose, /*          */ "---xxx"),
    (Request::HandInFor, /*       */ "---xx-"),
    (Request::ChangeStaff, /*     */ "----xx"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_has_one_row_with_a_cell_for_each_standing() {
        for request in Request::ALL {
            let rows: Vec<_> = TABLE.iter().filter(|(known, _)| *known == request).collect();
            assert_eq!(rows.len(), 1, "{request:?}");
        }
        for (request, row) in TABLE {
            assert_eq!(row.len(), Standing::ALL.len(), "{request:?}");
            assert!(row.bytes().all(|cell| b"x-".contains(&cell)), "{request:?}");
        }
    }

    #[test]
    fn what_the_roles_mean() {
        let assistant = Standing::Staff(Role::Assistant);
        let teacher = Standing::Staff(Role::Teacher);
        let changes =
            |standing: Standing| Request::ALL[7..].iter().any(|&change| standing.may(change));
        assert!(!changes(assistant) && !changes(Standing::Student) && changes(teacher));
        assert!(Request::ALL.iter().all(|&request| !Standing::Stranger.may(request)));
        assert!(!teacher.may(Request::ChangeStaff));
        assert!(Standing::Staff(Role::Owner).may(Request::ChangeStaff));
        assert!(!Standing::Student.may(Request::SeeHandIns));
    }
}
