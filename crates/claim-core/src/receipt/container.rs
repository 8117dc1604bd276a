//! The receipt as a file: a zip archive in the one form that PROTOCOL.md §11 lays down.
//!
//! Zip leaves much open (two directories that may disagree, hidden bytes, compression). Here everything is fixed, so
//! that each receipt has exactly one spelling: reading takes the members one after another, writes them again, and
//! compares. What is not the same to the byte is refused. Its size is bounded by the file's.

use std::fmt;

/// The longest receipt, in bytes.
pub const MAX_RECEIPT: usize = 16 * 1024 * 1024;

/// The members that a receipt can have, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Member {
    /// How to check it with stock tools; for people.
    Readme,
    /// The signed claim.
    Claim,
    /// Blackboard's token.
    Timestamp,
    /// CUHK's token, when Blackboard could not be reached.
    Outage,
    /// The log has the claim.
    LodgedProof,
    /// The log has that its files were received.
    ReceivedProof,
    /// By which Blackboard judged the signers.
    RevocationLists,
    /// Of signers, issuing authority, timestamp, log, witness.
    Certificates,
}

impl Member {
    /// All, in the order in which they stand in the archive.
    pub const ALL: [Self; 8] = [
        Self::Readme,
        Self::Claim,
        Self::Timestamp,
        Self::Outage,
        Self::LodgedProof,
        Self::ReceivedProof,
        Self::RevocationLists,
        Self::Certificates,
    ];

    /// Its name in the archive.
    pub fn name(self) -> &'static str {
        match self {
            Self::Readme => "README.txt",
            Self::Claim => "claim.p7s",
            Self::Timestamp => "timestamp.tsr",
            Self::Outage => "outage.tsr",
            Self::LodgedProof => "lodged.proof",
            Self::ReceivedProof => "received.proof",
            Self::RevocationLists => "revocation.crl",
            Self::Certificates => "certificates.pem",
        }
    }

    fn is_optional(self) -> bool {
        matches!(self, Self::Outage | Self::LodgedProof | Self::ReceivedProof)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a file is not a receipt's container.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// More than [`MAX_RECEIPT`] bytes.
    #[error("a receipt has at most {MAX_RECEIPT} bytes; this file has {found}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// It does not begin like a zip archive.
    #[error("the file is not a zip archive")]
    NotZip,
    /// It ends in the middle.
    #[error("the file is cut off in {member}")]
    CutOff {
        /// In which member.
        member: Member,
    },
    /// A member that must be there is not, or another stands in its place.
    #[error("{member} is missing, or not where it must be")]
    Missing {
        /// Which member.
        member: Member,
    },
    /// The members are there, but something beside them differs from the one form that a receipt has.
    #[error("the archive is not in the one form that receipts have: {at}")]
    Form {
        /// Where it differs first.
        at: FormPart,
    },
}

/// Where an archive differs from the form of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormPart {
    /// In the header of a member, e.g. compression, flags, date, checksum, extra field.
    Header(Member),
    /// In the directory at the end, or behind it.
    Directory,
}

impl fmt::Display for FormPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(member) => write!(f, "the header of {member}"),
            Self::Directory => f.write_str("the directory at the end"),
        }
    }
}

const LOCAL_HEADER: u32 = 0x0403_4b50;
const CENTRAL_HEADER: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const LOCAL_HEADER_LENGTH: usize = 30;

/// The members of one container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container(Vec<(Member, Vec<u8>)>);

impl Container {
    /// From the contents; members are put in their order.
    pub fn new(contents: impl IntoIterator<Item = (Member, Vec<u8>)>) -> Self {
        let mut members: Vec<_> = contents.into_iter().collect();
        members.sort_by_key(|(member, _)| *member);
        members.dedup_by_key(|(member, _)| *member);
        Self(members)
    }

    /// A member's content, if it is there.
    pub fn content(&self, member: Member) -> Option<&[u8]> {
        let found = self.0.iter().find(|(known, _)| *known == member);
        found.map(|(_, content)| content.as_slice())
    }

    /// The archive.
    pub fn to_zip(&self) -> Vec<u8> {
        let mut zip = Vec::new();
        let mut directory = Vec::new();
        for (member, content) in &self.0 {
            let at = length(zip.len());
            let common = common_fields(*member, content);
            zip.extend_from_slice(&LOCAL_HEADER.to_le_bytes());
            zip.extend_from_slice(&common);
            zip.extend_from_slice(member.name().as_bytes());
            zip.extend_from_slice(content);
            directory.extend_from_slice(&CENTRAL_HEADER.to_le_bytes());
            directory.extend_from_slice(&VERSION.to_le_bytes()); // made by: MS-DOS, 1.0
            directory.extend_from_slice(&common);
            // Comment length, disk, internal and external attributes.
            directory.extend_from_slice(&[0; 2 + 2 + 2 + 4]);
            directory.extend_from_slice(&at.to_le_bytes());
            directory.extend_from_slice(member.name().as_bytes());
        }
        let (start, size) = (length(zip.len()), length(directory.len()));
        let count = u16::try_from(self.0.len()).unwrap_or(u16::MAX).to_le_bytes();
        zip.extend_from_slice(&directory);
        zip.extend_from_slice(&END.to_le_bytes());
        zip.extend_from_slice(&[0; 4]); // disks
        zip.extend_from_slice(&count);
        zip.extend_from_slice(&count);
        zip.extend_from_slice(&size.to_le_bytes());
        zip.extend_from_slice(&start.to_le_bytes());
        zip.extend_from_slice(&[0; 2]); // comment length
        zip
    }

    /// Reads a receipt's container.
    ///
    /// # Errors
    /// [`ContainerError`].
    pub fn from_zip(zip: &[u8]) -> Result<Self, ContainerError> {
        if zip.len() > MAX_RECEIPT {
            return Err(ContainerError::TooLong { found: zip.len() });
        }
        if !zip.starts_with(&LOCAL_HEADER.to_le_bytes()) {
            return Err(ContainerError::NotZip);
        }
        let mut members = Vec::new();
        let mut rest = zip;
        for member in Member::ALL {
            match split_member(member, rest)? {
                Some(Split { content, after }) => {
                    members.push((member, content.to_vec()));
                    rest = after;
                }
                None if member.is_optional() => {}
                None => return Err(ContainerError::Missing { member }),
            }
        }
        let container = Self(members);
        match container.to_zip() == zip {
            true => Ok(container),
            false => Err(ContainerError::Form { at: FormPart::Directory }),
        }
    }
}

const VERSION: u16 = 10;
const DATE: u16 = 0x0021; // 1980-01-01, the first that zip can write

/// From "version needed" to "extra field length": what local and central headers have in common.
fn common_fields(member: Member, content: &[u8]) -> [u8; LOCAL_HEADER_LENGTH - 4] {
    let mut fields = [0; LOCAL_HEADER_LENGTH - 4];
    let size = length(content.len()).to_le_bytes();
    fields[0..2].copy_from_slice(&VERSION.to_le_bytes());
    // Flags, method (stored) and time are zero.
    fields[8..10].copy_from_slice(&DATE.to_le_bytes());
    fields[10..14].copy_from_slice(&crc32fast::hash(content).to_le_bytes());
    fields[14..18].copy_from_slice(&size);
    fields[18..22].copy_from_slice(&size);
    let name = u16::try_from(member.name().len()).unwrap_or(u16::MAX);
    fields[22..24].copy_from_slice(&name.to_le_bytes());
    fields
}

/// A member's content, and what follows it.
struct Split<'a> {
    content: &'a [u8],
    after: &'a [u8],
}

/// Takes the member from the front, if it is there.
fn split_member(member: Member, bytes: &[u8]) -> Result<Option<Split<'_>>, ContainerError> {
    let cut_off = ContainerError::CutOff { member };
    let Some((header, after)) = bytes.split_first_chunk::<LOCAL_HEADER_LENGTH>() else {
        return Ok(None);
    };
    let name = member.name().as_bytes();
    if header[..4] != LOCAL_HEADER.to_le_bytes() || !after.starts_with(name) {
        return Ok(None);
    }
    let size = u32::from_le_bytes([header[18], header[19], header[20], header[21]]);
    let size = usize::try_from(size).map_err(|_| cut_off.clone())?;
    let (content, after) = after[name.len()..].split_at_checked(size).ok_or(cut_off)?;
    if header[4..] != common_fields(member, content) {
        return Err(ContainerError::Form { at: FormPart::Header(member) });
    }
    Ok(Some(Split { content, after }))
}

/// Lengths are below [`MAX_RECEIPT`] where they are read, and far below 4 GiB where they are written: a claim has a
/// few MiB. Beyond, the archive would not read back.
fn length(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use proptest::prelude::*;

    use super::*;

    fn full() -> Container {
        Container::new(Member::ALL.map(|member| (member, member.name().as_bytes().repeat(3))))
    }

    fn without(left_out: Member) -> Container {
        Container::new(full().0.into_iter().filter(|(member, _)| *member != left_out))
    }

    #[test]
    fn reads_what_it_writes() {
        assert_eq!(Container::from_zip(&full().to_zip()).unwrap(), full());
        for optional in [Member::Outage, Member::LodgedProof, Member::ReceivedProof] {
            let container = without(optional);
            assert_eq!(Container::from_zip(&container.to_zip()).unwrap(), container);
        }
    }

    #[test]
    fn a_missing_member_is_named() {
        for member in
            [Member::Claim, Member::Timestamp, Member::RevocationLists, Member::Certificates]
        {
            let zip = without(member).to_zip();
            assert_eq!(Container::from_zip(&zip), Err(ContainerError::Missing { member }));
        }
    }

    #[test]
    fn hostile_files() {
        let zip = full().to_zip();
        assert_eq!(Container::from_zip(b""), Err(ContainerError::NotZip));
        assert_eq!(Container::from_zip(b"Claim"), Err(ContainerError::NotZip));
        let long = [zip.clone(), vec![0; MAX_RECEIPT]].concat();
        assert_eq!(Container::from_zip(&long), Err(ContainerError::TooLong { found: long.len() }));
        // Bytes before, behind, and a comment.
        assert!(Container::from_zip(&[b"x", &zip[..]].concat()).is_err());
        let behind = Container::from_zip(&[&zip[..], b"x"].concat());
        assert_eq!(behind, Err(ContainerError::Form { at: FormPart::Directory }));
        // A size that runs over the end.
        let mut cut = zip.clone();
        cut[18..22].copy_from_slice(&[0xff; 4]);
        assert_eq!(
            Container::from_zip(&cut),
            Err(ContainerError::CutOff { member: Member::Readme })
        );
    }

    #[test]
    fn every_single_byte_counts() {
        let zip = full().to_zip();
        for at in 0..zip.len() {
            let mut changed = zip.clone();
            changed[at] ^= 1;
            assert!(Container::from_zip(&changed).is_err(), "byte {at}");
            assert!(Container::from_zip(&zip[..at]).is_err(), "cut at {at}");
        }
    }

    proptest! {
        #[test]
        fn what_is_accepted_has_one_spelling(
            tail in any::<Vec<u8>>(), at in 0_usize..900, byte in any::<u8>(),
        ) {
            let mut zip = full().to_zip();
            if let Some(place) = zip.get_mut(at) { *place = byte; }
            zip.extend(tail);
            if let Ok(container) = Container::from_zip(&zip) {
                prop_assert_eq!(container.to_zip(), zip);
            }
        }
    }
}
