//! Text of strangers, made safe for a terminal.

use std::fmt::{self, Write};

/// Shows a text on one line, with everything escaped that could move the cursor, change colours, hide
/// characters or turn the reading direction: controls, line separators, bidirectional and tag characters.
///
/// A backslash is doubled, so that an escape in the output is always one that this type made.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a str);

/// JSON in which strings hold the same, and nothing that [`Escaped`] would escape stands as it is.
#[derive(Clone, Copy, Debug)]
pub struct EscapedJson<'a>(pub &'a str);

impl fmt::Display for EscapedJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| {
            if !is_unsafe(c) {
                return f.write_char(c);
            }
            // Such characters stand in strings only, where RFC 8259 §7 has an escape for each UTF-16 unit.
            c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}"))
        })
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\\' => f.write_str("\\\\"),
            '\n' => f.write_str("\\n"),
            '\t' => f.write_str("\\t"),
            c if is_unsafe(c) => write!(f, "\\u{{{:x}}}", u32::from(c)),
            c => f.write_char(c),
        })
    }
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_text_stays_as_it_is() {
        let text = "我交了 naïve 👩‍👩‍👧 report — done!";
        assert_eq!(Escaped(text).to_string(), text);
    }

    #[test]
    fn what_could_deceive_is_escaped() {
        assert_eq!(
            Escaped("a\x1b[31mb\r\nc\u{202e}d\\n").to_string(),
            "a\\u{1b}[31mb\\u{d}\\nc\\u{202e}d\\\\n"
        );
        assert_eq!(Escaped("\u{9b}\u{feff}\u{2028}").to_string(), "\\u{9b}\\u{feff}\\u{2028}");
    }

    proptest! {
        #[test]
        fn one_line_without_controls(text: String) {
            prop_assert!(!Escaped(&text).to_string().chars().any(is_unsafe));
        }
    }
}
