//! Single sign-on as strangers reach it: what a terminal leaves, what a browser brings back, and the ID token that the
//! sign-in service has signed; and the names of devices.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use claim_core::{DeviceName, PersonId};
use claim_cuhk::{ExpectedToken, SignInRequest, SignInReturn, device, verify_id_token};
use claim_pki::{CertificationRequest, Subject, certification_request};
use der::asn1::UintRef;
use der::{Decode, Sequence};
use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::Outcome;
use crate::world::{self, key, now};

const ISSUER: &str = "https://login.example";
const CLIENT: &str = "claim";
const NONCE: &str = "the nonce of this visit";

/// The key of the sign-in service.
const SERVICE: u8 = 21;

const HEADER: &str = r#"{"alg":"ES256","kid":"k1","typ":"JWT"}"#;

/// What the first octet of an input says that the rest is.
const WHOLE: u8 = 0;
const CLAIMS: u8 = 1;
const HEADERS: u8 = 2;

/// As ECDSA signatures stand in DER.
#[derive(Sequence)]
struct InDer<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

fn b64u(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

/// The token that the service would sign, were these its header and claims (RFC 7515 §7.1, RFC 7518 §3.4).
fn signed(header: &[u8], claims: &[u8]) -> String {
    let content = format!("{}.{}", b64u(header), b64u(claims));
    let signature = key(SERVICE).sign(content.as_bytes()).unwrap();
    let InDer { r, s } = InDer::from_der(&signature).unwrap();
    let mut octets = [0; 64];
    for (number, at) in [(r.as_bytes(), 32), (s.as_bytes(), 64)] {
        octets[at - number.len()..at].copy_from_slice(number);
    }
    format!("{content}.{}", b64u(&octets))
}

fn keys() -> Vec<u8> {
    let key = key(SERVICE);
    let (x, y) = key.public_key().point()[1..].split_at(32);
    let (x, y) = (b64u(x), b64u(y));
    let key = json!({ "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "x": x, "y": y });
    json!({ "keys": [key] }).to_string().into_bytes()
}

/// A token, or claims or a header that the service itself has signed: so whatever they say gets past the signature. What
/// is accepted is signed by ES256, of this service, for this client and visit, and of now.
pub(crate) fn id_token(data: &[u8]) -> Outcome {
    let Some((kind, rest)) = data.split_first() else { return Outcome::Refused };
    let token = match *kind {
        WHOLE => String::from_utf8_lossy(rest).into_owned(),
        CLAIMS => signed(HEADER.as_bytes(), rest),
        HEADERS => signed(rest, claims().to_string().as_bytes()),
        _ => return Outcome::Refused,
    };
    let expected = ExpectedToken { issuer: ISSUER, client_id: CLIENT, nonce: NONCE, now: now() };
    let Ok(said) = verify_id_token(&token, &keys(), expected) else { return Outcome::Refused };
    let parts: Vec<_> = token.split('.').collect();
    assert_eq!(parts.len(), 3);
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, claims) = (read(parts[0]), read(parts[1]));
    assert_eq!(header["alg"], "ES256", "the one kind of key that there is");
    assert!(header.get("crit").is_none_or(Value::is_null), "nothing critical is understood");
    assert_eq!(Value::Object(said), claims, "another reader reads the same");
    assert_eq!((&claims["iss"], &claims["nonce"]), (&json!(ISSUER), &json!(NONCE)));
    let is_for_us = |audience: &Value| audience == CLIENT;
    match &claims["aud"] {
        Value::Array(all) => assert!(all.iter().any(is_for_us)),
        one => assert!(is_for_us(one)),
    }
    assert!(claims["sub"].as_str().is_some_and(|subject| !subject.is_empty()));
    let seconds = |name: &str| claims[name].as_f64().unwrap();
    #[allow(clippy::cast_precision_loss, reason = "the seconds of this century fit")]
    let now = now().as_seconds() as f64;
    assert!(seconds("exp") > now - 61.0, "it has not expired");
    assert!((now - 661.0..=now + 61.0).contains(&seconds("iat")), "it is of now");
    Outcome::Accepted
}

fn claims() -> Value {
    let now = now().as_seconds();
    json!({ "iss": ISSUER, "aud": CLIENT, "sub": "abc", "nonce": NONCE, "exp": now + 300, "iat": now,
        "preferred_username": "1155123456@link.example" })
}

pub(crate) fn id_tokens() -> Vec<Vec<u8>> {
    let with = |kind: u8, rest: &str| [&[kind], rest.as_bytes()].concat();
    let mut several = claims();
    several["aud"] = json!([CLIENT, "other"]);
    several["azp"] = json!(CLIENT);
    several["nbf"] = json!(now().as_seconds() - 5);
    vec![
        with(WHOLE, &signed(HEADER.as_bytes(), claims().to_string().as_bytes())),
        with(CLAIMS, &claims().to_string()),
        with(CLAIMS, &several.to_string()),
        with(HEADERS, HEADER),
        with(HEADERS, r#"{"alg":"ES256"}"#),
    ]
}

/// A key that is left is one whose holder has signed the request, which names nobody else.
pub(crate) fn request(data: &[u8]) -> Outcome {
    let Ok(read) = SignInRequest::from_slice(data) else { return Outcome::Refused };
    let document: Value = serde_json::from_slice(data).unwrap();
    assert_eq!(document["id"], read.person.as_str());
    let der = STANDARD.decode(document["request"].as_str().unwrap()).unwrap();
    let request = CertificationRequest::from_der(&der).unwrap();
    assert_eq!(*request.public_key(), read.key);
    request.names_only(&read.person).unwrap();
    Outcome::Accepted
}

pub(crate) fn requests() -> Vec<Vec<u8>> {
    let document = |id: &str, owner| {
        let person: PersonId = id.parse().unwrap();
        let subject = Subject::Person { id: person, name: None };
        let der = certification_request(&key(owner), &subject).unwrap();
        json!({ "id": id, "request": STANDARD.encode(der), "unknown": [1] })
            .to_string()
            .into_bytes()
    };
    vec![document(world::SID, world::STUDENT), document("chan.tm", world::OTHER_STUDENT)]
}

/// What is read stands there once, and is what it says when it is decoded in another way.
pub(crate) fn returned(data: &[u8]) -> Outcome {
    let Ok(query) = std::str::from_utf8(data) else { return Outcome::Refused };
    let Ok(read) = SignInReturn::from_query(query) else { return Outcome::Refused };
    let fields: Vec<_> = query.split('&').filter(|field| !field.is_empty()).collect();
    assert!(fields.len() <= 16);
    for (name, value) in
        [("state", read.state), ("code", read.code), ("error", read.error), ("iss", read.iss)]
    {
        let of_name = fields.iter().map(|field| field.split_once('=').unwrap_or((field, "")));
        let mut values = of_name.filter(|(key, _)| decoded(key) == name);
        assert_eq!(values.next().map(|(_, value)| decoded(value)), value, "{name}");
        assert!(values.next().is_none(), "RFC 6749 §3.1: {name} is there twice");
    }
    Outcome::Accepted
}

/// `application/x-www-form-urlencoded`, by another decoder.
fn decoded(text: &str) -> String {
    let (mut octets, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let escape = after.first_chunk::<2>().filter(|_| *first == b'%');
        let escape = escape.and_then(|pair| std::str::from_utf8(pair).ok());
        let escape = escape.filter(|pair| pair.bytes().all(|octet| octet.is_ascii_hexdigit()));
        rest = match escape {
            Some(pair) => {
                octets.push(u8::from_str_radix(pair, 16).unwrap());
                &after[2..]
            }
            None => {
                octets.push(if *first == b'+' { b' ' } else { *first });
                after
            }
        };
    }
    String::from_utf8_lossy(&octets).into_owned()
}

pub(crate) fn returns() -> Vec<Vec<u8>> {
    [
        "state=abc-_&code=1%2f2+3&iss=https%3A%2F%2Flogin.example",
        "error=access_denied&state=s&x=1",
        "",
    ]
    .map(|query| query.as_bytes().to_vec())
    .to_vec()
}

/// A line each a `Claim-Device` field. A name is one field, of few and plain characters, and written anew it is the same.
pub(crate) fn device_name(data: &[u8]) -> Outcome {
    let mut headers = HeaderMap::new();
    for line in data.split(|octet| *octet == b'\n').take(4) {
        let Ok(value) = HeaderValue::from_bytes(line) else { return Outcome::Refused };
        headers.append(DeviceName::HEADER, value);
    }
    let Ok(read) = device(&headers) else { return Outcome::Refused };
    let name = read.expect("there is a field");
    assert_eq!(headers.len(), 1);
    let text = name.as_str();
    assert!((1..=40).contains(&text.len()));
    assert!(text.bytes().all(|c| c.is_ascii_alphanumeric() || b" .-_".contains(&c)), "{text}");
    let ends = [text.bytes().next().unwrap(), text.bytes().last().unwrap()];
    assert!(ends.iter().all(u8::is_ascii_alphanumeric), "{text}");
    headers.insert(DeviceName::HEADER, text.parse().unwrap());
    assert_eq!(device(&headers).unwrap(), Some(name));
    Outcome::Accepted
}

pub(crate) fn device_names() -> Vec<Vec<u8>> {
    ["laptop", "Lab PC 3", " a.b-c_d ", "0"].map(|name| name.as_bytes().to_vec()).to_vec()
}
