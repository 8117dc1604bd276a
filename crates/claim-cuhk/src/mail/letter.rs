//! What an invitation's mail says.

use std::str::FromStr;

use claim_core::Timestamp;
use claim_core::encoding::Bytes;
use claim_http::system_rng;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder};

use crate::admin::Invited;

/// The subject where none is configured.
pub const DEFAULT_SUBJECT: &str = "Your invitation to enrol";

/// The text where no template is configured.
pub const DEFAULT_TEMPLATE: &str = "\
Hello {name},

you are invited to enrol as {id} at {cuhk}, which certifies the key by which you
hand in your work and can prove that you did.

This line is yours alone. Whoever has it can enrol in your name:

{invitation}

Run `claim student enroll` and paste the line when you are asked for it.
It enrols one device, and works until {until}.

If you did not expect this mail, there is nothing to do.
If the line is refused because it was used, and that was not you, tell the people
who run {cuhk} at once.
";

/// The largest template, in bytes.
pub(super) const MAX_TEMPLATE: usize = 64 * 1024;

/// The text of a mail with its gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Name,
    Id,
    Invitation,
    Until,
    Cuhk,
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// Larger than a mail should be.
    #[error("it has {found} bytes; at most {MAX_TEMPLATE} will do")]
    TooLarge {
        /// How many bytes it has.
        found: usize,
    },
    /// A gap that nothing fills.
    #[error(
        "there is no {{{name}}}; there are {{name}}, {{id}}, {{invitation}}, {{until}} and {{cuhk}}"
    )]
    Unknown {
        /// What stands in it, in escaped form.
        name: String,
    },
    /// A brace that stands alone.
    #[error("a brace stands alone; write {{{{ or }}}} for one that is meant as such")]
    Brace,
    /// A mail without the invitation.
    #[error("it lacks {{invitation}}, which is what the mail is for")]
    NoInvitation,
    /// A control character other than a line break or tab.
    #[error("it has a control character")]
    Control,
}

/// All that is the same in each mail.
#[derive(Clone, Debug)]
pub(super) struct Stationery {
    pub(super) from: Mailbox,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) subject: String,
    pub(super) template: Template,
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MAX_TEMPLATE {
            return Err(TemplateError::TooLarge { found: text.len() });
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(TemplateError::Control);
        }
        let (mut pieces, mut plain, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            let (before, brace) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = brace.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = brace.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else {
                let inside = brace.strip_prefix('{').ok_or(TemplateError::Brace)?;
                let (name, after) = inside.split_once('}').ok_or(TemplateError::Brace)?;
                pieces.extend([Piece::Text(std::mem::take(&mut plain)), Piece::named(name)?]);
                rest = after;
            }
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        if !pieces.contains(&Piece::Invitation) {
            return Err(TemplateError::NoInvitation);
        }
        Ok(Self(pieces))
    }
}

impl Piece {
    fn named(name: &str) -> Result<Self, TemplateError> {
        match name {
            "name" => Ok(Self::Name),
            "id" => Ok(Self::Id),
            "invitation" => Ok(Self::Invitation),
            "until" => Ok(Self::Until),
            "cuhk" => Ok(Self::Cuhk),
            _ => Err(TemplateError::Unknown { name: name.escape_debug().to_string() }),
        }
    }
}

impl Template {
    /// What goes into a gap is never looked at for gaps.
    fn fill(&self, invited: &Invited) -> String {
        let id = invited.id.as_str();
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Name => invited.name.clone().unwrap_or_else(|| id.to_owned()),
            Piece::Id => id.to_owned(),
            Piece::Invitation => invited.invitation.expose(),
            Piece::Until => minute(invited.expires_at),
            Piece::Cuhk => invited.invitation.cuhk.authority().to_string(),
        };
        self.0.iter().map(piece).collect()
    }
}

impl Stationery {
    /// The mail for this person at this address, as it is sent now.
    pub(super) fn letter(
        &self,
        invited: &Invited,
        to: Mailbox,
        now: Timestamp,
    ) -> Result<Message, lettre::error::Error> {
        self.envelope(&self.subject, to, now).body(self.template.fill(invited))
    }

    /// Everything but the text.
    pub(super) fn envelope(&self, subject: &str, to: Mailbox, now: Timestamp) -> MessageBuilder {
        let id = format!("<{}@{}>", random_name(), self.from.email.domain());
        // RFC 3834 §5: so that absence notes do not answer it.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let mut builder: MessageBuilder = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .date(time(now))
            .message_id(Some(id))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN);
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        builder
    }
}

fn random_name() -> String {
    let bytes: [u8; 16] = Bytes::random(&mut system_rng()).0;
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn time(at: Timestamp) -> std::time::SystemTime {
    let seconds = u64::try_from(at.as_seconds()).unwrap_or_default();
    std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
}

/// A time as people read it: `2026-12-10 20:00 UTC`.
pub(super) fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn invited(name: Option<&str>) -> Invited {
        let line =
            "claim://cuhk.example:9335/1155123456/AQEBAQEBAQEBAQEBAQEBAQ#AgICAgICAgICAgICAgICAg";
        Invited {
            id: "1155123456".parse().unwrap(),
            name: name.map(str::to_owned),
            email: None,
            role: None,
            invitation: line.parse().unwrap(),
            expires_at: Timestamp::from_seconds(1_790_000_000),
        }
    }

    #[test]
    fn gaps_are_filled_once() {
        let template: Template = "{{{name}}} {id}: {invitation} until {until}".parse().unwrap();
        let text = template.fill(&invited(Some("{invitation}")));
        assert_eq!(
            text,
            "{{invitation}} 1155123456: claim://cuhk.example:9335/1155123456/AQEBAQEBAQEBAQEBAQEBAQ\
             #AgICAgICAgICAgICAgICAg until 2026-09-21 14:13 UTC"
        );
        assert!(template.fill(&invited(None)).starts_with("{1155123456} "));
    }

    #[test]
    fn what_is_no_template_is_told() {
        for (text, error) in [
            ("hello", TemplateError::NoInvitation),
            ("{invitation} {link}", TemplateError::Unknown { name: "link".to_owned() }),
            ("{invitation", TemplateError::Brace),
            ("{invitation} }", TemplateError::Brace),
            ("{invitation}\u{1b}", TemplateError::Control),
        ] {
            assert_eq!(text.parse::<Template>(), Err(error), "{text}");
        }
        let large = "x".repeat(MAX_TEMPLATE + 1);
        assert!(matches!(large.parse::<Template>(), Err(TemplateError::TooLarge { .. })));
        assert!(DEFAULT_TEMPLATE.parse::<Template>().is_ok());
    }

    #[test]
    fn a_letter_has_the_headers_that_it_should_and_no_others() {
        let stationery = Stationery {
            from: "CUHK <enrol@cuhk.example>".parse().unwrap(),
            reply_to: None,
            subject: "Grüße, 陳大文".to_owned(),
            template: DEFAULT_TEMPLATE.parse().unwrap(),
        };
        let to = Mailbox::new(
            Some("Chan, \"Tai\" Man 陳".to_owned()),
            "chan@link.example".parse().unwrap(),
        );
        let now = Timestamp::from_seconds(1_789_000_000);
        let letter = stationery.letter(&invited(Some("陳大文")), to, now).unwrap();
        let text = String::from_utf8(letter.formatted()).unwrap();
        assert!(text.is_ascii(), "{text}");
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let names: Vec<_> = head
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .map(|line| line.split_once(':').unwrap().0)
            .collect();
        assert_eq!(
            names,
            [
                "From",
                "To",
                "Subject",
                "Date",
                "Message-ID",
                "Auto-Submitted",
                "Content-Type",
                "Content-Transfer-Encoding"
            ]
        );
        assert!(head.contains("@cuhk.example>\r\n"), "{head}");
    }
}
