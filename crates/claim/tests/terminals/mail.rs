//! Invitations by mail, by a real mail server (aiosmtpd, which `cargo xtask provide` installs), read and enrolled with.

use std::path::Path;
use std::process::Command;

use crate::course::{Folder, SID, free_port};
use crate::invitations::{University, enroll};
use crate::program::{Done, Program};
use crate::reloading;

const PASSWORD: &str = "open sesame";

/// A mail server that runs.
struct MailServer {
    folder: Folder,
    program: Program,
    port: String,
}

impl MailServer {
    fn start(mode: &str) -> Self {
        let folder = Folder::new();
        let (certificate, key) = reloading::make(&folder, "server");
        folder.write("root.pem", &certificate);
        folder.write("server.pem", certificate + &key);
        let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("aiosmtpd");
        let mut command = Command::new(environment.join("bin/python"));
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terminals/mail/server.py");
        command.arg(script).arg(folder.path("")).arg(mode);
        let program = Program::start(command);
        let port = program.out.line("listening ").trim_start_matches("listening ").to_owned();
        Self { folder, program, port }
    }

    /// What stands in `claim.toml` to use it.
    fn settings(&self, tls: &str, more: &str) -> String {
        let root = self.folder.path("root.pem").display().to_string();
        let port = &self.port;
        format!(
            "[cuhk.mail]\nserver = \"localhost\"\nport = {port}\ntls = \"{tls}\"\nroot = \"{root}\"\n\
             from = \"CUHK Enrolment <enrol@cuhk.example>\"\nper-minute = 60000\n{more}\n"
        )
    }

    /// Waits for the mail of this number, and returns it as a person reads it.
    fn mail(&self, number: usize, to: &str) -> String {
        self.program.out.shows(&format!("took {number} {to}"));
        self.folder.read(&format!("{number}.txt"))
    }

    fn has(&self, number: usize) -> bool {
        self.folder.has(&format!("{number}.eml"))
    }
}

/// A CUHK that may mail, with these people on the roster.
fn university(mail: &str, people: &str) -> University {
    let university = University::new();
    let folder = &university.cuhk;
    folder.write("claim.toml", folder.read("claim.toml") + mail);
    folder.write("people.csv", format!("id,name,email\n{people}"));
    folder.run(&["cuhk", "roster", "import", "people.csv"]).expect(0);
    university
}

fn invite(folder: &Folder, whom: &[&str]) -> Done {
    folder.run(&[&["cuhk", "invite"], whom, &["--mail"]].concat())
}

/// With the password in the environment.
fn invite_with_password(folder: &Folder, password: &str) -> Done {
    let mut command = folder.command(&["cuhk", "invite", "--all-new", "--mail"]);
    command.env("CLAIM_MAIL_PASSWORD", password);
    Program::start(command).end()
}

/// The invitation in a mail.
fn line(mail: &str) -> &str {
    mail.lines().find(|line| line.starts_with("claim://")).unwrap()
}

const LOGIN: &str = "user = \"claim\"";

#[test]
fn everybody_is_mailed_a_line_that_enrols() {
    let server = MailServer::start("implicit");
    let more = format!(
        "{LOGIN}\npassword-file = \"password\"\nsubject = \"Einladung, 邀請\"\nreply-to = \"help@cuhk.example\""
    );
    let people = "1155123456,陳大文,chan@link.example\n1155000001,\"O'Neil, Ann\",ann@link.example\n\
                  1155000002,Bob,\n";
    let university = university(&server.settings("implicit", &more), people);
    let folder = &university.cuhk;

    // A password that others can read is not used.
    folder.write("password", format!("{PASSWORD}\n"));
    invite(folder, &["--all-new"]).explains(1, &["password"]);
    std::fs::remove_file(folder.path("password")).unwrap();
    folder.write_private("password", &format!("{PASSWORD}\n"));

    let done = invite(folder, &["--all-new"]).expect(1);
    assert!(done.out.contains("1155000002  has no e-mail address on record"), "{}", done.out);
    assert!(
        done.out.contains("Taken by the mail server: 2. Refused: 0. Doubtful: 0."),
        "{}",
        done.out
    );
    assert!(!done.out.contains("claim://"), "codes are in the mails alone:\n{}", done.out);
    let ann = server.mail(1, "ann@link.example");
    assert!(ann.contains("To: \"O'Neil, Ann\" <ann@link.example>\n"), "{ann}");
    let chan = server.mail(2, "chan@link.example");
    for said in [
        "From: CUHK Enrolment <enrol@cuhk.example>\n",
        "To: 陳大文 <chan@link.example>\n",
        "Subject: Einladung, 邀請\n",
        "Hello 陳大文,",
        "claim student enroll",
    ] {
        assert!(chan.contains(said), "{said:?} is not in:\n{chan}");
    }
    let list = folder.run(&["cuhk", "roster", "list"]).expect(0).out;
    let states: Vec<_> = list.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(states, ["invited", "new", "invited"]);

    let _cuhk = university.serve_cuhk();
    let done = enroll(&Folder::new(), line(&chan)).expect(0);
    assert!(done.out.contains(&format!("SID: {SID} sign finished.\n")), "{}", done.out);
    let told = server.mail(3, "chan@link.example");
    assert!(told.contains("Subject: A certificate was issued to you\n"), "{told}");

    // Nobody is mailed twice, unless somebody says so; then the first line is void.
    invite(folder, &["--all-new"]).expect(1);
    let done = invite(folder, &["--resend"]).expect(0);
    assert!(done.out.contains("Nobody is to be mailed."), "{}", done.out);
    assert!(!server.has(4));
    invite(folder, &["--resend", "1155000001"]).expect(0);
    let again = server.mail(4, "ann@link.example");
    enroll(&Folder::new(), line(&ann)).explains(1, &["expired"]);
    enroll(&Folder::new(), line(&again)).expect(0);
}

#[test]
fn a_refused_mail_is_told_its_code_is_void_and_it_is_tried_again() {
    let server = MailServer::start("starttls");
    let people = "1155000001,Ann,nobody@link.example\n1155000002,Bob,later@link.example\n\
                  1155000003,Cat,drop@link.example\n1155000004,Dan,dan@link.example\n";
    let university = university(&server.settings("starttls", LOGIN), people);
    let folder = &university.cuhk;
    let done = invite_with_password(folder, PASSWORD).expect(1);
    for said in [
        "1155000001  nobody@link.example  refused: permanent error (550): 5.1.1 no such mailbox",
        "1155000002  later@link.example  refused: transient error (451): 4.7.1 come again later",
        "1155000003  drop@link.example  refused: ",
        "Taken by the mail server: 1. Refused: 3. Doubtful: 0.",
    ] {
        assert!(done.out.contains(said), "{said:?} is not in:\n{}", done.out);
    }
    server.mail(1, "dan@link.example");
    let list = folder.run(&["cuhk", "roster", "list", "--state", "mail-failed"]).expect(0).out;
    assert_eq!(list.lines().count(), 3, "{list}");
    assert!(list.contains("no such mailbox"), "{list}");

    // With the right addresses the same command reaches them, and them alone.
    folder.write("right.csv", "id,email\n1155000001,ann@link.example\n1155000002,bob@link.example\n1155000003,cat@link.example\n");
    folder.run(&["cuhk", "roster", "import", "right.csv"]).expect(0);
    let done = invite_with_password(folder, PASSWORD).expect(0);
    assert!(done.out.contains("Taken by the mail server: 3."), "{}", done.out);
    let _cuhk = university.serve_cuhk();
    enroll(&Folder::new(), line(&server.mail(2, "ann@link.example"))).expect(0);
}

#[test]
fn killed_half_way_it_goes_on_and_mails_nobody_twice() {
    let server = MailServer::start("plain");
    let people = "1155000001,Ann,ann@link.example\n1155000002,Bob,hang@link.example\n\
                  1155000003,Cat,cat@link.example\n";
    let university = university(&server.settings("none", ""), people);
    let folder = &university.cuhk;
    let mailing = folder.start(&["cuhk", "invite", "--all-new", "--mail"]);
    let first = server.mail(1, "ann@link.example");
    // The server has the second mail, and its answer never comes.
    let second = server.mail(2, "hang@link.example");
    mailing.signal("KILL");
    assert_eq!(mailing.end().code, 128 + 9);

    let done = invite(folder, &["--all-new"]).expect(0);
    assert!(done.out.contains("is not known, as it was cut off: 1155000002."), "{}", done.out);
    assert!(done.out.contains("Taken by the mail server: 1."), "{}", done.out);
    server.mail(3, "cat@link.example");
    let list = folder.run(&["cuhk", "roster", "list"]).expect(0).out;
    let states: Vec<_> = list.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(states, ["invited", "doubtful", "invited"]);
    assert!(invite(folder, &["--all-new"]).expect(0).out.contains("Nobody is to be mailed."));
    assert!(!server.has(4));

    // It had left after all: both lines are good.
    let _cuhk = university.serve_cuhk();
    enroll(&Folder::new(), line(&first)).expect(0);
    enroll(&Folder::new(), line(&second)).expect(0);
}

#[test]
fn without_a_private_connection_and_the_right_password_nothing_is_sent() {
    let server = MailServer::start("implicit");
    let people = "1155000001,Ann,ann@link.example\n";
    let settings = server.settings("implicit", LOGIN);
    // One that does not offer what it should.
    let bare = MailServer::start("plain");
    let university = university(&settings, people);
    let folder = &university.cuhk;
    let toml = folder.read("claim.toml");
    invite_with_password(folder, "wrong").explains(1, &["does not let \"claim\" in"]);
    invite(folder, &["--all-new"]).explains(1, &["there is no password", "CLAIM_MAIL_PASSWORD"]);
    folder.write("letter.txt", "Hello {name}\n");
    let elsewhere = toml.replace("\"localhost\"", "\"smtp.example\"");
    for (altered, said) in [
        (toml.replace(&settings, &bare.settings("starttls", LOGIN)), "STARTTLS is not supported"),
        (toml.replace("root = ", "# root = "), "cannot be used"),
        (toml.replace("server = \"localhost\"", "server = \"127.0.0.1\""), "cannot be used"),
        (
            elsewhere.replace("tls = \"implicit\"", "tls = \"none\""),
            "for a mail server on this machine only",
        ),
        (toml.replace("per-minute = 60000", "template = \"letter.txt\""), "lacks {invitation}"),
        (toml.replace("[cuhk.mail]", "[cuhk.post]"), "post"),
        (toml.replace("from = ", "form = "), "[cuhk.mail]"),
    ] {
        folder.write("claim.toml", altered);
        let done = invite_with_password(folder, PASSWORD);
        assert!(done.code == 1 || done.code == 2, "{done:?}");
        assert!(done.err.contains(said), "{said:?} is not in:\n{}", done.err);
    }
    assert!(!server.has(1) && !bare.has(1));
    folder.write("claim.toml", toml);
    // All the while nobody was invited.
    let list = folder.run(&["cuhk", "roster", "list", "--state", "new"]).expect(0).out;
    assert_eq!(list.lines().count(), 1, "{list}");
    invite_with_password(folder, PASSWORD).expect(0);
    assert!(server.mail(1, "ann@link.example").contains("Hello Ann,"));
    folder.run(&["cuhk", "invite", "--sid", SID, "--mail"]).expect(2);
}

#[test]
fn each_certificate_is_told_by_mail_and_none_is_lost() {
    let server = MailServer::start("implicit");
    let settings = server.settings("implicit", &format!("{LOGIN}\npassword-file = \"password\""));
    // At first the mail server is away.
    let (port, nowhere) = (format!("port = {}", server.port), format!("port = {}", free_port()));
    let people = "1155123456,陳大文,chan@link.example\n1155000002,Bob,\n";
    let university = university(&settings.replace(&port, &nowhere), people);
    let folder = &university.cuhk;
    folder.write_private("password", &format!("{PASSWORD}\n"));
    let cuhk = university.serve_cuhk();
    let chan = Folder::new();
    enroll(&chan, &university.invite(&["--sid", SID])).expect(0);
    cuhk.err.shows("Nobody can be told by mail of new certificates");
    cuhk.signal("KILL");
    cuhk.end();

    folder.write("claim.toml", folder.read("claim.toml").replace(&nowhere, &port));
    let cuhk = university.serve_cuhk();
    let mail = server.mail(1, "chan@link.example");
    let list = folder.run(&["cuhk", "list", "--json"]).expect(0).documents();
    let issued = list.iter().find(|one| one["holder"] == SID).unwrap();
    for said in [
        "Subject: A certificate was issued to you\n",
        "Hello 陳大文,",
        &format!("certificate for {SID} to \""),
        "by a one-time code, on ",
        issued["serial"].as_str().unwrap(),
    ] {
        assert!(mail.contains(said), "{said:?} is not in:\n{mail}");
    }
    // Whoever has no address enrols all the same; renewals are told too.
    enroll(&Folder::new(), &university.invite(&["--sid", "1155000002"])).expect(0);
    let renew = ["student", "renew", "--cuhk", &university.cuhk_url, "--device", "Lab PC 3"];
    chan.run(&renew).expect(0);
    let mail = server.mail(2, "chan@link.example");
    for said in ["to \"Lab PC 3\",", "in place of the one it had, on "] {
        assert!(mail.contains(said), "{said:?} is not in:\n{mail}");
    }
    cuhk.stop();
    assert!(!server.has(3));
}
