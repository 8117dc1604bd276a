//! Courses, for staff (PROTOCOL.md §12).

use claim_core::ProblemType::{self, ChangeRefused, CourseChanged, NoGroup, NotAllowed, NotFound};
use claim_core::Sid;
use claim_course::Changes;
use claim_course::api::{
    ChangesAnswer, CourseAnswer, Courses, HandIns, MAX_PAGE, Members, StudentView,
};
use schemars::{SchemaGenerator, json_schema};

use super::{ANY, READ, SIGNED, STORED};
use crate::api::{Answer, Content, Operation, Parameter};
use crate::routes::courses::MAX_CHANGES;

/// What somebody may be told instead of being shown a course.
const STAFF: &[ProblemType] = &[NotFound, NotAllowed];

const PAGE: &[Parameter] = &[
    Parameter {
        name: "after",
        description: "Only students behind this one: `next` of the part before.",
        schema: SchemaGenerator::subschema_for::<Sid>,
    },
    Parameter {
        name: "limit",
        description: "The most students in this part.",
        schema: |_| json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_PAGE }),
    },
];

const fn read(id: &'static str, summary: &'static str, answers: &'static [Answer]) -> Operation {
    Operation {
        id,
        summary,
        section: 12,
        signed: true,
        query: &[],
        takes: None,
        answers,
        refusals: &[ANY, READ, STORED, SIGNED, STAFF],
    }
}

/// `GET /v1/courses`.
pub(in crate::routes) const COURSES: Operation = Operation {
    refusals: &[ANY, READ, STORED, SIGNED],
    ..read(
        "listCourses",
        "The courses where this person is staff.",
        &[Answer {
            status: 200,
            description: "The courses, by short name.",
            content: Some(Content::json::<Courses>(
                r#"{"server_time":"2026-11-24T15:59:41.204Z","courses":[{"course":"IEMS5710","title":"Network security",
                    "zone":"Asia/Hong_Kong","open":false,"revision":7,"role":"teacher"}]}"#,
            )),
        }],
    )
};

/// `GET /v1/courses/{course}`.
pub(in crate::routes) const COURSE: Operation = read(
    "readCourse",
    "A course, with its assignments, extensions and staff.",
    &[Answer {
        status: 200,
        description: "The course.",
        content: Some(Content::json::<CourseAnswer>(
            r#"{"server_time":"2026-11-24T15:59:41.204Z","course":{"course":"IEMS5710","title":"Network security",
                 "zone":"Asia/Hong_Kong","open":false,"revision":7},
                "assignments":[{"course":"IEMS5710","assignment":"lab1","title":"Lab 1","visible_from":null,
                 "due":"2026-11-24T15:59:59.999Z","until":null,"late":{"policy":"refuse"},"upload_seconds":86400,
                 "limits":{"files":1000,"bytes":1073741824,"attempts":100},"groups":null}],
                "extensions":[{"number":1,"assignment":"lab1","for":{"student":"1155123456"},
                 "due":"2026-11-26T15:59:59.999Z","until":null,"reason":"ill","granted_by":"chan.tm",
                 "granted_at":"2026-11-20T02:00:00.000Z","revoked_at":null}],
                "staff":[{"person":"chan.tm","role":"owner","since":"2026-09-01T00:00:00.000Z"}],
                "waiting":[{"assignment":"lab1","claims":2,"earliest":"2026-11-25T15:50:00.000Z",
                 "latest":"2026-11-25T15:59:41.204Z"}]}"#,
        )),
    }],
);

/// `GET /v1/courses/{course}/members`.
pub(in crate::routes) const MEMBERS: Operation = Operation {
    query: PAGE,
    ..read(
        "listMembers",
        "The roster, a part at a time; also those who left.",
        &[Answer {
            status: 200,
            description: "Students by SID.",
            content: Some(Content::json::<Members>(
                r#"{"members":[{"sid":"1155123456","name":"Chan Tai Man","email":"","extra":[["Section","A"]],
                    "groups":{"groups":"Seven"},"dropped_at":null}],"next":null}"#,
            )),
        }],
    )
};

/// `GET /v1/courses/{course}/assignments/{assignment}/hand-ins`.
pub(in crate::routes) const HAND_INS: Operation = Operation {
    query: PAGE,
    ..read(
        "listHandIns",
        "Who has handed in what, a part at a time.",
        &[Answer {
            status: 200,
            description: "A row for everybody on the roster and everybody whom a claim names, by SID.",
            content: Some(Content::json::<HandIns>(
                r#"{"server_time":"2026-11-24T15:59:41.204Z","hand_ins":[{"sid":"1155123456","name":"Chan Tai Man",
                    "on_roster":true,"group":null,"due":"2026-11-24T15:59:59.999Z",
                    "counting":"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865","chosen":null,
                    "claims":[{"claim":"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865",
                     "sids":["1155123456"],"by":"1155123456","signers":["1155123456"],
                     "lodged_at":"2026-11-24T15:50:00.000Z","late_ms":0,"due":"2026-11-24T15:59:59.999Z",
                     "penalty":0,"state":"received","received_at":"2026-11-24T15:51:00.000Z"}]}],"next":null}"#,
            )),
        }],
    )
};

/// `GET /v1/courses/{course}/assignments/{assignment}/students/{sid}`.
pub(in crate::routes) const STUDENT_VIEW: Operation = Operation {
    refusals: &[ANY, READ, STORED, SIGNED, STAFF, &[NoGroup]],
    ..read(
        "readStudentView",
        "An assignment as one student has it, also before it is visible.",
        &[Answer {
            status: 200,
            description: "What a claim on the student's behalf must fit.",
            content: Some(Content::json::<StudentView>(
                r#"{"server_time":"2026-11-24T15:59:41.204Z","visible_from":null,"assignment":{"course":"IEMS5710",
                    "assignment":"lab1","title":"Lab 1","due":"2026-11-24T15:59:59.999Z","until":null,
                    "late":{"policy":"accept"},"zone":"Asia/Hong_Kong","upload_seconds":86400,
                    "limits":{"files":1000,"bytes":1073741824,"attempts":100},"sids":["1155123456"],
                    "last_claim":null,"claims":[]}}"#,
            )),
        }],
    )
};

/// `POST /v1/courses/{course}/changes`.
pub(in crate::routes) const CHANGE: Operation = Operation {
    takes: Some(
        Content::json::<Changes>(
            r#"{"revision":7,"changes":[
                {"change":"course","title":"Network security","zone":"Asia/Hong_Kong","open":false},
                {"change":"assignment","course":"IEMS5710","assignment":"lab1","title":"Lab 1","visible_from":null,
                 "due":"2026-11-24T15:59:59.999Z","until":null,"late":{"policy":"accept"},"upload_seconds":86400,
                 "limits":{"files":1000,"bytes":1073741824,"attempts":100},"groups":null},
                {"change":"members","members":[{"sid":"1155123456","name":"Chan Tai Man","email":"","extra":[]}]},
                {"change":"drop","sids":["1155123457"]},
                {"change":"groups","set":"groups","places":[{"sid":"1155123456","group":"Seven"}]},
                {"change":"extend","assignment":"lab1","for":{"student":"1155123456"},
                 "due":"2026-11-26T15:59:59.999Z","until":null,"reason":"ill"},
                {"change":"revoke-extension","number":1},
                {"change":"staff","person":"wong.kl","role":"assistant"},
                {"change":"choose","assignment":"lab1","sids":["1155123456"],
                 "claim":"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865","reason":"agreed"}]}"#,
        )
        .at_most(MAX_CHANGES),
    ),
    refusals: &[ANY, READ, STORED, SIGNED, STAFF, &[CourseChanged, ChangeRefused]],
    ..read(
        "changeCourse",
        "Makes changes to a course: all of them, in their order, or none.",
        &[Answer {
            status: 200,
            description: "They are made, now or since before.",
            content: Some(Content::json::<ChangesAnswer>(r#"{"revision":8}"#)),
        }],
    )
};
