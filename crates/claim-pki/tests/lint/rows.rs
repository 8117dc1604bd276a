//! The certificates that are judged: a row for each profile, and for each form that a profile takes.

use claim_pki::{Certificate, Origin, Subject};

use crate::authority::{Authority, ed25519_key, issue, key, own_usage};

/// A certificate and what is expected of it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) authority: Authority,
    pub(crate) certificate: Certificate,
    pub(crate) signer: Signer,
    /// The extended key usage that it is for, as content octets of the object identifier.
    pub(crate) usage: Vec<u8>,
    /// The names and addresses under which its server is called.
    pub(crate) hosts: &'static [&'static str],
    /// What pkilint finds all the same, in the certificate alone and beside its signer's; `docs/divergences.md`
    /// says why.
    pub(crate) excepted: [&'static [&'static str]; 2],
    /// What it finds as well as long as it does not read large arcs.
    pub(crate) unread: [&'static [&'static str]; 2],
}

/// Whose key signs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signer {
    Itself,
    Root,
    Issuing,
}

/// `id-kp-clientAuth`, 1.3.6.1.5.5.7.3.2.
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// `id-kp-serverAuth`, 1.3.6.1.5.5.7.3.1.
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

/// `id-kp-timeStamping`, 1.3.6.1.5.5.7.3.8.
const TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

const WITNESS: &str = "cuhk.example:9335/witness";

/// A policy below a UUID: the extension cannot be read, and what was to compare it with the signer's fails.
const LARGE_ARC: [&[&str]; 2] =
    [&["itu.invalid_asn1_syntax"], &["base.unhandled_exception", "itu.invalid_asn1_syntax"]];

/// `localhost` is no fully qualified domain name.
const LOCALHOST: &[&str] = &["pkix.invalid_domain_name_syntax", "pkix.invalid_uri_syntax"];

/// All of them.
pub(crate) fn rows() -> Vec<Row> {
    let person = |name, id, common_name| {
        Row::issued(name, Signer::Issuing, &person(id, common_name), CLIENT_AUTH)
    };
    let server = |name, origin, hosts| {
        Row::issued(name, Signer::Issuing, &server(origin), SERVER_AUTH).called(hosts)
    };
    let by_root = |name, subject, usage: &[u8]| Row::issued(name, Signer::Root, &subject, usage);
    // An extended key usage of our own follows tag and length of list and member.
    let origin = Origin::from_user("https://blackboard.example:3141").unwrap();
    let (log_usage, witness_usage) = (own_usage(1), own_usage(2));
    vec![
        Row::root("root", None),
        Row::root("root with a domain", Some("cuhk.example")),
        Row::issuing("issuing"),
        person("student", "1155123456", Some("Chan Tai Man")),
        person("student with a Chinese name", "1155123456", Some("陳大文")),
        person("student without a name", "0000000000", None),
        person("staff", "chan.tm", Some("Chan Tai Man")),
        server("server", "https://blackboard.example", &["blackboard.example"]),
        server("local server", "https://localhost:3141", &["localhost", "127.0.0.1", "::1"])
            .excepting(LOCALHOST),
        server("server by IPv4", "https://192.0.2.7:3141", &["192.0.2.7"]),
        server("server by IPv6", "https://[2001:db8::7]:3141", &["2001:db8::7"]),
        server("server with a Chinese name", "https://中大.example", &["xn--fiq80y.example"]),
        by_root("timestamp", Subject::Timestamp { origin: origin.clone() }, TIME_STAMPING),
        by_root("log", Subject::Log { origin: origin.clone() }, &log_usage[4..]),
        by_root("witness", Subject::Witness { name: WITNESS.parse().unwrap() }, &witness_usage[4..]),
    ]
}

impl Row {
    fn root(name: &'static str, domain: Option<&str>) -> Self {
        let authority = Authority::with_domain(domain);
        let certificate = authority.root.certificate().clone();
        Self::new(name, Signer::Itself, authority, certificate, &[])
    }

    fn issuing(name: &'static str) -> Self {
        let authority = Authority::new();
        let certificate = authority.issuing.certificate().clone();
        Self::new(name, Signer::Root, authority, certificate, &[])
    }

    /// Any other profile, with a key that is made for it.
    fn issued(name: &'static str, signer: Signer, subject: &Subject, usage: &[u8]) -> Self {
        let authority = Authority::new();
        let issuer = match signer {
            Signer::Itself | Signer::Root => &authority.root,
            Signer::Issuing => &authority.issuing,
        };
        let life = subject.profile().life();
        let certificate = match subject {
            Subject::Log { .. } | Subject::Witness { .. } => {
                issue(issuer, subject, ed25519_key().public_key(), life)
            }
            _ => issue(issuer, subject, key().public_key(), life),
        };
        // All profiles but the authorities' have a policy of our own.
        Self { unread: LARGE_ARC, ..Self::new(name, signer, authority, certificate, usage) }
    }

    fn called(self, hosts: &'static [&'static str]) -> Self {
        Self { hosts, ..self }
    }

    fn excepting(self, alone: &'static [&'static str]) -> Self {
        Self { excepted: [alone, &[]], ..self }
    }

    fn new(
        name: &'static str,
        signer: Signer,
        authority: Authority,
        certificate: Certificate,
        usage: &[u8],
    ) -> Self {
        let (excepted, unread) = ([&[][..]; 2], [&[][..]; 2]);
        let usage = usage.to_vec();
        Self { name, authority, certificate, signer, usage, hosts: &[], excepted, unread }
    }
}

fn person(id: &str, name: Option<&str>) -> Subject {
    Subject::Person { id: id.parse().unwrap(), name: name.map(str::to_owned) }
}

fn server(origin: &str) -> Subject {
    Subject::Server { origin: Origin::from_user(origin).unwrap() }
}
