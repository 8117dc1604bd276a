//! Revocation lists, written and read.

use std::collections::BTreeSet;
use std::fmt;

use der::asn1::{AnyRef, BitStringRef, OctetString, UintRef};
use der::pem::{LineEnding, encode_string};
use der::{Decode, Encode, Tag, Tagged};
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::{RevocationListError, RevocationListPart, RevocationReason, SignRevocationListError};
use crate::asn1::{children, children_of, context, sequence, tlv};
use crate::oid::{ID_CE_AUTHORITY_KEY_IDENTIFIER, ID_CE_CRL_NUMBER, ID_CE_CRL_REASONS};
use crate::profile::{authority_key_id, extension};
use crate::tbs::{ECDSA_SHA256, Signed};
use crate::validity::{from_x509_time, to_x509_time};
use crate::{BadSignature, Issuer, PublicKey, SerialNumber, Timestamp};

/// A revocation list that has been read but not verified.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationList {
    der: Vec<u8>,
    pub(super) content: Content,
}

/// A certificate that is no longer good, as it stands in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevokedCertificate {
    /// Its serial number.
    pub serial: SerialNumber,
    /// Since when it is not good, in whole seconds.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// What a list says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// Name in DER.
    pub(super) issuer: Vec<u8>,
    pub(super) issuer_key_id: [u8; 20],
    pub(super) number: u64,
    pub(super) this_update: Timestamp,
    pub(super) next_update: Timestamp,
    pub(super) revoked: Vec<RevokedCertificate>,
}

/// RFC 5280 §5.1.2.1: "this field MUST be present and MUST specify version 2 (the integer value is 1)".
const VERSION_2: [u8; 3] = [2, 1, 1];

/// A list that has been checked but not signed: it is issued once, by the issuer that prepared it.
#[derive(Debug, PartialEq, Eq)]
pub struct ListIssuance {
    tbs: Vec<u8>,
    content: Content,
}

impl Issuer {
    /// Makes the list of all certificates of this issuer that are revoked: [prepares](Self::prepare_revocation_list)
    /// and [issues](Self::issue_revocation_list) it.
    ///
    /// # Errors
    /// As of these two.
    pub fn revocation_list(
        &self,
        number: u64,
        this_update: Timestamp,
        next_update: Timestamp,
        revoked: &[RevokedCertificate],
    ) -> Result<RevocationList, SignRevocationListError> {
        let prepared = self.prepare_revocation_list(number, this_update, next_update, revoked)?;
        self.issue_revocation_list(prepared)
    }

    /// Checks the list of all certificates of this issuer that are revoked, and turns it into what will be signed.
    ///
    /// `number` is larger than that of any list before. Times are cut to whole seconds.
    ///
    /// # Errors
    /// [`SignRevocationListError`]; [`RevocationListError::Twice`] when a certificate stands there twice. Nothing was
    /// signed.
    pub fn prepare_revocation_list(
        &self,
        number: u64,
        this_update: Timestamp,
        next_update: Timestamp,
        revoked: &[RevokedCertificate],
    ) -> Result<ListIssuance, SignRevocationListError> {
        if next_update.as_seconds() <= this_update.as_seconds() {
            return Err(SignRevocationListError::Order { this_update, next_update });
        }
        let issuer = self.validity();
        if !issuer.contains(this_update) {
            return Err(SignRevocationListError::OutsideIssuer { this_update, issuer });
        }
        let content = Content {
            issuer: self.certificate().subject_der().to_vec(),
            issuer_key_id: *self.key_id(),
            number,
            this_update,
            next_update,
            revoked: revoked.to_vec(),
        };
        let tbs = content.to_der().map_err(RevocationListError::Malformed)?;
        Ok(ListIssuance { content: lint(&content, &tbs)?, tbs })
    }

    /// Signs a list that was prepared.
    ///
    /// # Errors
    /// [`SignRevocationListError::OtherIssuer`] when another issuer prepared it, [`SignRevocationListError::Key`] when
    /// the key does not sign.
    pub fn issue_revocation_list(
        &self,
        prepared: ListIssuance,
    ) -> Result<RevocationList, SignRevocationListError> {
        let ListIssuance { tbs, content } = prepared;
        if content.issuer != self.certificate().subject_der()
            || content.issuer_key_id != *self.key_id()
        {
            return Err(SignRevocationListError::OtherIssuer);
        }
        let signature = self.sign(&tbs)?;
        let der = assemble(&tbs, &signature).map_err(RevocationListError::Malformed)?;
        Ok(RevocationList { der, content })
    }
}

/// The checks that no list gets past unsigned: what will be signed is read as a stranger reads it, and says what was
/// meant.
fn lint(meant: &Content, tbs: &[u8]) -> Result<Content, SignRevocationListError> {
    // The signature of P-256 and what is around it.
    const ENVELOPE: usize = 128;
    let found = tbs.len() + ENVELOPE;
    if found > RevocationList::MAX_SIZE {
        return Err(RevocationListError::TooLarge { found }.into());
    }
    let tbs = AnyRef::from_der(tbs).map_err(RevocationListError::Malformed)?;
    let read = Content::from_der(&tbs)?;
    let end = read.this_update.plus_seconds(1);
    if let Some(one) = read.revoked.iter().find(|one| one.revoked_at > end) {
        let (serial, revoked_at) = (one.serial.clone(), one.revoked_at);
        return Err(SignRevocationListError::NotYet { serial, revoked_at });
    }
    match read.says_the_same_as(meant) {
        true => Ok(read),
        false => Err(RevocationListError::from(RevocationListPart::Encoding).into()),
    }
}

fn assemble(tbs: &[u8], signature: &[u8]) -> der::Result<Vec<u8>> {
    let signature = BitStringRef::from_bytes(signature)?;
    Signed { content: AnyRef::from_der(tbs)?, algorithm: ECDSA_SHA256, signature }.to_der()
}

impl RevocationList {
    /// The largest list that is read, in bytes of DER: more than 100,000 certificates.
    pub const MAX_SIZE: usize = 6 * 1024 * 1024;

    /// Reads a list in DER. Nothing is verified yet.
    ///
    /// # Errors
    /// [`RevocationListError`], by the name of what cannot be accepted.
    pub fn from_der(der: &[u8]) -> Result<Self, RevocationListError> {
        if der.len() > Self::MAX_SIZE {
            return Err(RevocationListError::TooLarge { found: der.len() });
        }
        let signed = Signed::from_der(der)?;
        if signed.algorithm != ECDSA_SHA256 {
            return Err(RevocationListPart::SignatureAlgorithm.into());
        }
        let content = Content::from_der(&signed.content)?;
        match content.to_der()? == signed.content_der()? {
            true => Ok(Self { der: der.to_vec(), content }),
            false => Err(RevocationListPart::Encoding.into()),
        }
    }

    /// Reads the one list in a PEM text; other blocks and text around it are skipped.
    ///
    /// # Errors
    /// [`RevocationListError`], also when there are several.
    pub fn from_pem(text: &str) -> Result<Self, RevocationListError> {
        let mut all = Self::all_from_pem(text, 1)?;
        all.pop().ok_or(RevocationListError::NoPem)
    }

    /// Reads all lists in a PEM text, at least one and no more than `limit`, in their order.
    ///
    /// # Errors
    /// [`RevocationListError`].
    pub fn all_from_pem(text: &str, limit: usize) -> Result<Vec<Self>, RevocationListError> {
        let mut all = Vec::new();
        for one in CertificateRevocationListDer::pem_slice_iter(text.as_bytes()) {
            if all.len() == limit {
                return Err(RevocationListError::TooMany { limit });
            }
            all.push(Self::from_der(&one.map_err(|_| RevocationListError::Pem)?)?);
        }
        if all.is_empty() { Err(RevocationListError::NoPem) } else { Ok(all) }
    }

    /// The list in PEM (RFC 7468 §6).
    #[expect(
        clippy::expect_used,
        reason = "the encoder refuses only what overflows a length, and MAX_SIZE bounds that"
    )]
    pub fn to_pem(&self) -> String {
        encode_string("X509 CRL", LineEnding::LF, &self.der).expect("it is at most MAX_SIZE")
    }

    /// The list in DER, as it came or was made.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The identifier of the key that is to verify it: which list this is, not that it is genuine.
    pub fn issuer_key_id(&self) -> &[u8; 20] {
        &self.content.issuer_key_id
    }

    pub(super) fn verify_signature(&self, key: &PublicKey) -> Result<(), BadSignature> {
        let signed = Signed::from_der(&self.der).map_err(|_| BadSignature)?;
        let signature = signed.signature.as_bytes().ok_or(BadSignature)?;
        key.verify(&signed.content_der().map_err(|_| BadSignature)?, signature)
    }
}

impl Content {
    /// `TBSCertList`.
    fn to_der(&self) -> der::Result<Vec<u8>> {
        let revoked: der::Result<Vec<_>> = self.revoked.iter().map(entry).collect();
        let revoked = match revoked?.as_slice() {
            // RFC 5280 §5.1.2.6: "When there are no revoked certificates, the revoked certificates list MUST be absent."
            [] => Vec::new(),
            some => tlv(Tag::Sequence, &some.concat())?,
        };
        // Of the issuer's own key: with that of its issuer, OpenSSL does not find the list.
        let key_id = authority_key_id(&self.issuer_key_id)?;
        let number = extension(ID_CE_CRL_NUMBER, false, &self.number)?;
        sequence(&[
            &VERSION_2,
            &ECDSA_SHA256.to_der()?,
            &self.issuer,
            &to_x509_time(self.this_update)?.to_der()?,
            &to_x509_time(self.next_update)?.to_der()?,
            &revoked,
            &tlv(context(0), &vec![key_id, number].to_der()?)?,
        ])
    }

    /// But for fractions of seconds, which a list does not have.
    fn says_the_same_as(&self, meant: &Self) -> bool {
        let times = |one: &Self| (one.this_update.as_seconds(), one.next_update.as_seconds());
        let entries = |one: &Self| -> Vec<_> {
            let all = one.revoked.iter();
            all.map(|one| (one.serial.clone(), one.revoked_at.as_seconds(), one.reason)).collect()
        };
        (&self.issuer, self.issuer_key_id, self.number, times(self), entries(self))
            == (&meant.issuer, meant.issuer_key_id, meant.number, times(meant), entries(meant))
    }

    fn from_der(content: &AnyRef<'_>) -> Result<Self, RevocationListError> {
        let parts = children_of(content, Tag::Sequence, 7)?;
        let (fixed, revoked, extensions) = match parts.as_slice() {
            [fixed @ .., revoked, extensions] if fixed.len() == 5 => {
                (fixed, Some(revoked), extensions)
            }
            [fixed @ .., extensions] if fixed.len() == 5 => (fixed, None, extensions),
            // Version and the next one's time are optional in X.509, but not here.
            [version, ..] if version.tag() != Tag::Integer => {
                return Err(RevocationListPart::Version.into());
            }
            _ => return Err(RevocationListPart::Extensions.into()),
        };
        let [version, algorithm, issuer, this_update, next_update] = fixed else {
            return Err(RevocationListPart::Version.into());
        };
        if version.to_der()? != VERSION_2 {
            return Err(RevocationListPart::Version.into());
        }
        if algorithm.to_der()? != ECDSA_SHA256.to_der()? {
            return Err(RevocationListPart::SignatureAlgorithm.into());
        }
        let issuer = issuer.to_der()?;
        Name::from_der(&issuer).map_err(|_| RevocationListPart::Issuer)?;
        let (this_update, next_update) = (time(this_update)?, time(next_update)?);
        if next_update <= this_update {
            return Err(RevocationListPart::Time.into());
        }
        let (issuer_key_id, number) = read_extensions(extensions)?;
        let revoked = revoked.map(read_entries).transpose()?.unwrap_or_default();
        Ok(Self { issuer, issuer_key_id, number, this_update, next_update, revoked })
    }
}

fn entry(one: &RevokedCertificate) -> der::Result<Vec<u8>> {
    let extensions = match one.reason {
        // RFC 5280 §5.3.1: "the reason code CRL entry extension SHOULD be absent instead of using the unspecified (0)".
        RevocationReason::Unspecified => Vec::new(),
        reason => {
            let value = tlv(Tag::Enumerated, &[reason.code()])?;
            let reason = Extension {
                extn_id: ID_CE_CRL_REASONS,
                critical: false,
                extn_value: OctetString::new(value)?,
            };
            vec![reason].to_der()?
        }
    };
    sequence(&[
        &UintRef::new(one.serial.as_bytes())?.to_der()?,
        &to_x509_time(one.revoked_at)?.to_der()?,
        &extensions,
    ])
}

fn read_entries(list: &AnyRef<'_>) -> Result<Vec<RevokedCertificate>, RevocationListError> {
    // An entry has at least 18 octets, so that this is no more than there is room for.
    let entries = children_of(list, Tag::Sequence, RevocationList::MAX_SIZE / 18)?;
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for one in entries {
        let one = read_entry(&one)?;
        if !seen.insert(one.serial.clone()) {
            return Err(RevocationListError::Twice { serial: one.serial });
        }
        all.push(one);
    }
    Ok(all)
}

fn read_entry(entry: &AnyRef<'_>) -> Result<RevokedCertificate, RevocationListError> {
    let refusal = RevocationListError::from(RevocationListPart::Entry);
    let parts = children_of(entry, Tag::Sequence, 3).map_err(|_| refusal.clone())?;
    let (serial, date, reason) = match parts.as_slice() {
        [serial, date] => (serial, date, RevocationReason::Unspecified),
        [serial, date, extensions] => (serial, date, read_reason(extensions)?),
        _ => return Err(refusal),
    };
    if serial.tag() != Tag::Integer {
        return Err(refusal);
    }
    let serial = SerialNumber::from_integer_octets(serial.value()).map_err(|_| refusal)?;
    Ok(RevokedCertificate { serial, revoked_at: time(date)?, reason })
}

fn read_reason(extensions: &AnyRef<'_>) -> Result<RevocationReason, RevocationListError> {
    let refusal = RevocationListError::from(RevocationListPart::Entry);
    let extensions: Vec<Extension> = extensions.decode_as().map_err(|_| refusal.clone())?;
    match extensions.as_slice() {
        [one] if one.extn_id == ID_CE_CRL_REASONS => match one.extn_value.as_bytes() {
            [0x0a, 1, code] => RevocationReason::from_code(*code).ok_or(refusal),
            _ => Err(refusal),
        },
        _ => Err(refusal),
    }
}

fn read_extensions(outer: &AnyRef<'_>) -> Result<([u8; 20], u64), RevocationListError> {
    let refusal = RevocationListError::from(RevocationListPart::Extensions);
    let read = || -> der::Result<Vec<Extension>> {
        outer.tag().assert_eq(context(0))?;
        children(outer, 1)?.first().map_or(Ok(Vec::new()), |all| all.decode_as())
    };
    let extensions = read().map_err(|_| refusal.clone())?;
    let [key_id, number] = extensions.as_slice() else { return Err(refusal) };
    if key_id.extn_id != ID_CE_AUTHORITY_KEY_IDENTIFIER || number.extn_id != ID_CE_CRL_NUMBER {
        return Err(refusal);
    }
    let number = u64::from_der(number.extn_value.as_bytes()).map_err(|_| refusal.clone())?;
    let key_id = AuthorityKeyIdentifier::from_der(key_id.extn_value.as_bytes())
        .ok()
        .and_then(|id| id.key_identifier?.as_bytes().try_into().ok());
    Ok((key_id.ok_or(refusal)?, number))
}

fn time(value: &AnyRef<'_>) -> Result<Timestamp, RevocationListError> {
    let time = value.to_der().and_then(|der| Time::from_der(&der));
    Ok(from_x509_time(time.map_err(|_| RevocationListPart::Time)?))
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList")
            .field("number", &self.content.number)
            .field("this_update", &self.content.this_update)
            .field("revoked", &self.content.revoked.len())
            .finish_non_exhaustive()
    }
}
