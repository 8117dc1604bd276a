//! Group commit: one transaction, one fsync, for all messages that wait at a moment.

use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use super::messages::{self, Kept, NewMessage};
use crate::StoreError;
use crate::database::Database;
use crate::retry::retry;

/// How many messages may wait: with the largest messages, 64 MiB.
const QUEUE: usize = 1024;

/// How many messages one transaction takes.
const BATCH: usize = 128;

/// The task that commits messages, seen from those who wait for it.
pub(super) struct Writer {
    queue: mpsc::Sender<Order>,
}

enum Order {
    Keep(Waiting),
    Finish(oneshot::Sender<()>),
}

struct Waiting {
    message: NewMessage,
    answer: oneshot::Sender<Result<Kept, StoreError>>,
}

impl Writer {
    /// Starts the task; it ends when this is dropped and all that waited is answered.
    pub(super) fn start(database: Arc<Database>) -> Self {
        let (queue, orders) = mpsc::channel(QUEUE);
        tokio::spawn(run(database, orders));
        Self { queue }
    }

    pub(super) async fn keep(&self, message: NewMessage) -> Result<Kept, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Order::Keep(Waiting { message, answer })).map_err(|e| match e {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Closed(_) => StoreError::Closed,
        })?;
        match answered.await {
            Ok(outcome) => outcome,
            // The task is gone, as when the runtime shuts down; whether it committed nobody can tell.
            Err(_) => Err(sqlx::Error::WorkerCrashed.into()),
        }
    }

    /// Takes no more, and returns when all that waits is answered.
    pub(super) async fn finish(&self) {
        let (done, finished) = oneshot::channel();
        if self.queue.send(Order::Finish(done)).await.is_ok() {
            // An error means that the task is gone already, which is just as well.
            let _ = finished.await;
        }
    }
}

async fn run(database: Arc<Database>, mut orders: mpsc::Receiver<Order>) {
    let mut received = Vec::with_capacity(BATCH);
    let mut finished = Vec::new();
    // What comes while a batch is being committed makes up the next one; nobody waits for company.
    while orders.recv_many(&mut received, BATCH).await > 0 {
        let mut batch = Vec::with_capacity(received.len());
        for order in received.drain(..) {
            match order {
                Order::Keep(waiting) => batch.push(waiting),
                Order::Finish(done) => {
                    orders.close();
                    finished.push(done);
                }
            }
        }
        keep(&database, batch).await;
    }
    for done in finished {
        let _ = done.send(());
    }
}

/// Commits a batch and tells everyone the outcome.
async fn keep(database: &Database, batch: Vec<Waiting>) {
    if batch.is_empty() {
        return;
    }
    let messages: Vec<_> = batch.iter().map(|waiting| &waiting.message).collect();
    match retry!(messages::keep(database, &messages)) {
        Ok(outcomes) => {
            for (waiting, kept) in batch.into_iter().zip(outcomes) {
                waiting.tell(Ok(kept));
            }
        }
        // One of them is at fault: the others must not suffer for it. The database has rolled all of them back.
        Err(StoreError::Refused { .. } | StoreError::Foreign { .. }) if batch.len() > 1 => {
            for waiting in batch {
                let outcome = retry!(messages::keep(database, &[&waiting.message]));
                let outcome = outcome.and_then(|kept| {
                    kept.into_iter().next().ok_or_else(|| sqlx::Error::RowNotFound.into())
                });
                waiting.tell(outcome);
            }
        }
        // The database is at fault: it would be so for each of them.
        Err(error) => {
            for waiting in batch {
                waiting.tell(Err(error.clone()));
            }
        }
    }
}

impl Waiting {
    fn tell(self, outcome: Result<Kept, StoreError>) {
        // Whoever has stopped waiting finds the message on record when sending it again.
        let _ = self.answer.send(outcome);
    }
}
