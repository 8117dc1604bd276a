//! The invitation: one line that brings a new client to CUHK and pins the root.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rand_core::CryptoRng;

use crate::encoding::{b64u, from_b64u, lp};
use crate::secret::Secret;
use crate::{Digest, Origin, PersonId};

/// Whom an invitation is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Invitee {
    /// A person.
    Person(PersonId),
    /// A server with this public origin.
    Server(Origin),
}

/// The one-time code of an invitation: 128 random bits. Shown once, stored as a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code(Secret<16>);

/// `claim://<host>:<port>/<id>/<code>#<pin>`: where CUHK is, who is invited, the code, and the first
/// 16 bytes of SHA-256 of the root's DER as `b64u`, so that no trust on first use is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Where CUHK is.
    pub cuhk: Origin,
    /// Who is invited.
    pub invitee: Invitee,
    /// The one-time code.
    pub code: Code,
    /// The pin of the root.
    pub pin: RootPin,
}

/// The first 16 bytes of SHA-256 of the root certificate's DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootPin([u8; 16]);

/// A text is not an invitation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvitationError {
    /// It does not begin with `claim://`.
    #[error("an invitation begins with claim://")]
    Scheme,
    /// A part is missing.
    #[error(
        "the invitation is not complete: it has the form claim://<host>:<port>/<id>/<code>#<pin>"
    )]
    Form,
    /// The host is not one.
    #[error("the invitation's host is not valid: {0}")]
    Host(#[from] crate::OriginError),
    /// The id is neither a person's nor a server's.
    #[error("the invitation's id is not valid")]
    Id,
    /// The code is not 128 bits in `b64u`.
    #[error("the invitation's code is not complete")]
    Code,
    /// The pin is not 128 bits in `b64u`.
    #[error("the end of the invitation, after #, is not complete")]
    Pin,
}

impl Code {
    /// The label of the hash under which a code is stored.
    const LABEL: &[u8] = b"claim v1 code";

    /// Draws a fresh code.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        Self(Secret::random(rng))
    }

    /// What is stored: `H(lp("claim v1 code", id, code))`. 128 random bits need no slow hash.
    pub fn hash(&self, invitee: &Invitee) -> Digest {
        Digest::of(&lp(&[Self::LABEL, invitee.user_id().as_bytes(), self.0.expose()]))
    }

    /// The code as text, for the invitation or the HTTP Basic password.
    pub fn expose(&self) -> String {
        b64u(self.0.expose())
    }
}

impl FromStr for Code {
    type Err = InvitationError;

    fn from_str(text: &str) -> Result<Self, InvitationError> {
        let bytes = from_b64u(text).map_err(|_| InvitationError::Code)?;
        bytes.try_into().map(|bytes| Self(Secret::new(bytes))).map_err(|_| InvitationError::Code)
    }
}

impl Invitee {
    /// What is percent-encoded in a server's id: all but RFC 3986's unreserved characters.
    const ENCODED: &AsciiSet =
        &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

    /// The user-id of HTTP Basic (RFC 7617): a person's id, or a server's origin, percent-encoded because a
    /// user-id must not have a colon.
    pub fn user_id(&self) -> String {
        match self {
            Self::Person(id) => id.as_str().to_owned(),
            Self::Server(origin) => utf8_percent_encode(origin.as_str(), Self::ENCODED).to_string(),
        }
    }

    /// Reads a user-id.
    ///
    /// # Errors
    /// [`InvitationError::Id`].
    pub fn from_user_id(text: &str) -> Result<Self, InvitationError> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Person(id));
        }
        let decoded = percent_decode_str(text).decode_utf8().map_err(|_| InvitationError::Id)?;
        let origin = decoded.parse().map_err(|_| InvitationError::Id)?;
        Ok(Self::Server(origin))
    }
}

impl fmt::Display for Invitee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(id) => id.fmt(f),
            Self::Server(origin) => origin.fmt(f),
        }
    }
}

impl RootPin {
    /// The pin of the root with this digest.
    pub fn of(root: &Digest) -> Self {
        let mut pin = [0; 16];
        pin.copy_from_slice(&root.as_bytes()[..16]);
        Self(pin)
    }
}

impl fmt::Display for RootPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&b64u(&self.0))
    }
}

impl FromStr for RootPin {
    type Err = InvitationError;

    fn from_str(text: &str) -> Result<Self, InvitationError> {
        let bytes = from_b64u(text).map_err(|_| InvitationError::Pin)?;
        bytes.try_into().map(Self).map_err(|_| InvitationError::Pin)
    }
}

impl Invitation {
    /// The whole line, code included: to be shown once, to the one who is invited.
    pub fn expose(&self) -> String {
        let (authority, id) = (self.cuhk.authority(), self.invitee.user_id());
        let port = if self.cuhk.port() == 443 { ":443" } else { "" };
        format!("claim://{authority}{port}/{id}/{}#{}", self.code.expose(), self.pin)
    }
}

impl FromStr for Invitation {
    type Err = InvitationError;

    /// White space around the line is ignored: it was pasted.
    fn from_str(text: &str) -> Result<Self, InvitationError> {
        let rest = text.trim().strip_prefix("claim://").ok_or(InvitationError::Scheme)?;
        let (rest, pin) = rest.split_once('#').ok_or(InvitationError::Form)?;
        let mut parts = rest.split('/');
        let (Some(authority), Some(id), Some(code), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvitationError::Form);
        };
        Ok(Self {
            cuhk: Origin::from_user(&format!("https://{authority}"))?,
            invitee: Invitee::from_user_id(id)?,
            code: code.parse()?,
            pin: pin.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use proptest::prelude::*;

    use super::*;

    fn invitation(invitee: Invitee) -> Invitation {
        Invitation {
            cuhk: "https://localhost:9335".parse().unwrap(),
            invitee,
            code: Code(Secret::new([1; 16])),
            pin: RootPin([2; 16]),
        }
    }

    #[test]
    fn a_students_invitation_is_one_line() {
        let invitation = invitation(Invitee::Person("1155123456".parse().unwrap()));
        let line =
            "claim://localhost:9335/1155123456/AQEBAQEBAQEBAQEBAQEBAQ#AgICAgICAgICAgICAgICAg";
        assert_eq!(invitation.expose(), line);
        assert_eq!(format!(" {line}\r\n").parse::<Invitation>().unwrap(), invitation);
    }

    #[test]
    fn a_servers_id_is_its_origin_percent_encoded() {
        let invitation = invitation(Invitee::Server("https://localhost:3141".parse().unwrap()));
        let line = invitation.expose();
        assert!(line.contains("/https%3A%2F%2Flocalhost%3A3141/"), "{line}");
        assert_eq!(line.parse::<Invitation>().unwrap(), invitation);
    }

    #[test]
    fn the_default_port_is_spelt_out() {
        let mut invitation = invitation(Invitee::Person("chan".parse().unwrap()));
        invitation.cuhk = "https://cuhk.example".parse().unwrap();
        assert!(invitation.expose().starts_with("claim://cuhk.example:443/chan/"));
        assert_eq!(invitation.expose().parse::<Invitation>().unwrap(), invitation);
    }

    #[test]
    fn each_missing_part_is_named() {
        let good =
            "claim://localhost:9335/1155123456/AQEBAQEBAQEBAQEBAQEBAQ#AgICAgICAgICAgICAgICAg";
        for (from, to, error) in [
            ("claim://", "https://", InvitationError::Scheme),
            ("#", "", InvitationError::Form),
            ("/1155123456", "", InvitationError::Form),
            ("#", "/x#", InvitationError::Form),
            ("1155123456", "115512345", InvitationError::Id),
            ("AQEBAQEBAQEBAQEBAQEBAQ", "AQEB", InvitationError::Code),
            ("AgICAgICAgICAgICAgICAg", "AgIC", InvitationError::Pin),
        ] {
            assert_eq!(good.replacen(from, to, 1).parse::<Invitation>(), Err(error));
        }
        assert!(matches!(
            good.replace("localhost", "").parse::<Invitation>(),
            Err(InvitationError::Host(_))
        ));
    }

    #[test]
    fn a_codes_hash_depends_on_whom_it_is_for() {
        let code = Code(Secret::new([1; 16]));
        let (a, b) = ("1155123456".parse().unwrap(), "1155123457".parse().unwrap());
        assert_ne!(code.hash(&Invitee::Person(a)), code.hash(&Invitee::Person(b)));
        assert_eq!(format!("{code:?}"), "Code(Secret(16 bytes))");
    }

    proptest! {
        #[test]
        fn never_panics(text: String) {
            let _ = text.parse::<Invitation>();
            let _ = format!("claim://{text}").parse::<Invitation>();
        }
    }
}
