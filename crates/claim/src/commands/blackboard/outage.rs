//! `claim blackboard outage`.

use anyhow::Result;
use claim_blackboard::{AllowedOutage, Clock, OutageRow};
use claim_core::{Escaped, Timestamp};
use claim_course::time::{TimeError, Zone};
use serde_json::json;

use super::courses::open;
use super::{Context, no_records};
use crate::cli::{AllowOutageArgs, OutageCommand};
use crate::exit::Exit;

pub(super) async fn run(command: OutageCommand, context: &Context) -> Result<Exit> {
    match command {
        OutageCommand::Allow(arguments) => allow(arguments, context).await,
        OutageCommand::List { database } => list(database.database.as_deref(), context).await,
    }
}

async fn allow(arguments: AllowOutageArgs, context: &Context) -> Result<Exit> {
    let (since, until) = match period(&arguments) {
        Ok(period) => period,
        Err(error) => {
            context.terminal.failure(&error.to_string(), None, &error.advice());
            return Ok(Exit::Usage);
        }
    };
    let now = Clock::system().now();
    // Before it is over nobody knows how long it will be; and it would let anybody hand in by CUHK's time.
    if since > until || until > now {
        let what = match since > until {
            true => "the outage ends before it begins",
            false => "the outage is not over yet",
        };
        let advice = "Give the first and the last minute in which Blackboard could not be reached.";
        context.terminal.failure(what, None, advice);
        return Ok(Exit::Usage);
    }
    let allowed = AllowedOutage { reason: arguments.reason, at: now };
    let database = arguments.database.database.as_deref();
    let outcome =
        async { open(database, context).await?.allow_outage(since, until, &allowed).await };
    match outcome.await {
        Ok(()) => {
            tell(&OutageRow { since, until, allowed: Some(allowed) }, &arguments.zone, context);
            Ok(Exit::Done)
        }
        Err(error) => Ok(no_records(context, &error)),
    }
}

fn period(arguments: &AllowOutageArgs) -> Result<(Timestamp, Timestamp), TimeError> {
    let zone = &arguments.zone;
    Ok((zone.first_moment(&arguments.since)?, zone.last_moment(&arguments.until)?))
}

async fn list(database: Option<&str>, context: &Context) -> Result<Exit> {
    let outages = async { open(database, context).await?.outages().await };
    match outages.await {
        Ok(outages) => {
            if outages.is_empty() {
                context.terminal.say("No outages are on record.");
            }
            outages.iter().for_each(|outage| tell(outage, &Zone::utc(), context));
            Ok(Exit::Done)
        }
        Err(error) => Ok(no_records(context, &error)),
    }
}

fn tell(outage: &OutageRow, zone: &Zone, context: &Context) {
    let OutageRow { since, until, allowed } = outage;
    let why = match allowed {
        Some(AllowedOutage { reason, at }) => format!("allowed at {at}: {}", Escaped(reason)),
        None => "by the minute marks".to_owned(),
    };
    let line = format!("{} to {}  {why}", zone.shown(*since), zone.shown(*until));
    let document = json!({
        "since": since, "until": until,
        "reason": allowed.as_ref().map(|allowed| &allowed.reason),
        "allowed_at": allowed.as_ref().map(|allowed| allowed.at),
    });
    context.terminal.result(&line, &document);
}
