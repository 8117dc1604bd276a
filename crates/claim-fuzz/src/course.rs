//! What teachers bring as files: rosters of other systems, whole courses; and times that are typed.

use std::collections::HashSet;

use claim_core::Escaped;
use claim_course::plan;
use claim_course::roster::{self, Entry, Roster};
use claim_course::time::{TimeError, Zone};

use crate::{Outcome, outcome};

/// Nobody stands there twice, each has a value for each column, and nothing that is kept moves a cursor; the people of
/// a roster, written as a plain one, are the same people.
pub(crate) fn roster(data: &[u8]) -> Outcome {
    let read = roster::read(data);
    match &read {
        Ok(roster) => {
            kept_well(roster);
            let again = roster::read(plain(&roster.entries).as_bytes()).unwrap();
            let people = |roster: &Roster| -> Vec<_> {
                let entries = roster.entries.iter();
                entries.map(|one| (one.sid.clone(), one.name.clone(), one.email.clone())).collect()
            };
            assert_eq!(people(&again), people(roster));
        }
        Err(error) => {
            let harmless = |c: char| c == '\n' || !c.is_control();
            assert!(error.to_string().chars().all(harmless), "{error}");
        }
    }
    outcome(&read)
}

fn kept_well(roster: &Roster) {
    let sids: HashSet<_> = roster.entries.iter().map(|one| &one.sid).collect();
    assert!(sids.len() == roster.entries.len() && !sids.is_empty());
    let columns: HashSet<_> = roster.columns.iter().collect();
    assert_eq!(columns.len(), roster.columns.len());
    for entry in &roster.entries {
        assert_eq!(entry.extra.len(), roster.columns.len());
        let texts = entry.extra.iter().chain(&entry.groups);
        for text in texts.chain(&entry.name).chain(&entry.email) {
            assert_eq!(Escaped(text).to_string(), text.replace('\\', "\\\\"));
        }
    }
}

fn plain(entries: &[Entry]) -> String {
    let quoted = |text: &Option<String>| {
        format!("\"{}\"", text.as_deref().unwrap_or_default().replace('"', "\"\""))
    };
    let line = |one: &Entry| format!("{},{},{}\n", one.sid, quoted(&one.name), quoted(&one.email));
    format!("sid,name,email\n{}", entries.iter().map(line).collect::<String>())
}

pub(crate) fn rosters() -> Vec<Vec<u8>> {
    let wide: Vec<u8> = "\u{feff}\"Last Name\"\t\"First Name\"\t\"Username\"\t\"Student ID\"\n\"Chan\"\t\"Ann\"\t\"a\"\t\"1155123456\"\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let texts = [
        "sid,name,email\n1155123456,Chan Tai Man,a@b.example\n1155123457,,\n",
        "\u{feff}\"First name\",Surname,\"ID number\",Groups\nAnn,Lee,1155123456,\"A, B\"\n",
        "Student;ID;SIS User ID;SIS Login ID;Section;Lab 1 (12)\n    Points Possible;;;;;100\n\"Lee, Ann\";1;1155123456;a;L1;90\n\"Student, Test\";2;;x;L1;\n",
        "name,canvas_user_id,user_id,login_id,sections,group_name\nAnn,1,1155123456,a,L1,Team 1\n",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).chain([wide]).collect()
}

/// The zone's name, a line break, and a time: whatever is read is shown, and typed again is the same; where two can be
/// meant, both that are offered are read.
pub(crate) fn time(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let Some((zone, text)) = text.split_once('\n') else { return Outcome::Refused };
    let Ok(zone) = zone.parse::<Zone>() else { return Outcome::Refused };
    let read = zone.last_moment(text);
    match &read {
        Ok(last) => {
            // Where clocks are changed within the minute, it may have no first moment.
            assert!(zone.first_moment(text).ok().is_none_or(|first| first <= *last));
            assert_eq!(zone.last_moment(&zone.shown(*last)), Ok(*last));
            assert_eq!(zone.last_moment(&zone.as_last_moment(*last)), Ok(*last));
            assert_eq!(zone.first_moment(&zone.as_first_moment(*last)), Ok(*last));
        }
        Err(TimeError::Gap { readings, .. } | TimeError::Fold { readings, .. }) => {
            readings.iter().for_each(|reading| assert!(zone.last_moment(reading).is_ok()));
        }
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error}"),
    }
    outcome(&read)
}

pub(crate) fn times() -> Vec<Vec<u8>> {
    [
        "Asia/Hong_Kong\n2026-11-24 23:59",
        "Europe/Berlin\n2026-10-25 02:30:15 +02:00",
        "Australia/Lord_Howe\n2026-04-05 01:45:00.001 +10:30 (Australia/Lord_Howe)",
        "Pacific/Apia\n2011-12-31 0:00",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// A course that is read is written, and read again it is the same.
pub(crate) fn course(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let read = plan::read(text);
    match &read {
        Ok(course) => {
            let written = plan::render(course);
            assert_eq!(plan::read(&written).as_ref(), Ok(course), "{written}");
        }
        Err(error) => {
            assert!(error.line >= 1 && error.line <= 1 + text.matches('\n').count());
            assert!(!error.to_string().chars().any(char::is_control), "{error}");
        }
    }
    outcome(&read)
}

pub(crate) fn courses() -> Vec<Vec<u8>> {
    [
        "course = \"IEMS5710\"\ntitle = \"Networks\"\nzone = \"Asia/Hong_Kong\"\nopen = true\n\
         [staff]\n\"chan.tm\" = \"owner\"\n1155123456 = \"none\"\n\
         [[assignment]]\nname = \"lab1\"\ndue = \"2026-11-24 23:59\"\nuntil = \"2026-11-27 23:59:30\"\n\
         penalty = [{ after = \"0 min\", percent = 10 }, { after = \"1 d\", percent = 20 }]\n\
         upload-window = \"90 min\"\nmax-files = 3\nmax-bytes = 1000\nmax-attempts = 2\ngroups = \"p\"\n\
         [groups.p]\n\"Team 'A'\" = [\"1155000001\"]\n\
         [[extension]]\nassignment = \"lab1\"\nfor = { student = \"1155000001\" }\n\
         due = \"2026-11-26 23:59\"\nreason = \"ill\"\n",
        "course = \"C\"\ntitle = \"C\"\nzone = \"Europe/Berlin\"\n\
         [[assignment]]\nname = \"a\"\nlate = \"refuse\"\ndue = \"2026-10-25 02:30 +02:00\"\n\
         [[extension]]\nassignment = \"a\"\nfor = \"all\"\ndue = \"2026-10-26 02:30\"\nreason = \"x\"\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
