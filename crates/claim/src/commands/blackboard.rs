//! `claim blackboard`.

mod audit;
mod courses;
mod hand_ins;
mod log;
mod outage;
mod request;
mod retention;

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use claim_blackboard::{AdminError, Config, ExternalTls, KeyPassphrase, StartError};
use claim_core::Escaped;
use serde_json::json;

use super::course::Errand;
use super::cuhk::passphrase;
use super::{Context, Serving, StopSignals, Told, backup};
use crate::cli::course::{LocalArgs, LocalCourseArgs, LocalCourseCommand};
use crate::cli::{BlackboardArgs, BlackboardCommand, BlackboardServeArgs};
use crate::exit::Exit;
use crate::files;
use crate::words;

pub(crate) async fn run(arguments: BlackboardArgs, context: &Context) -> Result<Exit> {
    match arguments.command {
        None => serve(arguments.serve, context).await,
        Some(BlackboardCommand::Serve(arguments)) => serve(arguments, context).await,
        Some(BlackboardCommand::Request(arguments)) => {
            match config(&context.server_dir(), arguments, context) {
                Ok(config) => Ok(request::run(&config, context)),
                Err(exit) => Ok(exit),
            }
        }
        Some(BlackboardCommand::Backup(arguments)) => {
            backup::back_up_blackboard(arguments, context).await
        }
        Some(BlackboardCommand::Restore(arguments)) => {
            backup::restore_blackboard(arguments, context).await
        }
        Some(BlackboardCommand::Messages { database }) => {
            messages(database.database.as_deref(), context).await
        }
        Some(BlackboardCommand::Course(LocalCourseArgs { command, database })) => match command {
            LocalCourseCommand::Add { course, settings, owner } => {
                courses::add(course, settings, owner.as_ref(), &database, context).await
            }
            LocalCourseCommand::Other(command) => {
                courses::run(Errand::Course(command), &database, context).await
            }
        },
        Some(BlackboardCommand::Assignment(LocalArgs { command, database })) => {
            courses::run(Errand::Assignment(command), &database, context).await
        }
        Some(BlackboardCommand::Roster(LocalArgs { command, database })) => {
            courses::run(Errand::Members(command), &database, context).await
        }
        Some(BlackboardCommand::Group(LocalArgs { command, database })) => {
            courses::run(Errand::Group(command), &database, context).await
        }
        Some(BlackboardCommand::Extend(LocalArgs { command, database })) => {
            courses::run(Errand::Extend(command), &database, context).await
        }
        Some(BlackboardCommand::Staff(LocalArgs { command, database })) => {
            courses::run(Errand::Staff(command), &database, context).await
        }
        Some(BlackboardCommand::Count(LocalArgs { command, database })) => {
            courses::run(Errand::Count(command), &database, context).await
        }
        Some(BlackboardCommand::Retention(arguments)) => retention::run(arguments, context).await,
        Some(BlackboardCommand::Audit(arguments)) => audit::run(arguments, context).await,
        Some(BlackboardCommand::Log(arguments)) => log::run(arguments.command, context).await,
        Some(BlackboardCommand::Outage(arguments)) => outage::run(arguments.command, context).await,
        Some(BlackboardCommand::List { assignment, database }) => {
            hand_ins::list(&assignment, database.database.as_deref(), context).await
        }
    }
}

/// Blackboard's settings from its options.
pub(crate) fn config(
    dir: &Path,
    arguments: BlackboardServeArgs,
    context: &Context,
) -> Result<Config, Exit> {
    let BlackboardServeArgs {
        server,
        cuhk,
        root,
        invite_file,
        ask_witness,
        key_passphrase,
        sealing_key,
        crl_from,
        disk,
        keep,
    } = arguments;
    let mut config = Config::new(dir, cuhk);
    if !server.listen.is_empty() {
        config.listen = server.listen;
    }
    config.public_url = server.public_url;
    config.root = root;
    config.invite_file = invite_file;
    config.witnesses = ask_witness;
    config.crl_from = crl_from;
    config.passphrase = passphrase(key_passphrase, context)?;
    config.sealing_key = sealing_key;
    config.database = server.database.database;
    let passphrase_of_tls = passphrase(server.tls_key_passphrase, context)?;
    let passphrase_of_tls = passphrase_of_tls.map(|text| KeyPassphrase::new(text.expose()));
    config.external_tls = server
        .tls_cert
        .zip(server.tls_key)
        .map(|(certificate, key)| ExternalTls { certificate, key, passphrase: passphrase_of_tls });
    config.metrics = server.metrics;
    config.keep_free = disk.keep_free();
    config.retention = keep.rule();
    config.limits = files::fit(&context.blackboard_limits);
    config.quotas = context.blackboard_quotas;
    Ok(config)
}

async fn serve(arguments: BlackboardServeArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let observer = Arc::new(move |event| terminal.tell(&words::blackboard::words(&event)));
    let config = match config(&context.server_dir(), arguments, context) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let mut signals = StopSignals::listen()?;
    // It may wait for CUHK for a while, and must be stoppable while it does.
    let started = tokio::select! {
        started = claim_blackboard::start(config, observer) => started,
        () = signals.received() => return Ok(Exit::Done),
    };
    match started {
        Ok(running) => {
            let (origin, nudge) = (running.origin().clone(), running.nudge());
            let run = |told: Told| running.run(told.stop());
            super::serve(Serving { origin, nudge, run }, signals, terminal).await
        }
        Err(error) => Ok(start_failure(context, &error)),
    }
}

pub(crate) fn start_failure(context: &Context, error: &StartError) -> Exit {
    context.terminal.failure(&error.to_string(), error.why().as_deref(), &error.advice());
    match error {
        error if error.is_unreachable() => Exit::Unreachable,
        // The unit for systemd does not try these again.
        error if error.is_wrong_secret() => Exit::Usage,
        _ => Exit::Refused,
    }
}

async fn messages(database: Option<&str>, context: &Context) -> Result<Exit> {
    let listed = list(database, context).await;
    match listed {
        Ok(0) => context.terminal.say("No message has been accepted yet."),
        Ok(_) => {}
        Err(error) => return Ok(no_records(context, &error)),
    }
    Ok(Exit::Done)
}

fn no_records(context: &Context, error: &AdminError) -> Exit {
    let advice = "Name the folder with --dir, or the database with --database.";
    context.terminal.failure(&error.to_string(), None, advice);
    Exit::Refused
}

async fn list(database: Option<&str>, context: &Context) -> Result<u64, AdminError> {
    let mut messages = claim_blackboard::messages(&context.server_dir(), database).await?;
    let mut shown = 0;
    loop {
        let page = messages.next_page().await?;
        if page.is_empty() {
            return Ok(shown);
        }
        for message in page {
            shown += 1;
            let line = format!(
                "{}:{} {}  {}",
                message.person.label(),
                message.person,
                message.received_at,
                Escaped(&message.text)
            );
            let document = json!({ "number": message.id, "id": message.person,
                "received_at": message.received_at, "text": message.text });
            context.terminal.result(&line, &document);
        }
    }
}
