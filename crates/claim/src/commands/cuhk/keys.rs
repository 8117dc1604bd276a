//! The settings of CUHK's private keys, and `claim cuhk issuing`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use claim_cuhk::{AdminError, Clock, KeySetting, KeySettings, Office, RenewedIssuing};
use claim_files::{FileError, Passphrase, PassphraseError, PassphraseSource};
use claim_pki::{AuthorityRequest, EvidenceAnswer};
use serde_json::json;

use super::admin_failure;
use crate::cli::{IssuingArgs, IssuingCommand, KeyArgs, RecordArgs, RenewIssuingArgs};
use crate::commands::Context;
use crate::exit::Exit;

/// Reads the passphrases; where that fails, it is told, and the exit code comes back.
pub(crate) fn settings(arguments: KeyArgs, context: &Context) -> Result<KeySettings, Exit> {
    let KeyArgs {
        root_passphrase,
        issuing_passphrase,
        services_passphrase,
        root_key,
        issuing_key,
        root_elsewhere,
    } = arguments;
    // The same descriptor is empty the second time.
    let root = passphrase(root_passphrase.clone(), context)?;
    let issuing = match issuing_passphrase.is_some() && issuing_passphrase == root_passphrase {
        true => root.clone(),
        false => passphrase(issuing_passphrase.clone(), context)?,
    };
    let services = match &services_passphrase {
        Some(_) if services_passphrase == root_passphrase => root.clone(),
        Some(_) if services_passphrase == issuing_passphrase => issuing.clone(),
        _ => passphrase(services_passphrase, context)?,
    };
    Ok(KeySettings {
        root: KeySetting { token: root_key, passphrase: root },
        issuing: KeySetting { token: issuing_key, passphrase: issuing },
        services,
        root_elsewhere,
    })
}

/// Reads a passphrase; where that fails, it is told, and the exit code comes back.
pub(crate) fn passphrase(
    source: Option<PassphraseSource>,
    context: &Context,
) -> Result<Option<Passphrase>, Exit> {
    match source.map(|source| source.read()) {
        None => Ok(None),
        Some(Ok(passphrase)) => Ok(Some(passphrase)),
        Some(Err(error)) => {
            context.terminal.failure(&error.to_string(), None, advice(&error));
            Err(Exit::Refused)
        }
    }
}

/// What to do about a passphrase that cannot be had.
fn advice(error: &PassphraseError) -> &'static str {
    match error {
        PassphraseError::File(FileError::NotPrivate { .. }) => {
            "If others may have read it, take another passphrase: encrypt the key anew with it."
        }
        PassphraseError::NoCredentials { .. } => {
            "Give the unit a LoadCredential= or LoadCredentialEncrypted= of that name."
        }
        PassphraseError::Unreadable { source_name: PassphraseSource::Descriptor(_), .. } => {
            "Start the program with that descriptor open for reading, as in 3< FILE."
        }
        _ => "Put one line of text there: the passphrase, or the PIN.",
    }
}

pub(super) async fn issuing(arguments: IssuingArgs, context: &Context) -> Result<Exit> {
    let IssuingCommand::Renew(RenewIssuingArgs { services_only, public_url, keys, database }) =
        arguments.command;
    let elsewhere = keys.root_elsewhere;
    let keys = match settings(keys, context) {
        Ok(keys) => keys,
        Err(exit) => return Ok(exit),
    };
    let database = database.database.as_deref();
    let office = match Office::open(&context.server_dir(), database, Clock::system()).await {
        Ok(office) => office.with_keys(keys),
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    if elsewhere {
        let requested = office.request_certificates(!services_only, public_url).await;
        office.close().await;
        return Ok(tell_request(requested, context));
    }
    let renewed = office.renew_issuing().await;
    office.close().await;
    Ok(tell(renewed, context))
}

fn tell_request(
    requested: Result<(AuthorityRequest, PathBuf), AdminError>,
    context: &Context,
) -> Exit {
    let (request, path) = match requested {
        Ok(requested) => requested,
        Err(error) => return admin_failure(context, &error),
    };
    let answer = path.with_extension("answer");
    let mut line = format!(
        "Wrote {}, which asks for certificates of\n{}\n",
        path.display(),
        keys_of(&request)
    );
    line.push_str(&format!(
        "Next: have it certified where the root's key is (claim cuhk certify), compare these there, and put the answer here as {}.",
        answer.display()
    ));
    let document = json!({
        "request": path, "answer": answer, "origin": request.origin(),
        "timestamp_key": digest(request.timestamp().public_key().fingerprint()),
        "witness_key": digest(&request.witness().public_key().fingerprint()),
        "issuing_key": request.issuing().map(|(_, one)| digest(one.public_key().fingerprint())),
    });
    context.terminal.result(&line, &document);
    Exit::Done
}

/// The keys of a request, for people who compare.
pub(super) fn keys_of(request: &AuthorityRequest) -> String {
    let mut lines = format!(
        "  the timestamp key, SHA-256 {}\n  the witness's key, SHA-256 {}",
        digest(request.timestamp().public_key().fingerprint()),
        digest(&request.witness().public_key().fingerprint()),
    );
    if let Some((_, issuing)) = request.issuing() {
        let sha256 = digest(issuing.public_key().fingerprint());
        lines.push_str(&format!("\n  the issuing key,   SHA-256 {sha256}"));
    }
    lines
}

fn digest(bytes: &[u8; 32]) -> String {
    claim_core::Digest::from_bytes(*bytes).to_string()
}

/// `claim cuhk record`.
pub(super) async fn record(arguments: RecordArgs, context: &Context) -> Result<Exit> {
    let RecordArgs { answer: path, database } = arguments;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let answer = match EvidenceAnswer::from_bytes(&bytes) {
        Ok(answer) => answer,
        Err(error) => {
            let what = format!("{} is not an answer: {error}", path.display());
            let advice = "Bring the file that `claim cuhk certify` wrote, unchanged.";
            context.terminal.failure(&what, None, advice);
            return Ok(Exit::Refused);
        }
    };
    let database = database.database.as_deref();
    let office = match Office::open(&context.server_dir(), database, Clock::system()).await {
        Ok(office) => office,
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let recorded = office.record(&answer).await;
    office.close().await;
    match recorded {
        Ok(()) => {
            let (timestamp, log) = (answer.timestamp.serial(), answer.log.serial());
            let line = format!(
                "On record: timestamp key {timestamp}, log key {log}. CUHK witnesses that log."
            );
            let document = json!({ "timestamp": timestamp.to_string(), "log": log.to_string() });
            context.terminal.result(&line, &document);
            Ok(Exit::Done)
        }
        Err(error) => Ok(admin_failure(context, &error)),
    }
}

fn tell(renewed: Result<RenewedIssuing, AdminError>, context: &Context) -> Exit {
    match renewed {
        Ok(RenewedIssuing { certificate, serial, not_after }) => {
            let line = format!(
                "Made {} ({serial}), valid until {not_after}. A serving CUHK issues with it within a minute, or at once after SIGHUP; \
                 what was issued before stays good.",
                certificate.display()
            );
            let document = json!({
                "certificate": certificate, "serial": serial.to_string(), "not_after": not_after,
            });
            context.terminal.result(&line, &document);
            Exit::Done
        }
        Err(error) => admin_failure(context, &error),
    }
}
