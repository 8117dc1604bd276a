//! A witness that others run: its ceremony, the receipts that it cosigns, and how nobody waits for it when it is away.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::course::{Course, Folder, SID, free_port};
use crate::program::Program;

const KEY_LINE: &str = "Its key, for claim verify --witness: ";

/// A course whose Blackboard asks a second witness, and that witness's folder.
struct Scene {
    course: Course,
    witness: Folder,
    /// The witness's address, as it listens.
    listen: String,
    cuhk: Program,
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

impl Scene {
    /// CUHK and a Blackboard that has its certificates; the witness has nothing yet but `cuhk.cer`.
    fn new() -> (Self, Program) {
        let course = Course::new();
        let (cuhk, blackboard) = course.servers();
        blackboard.out.line("Claims are taken: ");
        course.enrol(SID);
        let witness = Folder::new();
        fs::copy(course.folder.path("cuhk.cer"), witness.path("cuhk.cer")).unwrap();
        let listen = format!("127.0.0.1:{}", free_port());
        (Self { course, witness, listen, cuhk }, blackboard)
    }

    fn origin(&self) -> String {
        format!("https://{}", self.listen)
    }

    /// The answer file has the log's certificate in it.
    fn logs(&self) -> String {
        text(&self.course.folder.path("blackboard.answer"))
    }

    fn arguments<'a>(&'a self, logs: &'a str) -> Vec<&'a str> {
        vec!["log", "witness", "--logs", logs, "--listen", &self.listen]
    }

    /// The ceremony: a request, signed where the root is.
    fn certify(&self) {
        let logs = self.logs();
        let named = [&self.arguments(&logs)[..], &["--name", "witness.example"]].concat();
        self.witness.run(&named).explains(1, &["has not certified", "claim cuhk certify"]);
        let request = text(&self.witness.path("witness.request"));
        let certificate = text(&self.witness.path("witness.cer"));
        let certify = ["cuhk", "certify", &request, "--yes", "--out", &certificate];
        let done = self.course.folder.run(&certify).expect(0);
        assert!(done.out.starts_with("Certified as the witness witness.example: "), "{}", done.out);
    }

    /// The witness, serving, and its key.
    fn serve(&self) -> (Program, String) {
        let logs = self.logs();
        let program = self.witness.start(&self.arguments(&logs));
        program.out.line("Witness witness.example listens on ");
        let key = program.out.line(KEY_LINE).replace(KEY_LINE, "");
        (program, key)
    }

    fn blackboard(&self) -> Program {
        let blackboard = self.course.folder.start(&["blackboard", "--ask-witness", &self.origin()]);
        blackboard.out.line("Claims are taken: ");
        blackboard
    }

    fn hand_in(&self, content: &str) {
        self.course.folder.write("report.txt", content);
        let hand_in = || self.course.folder.run(&["student", "hand-in", "report.txt", "--yes"]);
        // The first revocation list may still be on its way.
        let done = (0..100).map(|_| hand_in()).find(|done| !done.err.contains("revocation list"));
        done.unwrap().expect(0);
    }

    /// Hands in until the receipt has this witness's cosignature: a machine that is busy may take it for a slow one, and
    /// then the receipt goes out without it. The same files again fetch the receipt anew.
    fn hand_in_cosigned(&self, content: &str, receipt: &str, key: &str) {
        let demanded = ["verify", receipt, "--root", "cuhk.cer", "--witness", key];
        let cosigned = (0..100).any(|_| {
            let _ = fs::remove_file(self.course.folder.path(receipt));
            self.hand_in(content);
            self.course.folder.run(&demanded).code == 0
        });
        assert!(cosigned, "the witness's cosignature does not come");
    }

    fn verify(&self, receipt: &str, witness: Option<&str>, code: i32) -> String {
        let mut arguments = vec!["verify", receipt, "--root", "cuhk.cer"];
        arguments.extend(witness.iter().flat_map(|witness| ["--witness", witness]));
        self.course.folder.run(&arguments).expect(code).out
    }
}

#[test]
fn a_second_witness_cosigns_what_is_handed_in_and_nobody_waits_for_it() {
    let (scene, blackboard) = Scene::new();
    blackboard.stop();
    scene.certify();
    let (witness, key) = scene.serve();
    let blackboard = scene.blackboard();

    scene.hand_in_cosigned("first draft", "inbox.receipt", &key);
    let told = scene.verify("inbox.receipt", Some(&key), 0);
    assert_eq!(told.matches("whom the root certifies").count(), 2, "both witnesses: {told}");
    assert!(told.contains("by witness.example, "), "{told}");
    scene.verify("inbox.receipt", None, 0);

    // Killed: everything goes on, by CUHK's cosignatures.
    witness.signal("KILL");
    witness.end().expect(128 + 9);
    scene.hand_in("second draft");
    scene.verify("inbox-2.receipt", None, 0);
    let told = scene.verify("inbox-2.receipt", Some(&key), 4);
    assert!(told.contains("witness.example"), "{told}");
    let away = format!("The witness {} does not cosign the log: ", scene.origin());
    blackboard.err.line(&away);

    // Back: with the same key, as it remembers, and it catches up with what it has missed.
    let (witness, again) = scene.serve();
    assert_eq!(again, key);
    blackboard.out.line(&format!("The witness {} cosigns the log again.", scene.origin()));
    scene.hand_in_cosigned("third draft", "inbox-3.receipt", &key);
    assert_eq!(blackboard.err.text().matches(&away).count(), 1, "told once");

    // Silent: it takes requests and answers none.
    witness.signal("STOP");
    scene.hand_in("fourth draft");
    scene.verify("inbox-4.receipt", None, 0);
    witness.signal("CONT");
    witness.stop();
    blackboard.stop();
    scene.cuhk.stop();
}

#[test]
fn a_witness_says_what_it_needs_and_takes_a_new_key_when_it_has_lost_its_memory() {
    let (scene, blackboard) = Scene::new();
    let folder = &scene.witness;
    let logs = scene.logs();
    folder.run(&scene.arguments(&logs)).explains(1, &["has no name yet"]);
    assert!(!folder.has("witness.key"));
    scene.certify();
    let mode = fs::metadata(folder.path("witness.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key_file = folder.read("witness.key");
    folder.run(&["log", "witness"]).explains(1, &["not told which logs", "--logs"]);
    folder.run(&scene.arguments("cuhk.cer")).explains(1, &["cuhk.cer", "no certificate of a log"]);

    let (witness, key) = scene.serve();
    folder.run(&scene.arguments(&logs)).explains(1, &["another witness works with the folder"]);
    witness.stop();
    assert_eq!(folder.read("witness.key"), key_file, "it is never written over");

    // The same name for another key is asked about: whoever revokes the old one knows why.
    for name in ["witness.db", "witness.db-wal", "witness.db-shm"] {
        let _ = fs::remove_file(folder.path(name));
    }
    let named = [&scene.arguments(&logs)[..], &["--name", "witness.example"]].concat();
    let done = folder.run(&named).expect(1);
    assert!(done.err.contains("do not remember what the key of witness.example"), "{}", done.err);
    assert_ne!(folder.read("witness.key"), key_file);
    assert!(folder.names().iter().any(|name| name.starts_with("witness.key.")));
    assert!(!folder.has("witness.cer"));
    let request = text(&folder.path("witness.request"));
    let certificate = text(&folder.path("witness.cer"));
    let certify = ["cuhk", "certify", &request, "--yes", "--out", &certificate];
    let refused = scene.course.folder.run(&certify);
    assert!(refused.err.contains("claim cuhk revoke "), "{}", refused.err);
    refused.explains(1, &["is on record with another key"]);
    let listed = scene.course.folder.run(&["cuhk", "list", "--json"]).expect(0).documents();
    let old = listed.iter().find(|one| one["holder"] == "witness.example").unwrap();
    let serial = old["serial"].as_str().unwrap();
    let revoke = ["cuhk", "revoke", serial, "--reason", "superseded"];
    scene.course.folder.run(&revoke).expect(0);
    scene.course.folder.run(&certify).expect(0);
    let (witness, new) = scene.serve();
    assert_ne!(new, key);
    witness.stop();
    blackboard.stop();
    scene.cuhk.stop();
}
