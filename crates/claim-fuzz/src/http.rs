//! The edge: EST bodies, HTTP Basic, problem documents as the student reads them, budgets in `claim.toml`, rosters.

use std::collections::HashSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use claim_blackboard::Quotas;
use claim_core::{Problem, ProblemType};
use claim_cuhk::{Credentials, MAX_NAME_LENGTH, read_roster};
use claim_http::{Answer, Limits, PROBLEM_JSON, ProblemAnswer, decode_est_body, encode_est_body};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::world;
use crate::{Outcome, outcome};

/// White space and padding are free, everything else is base64; written, it reads the same.
pub(crate) fn est_body(data: &[u8]) -> Outcome {
    let read = decode_est_body(data);
    let compact: Vec<u8> =
        data.iter().copied().filter(|c| !matches!(c, b' ' | b'\t' | b'\r' | b'\n')).collect();
    if let Ok(der) = &read {
        let written = encode_est_body(der);
        assert!(written.lines().all(|line| line.len() <= 76));
        assert_eq!(decode_est_body(written.as_bytes()).as_ref(), Ok(der));
        let bare = |text: &[u8]| text.iter().copied().filter(|c| *c != b'=').collect::<Vec<u8>>();
        assert_eq!(bare(&compact), bare(STANDARD.encode(der).as_bytes()));
    }
    if STANDARD.decode(&compact).is_ok() {
        assert!(read.is_ok(), "what a strict reader takes is taken");
    }
    outcome(&read)
}

pub(crate) fn est_bodies() -> Vec<Vec<u8>> {
    let body = encode_est_body(world::WORLD.person_chain()[0]);
    let unwrapped = body.replace(['\n', '='], "");
    vec![body.replace('\n', "\r\n\t").into_bytes(), unwrapped.into_bytes(), body.into_bytes()]
}

/// A server's refusal: whatever it says is bounded, and harmless on a terminal.
pub(crate) fn problem(data: &[u8]) -> Outcome {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    if let Ok(value) = HeaderValue::from_bytes(data.get(..8).unwrap_or_default()) {
        headers.insert(header::RETRY_AFTER, value);
    }
    let body = Bytes::copy_from_slice(data);
    let answer = Answer { status: StatusCode::BAD_REQUEST, headers, body };
    let Some(read) = ProblemAnswer::from_answer(&answer) else { return Outcome::Refused };
    assert_eq!(read.status, StatusCode::BAD_REQUEST, "the status that counts is the answer's");
    let within = |text: &str| text.chars().count() <= ProblemAnswer::MAX_TEXT;
    assert!(within(&read.title) && read.detail.as_deref().is_none_or(within));
    assert!(!read.to_string().chars().any(char::is_control));
    if let Some(known) = read.problem_type {
        assert_eq!(read.slug.as_deref(), Some(known.slug()));
        assert_eq!(read.title, known.title());
    }
    Outcome::Accepted
}

pub(crate) fn problems() -> Vec<Vec<u8>> {
    let origin = world::origin();
    let ours = Problem::new(ProblemType::Overloaded, "later").with("retry_after", 5);
    let newer =
        r#"{"type":"https://other.example/problems/new-one","title":"\u001b[2J","status":200}"#;
    vec![ours.to_json(&origin), newer.as_bytes().to_vec()]
}

/// The tables of budgets: each is a number greater than zero, or there is an error and no budget at all.
pub(crate) fn settings(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let (limits, quotas) = (toml::from_str::<Limits>(text), toml::from_str::<Quotas>(text));
    if let Ok(limits) = &limits {
        assert!(limits.max_connections > 0 && limits.max_connections_per_address > 0);
        assert!(limits.max_header_bytes >= Limits::MIN_HEADER_BYTES && limits.max_headers > 0);
        assert!(limits.max_concurrent_streams > 0);
        for time in [
            limits.handshake_timeout,
            limits.header_read_timeout,
            limits.body_read_timeout,
            limits.answer_stall_timeout,
            limits.idle_timeout,
            limits.drain_timeout,
        ] {
            assert!(!time.is_zero() && time.as_secs() <= 86_400);
        }
    }
    if limits.is_ok() || quotas.is_ok() { Outcome::Accepted } else { Outcome::Refused }
}

pub(crate) fn settings_files() -> Vec<Vec<u8>> {
    [
        "max-connections = 100\nmax-connections-per-address = 10\nidle-timeout = 0.5\nmax-header-bytes = 8192\n",
        "handshake-timeout = 1\nheader-read-timeout = 2\nbody-read-timeout = 3\nanswer-stall-timeout = 4\n\
         drain-timeout = 86400\nmax-headers = 1\nmax-concurrent-streams = 1\n",
        "kem-concurrency = 2\nkem-waiting = 0\nrequests-per-minute = 1\n",
        "# nothing\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// Nobody stands there twice; a roster that is written reads the same.
pub(crate) fn roster(data: &[u8]) -> Outcome {
    let read = read_roster(data);
    if let Ok(people) = &read {
        let ids: HashSet<_> = people.iter().map(|person| &person.id).collect();
        assert!(ids.len() == people.len() && !people.is_empty());
        let mut written = "id,name\n".to_owned();
        for person in people {
            let name = person.name.as_ref().map_or("", |name| name.as_str());
            assert!(name.chars().count() <= MAX_NAME_LENGTH && !name.chars().any(char::is_control));
            writeln!(written, "{},\"{}\"", person.id, name.replace('"', "\"\"")).unwrap();
        }
        assert_eq!(read_roster(written.as_bytes()).as_ref(), Ok(people));
    }
    outcome(&read)
}

pub(crate) fn rosters() -> Vec<Vec<u8>> {
    [
        "id,name\n1155123456,Chan Tai Man\n1155123457,\n",
        "\u{feff}Name;SID;Course\r\n\"Lee, \"\"Siu\"\" Ming\";1155123456;IEMS5710\r\n\r\nAu;chan.tm;\r\n",
        "sid\tname\n0055123456\tWong\n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

/// A line each an `Authorization` header. Whoever is read is one person or server, whom HTTP Basic, written anew, names
/// as well; of the password nothing is shown.
pub(crate) fn basic(data: &[u8]) -> Outcome {
    let mut headers = HeaderMap::new();
    for line in data.split(|octet| *octet == b'\n').take(4) {
        let Ok(value) = HeaderValue::from_bytes(line) else { return Outcome::Refused };
        headers.append(header::AUTHORIZATION, value);
    }
    let Some(read) = Credentials::from_headers(&headers) else { return Outcome::Refused };
    assert_eq!(headers.len(), 1, "two headers say nothing clear");
    let user_id = read.requester().user_id();
    assert!(!user_id.contains(':'), "RFC 7617 §2: a user-id has no colon");
    let code = |read: &Credentials| read.code().map(|code| code.expose());
    let password = code(&read).unwrap_or_default();
    assert!(password.is_empty() || !format!("{read:?}").contains(&password));
    let pair = STANDARD.encode(format!("{user_id}:{password}"));
    headers.insert(header::AUTHORIZATION, format!("Basic {pair}").parse().unwrap());
    let again = Credentials::from_headers(&headers).unwrap();
    assert_eq!(again.requester(), read.requester());
    assert_eq!(code(&again), code(&read));
    Outcome::Accepted
}

pub(crate) fn basics() -> Vec<Vec<u8>> {
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair)).into_bytes();
    vec![
        basic("1155123456:AQEBAQEBAQEBAQEBAQEBAQ"),
        basic("chan.tm:not:a:code"),
        basic("https%3A%2F%2Flocalhost%3A3141:AQEBAQEBAQEBAQEBAQEBAQ"),
    ]
}
