//! How long each step took.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, json};

use crate::terminal::Terminal;

/// What each step is, in the words of the seed.
const STEPS: [&str; 7] = [
    "CUHK and Blackboard start: keys, certificates, ports",
    "key pair and request, on the student's side",
    "CUHK signs cert 2; the student checks it",
    "sentence and cert 2; Blackboard verifies",
    "session key, encrypted to cert 2's key",
    "the session key is proved, both ways",
    "messages with HMAC, stored and acknowledged",
];

/// Collects the time between one told moment and the next, by step.
#[derive(Debug)]
pub(crate) struct Summary(Mutex<Marks>);

#[derive(Debug)]
struct Marks {
    last: Instant,
    steps: BTreeMap<u8, Duration>,
    shown: bool,
}

impl Summary {
    pub(crate) fn start() -> Self {
        Self(Mutex::new(Marks { last: Instant::now(), steps: BTreeMap::new(), shown: false }))
    }

    /// The time since the last mark belongs to no step: a person was asked something.
    pub(crate) fn resume(&self) {
        self.with(|marks| marks.last = Instant::now());
    }

    /// The time since the last mark belongs to this step.
    pub(crate) fn mark(&self, step: u8) {
        self.with(|marks| {
            let now = Instant::now();
            *marks.steps.entry(step).or_default() += now - marks.last;
            marks.last = now;
        });
    }

    /// Whether the story is over.
    pub(crate) fn is_shown(&self) -> bool {
        self.with(|marks| marks.shown)
    }

    /// Shows the table.
    pub(crate) fn show(&self, terminal: Terminal) {
        let steps = self.with(|marks| {
            marks.shown = true;
            marks.steps.clone()
        });
        let mut document = Map::new();
        terminal.head("Summary");
        for (step, what) in (0u8..).zip(STEPS) {
            let took = steps.get(&step).copied().unwrap_or_default().as_secs_f64() * 1_000.0;
            terminal.say(&format!("  step {step}  {took:8.1} ms  {what}"));
            document.insert(step.to_string(), json!(took));
        }
        if terminal.is_json() {
            terminal.result("", &json!({ "event": "summary", "milliseconds": document }));
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Marks) -> T) -> T {
        // The marks are whole between any two statements, so a panic elsewhere spoils nothing.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
