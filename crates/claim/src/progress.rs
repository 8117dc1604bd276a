//! Progress bars, where somebody sees them.

mod count;

use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};

use claim_core::Escaped;
use claim_core::claim::Files;
use claim_core::hand_in::PieceRef;
use claim_student::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

pub(crate) use count::Count;

use crate::terminal::{Terminal, Words};

/// The bars of one hand-in, and what is told beside them.
#[derive(Debug)]
pub(crate) struct Progress {
    terminal: Terminal,
    shown: bool,
    bars: Mutex<Bars>,
}

#[derive(Debug, Default)]
struct Bars {
    multi: MultiProgress,
    /// Of all files together.
    all: Option<ProgressBar>,
    /// Of the files that are under way.
    files: HashMap<u64, ProgressBar>,
    /// What is uploaded.
    uploading: Option<Files>,
    /// How many bytes of each file are missing at the beginning.
    missing: HashMap<u64, u64>,
}

impl Progress {
    pub(crate) fn new(terminal: Terminal) -> Self {
        let shown = terminal.is_talkative() && io::stderr().is_terminal();
        Self { terminal, shown, bars: Mutex::default() }
    }

    /// Tells an event, and moves the bars.
    pub(crate) fn tell(&self, event: &Event, words: &Words) {
        if !self.shown {
            return self.terminal.tell(words);
        }
        // A poisoned lock is one whose holder panicked in drawing: the bars may be wrong, nothing else.
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        bars.multi.suspend(|| self.terminal.tell(words));
        bars.follow(event);
    }

    /// Takes the bars away.
    pub(crate) fn clear(&self) {
        if self.shown {
            self.bars.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

impl Bars {
    fn follow(&mut self, event: &Event) {
        match event {
            Event::ReadingFiles { bytes, .. } => self.begin(*bytes, "reading"),
            Event::FileRead { bytes } => self.advance(*bytes),
            Event::Uploading { files, missing } => {
                self.clear();
                self.missing.clear();
                for piece in missing {
                    *self.missing.entry(piece.file).or_default() += length(files, *piece);
                }
                self.begin(files.total_size(), "uploading");
                self.advance(files.total_size().saturating_sub(self.missing.values().sum()));
                self.uploading = Some(files.clone());
            }
            Event::PieceReceived { piece, bytes } => {
                self.advance(*bytes);
                self.advance_file(piece.file, *bytes);
            }
            Event::FilesReceived { .. } => self.clear(),
            _ => {}
        }
    }

    fn begin(&mut self, length: u64, what: &'static str) {
        let bar = self.multi.add(ProgressBar::new(length).with_style(style()).with_message(what));
        self.all = Some(bar);
    }

    fn advance(&self, bytes: u64) {
        if let Some(all) = &self.all {
            all.inc(bytes);
        }
    }

    fn advance_file(&mut self, file: u64, bytes: u64) {
        let entry =
            usize::try_from(file).ok().and_then(|n| self.uploading.as_ref()?.entries().get(n));
        let Some(entry) = entry else { return };
        let bar = self.files.entry(file).or_insert_with(|| {
            let name = Escaped(entry.name().as_str()).to_string();
            let bar = ProgressBar::new(entry.size()).with_style(style()).with_message(name);
            let there = self.missing.get(&file).map_or(0, |missing| entry.size() - missing);
            let bar = self.multi.insert(0, bar);
            bar.inc(there);
            bar
        });
        bar.inc(bytes);
        if bar.position() >= entry.size() {
            bar.finish_and_clear();
            self.files.remove(&file);
        }
    }

    fn clear(&mut self) {
        self.files.drain().for_each(|(_, bar)| bar.finish_and_clear());
        if let Some(all) = self.all.take() {
            all.finish_and_clear();
        }
        self.uploading = None;
    }
}

fn length(files: &Files, piece: PieceRef) -> u64 {
    piece.file_in(files).and_then(|entry| entry.piece_size(piece.index)).unwrap_or_default()
}

fn style() -> ProgressStyle {
    let template = "{bar:30} {bytes:>11} / {total_bytes:<11} {bytes_per_sec:>13}  {wide_msg}";
    // A template that cannot be read would be a plainer bar.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
