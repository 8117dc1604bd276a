//! Base64, `lp`, and JSON without members that stand twice.

use claim_core::encoding::{Bytes, b64u, base64, from_b64u, from_base64, lp as join, split_lp};
use claim_core::json as strict;
use serde_json::Value;

use crate::{Outcome, outcome};

/// An accepted text is the one that encoding gives.
pub(crate) fn encoding(data: &[u8]) -> Outcome {
    assert_eq!(from_b64u(&b64u(data)).as_deref(), Ok(data));
    assert_eq!(from_base64(&base64(data)).as_deref(), Ok(data));
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let (url, padded) = (from_b64u(text), from_base64(text));
    if let Ok(bytes) = &url {
        assert_eq!(b64u(bytes), text);
    }
    if let Ok(bytes) = &padded {
        assert_eq!(base64(bytes), text);
    }
    if let Ok(bytes) = text.parse::<Bytes<32>>() {
        assert_eq!(bytes.to_string(), text);
        assert_eq!(text.len(), 43);
    }
    if url.is_ok() || padded.is_ok() { Outcome::Accepted } else { Outcome::Refused }
}

pub(crate) fn encodings() -> Vec<Vec<u8>> {
    [b64u(&[7; 32]), base64(&[0xfb; 7]), String::new()].map(String::into_bytes).to_vec()
}

/// Elements taken apart and put together are the same bytes.
pub(crate) fn lp(data: &[u8]) -> Outcome {
    let (two, nine) = (split_lp::<2>(data), split_lp::<9>(data));
    assert!(two.is_err() || nine.is_err(), "two different sequences, one text");
    if let Ok(elements) = &two {
        assert_eq!(join(elements), data);
    }
    if let Ok(elements) = &nine {
        assert_eq!(join(elements), data);
    }
    if two.is_ok() || nine.is_ok() { Outcome::Accepted } else { Outcome::Refused }
}

pub(crate) fn lps() -> Vec<Vec<u8>> {
    vec![join(&[b"claim v1 session", b""]), join(&[[1; 20].as_slice(); 9])]
}

/// What is accepted, another reader takes for the same; no member was dropped.
pub(crate) fn json(data: &[u8]) -> Outcome {
    let read = strict::from_slice::<Value>(data);
    if let Ok(value) = &read {
        assert!(value.is_object());
        assert_eq!(&serde_json::from_slice::<Value>(data).unwrap(), value);
        let written = serde_json::to_vec(value).unwrap();
        // A number that was read and written may be another by its last digit, so what was written is compared.
        let again: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(strict::from_slice::<Value>(&written).unwrap(), again);
        // Each member has one colon outside strings: with one dropped there would be fewer.
        assert_eq!(colons(data), colons(&written));
    }
    outcome(&read)
}

fn colons(json: &[u8]) -> usize {
    let (mut inside, mut escaped, mut count) = (false, false, 0);
    for &octet in json {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b':' if !inside => count += 1,
            _ => {}
        }
    }
    count
}

pub(crate) fn jsons() -> Vec<Vec<u8>> {
    [r#"{"a":1,"b":{"a":[true,null,-1.5e3,"\u00e9\n"]}}"#, "{}", r#"{"":"","a":{"":[{}]}}"#]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}
