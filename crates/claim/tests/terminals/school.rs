//! A real CUHK and a Blackboard with one course: a teacher, an assistant, two students and a stranger, each with a
//! certificate in the folder in which they all work.

use crate::course::{Folder, OTHER_SID, SID};
use crate::invitations::University;
use crate::program::{Done, Program};

pub(crate) const TEACHER: &str = "chan.tm";
pub(crate) const ASSISTANT: &str = "wong.kl";
/// Staff of the university, and of no course here.
pub(crate) const COLLEAGUE: &str = "lee.kw";
/// A student, not of this course.
pub(crate) const STRANGER: &str = "1155999999";

pub(crate) struct School {
    university: University,
    pub(crate) desk: Folder,
    pub(crate) blackboard: Program,
    _cuhk: Program,
}

impl School {
    pub(crate) fn new() -> Self {
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
        let desk = Folder::new();
        let cuhk_url = &university.cuhk_url;
        desk.write(
            "claim.toml",
            format!(
                "dir = \".\"\n[student]\ncuhk = \"{cuhk_url}\"\nblackboard = \"{origin}\"\n\
                 [staff]\ncuhk = \"{cuhk_url}\"\nblackboard = \"{origin}\"\n"
            ),
        );
        let school = Self { university, desk, blackboard, _cuhk: cuhk };
        school.enrol_everybody();
        for command in [
            &[
                "course",
                "add",
                "IEMS5710",
                "--title",
                "Network security",
                "--zone",
                "Asia/Hong_Kong",
            ][..],
            &["staff", "add", "IEMS5710", TEACHER, "--role", "owner"],
            &["staff", "add", "IEMS5710", ASSISTANT, "--role", "assistant"],
            &["roster", "add", "IEMS5710", SID, OTHER_SID],
            &["assignment", "add", "IEMS5710/lab1", "--due", "2099-12-24 23:59"],
        ] {
            school.on_the_machine(command).expect(0);
        }
        school.desk.write("report.txt", "my report");
        school
    }

    fn enrol_everybody(&self) {
        let people = [
            (TEACHER, "staff"),
            (ASSISTANT, "staff"),
            (COLLEAGUE, "staff"),
            (SID, "student"),
            (OTHER_SID, "student"),
            (STRANGER, "student"),
        ];
        let rows: String = people.iter().map(|(id, role)| format!("{id},,{role}\n")).collect();
        self.university.cuhk.write("people.csv", format!("id,name,role\n{rows}"));
        let invitations = self.university.invite(&["--roster", "people.csv"]);
        let invitations: Vec<_> = invitations
            .lines()
            .filter_map(|line| line.find("claim://").map(|at| &line[at..]))
            .collect();
        assert_eq!(invitations.len(), people.len(), "{invitations:?}");
        for invitation in invitations {
            let enroll = ["student", "enroll", "--invite-file", "-"];
            self.desk.run_with(&enroll, invitation).expect(0);
        }
    }

    /// A command at Blackboard's own machine.
    pub(crate) fn on_the_machine(&self, command: &[&str]) -> Done {
        self.university.blackboard().run(&[&["blackboard"], command].concat())
    }

    /// An errand of staff.
    pub(crate) fn staff(&self, id: &str, command: &[&str]) -> Done {
        self.desk.run(&[&["staff", "--id", id], command].concat())
    }

    pub(crate) fn student(&self, sid: &str, command: &[&str]) -> Done {
        self.desk.run(&[&["student"], command, &["--sid", sid]].concat())
    }
}
