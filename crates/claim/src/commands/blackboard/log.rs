//! `claim blackboard log`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use claim_blackboard::{Brought, LogRebuild, RebuildError};
use claim_core::{Escaped, Origin};
use claim_http::{ServerTrust, https_client};
use claim_log::audit::{Conclusion, Report};
use claim_log::{Entry, LogSigned, Resource};
use serde_json::json;

use super::{Context, config};
use crate::cli::{BlackboardLogCommand, RebuildArgs, TlsRootsArg};
use crate::commands::log::{FetchError, Log, Stop, checkpoint, read_all};
use crate::commands::verify::read_root;
use crate::exit::Exit;
use crate::words::log::counted;

/// For one file of the mirror, the largest of which has 16 MiB.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How many findings about a mirror are named.
const NAMED: usize = 10;

const ANOTHER: &str = "Nothing was changed. Take another mirror.";

pub(super) async fn run(command: BlackboardLogCommand, context: &Context) -> Result<Exit> {
    match command {
        BlackboardLogCommand::Rebuild(arguments) => rebuild(arguments, context).await,
    }
}

async fn rebuild(arguments: RebuildArgs, context: &Context) -> Result<Exit> {
    let RebuildArgs { mirror, tls_roots, blackboard } = arguments;
    let config = match config(&context.server_dir(), blackboard, context) {
        Ok(config) => config,
        Err(exit) => return Ok(exit),
    };
    let root = config.root.clone().unwrap_or_else(|| config.dir.join("cuhk.cer"));
    let rebuild = match LogRebuild::open(&config).await {
        Ok(rebuild) => rebuild,
        Err(error) => return Ok(failure(context, &error)),
    };
    let log = match place(&mirror) {
        Place::Folder(folder) => Log::Kept(folder),
        Place::Url { base } => {
            let trust = match tls_roots {
                TlsRootsArg::Cuhk => ServerTrust::Root(Arc::new(read_root(&root)?)),
                TlsRootsArg::System => ServerTrust::System,
            };
            Log::Served { client: https_client(&trust, None, TIMEOUT)?, base }
        }
        Place::Neither => {
            let what = format!("{mirror:?} is neither a folder nor an address with https://");
            context.terminal.failure(&what, None, "Name the folder or the address of the mirror.");
            return Ok(Exit::Usage);
        }
    };
    let checkpoint = match checkpoint(&log, rebuild.key()).await {
        Ok(checkpoint) => checkpoint,
        Err(stop) => return Ok(stopped(context, &mirror, &stop)),
    };
    // Before all of it is read: an older one is not wrong, only of no use.
    if let Err(error) = rebuild.fits(&checkpoint) {
        return Ok(failure(context, &error));
    }
    let entries = match entries(log, &rebuild, &checkpoint).await? {
        Ok(entries) => entries,
        Err(Unfit::Unread(stop)) => return Ok(stopped(context, &mirror, &stop)),
        Err(Unfit::Wrong(report)) => return Ok(wrong(context, &report)),
    };
    match rebuild.bring(&checkpoint, &entries).await {
        Ok(brought) => {
            done(context, &mirror, &brought);
            Ok(Exit::Done)
        }
        Err(error) => Ok(failure(context, &error)),
    }
}

/// Where a mirror is.
enum Place {
    Folder(PathBuf),
    Url { base: String },
    Neither,
}

fn place(text: &str) -> Place {
    let Some(rest) = text.strip_prefix("https://") else {
        return match text.contains("://") {
            true => Place::Neither,
            false => Place::Folder(PathBuf::from(text)),
        };
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match Origin::from_user(&format!("https://{authority}")) {
        Ok(origin) if !path.contains(['?', '#']) => {
            Place::Url { base: origin.join(path.trim_end_matches('/')) }
        }
        _ => Place::Neither,
    }
}

/// Why a mirror has no entries to give.
enum Unfit {
    Unread(Stop),
    Wrong(Report),
}

/// The entries of the mirror from those on that the records show, after all of it was found to be sound.
async fn entries(
    log: Log,
    rebuild: &LogRebuild,
    checkpoint: &LogSigned,
) -> Result<Result<Vec<Entry>, Unfit>> {
    let from = rebuild.published().head().size.value();
    let mut entries = Vec::new();
    let collect = |resource, octets: &[u8]| {
        if let Resource::Entries(bundle) = resource {
            // One that cannot be read is among the findings.
            let decoded = bundle.decode(octets).unwrap_or_default();
            let places = (0_u16..).map(|place| bundle.entry(place).value());
            let wanted = places.zip(decoded).filter(|(index, _)| *index >= from);
            entries.extend(wanted.map(|(_, entry)| entry));
        }
        Ok(())
    };
    let seen = [rebuild.published().clone()];
    Ok(match read_all(log, checkpoint, seen, collect).await? {
        Ok((report, _)) if report.conclusion() == Conclusion::Sound => Ok(entries),
        Ok((report, _)) => Err(Unfit::Wrong(report)),
        Err(stop) => Err(Unfit::Unread(stop)),
    })
}

fn wrong(context: &Context, report: &Report) -> Exit {
    let findings = report.findings().iter().map(ToString::to_string);
    let more = findings.len() + report.omitted() > NAMED;
    let mut named: Vec<String> = findings.take(NAMED).collect();
    named.extend(more.then(|| "…".to_owned()));
    let what = format!("the mirror is wrong: {}: {}", report.conclusion(), named.join("; "));
    let advice = match report.conclusion() {
        Conclusion::Contradiction => {
            "Nothing was changed. Where another mirror says the same, the log has two histories: keep everything, and ask \
             its witnesses."
        }
        _ => ANOTHER,
    };
    context.terminal.failure(&what, None, advice);
    Exit::NotVerified
}

fn done(context: &Context, mirror: &str, brought: &Brought) {
    let Brought { entries, back, lost, withdrawn, witness } = brought;
    let mut lines = vec![match back {
        0 => format!(
            "The log lacks nothing that {} has: {}. The witness {witness} has cosigned that tree.",
            Escaped(mirror),
            counted(*entries)
        ),
        _ => format!(
            "The log has {} again, {back} of them from {}. The witness {witness} has cosigned that tree.",
            counted(*entries),
            Escaped(mirror)
        ),
    }];
    if !lost.is_empty() {
        lines.push(format!(
            "Claims that came after the backup, and of which there is only the log: {}. Their students have receipts or \
             proofs of lodging, which stay valid; ask them to hand in again, and to keep these.",
            lost.len()
        ));
    }
    if !withdrawn.is_empty() {
        lines.push(format!(
            "Claims on record that were withdrawn after the backup, and are withdrawn again: {}.",
            withdrawn.len()
        ));
    }
    lines.push(
        "Next: claim blackboard. It writes the log's files, and goes on from there.".to_owned(),
    );
    let document = json!({ "entries": entries, "brought_back": back, "mirror": mirror,
        "lost_claims": lost, "withdrawn_claims": withdrawn, "witness": witness });
    context.terminal.result(&lines.join("\n"), &document);
}

fn stopped(context: &Context, mirror: &str, stop: &Stop) -> Exit {
    let (advice, exit) = match stop {
        Stop::Fetch(FetchError::File { .. }) => ("Put that right and do it again.", Exit::Refused),
        Stop::Fetch(_) => {
            ("Do it again when the mirror answers, or take another.", Exit::Unreachable)
        }
        Stop::Wrong(..) | Stop::Usage(..) => (ANOTHER, Exit::NotVerified),
    };
    let what = format!("the mirror {} is of no use: {stop}", Escaped(mirror));
    context.terminal.failure(&what, None, advice);
    exit
}

fn failure(context: &Context, error: &RebuildError) -> Exit {
    context.terminal.failure(&error.to_string(), None, &error.advice());
    if error.is_unreachable() { Exit::Unreachable } else { Exit::Refused }
}
