//! Group commit: one transaction, one fsync, for all writes of a kind that wait at a moment.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::StoreError;
use crate::database::Database;
use crate::retry::retry;

/// A write that can share its transaction with others of its kind.
pub(crate) trait Job: Send + Sync + Sized + 'static {
    /// What it led to.
    type Outcome: Send + 'static;

    /// How many may wait.
    const QUEUE: usize;

    /// How many one transaction takes.
    const BATCH: usize;

    /// Does all of them in one transaction, or none; outcomes come in the order of the jobs.
    fn commit(
        database: &Database,
        jobs: &[&Self],
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, StoreError>> + Send;
}

/// The task that commits the jobs of one kind, seen from those who wait for it.
pub(crate) struct Writer<J: Job> {
    queue: mpsc::Sender<Order<J>>,
}

enum Order<J: Job> {
    Do(Waiting<J>),
    Finish(oneshot::Sender<()>),
}

struct Waiting<J: Job> {
    job: J,
    answer: oneshot::Sender<Result<J::Outcome, StoreError>>,
}

impl<J: Job> Writer<J> {
    /// Starts the task; it ends when this is dropped and all that waited is answered.
    pub(crate) fn start(database: Arc<Database>) -> Self {
        let (queue, orders) = mpsc::channel(J::QUEUE);
        tokio::spawn(run(database, orders));
        Self { queue }
    }

    /// Has the job committed; when this returns `Ok`, what it wrote is durable.
    pub(crate) async fn commit(&self, job: J) -> Result<J::Outcome, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.try_send(Order::Do(Waiting { job, answer })).map_err(|e| match e {
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
    pub(crate) async fn finish(&self) {
        let (done, finished) = oneshot::channel();
        if self.queue.send(Order::Finish(done)).await.is_ok() {
            // An error means that the task is gone already, which is just as well.
            let _ = finished.await;
        }
    }
}

async fn run<J: Job>(database: Arc<Database>, mut orders: mpsc::Receiver<Order<J>>) {
    let mut received = Vec::with_capacity(J::BATCH);
    let mut finished = Vec::new();
    // What comes while a batch is being committed makes up the next one; nobody waits for company.
    while orders.recv_many(&mut received, J::BATCH).await > 0 {
        let mut batch = Vec::with_capacity(received.len());
        for order in received.drain(..) {
            match order {
                Order::Do(waiting) => batch.push(waiting),
                Order::Finish(done) => {
                    orders.close();
                    finished.push(done);
                }
            }
        }
        commit(&database, batch).await;
    }
    for done in finished {
        let _ = done.send(());
    }
}

/// Commits a batch and tells everyone the outcome.
async fn commit<J: Job>(database: &Database, batch: Vec<Waiting<J>>) {
    if batch.is_empty() {
        return;
    }
    let jobs: Vec<_> = batch.iter().map(|waiting| &waiting.job).collect();
    match retry!(J::commit(database, &jobs)) {
        Ok(outcomes) => {
            for (waiting, outcome) in batch.into_iter().zip(outcomes) {
                waiting.tell(Ok(outcome));
            }
        }
        // One of them is at fault: the others must not suffer for it. The database has rolled all of them back.
        Err(StoreError::Refused { .. } | StoreError::Foreign { .. }) if batch.len() > 1 => {
            for waiting in batch {
                let outcome = retry!(J::commit(database, &[&waiting.job]));
                let outcome = outcome.and_then(|outcomes| {
                    outcomes.into_iter().next().ok_or_else(|| sqlx::Error::RowNotFound.into())
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

impl<J: Job> Waiting<J> {
    fn tell(self, outcome: Result<J::Outcome, StoreError>) {
        // Whoever has stopped waiting finds what was written when asking again.
        let _ = self.answer.send(outcome);
    }
}
