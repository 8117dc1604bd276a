//! `claim cuhk certify`: the ceremony at which the root's key is used.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use claim_cuhk::{Clock, Office};
use claim_files::{FileError, Mode, write_new};
use claim_pki::{EvidenceAnswer, EvidenceRequest};
use serde_json::json;

use super::admin_failure;
use crate::cli::CertifyArgs;
use crate::commands::Context;
use crate::exit::Exit;

pub(super) async fn run(arguments: CertifyArgs, context: &Context) -> Result<Exit> {
    let CertifyArgs { request: path, yes, out, database } = arguments;
    let request = match EvidenceRequest::from_bytes(&read(&path)?) {
        Ok(request) => request,
        Err(error) => {
            let what = format!(
                "{} is not a request: {}",
                path.display(),
                error.to_string().escape_debug()
            );
            let advice = "Have the Blackboard write it again, and carry the file over unchanged.";
            context.terminal.failure(&what, None, advice);
            return Ok(Exit::Refused);
        }
    };
    if !yes && !agreed(&request, context)? {
        context.terminal.failure("Nothing was certified.", None, "Answer yes, or give --yes.");
        return Ok(Exit::Refused);
    }
    let database = database.database.as_deref();
    let office = match Office::open(&context.server_dir(), database, Clock::system()).await {
        Ok(office) => office,
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let certified = office.certify(&request).await;
    office.close().await;
    match certified {
        Ok(answer) => {
            Ok(deliver(&request, &answer, &out.unwrap_or_else(|| beside(&path)), context))
        }
        Err(error) => Ok(admin_failure(context, &error)),
    }
}

/// Shows what will be certified, and asks.
fn agreed(request: &EvidenceRequest, context: &Context) -> Result<bool> {
    let question = format!(
        "For {}, CUHK's root will certify\n  the timestamp key, SHA-256 {}\n  the log key,       SHA-256 {}\n\
         Compare them with what that Blackboard shows. Whoever holds these keys says when its claims came and what its log holds.\n\
         Certify? [y/N] ",
        request.origin(),
        hex(request.timestamp().public_key().fingerprint()),
        hex(&request.log().public_key().fingerprint()),
    );
    let answer = context.terminal.ask(&question)?.unwrap_or_default();
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Writes the answer; the same answer may be there already.
fn deliver(
    request: &EvidenceRequest,
    answer: &EvidenceAnswer,
    path: &Path,
    context: &Context,
) -> Exit {
    let text = answer.to_text();
    match write_new(path, text.as_bytes(), Mode::Public) {
        Ok(()) => {}
        Err(FileError::Exists { .. })
            if std::fs::read(path).is_ok_and(|old| old == text.as_bytes()) => {}
        Err(error) => {
            let advice =
                "Name another file with --out: the same keys get the same certificates again.";
            context.terminal.failure(&error.to_string(), None, advice);
            return Exit::Refused;
        }
    }
    let (timestamp, log) = (answer.timestamp.serial(), answer.log.serial());
    let line = format!(
        "Certified for {}: timestamp key {timestamp}, log key {log}.\nNext: bring {} to that Blackboard.",
        request.origin(),
        path.display()
    );
    let document = json!({
        "origin": request.origin(), "timestamp": timestamp.to_string(), "log": log.to_string(),
        "witness": answer.witness.common_name(), "answer": path,
    });
    context.terminal.result(&line, &document);
    Exit::Done
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let told = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(told)?;
    // One byte more than allowed, so that it is seen to be too long.
    file.take(EvidenceRequest::MAX_SIZE as u64 + 1).read_to_end(&mut bytes).with_context(told)?;
    Ok(bytes)
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".answer");
    name.into()
}

fn hex(digest: &[u8; 32]) -> String {
    claim_core::Digest::from_bytes(*digest).to_string()
}
