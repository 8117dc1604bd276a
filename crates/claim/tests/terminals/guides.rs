//! docs/TEACHER.md and docs/HAND-IN.md: the very text, run.
//!
//! Every fenced block is used, in order. `shell blackboard` is run at Blackboard's machine, `shell reader` at the reader's;
//! `csv FILE` is written there, and `text` is what the blocks of shell since the last one printed, where `…` stands for
//! anything, and a line with nothing else for any number of lines. What is exported stays so.
//!
//! | in the document | here |
//! |---|---|
//! | `cuhk.example:9335`, `blackboard.example:3141` | `localhost` with free ports |
//! | 2026 as the year of a due time | 2099 |
//! | a hand-in that asks | the same with `--yes`: there is no terminal |

use std::path::Path;
use std::process::Command;

use crate::course::{Folder, OTHER_SID, SID};
use crate::invitations::University;
use crate::one_hour::fits;
use crate::program::{Done, Program};

/// The servers, and a reader with an invitation and a report.
struct Desk {
    university: University,
    reader: Folder,
    exports: String,
    _servers: [Program; 2],
}

impl Desk {
    /// For the reader with this id and role; at Blackboard's machine these commands were run before.
    fn of(id: &str, role: &str, before: &[&[&str]]) -> Self {
        let university = University::new();
        let cuhk = university.serve_cuhk();
        let (folder, origin) = (university.blackboard(), university.blackboard_url());
        folder.secret("blackboard.invite", university.invite(&["--server", &origin]));
        let settings = format!("{}public-url = \"{origin}\"\n", folder.read("claim.toml"));
        folder.write("claim.toml", settings);
        folder.run(&["blackboard", "request"]).expect(0);
        university.cuhk.write("request", folder.read("blackboard.request"));
        let certify = ["cuhk", "certify", "request", "--yes", "--out", "answer"];
        university.cuhk.run(&certify).expect(0);
        folder.write("blackboard.answer", university.cuhk.read("answer"));
        let blackboard = university.serve_blackboard(&[]);
        blackboard.out.line("Claims are taken: ");
        for command in before {
            folder.run(&[&["blackboard"], *command].concat()).expect(0);
        }
        university.cuhk.write("people.csv", format!("id,name,role\n{id},,{role}\n"));
        let invited = university.invite(&["--roster", "people.csv"]);
        let reader = Folder::new();
        reader.write("invitation.txt", &invited[invited.find("claim://").unwrap()..]);
        reader.write("report.txt", "my report");
        Self { university, reader, exports: String::new(), _servers: [cuhk, blackboard] }
    }

    /// What stands in the document, as it is here.
    fn here(&self, text: &str) -> String {
        let blackboard = self.university.blackboard_url();
        let cuhk = &self.university.cuhk_url;
        let text = text.replace("https://cuhk.example:9335", cuhk);
        let text = text.replace("https://blackboard.example:3141", &blackboard);
        let text = text.replace("2026-12-", "2099-12-");
        let asks = |line: &str| line.starts_with("claim student hand-in ");
        let lines = text.lines().map(|line| match asks(line) {
            true => format!("{line} --yes\n"),
            false => format!("{line}\n"),
        });
        lines.collect()
    }

    fn run(&mut self, machine: &str, text: &str) -> String {
        let folder = match machine {
            "blackboard" => self.university.blackboard(),
            _ => &self.reader,
        };
        let text = self.here(text);
        let exports: String = text
            .lines()
            .filter(|line| line.starts_with("export "))
            .flat_map(|line| [line, "\n"])
            .collect();
        let built = Path::new(env!("CARGO_BIN_EXE_claim")).parent().unwrap();
        let path = format!("{}:{}", built.display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.env_clear().env("PATH", path).env("HOME", folder.home()).env("TZ", "HKT-8");
        let script = format!("exec 2>&1\nset -e\n{}{text}", self.exports);
        bash.args(["--norc", "-c", &script]).current_dir(folder.path(""));
        let mut program = Program::start(bash);
        program.end_input();
        let Done { code, out, err } = program.end();
        assert_eq!(code, 0, "{text}\n{out}{err}");
        self.exports.push_str(&exports);
        out
    }
}

/// Follows a page to its end; how many blocks were run and how many compared.
fn follow(document: &str, desk: &mut Desk) -> (usize, usize) {
    let (mut printed, mut run, mut compared) = (String::new(), 0, 0);
    let mut parts = document.split("\n```");
    parts.next();
    let mut wrong = Vec::new();
    for block in parts.step_by(2) {
        let (said, text) = block.split_once('\n').unwrap();
        match said.split_whitespace().collect::<Vec<_>>()[..] {
            ["shell", machine @ ("reader" | "blackboard")] => {
                run += 1;
                printed.push_str(&desk.run(machine, text));
            }
            ["csv", file] => desk.reader.write(file, format!("{text}\n")),
            ["text"] => {
                compared += 1;
                let shown = desk.here(text);
                let (shown, lines): (Vec<_>, Vec<_>) =
                    (shown.lines().collect(), printed.lines().collect());
                if !fits(&shown, &lines) {
                    wrong.push(format!("shown:\n{text}\nprinted:\n{printed}"));
                }
                printed.clear();
            }
            _ => panic!("a block {said:?} is for nobody"),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n--------\n"));
    (run, compared)
}

#[test]
fn a_course_in_ten_minutes() {
    let mut desk = Desk::of("chan.tm", "staff", &[]);
    let (run, compared) = follow(include_str!("../../../../docs/TEACHER.md"), &mut desk);
    assert!(run >= 9 && compared >= 6, "{run} {compared}");
}

#[test]
fn a_student_hands_in() {
    let add =
        ["assignment", "add", "IEMS5710/lab1", "--title", "Lab 1", "--due", "2099-12-24 23:59"];
    let mut desk = Desk::of(
        SID,
        "student",
        &[
            &[
                "course",
                "add",
                "IEMS5710",
                "--title",
                "Network security",
                "--zone",
                "Asia/Hong_Kong",
            ],
            &["roster", "add", "IEMS5710", SID, OTHER_SID],
            &add,
        ],
    );
    let (run, compared) = follow(include_str!("../../../../docs/HAND-IN.md"), &mut desk);
    assert!(run >= 4 && compared >= 4, "{run} {compared}");
}
