//! `claim verify`: what a receipt proves. Reads files, asks nobody.

mod folder;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use claim_core::claim::{FileEntry, FileHasher, FileName};
use claim_core::receipt::{Evidence, MAX_RECEIPT, Report, Verdict, verify};
use claim_pki::{RevocationList, Root};

use super::Context;
use crate::cli::VerifyArgs;
use crate::exit::Exit;
use crate::words;

/// How much of a file is in memory at a time, in bytes.
const BUFFER: usize = 256 * 1024;
/// The most revocation lists in one file.
const MAX_LISTS: usize = 16;
/// The largest root certificate file that is read, in bytes.
const MAX_ROOT: u64 = 1024 * 1024;

/// What was judged by which root, and the result.
pub(crate) struct Judged {
    root: Root,
    pub(crate) report: Report,
}

/// Says what a receipt proves.
pub(crate) fn run(arguments: &VerifyArgs, context: &Context) -> Result<Exit> {
    let root_path = arguments.root.clone().unwrap_or_else(|| context.server_dir().join("cuhk.cer"));
    if arguments.receipt.is_dir() {
        return folder::run(arguments, &root_path, context);
    }
    let Judged { root, report } = match judge(arguments, &root_path)? {
        Ok(judged) => judged,
        Err(ambiguous) => {
            let advice = "Name it with its folder, as it was handed in.";
            context.terminal.failure(&ambiguous, None, advice);
            return Ok(Exit::Usage);
        }
    };
    let subject =
        words::verify::Subject { receipt: &arguments.receipt, root: &root_path, trust: &root };
    let (text, document) =
        (words::verify::text(&subject, &report), words::verify::json(&subject, &report));
    context.terminal.result(&text, &document);
    Ok(match report.verdict() {
        Verdict::Verified => Exit::Done,
        Verdict::Incomplete => Exit::Incomplete,
        Verdict::NotVerified => Exit::NotVerified,
    })
}

/// Judges a receipt, with the files that were named; inside, the sentence that says which path could be several of
/// the claim's files.
pub(crate) fn judge(arguments: &VerifyArgs, root: &Path) -> Result<Result<Judged, String>> {
    let root = read_root(root)?;
    let receipt = read_some(&arguments.receipt, MAX_RECEIPT as u64 + 1)?;
    let mut newer_lists = Vec::new();
    for path in &arguments.crl {
        newer_lists.extend(read_lists(path)?);
    }
    let judge = |files: &[FileEntry]| {
        verify(&Evidence {
            receipt: &receipt,
            root: &root,
            files,
            witness: arguments.witness.as_ref(),
            newer_lists: &newer_lists,
        })
    };
    let report = judge(&[]);
    // Which file is which can only be told when it is known what was claimed; and where the claim does not hold,
    // nothing is gained by reading gigabytes.
    let report = match claimed_names(&report) {
        Some(names) if !arguments.files.is_empty() => {
            let given = match name_files(&arguments.files, &names)? {
                Ok(given) => given,
                Err(ambiguous) => return Ok(Err(ambiguous)),
            };
            let files: Result<Vec<FileEntry>> =
                given.into_iter().map(|(path, name)| hash(&path, name)).collect();
            judge(&files?)
        }
        _ => report,
    };
    Ok(Ok(Judged { root, report }))
}

fn claimed_names(report: &Report) -> Option<BTreeSet<FileName>> {
    let claim = report.claim.as_ref()?;
    Some(claim.manifest.files.entries().iter().map(|entry| entry.name().clone()).collect())
}

/// Reads a file, but no more of it than that.
pub(super) fn read_some(path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| unreadable(path))?;
    file.take(most).read_to_end(&mut bytes).with_context(|| unreadable(path))?;
    Ok(bytes)
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", words::verify::shown(path))
}

pub(super) fn read_root(path: &Path) -> Result<Root> {
    let bytes = read_some(path, MAX_ROOT).context(
        "the root certificate of CUHK is needed, from CUHK itself or somebody you trust (--root)",
    )?;
    let root = match std::str::from_utf8(&bytes) {
        Ok(text) if text.contains("-----BEGIN") => Root::from_pem(text),
        _ => Root::from_der(&bytes),
    };
    root.with_context(|| format!("{} is not a root certificate", words::verify::shown(path)))
}

fn read_lists(path: &Path) -> Result<Vec<RevocationList>> {
    let bytes = read_some(path, 2 * RevocationList::MAX_SIZE as u64)?;
    let lists = match std::str::from_utf8(&bytes) {
        Ok(text) if text.contains("-----BEGIN") => RevocationList::all_from_pem(text, MAX_LISTS),
        _ => RevocationList::from_der(&bytes).map(|list| vec![list]),
    };
    lists.with_context(|| format!("{} is not a revocation list", words::verify::shown(path)))
}

/// The files at these paths with the names by which the claim knows them; inside, the sentence that says which path
/// could be several.
fn name_files(
    paths: &[PathBuf],
    names: &BTreeSet<FileName>,
) -> Result<Result<Vec<(PathBuf, FileName)>, String>> {
    let mut files = Vec::new();
    for path in paths {
        for file in regular_files(path)? {
            match name_of(&file, names)? {
                Ok(name) => files.push((file, name)),
                Err(ambiguous) => return Ok(Err(ambiguous)),
            }
        }
    }
    Ok(Ok(files))
}

/// A file itself; of a folder, the files in it, without following symbolic links.
fn regular_files(path: &Path) -> Result<Vec<PathBuf>> {
    let metadata = fs::metadata(path).with_context(|| unreadable(path))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let (mut folders, mut files) = (vec![path.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| unreadable(&folder))? {
            let entry = entry.with_context(|| unreadable(&folder))?;
            let kind = entry.file_type().with_context(|| unreadable(&entry.path()))?;
            match (kind.is_dir(), kind.is_file()) {
                (true, _) => folders.push(entry.path()),
                (_, true) => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The longest end of the path that is a claimed name; else the claimed name with this file name, if there is only
/// one; else the file name itself, which the claim does not know.
fn name_of(path: &Path, names: &BTreeSet<FileName>) -> Result<Result<FileName, String>> {
    let segments: Vec<String> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy().into_owned()),
            _ => None,
        })
        .collect();
    let own = |from: usize| {
        let end = segments.get(from..).unwrap_or_default().join("/");
        FileName::normalised(&end).ok()
    };
    if let Some(name) = (0..segments.len()).filter_map(own).find(|name| names.contains(name)) {
        return Ok(Ok(name));
    }
    let no_name = || anyhow!("{} has no name that can be handed in", words::verify::shown(path));
    let own = segments.len().checked_sub(1).and_then(own).ok_or_else(no_name)?;
    let end = format!("/{own}");
    let fitting: Vec<&FileName> =
        names.iter().filter(|name| name.as_str().ends_with(&end)).collect();
    Ok(match fitting.as_slice() {
        [] => Ok(own),
        [one] => Ok((*one).clone()),
        [one, other, ..] => {
            Err(format!("{} could be {one} or {other}", words::verify::shown(path)))
        }
    })
}

fn hash(path: &Path, name: FileName) -> Result<FileEntry> {
    let mut file = File::open(path).with_context(|| unreadable(path))?;
    let (mut hasher, mut buffer) = (FileHasher::new(), vec![0; BUFFER]);
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish(name)?),
            Ok(length) => hasher.update(buffer.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).with_context(|| unreadable(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn which_file_is_which() {
        let names: BTreeSet<FileName> =
            ["report.pdf", "a/x.txt", "b/x.txt", "c/y.txt", "c/report.pdf"]
                .map(|name| FileName::normalised(name).unwrap())
                .into();
        let name = |path: &str| {
            name_of(Path::new(path), &names).unwrap().map(|name| name.as_str().to_owned())
        };
        for (path, expected) in [
            ("report.pdf", "report.pdf"),
            ("/home/me/report.pdf", "report.pdf"),
            ("./c/report.pdf", "c/report.pdf"),
            ("/tmp/a/x.txt", "a/x.txt"),
            ("../y.txt", "c/y.txt"),
            ("elsewhere/y.txt", "c/y.txt"),
            ("other.txt", "other.txt"),
        ] {
            assert_eq!(name(path), Ok(expected.to_owned()), "{path}");
        }
        assert!(name("x.txt").unwrap_err().contains("a/x.txt or b/x.txt"));
        assert!(name_of(Path::new("/"), &names).is_err());
        assert!(name_of(Path::new("a\u{202e}b"), &names).is_err());
    }
}
