//! The seed's message (PROTOCOL.md §5).

use claim_core::ProblemType::{MessageUnreadable, NonceReused};
use claim_core::messages::MessageAnswer;

use super::{ANY, READ, SIGNED, STORED};
use crate::api::{Answer, Content, Operation};
use crate::routes::messages::MAX_MESSAGE;

/// `POST /v1/messages`.
pub(in crate::routes) const MESSAGE: Operation = Operation {
    id: "sendMessage",
    summary: "Says something to Blackboard, which prints and keeps it.",
    section: 5,
    signed: true,
    query: &[],
    takes: Some(Content::text("text/plain; charset=utf-8").at_most(MAX_MESSAGE)),
    answers: &[Answer {
        status: 201,
        description: "It is durable.",
        content: Some(Content::json::<MessageAnswer>(
            r#"{"sid":"1155123456","received_at":"2026-11-24T15:59:41.204Z","number":7}"#,
        )),
    }],
    refusals: &[ANY, READ, STORED, SIGNED, &[MessageUnreadable, NonceReused]],
};
