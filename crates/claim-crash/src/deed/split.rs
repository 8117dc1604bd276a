//! A log that lies: it shows its witness a second tree of the size that it has cosigned.

use anyhow::{Result, bail};
use claim_log::witness::AddCheckpoint;
use claim_log::{ConsistencyProof, Hash, TileSet, TreeHead, TreeSize};

use crate::check::rows;
use crate::wire::shown;
use crate::world::{Scene, Side};

/// The lie.
pub struct Split {
    root: [u8; 32],
}

impl Split {
    /// A tree with this root, which is none.
    pub fn new(root: [u8; 32]) -> Self {
        Self { root }
    }

    pub(super) async fn advance(&mut self, scene: &Scene) -> Result<()> {
        let rows = rows(&scene.database(Side::Cuhk), "SELECT size FROM witnessed_logs").await?;
        let Some(size) = rows.first().and_then(|row| row.int("size")).filter(|size| *size > 0)
        else {
            bail!("the witness has seen nothing yet");
        };
        let size = u64::try_from(size)?;
        let old = TreeSize::try_from(size)?;
        let head = TreeHead { size: old, root: Hash::from_bytes(self.root) };
        let proof = ConsistencyProof::from_tiles(old, old, &TileSet::default())?;
        let checkpoint = scene.log()?.sign(head)?;
        let body = AddCheckpoint::new(old, proof, checkpoint).to_bytes();
        let url = scene.cuhk.origin.join("/witness/add-checkpoint");
        let answer = claim_http::send(scene.cuhk.http.post(url).body(body), 64 * 1024).await?;
        if answer.status != http::StatusCode::CONFLICT {
            bail!("{}", shown(&answer));
        }
        // The log may have grown in between; then this was no second tree of its size.
        let text = String::from_utf8_lossy(&answer.body);
        match text.trim().parse::<u64>() {
            Ok(known) if size == known => {
                scene.record().splits.insert(size);
                Ok(())
            }
            _ => bail!("the log has grown: {}", shown(&answer)),
        }
    }
}
