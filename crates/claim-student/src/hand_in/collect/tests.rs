#![allow(clippy::unwrap_used, reason = "a test panics to fail")]
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use claim_core::{Digest, Origin};
use tempfile::TempDir;

use super::*;
use crate::config::Config;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn collected(paths: &[PathBuf]) -> Result<Collected, CollectError> {
    let folder = tempfile::tempdir().unwrap();
    let here = "https://localhost:1".parse::<Origin>().unwrap();
    let config = Config::new(folder.path(), here.clone(), here);
    collect(paths, &Student::new(config, Arc::new(|_| {})))
}

fn names(collected: &Collected) -> Vec<&str> {
    collected.files().entries().iter().map(|entry| entry.name().as_str()).collect()
}

#[test]
fn a_folder_with_its_relative_paths_in_order() {
    let root =
        folder(&[("data/z", "z"), ("data/a/b", "ab"), ("data/a.txt", ""), ("report.pdf", "r")]);
    let paths = ["report.pdf", "data"].map(|name| root.path().join(name));
    let collected = collected(&paths).unwrap();
    assert_eq!(names(&collected), ["data/a.txt", "data/a/b", "data/z", "report.pdf"]);
    for (entry, source) in collected.files().entries().iter().zip(collected.sources()) {
        let content = fs::read(source).unwrap();
        assert_eq!((entry.sha256(), entry.size()), (Digest::of(&content), content.len() as u64));
    }
    assert!(collected.left_out().is_empty());
}

#[test]
fn a_folder_named_by_a_dot_has_no_name_of_its_own() {
    let root = folder(&[("data/b", "1")]);
    let here = collected(&[root.path().join("data/..")]).unwrap();
    assert_eq!(names(&here), ["data/b"]);
    let named = collected(&[root.path().join("data/")]).unwrap();
    assert_eq!(names(&named), ["data/b"]);
}

#[test]
fn what_is_left_out_is_told() {
    let litter = [("d/.DS_Store", "x"), ("d/Thumbs.db", "x"), ("d/e/desktop.ini", "x")];
    let root = folder(&[&litter[..], &[("d/kept", "x")]].concat());
    symlink("/etc/passwd", root.path().join("d/link")).unwrap();
    symlink(root.path(), root.path().join("d/loop")).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(root.path().join("d/socket")).unwrap();
    let collected = collected(&[root.path().join("d")]).unwrap();
    drop(socket);
    assert_eq!(names(&collected), ["d/kept"]);
    let mut left_out: Vec<_> = collected
        .left_out()
        .iter()
        .map(|one| (one.path.file_name().unwrap().to_str().unwrap(), one.why.clone()))
        .collect();
    left_out.sort_by_key(|(name, _)| *name);
    assert_eq!(
        left_out,
        [
            (".DS_Store", WhyLeftOut::Litter),
            ("Thumbs.db", WhyLeftOut::Litter),
            ("desktop.ini", WhyLeftOut::Litter),
            ("link", WhyLeftOut::SymbolicLink),
            ("loop", WhyLeftOut::SymbolicLink),
            ("socket", WhyLeftOut::NotAFile),
        ]
    );
}

#[test]
fn what_was_named_is_never_left_out() {
    let root = folder(&[("file", "x")]);
    symlink("file", root.path().join("link")).unwrap();
    assert_eq!(names(&collected(&[root.path().join("link")]).unwrap()), ["link"]);
    let missing = collected(&[root.path().join("missing")]).unwrap_err();
    assert!(matches!(missing, CollectError::Unreadable { .. }), "{missing}");
    assert!(missing.to_string().contains("missing"));
    let device = collected(&[PathBuf::from("/dev/null")]).unwrap_err();
    assert!(matches!(device, CollectError::NotAFile { .. }), "{device}");
    let empty = folder(&[]);
    let none = collected(&[empty.path().to_owned()]).unwrap_err();
    assert!(matches!(none, CollectError::Files(FilesError::None)), "{none}");
}

#[test]
fn what_cannot_be_read_is_left_out_of_a_folder_only() {
    let root = folder(&[("d/open", "x"), ("d/closed", "x")]);
    let closed = root.path().join("d/closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    if File::open(&closed).is_ok() {
        return; // Whoever may read everything leaves nothing out.
    }
    let found = collected(&[root.path().join("d")]).unwrap();
    assert_eq!(names(&found), ["d/open"]);
    assert!(matches!(found.left_out()[0].why, WhyLeftOut::Unreadable { .. }));
    assert!(matches!(collected(&[closed]), Err(CollectError::Unreadable { .. })));
}

#[test]
fn names_come_in_form_c_and_refused_ones_all_at_once() {
    let root = folder(&[("d/e\u{301}", "x")]);
    assert_eq!(names(&collected(&[root.path().join("d")]).unwrap()), ["d/\u{e9}"]);
    let root =
        folder(&[("d/a:b", "x"), ("d/CON.txt", "x"), ("d/fine", "x"), ("d/x\u{202e}y", "x")]);
    fs::write(root.path().join("d").join(OsStr::from_bytes(b"\xff")), "x").unwrap();
    let error = collected(&[root.path().join("d")]).unwrap_err();
    let CollectError::Names(refused) = &error else { panic!("{error}") };
    assert_eq!(refused.len(), 4);
    let text = error.to_string();
    for part in ["a:b", "CON.txt", "\\u{202e}", "UTF-8", "4 file names"] {
        assert!(text.contains(part), "{part:?} is not in {text}");
    }
    assert!(!text.contains('\u{202e}') && !text.contains("fine"), "{text}");
    let error = collected(&[folder(&[("d/a", "x"), ("d/A", "x")]).path().join("d")]);
    assert!(matches!(
        error,
        Err(CollectError::Files(FilesError::Collision(_)) | CollectError::Unreadable { .. })
    ));
}
