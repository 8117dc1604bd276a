//! The sequencer. Several replicas may run one; the head in the database lets one of them append at a time.

use std::sync::Arc;

use bytes::Bytes;
use claim_log::{Edge, Entry, Object, Plan, SignedCheckpoint, TreeHead};
use claim_store::ObjectName;
use claim_store::blackboard::{EntryRow, LogHeadRow};
use tokio::time::{sleep, timeout};

use super::{BATCH_ENTRIES, BATCH_OPEN, LOOK_EVERY, Log, LogError};
use crate::error::chain;
use crate::evidence::Evidence;

/// Appends what is staged, batch by batch, until it is dropped.
pub(crate) async fn keep_appending(log: &Log, evidence: &Arc<Evidence>) {
    let mut sequencer = Sequencer { log, evidence, edge: None };
    loop {
        match sequencer.append().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(error = %chain(&error), "the log could not grow");
                // Whatever was in memory may not be what is on record.
                sequencer.edge = None;
                sleep(LOOK_EVERY).await;
            }
        }
        if timeout(LOOK_EVERY, log.staged.notified()).await.is_ok() {
            sleep(BATCH_OPEN).await;
        }
    }
}

struct Sequencer<'l> {
    log: &'l Log,
    evidence: &'l Arc<Evidence>,
    /// What the last batch left: the edge of the published tree.
    edge: Option<Edge>,
}

impl Sequencer<'_> {
    /// One batch; whether there may be another one right away.
    async fn append(&mut self) -> Result<bool, LogError> {
        let Some((head, row)) = self.log.head().await? else {
            self.begin().await?;
            return Ok(true);
        };
        if row.published_size < row.size {
            self.finish(head, &row).await?;
            return Ok(true);
        }
        self.log.published.send_if_modified(|size| std::mem::replace(size, row.size) != row.size);
        self.log.standing.has_begun();
        if !self.log.standing.may_append() {
            return Ok(false);
        }
        let staged = self.log.store.staged_entries(BATCH_ENTRIES).await?;
        if staged.is_empty() {
            return Ok(false);
        }
        let plan = self.edge(head).await?.plan(&entries(&staged)?)?;
        let after = plan.head();
        let (before, after) = ((row.size, row.root), (after.size.value(), *after.root.as_bytes()));
        if self.log.store.append_to_log(before, after, &staged).await? {
            // From here on the log has this tree, whatever happens.
            self.write(plan).await?;
            self.log.remember_leaves(row.size, &staged);
        }
        Ok(true)
    }

    /// The empty log, with its checkpoint.
    async fn begin(&self) -> Result<(), LogError> {
        let empty = TreeHead::EMPTY;
        let checkpoint = self.sign(empty)?;
        let row = LogHeadRow {
            size: 0,
            root: *empty.root.as_bytes(),
            published_size: 0,
            checkpoint: checkpoint.to_bytes(),
        };
        Ok(self.log.store.begin_log(&row).await?)
    }

    /// Takes up a batch that was committed, and whose files may not all be written.
    async fn finish(&mut self, head: TreeHead, row: &LogHeadRow) -> Result<(), LogError> {
        let published = SignedCheckpoint::from_bytes(&row.checkpoint)?;
        let published = published.log_signed(&self.evidence.log_key)?.head();
        let count = row.size.saturating_sub(row.published_size);
        let limit = u32::try_from(count).unwrap_or(u32::MAX);
        let logged = self.log.store.logged_entries(row.published_size, limit).await?;
        let plan = self.edge(published).await?.plan(&entries(&logged)?)?;
        if plan.head() != head {
            return Err(LogError::Diverged { size: head.size });
        }
        self.write(plan).await
    }

    /// Writes the files of a committed batch, then publishes its checkpoint.
    async fn write(&mut self, plan: Plan) -> Result<(), LogError> {
        let (objects, edge) = plan.into_parts();
        for object in objects {
            let name = ObjectName::log(&object.resource.to_string());
            let octets = Bytes::from(object.octets);
            self.log.objects.keep(&name, octets.clone()).await?;
            self.log.remember(object.resource, octets);
        }
        let head = edge.head();
        let checkpoint = self.sign(head)?;
        let size = head.size.value();
        self.log.store.publish_checkpoint(size, &checkpoint.to_bytes()).await?;
        self.edge = Some(edge);
        self.log.published.send_replace(size);
        Ok(())
    }

    /// The edge of this tree: from memory, or from the log's own files.
    async fn edge(&mut self, head: TreeHead) -> Result<Edge, LogError> {
        if let Some(edge) = self.edge.take().filter(|edge| edge.head() == head) {
            return Ok(edge);
        }
        let mut files = Vec::new();
        for resource in Edge::resources(head.size) {
            // What is missing is found out by whoever reads them.
            if let Some(octets) = self.log.read(&resource).await? {
                files.push(Object { resource, octets: octets.to_vec() });
            }
        }
        Ok(Edge::load(head, &files)?)
    }

    fn sign(&self, head: TreeHead) -> Result<SignedCheckpoint, LogError> {
        self.evidence.log.sign(head).map_err(|_| LogError::Signing)
    }
}

fn entries(rows: &[EntryRow]) -> Result<Vec<Entry>, LogError> {
    rows.iter().map(|row| Ok(Entry::new(row.entry.clone())?)).collect()
}
