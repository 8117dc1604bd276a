//! Paths in the program's own JSON files: text where they are UTF-8, their bytes otherwise. A folder's name need not be
//! text, and whoever works there hands in like everybody else.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Bytes(Vec<u8>),
}

impl Stored {
    fn of(path: &Path) -> Self {
        match path.to_str() {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Bytes(path.as_os_str().as_bytes().to_vec()),
        }
    }

    fn path(self) -> PathBuf {
        match self {
            Self::Text(text) => text.into(),
            Self::Bytes(bytes) => OsString::from_vec(bytes).into(),
        }
    }
}

pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    Stored::of(path).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<PathBuf, D::Error> {
    Ok(Stored::deserialize(input)?.path())
}

/// The same for several.
pub(super) mod list {
    use super::{Deserialize, Deserializer, PathBuf, Serializer, Stored};

    pub(in crate::hand_in) fn serialize<S: Serializer>(
        paths: &[PathBuf],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().map(|path| Stored::of(path)))
    }

    pub(in crate::hand_in) fn deserialize<'de, D: Deserializer<'de>>(
        input: D,
    ) -> Result<Vec<PathBuf>, D::Error> {
        let stored = Vec::<Stored>::deserialize(input)?;
        Ok(stored.into_iter().map(Stored::path).collect())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct File {
        #[serde(with = "super")]
        one: PathBuf,
        #[serde(with = "super::list")]
        many: Vec<PathBuf>,
    }

    #[test]
    fn text_stays_text_and_other_names_come_back_as_they_were() {
        let odd = PathBuf::from(OsString::from_vec(b"/home/r\xe9my".to_vec()));
        let file = File { one: odd.clone(), many: vec!["/home/r\u{e9}my".into(), odd] };
        let text = serde_json::to_vec(&file).unwrap();
        assert_eq!(claim_core::json::from_slice::<File>(&text).unwrap(), file);
        assert!(String::from_utf8(text).unwrap().contains("[\"/home/r\u{e9}my\",["));
    }
}
