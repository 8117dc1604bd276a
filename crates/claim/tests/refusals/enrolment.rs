//! Steps 1 and 2 as requests.

use claim_core::encoding::base64;
use claim_core::invitation::{Code, Invitee};
use claim_core::student::Credential;
use claim_core::{PersonId, Sid};
use claim_http::{Answer, decode_est_body};
use claim_pki::{Certificate, SigningKey, Subject, certification_request, decode_certs_only};

use crate::authority::{Authority, rng};
use crate::wire::{Ask, Client, Version};

pub(crate) const ENROLL: &str = "/.well-known/est/simpleenroll";
pub(crate) const REENROLL: &str = "/.well-known/est/simplereenroll";
pub(crate) const CACERTS: &str = "/.well-known/est/cacerts";
pub(crate) const PKCS10: &str = "application/pkcs10";

/// The certification request of a person with this key.
pub(crate) fn request(id: &PersonId, key: &SigningKey) -> Vec<u8> {
    let subject = Subject::Person { id: id.clone(), name: None };
    certification_request(key, &subject).unwrap()
}

/// `simpleenroll` with a user-id and a password.
pub(crate) fn enroll(user: &str, password: &str, der: &[u8]) -> Ask {
    let ask = Ask::post(ENROLL, PKCS10, base64(der));
    ask.with("authorization", basic(user, password))
}

/// HTTP Basic.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))
}

/// `simplereenroll`.
pub(crate) fn reenroll(der: &[u8]) -> Ask {
    Ask::post(REENROLL, PKCS10, base64(der))
}

/// The one certificate in an answer.
pub(crate) fn issued(answer: &Answer) -> Certificate {
    assert_eq!(
        (answer.status.as_u16(), answer.media_type().as_str()),
        (200, "application/pkcs7-mime")
    );
    let mut certificates = decode_certs_only(&decode_est_body(&answer.body).unwrap()).unwrap();
    assert_eq!(certificates.len(), 1);
    certificates.remove(0)
}

/// Enrols at a local CUHK.
pub(crate) async fn enrolled(cuhk: &Client, authority: &Authority, sid: &Sid) -> Credential {
    let (id, key) = (PersonId::Student(sid.clone()), SigningKey::generate().unwrap());
    let (user, code) = (Invitee::Person(id.clone()).user_id(), Code::random(&mut rng()).expose());
    let answer = cuhk.ask(Version::Http2, &enroll(&user, &code, &request(&id, &key))).await;
    let chain = authority.chain(issued(&answer).der());
    Credential { id, chain, key }
}

/// The first element of a SEQUENCE, and the others: what is signed, and its signature.
pub(crate) fn halves(der: &[u8]) -> (&[u8], &[u8]) {
    let (start, _) = element(der);
    let inside = &der[start..];
    let (start, length) = element(inside);
    inside.split_at(start + length)
}

/// Where the content of an element begins, and how long it is.
fn element(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ 0..=0x7f => (2, usize::from(short)),
        0x81 => (3, usize::from(der[2])),
        _ => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
    }
}

/// A SEQUENCE of up to 64 KiB.
pub(crate) fn sequence(content: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match (high, low) {
        (0, 0..=0x7f) => vec![0x30, low],
        (0, _) => vec![0x30, 0x81, low],
        _ => vec![0x30, 0x82, high, low],
    };
    [&head, content].concat()
}
