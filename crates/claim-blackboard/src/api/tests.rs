#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::operation::Shape;
use super::*;
use crate::routes::api;

fn localhost() -> Origin {
    "https://localhost:3141".parse().unwrap()
}

#[test]
fn the_openapi_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let made = api().document(&localhost());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert_eq!(kept, made, "docs/openapi.json is another; UPDATE=1 makes it anew");
}

#[test]
fn everything_is_named_once_and_every_variable_described() {
    let api = api();
    let ids: BTreeSet<_> = api.described.iter().map(|it| it.operation.id).collect();
    assert_eq!(ids.len(), api.described.len());
    let document: Value = serde_json::from_str(&api.document(&localhost())).unwrap();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            for parameter in operation["parameters"].as_array().unwrap() {
                let described = parameter.get("$ref").is_some() || parameter["schema"].is_object();
                assert!(described, "{path}: api/document.rs does not know {parameter}");
            }
        }
    }
}

#[test]
fn what_is_referred_to_is_there() {
    fn references(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                if let Some(at) = members.get("$ref").and_then(Value::as_str) {
                    found.insert(at.to_owned());
                }
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }
    let document: Value = serde_json::from_str(&api().document(&localhost())).unwrap();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.contains("#/components/schemas/ClaimStatus"), "{found:?}");
    for at in found {
        assert!(document.pointer(at.strip_prefix('#').unwrap()).is_some(), "{at}");
    }
}

#[test]
fn examples_are_of_the_type_that_they_are_examples_of() {
    let api = api();
    let mut read = 0;
    for Described { operation, .. } in &api.described {
        let answers = operation.answers.iter().filter_map(|answer| answer.content);
        for content in operation.takes.into_iter().chain(answers) {
            if let Shape::Json { example, read: parse, .. } = content.shape {
                parse(example).unwrap_or_else(|error| panic!("{}: {error}", operation.id));
                read += 1;
            }
        }
    }
    assert!(read > 10, "{read} examples");
}

/// The same status cannot mean both.
#[test]
fn no_status_is_both_an_answer_and_a_refusal() {
    for Described { operation, .. } in &api().described {
        for answer in operation.answers {
            assert!(
                operation.refusals().all(|it| it.status() != answer.status),
                "{}",
                operation.id
            );
        }
        assert!(!operation.answers.is_empty(), "{}", operation.id);
    }
}
