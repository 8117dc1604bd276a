//! Folders that are not as they should be: nothing is overwritten, and what is wrong is named.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::course::{Course, Folder, OTHER_SID, SID};
use crate::program::Program;

const CUHK: [&str; 3] = ["cuhk", "--listen", "127.0.0.1:0"];
const BLACKBOARD: [&str; 3] = ["blackboard", "--listen", "127.0.0.1:0"];

#[test]
fn files_of_somebody_else() {
    for (name, content, arguments, said) in [
        ("cuhk.cer", "hello", &CUHK[..], "cuhk.key"),
        ("cuhk.cer", "hello", &BLACKBOARD, "cannot be used: there is no certificate in PEM"),
        ("cuhk.cer", "hello", &["student", "enroll", "--sid", SID], "is not a root certificate"),
        ("cuhk.key", "hello", &CUHK, "is not a private key"),
        ("sealing.key", "hello", &BLACKBOARD, "sealing.key"),
        ("blackboard.key", "hello", &BLACKBOARD, "blackboard.key"),
        ("blackboard.invite", "hello", &BLACKBOARD, "begins with claim://"),
    ] {
        let folder = Folder::new();
        folder.write(name, content);
        fs::set_permissions(folder.path(name), Permissions::from_mode(0o600)).unwrap();
        folder.run(arguments).explains(1, &[name, said]);
        assert_eq!(folder.read(name), content, "{name} was changed");
    }
    for (name, arguments) in [("cuhk.db", CUHK), ("blackboard.db", BLACKBOARD)] {
        let folder = Folder::new();
        let text = "no database, but long enough for one. ".repeat(200);
        folder.write(name, &text);
        folder.run(&arguments).explains(1, &["records cannot be used", "damaged", "estore"]);
        assert_eq!(folder.read(name), text, "{name} was changed");
    }
    for (name, arguments) in [
        ("cuhk.cer", &CUHK[..]),
        ("cuhk.key", &CUHK),
        ("cuhk.cer", &BLACKBOARD),
        ("blackboard.key", &BLACKBOARD),
        ("sealing.key", &BLACKBOARD),
        ("cuhk.cer", &["student", "status"]),
    ] {
        let folder = Folder::new();
        fs::create_dir(folder.path(name)).unwrap();
        folder.run(arguments).explains(1, &[name]);
    }
}

#[test]
fn parts_of_a_cuhk() {
    let course = Course::new();
    let folder = &course.folder;
    course.cuhk().stop();
    for lost in ["cuhk.key", "cuhk.cer", "cuhk-issuing.key", "cuhk-issuing.cer"] {
        let kept = folder.read(lost);
        fs::remove_file(folder.path(lost)).unwrap();
        folder.run(&["cuhk"]).explains(1, &[lost, "Restore"]);
        assert!(!folder.has(lost), "nothing is made in its place");
        folder.write(lost, kept);
        fs::set_permissions(folder.path(lost), Permissions::from_mode(0o600)).unwrap();
    }
    course.cuhk().stop();
    fs::set_permissions(folder.path("cuhk.key"), Permissions::from_mode(0o644)).unwrap();
    folder.run(&["cuhk"]).explains(1, &["cuhk.key", "chmod 600"]);
}

#[test]
fn another_cuhks_root() {
    let course = Course::new();
    let (_cuhk, _blackboard) = course.servers();
    course.enrol(SID);
    let own = course.folder.read("cuhk.cer");
    let other = Course::new();
    other.cuhk().stop();
    course.folder.write("cuhk.cer", other.folder.read("cuhk.cer"));
    let done = course.folder.run(&["student", "enroll", "--sid", OTHER_SID]);
    done.explains(1, &["cuhk.cer is not the root of the CUHK at", "If CUHK was set up anew"]);
    let done = course.folder.run(&["student", "say", "--sid", SID, "x"]);
    done.explains(1, &[&format!("{SID}.cer"), "CUHK was probably set up anew"]);
    course.folder.write("cuhk.cer", own);
    course.folder.run(&["student", "say", "--sid", SID, "back again"]).expect(0);
}

#[test]
fn folders_that_cannot_be_used() {
    let folder = Folder::new();
    folder.write("file", "");
    for arguments in [&CUHK[..], &BLACKBOARD, &["student", "status"], &["blackboard", "messages"]] {
        let done = folder.run(&[arguments, &["--dir", "file"]].concat());
        assert!([1, 2].contains(&done.code) && done.err.contains("file"), "{}", done.err);
        assert!(done.err.contains("\n  what to do: "), "{}", done.err);
    }
    folder.run(&["blackboard", "messages", "--dir", "missing"]).explains(1, &["missing", "--dir"]);
    folder
        .run(&["cuhk", "list", "--dir", "missing"])
        .explains(1, &["no CUHK in", "`claim cuhk init`"]);
    folder.run(&["cuhk", "invite", "--sid", SID, "--dir", "missing"]).explains(1, &["no CUHK in"]);
    let done = folder.run(&["student", "status", "--dir", "missing"]).expect(0);
    assert!(done.out.contains("Nobody is enrolled in missing"), "{}", done.out);
    assert_eq!(folder.names(), ["file"]);
}

#[test]
fn a_folder_without_permission() {
    let course = Course::new();
    let folder = &course.folder;
    course.cuhk().stop();
    let closed = folder.path("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o555)).unwrap();
    for (arguments, name) in [
        (&CUHK[..], "cuhk.lock"),
        (&BLACKBOARD, "blackboard.lock"),
        (&["student", "enroll", "--sid", SID, "--root", "cuhk.cer"], SID),
    ] {
        let arguments = [arguments, &["--dir", "closed"]].concat();
        let done = Program::start(as_a_nobody(folder, &arguments)).end();
        done.explains(1, &["cannot create", name, "Permission denied"]);
    }
    assert_eq!(fs::read_dir(&closed).unwrap().count(), 0);
}

/// The program as a user who is not root, to whom nothing is forbidden.
fn as_a_nobody(folder: &Folder, arguments: &[&str]) -> Command {
    let told = Command::new("id").arg("-u").output().unwrap();
    if String::from_utf8_lossy(&told.stdout).trim() != "0" {
        return folder.command(arguments);
    }
    // Where the program was built, others may not look.
    // Another process copies it: one that this process has open for writing, if only for a moment, is open in
    // whatever the other tests start in that moment too, and cannot be run then ("Text file busy").
    let copy = folder.path("claim");
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_claim")).arg(&copy).status().unwrap();
    assert!(copied.success());
    for open in [folder.path(".."), folder.path(".")] {
        fs::set_permissions(open, Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(copy);
    const NOBODY: u32 = 65_534;
    command.args(arguments).env_clear().current_dir(folder.path(".")).uid(NOBODY).gid(NOBODY);
    command
}
