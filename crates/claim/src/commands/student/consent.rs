//! Asking before something is signed that stays on record.

use std::io::{self, IsTerminal};

use anyhow::Result;

use super::ask;
use crate::exit::Exit;
use crate::terminal::Terminal;

/// How consent is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// By an option, once and for all.
    Given,
    /// By an answer.
    Asked,
}

impl Consent {
    /// From the options; without them somebody must be there who can be asked.
    pub(crate) fn new(yes: bool, terminal: Terminal) -> Result<Self, Exit> {
        if yes || terminal.is_json() {
            return Ok(Self::Given);
        }
        if Self::can_ask(yes, terminal) {
            return Ok(Self::Asked);
        }
        let what = "nobody can be asked: standard input is not a terminal";
        let why = "What is signed is on record for good, so it is shown and asked about first.";
        terminal.failure(what, Some(why), "Say --yes if you are sure.");
        Err(Exit::Usage)
    }

    /// Whether somebody is there who can be asked, and wants to be.
    pub(crate) fn can_ask(yes: bool, terminal: Terminal) -> bool {
        !yes && !terminal.is_json() && io::stdin().is_terminal()
    }

    /// Whether to go on.
    pub(crate) async fn obtain(self, question: &'static str, terminal: Terminal) -> Result<bool> {
        if self == Self::Given {
            return Ok(true);
        }
        let answer = ask(terminal, question).await?.unwrap_or_default();
        let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
        if !yes {
            terminal.say("Nothing was done.");
        }
        Ok(yes)
    }
}
