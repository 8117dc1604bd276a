//! Certificates, keys and requests as they come from strangers.

use claim_pki::{
    Certificate, CertificationRequest, MAX_CERTS_ONLY, Origin, PersonId, PublicKey, SerialNumber,
    SigningKey, Subject, certification_request, decode_certs_only, encode_certs_only,
};
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, UintRef};
use der::{Decode, Encode, Sequence, Tag, Tagged};
use x509_cert::name::Name;
use x509_cert::request::CertReq;
use x509_cert::spki::AlgorithmIdentifierRef;

use crate::world::{self, ISSUING, ROOT, STUDENT, WORLD};
use crate::{Outcome, outcome};

pub(crate) const UID: ObjectIdentifier = ObjectIdentifier::new_unwrap("0.9.2342.19200300.100.1.1");
pub(crate) const CN: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ECDSA_SHA256: AlgorithmIdentifierRef<'static> = AlgorithmIdentifierRef {
    oid: ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2"),
    parameters: None,
};

/// What certificates and requests have in common: what is signed, how, the signature.
#[derive(Sequence)]
struct Signed<'a> {
    content: AnyRef<'a>,
    algorithm: AlgorithmIdentifierRef<'a>,
    signature: BitStringRef<'a>,
}

/// Signs one element of DER; `None` when the bytes are something else.
pub(crate) fn sign(content: &[u8], key: &SigningKey) -> Option<Vec<u8>> {
    let content = AnyRef::from_der(content).ok()?;
    let signature = key.sign(&content.to_der().ok()?).unwrap();
    let signature = BitStringRef::from_bytes(&signature).unwrap();
    Signed { content, algorithm: ECDSA_SHA256, signature }.to_der().ok()
}

/// What was signed.
pub(crate) fn content(signed: &[u8]) -> Vec<u8> {
    Signed::from_der(signed).unwrap().content.to_der().unwrap()
}

/// The values of an attribute; `None` for what is no text.
pub(crate) fn values(name: &Name, oid: ObjectIdentifier) -> Vec<Option<String>> {
    let text = |value: &der::Any| match value.tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String => {
            String::from_utf8(value.value().to_vec()).ok()
        }
        _ => None,
    };
    name.iter().filter(|one| one.oid == oid).map(|one| text(&one.value)).collect()
}

/// The octets are kept; another decoder reads the same fields.
pub(crate) fn certificate(data: &[u8]) -> Outcome {
    let read = Certificate::from_der(data);
    if let Ok(read) = &read {
        assert!(data.len() <= Certificate::MAX_SIZE);
        assert_eq!(read.der(), data);
        assert_eq!(Certificate::from_pem(&read.to_pem()).as_ref(), Ok(read));
        let other = x509_cert::Certificate::from_der(data).expect("x509-cert reads it too");
        agrees(read, &other);
    }
    outcome(&read)
}

fn agrees(read: &Certificate, other: &x509_cert::Certificate) {
    let other = other.tbs_certificate();
    assert_eq!(
        UintRef::new(other.serial_number().as_bytes()).unwrap().as_bytes(),
        read.serial().as_bytes()
    );
    let seconds = |time: x509_cert::time::Time| time.to_unix_duration().as_secs();
    let capped = |time| seconds(time).min(claim_pki::Timestamp::MAX.as_seconds().unsigned_abs());
    let (from, until) = (other.validity().not_before, other.validity().not_after);
    assert_eq!(read.not_before().as_seconds().unsigned_abs(), capped(from));
    assert_eq!(read.not_after().as_seconds().unsigned_abs(), capped(until));
    assert!(read.not_before() <= read.not_after());
    let only = |oid| match values(other.subject(), oid).as_slice() {
        [Some(text)] => Some(text.clone()),
        _ => None,
    };
    assert_eq!(read.common_name(), only(CN).as_deref());
    assert_eq!(read.person_id(), only(UID).and_then(|uid| uid.parse::<PersonId>().ok()));
    if let Ok(key) = read.public_key() {
        let spki = other.subject_public_key_info();
        assert_eq!(key.point().as_slice(), spki.subject_public_key.as_bytes().unwrap());
        assert_eq!(spki.to_der().unwrap(), read.spki_der());
    }
    let extensions = other.extensions().map_or(&[][..], |all| all.as_slice());
    for (at, one) in extensions.iter().enumerate() {
        assert!(extensions[at + 1..].iter().all(|other| other.extn_id != one.extn_id));
    }
}

/// A person, a server, both authorities.
pub(crate) fn certificates() -> Vec<Vec<u8>> {
    let server = WORLD.identities[0].chain.leaf().to_vec();
    let authorities = [&WORLD.root, &WORLD.issuing].map(|one| one.certificate().der().to_vec());
    [WORLD.person_chain()[0].to_vec(), server].into_iter().chain(authorities).collect()
}

/// Written and read again, a chain is the same.
pub(crate) fn certificate_pem(data: &[u8]) -> Outcome {
    let read = Certificate::chain_from_pem(&String::from_utf8_lossy(data));
    if let Ok(chain) = &read {
        assert!((1..=Certificate::MAX_CHAIN).contains(&chain.len()));
        let text: String = chain.iter().map(Certificate::to_pem).collect();
        assert_eq!(Certificate::chain_from_pem(&text).as_ref(), Ok(chain));
    }
    outcome(&read)
}

pub(crate) fn pems() -> Vec<Vec<u8>> {
    let one = WORLD.issuing.certificate().to_pem();
    let text = format!("subject=CN = Issuing CA\n{one}\n{one}").replace('\n', "\r\n");
    vec![one.into_bytes(), text.into_bytes()]
}

/// Each certificate stands in the message as it comes out; encoded again, the set is the same.
pub(crate) fn certs_only(data: &[u8]) -> Outcome {
    let read = decode_certs_only(data);
    if let Ok(certificates) = &read {
        assert!(certificates.len() <= MAX_CERTS_ONLY);
        for one in certificates {
            assert!(data.windows(one.der().len()).any(|window| window == one.der()));
        }
        // A set has no element twice: what came twice cannot be written.
        if let Ok(again) = encode_certs_only(certificates) {
            let again = decode_certs_only(&again).expect("what was encoded decodes");
            assert_eq!(again.len(), certificates.len());
            assert!(certificates.iter().all(|one| again.contains(one)));
        }
    }
    outcome(&read)
}

pub(crate) fn certs_only_messages() -> Vec<Vec<u8>> {
    let (root, issuing) = (WORLD.root.certificate(), WORLD.issuing.certificate());
    [&[][..], std::slice::from_ref(issuing), &[root.clone(), issuing.clone()]]
        .map(|certificates| encode_certs_only(certificates).unwrap())
        .to_vec()
}

/// Written and read again, a key is the same, and signs for its public key.
pub(crate) fn private_key(data: &[u8]) -> Outcome {
    let read = SigningKey::from_pkcs8_pem(&String::from_utf8_lossy(data));
    if let Ok(key) = &read {
        let again =
            SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem()).expect("what was written reads");
        assert_eq!(again.public_key(), key.public_key());
        assert_eq!(key.private_scalar().unwrap().len(), 32);
        let signature = key.sign(data).unwrap();
        assert!(again.public_key().verify(data, &signature).is_ok());
    }
    outcome(&read)
}

pub(crate) fn private_keys() -> Vec<Vec<u8>> {
    let key = world::key(STUDENT).to_pkcs8_pem().as_bytes().to_vec();
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let sec1 = parameters.to_owned() + &world::sec1_pem(STUDENT);
    vec![key, sec1.into_bytes()]
}

/// There is one encoding of each key.
pub(crate) fn public_key(data: &[u8]) -> Outcome {
    /// `id-ecPublicKey` with `prime256v1`, then a bit string of 65 octets.
    const HEAD: [u8; 26] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let read = PublicKey::from_spki_der(data);
    if let Ok(key) = &read {
        assert_eq!(data, [&HEAD[..], key.point()].concat());
        assert_eq!(key.point()[0], 4);
        assert!(key.verify(b"message", data).is_err());
    }
    outcome(&read)
}

pub(crate) fn public_keys() -> Vec<Vec<u8>> {
    [ROOT, ISSUING, STUDENT]
        .map(|owner| world::key(owner).public_key().spki_der().to_vec())
        .to_vec()
}

/// A request, whole: it is signed by its own key, so hardly any change gets past that.
pub(crate) fn request(data: &[u8]) -> Outcome {
    let read = CertificationRequest::from_der(data);
    if let Ok(read) = &read {
        assert!(data.len() <= CertificationRequest::MAX_SIZE);
        assert_eq!(read.der(), data);
        names(read);
    }
    outcome(&read)
}

/// What a request says, signed here by the student's key, so that every change is looked at.
pub(crate) fn request_info(data: &[u8]) -> Outcome {
    match sign(data, &world::key(STUDENT)) {
        Some(signed) => request(&signed),
        None => Outcome::Refused,
    }
}

/// Another decoder finds the same names, and none of them is somebody else's.
fn names(read: &CertificationRequest) {
    let id = world::id();
    let origin: Origin = world::origin();
    let (for_person, for_server) = (read.names_only(&id), read.names_only_host(&origin));
    // Ours does not look into the attributes, so this may refuse where ours accepts.
    let Ok(other) = CertReq::from_der(read.der()) else { return };
    assert_eq!(other.info.public_key.to_der().unwrap(), read.public_key().spki_der());
    let (uids, names) = (values(&other.info.subject, UID), values(&other.info.subject, CN));
    let is_other = |name: &Option<String>| {
        name.as_ref().and_then(|name| name.parse().ok()).is_some_and(|found: PersonId| found != id)
    };
    let own = uids.iter().all(|uid| uid.as_deref() == Some(id.as_str()));
    assert_eq!(for_person.is_ok(), own && !names.iter().any(is_other));
    let host = |name: &Option<String>| {
        name.as_deref().is_some_and(|name| name == "localhost" || name == origin.as_str())
    };
    assert_eq!(for_server.is_ok(), uids.is_empty() && names.iter().all(host));
}

pub(crate) fn requests() -> Vec<Vec<u8>> {
    let key = world::key(STUDENT);
    let person = Subject::Person { id: world::id(), name: Some("Chan Tai Man".to_owned()) };
    let server = Subject::Server { origin: world::origin() };
    [person, server].map(|subject| certification_request(&key, &subject).unwrap()).to_vec()
}

pub(crate) fn request_infos() -> Vec<Vec<u8>> {
    requests().iter().map(|request| content(request)).collect()
}

/// The same as without PEM.
pub(crate) fn request_pem(data: &[u8]) -> Outcome {
    let read = CertificationRequest::from_pem(&String::from_utf8_lossy(data));
    if let Ok(read) = &read {
        assert_eq!(CertificationRequest::from_der(read.der()).as_ref(), Ok(read));
    }
    outcome(&read)
}

pub(crate) fn request_pems() -> Vec<Vec<u8>> {
    let text = |label: &str, der: &[u8]| {
        let body = claim_http::encode_est_body(der);
        format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n").into_bytes()
    };
    let requests = requests();
    vec![text("CERTIFICATE REQUEST", &requests[0]), text("NEW CERTIFICATE REQUEST", &requests[1])]
}

/// From octets and from text; the text that comes out reads the same and is the shortest.
pub(crate) fn serial(data: &[u8]) -> Outcome {
    let octets = SerialNumber::from_integer_octets(data);
    let text = std::str::from_utf8(data).ok().and_then(|text| text.parse::<SerialNumber>().ok());
    for serial in octets.iter().chain(text.iter()) {
        assert!((1..=SerialNumber::MAX_OCTETS).contains(&serial.as_bytes().len()));
        assert_ne!(serial.as_bytes()[0], 0);
        assert_eq!(serial.to_string().parse().as_ref(), Ok(serial));
    }
    if let Ok(serial) = &octets {
        let integer = UintRef::new(serial.as_bytes()).unwrap().to_der().unwrap();
        assert_eq!(&integer[2..], data, "an integer has one encoding");
    }
    if octets.is_ok() || text.is_some() { Outcome::Accepted } else { Outcome::Refused }
}

pub(crate) fn serials() -> Vec<Vec<u8>> {
    let serial = world::serial(1);
    let high = [&[0, 0x80], [0x7f; 19].as_slice()].concat();
    vec![serial.as_bytes().to_vec(), serial.to_string().into_bytes(), high, b"00AB".to_vec()]
}
