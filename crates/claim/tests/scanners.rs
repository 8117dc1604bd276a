//! What `sslscan` and `testssl.sh` say of both ports: nothing but what is listed here, with its reason.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test panics to fail")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What testssl.sh complains of, and why that is as it must be.
const ALLOWED: [(&str, &str); 3] = [
    ("DNS_CAArecord", "a CAA record is for whoever owns the domain to set; `localhost` has none"),
    (
        "HSTS",
        "it holds for every port of the host, most of which are not ours; both ports speak TLS alone, and clients of the protocol never begin with plain HTTP",
    ),
    (
        "cert_revocation",
        "a CUHK without a public address has none to publish revocations at; there is no OCSP by design",
    ),
];

/// A server of this workspace; it ends with this value.
struct Server(Child, String);

impl Server {
    fn start(name: &str, dir: &Path, arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_claim"))
            .env_clear()
            .args([name, "--json", "--listen", "127.0.0.1:0", "--dir"])
            .arg(dir)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let origin = lines.by_ref().find_map(|line| {
            let document: Value = serde_json::from_str(&line.unwrap()).unwrap();
            (document["event"] == "listening")
                .then(|| document["origin"].as_str().unwrap().to_owned())
        });
        // Nobody reads the rest, but somebody must take it.
        std::thread::spawn(move || lines.for_each(drop));
        Self(process, origin.expect("it ended before it listened"))
    }

    fn place(&self) -> &str {
        self.1.strip_prefix("https://").unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn scanners_find_nothing_but_what_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let cuhk = Server::start("cuhk", dir, &[]);
    let blackboard = Server::start("blackboard", dir, &["--cuhk", &cuhk.1]);
    let mut found = Vec::new();
    for server in [&cuhk, &blackboard] {
        sslscan(server.place());
        found.extend(testssl(server.place(), dir));
    }
    found.sort();
    found.dedup();
    let listed: Vec<_> = ALLOWED.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert_eq!(found, listed, "what is found, and what is listed");
}

/// TLS 1.3 alone, with its three ciphers and key exchanges of 128 bits.
fn sslscan(place: &str) {
    let output =
        Command::new("sslscan").args(["--ipv4", "--no-colour", "--xml=-", place]).output().unwrap();
    let xml = String::from_utf8(output.stdout).unwrap();
    let lines = |start: &str| -> Vec<&str> {
        xml.lines().map(str::trim).filter(|line| line.starts_with(start)).collect()
    };
    let enabled: Vec<_> =
        lines("<protocol ").into_iter().filter(|line| line.contains("enabled=\"1\"")).collect();
    assert_eq!(enabled, ["<protocol type=\"tls\" version=\"1.3\" enabled=\"1\" />"], "{xml}");
    let ciphers = lines("<cipher ");
    assert_eq!(ciphers.len(), 3, "{xml}");
    for line in ciphers.into_iter().chain(lines("<group ")) {
        assert!(line.contains("sslversion=\"TLSv1.3\""), "{line}");
        let bits = line.split("bits=\"").nth(1).and_then(|rest| rest.split('"').next());
        assert!(bits.unwrap().parse::<u32>().unwrap() >= 128, "{line}");
    }
    assert!(!lines("<group ").is_empty(), "{xml}");
    for (sign, why) in [
        ("<renegotiation supported=\"0\"", "renegotiation"),
        ("vulnerable=\"0\"", "heartbleed"),
        ("<signature-algorithm>ecdsa-with-SHA256<", "the certificate's signature"),
        ("<self-signed>false<", "the certificate's issuer"),
        ("<expired>false<", "the certificate's time"),
    ] {
        assert!(xml.contains(sign), "{why}: {xml}");
    }
    assert!(!xml.contains("vulnerable=\"1\""), "{xml}");
}

/// What is not good, or not at least neutral.
fn testssl(place: &str, dir: &Path) -> Vec<String> {
    let report = dir.join(format!("testssl-{}.json", place.replace(':', "-")));
    let output = Command::new("testssl")
        .args(["--quiet", "--warnings", "batch", "--color", "0", "--ip", "127.0.0.1"])
        .args(["-p", "-s", "-f", "-P", "-S", "-h", "-U", "--add-ca"])
        .arg(dir.join("cuhk.cer"))
        .arg("--jsonfile")
        .arg(&report)
        .arg(place)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let findings: Value = serde_json::from_str(&std::fs::read_to_string(&report).unwrap()).unwrap();
    let findings = findings.as_array().unwrap();
    // It did look.
    let id = |name: &str| findings.iter().find(|finding| finding["id"] == name);
    assert_eq!(id("TLS1_3").unwrap()["severity"], "OK", "{text}");
    assert_eq!(id("heartbleed").unwrap()["severity"], "OK", "{text}");
    assert!(findings.len() > 50, "{text}");
    let bad = findings
        .iter()
        .filter(|finding| !matches!(finding["severity"].as_str(), Some("OK" | "INFO")));
    bad.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
}
