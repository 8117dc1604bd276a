//! The listener for health and metrics of a running server.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::course::Folder;
use crate::program::Program;

/// Nothing that is waited for takes nearly as long, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(45);

/// Where a server serves its health.
#[derive(Clone, Copy)]
pub(crate) struct Health(SocketAddr);

impl Health {
    /// Where a program says that it is.
    pub(crate) fn of(program: &Program) -> Self {
        let line = program.out.line("Health and metrics: http://");
        let address = line.trim_start_matches("Health and metrics: http://").split('/').next();
        Self(address.unwrap().parse().unwrap())
    }

    /// Where it was told to.
    pub(crate) fn on(port: u16) -> Self {
        Self((Ipv4Addr::LOCALHOST, port).into())
    }

    pub(crate) fn address(self) -> SocketAddr {
        self.0
    }

    /// Plain HTTP, by hand; empty where nobody answers.
    pub(crate) fn get(self, path: &str) -> String {
        let mut answer = String::new();
        let request = format!("GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        if let Ok(mut connection) = TcpStream::connect(self.0) {
            let asked = connection.write_all(request.as_bytes());
            let _ = asked.and_then(|()| connection.read_to_string(&mut answer));
        }
        answer
    }

    /// Asks until the answer has this in it.
    #[track_caller]
    pub(crate) fn shows(self, path: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        let mut answer = self.get(path);
        while !answer.contains(text) {
            assert!(Instant::now() < deadline, "{text:?} does not come:\n{answer}");
            thread::yield_now();
            answer = self.get(path);
        }
    }

    /// Asks until this metric, which has no labels, is that number to the nearest whole.
    #[track_caller]
    pub(crate) fn measures(self, metric: &str, number: i64) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.get("metrics");
            let mut lines = answer.lines().filter_map(|line| line.split_once(' '));
            let value = lines.find(|(name, _)| *name == metric).map(|(_, value)| value);
            let value: f64 = value.unwrap_or_default().parse().unwrap_or(f64::NAN);
            if (value - number as f64).abs() < 0.5 {
                return;
            }
            assert!(Instant::now() < deadline, "{metric} is {value}, not {number}:\n{answer}");
            thread::yield_now();
        }
    }
}

#[test]
fn the_port_is_told_and_is_for_this_machine_only() {
    let folder = Folder::new();
    let cuhk = folder.start(&["cuhk", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]);
    let health = Health::of(&cuhk);
    assert_ne!(health.address().port(), 0);
    health.shows("readyz", "HTTP/1.1 200 ");
    assert!(health.get("healthz").ends_with("ok\n"));
    health.shows("metrics", "claim_certificate_expires_seconds{certificate=\"tls\"} ");
    cuhk.stop();
    let json = ["cuhk", "--listen", "127.0.0.1:0", "--metrics", "[::1]:0", "--json"];
    let cuhk = folder.start(&json);
    let told = cuhk.out.event("listening");
    assert!(told["metrics"].as_str().unwrap().starts_with("[::1]:"), "{told}");
    cuhk.stop();
    for server in ["cuhk", "blackboard"] {
        let started = [server, "--listen", "127.0.0.1:0", "--metrics", "0.0.0.0:0"];
        folder
            .run(&started)
            .explains(1, &["0.0.0.0:0", "loopback address only", "--metrics 127.0.0.1:0"]);
    }
}
