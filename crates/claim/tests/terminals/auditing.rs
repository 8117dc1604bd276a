//! `claim log audit` on the log of a real Blackboard: honest, damaged, and with two histories.

use std::fs;
use std::path::PathBuf;

use claim_log::note::SigningKey;
use claim_log::{Hash, LogKey, LogSigner, TreeHead, TreeSize};
use claim_pki::Ed25519SigningKey;

use crate::course::{Course, SID, has_escapes};
use crate::program::{Done, Program};

/// A course with one claim in its log, which has the receipt `inbox.receipt`.
struct Logged {
    course: Course,
    servers: Option<(Program, Program)>,
}

impl Logged {
    fn new() -> Self {
        let course = Course::new();
        let (cuhk, blackboard) = course.servers();
        blackboard.out.line("Claims are taken: ");
        course.enrol(SID);
        let logged = Self { course, servers: Some((cuhk, blackboard)) };
        logged.hand_in("first draft");
        logged
    }

    /// Two entries more: lodged and received.
    fn hand_in(&self, content: &str) {
        self.course.folder.write("report.txt", content);
        let hand_in = || self.course.folder.run(&["student", "hand-in", "report.txt", "--yes"]);
        // The first revocation list may still be on its way.
        let done = (0..100).map(|_| hand_in()).find(|done| !done.err.contains("revocation list"));
        done.unwrap().expect(0);
    }

    fn audit(&self, more: &[&str]) -> Done {
        let arguments = ["log", "audit", &self.course.blackboard];
        self.course.folder.run(&[&arguments[..], more].concat())
    }

    fn by_receipt(&self) -> Done {
        self.audit(&["--receipt", "inbox.receipt"])
    }

    /// The name of the log, and of its key.
    fn name(&self) -> String {
        format!("{}/log", self.course.blackboard.strip_prefix("https://").unwrap())
    }

    fn state(&self) -> PathBuf {
        let authority = self.course.blackboard.strip_prefix("https://").unwrap();
        self.course.folder.path(&format!("{}.audit", authority.replace(':', "-")))
    }

    /// A file of the log as Blackboard keeps it.
    fn file(&self, name: &str) -> PathBuf {
        self.course.folder.path("objects/log").join(name)
    }

    /// What signs as the log does.
    fn signer(&self) -> LogSigner {
        let key = Ed25519SigningKey::from_pkcs8_pem(&self.course.folder.read("log.key")).unwrap();
        let key = SigningKey::from_pkcs8_der(&key.to_pkcs8_der()).unwrap();
        LogSigner::new(self.name().parse().unwrap(), key)
    }

    fn stop(&mut self) {
        let (cuhk, blackboard) = self.servers.take().unwrap();
        blackboard.stop();
        cuhk.stop();
    }
}

#[test]
fn a_log_is_audited_as_it_grows() {
    let mut logged = Logged::new();
    let done = logged.by_receipt().expect(0);
    for words in ["/log: nothing is wrong. 2 entries, root ", "Seen for the first time.", ".audit"]
    {
        assert!(done.out.contains(words), "{words}: {}", done.out);
    }
    assert!(!has_escapes(&done.out));
    let done = logged.by_receipt().expect(0);
    assert!(done.out.contains("It is as it was last time."), "{}", done.out);

    logged.hand_in("final report");
    // By the key alone, as its people would publish it.
    let key = logged.signer().key().to_string();
    let [document] = &logged.audit(&["--key", &key, "--json"]).expect(0).documents()[..] else {
        panic!("not one document")
    };
    assert_eq!(document["sound"], true);
    assert_eq!(document["entries"], 4);
    assert_eq!(document["remembered_entries"], 2);
    assert_eq!(document["log"], logged.name());
    let remembered = fs::read_to_string(logged.state()).unwrap();
    assert!(remembered.starts_with(&format!("{}\n4\n", logged.name())), "{remembered}");
    logged.hand_in("really final report");
    let log = format!("{}/log", logged.course.blackboard);
    logged
        .course
        .folder
        .run(&["log", "audit", &log, "--key", &key, "--state", "other.audit"])
        .expect(0);
    let done = logged.by_receipt().expect(0);
    let words = "It has grown by 2 entries since last time; the 4 before are unchanged.";
    assert!(done.out.contains(words), "{}", done.out);

    logged.stop();
    logged.by_receipt().explains(3, &[&logged.course.blackboard]);
}

#[test]
fn what_is_wrong_with_a_log_is_named() {
    let mut logged = Logged::new();
    logged.by_receipt().expect(0);
    let remembered = fs::read(logged.state()).unwrap();
    let wrong = |words: &[&str]| {
        let done = logged.by_receipt().expect(4);
        assert!(done.out.contains("/log: WRONG. "), "{}", done.out);
        for words in words {
            assert!(done.out.contains(words), "{words}: {}", done.out);
        }
        assert_eq!(fs::read(logged.state()).unwrap(), remembered, "what was seen stays");
    };

    let (tile, bundle) = (logged.file("tile/0/000.p/2"), logged.file("tile/entries/000.p/2"));
    let (hashes, entries) = (fs::read(&tile).unwrap(), fs::read(&bundle).unwrap());
    let mut changed = hashes.clone();
    changed[33] ^= 1;
    fs::write(&tile, &changed).unwrap();
    wrong(&["tiles are damaged", "entry 1 is not the one in its tile"]);
    fs::write(&tile, [&hashes[..], &hashes[..]].concat()).unwrap();
    wrong(&["a tile cannot be read", "tiles are damaged"]);
    fs::write(&tile, vec![0; 100 * 1024]).unwrap();
    logged.by_receipt().explains(4, &["tile/0/000.p/2 is longer than 65536 bytes"]);
    fs::remove_file(&tile).unwrap();
    wrong(&["tile/0/000.p/2 is missing"]);
    fs::write(&tile, &hashes).unwrap();

    let word = entries.windows(8).position(|octets| octets == b"received").unwrap();
    let mut changed = entries.clone();
    changed[word..word + 8].copy_from_slice(b"rejected");
    fs::write(&bundle, &changed).unwrap();
    wrong(&[
        "contradicts a checkpoint that it has signed before",
        "the log has rewritten its past",
        "entry 1 is not the one in its tile",
        "entry 1 is none that Claim writes",
    ]);
    // Whoever looks for the first time, and has a receipt, sees it as well.
    fs::remove_file(logged.state()).unwrap();
    let done = logged.by_receipt().expect(4);
    assert!(done.out.contains("the log has rewritten its past"), "{}", done.out);
    assert!(!logged.state().exists());
    fs::write(&bundle, &entries).unwrap();
    let done = logged.by_receipt().expect(0);
    assert!(done.out.contains("It leads on from what the receipt shows of it."), "{}", done.out);
    logged.stop();
}

#[test]
fn a_log_that_contradicts_what_was_seen() {
    let mut logged = Logged::new();
    let state = logged.state();
    let seen = |size: u64| {
        let size = TreeSize::try_from(size).unwrap();
        let head = TreeHead { size, root: Hash::from_bytes([7; 32]) };
        fs::write(&state, logged.signer().sign(head).unwrap().to_bytes()).unwrap();
        logged.by_receipt().expect(4).out
    };
    for (size, words) in [
        (1, "the log has rewritten its past"),
        (2, "it shows two histories"),
        (3, "it has forgotten some"),
    ] {
        let out = seen(size);
        assert!(out.contains(words), "{words}: {out}");
        assert!(out.contains("contradicts a checkpoint that it has signed before"), "{out}");
    }

    // What was seen is not taken from anybody but the log.
    let forged = fs::read_to_string(&state).unwrap().replace("\n3\n", "\n2\n");
    fs::write(&state, forged).unwrap();
    let file = state.file_name().unwrap().to_str().unwrap();
    logged.by_receipt().explains(4, &[file, "is not a checkpoint that", "has signed"]);
    fs::remove_file(&state).unwrap();

    // Nor is the log taken for that of another key.
    let other = LogSigner::new(logged.name().parse().unwrap(), SigningKey::generate().unwrap());
    logged.audit(&["--key", &other.key().to_string()]).explains(4, &["the checkpoint is not by"]);
    let key: LogKey = logged.signer().key();
    let elsewhere = LogKey::new("example.com/log".parse().unwrap(), *key.public()).to_string();
    logged.audit(&["--key", &elsewhere]).explains(2, &["the key is that of example.com/log"]);
    logged.audit(&[]).explains(2, &["whose signature the log must have is not said"]);
    logged.audit(&["--receipt", "cuhk.cer"]).explains(4, &["cuhk.cer has no certificate of"]);
    let both = ["--key", &elsewhere, "--receipt", "inbox.receipt"];
    logged.audit(&both).expect(2);
    assert!(!state.exists());
    logged.stop();
}
