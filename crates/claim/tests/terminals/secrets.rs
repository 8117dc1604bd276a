//! What docs/OPERATIONS.md says that no log holds: searched for in everything that all programs print at their loudest.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use claim_core::encoding::{RequestNonce, b64u, base64, from_b64u, from_base64};
use claim_core::messages::{Chain, Challenge, SessionAnswer};
use claim_core::signing::{Content, Outgoing};
use claim_core::student::{self, Credential};
use claim_core::{Digest, Origin, Sid, json};
use claim_http::{Clock, ServerTrust, https_client, send, system_rng};
use claim_pki::{Certificate, Root, SigningKey};

use crate::course::{Folder, OTHER_SID, SID, free_port};
use crate::program::{Done, Program};
use crate::softhsm::{PIN, make_token, uri};

/// What a message says; it belongs on Blackboard's terminal, and in no log.
const MESSAGE: &str = "The-report-that-nobody-else-may-read";

/// The passphrases of CUHK's keys, and one of neither.
const ROOT: &str = "a-passphrase-of-the-root-91";
const ISSUING: &str = "a-passphrase-of-the-issuing-key-37";
const WRONG: &str = "a-passphrase-of-nothing-55";

/// Everything that was printed, by whom, and what must not be in it.
#[derive(Default)]
struct Search {
    printed: Vec<(String, String)>,
    secrets: Vec<(String, Vec<u8>)>,
    public: BTreeSet<String>,
}

impl Search {
    fn keep(&mut self, who: &str, done: &Done) {
        self.printed.push((format!("standard output of {who}"), done.out.clone()));
        self.keep_log(who, done);
    }

    fn keep_log(&mut self, who: &str, done: &Done) {
        self.printed.push((format!("standard error of {who}"), done.err.clone()));
    }

    fn secret(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.secrets.push((name.into(), bytes.into()));
    }

    /// All private files of a folder: the text as it is, line by line, and the scalar of a key.
    fn private_files(&mut self, folder: &Folder, dir: &str) {
        for entry in fs::read_dir(folder.path(dir)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if !name.ends_with(".key") && !name.ends_with(".invite") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for line in text.lines().filter(|line| line.len() >= 16 && !line.starts_with("-----")) {
                self.secret(format!("a line of {name}"), line);
            }
            if let Ok(key) = SigningKey::from_pkcs8_pem(&text) {
                let der: String =
                    key.to_pkcs8_pem().lines().filter(|line| !line.contains("---")).collect();
                let der = from_base64(&der).unwrap();
                // RFC 5915: the private scalar stands behind the version, as an OCTET STRING of 32 bytes.
                let at = der.windows(5).position(|w| w == [2, 1, 1, 4, 32]).expect("a scalar") + 5;
                self.secret(format!("the scalar of {name}"), &der[at..at + 32]);
            }
        }
    }

    /// Searches for every secret in every form, and for whatever looks like one.
    fn finds_nothing(&self) {
        assert!(self.secrets.len() > 20, "there is something to search for");
        for (who, text) in &self.printed {
            let low = text.to_lowercase();
            for (name, secret) in &self.secrets {
                for form in forms(secret) {
                    assert!(!low.contains(&form.to_lowercase()), "{name} is in {who}:\n{text}");
                }
            }
            let odd = unexplained(text, &self.public);
            assert!(odd.is_empty(), "{odd:?} in {who}: nobody knows what that is\n{text}");
        }
    }
}

/// The ways in which bytes are written down. A piece of each form is enough to be found.
fn forms(secret: &[u8]) -> Vec<String> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = secret.iter().map(|byte| format!("%{byte:02x}")).collect();
    let decimal: Vec<String> = secret.iter().map(ToString::to_string).collect();
    let mut forms = vec![hex, percent, decimal.join(", "), decimal.join(",")];
    // Base64 of something longer with the secret in it begins at one of three places.
    for skipped in 0..3.min(secret.len()) {
        for text in [base64(&secret[skipped..]), b64u(&secret[skipped..])] {
            let whole = text.trim_end_matches('=').len().saturating_sub(2);
            forms.push(text[..whole].to_owned());
        }
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.push(text.to_owned());
        forms.push(text.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D"));
        forms.push(format!("{text:?}").trim_matches('"').to_owned());
    }
    forms.retain(|form| form.len() >= 12);
    forms
}

/// SHA-256 of a root, in hexadecimal.
fn fingerprint(pem: &str) -> String {
    Root::from_pem(pem).unwrap().hash().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whatever is long and random enough for a key, a code or a token, and is not known to be public.
fn unexplained(text: &str, public: &BTreeSet<String>) -> Vec<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+-_=%".contains(c);
    let words = text.split(|c: char| !is_part(c)).filter(|word| word.len() >= 20);
    let mut found: Vec<String> = words
        .filter(|word| word.chars().filter(char::is_ascii_digit).count() >= 3)
        .filter(|word| !public.iter().any(|known| known.contains(*word)))
        .map(str::to_owned)
        .collect();
    let mut numbers = 0;
    for word in text.split([',', ' ', '[', ']']).filter(|word| !word.is_empty()) {
        numbers = if word.parse::<u8>().is_ok() { numbers + 1 } else { 0 };
        if numbers == 8 {
            found.push("eight numbers in a row".to_owned());
        }
    }
    found
}

#[test]
fn the_search_finds_what_is_there() {
    let secret: Vec<u8> = (100..132).collect();
    for form in [
        b64u(&secret),
        base64(&secret),
        format!("x{}", base64(&[b"ab".as_slice(), &secret].concat())),
        format!("{secret:?}"),
        secret.iter().map(|byte| format!("{byte:02X}")).collect(),
    ] {
        let found =
            forms(&secret).iter().any(|one| form.to_lowercase().contains(&one.to_lowercase()));
        assert!(found, "{form}");
        assert!(!unexplained(&form, &BTreeSet::new()).is_empty(), "{form}");
    }
    let code = "iQ5Zl0Jp4dTq8rVwXy1bAg";
    assert!(forms(code.as_bytes()).contains(&code.to_owned()));
    assert_eq!(unexplained(code, &BTreeSet::new()), [code]);
    assert_eq!(unexplained(code, &BTreeSet::from([format!("claim://{code}")])), [""; 0]);
}

/// A real CUHK, its Blackboard and a student, each in a folder of their own, as loud as they can be.
struct Loud {
    cuhk: Folder,
    blackboard: Folder,
    student: Folder,
    cuhk_url: String,
    blackboard_url: String,
}

impl Loud {
    fn new() -> Self {
        let (cuhk_port, blackboard_port) = (free_port(), free_port());
        let loud = Self {
            cuhk: Folder::new(),
            blackboard: Folder::new(),
            student: Folder::new(),
            cuhk_url: format!("https://localhost:{cuhk_port}"),
            blackboard_url: format!("https://localhost:{blackboard_port}"),
        };
        loud.cuhk.write(
            "claim.toml",
            format!(
                "[cuhk]\nlisten = \"127.0.0.1:{cuhk_port}\"\npublic-url = \"{}\"\n\
                 root-passphrase = \"root.pass\"\nissuing-passphrase = \"issuing.pass\"\n",
                loud.cuhk_url
            ),
        );
        loud.cuhk.secret("root.pass", ROOT);
        loud.cuhk.secret("issuing.pass", ISSUING);
        loud.blackboard.write(
            "claim.toml",
            format!(
                "[blackboard]\nlisten = \"127.0.0.1:{blackboard_port}\"\ncuhk = \"{}\"\n",
                loud.cuhk_url
            ),
        );
        loud
    }

    fn start(folder: &Folder, arguments: &[&str], json: bool) -> Program {
        let mut command = folder.command(&[arguments, &["-vv"]].concat());
        command.env("CLAIM_LOG", "trace").env("RUST_LOG", "trace").env("CLAIM_EXPLAIN", "1");
        if json {
            command.env("CLAIM_JSON", "1");
        }
        Program::start(command)
    }

    fn run(folder: &Folder, arguments: &[&str], input: &str) -> Done {
        let mut program = Self::start(folder, arguments, false);
        program.send(input.as_bytes());
        program.end_input();
        program.end()
    }

    fn invite(&self, search: &mut Search, whom: &[&str]) -> String {
        let done = Self::run(&self.cuhk, &[&["cuhk", "invite"], whom].concat(), "").expect(0);
        search.keep_log("claim cuhk invite", &done);
        let line = done.out.trim().to_owned();
        let code = line.rsplit('/').next().unwrap().split('#').next().unwrap().to_owned();
        search.secret("an invitation", line.as_str());
        search.secret("the bytes of a code", from_b64u(&code).unwrap());
        search.secret("a code", code);
        line
    }
}

/// A session of our own, of which we know what passes through it.
async fn say_by_hand(loud: &Loud, wallet: &Folder, search: &mut Search) {
    let origin: Origin = loud.blackboard_url.parse().unwrap();
    let dir = wallet.home().join(".local/share/claim");
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let root = Arc::new(Root::from_pem(&read("cuhk.cer")).unwrap());
    let chain = Certificate::chain_from_pem(&read(&format!("{SID}.cer"))).unwrap();
    let key = SigningKey::from_pkcs8_pem(&read(&format!("{SID}.key"))).unwrap();
    let chain = Chain::new(chain.iter().map(|one| one.der().to_vec()).collect()).unwrap();
    let credential = Credential { id: SID.parse::<Sid>().unwrap().into(), chain, key };
    let trust = ServerTrust::Root(Arc::clone(&root));
    let client = https_client(&trust, None, Duration::from_secs(60)).unwrap();
    let post = async |path: &str, headers: &[(&str, String)], body: Vec<u8>, status: u16| {
        let mut request = client.post(origin.join(path)).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = send(request, 1 << 20).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{answer:?}");
        answer
    };
    let json_type = [("content-type", "application/json".to_owned())];
    let (request, waiting) = student::request(&credential, &origin, &mut system_rng());
    let body = serde_json::to_vec(&request).unwrap();
    let answer = post("/v1/challenges", &json_type, body, 201).await;
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    for (name, value) in document.as_object().unwrap() {
        if let Some(text) = value.as_str().filter(|text| text.len() > 30) {
            search.secret(format!("{name} of step 4"), text);
        }
    }
    let challenge: Challenge = json::from_slice(&answer.body).unwrap();
    let (confirmation, waiting) = waiting.receive(&challenge).unwrap();
    search.secret("the student's confirmation", confirmation.confirmation.0);
    let body = serde_json::to_vec(&confirmation).unwrap();
    let answer = post("/v1/sessions", &json_type, body, 201).await;
    let opened: SessionAnswer = json::from_slice(&answer.body).unwrap();
    let session = waiting.receive(opened, &root, Clock::system().now()).unwrap();
    search.secret("the session token", session.token());

    for (text, status) in [(MESSAGE, 201), (MESSAGE, 403)] {
        let media_type = "text/plain; charset=utf-8";
        let content = Some(Content { media_type, bytes: text.as_bytes() });
        let outgoing = Outgoing { method: "POST", target: "/v1/messages", content };
        let nonce = RequestNonce::random(&mut system_rng());
        let (fields, _) = session.sign(&outgoing, Clock::system().now(), &nonce);
        let mut signature = fields.signature;
        let value = signature.split(':').nth(1).unwrap().to_owned();
        search.secret("the value of a signature", value.as_str());
        if status == 403 {
            let (first, rest) = value.split_at(1);
            let wrong = format!("{}{rest}", if first == "A" { "B" } else { "A" });
            signature = signature.replace(&value, &wrong);
        }
        let headers = [
            ("claim-session", session.token().to_owned()),
            ("signature-input", fields.signature_input),
            ("signature", signature),
            ("content-type", media_type.to_owned()),
            ("content-digest", fields.content_digest.unwrap()),
        ];
        let answer = post("/v1/messages", &headers, text.into(), status).await;
        if let Some(signature) = answer.headers.get("signature") {
            let value = signature.to_str().unwrap().split(':').nth(1).unwrap();
            search.secret("the value of Blackboard's signature", value);
        }
    }
}

/// Refusals of passphrases and PINs, right or wrong, and a key in a token.
fn wrong_passphrases(loud: &Loud, search: &mut Search) {
    let folder = &loud.cuhk;
    for (name, secret) in [("root", ROOT), ("issuing", ISSUING), ("wrong", WRONG), ("PIN", PIN)] {
        search.secret(format!("the passphrase {name}"), secret);
    }
    folder.secret("wrong.pass", WRONG);
    let wrong = ["cuhk", "--issuing-passphrase", "wrong.pass"];
    search.keep("a wrong passphrase", &Loud::run(folder, &wrong, "").expect(2));
    make_token(folder);
    let key = uri("issuing");
    let with =
        |pin| ["cuhk", "issuing", "renew", "--issuing-key", &key, "--issuing-passphrase", pin];
    let done = Loud::run(folder, &with("pin"), "").expect(0);
    // Its serial number, which everybody may know.
    search.public.extend(done.out.split(['(', ')']).map(str::to_owned));
    search.keep("a key in a token", &done);
    search.keep("a wrong PIN", &Loud::run(folder, &with("wrong.pass"), "").expect(1));
    // The course goes on with the file.
    fs::remove_file(folder.path("cuhk-issuing-2.cer")).unwrap();
}

async fn a_course(json: bool) {
    let (loud, mut search) = (Loud::new(), Search::default());
    let done = Loud::run(&loud.cuhk, &["cuhk", "init"], "").expect(0);
    search.keep("claim cuhk init", &done);
    wrong_passphrases(&loud, &mut search);
    let cuhk = Loud::start(&loud.cuhk, &["cuhk"], json);
    cuhk.out.shows("listen");
    let blackboard_invitation =
        loud.invite(&mut search, &["--server", &loud.blackboard_url.clone()]);
    loud.blackboard.write("invitation.txt", blackboard_invitation);
    let arguments = ["blackboard", "--invite-file", "invitation.txt"];
    let blackboard = Loud::start(&loud.blackboard, &arguments, json);
    blackboard.out.shows("listen");

    let invitation = loud.invite(&mut search, &["--sid", SID]);
    let enroll = ["student", "enroll", "--invite-file", "-"];
    let student = |name: &str, arguments: &[&str], input: &str, search: &mut Search| {
        let done = Loud::run(&loud.student, &[&["student"], arguments].concat(), input).expect(0);
        search.keep(name, &done);
    };
    student("enroll", &enroll[1..], &invitation, &mut search);
    let (at, text) = (["--blackboard", &loud.blackboard_url], MESSAGE);
    student("say", &[&["say"], &at[..], &[text]].concat(), "", &mut search);
    student("renew", &["renew", "--cuhk", &loud.cuhk_url], "", &mut search);
    student("status", &[&["status"], &at[..]].concat(), "", &mut search);
    // Refusals tell what was wrong, and not the secret that was.
    let thief = Folder::new();
    search.keep("a thief", &Loud::run(&thief, &enroll, &invitation).expect(1));
    let other = loud.invite(&mut search, &["--sid", OTHER_SID]).replace(OTHER_SID, "1155000009");
    search.keep("another", &Loud::run(&Folder::new(), &enroll, &other).expect(1));
    search.keep("a cut line", &Loud::run(&thief, &enroll, &other[..other.len() - 4]).expect(1));
    say_by_hand(&loud, &loud.student, &mut search).await;

    search.private_files(&loud.cuhk, "");
    search.private_files(&loud.blackboard, "");
    search.private_files(&loud.student, "../home/.local/share/claim");
    let listed = loud.cuhk.run(&["cuhk", "list", "--json"]).expect(0).out;
    search.public.extend(listed.split('"').map(str::to_owned));
    search.public.insert(fingerprint(&loud.cuhk.read("cuhk.cer")));
    let blackboard = blackboard.stop();
    // Messages are printed on the terminal, and only there.
    assert_eq!(blackboard.out.matches(MESSAGE).count(), 2);
    search.keep("Blackboard", &Done { out: blackboard.out.replace(MESSAGE, ""), ..blackboard });
    search.keep("CUHK", &cuhk.stop());
    search.secret("a message", MESSAGE);
    search.finds_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_course_is_printed_in_text() {
    a_course(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_a_course_is_printed_in_json() {
    a_course(true).await;
}

#[test]
fn no_secret_of_the_demonstration_is_printed() {
    let _stage = crate::demonstration::stage();
    let (folder, mut search) = (Folder::new(), Search::default());
    let arguments = ["demo", "--sid", SID, "--attack", "--dir", "kept"];
    let done = Loud::run(&folder, &arguments, "").expect(0);
    search.keep("the demonstration", &done);
    search.private_files(&folder, "kept");
    let listed = folder.run(&["cuhk", "list", "--json", "--dir", "kept"]).expect(0).out;
    search.public.extend(listed.split('"').map(str::to_owned));
    search.public.insert(fingerprint(&folder.read("kept/cuhk.cer")));
    // What the receipt proves: the claim's id and the digest of its file.
    search.public.insert(Digest::of(folder.read("kept/report.txt").as_bytes()).to_string());
    for kept in fs::read_dir(folder.path("kept/receipts")).unwrap() {
        search.public.insert(kept.unwrap().file_name().into_string().unwrap());
    }
    // The attacker's own certificates, and the digests of what was said and of what was made of it.
    for word in ["certificate ", "the SHA-256 ", "signed was ", "had SHA-256 ", "this has "] {
        for behind in done.out.split(word).skip(1) {
            let hex: String = behind.chars().take_while(char::is_ascii_hexdigit).collect();
            search.public.insert(hex);
        }
    }
    // The roots of the logs, the true one and the forged ones: 32 bytes in base64.
    for word in ["root ", "roots ", "not to ", "and have ", "= and "] {
        for behind in done.out.split(word).skip(1) {
            let is_part = |c: &char| c.is_ascii_alphanumeric() || "+/=".contains(*c);
            let root: String = behind.chars().take_while(is_part).collect();
            if root.len() == 44 && root.ends_with('=') {
                search.public.insert(root);
            }
        }
    }
    search.finds_nothing();
}
