#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use proptest::prelude::*;

use super::*;
use crate::encoding::Bytes;

const CREATED: i64 = 1_763_971_200;

fn origin() -> Origin {
    "https://localhost:3141".parse().unwrap()
}

fn key() -> MacKey {
    MacKey::new([1; 32])
}

/// A request as it would arrive, each field of its own so that a test can change it.
#[derive(Clone)]
struct Arrived {
    method: String,
    target: String,
    session: String,
    digest: Option<String>,
    media_type: Option<String>,
    input: String,
    signature: String,
}

impl Arrived {
    fn new(content: Option<&[u8]>) -> Self {
        let content = content.map(|bytes| Content { media_type: "text/plain", bytes });
        let request = Outgoing { method: "POST", target: "/v1/messages?a=%20", content };
        let (fields, _) =
            sign_request(&key(), &origin(), "token", &request, CREATED, &Bytes([2; 16]));
        Self {
            method: "POST".to_owned(),
            target: "/v1/messages?a=%20".to_owned(),
            session: "token".to_owned(),
            digest: fields.content_digest,
            media_type: content.map(|content| content.media_type.to_owned()),
            input: fields.signature_input,
            signature: fields.signature,
        }
    }

    fn verify(&self) -> Result<VerifiedRequest, SignatureError> {
        let parts = RequestParts {
            method: &self.method,
            target: &self.target,
            claim_session: &self.session,
            content_digest: self.digest.as_deref(),
            content_type: self.media_type.as_deref(),
            signature_input: &self.input,
            signature: &self.signature,
        };
        verify_request(&key(), &origin(), &parts)
    }

    fn changed(&self, change: impl FnOnce(&mut Self)) -> Result<VerifiedRequest, SignatureError> {
        let mut changed = self.clone();
        change(&mut changed);
        changed.verify()
    }
}

#[test]
fn the_base_is_the_protocols_to_the_letter() {
    let parts = RequestParts {
        method: "POST",
        target: "/v1/messages",
        claim_session: "token",
        content_digest: Some("sha-256=:AA==:"),
        content_type: Some("text/plain; charset=utf-8"),
        signature_input: "",
        signature: "",
    };
    let params = request_params(true, CREATED, "AgICAgICAgICAgICAgICAg");
    assert_eq!(
        request_base(&origin(), &parts, &params),
        "\"@method\": POST\n\
         \"@target-uri\": https://localhost:3141/v1/messages\n\
         \"claim-session\": token\n\
         \"content-digest\": sha-256=:AA==:\n\
         \"content-type\": text/plain; charset=utf-8\n\
         \"@signature-params\": (\"@method\" \"@target-uri\" \"claim-session\" \"content-digest\" \"content-type\")\
         ;created=1763971200;nonce=\"AgICAgICAgICAgICAgICAg\";alg=\"hmac-sha256\""
    );
}

#[test]
fn what_was_signed_verifies() {
    let verified = Arrived::new(Some(b"hello")).verify().unwrap();
    assert_eq!((verified.created, verified.nonce), (CREATED, Bytes([2; 16])));
    assert_eq!(verified.content_digest, Some(Digest::of(b"hello")));
    assert_eq!(Arrived::new(None).verify().unwrap().content_digest, None);
}

#[test]
fn white_space_and_other_labels_do_no_harm() {
    let request = Arrived::new(Some(b"hello"));
    request.changed(|r| r.input = format!("proxy=(\"@method\");created=1,  {}", r.input)).unwrap();
    request.changed(|r| r.signature = format!("{}, proxy=:AA==:", r.signature)).unwrap();
}

#[test]
fn every_covered_part_is_covered() {
    let request = Arrived::new(Some(b"hello"));
    assert_eq!(request.changed(|r| r.method = "PUT".into()), Err(SignatureError::Wrong));
    assert_eq!(request.changed(|r| r.target = "/v1/messages".into()), Err(SignatureError::Wrong));
    assert_eq!(request.changed(|r| r.session = "other".into()), Err(SignatureError::Wrong));
    assert_eq!(request.changed(|r| r.media_type = Some("x/y".into())), Err(SignatureError::Wrong));
    let digest = content_digest(b"other");
    assert_eq!(request.changed(|r| r.digest = Some(digest)), Err(SignatureError::Wrong));
    let later = |r: &mut Arrived| r.input = r.input.replace("1763971200", "1763971201");
    assert_eq!(request.changed(later), Err(SignatureError::Wrong));
    let nonce = |r: &mut Arrived| {
        r.input = r.input.replace("AgICAgICAgICAgICAgICAg", "AwICAgICAgICAgICAgICAg")
    };
    assert_eq!(request.changed(nonce), Err(SignatureError::Wrong));
}

#[test]
fn only_the_one_profile_will_do() {
    let request = Arrived::new(Some(b"hello"));
    for (from, to) in [
        ("\"@method\" \"@target-uri\"", "\"@target-uri\" \"@method\""),
        (" \"content-digest\"", ""),
        ("\"claim-session\"", "\"claim-session\" \"date\""),
        ("\"claim-session\"", "\"claim-session\";sf"),
        (";alg=\"hmac-sha256\"", ""),
        ("hmac-sha256", "rsa-pss-sha512"),
        (";alg=\"hmac-sha256\"", ";alg=\"hmac-sha256\";keyid=\"k\""),
        (";alg=\"hmac-sha256\"", ";alg=\"hmac-sha256\";expires=1"),
        ("AgICAgICAgICAgICAgICAg", "AgICAgICAgICAgICAgICAh"),
        ("AgICAgICAgICAgICAgICAg", "AgIC"),
        ("created=1763971200", "created=1763971200.5"),
        ("created=1763971200;", ""),
    ] {
        assert!(request.input.contains(from), "{from}");
        let result = request.changed(|r| r.input = r.input.replacen(from, to, 1));
        assert!(matches!(result, Err(SignatureError::Profile { .. })), "{to}: {result:?}");
    }
    assert_eq!(request.changed(|r| r.input = "sig=()".into()), Err(SignatureError::Input));
    assert_eq!(request.changed(|r| r.input.clear()), Err(SignatureError::Input));
    assert_eq!(request.changed(|r| r.signature = "claim=1".into()), Err(SignatureError::Signature));
    assert_eq!(request.changed(|r| r.signature.clear()), Err(SignatureError::Signature));
    assert_eq!(request.changed(|r| r.signature = "claim=::".into()), Err(SignatureError::Wrong));
}

#[test]
fn content_digest_has_exactly_one_member() {
    let request = Arrived::new(Some(b"hello"));
    let good = content_digest(b"hello");
    for wrong in [
        String::new(),
        "sha-256=:AA==:".into(),
        "sha-512=:AA==:".into(),
        format!("{good}, sha-512=:AA==:"),
        format!("{good};x"),
    ] {
        assert_eq!(request.changed(|r| r.digest = Some(wrong)), Err(SignatureError::ContentDigest));
    }
    assert_eq!(request.changed(|r| r.media_type = None), Err(SignatureError::ContentType));
    assert!(matches!(request.changed(|r| r.digest = None), Err(SignatureError::Profile { .. })));
}

#[test]
fn an_answer_is_bound_to_its_request() {
    let binding = Arrived::new(None).verify().unwrap().signature;
    let content = Content { media_type: "application/json", bytes: b"{}" };
    let fields = sign_answer(&key(), &binding, 201, Some(content), CREATED);
    let parts = AnswerParts {
        status: 201,
        content_digest: fields.content_digest.as_deref(),
        content_type: Some("application/json"),
        signature_input: &fields.signature_input,
        signature: &fields.signature,
    };
    assert_eq!(verify_answer(&key(), &binding, &parts), Ok(Some(Digest::of(b"{}"))));
    let other = Arrived::new(Some(b"hello")).verify().unwrap().signature;
    assert_eq!(verify_answer(&key(), &other, &parts), Err(SignatureError::Wrong));
    let status = AnswerParts { status: 200, ..parts };
    assert_eq!(verify_answer(&key(), &binding, &status), Err(SignatureError::Wrong));
    let media_type = AnswerParts { content_type: Some("text/html"), ..parts };
    assert_eq!(verify_answer(&key(), &binding, &media_type), Err(SignatureError::Wrong));
    assert_eq!(verify_answer(&MacKey::new([9; 32]), &binding, &parts), Err(SignatureError::Wrong));
    let empty = sign_answer(&key(), &binding, 204, None, CREATED);
    let parts = AnswerParts {
        status: 204,
        content_digest: None,
        content_type: None,
        signature_input: &empty.signature_input,
        signature: &empty.signature,
    };
    assert_eq!(verify_answer(&key(), &binding, &parts), Ok(None));
}

/// RFC 9421 §B.2.5: the published example of `hmac-sha256`.
#[test]
fn the_rfcs_own_vector() {
    let secret =
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==";
    let base = "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\
                \"@authority\": example.com\n\
                \"content-type\": application/json\n\
                \"@signature-params\": (\"date\" \"@authority\" \"content-type\")\
                ;created=1618884473;keyid=\"test-shared-secret\"";
    let secret = crate::encoding::from_base64(secret).unwrap();
    let mac = aws_lc_rs::hmac::sign(
        &aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret),
        base.as_bytes(),
    );
    assert_eq!(base64(mac.as_ref()), "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=");
}

proptest! {
    #[test]
    fn never_panics(input: String, signature: String, digest: Option<String>) {
        let request = Arrived::new(Some(b"hello"));
        let _ = request.changed(|r| { r.input = input; });
        let _ = request.changed(|r| { r.signature = signature; });
        let _ = request.changed(|r| { r.digest = digest; });
    }
}
