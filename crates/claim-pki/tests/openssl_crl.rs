//! Revocation lists that we make, OpenSSL verifies and obeys; and ours obeys them alike.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/openssl.rs"]
mod support;

use std::path::Path;

use authority::{Authority, start};
use claim_pki::{
    Certificate, Issuer, RevocationList, RevocationReason, RevokedCertificate, Timestamp,
};
use support::{fail, folder, openssl, succeed};

fn next() -> Timestamp {
    start().plus_seconds(7 * 24 * 60 * 60)
}

fn write(at: &Path, name: &str, list: &RevocationList) {
    std::fs::write(at.join(name), list.to_pem()).unwrap();
}

fn revoke(issuer: &Issuer, certificates: &[&Certificate]) -> RevocationList {
    let revoked: Vec<_> = certificates
        .iter()
        .map(|one| RevokedCertificate {
            serial: one.serial().clone(),
            revoked_at: start(),
            reason: RevocationReason::KeyCompromise,
        })
        .collect();
    issuer.revocation_list(7, start(), next(), &revoked).unwrap()
}

#[test]
fn openssl_verifies_and_prints_a_list() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let at = folder.path();
    let person = authority.person();
    write(at, "issuing.crl", &revoke(&authority.issuing, &[&person]));
    write(at, "root.crl", &revoke(&authority.root, &[]));
    let verified = openssl(at, "crl -in issuing.crl -CAfile issuing.cer -noout -verify");
    assert!(String::from_utf8_lossy(&verified.stderr).contains("verify OK"), "{verified:?}");
    let verified = openssl(at, "crl -in root.crl -CAfile cuhk.cer -noout -verify");
    assert!(String::from_utf8_lossy(&verified.stderr).contains("verify OK"), "{verified:?}");
    let text = succeed(at, "crl -in issuing.crl -noout -text");
    for line in [
        "Version 2 (0x1)",
        "Issuer: C = HK, O = CUHK, CN = Issuing CA",
        "Last Update: Nov 24 00:00:00 2026 GMT",
        "Next Update: Dec  1 00:00:00 2026 GMT",
        "X509v3 CRL Number: \n                7\n",
        "Key Compromise",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let text = succeed(at, "crl -in root.crl -noout -text");
    assert!(text.contains("No Revoked Certificates."), "{text}");
    std::fs::write(at.join("issuing.der"), revoke(&authority.issuing, &[]).der()).unwrap();
    succeed(at, "crl -inform DER -in issuing.der -noout");
}

#[test]
fn openssl_obeys_a_list_as_we_do() {
    let authority = Authority::new();
    let folder = folder(&authority);
    let at = folder.path();
    let person = authority.person();
    std::fs::write(at.join("person.cer"), person.to_pem()).unwrap();
    write(at, "root.crl", &revoke(&authority.root, &[]));
    let time = start().as_seconds() + 60;
    let verify = format!(
        "verify -x509_strict -attime {time} -CAfile cuhk.cer -untrusted issuing.cer -CRLfile issuing.crl"
    );
    let issuing = authority.issuing.certificate();
    let issuer = authority.trusted().verify_issuer(issuing.der(), start()).unwrap();
    let ours = |list: &RevocationList| {
        issuer.verify_revocation_list(list).unwrap().revoked(person.serial()).is_some()
    };

    let list = revoke(&authority.issuing, &[]);
    write(at, "issuing.crl", &list);
    assert!(!ours(&list));
    succeed(at, &format!("{verify} -crl_check person.cer"));
    succeed(at, &format!("{verify} -CRLfile root.crl -crl_check_all person.cer"));

    let list = revoke(&authority.issuing, &[&person]);
    write(at, "issuing.crl", &list);
    assert!(ours(&list));
    let complaint = fail(at, &format!("{verify} -crl_check person.cer"));
    assert!(complaint.contains("certificate revoked"), "{complaint}");

    // The authority itself is revoked.
    write(at, "issuing.crl", &revoke(&authority.issuing, &[]));
    write(at, "root.crl", &revoke(&authority.root, &[issuing]));
    succeed(at, &format!("{verify} -CRLfile root.crl -crl_check person.cer"));
    let complaint = fail(at, &format!("{verify} -CRLfile root.crl -crl_check_all person.cer"));
    assert!(complaint.contains("certificate revoked"), "{complaint}");

    // The list of another authority of the same name, and one that is too old.
    write(at, "issuing.crl", &revoke(&Authority::new().issuing, &[]));
    fail(at, &format!("{verify} -crl_check person.cer"));
    write(at, "issuing.crl", &revoke(&authority.issuing, &[]));
    let late = next().as_seconds() + 1;
    let verify = verify.replace(&time.to_string(), &late.to_string());
    let complaint = fail(at, &format!("{verify} -crl_check person.cer"));
    assert!(complaint.contains("CRL has expired"), "{complaint}");
}
