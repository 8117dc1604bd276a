//! `claim cuhk audit`.

use anyhow::Result;
use claim_cuhk::{AdminError, Clock, Office};
use serde_json::json;

use super::admin_failure;
use crate::cli::{
    AuditWhichArgs, CheckpointArgs, CuhkAuditArgs, CuhkAuditCommand, CuhkAuditListArgs, PruneArgs,
    RedactArgs, VerifyAuditArgs,
};
use crate::commands::Context;
use crate::commands::audit::{self, Whose};
use crate::exit::Exit;

const WHOSE: Whose = Whose { server: "CUHK", command: "claim cuhk" };

pub(super) async fn run(arguments: CuhkAuditArgs, context: &Context) -> Result<Exit> {
    let database = match &arguments.command {
        CuhkAuditCommand::List(CuhkAuditListArgs {
            which: AuditWhichArgs { database, .. },
            ..
        })
        | CuhkAuditCommand::Checkpoint(CheckpointArgs { database, .. })
        | CuhkAuditCommand::Verify(VerifyAuditArgs { database, .. })
        | CuhkAuditCommand::Prune(PruneArgs { database, .. })
        | CuhkAuditCommand::Redact(RedactArgs { database, .. }) => database.database.clone(),
    };
    let office = Office::open(&context.server_dir(), database.as_deref(), Clock::system()).await;
    let office = match office {
        Ok(office) => office,
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let done = run_in(&office, arguments.command, context).await;
    office.close().await;
    Ok(done?.unwrap_or_else(|error| admin_failure(context, &error)))
}

/// What went wrong with a file or a terminal, outside; what CUHK's records or rules say, inside.
async fn run_in(
    office: &Office,
    command: CuhkAuditCommand,
    context: &Context,
) -> Result<Result<Exit, AdminError>> {
    match command {
        CuhkAuditCommand::List(CuhkAuditListArgs { deed, which }) => {
            for filter in audit::filters(&which, deed.map(Into::into)) {
                if let Err(error) = audit::show_all(office.audit(), &filter, context).await {
                    return Ok(Err(error.into()));
                }
            }
            Ok(Ok(Exit::Done))
        }
        CuhkAuditCommand::Checkpoint(arguments) => Ok(match office.audit_checkpoint().await {
            Ok(signed) => {
                Ok(audit::checkpoint(office.audit(), signed, arguments, WHOSE, context).await)
            }
            Err(error) => Err(error),
        }),
        CuhkAuditCommand::Verify(arguments) => {
            let verified = audit::verify(office.audit(), arguments, WHOSE, context).await?;
            Ok(verified.map_err(Into::into))
        }
        CuhkAuditCommand::Prune(arguments) => {
            let certificates = ", and certificates that had ended by then,";
            if !audit::is_agreed(&arguments, certificates, context)? {
                return Ok(Ok(Exit::Refused));
            }
            let PruneArgs { before, archive, .. } = arguments;
            let pruned = office.audit_prune(before, &archive).await;
            Ok(pruned.map(|pruned| audit::tell_pruned(pruned, &archive, true, context)))
        }
        CuhkAuditCommand::Redact(arguments) => Ok(redact(office, arguments, context).await),
    }
}

async fn redact(
    office: &Office,
    arguments: RedactArgs,
    context: &Context,
) -> Result<Exit, AdminError> {
    let RedactArgs { archive, out, whom, .. } = arguments;
    let who = (!whom.all).then_some(whom.person.as_slice());
    let done = office.audit_redact(&archive, &out, who).await?;
    let (entries, certificates) = (done.entries, done.certificates);
    let line = format!(
        "{} is the same archive without who, whom and what in {entries} entries, and without {certificates} certificates \
         but for their serial numbers. It verifies. Delete {} and its copies, if what they have must go.",
        out.display(),
        archive.display()
    );
    let document = json!({
        "archive": out, "entries": entries, "certificates": certificates, "sha256": done.digest.to_string(),
    });
    context.terminal.result(&line, &document);
    Ok(Exit::Done)
}
