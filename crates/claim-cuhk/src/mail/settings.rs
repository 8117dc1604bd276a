//! How mail is sent: `[cuhk.mail]` in `claim.toml`.

use std::fmt;
use std::fs;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use claim_core::{Origin, Timestamp};
use claim_store::cuhk::Announcement;
use lettre::Message;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{MailError, announcement};
use crate::admin::Invited;

use super::letter::{DEFAULT_SUBJECT, DEFAULT_TEMPLATE, Stationery, Template};

/// The largest file that a setting names, in bytes.
const MAX_FILE: u64 = 256 * 1024;

/// Where invitations are mailed from and how they look; in the configuration file with kebab-case names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MailSettings {
    /// The host of the mail server.
    pub server: String,
    /// Its port; by default 465 for implicit TLS, 587 for STARTTLS, 25 without TLS.
    pub port: Option<u16>,
    /// How the connection is kept private.
    #[serde(default)]
    pub tls: MailTls,
    /// A file with the certificates (PEM) that the server's must lead to, instead of the system's.
    pub root: Option<PathBuf>,
    /// The sender: an address, or `Name <address>`.
    pub from: String,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<String>,
    /// The subject.
    pub subject: Option<String>,
    /// A file with the text.
    pub template: Option<PathBuf>,
    /// The user to log in as; without one nobody logs in.
    pub user: Option<String>,
    /// A file with the password, which only its owner may read.
    pub password_file: Option<PathBuf>,
    /// The most mails in a minute.
    #[serde(default = "default_rate")]
    pub per_minute: NonZeroU32,
}

/// How the connection to the mail server is kept private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailTls {
    /// TLS from the first byte (RFC 8314).
    #[default]
    Implicit,
    /// STARTTLS (RFC 3207); a server that does not offer it gets nothing.
    Starttls,
    /// None: for a mail server on this machine only.
    None,
}

/// What is needed to send mail, checked.
pub struct Mailer {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<TlsParameters>,
    pub(super) mode: MailTls,
    pub(super) login: Option<(String, Credentials)>,
    stationery: Stationery,
    per_minute: NonZeroU32,
}

fn default_rate() -> NonZeroU32 {
    const { NonZeroU32::new(120).unwrap() }
}

impl Mailer {
    /// Checks the settings and reads the files that they name; talks to nobody yet.
    ///
    /// # Errors
    /// [`MailError`] names the setting.
    pub fn new(
        settings: &MailSettings,
        password: Option<Zeroizing<String>>,
    ) -> Result<Self, MailError> {
        let host = settings.server.trim().to_owned();
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(setting("server", "it is not the name of a host"));
        }
        let mode = settings.tls;
        if mode == MailTls::None && !is_local(&host) {
            let reason =
                "\"none\" is for a mail server on this machine only: invitations are secret";
            return Err(setting("tls", reason));
        }
        let port = settings.port.unwrap_or(match mode {
            MailTls::Implicit => 465,
            MailTls::Starttls => 587,
            MailTls::None => 25,
        });
        let tls = match mode {
            MailTls::None => None,
            _ => Some(tls_parameters(&host, settings.root.as_deref())?),
        };
        let login = match (&settings.user, password) {
            (None, _) => None,
            (Some(user), None) => return Err(MailError::NoPassword { user: user.clone() }),
            // The mail library keeps the password in memory that it does not overwrite.
            (Some(user), Some(password)) => {
                Some((user.clone(), Credentials::new(user.clone(), password.to_string())))
            }
        };
        let stationery = stationery(settings)?;
        Ok(Self { host, port, tls, mode, login, stationery, per_minute: settings.per_minute })
    }

    /// The most mails in a minute.
    pub fn per_minute(&self) -> NonZeroU32 {
        self.per_minute
    }

    /// The mail that brings this invitation to this address.
    pub(crate) fn letter(
        &self,
        invited: &Invited,
        to: Mailbox,
        now: Timestamp,
    ) -> Result<Message, MailError> {
        let letter = self.stationery.letter(invited, to, now);
        letter.map_err(|error| MailError::Letter { reason: error.to_string() })
    }

    /// The mail that tells somebody at this address of a certificate.
    pub(crate) fn announcement(
        &self,
        announcement: &Announcement,
        cuhk: &Origin,
        to: Mailbox,
        now: Timestamp,
    ) -> Result<Message, MailError> {
        let body = announcement::text(announcement, cuhk);
        let letter = self.stationery.envelope(announcement::SUBJECT, to, now).body(body);
        letter.map_err(|error| MailError::Letter { reason: error.to_string() })
    }

    /// Host and port of the mail server.
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").field("server", &self.server()).finish_non_exhaustive()
    }
}

fn stationery(settings: &MailSettings) -> Result<Stationery, MailError> {
    let mailbox = |name, text: &str| -> Result<Mailbox, MailError> {
        let control = text.contains(char::is_control);
        let parsed = (!control).then(|| text.parse().ok()).flatten();
        parsed.ok_or_else(|| setting(name, "it is not an address, nor a name and <address>"))
    };
    let subject = settings.subject.as_deref().unwrap_or(DEFAULT_SUBJECT);
    if subject.contains(char::is_control) {
        return Err(setting("subject", "it has a line break or another control character"));
    }
    let template: Template = match &settings.template {
        Some(path) => read("template", path)?.parse()?,
        None => DEFAULT_TEMPLATE.parse()?,
    };
    Ok(Stationery {
        from: mailbox("from", &settings.from)?,
        reply_to: settings.reply_to.as_deref().map(|to| mailbox("reply-to", to)).transpose()?,
        subject: subject.to_owned(),
        template,
    })
}

fn tls_parameters(host: &str, root: Option<&Path>) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(path) = root {
        let pem = read("root", path)?;
        let certificate = Certificate::from_pem(pem.as_bytes())
            .map_err(|error| setting("root", &error.to_string()))?;
        builder =
            builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|error| setting("root", &error.to_string()))
}

fn read(name: &'static str, path: &Path) -> Result<String, MailError> {
    use std::io::Read as _;
    let wrong = |source| MailError::File { setting: name, path: path.to_owned(), source };
    let mut text = String::new();
    // What is cut off by this is too large for whoever reads it next.
    let file = fs::File::open(path).map_err(wrong)?;
    file.take(MAX_FILE).read_to_string(&mut text).map_err(wrong)?;
    Ok(text)
}

fn is_local(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn setting(setting: &'static str, reason: &str) -> MailError {
    MailError::Setting { setting, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    fn settings() -> MailSettings {
        MailSettings {
            server: "smtp.cuhk.example".to_owned(),
            port: None,
            tls: MailTls::Implicit,
            root: None,
            from: "CUHK <enrol@cuhk.example>".to_owned(),
            reply_to: None,
            subject: None,
            template: None,
            user: None,
            password_file: None,
            per_minute: default_rate(),
        }
    }

    fn refused(settings: &MailSettings) -> String {
        Mailer::new(settings, None).unwrap_err().to_string()
    }

    #[test]
    fn ports_follow_from_how_it_is_kept_private() {
        for (tls, server, port) in [
            (MailTls::Implicit, "smtp.cuhk.example", 465),
            (MailTls::Starttls, "smtp.cuhk.example", 587),
            (MailTls::None, "127.0.0.1", 25),
            (MailTls::None, "localhost", 25),
        ] {
            let settings = MailSettings { tls, server: server.to_owned(), ..settings() };
            let mailer = Mailer::new(&settings, None).unwrap();
            assert_eq!(mailer.server(), format!("{server}:{port}"));
            assert_eq!(mailer.tls.is_some(), tls != MailTls::None);
        }
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let clear = MailSettings { tls: MailTls::None, ..settings() };
        assert!(refused(&clear).contains("tls: \"none\" is for a mail server on this machine"));
        let from = MailSettings { from: "CUHK".to_owned(), ..settings() };
        assert!(refused(&from).contains("from: it is not an address"));
        let injected =
            MailSettings { from: "a@b.example\r\nBcc: c@d.example".to_owned(), ..settings() };
        assert!(refused(&injected).contains("from: "));
        let subject =
            MailSettings { subject: Some("a\nBcc: c@d.example".to_owned()), ..settings() };
        assert!(refused(&subject).contains("subject: it has a line break"));
        let user = MailSettings { user: Some("claim".to_owned()), ..settings() };
        assert!(refused(&user).contains("there is no password"));
        let missing = MailSettings { template: Some("/no/such/file".into()), ..settings() };
        assert!(refused(&missing).contains("template: \"/no/such/file\" cannot be read"));
        let server = MailSettings { server: " ".to_owned(), ..settings() };
        assert!(refused(&server).contains("server: "));
    }
}
