//! JSON as the protocol reads it: UTF-8, unknown members ignored, duplicate members refused.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why a body is not the message it should be; says where.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct JsonError(#[from] serde_json::Error);

/// Reads a message, refusing duplicate members at any depth (RFC 8259 §4 leaves their meaning open,
/// so two readers could see two messages).
///
/// The depth is limited by the parser (128), the size by whoever read the body.
///
/// # Errors
/// [`JsonError`] when it is not UTF-8, not JSON, or not a `T`.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    let Unique(value) = serde_json::from_slice(bytes)?;
    if !value.is_object() {
        // serde would take an array of the members' values as well: two spellings of one message.
        return Err(serde_json::Error::custom("the message is not an object").into());
    }
    Ok(serde_json::from_value(value)?)
}

/// A JSON value none of whose objects has two members of the same name.
struct Unique(Value);

impl<'de> serde::Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = sequence.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, Unique>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the member {name:?} stands twice")));
            }
            object.insert(name, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn duplicate_members_are_refused_at_any_depth() {
        for twice in
            [r#"{"a":1,"a":1}"#, r#"{"x":[{"b":{"a":1,"c":2,"a":3}}]}"#, r#"{"a":1,"\u0061":2}"#]
        {
            assert!(
                from_slice::<Value>(twice.as_bytes())
                    .unwrap_err()
                    .to_string()
                    .contains("stands twice")
            );
        }
    }

    #[test]
    fn an_array_of_the_members_is_no_message() {
        let challenge = r#"["token","AAAA"]"#;
        let error =
            from_slice::<crate::messages::SessionRequest>(challenge.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "the message is not an object");
    }

    #[test]
    fn values_come_through_unchanged() {
        let text = r#"{"a":[1,-1,1.5,"x",null,true,{}]}"#;
        assert_eq!(from_slice::<Value>(text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn what_is_not_json_is_refused() {
        let deep = "[".repeat(100_000);
        for wrong in
            [&b""[..], b"{", b"[1]", b"1", b"{} x", b"\"\xff\"", b"\xef\xbb\xbf{}", deep.as_bytes()]
        {
            assert!(from_slice::<Value>(wrong).is_err());
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            let _ = from_slice::<Value>(&bytes);
        }
    }
}
