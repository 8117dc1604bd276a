#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use super::*;
use crate::model::GroupSet;
use crate::roster;
use crate::time::Zone;

fn member(sid: &str, name: &str, email: &str, extra: &[(&str, &str)]) -> Member {
    let own = |text: &&(&str, &str)| (text.0.to_owned(), text.1.to_owned());
    Member {
        sid: sid.parse().unwrap(),
        name: name.to_owned(),
        email: email.to_owned(),
        extra: extra.iter().map(|one| own(&one)).collect(),
        groups: BTreeMap::new(),
        dropped_at: None,
    }
}

fn roster(text: &str) -> Roster {
    roster::read(text.as_bytes()).unwrap()
}

fn hong_kong() -> Zone {
    "Asia/Hong_Kong".parse().unwrap()
}

const FILE: &str = "sid,name,email,tutor,year\n\
    1155000001,Ann,ann@x.example,Lee,1\n\
    1155000002,Bob,,Au,2\n\
    1155000003,Cat,cat@x.example,Lee,\n\
    1155000004,Dan,,Lee,3\n";

fn recorded() -> Vec<Member> {
    let dropped = "2026-11-01T00:00:00.000Z".parse().unwrap();
    vec![
        member(
            "1155000001",
            "Ann",
            "ann@x.example",
            &[("tutor", "Lee"), ("year", "1"), ("seat", "7")],
        ),
        member("1155000002", "Bob", "bob@x.example", &[("tutor", "Lee"), ("seat", "8")]),
        Member {
            dropped_at: Some(dropped),
            ..member("1155000003", "Cat", "cat@x.example", &[("tutor", "Lee")])
        },
        member("1155000005", "Eve\u{1b}[2J", "", &[]),
        Member { dropped_at: Some(dropped), ..member("1155000006", "Fay", "", &[]) },
    ]
}

#[test]
fn what_a_roster_changes() {
    let difference = of(&roster(FILE), &recorded());
    let lines = [
        "  + 1155000004  Dan",
        "  ~ 1155000002  email: bob@x.example → nothing; tutor: Lee → Au; year: 2",
        "  ^ 1155000003  Cat  back again, dropped since 2026-11-01 08:00:00.000 +08:00 (Asia/Hong_Kong)",
        "  - 1155000005  Eve\\u{1b}[2J  not in the file: dropped",
    ];
    assert_eq!(difference.lines(&hong_kong()), lines);
    assert_eq!(difference.unchanged, 1);
    assert_eq!(
        difference.summary(false),
        "To be added: 1. Changed: 1. Back again: 1. Dropped: 1. As before: 1.\n\
         What dropped students handed in stays; a roster that has them brings them back."
    );
    assert!(difference.summary(true).starts_with("Added: 1."));
    let [Change::Members { members }, Change::Drop { sids }] = &difference.changes()[..] else {
        unreachable!("two changes")
    };
    let told: Vec<_> = members.iter().map(|one| one.sid.as_str()).collect();
    assert_eq!(told, ["1155000004", "1155000002", "1155000003"]);
    assert_eq!(sids.iter().map(Sid::as_str).collect::<Vec<_>>(), ["1155000005"]);
    // What the file has no column for stays.
    let bob = [("tutor", "Au"), ("year", "2"), ("seat", "8")];
    let bob = bob.map(|(column, text)| (column.to_owned(), text.to_owned()));
    assert_eq!((members[1].email.as_str(), members[1].extra.as_slice()), ("", bob.as_slice()));
}

/// Applies a difference as a store does.
fn applied(recorded: &[Member], changes: &[Change]) -> Vec<Member> {
    let mut members = recorded.to_vec();
    for change in changes {
        match change {
            Change::Members { members: told } => {
                for one in told {
                    members.retain(|member| member.sid != one.sid);
                    let Enrolled { sid, name, email, extra } = one.clone();
                    let groups = BTreeMap::new();
                    members.push(Member { sid, name, email, extra, groups, dropped_at: None });
                }
            }
            Change::Drop { sids } => {
                let gone = members.iter_mut().filter(|member| sids.contains(&member.sid));
                gone.for_each(|member| member.dropped_at = Some(Timestamp::from_millis(1)));
            }
            _ => unreachable!("a roster changes nothing else"),
        }
    }
    members
}

#[test]
fn applied_once_nothing_is_left_to_do() {
    let roster = roster(FILE);
    let after = applied(&recorded(), &of(&roster, &recorded()).changes());
    let again = of(&roster, &after);
    assert!(again.is_empty(), "{again:?}");
    assert_eq!(again.summary(false), "Nothing changes: 4 students as before.");
    // Nobody is erased, and what the file does not tell stays.
    assert_eq!(after.len(), 6);
    let ann = after.iter().find(|one| one.sid.as_str() == "1155000001").unwrap();
    assert!(ann.extra.contains(&("seat".to_owned(), "7".to_owned())));
}

#[test]
fn columns_that_a_file_does_not_have_stay() {
    let difference = of(&roster("sid\n1155000001\n1155000002\n1155000005\n"), &recorded());
    assert!(difference.is_empty(), "{difference:?}");
}

#[test]
fn a_file_that_drops_most_is_doubted() {
    let difference = of(&roster("sid\n1155000001\n"), &recorded());
    assert!(difference.drops_most());
    assert!(difference.summary(false).ends_with("is this the whole roster, and this course's?"));
    assert!(!of(&roster(FILE), &recorded()).drops_most());
    assert!(!of(&roster(FILE), &[]).drops_most());
}

#[test]
fn long_lists_are_shortened() {
    let text: String = (0..200).map(|number| format!("1155{number:06},N\n")).collect();
    let difference = of(&roster(&format!("sid,name\n{text}")), &[]);
    let lines = difference.lines(&hong_kong());
    assert_eq!(lines.len(), SHOWN + 1);
    assert_eq!(lines.last().unwrap(), "  + … and 180 more");
    assert_eq!(serde_json::to_value(&difference).unwrap()["added"].as_array().unwrap().len(), 200);
}

#[test]
fn what_was_understood_is_told() {
    let text = "Student,ID,SIS User ID,SIS Login ID,Section,Lab (1)\n    Points Possible,,,,,5\nAnn,1,1155000001,a,L1,4\n";
    assert_eq!(
        roster(text).understood(),
        [
            "Read as Canvas: 1 student, their IDs from the column \"SIS User ID\".",
            "Not of students: the points possible in line 2.",
            "Left out: 1 column of grades or of the last access.",
        ]
    );
}

#[test]
fn groups_of_a_roster() {
    let text = "\"First name\",Surname,\"ID number\",Groups\n\
        Ann,A,1155000001,Team 1\nBob,B,1155000002,\"Team 1, Lab\"\nCat,C,1155000003,\nDan,D,1155000004,Team 2\n";
    let set: GroupSet = "projects".parse().unwrap();
    let in_team = |sid: &str, team: &str| {
        let groups = BTreeMap::from([(set.clone(), team.parse().unwrap())]);
        Member { groups, ..member(sid, "", "", &[]) }
    };
    let recorded = [in_team("1155000001", "Team 1"), in_team("1155000003", "Team 1")];
    let difference = of_groups(&roster(text), &recorded, &set);
    let lines = [
        "  ~ 1155000003  Team 1 → no group",
        "  ~ 1155000004  no group → Team 2",
        "  ! 1155000002  Team 1, Lab: more than one group, stays",
    ];
    assert_eq!(difference.lines(), lines);
    assert_eq!((difference.unchanged, difference.changes().len()), (1, 1));
}
