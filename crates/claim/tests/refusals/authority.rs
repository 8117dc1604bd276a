//! The keys of a CUHK in the hands of the tests, which certify what CUHK itself never would.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use claim_core::messages::Chain;
use claim_core::student::Credential;
use claim_core::{Origin, PersonId, Timestamp};
use claim_files::{Mode, write_new};
use claim_pki::{
    AuthorityName, Certificate, Ed25519SigningKey, EvidenceAnswer, Issuer, Root, RootSpec,
    SerialNumber, SigningKey, Subject, SubjectKey, Validity,
};
use getrandom::SysRng;
use getrandom::rand_core::{Rng, UnwrapErr};
use tokio::process::Command;

use crate::wire::ClientIdentity;

pub(crate) const DAY: i64 = 86_400;

/// The policy of persons' certificates, in the words of OpenSSL.
const PERSON_POLICY: &str = "certificatePolicies=2.25.304274850276117055762681507612542191110.1.1";

/// A root, and an issuing authority with its key.
pub(crate) struct Authority {
    root: Certificate,
    issuing: Issuer,
    /// The root as what issues, where the tests have its key.
    root_issuer: Option<Issuer>,
}

pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap())
}

/// So many seconds from a moment on.
pub(crate) fn from(start: Timestamp, seconds: i64) -> Validity {
    Validity::new(start, start.plus_seconds(seconds)).unwrap()
}

/// From a minute ago to some time ahead: a CUHK that was just made begins five minutes ago.
pub(crate) fn fresh() -> Validity {
    from(now().plus_seconds(-60), 60 * DAY)
}

impl Authority {
    /// The one whose keys lie in this folder.
    pub(crate) fn of(dir: &Path) -> Self {
        let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
        let key = SigningKey::from_pkcs8_pem(&read("cuhk-issuing.key")).unwrap();
        let certificate = Certificate::from_pem(&read("cuhk-issuing.cer")).unwrap();
        let root = Certificate::from_pem(&read("cuhk.cer")).unwrap();
        Self { root, issuing: Issuer::new(certificate, key).unwrap(), root_issuer: None }
    }

    /// One of the same names that nobody here trusts.
    pub(crate) fn foreign() -> Self {
        let validity = from(now().plus_seconds(-DAY), 400 * DAY);
        let spec = RootSpec { name: AuthorityName::cuhk("CUHK Root").unwrap(), domain: None };
        let key = SigningKey::generate().unwrap();
        let root = Issuer::self_signed_root(&spec, key, &serial(), validity).unwrap();
        let key = SigningKey::generate().unwrap();
        let subject = Subject::Issuing { name: AuthorityName::cuhk("CUHK Issuing").unwrap() };
        let issuance = root.prepare(&subject, key.public_key(), &serial(), validity).unwrap();
        let issuing = Issuer::new(root.issue(issuance).unwrap(), key).unwrap();
        Self { root: root.certificate().clone(), issuing, root_issuer: Some(root) }
    }

    pub(crate) fn root(&self) -> Root {
        Root::new(self.root.clone()).unwrap()
    }

    pub(crate) fn root_pem(&self) -> String {
        self.root.to_pem()
    }

    pub(crate) fn issuing_der(&self) -> Vec<u8> {
        self.issuing.certificate().der().to_vec()
    }

    /// A person with a certificate.
    pub(crate) fn person(&self, id: &str, validity: Validity) -> Credential {
        let (key, id) = (SigningKey::generate().unwrap(), id.parse::<PersonId>().unwrap());
        let leaf = self.certify(&Subject::Person { id: id.clone(), name: None }, &key, validity);
        Credential { id, chain: self.chain(leaf.der()), key }
    }

    /// A server's key and certificate.
    pub(crate) fn server(&self, origin: &Origin) -> (SigningKey, Certificate) {
        let key = SigningKey::generate().unwrap();
        let subject = Subject::Server { origin: origin.clone() };
        let leaf = self.certify(&subject, &key, fresh());
        (key, leaf)
    }

    /// Leaves keys for the evidence of this Blackboard in its folder, and the answer with their certificates.
    pub(crate) fn evidence(&self, dir: &Path, origin: &Origin) {
        let root = self.root_issuer.as_ref().unwrap();
        let certify = |subject: Subject, key: SubjectKey<'_>| {
            let issuance = root.prepare(&subject, key, &serial(), fresh()).unwrap();
            root.issue(issuance).unwrap()
        };
        let timestamp = SigningKey::generate().unwrap();
        let (log, witness) =
            (Ed25519SigningKey::generate().unwrap(), Ed25519SigningKey::generate().unwrap());
        let answer = EvidenceAnswer {
            timestamp: certify(
                Subject::Timestamp { origin: origin.clone() },
                timestamp.public_key().into(),
            ),
            log: certify(Subject::Log { origin: origin.clone() }, log.public_key().into()),
            witness: certify(
                Subject::Witness { name: "witness".parse().unwrap() },
                witness.public_key().into(),
            ),
        };
        let keys = [("timestamp.key", timestamp.to_pkcs8_pem()), ("log.key", log.to_pkcs8_pem())];
        for (name, pem) in keys {
            write_new(&dir.join(name), pem.as_bytes(), Mode::Private).unwrap();
        }
        std::fs::write(dir.join("blackboard.answer"), answer.to_text()).unwrap();
    }

    /// Its revocation list, empty, which is good until then.
    pub(crate) fn revocation_list(&self, next_update: Timestamp) -> String {
        let list = self.issuing.revocation_list(1, now().plus_seconds(-60), next_update, &[]);
        list.unwrap().to_pem()
    }

    pub(crate) fn chain(&self, leaf: &[u8]) -> Chain {
        Chain::new(vec![leaf.to_vec(), self.issuing_der()]).unwrap()
    }

    /// A person whose certificate is rightly signed and not made as persons' certificates are.
    pub(crate) async fn misfit(&self, dir: &Path, id: &str, misfit: Misfit) -> Credential {
        let key = SigningKey::generate().unwrap();
        let path = |name: &str| dir.join(name).into_os_string().into_string().unwrap();
        std::fs::write(path("misfit.key"), key.to_pkcs8_pem().as_bytes()).unwrap();
        std::fs::write(path("misfit.ext"), misfit.extensions()).unwrap();
        let subject = format!("/UID={id}/CN={id}");
        let (key_file, request) = (path("misfit.key"), path("misfit.csr"));
        let arguments = ["req", "-new", "-key", &key_file, "-subj", &subject, "-out", &request];
        openssl(&arguments).await;
        let arguments = ["x509", "-req", "-in", &request, "-days", "10", "-outform", "DER"];
        let issuer = ["-CA", &path("cuhk-issuing.cer"), "-CAkey", &path("cuhk-issuing.key")];
        let extensions = ["-CAcreateserial", "-CAserial", &path("misfit.srl"), "-extfile"];
        let last = [path("misfit.ext")];
        let last = last.iter().map(String::as_str);
        let arguments: Vec<&str> =
            arguments.into_iter().chain(issuer).chain(extensions).chain(last).collect();
        let leaf = openssl(&arguments).await;
        Credential { id: id.parse().unwrap(), chain: self.chain(&leaf), key }
    }

    fn certify(&self, subject: &Subject, key: &SigningKey, validity: Validity) -> Certificate {
        let issuance = self.issuing.prepare(subject, key.public_key(), &serial(), validity);
        self.issuing.issue(issuance.unwrap()).unwrap()
    }
}

/// What is not as it should be in a person's certificate.
#[derive(Clone, Copy)]
pub(crate) enum Misfit {
    /// It has no policy.
    NoPolicy,
    /// Its key must not be used to receive a session key.
    NoKeyAgreement,
}

impl Misfit {
    fn extensions(self) -> String {
        let usage = "extendedKeyUsage=clientAuth,1.3.6.1.5.5.7.3.36";
        match self {
            Self::NoPolicy => {
                format!("keyUsage=critical,digitalSignature,keyAgreement\n{usage}\n")
            }
            Self::NoKeyAgreement => {
                format!("keyUsage=critical,digitalSignature\n{usage}\n{PERSON_POLICY}\n")
            }
        }
    }
}

/// What a person shows in a TLS handshake.
pub(crate) fn shown(credential: &Credential) -> ClientIdentity {
    let chain = credential.chain.certificates().into_iter().map(<[u8]>::to_vec).collect();
    ClientIdentity { chain, key: credential.key.to_pkcs8_pem().to_string() }
}

/// What `openssl` writes.
pub(crate) async fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("openssl").args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn serial() -> SerialNumber {
    let mut octets = [0; 16];
    rng().fill_bytes(&mut octets);
    SerialNumber::from_random(octets)
}
