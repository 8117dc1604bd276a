//! The lines of the list of sums, and the names in it.

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use claim_core::Digest;
use claim_files::Mode;

use super::BackupError;

/// The path of a file in a backup: relative, below the folder, one line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(PathBuf);

/// A file and its sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: Name,
    pub(super) sum: Digest,
}

impl Name {
    pub(super) fn parse(text: &str) -> Result<Self, BackupError> {
        let path = PathBuf::from(text);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        // `sha256sum` writes these in another way.
        let plain = !text.is_empty() && !text.contains(['\\', '\n', '\r']);
        if inside && plain {
            Ok(Self(path))
        } else {
            Err(BackupError::Name { name: text.to_owned() })
        }
    }

    pub(super) fn as_path(&self) -> &Path {
        &self.0
    }

    /// Certificates are for everybody; all else is for the server alone, whatever the medium made of it.
    pub(super) fn mode(&self) -> Mode {
        let is_certificate = self.0.extension().is_some_and(|extension| extension == "cer");
        if is_certificate { Mode::Public } else { Mode::Private }
    }
}

impl Listed {
    /// As `sha256sum` has it.
    pub(super) fn line(&self) -> String {
        format!("{}  {}\n", self.sum, self.name.0.display())
    }
}

impl FromStr for Listed {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let (sum, name) = line.split_once("  ").ok_or(())?;
        let sum = sum.parse().map_err(|_| ())?;
        Ok(Self { name: Name::parse(name).map_err(|_| ())?, sum })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let name = Name::parse("objects/claims/ab/cd.0.0").unwrap();
        let one = Listed { name, sum: Digest::of(b"x") };
        assert_eq!(one.line().trim_end().parse(), Ok(one));
    }

    #[test]
    fn names_stay_in_the_folder() {
        for name in ["", "/etc/passwd", "../cuhk.key", "a/../../b", "a\nb", "a\\b"] {
            assert!(Name::parse(name).is_err(), "{name:?}");
        }
        for line in ["", "x  y", &format!("{} y", Digest::of(b"x"))] {
            assert!(line.parse::<Listed>().is_err(), "{line:?}");
        }
    }
}
