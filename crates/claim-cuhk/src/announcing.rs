//! Telling people by mail of each certificate that is issued to them, so that one which they did not ask for shows.
//!
//! What is to be told goes on record with the certificate, and stays there until a mail server has taken it: neither a
//! mail server that is away nor a restart loses one, and no enrolment waits for it. At worst somebody is told twice.

use std::sync::Arc;
use std::time::Duration;

use claim_core::Timestamp;
use claim_store::StoreError;
use claim_store::cuhk::{Announcement, AnnouncementEnd};
use lettre::message::Mailbox;
use tokio::time::{Instant, sleep_until, timeout};

use crate::admin::EmailAddress;
use crate::event::Event;
use crate::mail::{Connection, Delivery, MailError, Mailer};
use crate::state::Cuhk;

/// How often it looks by itself; it is woken when a certificate is issued.
const PERIOD: Duration = Duration::from_secs(60);

/// How many are read at once.
const BATCH: u32 = 50;

/// How long after the first attempt the next one is made, in seconds; each further pause is twice as long.
const FIRST_PAUSE: i64 = 300;

/// After so many attempts, which take two days, it is given up.
const MOST_ATTEMPTS: u64 = 9;

/// Goes on until it is aborted.
pub(crate) async fn run(cuhk: Arc<Cuhk>, mailer: Arc<Mailer>) {
    // Told once, until it works again.
    let mut fault: Option<String> = None;
    loop {
        match announce_due(&cuhk, &mailer).await {
            Ok(0) => {}
            Ok(told) => {
                tracing::debug!(told, "people were told of their certificates");
                fault = None;
            }
            Err(error) => {
                let reason = error.to_string();
                if fault.as_ref() != Some(&reason) {
                    cuhk.tell(Event::NotAnnounced { reason: reason.clone() });
                }
                fault = Some(reason);
                // A mail server that is away is not asked for each certificate.
                tokio::time::sleep(PERIOD).await;
                continue;
            }
        }
        // It makes no difference which of the two it was.
        let _ = timeout(PERIOD, cuhk.issued.notified()).await;
    }
}

/// Why nobody can be told at present; those who wait go on waiting.
#[derive(Debug, thiserror::Error)]
enum AnnounceError {
    #[error(transparent)]
    Mail(#[from] MailError),
    #[error("the records cannot be used: {0}")]
    Store(#[from] StoreError),
}

/// Tells whoever is due, one after the other, at the mail server's rate; returns how many were.
async fn announce_due(cuhk: &Cuhk, mailer: &Mailer) -> Result<u64, AnnounceError> {
    let mut connection = None;
    let (mut told, mut next_at) = (0, Instant::now());
    let outcome = loop {
        let due = cuhk.desk.store.due_announcements(cuhk.desk.clock.now(), BATCH).await?;
        if due.is_empty() {
            break Ok(told);
        }
        let mut failed = None;
        for one in due {
            sleep_until(next_at).await;
            match announce(cuhk, mailer, &one, &mut connection).await {
                Ok(true) => {
                    told += 1;
                    next_at = Instant::now() + Duration::from_secs(60) / mailer.per_minute().get();
                }
                Ok(false) => {}
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        if let Some(error) = failed {
            break Err(error);
        }
    };
    if let Some(connection) = connection {
        connection.close().await;
    }
    outcome
}

/// Tells of one, if it can be told and no other replica does; returns whether the mail server took it.
async fn announce(
    cuhk: &Cuhk,
    mailer: &Mailer,
    one: &Announcement,
    open: &mut Option<Connection>,
) -> Result<bool, AnnounceError> {
    let (store, now) = (&cuhk.desk.store, cuhk.desk.clock.now());
    let give_up = |why: &str| AnnouncementEnd::GivenUp { why: why.to_owned() };
    let to: Option<EmailAddress> = one.person.email.as_deref().and_then(|text| text.parse().ok());
    let Some(to) = to else {
        store.announced(&one.serial, &give_up("no e-mail address is on record")).await?;
        return Ok(false);
    };
    let mut connection = match open.take() {
        Some(connection) => connection,
        None => Connection::open(mailer).await?,
    };
    if !store.begin_announcement(one, pause_after(one.attempts, now)).await? {
        *open = Some(connection);
        return Ok(false);
    }
    let mailbox = Mailbox::new(one.person.name.clone(), to.address().clone());
    let letter = mailer.announcement(one, &cuhk.origin, mailbox, now)?;
    let why = match connection.deliver(&letter).await {
        Delivery::Taken => {
            store.announced(&one.serial, &AnnouncementEnd::Sent { at: now }).await?;
            *open = Some(connection);
            return Ok(true);
        }
        Delivery::Refused(why) => {
            *open = Some(connection);
            why
        }
        // The next one gets another connection.
        Delivery::Broken(why) | Delivery::Doubtful(why) => why,
    };
    tracing::debug!(serial = one.serial, why, "a certificate's holder was not told");
    if one.attempts + 1 >= MOST_ATTEMPTS {
        store.announced(&one.serial, &give_up(&why)).await?;
    }
    Ok(false)
}

/// When to try again, should this attempt come to nothing.
fn pause_after(attempts: u64, now: Timestamp) -> Timestamp {
    let doubled = FIRST_PAUSE << attempts.min(MOST_ATTEMPTS);
    now.plus_seconds(doubled)
}
