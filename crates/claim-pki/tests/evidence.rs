//! The files by which a Blackboard's evidence keys travel to the root and back.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;

use authority::{Authority, ed25519_key, key, origin, start};
use claim_pki::{
    Certificate, Ed25519SigningKey, EvidenceAnswer, EvidenceAnswerError, EvidencePart,
    EvidenceRequest, EvidenceRequestError, PathError, RequestError, SigningKey,
    VerifyEvidenceError, WitnessName, WitnessRequest, WitnessRequestError, certification_request,
};

fn other_origin() -> claim_pki::Origin {
    "https://other.example:3141".parse().unwrap()
}

fn request(timestamp: &SigningKey, log: &Ed25519SigningKey) -> EvidenceRequest {
    EvidenceRequest::make(&origin(), timestamp, log).unwrap()
}

#[test]
fn a_request_file_says_what_the_protocol_says() {
    let (timestamp, log) = (key(), ed25519_key());
    let made = request(&timestamp, &log);
    let text = made.to_text();
    let start =
        format!("claim request v1\norigin: {}\n-----BEGIN CERTIFICATE REQUEST-----\n", origin());
    assert!(text.starts_with(&start), "{text}");
    assert!(text.len() < EvidenceRequest::MAX_SIZE);
    for text in [text.clone(), text.replace('\n', "\r\n")] {
        let read = EvidenceRequest::from_bytes(text.as_bytes()).unwrap();
        assert_eq!(read, made);
        assert_eq!(read.timestamp().public_key(), timestamp.public_key());
        assert_eq!(read.log().public_key(), log.public_key());
    }
}

#[test]
fn what_is_no_request_file_is_refused_by_name() {
    let text = request(&key(), &ed25519_key()).to_text();
    let (blocks, lines) = {
        let at = text.find("-----BEGIN").unwrap();
        (&text[at..], &text[..at])
    };
    let second = blocks.rfind("-----BEGIN").unwrap();
    let (first, second) = blocks.split_at(second);
    let read = |text: &str| EvidenceRequest::from_bytes(text.as_bytes()).unwrap_err();

    use EvidenceRequestError as E;
    assert_eq!(read(""), E::FirstLine);
    assert_eq!(read(&text.replace("v1", "v2")), E::FirstLine);
    for origin in ["https://LOCALHOST:3141", "http://localhost:3141", "https://localhost:3141/"] {
        let line = format!("claim request v1\norigin: {origin}\n{blocks}");
        assert_eq!(read(&line), E::Origin { found: format!("origin: {origin}") });
    }
    assert_eq!(read(lines), E::Count { found: 0 });
    assert_eq!(read(&format!("{lines}{first}")), E::Count { found: 1 });
    assert_eq!(read(&format!("{text}{second}{second}")), E::Count { found: 3 });
    assert!(matches!(read(&format!("{lines}{second}{first}")), E::Timestamp { .. }));
    assert!(matches!(read(&format!("{lines}{first}{first}")), E::Log { .. }));
    let long = " ".repeat(EvidenceRequest::MAX_SIZE + 1);
    assert_eq!(read(&long), E::TooLarge { found: long.len() });
    assert_eq!(EvidenceRequest::from_bytes(&[0xff]), Err(E::NotText));
}

/// Nobody gets another Blackboard's evidence keys replaced by changing one line, or by handing in its server's request.
#[test]
fn both_requests_name_the_origin_and_their_purpose() {
    let (timestamp, log) = (key(), ed25519_key());
    let text = request(&timestamp, &log).to_text();
    let moved = text.replace(origin().as_str(), other_origin().as_str());
    let refused = EvidenceRequest::from_bytes(moved.as_bytes()).unwrap_err();
    let EvidenceRequestError::Timestamp { origin, source: RequestError::Subject { .. } } = refused
    else {
        panic!("{refused}")
    };
    assert_eq!(origin, other_origin());

    let server = claim_pki::Subject::Server { origin: authority::origin() };
    let server = certification_request(&timestamp, &server).unwrap();
    let made = request(&timestamp, &log);
    let replaced = made.to_text().replace(&pem(made.timestamp().der()), &pem(&server));
    assert_ne!(replaced, made.to_text());
    let refused = EvidenceRequest::from_bytes(replaced.as_bytes()).unwrap_err();
    assert!(matches!(refused, EvidenceRequestError::Timestamp { .. }), "{refused}");
}

fn pem(der: &[u8]) -> String {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let lines = lines.join("\n");
    format!("-----BEGIN CERTIFICATE REQUEST-----\n{lines}\n-----END CERTIFICATE REQUEST-----\n")
}

#[test]
fn a_witness_asks_with_a_file_of_its_own() {
    let (name, other) = ("witness.example", "other.example");
    let name: WitnessName = name.parse().unwrap();
    let key = ed25519_key();
    let made = WitnessRequest::make(&name, &key).unwrap();
    let text = made.to_text();
    for text in [text.clone(), text.replace('\n', "\r\n")] {
        assert!(WitnessRequest::is_meant(text.as_bytes()));
        let read = WitnessRequest::from_bytes(text.as_bytes()).unwrap();
        assert_eq!((read.name(), read.key().public_key()), (&name, key.public_key()));
    }
    let blackboard = request(&self::key(), &key).to_text();
    assert!(!WitnessRequest::is_meant(blackboard.as_bytes()));

    use WitnessRequestError as E;
    let read = |text: &str| WitnessRequest::from_bytes(text.as_bytes()).unwrap_err();
    assert_eq!(read(&blackboard), E::FirstLine);
    assert_eq!(read(&text.replace("v1", "v2")), E::FirstLine);
    let spaced = text.replace(name.as_str(), "witness example");
    assert_eq!(read(&spaced), E::Name { found: "name: witness example".to_owned() });
    // Nobody gets the certificate of another name by changing one line.
    let moved = read(&text.replace(name.as_str(), other));
    let E::Key { name, source: RequestError::Subject { .. } } = moved else { panic!("{moved}") };
    assert_eq!(name.as_str(), other);
    let (lines, block) = text.split_at(text.find("-----BEGIN").unwrap());
    assert_eq!(read(lines), E::Count { found: 0 });
    assert_eq!(read(&format!("{text}{block}{block}")), E::Count { found: 2 });
    let long = " ".repeat(WitnessRequest::MAX_SIZE + 1);
    assert_eq!(read(&long), E::TooLarge { found: long.len() });
    assert_eq!(WitnessRequest::from_bytes(&[0xff]), Err(E::NotText));
}

struct Certified {
    authority: Authority,
    timestamp: SigningKey,
    log: Ed25519SigningKey,
    answer: EvidenceAnswer,
}

impl Certified {
    fn new() -> Self {
        let authority = Authority::new();
        let (timestamp, log) = (key(), ed25519_key());
        let answer = EvidenceAnswer {
            timestamp: authority.timestamp_with(&timestamp),
            log: authority.log_with(&log),
            witness: authority.witness_with(&ed25519_key()),
        };
        Self { authority, timestamp, log, answer }
    }

    fn verify(&self, answer: &EvidenceAnswer) -> Result<(), VerifyEvidenceError> {
        let root = self.authority.trusted();
        let (timestamp, log) = (self.timestamp.public_key(), self.log.public_key());
        answer.verify(&root, &origin(), timestamp, log, start()).map(drop)
    }
}

#[test]
fn an_answer_file_is_three_certificates_in_their_order() {
    let certified = Certified::new();
    let text = certified.answer.to_text();
    let chain = Certificate::chain_from_pem(&text).unwrap();
    let answer = &certified.answer;
    assert_eq!(chain, [&answer.timestamp, &answer.log, &answer.witness].map(Clone::clone));
    assert_eq!(&EvidenceAnswer::from_bytes(text.as_bytes()).unwrap(), answer);
    assert_eq!(certified.verify(answer), Ok(()));

    let two = answer.timestamp.to_pem() + &answer.log.to_pem();
    let read = |text: &str| EvidenceAnswer::from_bytes(text.as_bytes()).unwrap_err();
    assert_eq!(read(&two), EvidenceAnswerError::Count { found: 2 });
    assert_eq!(read(&text.repeat(2)), EvidenceAnswerError::Count { found: 6 });
    assert!(matches!(read(""), EvidenceAnswerError::Certificates(_)));
    let long = " ".repeat(EvidenceAnswer::MAX_SIZE + 1);
    assert_eq!(read(&long), EvidenceAnswerError::TooLarge { found: long.len() });
    assert_eq!(EvidenceAnswer::from_bytes(&[0xff]), Err(EvidenceAnswerError::NotText));
}

#[test]
fn an_answer_to_another_request_is_told_as_such() {
    let (certified, other) = (Certified::new(), Certified::new());
    let with = |change: &dyn Fn(&mut EvidenceAnswer)| {
        let mut answer = certified.answer.clone();
        change(&mut answer);
        certified.verify(&answer).unwrap_err()
    };
    use VerifyEvidenceError as E;
    let swapped = with(&|answer| std::mem::swap(&mut answer.timestamp, &mut answer.witness));
    assert!(matches!(swapped, E::Path { part: EvidencePart::Timestamp, .. }), "{swapped}");
    let foreign = with(&|answer| answer.witness = other.answer.witness.clone());
    let E::Path { part: EvidencePart::Witness, source } = foreign else { panic!("{foreign}") };
    assert_eq!(source, PathError::UnknownIssuer);
    let key = with(&|answer| answer.timestamp = certified.authority.timestamp_with(&key()));
    assert_eq!(key, E::OtherKey { part: EvidencePart::Timestamp });
    let key = with(&|answer| answer.log = certified.authority.log_with(&ed25519_key()));
    assert_eq!(key, E::OtherKey { part: EvidencePart::Log });
    let own = with(&|answer| answer.witness = certified.authority.witness_with(&certified.log));
    assert_eq!(own, E::WitnessIsLog);

    let root = certified.authority.trusted();
    let (timestamp, log) = (certified.timestamp.public_key(), certified.log.public_key());
    let elsewhere = certified.answer.verify(&root, &other_origin(), timestamp, log, start());
    let expected =
        E::OtherOrigin { part: EvidencePart::Timestamp, expected: other_origin(), found: origin() };
    assert_eq!(elsewhere, Err(expected));
}
