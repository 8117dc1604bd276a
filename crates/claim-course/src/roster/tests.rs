#![allow(clippy::unwrap_used, clippy::panic, reason = "a test panics to fail")]

use super::*;

/// A file of `testdata/rosters`.
macro_rules! file {
    ($name:literal) => {
        include_bytes!(concat!("../../../../testdata/rosters/", $name)).as_slice()
    };
}

const MAIL: &str = "1155123456@link.cuhk.example";

fn people(roster: &Roster) -> Vec<(&str, &str)> {
    roster.entries.iter().map(|e| (e.sid.as_str(), e.name.as_deref().unwrap_or("-"))).collect()
}

fn groups(roster: &Roster) -> Vec<Vec<&str>> {
    roster.entries.iter().map(|e| e.groups.iter().map(String::as_str).collect()).collect()
}

fn emails(roster: &Roster) -> Vec<Option<&str>> {
    roster.entries.iter().map(|e| e.email.as_deref()).collect()
}

fn skipped(roster: &Roster) -> Vec<(u64, NoStudent)> {
    roster.skipped.iter().map(|skipped| (skipped.line, skipped.what)).collect()
}

fn refused(text: &str) -> String {
    read(text.as_bytes()).unwrap_err().to_string()
}

const IN_PARTS: [(&str, &str); 3] =
    [("1155123456", "Tai Man Chan"), ("0955000001", "Ann O'Neil"), ("1155123457", "陳大文")];
const LAST_FIRST: [(&str, &str); 3] =
    [("1155123456", "Chan, Tai Man"), ("0955000001", "O'Neil, Ann"), ("1155123457", "陳大文")];

#[test]
fn a_plain_one() {
    let roster = read(file!("plain.csv")).unwrap();
    assert_eq!((roster.format, roster.sid_column.as_str()), (Format::Plain, "sid"));
    let expected = [("1155123456", "Chan Tai Man"), LAST_FIRST[1], LAST_FIRST[2]];
    assert_eq!(people(&roster), expected);
    assert_eq!(emails(&roster), [Some(MAIL), None, Some("chan@cuhk.example")]);
    assert!(roster.columns.is_empty() && roster.skipped.is_empty());
    assert_eq!(roster.tells, Tells { name: true, email: true, groups: false });
}

#[test]
fn moodles_participants_in_english_and_german() {
    for (file, mail) in [
        (file!("moodle-participants.csv"), "Email address"),
        (file!("moodle-participants-de.csv"), "E-Mail-Adresse"),
    ] {
        let roster = read(file).unwrap();
        assert_eq!(roster.format, Format::Moodle, "{mail}");
        assert_eq!(people(&roster), IN_PARTS);
        assert_eq!(groups(&roster), [vec!["Lab A", "Team 1"], vec!["Lab B"], vec![]]);
        assert_eq!(emails(&roster)[0], Some(MAIL));
        // Kept for what goes back to Moodle.
        assert_eq!(roster.columns.len(), 2);
        assert_eq!(roster.entries[0].extra, ["Tai Man", "Chan"]);
    }
}

#[test]
fn moodles_grades_are_left_out() {
    let roster = read(file!("moodle-grades.csv")).unwrap();
    assert_eq!((roster.format, roster.sid_column.as_str()), (Format::Moodle, "ID number"));
    assert_eq!(people(&roster), IN_PARTS);
    assert_eq!(roster.columns, ["First name", "Last name", "Institution", "Department"]);
    assert_eq!(
        roster.left_out,
        [
            "Assignment: Lab 1 (Real)",
            "Assignment: Lab 1 (Feedback)",
            "Course total (Real)",
            "Last downloaded from this course"
        ]
    );
    assert_eq!(roster.extra(&roster.entries[1], "Department"), Some("Computer Science"));
}

#[test]
fn canvas_gradebook() {
    let roster = read(file!("canvas-gradebook.csv")).unwrap();
    assert_eq!((roster.format, roster.sid_column.as_str()), (Format::Canvas, "SIS User ID"));
    assert_eq!(people(&roster), LAST_FIRST);
    assert_eq!(roster.columns, ["ID", "SIS Login ID", "Section", "Notes"]);
    assert_eq!(roster.left_out.len(), 10);
    assert_eq!(roster.entries[0].extra, ["40117", MAIL, "IEMS5710 L01", "visiting"]);
    assert_eq!(
        skipped(&roster),
        [(2, NoStudent::Posting), (3, NoStudent::PointsPossible), (7, NoStudent::TestStudent)]
    );
}

#[test]
fn canvas_gradebook_whose_logins_are_the_sids() {
    let roster = read(file!("canvas-gradebook-login.csv")).unwrap();
    // Canvas's own numbers are no SIDs, though they have ten digits.
    assert_eq!((roster.format, roster.sid_column.as_str()), (Format::Canvas, "SIS Login ID"));
    assert_eq!(people(&roster), IN_PARTS);
    assert_eq!(skipped(&roster), [(2, NoStudent::PointsPossible), (6, NoStudent::TestStudent)]);
    assert_eq!(roster.columns, ["LastName", "FirstName", "ID", "Section"]);
}

#[test]
fn canvas_groups() {
    let roster = read(file!("canvas-groups.csv")).unwrap();
    assert_eq!((roster.format, roster.sid_column.as_str()), (Format::Canvas, "user_id"));
    assert_eq!(people(&roster), LAST_FIRST);
    assert_eq!(groups(&roster), [vec!["Team 1, Monday"], vec!["Team 2"], vec![]]);
    let kept = ["canvas_user_id", "login_id", "sections", "canvas_group_id", "group_id"];
    assert_eq!(roster.columns, kept);
}

#[test]
fn blackboards_grade_centre_as_xls_and_as_csv() {
    let roster = read(file!("blackboard.xls")).unwrap();
    assert_eq!((roster.format, roster.sid_column.as_str()), (Format::Blackboard, "Student ID"));
    assert_eq!(people(&roster), IN_PARTS);
    assert_eq!(roster.columns, ["Last Name", "First Name", "Username", "Availability"]);
    assert_eq!(roster.left_out.len(), 3);
    assert_eq!(skipped(&roster), [(5, NoStudent::PreviewUser)]);
    assert_eq!(read(file!("blackboard.csv")).unwrap(), roster);
}

#[test]
fn the_column_of_the_sids_is_the_one_that_has_them() {
    let text = "Student ID,Username,Name\n77001,1155123456,Ann\n77002,1155123457@x.example,Bob\n";
    let roster = read(text.as_bytes()).unwrap();
    assert_eq!(roster.sid_column, "Username");
    assert_eq!(people(&roster), [("1155123456", "Ann"), ("1155123457", "Bob")]);
    // Where several have them, the likeliest by its name.
    let text = "Username,SID\n1155123456,0955000001\n";
    assert_eq!(read(text.as_bytes()).unwrap().sid_column, "SID");
    let roster = read(b"id;name\n=\"0955000001\";Ann\n").unwrap();
    assert_eq!(people(&roster), [("0955000001", "Ann")]);
}

#[test]
fn further_columns_are_kept_in_their_order() {
    let text = "tutor,sid,,tutor,Lab 1 (12)\nLee,1155123456,x,Au,90\n";
    let roster = read(text.as_bytes()).unwrap();
    assert_eq!(roster.columns, ["tutor", "column 3", "tutor (2)", "Lab 1 (12)"]);
    assert_eq!(roster.entries[0].extra, ["Lee", "x", "Au", "90"]);
    assert!(roster.left_out.is_empty());
}

#[test]
fn every_bad_line_is_told_by_number() {
    let text = "sid,name,email\n\
        1155123456,A,\n\
        115512345,B,\n\
        1155123457,Chan, Tai Man,\n\
        \n\
        1155123456,C,\n\
        chan.tm,D,\n\
        ,E,\n\
        1.155E+09,F,\n\
        1155123458,G,nobody\n\
        1155123459,H\u{202e}I,\n\
        ,,\n\
        1155123460,\"J\n1155123461,K\",\n";
    let told = [
        "line 3: a student ID has exactly 10 digits; this has 9 characters (spreadsheets drop leading \
         zeros unless the column is text)",
        "line 4: it has 4 fields where the first line has 3; a name with a separator in it needs \
         quotation marks",
        "line 6: 1155123456 stands in line 2 already; take one of the two out",
        "line 7: \"chan.tm\" is no student's ID; a roster has students only: take the line out, or choose \
         the role of students before you export",
        "line 8: nothing stands in \"sid\"; fill in the student's ID, or take the line out if it is no \
         student's",
        "line 9: a student ID has only the digits 0 to 9; character 2 is '.' (a spreadsheet has made a \
         number of it: the column must be text)",
        "line 10: \"nobody\" is not an e-mail address; correct it or leave it empty",
        "line 11: \"name\": it has a hidden character: H\\u{202e}I",
        "line 13: \"name\": it has a line break or another control character; is a quotation mark missing?",
    ];
    assert_eq!(refused(text), told.join("\n"));
}

#[test]
fn what_is_no_roster_is_told_apart() {
    assert!(refused("").contains("empty"));
    assert!(refused("sid,name\n").contains("names nobody"));
    let found = refused("name,mark\u{1b}[2J\nAnn,1\n");
    assert!(found.contains("no column has the students' IDs") && !found.contains('\u{1b}'));
    let found = refused("sid,email,E-Mail\n1155123456,,\n");
    assert!(found.contains("\"email\" and \"E-Mail\""), "{found}");
    // A line of Canvas's is one only in Canvas's file.
    assert!(refused("Student,sid\nPoints Possible,\n").contains("line 2: nothing stands in"));
    assert!(refused("Student,sid\n\"Student, Test\",\n").contains("line 2"));
    let long = "x".repeat(MAX_NAME_LENGTH + 1);
    assert!(refused(&format!("sid,name\n1155123456,{long}\n")).contains("201 characters"));
}
