//! Proofs for receipts: each against the first cosigned checkpoint that covers its entry.

use claim_core::claim::LogEntry;
use claim_log::{
    InclusionProof, LeafIndex, LogProof, Resource, SignedCheckpoint, Tile, TileSet, TreeSize,
};
use claim_store::blackboard::EntryKind;

use super::{Log, LogError};
use crate::evidence::Evidence;

impl Log {
    /// The proof of this entry, once a witness has cosigned a checkpoint that covers it.
    pub(crate) async fn proof(
        &self,
        evidence: &Evidence,
        entry: &LogEntry,
    ) -> Result<Option<LogProof>, LogError> {
        let Some(leaf) = self.store.leaf(entry.claim(), EntryKind::of(entry)).await? else {
            return Ok(None);
        };
        let Some(cosigned) = self.store.first_cosigned(leaf).await? else { return Ok(None) };
        let checkpoint = SignedCheckpoint::from_bytes(&cosigned.checkpoint)?;
        let (index, size) = (LeafIndex::try_from(leaf)?, TreeSize::try_from(cosigned.size)?);
        let tiles = self.tiles(InclusionProof::tiles(index, size)?).await?;
        let proof =
            LogProof::new(index, InclusionProof::from_tiles(index, size, &tiles)?, checkpoint);
        // Nothing leaves the house that a receipt's reader would refuse.
        let witnesses = std::slice::from_ref(&evidence.witness);
        proof.verify(&entry.to_bytes(), &evidence.log_key, witnesses)?;
        Ok(Some(proof))
    }

    /// Tiles of the log; what is missing is found out by whoever reads them.
    pub(super) async fn tiles(&self, wanted: Vec<Tile>) -> Result<TileSet, LogError> {
        let mut tiles = TileSet::default();
        for tile in wanted {
            if let Some(octets) = self.read(&Resource::Tile(tile)).await? {
                tiles.insert(tile, &octets)?;
            }
        }
        Ok(tiles)
    }
}
