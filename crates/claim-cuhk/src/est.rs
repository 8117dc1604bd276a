//! The media types and encodings of EST (RFC 7030 as clarified by RFC 8951).

use axum::response::{IntoResponse, Response};
use claim_core::{Escaped, Problem, ProblemType};
use claim_http::{CERTS_ONLY, NotBase64, PKCS10, decode_est_body, encode_est_body};
use claim_pki::{Certificate, CertificationRequest, RequestError, encode_certs_only};
use http::{HeaderMap, header};

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

/// Reads a certification request and checks that it is signed by its own key.
///
/// RFC 8951 §3.1: base64 of the DER, white space ignored, whatever Content-Transfer-Encoding says. PEM is taken
/// too: it is what people have.
pub(crate) fn read_request(body: &[u8]) -> Result<CertificationRequest, Problem> {
    let unreadable = |detail: &str| Problem::new(ProblemType::RequestUnreadable, detail);
    if body.iter().any(|byte| !byte.is_ascii()) {
        return Err(unreadable("the content is binary; send the DER in base64"));
    }
    let text = std::str::from_utf8(body).map_err(|_| unreadable("the content is not text"))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(unreadable("there is no content"));
    }
    let request = if text.starts_with("-----BEGIN ") {
        CertificationRequest::from_pem(text)
    } else {
        let der =
            decode_est_body(body).map_err(|NotBase64| unreadable("the content is not base64"))?;
        CertificationRequest::from_der(&der)
    };
    request.map_err(|error| request_problem(&error))
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
    let der = encode_certs_only(certificates).map_err(|error| {
        tracing::error!(%error, "a certs-only message could not be encoded");
        Problem::new(ProblemType::InternalError, "the answer could not be encoded")
    })?;
    Ok(([(header::CONTENT_TYPE, CERTS_ONLY)], encode_est_body(&der)).into_response())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::encoding::base64;
    use claim_pki::{SigningKey, Subject, certification_request};

    use super::*;

    fn request() -> Vec<u8> {
        let id = "1155123456".parse().unwrap();
        certification_request(&SigningKey::generate().unwrap(), &Subject::Person { id, name: None })
            .unwrap()
    }

    #[test]
    fn base64_is_taken_however_it_is_broken_into_lines() {
        let der = request();
        let plain = base64(&der);
        let pem = format!(
            "-----BEGIN CERTIFICATE REQUEST-----\n{}-----END CERTIFICATE REQUEST-----\n",
            plain
                .as_bytes()
                .chunks(64)
                .map(|line| format!("{}\n", str::from_utf8(line).unwrap()))
                .collect::<String>()
        );
        let spaced: String = plain.chars().flat_map(|c| [c, '\t', ' ', '\r', '\n']).collect();
        for body in [
            plain.clone(),
            encode_est_body(&der),
            encode_est_body(&der),
            spaced,
            pem.clone(),
            pem.replace('\n', "\r\n"),
        ] {
            assert!(read_request(body.as_bytes()).is_ok(), "{body}");
        }
    }

    #[test]
    fn what_is_no_request_is_told_apart() {
        let der = request();
        let mut tampered = der.clone();
        *tampered.last_mut().unwrap() ^= 1;
        let text = base64(&der);
        for (body, problem_type, said) in [
            (&b""[..], ProblemType::RequestUnreadable, "no content"),
            (b" \r\n", ProblemType::RequestUnreadable, "no content"),
            (&der, ProblemType::RequestUnreadable, "binary"),
            (b"hello, world", ProblemType::RequestUnreadable, "base64"),
            (b"aGVsbG8=", ProblemType::RequestUnreadable, ""),
            (&text.as_bytes()[..text.len() - 4], ProblemType::RequestUnreadable, ""),
            (b"-----BEGIN CERTIFICATE REQUEST-----\n", ProblemType::RequestUnreadable, ""),
            (base64(&tampered).as_bytes(), ProblemType::RequestSignature, ""),
        ] {
            let problem = read_request(body).unwrap_err();
            assert_eq!(problem.problem_type, problem_type, "{}", problem.detail);
            assert!(problem.detail.contains(said), "{}", problem.detail);
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
