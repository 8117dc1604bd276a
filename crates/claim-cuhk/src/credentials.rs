//! Who asks, as HTTP Basic says it (RFC 7617).

use std::fmt;

use claim_core::encoding::from_base64;
use claim_core::invitation::{Code, Invitee};
use http::{HeaderMap, header};
use zeroize::Zeroizing;

/// The longest `Authorization` that is looked at, in bytes: an origin, percent-encoded, and a code fit well.
const MAX_LENGTH: usize = 2048;

/// A user-id that names somebody, and whatever was sent as password.
///
/// Nothing is proved by it yet.
pub struct Credentials {
    pub(crate) requester: Invitee,
    password: Zeroizing<String>,
}

impl Credentials {
    /// Reads the one `Authorization: Basic` of a request; `None` when it is absent or says nothing usable.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let value = value.to_str().ok().filter(|value| value.len() <= MAX_LENGTH)?;
        let (scheme, token) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = Zeroizing::new(from_base64(token.trim_matches(' ')).ok()?);
        // RFC 7617 §2: the user-id ends at the first colon; the password may hold more of them.
        let (user_id, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
        Some(Self {
            requester: Invitee::from_user_id(user_id).ok()?,
            password: Zeroizing::new(password.to_owned()),
        })
    }

    /// Who it says that it is.
    pub fn requester(&self) -> &Invitee {
        &self.requester
    }

    /// The password as a one-time code, where it has the form of one.
    pub fn code(&self) -> Option<Code> {
        self.password.parse().ok()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, …)", self.requester)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::encoding::base64;

    use super::*;

    fn credentials(values: &[&str]) -> Option<Credentials> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, value.parse().unwrap());
        }
        Credentials::from_headers(&headers)
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", base64(pair.as_bytes()))
    }

    #[test]
    fn a_student_and_a_server_are_read() {
        let student = credentials(&[&basic("1155123456:AQEBAQEBAQEBAQEBAQEBAQ")]).unwrap();
        assert_eq!(student.requester.user_id(), "1155123456");
        assert_eq!(student.code().unwrap().expose(), "AQEBAQEBAQEBAQEBAQEBAQ");
        let server =
            credentials(&[&basic("https%3A%2F%2Flocalhost%3A3141:x:y").replace("Basic", "bAsIc")]);
        let server = server.unwrap();
        assert_eq!(server.requester, Invitee::Server("https://localhost:3141".parse().unwrap()));
        assert!(server.code().is_none());
        assert_eq!(format!("{server:?}"), "Credentials(https://localhost:3141, …)");
    }

    #[test]
    fn what_is_not_one_clear_pair_is_nobody() {
        let long = basic(&format!("1155123456:{}", "x".repeat(MAX_LENGTH)));
        let good = basic("1155123456:x");
        for values in [
            &[][..],
            &["Basic"],
            &["Basic ???"],
            &[&good.replace("Basic", "Bearer")],
            &[&basic("1155123456")],
            &[&basic("115512345:x")],
            &[&basic("HTTPS://localhost:3141:x")],
            &[&basic(":x")],
            &[&long],
            &[&good, &good],
            // "1155123456:\xff", which is not UTF-8.
            &["Basic MTE1NTEyMzQ1Njr/"],
        ] {
            assert!(credentials(values).is_none(), "{values:?}");
        }
    }
}
