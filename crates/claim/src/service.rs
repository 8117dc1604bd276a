//! What systemd is told, where it asks for it (`Type=notify`, `WatchdogSec=`; sd_notify(3)).

use sd_notify::NotifyState;
use tokio::time::interval;

/// The program serves, under this origin.
pub(crate) fn ready(origin: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("Serving as {origin}"))]);
}

/// The program finishes what is under way.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("Finishing the requests under way")]);
}

/// Says twice in each period that the program lives, as long as its tasks get their turn; never ends.
pub(crate) async fn watchdog() {
    let Some(period) = sd_notify::watchdog_enabled().filter(|period| !period.is_zero()) else {
        return std::future::pending().await;
    };
    let mut turns = interval(period / 2);
    loop {
        turns.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

/// Does nothing where nobody asked.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
