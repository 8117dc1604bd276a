//! One conversation with the mail server (RFC 5321), command by command.
//!
//! The library's `send` does the same and does not tell how far it came; but whether a mail may have left decides whether
//! it may be sent again. Before the last byte of the message it has surely not; after an answer it is known; in between
//! nobody knows.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use lettre::message::Message;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::time::timeout;

use super::MailError;
use super::settings::{MailTls, Mailer};

/// How long the server may take for an answer (RFC 5321 §4.5.3.2 gives five minutes for most).
const ANSWER_WITHIN: Duration = Duration::from_secs(300);

/// How long it may take to take the message (RFC 5321 §4.5.3.2.6: ten minutes).
const TAKEN_WITHIN: Duration = Duration::from_secs(600);

/// How long a connection may take to come about.
const CONNECTED_WITHIN: Duration = Duration::from_secs(30);

/// Starts anew after a refused recipient (RFC 5321 §4.1.1.5).
struct Reset;

/// An open connection, logged in where that is configured.
pub(crate) struct Connection {
    smtp: AsyncSmtpConnection,
}

/// What became of one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The server has taken it.
    Taken,
    /// The server has refused it; the connection goes on.
    Refused(String),
    /// The connection ended before the message was sent: it has surely not left.
    Broken(String),
    /// The connection ended after the message was sent and before the answer.
    Doubtful(String),
}

impl fmt::Display for Reset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RSET\r\n")
    }
}

impl Connection {
    /// Connects, over TLS as configured, and logs in.
    pub(crate) async fn open(mailer: &Mailer) -> Result<Self, MailError> {
        let unreachable =
            |reason: String| MailError::Unreachable { server: mailer.server(), reason };
        let connecting = connect(mailer);
        let smtp = match timeout(CONNECTED_WITHIN, connecting).await {
            Ok(connected) => connected.map_err(|error| unreachable(told(&error)))?,
            Err(_) => return Err(unreachable("it does not answer".to_owned())),
        };
        let mut connection = Self { smtp };
        if let Some((user, credentials)) = &mailer.login {
            let login = |reason: String| MailError::Login {
                server: mailer.server(),
                user: user.clone(),
                reason,
            };
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let authenticating = connection.smtp.auth(&mechanisms, credentials);
            match timeout(CONNECTED_WITHIN, authenticating).await {
                Ok(done) => drop(done.map_err(|error| login(told(&error)))?),
                Err(_) => return Err(login("it does not answer".to_owned())),
            }
        }
        Ok(connection)
    }

    /// Hands over one mail.
    pub(crate) async fn deliver(&mut self, letter: &Message) -> Delivery {
        match self.hand_over(letter).await {
            Ok(()) => {}
            Err(before) => return before,
        }
        let bytes = letter.formatted();
        match timeout(TAKEN_WITHIN, self.smtp.message(&bytes)).await {
            Ok(Ok(_)) => Delivery::Taken,
            Ok(Err(error)) if error.status().is_some() => Delivery::Refused(told(&error)),
            Ok(Err(error)) => Delivery::Doubtful(told(&error)),
            Err(_) => Delivery::Doubtful("the mail server does not answer".to_owned()),
        }
    }

    /// Says goodbye; nothing depends on the answer.
    pub(crate) async fn close(mut self) {
        let _ = timeout(CONNECTED_WITHIN, self.smtp.quit()).await;
    }

    /// Everything up to where the message itself may be sent.
    async fn hand_over(&mut self, letter: &Message) -> Result<(), Delivery> {
        let envelope = letter.envelope();
        let from = envelope.from().cloned();
        let addresses = envelope.to().iter().chain(from.as_ref());
        let mut parameters = Vec::new();
        if addresses.into_iter().any(|address| !AsRef::<str>::as_ref(address).is_ascii()) {
            if !self.smtp.server_info().supports_feature(Extension::SmtpUtfEight) {
                let reason = "the mail server takes no addresses beyond ASCII (SMTPUTF8)";
                return Err(Delivery::Refused(reason.to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let (mail, to) = (Mail::new(from, parameters), envelope.to().to_vec());
        answered(self.smtp.command(mail)).await?;
        for address in to {
            let asked = answered(self.smtp.command(Rcpt::new(address, Vec::new()))).await;
            self.reset_after(asked).await?;
        }
        let asked = answered(self.smtp.command(Data)).await;
        self.reset_after(asked).await
    }

    /// A refusal leaves the transaction open, which the next mail must not meet.
    async fn reset_after(&mut self, asked: Result<(), Delivery>) -> Result<(), Delivery> {
        if let Err(Delivery::Refused(_)) = &asked
            && answered(self.smtp.command(Reset)).await.is_err()
        {
            self.smtp.abort().await;
        }
        asked
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

async fn connect(mailer: &Mailer) -> Result<AsyncSmtpConnection, Error> {
    let hello = ClientId::default();
    let server = (mailer.host.as_str(), mailer.port);
    let within = Some(CONNECTED_WITHIN);
    let implicit = mailer.tls.clone().filter(|_| mailer.mode == MailTls::Implicit);
    let mut smtp =
        AsyncSmtpConnection::connect_tokio1(server, within, &hello, implicit, None).await?;
    if let (MailTls::Starttls, Some(tls)) = (mailer.mode, mailer.tls.clone()) {
        // An error where the server does not offer it: nothing is said in the clear but EHLO.
        smtp.starttls(tls, &hello).await?;
    }
    Ok(smtp)
}

/// The answer to a command before the message.
async fn answered(asking: impl Future<Output = Result<Response, Error>>) -> Result<(), Delivery> {
    match timeout(ANSWER_WITHIN, asking).await {
        Ok(Ok(_)) => Ok(()),
        // 421: "Service not available, closing transmission channel" (RFC 5321 §4.2.2).
        Ok(Err(error)) if error.status().is_some_and(|code| code.to_string() != "421") => {
            Err(Delivery::Refused(told(&error)))
        }
        Ok(Err(error)) => Err(Delivery::Broken(told(&error))),
        Err(_) => Err(Delivery::Broken("the mail server does not answer".to_owned())),
    }
}

/// The error with its causes, on one line and not endless: it comes from the server.
fn told(error: &Error) -> String {
    const MOST: usize = 300;
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        let next_text = next.to_string();
        if !text.contains(&next_text) {
            text = format!("{text}: {next_text}");
        }
        cause = next.source();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(MOST).collect()
}
