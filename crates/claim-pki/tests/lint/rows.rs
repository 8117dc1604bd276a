//! The certificates that are judged: a row for each profile, and for each form that a profile takes.

use std::sync::LazyLock;

use claim_pki::{Certificate, Origin, Subject};

use crate::authority::{Authority, ed25519_key, issue, key, own_usage};

/// A certificate and what is expected of it.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) authority: Authority,
    pub(crate) certificate: Certificate,
    pub(crate) signer: Signer,
    /// The extended key usage that it is for, as content octets of the object identifier.
    pub(crate) usage: &'static [u8],
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

/// The extended key usages of our own, without tag and length of the list and of its member.
static LOG_USAGE: LazyLock<Vec<u8>> = LazyLock::new(|| own_usage(1).split_off(4));
static WITNESS_USAGE: LazyLock<Vec<u8>> = LazyLock::new(|| own_usage(2).split_off(4));

const WITNESS: &str = "cuhk.example:9335/witness";

/// What comes of an object identifier below a UUID: the extension cannot be read, alone or beside the signer's.
const LARGE_ARC: &str = "itu.invalid_asn1_syntax";

/// A policy that cannot be read is compared with the signer's, where that has any.
const POLICY: [&[&str]; 2] = [&[LARGE_ARC], &["base.unhandled_exception", LARGE_ARC]];

/// Below the root, which has none, nothing is compared.
const POLICY_BY_ROOT: [&[&str]; 2] = [&[LARGE_ARC], &[LARGE_ARC]];

/// The extended key usage is below the UUID too.
const POLICY_AND_USAGE_BY_ROOT: [&[&str]; 2] = [&[LARGE_ARC, LARGE_ARC], &[LARGE_ARC, LARGE_ARC]];

/// `localhost` is no fully qualified domain name.
const LOCALHOST: &[&str] = &["pkix.invalid_domain_name_syntax", "pkix.invalid_uri_syntax"];

/// All of them.
pub(crate) fn rows() -> Vec<Row> {
    let person = |name, id, common_name| {
        Row::issued(name, Signer::Issuing, &named(id, common_name), CLIENT_AUTH)
            .leaving_unread(POLICY)
    };
    let server = |name, origin, hosts| {
        let subject = Subject::Server { origin: Origin::from_user(origin).unwrap() };
        Row::issued(name, Signer::Issuing, &subject, SERVER_AUTH)
            .called(hosts)
            .leaving_unread(POLICY)
    };
    let origin: Origin = "https://blackboard.example:3141".parse().unwrap();
    let timestamp = Subject::Timestamp { origin: origin.clone() };
    let (log, witness) =
        (Subject::Log { origin }, Subject::Witness { name: WITNESS.parse().unwrap() });
    vec![
        Row::root("root", None),
        Row::root("root with a domain", Some("cuhk.example")),
        Row::issuing("issuing"),
        person("student", "1155123456", Some("Chan Tai Man")),
        person("student with a Chinese name", "1155123456", Some("陳大文")),
        person("student without a name", "0000000000", None),
        Row::issued_by(
            with_crl_url(),
            "student whose certificate tells of a CRL",
            Signer::Issuing,
            &named("1155123456", None),
            CLIENT_AUTH,
        )
        .leaving_unread(POLICY),
        person("staff", "chan.tm", Some("Chan Tai Man")),
        server("server", "https://blackboard.example", &["blackboard.example"]),
        server("local server", "https://localhost:3141", &["localhost", "127.0.0.1", "::1"])
            .excepting(LOCALHOST),
        server("server by IPv4", "https://192.0.2.7:3141", &["192.0.2.7"]),
        server("server by IPv6", "https://[2001:db8::7]:3141", &["2001:db8::7"]),
        server("server with a Chinese name", "https://中大.example", &["xn--fiq80y.example"]),
        Row::issued("timestamp", Signer::Root, &timestamp, TIME_STAMPING)
            .leaving_unread(POLICY_BY_ROOT),
        Row::issued("log", Signer::Root, &log, &LOG_USAGE).leaving_unread(POLICY_AND_USAGE_BY_ROOT),
        Row::issued("witness", Signer::Root, &witness, &WITNESS_USAGE)
            .leaving_unread(POLICY_AND_USAGE_BY_ROOT),
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
    fn issued(name: &'static str, signer: Signer, subject: &Subject, usage: &'static [u8]) -> Self {
        Self::issued_by(Authority::new(), name, signer, subject, usage)
    }

    fn issued_by(
        authority: Authority,
        name: &'static str,
        signer: Signer,
        subject: &Subject,
        usage: &'static [u8],
    ) -> Self {
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
        Self::new(name, signer, authority, certificate, usage)
    }

    fn leaving_unread(self, unread: [&'static [&'static str]; 2]) -> Self {
        Self { unread, ..self }
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
        usage: &'static [u8],
    ) -> Self {
        let (excepted, unread) = ([&[][..]; 2], [&[][..]; 2]);
        Self { name, authority, certificate, signer, usage, hosts: &[], excepted, unread }
    }
}

/// An authority that says where the list of what it has revoked is.
fn with_crl_url() -> Authority {
    let url = "https://cuhk.example:9335/crl/0123456789abcdef.crl";
    let Authority { root, issuing } = Authority::new();
    Authority { root, issuing: issuing.with_crl_url(url.parse().unwrap()) }
}

fn named(id: &str, name: Option<&str>) -> Subject {
    Subject::Person { id: id.parse().unwrap(), name: name.map(str::to_owned) }
}
