//! Proofs for receipts: each against the first cosigned checkpoint that covers its entry, with the cosignatures of all
//! witnesses that have answered.

use std::sync::Arc;

use claim_core::claim::{ClaimId, LogEntry};
use claim_log::note::NoteSignature;
use claim_log::{
    InclusionProof, LeafIndex, LogProof, ProofError, Resource, SignedCheckpoint, Tile, TileSet,
    TreeSize, leaf_hash,
};
use claim_store::blackboard::{CosignedRow, EntryKind, EntryRow};

use super::{Log, LogError, Verified};
use crate::evidence::Evidence;

impl Log {
    /// The proof of this entry, once a witness has cosigned a checkpoint that covers it.
    pub(crate) async fn proof(
        &self,
        evidence: &Evidence,
        entry: &LogEntry,
    ) -> Result<Option<LogProof>, LogError> {
        let Some(leaf) = self.leaf(entry.claim(), EntryKind::of(entry)).await? else {
            return Ok(None);
        };
        let Some(cosigned) = self.store.first_cosigned(leaf).await? else { return Ok(None) };
        let verified = self.verified(evidence, &cosigned)?;
        let (index, size) = (LeafIndex::try_from(leaf)?, TreeSize::try_from(cosigned.size)?);
        let tiles = self.tiles(InclusionProof::tiles(index, size)?).await?;
        let inclusion = InclusionProof::from_tiles(index, size, &tiles)?;
        // Nothing leaves the house that a receipt's reader would refuse.
        inclusion.verify(index, &leaf_hash(&entry.to_bytes()), &verified.signed.head())?;
        Ok(Some(LogProof::new(index, inclusion, verified.checkpoint.clone())))
    }

    /// Whether a witness has cosigned a tree that has this entry, as far as this process has been told, and no other is
    /// about to.
    pub(crate) async fn is_settled(
        &self,
        claim: ClaimId,
        kind: EntryKind,
    ) -> Result<bool, LogError> {
        let leaf = self.leaf(claim, kind).await?;
        let is_settled =
            |leaf| leaf < *self.cosigned.borrow() && !self.witnesses.have_one_to_wait_for(leaf);
        Ok(leaf.is_some_and(is_settled))
    }

    /// Keeps in mind which leaves these entries are, the first of which is this one.
    pub(super) fn remember_leaves(&self, first: u64, entries: &[EntryRow]) {
        let mut memory = self.memory();
        for (leaf, row) in (first..).zip(entries) {
            if let Ok(entry) = LogEntry::from_slice(&row.entry) {
                let key = (entry.claim(), EntryKind::of(&entry));
                memory.leaves.insert(key, Arc::new(leaf));
            }
        }
    }

    /// The leaf of this entry, once a tree has it.
    async fn leaf(&self, claim: ClaimId, kind: EntryKind) -> Result<Option<u64>, LogError> {
        if let Some(known) = self.memory().leaves.get(&(claim, kind)) {
            return Ok(Some(*known));
        }
        let leaf = self.store.leaf(claim, kind).await?;
        if let Some(leaf) = leaf {
            self.memory().leaves.insert((claim, kind), Arc::new(leaf));
        }
        Ok(leaf)
    }

    /// The checkpoint after every signature in it was verified, which is done once for each.
    fn verified(
        &self,
        evidence: &Evidence,
        cosigned: &CosignedRow,
    ) -> Result<Arc<Verified>, LogError> {
        let checkpoint = with_signatures(cosigned)?;
        if let Some(known) = self.memory().verified.get(&cosigned.size)
            && known.checkpoint == checkpoint
        {
            return Ok(known);
        }
        let signed = checkpoint.log_signed(&evidence.log_key)?;
        let witnesses: Vec<_> = self.witnesses.met().iter().map(|met| met.key.clone()).collect();
        checkpoint.cosigned(&witnesses).map_err(ProofError::Cosignature)?;
        let verified = Arc::new(Verified { checkpoint, signed });
        self.memory().verified.insert(cosigned.size, Arc::clone(&verified));
        Ok(verified)
    }

    /// Tiles of the log; what is missing is found out by whoever reads them.
    pub(super) async fn tiles(&self, wanted: Vec<Tile>) -> Result<TileSet, LogError> {
        let mut tiles = TileSet::default();
        for tile in wanted {
            if let Some(octets) = self.recall(&Resource::Tile(tile)).await? {
                tiles.insert(tile, &octets)?;
            }
        }
        Ok(tiles)
    }
}

/// The checkpoint with all its cosignatures.
fn with_signatures(row: &CosignedRow) -> Result<SignedCheckpoint, LogError> {
    let mut checkpoint = SignedCheckpoint::from_bytes(&row.checkpoint)?;
    for line in &row.signatures {
        let unreadable = || LogError::Cosignature { size: row.size };
        let text = std::str::from_utf8(line).map_err(|_| unreadable())?;
        let signature: NoteSignature = text.parse().map_err(|_| unreadable())?;
        let mut there = checkpoint.signatures().iter();
        // In records from before there were several witnesses, one may stand in the checkpoint itself.
        if !there.any(|one| one.name() == signature.name() && one.id() == signature.id()) {
            checkpoint = checkpoint.with_signature(signature).map_err(|_| unreadable())?;
        }
    }
    Ok(checkpoint)
}
