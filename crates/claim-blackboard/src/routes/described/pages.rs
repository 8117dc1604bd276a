//! What is for everybody to read.

use claim_core::ProblemType::NotFound;

use super::ANY;
use crate::api::{Answer, Content, Operation};

const PAGE: Content = Content::text("text/html; charset=utf-8");

const fn page(id: &'static str, summary: &'static str, section: u8) -> Operation {
    Operation {
        id,
        summary,
        section,
        signed: false,
        query: &[],
        takes: None,
        answers: &[Answer { status: 200, description: "A page for people.", content: Some(PAGE) }],
        refusals: &[ANY],
    }
}

/// `GET /`.
pub(in crate::routes) const HOME: Operation = page("home", "What this server is.", 1);

/// `GET /problems/`.
pub(in crate::routes) const PROBLEMS: Operation = page("listProblems", "All types of problems.", 6);

/// `GET /problems/{slug}`.
pub(in crate::routes) const PROBLEM: Operation = Operation {
    refusals: &[ANY, &[NotFound]],
    ..page("explainProblem", "What a type of problem means, and what to do about it.", 6)
};

/// `GET /openapi.json`.
pub(in crate::routes) const OPENAPI: Operation = Operation {
    answers: &[Answer {
        status: 200,
        description: "This document.",
        content: Some(Content::json::<serde_json::Value>(r#"{"openapi":"3.1.1"}"#)),
    }],
    ..page("openapi", "This document.", 7)
};
