//! CUHK's rows, each caused at the real program.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use claim_core::invitation::{Invitation, Invitee};
use claim_core::student::Credential;
use claim_core::{PersonId, ProblemType};
use claim_cuhk::{Clock, Office, Revoking, init};
use claim_pki::{Certificate, RevocationReason, SigningKey};

use crate::authority::{Authority, DAY, Misfit, fresh, from, now, openssl, shown};
use crate::case::{Case, Ended, Records, Site};
use crate::enrolment::{CACERTS, basic, enroll, halves, issued, reenroll, request, sequence};
use crate::program::{Program, root};
use crate::provider::TestProvider;
use crate::wire::{Ask, Client, ClientIdentity, Version};
use crate::{sign_in, timestamps, tokens};

#[path = "devices.rs"]
mod devices;
#[path = "failing.rs"]
mod failing;
#[path = "plain.rs"]
mod plain;

/// Short times, and room for all the refusals that come from one address here.
pub(crate) const SHORT: &str =
    "[cuhk.limits]\nbody-read-timeout = 1\nrefusals-per-minute = 1000000\n";

/// A CUHK that certifies whom it has invited, and a local one beside it, both real programs.
pub(crate) struct Setting {
    folder: tempfile::TempDir,
    program: Program,
    site: Site,
    authority: Authority,
    foreign: Authority,
    _local_folder: tempfile::TempDir,
    local_program: Program,
    local: Site,
    last_sid: Cell<u32>,
    /// The sign-in service, where there is one.
    provider: Option<TestProvider>,
}

/// Somebody who was invited, with a request that is as it should be.
pub(crate) struct Invited {
    id: PersonId,
    code: String,
    key: SigningKey,
}

impl Invited {
    pub(crate) fn id(&self) -> &PersonId {
        &self.id
    }

    fn request(&self) -> Vec<u8> {
        request(&self.id, &self.key)
    }

    /// As it should be.
    pub(crate) fn ask(&self) -> Ask {
        self.with(&self.request())
    }

    /// With another request.
    fn with(&self, der: &[u8]) -> Ask {
        enroll(self.id.as_str(), &self.code, der)
    }
}

impl Setting {
    /// With short times, room for all the refusals that come from one address here, and a sign-in service.
    pub(crate) async fn new() -> Self {
        Self::signing_in(SHORT, TestProvider::start().await).await
    }

    /// With this `claim.toml`, and this sign-in service.
    pub(crate) async fn signing_in(settings: &str, provider: TestProvider) -> Self {
        let setting = Self::prepared(settings, |dir| {
            let path = dir.join("claim.toml");
            let text = std::fs::read_to_string(&path).unwrap() + &sign_in::settings(&provider, dir);
            std::fs::write(path, text).unwrap();
            sign_in::leave_secret(dir);
        })
        .await;
        Self { provider: Some(provider), ..setting }
    }

    /// With this `claim.toml`.
    pub(crate) async fn with(settings: &str) -> Self {
        Self::prepared(settings, |_| {}).await
    }

    /// With this `claim.toml`, and what is done to the folder before it starts.
    pub(crate) async fn prepared(settings: &str, prepare: impl FnOnce(&Path)) -> Self {
        let (folder, local_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (dir, local_dir) = (folder.path(), local_folder.path());
        std::fs::write(dir.join("claim.toml"), settings).unwrap();
        // Long ago, so that there can be certificates whose time is long over.
        let long_ago = Clock::new(|| now().plus_seconds(-300 * DAY));
        init(dir, None, None, &long_ago).await.unwrap();
        prepare(dir);
        let program = Program::cuhk(dir).await;
        let local_program = Program::cuhk(local_dir).await;
        Self {
            site: Site {
                client: Client::new(&root(dir), &program.origin, None),
                records: Records::of_cuhk(dir).await,
                metrics: program.metrics,
            },
            local: Site {
                client: Client::new(&root(local_dir), &local_program.origin, None),
                records: Records::of_cuhk(local_dir).await,
                metrics: local_program.metrics,
            },
            authority: Authority::of(dir),
            foreign: Authority::foreign(),
            folder,
            program,
            _local_folder: local_folder,
            local_program,
            last_sid: Cell::new(0),
            provider: None,
        }
    }

    /// A file in the folder of the CUHK that certifies whom it has invited.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn assert_sound(&mut self) {
        self.program.assert_sound();
        self.local_program.assert_sound();
    }

    /// The sign-in service.
    pub(crate) fn provider(&self) -> &TestProvider {
        self.provider.as_ref().unwrap()
    }

    /// The CUHK that certifies whom it has invited.
    pub(crate) fn site(&self) -> &Site {
        &self.site
    }

    /// A student ID that nobody has used before.
    pub(crate) fn id(&self) -> PersonId {
        self.last_sid.set(self.last_sid.get() + 1);
        format!("{:010}", 1_155_000_000 + self.last_sid.get()).parse().unwrap()
    }

    /// Somebody with a code of now.
    pub(crate) async fn invited(&self) -> Invited {
        self.invited_by(Clock::system()).await
    }

    /// Invited when this clock tells it.
    async fn invited_by(&self, clock: Clock) -> Invited {
        let id = self.id();
        let office = Office::open(self.folder.path(), None, clock).await.unwrap();
        let invitation = office.invite(Invitee::Person(id.clone()), None, None).await.unwrap();
        office.close().await;
        let Invitation { code, .. } = invitation;
        Invited { id, code: code.expose(), key: SigningKey::generate().unwrap() }
    }

    /// Somebody on the roster, and a certificate of these days.
    pub(crate) async fn person(&self, validity: claim_pki::Validity) -> Credential {
        let id = self.invited().await.id;
        self.authority.person(id.as_str(), validity)
    }

    /// Somebody who enrolled, and whose certificate was revoked.
    async fn revoked(&self) -> Credential {
        let invited = self.invited().await;
        let certificate = issued(&self.site.client.ask(Version::Http2, &invited.ask()).await);
        let office = Office::open(self.folder.path(), None, Clock::system()).await.unwrap();
        let what = Revoking::Serial(certificate.serial().clone());
        office.revoke(&what, RevocationReason::KeyCompromise).await.unwrap();
        office.close().await;
        let chain = self.authority.chain(certificate.der());
        Credential { id: invited.id, chain, key: invited.key }
    }

    /// A client that shows this in the handshake.
    pub(crate) fn showing(&self, identity: &ClientIdentity) -> Client {
        Client::new(&root(self.folder.path()), self.site.origin(), Some(identity))
    }

    /// A row that a certificate in the handshake leads to, and what the right one gives.
    async fn by_certificate(
        &self,
        row: ProblemType,
        wrong: &[ClientIdentity],
        right: &Credential,
    ) -> Ended {
        let case = self.site.case(row).await;
        let ask = reenroll(&request(&right.id, &right.key));
        for identity in wrong {
            case.refused_to(&self.showing(identity), &ask, None).await;
        }
        self.renews(&case, right, &ask).await;
        case.end().await
    }

    async fn renews(&self, case: &Case<'_>, right: &Credential, ask: &Ask) {
        let answer = case.passes_to(&self.showing(&shown(right)), ask).await;
        assert_eq!(issued(&answer).person_id().as_ref(), Some(&right.id));
    }

    /// A row that a certification request leads to; the code is as good as before.
    async fn by_request(&self, row: ProblemType, invited: Invited, wrong: &[Ask]) -> Ended {
        let case = self.site.case(row).await;
        for ask in wrong {
            case.refused(ask).await;
        }
        enrols(&case, &invited).await;
        case.end().await
    }

    /// A certification request that `openssl` makes, with a key of this kind.
    async fn openssl_request(&self, key: &[&str], subject: &str) -> Vec<u8> {
        let path = self.folder.path().join("openssl.key").into_os_string().into_string().unwrap();
        openssl(&[&["genpkey", "-out", &path], key].concat()).await;
        openssl(&["req", "-new", "-key", &path, "-subj", subject, "-outform", "DER"]).await
    }
}

const P256: [&str; 4] = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// Over both versions the same certificate, for the id that was invited and the key in the request.
pub(crate) async fn enrols(case: &Case<'_>, invited: &Invited) -> Certificate {
    let certificate = issued(&case.passes(&invited.ask()).await);
    assert_eq!(certificate.person_id().as_ref(), Some(&invited.id));
    assert_eq!(certificate.public_key().unwrap(), *invited.key.public_key());
    certificate
}

/// Causes this row, and shows that it is answered as the table says.
pub(crate) async fn cause(row: ProblemType, setting: &Setting) -> Ended {
    match row {
        ProblemType::MalformedRequest => Box::pin(plain::malformed_request(row, setting)).await,
        ProblemType::NotFound => Box::pin(plain::not_found(row, setting)).await,
        ProblemType::MethodNotAllowed => Box::pin(plain::method_not_allowed(row, setting)).await,
        ProblemType::RequestTimeout => Box::pin(plain::request_timeout(row, setting)).await,
        ProblemType::ContentTooLarge => Box::pin(plain::content_too_large(row, setting)).await,
        ProblemType::UnsupportedMediaType => {
            Box::pin(plain::unsupported_media_type(row, setting)).await
        }
        ProblemType::Overloaded => Box::pin(timestamps::overloaded(row)).await,
        ProblemType::TimestampRequest => Box::pin(timestamps::request(row, setting)).await,
        ProblemType::TimestampUnavailable => Box::pin(timestamps::unavailable(row)).await,
        ProblemType::TooManyRefusals => Box::pin(plain::too_many_refusals(row)).await,
        ProblemType::StorageUnavailable => {
            Box::pin(failing::storage_unavailable(row, setting)).await
        }
        ProblemType::SigningUnavailable => Box::pin(tokens::unavailable(row)).await,
        ProblemType::StorageFull => Box::pin(failing::storage_full(row)).await,
        ProblemType::InternalError => Box::pin(failing::internal_error(row, setting)).await,
        ProblemType::LocalOnly => Box::pin(local_only(row, setting)).await,
        ProblemType::CodeRefused => Box::pin(code_refused(row, setting)).await,
        ProblemType::CodeExpired => Box::pin(code_expired(row, setting)).await,
        ProblemType::CodeUsed => Box::pin(code_used(row, setting)).await,
        ProblemType::CertificateRenewed => Box::pin(devices::renewed(row, setting)).await,
        ProblemType::TooManyCertificates => Box::pin(devices::too_many(row, setting)).await,
        ProblemType::RequestUnreadable => Box::pin(request_unreadable(row, setting)).await,
        ProblemType::RequestSignature => {
            let invited = setting.invited().await;
            let der = invited.request();
            let mut signature = der.clone();
            *signature.last_mut().unwrap() ^= 1;
            // The signature of one key under the content with another.
            let other = request(&invited.id, &SigningKey::generate().unwrap());
            let (content, _) = halves(&other);
            let (_, rest) = halves(&der);
            let mixed = sequence(&[content, rest].concat());
            let wrong = [invited.with(&signature), invited.with(&mixed)];
            Box::pin(setting.by_request(row, invited, &wrong)).await
        }
        ProblemType::RequestKey => {
            let invited = setting.invited().await;
            let subject = format!("/CN={}", invited.id);
            let mut wrong = Vec::new();
            for key in [
                &["-algorithm", "RSA"][..],
                &["-algorithm", "ED25519"],
                &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
                &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"],
            ] {
                wrong.push(invited.with(&setting.openssl_request(key, &subject).await));
            }
            let path = |name: &str| setting.folder.path().join(name).display().to_string();
            let (key, compressed) = (path("point.key"), path("compressed.key"));
            openssl(&[&["genpkey", "-out", &key], &P256[..]].concat()).await;
            openssl(&["ec", "-in", &key, "-conv_form", "compressed", "-out", &compressed]).await;
            let request = ["req", "-new", "-key", &compressed, "-subj", &subject];
            wrong
                .push(invited.with(&openssl(&[&request[..], &["-outform", "DER"]].concat()).await));
            Box::pin(setting.by_request(row, invited, &wrong)).await
        }
        ProblemType::RequestSubject => {
            let invited = setting.invited().await;
            let (own, other) = (invited.id.as_str(), setting.id());
            let mut wrong = vec![invited.with(&request(&other, &invited.key))];
            for subject in [
                format!("/UID={other}/CN={own}"),
                format!("/UID={own}/UID={other}"),
                format!("/CN={other}"),
            ] {
                wrong.push(invited.with(&setting.openssl_request(&P256, &subject).await));
            }
            Box::pin(setting.by_request(row, invited, &wrong)).await
        }
        ProblemType::ClientCertificateRequired => {
            let case = setting.site.case(row).await;
            let right = setting.person(fresh()).await;
            let ask = reenroll(&request(&right.id, &right.key));
            case.refused(&ask).await;
            case.refused(&ask.clone().with("authorization", basic(right.id.as_str(), "x"))).await;
            case.refused(&timestamps::ask()).await;
            setting.renews(&case, &right, &ask).await;
            case.end().await
        }
        ProblemType::SignInNotOffered
        | ProblemType::TooManySignIns
        | ProblemType::SignInExpired
        | ProblemType::SignInDenied
        | ProblemType::SignInPolledTooOften
        | ProblemType::SignInCodeWrong
        | ProblemType::SignInOtherBrowser
        | ProblemType::SignInStateWrong
        | ProblemType::SignInNotMade
        | ProblemType::SignInTokenRefused
        | ProblemType::SignInWithoutId
        | ProblemType::SignInOtherPerson
        | ProblemType::SignInUnavailable => Box::pin(sign_in::cause(row, setting)).await,
        ProblemType::NotOnRoster => Box::pin(not_on_roster(row, setting)).await,
        ProblemType::CertificateUnreadable => {
            let right = setting.person(fresh()).await;
            let with = |more: &[Vec<u8>]| {
                let mut identity = shown(&right);
                identity.chain.truncate(1);
                identity.chain.extend_from_slice(more);
                identity
            };
            let other = |_| setting.foreign.issuing_der();
            let wrong = [
                with(&[b"no certificate".to_vec()]),
                with(&[vec![0x30; 9000]]),
                with(&(0..3).map(other).collect::<Vec<_>>()),
            ];
            Box::pin(setting.by_certificate(row, &wrong, &right)).await
        }
        ProblemType::CertificateUntrusted => {
            let right = setting.person(fresh()).await;
            let foreign = setting.foreign.person(right.id.as_str(), fresh());
            let mut borrowed = shown(&foreign);
            borrowed.chain[1] = setting.authority.issuing_der();
            Box::pin(setting.by_certificate(row, &[shown(&foreign), borrowed], &right)).await
        }
        ProblemType::CertificateExpired => {
            // The grace is 30 days.
            let validity = |days: i64| from(now().plus_seconds(-100 * DAY), (100 - days) * DAY);
            let wrong = setting.person(validity(31)).await;
            let right = setting.person(validity(29)).await;
            Box::pin(setting.by_certificate(row, &[shown(&wrong)], &right)).await
        }
        ProblemType::CertificateNotYetValid => {
            let validity = |start| from(now().plus_seconds(start), 60 * DAY);
            let wrong = setting.person(validity(300)).await;
            let right = setting.person(validity(-1)).await;
            Box::pin(setting.by_certificate(row, &[shown(&wrong)], &right)).await
        }
        ProblemType::CertificateProfile => {
            let right = setting.person(fresh()).await;
            let (dir, id) = (setting.folder.path(), right.id.as_str());
            let no_policy = setting.authority.misfit(dir, id, Misfit::NoPolicy).await;
            let signs_only = setting.authority.misfit(dir, id, Misfit::NoKeyAgreement).await;
            Box::pin(setting.by_certificate(row, &[shown(&no_policy), shown(&signs_only)], &right))
                .await
        }
        ProblemType::CertificateRevoked => {
            let (wrong, right) = (setting.revoked().await, setting.person(fresh()).await);
            Box::pin(setting.by_certificate(row, &[shown(&wrong)], &right)).await
        }
        _ => panic!("CUHK gives {:?}, and no case causes it", row.slug()),
    }
}

async fn local_only(row: ProblemType, setting: &Setting) -> Ended {
    let (local, id) = (&setting.local, setting.id());
    let case = local.case(row).await;
    let ask = enroll(id.as_str(), "any code", &request(&id, &SigningKey::generate().unwrap()));
    for name in ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"] {
        case.refused(&ask.clone().with(name, "1.1 proxy")).await;
    }
    for host in ["cuhk.example", "192.0.2.1", "localhost.example", ""] {
        let content = String::from_utf8(ask.body.clone()).unwrap();
        let length = format!("Content-Length: {}\r\nConnection: close\r\n", content.len());
        let raw = ask.head(host, &length) + &content;
        let answering = async { local.client.raw(raw.as_bytes()).await.unwrap() };
        case.refused_once(answering, None).await;
    }
    case.refused(&Ask::get(CACERTS).with("via", "1.1 proxy")).await;
    issued(&case.passes(&ask).await);
    case.end().await
}

async fn code_refused(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let (invited, other) = (setting.invited().await, setting.invited().await);
    let der = invited.request();
    let mut bodies = Vec::new();
    for (user, code) in [
        (invited.id.as_str(), "AQEBAQEBAQEBAQEBAQEBAQ"),
        (invited.id.as_str(), other.code.as_str()),
        (invited.id.as_str(), ""),
        (setting.id().as_str(), invited.code.as_str()),
        ("", invited.code.as_str()),
        ("nobody at all", "x"),
        ("https%3A%2F%2Flocalhost%3A3141", invited.code.as_str()),
    ] {
        bodies.push(case.refused(&enroll(user, code, &der)).await.body);
    }
    for value in ["Basic", "Basic ???", "Bearer x", "Digest username=\"x\""] {
        bodies.push(case.refused(&invited.ask().with("authorization", value)).await.body);
    }
    bodies.push(case.refused(&invited.ask().without("authorization")).await.body);
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "it tells who is invited: {bodies:?}");
    enrols(&case, &invited).await;
    case.end().await
}

async fn code_expired(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    // A code is good for 14 days.
    let days_ago = |days: i64| Clock::new(move || now().plus_seconds(-days * DAY));
    let late = setting.invited_by(days_ago(15)).await;
    case.refused(&late.ask()).await;
    let just = setting.invited_by(days_ago(13)).await;
    enrols(&case, &just).await;
    case.end().await
}

async fn code_used(row: ProblemType, setting: &Setting) -> Ended {
    let case = setting.site.case(row).await;
    let invited = setting.invited().await;
    let first = enrols(&case, &invited).await;
    let other = request(&invited.id, &SigningKey::generate().unwrap());
    case.refused(&invited.with(&other)).await;
    assert_eq!(enrols(&case, &invited).await, first);
    case.end().await
}

async fn request_unreadable(row: ProblemType, setting: &Setting) -> Ended {
    let invited = setting.invited().await;
    let good = invited.ask();
    let (der, text) = (invited.request(), good.body.clone());
    let large = [&der[..], &[0; 20_000]].concat();
    let mut wrong: Vec<Ask> =
        [&b""[..], b"   \r\n", b"not base64!", b"aGVsbG8=", b"\xff\xfe", &der]
            .map(|body| good.clone().carrying(body))
            .to_vec();
    wrong.push(good.clone().carrying(&text[..text.len() / 8 * 4]));
    wrong.push(good.clone().carrying("-----BEGIN CERTIFICATE REQUEST-----\n"));
    wrong.push(invited.with(&large));
    wrong.push(invited.with(&[&der[..], b"more"].concat()));
    Box::pin(setting.by_request(row, invited, &wrong)).await
}

async fn not_on_roster(row: ProblemType, setting: &Setting) -> Ended {
    let local = setting.local.case(row).await;
    let key = SigningKey::generate().unwrap();
    let staff: PersonId = "chan.tm".parse().unwrap();
    local.refused(&enroll("chan.tm", "any code", &request(&staff, &key))).await;
    let student = setting.id();
    local.passes(&enroll(student.as_str(), "any code", &request(&student, &key))).await;
    local.end().await;

    let wrong = setting.authority.person(setting.id().as_str(), fresh());
    let right = setting.person(fresh()).await;
    Box::pin(setting.by_certificate(row, &[shown(&wrong)], &right)).await
}
