//! How it came that a certificate was made: who asked, by what right, for which device.

use claim_core::DeviceName;

use super::audit::{Authentication, By};
use crate::StoreError;
use crate::row::Columns;

/// Whose asking a certificate goes back to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Provenance {
    /// How whoever asked was known; `None` where nobody asked, or where it is not on record.
    pub authenticated_by: Option<Authentication>,
    /// The person's device that keeps it, where one was named.
    pub device: Option<DeviceName>,
    /// Serial number of the certificate that it was re-enrolled from, lower-case hexadecimal.
    pub predecessor: Option<String>,
}

impl Provenance {
    /// Who asked, for the audit log; `None` where that is not on record.
    pub(super) fn by(&self, holder: &str) -> Option<By> {
        let by = By::known(holder, self.authenticated_by?);
        Some(match &self.predecessor {
            Some(serial) => By { credential: serial.clone(), ..by },
            None => by,
        })
    }
}

pub(super) fn read(columns: &Columns<'_>) -> Result<Provenance, StoreError> {
    Ok(Provenance {
        authenticated_by: columns.optional_parsed("authenticated_by")?,
        device: columns.optional_parsed("device")?,
        predecessor: columns.optional_text("predecessor")?,
    })
}
