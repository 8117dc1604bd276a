//! Texts with one form each: ids, origins, times, invitations; and strangers' text on a terminal.

use claim_core::invitation::{Invitation, Invitee};
use claim_core::{Escaped, EscapedJson, Origin, PersonId, Sid};
use claim_pki::{OriginHost, StaffId, Subject, Timestamp, Validity};

use crate::world::{self, ORIGIN, SID, WORLD};
use crate::{Outcome, outcome};

fn utf8(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// Ten digits, or a small letter and up to 63 of few characters: nothing else, and never both.
pub(crate) fn id(data: &[u8]) -> Outcome {
    let Some(text) = utf8(data) else { return Outcome::Refused };
    let digits = data.len() == 10 && data.iter().all(u8::is_ascii_digit);
    let follows = |c: &u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    let staff = data.first().is_some_and(u8::is_ascii_lowercase)
        && data.len() <= 64
        && data.iter().all(follows);
    assert_eq!(text.parse::<Sid>().is_ok(), digits);
    assert_eq!(text.parse::<StaffId>().is_ok(), staff);
    let read = text.parse::<PersonId>();
    assert_eq!(read.is_ok(), digits || staff);
    if let Ok(id) = &read {
        assert_eq!(id.to_string(), text);
        assert_eq!(matches!(id, PersonId::Student(_)), digits);
    }
    outcome(&read)
}

pub(crate) fn ids() -> Vec<Vec<u8>> {
    [SID, "0000000000", "chan.tm", "a-_9"].map(|id| id.as_bytes().to_vec()).to_vec()
}

/// What a person types becomes the canonical text, which alone the wire takes; a certificate for it verifies for it.
pub(crate) fn origin(data: &[u8]) -> Outcome {
    let Some(text) = utf8(data) else { return Outcome::Refused };
    let read = Origin::from_user(text);
    let strict = text.parse::<Origin>();
    if let Ok(strict) = &strict {
        assert_eq!(strict.as_str(), text);
        assert_eq!(read.as_ref(), Ok(strict));
    }
    if let Ok(origin) = &read {
        assert!(origin.as_str().len() <= Origin::MAX_LENGTH);
        assert!(origin.as_str().bytes().all(|c| c.is_ascii_graphic()));
        assert_eq!(origin.as_str().parse().as_ref(), Ok(origin), "canonical");
        assert!(!origin.authority().contains(['/', '?', '#', '@', '\\']));
        let port = match origin.port() {
            443 => String::new(),
            port => format!(":{port}"),
        };
        let host = match origin.host() {
            OriginHost::Address(core::net::IpAddr::V6(ip)) => format!("[{ip}]"),
            host => host.to_string(),
        };
        assert_eq!(origin.authority(), format!("{host}{port}"));
        certified(origin);
    }
    outcome(&read)
}

fn certified(origin: &Origin) {
    let subject = Subject::Server { origin: origin.clone() };
    let key = WORLD.identities[0].key.public_key();
    let validity = Validity::starting(world::start(), 86_400);
    let Ok(issuance) = WORLD.issuing.prepare(&subject, key, &world::serial(9), validity) else {
        return;
    };
    let leaf = WORLD.issuing.issue(issuance).unwrap();
    let chain = [leaf.der(), WORLD.issuing.certificate().der()];
    let verified = WORLD.trusted.verify_server(&chain, origin, world::start());
    assert_eq!(verified.map(|server| server.origin().clone()).as_ref(), Ok(origin));
}

pub(crate) fn origins() -> Vec<Vec<u8>> {
    [
        ORIGIN,
        "https://xn--bcher-kva.example",
        "https://[::1]:9335",
        "https://127.0.0.1",
        "HTTPS://B\u{fc}cher.example:443/",
    ]
    .map(|origin| origin.as_bytes().to_vec())
    .to_vec()
}

/// The text of an accepted time comes back; its parts, reckoned anew, give the same number.
pub(crate) fn timestamp(data: &[u8]) -> Outcome {
    let Some(text) = utf8(data) else { return Outcome::Refused };
    let read = text.parse::<Timestamp>();
    if let Ok(time) = read {
        assert_eq!(time.to_string(), text);
        assert_eq!(time.as_millis(), reckoned(text));
    }
    if let Some(octets) = data.first_chunk() {
        let time = Timestamp::from_millis(i64::from_be_bytes(*octets));
        assert_eq!(time.to_string().parse(), Ok(time));
    }
    outcome(&read)
}

/// Days by Gauss' way of counting years from March, from the digits at their fixed places.
fn reckoned(text: &str) -> i64 {
    assert_eq!(text.len(), "2026-11-24T15:59:59.999Z".len());
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let seconds =
        (days - 719_468) * 86_400 + number(11, 13) * 3_600 + number(14, 16) * 60 + number(17, 19);
    seconds * 1000 + number(20, 23)
}

pub(crate) fn timestamps() -> Vec<Vec<u8>> {
    [
        "2026-11-24T15:59:59.999Z",
        "1970-01-01T00:00:00.000Z",
        "2024-02-29T00:00:00.000Z",
        "9999-12-30T22:00:00.000Z",
    ]
    .map(|time| time.as_bytes().to_vec())
    .to_vec()
}

/// An invitation that was written reads the same.
pub(crate) fn invitation(data: &[u8]) -> Outcome {
    let Some(text) = utf8(data) else { return Outcome::Refused };
    let read = text.parse::<Invitation>();
    if let Ok(invitation) = &read {
        let written = invitation.expose();
        assert!(written.bytes().all(|c| c.is_ascii_graphic()), "one word, to be pasted");
        assert_eq!(written.parse().as_ref(), Ok(invitation));
    }
    outcome(&read)
}

pub(crate) fn invitations() -> Vec<Vec<u8>> {
    [
        "claim://cuhk.example:9335/1155123456/AQEBAQEBAQEBAQEBAQEBAQ#AgICAgICAgICAgICAgICAg",
        "claim://localhost:443/https%3A%2F%2Flocalhost%3A3141/AQEBAQEBAQEBAQEBAQEBAQ#AgICAgICAgICAgICAgICAg\n",
        "claim://[::1]:9335/chan.tm/AQEBAQEBAQEBAQEBAQEBAQ#AgICAgICAgICAgICAgICAg",
    ]
    .map(|line| line.as_bytes().to_vec())
    .to_vec()
}

/// The user-id of HTTP Basic: no colon, and it reads back as the same person or server.
pub(crate) fn user_id(data: &[u8]) -> Outcome {
    let Some(text) = utf8(data) else { return Outcome::Refused };
    let read = Invitee::from_user_id(text);
    if let Ok(invitee) = &read {
        let written = invitee.user_id();
        assert!(!written.contains(':'), "RFC 7617 §2: a user-id has no colon");
        assert_eq!(Invitee::from_user_id(&written).as_ref(), Ok(invitee));
    }
    outcome(&read)
}

pub(crate) fn user_ids() -> Vec<Vec<u8>> {
    [SID, "chan.tm", "https%3A%2F%2Flocalhost%3A3141"].map(|id| id.as_bytes().to_vec()).to_vec()
}

/// Nothing that moves the cursor comes out, and no two texts look the same.
pub(crate) fn escaped(data: &[u8]) -> Outcome {
    let Some(text) = utf8(data) else { return Outcome::Refused };
    let shown = Escaped(text).to_string();
    let harmless = |c: char| {
        !c.is_control()
            && !('\u{2028}'..='\u{202e}').contains(&c)
            && !('\u{2066}'..='\u{2069}').contains(&c)
    };
    assert!(shown.chars().all(harmless), "{shown:?}");
    assert_eq!(unescaped(&shown), text);
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(text) {
        let written = serde_json::to_string(&value).unwrap();
        let shown = EscapedJson(&written).to_string();
        assert!(shown.chars().all(harmless), "{shown:?}");
        // Both are read: a number that was read and written may be another by its last digit.
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&shown), read(&written));
    }
    Outcome::Accepted
}

fn unescaped(shown: &str) -> String {
    let mut text = String::new();
    let mut rest = shown.chars();
    while let Some(c) = rest.next() {
        text.push(match (c, c == '\\') {
            (_, true) => match rest.next().unwrap() {
                'n' => '\n',
                't' => '\t',
                'u' => {
                    let digits: String = rest.by_ref().skip(1).take_while(|c| *c != '}').collect();
                    char::from_u32(u32::from_str_radix(&digits, 16).unwrap()).unwrap()
                }
                other => other,
            },
            (c, false) => c,
        });
    }
    text
}

pub(crate) fn escapeds() -> Vec<Vec<u8>> {
    ["Chan Tai Man", "a\\b\u{1b}[2J\r\n\t\u{202e}", "{\"a\\u0000\":[\"\u{202e}\",1.5,null]}"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}
