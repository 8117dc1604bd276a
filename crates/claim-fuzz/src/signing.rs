//! The signatures of step 6: whatever the fields say is signed here with the right key, so that only its form decides.
//!
//! An input is text, one field a line; a line with a single hyphen stands for a field that is not there.

use std::sync::LazyLock;

use claim_core::Digest;
use claim_core::blackboard::{self, ExpectConfirmation, Session};
use claim_core::encoding::{Bytes, base64};
use claim_core::messages::SCHEME;
use claim_core::signing::{AnswerParts, Content, Outgoing, RequestParts, content_digest};
use claim_core::student;
use claim_core::transcript::{Context, MacKey, SessionSecret, Transcript};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_P256_HKDF_SHA256_AES_128 as HPKE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey};

use crate::world::{self, ORIGIN, WORLD};
use crate::{Outcome, outcome};

const CONTENT: &[u8] = b"hello";

/// A session, and the keys that a student's own code would not give away.
struct Known {
    student: student::Session,
    message_key: MacKey,
    answer_key: MacKey,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut rng = ChaCha20Rng::seed_from_u64(11);
    let (origin, ring, credential) = (world::origin(), &WORLD.rings[0], &WORLD.credentials[0]);
    let (request, waiting) = student::request(credential, &origin, &mut rng);
    let person = WORLD.trusted.verify_person(&WORLD.person_chain(), world::now()).unwrap();
    let (challenge, _) =
        blackboard::challenge(&origin, &request, &person, ring, world::now(), &mut rng).unwrap();
    let leaf = Digest::of(credential.chain.leaf());
    let context = Context::new(&origin, &request.request, &leaf, &request.nonce, &challenge.nonce);
    let private = HpkePrivateKey::from(credential.key.private_scalar().unwrap().to_vec());
    let enc = EncapsulatedSecret(challenge.enc.0.to_vec());
    let key = HPKE.open(&enc, context.as_bytes(), &[], &challenge.ciphertext.0, &private).unwrap();
    let transcript = Transcript::new(&context, SCHEME, &challenge.enc, &challenge.ciphertext);
    let key = claim_core::Secret::new(key.try_into().unwrap());
    let secret = SessionSecret::extract(&transcript, &key);
    let (confirmation, waiting) = waiting.receive(&challenge).unwrap();
    let (answer, _) =
        ExpectConfirmation::open(&confirmation.challenge, &origin, ring, world::now())
            .unwrap()
            .confirm(&confirmation.confirmation, &WORLD.identities[0], ring, world::now(), &mut rng)
            .unwrap();
    Known {
        student: waiting.receive(answer, &WORLD.trusted, world::now()).unwrap(),
        message_key: secret.message_key(),
        answer_key: secret.answer_key(),
    }
});

/// The lines of an input.
struct Lines<'a>(Vec<Option<&'a str>>);

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        Self(text.split('\n').map(|line| (line != "-").then_some(line)).collect())
    }

    fn optional(&self, at: usize) -> Option<&'a str> {
        self.0.get(at).copied().flatten()
    }

    fn text(&self, at: usize) -> &'a str {
        self.optional(at).unwrap_or_default()
    }
}

/// What `Signature-Input` says about the member `claim`, as it stands there.
fn parameters(input: &str) -> &str {
    input.split_once("claim=").map_or(input, |(_, parameters)| parameters)
}

fn content_lines(digest: Option<&str>, media_type: Option<&str>) -> String {
    digest.map_or(String::new(), |digest| {
        let media_type = media_type.unwrap_or_default();
        format!("\"content-digest\": {digest}\n\"content-type\": {media_type}\n")
    })
}

/// Method, target, `Content-Type`, `Content-Digest`, `Signature-Input`.
///
/// What is accepted has exactly the components and parameters of the profile.
pub(crate) fn request(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let lines = Lines::of(text);
    let (method, target) = (lines.text(0), lines.text(1));
    let (media_type, digest, input) = (lines.optional(2), lines.optional(3), lines.text(4));
    let token = KNOWN.student.token();
    let parameters = parameters(input);
    let base = format!(
        "\"@method\": {method}\n\"@target-uri\": {ORIGIN}{target}\n\"claim-session\": {token}\n{}\"@signature-params\": {parameters}",
        content_lines(digest, media_type)
    );
    let signature = format!("claim=:{}:", base64(&KNOWN.message_key.sign(base.as_bytes())));
    let parts = RequestParts {
        method,
        target,
        claim_session: token,
        content_digest: digest,
        content_type: media_type,
        signature_input: input,
        signature: &signature,
    };
    let session = Session::open(token, &world::origin(), &WORLD.rings[0], world::now()).unwrap();
    let read = session.authenticate(&world::origin(), &parts);
    if let Ok(head) = &read {
        let (created, rest) =
            after_components(parameters, "\"@method\" \"@target-uri\" \"claim-session\"", digest);
        let nonce = rest
            .strip_prefix(";nonce=\"")
            .and_then(|rest| rest.strip_suffix("\";alg=\"hmac-sha256\""));
        assert!(nonce.unwrap().parse::<Bytes<16>>().is_ok());
        assert!(digest.is_none() || media_type.is_some());
        assert_eq!(head.person(), &world::id());
        if let Some(Ok(request)) = content_of(session_again(&parts), created) {
            assert_eq!(request.content_digest(), Digest::of(CONTENT));
            assert_eq!(digest.map(str::trim), Some(content_digest(CONTENT).as_str()));
        }
    }
    outcome(&read)
}

fn session_again(parts: &RequestParts<'_>) -> blackboard::AuthenticHead {
    let token = KNOWN.student.token();
    let session = Session::open(token, &world::origin(), &WORLD.rings[0], world::now()).unwrap();
    session.authenticate(&world::origin(), parts).unwrap()
}

/// Feeds the content; `None` when the time is another.
fn content_of(
    head: blackboard::AuthenticHead,
    created: i64,
) -> Option<Result<blackboard::AuthenticRequest, blackboard::RequestError>> {
    let timely = head.timely(world::now());
    let distance = (i128::from(created.max(0)) - i128::from(world::now().as_seconds())).abs();
    assert_eq!(timely.is_ok(), distance <= 300, "five minutes either way");
    Some(timely.ok()?.content(CONTENT))
}

/// Takes `(<components>);created=<number>` off and returns the number and the rest.
fn after_components<'a>(
    parameters: &'a str,
    components: &str,
    digest: Option<&str>,
) -> (i64, &'a str) {
    let content = if digest.is_some() { " \"content-digest\" \"content-type\"" } else { "" };
    let head = format!("({components}{content}");
    let rest = parameters.strip_prefix(&head).expect("the components of the profile, in its order");
    let rest = rest.strip_prefix(" \"signature\";req;key=\"claim\"").unwrap_or(rest);
    let rest = rest.strip_prefix(");created=").unwrap();
    let end = rest.find(';').unwrap_or(rest.len());
    (rest[..end].parse().unwrap(), &rest[end..])
}

pub(crate) fn requests() -> Vec<Vec<u8>> {
    let nonce = Bytes([5; 16]);
    let text = Content { media_type: "text/plain", bytes: CONTENT };
    [("POST", "/v1/messages", Some(text)), ("GET", "/v1/assignments?all", None)]
        .map(|(method, target, content)| {
            let request = Outgoing { method, target, content };
            let (fields, _) = KNOWN.student.sign(&request, world::now(), &nonce);
            let media_type = content.map_or("-", |content| content.media_type);
            let digest = fields.content_digest.as_deref().unwrap_or("-");
            [method, target, media_type, digest, &fields.signature_input].join("\n").into_bytes()
        })
        .to_vec()
}

/// Status, `Content-Type`, `Content-Digest`, `Signature-Input`, content.
pub(crate) fn answer(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let lines = Lines::of(text);
    let Ok(status) = lines.text(0).parse::<u16>() else { return Outcome::Refused };
    let (media_type, digest, input) = (lines.optional(1), lines.optional(2), lines.text(3));
    let content = lines.text(4).as_bytes();
    let outgoing = Outgoing { method: "GET", target: "/", content: None };
    let (fields, waiting) = KNOWN.student.sign(&outgoing, world::now(), &Bytes([6; 16]));
    let binding = fields.signature.strip_prefix("claim=").unwrap();
    let parameters = parameters(input);
    let base = format!(
        "\"@status\": {status}\n{}\"signature\";req;key=\"claim\": {binding}\n\"@signature-params\": {parameters}",
        content_lines(digest, media_type)
    );
    let signature = format!("claim=:{}:", base64(&KNOWN.answer_key.sign(base.as_bytes())));
    let parts = AnswerParts {
        status,
        content_digest: digest,
        content_type: media_type,
        signature_input: input,
        signature: &signature,
    };
    let read = waiting.receive(&parts, content);
    if read.is_ok() {
        let (_, rest) = after_components(parameters, "\"@status\"", digest);
        assert_eq!(rest, ";alg=\"hmac-sha256\"");
        match digest {
            Some(digest) => assert_eq!(digest.trim(), content_digest(content)),
            None => assert!(content.is_empty()),
        }
        let forged = AnswerParts { status: status ^ 1, ..parts };
        assert!(waiting.receive(&forged, content).is_err());
    }
    outcome(&read)
}

pub(crate) fn answers() -> Vec<Vec<u8>> {
    let created = world::now().as_seconds();
    let digest = content_digest(b"{}");
    vec![
        format!("201\napplication/json\n{digest}\nclaim=(\"@status\" \"content-digest\" \"content-type\" \"signature\";req;key=\"claim\");created={created};alg=\"hmac-sha256\"\n{{}}").into_bytes(),
        format!("204\n-\n-\nclaim=(\"@status\" \"signature\";req;key=\"claim\");created={created};alg=\"hmac-sha256\"\n").into_bytes(),
    ]
}
