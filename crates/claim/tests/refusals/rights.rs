//! The table of rights, cell by cell: everything that can be asked of a course, by everybody that somebody can be there, at
//! the real program, with course, assignment, student, group, claim and extension named in every way in which they can be.
//! What is expected comes from the table.
//!
//! A request or a standing without a case here does not compile, nor does a kind of change.

#[path = "rights/machine.rs"]
mod machine;
#[path = "rights/ways.rs"]
mod ways;
#[path = "rights/world.rs"]
mod world;

use std::collections::BTreeSet;

use claim_core::ProblemType;
use claim_course::{Request, Role, Standing};
use claim_http::Answer;

use crate::case::{header, is_signed};
use crate::wire::Version;

use ways::{KINDS, Shown, Way, changes, kind, of_a_claim, ways};
use world::{Names, OPEN, OTHER, Part, Person, RIGHTS, World};

#[tokio::test(flavor = "multi_thread")]
async fn every_cell_of_the_table_of_rights() {
    let mut world = World::new().await;
    for request in Request::ALL {
        let mut tried = Vec::new();
        for course in [RIGHTS, OPEN] {
            for who in world.cast(course) {
                Box::pin(cell(&world, request, course, who)).await;
                tried.push(who.standing(course));
            }
        }
        machine::cell(world.dir(), request);
        tried.push(Standing::Administrator);
        for standing in Standing::ALL {
            assert!(tried.contains(&standing), "{request:?} by {standing:?} was not tried");
        }
    }
    world.assert_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_another_course_and_other_spellings_lead_nowhere() {
    let mut world = World::new().await;
    for request in Request::ALL {
        for who in world.cast(RIGHTS).filter(|who| who.standing(RIGHTS).may(request)) {
            Box::pin(crosswise(&world, request, who)).await;
        }
        for standing in [Standing::Staff(Role::Teacher), Standing::Stranger] {
            Box::pin(misspelt(&world, request, world.one(standing))).await;
        }
    }
    Box::pin(students_and_each_other(&world)).await;
    Box::pin(what_concerns_oneself(&world)).await;
    Box::pin(what_somebody_else_changed_last(&world)).await;
    world.assert_sound();
}

#[test]
fn every_kind_of_change_has_a_case() {
    let lists = Request::ALL.map(|request| changes(request, &Names::nowhere()));
    let kinds: BTreeSet<_> = lists.iter().flatten().flatten().map(kind).collect();
    assert_eq!(kinds.len(), KINDS);
}

/// One cell for one person, asked in every way.
async fn cell(world: &World, request: Request, course: &'static str, who: &Person) {
    let standing = who.standing(course);
    let may = standing.may(request);
    for number in 0..ways(request, &Names::nowhere(), who, standing).len() {
        // Anew for each: what is made counts the course's revision on.
        let names = world.names(course, who).await;
        let way = ways(request, &names, who, standing).swap_remove(number);
        let told = format!("{request:?}, {} in {course} ({standing:?}): {way:?}", who.name());
        let before = world.records().await;
        let answer = ask(world, who, &way, Version::Http2).await;
        match (may, way.shown) {
            (true, Shown::Done) => assert!(answer.status.is_success(), "{told}: {answer:?}"),
            (may, Shown::InList) => {
                assert!(answer.status.is_success(), "{told}: {answer:?}");
                assert_eq!(text(&answer).contains(course), may, "{told}: {answer:?}");
            }
            (false, Shown::Done) => {
                assert_eq!(slug(&answer), way.refusal(standing).slug(), "{told}: {answer:?}");
                assert_eq!(answer.status, way.refusal(standing).status(), "{told}");
                if matches!(standing, Standing::Stranger | Standing::Student) {
                    let nothing = ways(request, &Names::nowhere(), who, standing);
                    let nothing = ask(world, who, &nothing[number], Version::Http2).await;
                    assert_eq!(visible(&answer), visible(&nothing), "{told}");
                }
            }
        }
        if !may {
            assert_eq!(before, world.records().await, "{told} has changed something");
        }
    }
}

/// Whoever may ask it of their own course names in it what belongs to another: as if that were nowhere.
async fn crosswise(world: &World, request: Request, who: &Person) {
    let standing = who.standing(RIGHTS);
    let names = world.names(RIGHTS, who).await;
    let (other, nowhere) = (world.names(OTHER, who).await, Names::nowhere());
    let ways = |names: &Names| ways(request, names, who, standing);
    for part in Part::ALL {
        let own = ways(&names);
        let (theirs, nothing) =
            (ways(&names.with(part, &other)), ways(&names.with(part, &nowhere)));
        for ((own, theirs), nothing) in own.iter().zip(&theirs).zip(&nothing) {
            if own.key == theirs.key || own.free.contains(&part) {
                continue;
            }
            let told = format!("{request:?}, {}, {part:?} of {OTHER}: {theirs:?}", who.name());
            let before = world.records().await;
            let theirs = ask(world, who, theirs, Version::Http2).await;
            let nothing = ask(world, who, nothing, Version::Http2).await;
            assert!(theirs.status.is_client_error(), "{told}: {theirs:?}");
            let (theirs, nothing) = (visible(&theirs), visible(&nothing));
            assert_eq!(other.blotted(&theirs), nowhere.blotted(&nothing), "{told}");
            assert_eq!(before, world.records().await, "{told} has changed something");
        }
    }
}

/// Addresses are read as they stand: another spelling is another name, for whoever may and for whoever may not.
async fn misspelt(world: &World, request: Request, who: &Person) {
    let spellings: [fn(&str) -> String; 9] = [
        // There is a course of this name too, of which neither is anything.
        str::to_lowercase,
        str::to_uppercase,
        |name| format!("%{:02X}{}", name.as_bytes()[0], &name[1..]),
        |name| format!("%25{:02X}{}", name.as_bytes()[0], &name[1..]),
        |name| format!("{name}."),
        |name| format!("{name}%00"),
        |name| format!("{name}%20"),
        |name| format!("./{name}"),
        |name| format!("x/../{name}"),
    ];
    let standing = who.standing(RIGHTS);
    let names = world.names(RIGHTS, who).await;
    let own = ways(request, &names, who, standing);
    for (number, spelt) in spellings.into_iter().enumerate() {
        let in_address: &[Part] = match changes(request, &names).is_empty() {
            true => &[Part::Course, Part::Assignment, Part::Claim],
            false => &[Part::Course],
        };
        for &part in in_address {
            let spelt = [names.clone(), names.with(part, &Names::nowhere())]
                .map(|names| names.spelt(part, spelt));
            let [there, nothing] =
                spelt.each_ref().map(|names| ways(request, names, who, standing));
            for ((own, there), nothing) in own.iter().zip(&there).zip(&nothing) {
                if own.say.target == there.say.target {
                    continue;
                }
                let told = format!("{request:?}, {}, spelling {number}: {there:?}", who.name());
                let before = world.records().await;
                let there = ask(world, who, there, Version::Http1).await;
                let nothing = ask(world, who, nothing, Version::Http1).await;
                assert_eq!(slug(&there), ProblemType::NotFound.slug(), "{told}: {there:?}");
                let (there, nothing) = (visible(&there), visible(&nothing));
                assert_eq!(spelt[0].blotted(&there), spelt[1].blotted(&nothing), "{told}");
                assert_eq!(before, world.records().await, "{told} has changed something");
            }
        }
    }
}

/// Of each other's claims students of one course see nothing, and can do nothing with them.
async fn students_and_each_other(world: &World) {
    let is_student = |who: &&Person| who.standing(RIGHTS) == Standing::Student;
    for who in world.cast(RIGHTS).filter(is_student) {
        let theirs = of_a_claim(&world.names(RIGHTS, who).await.claim, who);
        let nothing = of_a_claim(&Names::nowhere().claim, who);
        for (way, nothing) in theirs.iter().zip(&nothing) {
            let before = world.records().await;
            let answer = ask(world, who, way, Version::Http2).await;
            let nothing = ask(world, who, nothing, Version::Http2).await;
            assert_eq!(slug(&answer), ProblemType::NotFound.slug(), "{way:?}: {answer:?}");
            assert_eq!(visible(&answer), visible(&nothing), "{way:?}");
            assert_eq!(before, world.records().await, "{way:?} has changed something");
        }
    }
}

/// Of what was changed everybody is told what concerns them, and of nobody else.
async fn what_concerns_oneself(world: &World) {
    let mut told = 0;
    for who in world.cast(RIGHTS) {
        let way = Way::get("/v1/changes?limit=200".to_owned());
        let answer = ask(world, who, &way, Version::Http2).await;
        assert!(answer.status.is_success(), "{answer:?}");
        let text = text(&answer);
        for other in world.cast(RIGHTS).filter(|other| other.name() != who.name()) {
            // Staff is named where it did something; here the machine's people did all of it, whom nobody is told of.
            assert!(!text.contains(&format!("{:?}", other.name())), "{}: {text}", who.name());
        }
        let is_of = who.standing(RIGHTS) != Standing::Stranger || who.has_handed_in(RIGHTS);
        assert_eq!(text.contains(RIGHTS), is_of, "{}: {text}", who.name());
        told += usize::from(is_of);
    }
    assert!(told > 0);
}

/// The very bytes of somebody else's last change are a guess like any other.
async fn what_somebody_else_changed_last(world: &World) {
    let teacher = world.one(Standing::Staff(Role::Teacher));
    let names = world.names(RIGHTS, teacher).await;
    let [made, nothing] = [&names, &Names::nowhere()].map(|names| {
        ways(Request::ChangeCourse, names, teacher, teacher.standing(RIGHTS)).swap_remove(0)
    });
    let first = ask(world, teacher, &made, Version::Http2).await;
    let again = ask(world, teacher, &made, Version::Http2).await;
    assert_eq!((first.status.as_u16(), &first.body), (200, &again.body));
    for who in world.cast(RIGHTS).filter(|who| who.name() != teacher.name()) {
        let answer = ask(world, who, &made, Version::Http2).await;
        let expected = match who.standing(RIGHTS) {
            Standing::Staff(Role::Assistant) => ProblemType::NotAllowed,
            Standing::Staff(Role::Teacher | Role::Owner) => ProblemType::CourseChanged,
            Standing::Stranger | Standing::Student | Standing::Administrator => {
                let nothing = ask(world, who, &nothing, Version::Http2).await;
                assert_eq!(visible(&answer), visible(&nothing), "{}", who.name());
                ProblemType::NotFound
            }
        };
        assert_eq!(slug(&answer), expected.slug(), "{}: {answer:?}", who.name());
    }
}

/// Asks; the answer is signed, whatever it says.
async fn ask(world: &World, who: &Person, way: &Way, version: Version) -> Answer {
    let signed = way.say.anew().signed(who.session());
    let answer = world.client().ask(version, &signed.ask).await;
    assert!(is_signed(&answer, &signed.expected), "{way:?}: {answer:?}");
    answer
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// What the refusal is called.
fn slug(answer: &Answer) -> String {
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    document["type"].as_str().and_then(|uri| uri.rsplit('/').next()).unwrap_or_default().to_owned()
}

/// Everything that whoever asks can see, but for what differs from answer to answer: time, number and signature.
fn visible(answer: &Answer) -> String {
    let of_each = ["date", "signature", "signature-input", "x-request-id"];
    let field = |name: &http::HeaderName| match of_each.contains(&name.as_str()) {
        true => name.to_string(),
        false => format!("{name}: {}", header(answer, name.as_str()).unwrap()),
    };
    let mut fields: Vec<String> = answer.headers.keys().map(field).collect();
    fields.sort();
    format!("{}\n{}\n\n{}", answer.status, fields.join("\n"), text(answer))
}
