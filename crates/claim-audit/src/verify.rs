//! Going through the whole log: archives first, then the records, against every checkpoint there is.

use std::collections::BTreeMap;
use std::path::PathBuf;

use claim_core::Timestamp;
use claim_log::{Frontier, Hash, LogKey, SignedCheckpoint, WitnessKey};
use claim_store::audit::{AuditChain, AuditEntry, AuditLog, AuditRecords, DeedName, EntryFilter};

use crate::archive::Archive;
use crate::{AuditError, Finding, PAGE};

/// A checkpoint that somebody kept elsewhere.
#[derive(Clone, Debug)]
pub struct KeptCheckpoint {
    /// What to call it: its file.
    pub name: String,
    /// The signed note.
    pub signed: SignedCheckpoint,
}

/// What the log is gone through with.
#[derive(Clone, Debug, Default)]
pub struct AuditSources {
    /// Archives with what was taken out of the records, in any order.
    pub archives: Vec<PathBuf>,
    /// Checkpoints that were kept elsewhere.
    pub kept: Vec<KeptCheckpoint>,
    /// The key by which they are signed; without it, one that the log itself names.
    pub key: Option<LogKey>,
    /// Witnesses that must have cosigned the log.
    pub witnesses: Vec<WitnessKey>,
}

/// How far a witness has cosigned the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CosignedBy {
    /// The witness.
    pub witness: WitnessKey,
    /// How many entries its last cosignature covers.
    pub size: u64,
    /// When that was, by the witness's clock.
    pub at: Timestamp,
}

/// What was found out about the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// The first entry that was gone through: entry 1, or the first that is in no archive.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// The root of the tree with all of them.
    pub root: Hash,
    /// How many checkpoints of the records agree.
    pub checkpoints: usize,
    /// The checkpoints kept elsewhere that agree, with what they cover.
    pub agreeing: Vec<(String, u64)>,
    /// Those of the past that only archives could be compared with.
    pub too_old: Vec<(String, u64)>,
    /// What the witnesses that were asked about have cosigned.
    pub cosigned: Vec<CosignedBy>,
    /// Entries that tell of records restored from a backup.
    pub restored: Vec<u64>,
    /// The first thing that is wrong, if anything is.
    pub finding: Option<Finding>,
}

/// Goes through all entries, and compares them with their hashes, the head of the log and all checkpoints.
///
/// # Errors
/// [`AuditError`] when something cannot be read. What is wrong with the log is in the report.
pub async fn verify(
    records: AuditRecords<'_>,
    sources: &AuditSources,
) -> Result<AuditReport, AuditError> {
    let mut archives = Vec::new();
    for path in &sources.archives {
        archives.push(Archive::open(path)?);
    }
    archives.sort_by_key(|archive| (archive.first(), archive.last()));
    let head = records.head().await?;
    let start = match archives.first() {
        Some(archive) => archive.before().clone(),
        None => head.pruned.clone(),
    };
    let recorded = records.checkpoints().await?.into_iter();
    let recorded =
        recorded.map(|kept| (format!("the checkpoint of {} in the records", kept.at), kept.note));
    let mut check = Check::new(records.log(), start, sources, recorded);
    let finding = match check.archives(&archives, head.pruned.size().value())? {
        Ok(()) if !archives.is_empty() && check.chain.frontier() != &head.pruned => {
            Some(Finding::Archives { first: head.pruned.size().value() + 1 })
        }
        Ok(()) => go_through(records, &mut check).await?.err(),
        Err(finding) => Some(finding),
    };
    Ok(check.report(finding))
}

async fn go_through(
    records: AuditRecords<'_>,
    check: &mut Check,
) -> Result<Result<(), Finding>, AuditError> {
    let filter = EntryFilter::default();
    // Whatever is appended meanwhile is gone through too, up to a head that covers it.
    loop {
        let after = check.size();
        let page = records.entries(after, &filter, PAGE).await?;
        let is_end = page.is_empty();
        for entry in &page {
            if let Err(finding) = check.take(entry) {
                return Ok(Err(finding));
            }
        }
        if !is_end {
            continue;
        }
        let head = records.head().await?.frontier;
        let (there, said) = (check.size(), head.size().value());
        if there < said && records.entries(there, &filter, 1).await?.is_empty() {
            return Ok(Err(Finding::Truncated { first: there + 1, size: said }));
        }
        if there > said {
            return Ok(Err(Finding::Appended { first: said + 1 }));
        }
        if there == said {
            let (expected, found) = (check.chain.frontier().root(), head.root());
            let differs = Finding::Head { size: there, expected, found };
            return Ok(if expected == found { check.finish() } else { Err(differs) });
        }
    }
}

/// A checkpoint that is to be compared.
struct Expected {
    name: String,
    signed: Option<SignedCheckpoint>,
    is_kept: bool,
}

struct Check {
    first: u64,
    chain: AuditChain,
    expected: BTreeMap<u64, Vec<Expected>>,
    /// The size of the last checkpoint that agreed, or where this began.
    vouched: u64,
    checkpoints: usize,
    agreeing: Vec<(String, u64)>,
    too_old: Vec<(String, u64)>,
    restored: Vec<u64>,
    keys: Vec<LogKey>,
    /// Whose signatures are checked in the end, when all keys are known.
    signed: Vec<(Expected, u64)>,
    key: Option<LogKey>,
    witnesses: Vec<WitnessKey>,
    cosigned: Vec<CosignedBy>,
}

impl Check {
    fn new(
        log: &'static AuditLog,
        start: Frontier,
        sources: &AuditSources,
        recorded: impl Iterator<Item = (String, Vec<u8>)>,
    ) -> Self {
        let recorded = recorded.map(|(name, note)| {
            let signed = SignedCheckpoint::from_bytes(&note).ok();
            Expected { name, signed, is_kept: false }
        });
        let kept = sources.kept.iter().map(|kept| {
            let signed = Some(kept.signed.clone());
            Expected { name: kept.name.clone(), signed, is_kept: true }
        });
        let mut expected: BTreeMap<u64, Vec<Expected>> = BTreeMap::new();
        for one in recorded.chain(kept) {
            let size =
                one.signed.as_ref().map_or(0, |signed| signed.unverified().head().size.value());
            expected.entry(size).or_default().push(one);
        }
        let begun = start.size().value();
        let mut check = Self {
            first: begun + 1,
            chain: AuditChain::after(log, start),
            expected,
            vouched: begun,
            checkpoints: 0,
            agreeing: Vec::new(),
            too_old: Vec::new(),
            restored: Vec::new(),
            keys: Vec::new(),
            signed: Vec::new(),
            key: sources.key.clone(),
            witnesses: sources.witnesses.clone(),
            cosigned: Vec::new(),
        };
        check.leave_out(begun);
        check
    }

    /// Checkpoints of less than where this begins cannot be compared.
    fn leave_out(&mut self, begun: u64) {
        let later = self.expected.split_off(&begun);
        for (size, several) in std::mem::replace(&mut self.expected, later) {
            let kept = several.into_iter().filter(|one| one.is_kept);
            self.too_old.extend(kept.map(|one| (one.name, size)));
        }
    }

    fn size(&self) -> u64 {
        self.chain.frontier().size().value()
    }

    fn archives(
        &mut self,
        archives: &[Archive],
        pruned: u64,
    ) -> Result<Result<(), Finding>, AuditError> {
        for archive in archives {
            let next = self.size() + 1;
            if archive.first() > next {
                return Ok(Err(Finding::Gap { first: next, found: archive.first() }));
            }
            for entry in archive.entries()? {
                let entry = entry?;
                // Two archives may overlap where one was written and not used; what is in the records is read there.
                if entry.number < self.size() + 1 || entry.number > pruned {
                    continue;
                }
                if let Err(finding) = self.take(&entry) {
                    return Ok(Err(finding));
                }
            }
        }
        let next = self.size() + 1;
        Ok(match !archives.is_empty() && next <= pruned {
            true => Err(Finding::Gap { first: next, found: pruned + 1 }),
            false => Ok(()),
        })
    }

    fn take(&mut self, entry: &AuditEntry) -> Result<(), Finding> {
        self.compare()?;
        self.chain.take(entry)?;
        if entry.deed == DeedName::RESTORED.as_str() {
            self.restored.push(entry.number);
        }
        if entry.deed == DeedName::AUDIT_KEY_MADE.as_str() {
            let details: Option<serde_json::Value> = serde_json::from_str(&entry.details).ok();
            let key = details.and_then(|details| details.get("key")?.as_str()?.parse().ok());
            self.keys.extend(key);
        }
        self.compare()
    }

    /// Compares what has been gone through with the checkpoints that cover just that.
    fn compare(&mut self) -> Result<(), Finding> {
        let size = self.size();
        let Some(several) = self.expected.remove(&size) else { return Ok(()) };
        let root = self.chain.frontier().root();
        for one in several {
            if one.signed.as_ref().is_none_or(|signed| signed.unverified().head().root != root) {
                let first = (self.vouched + 1).min(size.max(1));
                return Err(Finding::Rewritten { checkpoint: one.name, first, size });
            }
            self.signed.push((one, self.vouched));
        }
        self.vouched = size;
        Ok(())
    }

    /// All entries are gone through: what is left are checkpoints of more, and signatures.
    fn finish(&mut self) -> Result<(), Finding> {
        self.compare()?;
        if let Some((size, several)) = self.expected.pop_first() {
            let checkpoint = several.into_iter().next().map(|one| one.name).unwrap_or_default();
            return Err(Finding::Shorter { checkpoint, first: self.size() + 1, size });
        }
        for (one, vouched) in std::mem::take(&mut self.signed) {
            let Some(signed) = one.signed else { continue };
            if let Err(why) = self.cosigned_by(&signed) {
                let (checkpoint, first) = (one.name, vouched + 1);
                return Err(Finding::Cosignature { checkpoint, first, why });
            }
            let keys = match &self.key {
                Some(key) if one.is_kept => std::slice::from_ref(key),
                _ => &self.keys,
            };
            // Where the entry that names the key is only in an archive that was not given, nothing can be said.
            if keys.is_empty() && self.first > 1 {
                continue;
            }
            let checked = keys.iter().map(|key| signed.log_signed(key));
            let mut why = "no key is known".to_owned();
            let is_signed = checked.into_iter().any(|checked| match checked {
                Ok(_) => true,
                Err(error) => {
                    why = error.to_string();
                    false
                }
            });
            if !is_signed {
                return Err(Finding::Signature { checkpoint: one.name, first: vouched + 1, why });
            }
            match one.is_kept {
                true => {
                    let size = signed.unverified().head().size.value();
                    self.agreeing.push((one.name, size));
                }
                false => self.checkpoints += 1,
            }
        }
        let missing = |key: &&WitnessKey| !self.cosigned.iter().any(|one| one.witness == **key);
        match self.witnesses.iter().find(missing) {
            Some(key) => Err(Finding::NotCosigned {
                witness: key.name().to_string(),
                first: self.first.min(self.size().max(1)),
            }),
            None => Ok(()),
        }
    }

    /// Notes what witnesses have cosigned, where it is more than before.
    fn cosigned_by(&mut self, signed: &SignedCheckpoint) -> Result<(), String> {
        let size = signed.unverified().head().size.value();
        let found = signed.cosigned(&self.witnesses).map_err(|error| error.to_string())?;
        for one in found {
            let seconds = i64::try_from(one.time().seconds()).unwrap_or(i64::MAX);
            let (witness, at) = (one.witness().clone(), Timestamp::from_seconds(seconds));
            self.cosigned.retain(|known| known.witness != witness || known.size > size);
            if !self.cosigned.iter().any(|known| known.witness == witness) {
                self.cosigned.push(CosignedBy { witness, size, at });
            }
        }
        Ok(())
    }

    fn report(self, finding: Option<Finding>) -> AuditReport {
        AuditReport {
            first: self.first,
            last: self.size(),
            root: self.chain.frontier().root(),
            checkpoints: self.checkpoints,
            agreeing: self.agreeing,
            too_old: self.too_old,
            cosigned: self.cosigned,
            restored: self.restored,
            finding,
        }
    }
}
