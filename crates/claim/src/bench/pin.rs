//! Which processors this program runs on.

use std::process::Stdio;

use tokio::process::Command;

/// Keeps all threads of this program on these processors; `false` where that is not possible.
pub(super) async fn pin(from: usize, to: usize) -> bool {
    let list = format!("{from}-{}", to.saturating_sub(1).max(from));
    let mut command = Command::new("taskset");
    command.args(["-acp", &list, &std::process::id().to_string()]);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.await.is_ok_and(|status| status.success())
}
