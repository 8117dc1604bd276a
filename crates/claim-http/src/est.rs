//! Enrolment over Secure Transport (RFC 7030, as clarified by RFC 8951): the client, and the encoding of bodies
//! that both sides share.

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use claim_core::invitation::{Code, Invitee};
use claim_core::{DeviceName, Origin};
use claim_pki::{Certificate, CertsOnlyError, decode_certs_only};
use http::{StatusCode, header};

use crate::client::{Answer, send};
use crate::problem_answer::ProblemAnswer;
use crate::reach::ReachError;

/// The media type of certification requests (RFC 5967).
pub const PKCS10: &str = "application/pkcs10";

/// The media type of a certs-only answer, with its parameter (RFC 7030 §4.1.3).
pub const CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";

/// The media type of CSR attributes (RFC 7030 §4.5.2).
pub const CSR_ATTRIBUTES: &str = "application/csrattrs";

/// The largest answer that is read, in bytes.
pub(crate) const MAX_ANSWER: usize = 64 * 1024;

/// The columns of encoded bodies: some clients fail on one long line.
const COLUMNS: usize = 76;

/// Padding is optional in what others send.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why no certificate came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EstError {
    /// No answer came at all.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// The server refused.
    #[error("{0}")]
    Refused(Box<ProblemAnswer>),
    /// The answer is not one of EST: something else listens there.
    #[error("the server does not answer like an EST server (status {status}, type {media_type:?})")]
    NotEst {
        /// The status.
        status: StatusCode,
        /// The media type.
        media_type: String,
    },
    /// The content is not base64.
    #[error("the server's answer is not base64")]
    NotBase64,
    /// The content is not a certs-only message.
    #[error("the server's answer holds no certificates: {0}")]
    NotCertsOnly(#[from] CertsOnlyError),
    /// RFC 7030 §4.2.3: exactly the certificate that was issued.
    #[error("the server answered with {found} certificates instead of one")]
    NotOneCertificate {
        /// How many came.
        found: usize,
    },
}

/// Fetches the certificates of the authority: `/.well-known/est/cacerts` (RFC 7030 §4.1).
///
/// # Errors
/// [`EstError`].
pub async fn fetch_ca_certificates(
    client: &reqwest::Client,
    cuhk: &Origin,
) -> Result<Vec<Certificate>, EstError> {
    certificates(send(client.get(cuhk.join("/.well-known/est/cacerts")), MAX_ANSWER).await?)
}

/// Enrols with a one-time code: `/.well-known/est/simpleenroll` (RFC 7030 §4.2.1), HTTP Basic.
///
/// The client must trust CUHK by [`crate::ServerTrust::CuhkServer`] (or the system's roots, when asked to):
/// the code goes to whoever is at the other end.
///
/// # Errors
/// [`EstError`].
pub async fn simple_enroll(
    client: &reqwest::Client,
    cuhk: &Origin,
    invitee: &Invitee,
    code: &Code,
    certification_request: &[u8],
) -> Result<Certificate, EstError> {
    simple_enroll_on(client, cuhk, invitee, code, None, certification_request).await
}

/// The same, for a device that the person calls by this name.
///
/// # Errors
/// [`EstError`].
pub async fn simple_enroll_on(
    client: &reqwest::Client,
    cuhk: &Origin,
    invitee: &Invitee,
    code: &Code,
    device: Option<&DeviceName>,
    certification_request: &[u8],
) -> Result<Certificate, EstError> {
    let request = client
        .post(cuhk.join("/.well-known/est/simpleenroll"))
        .basic_auth(invitee.user_id(), Some(code.expose()));
    enroll(on(request, device), certification_request).await
}

/// Renews: `/.well-known/est/simplereenroll` (RFC 7030 §4.2.2); the client shows the certificate of now
/// in the TLS handshake.
///
/// # Errors
/// [`EstError`].
pub async fn simple_reenroll(
    client: &reqwest::Client,
    cuhk: &Origin,
    certification_request: &[u8],
) -> Result<Certificate, EstError> {
    simple_reenroll_on(client, cuhk, None, certification_request).await
}

/// The same, for a device that the person calls by this name from now on.
///
/// # Errors
/// [`EstError`].
pub async fn simple_reenroll_on(
    client: &reqwest::Client,
    cuhk: &Origin,
    device: Option<&DeviceName>,
    certification_request: &[u8],
) -> Result<Certificate, EstError> {
    let request = client.post(cuhk.join("/.well-known/est/simplereenroll"));
    enroll(on(request, device), certification_request).await
}

/// DER as an EST body: base64, in lines of 76 columns.
///
/// They end in LF alone: white space is free here (RFC 8951 §3.1), and `base64 -d` stops at a CR.
pub fn encode_est_body(der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let mut body = String::with_capacity(encoded.len() + encoded.len() / COLUMNS + 1);
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(COLUMNS));
        body.push_str(line);
        body.push('\n');
        rest = after;
    }
    body
}

/// DER from an EST body: base64 in lines of any length, or in one (RFC 8951 §3.1).
///
/// # Errors
/// [`NotBase64`].
pub fn decode_est_body(body: &[u8]) -> Result<Vec<u8>, NotBase64> {
    let compact: Vec<u8> =
        body.iter().copied().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).collect();
    LENIENT.decode(compact).map_err(|_| NotBase64)
}

/// A body is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the content is not base64")]
pub struct NotBase64;

fn on(request: reqwest::RequestBuilder, device: Option<&DeviceName>) -> reqwest::RequestBuilder {
    match device {
        Some(device) => request.header(DeviceName::HEADER, device.as_str()),
        None => request,
    }
}

async fn enroll(request: reqwest::RequestBuilder, der: &[u8]) -> Result<Certificate, EstError> {
    let request = request.header(header::CONTENT_TYPE, PKCS10).body(encode_est_body(der));
    one_certificate(send(request, MAX_ANSWER).await?)
}

/// The certificate that was issued, and nothing beside it.
pub(crate) fn one_certificate(answer: Answer) -> Result<Certificate, EstError> {
    let mut certificates = certificates(answer)?;
    match (certificates.pop(), certificates.len()) {
        (Some(certificate), 0) => Ok(certificate),
        (popped, rest) => {
            Err(EstError::NotOneCertificate { found: rest + usize::from(popped.is_some()) })
        }
    }
}

fn certificates(answer: Answer) -> Result<Vec<Certificate>, EstError> {
    let media_type = answer.media_type();
    if answer.status == StatusCode::OK && media_type == "application/pkcs7-mime" {
        let der = decode_est_body(&answer.body).map_err(|NotBase64| EstError::NotBase64)?;
        return Ok(decode_certs_only(&der)?);
    }
    match ProblemAnswer::from_answer(&answer) {
        Some(problem) => Err(EstError::Refused(Box::new(problem))),
        None => Err(EstError::NotEst { status: answer.status, media_type }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn bodies_are_wrapped_and_come_back() {
        for length in [0, 1, 56, 57, 58, 114, 500] {
            let der = vec![0xa5; length];
            let body = encode_est_body(&der);
            assert!(body.lines().all(|line| line.len() <= COLUMNS && !line.is_empty()));
            assert_eq!(decode_est_body(body.as_bytes()).unwrap(), der);
        }
    }

    #[test]
    fn other_peoples_bodies_are_read() {
        for body in ["AAEC\nAw==\n", "AAECAw==", "AAECAw", " AAEC\r\n\tAw = =", "AAECAw==\r\n\r\n"]
        {
            assert_eq!(decode_est_body(body.as_bytes()).unwrap(), [0, 1, 2, 3], "{body:?}");
        }
        for body in ["AAE-_w==", "AAEC*", "A", "\u{0}AAEC"] {
            assert_eq!(decode_est_body(body.as_bytes()), Err(NotBase64), "{body:?}");
        }
    }
}
