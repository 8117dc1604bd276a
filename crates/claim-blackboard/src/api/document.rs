//! The OpenAPI 3.1 document (<https://spec.openapis.org/oas/v3.1.1.html>) of what is described.

use std::collections::BTreeMap;

use claim_core::claim::ClaimId;
use claim_core::{Origin, ProblemType, Sid, Slug};
use claim_http::PROBLEM_JSON;
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::operation::{Answer, Content, Described, Operation, Parameter, Shape};
use super::schemas::Schemas;

/// What the document is about.
const ABOUT: &str = "Students hand in here and can prove it; staff runs courses. docs/PROTOCOL.md is normative: it lays down \
    what is hashed, signed and encrypted, and what this document cannot say. Within version 1 answers may get further members, \
    and refusals further types (its section 7). HEAD may stand for GET. A query that is not described is ignored.";

/// How requests of step 6 show to whose session they belong.
const SESSION: &str = "The token of `POST /v1/sessions` (PROTOCOL.md §4). It is worth nothing without the session's key.";

/// How they are signed.
const SIGNATURE: &str = "An HTTP Message Signature (RFC 9421) with the label `claim` and `alg=\"hmac-sha256\"`, by the session's \
    key `k_message`, over `@method`, `@target-uri`, `claim-session` and, with content, `content-digest` and `content-type` \
    (PROTOCOL.md §5). Every answer to an authentic request is signed in the same way with `k_answer`.";

/// What goes with the signature.
const SIGNATURE_INPUT: &str =
    "What `Signature` covers, with `created`, `nonce` and `alg` (RFC 9421 §4.1, PROTOCOL.md §5).";

/// The document of a server with this origin.
pub(super) fn of(described: &[Described], origin: &Origin) -> String {
    let mut document = Document { origin, schemas: Schemas::new(), refusals: Map::new() };
    let mut paths = Map::new();
    for Described { path, method, operation } in described {
        let at = paths.entry(*path).or_insert_with(|| json!({}));
        at[method.as_str().to_ascii_lowercase()] = document.operation(path, operation);
    }
    let (schemas, renamed) = document.schemas.finish();
    let mut paths = Value::Object(paths);
    for path in paths.as_object_mut().into_iter().flat_map(Map::values_mut) {
        for operation in path.as_object_mut().into_iter().flat_map(Map::values_mut) {
            renamed.apply(&mut operation["requestBody"]);
            if operation["requestBody"].is_null() {
                operation.as_object_mut().map(|members| members.remove("requestBody"));
            }
        }
    }
    let document = json!({
        "openapi": "3.1.1",
        "info": { "title": "Blackboard of Claim", "version": "1", "description": ABOUT },
        "servers": [{ "url": origin.as_str() }],
        "paths": paths,
        "components": components(schemas, document.refusals),
    });
    format!("{document:#}\n")
}

fn components(mut schemas: Map<String, Value>, refusals: Map<String, Value>) -> Value {
    schemas.insert("Problem".to_owned(), problem());
    let text =
        |description: &str| json!({ "description": description, "schema": { "type": "string" } });
    json!({
        "schemas": schemas,
        "responses": refusals,
        "securitySchemes": {
            "session": { "type": "apiKey", "in": "header", "name": "Claim-Session", "description": SESSION },
            "signature": { "type": "apiKey", "in": "header", "name": "Signature", "description": SIGNATURE },
            "signatureInput": {
                "type": "apiKey", "in": "header", "name": "Signature-Input", "description": SIGNATURE_INPUT,
            },
        },
        "parameters": {
            "ContentDigest": {
                "name": "Content-Digest", "in": "header", "required": true,
                "description": "SHA-256 of the content (RFC 9530): the one member `sha-256`.",
                "schema": { "type": "string", "pattern": "^sha-256=:[A-Za-z0-9+/]{43}=:$" },
            },
        },
        "headers": {
            "ContentDigest": text("SHA-256 of the content (RFC 9530); there where the answer is signed."),
            "Signature": text("The signature by `k_answer`, bound to the request's; on every answer to an authentic request."),
            "SignatureInput": text("What `Signature` covers."),
            "RequestId": text("By which the server's log names this request."),
            "RetryAfter": {
                "description": "After so many seconds it makes sense to try again.", "required": true,
                "schema": { "type": "integer", "minimum": 0 },
            },
        },
    })
}

/// A problem document (RFC 9457), with all the members that some types have.
fn problem() -> Value {
    let strings = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "type": "object",
        "description": "A problem document (RFC 9457). Programs go by the last segment of `type`.",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string", "description": "`<origin>/problems/<slug>`, a page that says what to do." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "server_time": { "type": "string", "description": "With `clock-skew`: Blackboard's clock." },
            "retry_after": { "type": "integer", "description": "What the header Retry-After says." },
            "sids": { "description": "With `holder-changed`: the members on record.", "$ref": "#/components/schemas/Holder" },
            "due": { "type": ["string", "null"], "description": "With `due-changed`: the due time on record." },
            "last_claim": { "type": ["string", "null"], "description": "With `replaces-changed`: the holder's last claim." },
            "ask": { "description": "With `no-group`: ids of staff who can be asked.", "allOf": [strings] },
            "revision": { "type": "integer", "description": "With `course-changed`: the course's revision now." },
            "number": { "type": "integer", "description": "With `change-refused`: which change, counted from one." },
            "erased_at": { "type": "string", "description": "With `erased`: when." },
        },
    })
}

struct Document<'o> {
    origin: &'o Origin,
    schemas: Schemas,
    /// Most operations have most of them in common.
    refusals: Map<String, Value>,
}

impl Document<'_> {
    fn operation(&mut self, path: &str, operation: &Operation) -> Value {
        let mut parameters: Vec<Value> =
            variables(path).map(|name| self.path_parameter(name)).collect();
        parameters.extend(operation.query.iter().map(|parameter| self.query(parameter)));
        if operation.signed && operation.takes.is_some() {
            parameters.push(json!({ "$ref": "#/components/parameters/ContentDigest" }));
        }
        let security = match operation.signed {
            true => json!([{ "session": [], "signature": [], "signatureInput": [] }]),
            false => json!([]),
        };
        json!({
            "operationId": operation.id,
            "summary": operation.summary,
            "description": format!("docs/PROTOCOL.md, section {}.", operation.section),
            "parameters": parameters,
            "security": security,
            "requestBody": operation.takes.as_ref().map(|content| self.request(content)),
            "responses": self.responses(operation),
        })
    }

    fn path_parameter(&mut self, name: &str) -> Value {
        // A name that is not here has no schema, which a test finds.
        let (schema, description) = match name {
            "assignment" => (
                self.schemas.read(SchemaGenerator::subschema_for::<Slug>),
                "The assignment's short name.",
            ),
            "course" => (
                self.schemas.read(SchemaGenerator::subschema_for::<Slug>),
                "The course's short name.",
            ),
            "file" => (number(), "Which file of the claim, counted from zero."),
            "id" => (
                self.schemas.read(SchemaGenerator::subschema_for::<ClaimId>),
                "The claim's id: SHA-256 of its manifest.",
            ),
            "index" => (number(), "Which piece of the file, counted from zero."),
            "level" => {
                (json!({ "type": "integer", "minimum": 0, "maximum": 7 }), "The tile's level.")
            }
            "sid" => (self.schemas.read(SchemaGenerator::subschema_for::<Sid>), "The student."),
            "slug" => (json!({ "type": "string", "enum": slugs() }), "The type of problem."),
            "tile" => (
                json!({ "type": "string", "pattern": "^[0-9]{3}$" }),
                "The tile's number; from 1000 on further segments stand before it (C2SP tlog-tiles).",
            ),
            "width" => (
                json!({ "type": "integer", "minimum": 1, "maximum": 255 }),
                "How many hashes or entries it has, as long as it is not full.",
            ),
            _ => (Value::Null, ""),
        };
        json!({ "name": name, "in": "path", "required": true, "description": description, "schema": schema })
    }

    fn query(&mut self, parameter: &Parameter) -> Value {
        let Parameter { name, description, schema } = parameter;
        let schema = self.schemas.read(*schema);
        json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
    }

    fn request(&mut self, content: &Content) -> Value {
        let schema = |shape| match shape {
            Shape::Json { schema, .. } => self.schemas.read(schema),
            Shape::Text => json!({ "type": "string" }),
            Shape::Bytes => json!({}),
        };
        let mut body = json!({ "required": true, "content": media(content, schema) });
        if let Some(max) = content.max {
            body["description"] = format!("At most {max} bytes.").into();
            body["x-max-bytes"] = max.into();
        }
        body
    }

    fn responses(&mut self, operation: &Operation) -> Value {
        let mut responses = Map::new();
        for Answer { status, description, content } in operation.answers {
            let schema = |shape| match shape {
                Shape::Json { schema, .. } => self.schemas.written(schema),
                Shape::Text => json!({ "type": "string" }),
                Shape::Bytes => json!({}),
            };
            let mut response = json!({ "description": description });
            response["headers"] = headers(operation, *status);
            if let Some(content) = content {
                response["content"] = media(content, schema);
            }
            responses.insert(status.to_string(), response);
        }
        let mut by_status: BTreeMap<u16, Vec<ProblemType>> = BTreeMap::new();
        for problem in operation.refusals() {
            by_status.entry(problem.status()).or_default().push(problem);
        }
        for (status, problems) in by_status {
            responses.insert(status.to_string(), self.refusal(operation, status, &problems));
        }
        Value::Object(responses)
    }

    fn refusal(&mut self, operation: &Operation, status: u16, problems: &[ProblemType]) -> Value {
        let slugs: Vec<&str> = problems.iter().map(|problem| problem.slug()).collect();
        let name =
            format!("{}{}", if operation.signed { "" } else { "unsigned." }, slugs.join("."));
        let at = format!("#/components/responses/{name}");
        let types: Vec<String> = problems.iter().map(|problem| problem.uri(self.origin)).collect();
        let titles: Vec<&str> = problems.iter().map(|problem| problem.title()).collect();
        let schema = json!({
            "allOf": [{ "$ref": "#/components/schemas/Problem" }],
            "properties": { "type": { "enum": types }, "status": { "const": status } },
        });
        self.refusals.entry(name).or_insert_with(|| {
            json!({
                "description": format!("{}.", titles.join("; or: ")),
                "headers": headers(operation, status),
                "content": { PROBLEM_JSON: { "schema": schema } },
            })
        });
        json!({ "$ref": at })
    }
}

fn headers(operation: &Operation, status: u16) -> Value {
    let mut named = vec![("X-Request-Id", "RequestId")];
    if operation.signed {
        let signed = ["Content-Digest", "Signature", "Signature-Input"];
        named.extend(signed.into_iter().zip(["ContentDigest", "Signature", "SignatureInput"]));
    }
    if matches!(status, 429 | 503 | 507) {
        named.push(("Retry-After", "RetryAfter"));
    }
    let header = |(name, of): (&str, &str)| {
        (name.to_owned(), json!({ "$ref": format!("#/components/headers/{of}") }))
    };
    Value::Object(named.into_iter().map(header).collect())
}

fn media(content: &Content, schema: impl FnOnce(Shape) -> Value) -> Value {
    let mut media = json!({ "schema": schema(content.shape) });
    if let Shape::Json { example, .. } = content.shape {
        media["example"] = serde_json::from_str(example).unwrap_or_default();
    }
    json!({ content.media_type: media })
}

/// The names of what is variable in an address.
fn variables(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": u64::MAX })
}

fn slugs() -> Vec<&'static str> {
    ProblemType::ALL.iter().map(|problem| problem.slug()).collect()
}
