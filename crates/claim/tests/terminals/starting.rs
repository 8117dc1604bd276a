//! Servers that cannot start say why, and what to do; addresses are taken from wherever they are given.

use std::net::TcpListener;

use crate::course::{Course, Folder, SID, free_port};

/// Any free port.
const ANY: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[test]
fn a_second_server_in_the_folder_is_told_of_the_first() {
    let course = Course::new();
    let (cuhk, blackboard) = course.servers();
    for options in [&[][..], &ANY] {
        let again = course.folder.run(&[&["cuhk"], options].concat());
        again.explains(1, &["another CUHK works with the folder", "--dir"]);
        let again = course.folder.run(&[&["blackboard"], options].concat());
        again.explains(1, &["another Blackboard works with the folder", "--dir"]);
    }
    // The first ones go on.
    course.enrol(SID);
    course.folder.run(&["student", "say", "all is well"]).expect(0);
    blackboard.stop();
    cuhk.stop();
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for program in ["cuhk", "blackboard"] {
        let folder = Folder::new();
        let done = folder.run(&[program, "--listen", &address]);
        let port = taken.local_addr().unwrap().port();
        done.explains(
            1,
            &[&format!("{address} is in use"), &format!("sport = :{port}"), "--listen"],
        );
        // Nothing was made that would be in the way later.
        assert_eq!(folder.names(), [format!("{program}.lock")]);
    }
}

#[test]
fn addresses_that_cannot_be_listened_on() {
    let folder = Folder::new();
    for program in ["cuhk", "blackboard"] {
        let done = folder.run(&[program, "--listen", "192.0.2.1:0"]);
        done.explains(1, &["192.0.2.1:0 is not an address of this machine", "--listen"]);
        let done = folder.run(&[program, "--metrics", "0.0.0.0:9999", ANY[0], ANY[1]]);
        done.explains(1, &["loopback address only", "--metrics 127.0.0.1:9999"]);
        for usage in [
            &["--listen", "somewhere"][..],
            &["--public-url", "http://cuhk.example"],
            &["--tls-cert", "a.pem"],
            &["--tls-key", "a.pem"],
            &["--port", "1"],
        ] {
            folder.run(&[&[program], usage].concat()).expect(2);
        }
    }
}

#[test]
fn several_addresses_at_once() {
    let folder = Folder::new();
    let (one, other) = (free_port(), free_port());
    let (one, other) = (format!("127.0.0.1:{one}"), format!("127.0.0.1:{other}"));
    let cuhk = folder.start(&["cuhk", "--json", "--listen", &one, "--listen", &other]);
    let listening = cuhk.out.event("listening");
    assert_eq!(listening["addresses"], serde_json::json!([one, other]));
    assert_eq!(listening["origin"], format!("https://localhost:{}", &one[10..]));
    assert_eq!(listening["local_demo"], true);
    cuhk.stop();
}

#[test]
fn health_and_metrics_are_served_where_asked() {
    let course = Course::new();
    let port = free_port();
    let cuhk = course.folder.start(&["cuhk", "--metrics", &format!("127.0.0.1:{port}")]);
    cuhk.out.line("CUHK listens on ");
    for (path, expected) in
        [("healthz", "ok"), ("readyz", "ready"), ("metrics", "claim_connections_open 0")]
    {
        let answer = get(port, path);
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(expected), "{answer}");
    }
}

/// Plain HTTP, by hand.
fn get(port: u16, path: &str) -> String {
    use std::io::{Read, Write};
    let mut connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}
