//! What has changed and what happens (PROTOCOL.md §12).

use claim_core::ProblemType::{NotAllowed, NotFound};
use claim_core::Slug;
use claim_core::hand_in::MAX_WAIT_SECONDS;
use claim_course::{MAX_TOLD, ToldChanges, Watched};
use schemars::{SchemaGenerator, json_schema};

use super::{ANY, READ, SIGNED, STORED};
use crate::api::{Answer, Content, Operation, Parameter};

const AFTER: Parameter = Parameter {
    name: "after",
    description: "Only what comes after this one: `next` of the part before.",
    schema: |_| json_schema!({ "type": "integer", "minimum": 0, "maximum": i64::MAX }),
};

const PART: &[Parameter] = &[
    AFTER,
    Parameter {
        name: "limit",
        description: "The most changes in this part.",
        schema: |_| json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_TOLD }),
    },
];

const TOLD: &[Answer] = &[Answer {
    status: 200,
    description: "The changes, in the order in which they were made.",
    content: Some(Content::json::<ToldChanges>(
        r#"{"server_time":"2026-11-24T15:59:41.204Z","changes":[{"number":12,"at":"2026-11-20T02:00:00.000Z",
            "deed":"extension-granted","course":"IEMS5710","zone":"Asia/Hong_Kong","assignment":"lab1","by":"chan.tm",
            "changed":{},"said":{"reason":"ill"},"is_erased":false}],"next":null}"#,
    )),
}];

/// `GET /v1/changes`.
pub(in crate::routes) const OWN_CHANGES: Operation = Operation {
    id: "listOwnChanges",
    summary: "Who changed what concerns this person.",
    section: 12,
    signed: true,
    query: PART,
    takes: None,
    answers: TOLD,
    refusals: &[ANY, READ, STORED, SIGNED],
};

/// `GET /v1/courses/{course}/changes`.
pub(in crate::routes) const CHANGES: Operation = Operation {
    id: "listCourseChanges",
    summary: "Who changed what in a course.",
    refusals: &[ANY, READ, STORED, SIGNED, &[NotFound, NotAllowed]],
    ..OWN_CHANGES
};

/// `GET /v1/courses/{course}/events`.
pub(in crate::routes) const EVENTS: Operation = Operation {
    id: "watchCourse",
    summary: "What happens in a course; waits for it where asked to.",
    query: &[
        AFTER,
        Parameter {
            name: "wait",
            description: "How many seconds the answer may wait for something to happen.",
            schema: |_| json_schema!({ "type": "integer", "minimum": 0, "maximum": MAX_WAIT_SECONDS }),
        },
        Parameter {
            name: "assignment",
            description: "Only what happens to claims for this assignment.",
            schema: SchemaGenerator::subschema_for::<Slug>,
        },
    ],
    answers: &[Answer {
        status: 200,
        description: "What happened, in the order of the log.",
        content: Some(Content::json::<Watched>(
            r#"{"server_time":"2026-11-24T15:59:41.204Z","events":[{"leaf":4,"event":"received","assignment":"lab1",
                "claim":"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865","sids":["1155123456"],
                "by":"1155123456","lodged_at":"2026-11-24T15:50:00.000Z","late_ms":0,"state":"received",
                "received_at":"2026-11-24T15:51:00.000Z"}],"next":5}"#,
        )),
    }],
    refusals: &[ANY, READ, STORED, SIGNED, &[NotFound, NotAllowed]],
    ..OWN_CHANGES
};
