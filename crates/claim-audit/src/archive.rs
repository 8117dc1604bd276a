//! Archives: old entries, and certificates of CUHK, in a file of lines, each a JSON document.
//!
//! The first line tells where it begins and what tree stood before that; then come entries, in order, and certificates;
//! the last line counts them and has the SHA-256 of all octets before it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use claim_core::encoding::{base64, from_base64};
use claim_core::{Digest, Hasher, Timestamp};
use claim_files::{FileError, sync_folder};
use claim_log::{Frontier, Hash, TreeSize};
use claim_store::audit::AuditEntry;
use claim_store::cuhk::CertificateRecord;
use serde::{Deserialize, Serialize};

/// No line of an archive is longer, in octets.
const MAX_LINE: u64 = 1024 * 1024;

/// Why an archive cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// It cannot be read or written.
    #[error("cannot {action} the archive {path:?}: {source}")]
    File {
        /// What was to be done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is there, and of something else.
    #[error("{path:?} exists, and is not the archive of these entries")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be put on disk for good.
    #[error(transparent)]
    Sync(#[from] FileError),
    /// A line is not what should be there.
    #[error("line {line} of {path:?} is not that of an archive")]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1 on.
        line: u64,
    },
    /// A certificate in it is none.
    #[error("what the archive has as certificate {serial} is not in base64")]
    Certificate {
        /// Its serial number.
        serial: String,
    },
    /// It was cut off or changed: its last line does not fit what is before it.
    #[error("the archive {path:?} is not whole: its last line does not fit the rest")]
    NotWhole {
        /// The file.
        path: PathBuf,
    },
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Archive { version: u32, size: u64, subtrees: Vec<String> },
    Entry(EntryLine),
    Certificate(CertificateLine),
    End { first: u64, last: u64, certificates: u64, sha256: Digest },
}

/// An entry; octets are in base64.
#[derive(Debug, Serialize, Deserialize)]
struct EntryLine {
    number: u64,
    at: i64,
    deed: String,
    authentication: String,
    credential: String,
    serial: String,
    digest: String,
    salt: String,
    actor: String,
    subject: String,
    details: String,
    personal: String,
    leaf: String,
    root: String,
}

/// A certificate; times are milliseconds since 1970, `der` is in base64. Where its person was erased, `holder` is empty,
/// `key_sha256` zero and `der` missing, and the last two members are there.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CertificateLine {
    serial: String,
    pub(crate) profile: String,
    pub(crate) holder: String,
    key_sha256: Digest,
    not_before: i64,
    not_after: i64,
    reserved_at: i64,
    der: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) erased_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<Digest>,
}

/// What an archive has between its first and its last line.
pub(crate) enum Content {
    Entry(AuditEntry),
    Certificate(CertificateLine),
}

/// An archive that is whole.
#[derive(Debug)]
pub(crate) struct Archive {
    path: PathBuf,
    before: Frontier,
    last: u64,
    certificates: u64,
    /// SHA-256 of all but its last line.
    digest: Digest,
}

impl Archive {
    /// Reads it to its end.
    pub(crate) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let not_whole = || ArchiveError::NotWhole { path: path.to_owned() };
        let (mut before, mut end, mut hasher) = (None, None, Hasher::new());
        for line in Lines::of(path)? {
            let (number, text) = line?;
            match (number, parse(path, number, &text)?) {
                (1, Line::Archive { version: 1, size, subtrees }) => {
                    let size = TreeSize::try_from(size).map_err(|_| not_whole())?;
                    let roots: Option<Vec<_>> =
                        subtrees.iter().map(|hash| Hash::from_base64(hash)).collect();
                    let roots = roots.ok_or_else(not_whole)?;
                    before = Some(Frontier::from_roots(size, roots).ok_or_else(not_whole)?);
                }
                (1, _) => return Err(ArchiveError::Line { path: path.to_owned(), line: 1 }),
                _ if end.is_some() => return Err(not_whole()),
                (_, Line::End { first, last, certificates, sha256 }) => {
                    if hasher.clone().finish() != sha256 {
                        return Err(not_whole());
                    }
                    end = Some((first, last, certificates, sha256));
                }
                _ => {}
            }
            hasher.update(&text);
        }
        let (Some(before), Some((first, last, certificates, digest))) = (before, end) else {
            return Err(not_whole());
        };
        if first != before.size().value() + 1 {
            return Err(not_whole());
        }
        Ok(Self { path: path.to_owned(), before, last, certificates, digest })
    }

    /// The tree of what came before its first entry.
    pub(crate) fn before(&self) -> &Frontier {
        &self.before
    }

    pub(crate) fn first(&self) -> u64 {
        self.before.size().value() + 1
    }

    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn certificates(&self) -> u64 {
        self.certificates
    }

    /// Its entries, in order.
    pub(crate) fn entries(
        &self,
    ) -> Result<impl Iterator<Item = Result<AuditEntry, ArchiveError>>, ArchiveError> {
        Ok(self.content()?.filter_map(|content| match content {
            Ok(Content::Entry(entry)) => Some(Ok(entry)),
            Ok(Content::Certificate(_)) => None,
            Err(error) => Some(Err(error)),
        }))
    }

    /// Its entries and certificates, in their order.
    pub(crate) fn content(
        &self,
    ) -> Result<impl Iterator<Item = Result<Content, ArchiveError>>, ArchiveError> {
        let path = self.path.clone();
        Ok(Lines::of(&self.path)?.filter_map(move |line| {
            let read = |(number, text): (u64, Vec<u8>)| match parse(&path, number, &text)? {
                Line::Entry(entry) => {
                    let wrong = || ArchiveError::Line { path: path.clone(), line: number };
                    entry.read().map(|entry| Some(Content::Entry(entry))).ok_or_else(wrong)
                }
                Line::Certificate(line) => Ok(Some(Content::Certificate(line))),
                Line::Archive { .. } | Line::End { .. } => Ok(None),
            };
            line.and_then(read).transpose()
        }))
    }

    /// The serial numbers of its certificates.
    pub(crate) fn serials(&self) -> Result<Vec<String>, ArchiveError> {
        let mut serials = Vec::new();
        for line in Lines::of(&self.path)? {
            let (number, text) = line?;
            if let Line::Certificate(certificate) = parse(&self.path, number, &text)? {
                serials.push(certificate.serial);
            }
        }
        Ok(serials)
    }
}

/// An archive that is being written, under another name until it is whole and on disk.
pub struct Draft {
    path: PathBuf,
    draft: PathBuf,
    out: BufWriter<File>,
    hasher: Hasher,
    first: u64,
    last: u64,
    certificates: u64,
}

impl Draft {
    /// Begins after these entries.
    pub(crate) fn begin(path: &Path, before: &Frontier) -> Result<Self, ArchiveError> {
        use std::os::unix::fs::OpenOptionsExt;
        let mut draft = path.as_os_str().to_owned();
        draft.push(".part");
        let draft = PathBuf::from(draft);
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let file = file.map_err(failed("write", &draft))?;
        let last = before.size().value();
        let (out, hasher) = (BufWriter::new(file), Hasher::new());
        let (path, first) = (path.to_owned(), last + 1);
        let mut begun = Self { path, draft, out, hasher, first, last, certificates: 0 };
        let subtrees = before.roots().iter().map(Hash::to_string).collect();
        begun.line(&Line::Archive { version: 1, size: last, subtrees })?;
        Ok(begun)
    }

    pub(crate) fn entry(&mut self, entry: &AuditEntry) -> Result<(), ArchiveError> {
        self.last = entry.number;
        self.line(&Line::Entry(EntryLine::of(entry)))
    }

    /// Adds a certificate.
    ///
    /// # Errors
    /// [`ArchiveError::File`].
    pub fn certificate(&mut self, record: &CertificateRecord) -> Result<(), ArchiveError> {
        self.certificate_line(CertificateLine::of(record))
    }

    pub(crate) fn certificate_line(&mut self, line: CertificateLine) -> Result<(), ArchiveError> {
        self.certificates += 1;
        self.line(&Line::Certificate(line))
    }

    /// Ends it; when this returns, it is on disk under its name.
    pub(crate) fn finish(mut self) -> Result<(), ArchiveError> {
        let Self { first, last, certificates, .. } = self;
        let sha256 = self.hasher.clone().finish();
        self.line(&Line::End { first, last, certificates, sha256 })?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error);
        let synced = file.and_then(|file| file.sync_all());
        synced.map_err(failed("write", &self.draft))?;
        // Never in the place of something else.
        let named = std::fs::hard_link(&self.draft, &self.path);
        named.map_err(failed("write", &self.path))?;
        std::fs::remove_file(&self.draft).map_err(failed("name", &self.draft))?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok(sync_folder(folder.unwrap_or(Path::new(".")))?)
    }

    /// Whether neither an entry nor a certificate is in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.last < self.first && self.certificates == 0
    }

    /// There was nothing to write.
    pub(crate) fn discard(self) -> Result<(), ArchiveError> {
        std::fs::remove_file(&self.draft).map_err(failed("remove", &self.draft))
    }

    fn line(&mut self, line: &Line) -> Result<(), ArchiveError> {
        let mut text = serde_json::to_vec(line).map_err(io::Error::from);
        if let Ok(text) = &mut text {
            text.push(b'\n');
            self.hasher.update(text);
        }
        let written = text.and_then(|text| self.out.write_all(&text));
        written.map_err(failed("write", &self.draft))
    }
}

impl EntryLine {
    fn of(entry: &AuditEntry) -> Self {
        Self {
            number: entry.number,
            at: entry.at.as_millis(),
            deed: entry.deed.clone(),
            authentication: entry.authentication.clone(),
            credential: entry.credential.clone(),
            serial: entry.serial.clone(),
            digest: base64(&entry.digest),
            salt: base64(&entry.salt),
            actor: entry.actor.clone(),
            subject: entry.subject.clone(),
            details: entry.details.clone(),
            personal: base64(&entry.personal),
            leaf: entry.leaf.to_string(),
            root: entry.root.to_string(),
        }
    }

    fn read(self) -> Option<AuditEntry> {
        Some(AuditEntry {
            number: self.number,
            at: Timestamp::from_millis(self.at),
            deed: self.deed,
            authentication: self.authentication,
            credential: self.credential,
            serial: self.serial,
            digest: from_base64(&self.digest).ok()?,
            salt: from_base64(&self.salt).ok()?,
            actor: self.actor,
            subject: self.subject,
            details: self.details,
            personal: from_base64(&self.personal).ok()?.try_into().ok()?,
            leaf: Hash::from_base64(&self.leaf)?,
            root: Hash::from_base64(&self.root)?,
        })
    }
}

impl CertificateLine {
    fn of(record: &CertificateRecord) -> Self {
        Self {
            serial: record.serial.clone(),
            profile: record.profile.clone(),
            holder: record.name.clone(),
            key_sha256: Digest::from_bytes(record.key_digest),
            not_before: record.not_before.as_millis(),
            not_after: record.not_after.as_millis(),
            reserved_at: record.reserved_at.as_millis(),
            der: record.certificate.as_deref().map(base64),
            erased_at: record.erased.map(|erased| erased.at.as_millis()),
            sha256: record.erased.and_then(|erased| erased.sha256).map(Digest::from_bytes),
        }
    }

    /// The same without whom it names, the key, and the certificate itself.
    pub(crate) fn erased(self, now: Timestamp) -> Result<Self, ArchiveError> {
        let der = self.der.as_deref().map(from_base64).transpose();
        let der = der.map_err(|_| ArchiveError::Certificate { serial: self.serial.clone() })?;
        Ok(Self {
            holder: String::new(),
            key_sha256: Digest::from_bytes([0; 32]),
            der: None,
            erased_at: Some(now.as_millis()),
            sha256: der.as_deref().map(Digest::of),
            ..self
        })
    }
}

/// The lines of a file with their numbers, each with its end.
struct Lines {
    path: PathBuf,
    file: BufReader<File>,
    number: u64,
}

impl Lines {
    fn of(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(failed("read", path))?;
        Ok(Self { path: path.to_owned(), file: BufReader::new(file), number: 0 })
    }
}

impl Iterator for Lines {
    type Item = Result<(u64, Vec<u8>), ArchiveError>;

    fn next(&mut self) -> Option<Self::Item> {
        use std::io::Read;
        let mut text = Vec::new();
        match (&mut self.file).take(MAX_LINE).read_until(b'\n', &mut text) {
            Ok(0) => None,
            Ok(_) => {
                self.number += 1;
                Some(Ok((self.number, text)))
            }
            Err(error) => Some(Err(failed("read", &self.path)(error))),
        }
    }
}

fn parse(path: &Path, line: u64, text: &[u8]) -> Result<Line, ArchiveError> {
    serde_json::from_slice(text).map_err(|_| ArchiveError::Line { path: path.to_owned(), line })
}

fn failed(action: &'static str, path: &Path) -> impl Fn(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |source| ArchiveError::File { action, path: path.clone(), source }
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("path", &self.path).finish_non_exhaustive()
    }
}
