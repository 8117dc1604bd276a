//! Checkpoints (C2SP tlog-checkpoint v1.0.0): what a log says of itself, signed by the log and cosigned by witnesses.

mod keys;
mod signed;

pub use keys::{LogKey, LogSigner, WitnessKey, WitnessSigner};
pub use signed::{CheckpointError, Cosigned, LogSigned, SignedCheckpoint};

use std::fmt;
use std::str::FromStr;

use crate::text::decode_hash;
use crate::tree::TreeHead;

/// The body of a checkpoint: which log, how large, which root.
///
/// `Display` and `FromStr` are the text of the note, with its final newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
    extensions: Vec<String>,
}

/// Why the text of a note is not that of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// There are fewer than three lines, or the last does not end.
    #[error("a checkpoint has three lines at least: origin, size, root")]
    TooShort,
    /// A line is empty.
    #[error("a checkpoint has no empty lines")]
    EmptyLine,
    /// The origin has a control character.
    #[error("the checkpoint has a control character")]
    Control,
    /// The second line is not a size.
    #[error(
        "the second line of a checkpoint is its size, decimal without leading zeroes, below 2^63"
    )]
    Size,
    /// The third line is not a hash.
    #[error("the third line of a checkpoint is its root, 32 octets in base64")]
    Root,
}

impl Checkpoint {
    /// The log's own name for itself.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Size and root.
    pub const fn head(&self) -> TreeHead {
        self.head
    }

    /// The lines after the root: opaque, not audited by anybody, and none in our own logs.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl FromStr for Checkpoint {
    type Err = BodyError;

    fn from_str(text: &str) -> Result<Self, BodyError> {
        if text.contains(|character: char| character < ' ' && character != '\n') {
            return Err(BodyError::Control);
        }
        let text = text.strip_suffix('\n').ok_or(BodyError::TooShort)?;
        let mut lines = text.split('\n');
        let mut next = || lines.next().ok_or(BodyError::TooShort);
        let (origin, size, root) = (next()?, next()?, next()?);
        let extensions: Vec<_> = lines.map(str::to_owned).collect();
        if origin.is_empty() || extensions.iter().any(String::is_empty) {
            return Err(BodyError::EmptyLine);
        }
        let size = size.parse().map_err(|_| BodyError::Size)?;
        let root = decode_hash(root).ok_or(BodyError::Root)?;
        Ok(Self { origin: origin.to_owned(), head: TreeHead { size, root }, extensions })
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.head.size, self.head.root)?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    const BODY: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn the_published_example() {
        let checkpoint: Checkpoint = BODY.parse().unwrap();
        assert_eq!(checkpoint.origin(), "example.com/behind-the-sofa");
        assert_eq!(checkpoint.head().size.value(), 20_852_163);
        assert!(checkpoint.extensions().is_empty());
        assert_eq!(checkpoint.to_string(), BODY);
        let longer = format!("{BODY}one\n two \n");
        let checkpoint: Checkpoint = longer.parse().unwrap();
        assert_eq!(checkpoint.extensions(), ["one", " two "]);
        assert_eq!(checkpoint.to_string(), longer);
    }

    #[test]
    fn what_is_not_a_checkpoint() {
        let with_size = |size: &str| BODY.replace("20852163", size);
        let with_root =
            |root: &str| BODY.replace("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=", root);
        let rows = [
            (String::new(), BodyError::TooShort),
            ("\n".to_owned(), BodyError::TooShort),
            ("a\n1\n".to_owned(), BodyError::TooShort),
            (BODY.trim_end().to_owned(), BodyError::TooShort),
            (format!("\n{}", BODY.split_once('\n').unwrap().1), BodyError::EmptyLine),
            (format!("{BODY}\n"), BodyError::EmptyLine),
            (format!("{BODY}a\n\nb\n"), BodyError::EmptyLine),
            (BODY.replace('\n', "\r\n"), BodyError::Control),
            (with_size(""), BodyError::Size),
            (with_size("020852163"), BodyError::Size),
            (with_size("+1"), BodyError::Size),
            (with_size("-1"), BodyError::Size),
            (with_size("1 "), BodyError::Size),
            (with_size("9223372036854775808"), BodyError::Size),
            (with_size(&"9".repeat(100_000)), BodyError::Size),
            (with_root(""), BodyError::Root),
            (with_root("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I"), BodyError::Root),
            (with_root("CsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I="), BodyError::Root),
            (with_root("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J="), BodyError::Root),
            (with_root("AAAA"), BodyError::Root),
        ];
        for (text, expected) in rows {
            assert_eq!(text.parse::<Checkpoint>(), Err(expected), "{text:.100}");
        }
    }
}
