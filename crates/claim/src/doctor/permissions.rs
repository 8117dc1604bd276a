//! Who can read what is private, and whose it is.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::finding::Findings;
use super::place::{Kind, Place};
use crate::cli::Check;

/// What else is private beside the files whose names end in `.key`.
const PRIVATE: [&str; 4] = ["cuhk.db", "blackboard.db", "witness.db", "blackboard.invite"];

/// Who may do what with a file, and whose it is.
#[derive(Clone, Copy)]
struct Access {
    mode: u32,
    owner: u32,
}

impl Access {
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self { mode: metadata.mode() & 0o7777, owner: metadata.uid() })
    }

    fn is_open(self) -> bool {
        self.mode & 0o077 != 0
    }
}

pub(super) fn look(place: &Place, findings: &mut Findings) {
    let Some(folder) = Access::of(&place.dir) else { return };
    let mut well = true;
    // A student's folder may be the one that the work is in.
    if folder.is_open() && !matches!(place.kind, Kind::Person(_)) {
        well = false;
        let dir = place.dir.display();
        findings.warning(
            Check::Permissions,
            format!("{dir} can be entered by others (mode {:04o}).", folder.mode),
            "Its private files are closed to them, but their names and the public ones are not.",
            format!("chmod 700 {dir}"),
        );
    }
    let files = private(place);
    for path in &files {
        if let Some(file) = Access::of(path) {
            well &= judge(&place.dir, folder, path, file, findings);
        }
    }
    if well {
        let what = match files.len() {
            1 => "The private file is for its owner alone.".to_owned(),
            count => format!("The {count} private files are for their owner alone."),
        };
        findings.well(Check::Permissions, what);
    }
}

/// Whether a private file is as it should be.
fn judge(dir: &Path, folder: Access, path: &Path, file: Access, findings: &mut Findings) -> bool {
    let (dir, name) = (dir.display(), path.display());
    if file.is_open() {
        findings.wrong(
            Check::Permissions,
            format!("{name} can be read or changed by others (mode {:04o}).", file.mode),
            "Servers refuse such a key; whoever has read it can do what its owner can.",
            format!("chmod 600 {name}; if somebody may have read it, the drills of OPERATIONS.md"),
        );
    }
    if file.owner != folder.owner {
        findings.wrong(
            Check::Permissions,
            format!("{name} belongs to another user than {dir}."),
            format!(
                "The file is user {}'s, the folder user {}'s, as whom the server runs.",
                file.owner, folder.owner
            ),
            format!("chown --reference={dir} {name}"),
        );
    }
    !file.is_open() && file.owner == folder.owner
}

/// Keys, records and codes of this program.
fn private(place: &Place) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(&place.dir).into_iter().flatten().flatten();
    let mine = |name: &str| match &place.kind {
        Kind::Cuhk { .. } => name.starts_with("cuhk"),
        Kind::Witness => name.starts_with("witness"),
        Kind::Person(id) => name.starts_with(&format!("{id}.")),
        Kind::Blackboard(_) => {
            name.starts_with("blackboard")
                || ["sealing.key", "timestamp.key", "timestamp-next.key", "log.key"].contains(&name)
        }
    };
    let is_private = |name: &str| name.ends_with(".key") || PRIVATE.contains(&name);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| mine(name) && is_private(name)).collect();
    names.sort();
    names.into_iter().map(|name| place.path(&name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;

    #[test]
    fn a_private_file_is_its_owners_alone_and_that_is_the_folders() {
        let folder = Access { mode: 0o700, owner: 998 };
        for (mode, owner, wrong) in [
            (0o600, 998, 0),
            (0o400, 998, 0),
            (0o640, 998, 1),
            (0o604, 998, 1),
            (0o600, 0, 1),
            (0o666, 0, 2),
        ] {
            let mut findings = Findings::default();
            let file = Access { mode, owner };
            let well =
                judge(Path::new("/srv"), folder, Path::new("/srv/cuhk.key"), file, &mut findings);
            assert_eq!(
                (well, findings.count(Verdict::Wrong)),
                (wrong == 0, wrong),
                "{mode:o} {owner}"
            );
        }
    }
}
