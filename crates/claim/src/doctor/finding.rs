//! What was found: how it is, why, and what to do.

use serde_json::json;

use crate::cli::Check;
use crate::terminal::Terminal;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Well,
    /// Somebody should do something some day soon.
    Warning,
    /// Something does not work, or will not for long.
    Wrong,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Warning => "warning",
            Self::Wrong => "wrong",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    check: Check,
    verdict: Verdict,
    what: String,
    /// Why that is so, or matters.
    why: Option<String>,
    /// What to do next: a command, where there is one.
    next: Option<String>,
}

/// All that was found, in order.
#[derive(Debug, Default)]
pub(super) struct Findings {
    only: Vec<Check>,
    /// What is looked at now: a folder, or an address.
    place: String,
    found: Vec<(String, Finding)>,
}

impl Findings {
    /// None yet; of these checks alone, where any are named.
    pub(super) fn of(only: Vec<Check>) -> Self {
        Self { only, ..Self::default() }
    }

    /// Whether such a check is asked for.
    pub(super) fn wants(&self, check: Check) -> bool {
        self.only.is_empty() || self.only.contains(&check)
    }

    /// What follows is about this.
    pub(super) fn look_at(&mut self, place: String) {
        self.place = place;
    }

    /// It is as it should be.
    pub(super) fn well(&mut self, check: Check, what: impl Into<String>) {
        self.add(check, Verdict::Well, what.into(), None, None);
    }

    /// It should be looked after.
    pub(super) fn warning(
        &mut self,
        check: Check,
        what: impl Into<String>,
        why: impl Into<String>,
        next: impl Into<String>,
    ) {
        self.add(check, Verdict::Warning, what.into(), Some(why.into()), Some(next.into()));
    }

    /// It is wrong.
    pub(super) fn wrong(
        &mut self,
        check: Check,
        what: impl Into<String>,
        why: impl Into<String>,
        next: impl Into<String>,
    ) {
        self.add(check, Verdict::Wrong, what.into(), Some(why.into()), Some(next.into()));
    }

    fn add(
        &mut self,
        check: Check,
        verdict: Verdict,
        what: String,
        why: Option<String>,
        next: Option<String>,
    ) {
        if self.wants(check) {
            let finding = Finding { check, verdict, what, why, next };
            self.found.push((self.place.clone(), finding));
        }
    }

    /// How many are so.
    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.found.iter().filter(|(_, finding)| finding.verdict == verdict).count()
    }

    /// Tells all of them.
    pub(super) fn tell(&self, terminal: Terminal) {
        let mut told = None;
        for (place, finding) in &self.found {
            let is_well = finding.verdict == Verdict::Well;
            if told != Some(place) && !place.is_empty() && !terminal.is_json() {
                terminal.finding(is_well, place, &json!(null));
                told = (!is_well || terminal.is_talkative()).then_some(place);
            }
            finding.tell(place, terminal);
        }
    }
}

impl Finding {
    fn tell(&self, place: &str, terminal: Terminal) {
        let Self { check, verdict, what, why, next } = self;
        let document = json!({ "check": check.name(), "verdict": verdict.word(), "where": place,
            "what": what, "why": why, "do": next });
        let mut lines = format!("{:<8} {:<12}  {what}", verdict.word(), check.name());
        for (word, text) in [("why:", why), ("do: ", next)] {
            if let Some(text) = text {
                lines.push_str(&format!("\n           {word} {text}"));
            }
        }
        terminal.finding(*verdict == Verdict::Well, &lines, &document);
    }
}
