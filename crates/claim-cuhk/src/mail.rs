//! Invitations by mail: settings, the letter, and the talk with the mail server (RFC 5321 over TLS, RFC 8314).
//!
//! Whom to mail, and what is on record of it, is in `admin/mailing.rs`.

mod announcement;
mod error;
mod letter;
mod settings;
mod smtp;

pub use self::error::MailError;
pub use self::letter::{DEFAULT_SUBJECT, DEFAULT_TEMPLATE, TemplateError};
pub use self::settings::{MailSettings, MailTls, Mailer};
pub(crate) use self::smtp::{Connection, Delivery};
