//! From a roster to certificates, as the people who run CUHK type it.

use std::os::unix::fs::PermissionsExt;

use crate::course::{Folder, OTHER_SID, SID};
use crate::invitations::{University, enroll};

/// What a spreadsheet might save: with a byte order mark, semicolons, CRLF, columns that nobody asked for.
const PEOPLE: &str = "\u{feff}Id;Name;Faculty;E-Mail;Role\r\n\
    1155123456;陳大文;Eng;chan@link.example;student\r\n\
    1155000001;\"O'Neil; \"\"Ann\"\"\";Arts;ann@link.example;student\r\n\
    lee.kw;Lee;Eng;lee@cuhk.example;staff\r\n";

#[test]
fn from_a_roster_to_certificates() {
    let university = University::new();
    let folder = &university.cuhk;
    folder.write("people.csv", PEOPLE);
    let done = folder.run(&["cuhk", "roster", "import", "people.csv", "--dry-run"]).expect(0);
    for said in
        ["  + 1155123456  陳大文  chan@link.example  student", "To be added: 3.", "--dry-run"]
    {
        assert!(done.out.contains(said), "{said:?} is not in:\n{}", done.out);
    }
    assert_eq!(folder.run(&["cuhk", "roster", "list"]).expect(0).out, "");
    let done = folder.run(&["cuhk", "roster", "import", "people.csv"]).expect(0);
    assert!(done.out.contains("Added: 3. Changed: 0. As before: 0."), "{}", done.out);
    assert!(done.out.contains("Next: claim cuhk invite --all-new"), "{}", done.out);
    let again = folder.run(&["cuhk", "roster", "import", "people.csv", "--quiet"]).expect(0);
    assert_eq!(again.out, "Added: 0. Changed: 0. As before: 3.\n");

    // A file for the mail merge, which nobody else can read and nothing overwrites.
    let done = folder.run(&["cuhk", "invite", "--all-new", "--out", "invitations"]).expect(0);
    assert!(
        done.out.starts_with("Invited 3 people: invitations/invitations.csv has"),
        "{}",
        done.out
    );
    let path = folder.path("invitations/invitations.csv");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let table = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines[0], "\u{feff}id,name,email,role,invitation,valid_until");
    let chan = lines.iter().find(|line| line.starts_with(SID)).unwrap();
    assert!(chan.starts_with("1155123456,陳大文,chan@link.example,student,claim://"), "{chan}");
    assert!(table.contains("1155000001,\"O'Neil; \"\"Ann\"\"\",ann@link.example"), "{table}");
    let done = folder.run(&["cuhk", "invite", "--all-new", "--out", "invitations"]).expect(0);
    assert_eq!(done.out, "Nobody is to be invited.\n");
    folder
        .run(&["cuhk", "invite", "--resend", "--out", "invitations"])
        .explains(1, &["nobody was invited", "exists"]);

    let _cuhk = university.serve_cuhk();
    let student = Folder::new();
    let invitation = chan.split(',').nth(4).unwrap();
    let done = enroll(&student, invitation).expect(0);
    assert!(done.out.contains(&format!("SID: {SID} sign finished.\n")), "{}", done.out);

    let list = folder.run(&["cuhk", "roster", "list", "--json"]).expect(0).documents();
    let states: Vec<_> = list
        .iter()
        .map(|one| (one["id"].as_str().unwrap(), one["state"].as_str().unwrap()))
        .collect();
    assert_eq!(states, [("1155000001", "invited"), (SID, "enrolled"), ("lee.kw", "invited")]);
    let shown = folder.run(&["cuhk", "roster", "show", SID]).expect(0).out;
    assert!(shown.contains("enrolled") && shown.lines().count() == 2, "{shown}");
    let staff = folder.run(&["cuhk", "roster", "list", "--role", "Staff"]).expect(0).out;
    assert!(staff.starts_with("lee.kw") && staff.lines().count() == 1, "{staff}");
    folder.run(&["cuhk", "roster", "show", OTHER_SID]).explains(1, &["not in CUHK's records"]);

    // Sent anew, taken back.
    let again = folder.run(&["cuhk", "invite", "--resend"]).expect(0).out;
    assert_eq!(again.lines().count(), 2, "{again}");
    let old = lines.iter().find(|line| line.starts_with("lee.kw")).unwrap();
    let lee = Folder::new();
    enroll(&lee, old.split(',').nth(4).unwrap()).explains(1, &["expired"]);
    let new = again.lines().find(|line| line.starts_with("lee.kw")).unwrap();
    let done = folder.run(&["cuhk", "invite", "--revoke", "lee.kw"]).expect(0);
    assert!(done.out.starts_with("Ended 1 open code."), "{}", done.out);
    enroll(&lee, new.rsplit(',').next().unwrap()).explains(1, &["expired"]);
    folder.run_with(&["cuhk", "invite", "--revoke"], "n\n").explains(1, &["No code was ended"]);
    let done = folder.run(&["cuhk", "invite", "--revoke", "--yes"]).expect(0);
    assert!(done.out.starts_with("Ended 1 open code."), "{}", done.out);
}

#[test]
fn who_is_missing_from_the_next_roster_is_shown_and_stays_until_somebody_says_so() {
    let university = University::new();
    let folder = &university.cuhk;
    folder.write("people.csv", PEOPLE);
    folder.run(&["cuhk", "roster", "import", "people.csv"]).expect(0);
    folder.write("next.csv", "id,email\n1155123456,tm@link.example\n");
    let done = folder.run(&["cuhk", "roster", "import", "next.csv"]).expect(0);
    for said in [
        "  ~ 1155123456  email: chan@link.example → tm@link.example",
        "  - 1155000001  O'Neil; \"Ann\"",
        "2 people on the roster and not in this file, left as they are; `claim cuhk roster remove --missing-from next.csv`",
        "stay good until `claim cuhk invite --resend ID`",
    ] {
        assert!(done.out.contains(said), "{said:?} is not in:\n{}", done.out);
    }
    assert_eq!(folder.run(&["cuhk", "roster", "list"]).expect(0).out.lines().count(), 3);
    let remove = ["cuhk", "roster", "remove", "--missing-from", "next.csv", "--role", "student"];
    folder.run_with(&remove, "\n").explains(1, &["Nobody was taken off"]);
    let done = folder.run(&[&remove[..], &["--yes"]].concat()).expect(0);
    assert!(done.out.contains("1 person taken off the roster"), "{}", done.out);
    let exported = folder.run(&["cuhk", "roster", "export"]).expect(0).out;
    assert_eq!(
        exported,
        "id,name,email,role\n1155123456,陳大文,tm@link.example,student\nlee.kw,Lee,lee@cuhk.example,staff\n"
    );
    // They stay on record, and do not come back by a file.
    let removed = folder.run(&["cuhk", "roster", "list", "--state", "removed"]).expect(0).out;
    assert!(removed.starts_with("1155000001"), "{removed}");
    let done = folder.run(&["cuhk", "roster", "import", "people.csv"]).expect(0);
    assert!(done.out.contains("1 person of it stay off the roster"), "{}", done.out);
    folder
        .run(&["cuhk", "invite", "--sid", "1155000001"])
        .explains(1, &["taken off the roster", "restore"]);
    let done = folder.run(&["cuhk", "roster", "restore", "1155000001"]).expect(0);
    assert_eq!(done.out, "1 person back on the roster.\n");
    folder.run(&["cuhk", "invite", "--sid", "1155000001"]).expect(0);
}

#[test]
fn every_bad_line_is_named_and_nothing_is_taken_over() {
    let university = University::new();
    let folder = &university.cuhk;
    folder.write(
        "people.csv",
        "id\tname\temail\trole\n\
         55123456\tAnn\t\t\n\
         1.155E+09\tBob\t\t\n\
         1155000003\tCat\u{202e}\t\t\n\
         1155000004\tDan\tdan@@link.example\t\n\
         1155000005\tEve\t\tstaff\n\
         1155000006\tFay\t\t\n\
         1155000006\tFay\t\t\n",
    );
    let done = folder.run(&["cuhk", "roster", "import", "people.csv"]).explains(
        1,
        &[
            "line 2: a student ID has exactly 10 digits; this has 8 characters (spreadsheets drop leading zeros",
            "line 3: ",
            "a spreadsheet has made a number of it",
            "line 4: the name has a hidden character: Cat\\u{202e}",
            "line 5: \"dan@@link.example\" is not an e-mail address",
            "line 6: the role is \"staff\", but 1155000005 is the id of a student",
            "line 8: 1155000006 stands in line 7 already",
            "nothing of it was taken over",
        ],
    );
    assert_eq!(done.out, "");
    assert_eq!(folder.run(&["cuhk", "roster", "list"]).expect(0).out, "");
    folder
        .run(&["cuhk", "roster", "import", "missing.csv"])
        .explains(1, &["cannot read missing.csv"]);
    folder.run(&["cuhk", "roster", "remove"]).expect(2);
    folder.run(&["cuhk", "invite", "--sid", SID, "--out", "x"]).expect(2);
    folder.run(&["cuhk", "invite", "--all-new", "--resend"]).expect(2);
}
