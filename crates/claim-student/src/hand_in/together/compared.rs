//! Files on this disk beside those that a claim lists.

use std::collections::BTreeMap;

use claim_core::claim::{FileEntry, FileName, Files};

/// What was found when files were compared with those that a claim lists, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// The files that are the same.
    pub same: Vec<FileName>,
    /// The files whose content is another.
    pub changed: Vec<FileName>,
    /// The files that the claim lists and that are not here.
    pub gone: Vec<FileName>,
    /// The files that the claim does not list.
    pub new: Vec<FileName>,
}

impl Compared {
    pub(super) fn new(claimed: &Files, here: &Files) -> Self {
        let mut listed: BTreeMap<&FileName, &FileEntry> =
            claimed.entries().iter().map(|entry| (entry.name(), entry)).collect();
        let mut compared = Self::default();
        for entry in here.entries() {
            let list = match listed.remove(entry.name()) {
                Some(claimed) if claimed.same_content(entry) => &mut compared.same,
                Some(_) => &mut compared.changed,
                None => &mut compared.new,
            };
            list.push(entry.name().clone());
        }
        compared.gone = listed.into_keys().cloned().collect();
        compared
    }

    /// Whether nothing contradicts the claim: what is here is as it lists it, though not all of it need be here.
    pub fn agrees(&self) -> bool {
        self.changed.is_empty() && self.new.is_empty()
    }

    /// Whether these are the very files that the claim lists.
    pub fn is_complete(&self) -> bool {
        self.agrees() && self.gone.is_empty()
    }
}
