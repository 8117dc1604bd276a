//! What a mail says that tells somebody of a certificate.

use claim_core::{DeviceName, Origin};
use claim_store::cuhk::Announcement;
use claim_store::cuhk::audit::Authentication;

use super::letter::minute;

pub(super) const SUBJECT: &str = "A certificate was issued to you";

/// The text; all that stands in it is CUHK's own record.
pub(super) fn text(announcement: &Announcement, cuhk: &Origin) -> String {
    let Announcement { serial, person, issued_at, not_after, provenance, .. } = announcement;
    let (id, cuhk) = (person.id.as_str(), cuhk.authority());
    let name = person.name.as_deref().unwrap_or(id);
    let device = provenance.device.as_ref().map(DeviceName::as_str);
    let device =
        device.map_or("a device without a name".to_owned(), |device| format!("\"{device}\""));
    let by = match provenance.authenticated_by {
        Some(Authentication::Code) => "by a one-time code",
        Some(Authentication::Certificate) => "in place of the one it had",
        Some(Authentication::SingleSignOn) => "after a sign-in with the university",
        _ => "by the people who run it",
    };
    let (issued_at, until) = (minute(*issued_at), minute(*not_after));
    format!(
        "\
Hello {name},

{cuhk} has issued a certificate for {id} to {device},
{by}, on {issued_at}.
Whoever has it can hand in work in your name until {until}.

If that was you, there is nothing to do.

If it was not, somebody else has your code, your key or your password: tell the
people who run {cuhk} at once, with this serial number, and they
revoke it:

{serial}

`claim student status` shows every certificate that you have.
"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::Timestamp;
    use claim_store::cuhk::{PersonRecord, Provenance};

    use super::*;

    #[test]
    fn it_says_what_where_how_and_until_when() {
        let at = Timestamp::from_seconds;
        let mut person = PersonRecord::new("1155123456".parse().unwrap(), at(0));
        person.name = Some("陳大文".to_owned());
        let announcement = Announcement {
            serial: "5f0c".to_owned(),
            person,
            issued_at: at(1_790_000_000),
            not_after: at(1_800_000_000),
            provenance: Provenance {
                authenticated_by: Some(Authentication::Code),
                device: Some("laptop-2".parse().unwrap()),
                predecessor: None,
            },
            attempts: 0,
        };
        let cuhk = "https://cuhk.example:9335".parse().unwrap();
        let said = text(&announcement, &cuhk);
        for part in [
            "Hello 陳大文,",
            "cuhk.example:9335 has issued a certificate for 1155123456 to \"laptop-2\",\nby a one-time code, on 2026-09-21 14:13 UTC.",
            "until 2027-01-15 08:00 UTC.",
            "\n\n5f0c\n",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let unnamed = Announcement { provenance: Provenance::default(), ..announcement };
        assert!(text(&unnamed, &cuhk).contains("to a device without a name,\n"));
    }
}
