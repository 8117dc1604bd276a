//! Certificates, on record from before they are signed.

use claim_core::Digest;
use claim_pki::Timestamp;
use sqlx::any::AnyRow;

use super::CuhkStore;
use super::audit::{Authentication, By, Deed, Entry};
use super::provenance::{self, Provenance};
use super::signed::Signed;
use crate::StoreError;
use crate::readers::Read;
use crate::row::Columns;

/// A certificate on record: first as reserved, then as issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRecord {
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// The profile by which it was made, e.g. `person`.
    pub profile: String,
    /// The holder: a person's id, a server's origin, or a witness's name.
    pub name: String,
    /// SHA-256 of the key's SubjectPublicKeyInfo.
    pub key_digest: [u8; 32],
    /// The first moment of its validity.
    pub not_before: Timestamp,
    /// The last moment of its validity.
    pub not_after: Timestamp,
    /// When it was reserved.
    pub reserved_at: Timestamp,
    /// DER of the TBSCertificate that is, or was, to be signed (RFC 5280 §4.1.2).
    pub tbs: Vec<u8>,
    /// DER of the certificate, once it is signed.
    pub certificate: Option<Vec<u8>>,
    /// Whose asking it goes back to.
    pub provenance: Provenance,
    /// What is left of it, once its person was erased: then it names nobody, and key, TBSCertificate and certificate are
    /// empty.
    pub erased: Option<ErasedCertificate>,
}

/// That a certificate was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErasedCertificate {
    /// When.
    pub at: Timestamp,
    /// SHA-256 of its DER; `None` when it was never signed.
    pub sha256: Option<[u8; 32]>,
}

impl CuhkStore {
    /// Keeps the signed certificate, and returns the one that is kept under this serial number.
    ///
    /// Where two sign the same reservation the first wins, and only what is returned here may be given out:
    /// a serial number then names one certificate. When this returns, it is durable.
    ///
    /// # Errors
    /// [`StoreError::UnknownSerial`] when nothing was reserved; whatever befalls the database.
    pub async fn record_issued(
        &self,
        serial: &str,
        certificate: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        let (serial, certificate) = (serial.to_owned(), certificate.to_vec());
        let recorder = self.recorder.clone();
        self.signed.commit(Signed { serial, certificate, recorder }).await?
    }

    /// The certificate of this serial number, if any was reserved.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn certificate(&self, serial: &str) -> Result<Option<CertificateRecord>, StoreError> {
        let row = sqlx::query(
            "SELECT serial, profile, name, key_digest, not_before, not_after, reserved_at, tbs, \
             certificate, device, authenticated_by, predecessor, erased_at, sha256 FROM certificates WHERE serial = $1",
        )
        .bind(serial)
        .read_optional(&self.database)
        .await?;
        row.as_ref().map(read).transpose()
    }

    /// Up to `limit` certificates in the order of their reservation, from the first or `after` another one.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn certificates(
        &self,
        after: Option<&CertificateRecord>,
        limit: u32,
    ) -> Result<Vec<CertificateRecord>, StoreError> {
        let (time, serial) = match after {
            Some(record) => (record.reserved_at.as_millis(), record.serial.as_str()),
            None => (i64::MIN, ""),
        };
        let rows = sqlx::query(
            "SELECT serial, profile, name, key_digest, not_before, not_after, reserved_at, tbs, \
             certificate, device, authenticated_by, predecessor, erased_at, sha256 FROM certificates WHERE (reserved_at, serial) > ($1, $2) \
             ORDER BY reserved_at, serial LIMIT $3",
        )
        .bind(time)
        .bind(serial)
        .bind(i64::from(limit))
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }
}

impl CuhkStore {
    /// All certificates of this profile that name this holder, the newest first.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub async fn certificates_of(
        &self,
        profile: &str,
        name: &str,
    ) -> Result<Vec<CertificateRecord>, StoreError> {
        let rows = sqlx::query(
            "SELECT serial, profile, name, key_digest, not_before, not_after, reserved_at, tbs, \
             certificate, device, authenticated_by, predecessor, erased_at, sha256 FROM certificates WHERE profile = $1 AND name = $2 \
             ORDER BY reserved_at DESC, serial",
        )
        .bind(profile)
        .bind(name)
        .read_all(&self.database)
        .await?;
        rows.iter().map(read).collect()
    }
}

/// That a certificate was issued, to whom, and how CUHK knew them.
pub(super) fn issued(row: &AnyRow, serial: &str, certificate: &[u8]) -> Result<Entry, StoreError> {
    let columns = Columns::new("certificates", row);
    let holder = columns.text("name")?;
    let entry = Entry::new(Deed::Issued)
        .about(holder.as_str())
        .serial(serial)
        .digest(*Digest::of(certificate).as_bytes())
        .with("profile", columns.text("profile")?);
    let provenance = provenance::read(&columns)?;
    let entry = match &provenance.device {
        Some(device) => entry.with("device", device.to_string()),
        None => entry,
    };
    Ok(match (provenance.by(&holder), columns.optional_bytes("code_hash")?) {
        (Some(by), _) => entry.by(by),
        (None, Some(_)) => entry.by(By::known(holder, Authentication::Code)),
        (None, None) => entry,
    })
}

pub(super) fn read(row: &AnyRow) -> Result<CertificateRecord, StoreError> {
    let columns = Columns::new("certificates", row);
    Ok(CertificateRecord {
        serial: columns.text("serial")?,
        profile: columns.text("profile")?,
        name: columns.text("name")?,
        key_digest: columns.digest("key_digest")?,
        not_before: columns.time("not_before")?,
        not_after: columns.time("not_after")?,
        reserved_at: columns.time("reserved_at")?,
        tbs: columns.bytes("tbs")?,
        certificate: columns.optional_bytes("certificate")?,
        provenance: provenance::read(&columns)?,
        erased: erased(&columns)?,
    })
}

fn erased(columns: &Columns<'_>) -> Result<Option<ErasedCertificate>, StoreError> {
    let Some(at) = columns.optional_time("erased_at")? else { return Ok(None) };
    let sha256 = columns.optional_bytes("sha256")?.map(<[u8; 32]>::try_from).transpose();
    let sha256 = sha256.map_err(|_| columns.foreign("sha256"))?;
    Ok(Some(ErasedCertificate { at, sha256 }))
}
