//! Mailing invitations, one after the other, each on record before its code leaves.
//!
//! A mail is sent at most once. Of the one that was under way when the program was killed nobody knows whether it left;
//! it is on record as that, told, and sent anew only when somebody says so, with another code, which ends the first.

use std::collections::VecDeque;
use std::time::Duration;

use claim_core::invitation::Invitee;
use claim_core::{Origin, PersonId};
use claim_store::cuhk::PersonRecord;
use lettre::message::Mailbox;
use tokio::time::{Instant, sleep_until};

use super::inviting::{Whom, shown};
use super::roster::EmailAddress;
use super::{AdminError, Office};
use crate::invite::Invitations;
use crate::mail::{Connection, Delivery, MailError, Mailer};

/// After so many refusals in a row it is not the people's addresses.
const MOST_REFUSALS: u32 = 10;

/// How long ago the last mail to somebody must be when everybody is mailed again, in seconds: a run that was cut off
/// goes on where it stopped, and a command typed twice mails nobody twice.
const MAILED_LATELY: i64 = 24 * 3600;

/// People who are being mailed their invitations.
#[derive(Debug)]
pub struct Mailing<'o> {
    office: &'o Office,
    mailer: &'o Mailer,
    invitations: Invitations,
    waiting: VecDeque<(PersonRecord, EmailAddress)>,
    without_address: Vec<PersonId>,
    connection: Option<Connection>,
    /// When the next one may leave.
    next_at: Instant,
    refused_in_a_row: u32,
}

/// What became of one person's mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailed {
    /// Whose.
    pub id: PersonId,
    /// Where it went.
    pub to: EmailAddress,
    /// What became of it.
    pub outcome: MailOutcome,
}

/// What became of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MailOutcome {
    /// The mail server has taken it.
    Taken,
    /// The mail server has refused it; its code is void.
    Refused {
        /// What it said.
        why: String,
    },
    /// Nobody knows: the connection broke at the last moment. Its code is good.
    Doubtful {
        /// How it broke.
        why: String,
    },
}

impl Office {
    /// Prepares to mail invitations to people of the roster, whose earlier codes end with that.
    ///
    /// With [`Whom::NotEnrolled`] those are left out to whom a mail was begun within a day.
    /// Nothing is sent and nobody is invited before [`Mailing::next`].
    ///
    /// # Errors
    /// As [`Office::prepare_invitations`].
    pub async fn mailing<'o>(
        &'o self,
        whom: &Whom,
        cuhk: Option<Origin>,
        mailer: &'o Mailer,
    ) -> Result<Mailing<'o>, AdminError> {
        let invitations = self.invitations(cuhk)?;
        let before = self.clock.now().plus_seconds(-MAILED_LATELY);
        let (mut waiting, mut without_address) = (VecDeque::new(), Vec::new());
        for person in self.people_to_invite(whom, Some(before)).await? {
            match person.email.as_deref().map(str::parse) {
                Some(Ok(address)) => waiting.push_back((person, address)),
                Some(Err(_)) | None => without_address.push(person.id),
            }
        }
        Ok(Mailing {
            office: self,
            mailer,
            invitations,
            waiting,
            without_address,
            connection: None,
            next_at: Instant::now(),
            refused_in_a_row: 0,
        })
    }
}

impl Office {
    /// The people without a certificate of whose last mail nobody knows whether it left.
    ///
    /// # Errors
    /// [`AdminError`] when the records cannot be read.
    pub async fn doubtful(&self) -> Result<Vec<PersonId>, AdminError> {
        Ok(self.store.doubtful().await?)
    }
}

impl Mailing<'_> {
    /// How many are still to be mailed.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Who should be mailed, and has no address on record.
    pub fn without_address(&self) -> &[PersonId] {
        &self.without_address
    }

    /// Mails the next one, when it is time; `None` when all are.
    ///
    /// It must be awaited to its end: where it is dropped, the person's mail is in doubt.
    ///
    /// # Errors
    /// [`AdminError::Mail`] when the mail server cannot be used any more, [`AdminError::Store`]; whoever waits is still to
    /// be mailed, now or by another run.
    pub async fn next(&mut self) -> Result<Option<Mailed>, AdminError> {
        let Some((person, to)) = self.waiting.front().cloned() else {
            self.close().await;
            return Ok(None);
        };
        sleep_until(self.next_at).await;
        self.next_at = Instant::now() + Duration::from_secs(60) / self.mailer.per_minute().get();
        // Before anything is on record: a server that lets nobody in leaves everybody as they are.
        let mut connection = self.connected().await?;

        let now = self.office.clock.now();
        let (invitation, code) = self.invitations.make(Invitee::Person(person.id.clone()), now);
        let invited = shown(person, invitation, &code);
        let mailbox = Mailbox::new(invited.name.clone(), to.address().clone());
        let letter = self.mailer.letter(&invited, mailbox, now)?;
        self.office.store.begin_mailing(&code, to.as_str()).await?;
        self.waiting.pop_front();
        let mut delivery = connection.deliver(&letter).await;
        if let Delivery::Broken(_) = delivery {
            // Mail servers close connections that were open for long; the mail has not left.
            connection = match Connection::open(self.mailer).await {
                Ok(connection) => connection,
                Err(error) => {
                    let why = error.to_string();
                    self.office.store.mail_refused(&code.code_hash, &why, now).await?;
                    return Err(error.into());
                }
            };
            delivery = connection.deliver(&letter).await;
        }
        let store = &self.office.store;
        let outcome = match delivery {
            Delivery::Taken => {
                store.mail_taken(&code.code_hash, self.office.clock.now()).await?;
                self.connection = Some(connection);
                MailOutcome::Taken
            }
            Delivery::Refused(why) => {
                store.mail_refused(&code.code_hash, &why, now).await?;
                self.connection = Some(connection);
                MailOutcome::Refused { why }
            }
            // The next one gets another connection.
            Delivery::Broken(why) => {
                store.mail_refused(&code.code_hash, &why, now).await?;
                MailOutcome::Refused { why }
            }
            Delivery::Doubtful(why) => MailOutcome::Doubtful { why },
        };
        self.count(&outcome)?;
        Ok(Some(Mailed { id: invited.id, to, outcome }))
    }

    async fn connected(&mut self) -> Result<Connection, MailError> {
        match self.connection.take() {
            Some(connection) => Ok(connection),
            None => Connection::open(self.mailer).await,
        }
    }

    fn count(&mut self, outcome: &MailOutcome) -> Result<(), MailError> {
        let why = match outcome {
            MailOutcome::Taken => {
                self.refused_in_a_row = 0;
                return Ok(());
            }
            MailOutcome::Refused { why } | MailOutcome::Doubtful { why } => why,
        };
        self.refused_in_a_row += 1;
        if self.refused_in_a_row < MOST_REFUSALS || self.waiting.is_empty() {
            return Ok(());
        }
        Err(MailError::RefusesAll { refused: self.refused_in_a_row, reason: why.clone() })
    }

    /// Takes leave of the mail server.
    pub async fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }
}
