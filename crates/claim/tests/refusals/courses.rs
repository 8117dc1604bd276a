//! The rows of what staff asks, each caused at the real program: by a student who teaches in a course.

use claim_core::ProblemType;
use claim_core::messages::JSON;
use claim_core::student::Session;
use serde_json::{Value, json};

use crate::authority::now;
use crate::blackboard::Setting;
use crate::case::{Case, Ended};
use crate::student::{Say, Signed};

const CHANGES: &str = "/v1/courses/COMP1000/changes";

/// Changes made from this revision.
fn changes<'s>(session: &'s Session, revision: u64, changes: &Value) -> Signed<'s> {
    let content = json!({ "revision": revision, "changes": changes }).to_string();
    let content = Some((JSON, content.into_bytes()));
    Say { target: CHANGES, content, ..Say::text("", now()) }.signed(session)
}

/// A course of its own, in which a new student has this role.
async fn staff(setting: &Setting, role: &str) -> Session {
    let credential = setting.student().await;
    let (id, session) = (&credential.id, setting.open(&credential).await);
    setting
        .record(format!(
            "DELETE FROM courses WHERE course = 'COMP1000'; DELETE FROM staff WHERE course = 'COMP1000'; \
             INSERT INTO courses (course, title, zone, open, revision) VALUES ('COMP1000', 'Computing', 'UTC', 1, 7); \
             INSERT INTO staff (course, person, role, since) VALUES ('COMP1000', '{id}', '{role}', 0)"
        ))
        .await;
    session
}

fn title() -> Value {
    json!([{ "change": "course", "title": "Computing anew", "zone": "Asia/Hong_Kong", "open": false }])
}

pub(crate) async fn course_changed(row: ProblemType, setting: &Setting) -> Ended {
    let session = staff(setting, "teacher").await;
    let case = setting.site().case(row).await;
    for revision in [0, 6, 8] {
        let wrong = changes(&session, revision, &title());
        let answer = case.refused_signed(&wrong.ask, &wrong.expected).await;
        let told: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(told["revision"], 7);
    }
    let right = changes(&session, 7, &title());
    case.passes_signed(&right.ask, &right.expected).await;
    case.end().await
}

pub(crate) async fn change_refused(row: ProblemType, setting: &Setting) -> Ended {
    let session = staff(setting, "owner").await;
    let case = setting.site().case(row).await;
    let title = title()[0].clone();
    for wrong in [
        json!({ "change": "course", "title": "", "zone": "UTC", "open": false }),
        json!({ "change": "drop", "sids": ["1999999999"] }),
        json!({ "change": "revoke-extension", "number": 1 }),
        json!({ "change": "extend", "assignment": "lab1", "for": "all", "due": "2099-01-01T00:00:00.000Z", "reason": "x" }),
    ] {
        let wrong = changes(&session, 7, &json!([title, wrong]));
        let answer = case.refused_signed(&wrong.ask, &wrong.expected).await;
        let told: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(told["number"], 2);
    }
    let right = changes(&session, 7, &json!([title]));
    case.passes_signed(&right.ask, &right.expected).await;
    case.end().await
}

/// The largest list of changes, in bytes.
const LARGEST: usize = 16 * 1024 * 1024;

fn raw<'s>(session: &'s Session, content: Vec<u8>) -> Signed<'s> {
    Say { target: CHANGES, content: Some((JSON, content)), ..Say::text("", now()) }.signed(session)
}

/// Lists of changes that are none: as large as they may be, as deep as anybody likes, and some that are nearly right.
pub(crate) async fn malformed_changes(case: &Case<'_>, setting: &Setting) {
    let session = staff(setting, "owner").await;
    let deep = |open: &str, close: &str| {
        let half = LARGEST / 2 / open.len() - 20;
        format!("{{\"revision\":7,\"changes\":[{}{}]}}", open.repeat(half), close.repeat(half))
    };
    let many = |one: &str| {
        let count = LARGEST / (one.len() + 1) - 20;
        format!("{{\"revision\":7,\"changes\":[{}{{}}]}}", format!("{one},").repeat(count))
    };
    let drop = r#"{"change":"drop","sids":["1155123456"]}"#;
    for wrong in [
        deep("[", "]"),
        deep(r#"{"a":"#, "}"),
        many(drop),
        many("{}"),
        r#"{"revision":-1,"changes":[]}"#.to_owned(),
        r#"{"revision":7,"revision":7,"changes":[]}"#.to_owned(),
        format!(r#"{{"revision":7,"changes":[{}]}}"#, drop.replace("drop", "burn")),
    ] {
        let wrong = raw(&session, wrong.into_bytes());
        case.refused_signed(&wrong.ask, &wrong.expected).await;
    }
    let right = changes(&session, 7, &title());
    case.passes_signed(&right.ask, &right.expected).await;
}

/// One byte more than the largest list of changes.
pub(crate) async fn too_many_changes(case: &Case<'_>, setting: &Setting) {
    let session = staff(setting, "owner").await;
    let mut content = json!({ "revision": 7, "changes": title() }).to_string().into_bytes();
    content.resize(LARGEST + 1, b' ');
    let large = raw(&session, content.clone());
    case.refused_signed(&large.ask, &large.expected).await;
    content.resize(LARGEST, b' ');
    let right = raw(&session, content);
    case.passes_signed(&right.ask, &right.expected).await;
}
