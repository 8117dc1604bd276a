//! `claim cuhk invite --mail`: one mail after the other, until all are sent or somebody stops it.

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use claim_core::{Escaped, Origin, PersonId};
use claim_cuhk::{AdminError, MailOutcome, MailSettings, Mailed, Mailer, Mailing, Office, Whom};
use claim_files::read_private;
use serde_json::json;
use zeroize::Zeroizing;

use super::roster::{Outcome, people};
use crate::commands::{Context, StopSignals};
use crate::exit::Exit;

/// The variable that may hold the password.
const PASSWORD_VARIABLE: &str = "CLAIM_MAIL_PASSWORD";

/// The name of the credential that systemd may hand over (systemd.exec(5), LoadCredential=).
const CREDENTIAL: &str = "mail-password";

/// How the mails ended.
#[derive(Default)]
struct Tally {
    taken: u64,
    refused: u64,
    doubtful: u64,
}

/// What a serving CUHK tells people of their certificates with, if mail is configured and can be used.
pub(super) fn for_announcements(context: &Context) -> Option<Mailer> {
    let settings = context.cuhk_mail.as_ref()?;
    let made = password(settings).and_then(|password| Ok(Mailer::new(settings, password)?));
    made.map_err(|error| {
        let what = format!("nobody will be told by mail of new certificates: {error}");
        let advice = "Enrolment works without it. Put that right and start CUHK again.";
        context.terminal.failure(&what, None, advice);
    })
    .ok()
}

pub(super) async fn run(
    office: &Office,
    whom: &Whom,
    cuhk: Option<Origin>,
    context: &Context,
) -> Outcome {
    let Some(settings) = &context.cuhk_mail else {
        let what = "[cuhk.mail] is missing in claim.toml";
        let advice = "Name server and from there; docs/OPERATIONS.md shows one.";
        context.terminal.failure(what, None, advice);
        return Ok(Ok(Exit::Usage));
    };
    let mailer = match Mailer::new(settings, password(settings)?) {
        Ok(mailer) => mailer,
        Err(error) => return Ok(Err(error.into())),
    };
    let mut mailing = match office.mailing(whom, cuhk, &mailer).await {
        Ok(mailing) => mailing,
        Err(error) => return Ok(Err(error)),
    };
    let without = tell_left_out(office, mailing.without_address(), context).await;
    let without = match without {
        Ok(without) => without,
        Err(error) => return Ok(Err(error)),
    };
    if mailing.waiting() == 0 {
        context.terminal.say("Nobody is to be mailed.");
        return Ok(Ok(if without == 0 { Exit::Done } else { Exit::Refused }));
    }
    let line = format!(
        "Mailing {} by {}, {} a minute at most. Ctrl-C stops after the mail that is under way.",
        people(mailing.waiting() as u64),
        mailer.server(),
        mailer.per_minute()
    );
    context.terminal.say(&line);
    let mut tally = Tally::default();
    let ended = mail(&mut mailing, &mut tally, context).await;
    mailing.close().await;
    conclude(&tally, mailing.waiting(), context);
    match ended? {
        Ok(()) if tally.refused + tally.doubtful + without == 0 && mailing.waiting() == 0 => {
            Ok(Ok(Exit::Done))
        }
        Ok(()) => Ok(Ok(Exit::Refused)),
        Err(error) => Ok(Err(error)),
    }
}

/// Goes on until all are mailed, it is told to stop, or it cannot.
async fn mail(
    mailing: &mut Mailing<'_>,
    tally: &mut Tally,
    context: &Context,
) -> Result<Result<(), AdminError>> {
    let mut signals = StopSignals::listen()?;
    let mut stopping = false;
    while !stopping {
        let next = {
            let mut next = std::pin::pin!(mailing.next());
            loop {
                tokio::select! {
                    next = &mut next => break next,
                    () = signals.received(), if !stopping => {
                        stopping = true;
                        context.terminal.say("Stopping after the mail that is under way …");
                    }
                }
            }
        };
        match next {
            Ok(Some(mailed)) => tell(&mailed, tally, context),
            Ok(None) => break,
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(()))
}

fn tell(mailed: &Mailed, tally: &mut Tally, context: &Context) {
    let Mailed { id, to, outcome } = mailed;
    let (name, why) = match outcome {
        MailOutcome::Taken => {
            tally.taken += 1;
            ("taken", None)
        }
        MailOutcome::Refused { why } => {
            tally.refused += 1;
            ("refused", Some(why))
        }
        MailOutcome::Doubtful { why } => {
            tally.doubtful += 1;
            ("doubtful", Some(why))
        }
    };
    let line = match why {
        None => format!("  {id}  {to}"),
        Some(why) => format!("  {id}  {to}  {name}: {}", Escaped(why)),
    };
    let document = json!({ "id": id, "to": to.as_str(), "mail": name, "why": why });
    context.terminal.result(&line, &document);
}

/// Who gets no mail by this, and why; returns how many have no address.
async fn tell_left_out(
    office: &Office,
    without_address: &[PersonId],
    context: &Context,
) -> Result<u64, AdminError> {
    const SHOWN: usize = 20;
    for id in without_address.iter().take(SHOWN) {
        let document = json!({ "id": id, "mail": "no-address" });
        context.terminal.result(&format!("  {id}  has no e-mail address on record"), &document);
    }
    if without_address.len() > SHOWN {
        let more = without_address.len() - SHOWN;
        context.terminal.say(&format!("  … and {more} more without an address"));
    }
    let doubtful = office.doubtful().await?;
    if !doubtful.is_empty() {
        let ids: Vec<_> = doubtful.iter().map(PersonId::as_str).collect();
        let line = format!(
            "Whether the last mail to these left is not known, as it was cut off: {}.\n\
             They are left out; claim cuhk invite --resend {} --mail sends another.",
            ids.join(", "),
            ids.join(" ")
        );
        context.terminal.result(&line, &json!({ "doubtful": ids }));
    }
    Ok(without_address.len() as u64)
}

fn conclude(tally: &Tally, waiting: usize, context: &Context) {
    let Tally { taken, refused, doubtful } = tally;
    let mut text =
        format!("Taken by the mail server: {taken}. Refused: {refused}. Doubtful: {doubtful}.");
    if waiting > 0 {
        text.push_str(&format!(" Still to be mailed: {waiting}; the same command goes on."));
    }
    if *refused > 0 {
        text.push_str("\nThe codes of refused mails are void; correct the addresses, import, and do it again.");
    }
    let document = json!({
        "taken": taken, "refused": refused, "doubtful": doubtful, "waiting": waiting,
    });
    context.terminal.result(&text, &document);
}

/// From a file, from systemd, or from the environment, in this order; never an argument.
fn password(settings: &MailSettings) -> Result<Option<Zeroizing<String>>> {
    if settings.user.is_none() {
        return Ok(None);
    }
    if let Some(path) = &settings.password_file {
        return from_file(path).map(Some);
    }
    if let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") {
        let path = Path::new(&folder).join(CREDENTIAL);
        if path.exists() {
            // systemd keeps others out of the folder; the file's own mode is its business.
            let bytes = Zeroizing::new(
                std::fs::read(&path).with_context(|| format!("{}", path.display()))?,
            );
            return line(&bytes, &path).map(Some);
        }
    }
    match std::env::var(PASSWORD_VARIABLE) {
        Ok(password) => Ok(Some(Zeroizing::new(password))),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => bail!("{PASSWORD_VARIABLE}: {error}"),
    }
}

fn from_file(path: &Path) -> Result<Zeroizing<String>> {
    line(&read_private(path)?, path)
}

/// The password without the line end that editors add.
fn line(bytes: &[u8], path: &Path) -> Result<Zeroizing<String>> {
    let text = std::str::from_utf8(bytes);
    let text = text.with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
