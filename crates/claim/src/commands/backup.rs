//! `backup` and `restore` of both servers: what they did, in words.

use anyhow::Result;
use claim_cuhk::{BackupError, Clock, Copied};
use serde_json::json;

use super::Context;
use crate::cli::{BackupArgs, RestoreArgs};
use crate::exit::Exit;

/// How many missing files are named.
const NAMED: usize = 10;

pub(crate) async fn back_up_cuhk(arguments: BackupArgs, context: &Context) -> Result<Exit> {
    let BackupArgs { folder, database } = arguments;
    let database = database.database.as_deref();
    Ok(match claim_cuhk::backup(&context.server_dir(), database, &folder).await {
        Ok(copied) => {
            let line = format!(
                "Backed up {} into {}. It has CUHK's keys: keep it where nobody else can read it.",
                size(copied),
                folder.display()
            );
            let document =
                json!({ "backup": folder, "files": copied.files, "bytes": copied.bytes });
            context.terminal.result(&line, &document);
            Exit::Done
        }
        Err(error) => failure(context, &error),
    })
}

pub(crate) async fn restore_cuhk(arguments: RestoreArgs, context: &Context) -> Result<Exit> {
    let RestoreArgs { folder, database } = arguments;
    let (dir, database) = (context.server_dir(), database.database.as_deref());
    Ok(match claim_cuhk::restore(&dir, database, &folder, &Clock::system()).await {
        Ok(restored) => {
            let line = format!(
                "Every file is what was backed up. Restored {} into {}.\n\
                 Codes that were still open are void, as they may have been used since: {}. Invite these people anew.\n\
                 What was revoked since the backup must be revoked again.\n\
                 Next: claim cuhk. Its witness takes a new key, of which Blackboards learn by themselves.",
                size(restored.copied),
                dir.display(),
                restored.voided
            );
            let document = json!({ "restored": dir, "files": restored.copied.files,
                "bytes": restored.copied.bytes, "voided_codes": restored.voided });
            context.terminal.result(&line, &document);
            Exit::Done
        }
        Err(error) => failure(context, &error),
    })
}

pub(crate) async fn back_up_blackboard(arguments: BackupArgs, context: &Context) -> Result<Exit> {
    let BackupArgs { folder, database } = arguments;
    let database = database.database.as_deref();
    Ok(match claim_blackboard::backup(&context.server_dir(), database, &folder).await {
        Ok(outcome) => {
            let line = format!(
                "Backed up {} into {}. It has Blackboard's keys and what people handed in: keep it where nobody else can read it.",
                size(outcome.copied),
                folder.display()
            );
            let document = json!({ "backup": folder, "files": outcome.copied.files,
                "bytes": outcome.copied.bytes, "missing": outcome.missing });
            context.terminal.result(&line, &document);
            whole(context, &outcome.missing)
        }
        Err(error) => failure(context, &error),
    })
}

pub(crate) async fn restore_blackboard(arguments: RestoreArgs, context: &Context) -> Result<Exit> {
    let RestoreArgs { folder, database } = arguments;
    let (dir, database) = (context.server_dir(), database.database.as_deref());
    Ok(match claim_blackboard::restore(&dir, database, &folder).await {
        Ok(outcome) => {
            let line = format!(
                "Every file is what was backed up. Restored {} into {}.\n\
                 Next: claim blackboard. Students' programs open new sessions by themselves.\n\
                 Where claims came after the backup, first: claim blackboard log rebuild MIRROR.\n\
                 What was erased after the backup is here again: a Blackboard with keep-days erases it by itself, else \
                 do it with claim blackboard retention.",
                size(outcome.copied),
                dir.display()
            );
            let document = json!({ "restored": dir, "files": outcome.copied.files,
                "bytes": outcome.copied.bytes, "missing": outcome.missing });
            context.terminal.result(&line, &document);
            whole(context, &outcome.missing)
        }
        Err(error) => failure(context, &error),
    })
}

/// A copy of what had lost something before is a copy, but nobody is to find that out too late.
fn whole(context: &Context, missing: &[String]) -> Exit {
    if missing.is_empty() {
        return Exit::Done;
    }
    let mut names = missing.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if missing.len() > NAMED {
        names.push_str(", …");
    }
    context.terminal.failure(
        &format!("{} files that the records name are missing: {names}", missing.len()),
        Some("They were lost before the backup was made; everything else is in it."),
        "Look for them in an older backup, and copy them into the folder objects under the same names.",
    );
    Exit::Refused
}

fn size(copied: Copied) -> String {
    format!("{} files, {} bytes,", copied.files, copied.bytes)
}

fn failure(context: &Context, error: &BackupError) -> Exit {
    context.terminal.failure(&error.to_string(), None, &error.advice());
    Exit::Refused
}
