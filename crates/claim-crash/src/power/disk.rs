//! A folder as a disk has it: what is there while the power is on, and what is there after it was cut.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::trace::Call;
use super::{Moment, Trace};

/// A sync that the server does, left out of what is done again: as though the program had forgotten it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removed {
    /// None: what was recorded.
    Nothing,
    /// Of the database's files.
    Database,
    /// Of the content of objects.
    ObjectContent,
    /// Of the folders of objects.
    ObjectNames,
}

/// A folder of a disk.
#[derive(Clone, Debug)]
pub struct Disk {
    folder: PathBuf,
    files: Vec<Content>,
    live: BTreeMap<PathBuf, Node>,
    durable: BTreeMap<PathBuf, Node>,
    /// What files had when the sync began that each thread is in.
    syncing: HashMap<u32, Syncing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Clone, Debug, Default)]
struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Syncing {
    Content { file: usize, then: Vec<u8> },
    Names { folder: PathBuf, then: BTreeMap<PathBuf, Node> },
}

impl Disk {
    /// The folder as it is now, all of it durable.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let mut disk = Self {
            folder: folder.to_owned(),
            files: Vec::new(),
            live: BTreeMap::new(),
            durable: BTreeMap::new(),
            syncing: HashMap::new(),
        };
        disk.read(folder)?;
        disk.durable = disk.live.clone();
        Ok(disk)
    }

    fn read(&mut self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.live.insert(path.clone(), Node::Folder);
                self.read(&path)?;
            } else {
                let octets = fs::read(&path)?;
                self.files.push(Content { live: octets.clone(), durable: octets });
                self.live.insert(path, Node::File(self.files.len() - 1));
            }
        }
        Ok(())
    }

    /// The names below this folder are there and not durable yet: whoever made them was killed before the sync.
    pub fn forget_names_below(&mut self, folder: &Path) {
        self.durable.retain(|path, _| path == folder || !path.starts_with(folder));
    }

    /// Does again what was done until this moment.
    pub fn run(&mut self, trace: &Trace, until: Moment, removed: Removed) {
        for (at, call) in &trace.calls {
            if *at <= until {
                self.call(call, removed);
            }
        }
    }

    fn call(&mut self, call: &Call, removed: Removed) {
        match call {
            Call::Open { path, create, truncate } => {
                if *create && self.is_inside(path) && !self.live.contains_key(path) {
                    self.files.push(Content::default());
                    self.live.insert(path.clone(), Node::File(self.files.len() - 1));
                }
                if *truncate && let Some(content) = self.file(path) {
                    content.live.clear();
                }
            }
            Call::Write { path, offset, octets } => {
                let Some(content) = self.file(path) else { return };
                let start = offset.unwrap_or(content.live.len());
                let end = start + octets.len();
                if content.live.len() < end {
                    content.live.resize(end, 0);
                }
                content.live.splice(start..end, octets.iter().copied());
            }
            Call::Truncate { path, length } => {
                if let Some(content) = self.file(path) {
                    content.live.resize(*length, 0);
                }
            }
            Call::Rename { from, to } => {
                if let Some(node) = self.live.remove(from) {
                    self.live.insert(to.clone(), node);
                }
            }
            Call::Link { from, to } => {
                if let Some(node) = self.live.get(from).copied() {
                    self.live.insert(to.clone(), node);
                }
            }
            Call::Remove { path } => _ = self.live.remove(path),
            Call::Folder { path } => {
                if self.is_inside(path) {
                    self.live.insert(path.clone(), Node::Folder);
                }
            }
            Call::SyncBegins { thread, path } => self.sync_begins(*thread, path, removed),
            Call::SyncEnds { thread } => self.sync_ends(*thread),
        }
    }

    fn sync_begins(&mut self, thread: u32, path: &Path, removed: Removed) {
        self.syncing.remove(&thread);
        let node = self.live.get(path).copied();
        let object = path.starts_with(self.folder.join("objects"));
        let syncing = match node {
            Some(Node::File(file)) => {
                let database = path.to_string_lossy().contains(".db");
                if (removed == Removed::Database && database)
                    || (removed == Removed::ObjectContent && object)
                {
                    return;
                }
                let then = self.files.get(file).map(|content| content.live.clone());
                Syncing::Content { file, then: then.unwrap_or_default() }
            }
            Some(Node::Folder) | None => {
                if (node.is_none() && path != self.folder)
                    || (removed == Removed::ObjectNames && object)
                {
                    return;
                }
                let names = self.live.iter().filter(|(name, _)| name.parent() == Some(path));
                let then = names.map(|(name, node)| (name.clone(), *node)).collect();
                Syncing::Names { folder: path.to_owned(), then }
            }
        };
        self.syncing.insert(thread, syncing);
    }

    fn sync_ends(&mut self, thread: u32) {
        match self.syncing.remove(&thread) {
            Some(Syncing::Content { file, then }) => {
                if let Some(content) = self.files.get_mut(file) {
                    content.durable = then;
                }
            }
            Some(Syncing::Names { folder, then }) => {
                self.durable.retain(|name, _| {
                    name.parent() != Some(folder.as_path()) || then.contains_key(name)
                });
                self.durable.extend(then);
            }
            None => {}
        }
    }

    fn is_inside(&self, path: &Path) -> bool {
        path.starts_with(&self.folder)
    }

    fn file(&mut self, path: &Path) -> Option<&mut Content> {
        match self.live.get(path)? {
            Node::File(file) => self.files.get_mut(*file),
            Node::Folder => None,
        }
    }

    /// The power is cut: writes what is left into the folder, in place of what was there.
    ///
    /// The file in which SQLite's processes share memory is left out: it is not for the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn cut(&self) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt as _;
        fs::remove_dir_all(&self.folder)?;
        fs::create_dir(&self.folder)?;
        // Ascending: a folder comes before what is in it. What is in a folder that is lost is lost.
        for (path, node) in &self.durable {
            if !path.parent().is_some_and(Path::is_dir) {
                continue;
            }
            match node {
                Node::Folder => fs::create_dir(path)?,
                Node::File(_) if path.to_string_lossy().ends_with("-shm") => {}
                Node::File(file) => {
                    let octets = self.files.get(*file).map(|content| content.durable.as_slice());
                    fs::write(path, octets.unwrap_or_default())?;
                    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    /// A file is written, synced, linked and unlinked, and its folder synced: each step as one call.
    #[test]
    fn what_is_left_is_what_was_synced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let sync =
            |path: PathBuf| [Call::SyncBegins { thread: 1, path }, Call::SyncEnds { thread: 1 }];
        let mut calls = vec![
            Call::Folder { path: path("objects") },
            Call::Open { path: path("objects/0#1"), create: true, truncate: false },
            Call::Write { path: path("objects/0#1"), offset: None, octets: b"hi".to_vec() },
        ];
        calls.extend(sync(path("objects/0#1")));
        calls.push(Call::Link { from: path("objects/0#1"), to: path("objects/0") });
        calls.push(Call::Remove { path: path("objects/0#1") });
        calls.extend(sync(path("objects")));
        calls.extend(sync(folder.path().to_owned()));
        let left = |count: usize, removed| {
            let mut disk = Disk::of(folder.path()).unwrap();
            for call in calls.iter().take(count) {
                disk.call(call, removed);
            }
            disk.cut().unwrap();
            let found = fs::read(path("objects/0")).ok();
            fs::remove_dir_all(folder.path()).unwrap();
            fs::create_dir(folder.path()).unwrap();
            found
        };
        assert_eq!(left(calls.len(), Removed::Nothing).unwrap(), b"hi");
        assert_eq!(left(calls.len() - 2, Removed::Nothing), None, "the folder's own name is lost");
        assert_eq!(left(calls.len(), Removed::ObjectNames), None);
        assert_eq!(left(calls.len(), Removed::ObjectContent).unwrap(), b"");
    }
}
