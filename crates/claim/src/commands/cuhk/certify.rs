//! `claim cuhk certify`: the ceremony at which the root's key is used.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use claim_cuhk::{AdminError, Clock, Office};
use claim_files::{FileError, Mode, write_new};
use claim_pki::{AuthorityRequest, EvidenceRequest, WitnessRequest};
use serde_json::json;

use super::{admin_failure, agreed, keys};
use crate::cli::CertifyArgs;
use crate::commands::Context;
use crate::exit::Exit;

pub(super) async fn run(arguments: CertifyArgs, context: &Context) -> Result<Exit> {
    let CertifyArgs { request: path, yes, out, keys, database } = arguments;
    let request = match Request::from_bytes(&read(&path)?) {
        Ok(request) => request,
        Err(error) => {
            let what = format!("{} is not a request: {}", path.display(), error.escape_debug());
            let advice = "Have whoever made it write it again, and carry the file over unchanged.";
            context.terminal.failure(&what, None, advice);
            return Ok(Exit::Refused);
        }
    };
    if !yes && !agreed(&request.question(), context)? {
        context.terminal.failure("Nothing was certified.", None, "Answer yes, or give --yes.");
        return Ok(Exit::Refused);
    }
    let keys = match keys::settings(keys, context) {
        Ok(keys) => keys,
        Err(exit) => return Ok(exit),
    };
    let database = database.database.as_deref();
    let office = match Office::open(&context.server_dir(), database, Clock::system()).await {
        Ok(office) => office.with_keys(keys),
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let certified = request.certify(&office).await;
    office.close().await;
    match certified {
        Ok(answer) => Ok(deliver(&answer, &out.unwrap_or_else(|| beside(&path)), context)),
        Err(error) => Ok(admin_failure(context, &error)),
    }
}

/// What a request file asks for.
enum Request {
    /// The keys of a Blackboard's evidence.
    Evidence(Box<EvidenceRequest>),
    /// The key of a witness.
    Witness(WitnessRequest),
    /// The keys of a CUHK whose root is here.
    Authority(Box<AuthorityRequest>),
}

/// What goes back, and what is told of it.
struct Answer {
    text: String,
    told: String,
    /// Where to bring it.
    whereto: &'static str,
    document: serde_json::Value,
}

impl Request {
    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        if WitnessRequest::is_meant(bytes) {
            let request = WitnessRequest::from_bytes(bytes).map_err(|error| error.to_string())?;
            return Ok(Self::Witness(request));
        }
        if AuthorityRequest::is_meant(bytes) {
            let request = AuthorityRequest::from_bytes(bytes).map_err(|error| error.to_string())?;
            return Ok(Self::Authority(Box::new(request)));
        }
        let request = EvidenceRequest::from_bytes(bytes).map_err(|error| error.to_string())?;
        Ok(Self::Evidence(Box::new(request)))
    }

    /// What will be certified, with what people can compare.
    fn question(&self) -> String {
        match self {
            Self::Evidence(request) => format!(
                "For {}, CUHK's root will certify\n  the timestamp key, SHA-256 {}\n  the log key,       SHA-256 {}\n\
                 Compare them with what that Blackboard shows. Whoever holds these keys says when its claims came and what its log holds.\n\
                 Certify? [y/N] ",
                request.origin(),
                hex(request.timestamp().public_key().fingerprint()),
                hex(&request.log().public_key().fingerprint()),
            ),
            Self::Witness(request) => format!(
                "CUHK's root will certify, as the witness {},\n  the key, SHA-256 {}\n\
                 Whoever holds this key says what logs held and when, and receipts are believed for it. It is worth most with people who run neither CUHK nor Blackboard.\n\
                 Certify? [y/N] ",
                request.name(),
                hex(&request.key().public_key().fingerprint()),
            ),
            Self::Authority(request) => format!(
                "For the CUHK {}, the root will certify\n{}\n\
                 Compare them with what that CUHK showed. Whoever holds the issuing key certifies persons and servers.\n\
                 Certify? [y/N] ",
                request.origin(),
                keys::keys_of(request),
            ),
        }
    }

    async fn certify(&self, office: &Office) -> Result<Answer, AdminError> {
        match self {
            Self::Authority(request) => {
                let answer = office.certify_authority(request).await?;
                let (timestamp, witness) = (answer.timestamp.serial(), answer.witness.serial());
                let issuing = answer.issuing.as_ref().map(|one| one.serial().to_string());
                let also = issuing
                    .as_ref()
                    .map_or(String::new(), |serial| format!(", issuing key {serial}"));
                let origin = request.origin();
                Ok(Answer {
                    told: format!(
                        "Certified for the CUHK {origin}: timestamp key {timestamp}, witness {witness}{also}; with the root's revocation list."
                    ),
                    whereto: "that CUHK, as cuhk-issuing.answer in its folder",
                    document: json!({
                        "origin": origin, "timestamp": timestamp.to_string(),
                        "witness": witness.to_string(), "issuing": issuing,
                    }),
                    text: answer.to_text(),
                })
            }
            Self::Evidence(request) => {
                let answer = office.certify(request).await?;
                let (timestamp, log) = (answer.timestamp.serial(), answer.log.serial());
                let origin = request.origin();
                Ok(Answer {
                    told: format!(
                        "Certified for {origin}: timestamp key {timestamp}, log key {log}."
                    ),
                    whereto: "that Blackboard, as blackboard.answer",
                    document: json!({
                        "origin": origin, "timestamp": timestamp.to_string(),
                        "log": log.to_string(), "witness": answer.witness.common_name(),
                    }),
                    text: answer.to_text(),
                })
            }
            Self::Witness(request) => {
                let certificate = office.certify_witness(request).await?;
                let (name, serial) = (request.name(), certificate.serial());
                Ok(Answer {
                    told: format!("Certified as the witness {name}: key {serial}."),
                    whereto: "that witness, as witness.cer in its folder",
                    document: json!({ "name": name, "witness": serial.to_string() }),
                    text: certificate.to_pem(),
                })
            }
        }
    }
}

/// Writes the answer; the same answer may be there already.
fn deliver(answer: &Answer, path: &Path, context: &Context) -> Exit {
    let text = answer.text.as_bytes();
    match write_new(path, text, Mode::Public) {
        Ok(()) => {}
        Err(FileError::Exists { .. }) if std::fs::read(path).is_ok_and(|old| old == text) => {}
        Err(error) => {
            let advice =
                "Name another file with --out: the same keys get the same certificates again.";
            context.terminal.failure(&error.to_string(), None, advice);
            return Exit::Refused;
        }
    }
    let mut document = answer.document.clone();
    document["answer"] = json!(path);
    let Answer { told, whereto, .. } = answer;
    let line = format!("{told}\nNext: bring {} to {whereto}.", path.display());
    context.terminal.result(&line, &document);
    Exit::Done
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let told = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(told)?;
    // One byte more than allowed, so that it is seen to be too long.
    file.take(AuthorityRequest::MAX_SIZE as u64 + 1).read_to_end(&mut bytes).with_context(told)?;
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
