//! Revocation lists while CUHK is down: copies of its files at a web server that nobody has to trust, and their end.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::thread;

use crate::clocks::faketime;
use crate::course::{Folder, OTHER_SID, SID, free_port};
use crate::evidence::openssl;
use crate::health::Health;
use crate::invitations::{University, enroll};
use crate::program::Program;

const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

/// nginx as docs/OPERATIONS.md has it for copies, with this folder, on this port.
fn nginx(folder: &Folder, port: u16) -> Program {
    let section = OPERATIONS.split_once("## Revocation lists while CUHK is down").unwrap().1;
    let server = section.split_once("```nginx\n").unwrap().1.split_once("```").unwrap().0;
    let place = |name: &str| folder.path(name).to_str().unwrap().to_owned();
    let replaced = [
        ("listen 80;", format!("listen 127.0.0.1:{port};")),
        ("/srv/claim-public", place("public")),
    ];
    let server = replaced.iter().fold(server.to_owned(), |text, (is, becomes)| {
        assert!(text.contains(is), "{is} is not in:\n{text}");
        text.replace(is, becomes)
    });
    fs::create_dir_all(folder.path("nginx")).unwrap();
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let places =
        kinds.map(|kind| format!("{kind}_temp_path {};\n", place(&format!("nginx/{kind}"))));
    let users = match Command::new("id").arg("-u").output().unwrap().stdout.as_slice() {
        b"0\n" => "user root;\n",
        _ => "",
    };
    let text = format!(
        "daemon off;\n{users}pid {};\nevents {{}}\nhttp {{\naccess_log {};\n{}{server}}}\n",
        place("nginx/pid"),
        place("nginx/access.log"),
        places.concat()
    );
    folder.write("nginx/nginx.conf", text);
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("nginx");
    command.env("PATH", format!("{path}:/usr/sbin")).args(["-e", "stderr"]);
    command.arg("-c").arg(folder.path("nginx/nginx.conf"));
    let nginx = Program::start(command);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(!nginx.err.text().contains("[emerg]"), "{}", nginx.err.text());
        thread::yield_now();
    }
    nginx
}

/// Copies CUHK's folder for everybody, as the manual says.
fn carry(university: &University, mirror: &Folder, name: &str) {
    let _ = fs::remove_dir_all(mirror.path(name));
    let from = university.cuhk.path("public");
    let copied = Command::new("cp").arg("-a").arg(from).arg(mirror.path(name)).status().unwrap();
    assert!(copied.success());
}

/// How often the copies' lists were handed out.
fn handed_out(mirror: &Folder) -> usize {
    let log = mirror.read("nginx/access.log");
    log.lines().filter(|line| line.contains("GET /claim/crl/")).count()
}

/// Has Blackboard look for its lists now, and waits until it has asked the copies for them.
fn look(blackboard: &Program, mirror: &Folder) {
    let before = handed_out(mirror);
    blackboard.signal("HUP");
    // That of the root and that of the issuing authority.
    while handed_out(mirror) < before + 2 {
        thread::yield_now();
    }
}

#[test]
fn blackboard_takes_newer_lists_from_a_copy_that_nobody_trusts() {
    let university = University::new();
    let (mirror, port) = (Folder::new(), free_port());
    let cuhk = university.serve_cuhk();
    let (first, second) = (Folder::new(), Folder::new());
    enroll(&first, &university.invite(&["--sid", SID])).expect(0);
    enroll(&second, &university.invite(&["--sid", OTHER_SID])).expect(0);
    carry(&university, &mirror, "old");
    let (from, origin) = (format!("http://127.0.0.1:{port}/claim"), university.blackboard_url());
    let invitation = university.invite(&["--server", &origin]);
    university.blackboard().secret("blackboard.invite", invitation);
    let serve = ["--crl-from", &from, "--metrics", "127.0.0.1:0"];
    let blackboard = university.serve_blackboard(&serve);
    let health = Health::of(&blackboard);
    let say = ["student", "say", "--blackboard", &origin, "hello"];
    first.run(&say).expect(0);
    while health.get("metrics").contains("claim_revocation_list_ends_seconds 0\n") {}
    cuhk.stop();

    // CUHK is down; its people revoke all the same, and carry what lies in `public` to the web server.
    university.cuhk.run(&["cuhk", "revoke", "--sid", SID, "--reason", "keyCompromise"]).expect(0);
    carry(&university, &mirror, "public");
    let web = nginx(&mirror, port);
    look(&blackboard, &mirror);
    let refused = loop {
        let said = first.run(&say);
        if said.code != 0 {
            break said;
        }
    };
    refused.explains(1, &["revoked"]);
    second.run(&say).expect(0);

    // Stock tools, with nothing but the copies.
    let lists: Vec<_> = fs::read_dir(mirror.path("public/crl")).unwrap().flatten().collect();
    assert_eq!(lists.len(), 2);
    let mut all = String::new();
    for list in lists {
        let path = list.path().to_str().unwrap().to_owned();
        all.push_str(&openssl(&mirror, &["crl", "-inform", "DER", "-in", &path]));
    }
    mirror.write("lists.pem", all);
    for (person, sid, good) in [(&first, SID, false), (&second, OTHER_SID, true)] {
        let leaf = person.home().join(format!(".local/share/claim/{sid}.cer"));
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-crl_check_all", "-CAfile", "public/cuhk.cer"]);
        verify.args(["-untrusted", "public/cacerts.pem", "-CRLfile", "lists.pem"]).arg(leaf);
        let verified = verify.current_dir(mirror.path(".")).output().unwrap();
        assert_eq!(verified.status.success(), good, "{verified:?}");
    }

    // Whoever has the web server hands out an older list, another's, or rubbish: what is known stands.
    let other = University::new();
    other.serve_cuhk().stop();
    carry(&other, &mirror, "others");
    let known = health.get("metrics");
    let known = known.lines().find(|line| line.starts_with("claim_revocation_list_ends")).unwrap();
    for step in ["old", "others", "rubbish"] {
        for list in fs::read_dir(mirror.path("public/crl")).unwrap().flatten() {
            let bad = match step {
                "rubbish" => b"rubbish".to_vec(),
                "old" => fs::read(mirror.path("old/crl").join(list.file_name())).unwrap(),
                _ => {
                    let others = fs::read_dir(mirror.path("others/crl")).unwrap().flatten();
                    fs::read(others.last().unwrap().path()).unwrap()
                }
            };
            fs::write(list.path(), bad).unwrap();
        }
        look(&blackboard, &mirror);
        look(&blackboard, &mirror);
        first.run(&say).explains(1, &["revoked"]);
        second.run(&say).expect(0);
        assert!(health.get("metrics").contains(known), "{step}");
    }
    // Nor does a start forget what was known.
    blackboard.stop();
    let blackboard = university.serve_blackboard(&serve);
    look(&blackboard, &mirror);
    first.run(&say).explains(1, &["revoked"]);
    second.run(&say).expect(0);
    blackboard.stop();
    web.signal("QUIT");
    web.end().expect(0);
}

#[test]
fn a_place_that_is_none_is_refused_at_the_start() {
    let folder = Folder::new();
    for place in ["mirror.example", "ftp://mirror.example/", "https://u:secret@mirror.example"] {
        let done = folder.run(&["blackboard", "--crl-from", place]).expect(2);
        assert!(done.err.contains("http or https URL"), "{}", done.err);
    }
}

/// Days without CUHK: all goes on, it is told long before, and after the end nobody gets in, who is told why.
#[test]
fn a_list_comes_to_its_end_after_days_of_warning() {
    let university = University::new();
    let cuhk = university.serve_cuhk();
    let person = Folder::new();
    enroll(&person, &university.invite(&["--sid", SID])).expect(0);
    let origin = university.blackboard_url();
    university.blackboard().secret("blackboard.invite", university.invite(&["--server", &origin]));
    let blackboard = university.serve_blackboard(&["--metrics", "127.0.0.1:0"]);
    let health = Health::of(&blackboard);
    while health.get("metrics").contains("claim_revocation_list_ends_seconds 0\n") {}
    blackboard.stop();
    cuhk.stop();
    let start = |folder: &Folder, program: &str, days: f64| {
        let mut command = folder.command(&[program, "--json"]);
        command.env("LD_PRELOAD", faketime()).env("FAKETIME", format!("{:+}", days * 86_400.0));
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
        let program = Program::start(command);
        program.out.event("listening");
        program
    };
    let at = |days: f64| start(university.blackboard(), "blackboard", days);
    let say = ["student", "say", "--blackboard", &origin, "hello"];
    for (days, left) in [(3.5, 3), (6.5, 0)] {
        let blackboard = at(days);
        let told = blackboard.out.event("lists-end");
        assert_eq!(told["seconds_left"].as_i64().unwrap() / 86_400, left, "{told}");
        let reason = "CUHK does not tell its issuing certificates: nothing listens there";
        assert_eq!(told["reason"], reason);
        person.run(&say).expect(0);
        blackboard.stop();
    }
    let blackboard = at(7.5);
    blackboard.out.event("lists-ended");
    // Who waits is told why, and may stop waiting.
    let waits = person.start(&say);
    waits.out.shows("Nobody can tell at the moment which certificates are revoked");
    waits.out.shows("the last one was good until");
    waits.signal("INT");
    waits.end().expect(3);
    // CUHK is back, and with it everything.
    let cuhk = start(&university.cuhk, "cuhk", 7.5);
    blackboard.signal("HUP");
    blackboard.out.event("lists-renewed");
    person.run(&say).expect(0);
    blackboard.stop();
    cuhk.stop();
}
