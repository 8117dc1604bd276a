//! The last column: a user of Blackboard's machine, by the program's own commands.

use std::path::Path;
use std::process::{Command, Stdio};

use claim_course::{Request, Standing};

use super::world::{CONTENT, RIGHTS};

/// How something is asked on Blackboard's machine.
enum Way {
    /// By this command of `claim blackboard`.
    Command(&'static [&'static str]),
    /// By looking into its folder.
    Folder,
}

/// `None`: it cannot be asked there.
fn way(request: Request) -> Option<Way> {
    let command: &'static [&'static str] = match request {
        // Both take a person's key, and this is none.
        Request::SeeOwn | Request::HandIn | Request::HandInFor => return None,
        Request::TakeFiles => return Some(Way::Folder),
        Request::SeeCourse => &["course", "show", RIGHTS],
        Request::SeeRoster => &["roster", "list", RIGHTS],
        Request::SeeHandIns => &["list", "RIGHTS/rights-lab"],
        Request::SeeChanges => &["audit", "list"],
        Request::ChangeCourse => &["course", "set", RIGHTS, "--title", "By the machine"],
        Request::ChangeAssignments => {
            &["assignment", "set", "RIGHTS/rights-more", "--title", "By the machine"]
        }
        Request::ChangeRoster => &["roster", "add", RIGHTS, "1155900019"],
        Request::ChangeGroups => {
            &["group", "put", RIGHTS, "--set", "teams", "Machine", "1155900011"]
        }
        Request::Extend => &[
            "extend",
            "grant",
            "RIGHTS/rights-more",
            "--all",
            "--due",
            "2100-06-01 12:00",
            "--reason",
            "by the machine",
        ],
        Request::Choose => &[
            "count",
            "by-rule",
            "RIGHTS/rights-lab",
            "--sid",
            "1155900012",
            "--reason",
            "by the machine",
        ],
        Request::ChangeStaff => &["staff", "add", RIGHTS, "machine.x", "--role", "assistant"],
    };
    Some(Way::Command(command))
}

/// One cell: there is a way exactly where the table says so, and it leads somewhere.
pub(super) fn cell(dir: &Path, request: Request) {
    let way = way(request);
    assert_eq!(way.is_some(), Standing::Administrator.may(request), "{request:?}");
    match way {
        None => {}
        Some(Way::Folder) => assert!(has_a_piece(&dir.join("objects")), "{request:?}"),
        Some(Way::Command(arguments)) => {
            let done = Command::new(env!("CARGO_BIN_EXE_claim"))
                .arg("blackboard")
                .args(arguments)
                .arg("--dir")
                .arg(dir)
                .env_clear()
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert!(done.status.success(), "{request:?}, {arguments:?}: {done:?}");
        }
    }
}

/// Whether a file below the folder is one that was handed in.
fn has_a_piece(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => has_a_piece(&path),
            false => std::fs::read(&path).unwrap() == CONTENT,
        }
    })
}
