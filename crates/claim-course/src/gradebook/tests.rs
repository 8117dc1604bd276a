#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use super::*;
use crate::roster::{self, Roster};

/// What a roster on record gives, with a state for each.
fn rows(text: &str) -> (Roster, Vec<Row>) {
    let roster = roster::read(text.as_bytes()).unwrap();
    let states = [State::InTime, State::Late { by_ms: 93_785_004 }, State::Nothing];
    let row = |(entry, state): (&roster::Entry, State)| Row {
        sid: entry.sid.clone(),
        name: entry.name.clone().unwrap_or_default(),
        email: entry.email.clone().unwrap_or_default(),
        extra: roster.columns.iter().cloned().zip(entry.extra.iter().cloned()).collect(),
        state,
        penalty_percent: if matches!(state, State::Late { .. }) { 20 } else { 0 },
        by: None,
    };
    let rows = roster.entries.iter().zip(states).map(row).collect();
    (roster, rows)
}

#[track_caller]
fn written(roster_file: &str, format: Format, expected: &[&str]) {
    let (roster, rows) = rows(roster_file);
    assert_eq!(roster.format, format);
    let text = csv(format, "Lab 1", &rows);
    let lines: Vec<_> = text.split_terminator("\r\n").collect();
    assert_eq!(lines, expected);
    // What a system is given names the students as its own file did.
    let again = roster::read(text.as_bytes()).unwrap();
    let sids = |roster: &Roster| -> Vec<_> {
        roster.entries.iter().map(|entry| entry.sid.clone()).collect()
    };
    assert_eq!(sids(&again), sids(&roster));
}

#[test]
fn a_plain_one() {
    written(
        "sid,name\n1155000001,\"Chan, Ann\"\n1155000002,=Bob\n",
        Format::Plain,
        &[
            "sid,name,email,Lab 1 (handed in),Lab 1 (penalty in percent)",
            "1155000001,\"Chan, Ann\",,handed in,0",
            "1155000002,'=Bob,,late by 1 d 2 h 3 min 5.004 s,20",
        ],
    );
}

#[test]
fn for_moodle() {
    written(
        "Vorname;Nachname;ID-Nummer;E-Mail-Adresse;Gruppen\nAnn;Chan;1155000001;a@x.example;\nBob;Lee;1155000002;;\n",
        Format::Moodle,
        &[
            "First name,Last name,ID number,Email address,Lab 1 (handed in),Lab 1 (penalty in percent)",
            "Ann,Chan,1155000001,a@x.example,handed in,0",
            "Bob,Lee,1155000002,,late by 1 d 2 h 3 min 5.004 s,20",
        ],
    );
}

#[test]
fn for_canvas_by_either_id() {
    let header =
        "Student,ID,SIS User ID,SIS Login ID,Section,Lab 1 (handed in),Lab 1 (penalty in percent)";
    written(
        "Student,ID,SIS User ID,SIS Login ID,Section\n\"Chan, Ann\",41,1155000001,ann,L1\n",
        Format::Canvas,
        &[header, "\"Chan, Ann\",41,1155000001,ann,L1,handed in,0"],
    );
    written(
        "Student,ID,SIS User ID,SIS Login ID,Section\n\"Chan, Ann\",41,77,1155000001,L1\n",
        Format::Canvas,
        &[header, "\"Chan, Ann\",41,77,1155000001,L1,handed in,0"],
    );
    written(
        "Student,ID,SIS Login ID,Section\n\"Chan, Ann\",41,1155000001,L1\n",
        Format::Canvas,
        &[header, "\"Chan, Ann\",41,1155000001,1155000001,L1,handed in,0"],
    );
}

#[test]
fn for_blackboard_learn() {
    written(
        "Last Name\tFirst Name\tUsername\tStudent ID\tAvailability\nChan\tAnn\tann\t1155000001\tYes\n",
        Format::Blackboard,
        &[
            "Last Name,First Name,Username,Student ID,Lab 1 (handed in),Lab 1 (penalty in percent)",
            "Chan,Ann,ann,1155000001,handed in,0",
        ],
    );
}

#[test]
fn what_one_system_told_goes_to_another() {
    let (_, rows) = rows("sid,name\n1155000001,\"Chan, Ann\"\n1155000002,Bob\n");
    let moodle = csv(Format::Moodle, "Lab 1", &rows);
    assert!(
        moodle.contains("\r\nAnn,Chan,1155000001,,") && moodle.contains("\r\n,Bob,1155000002,,")
    );
    assert!(
        csv(Format::Blackboard, "=1", &rows)
            .starts_with("Last Name,First Name,Username,Student ID,'=1")
    );
}

#[test]
fn states_in_words() {
    for (by_ms, words) in [
        (1, "late by 0.001 s"),
        (59_999, "late by 59.999 s"),
        (60_000, "late by 1 min 0.000 s"),
        (3_600_000, "late by 1 h 0 min 0.000 s"),
        (86_400_000, "late by 1 d 0 h 0 min 0.000 s"),
    ] {
        assert_eq!(State::Late { by_ms }.to_string(), words);
    }
    assert_eq!(State::Nothing.to_string(), "nothing");
}
