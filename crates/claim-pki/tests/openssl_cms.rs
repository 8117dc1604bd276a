//! Claims that we sign, OpenSSL verifies; what OpenSSL signs, we read or refuse by name.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/openssl.rs"]
mod support;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use authority::{Authority, issuing_under, key, root, serial, start};
use claim_pki::{
    Certificate, CmsError, CmsPart, ContentType, Profile, SignedData, Signer, SigningKey, Subject,
    Timestamp, Validity,
};
use support::{fail, folder, succeed};
use tempfile::TempDir;

const CONTENT: &[u8] = b"{\"claim\":\"v1\"}\r\n\n\x00";
const CLAIM: &str = "2.25.304274850276117055762681507612542191110.2.1";

/// An authority that begins at a time, and persons whose certificates do, too.
struct Site {
    authority: Authority,
    folder: TempDir,
    begin: Timestamp,
}

impl Site {
    fn beginning(begin: Timestamp) -> Self {
        let root = root(None, key(), Validity::starting(begin, Profile::Root.life()));
        let issuing =
            issuing_under(&root, key(), Validity::starting(begin, Profile::Issuing.life()));
        let authority = Authority { root, issuing };
        Self { folder: folder(&authority), authority, begin }
    }

    fn at(&self) -> &Path {
        self.folder.path()
    }

    fn person(&self, number: u8) -> (SigningKey, Certificate) {
        let subject =
            Subject::Person { id: format!("11550000{number:02}").parse().unwrap(), name: None };
        let (key, issuer) = (key(), &self.authority.issuing);
        let validity = Validity::starting(self.begin, Profile::Person.life());
        let prepared =
            issuer.prepare(&subject, key.public_key(), &serial(number), validity).unwrap();
        (key, issuer.issue(prepared).unwrap())
    }

    /// Writes a claim that these persons signed.
    fn claim(&self, persons: &[(SigningKey, Certificate)]) -> SignedData {
        let issuing = self.authority.issuing.certificate();
        let signers: Vec<_> = persons
            .iter()
            .map(|(key, certificate)| Signer::new(key, certificate, issuing).unwrap())
            .collect();
        let signed = SignedData::sign(ContentType::Claim, CONTENT, &signers, self.begin).unwrap();
        std::fs::write(self.at().join("claim.p7s"), signed.der()).unwrap();
        signed
    }

    /// Writes a person's key and certificate for OpenSSL.
    fn write(&self, (key, certificate): &(SigningKey, Certificate)) {
        std::fs::write(self.at().join("person.key"), key.to_pkcs8_pem().as_bytes()).unwrap();
        std::fs::write(self.at().join("person.cer"), certificate.to_pem()).unwrap();
        std::fs::write(self.at().join("content"), CONTENT).unwrap();
    }
}

const VERIFY: &str =
    "cms -verify -inform DER -in claim.p7s -CAfile cuhk.cer -purpose any -cades -out content.out";

#[test]
fn openssl_verifies_a_claim_as_evidence_md_says() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let site = Site::beginning(Timestamp::from_seconds(i64::try_from(now).unwrap() - 60));
    for persons in 1..=3 {
        let persons: Vec<_> = (0..persons).map(|number| site.person(number)).collect();
        site.claim(&persons);
        succeed(site.at(), VERIFY);
        assert_eq!(std::fs::read(site.at().join("content.out")).unwrap(), CONTENT);
    }
    let printed = succeed(site.at(), "cms -cmsout -print -noout -inform DER -in claim.p7s");
    for line in ["id-smime-aa-signingCertificateV2", "eContentType: undefined (2.25.3042748502"] {
        assert!(printed.contains(line), "{line}\n{printed}");
    }
    // The root that nobody trusts, a changed content.
    std::fs::write(site.at().join("cuhk.cer"), Authority::new().root.certificate().to_pem())
        .unwrap();
    fail(site.at(), VERIFY);
}

#[test]
fn openssl_verifies_a_claim_whose_certificates_expired() {
    let site = Site::beginning("2020-01-01T00:00:00.000Z".parse().unwrap());
    site.claim(&[site.person(1)]);
    let complaint = fail(site.at(), VERIFY);
    assert!(complaint.contains("certificate has expired"), "{complaint}");
    let time = site.begin.as_seconds() + 24 * 60 * 60;
    succeed(site.at(), &format!("{VERIFY} -attime {time}"));
}

#[test]
fn openssl_notices_what_was_changed() {
    let site = Site::beginning(start());
    let mut der = site.claim(&[site.person(1)]).der().to_vec();
    let time = start().as_seconds() + 60;
    succeed(site.at(), &format!("{VERIFY} -attime {time}"));
    let at = der.windows(5).position(|window| window == b"claim").unwrap();
    der[at] = b'C';
    std::fs::write(site.at().join("claim.p7s"), &der).unwrap();
    fail(site.at(), &format!("{VERIFY} -attime {time}"));
}

/// What OpenSSL makes is accepted when it is told to make it so, and otherwise refused for what is different.
#[test]
fn claims_made_by_openssl() {
    const AS_OURS: &str = "-binary -nodetach -cades -nosmimecap -md sha256 -certfile issuing.cer";
    let site = Site::beginning(start());
    let person = site.person(1);
    site.write(&person);
    let made = |options: &str| {
        let command = "cms -sign -in content -signer person.cer -inkey person.key -outform DER";
        succeed(site.at(), &format!("{command} {options} -out theirs.p7s"));
        let der = std::fs::read(site.at().join("theirs.p7s")).unwrap();
        SignedData::from_der(ContentType::Claim, &der)
    };
    let signed = made(&format!("{AS_OURS} -econtent_type {CLAIM}")).unwrap();
    let verified = signed.verify(&site.authority.trusted(), start()).unwrap();
    assert_eq!(verified.content(), CONTENT);
    assert_eq!(verified.signers()[0].person().id().as_str(), "1155000001");

    let typed = format!("-econtent_type {CLAIM}");
    let part = |part| CmsError::Part { part };
    for (options, refusal) in [
        // Without our content type.
        (AS_OURS.to_owned(), part(CmsPart::Version)),
        (
            format!("{AS_OURS} -econtent_type 2.25.304274850276117055762681507612542191110.2.2"),
            part(CmsPart::ContentType),
        ),
        (format!("{} {typed}", AS_OURS.replace("-nodetach", "")), part(CmsPart::Content)),
        (
            format!("{} {typed}", AS_OURS.replace("-nosmimecap", "")),
            part(CmsPart::SignedAttributes),
        ),
        (format!("{} {typed}", AS_OURS.replace("-cades", "")), part(CmsPart::SignedAttributes)),
        (
            format!("{} {typed}", AS_OURS.replace("-cades -nosmimecap", "-noattr")),
            part(CmsPart::SignedAttributes),
        ),
        (
            format!("{} {typed}", AS_OURS.replace("sha256", "sha384")),
            part(CmsPart::DigestAlgorithm),
        ),
        (format!("{AS_OURS} {typed} -keyid"), part(CmsPart::SignerIdentifier)),
        (
            format!("{AS_OURS} {typed} -certfile cuhk.cer"),
            CmsError::UnexpectedCertificate {
                serial: site.authority.root.certificate().serial().clone(),
            },
        ),
        (
            format!("{} {typed}", AS_OURS.replace("-certfile issuing.cer", "")),
            CmsError::MissingCertificate,
        ),
        (format!("{AS_OURS} {typed} -nocerts"), CmsError::MissingCertificate),
    ] {
        assert_eq!(made(&options).map(drop), Err(refusal), "{options}");
    }
    let streamed = made(&format!("{AS_OURS} {typed} -stream"));
    assert!(matches!(streamed, Err(CmsError::Malformed(_))), "{streamed:?}");
}

/// Another member of the group signs the same claim with OpenSSL.
#[test]
fn openssl_adds_a_signature_to_ours() {
    let site = Site::beginning(start());
    let (one, two) = (site.person(1), site.person(2));
    let ours = site.claim(&[one]);
    site.write(&two);
    succeed(
        site.at(),
        "cms -resign -inform DER -in claim.p7s -signer person.cer -inkey person.key -md sha256 -cades -nosmimecap -outform DER -out both.p7s",
    );
    let der = std::fs::read(site.at().join("both.p7s")).unwrap();
    let both = SignedData::from_der(ContentType::Claim, &der).unwrap();
    let verified = both.verify(&site.authority.trusted(), start()).unwrap();
    assert_eq!(verified.signers().len(), 2);
    assert_eq!(ours.merge(&both).unwrap().unverified_signers().count(), 2);
}
