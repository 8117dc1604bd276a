#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_core::claim::{FileHasher, check_together};
use proptest::prelude::*;

use super::*;
use crate::taking::Stems;

fn whose(sid: &str, name: &str) -> Whose {
    let (sid, name) = (sid.parse().unwrap(), name.to_owned());
    Whose { sid, name, member: None, group: None, members: 1 }
}

fn with(mut whose: Whose, extra: &[(&str, &str)]) -> Whose {
    let extra = extra.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let (sid, name) = (whose.sid.clone(), whose.name.clone());
    let (email, groups) = (String::new(), std::collections::BTreeMap::new());
    whose.member = Some(Member { sid, name, email, extra, groups, dropped_at: None });
    whose
}

fn files(names: &[&str]) -> Files {
    let entry = |name: &&str| FileHasher::new().finish(FileName::normalised(name).unwrap());
    Files::new(names.iter().map(|name| entry(name).unwrap()).collect()).unwrap()
}

#[test]
fn as_each_system_names_them() {
    let chan = whose("1155123456", "Chan Tai_Man");
    let files = files(&["data/x.txt", "report.pdf"]);
    for (layout, stem, paths, receipt) in [
        (
            Layout::BySid,
            "1155123456",
            ["1155123456/data/x.txt", "1155123456/report.pdf"],
            "1155123456.receipt",
        ),
        (
            Layout::Moodle,
            "Chan Tai Man_1155123456_assignsubmission_file_",
            [
                "Chan Tai Man_1155123456_assignsubmission_file_/data/x.txt",
                "Chan Tai Man_1155123456_assignsubmission_file_/report.pdf",
            ],
            "receipts/Chan Tai Man_1155123456_assignsubmission_file_.receipt",
        ),
        (
            Layout::Canvas,
            "chantaiman_1155123456",
            ["chantaiman_1155123456_1_data_x.txt", "chantaiman_1155123456_2_report.pdf"],
            "receipts/chantaiman_1155123456.receipt",
        ),
    ] {
        assert_eq!(layout.stem(&chan, false), stem);
        assert_eq!(layout.paths(stem, &files), paths);
        assert_eq!(layout.receipt(stem), receipt);
        assert_eq!(layout.to_string().parse(), Ok(layout));
    }
    assert_eq!(Layout::Canvas.stem(&chan, true), "chantaiman_LATE_1155123456");
    assert_eq!("zip".parse::<Layout>(), Err(UnknownLayout));
}

#[test]
fn what_the_roster_of_the_other_system_said_goes_back() {
    let name = whose("1155123456", "Tai Man Chan");
    let moodle = with(name.clone(), &[("Identifier", "Participant 4711")]);
    assert_eq!(Layout::Moodle.stem(&moodle, false), "Tai Man Chan_4711_assignsubmission_file_");
    let canvas =
        with(name.clone(), &[("ID", "340934"), ("Last Name", "Chan"), ("First Name", "Tai Man")]);
    assert_eq!(Layout::Canvas.stem(&canvas, false), "chantaiman_340934");
    let odd = with(name, &[("Identifier", "../4711"), ("ID", "12_34")]);
    assert_eq!(Layout::Moodle.stem(&odd, false), "Tai Man Chan_1155123456_assignsubmission_file_");
    assert_eq!(Layout::Canvas.stem(&odd, false), "taimanchan_1155123456");
}

#[test]
fn groups_have_one_folder() {
    let mut group = whose("1155123456", "Chan");
    (group.group, group.members) = (Some("Group 7: the/best".to_owned()), 3);
    assert_eq!(Layout::BySid.stem(&group, false), "Group 7_ the_best");
    assert_eq!(
        Layout::Moodle.stem(&group, false),
        "Group 7  the best_1155123456_assignsubmission_file_"
    );
    assert_eq!(Layout::Canvas.stem(&group, false), "group7thebest_1155123456");
    group.group = None;
    assert_eq!(Layout::BySid.stem(&group, false), "1155123456 and 2 more");
}

#[test]
fn names_that_would_do_harm() {
    for (name, stem) in [
        ("../../x", "_.._x"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("\u{202e}fdp.exe", "_fdp.exe"),
        ("-rf ~", "rf ~"),
        (".bashrc", "bashrc"),
        ("a\0b\n", "a_b_"),
        ("  ...  ", "1155123456"),
        ("C:\\temp", "C__temp"),
        ("trailing. . ", "trailing"),
        ("manifest.json", "manifest.json~2"),
        ("EARLIER", "EARLIER~2"),
    ] {
        let mut group = whose("1155123456", "");
        (group.group, group.members) = (Some(name.to_owned()), 2);
        let stem_of = Stems::default().unique(&Layout::BySid.stem(&group, false));
        assert_eq!(stem_of, stem, "{name:?}");
    }
    for (name, moodle, canvas) in [
        ("CON", "CON_1155123456_assignsubmission_file_", "con_1155123456"),
        ("_con.txt_", "Participant_1155123456_assignsubmission_file_", "contxt_1155123456"),
        ("../\u{202e}x/..", "x_1155123456_assignsubmission_file_", "x_1155123456"),
        ("_ _-", "Participant_1155123456_assignsubmission_file_", "student_1155123456"),
        ("", "Participant_1155123456_assignsubmission_file_", "student_1155123456"),
    ] {
        let whose = whose("1155123456", name);
        assert_eq!(Layout::Moodle.stem(&whose, false), moodle, "{name:?}");
        assert_eq!(Layout::Canvas.stem(&whose, false), canvas, "{name:?}");
    }
    let long = whose("1155123456", &"陳".repeat(200));
    assert!(Layout::Moodle.stem(&long, false).len() < 120);
}

#[test]
fn two_of_one_name_have_two_folders() {
    let mut stems = Stems::default();
    assert_eq!(stems.unique("Straße"), "Straße");
    assert_eq!(stems.unique("STRASSE"), "STRASSE~2");
    assert_eq!(stems.unique("x.receipt"), "x.receipt");
    assert_eq!(stems.unique("x"), "x~2", "its receipt would have the other's name");
}

#[test]
fn long_paths_are_shortened_and_keep_their_ending() {
    let deep = format!("{}report.pdf", "folder/".repeat(40));
    let files = files(&["LONG/y", "a.txt", &deep]);
    let paths = Layout::BySid.paths("1155123456", &files);
    assert_eq!(paths[0], "1155123456/LONG/y");
    assert_eq!(paths[2], "1155123456/long2/3-report.pdf");
    let flat = Layout::Canvas.paths("chan_1155123456", &files);
    assert!(flat[2].ends_with(".pdf") && flat[2].len() <= 120, "{}", flat[2]);
}

/// Anything, with more than its share of what does harm.
fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<String>(),
        "[./\\\\~ -]{1,6}",
        Just("CON".to_owned()),
        Just("com¹.x".to_owned()),
        Just("\u{202e}\u{200b}e\u{301}".to_owned()),
        "[a-zß陳]{1,90}",
    ];
    proptest::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn whatever_people_are_called(
        people in proptest::collection::vec((text(), proptest::option::of(text()), 1_usize..4, any::<bool>()), 1..8),
        extra in text(),
    ) {
        let files = files(&["Data/x.txt", "a", &format!("{}z.pdf", "deep/".repeat(45))]);
        for layout in Layout::ALL {
            let (mut stems, mut paths) = (Stems::default(), Vec::new());
            for (number, (name, group, members, late)) in people.iter().enumerate() {
                let mut whose = with(whose(&format!("{number:010}"), name), &[("ID", &extra), ("Identifier", &extra)]);
                (whose.group, whose.members) = (group.clone(), *members);
                let stem = stems.unique(&layout.stem(&whose, *late));
                paths.push(layout.receipt(&stem));
                paths.extend(layout.paths(&stem, &files));
            }
            let names: Vec<FileName> =
                paths.iter().map(|path| FileName::try_from(path.clone()).unwrap()).collect();
            prop_assert!(check_together(&names).is_ok(), "{paths:?}");
            for path in &paths {
                prop_assert!(!path.starts_with(['.', '-', '~']), "{path}");
                prop_assert!(path.encode_utf16().count() <= 260, "{path}");
            }
        }
    }
}
