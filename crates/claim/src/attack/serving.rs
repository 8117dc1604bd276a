//! A server that runs until it is told to stop.

use std::future::Future;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A running server's handle. Dropped, it stops the server without waiting.
#[derive(Debug)]
pub(super) struct Serving {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Completes when the server is to stop.
pub(super) struct Told(watch::Receiver<bool>);

impl Serving {
    /// Runs what `serve` makes, which ends some time after its argument completes.
    pub(super) fn start<F>(serve: impl FnOnce(Told) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(serve(Told(stopped))) }
    }

    /// Stops the server and waits until it has.
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        // A server that panicked has stopped as well.
        let _ = self.task.await;
    }
}

impl Told {
    /// Waits for it.
    pub(super) async fn wait(mut self) {
        // The sender's end is as good as its word.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}
