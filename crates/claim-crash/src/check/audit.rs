//! Whether the audit log of a server is what was appended.

use std::collections::BTreeMap;

use anyhow::Result;
use claim_log::Frontier;
use claim_store::audit::{AuditChain, AuditRecords, EntryFilter};

/// How many entries there are of each deed, by what it is about: a serial number, else a subject. What is wrong with the log
/// is said.
pub(super) async fn entries(
    records: AuditRecords<'_>,
    wrong: &mut Vec<String>,
) -> Result<BTreeMap<(String, String), u64>> {
    let filter = EntryFilter::default();
    let mut chain = AuditChain::after(records.log(), Frontier::empty());
    let mut entries: BTreeMap<(String, String), u64> = BTreeMap::new();
    loop {
        let page = records.entries(chain.frontier().size().value(), &filter, 1000).await?;
        let Some(last) = page.last() else { break };
        let number = last.number;
        for entry in page {
            if let Err(error) = chain.take(&entry) {
                wrong.push(format!("the audit log: {error}"));
                return Ok(entries);
            }
            let key = if entry.serial.is_empty() { entry.subject } else { entry.serial };
            *entries.entry((entry.deed, key)).or_default() += 1;
        }
        if chain.frontier().size().value() != number {
            break;
        }
    }
    let head = records.head().await?.frontier;
    if head.size() < chain.frontier().size() {
        wrong.push("the audit log has more entries than its head says".to_owned());
    }
    Ok(entries)
}
