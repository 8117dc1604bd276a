//! The processor time that a process has used, as Linux tells it.

use std::time::Duration;

use anyhow::{Context, Result};
use rustix::param::clock_ticks_per_second;
use rustix::time::{ClockId, clock_gettime};

/// Processor time in user and in kernel mode, of all threads, also of those that have ended.
///
/// The sum is exact to two ticks; how it is split is an estimate of the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CpuTime {
    pub(super) user: Duration,
    pub(super) system: Duration,
}

impl CpuTime {
    /// What this process has used since it began.
    pub(super) fn of(process: u32) -> Result<Self> {
        let path = format!("/proc/{process}/stat");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {path}, from which this benchmark takes processor times (on Linux only)"))?;
        let per_second = u32::try_from(clock_ticks_per_second())?;
        Self::parse(&text, per_second)
            .with_context(|| format!("{path} has an unexpected form: {text:?}"))
    }

    /// What was used since an earlier look.
    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }

    /// proc(5): `pid (name) state …`, where the name may hold spaces and parentheses; `utime` and `stime` are
    /// the 14th and 15th field.
    fn parse(text: &str, per_second: u32) -> Option<Self> {
        let tick = Duration::from_secs(1).checked_div(per_second)?;
        let (_, after_name) = text.rsplit_once(')')?;
        let mut fields = after_name.split_ascii_whitespace().skip(11);
        let mut time = || fields.next()?.parse().ok().map(|ticks: u32| tick * ticks);
        Some(Self { user: time()?, system: time()? })
    }
}

/// What this thread has used since it began, to the nanosecond.
pub(super) fn of_this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn a_name_may_look_like_fields() {
        let rest = "S 1 1 1 0 -1 4194560 10 0 0 0 250 50 7 7 20 0 3 0 100";
        let expected =
            CpuTime { user: Duration::from_millis(2500), system: Duration::from_millis(500) };
        for name in ["claim", "a b", "x) S 1 (y"] {
            assert_eq!(
                CpuTime::parse(&format!("12 ({name}) {rest}"), 100),
                Some(expected),
                "{name}"
            );
        }
        for text in ["", "12 (claim", "12 (claim) S 1 2", "12 (claim) S 1 1 1 0 -1 4 1 0 0 0 x 50"]
        {
            assert_eq!(CpuTime::parse(text, 100), None, "{text}");
        }
    }

    #[test]
    fn time_only_grows() {
        let earlier = CpuTime::of(std::process::id()).unwrap();
        let later = CpuTime::of(std::process::id()).unwrap();
        assert!(later.user + later.system >= earlier.user + earlier.system);
        assert_eq!(earlier.since(earlier), CpuTime::default());
    }
}
