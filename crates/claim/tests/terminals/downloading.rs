//! Staff takes what was handed in: whole, once, under names that do no harm, and what people changed stays theirs.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::course::{Course, OTHER_SID, SID};
use crate::front::{Fate, Front, course_behind};
use crate::program::{Done, Program};

const TEACHER: &str = "1155000009";
const ASSISTANT: &str = "1155000008";
const IDLE: &str = "1155777777";

/// Both servers serve: a course with three students, of whom the first has an extension, and staff, all of them enrolled.
fn set_up(course: &Course) {
    for sid in [SID, OTHER_SID, TEACHER, ASSISTANT] {
        course.enrol(sid);
    }
    course.folder.write(
        "roster.csv",
        format!(
            "First name,Last name,ID number,Email address\n../..,x,{SID},\nCON,,{OTHER_SID},\n{},=1+1,{IDLE},\n",
            "very long ".repeat(18)
        ),
    );
    for command in [
        &["course", "add", "IEMS5710", "--zone", "Asia/Hong_Kong"][..],
        &["staff", "add", "IEMS5710", TEACHER, "--role", "owner"],
        &["staff", "add", "IEMS5710", ASSISTANT, "--role", "assistant"],
        &["roster", "import", "IEMS5710", "roster.csv", "--yes"],
        &["assignment", "add", "IEMS5710/lab1", "--due", "2020-01-01 00:00", "--late", "accept"],
        &[
            "extend",
            "grant",
            "IEMS5710/lab1",
            "--sid",
            SID,
            "--due",
            "2099-01-01 00:00",
            "--reason",
            "ill",
        ],
    ] {
        course.folder.run(&[&["blackboard"], command].concat()).expect(0);
    }
    fs::create_dir(course.folder.path("data")).unwrap();
    course.folder.write("report.pdf", vec![7; 9 << 20]);
    course.folder.write("data/a.txt", "hello");
    course.folder.write("data/empty", "");
}

fn course() -> (Course, Program, Program) {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    set_up(&course);
    (course, cuhk, blackboard)
}

fn hand_in(course: &Course, sid: &str, paths: &[&str]) {
    let to = ["--to", "IEMS5710/lab1", "--yes", "--sid", sid];
    course.folder.run(&[&["student", "hand-in"], paths, &to].concat()).expect(0);
}

fn command<'a>(course: &'a Course, id: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let who = ["staff", "--id", id, "--cuhk", &course.cuhk, "--blackboard", &course.blackboard];
    [&who[..], &["download", "IEMS5710/lab1"], more].concat()
}

fn download(course: &Course, id: &str, more: &[&str]) -> Done {
    course.folder.run(&command(course, id, more))
}

fn list(course: &Course, folder: &str) -> Value {
    serde_json::from_str(&course.folder.read(&format!("{folder}/manifest.json"))).unwrap()
}

/// Every file below a folder, by its path, but for what the program keeps for itself.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut folders, mut files) = (vec![folder.to_owned()], BTreeMap::new());
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            match path.is_dir() {
                true if name == ".claim" => {}
                true => folders.push(path),
                false => drop(files.insert(name, fs::read(&path).unwrap())),
            }
        }
    }
    files
}

/// The names of what lies there, beside the lists.
fn names(course: &Course, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = tree(&course.folder.path(folder)).into_keys().collect();
    names.retain(|name| !name.starts_with("manifest."));
    names
}

#[test]
fn by_sid_with_receipts_and_a_list() {
    let (course, _cuhk, _blackboard) = course();
    hand_in(&course, SID, &["report.pdf", "data"]);
    hand_in(&course, OTHER_SID, &["data/a.txt"]);
    let done = download(&course, ASSISTANT, &["--out", "lab1"]).expect(0);
    assert!(done.out.contains("lab1: 2 of 2 claims are there, 2 of them new."), "{}", done.out);
    assert!(
        done.out.contains("1 are in time, 1 late, 0 miss files, 1 have nothing"),
        "{}",
        done.out
    );
    let there = tree(&course.folder.path("lab1"));
    let expected = [
        &format!("{OTHER_SID}.receipt"),
        &format!("{OTHER_SID}/a.txt"),
        &format!("{SID}.receipt"),
        &format!("{SID}/data/a.txt"),
        &format!("{SID}/data/empty"),
        &format!("{SID}/report.pdf"),
    ];
    assert_eq!(names(&course, "lab1"), expected.map(String::as_str));
    assert_eq!(there[&format!("{SID}/report.pdf")], vec![7; 9 << 20]);
    assert_eq!(there[&format!("{SID}/data/a.txt")], b"hello");
    for sid in [SID, OTHER_SID] {
        let (receipt, files) = (format!("lab1/{sid}.receipt"), format!("lab1/{sid}"));
        let verify = ["verify", &receipt, &files, "--root", "cuhk.cer", "--json"];
        let verified = course.folder.run(&verify).expect(0).documents().remove(0);
        assert!(verified["files"].as_array().unwrap().iter().all(|file| file["state"] == "same"));
    }
    let list = list(&course, "lab1");
    assert_eq!((&list["complete"], &list["expected"]), (&true.into(), &2.into()));
    assert_eq!(list["claims"][1]["files"][2]["path"], format!("{SID}/report.pdf"));
    let of = |sid: &str| {
        let students = list["students"].as_array().unwrap();
        students.iter().find(|student| student["sid"] == sid).unwrap().clone()
    };
    assert_eq!((&of(SID)["state"], &of(OTHER_SID)["state"]), (&"in-time".into(), &"late".into()));
    assert_eq!((&of(IDLE)["state"], &of(IDLE)["claim"]), (&"nothing".into(), &Value::Null));
    let sheet = course.folder.read("lab1/manifest.csv");
    let idle = sheet.lines().find(|line| line.starts_with(IDLE)).unwrap();
    assert!(idle.contains(",nothing,"), "{sheet}");
    // Once more: nothing is fetched, and nothing changes.
    let done = download(&course, TEACHER, &["--out", "lab1"]).expect(0);
    assert!(done.out.contains("0 of them new"), "{}", done.out);
    let mut again = tree(&course.folder.path("lab1"));
    again.insert("manifest.json".to_owned(), there["manifest.json"].clone());
    assert_eq!(again, there);
    // Nor may the folder be mixed with something else.
    let other = ["--out", "lab1", "--layout", "canvas"];
    download(&course, TEACHER, &other).explains(1, &["laid out as by-sid", "--out"]);
}

#[test]
fn strangers_and_students_take_nothing() {
    let (course, _cuhk, _blackboard) = course();
    hand_in(&course, SID, &["data/a.txt"]);
    download(&course, OTHER_SID, &["--out", "lab1"])
        .explains(1, &["you are staff of no such course"]);
    assert!(!course.folder.has("lab1"));
    // A folder that cannot be made is told, with what to do.
    download(&course, TEACHER, &["--out", "report.pdf"])
        .explains(1, &["report.pdf", "permissions"]);
}

#[test]
fn what_is_newer_takes_the_place_and_what_people_changed_is_theirs() {
    let (course, _cuhk, _blackboard) = course();
    hand_in(&course, SID, &["data"]);
    hand_in(&course, OTHER_SID, &["data"]);
    let out = ["--out", "lab1"];
    download(&course, TEACHER, &out).expect(0);
    let old = list(&course, "lab1")["claims"][1]["claim"].as_str().unwrap()[..12].to_owned();
    course.folder.write(&format!("lab1/{SID}/note.txt"), "well done");
    course.folder.write(&format!("lab1/{OTHER_SID}/data/a.txt"), "HELLO");
    fs::remove_file(course.folder.path(&format!("lab1/{OTHER_SID}/data/empty"))).unwrap();
    course.folder.write("data/b.txt", "more");
    hand_in(&course, SID, &["data/b.txt"]);
    let done = download(&course, TEACHER, &out).expect(0);
    let aside = format!("earlier/{SID} {old}");
    assert!(
        done.out.contains(&format!("{SID}: another claim counts now, or none; moved to {aside}")),
        "{}",
        done.out
    );
    assert!(done.out.contains("1 of them new, 1 made whole again"), "{}", done.out);
    assert!(
        done.err.contains(&format!("{OTHER_SID}/data/a.txt is not what was handed in any more")),
        "{}",
        done.err
    );
    let there = tree(&course.folder.path("lab1"));
    assert_eq!(there[&format!("{OTHER_SID}/data/a.txt")], b"HELLO");
    assert_eq!(there[&format!("{OTHER_SID}/data/empty")], b"");
    assert_eq!(there[&format!("{aside}/note.txt")], b"well done");
    assert_eq!(there[&format!("{aside}/data/a.txt")], b"hello");
    let new: Vec<_> = there.keys().filter(|name| name.starts_with(&format!("{SID}/"))).collect();
    assert_eq!(new, [&format!("{SID}/b.txt")]);
    // Staff chooses the first one again: it comes back, note and all, and nothing is fetched.
    let claims = list(&course, "lab1")["claims"].clone();
    let first = claims
        .as_array()
        .unwrap()
        .iter()
        .find(|claim| claim["claim"].as_str().unwrap().starts_with(&old));
    let first = first.unwrap()["claim"].as_str().unwrap();
    let choose = [
        "blackboard",
        "count",
        "choose",
        "IEMS5710/lab1",
        first,
        "--sid",
        SID,
        "--reason",
        "agreed",
    ];
    course.folder.run(&choose).expect(0);
    let done = download(&course, TEACHER, &out).expect(0);
    assert!(done.out.contains("0 of them new"), "{}", done.out);
    assert_eq!(course.folder.read(&format!("lab1/{SID}/note.txt")), "well done");
    // Where something of somebody else lies in the way, it is left there and that is said.
    fs::remove_file(course.folder.path("lab1/manifest.json")).unwrap();
    let done = download(&course, TEACHER, &out).expect(1);
    assert!(done.err.contains(&format!("{SID}: NOT TAKEN")), "{}", done.err);
    assert!(done.out.contains("INCOMPLETE"), "{}", done.out);
    assert_eq!(list(&course, "lab1")["complete"], false);
    assert_eq!(list(&course, "lab1")["failed"].as_array().unwrap().len(), 2);
    assert_eq!(course.folder.read(&format!("lab1/{SID}/note.txt")), "well done");
}

#[test]
fn killed_at_every_request_it_goes_on_and_nothing_is_ever_half_there() {
    let (course, front, behind) = course_behind();
    let front = Front::new(front, behind);
    let (_cuhk, blackboard) = course.servers();
    blackboard.out.line("Claims are taken: ");
    front.serve(&course);
    set_up(&course);
    hand_in(&course, SID, &["report.pdf", "data"]);
    hand_in(&course, OTHER_SID, &["data"]);
    download(&course, TEACHER, &["--out", "whole"]).expect(0);
    let mut whole = tree(&course.folder.path("whole"));
    whole.retain(|name, _| !name.starts_with("manifest."));
    assert_eq!(whole.len(), 7, "{:?}", whole.keys());
    for number in 1.. {
        let out = format!("killed-{number}");
        let mut count = 0;
        front.rule(move |_, _| {
            count += 1;
            if count == number { Fate::Hangs } else { Fate::Passes }
        });
        let staff = course.folder.start(&command(&course, TEACHER, &["--out", &out]));
        let hung = loop {
            if front.one_hangs_within(std::time::Duration::from_millis(20)) {
                break true;
            }
            if staff.out.text().contains("claims are there") {
                break false;
            }
        };
        if hung {
            staff.signal("KILL");
        }
        staff.end();
        front.rule(|_, _| Fate::Passes);
        if course.folder.has(&out) {
            for (name, content) in tree(&course.folder.path(&out)) {
                let is_list = name.starts_with("manifest.");
                assert!(is_list || whole.get(&name) == Some(&content), "{number}: {name}");
            }
            assert_eq!(list(&course, &out)["complete"], !hung, "{number}");
        }
        download(&course, TEACHER, &["--out", &out]).expect(0);
        let mut there = tree(&course.folder.path(&out));
        there.retain(|name, _| !name.starts_with("manifest."));
        assert!(there == whole, "{number}: {:?}", there.keys());
        if !hung {
            assert!(number > 10, "only {number} requests");
            return;
        }
    }
}

/// What `claim verify` says of a folder, line by line, and the document at its end.
fn verify(course: &Course, folder: &str, code: i32) -> (Vec<Value>, Value) {
    let verify = ["verify", folder, "--root", "cuhk.cer", "--json"];
    let mut documents = course.folder.run(&verify).expect(code).documents();
    let summary = documents.pop().unwrap();
    (documents, summary)
}

#[test]
fn everything_is_verified_in_one_go_and_every_difference_is_named() {
    let (course, _cuhk, _blackboard) = course();
    hand_in(&course, SID, &["report.pdf", "data"]);
    hand_in(&course, OTHER_SID, &["data"]);
    download(&course, TEACHER, &["--out", "lab1"]).expect(0);
    let said = course.folder.run(&["verify", "lab1", "--root", "cuhk.cer"]).expect(0).out;
    assert!(
        said.contains("lab1: verified. Every claim is as its receipt says. 2 claims with 5 files"),
        "{said}"
    );
    assert!(said.contains(&format!("✓ {OTHER_SID}  {OTHER_SID}, late by")), "{said}");
    assert!(said.contains("1 of 3 students have nothing"), "{said}");
    let (claims, summary) = verify(&course, "lab1", 0);
    assert!(claims.iter().all(|claim| claim["verdict"] == "verified"), "{claims:?}");
    assert_eq!((&summary["verified"], &summary["without"][0]), (&2.into(), &IDLE.into()));
    course.folder.run(&["verify", "lab1", "report.pdf", "--root", "cuhk.cer"]).expect(2);
    course.folder.run(&["verify", "data", "--root", "cuhk.cer"]).expect(1);

    let path = |name: &str| course.folder.path(&format!("lab1/{name}"));
    let (first, other) = (format!("{SID}/data/a.txt"), format!("{OTHER_SID}/data/a.txt"));
    let list = course.folder.read("lab1/manifest.json");
    // Altered, missing, extra; a receipt of somebody else's; a list that leaves something out.
    fs::write(path(&first), "HELLO").unwrap();
    let said = course.folder.run(&["verify", "lab1", "--root", "cuhk.cer"]).expect(4).out;
    assert!(said.contains("data/a.txt") && said.contains("1 not verified"), "{said}");
    fs::write(path(&first), "hello").unwrap();
    fs::remove_file(path(&other)).unwrap();
    let (claims, _) = verify(&course, "lab1", 4);
    let lacks = claims.iter().find(|claim| claim["verdict"] == "not-verified").unwrap();
    assert_eq!(lacks["differences"][0], format!("{other} is missing"));
    std::os::unix::fs::symlink("/etc/hostname", path(&other)).unwrap();
    verify(&course, "lab1", 4);
    fs::remove_file(path(&other)).unwrap();
    fs::write(path(&other), "hello").unwrap();
    fs::write(path(&format!("{SID}/answers.txt")), "copied").unwrap();
    let (_, summary) = verify(&course, "lab1", 4);
    assert_eq!(summary["extra"], serde_json::json!([format!("{SID}/answers.txt")]));
    fs::remove_file(path(&format!("{SID}/answers.txt"))).unwrap();
    let receipts = [SID, OTHER_SID].map(|sid| path(&format!("{sid}.receipt")));
    fs::rename(&receipts[0], path("kept")).unwrap();
    fs::copy(&receipts[1], &receipts[0]).unwrap();
    let said = course.folder.run(&["verify", "lab1", "--root", "cuhk.cer"]).expect(4).out;
    assert!(said.contains(&format!("{SID}.receipt is not the one that was taken")), "{said}");
    assert!(said.contains("its receipt is that of another claim"), "{said}");
    fs::rename(path("kept"), &receipts[0]).unwrap();
    let mut shorter: Value = serde_json::from_str(&list).unwrap();
    let files = shorter["claims"][1]["files"].as_array_mut().unwrap();
    let dropped = files.remove(0);
    course.folder.write("lab1/manifest.json", shorter.to_string());
    let (_, summary) = verify(&course, "lab1", 4);
    assert_eq!(summary["extra"][0], dropped["path"]);
    // A list that leads out of the folder is none.
    shorter["claims"][1]["files"][0]["path"] = "../report.pdf".into();
    course.folder.write("lab1/manifest.json", shorter.to_string());
    course.folder.run(&["verify", "lab1", "--root", "cuhk.cer"]).expect(1);
    let unfinished = list.replace("\"complete\": true", "\"complete\": false");
    course.folder.write("lab1/manifest.json", unfinished);
    let (_, summary) = verify(&course, "lab1", 5);
    assert_eq!(summary["verdict"], "incomplete");
}

#[test]
fn groups_with_evil_names_in_every_layout() {
    let (course, _cuhk, _blackboard) = course();
    let local =
        |command: &[&str]| course.folder.run(&[&["blackboard"], command].concat()).expect(0);
    let evil = "../\u{202e}CON/..";
    local(&["group", "put", "IEMS5710", evil, SID, OTHER_SID]);
    local(&[
        "assignment",
        "set",
        "IEMS5710/lab1",
        "--groups",
        "groups",
        "--due",
        "2099-01-01 00:00",
    ]);
    hand_in(&course, SID, &["report.pdf", "data"]);
    for (layout, file) in [
        ("by-sid", "__CON_/data/a.txt".to_owned()),
        ("moodle", format!("CON_{OTHER_SID}_assignsubmission_file_/data/a.txt")),
        ("canvas", format!("con_{OTHER_SID}_1_data_a.txt")),
    ] {
        let out = format!("out/{layout}");
        let done = download(&course, ASSISTANT, &["--out", &out, "--layout", layout]).expect(0);
        assert!(done.out.contains("1 of 1 claims are there"), "{}", done.out);
        let names = names(&course, &out);
        assert_eq!(names.len(), 4, "{names:?}");
        assert!(names.contains(&file), "{layout}: {names:?}");
        verify(&course, &out, 0);
    }
    let beside: Vec<_> = fs::read_dir(course.folder.path("out")).unwrap().collect();
    assert_eq!(beside.len(), 3);
}

#[test]
fn every_received_claim_where_that_is_wanted() {
    let (course, _cuhk, _blackboard) = course();
    hand_in(&course, SID, &["data/a.txt"]);
    hand_in(&course, SID, &["data"]);
    for layout in ["by-sid", "canvas"] {
        let done = download(&course, TEACHER, &["--out", layout, "--all", "--layout", layout]);
        assert!(done.expect(0).out.contains("2 of 2 claims are there"));
        let earlier = |name: &&String| name.contains("earlier/") && name.ends_with("a.txt");
        assert_eq!(names(&course, layout).iter().filter(earlier).count(), 1, "{layout}");
        verify(&course, layout, 0);
        let again = download(&course, TEACHER, &["--out", layout, "--all", "--layout", layout]);
        assert!(again.expect(0).out.contains("0 of them new"));
    }
}

#[test]
fn the_list_as_a_file() {
    let (course, _cuhk, _blackboard) = course();
    hand_in(&course, OTHER_SID, &["data/a.txt"]);
    let list = |more: &[&str]| {
        let who = [
            "staff",
            "--id",
            ASSISTANT,
            "--cuhk",
            &course.cuhk,
            "--blackboard",
            &course.blackboard,
        ];
        course.folder.run(&[&who[..], &["list", "IEMS5710/lab1"], more].concat())
    };
    list(&["--format", "csv", "--out", "list.csv"]).expect(0);
    let text = course.folder.read("list.csv");
    assert!(text.starts_with("sid,name,on roster,group,due,state,"), "{text}");
    assert!(
        text.lines().any(|line| line.starts_with(OTHER_SID) && line.contains(",late,")),
        "{text}"
    );
    assert!(
        text.lines().any(|line| line.starts_with(IDLE) && line.contains(",nothing,")),
        "{text}"
    );
    list(&["--format", "csv", "--out", "list.csv"]).explains(1, &["exists already"]);
    let done = list(&["--format", "json"]).expect(0);
    let document: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(document["hand_ins"].as_array().unwrap().len(), 3);
    assert_eq!(document["hand_ins"][0]["claims"].as_array().unwrap().len(), 1);
    list(&["--out", "other.csv"]).expect(2);
}
