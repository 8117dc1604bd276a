//! Enrolment by single sign-on, by a real sign-in service (oidc-provider, which `cargo xtask provide` installs), with curl as
//! the browser.

use std::path::Path;
use std::process::Command;

use crate::course::{Folder, SID};
use crate::invitations::University;
use crate::program::Program;

const SECRET: &str = "the secret: of a client & more";

/// A sign-in service that runs.
struct Service {
    _program: Program,
    issuer: String,
}

impl Service {
    /// Where CUHK at this address is registered; without a secret as a public client.
    fn start(algorithm: &str, cuhk: &str, secret: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("oidc-provider");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminals/oidc/server.mjs");
        let mut command = Command::new("node");
        command.arg(script).arg(folder).arg(algorithm);
        command.arg(format!("{cuhk}/sign-in/callback")).arg(secret);
        let program = Program::start(command);
        let issuer = program.out.line("listening ").trim_start_matches("listening ").to_owned();
        Self { _program: program, issuer }
    }
}

/// A browser with its cookies.
struct Browser<'f> {
    folder: &'f Folder,
    root: String,
}

impl Browser<'_> {
    /// Goes there and wherever it is led; the page at the end.
    fn open(&self, url: &str, fields: &[(&str, &str)]) -> String {
        let mut curl = Command::new("curl");
        curl.current_dir(self.folder.path("")).args(["--silent", "--show-error", "--location"]);
        curl.args(["--cookie", "jar", "--cookie-jar", "jar", "--cacert", &self.root]);
        curl.args(["--header", "Accept: text/html", "--max-time", "40"]);
        for (name, value) in fields {
            curl.arg("--data-urlencode").arg(format!("{name}={value}"));
        }
        let output = curl.arg(url).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Types the code at CUHK, signs in at the service as this person and agrees there; CUHK's page at the end.
    fn signs_in(&self, link: &str, code: &str, sid: &str) -> String {
        let page = self.open(link, &[]);
        let page = self.open(link, &[("token", &token(&page)), ("code", code)]);
        let mut page = self.open(&between(&page, "<a href=\"", "\"").replace("&amp;", "&"), &[]);
        for _ in 0..2 {
            if !page.contains("/interaction/") {
                break;
            }
            let action = between(&page, "action=\"", "\"");
            let prompt = between(&page, "name=\"prompt\" value=\"", "\"");
            let mut fields = vec![("prompt", prompt.as_str())];
            if prompt == "login" {
                fields.extend([("login", sid), ("password", "whatever")]);
            }
            page = self.open(&action, &fields);
        }
        page
    }
}

#[track_caller]
fn between(text: &str, before: &str, after: &str) -> String {
    let (_, rest) =
        text.split_once(before).unwrap_or_else(|| panic!("{before:?} is not in {text}"));
    rest.split_once(after).unwrap().0.to_owned()
}

fn token(page: &str) -> String {
    between(page, "name=\"token\" value=\"", "\"")
}

/// A CUHK that is registered with a service, and somebody who has its root and nothing else.
fn scene(algorithm: &str, secret: &str) -> (University, Service, Folder) {
    let university = University::new();
    let service = Service::start(algorithm, &university.cuhk_url, secret);
    let folder = &university.cuhk;
    let mut settings = format!(
        "[cuhk.sso]\nissuer = \"{}\"\nclient-id = \"claim\"\ndomain = \"link.cuhk.example\"\n",
        service.issuer
    );
    if !secret.is_empty() {
        folder.write_private("sso.secret", &format!("{secret}\n"));
        settings.push_str("client-secret = \"sso.secret\"\n");
    }
    folder.write("claim.toml", folder.read("claim.toml") + &settings);
    folder.write("people.csv", format!("id,name\n{SID},陳大文\n"));
    folder.run(&["cuhk", "roster", "import", "people.csv"]).expect(0);
    let student = Folder::new();
    student.write("cuhk.cer", folder.read("cuhk.cer"));
    (university, service, student)
}

/// The link and the code that the terminal shows.
fn shown(terminal: &Program) -> (String, String) {
    terminal.out.shows("sign in with the university");
    let link = terminal.out.line("    https://").trim().to_owned();
    terminal.out.shows("It asks for this code");
    let code = terminal.out.line("    ").trim().to_owned();
    (link, code)
}

#[test]
fn whoever_signs_in_and_confirms_is_enrolled() {
    for (algorithm, secret) in [("RS256", SECRET), ("ES256", ""), ("EdDSA", SECRET)] {
        let (university, _service, student) = scene(algorithm, secret);
        let cuhk = university.cuhk.start(&["cuhk", "-vv"]);
        cuhk.out.line("CUHK listens on ");
        let url = university.cuhk_url.as_str();
        // Also when quiet it says where to go.
        let terminal =
            student.start(&["student", "enroll", "--sso", "--sid", SID, "--cuhk", url, "--quiet"]);
        let (link, code) = shown(&terminal);
        assert_eq!(link, format!("{url}/sign-in"));
        let key = between(&terminal.out.text(), "(SHA-256):\n\n    ", "\n");

        let root = student.path("cuhk.cer").display().to_string();
        let browser = Browser { folder: &student, root };
        let page = browser.signs_in(&link, &code, SID);
        for shown in [SID, &code, &key] {
            assert!(page.contains(shown), "{algorithm}: {shown} is not in {page}");
        }
        let confirm = [("token", token(&page)), ("decision", "confirm".to_owned())];
        let confirm = confirm.each_ref().map(|(name, value)| (*name, value.as_str()));
        let page = browser.open(&format!("{url}/sign-in/confirm"), &confirm);
        assert!(page.contains("<h1>Confirmed</h1>"), "{page}");
        let done = terminal.end().expect(0);
        assert!(done.out.contains("Certificate "), "{}", done.out);
        cuhk.out.line(&format!("SID: {SID} certificate "));
        let listed = university.cuhk.run(&["cuhk", "list", "--json"]).expect(0);
        let people = listed.documents().into_iter().filter(|entry| entry["profile"] == "person");
        let people: Vec<_> = people.collect();
        assert_eq!(people.len(), 1, "{people:?}");
        assert_eq!(people[0]["holder"], SID);
        let done = cuhk.stop();
        let text = done.out + &done.err;
        // What every JWT begins with, and what stands before the secrets of a visit.
        let secrets = [SECRET, "eyJ", "__Host-", "code=", "code_verifier", "state=", "earer "];
        for secret in secrets.into_iter().chain([code.as_str()]) {
            assert!(!text.contains(secret), "{secret:?} is in the log: {text}");
        }
    }
}

#[test]
fn a_member_of_staff_signs_in_on_a_device_with_a_name() {
    let (university, _service, terminals) = scene("ES256", SECRET);
    let office = &university.cuhk;
    office.write("people.csv", "id,name\nchan.tm,CHAN Tai Man\n");
    office.run(&["cuhk", "roster", "import", "people.csv"]).expect(0);
    let cuhk = university.serve_cuhk();
    let url = university.cuhk_url.as_str();
    let enroll = ["student", "enroll", "--sso", "--staff", "chan.tm", "--device", "Office PC 3"];
    let terminal = terminals.start(&[&enroll[..], &["--cuhk", url]].concat());
    let (link, code) = shown(&terminal);
    let root = terminals.path("cuhk.cer").display().to_string();
    let browser = Browser { folder: &terminals, root };
    let page = browser.signs_in(&link, &code, "chan.tm");
    let confirm = [("token", token(&page)), ("decision", "confirm".to_owned())];
    let confirm = confirm.each_ref().map(|(name, value)| (*name, value.as_str()));
    browser.open(&format!("{url}/sign-in/confirm"), &confirm);
    terminal.end().expect(0);
    assert!(terminals.has("staff-chan.tm.cer"), "{:?}", terminals.names());
    let listed = office.run(&["cuhk", "list"]).expect(0).out;
    assert!(listed.contains("chan.tm") && listed.contains("on Office PC 3"), "{listed}");
    for usage in [
        &["student", "enroll", "--staff", "chan.tm"][..],
        &["student", "enroll", "--sso", "--staff", "1155123456"],
        &["student", "enroll", "--sso", "--staff", "chan.tm", "--sid", SID],
    ] {
        terminals.run(usage).expect(2);
    }
    cuhk.stop();
}

#[test]
fn a_terminal_is_told_what_became_of_it() {
    let (university, service, student) = scene("ES256", SECRET);
    let cuhk = university.serve_cuhk();
    let url = university.cuhk_url.as_str();
    let enroll = ["student", "enroll", "--sso", "--sid", SID, "--cuhk", url, "--json"];
    let terminal = student.start(&enroll);
    let wanted = terminal.out.event("sign-in-wanted");
    let text = |name: &str| wanted[name].as_str().unwrap().to_owned();
    let root = student.path("cuhk.cer").display().to_string();
    let browser = Browser { folder: &student, root };

    // Another person signs in at the service: CUHK says so, and the terminal goes on waiting.
    let page = browser.signs_in(&text("link"), &text("code"), "1155000001");
    assert!(page.contains("sign-in-other-person"), "{page}");
    std::fs::remove_file(student.path("jar")).unwrap();

    // CUHK is away for a moment.
    cuhk.stop();
    let cuhk = university.serve_cuhk();
    let page = browser.signs_in(&text("link"), &text("code"), SID);
    terminal.out.event("signed-in");
    let deny = [("token", token(&page)), ("decision", "deny".to_owned())];
    let deny = deny.each_ref().map(|(name, value)| (*name, value.as_str()));
    let page = browser.open(&format!("{url}/sign-in/confirm"), &deny);
    assert!(page.contains("<h1>Denied</h1>"), "{page}");
    let done = terminal.end().expect(1);
    assert!(done.out.contains("The sign-in was denied"), "{}", done.out);
    cuhk.err.shows("denied the key");
    assert!(!student.has(&format!("{SID}.cer")));
    drop(service);
    cuhk.stop();
}

#[test]
fn what_is_missing_is_told_at_once() {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    let student = Folder::new();
    let url = university.cuhk_url.as_str();
    let enroll = ["student", "enroll", "--sso", "--sid", SID, "--cuhk", url];
    student.run(&enroll).explains(1, &["cuhk.cer"]);
    student.write("cuhk.cer", university.cuhk.read("cuhk.cer"));
    student.run(&enroll).explains(1, &["offers no single sign-on"]);
    let both = [&enroll[..], &["--invite-file", "x"]].concat();
    assert_eq!(student.run(&both).code, 2);
    cuhk.stop();

    let folder = &university.cuhk;
    folder.write(
        "claim.toml",
        folder.read("claim.toml")
            + "[cuhk.sso]\nissuer = \"http://login.example\"\nclient-id = \"claim\"\n",
    );
    folder.run(&["cuhk"]).explains(1, &["[cuhk.sso] issuer", "https"]);
}
