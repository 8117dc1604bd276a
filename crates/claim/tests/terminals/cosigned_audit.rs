//! Audit logs whose head a witness cosigns: one that was replaced as a whole is found out.

use std::fs;

use crate::course::{Course, Folder, free_port};
use crate::program::{Done, Program};

const KEY_LINE: &str = "Its key, for claim verify --witness: ";

/// Both servers, which have stopped, and a witness that knows their audit logs by their keys.
struct Scene {
    course: Course,
    /// The witness's URL for submissions.
    url: String,
    key: String,
    witness: Option<Program>,
    /// Where it keeps what it has seen.
    _memory: Folder,
}

impl Scene {
    fn new() -> Self {
        let course = Course::new();
        let (cuhk, blackboard) = course.servers();
        blackboard.out.line("Claims are taken: ");
        blackboard.stop();
        cuhk.stop();
        let folder = &course.folder;
        // The first checkpoint makes the key, at the latest now.
        for server in ["cuhk", "blackboard"] {
            folder.run(&[server, "audit", "checkpoint"]).expect(0);
        }
        let keys = ["cuhk-audit.vkey", "blackboard-audit.vkey"].map(|name| folder.read(name));
        let witness = Folder::new();
        fs::copy(folder.path("cuhk.cer"), witness.path("cuhk.cer")).unwrap();
        let listen = format!("127.0.0.1:{}", free_port());
        let [cuhk, blackboard] = keys.each_ref().map(|key| key.trim());
        let arguments =
            ["log", "witness", "--log-key", cuhk, "--log-key", blackboard, "--listen", &listen];
        witness.run(&[&arguments[..], &["--name", "witness.example"]].concat()).expect(1);
        let paths = ["witness.request", "witness.cer"].map(|name| witness.path(name));
        let [request, certificate] = paths.each_ref().map(|path| path.to_str().unwrap());
        folder.run(&["cuhk", "certify", request, "--yes", "--out", certificate]).expect(0);
        let program = witness.start(&arguments);
        program.out.line("Witness witness.example listens on ");
        let key = program.out.line(KEY_LINE).replace(KEY_LINE, "");
        Self {
            course,
            url: format!("https://{listen}/witness"),
            key,
            witness: Some(program),
            _memory: witness,
        }
    }

    fn checkpoint(&self, folder: &Folder, server: &str, more: &[&str]) -> Done {
        let arguments = [server, "audit", "checkpoint", "--witness", &self.url, "--witness-key"];
        folder.run(&[&arguments[..], &[&self.key], more].concat())
    }

    fn verify(&self, folder: &Folder, server: &str, more: &[&str]) -> Done {
        let arguments = [server, "audit", "verify", "--witness", &self.key];
        folder.run(&[&arguments[..], more].concat())
    }

    /// One deed more.
    fn change(&self, folder: &Folder, title: &str) {
        let add = ["blackboard", "assignment", "add", "IEMS5710/lab1", "--title", title];
        folder.run(&add).expect(0);
    }
}

#[test]
fn a_log_that_was_replaced_as_a_whole_is_found_out_by_the_witness() {
    let mut scene = Scene::new();
    let folder = &scene.course.folder;
    for server in ["cuhk", "blackboard"] {
        let none = "no checkpoint of this log has a cosignature by witness.example";
        scene.verify(folder, server, &[]).explains(4, &[none]);
        let cosigned = scene.checkpoint(folder, server, &[]).expect(0).out;
        assert!(cosigned.contains("\n— witness.example "), "{cosigned}");
        let told = scene.verify(folder, server, &[]).expect(0).out;
        assert!(told.contains("✓ witness.example has cosigned entries 1 to "), "{told}");
    }
    folder.run(&["blackboard", "backup", "safe"]).expect(0);

    // It grows, and the witness sees that it has only grown; asked again it says the same.
    scene.change(folder, "Lab 1");
    scene.change(folder, "The first lab");
    let cosigned = scene.checkpoint(folder, "blackboard", &[]).expect(0).out;
    assert_eq!(scene.checkpoint(folder, "blackboard", &[]).expect(0).out, cosigned);
    folder.write("kept.checkpoint", &cosigned);
    scene.verify(folder, "blackboard", &["--checkpoint", "kept.checkpoint"]).expect(0);

    // Another history: whole in itself, signed by the log's own key, and not the one that the witness has seen.
    let other = crate::backups::elsewhere(folder);
    let safe = folder.path("safe");
    other.run(&["blackboard", "restore", safe.to_str().unwrap()]).expect(0);
    let behind = scene.checkpoint(&other, "blackboard", &[]);
    behind.explains(4, &["the witness has cosigned", "entries of this log, and the records have"]);
    for title in ["Something else", "Something", "Else"] {
        scene.change(&other, title);
    }
    scene.verify(&other, "blackboard", &[]).expect(0);
    let rewritten = scene.checkpoint(&other, "blackboard", &[]);
    let said = "entries are not those that the witness has cosigned";
    rewritten.explains(4, &[said, "restored", "OPERATIONS.md"]);

    // A cosignature that somebody made up.
    let line = cosigned.lines().find(|line| line.starts_with("— witness.example ")).unwrap();
    // The last octets of the signature are others.
    let end = line.len() - 8;
    let last = if line.ends_with("AAAAAA==") { "BAAAAA==" } else { "AAAAAA==" };
    let forged = format!("{}{last}", &line[..end]);
    folder.write("forged.checkpoint", cosigned.replace(line, &forged));
    scene
        .verify(folder, "blackboard", &["--checkpoint", "forged.checkpoint"])
        .explains(4, &["forged.checkpoint has a cosignature that is not genuine"]);

    scene.witness.take().unwrap().stop();
    scene.change(folder, "Lab 1");
    scene.checkpoint(folder, "blackboard", &[]).explains(3, &["the witness does not answer"]);
    folder.run(&["blackboard", "audit", "checkpoint", "--witness", &scene.url]).expect(2);
}

#[test]
fn a_witness_goes_on_with_a_log_of_which_old_entries_are_in_archives() {
    let scene = Scene::new();
    let folder = &scene.course.folder;
    let cosigned = || -> u64 {
        let note = scene.checkpoint(folder, "blackboard", &[]).expect(0).out;
        note.lines().nth(1).unwrap().parse().unwrap()
    };
    // Behind an even number of entries the edge of the tree can be all that a proof needs.
    if cosigned() % 2 == 0 {
        scene.change(folder, "Lab 0");
        assert_eq!(cosigned() % 2, 1);
    }
    scene.change(folder, "Lab 1");
    let prune = ["blackboard", "audit", "prune", "--before", "2099-01-01", "--yes", "--archive"];
    folder.run(&[&prune[..], &["old.archive"]].concat()).expect(0);
    scene.change(folder, "The first lab");
    let archived = scene.checkpoint(folder, "blackboard", &[]);
    archived.explains(1, &["was moved into archives", "--archive"]);
    scene.checkpoint(folder, "blackboard", &["--archive", "old.archive"]).expect(0);
    scene.verify(folder, "blackboard", &[]).expect(0);
    scene.verify(folder, "blackboard", &["--archive", "old.archive"]).expect(0);
    // From what it has cosigned now it needs no archive.
    scene.change(folder, "Lab 1");
    scene.checkpoint(folder, "blackboard", &[]).expect(0);

    // A witness that does not know the log, and a key that is not the witness's.
    let key = folder.read("blackboard-audit.vkey");
    let at = ["blackboard", "audit", "checkpoint", "--witness", &scene.url, "--witness-key"];
    let other = scene.key.replace("witness.example", "other.example");
    let id = other.split('+').nth(1).unwrap().to_owned();
    assert_eq!(id.len(), 8, "{other}");
    folder.run(&[&at[..], &[&other]].concat()).expect(2);
    folder.run(&[&at[..], &[key.trim()]].concat()).expect(2);
}
