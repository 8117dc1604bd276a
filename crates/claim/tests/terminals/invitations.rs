//! A real CUHK: made on purpose, everybody invited, each in a folder of their own.

use crate::course::{Course, Folder, OTHER_SID, SID, free_port};
use crate::program::{Done, Program};

/// A real CUHK and its Blackboard, each in its own folder, and where they are.
pub(crate) struct University {
    pub(crate) cuhk: Folder,
    blackboard: Folder,
    pub(crate) cuhk_url: String,
    blackboard_url: String,
}

impl University {
    /// Makes the root; nothing runs yet.
    pub(crate) fn new() -> Self {
        Self::made_by(|folder| folder.run(&["cuhk", "init"]))
    }

    /// The same with a root that is made in another way.
    pub(crate) fn made_by(init: impl FnOnce(&Folder) -> Done) -> Self {
        let (cuhk_port, blackboard_port) = (free_port(), free_port());
        let cuhk_url = format!("https://localhost:{cuhk_port}");
        let cuhk = Folder::new();
        cuhk.write(
            "claim.toml",
            format!("[cuhk]\nlisten = \"127.0.0.1:{cuhk_port}\"\npublic-url = \"{cuhk_url}\"\n"),
        );
        let done = init(&cuhk).expect(0);
        assert!(done.out.starts_with("Made ./cuhk.cer (SHA-256 "), "{}", done.out);
        let blackboard_url = format!("https://localhost:{blackboard_port}");
        let blackboard = Folder::new();
        blackboard.write(
            "claim.toml",
            format!(
                "[blackboard]\nlisten = \"127.0.0.1:{blackboard_port}\"\ncuhk = \"{cuhk_url}\"\n"
            ),
        );
        Self { cuhk, blackboard, cuhk_url, blackboard_url }
    }

    pub(crate) fn serve_cuhk(&self) -> Program {
        self.serve_cuhk_with(&[])
    }

    pub(crate) fn serve_cuhk_with(&self, more: &[&str]) -> Program {
        let program = self.cuhk.start(&[&["cuhk"], more].concat());
        let line = program.out.line("CUHK listens on ");
        assert!(line.ends_with(&format!("as {}.", self.cuhk_url)), "{line}");
        program
    }

    /// Blackboard's folder.
    pub(crate) fn blackboard(&self) -> &Folder {
        &self.blackboard
    }

    pub(crate) fn blackboard_url(&self) -> String {
        self.blackboard_url.clone()
    }

    pub(crate) fn serve_blackboard(&self, arguments: &[&str]) -> Program {
        let program = self.blackboard.start(&[&["blackboard"], arguments].concat());
        program.out.line("Blackboard listens on ");
        program
    }

    /// Blackboard, from its invitation on.
    pub(crate) fn serve_invited_blackboard(&self) -> Program {
        let invitation = self.invite(&["--server", &self.blackboard_url]);
        self.blackboard.write("invitation.txt", invitation);
        self.serve_blackboard(&["--invite-file", "invitation.txt"])
    }

    /// An invitation, as it is printed.
    pub(crate) fn invite(&self, whom: &[&str]) -> String {
        self.cuhk.run(&[&["cuhk", "invite"], whom].concat()).expect(0).out
    }
}

pub(crate) fn enroll(student: &Folder, invitation: &str) -> Done {
    student.run_with(&["student", "enroll", "--invite-file", "-"], invitation)
}

#[test]
fn everybody_in_a_folder_of_their_own() {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    assert!(!cuhk.out.text().contains("LOCAL DEMONSTRATION"));
    assert!(!university.cuhk.has("blackboard.invite"));

    // Blackboard says what it needs, gets its invitation, and with it the root.
    let (origin, folder) = (&university.blackboard_url, &university.blackboard);
    let waiting = folder.start(&["blackboard"]);
    waiting.out.line("Waiting for CUHK to leave ");
    waiting.stop();
    folder.write("invitation.txt", university.invite(&["--server", origin]));
    let blackboard = university.serve_blackboard(&["--invite-file", "invitation.txt"]);
    assert_eq!(folder.read("cuhk.cer"), university.cuhk.read("cuhk.cer"));
    cuhk.out.line(&format!("Server: {origin} certificate "));

    // The student has nothing but the line.
    let student = Folder::new();
    let invitation = university.invite(&["--sid", SID]);
    assert!(invitation.starts_with(&format!("claim://{}/{SID}/", &university.cuhk_url[8..])));
    let done = enroll(&student, &invitation).expect(0);
    assert!(done.out.contains(&format!("SID: {SID} sign finished.\n")), "{}", done.out);
    assert!(done.out.contains("is the root that the invitation names"), "{}", done.out);
    assert_eq!(student.names(), Vec::<String>::new());
    let wallet = student.home().join(".local/share/claim");
    assert!(wallet.join("cuhk.cer").exists() && wallet.join(format!("{SID}.key")).exists());
    let say = ["student", "say", "--blackboard", origin, "from afar"];
    student.run(&say).expect(0);
    blackboard.out.line(&format!("SID:{SID} "));

    // The same line again is no harm here, and is of no use to anybody else.
    let again = enroll(&student, &invitation).expect(0);
    assert!(again.out.contains("has a certificate already"), "{}", again.out);
    let thief = Folder::new();
    enroll(&thief, &invitation).explains(1, &["CUHK refused", "another key"]);
    cuhk.err.shows(&format!("The code of {SID} was used with a second key"));
    let listed = university.cuhk.run(&["cuhk", "list"]).expect(0).out;
    let mut holders: Vec<_> =
        listed.lines().map(|line| line.split_whitespace().nth(2).unwrap().to_owned()).collect();
    let witness = format!("{}/witness", &university.cuhk_url[8..]);
    // CUHK's own three are of the same moment: its server, its timestamps, its witness.
    holders[..3].sort();
    assert_eq!(holders, [&university.cuhk_url, &university.cuhk_url, &witness, origin, SID]);

    // A restart needs no invitation any more; renewal needs none at all.
    blackboard.stop();
    std::fs::remove_file(folder.path("invitation.txt")).unwrap();
    let blackboard = university.serve_blackboard(&[]);
    student.run(&["student", "renew", "--cuhk", &university.cuhk_url]).expect(0);
    student.run(&say).expect(0);
    blackboard.stop();
    cuhk.stop();
}

#[test]
fn invitations_of_all_kinds_in_text_and_json() {
    let university = University::new();
    let folder = &university.cuhk;
    let one = university.invite(&["--sid", SID]);
    assert_eq!(one.lines().count(), 1);
    assert_ne!(one, university.invite(&["--sid", SID]), "each code is a new one");
    let done = folder.run(&["cuhk", "invite", "--sid", OTHER_SID, "--json"]).expect(0);
    let [document] = &done.documents()[..] else { panic!("{}", done.out) };
    let line = document["invitation"].as_str().unwrap();
    assert!(line.contains(&format!("/{OTHER_SID}/")), "{line}");
    let elsewhere = ["--public-url", "https://cuhk.example"];
    let done = folder.run(&[&["cuhk", "invite", "--sid", SID], &elsewhere[..]].concat()).expect(0);
    assert!(
        done.out.starts_with(&format!("claim://cuhk.example:443/{SID}/"))
            || done.out.starts_with(&format!("claim://cuhk.example/{SID}/")),
        "{}",
        done.out
    );

    folder.write("roster.csv", "id,name\n1155123456,陳大文\n0955000001,\"O'Neil, \"\"Ann\"\"\"\n");
    let done = folder.run(&["cuhk", "invite", "--roster", "roster.csv"]).expect(0);
    let lines: Vec<_> = done.out.lines().collect();
    assert!(lines[0].starts_with("1155123456,\"陳大文\",claim://"), "{}", done.out);
    assert!(lines[1].starts_with("0955000001,\"O'Neil, \"\"Ann\"\"\",claim://"), "{}", done.out);
    let done = folder.run(&["cuhk", "invite", "--roster", "roster.csv", "--json"]).expect(0);
    assert_eq!(done.documents()[1]["name"], "O'Neil, \"Ann\"");
    assert_eq!(
        folder.run(&["cuhk", "list"]).expect(0).out,
        "No certificate has been issued yet.\n"
    );
    assert_eq!(folder.run(&["cuhk", "list", "--json"]).expect(0).out, "");
}

#[test]
fn a_wrong_roster_invites_nobody() {
    let university = University::new();
    let folder = &university.cuhk;
    for (csv, said) in [
        (&b""[..], &["the file is empty", "name the columns"][..]),
        (b"name\nAnn\n", &["exactly one column id"]),
        (b"id\n", &["names nobody"]),
        (
            b"id,name\n115,Ann\n1155000009,Bob,x\n1155000010,Z\n1155000010,Z\n",
            &[
                "line 2: a student ID has exactly 10 digits",
                "line 3: it has 3 fields",
                "line 5: 1155000010 stands in line 4 already",
            ],
        ),
        (b"id,name\n1155123456,\xff\n", &["line 2 is not UTF-8", "CSV UTF-8"]),
        (b"\xff\xfei\0d", &["UTF-16", "CSV UTF-8"]),
    ] {
        folder.write("roster.csv", csv);
        let done = folder.run(&["cuhk", "invite", "--roster", "roster.csv"]).explains(1, said);
        assert_eq!(done.out, "");
    }
    let done = folder.run(&["cuhk", "invite", "--roster", "missing.csv"]);
    done.explains(1, &["cannot read missing.csv"]);
    folder.run(&["cuhk", "invite", "--sid", "115"]).expect(2);
    folder.run(&["cuhk", "invite", "--server", "blackboard.example"]).expect(2);
}

#[test]
fn without_a_good_invitation_there_is_no_certificate() {
    let university = University::new();
    let _cuhk = university.serve_cuhk();
    let good = university.invite(&["--sid", SID]);
    let (front, pin) = good.trim_end().split_once('#').unwrap();
    // The last character holds bits that must be zero; the first is free.
    let altered =
        |text: &str| format!("{}{}", if text.starts_with('A') { 'B' } else { 'A' }, &text[1..]);
    let (_, code) = front.rsplit_once('/').unwrap();
    let student = Folder::new();
    for (line, said) in [
        (String::new(), "an invitation begins with claim://"),
        ("hello".to_owned(), "an invitation begins with claim://"),
        (front.to_owned(), "the invitation is not complete"),
        (format!("{front}#{}", altered(pin)), "is not the CUHK that the invitation is from"),
        (good.replace(code, &altered(code)), "CUHK refused"),
        (good.replace(SID, OTHER_SID), "CUHK refused"),
        (university.invite(&["--server", "https://localhost"]), "not for a person"),
    ] {
        enroll(&student, &line).explains(1, &[said]);
    }
    let done = student.run(&["student", "enroll", "--invite-file", "missing.txt"]);
    done.explains(1, &["missing.txt"]);
    student.write("invitation.txt", &good);
    let done =
        student.run(&["student", "enroll", "--sid", OTHER_SID, "--invite-file", "invitation.txt"]);
    done.explains(1, &[&format!("for {SID}, not for {OTHER_SID}")]);
    // None of it has used up the code; here the line is typed when it is asked for.
    let mut asked = student.start(&["student", "enroll", "--sid", SID]);
    asked.err.shows("Paste your invitation (claim://…)");
    asked.type_line(good.trim_end());
    asked.out.shows(&format!("SID: {SID} sign finished."));
    asked.end().expect(0);
}

#[test]
fn a_blackboard_with_a_wrong_invitation_does_not_start() {
    let university = University::new();
    let _cuhk = university.serve_cuhk();
    let folder = &university.blackboard;
    let start = |line: &str| {
        folder.write("invitation.txt", line);
        folder.run(&["blackboard", "--invite-file", "invitation.txt"])
    };
    start("").explains(1, &["invitation.txt", "claim://"]);
    start(&university.invite(&["--sid", SID])).explains(1, &[&format!("is for {SID}")]);
    let other = university.invite(&["--server", "https://blackboard.example"]);
    start(&other).explains(1, &["is for https://blackboard.example", &university.blackboard_url]);
    let done = folder.run(&["blackboard", "--invite-file", "missing.txt"]);
    done.explains(1, &["missing.txt", "does not exist"]);
    // With the root, yet without an invitation, it says what to ask for.
    folder.write("cuhk.cer", university.cuhk.read("cuhk.cer"));
    let done = folder.run(&["blackboard"]);
    done.explains(1, &[&format!("`claim cuhk invite --server {}`", university.blackboard_url)]);
    let good = university.invite(&["--server", &university.blackboard_url]);
    folder.write("invitation.txt", good);
    university.serve_blackboard(&["--invite-file", "invitation.txt"]).stop();
}

#[test]
fn local_and_real_do_not_mix() {
    // What has certified whoever asked invites nobody and never serves others.
    let course = Course::new();
    let folder = &course.folder;
    course.cuhk().stop();
    let done = folder.run(&["cuhk", "invite", "--sid", SID]);
    done.explains(1, &["local demonstration", "`claim cuhk init --dir FOLDER`"]);
    folder.run(&["cuhk", "init"]).explains(1, &["exists already"]);
    let any = ["cuhk", "--listen", "127.0.0.1:0"];
    let done = folder.run(&[&any[..], &["--public-url", "https://cuhk.example"]].concat());
    done.explains(1, &["was made for local demonstrations", "https://cuhk.example"]);
    let done = folder.run(&["cuhk", "--listen", "0.0.0.0:0"]);
    done.explains(1, &["was made for local demonstrations", "0.0.0.0:0"]);
    // What was made for real does not enrol whoever asks.
    let university = University::new();
    university.cuhk.run(&["cuhk", "init"]).explains(1, &["exists already"]);
    let _cuhk = university.serve_cuhk();
    university.cuhk.run(&["cuhk", "init"]).explains(1, &["another CUHK works with"]);
    let student = Folder::new();
    student.write("cuhk.cer", university.cuhk.read("cuhk.cer"));
    let done = student.run(&["student", "enroll", "--sid", SID, "--cuhk", &university.cuhk_url]);
    done.explains(1, &["wants an invitation", "--invite-file"]);
}
