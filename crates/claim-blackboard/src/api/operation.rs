//! What is said of an operation: one method of one address.

use claim_core::ProblemType;
use http::{Method, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

/// An operation and its address.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    /// The address, with the names of its variable segments in braces.
    pub(crate) path: &'static str,
    /// The method.
    pub(crate) method: Method,
    /// The operation.
    pub(crate) operation: &'static Operation,
}

/// What a client must know to ask for it, and to understand the answer.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its name in programs (`operationId`).
    pub(crate) id: &'static str,
    /// What it does, in a sentence.
    pub(crate) summary: &'static str,
    /// The section of PROTOCOL.md that lays it down.
    pub(crate) section: u8,
    /// Whether it is one of step 6: within a session, signed.
    pub(crate) signed: bool,
    /// What its query may say.
    pub(crate) query: &'static [Parameter],
    /// What it takes.
    pub(crate) takes: Option<Content>,
    /// What it answers when it does as it was asked.
    pub(crate) answers: &'static [Answer],
    /// What it may be refused with.
    pub(crate) refusals: &'static [&'static [ProblemType]],
}

/// A parameter of a query; it may always be left out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) description: &'static str,
    /// Its schema.
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
}

/// An answer that is no refusal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    /// What it means.
    pub(crate) description: &'static str,
    /// What it holds, if anything.
    pub(crate) content: Option<Content>,
}

/// Content of a request or an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content {
    /// The media type.
    pub(crate) media_type: &'static str,
    /// The most bytes that a request may have; of answers it is not said.
    pub(crate) max: Option<usize>,
    /// Its form.
    pub(crate) shape: Shape,
}

/// The form of content.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// JSON: the schema of its type, and an example, which the tests read as that type.
    Json {
        /// The schema.
        schema: fn(&mut SchemaGenerator) -> Schema,
        /// An example.
        example: &'static str,
        /// Reads it as that type.
        #[cfg_attr(not(test), expect(dead_code, reason = "the tests read the examples"))]
        read: fn(&str) -> Result<(), serde_json::Error>,
    },
    /// Text for people.
    Text,
    /// Bytes in the media type's own form.
    Bytes,
}

impl Content {
    /// Content of that type in JSON.
    pub(crate) const fn json<T: JsonSchema + DeserializeOwned>(example: &'static str) -> Self {
        let read = |text: &str| serde_json::from_str::<T>(text).map(|_| ());
        let schema = SchemaGenerator::subschema_for::<T>;
        Self {
            media_type: claim_core::messages::JSON,
            max: None,
            shape: Shape::Json { schema, example, read },
        }
    }

    /// Text of this media type.
    pub(crate) const fn text(media_type: &'static str) -> Self {
        Self { media_type, max: None, shape: Shape::Text }
    }

    /// Bytes of this media type.
    pub(crate) const fn bytes(media_type: &'static str) -> Self {
        Self { media_type, max: None, shape: Shape::Bytes }
    }

    /// The same, of at most so many bytes.
    pub(crate) const fn at_most(self, max: usize) -> Self {
        Self { max: Some(max), ..self }
    }
}

impl Operation {
    /// All that it may be refused with.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = ProblemType> {
        self.refusals.iter().copied().flatten().copied()
    }

    /// Whether it may be refused with this.
    pub(crate) fn may_refuse(&self, problem: ProblemType) -> bool {
        self.refusals().any(|described| described == problem)
    }

    /// Whether it may answer with this status when it does as it was asked.
    pub(crate) fn may_answer(&self, status: StatusCode) -> bool {
        self.answers.iter().any(|answer| answer.status == status.as_u16())
    }
}
