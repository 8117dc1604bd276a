//! What stands between students and Blackboard on purpose: nginx as docs/OPERATIONS.md has it, and proxies that the
//! environment names.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use claim_core::encoding::base64;

use crate::course::{Course, Folder, SID, free_port};
use crate::evidence::openssl;
use crate::front::{course_behind, servers};
use crate::going_away::the_claim;
use crate::program::{Done, Program};

const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

const HAND_IN: [&str; 6] = ["student", "hand-in", "data", "--to", "IEMS5710/lab1", "--yes"];

fn write_data(folder: &Folder) {
    std::fs::create_dir(folder.path("data")).unwrap();
    folder.write("data/large.bin", vec![7; 9 << 20]);
    for number in 0..20 {
        folder.write(&format!("data/{number}.txt"), format!("{number}"));
    }
}

/// nginx with the server of docs/OPERATIONS.md, which shows this certificate; buffering is on, as it is by default.
fn nginx(course: &Course, front: u16, behind: u16, certificate: &str, key: &str) -> Program {
    let server = OPERATIONS.split_once("```nginx\n").unwrap().1.split_once("```").unwrap().0;
    let folder = |name: &str| course.folder.path(name).to_str().unwrap().to_owned();
    let replaced = [
        ("3141 ssl", format!("127.0.0.1:{front} ssl")),
        ("https://127.0.0.1:3143", format!("https://127.0.0.1:{behind}")),
        ("blackboard.example;", "localhost;".to_owned()),
        ("/etc/nginx/blackboard.pem", folder(certificate)),
        ("/etc/nginx/blackboard.key", folder(key)),
        ("/etc/nginx/cuhk.cer", folder("cuhk.cer")),
    ];
    let server = replaced.iter().fold(server.to_owned(), |text, (is, becomes)| {
        assert!(text.contains(is), "{is} is not in:\n{text}");
        text.replace(is, becomes)
    });
    std::fs::create_dir_all(course.folder.path("nginx")).unwrap();
    // Where nginx keeps what it buffers, and as whom, differs from machine to machine.
    let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let places =
        kinds.map(|kind| format!("{kind}_temp_path {};\n", folder(&format!("nginx/{kind}"))));
    let users = match Command::new("id").arg("-u").output().unwrap().stdout.as_slice() {
        b"0\n" => "user root;\n",
        _ => "",
    };
    let text = format!(
        "daemon off;\n{users}pid {};\nevents {{}}\nhttp {{\naccess_log {};\n{}{server}}}\n",
        folder("nginx/pid"),
        folder("nginx/access.log"),
        places.concat()
    );
    course.folder.write("nginx/nginx.conf", text);
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("nginx");
    command.env("PATH", format!("{path}:/usr/sbin")).args(["-e", "stderr"]);
    command.arg("-c").arg(course.folder.path("nginx/nginx.conf"));
    let nginx = Program::start(command);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, front)).is_err() {
        assert!(!nginx.err.text().contains("[emerg]"), "{}", nginx.err.text());
        thread::yield_now();
    }
    nginx
}

fn stop(nginx: Program) {
    nginx.signal("QUIT");
    let done = nginx.end().expect(0);
    assert!(!done.err.contains("[error]"), "{}", done.err);
}

#[test]
fn nginx_as_the_manual_has_it() {
    let (course, front, behind) = course_behind();
    let (_cuhk, _blackboard) = servers(&course);
    course.enrol(SID);
    write_data(&course.folder);
    let nginx = nginx(&course, front, behind, "blackboard.cer", "blackboard.key");
    course.folder.run(&HAND_IN).expect(0);
    the_claim(&course, "data");
    course.folder.run(&["student", "fetch", "IEMS5710/lab1", "--out", "back"]).expect(0);
    let log = course.folder.read("nginx/access.log");
    assert!(log.contains("PUT /v1/claims/"), "it all went through nginx:\n{log}");
    stop(nginx);
}

#[test]
fn nginx_with_a_certificate_of_a_public_authority() {
    let (course, front, behind) = course_behind();
    let (_cuhk, _blackboard) = servers(&course);
    course.enrol(SID);
    write_data(&course.folder);
    let authority =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];
    let named = ["-subj", "/CN=Public", "-keyout", "public.key", "-out", "public.pem"];
    openssl(&course.folder, &[&authority[..], &named].concat());
    let request = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"];
    let named = ["-subj", "/CN=localhost", "-keyout", "foreign.key", "-out", "foreign.csr"];
    openssl(&course.folder, &[&request[..], &named].concat());
    course.folder.write("names", "subjectAltName=DNS:localhost");
    let sign = ["x509", "-req", "-in", "foreign.csr", "-CA", "public.pem", "-CAkey", "public.key"];
    let more = ["-extfile", "names", "-out", "foreign.pem"];
    openssl(&course.folder, &[&sign[..], &more].concat());

    let nginx = nginx(&course, front, behind, "foreign.pem", "foreign.key");
    let done = course.folder.run(&HAND_IN).expect(1);
    assert!(done.err.contains("is not the root of the Blackboard"), "{}", done.err);
    let mut system = course.folder.command(&[&HAND_IN[..], &["--tls-roots", "system"]].concat());
    system.env("SSL_CERT_FILE", course.folder.path("public.pem"));
    Program::start(system).end().expect(0);
    the_claim(&course, "data");
    stop(nginx);
}

/// A proxy that makes connections (CONNECT, RFC 9110 §9.3.6): every name leads to this machine.
struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let heads = Arc::clone(&asked);
        thread::spawn(move || {
            for student in listener.incoming().flatten() {
                let heads = Arc::clone(&heads);
                thread::spawn(move || pass(student, &heads));
            }
        });
        Self { port, asked }
    }

    fn url(&self) -> String {
        format!("http://student:{PASSWORD}@127.0.0.1:{}", self.port)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// What the proxy wants to hear, and nobody else may.
const PASSWORD: &str = "Mellon-that-opens-the-gate";

fn pass(mut student: TcpStream, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        student.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let port: u16 =
        head.split_whitespace().nth(1).unwrap().rsplit_once(':').unwrap().1.parse().unwrap();
    heads.lock().unwrap().push(head);
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    student.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_student, mut to_server) = (student.try_clone()?, server.try_clone()?);
    thread::spawn(move || io::copy(&mut from_student, &mut to_server));
    io::copy(&mut server, &mut student).map(|_| ())
}

/// A CUHK and a Blackboard whose names nobody here can resolve but the proxy.
struct Site {
    cuhk: Folder,
    blackboard: Folder,
    student: Folder,
    origin: String,
    proxy: Proxy,
}

impl Site {
    fn new() -> Self {
        let (cuhk_port, blackboard_port) = (free_port(), free_port());
        let [cuhk, blackboard, student] = [0; 3].map(|_| Folder::new());
        let url = format!("https://cuhk.example:{cuhk_port}");
        let origin = format!("https://blackboard.example:{blackboard_port}");
        let listen = |port: u16| format!("listen = \"127.0.0.1:{port}\"");
        cuhk.write(
            "claim.toml",
            format!("[cuhk]\n{}\npublic-url = \"{url}\"\n", listen(cuhk_port)),
        );
        blackboard.write(
            "claim.toml",
            format!(
                "[blackboard]\n{}\npublic-url = \"{origin}\"\ncuhk = \"{url}\"\n",
                listen(blackboard_port)
            ),
        );
        student.write(
            "claim.toml",
            format!("[student]\ncuhk = \"{url}\"\nblackboard = \"{origin}\"\n"),
        );
        Self { cuhk, blackboard, student, origin, proxy: Proxy::new() }
    }

    fn command(&self, folder: &Folder, arguments: &[&str]) -> Command {
        let mut command = folder.command(arguments);
        command.env("HTTPS_PROXY", self.proxy.url());
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Done {
        let mut program = Program::start(self.command(&self.student, arguments));
        program.send(input.as_bytes());
        program.end_input();
        program.end()
    }
}

#[test]
fn a_proxy_of_the_environment_with_a_password_that_nobody_else_hears() {
    let site = Site::new();
    site.cuhk.run(&["cuhk", "init"]).expect(0);
    let cuhk = site.cuhk.start(&["cuhk"]);
    cuhk.out.line("CUHK listens on ");
    let invite = |whom: &[&str]| site.cuhk.run(&[&["cuhk", "invite"], whom].concat()).expect(0).out;
    site.blackboard.write("invitation.txt", invite(&["--server", &site.origin]));
    let serve = ["blackboard", "--invite-file", "invitation.txt", "-vv"];
    let blackboard = Program::start(site.command(&site.blackboard, &serve));
    blackboard.out.line("Blackboard listens on ");
    blackboard.err.shows("Claims cannot be taken yet");
    let copy = |from: &Folder, to: &Folder, name: &str, named: &str| {
        std::fs::copy(from.path(name), to.path(named)).unwrap();
    };
    copy(&site.blackboard, &site.cuhk, "blackboard.request", "blackboard.request");
    site.cuhk.run(&["cuhk", "certify", "blackboard.request", "--yes"]).expect(0);
    copy(&site.cuhk, &site.blackboard, "blackboard.request.answer", "blackboard.answer");
    blackboard.signal("HUP");
    blackboard.out.line("Claims are taken: ");

    let enroll = ["student", "enroll", "--invite-file", "-", "-vv"];
    let enrolled = site.run(&enroll, &invite(&["--sid", SID])).expect(0);
    write_data(&site.student);
    let to_inbox = ["student", "hand-in", "data", "--yes", "-vv", "--explain"];
    let handed_in = site.run(&to_inbox, "").expect(0);
    assert!(handed_in.out.contains("inbox.receipt"), "{}", handed_in.out);

    let credentials = base64(format!("student:{PASSWORD}").as_bytes());
    let asked = site.proxy.asked();
    for host in ["cuhk.example:", "blackboard.example:"] {
        let mut to_it = asked.iter().filter(|head| head.starts_with(&format!("CONNECT {host}")));
        let head = to_it.next().unwrap_or_else(|| panic!("{host}: {asked:?}"));
        assert!(head.contains(&format!("Basic {credentials}")), "{head}");
    }

    // Past it there is no way; and one that is not there is named without its password.
    let mut past = site.command(&site.student, &["student", "say", "hello", "-vv"]);
    past.env("NO_PROXY", "blackboard.example");
    let past = Program::start(past).end().expect(3);
    assert!(past.err.contains("cannot be resolved"), "{}", past.err);
    let mut gone = site.command(&site.student, &["student", "status", "-vv"]);
    gone.env("HTTPS_PROXY", format!("http://student:{PASSWORD}@127.0.0.1:{}", free_port()));
    let gone = Program::start(gone).end();
    let said = format!("{}{}", gone.out, gone.err);
    assert!(said.contains("the proxy that the environment names"), "{said}");

    let blackboard = blackboard.stop();
    for done in [enrolled, handed_in, past, gone, blackboard] {
        for text in [done.out, done.err] {
            assert!(!text.contains(PASSWORD) && !text.contains(&credentials), "{text}");
        }
    }
}
