//! `claim blackboard audit`.

use anyhow::Result;
use claim_blackboard::{AdminError, Audit, Clock};

use super::{Context, no_records};
use crate::cli::{
    AuditWhichArgs, BlackboardAuditArgs, BlackboardAuditCommand, BlackboardAuditListArgs,
    CheckpointArgs, PruneArgs, VerifyAuditArgs,
};
use crate::commands::audit::{self, Whose};
use crate::exit::Exit;

const WHOSE: Whose = Whose { server: "Blackboard", command: "claim blackboard" };

pub(super) async fn run(arguments: BlackboardAuditArgs, context: &Context) -> Result<Exit> {
    let database = match &arguments.command {
        BlackboardAuditCommand::List(BlackboardAuditListArgs {
            which: AuditWhichArgs { database, .. },
            ..
        })
        | BlackboardAuditCommand::Checkpoint(CheckpointArgs { database, .. })
        | BlackboardAuditCommand::Verify(VerifyAuditArgs { database, .. })
        | BlackboardAuditCommand::Prune(PruneArgs { database, .. }) => database.database.clone(),
    };
    let (dir, clock) = (context.server_dir(), Clock::system());
    let log = match claim_blackboard::audit(&dir, database.as_deref(), clock).await {
        Ok(log) => log,
        Err(error) => return Ok(failure(context, &error)),
    };
    let done = run_in(&log, arguments.command, context).await;
    log.close().await;
    Ok(done?.unwrap_or_else(|error| failure(context, &error)))
}

/// What went wrong with a file or a terminal, outside; what the records or rules say, inside.
async fn run_in(
    log: &Audit,
    command: BlackboardAuditCommand,
    context: &Context,
) -> Result<Result<Exit, AdminError>> {
    match command {
        BlackboardAuditCommand::List(arguments) => Ok(list(log, arguments, context).await),
        BlackboardAuditCommand::Checkpoint(arguments) => Ok(match log.checkpoint().await {
            Ok(signed) => {
                Ok(audit::checkpoint(log.records(), signed, arguments, WHOSE, context).await)
            }
            Err(error) => Err(error),
        }),
        BlackboardAuditCommand::Verify(arguments) => {
            let verified = audit::verify(log.records(), arguments, WHOSE, context).await?;
            Ok(verified.map_err(Into::into))
        }
        BlackboardAuditCommand::Prune(arguments) => {
            if !audit::is_agreed(&arguments, "", context)? {
                return Ok(Ok(Exit::Refused));
            }
            let PruneArgs { before, archive, .. } = arguments;
            let pruned = log.prune(before, &archive).await;
            Ok(pruned.map(|pruned| audit::tell_pruned(pruned, &archive, false, context)))
        }
    }
}

async fn list(
    log: &Audit,
    arguments: BlackboardAuditListArgs,
    context: &Context,
) -> Result<Exit, AdminError> {
    let BlackboardAuditListArgs { deed, about, course, which } = arguments;
    let Some(person) = about else {
        for filter in audit::filters(&which, deed.map(Into::into)) {
            audit::show_all(log.records(), &filter, context).await?;
        }
        return Ok(Exit::Done);
    };
    let mut after = 0;
    loop {
        let page = log.about(&person, course.as_ref(), after).await?;
        let Some(last) = page.last() else { return Ok(Exit::Done) };
        after = last.number;
        page.iter().for_each(|entry| audit::show(entry, context));
    }
}

fn failure(context: &Context, error: &AdminError) -> Exit {
    let Some(advice) = error.advice() else { return no_records(context, error) };
    context.terminal.failure(&error.to_string(), None, &advice);
    Exit::Refused
}
