//! Handing in (PROTOCOL.md §9).

use claim_core::ProblemType::{
    self, AssignmentClosed, CertificateRevoked, ClaimEnded, ClaimRecordLost, ClaimSigner,
    ClaimUnreadable, DueChanged, Erased, EvidencePending, HolderChanged, LimitExceeded, LogBehind,
    NoGroup, NotAllowed, NotFound, OutageTimestamp, OutageTooLate, OutageUnproven, PieceMismatch,
    ReplacesChanged, RevocationUnknown, WithdrawalTooLate,
};
use claim_core::hand_in::{Assignments, CMS, ClaimStatus, MAX_WAIT_SECONDS, OCTETS, ZIP};
use claim_core::outage::OutageClaim;
use schemars::json_schema;

use super::{ANY, READ, SIGNED, STORED};
use crate::api::{Answer, Content, Operation, Parameter};
use crate::routes::claims::{MAX_CLAIM, MAX_OUTAGE, MAX_PIECE, MAX_WITHDRAWAL};

const STATUS: Content = Content::json::<ClaimStatus>(
    r#"{"claim":"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865","state":"waiting",
        "lodged_at":"2026-11-24T15:59:41.204Z","due":"2026-11-24T15:59:59.999Z","late_ms":0,"signers":["1155123456"],"timestamp":"MIIB",
        "upload_until":"2026-11-25T15:59:41.204Z","received_at":null,"missing":[[0,0,2]],"counts":false,
        "server_time":"2026-11-24T15:59:41.350Z"}"#,
);

/// What a claim may be refused with that is lodged.
const LODGING: &[ProblemType] = &[
    ClaimUnreadable,
    ClaimSigner,
    NotFound,
    NotAllowed,
    NoGroup,
    HolderChanged,
    DueChanged,
    ReplacesChanged,
    LimitExceeded,
    AssignmentClosed,
    ClaimRecordLost,
    Erased,
    OutageTimestamp,
    EvidencePending,
    RevocationUnknown,
    CertificateRevoked,
    LogBehind,
];

/// What there may be instead of a claim.
const NO_CLAIM: &[ProblemType] = &[NotFound, Erased];

const LODGED: &[Answer] = &[
    Answer {
        status: 200,
        description: "It was lodged before; `cms` is the signed claim as it is stored.",
        content: Some(STATUS),
    },
    Answer {
        status: 201,
        description: "It is lodged: claim, token and log entry are durable.",
        content: Some(STATUS),
    },
];

const fn signed(id: &'static str, summary: &'static str) -> Operation {
    Operation {
        id,
        summary,
        section: 9,
        signed: true,
        query: &[],
        takes: None,
        answers: &[],
        refusals: &[],
    }
}

/// `GET /v1/assignments`.
pub(in crate::routes) const ASSIGNMENTS: Operation = Operation {
    answers: &[Answer {
        status: 200,
        description: "What this person may hand in to.",
        content: Some(Content::json::<Assignments>(
            r#"{"server_time":"2026-11-24T15:59:41.204Z","assignments":[
                {"course":"IEMS5710","assignment":"lab1","title":"Lab 1","due":"2026-11-24T15:59:59.999Z","until":null,
                 "late":{"policy":"accept"},"zone":"Asia/Hong_Kong","upload_seconds":86400,
                 "limits":{"files":1000,"bytes":1073741824,"attempts":100},"sids":["1155123456"],
                 "last_claim":"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865",
                 "claims":[{"claim":"4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865",
                  "lodged_at":"2026-11-24T15:59:41.204Z","late_ms":0,"due":"2026-11-24T15:59:59.999Z",
                  "signers":["1155123456"],"state":"received","counts":true}]}]}"#,
        )),
    }],
    refusals: &[ANY, READ, STORED, SIGNED],
    ..signed("listAssignments", "What this person may hand in to, and what was handed in.")
};

/// `POST /v1/claims`.
pub(in crate::routes) const LODGE: Operation = Operation {
    takes: Some(Content::bytes(CMS).at_most(MAX_CLAIM)),
    answers: LODGED,
    refusals: &[ANY, READ, STORED, SIGNED, LODGING],
    ..signed("lodgeClaim", "Lodges a signed claim.")
};

/// `POST /v1/outages`.
pub(in crate::routes) const LODGE_STAMPED: Operation = Operation {
    takes: Some(
        Content::json::<OutageClaim>(r#"{"claim":"MIIB","timestamp":"MIIC"}"#).at_most(MAX_OUTAGE),
    ),
    answers: LODGED,
    refusals: &[ANY, READ, STORED, SIGNED, LODGING, &[OutageUnproven, OutageTooLate]],
    ..signed(
        "lodgeStampedClaim",
        "Lodges a claim that was signed while Blackboard could not be reached, with CUHK's timestamp.",
    )
};

/// `GET /v1/claims/{id}`.
pub(in crate::routes) const CLAIM: Operation = Operation {
    answers: &[Answer {
        status: 200,
        description: "What has become of it.",
        content: Some(STATUS),
    }],
    refusals: &[ANY, READ, STORED, SIGNED, NO_CLAIM],
    ..signed("readClaim", "What has become of a claim.")
};

/// `PUT /v1/claims/{id}/files/{file}/{index}`.
pub(in crate::routes) const PUT_PIECE: Operation = Operation {
    takes: Some(Content::bytes(OCTETS).at_most(MAX_PIECE)),
    answers: &[Answer {
        status: 204,
        description: "It is durable, now or since before.",
        content: None,
    }],
    refusals: &[ANY, READ, STORED, SIGNED, NO_CLAIM, &[NotAllowed, PieceMismatch, ClaimEnded]],
    ..signed("sendPiece", "Sends a piece of a file.")
};

/// `GET` of the same address.
pub(in crate::routes) const PIECE: Operation = Operation {
    answers: &[Answer {
        status: 200,
        description: "The piece.",
        content: Some(Content::bytes(OCTETS)),
    }],
    refusals: &[ANY, READ, STORED, SIGNED, NO_CLAIM],
    ..signed("readPiece", "Gives a piece of a file back.")
};

/// `GET /v1/claims/{id}/receipt`.
pub(in crate::routes) const RECEIPT: Operation = Operation {
    query: &[Parameter {
        name: "wait",
        description: "How many seconds the answer may wait for the next part that is due.",
        schema: |_| json_schema!({ "type": "integer", "minimum": 0, "maximum": MAX_WAIT_SECONDS }),
    }],
    answers: &[Answer {
        status: 200,
        description: "The receipt as far as it goes (PROTOCOL.md §11).",
        content: Some(Content::bytes(ZIP)),
    }],
    refusals: &[ANY, READ, STORED, SIGNED, NO_CLAIM, &[EvidencePending]],
    ..signed("readReceipt", "The receipt.")
};

/// `POST /v1/claims/{id}/withdrawal`.
pub(in crate::routes) const WITHDRAW: Operation = Operation {
    takes: Some(Content::bytes(CMS).at_most(MAX_WITHDRAWAL)),
    answers: &[Answer {
        status: 200,
        description: "It is withdrawn, now or since before.",
        content: Some(STATUS),
    }],
    refusals: &[
        ANY,
        READ,
        STORED,
        SIGNED,
        NO_CLAIM,
        &[NotAllowed, ClaimUnreadable, ClaimSigner, ClaimEnded, WithdrawalTooLate, LogBehind],
    ],
    ..signed("withdrawClaim", "Withdraws a claim.")
};
