//! A way to have a serving program look after its files now instead of at the next turn.

use std::time::Duration;

use tokio::sync::watch;

/// Has a serving program look at its certificates, its TLS files and its storage at once.
///
/// For SIGHUP, and for tests, which need not wait then. All clones nudge the same program.
#[derive(Clone, Debug)]
pub struct Nudge(watch::Sender<()>);

/// Where a task of the program learns that it was nudged. A nudge that comes while it is busy is not lost.
#[derive(Debug)]
pub struct Nudged(watch::Receiver<()>);

impl Nudge {
    /// Nobody is nudged yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// Nudges everybody who listens.
    pub fn now(&self) {
        self.0.send_replace(());
    }

    /// Listens from now on.
    pub fn listen(&self) -> Nudged {
        Nudged(self.0.subscribe())
    }
}

impl Default for Nudge {
    fn default() -> Self {
        Self::new()
    }
}

impl Nudged {
    /// Completes at the next nudge, and after `period` at the latest.
    pub async fn or_after(&mut self, period: Duration) {
        let nudged = async {
            if self.0.changed().await.is_err() {
                // Nobody is left who could nudge.
                std::future::pending::<()>().await;
            }
        };
        // That the time is over is as good a reason.
        let _ = tokio::time::timeout(period, nudged).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_turn_comes_by_itself_or_by_a_nudge() {
        let period = Duration::from_secs(3600);
        let nudge = Nudge::new();
        let (mut one, mut other) = (nudge.listen(), nudge.listen());
        let began = tokio::time::Instant::now();
        nudge.now();
        one.or_after(period).await;
        other.or_after(period).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        one.or_after(period).await;
        assert_eq!(began.elapsed(), period, "one nudge is one turn");
        drop(nudge);
        one.or_after(period).await;
        assert_eq!(began.elapsed(), 2 * period);
    }
}
