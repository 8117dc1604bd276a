//! The log: it has only grown, all its files lead to its checkpoint, and no entry stands in it twice.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use claim_core::claim::LogEntry;
use claim_log::audit::{Audit, Conclusion};
use claim_log::{Resource, SignedCheckpoint};

use crate::wire::shown;
use crate::world::Scene;

/// Audits the whole log; returns its entries, each with how often it stands there.
pub(super) async fn check(
    scene: &Scene,
    wrong: &mut Vec<String>,
) -> Result<BTreeMap<Vec<u8>, u32>> {
    let key = scene.log()?.key();
    let mut entries = BTreeMap::new();
    let Some(checkpoint) = fetch(scene, Resource::Checkpoint).await? else {
        if scene.record().checkpoint.is_some() {
            wrong.push("the log's checkpoint is gone".to_owned());
        }
        return Ok(entries);
    };
    let checkpoint = SignedCheckpoint::from_bytes(&checkpoint)?.log_signed(&key)?;
    let remembered = scene.record().checkpoint.replace(checkpoint.clone());
    let mut audit = Audit::new(checkpoint, remembered)?;
    while let Some(resource) = audit.wanted() {
        let content = fetch(scene, resource).await?;
        if let (Resource::Entries(bundle), Some(octets)) = (resource, &content) {
            for entry in bundle.decode(octets).unwrap_or_default() {
                *entries.entry(entry.as_bytes().to_vec()).or_default() += 1;
            }
        }
        audit.supply(content.as_deref());
    }
    let report = audit.finish();
    if report.conclusion() != Conclusion::Sound {
        wrong.push(format!("the log: {}: {:?}", report.conclusion(), report.findings()));
    }
    for (entry, count) in &entries {
        match LogEntry::from_slice(entry) {
            Ok(_) if *count == 1 => {}
            Ok(entry) => wrong.push(format!("{entry:?} stands in the log {count} times")),
            Err(error) => wrong.push(format!("the log has an entry that is none: {error}")),
        }
    }
    Ok(entries)
}

async fn fetch(scene: &Scene, resource: Resource) -> Result<Option<bytes::Bytes>> {
    let answer = scene.blackboard.fetch(&format!("/log/{resource}")).await?;
    match answer.status.as_u16() {
        200 => Ok(Some(answer.body)),
        404 => Ok(None),
        _ => bail!("{resource}: {}", shown(&answer)),
    }
}
