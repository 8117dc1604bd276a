//! Renewals that are cut off, and claims that wait for their files meanwhile.

use std::process::Command;

use crate::course::{Course, Folder, SID};
use crate::killed::{HAND_IN, killed_before_the_files, waiting_course};
use crate::program::{Done, Program};

/// Every way in which the program changes names and content of files for good.
const WRITES: &str = "rename,renameat,renameat2,link,linkat,unlink,unlinkat,fsync,fdatasync";

/// Runs the program, which is killed as it is about to make its write of this number: it never happens.
fn killed_at_write(folder: &Folder, number: u32, arguments: &[&str]) -> Done {
    let command = folder.command(arguments);
    let mut traced = Command::new("strace");
    traced.args(["-qq", "-o", "strace.out", "-e", &format!("trace={WRITES}")]);
    traced.args(["-e", &format!("inject={WRITES}:error=EIO:signal=KILL:when={number}")]);
    traced.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    traced.current_dir(folder.path("."));
    Program::start(traced).end()
}

/// The certificate and the key in the folder.
fn pair(folder: &Folder) -> (String, String) {
    (folder.read(&format!("{SID}.cer")), folder.read(&format!("{SID}.key")))
}

#[test]
fn a_renewal_that_is_killed_between_any_two_writes_is_finished_by_the_next_one() {
    let course = Course::new();
    let folder = &course.folder;
    let (_cuhk, _blackboard) = course.servers();
    course.enrol(SID);
    for (option, at_least) in [("--new-key", 6), ("--keep-key", 2)] {
        let renew = ["student", "renew", option];
        for number in 1.. {
            let (certificate, key) = pair(folder);
            let killed = killed_at_write(folder, number, &renew);
            if killed.code == 0 {
                assert!(number > at_least, "{option} is done after {number} writes");
                break;
            }
            // Whichever pair counts now, it is one: Blackboard lets its holder in.
            let said = format!("{option} {number}");
            folder.run(&["student", "say", &said]).expect(0);
            folder.run(&renew).expect(0);
            let (now, key_now) = pair(folder);
            assert_ne!(now, certificate, "{said}");
            assert_eq!(key_now != key, option == "--new-key", "{said}");
            folder.run(&["student", "say", &said]).expect(0);
            for waiting in ["key", "cer"] {
                let waiting = format!(".{SID}.{waiting}.next");
                assert!(!folder.has(&waiting), "{said}: {waiting}");
            }
        }
    }
}

#[test]
fn a_claim_that_waits_for_its_files_is_finished_with_the_new_key() {
    for command in [&["student", "resume", "--yes"][..], &HAND_IN] {
        let (course, front, _cuhk, _blackboard) = waiting_course();
        killed_before_the_files(&course, &front);
        let key = course.folder.read(&format!("{SID}.key"));
        course.folder.run(&["student", "renew", "--new-key"]).expect(0);
        assert_ne!(course.folder.read(&format!("{SID}.key")), key);
        course.folder.run(command).expect(0);
        let verify = ["verify", "lab1.receipt", "report.pdf", "data", "--root", "cuhk.cer"];
        course.folder.run(&verify).expect(0);
        let claims = crate::going_away::claims(&course);
        assert_eq!((claims.len(), &claims[0]["state"]), (1, &"received".into()), "{claims:?}");
    }
}
