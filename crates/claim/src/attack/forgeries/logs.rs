//! Logs that lie: CUHK's witness is asked for real, and an auditor looks as `claim log audit` does it.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use claim_core::Escaped;
use claim_http::send;
use claim_log::ConsistencyProof;
use claim_log::audit::Finding;
use claim_log::witness::{AddCheckpoint, conflicting_size};

use super::forger::{Forger, filler};
use super::tree::Tree;
use crate::attack::verdict::{Contradiction, Outcome, Refusal};
use crate::attack::wire::MAX_ANSWER;
use crate::commands::log::{Audited, Known, Log, look};

/// The valid neighbour of what an auditor finds: the log as Blackboard serves it, seen twice.
pub(super) async fn honest_log(forger: &Forger) -> Result<String> {
    seen(forger, "honest-log").await?;
    let state = forger.folder.join("honest-log.audit");
    let audited = audited(forger, served(forger), state).await?;
    if !audited.is_sound() {
        bail!("claim log audit: {}", said(&audited));
    }
    let entries = audited.report.head().size;
    Ok(format!("claim log audit {}: nothing is wrong, {entries} entries", forger.stage.blackboard))
}

/// The valid neighbour of what a witness refuses: the log as it is.
pub(super) async fn honest_witness(forger: &Forger) -> Result<String> {
    let published = &forger.published;
    let old = published.head().size;
    let request = AddCheckpoint::new(old, ConsistencyProof::empty(), published.signed().clone());
    match ask(forger, &request).await? {
        Outcome::Through { words } => Ok(words),
        Outcome::Refused { words, .. } => bail!(words),
    }
}

/// The log grows, but the genuine claim is not in it any more.
fn forgetful(forger: &Forger) -> Result<Tree> {
    let genuine = &forger.genuine;
    let gone = [forger.place_of(&genuine.lodged)?, forger.place_of(&genuine.received)?];
    let kept = forger.entries.iter().enumerate().filter(|(place, _)| !gone.contains(place));
    let mut entries: Vec<_> = kept.map(|(_, entry)| entry.clone()).collect();
    for number in entries.len()..=forger.entries.len() {
        entries.push(filler(number)?);
    }
    Tree::of(&entries, &forger.log)
}

/// As many entries as Blackboard's log has, but another one in the place of *received*.
fn other_face(forger: &Forger) -> Result<Tree> {
    let place = forger.place_of(&forger.genuine.received)?;
    let mut entries = forger.entries.clone();
    *entries.get_mut(place).context("the log lacks the claim")? = filler(place)?;
    Tree::of(&entries, &forger.log)
}

pub(super) async fn forgetful_witness(forger: &Forger) -> Result<Outcome> {
    let request = forgetful(forger)?.asking(forger.published.head().size)?;
    ask(forger, &request).await
}

pub(super) async fn forgetful_auditor(forger: &Forger) -> Result<Outcome> {
    audit_another(forger, "forgetful-log", &forgetful(forger)?).await
}

pub(super) async fn other_face_witness(forger: &Forger) -> Result<Outcome> {
    let request = other_face(forger)?.asking(forger.published.head().size)?;
    ask(forger, &request).await
}

pub(super) async fn other_face_auditor(forger: &Forger) -> Result<Outcome> {
    audit_another(forger, "other-face", &other_face(forger)?).await
}

/// Asks CUHK's witness, where it is.
async fn ask(forger: &Forger, request: &AddCheckpoint) -> Result<Outcome> {
    let url = forger.stage.cuhk.join("/witness/add-checkpoint");
    let answer = send(forger.client.post(url).body(request.to_bytes()), MAX_ANSWER).await?;
    let status = answer.status.as_u16();
    let body = String::from_utf8_lossy(&answer.body);
    let body = Escaped(body.trim_end()).to_string();
    Ok(match status {
        200 => Outcome::Through { words: "CUHK's witness cosigns".to_owned() },
        // The size of the one that it cosigned last: the same says that there are two trees of it.
        409 if conflicting_size(&answer.body)
            == Some(request.checkpoint().unverified().head().size) =>
        {
            Outcome::Refused {
                kind: Some(Refusal::Witness(status)),
                words: format!(
                    "CUHK's witness does not cosign (409): it has cosigned another tree of {body} entries, \
                     and keeps both as evidence"
                ),
            }
        }
        409 => Outcome::Refused {
            kind: None,
            words: format!("CUHK's witness saw {body} entries last, and does not cosign (409)"),
        },
        _ => Outcome::Refused {
            kind: Some(Refusal::Witness(status)),
            words: format!("CUHK's witness does not cosign ({status}): {body}"),
        },
    })
}

/// An auditor who has seen the log is shown another.
async fn audit_another(forger: &Forger, name: &str, tree: &Tree) -> Result<Outcome> {
    let state = seen(forger, name).await?;
    let audited = audited(forger, tree.shown(), state).await?;
    let kind = audited.report.findings().iter().find_map(|finding| match finding {
        Finding::Rewritten { .. } => Some(Refusal::Audit(Contradiction::Rewritten)),
        Finding::Forked { .. } => Some(Refusal::Audit(Contradiction::TwoHistories)),
        _ => None,
    });
    let words = format!("claim log audit: {}", said(&audited));
    Ok(match audited.is_sound() {
        true => Outcome::Through { words },
        false => Outcome::Refused { kind, words },
    })
}

/// The auditor's first look, at the log as it is. Returns where it is remembered.
async fn seen(forger: &Forger, name: &str) -> Result<PathBuf> {
    let state = forger.folder.join(name).with_extension("audit");
    match std::fs::remove_file(&state) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let audited = audited(forger, served(forger), state.clone()).await?;
    match audited.is_sound() {
        true => Ok(state),
        false => bail!("the honest log is not sound: {}", said(&audited)),
    }
}

fn served(forger: &Forger) -> Log {
    Log::Served { client: forger.client.clone(), base: forger.stage.blackboard.join("/log") }
}

/// `claim log audit`, as anybody runs it.
async fn audited(forger: &Forger, log: Log, state: PathBuf) -> Result<Audited> {
    let known = Known { key: forger.log.key(), in_receipt: Vec::new() };
    match look(log, known, state, None).await? {
        Ok(audited) => Ok(audited),
        Err(stop) => bail!("{stop}"),
    }
}

fn said(audited: &Audited) -> String {
    let findings = audited.report.findings().iter().map(ToString::to_string);
    let all: Vec<String> =
        [audited.report.conclusion().to_string()].into_iter().chain(findings).collect();
    all.join(": ")
}
