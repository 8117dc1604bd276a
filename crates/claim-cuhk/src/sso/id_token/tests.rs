//! Each defect of an ID token, one at a time.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use claim_core::encoding::{b64u, from_base64};
use claim_pki::SigningKey;
use jsonwebtoken::EncodingKey;
use serde_json::json;

use super::*;

const ISSUER: &str = "https://login.cuhk.example";
const CLIENT: &str = "claim";
const NOW: i64 = 1_790_000_000;

/// A key of the service, for ES256, and its public half as the service publishes it.
struct ServiceKey {
    private: EncodingKey,
    point: Vec<u8>,
}

impl ServiceKey {
    fn new() -> Self {
        let key = SigningKey::generate().unwrap();
        let pem = key.to_pkcs8_pem();
        let text: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let private = EncodingKey::from_ec_der(&from_base64(&text).unwrap());
        Self { private, point: key.public_key().point().to_vec() }
    }

    fn jwk(&self) -> Value {
        let (x, y) = self.point[1..].split_at(32);
        json!({ "kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "alg": "ES256",
            "x": b64u(x), "y": b64u(y) })
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| b64u(value.to_string().as_bytes());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = crypto::sign(signed.as_bytes(), &self.private, Algorithm::ES256).unwrap();
        format!("{signed}.{signature}")
    }
}

fn header() -> Value {
    json!({ "alg": "ES256", "kid": "k1", "typ": "JWT" })
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": CLIENT, "sub": "abc", "nonce": "n", "exp": NOW + 300, "iat": NOW,
        "preferred_username": "1155123456" })
}

fn verified(token: &str, jwk: &Value) -> Result<Map<String, Value>, IdTokenError> {
    let key: Jwk = serde_json::from_value(jwk.clone()).unwrap();
    let now = Timestamp::from_seconds(NOW);
    let expected = ExpectedToken { issuer: ISSUER, client_id: CLIENT, nonce: "n", now };
    UnverifiedToken::parse(token)?.verify(&key)?.check(expected)
}

#[test]
fn what_an_id_token_must_say() {
    let key = ServiceKey::new();
    let jwk = key.jwk();
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        verified(&key.sign(&header(), &claims), &jwk)
    };
    for (name, value) in [
        ("aud", json!([CLIENT])),
        ("azp", json!(CLIENT)),
        ("exp", json!(NOW - 59)),
        ("exp", json!(NOW as f64 + 0.5)),
        ("exp", json!(1e300)),
        ("iat", json!(NOW + 60)),
        ("iat", json!(NOW - 660)),
        ("nbf", json!(NOW + 60)),
    ] {
        assert!(with(name, value.clone()).is_ok(), "{name} {value}");
    }
    type Is = fn(&IdTokenError) -> bool;
    let refusals: [(&str, Value, Is); 20] = [
        ("iss", json!("https://evil.example"), |e| matches!(e, IdTokenError::Issuer { .. })),
        ("iss", json!(format!("{ISSUER}/")), |e| matches!(e, IdTokenError::Issuer { .. })),
        ("iss", json!(null), |e| matches!(e, IdTokenError::Claim("iss"))),
        ("aud", json!("other"), |e| matches!(e, IdTokenError::Audience)),
        ("aud", json!(["other"]), |e| matches!(e, IdTokenError::Audience)),
        ("aud", json!([]), |e| matches!(e, IdTokenError::Audience)),
        ("aud", json!(null), |e| matches!(e, IdTokenError::Claim("aud"))),
        ("aud", json!([CLIENT, "other"]), |e| matches!(e, IdTokenError::AuthorizedParty)),
        ("azp", json!("other"), |e| matches!(e, IdTokenError::AuthorizedParty)),
        ("nonce", json!("other"), |e| matches!(e, IdTokenError::Nonce)),
        ("nonce", json!(null), |e| matches!(e, IdTokenError::Claim("nonce"))),
        ("exp", json!(NOW - 60), |e| matches!(e, IdTokenError::Expired { .. })),
        ("exp", json!("soon"), |e| matches!(e, IdTokenError::Claim("exp"))),
        ("exp", json!(-5), |e| matches!(e, IdTokenError::Expired { .. })),
        ("iat", json!(NOW + 61), |e| matches!(e, IdTokenError::IssuedAt { .. })),
        ("iat", json!(NOW - 661), |e| matches!(e, IdTokenError::IssuedAt { .. })),
        ("iat", json!(null), |e| matches!(e, IdTokenError::Claim("iat"))),
        ("nbf", json!(NOW + 61), |e| matches!(e, IdTokenError::NotYet { .. })),
        ("sub", json!(""), |e| matches!(e, IdTokenError::Claim("sub"))),
        ("sub", json!(7), |e| matches!(e, IdTokenError::Claim("sub"))),
    ];
    for (name, value, is) in refusals {
        let refused = with(name, value.clone()).unwrap_err();
        assert!(is(&refused), "{name} {value}: {refused}");
    }
}

#[test]
fn only_a_signature_by_the_right_key_and_algorithm_counts() {
    let (key, other) = (ServiceKey::new(), ServiceKey::new());
    let (jwk, claims) = (key.jwk(), claims());
    let good = key.sign(&header(), &claims);
    assert!(verified(&good, &jwk).is_ok());
    assert_eq!(verified(&other.sign(&header(), &claims), &jwk), Err(IdTokenError::Signature));

    let part = |value: &Value| b64u(value.to_string().as_bytes());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let mut altered = claims.clone();
    altered["preferred_username"] = json!("1155000000");
    let moved = format!("{}.{}.{signature}", part(&header()), part(&altered));
    assert_eq!(verified(&moved, &jwk), Err(IdTokenError::Signature));
    assert_eq!(verified(&format!("{signed}."), &jwk), Err(IdTokenError::Signature));

    for algorithm in ["none", "None", "HS256", "HS512", "ES384", "RS512", "PS256", "es256", ""] {
        let mut header = header();
        header["alg"] = json!(algorithm);
        let refused = verified(&key.sign(&header, &claims), &jwk);
        assert_eq!(refused, Err(IdTokenError::Algorithm(algorithm.to_owned())));
    }
    // The public key as the secret of an HMAC (RFC 8725 §2.1).
    let hmac = EncodingKey::from_secret(&key.point);
    let head = json!({ "alg": "HS256", "kid": "k1" });
    let signed = format!("{}.{}", part(&head), part(&claims));
    let signature = crypto::sign(signed.as_bytes(), &hmac, Algorithm::HS256).unwrap();
    let refused = verified(&format!("{signed}.{signature}"), &jwk);
    assert_eq!(refused, Err(IdTokenError::Algorithm("HS256".to_owned())));

    let mut critical = header();
    critical["crit"] = json!(["b64"]);
    assert_eq!(verified(&key.sign(&critical, &claims), &jwk), Err(IdTokenError::Critical));

    for (member, value) in [
        ("kid", json!("k2")),
        ("use", json!("enc")),
        ("alg", json!("ES384")),
        ("alg", json!("RS256")),
    ] {
        let mut jwk = jwk.clone();
        jwk[member] = value;
        assert_eq!(verified(&good, &jwk), Err(IdTokenError::UnknownKey), "{member}");
    }
    // A key of another kind under the same name.
    let rsa = json!({ "kty": "RSA", "kid": "k1", "n": b64u(&[0xff; 256]), "e": "AQAB" });
    assert_eq!(verified(&good, &rsa), Err(IdTokenError::UnknownKey));
}

#[test]
fn what_is_no_signed_jwt() {
    let key = ServiceKey::new();
    let good = key.sign(&header(), &claims());
    let long = format!("{good}{}", "A".repeat(MAX_LENGTH));
    let twice = format!("{}.{}.AA", b64u(br#"{"alg":"ES256","alg":"none"}"#), b64u(b"{}"));
    for text in ["", "a", "a.b", "..", "a.b.c.d", "e30.e30.", &format!("{good}.x"), &long, &twice] {
        assert_eq!(UnverifiedToken::parse(text).err(), Some(IdTokenError::Malformed), "{text:.60}");
    }
}
