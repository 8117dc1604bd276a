//! A log as whoever has its key may make it: any entries, signed.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use claim_log::witness::{AddCheckpoint, Decision, decide};
use claim_log::{
    ConsistencyProof, Edge, Entry, InclusionProof, LeafIndex, LogProof, LogSigned, LogSigner,
    Object, Resource, SignedCheckpoint, TileSet, TreeSize, WitnessSigner,
};

use crate::attack::wire::now;
use crate::commands::log::Log;

/// All entries of a log with all its files, and the checkpoint that the log's key has signed.
pub(super) struct Tree {
    tiles: TileSet,
    files: Vec<Object>,
    checkpoint: LogSigned,
}

impl Tree {
    /// Computes the files and signs.
    pub(super) fn of(entries: &[Entry], log: &LogSigner) -> Result<Self> {
        let (files, edge) = Edge::empty().plan(entries)?.into_parts();
        let mut tiles = TileSet::default();
        for file in &files {
            if let Resource::Tile(tile) = file.resource {
                tiles.insert(tile, &file.octets)?;
            }
        }
        let checkpoint = log.sign(edge.head())?.log_signed(&log.key())?;
        Ok(Self { tiles, files, checkpoint })
    }

    /// The checkpoint, by nobody but the log.
    pub(super) fn checkpoint(&self) -> &SignedCheckpoint {
        self.checkpoint.signed()
    }

    fn size(&self) -> TreeSize {
        self.checkpoint.head().size
    }

    /// The log as it would be served.
    pub(super) fn shown(&self) -> Log {
        let octets = self.checkpoint().to_bytes();
        let checkpoint = Object { resource: Resource::Checkpoint, octets };
        Log::Shown(Arc::from_iter(self.files.iter().cloned().chain([checkpoint])))
    }

    /// Asks for a cosignature, from a log that a witness saw last when it was so large.
    pub(super) fn asking(&self, old: TreeSize) -> Result<AddCheckpoint> {
        let proof = ConsistencyProof::from_tiles(old, self.size(), &self.tiles)?;
        Ok(AddCheckpoint::new(old, proof, self.checkpoint().clone()))
    }

    /// What a witness answers that keeps to the rules: the checkpoint, cosigned now.
    pub(super) fn cosigned_after(
        &self,
        last: Option<&LogSigned>,
        witness: &WitnessSigner,
    ) -> Result<SignedCheckpoint> {
        let old = match last {
            Some(last) => last.head().size,
            None => TreeSize::try_from(0_u64)?,
        };
        let Decision::Accept(accepted) =
            decide(Some(self.checkpoint.key()), last, &self.asking(old)?)
        else {
            anyhow::bail!("the witness does not cosign");
        };
        let time = u64::try_from(now().as_seconds())?.try_into()?;
        Ok(self.checkpoint().clone().with_signature(accepted.cosign(witness, time)?)?)
    }

    /// That the entry at this place is in the tree with this checkpoint, which is signed by whomever it is.
    pub(super) fn proof(&self, place: usize, checkpoint: SignedCheckpoint) -> Result<LogProof> {
        let index = LeafIndex::try_from(u64::try_from(place)?)?;
        let inclusion = InclusionProof::from_tiles(index, self.size(), &self.tiles)
            .context("the entry is not in the tree")?;
        Ok(LogProof::new(index, inclusion, checkpoint))
    }
}
