//! The rows of what staff asks, each caused at the real program: by a student who teaches in a course.

use claim_core::ProblemType;
use claim_core::messages::JSON;
use claim_core::student::Session;
use serde_json::{Value, json};

use crate::authority::now;
use crate::blackboard::Setting;
use crate::case::Ended;
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
