//! The model of steps 3 to 6 (`model/`), run with Maude: the protocol, and mutants that lack one of its fields.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::{needs, say};

/// What the model consists of, in the order in which the files need each other.
const FILES: [&str; 3] = ["terms.maude", "session.maude", "messages.maude"];

/// A name of the model: a property, or a field or check that a mutant lacks.
type Name = String;

/// Runs the model as `model/expected.txt` says, prints what it found, and fails where that differs.
///
/// `full` searches further where nothing breaks, for some minutes.
pub(crate) fn run(full: bool) -> Result<()> {
    say("── model");
    let started = Instant::now();
    needs::provide_maude()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model");
    let read = |name: &str| {
        std::fs::read_to_string(folder.join(name)).with_context(|| format!("reading model/{name}"))
    };
    let sections = parse(&read("expected.txt")?)?;
    let mut model = String::new();
    for file in FILES {
        model += &read(file)?;
    }
    every_property_can_fail(&model, &sections)?;
    let mut differences = 0;
    for section in &sections {
        differences += section.check(&model, full)?;
    }
    say(&format!("── model: {:.0} s", started.elapsed().as_secs_f64()));
    ensure!(differences == 0, "{differences} rows of the model differ from model/expected.txt");
    Ok(())
}

/// One module of the model with its beginnings, and the mutants to run there.
#[derive(Debug)]
struct Section {
    module: Name,
    beginnings: Vec<Name>,
    more_beginnings: Vec<Name>,
    rows: Vec<Row>,
}

/// A mutant, by what it lacks; nothing for the protocol itself.
#[derive(Debug)]
struct Row {
    without: Vec<Name>,
    violated: BTreeSet<Name>,
}

/// Reads `[MODULE beginnings + more]` and below it `what is missing : what is violated`.
fn parse(text: &str) -> Result<Vec<Section>> {
    let words = |text: &str| text.split_whitespace().map(Name::from).collect::<Vec<_>>();
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(head) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let (module, beginnings) = head.split_once(' ').context("a section has beginnings")?;
            let (first, more) = beginnings.split_once('+').unwrap_or((beginnings, ""));
            sections.push(Section {
                module: module.into(),
                beginnings: words(first),
                more_beginnings: words(more),
                rows: Vec::new(),
            });
        } else {
            let (without, violated) = line.split_once(':').context("a row has a colon")?;
            let without = words(without).into_iter().filter(|name| name != "-").collect();
            let violated = words(violated).into_iter().collect();
            let section = sections.last_mut().context("a row stands in a section")?;
            section.rows.push(Row { without, violated });
        }
    }
    Ok(sections)
}

/// A property that no mutant violates would say nothing.
fn every_property_can_fail(model: &str, sections: &[Section]) -> Result<()> {
    let named = |text: &str| text.split_once(')').map(|(name, _)| Name::from(name));
    let properties: BTreeSet<Name> = model.split("violated('").skip(1).filter_map(named).collect();
    let violated: BTreeSet<Name> = sections
        .iter()
        .flat_map(|section| &section.rows)
        .flat_map(|row| row.violated.iter().cloned())
        .collect();
    ensure!(!properties.is_empty(), "the model has no properties");
    ensure!(
        properties == violated,
        "properties of the model and of expected.txt differ: {:?}",
        properties.symmetric_difference(&violated)
    );
    Ok(())
}

impl Section {
    /// Runs each row and prints the table; returns how many rows differ.
    fn check(&self, model: &str, full: bool) -> Result<usize> {
        let more: &[Name] = if full { &self.more_beginnings } else { &[] };
        say(&format!("\n{} from {}", self.module, self.beginnings.join(", ")));
        if !more.is_empty() {
            say(&format!("  and, where nothing more fails, from {}", more.join(", ")));
        }
        let columns: BTreeSet<&Name> = self.rows.iter().flat_map(|row| &row.violated).collect();
        for (letter, name) in ('a'..).zip(&columns) {
            say(&format!("  {letter} {name}"));
        }
        let letters: String = ('a'..).take(columns.len()).collect();
        say(&format!("  {:46}{letters}", "without"));
        let mut differences = 0;
        for row in &self.rows {
            let more = if self.breaks_nothing(row) { more } else { &[] };
            let beginnings: Vec<&Name> = self.beginnings.iter().chain(more).collect();
            let found = violations(model, &self.module, &beginnings, &row.without)?;
            say(&row.line(&columns, &found));
            differences += usize::from(found != row.violated);
        }
        Ok(differences)
    }

    /// Whether nothing fails but what fails in the protocol itself: there alone a longer search can tell more.
    fn breaks_nothing(&self, row: &Row) -> bool {
        let protocol = self.rows.iter().find(|row| row.without.is_empty());
        protocol.is_some_and(|protocol| protocol.violated == row.violated)
    }
}

impl Row {
    /// `x` where a property fails and `.` where it holds as expected; `!` and the names where not.
    fn line(&self, columns: &BTreeSet<&Name>, found: &BTreeSet<Name>) -> String {
        let protocol = "nothing (the protocol)".to_owned();
        let without = if self.without.is_empty() { protocol } else { self.without.join(" + ") };
        let mut line = format!("  {without:46}");
        for name in columns {
            line.push(match (self.violated.contains(*name), found.contains(*name)) {
                (true, true) => 'x',
                (false, false) => '.',
                _ => '!',
            });
        }
        if *found != self.violated {
            let missing: Vec<_> = self.violated.difference(found).collect();
            let surplus: Vec<_> = found.difference(&self.violated).collect();
            // Writing to a string cannot fail.
            let _ =
                write!(line, "  fails unexpectedly: {surplus:?}; holds unexpectedly: {missing:?}");
        }
        line
    }
}

/// Lets Maude search everything that can follow the beginnings, and returns the properties that fail somewhere.
fn violations(
    model: &str,
    module: &str,
    beginnings: &[&Name],
    without: &[Name],
) -> Result<BTreeSet<Name>> {
    let output = maude(&script(model, module, beginnings, without))?;
    if let Some(line) = output.lines().find(|line| line.contains("Warning")) {
        bail!("Maude does not understand the model: {line}");
    }
    let finished =
        output.matches("No solution.").count() + output.matches("No more solutions.").count();
    ensure!(
        finished == beginnings.len(),
        "Maude ended {finished} of {} searches in {module} without {without:?}:\n{output}",
        beginnings.len()
    );
    let solution = |line: &str| line.strip_prefix("P:Qid --> '").map(Name::from);
    Ok(output.lines().filter_map(solution).collect())
}

/// The commands: the mutant's switches, the model, one exhaustive search for each beginning.
fn script(model: &str, module: &str, beginnings: &[&Name], without: &[Name]) -> String {
    let set = match without {
        [] => "empty".to_owned(),
        names => names.iter().map(|name| format!("'{name}")).collect::<Vec<_>>().join(", "),
    };
    let mut script = format!(
        "fmod WITHOUT is protecting QID-SET . op without : -> QidSet . eq without = {set} . endfm\n"
    );
    script += model;
    for beginning in beginnings {
        script += &format!("search in {module} : {beginning} =>* violated(P:Qid) .\n");
    }
    script + "quit\n"
}

/// Maude's standard output and standard error.
fn maude(script: &str) -> Result<String> {
    let mut child = Command::new("maude")
        .args(["-no-banner", "-batch", "-no-ansi-color", "-no-wrap", "-no-advise"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting maude")?;
    // Maude says nothing before it has read nearly all, so neither side waits for the other.
    child.stdin.take().context("maude has no input")?.write_all(script.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "maude failed ({})", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    const EXPECTED: &str = "# why\n[SESSION relay + twice]\n- :\norigin leaf : secrecy once\n";

    fn names(names: &[&str]) -> BTreeSet<Name> {
        names.iter().map(|name| Name::from(*name)).collect()
    }

    #[test]
    fn what_is_expected_is_read() {
        let sections = parse(EXPECTED).unwrap();
        let [section] = sections.as_slice() else { panic!("{sections:?}") };
        assert_eq!((section.module.as_str(), section.rows.len()), ("SESSION", 2));
        assert_eq!(
            (section.beginnings.as_slice(), section.more_beginnings.as_slice()),
            (&["relay".to_owned()][..], &["twice".to_owned()][..])
        );
        assert!(section.rows[0].without.is_empty() && section.rows[0].violated.is_empty());
        assert_eq!(section.rows[1].without, ["origin", "leaf"]);
        assert_eq!(section.rows[1].violated, names(&["secrecy", "once"]));
        assert!(parse("- :\n").is_err(), "a row without a section");
        assert!(parse("[SESSION relay]\norigin\n").is_err(), "a row without a colon");
    }

    #[test]
    fn a_property_that_nothing_violates_is_noticed() {
        let sections = parse(EXPECTED).unwrap();
        let model = "=> violated('secrecy) => violated('once) if x";
        every_property_can_fail(model, &sections).unwrap();
        assert!(every_property_can_fail(&format!("{model} violated('more)"), &sections).is_err());
        assert!(every_property_can_fail("violated('secrecy)", &sections).is_err());
        assert!(every_property_can_fail("", &[]).is_err());
    }

    #[test]
    fn a_difference_shows_in_its_row() {
        let row = Row { without: vec!["origin".into()], violated: names(&["a", "b"]) };
        let all = names(&["a", "b", "c"]);
        let columns: BTreeSet<&Name> = all.iter().collect();
        assert!(row.line(&columns, &names(&["a", "b"])).ends_with(" xx."));
        let line = row.line(&columns, &names(&["a", "c"]));
        assert!(line.contains(" x!!  fails unexpectedly: [\"c\"]; holds unexpectedly: [\"b\"]"));
    }

    #[test]
    fn a_mutant_is_a_set_of_switches() {
        let beginning = Name::from("relay");
        let script = script("MODEL\n", "SESSION", &[&beginning], &["origin".into(), "leaf".into()]);
        assert!(script.contains("eq without = 'origin, 'leaf . endfm\nMODEL\n"), "{script}");
        assert!(script.ends_with("search in SESSION : relay =>* violated(P:Qid) .\nquit\n"));
    }
}
