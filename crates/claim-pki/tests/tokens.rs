//! Timestamps: made, read back, verified; and each refusal by its name.

#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

#[path = "support/authority.rs"]
mod authority;
#[path = "support/cms.rs"]
mod cms;
#[path = "support/der.rs"]
mod der;

use authority::{Authority, copy, issue, key, serial, start};
use claim_pki::{
    Certificate, CmsError, CmsPart, MakeTokenError, PathError, Profile, ProfileError, SigningKey,
    Subject, Timestamp, TimestampRequest, TimestampRequestError, TimestampSigner, TimestampToken,
    TokenError, TokenPart, Validity, VerifyTokenError,
};
use cms::{Cms, MESSAGE_DIGEST, SIGNING_TIME, issuer_and_serial, sha256};
use der::{INTEGER, OCTETS, OID, SHA256, SHA384, algorithm, context, ours, sequence, tlv};

const TST_INFO: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];

fn digest() -> [u8; 32] {
    sha256(b"claim.p7s")
}

fn at() -> Timestamp {
    "2026-11-24T15:59:41.204Z".parse().unwrap()
}

/// An authority with its key, which the tests know.
struct Site {
    authority: Authority,
    key: SigningKey,
    certificate: Certificate,
}

impl Site {
    fn new() -> Self {
        let (authority, key) = (Authority::new(), key());
        let certificate = authority.timestamp_with(&key);
        Self { authority, key, certificate }
    }

    fn signer(&self) -> TimestampSigner {
        TimestampSigner::new(copy(&self.key), self.certificate.clone()).unwrap()
    }

    fn token(&self) -> TimestampToken {
        self.signer().sign(&digest(), at(), &serial(9)).unwrap()
    }

    fn verified(&self) -> claim_pki::VerifiedTimestampAuthority {
        self.authority.trusted().verify_timestamp(self.certificate.der(), at()).unwrap()
    }
}

#[test]
fn what_is_made_is_read_back_and_verified() {
    let site = Site::new();
    let token = site.token();
    assert_eq!(TimestampToken::from_der(token.der()).unwrap(), token);
    assert_eq!(token.unverified_gen_time(), at());
    let root = site.authority.trusted();
    let authority = root.verify_timestamp(token.certificate().der(), at()).unwrap();
    let verified = token.verify(&digest(), &authority).unwrap();
    assert_eq!((verified.gen_time(), verified.digest()), (at(), &digest()));
    assert_eq!(verified.serial(), &serial(9));
    assert_eq!(verified.authority(), &authority);
    assert!(verified.within_key_usage());
}

#[test]
fn every_millisecond_has_its_token() {
    let site = Site::new();
    let (signer, authority) = (site.signer(), site.verified());
    for millis in [0, 1, 10, 100, 120, 123, 999] {
        let time = Timestamp::from_millis(start().as_millis() + millis);
        let token = signer.sign(&digest(), time, &serial(1)).unwrap();
        assert_eq!(token.verify(&digest(), &authority).unwrap().gen_time(), time);
    }
}

#[test]
fn a_token_is_over_one_thing_by_one_authority() {
    let site = Site::new();
    let token = site.token();
    let authority = site.verified();
    let refused = token.verify(&sha256(b"other"), &authority).unwrap_err();
    assert_eq!(refused, VerifyTokenError::Imprint);
    // The same authority with another certificate, for the same key or another.
    let subject = Subject::Timestamp { origin: authority::origin() };
    for key in [copy(&site.key), key()] {
        let other = issue(&site.authority.root, &subject, key.public_key(), 1000);
        let other = site.authority.trusted().verify_timestamp(other.der(), start()).unwrap();
        let refused = token.verify(&digest(), &other).unwrap_err();
        assert_eq!(refused, VerifyTokenError::OtherAuthority);
    }
    // And the certificate in it must be the root's own work.
    let other = Authority::new().trusted();
    let refused = other.verify_timestamp(token.certificate().der(), at()).unwrap_err();
    assert_eq!(refused, PathError::UnknownIssuer);
}

#[test]
fn a_signer_has_a_timestamp_certificate_and_its_key() {
    let site = Site::new();
    let refused = TimestampSigner::new(key(), site.certificate.clone()).unwrap_err();
    assert_eq!(refused, MakeTokenError::OtherKey);
    let server_key = key();
    let subject = Subject::Server { origin: authority::origin() };
    let server = issue(&site.authority.issuing, &subject, server_key.public_key(), 1000);
    let refused = TimestampSigner::new(server_key, server).unwrap_err();
    let (expected, found) = (Profile::Timestamp, Some(Profile::Server));
    assert_eq!(refused, MakeTokenError::Profile(ProfileError::Wrong { expected, found }));
}

#[test]
fn a_key_signs_within_its_year_only() {
    let site = Site::new();
    let signer = site.signer();
    let period = signer.key_usage_period();
    let year = Validity::starting(start(), 365 * 24 * 60 * 60);
    assert_eq!(period, year);
    let sign = |at| signer.sign(&digest(), at, &serial(1)).map(drop);
    assert_eq!(sign(Timestamp::from_millis(period.not_after().as_millis() + 999)), Ok(()));
    for at in [start().plus_seconds(-1), period.not_after().plus_seconds(1)] {
        assert_eq!(sign(at), Err(MakeTokenError::OutsideKeyUsage { at, period }));
    }
    // A thief signs whenever he likes: the verifier notices.
    let late = tlv(0x18, b"20280101000000Z");
    let forged = Spoilt::new(&site).with_time(late).token();
    let verified = forged.unwrap().verify(&digest(), &site.verified()).unwrap();
    assert!(!verified.within_key_usage());
}

/// A token that a test spoils while its signature stays right.
struct Spoilt<'a> {
    site: &'a Site,
    info: Vec<Vec<u8>>,
    status: Vec<u8>,
    cms: fn(&mut Cms, &Site),
}

impl<'a> Spoilt<'a> {
    fn new(site: &'a Site) -> Self {
        let imprint = sequence(&[&algorithm(SHA256), &tlv(OCTETS, &digest())]);
        let info = vec![
            tlv(INTEGER, &[1]),
            tlv(OID, &ours(3, 1)),
            imprint,
            tlv(INTEGER, &[7]),
            tlv(0x18, b"20261124155941.204Z"),
        ];
        Self { site, info, status: sequence(&[&tlv(INTEGER, &[0])]), cms: |_, _| {} }
    }

    fn with(mut self, index: usize, part: Vec<u8>) -> Self {
        self.info[index] = part;
        self
    }

    fn with_time(self, time: Vec<u8>) -> Self {
        self.with(4, time)
    }

    fn and(mut self, part: Vec<u8>) -> Self {
        self.info.push(part);
        self
    }

    fn der(&self) -> Vec<u8> {
        let info = tlv(0x30, &self.info.concat());
        let mut cms = Cms::new(TST_INFO, &info, &self.site.certificate);
        (self.cms)(&mut cms, self.site);
        sequence(&[&self.status, &cms.sign(&self.site.key)])
    }

    fn token(&self) -> Result<TimestampToken, TokenError> {
        TimestampToken::from_der(&self.der())
    }
}

#[test]
fn what_the_tests_spoil_is_right() {
    let site = Site::new();
    let token = Spoilt::new(&site).token().unwrap();
    assert!(token.verify(&digest(), &site.verified()).is_ok());
}

#[test]
fn every_part_has_one_form() {
    let site = Site::new();
    let new = || Spoilt::new(&site);
    let imprint = |algorithm: &[u8], digest: &[u8]| sequence(&[algorithm, &tlv(OCTETS, digest)]);
    let status = |status: Vec<u8>| Spoilt { status, ..new() };
    let number = |number: &[u8]| new().with(3, tlv(INTEGER, number));
    let time = |text: &[u8]| new().with_time(tlv(0x18, text));
    for (number, (part, spoilt)) in [
        // Granted with modifications, rejected, waiting; granted with words.
        (TokenPart::Status, status(sequence(&[&tlv(INTEGER, &[1])]))),
        (TokenPart::Status, status(sequence(&[&tlv(INTEGER, &[2])]))),
        (TokenPart::Status, status(sequence(&[&tlv(INTEGER, &[3])]))),
        (
            TokenPart::Status,
            status(sequence(&[&tlv(INTEGER, &[0]), &sequence(&[&tlv(0x0c, b"ok")])])),
        ),
        (TokenPart::Version, new().with(0, tlv(INTEGER, &[2]))),
        (TokenPart::Policy, new().with(1, tlv(OID, &ours(3, 2)))),
        (TokenPart::Policy, new().with(1, tlv(OCTETS, &ours(3, 1)))),
        (TokenPart::Imprint, new().with(2, imprint(&algorithm(SHA384), &[0; 48]))),
        (TokenPart::Imprint, new().with(2, imprint(&algorithm(SHA256), &[0; 31]))),
        (TokenPart::Imprint, new().with(2, imprint(&algorithm(SHA256), &[0; 33]))),
        (
            TokenPart::Imprint,
            new().with(2, imprint(&sequence(&[&tlv(OID, SHA256), &[5, 0]]), &[0; 32])),
        ),
        (TokenPart::SerialNumber, number(&[0])),
        (TokenPart::SerialNumber, number(&[0x80])),
        (TokenPart::SerialNumber, number(&[1; 21])),
        (TokenPart::GenTime, time(b"20261124155941.2040Z")),
        (TokenPart::GenTime, time(b"20261124155941.20400Z")),
        (TokenPart::GenTime, time(b"20261124155941.2041Z")),
        (TokenPart::GenTime, time(b"20261124155941.0Z")),
        (TokenPart::GenTime, time(b"20261124155941.Z")),
        (TokenPart::GenTime, time(b"20261124155941")),
        (TokenPart::GenTime, time(b"20261124155941+0800")),
        // Accuracy, ordering, nonce, name of the authority, extensions.
        (TokenPart::Optional, new().and(sequence(&[&tlv(INTEGER, &[1])]))),
        (TokenPart::Optional, new().and(tlv(1, &[0xff]))),
        (TokenPart::Optional, new().and(tlv(INTEGER, &[1]))),
        (TokenPart::Optional, new().and(context(0, &context(4, site.certificate.subject_der())))),
        (TokenPart::Optional, new().and(context(1, &[]))),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(spoilt.token().map(drop), Err(TokenError::Part { part }), "case {number}");
    }
    // Not even as much as must be there, a time of another type.
    let mut short = new();
    short.info.pop();
    assert_eq!(short.token(), Err(TokenError::Part { part: TokenPart::Version }));
    let utc = new().with_time(tlv(0x17, b"261124155941Z"));
    assert!(matches!(utc.token(), Err(TokenError::Malformed(_))));
    let padded = new().with(3, tlv(INTEGER, &[0, 7]));
    assert_eq!(padded.token(), Err(TokenError::Part { part: TokenPart::SerialNumber }));
}

#[test]
fn the_signed_message_has_one_form_too() {
    type Spoil = fn(&mut Cms, &Site);
    let cases: &[(CmsError, Spoil)] = &[
        (CmsPart::ContentType.into(), |m, _| m.content_type = tlv(OID, &ours(2, 1))),
        (CmsPart::SignedAttributes.into(), |m, _| {
            m.set_attribute(SIGNING_TIME, &tlv(0x17, b"261124000000Z"));
        }),
        (CmsPart::MessageDigest.into(), |m, _| {
            m.set_attribute(MESSAGE_DIGEST, &tlv(OCTETS, &[0; 32]))
        }),
        (CmsPart::UnsignedAttributes.into(), |m, _| m.signer.unsigned = context(1, &[])),
        (CmsPart::Crls.into(), |m, _| m.crls = context(1, &[])),
        (CmsError::MissingCertificate, |m, _| m.certificates.clear()),
        (CmsError::MissingCertificate, |m, s| {
            m.signer.identifier = issuer_and_serial(s.authority.root.certificate());
        }),
    ];
    let site = Site::new();
    for (error, spoil) in cases {
        let spoilt = Spoilt { cms: *spoil, ..Spoilt::new(&site) };
        assert_eq!(spoilt.token(), Err(TokenError::Message(error.clone())));
    }
    // The root's certificate comes from elsewhere.
    let spoil: Spoil = |m, s| m.certificates.push(s.authority.root.certificate().der().to_vec());
    let spoilt = Spoilt { cms: spoil, ..Spoilt::new(&site) };
    let serial = site.authority.root.certificate().serial().clone();
    let error = CmsError::UnexpectedCertificate { serial };
    assert_eq!(spoilt.token(), Err(TokenError::Message(error)));
}

#[test]
fn a_token_that_another_key_signed_is_noticed() {
    let site = Site::new();
    let other =
        Site { key: key(), authority: Authority::new(), certificate: site.certificate.clone() };
    let forged = Spoilt::new(&other).token().unwrap();
    let refused = forged.verify(&digest(), &site.verified()).unwrap_err();
    assert_eq!(refused, VerifyTokenError::Signature);
}

#[test]
fn tokens_have_a_budget_and_a_form() {
    let site = Site::new();
    let der = site.token().der().to_vec();
    let large = vec![0x30; TimestampToken::MAX_SIZE + 1];
    let found = large.len();
    assert_eq!(TimestampToken::from_der(&large), Err(TokenError::TooLarge { found }));
    for wrong in [&b""[..], b"garbage", &der[..der.len() - 1], &[&der[..], &[0]].concat()] {
        assert!(matches!(TimestampToken::from_der(wrong), Err(TokenError::Malformed(_))));
    }
    // A status without a token, a token without a status.
    let alone = sequence(&[&sequence(&[&tlv(INTEGER, &[0])])]);
    let status = Err(TokenError::Part { part: TokenPart::Status });
    assert_eq!(TimestampToken::from_der(&alone), status);
    let token = &der[4 + 5..];
    assert_eq!(TimestampToken::from_der(token), status);
}

#[test]
fn requests_ask_for_what_there_is() {
    let request = TimestampRequest::new(digest());
    let der = request.to_der().unwrap();
    assert_eq!(TimestampRequest::from_der(&der).unwrap(), request);
    assert_eq!(request.digest(), &digest());

    let imprint = sequence(&[&algorithm(SHA256), &tlv(OCTETS, &digest())]);
    let with_null = sequence(&[&sequence(&[&tlv(OID, SHA256), &[5, 0]]), &tlv(OCTETS, &digest())]);
    let read = |imprint: &[u8], options: &[&[u8]]| {
        let der = sequence(&[&tlv(INTEGER, &[1]), imprint, &options.concat()]);
        TimestampRequest::from_der(&der)
    };
    let wish: &[u8] = &[1, 1, 0xff];
    let ours_policy = tlv(OID, &ours(3, 1));
    let extensions = context(0, &[]);
    assert_eq!(read(&imprint, &[wish]), Ok(request));
    assert_eq!(read(&imprint, &[&ours_policy, wish]), Ok(request));
    assert_eq!(read(&with_null, &[wish]), Ok(request));
    for (imprint, options, refusal) in [
        (&imprint, &[] as &[&[u8]], TimestampRequestError::NoCertificate),
        (&imprint, &[&extensions], TimestampRequestError::NoCertificate),
        (&imprint, &[wish, &extensions], TimestampRequestError::Extensions),
        (&imprint, &[&tlv(INTEGER, &[5]), wish], TimestampRequestError::Nonce),
        (&imprint, &[&ours_policy, &tlv(INTEGER, &[5]), wish], TimestampRequestError::Nonce),
        (&imprint, &[&tlv(OID, &ours(3, 2)), wish], TimestampRequestError::Policy),
        (
            &sequence(&[&algorithm(SHA384), &tlv(OCTETS, &[0; 48])]),
            &[wish],
            TimestampRequestError::DigestAlgorithm,
        ),
    ] {
        assert_eq!(read(imprint, options), Err(refusal));
    }
    let malformed = |result| matches!(result, Err(TimestampRequestError::Malformed(_)));
    assert!(malformed(read(&imprint, &[&[1, 1, 0]])));
    assert!(malformed(read(&imprint, &[wish, wish])));
    assert!(malformed(read(&sequence(&[&algorithm(SHA256), &tlv(OCTETS, &[0; 31])]), &[wish])));
    assert!(malformed(read(&sequence(&[&algorithm(SHA256)]), &[wish])));
    let second = sequence(&[&tlv(INTEGER, &[2]), &imprint, wish]);
    assert!(malformed(TimestampRequest::from_der(&second)));
    let found = TimestampRequest::MAX_SIZE + 1;
    let refused = TimestampRequest::from_der(&vec![0x30; found]);
    assert_eq!(refused, Err(TimestampRequestError::TooLarge { found }));
}
