//! HTTP Message Signatures (RFC 9421) and Content-Digest (RFC 9530) in the one profile that the protocol uses.
//!
//! Nothing is negotiated: label `claim`, `hmac-sha256`, fixed components and parameters in a fixed order.
//! Members of the fields under other labels (a proxy's signature, say) are ignored.

use sfv::{BareItem, Dictionary, FieldType, List, ListEntry, Parser};

use crate::encoding::{RequestNonce, base64};
use crate::transcript::MacKey;
use crate::{Digest, Origin};

/// How far `created` may lie from the server's clock, in seconds, either way.
pub const CLOCK_TOLERANCE_SECONDS: i64 = 5 * 60;

const LABEL: &str = "claim";
const ALGORITHM: &str = "hmac-sha256";

/// The fields of a request that its signature covers or consists of, as HTTP delivered them.
///
/// A field that came in several lines is joined with `", "` (RFC 9421 §2.1); the values are trimmed.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// The method, e.g. `POST`.
    pub method: &'a str,
    /// The raw request target: path and query as they were sent.
    pub target: &'a str,
    /// `Claim-Session`.
    pub claim_session: &'a str,
    /// `Content-Digest`.
    pub content_digest: Option<&'a str>,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Signature-Input`.
    pub signature_input: &'a str,
    /// `Signature`.
    pub signature: &'a str,
}

/// The fields of an answer that its signature covers or consists of.
#[derive(Clone, Copy, Debug)]
pub struct AnswerParts<'a> {
    /// The status code.
    pub status: u16,
    /// `Content-Digest`.
    pub content_digest: Option<&'a str>,
    /// `Content-Type`.
    pub content_type: Option<&'a str>,
    /// `Signature-Input`.
    pub signature_input: &'a str,
    /// `Signature`.
    pub signature: &'a str,
}

/// The fields that a signer adds to a request or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureFields {
    /// `Content-Digest`, when there is content.
    pub content_digest: Option<String>,
    /// `Signature-Input`.
    pub signature_input: String,
    /// `Signature`.
    pub signature: String,
}

/// Content with its media type.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// `Content-Type`, exactly as it is sent.
    pub media_type: &'a str,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// A request that is to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The method, e.g. `POST`.
    pub method: &'a str,
    /// The raw request target, exactly as it will be sent.
    pub target: &'a str,
    /// The content, if there is any.
    pub content: Option<Content<'a>>,
}

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// `Signature-Input` has no readable member `claim`.
    #[error("Signature-Input has no well-formed member \"claim\"")]
    Input,
    /// The member covers other components or has other parameters than the profile.
    #[error("Signature-Input must be claim={expected}")]
    Profile {
        /// What it must be, with this request's own `created` and `nonce` where they could be read.
        expected: String,
    },
    /// `Signature` has no readable member `claim`.
    #[error("Signature has no well-formed member \"claim\"")]
    Signature,
    /// `Content-Digest` is not exactly one `sha-256` of 32 bytes.
    #[error("Content-Digest must be sha-256=:<base64 of 32 bytes>: and nothing else")]
    ContentDigest,
    /// `Content-Digest` without `Content-Type`.
    #[error("there is a Content-Digest but no Content-Type")]
    ContentType,
    /// The MAC is another.
    #[error("the HMAC does not verify")]
    Wrong,
}

/// The parameters of a request's signature, once verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VerifiedRequest {
    pub(crate) created: i64,
    pub(crate) nonce: RequestNonce,
    pub(crate) content_digest: Option<Digest>,
    pub(crate) signature: Binding,
}

/// A request's signature as an answer's base names it: `"signature";req;key="claim"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding(String);

/// The value of `Content-Digest` for these bytes (RFC 9530 §2).
pub fn content_digest(bytes: &[u8]) -> String {
    format!("sha-256=:{}:", base64(Digest::of(bytes).as_bytes()))
}

pub(crate) fn sign_request(
    key: &MacKey,
    origin: &Origin,
    session_token: &str,
    request: &Outgoing<'_>,
    created: i64,
    nonce: &RequestNonce,
) -> (SignatureFields, Binding) {
    let Outgoing { method, target, content } = *request;
    let digest = content.map(|content| content_digest(content.bytes));
    let parts = RequestParts {
        method,
        target,
        claim_session: session_token,
        content_digest: digest.as_deref(),
        content_type: content.map(|content| content.media_type),
        signature_input: "",
        signature: "",
    };
    let params = request_params(content.is_some(), created, &nonce.to_string());
    let base = request_base(origin, &parts, &params);
    fields(key, &base, &params, digest)
}

pub(crate) fn verify_request(
    key: &MacKey,
    origin: &Origin,
    parts: &RequestParts<'_>,
) -> Result<VerifiedRequest, SignatureError> {
    let input = member(parts.signature_input).ok_or(SignatureError::Input)?;
    let created = integer(&input, "created").unwrap_or_default();
    let nonce = string(&input, "nonce").unwrap_or_default();
    let expected = request_params(parts.content_digest.is_some(), created, &nonce);
    let found = serialize(input).ok_or(SignatureError::Input)?;
    let profile = || SignatureError::Profile { expected: expected.clone() };
    if found != expected {
        return Err(profile());
    }
    let nonce = nonce.parse().map_err(|_| profile())?;
    let content_digest = checked_digest(parts.content_digest, parts.content_type)?;
    let mac = mac(parts.signature)?;
    key.verify(request_base(origin, parts, &expected).as_bytes(), &mac)
        .map_err(|_| SignatureError::Wrong)?;
    Ok(VerifiedRequest { created, nonce, content_digest, signature: Binding::of(&mac) })
}

pub(crate) fn sign_answer(
    key: &MacKey,
    request: &Binding,
    status: u16,
    content: Option<Content<'_>>,
    created: i64,
) -> SignatureFields {
    let digest = content.map(|content| content_digest(content.bytes));
    let parts = AnswerParts {
        status,
        content_digest: digest.as_deref(),
        content_type: content.map(|content| content.media_type),
        signature_input: "",
        signature: "",
    };
    let params = answer_params(content.is_some(), created);
    fields(key, &answer_base(request, &parts, &params), &params, digest).0
}

/// Returns the digest that the content must have; `None` when the answer has none.
pub(crate) fn verify_answer(
    key: &MacKey,
    request: &Binding,
    parts: &AnswerParts<'_>,
) -> Result<Option<Digest>, SignatureError> {
    let input = member(parts.signature_input).ok_or(SignatureError::Input)?;
    let created = integer(&input, "created").unwrap_or_default();
    let expected = answer_params(parts.content_digest.is_some(), created);
    if serialize(input).ok_or(SignatureError::Input)? != expected {
        return Err(SignatureError::Profile { expected });
    }
    let content_digest = checked_digest(parts.content_digest, parts.content_type)?;
    key.verify(answer_base(request, parts, &expected).as_bytes(), &mac(parts.signature)?)
        .map_err(|_| SignatureError::Wrong)?;
    Ok(content_digest)
}

impl Binding {
    fn of(mac: &[u8]) -> Self {
        Self(format!(":{}:", base64(mac)))
    }

    /// As a vector has it.
    #[cfg(test)]
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }
}

fn request_params(has_content: bool, created: i64, nonce: &str) -> String {
    let content = if has_content { r#" "content-digest" "content-type""# } else { "" };
    format!(
        r#"("@method" "@target-uri" "claim-session"{content});created={created};nonce="{nonce}";alg="{ALGORITHM}""#
    )
}

fn answer_params(has_content: bool, created: i64) -> String {
    let content = if has_content { r#" "content-digest" "content-type""# } else { "" };
    format!(
        r#"("@status"{content} "signature";req;key="{LABEL}");created={created};alg="{ALGORITHM}""#
    )
}

/// The signature base of a request (RFC 9421 §2.5).
pub(crate) fn request_base(origin: &Origin, parts: &RequestParts<'_>, params: &str) -> String {
    let mut base = format!(
        "\"@method\": {}\n\"@target-uri\": {origin}{}\n\"claim-session\": {}\n",
        parts.method, parts.target, parts.claim_session
    );
    content_lines(&mut base, parts.content_digest, parts.content_type);
    base + "\"@signature-params\": " + params
}

/// The signature base of an answer, bound to its request (RFC 9421 §2.4).
pub(crate) fn answer_base(request: &Binding, parts: &AnswerParts<'_>, params: &str) -> String {
    let mut base = format!("\"@status\": {}\n", parts.status);
    content_lines(&mut base, parts.content_digest, parts.content_type);
    base + &format!(
        "\"signature\";req;key=\"{LABEL}\": {}\n\"@signature-params\": {params}",
        request.0
    )
}

fn content_lines(base: &mut String, digest: Option<&str>, media_type: Option<&str>) {
    if let Some(digest) = digest {
        let media_type = media_type.unwrap_or_default();
        base.push_str(&format!("\"content-digest\": {digest}\n\"content-type\": {media_type}\n"));
    }
}

fn fields(
    key: &MacKey,
    base: &str,
    params: &str,
    content_digest: Option<String>,
) -> (SignatureFields, Binding) {
    let binding = Binding::of(&key.sign(base.as_bytes()));
    let fields = SignatureFields {
        content_digest,
        signature_input: format!("{LABEL}={params}"),
        signature: format!("{LABEL}={}", binding.0),
    };
    (fields, binding)
}

/// The digest in a `Content-Digest` that stands beside a `Content-Type`, if there is one.
fn checked_digest(
    field: Option<&str>,
    media_type: Option<&str>,
) -> Result<Option<Digest>, SignatureError> {
    let Some(field) = field else { return Ok(None) };
    if media_type.is_none() {
        return Err(SignatureError::ContentType);
    }
    let digest: Dictionary = parse(field).ok_or(SignatureError::ContentDigest)?;
    match (digest.len(), digest.get("sha-256")) {
        (1, Some(ListEntry::Item(item))) if item.params.is_empty() => item
            .bare_item
            .as_byte_sequence()
            .and_then(|bytes| bytes.try_into().ok())
            .map(|bytes| Some(Digest::from_bytes(bytes)))
            .ok_or(SignatureError::ContentDigest),
        _ => Err(SignatureError::ContentDigest),
    }
}

/// The member `claim` of a dictionary field.
fn member(field: &str) -> Option<ListEntry> {
    parse::<Dictionary>(field)?.swap_remove(LABEL)
}

fn parse<T: FieldType>(field: &str) -> Option<T> {
    Parser::new(field).parse().ok()
}

fn mac(field: &str) -> Result<Vec<u8>, SignatureError> {
    match member(field) {
        Some(ListEntry::Item(item)) if item.params.is_empty() => match item.bare_item {
            BareItem::ByteSequence(mac) => Ok(mac),
            _ => Err(SignatureError::Signature),
        },
        _ => Err(SignatureError::Signature),
    }
}

fn parameter<'a>(input: &'a ListEntry, name: &str) -> Option<&'a BareItem> {
    match input {
        ListEntry::InnerList(list) => list.params.get(name),
        ListEntry::Item(_) => None,
    }
}

fn integer(input: &ListEntry, name: &str) -> Option<i64> {
    parameter(input, name)?.as_integer().map(i64::from)
}

fn string(input: &ListEntry, name: &str) -> Option<String> {
    parameter(input, name)?.as_string().map(|text| text.as_str().to_owned())
}

/// The one canonical text of a member's value.
fn serialize(input: ListEntry) -> Option<String> {
    let list: List = vec![input];
    list.serialize()
}

#[cfg(test)]
mod tests;
