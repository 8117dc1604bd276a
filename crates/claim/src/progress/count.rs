//! A bar that counts things, with how many bytes that were.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};

use claim_core::Escaped;
use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};

use crate::terminal::Terminal;

/// How far one is, where somebody sees it.
#[derive(Debug)]
pub(crate) struct Count {
    bar: ProgressBar,
    bytes: AtomicU64,
}

impl Count {
    /// Nothing is shown before it begins, and nothing at all where nobody sees it.
    pub(crate) fn new(terminal: Terminal) -> Self {
        let shown = terminal.is_talkative() && io::stderr().is_terminal();
        let bar = if shown { ProgressBar::no_length() } else { ProgressBar::hidden() };
        let template = "{bar:30} {pos:>7} / {len:<7} {prefix:>11}  {wide_msg}";
        // A template that cannot be read would be a plainer bar.
        let style = ProgressStyle::with_template(template);
        let bar = bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, bytes: AtomicU64::new(0) }
    }

    /// So many will come, of which some are there.
    pub(crate) fn begin(&self, all: u64, there: u64) {
        self.bar.set_length(all);
        self.bar.set_position(there);
    }

    /// One more is there.
    pub(crate) fn one(&self, what: &str) {
        self.bar.set_message(Escaped(what).to_string());
        self.bar.inc(1);
    }

    /// So many more bytes.
    pub(crate) fn bytes(&self, bytes: u64) {
        let all = self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        self.bar.set_prefix(DecimalBytes(all).to_string());
    }

    /// Tells something beside the bar.
    pub(crate) fn beside(&self, tell: impl FnOnce()) {
        self.bar.suspend(tell);
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
