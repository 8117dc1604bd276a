//! A root that is kept on a machine of its own: what it signs travels in files, and everything else works as ever.

use std::fs;
use std::process::Command;

use crate::course::{Folder, SID, free_port};
use crate::evidence::openssl;
use crate::program::{Done, Program};

const REQUEST: &str = "cuhk-issuing.request";
const ANSWER: &str = "cuhk-issuing.answer";

/// The machine with the root, and the two that serve.
struct Two {
    offline: Folder,
    cuhk: Folder,
    blackboard: Folder,
    cuhk_url: String,
    blackboard_url: String,
}

impl Two {
    fn new() -> Self {
        let (cuhk_port, blackboard_port) = (free_port(), free_port());
        let cuhk_url = format!("https://localhost:{cuhk_port}");
        let blackboard_url = format!("https://localhost:{blackboard_port}");
        let two = Self {
            offline: Folder::new(),
            cuhk: Folder::new(),
            blackboard: Folder::new(),
            cuhk_url,
            blackboard_url,
        };
        let Self { offline, cuhk, blackboard, cuhk_url, .. } = &two;
        offline.secret("root.pass", "the root's passphrase\n");
        offline.write("claim.toml", "[cuhk]\nroot-passphrase = \"root.pass\"\n");
        let made = offline.run(&["cuhk", "init", "--offline-root"]).expect(0);
        assert!(made.out.contains("copy cuhk.cer, and nothing else"), "{}", made.out);
        cuhk.write(
            "claim.toml",
            format!(
                "[cuhk]\nlisten = \"127.0.0.1:{cuhk_port}\"\npublic-url = \"{cuhk_url}\"\nroot-elsewhere = true\n"
            ),
        );
        cuhk.write("cuhk.cer", offline.read("cuhk.cer"));
        blackboard.write(
            "claim.toml",
            format!(
                "[blackboard]\nlisten = \"127.0.0.1:{blackboard_port}\"\ncuhk = \"{cuhk_url}\"\n"
            ),
        );
        two
    }

    /// Carries a request to the root, has it certified there, and carries the answer back.
    fn certify(&self, from: &Folder, request: &str, answer: &str) {
        self.offline.write("request", from.read(request));
        let certify = ["cuhk", "certify", "--yes", "request", "--out", "answer"];
        self.offline.run(&certify).expect(0);
        from.write(answer, self.offline.read("answer"));
        fs::remove_file(self.offline.path("answer")).unwrap();
    }

    fn serve_cuhk(&self) -> Program {
        let program = self.cuhk.start(&["cuhk"]);
        program.out.line("CUHK listens on ");
        program
    }

    fn enrols(&self, sid: &str) -> Folder {
        let invitation = self.cuhk.run(&["cuhk", "invite", "--sid", sid]).expect(0).out;
        let student = Folder::new();
        student.run_with(&["student", "enroll", "--invite-file", "-"], invitation).expect(0);
        student
    }

    fn hand_in(&self, student: &Folder, receipt: &str) -> Done {
        student.write("report.pdf", "a report");
        let to = ["--blackboard", &self.blackboard_url, "--cuhk", &self.cuhk_url];
        let hand_in = ["student", "hand-in", "report.pdf", "--to", "blackboard/inbox", "--yes"];
        student.run(&[&hand_in[..], &to, &["--receipt", receipt]].concat())
    }
}

#[test]
fn a_course_whose_root_is_never_on_the_network() {
    let two = Two::new();
    let Two { offline, cuhk, blackboard, .. } = &two;
    assert_eq!(
        offline.names(),
        [
            "claim.toml",
            "cuhk.cer",
            "cuhk.db",
            "cuhk.key",
            "cuhk.lock",
            "cuhk.offline-root",
            "root.pass"
        ]
    );

    // Nothing serves before the root has answered, and it is said how to ask it.
    cuhk.run(&["cuhk"]).explains(1, &["there is no issuing certificate yet", "issuing renew"]);
    let asked = cuhk.run(&["cuhk", "issuing", "renew"]).expect(0);
    let shown: Vec<_> = asked.out.lines().filter(|line| line.contains("SHA-256 ")).collect();
    assert_eq!(shown.len(), 3, "{}", asked.out);
    offline.write("request", cuhk.read(REQUEST));
    let certify = ["cuhk", "certify", "request"];
    let done = offline.run_with(&certify, "n\n").expect(1);
    for line in shown {
        assert!(done.err.contains(line), "{line} is to be compared:\n{}", done.err);
    }
    two.certify(cuhk, REQUEST, ANSWER);
    let cuhk_serving = two.serve_cuhk();
    assert!(!cuhk.has("cuhk.key") && !cuhk.has(ANSWER), "{:?}", cuhk.names());

    // Blackboard, its evidence certified by the root, the log on record at CUHK, which witnesses it.
    let invite = ["cuhk", "invite", "--server", &two.blackboard_url];
    blackboard.secret("blackboard.invite", cuhk.run(&invite).expect(0).out);
    let blackboard_serving = blackboard.start(&["blackboard"]);
    blackboard_serving.out.line("Blackboard listens on ");
    while !blackboard.has("blackboard.request") {}
    two.certify(blackboard, "blackboard.request", "blackboard.answer");
    cuhk.write("carried", blackboard.read("blackboard.answer"));
    let recorded = cuhk.run(&["cuhk", "record", "carried"]).expect(0);
    assert!(recorded.out.starts_with("On record: timestamp key "), "{}", recorded.out);
    blackboard_serving.out.line("Claims are taken: ");
    let student = two.enrols(SID);
    two.hand_in(&student, "one.receipt").expect(0);
    let verify = ["verify", "one.receipt", "report.pdf", "--root"];
    let root = offline.path("cuhk.cer");
    student.run(&[&verify[..], &[root.to_str().unwrap()]].concat()).expect(0);

    // The next issuing certificate, while CUHK serves.
    cuhk.run(&["cuhk", "issuing", "renew"]).expect(0);
    two.certify(cuhk, REQUEST, ANSWER);
    cuhk_serving.signal("HUP");
    cuhk_serving.out.line("Another issuing certificate is in use from now on");
    let other = two.enrols("0955000001");
    two.hand_in(&other, "two.receipt").expect(0);
    let wallet = other.home().join(".local/share/claim/0955000001.cer");
    cuhk.write("leaf.cer", fs::read(wallet).unwrap());
    let strict = ["verify", "-x509_strict", "-CAfile", "cuhk.cer", "-untrusted"];
    openssl(cuhk, &[&strict[..], &["cuhk-issuing-2.cer", "leaf.cer"]].concat());

    blackboard_serving.stop();
    cuhk_serving.stop();
    two.serve_cuhk().stop();
}

#[test]
fn what_the_root_revokes_travels_as_its_list() {
    let two = Two::new();
    let Two { offline, cuhk, .. } = &two;
    cuhk.run(&["cuhk", "issuing", "renew"]).expect(0);
    two.certify(cuhk, REQUEST, ANSWER);
    let serving = two.serve_cuhk();
    let student = two.enrols(SID);
    cuhk.run(&["cuhk", "issuing", "renew"]).expect(0);
    two.certify(cuhk, REQUEST, ANSWER);
    serving.signal("HUP");
    serving.out.line("Another issuing certificate is in use from now on");

    // The issuing certificate is on record where the root is, and revoked there.
    let serial = openssl(cuhk, &["x509", "-in", "cuhk-issuing.cer", "-noout", "-serial"]);
    let serial = serial.trim().trim_start_matches("serial=").to_lowercase();
    let revoke = ["cuhk", "revoke", &serial, "--reason", "keyCompromise"];
    cuhk.run(&revoke).explains(1, &["the root's key is kept offline"]);
    offline.run(&revoke).expect(0);
    let [list] = &fs::read_dir(offline.path("crl")).unwrap().collect::<Vec<_>>()[..] else {
        panic!("one list is made there");
    };
    let list = list.as_ref().unwrap();
    fs::copy(list.path(), cuhk.path("crl").join(list.file_name())).unwrap();
    assert_eq!(authorities(&two), 3, "the root and both issuing certificates");
    serving.signal("HUP");
    while authorities(&two) != 2 {}
    let renewed = student.run(&["student", "renew", "--cuhk", &two.cuhk_url]);
    renewed.explains(1, &["revoked"]);
    serving.stop();
}

/// How many certificates `cacerts` has.
fn authorities(two: &Two) -> usize {
    let line = format!(
        "curl --silent --fail --cacert cuhk.cer {}/.well-known/est/cacerts | openssl base64 -d | \
         openssl pkcs7 -inform DER -print_certs",
        two.cuhk_url
    );
    let mut shell = Command::new("sh");
    let output = shell.args(["-c", &line]).current_dir(two.cuhk.path(".")).output().unwrap();
    String::from_utf8(output.stdout).unwrap().matches("BEGIN CERTIFICATE").count()
}

#[test]
fn what_is_wrong_between_the_two_is_told() {
    let (two, others) = (Two::new(), Two::new());
    let Two { offline, cuhk, .. } = &two;
    offline.run(&["cuhk"]).explains(1, &["kept offline", "--root-elsewhere"]);
    offline.run(&["cuhk", "init", "--offline-root"]).explains(1, &["exists already"]);
    offline.run(&["cuhk", "certify", "--yes", "claim.toml"]).explains(1, &["not a request"]);
    // Without the setting a missing key is a loss.
    let settings = cuhk.read("claim.toml");
    cuhk.write("claim.toml", settings.replace("root-elsewhere = true\n", ""));
    cuhk.run(&["cuhk"]).explains(1, &["\"./cuhk.key\" is not", "--root-elsewhere"]);
    cuhk.write("claim.toml", settings);

    // An answer to another request, and another root's.
    cuhk.run(&["cuhk", "issuing", "renew"]).expect(0);
    others.cuhk.run(&["cuhk", "issuing", "renew"]).expect(0);
    others.certify(&others.cuhk, REQUEST, ANSWER);
    cuhk.write(ANSWER, others.cuhk.read(ANSWER));
    cuhk.run(&["cuhk"]).explains(1, &["the answer's certificate of the", "its own root"]);
    cuhk.write(ANSWER, "nothing");
    cuhk.run(&["cuhk"]).explains(1, &["is not an answer to a CUHK"]);
    two.certify(cuhk, REQUEST, ANSWER);
    fs::remove_file(cuhk.path("cuhk-issuing.key")).unwrap();
    cuhk.run(&["cuhk"]).explains(1, &["another issuing key than the one that is here"]);
    assert!(!cuhk.has("cuhk-issuing.cer") && cuhk.has(ANSWER));
    let done = cuhk.run(&["cuhk", "certify", "--yes", REQUEST]);
    done.explains(1, &["the root's key is kept offline"]);
}
