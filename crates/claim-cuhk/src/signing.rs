//! Waiting for keys: whatever may take long, or forever, happens on a thread of its own, and few of them at once.
//!
//! A key in a token answers when it answers, and a passphrase takes its time on purpose. A call that a token never
//! answers cannot be taken back: it keeps its turn, so that only a few threads can ever wait for a token that is dead.

use std::sync::Arc;
use std::time::Duration;

use claim_pki::{
    Certificate, Issuance, IssueError, Issuer, ListIssuance, RevocationList,
    SignRevocationListError,
};
use tokio::sync::Semaphore;

/// How long anybody waits for a turn, and then for the answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many calls wait for keys at once. A token makes one signature after the other anyway.
///
/// One for the whole process, as the modules of tokens are.
static TURNS: Turns = Turns { free: Semaphore::const_new(4), patience: PATIENCE };

/// The key did not answer in time. What was asked for may still happen; nobody will learn of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key did not answer within {} seconds: its token hangs, or has too much to do", PATIENCE.as_secs())]
pub struct NoAnswer;

/// A number of threads that may wait.
struct Turns {
    free: Semaphore,
    patience: Duration,
}

impl Turns {
    async fn take<T: Send + 'static>(
        &'static self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let turn = tokio::time::timeout(self.patience, self.free.acquire()).await;
        let Ok(Ok(turn)) = turn else { return Err(NoAnswer) };
        let doing = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        match tokio::time::timeout(self.patience, doing).await {
            Ok(Ok(done)) => Ok(done),
            // The thread panicked, or the program ends.
            Ok(Err(error)) => {
                tracing::error!(%error, "waiting for a key failed");
                Err(NoAnswer)
            }
            Err(_) => Err(NoAnswer),
        }
    }
}

/// Does this on a thread on which nobody waits.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoAnswer> {
    TURNS.take(work).await
}

/// Signs a certificate; with a key in this process at once.
pub(crate) async fn issue(
    issuer: &Arc<Issuer>,
    issuance: Issuance,
) -> Result<Result<Certificate, IssueError>, NoAnswer> {
    if !issuer.signs_elsewhere() {
        return Ok(issuer.issue(issuance));
    }
    let issuer = Arc::clone(issuer);
    apart(move || issuer.issue(issuance)).await
}

/// Signs a revocation list, likewise.
pub(crate) async fn issue_list(
    issuer: &Arc<Issuer>,
    prepared: ListIssuance,
) -> Result<Result<RevocationList, SignRevocationListError>, NoAnswer> {
    if !issuer.signs_elsewhere() {
        return Ok(issuer.issue_revocation_list(prepared));
    }
    let issuer = Arc::clone(issuer);
    apart(move || issuer.issue_revocation_list(prepared)).await
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    static FEW: Turns = Turns { free: Semaphore::const_new(2), patience: Duration::from_millis(1) };

    /// Calls that hang keep their turns; the next ones are told, and when one comes back there is a turn again.
    #[tokio::test]
    async fn a_token_that_hangs_holds_up_few_threads() {
        let mut hanging = Vec::new();
        for _ in 0..2 {
            let (go_on, wait) = mpsc::channel::<()>();
            hanging.push(go_on);
            assert_eq!(FEW.take(move || wait.recv().is_ok()).await, Err(NoAnswer));
        }
        assert_eq!(FEW.take(|| ()).await, Err(NoAnswer), "all turns are taken");
        drop(hanging);
        while FEW.take(|| ()).await.is_err() {}
    }
}
