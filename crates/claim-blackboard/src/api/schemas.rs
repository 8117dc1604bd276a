//! The schemas of the wire's types, as the types themselves say them.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

/// Where they stand in the document.
const AT: &str = "/components/schemas";

/// Behind the name of what a request may leave out and an answer always has.
const SENT: &str = "Sent";

/// Collects schemas: of what is read and of what is written, which differ where a member may be left out.
pub(super) struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || SchemaSettings::draft2020_12().with(|it| it.definitions_path = AT.into());
        Self {
            read: settings().for_deserialize().into_generator(),
            written: settings().for_serialize().into_generator(),
        }
    }

    /// Of what requests hold.
    pub(super) fn read(&mut self, of: fn(&mut SchemaGenerator) -> Schema) -> Value {
        of(&mut self.read).into()
    }

    /// Of what answers hold.
    pub(super) fn written(&mut self, of: fn(&mut SchemaGenerator) -> Schema) -> Value {
        of(&mut self.written).into()
    }

    /// All that were referred to, and the names of requests' types that answers have in another form.
    pub(super) fn finish(mut self) -> (Map<String, Value>, Renamed) {
        let mut all = self.written.take_definitions(true);
        let mut read = self.read.take_definitions(true);
        let mut renamed = Renamed::between(&read, &all);
        renamed.and_users(&read);
        for (name, mut schema) in std::mem::take(&mut read) {
            renamed.apply(&mut schema);
            let name = if renamed.0.contains(&name) { format!("{name}{SENT}") } else { name };
            all.entry(name).or_insert(schema);
        }
        for schema in all.values_mut() {
            for_readers(schema);
        }
        (all, renamed)
    }
}

/// The types that have another schema in requests than in answers.
pub(super) struct Renamed(BTreeSet<String>);

impl Renamed {
    fn between(read: &Map<String, Value>, written: &Map<String, Value>) -> Self {
        let differs = |(name, schema): &(&String, &Value)| {
            written.get(*name).is_some_and(|written| written != *schema)
        };
        Self(read.iter().filter(differs).map(|(name, _)| name.clone()).collect())
    }

    /// Whoever refers to one of them has another schema, too.
    fn and_users(&mut self, read: &Map<String, Value>) {
        loop {
            let uses = |schema: &Value| {
                let mut schema = schema.clone();
                self.apply(&mut schema)
            };
            let more: Vec<_> = read
                .iter()
                .filter(|(name, schema)| !self.0.contains(*name) && uses(schema))
                .map(|(name, _)| name.clone())
                .collect();
            if more.is_empty() {
                return;
            }
            self.0.extend(more);
        }
    }

    /// Renames them in what requests hold; tells whether there were any.
    pub(super) fn apply(&self, value: &mut Value) -> bool {
        match value {
            Value::Object(members) => members.iter_mut().fold(false, |any, (name, member)| {
                let renamed =
                    match member.as_str().and_then(|at| at.strip_prefix(&format!("#{AT}/"))) {
                        Some(of) if name == "$ref" && self.0.contains(of) => {
                            *member = format!("#{AT}/{of}{SENT}").into();
                            true
                        }
                        _ => self.apply(member),
                    };
                any | renamed
            }),
            Value::Array(items) => items.iter_mut().fold(false, |any, item| any | self.apply(item)),
            _ => false,
        }
    }
}

/// The types' comments are written for readers of the code: links to it are no links elsewhere, and lines end anywhere.
fn for_readers(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" => {
                        *text =
                            text.replace("[`crate::", "`").replace("[`", "`").replace("`]", "`");
                        *text = text.replace("`None`", "`null`");
                        *text = text.replace('\n', " ");
                    }
                    other => for_readers(other),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(for_readers),
        _ => {}
    }
}
