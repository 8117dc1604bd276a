//! Why no mail can be sent.

use std::path::PathBuf;

use super::TemplateError;

/// Why no mail can be sent, or none any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailError {
    /// A setting cannot be used.
    #[error("[cuhk.mail] {setting}: {reason}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A file that a setting names cannot be read.
    #[error("[cuhk.mail] {setting}: {path:?} cannot be read: {source}")]
    File {
        /// The setting.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text of the mail cannot be used.
    #[error("[cuhk.mail] template: {0}")]
    Template(#[from] TemplateError),
    /// There is a user and no password.
    #[error("[cuhk.mail] names the user {user:?}, and there is no password")]
    NoPassword {
        /// The user.
        user: String,
    },
    /// There is no mail to be made of it.
    #[error("the mail cannot be made: {reason}")]
    Letter {
        /// Why.
        reason: String,
    },
    /// The mail server cannot be reached, or not over TLS as it must be.
    #[error("the mail server {server} cannot be used: {reason}")]
    Unreachable {
        /// Host and port.
        server: String,
        /// Why.
        reason: String,
    },
    /// The mail server does not take user and password.
    #[error("the mail server {server} does not let {user:?} in: {reason}")]
    Login {
        /// Host and port.
        server: String,
        /// The user.
        user: String,
        /// What it says.
        reason: String,
    },
    /// One mail after the other was refused.
    #[error(
        "the mail server refused {refused} mails one after the other, the last one so: {reason}"
    )]
    RefusesAll {
        /// How many.
        refused: u32,
        /// What it said last.
        reason: String,
    },
}

impl MailError {
    /// What to do next.
    pub(crate) fn advice(&self) -> String {
        match self {
            Self::Setting { .. } | Self::File { .. } | Self::Template(_) | Self::Letter { .. } => {
                "Correct [cuhk.mail] in claim.toml; docs/OPERATIONS.md shows one.".to_owned()
            }
            Self::NoPassword { .. } => {
                "Name a file with password-file (mode 0600), give CUHK the systemd credential \
                     mail-password, or set CLAIM_MAIL_PASSWORD."
                    .to_owned()
            }
            Self::Unreachable { .. } | Self::Login { .. } => {
                "Put that right and do it again: it goes on where it stopped.".to_owned()
            }
            Self::RefusesAll { .. } => {
                "Ask whoever runs the mail server, and do it again: it goes on where it stopped. \
                     Perhaps per-minute is more than that server takes."
                    .to_owned()
            }
        }
    }
}
