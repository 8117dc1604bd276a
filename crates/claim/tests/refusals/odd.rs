//! What strangers send that no table foresees: it gets an answer, in time, and nothing changes.

use claim_core::ProblemType;
use claim_http::{Answer, ProblemAnswer};

use crate::authority::now;
use crate::case::{Site, header, is_signed};
use crate::student::{MESSAGES, Say, TEXT, accepted, ask_step_3, step_3};
use crate::wire::{Ask, Client, Version};
use crate::{blackboard, cuhk};

/// What becomes of an odd request.
#[derive(Clone, Copy, Debug)]
enum Becomes {
    /// It is as good as any.
    Taken,
    /// The servers refuse it, by a problem document.
    Refused(ProblemType),
    /// It is no HTTP request: this status, without a document, and the connection ends.
    NoRequest(u16),
    /// It is not even an answer's worth: the connection ends.
    Closed,
}

use Becomes::{Closed, NoRequest, Refused, Taken};
use ProblemType::{MalformedRequest, MethodNotAllowed, NotFound, RequestTimeout};

/// Odd forms of one valid request with content.
struct Odd {
    host: String,
    good: Ask,
}

impl Odd {
    /// The request with another method and target, other lines before its own, and all its content.
    fn posted(&self, line: &str, lines: &str) -> Vec<u8> {
        let length = format!("Content-Length: {}\r\n", self.good.body.len());
        self.framed(line, &format!("Host: {}\r\n{lines}{length}", self.host), &self.good.body)
    }

    /// The request with another beginning and another content.
    fn framed(&self, line: &str, lines: &str, content: &[u8]) -> Vec<u8> {
        let mut head = format!("{line}\r\n{lines}");
        for (name, value) in &self.good.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        [head.as_bytes(), b"\r\n", content].concat()
    }

    /// Its content as chunks.
    fn chunked(&self, more: &str, content: &[u8]) -> Vec<u8> {
        let lines = format!("Host: {}\r\n{more}Transfer-Encoding: chunked\r\n", self.host);
        self.framed(&self.line(), &lines, content)
    }

    fn line(&self) -> String {
        format!("POST {} HTTP/1.1", self.good.target)
    }

    /// Begins with this line, has these lines besides `Host`, and no content.
    fn bare(&self, line: &str, lines: &str) -> Vec<u8> {
        format!("{line}\r\nHost: {}\r\n{lines}\r\n", self.host).into()
    }

    fn rows(&self) -> Vec<(&'static str, Vec<u8>, Becomes)> {
        [self.heads(), self.targets(), self.versions(), self.contents()].concat()
    }

    fn heads(&self) -> Vec<(&'static str, Vec<u8>, Becomes)> {
        let get = |lines: &str| self.bare("GET / HTTP/1.1", lines);
        let large = format!("X: {}\r\n", "x".repeat(20_000));
        vec![
            ("a large header", get(&large), NoRequest(431)),
            ("many headers", get(&"X: y\r\n".repeat(100)), NoRequest(431)),
            ("NUL in a header", get("X: a\0b\r\n"), NoRequest(400)),
            ("bytes beyond ASCII", get("X: \u{e9}\u{202e}\r\n"), Taken),
            ("a folded header", get("X: a\r\n b\r\n"), NoRequest(400)),
            ("a space before the colon", get("X : a\r\n"), NoRequest(400)),
            ("no colon", get("X\r\n"), NoRequest(400)),
            ("an upgrade to HTTP/2", get("Connection: Upgrade\r\nUpgrade: h2c\r\n"), Taken),
            ("an upgrade", get("Connection: Upgrade\r\nUpgrade: websocket\r\n"), Taken),
            ("a range", get("Range: bytes=0-1\r\n"), Taken),
            ("content with GET", [&get("Content-Length: 3\r\n")[..], b"abc"].concat(), Taken),
            ("lines without CR", b"GET / HTTP/1.1\nHost: localhost\n\n".to_vec(), Taken),
            ("empty lines first", [b"\r\n\r\n", &get("")[..]].concat(), Taken),
            ("no HTTP", b"\x16\x03\x01 hello\r\n\r\n".to_vec(), NoRequest(400)),
            ("zeros", [&[0; 100][..], b"\r\n\r\n"].concat(), NoRequest(400)),
        ]
    }

    fn targets(&self) -> Vec<(&'static str, Vec<u8>, Becomes)> {
        let Ask { target, .. } = &self.good;
        let host = &self.host;
        let posted = |target: &str| self.posted(&format!("POST {target} HTTP/1.1"), "");
        let get = |target: &str| self.bare(&format!("GET {target} HTTP/1.1"), "");
        let method = |method: &str| self.posted(&format!("{method} {target} HTTP/1.1"), "");
        let (long, longer) = ("x".repeat(8000), "x".repeat(20_000));
        vec![
            ("an absolute target", posted(&format!("https://{host}{target}")), Taken),
            (
                "an absolute target elsewhere",
                posted(&format!("http://other.example{target}")),
                Taken,
            ),
            ("a query", posted(&format!("{target}?a=b")), Taken),
            ("an encoded letter", posted(&target.replace('e', "%65")), Refused(NotFound)),
            ("a broken escape", get("/problems/%zz"), Refused(NotFound)),
            ("an escaped NUL", get("/problems/%00"), Refused(NotFound)),
            ("dots", get("/../../etc/passwd"), Refused(NotFound)),
            ("a long target", get(&format!("/{long}")), Refused(NotFound)),
            ("a longer target", get(&format!("/{longer}")), NoRequest(431)),
            ("a space in the target", get("/a b"), NoRequest(400)),
            ("a fragment", get("/#x"), Taken),
            ("no slash", get("other.example"), Refused(NotFound)),
            ("CONNECT", self.bare("CONNECT other.example:443 HTTP/1.1", ""), Refused(NotFound)),
            ("OPTIONS *", self.bare("OPTIONS * HTTP/1.1", ""), Refused(NotFound)),
            ("TRACE", self.bare("TRACE / HTTP/1.1", ""), Refused(MethodNotAllowed)),
            ("a lower-case method", method("post"), Refused(MethodNotAllowed)),
            ("an unknown method", method("BREW"), Refused(MethodNotAllowed)),
            ("a long method", method(&"A".repeat(5000)), Refused(MethodNotAllowed)),
            ("a method that is none", method("P(ST"), NoRequest(400)),
        ]
    }

    fn versions(&self) -> Vec<(&'static str, Vec<u8>, Becomes)> {
        let get = |version: &str| self.bare(&format!("GET / {version}"), "");
        vec![
            ("HTTP/1.0", get("HTTP/1.0"), Taken),
            ("HTTP/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n".to_vec(), Taken),
            ("HTTP/0.9", b"GET /\r\n\r\n".to_vec(), NoRequest(400)),
            ("HTTP/1.2", get("HTTP/1.2"), NoRequest(400)),
            ("HTTP/2.0 in words", get("HTTP/2.0"), NoRequest(400)),
            // HTTP/2 belongs where it was agreed on in the handshake.
            ("HTTP/2 without ALPN", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), Closed),
        ]
    }

    fn contents(&self) -> Vec<(&'static str, Vec<u8>, Becomes)> {
        let Ask { body, .. } = &self.good;
        let length = body.len();
        let content = |lines: &str| self.posted(&self.line(), lines);
        let framed = |lines: &str, content: &[u8]| {
            self.framed(&self.line(), &format!("Host: {}\r\n{lines}", self.host), content)
        };
        let chunk = [format!("{length:x};a=\"b\"\r\n").as_bytes(), body, b"\r\n0\r\n"].concat();
        let chunks = [&chunk[..], b"\r\n"].concat();
        let trailer = [&chunk[..], b"X-Trailer: 1\r\n\r\n"].concat();
        let trailers = [&chunk[..], "X: 1\r\n".repeat(5000).as_bytes(), b"\r\n"].concat();
        let extension = format!("1;{}\r\nx\r\n0\r\n\r\n", "x".repeat(40_000));
        let letters: Vec<u8> =
            body.iter().flat_map(|&byte| [b'1', b'\r', b'\n', byte, b'\r', b'\n']).collect();
        let letters = [&letters[..], b"0\r\n\r\n"].concat();
        vec![
            ("the length twice", content(&format!("Content-Length: {length}\r\n")), Taken),
            ("two lengths", content("Content-Length: 1\r\n"), NoRequest(400)),
            ("a negative length", framed("Content-Length: -1\r\n", b"x"), NoRequest(400)),
            ("a signed length", framed("Content-Length: +1\r\n", b"x"), NoRequest(400)),
            (
                "a length beyond measure",
                framed(&format!("Content-Length: {}\r\n", "9".repeat(30)), b"x"),
                NoRequest(400),
            ),
            ("length and chunks", self.chunked("Content-Length: 1\r\n", &chunks), Taken),
            ("an unknown coding", framed("Transfer-Encoding: identity\r\n", b""), NoRequest(400)),
            ("a chunk extension", self.chunked("", &chunks), Taken),
            ("a trailer", self.chunked("", &trailer), Taken),
            ("a chunk for each byte", self.chunked("", &letters), Taken),
            ("many trailers", self.chunked("", &trailers), Refused(MalformedRequest)),
            (
                "a long chunk extension",
                self.chunked("", extension.as_bytes()),
                Refused(MalformedRequest),
            ),
            (
                "a chunk beyond measure",
                self.chunked("", b"ffffffffffffffffff\r\n"),
                Refused(MalformedRequest),
            ),
            ("content cut off", framed("Content-Length: 100\r\n", b"abc"), Refused(RequestTimeout)),
            ("chunks cut off", self.chunked("", &chunk[..20]), Refused(RequestTimeout)),
            ("another expectation", content("Expect: tea\r\n"), Taken),
        ]
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_to_cuhk_get_an_answer() {
    let mut setting = Box::pin(cuhk::Setting::new()).await;
    let good = setting.invited().await.ask();
    every_odd_request(setting.site(), good).await;
    setting.assert_sound();
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_to_blackboard_get_an_answer() {
    let mut setting = Box::pin(blackboard::Setting::new()).await;
    let site = setting.site();
    let good = ask_step_3(&step_3(&setting.student().await, &site.client));
    every_odd_request(site, good).await;
    setting.assert_sound();
}

async fn every_odd_request(site: &Site, good: Ask) {
    // What this leaves on record it leaves once.
    assert!(site.client.ask(Version::Http2, &good).await.status.is_success());
    let odd = Odd { host: site.client.host(), good };
    let before = site.records.all().await;
    for (name, request, becomes) in odd.rows() {
        let answer = site.client.raw(&request).await;
        let Some(answer) = answer else {
            assert!(matches!(becomes, Closed), "{name}: closed without an answer");
            continue;
        };
        let (status, problem) = (answer.status.as_u16(), problem(&answer));
        match becomes {
            Taken => assert!(answer.status.is_success(), "{name}: {answer:?}"),
            Refused(expected) => assert_eq!(problem, Some(expected), "{name}: {answer:?}"),
            NoRequest(expected) => {
                assert_eq!((status, answer.body.len()), (expected, 0), "{name}: {answer:?}");
                assert_eq!(header(&answer, "connection"), Some("close"), "{name}");
            }
            Closed => panic!("{name}: {answer:?}"),
        }
    }
    for (name, value, becomes) in [
        ("x-large", "x".repeat(20_000), NoRequest(431)),
        ("expect", "100-continue".to_owned(), Taken),
        ("te", "trailers".to_owned(), Taken),
        ("content-length", odd.good.body.len().to_string(), Taken),
    ] {
        let answer = site.client.ask(Version::Http2, &odd.good.clone().with(name, value)).await;
        match becomes {
            NoRequest(expected) => assert_eq!(answer.status, expected, "{name}: {answer:?}"),
            _ => assert!(answer.status.is_success(), "{name}: {answer:?}"),
        }
    }
    let head = odd.good.clone();
    expects_to_be_waited_for(&site.client, &head).await;
    two_at_once(&site.client, &head).await;
    assert_eq!(before, site.records.all().await);
}

/// `Expect: 100-continue`: the content is asked for only where it is wanted.
async fn expects_to_be_waited_for(client: &Client, good: &Ask) {
    let head = |length: usize| {
        good.head(&client.host(), &format!("Expect: 100-continue\r\nContent-Length: {length}\r\n"))
    };
    let mut wire = client.open().await;
    wire.send(head(good.body.len()).as_bytes()).await;
    assert_eq!(wire.head().await.as_deref(), Some("HTTP/1.1 100 Continue"));
    wire.send(&good.body).await;
    assert!(wire.answer("POST").await.unwrap().status.is_success());
    let mut wire = client.open().await;
    wire.send(head(1 << 20).as_bytes()).await;
    let refused = wire.head().await.unwrap();
    assert!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
}

/// A second request before the first answer, on one connection.
async fn two_at_once(client: &Client, good: &Ask) {
    let length = format!("Content-Length: {}\r\n", good.body.len());
    let one = [good.head(&client.host(), &length).as_bytes(), &good.body].concat();
    let mut wire = client.open().await;
    wire.send(&[&one[..], &one].concat()).await;
    for _ in 0..2 {
        assert!(wire.answer("POST").await.unwrap().status.is_success());
    }
}

fn problem(answer: &Answer) -> Option<ProblemType> {
    ProblemAnswer::from_answer(answer).and_then(|problem| problem.problem_type)
}

/// The odd forms of a signed request: what the signature covers decides.
#[tokio::test(flavor = "multi_thread")]
async fn odd_forms_of_a_signed_request() {
    let mut setting = Box::pin(blackboard::Setting::new()).await;
    let site = setting.site();
    let session = setting.open(&setting.student().await).await;
    let host = site.client.host();
    let raw = async |ask: &Ask, lines: &str| {
        let length = format!("{lines}Content-Length: {}\r\n", ask.body.len());
        let request = [ask.head(&host, &length).as_bytes(), &ask.body].concat();
        site.client.raw(&request).await.expect("an answer")
    };
    let text = || Say::text("hello", now());

    // The query is part of the address, and is not looked at.
    let say = Say { target: "/v1/messages?a=%ff&b", ..text() }.signed(&session);
    let answer = raw(&say.ask, "").await;
    assert!(is_signed(&answer, &say.expected));
    accepted(&answer);
    // In absolute form it is the same address.
    let say = text().signed(&session);
    let absolute = Ask { target: format!("https://{host}{MESSAGES}"), ..say.ask.clone() };
    accepted(&raw(&absolute, "").await);
    // Whoever signs a method or address that is not there is told so, authentically.
    for (method, target, expected) in [
        ("post", MESSAGES, MethodNotAllowed),
        ("POST", "/v1/m%65ssages", NotFound),
        ("POST", "/v1/messages/../messages", NotFound),
    ] {
        let say = Say { method, target, ..text() }.signed(&session);
        let answer = raw(&say.ask, "").await;
        assert_eq!(problem(&answer), Some(expected), "{method} {target}: {answer:?}");
        assert!(is_signed(&answer, &say.expected), "{method} {target}");
    }
    // A field in two lines is one field (RFC 9421 §2.1).
    let say = text().signed(&session);
    accepted(&raw(&say.ask, "Signature: proxy=:AAAA:\r\n").await);
    for lines in [
        format!("Content-Digest: {}\r\n", say.ask.value("content-digest")),
        "Content-Digest: sha-512=:AAAA:\r\n".to_owned(),
        format!("Claim-Session: {}\r\n", session.token()),
        format!("Content-Type: {TEXT}\r\n"),
    ] {
        let answer = raw(&say.ask, &lines).await;
        assert!(answer.status.is_client_error(), "{lines}: {answer:?}");
        assert!(problem(&answer).is_some() && !is_signed(&answer, &say.expected), "{answer:?}");
    }
    let messages = site.records.all().await.len();
    assert_eq!(messages, 3);
    setting.assert_sound();
}

/// RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that
/// lacks a Host header field and to any request message that contains more than one Host header field line".
#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_one_host() {
    let (cuhk, blackboard) =
        tokio::join!(Box::pin(cuhk::Setting::new()), Box::pin(blackboard::Setting::new()));
    for site in [cuhk.site(), blackboard.site()] {
        for lines in ["", "Host: localhost\r\nHost: localhost\r\n", "Host: a\r\nHost: b\r\n"] {
            let request = format!("GET / HTTP/1.1\r\n{lines}\r\n");
            let answer = site.client.raw(request.as_bytes()).await.expect("an answer");
            assert_eq!(answer.status, 400, "{lines:?}: {answer:?}");
        }
    }
}

/// Every refusal of an address is a problem document, whatever the address.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_a_name_that_is_no_text_is_not_found() {
    let (cuhk, blackboard) =
        tokio::join!(Box::pin(cuhk::Setting::new()), Box::pin(blackboard::Setting::new()));
    for site in [cuhk.site(), blackboard.site()] {
        for version in Version::BOTH {
            let answer = site.client.ask(version, &Ask::get("/problems/%ff")).await;
            assert_eq!(problem(&answer), Some(NotFound), "{answer:?}");
        }
    }
}
