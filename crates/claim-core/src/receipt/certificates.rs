//! `certificates.pem` and `revocation.crl`: PEM in one spelling, so that no byte of a receipt says nothing.

use std::fmt;

use claim_log::note::KeyName;
use claim_pki::{
    Certificate, CertificateError, Origin, RevocationList, RevocationListError, SignedData,
};

use super::container::Member;

/// The most certificates that a receipt holds: signers, their issuing authorities, one timestamp authority, one log,
/// and as many witnesses as a checkpoint has room for.
const MAX_CERTIFICATES: usize = 2 * SignedData::MAX_SIGNERS + 2 + claim_log::note::MAX_SIGNATURES;

/// The most revocation lists: one per issuer of a signer.
const MAX_LISTS: usize = SignedData::MAX_SIGNERS;

/// Why a member of a receipt is not PEM in its one spelling.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// A certificate cannot be read.
    #[error("{member}, block {block}: {error}")]
    Certificate {
        /// In which member.
        member: Member,
        /// In which block, counted from 1.
        block: usize,
        /// Why.
        #[source]
        error: CertificateError,
    },
    /// A revocation list cannot be read.
    #[error("{member}, block {block}: {error}")]
    List {
        /// In which member.
        member: Member,
        /// In which block, counted from 1.
        block: usize,
        /// Why.
        #[source]
        error: RevocationListError,
    },
    /// There are more blocks than belong there.
    #[error("{member} has more than {limit} blocks")]
    TooMany {
        /// In which member.
        member: Member,
        /// How many there may be.
        limit: usize,
    },
    /// Something stands between the blocks, or lines are not of 64 characters and LF, or there is no block at all.
    #[error("{member} is not PEM with lines of 64 characters, and nothing but its blocks")]
    Spelling {
        /// Which member.
        member: Member,
    },
}

/// The revocation lists by which Blackboard judged the signers: one per issuer, in the order of the issuers
/// in the signed claim.
///
/// As bytes they are `revocation.crl`, whose SHA-256 stands in the log.
#[derive(Clone, PartialEq, Eq)]
pub struct RevocationLists(Vec<RevocationList>);

impl RevocationLists {
    /// Puts the lists into the order of the claim's issuers; one that is by none of them is left out.
    ///
    /// # Errors
    /// [`MissingList`], with the first issuer that has none.
    pub fn for_claim(claim: &SignedData, lists: &[RevocationList]) -> Result<Self, MissingList> {
        let of = |issuer: Certificate| {
            let key_id = issuer.subject_key_id();
            let list = lists.iter().find(|list| key_id.as_ref() == Some(list.issuer_key_id()));
            list.cloned().ok_or_else(|| MissingList {
                issuer: issuer.common_name().unwrap_or_default().to_owned(),
            })
        };
        issuers(claim).into_iter().map(of).collect::<Result<_, _>>().map(Self)
    }

    /// Reads `revocation.crl`.
    ///
    /// # Errors
    /// [`PemError`].
    pub fn from_slice(pem: &[u8]) -> Result<Self, PemError> {
        let member = Member::RevocationLists;
        let read = |block, text: &str| {
            RevocationList::from_pem(text).map_err(|error| PemError::List { member, block, error })
        };
        let lists = Self(read_blocks(member, pem, "X509 CRL", MAX_LISTS, read)?);
        if lists.to_bytes() == pem { Ok(lists) } else { Err(PemError::Spelling { member }) }
    }

    /// `revocation.crl`.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().map(RevocationList::to_pem).collect::<String>().into_bytes()
    }

    /// The lists, none of them verified.
    pub fn lists(&self) -> &[RevocationList] {
        &self.0
    }
}

/// An issuer of a signer has no revocation list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no revocation list of {issuer:?}, who issued a signer's certificate")]
pub struct MissingList {
    /// The issuer's name.
    pub issuer: String,
}

impl fmt::Debug for RevocationLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// The name of a log and of its key: the server's origin without its scheme, and `/log`.
pub fn log_name(origin: &Origin) -> KeyName {
    let name = format!("{}/log", origin.authority());
    #[expect(clippy::expect_used, reason = "an origin has no white space, control or plus sign")]
    name.parse().expect("an origin's authority is a key's name")
}

/// The certificates of those who issued the signers', each once, in the order of the signed claim.
pub(super) fn issuers(claim: &SignedData) -> Vec<Certificate> {
    let is_signer = |one: &&Certificate| claim.unverified_signers().any(|signer| signer == *one);
    claim.certificates().iter().filter(|one| !is_signer(one)).cloned().collect()
}

/// Writes `certificates.pem`.
pub(super) fn write<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Vec<u8> {
    certificates.into_iter().map(Certificate::to_pem).collect::<String>().into_bytes()
}

/// Reads `certificates.pem`; none is verified.
pub(super) fn read(pem: &[u8]) -> Result<Vec<Certificate>, PemError> {
    let member = Member::Certificates;
    let read = |block, text: &str| {
        Certificate::from_pem(text).map_err(|error| PemError::Certificate { member, block, error })
    };
    let certificates = read_blocks(member, pem, "CERTIFICATE", MAX_CERTIFICATES, read)?;
    match write(&certificates) == pem {
        true => Ok(certificates),
        false => Err(PemError::Spelling { member }),
    }
}

/// Cuts the text behind each end line and reads what comes out. The reader may be lenient: the caller writes what it
/// read and compares.
fn read_blocks<T>(
    member: Member,
    pem: &[u8],
    label: &str,
    limit: usize,
    read: impl Fn(usize, &str) -> Result<T, PemError>,
) -> Result<Vec<T>, PemError> {
    let text = std::str::from_utf8(pem).map_err(|_| PemError::Spelling { member })?;
    let mut blocks = Vec::new();
    for block in text.split_inclusive(&format!("-----END {label}-----\n")) {
        if blocks.len() == limit {
            return Err(PemError::TooMany { member, limit });
        }
        blocks.push(read(blocks.len() + 1, block)?);
    }
    if blocks.is_empty() { Err(PemError::Spelling { member }) } else { Ok(blocks) }
}
