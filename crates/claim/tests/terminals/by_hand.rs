//! docs/ENROLL.md: its commands, exactly as they stand there, against `claim cuhk`.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use claim_core::ProblemType;

use crate::course::{Course, Folder, OTHER_SID, SID};
use crate::invitations::University;
use crate::program::Program;

const DOCUMENT: &str = include_str!("../../../../docs/ENROLL.md");

/// The sections with commands, as they are named there.
const ENROL: &str = "Enrol";
const RENEW: &str = "Renew";
const RENEW_WITH_A_NEW_KEY: &str = "Renew with a new key";
const REVOKE: &str = "Revoke";
const LOCAL: &str = "At a local demonstration";

/// Bash stops where a command fails, as a person would.
const CAREFUL: &[&str] = &["-eu", "-o", "pipefail"];

/// The blocks of shell in a section.
fn blocks(section: &str) -> Vec<&'static str> {
    let heading = format!("\n## {section}\n");
    let (_, text) = DOCUMENT.split_once(&heading).unwrap_or_else(|| panic!("no section {section}"));
    let text = text.split("\n## ").next().unwrap();
    let fenced = text.split("\n```shell\n").skip(1);
    fenced.map(|rest| rest.split_once("\n```").expect("a fence ends").0).collect()
}

/// Somebody with `openssl`, `curl` and a shell, and no other program of ours.
struct Person {
    folder: Folder,
}

impl Person {
    /// Every program that the commands call is noted with its arguments before it runs.
    fn new(folder: Folder) -> Self {
        let programs = folder.home().join("bin");
        std::fs::create_dir_all(&programs).unwrap();
        for name in ["openssl", "curl", "cat", "cut", "head", "tr", "cmp", "mv", "rm"] {
            let note = format!(
                "#!/bin/sh\nprintf '%s\\n' \"{name} $*\" >> \"$HOME/called\"\n\
                 PATH=${{PATH#*:}}\nexec {name} \"$@\"\n"
            );
            std::fs::write(programs.join(name), note).unwrap();
            let runnable = PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(programs.join(name), runnable).unwrap();
        }
        Self { folder }
    }

    fn invited(university: &University) -> Self {
        let person = Self::new(Folder::new());
        person.folder.write("invitation.txt", university.invite(&["--sid", SID]));
        person
    }

    /// Runs these blocks in one bash.
    fn run(&self, blocks: &[&str], options: &[&str], cuhk: &str) -> Output {
        let home = self.folder.home();
        let path = std::env::var("PATH").unwrap();
        let mut bash = Command::new("bash");
        bash.arg("--norc").args(options).args(["-c", &blocks.join("\n")]);
        bash.env_clear().env("HOME", &home).env("CUHK", cuhk);
        bash.env("PATH", format!("{}:{path}", home.join("bin").display()));
        bash.current_dir(self.folder.path("")).stdin(Stdio::null()).output().unwrap()
    }

    /// The same, expecting that it goes well; what it said.
    #[track_caller]
    fn succeeds(&self, blocks: &[&str]) -> String {
        self.succeeds_at(blocks, "nowhere.invalid")
    }

    #[track_caller]
    fn succeeds_at(&self, blocks: &[&str], cuhk: &str) -> String {
        let output = self.run(blocks, CAREFUL, cuhk);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{out}\n{err}");
        // `openssl genpkey` shows progress on standard error; nobody else has anything to say there.
        assert!(!err.contains("rror"), "{err}");
        out
    }

    /// The lines of all programs that were called.
    fn called(&self) -> String {
        std::fs::read_to_string(self.folder.home().join("called")).unwrap()
    }

    /// What a stock tool says about a file here.
    fn ask(&self, line: &str) -> String {
        let mut sh = Command::new("sh");
        let output = sh.args(["-euc", line]).current_dir(self.folder.path("")).output().unwrap();
        assert!(output.status.success(), "{line}: {output:?}");
        text(&output.stdout)
    }

    fn serial(&self) -> String {
        let line = self.ask("openssl x509 -in my.cer -noout -serial");
        line.trim().trim_start_matches("serial=").to_lowercase()
    }

    fn public_key(&self) -> String {
        let key = self.ask("openssl pkey -in my.key -pubout");
        assert_eq!(self.ask("openssl x509 -in my.cer -noout -pubkey"), key);
        key
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The serial numbers of persons, in the order in which they were issued.
fn issued(folder: &Folder, id: &str) -> Vec<String> {
    let list = folder.run(&["cuhk", "list", "--json"]).expect(0);
    let of_id = list.documents().into_iter().filter(|one| one["holder"] == id);
    of_id.map(|one| one["serial"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_invited_person_enrols_and_renews_with_the_documents_commands() {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    let person = Person::invited(&university);
    let invitation = person.folder.read("invitation.txt");
    let code = invitation.split(['/', '#']).nth(4).unwrap();

    let said = person.succeeds(&blocks(ENROL));
    assert!(said.contains("This is the CUHK that invited you.\n"), "{said}");
    assert!(said.contains("my.cer: OK\n"), "{said}");
    assert!(said.contains(&format!("UID = {SID}")) && said.contains("notAfter="), "{said}");
    assert!(said.ends_with("The certificate is for my.key.\n"), "{said}");
    cuhk.out.shows(SID);
    // The document's own checks are not believed.
    let verify = "openssl verify -x509_strict -CAfile cuhk.cer -untrusted authorities.cer my.cer";
    assert_eq!(person.ask(verify), "my.cer: OK\n");
    assert_eq!(person.folder.read("cuhk.cer"), university.cuhk.read("cuhk.cer"));
    let first = person.serial();
    assert_eq!(issued(&university.cuhk, SID), std::slice::from_ref(&first));
    let (key, mode) = (person.folder.path("my.key"), |path| {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    });
    assert_eq!(mode(key), 0o600);
    assert!(!person.folder.has("invitation.txt") && !person.folder.has("answer"));
    let called = person.called();
    assert!(called.contains("simpleenroll") && !called.contains(code), "{called}");

    let own = person.public_key();
    person.succeeds(&blocks(RENEW));
    let second = person.serial();
    assert_eq!(person.public_key(), own);
    person.succeeds(&blocks(RENEW_WITH_A_NEW_KEY));
    let third = person.serial();
    assert_ne!(person.public_key(), own);
    assert_eq!(issued(&university.cuhk, SID), [first, second, third]);
    assert!(!person.folder.has("new.key") && !person.folder.has("new.cer"));
    // And once more, with what is in the folder now.
    person.succeeds(&blocks(RENEW));
    assert_eq!(issued(&university.cuhk, SID).len(), 4);
    cuhk.stop();
}

#[test]
fn a_person_gives_up_certificates_with_the_documents_commands() {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    let person = Person::invited(&university);
    person.succeeds(&blocks(ENROL));
    let lost = person.serial();
    let [by_certificate, by_code] = blocks(REVOKE)[..] else { panic!("the ways are others") };
    let said = person.succeeds(&[by_certificate]);
    assert!(said.contains(&lost) && said.contains("\"before\":false"), "{said}");
    let revoked = || {
        let list = university.cuhk.run(&["cuhk", "list", "--json"]).expect(0).documents();
        let of_id = list.into_iter().filter(|one| one["holder"] == SID);
        let gone = of_id.filter(|one| !one["revoked_at"].is_null());
        gone.map(|one| one["serial"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(revoked(), std::slice::from_ref(&lost));

    // The next device is lost with its key; from another one, with a new line, which then enrols.
    let next = Person::invited(&university);
    next.succeeds(&blocks(ENROL));
    let other = Person::invited(&university);
    let line = other.folder.read("invitation.txt");
    let code = line.split(['/', '#']).nth(4).unwrap();
    let enrol = blocks(ENROL);
    let said = other.succeeds(&[&enrol[..2], &[by_code], &enrol[2..]].concat());
    assert!(said.contains(&next.serial()) && said.contains("my.cer: OK"), "{said}");
    let called = other.called();
    assert!(called.contains("/revocations") && !called.contains(code), "{called}");
    assert_eq!(revoked().len(), 2);
    other.succeeds(&blocks(RENEW));
    cuhk.stop();
}

#[test]
fn a_local_demonstration_certifies_whoever_follows_the_document() {
    let Course { folder, cuhk: url, .. } = &Course::new();
    let cuhk = serve(folder);
    let person = Person::new(Folder::new());
    person.folder.write("cuhk.cer", folder.read("cuhk.cer"));
    let (local, enrol) = (blocks(LOCAL), blocks(ENROL));
    // "Begin with this instead of the first two steps"; there is no invitation to be removed in the end either.
    person.folder.write("invitation.txt", "");
    let said = person.succeeds_at(&[&local, &enrol[2..]].concat(), &url["https://".len()..]);
    assert!(said.contains("my.cer: OK\n"), "{said}");
    assert_eq!(issued(folder, SID), [person.serial()]);
    person.succeeds(&blocks(RENEW));
    assert_eq!(issued(folder, SID).len(), 2);
    // Without a word of ours it is the port of the README.
    assert!(local[0].contains("${CUHK:-localhost:9335}"), "{local:?}");
    cuhk.stop();
}

fn serve(folder: &Folder) -> Program {
    let program = folder.start(&["cuhk"]);
    program.out.line("CUHK listens on ");
    program
}

#[test]
fn a_code_does_not_go_to_a_cuhk_that_did_not_invite() {
    let (inviting, other) = (University::new(), University::new());
    let cuhk = other.serve_cuhk();
    let person = Person::invited(&inviting);
    // The line leads to the impostor, who certified that host name too; only the pin tells them apart.
    let invitation = person.folder.read("invitation.txt");
    let (own, theirs) =
        (&inviting.cuhk_url["https://".len()..], &other.cuhk_url["https://".len()..]);
    person.folder.write("invitation.txt", invitation.replace(own, theirs));
    let enrol = blocks(ENROL);
    // Whoever reads nothing and pastes on: no command stops the next.
    let output = person.run(&enrol, &[], "nowhere.invalid");
    assert!(text(&output.stdout).contains("STOP: this is not the CUHK"), "{output:?}");
    assert!(text(&output.stderr).contains("curl: (77)"), "{output:?}");
    assert!(!person.folder.has("cuhk.cer"));
    assert_eq!(issued(&other.cuhk, SID), [""; 0]);
    let shown = cuhk.stop();
    assert!(!format!("{}{}", shown.out, shown.err).contains("simpleenroll"), "{shown:?}");
}

/// Each row: what is changed between which blocks, and what `answer` says then.
#[test]
fn refusals_are_in_the_file_that_the_document_names() {
    let university = University::new();
    let _cuhk = university.serve_cuhk();
    let [unpack, root, key, send, ..] = blocks(ENROL)[..] else { panic!("the steps are others") };
    for (steps, name) in [
        (&[unpack, "code=AQEBAQEBAQEBAQEBAQEBAQ", root, key, send][..], "code-refused"),
        (
            &[unpack, root, &format!("id={OTHER_SID}"), key, &format!("id={SID}"), send],
            "request-subject",
        ),
        (
            &[unpack, root, key, "head -c 300 my.csr > cut; mv cut my.csr", send],
            "request-unreadable",
        ),
        (&[unpack, root, &key.replace("P-256", "P-384"), send], "request-key"),
        (&[unpack, root, key, send, key, send], "code-used"),
        (
            &[unpack, root, key, send, &blocks(RENEW).concat().replace("--cert my.cer", "")],
            "client-certificate-required",
        ),
    ] {
        let person = Person::invited(&university);
        let output = person.run(steps, CAREFUL, "nowhere.invalid");
        assert_eq!(output.status.code(), Some(22), "{name}: {output:?}");
        assert!(text(&output.stderr).contains("curl: (22) The requested URL returned error: "));
        let answer: serde_json::Value =
            serde_json::from_str(&person.folder.read("answer")).unwrap();
        let told = answer["type"].as_str().unwrap();
        assert!(told.ends_with(&format!("/problems/{name}")), "{answer}");
        assert!(DOCUMENT.contains(&format!("| `{name}` |")), "{name} is not in the document");
    }
}

#[test]
fn the_document_names_real_refusals_and_every_block_is_run() {
    let (_, refusals) = DOCUMENT.split_once("\n## When it is refused\n").unwrap();
    let rows = refusals.lines().filter_map(|line| line.strip_prefix("| `"));
    let names: BTreeSet<_> = rows
        .filter(|row| !row.starts_with('('))
        .map(|row| row.split('`').next().unwrap())
        .collect();
    assert!(names.len() >= 10, "{names:?}");
    for name in names {
        assert!(ProblemType::from_slug(name).is_some(), "{name}");
    }
    let run =
        [ENROL, RENEW, RENEW_WITH_A_NEW_KEY, REVOKE, LOCAL].map(|section| blocks(section).len());
    assert_eq!(DOCUMENT.matches("```").count(), 2 * run.iter().sum::<usize>());
}
