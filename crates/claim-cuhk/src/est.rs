//! The media types and encodings of EST (RFC 7030 as clarified by RFC 8951).

mod content;

use std::fmt::Display;

use axum::response::{IntoResponse, Response};
use claim_core::{DeviceName, Escaped, Problem, ProblemType};
use claim_http::{CERTS_ONLY, CSR_ATTRIBUTES, PKCS10, encode_est_body};
use claim_pki::{Certificate, RequestError, csr_attributes, encode_certs_only};
use http::{HeaderMap, header};

pub(crate) use content::read_request;

/// The longest certification request in bytes, as it is sent.
pub(crate) const MAX_REQUEST: usize = 64 * 1024;

/// Refuses another media type than `application/pkcs10`, whatever its parameters.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let value = match (lines.next(), lines.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    };
    let essence = value.and_then(|value| value.split(';').next()).map(str::trim);
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case(PKCS10)) {
        return Ok(());
    }
    let detail = format!("the Content-Type must be {PKCS10}");
    Err(Problem::new(ProblemType::UnsupportedMediaType, detail))
}

/// What the person calls the device, where that is said (`Claim-Device`).
pub fn device(headers: &HeaderMap) -> Result<Option<DeviceName>, Problem> {
    let mut lines = headers.get_all(DeviceName::HEADER).iter();
    let value = match (lines.next(), lines.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value.to_str().unwrap_or_default(),
        (Some(_), Some(_)) => "",
    };
    value.trim().parse().map(Some).map_err(|error| {
        Problem::new(ProblemType::MalformedRequest, format!("Claim-Device: {error}"))
    })
}

/// The problem that goes with each fault of a certification request.
pub(crate) fn request_problem(error: &RequestError) -> Problem {
    let problem_type = match error {
        RequestError::Signature => ProblemType::RequestSignature,
        RequestError::Key(_) => ProblemType::RequestKey,
        RequestError::Subject { .. } => ProblemType::RequestSubject,
        _ => ProblemType::RequestUnreadable,
    };
    /// A subject may be as long as the request: what is wrong shows in its beginning.
    const MAX_DETAIL: usize = 300;
    let detail: String = Escaped(&error.to_string()).to_string().chars().take(MAX_DETAIL).collect();
    Problem::new(problem_type, detail)
}

/// A certs-only answer.
pub(crate) fn certs_only(certificates: &[Certificate]) -> Result<Response, Problem> {
    answer(CERTS_ONLY, encode_certs_only(certificates))
}

/// The answer that says what a certification request should be made of.
pub(crate) fn asked_attributes() -> Result<Response, Problem> {
    answer(CSR_ATTRIBUTES, csr_attributes())
}

/// RFC 8951 §3: all content is DER in base64.
fn answer<E: Display>(
    media_type: &'static str,
    der: Result<Vec<u8>, E>,
) -> Result<Response, Problem> {
    let der = der.map_err(|error| {
        tracing::error!(%error, media_type, "an answer could not be encoded");
        Problem::new(ProblemType::InternalError, "the answer could not be encoded")
    })?;
    Ok(([(header::CONTENT_TYPE, media_type)], encode_est_body(&der)).into_response())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn a_device_has_one_plain_name_or_none() {
        let read = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(DeviceName::HEADER, line.parse().unwrap());
            }
            device(&headers)
        };
        assert_eq!(read(&[]).unwrap(), None);
        assert_eq!(read(&[" Lab PC 3 "]).unwrap().unwrap().as_str(), "Lab PC 3");
        for wrong in [&[""][..], &["a", "a"], &["a\"b"], &["caf\u{e9}"]] {
            let refused = read(wrong).unwrap_err();
            assert_eq!(refused.problem_type, ProblemType::MalformedRequest, "{wrong:?}");
        }
    }

    #[test]
    fn the_media_type_may_have_parameters_and_capitals() {
        let mut headers = HeaderMap::new();
        assert!(check_content_type(&headers).is_err());
        for (value, taken) in [
            ("application/pkcs10", true),
            ("Application/PKCS10 ; charset=us-ascii", true),
            ("application/x-www-form-urlencoded", false),
            ("application/pkcs10x", false),
        ] {
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            assert_eq!(check_content_type(&headers).is_ok(), taken, "{value}");
        }
    }
}
