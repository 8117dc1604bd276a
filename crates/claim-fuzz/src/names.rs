//! Names of files, by themselves and together: what some system would take for another name, or show as one.

use claim_core::claim::{FileName, check_together};

use crate::Outcome;

/// What Windows takes for a device, whatever follows the first dot.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// A line each. What is accepted alone is harmless anywhere; what is accepted together are as many files anywhere.
pub(crate) fn file_names(data: &[u8]) -> Outcome {
    let Ok(text) = std::str::from_utf8(data) else { return Outcome::Refused };
    let read: Vec<_> = text.split('\n').map(|line| (line, FileName::normalised(line))).collect();
    for (line, name) in &read {
        let as_it_is = FileName::try_from((*line).to_owned());
        match name {
            Ok(name) => {
                harmless(name.as_str());
                assert_eq!(as_it_is.is_ok(), name.as_str() == *line, "one spelling");
                assert_eq!(FileName::normalised(name.as_str()).as_ref(), Ok(name));
            }
            Err(_) => assert!(as_it_is.is_err(), "normalising only ever helps"),
        }
    }
    let Ok(names) = read.into_iter().map(|(_, name)| name).collect::<Result<Vec<_>, _>>() else {
        return Outcome::Refused;
    };
    if check_together(&names).is_err() {
        return Outcome::Refused;
    }
    for (place, one) in names.iter().enumerate() {
        for other in names.iter().skip(place + 1) {
            let (one, other) = (lower(one.as_str()), lower(other.as_str()));
            assert_ne!(one, other, "the same but for case");
            assert!(!inside(&one, &other) && !inside(&other, &one), "{one:?} and {other:?}");
        }
    }
    Outcome::Accepted
}

fn harmless(name: &str) {
    let turns = |c: char| matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    assert!(!name.chars().any(|c| c.is_control() || turns(c)), "{name:?}");
    assert!(!name.contains(['\\', ':', '*', '?', '"', '<', '>', '|']));
    for part in name.split('/') {
        assert!(!part.is_empty() && part.len() <= 255 && !part.ends_with(['.', ' ']));
        let stem = part.split('.').next().unwrap().trim_end_matches(' ').to_lowercase();
        let port = stem.strip_prefix("com").or(stem.strip_prefix("lpt")).unwrap_or("");
        let is_port = port.chars().count() == 1 && "0123456789\u{b9}\u{b2}\u{b3}".contains(port);
        assert!(!DEVICES.contains(&stem.as_str()) && !is_port, "{part:?}");
    }
}

/// Each character by itself, so that no sigma depends on what follows it.
fn lower(name: &str) -> String {
    name.chars().flat_map(char::to_lowercase).collect()
}

fn inside(folder: &str, name: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

pub(crate) fn sets() -> Vec<Vec<u8>> {
    [
        "report.pdf\ndata/run 1/out.csv\ndata/run 2/out.csv",
        "\u{5831}\u{544a}.pdf\n\u{3a3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}/\u{3b1}.txt\nStra\u{df}e",
        "e\u{301}\nE\n\u{130}stanbul\ni\u{131}",
        "console.log\ncom10\nlpt\nnull",
    ]
    .map(|names| names.as_bytes().to_vec())
    .to_vec()
}
