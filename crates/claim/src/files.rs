//! How many connections the system gives room for.

use claim_http::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors that are not for connections: listeners, the database, logs, what is read at a renewal.
const RESERVED: u64 = 256;

/// Takes all the file descriptors that the system lets the program have, and no more connections than fit.
///
/// Each connection takes one, and a server without any can neither let anybody in nor open its database: that must not
/// be within reach of whoever opens many connections.
pub(crate) fn fit(limits: &Limits) -> Limits {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // The soft limit is for programs that cannot count beyond it; what is refused leaves the old one.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    within(limits, if raised { maximum } else { current })
}

/// `None` is no limit.
fn within(limits: &Limits, files: Option<u64>) -> Limits {
    let mut fitting = limits.clone();
    let Some(files) = files else { return fitting };
    let room = files.saturating_sub(RESERVED).max(files / 2).max(1);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if limits.max_connections > room {
        fitting.max_connections = room;
        // What one address may have was chosen for another number.
        fitting.max_connections_per_address =
            limits.max_connections_per_address.min((room / 2).max(1));
        tracing::warn!(
            configured = limits.max_connections,
            room,
            per_address = fitting.max_connections_per_address,
            "the system gives fewer file descriptors than max-connections asks for (LimitNOFILE)"
        );
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_take_all_that_the_system_gives() {
        let limits = Limits::default();
        for (files, connections, per_address) in [
            (None, 10_000, 1_000),
            (Some(65_536), 10_000, 1_000),
            (Some(4_096), 3_840, 1_000),
            (Some(1_024), 768, 384),
            (Some(64), 32, 16),
            (Some(0), 1, 1),
        ] {
            let fitting = within(&limits, files);
            let found = (fitting.max_connections, fitting.max_connections_per_address);
            assert_eq!(found, (connections, per_address), "{files:?}");
        }
    }
}
