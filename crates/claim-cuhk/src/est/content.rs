//! The content of an enrolment request, as people and programs send it.

use claim_core::{Problem, ProblemType};
use claim_http::{NotBase64, decode_est_body};
use claim_pki::CertificationRequest;

use super::request_problem;

/// What every block of PEM begins and ends with (RFC 7468 §2).
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

/// Reads a certification request and checks that it is signed by its own key.
///
/// RFC 8951 §3.1: base64 of the DER, white space ignored, whatever Content-Transfer-Encoding says. PEM is taken
/// too, with text around it: it is what people have.
pub(crate) fn read_request(content: &[u8]) -> Result<CertificationRequest, Problem> {
    let text = text(content)?;
    let request = match text.matches(BEGIN).count() {
        0 => {
            let der = decode_est_body(content)
                .map_err(|NotBase64| unreadable("the content is neither base64 nor PEM"))?;
            CertificationRequest::from_der(&der)
        }
        1 if !text.contains(END) => {
            return Err(unreadable("the PEM block has no end: the content was cut off"));
        }
        1 => CertificationRequest::from_pem(&trimmed(text)),
        // One of them would have to be chosen: by whom, the content does not say.
        blocks => return Err(too_many(text, blocks)),
    };
    request.map_err(|error| request_problem(&error))
}

/// The content as ASCII text that is not empty.
fn text(content: &[u8]) -> Result<&str, Problem> {
    /// The first octet of every certification request in DER.
    const SEQUENCE: u8 = 0x30;
    let text = match std::str::from_utf8(content) {
        Ok(text) => text,
        Err(_) if content.first() == Some(&SEQUENCE) => {
            return Err(unreadable("the content is binary; send the DER in base64, or as PEM"));
        }
        Err(_) => return Err(unreadable("the content is not text in ASCII or UTF-8")),
    };
    match text.trim().chars().find(|c| !c.is_ascii()) {
        _ if text.trim().is_empty() => Err(unreadable("there is no content")),
        Some(c) => {
            Err(unreadable(&format!("U+{:04X} has no place in base64 or PEM", u32::from(c))))
        }
        None => Ok(text),
    }
}

/// Without the white space that is around lines where text was pasted.
fn trimmed(text: &str) -> String {
    text.split(['\r', '\n']).map(|line| line.trim().to_owned() + "\n").collect()
}

fn too_many(text: &str, blocks: usize) -> Problem {
    if text.contains("PRIVATE KEY-----") {
        return unreadable(
            "the content holds a private key, which is for nobody but you; make a new key, and \
             send the certification request alone",
        );
    }
    unreadable(&format!(
        "the content holds {blocks} PEM blocks; send one certification request alone"
    ))
}

fn unreadable(detail: &str) -> Problem {
    Problem::new(ProblemType::RequestUnreadable, detail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::encoding::base64;
    use claim_pki::{SigningKey, Subject, certification_request};

    use super::*;

    #[test]
    fn what_is_wrong_with_the_content_is_told_apart() {
        let id = "1155123456".parse().unwrap();
        let subject = Subject::Person { id, name: None };
        let der = certification_request(&SigningKey::generate().unwrap(), &subject).unwrap();
        let text = base64(&der);
        assert!(read_request(text.as_bytes()).is_ok());
        let mut tampered = der.clone();
        *tampered.last_mut().unwrap() ^= 1;
        let unreadable = ProblemType::RequestUnreadable;
        for (content, problem_type, said) in [
            (&b""[..], unreadable, "no content"),
            (b" \r\n", unreadable, "no content"),
            (&der, unreadable, "binary"),
            (b"\xff\xfeM\0I\0", unreadable, "not text"),
            ("\u{feff}AAAA".as_bytes(), unreadable, "U+FEFF"),
            (b"hello, world", unreadable, "neither base64 nor PEM"),
            (b"aGVsbG8=", unreadable, "malformed"),
            (&text.as_bytes()[..text.len() - 4], unreadable, "malformed"),
            (b"-----BEGIN CERTIFICATE REQUEST-----\n", unreadable, "cut off"),
            (b"-----BEGIN X-----\nAAAA\n-----END X-----\n", unreadable, "no certification request"),
            (b"-----BEGIN X-----\n-----BEGIN X-----\n", unreadable, "2 PEM blocks"),
            (b"-----BEGIN PRIVATE KEY-----\n-----BEGIN X-----\n", unreadable, "make a new key"),
            (base64(&tampered).as_bytes(), ProblemType::RequestSignature, ""),
        ] {
            let problem = read_request(content).unwrap_err();
            assert_eq!(problem.problem_type, problem_type, "{}", problem.detail);
            assert!(problem.detail.contains(said), "{}", problem.detail);
        }
    }
}
