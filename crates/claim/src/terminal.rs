//! What people see: lines, narrated steps, errors. The only place that prints.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this module is the program's voice")]

use std::io::{self, BufRead, IsTerminal, Write};

use anstream::{eprint, eprintln, println};
use anstyle::{AnsiColor, Style};
use claim_core::EscapedJson;
use claim_http::Clock;
use claim_student::{Explained, Outcome};
use serde_json::{Value, json};

use crate::cli::GlobalArgs;
use crate::exit::Exit;

const HEAD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// An error before it is known how to talk.
pub(crate) fn complain(what: &str, advice: &str) {
    eprintln!("{BAD}error:{BAD:#} {what}\n  what to do: {advice}");
}

/// How to talk: text or JSON, explained or not, or hardly at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terminal {
    json: bool,
    explain: bool,
    quiet: bool,
}

/// One moment of the protocol, told to a person.
#[derive(Clone, Debug)]
pub(crate) struct Narration {
    /// The seed's number.
    pub(crate) step: u8,
    /// Which program does it.
    pub(crate) who: &'static str,
    /// What it does.
    pub(crate) what: String,
    /// What that means: a word (`proves`, `eavesdropper`) and a sentence.
    pub(crate) meaning: Vec<(&'static str, String)>,
}

/// One event in the three ways to tell it; `None` where it is not worth a word in that way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    /// The line that is always shown.
    pub(crate) plain: Option<String>,
    /// The step, for `--explain`.
    pub(crate) narration: Option<Narration>,
    /// The document, for `--json`.
    pub(crate) json: Option<Value>,
    /// Whether the line is a warning, which goes to standard error even when quiet.
    pub(crate) warning: bool,
}

impl Terminal {
    pub(crate) fn new(arguments: &GlobalArgs) -> Self {
        Self { json: arguments.json, explain: arguments.explain, quiet: arguments.quiet }
    }

    /// The same, narrating: `claim demo` explains by default.
    pub(crate) fn explaining(self) -> Self {
        Self { explain: true, ..self }
    }

    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Whether it tells more than results.
    pub(crate) fn is_talkative(self) -> bool {
        !self.json && !self.quiet
    }

    /// Tells an event.
    pub(crate) fn tell(self, words: &Words) {
        if self.json {
            if let Some(document) = &words.json {
                print_event(document.clone(), if words.warning { "WARN" } else { "INFO" });
            }
            return;
        }
        if let (true, false, Some(narration)) = (self.explain, self.quiet, &words.narration) {
            narrate(narration);
        }
        match &words.plain {
            Some(line) if words.warning => eprintln!("{BAD}{line}{BAD:#}"),
            Some(line) if !self.quiet => println!("{line}"),
            _ => {}
        }
    }

    /// A line of progress; not shown when quiet or in JSON.
    pub(crate) fn say(self, line: &str) {
        if !self.quiet && !self.json {
            println!("{line}");
        }
    }

    /// A heading of progress.
    pub(crate) fn head(self, line: &str) {
        if !self.quiet && !self.json {
            println!("\n{HEAD}{line}{HEAD:#}");
        }
    }

    /// A line that says whether something went well.
    pub(crate) fn verdict(self, good: bool, line: &str) {
        if !self.json {
            let (style, mark) = if good { (GOOD, "✓") } else { (BAD, "✗") };
            println!("  {style}{mark}{style:#} {line}");
        }
    }

    /// A result: shown even when quiet. In JSON the document stands for it.
    pub(crate) fn result(self, line: &str, document: &Value) {
        if self.json {
            print_document(document);
        } else {
            println!("{line}");
        }
    }

    /// Something that was looked at; when quiet only where it is not well.
    pub(crate) fn finding(self, well: bool, lines: &str, document: &Value) {
        if !(well && self.quiet) {
            self.result(lines, document);
        }
    }

    /// A line of a file that goes to standard output, as it is.
    pub(crate) fn text(self, line: &str) {
        // Whoever closed the other end does not want it any more.
        let _ = writeln!(io::stdout(), "{line}");
    }

    /// An error that a person can do something with; returns the exit code that goes with it.
    pub(crate) fn explained(self, error: &dyn Explained) -> Exit {
        self.failure(&error.to_string(), error.why().as_deref(), &error.advice());
        match error.outcome() {
            Outcome::Refused => Exit::Refused,
            Outcome::Unreachable | Outcome::Unknown => Exit::Unreachable,
        }
    }

    /// What happened, why, what to do next.
    pub(crate) fn failure(self, what: &str, why: Option<&str>, advice: &str) {
        if self.json {
            let document = json!({ "error": what, "why": why, "advice": advice });
            print_event(document, "ERROR");
            return;
        }
        eprintln!("{BAD}error:{BAD:#} {what}");
        if let Some(why) = why {
            eprintln!("  why: {why}");
        }
        eprintln!("  what to do: {advice}");
    }

    /// Asks on standard error and reads one line of standard input; `None` at its end.
    ///
    /// # Errors
    /// When standard input cannot be read, or is not UTF-8.
    pub(crate) fn ask(self, question: &str) -> io::Result<Option<String>> {
        if io::stdin().is_terminal() || !self.quiet {
            eprint!("{question}");
            io::stderr().flush()?;
        }
        let mut line = String::new();
        match io::stdin().lock().read_line(&mut line)? {
            0 => {
                if io::stdin().is_terminal() {
                    eprintln!();
                }
                Ok(None)
            }
            _ => Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned())),
        }
    }
}

/// Writes one JSON document on a line of its own.
///
/// Past `anstream`, which takes for colour what is content, and drops it.
fn print_document(document: &Value) {
    // Whoever closed the other end does not want it any more.
    let _ = writeln!(io::stdout(), "{}", EscapedJson(&document.to_string()));
}

/// Writes an event's document with the names that a log has for its time and weight.
fn print_event(mut document: Value, level: &str) {
    if let Value::Object(members) = &mut document {
        members.insert("timestamp".to_owned(), json!(Clock::system().now()));
        members.insert("level".to_owned(), json!(level));
    }
    print_document(&document);
}

fn narrate(narration: &Narration) {
    let Narration { step, who, what, meaning } = narration;
    println!("{HEAD}Step {step}{HEAD:#}  {HEAD}{who:<10}{HEAD:#} {what}");
    for (word, sentence) in meaning {
        println!("        {DIM}{word:>12}: {sentence}{DIM:#}");
    }
}
