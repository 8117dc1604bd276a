//! Rosters, whole courses and gradebooks as files.

use crate::course::{Folder, OTHER_SID, SID};
use crate::program::Done;

const ROSTER: &str = "First name,Last name,ID number,Email address,Groups\n\
    Tai Man,Chan,1155123456,chan@link.example,Seven\n\
    Ann,O'Neil,0955000001,ann@link.example,Seven\n";

fn run(folder: &Folder, command: &[&str]) -> Done {
    let database = ["--database", "sqlite:records.db"];
    folder.run(&[&["blackboard"], command, &database].concat())
}

fn course() -> Folder {
    let folder = Folder::new();
    run(&folder, &["course", "add", "IEMS5710", "--zone", "Asia/Hong_Kong"]).expect(0);
    folder.write("roster.csv", ROSTER);
    folder
}

#[test]
fn a_roster_is_shown_before_it_is_taken_and_nobody_is_erased() {
    let folder = course();
    let import = ["roster", "import", "IEMS5710", "roster.csv", "--groups", "groups"];
    let shown = run(&folder, &[&import[..], &["--dry-run"]].concat()).expect(0).out;
    assert!(shown.contains(SID) && shown.contains("--dry-run"), "{shown}");
    assert!(run(&folder, &["roster", "list", "IEMS5710"]).expect(0).out.starts_with("Nobody"));
    run(&folder, &import).explains(2, &["nobody can be asked", "--yes"]);
    run(&folder, &[&import[..], &["--yes"]].concat()).expect(0);
    let listed = run(&folder, &["roster", "list", "IEMS5710"]).expect(0).out;
    assert!(listed.contains("chan@link.example  groups: Seven"), "{listed}");
    assert!(
        run(&folder, &[&import[..], &["--yes"]].concat())
            .expect(0)
            .out
            .contains("Nothing is to be changed")
    );
    // Whoever is missing has left, and is back with the next file.
    folder.write("less.csv", ROSTER.lines().take(2).collect::<Vec<_>>().join("\n"));
    run(&folder, &["roster", "import", "IEMS5710", "less.csv", "--yes"]).expect(0);
    let listed = run(&folder, &["roster", "list", "IEMS5710"]).expect(0).out;
    assert!(
        listed.lines().any(|line| line.contains(OTHER_SID) && line.contains("(left ")),
        "{listed}"
    );
    run(&folder, &[&import[..], &["--yes"]].concat()).expect(0);
    assert!(!run(&folder, &["roster", "list", "IEMS5710"]).expect(0).out.contains("(left "));
    folder.write("wrong.csv", "sid,name\n1155123456,A\n11551234,B\n");
    let wrong = ["roster", "import", "IEMS5710", "wrong.csv", "--yes"];
    run(&folder, &wrong).explains(2, &["line 3", "nothing was changed"]);
}

#[test]
fn a_whole_course_goes_out_and_comes_in_again() {
    let folder = course();
    run(&folder, &["roster", "import", "IEMS5710", "roster.csv", "--yes", "--groups", "groups"])
        .expect(0);
    for command in [
        &["staff", "add", "IEMS5710", "chan.tm", "--role", "owner"][..],
        &["assignment", "add", "IEMS5710/lab1", "--due", "2099-12-24 23:59", "--penalty", "0h:10"],
        &["assignment", "add", "IEMS5710/project", "--groups", "groups"],
        &[
            "extend",
            "grant",
            "IEMS5710/lab1",
            "--sid",
            SID,
            "--due",
            "2099-12-26 12:00",
            "--reason",
            "ill",
        ],
    ] {
        run(&folder, command).expect(0);
    }
    let file = run(&folder, &["course", "export", "IEMS5710"]).expect(0).out;
    assert!(file.contains("due = \"2099-12-24 23:59\""), "{file}");
    folder.write("course.toml", &file);
    let same = run(&folder, &["course", "apply", "course.toml", "--yes"]).expect(0).out;
    assert!(same.contains("Nothing is to be changed"), "{same}");
    folder.write("course.toml", file.replace("2099-12-24 23:59", "2099-12-25 23:59"));
    let shown = run(&folder, &["course", "apply", "course.toml", "--dry-run"]).expect(0).out;
    assert!(shown.contains("2099-12-25"), "{shown}");
    run(&folder, &["course", "apply", "course.toml", "--yes"]).expect(0);
    let listed = run(&folder, &["assignment", "list"]).expect(0).out;
    assert!(listed.contains("2099-12-25 23:59:59.999 +08:00"), "{listed}");
    // Another course by the same file, without students: its groups and extensions need them first.
    let start = "course = \"NEW\"\ntitle = \"New\"\nzone = \"UTC\"\nopen = true\n\n[[assignment]]\nname = \"a\"\n";
    folder.write("new.toml", start);
    run(&folder, &["course", "apply", "new.toml", "--yes"]).expect(0);
    assert!(run(&folder, &["assignment", "list", "NEW"]).expect(0).out.contains("NEW/a"));
    folder.write("new.toml", format!("{start}due = \"yesterday\"\n"));
    run(&folder, &["course", "apply", "new.toml", "--yes"]).explains(2, &["line 8"]);
}

#[test]
fn a_gradebook_in_the_form_of_each_system() {
    let folder = course();
    run(&folder, &["roster", "import", "IEMS5710", "roster.csv", "--yes"]).expect(0);
    run(&folder, &["assignment", "add", "IEMS5710/lab1", "--title", "Lab 1"]).expect(0);
    let plain = run(&folder, &["assignment", "gradebook", "IEMS5710/lab1"]).expect(0).out;
    assert!(plain.contains("sid,name,email,Lab 1 (handed in)"), "{plain}");
    assert!(plain.contains("1155123456,") && plain.contains(",nothing,0"), "{plain}");
    for (format, header) in
        [("moodle", "ID number"), ("canvas", "SIS User ID"), ("blackboard", "Student ID")]
    {
        let text = run(&folder, &["assignment", "gradebook", "IEMS5710/lab1", "--format", format])
            .expect(0)
            .out;
        assert!(text.lines().next().unwrap().contains(header), "{format}: {text}");
    }
}
