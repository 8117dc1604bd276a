//! The log, for everybody (PROTOCOL.md §10).

use claim_core::ProblemType::NotFound;

use super::{ANY, STORED};
use crate::api::{Answer, Content, Operation};

const fn file(id: &'static str, summary: &'static str, answers: &'static [Answer]) -> Operation {
    Operation {
        id,
        summary,
        section: 10,
        signed: false,
        query: &[],
        takes: None,
        answers,
        refusals: &[ANY, STORED, &[NotFound]],
    }
}

const FILE: &[Answer] = &[Answer {
    status: 200,
    description: "The file, which never changes.",
    content: Some(Content::bytes("application/octet-stream")),
}];

/// `GET /log/checkpoint`.
pub(in crate::routes) const CHECKPOINT: Operation = file(
    "readCheckpoint",
    "The last checkpoint of the log (C2SP tlog-checkpoint).",
    &[Answer {
        status: 200,
        description: "The checkpoint, a signed note.",
        content: Some(Content::text("text/plain; charset=utf-8")),
    }],
);

/// `GET /log/tile/{level}/{tile}`.
pub(in crate::routes) const TILE: Operation =
    file("readTile", "A full tile of the log's tree (C2SP tlog-tiles).", FILE);

/// `GET /log/tile/{level}/{tile}.p/{width}`.
pub(in crate::routes) const PARTIAL_TILE: Operation =
    file("readPartialTile", "A tile of the log's tree that is not full.", FILE);

/// `GET /log/tile/entries/{tile}`.
pub(in crate::routes) const ENTRIES: Operation =
    file("readEntries", "256 entries of the log (C2SP tlog-tiles).", FILE);

/// `GET /log/tile/entries/{tile}.p/{width}`.
pub(in crate::routes) const PARTIAL_ENTRIES: Operation =
    file("readPartialEntries", "Fewer entries than a full bundle has.", FILE);
