//! The next issuing certificate.

use std::path::PathBuf;

use claim_core::Timestamp;
use claim_pki::SerialNumber;
use claim_store::cuhk::audit::Deed;

use super::{AdminError, Office};
use crate::audit::made;
use crate::authority::{AuthorityError, load_root, read_certificate, renew_issuing};
use crate::mode::Mode;
use crate::signing;

/// The next issuing certificate, which a serving CUHK takes over by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewedIssuing {
    /// Its file.
    pub certificate: PathBuf,
    /// Its serial number.
    pub serial: SerialNumber,
    /// Its end.
    pub not_after: Timestamp,
}

impl Office {
    /// Makes the next issuing key and its certificate, by the root whose key is at hand.
    ///
    /// A serving CUHK takes it over within a minute; certificates of those before it stay good. One that was cut off
    /// goes on with its key.
    ///
    /// # Errors
    /// [`AdminError::Authority`], with [`AuthorityError::RootOffline`] where the root is elsewhere.
    pub async fn renew_issuing(&self) -> Result<RenewedIssuing, AdminError> {
        let (folder, now) = (self.folder.clone(), self.clock.now());
        let renew = move || {
            let number = renew_issuing(&folder, Mode::of(&load_root(&folder)?), now)?;
            let path = folder.issuing_certificate(number);
            Ok::<_, AuthorityError>((read_certificate(&path)?, path))
        };
        let renewed = signing::apart(renew).await.map_err(AuthorityError::from)?;
        let (certificate, path) = renewed?;
        // Cut off before this, it is made up for when CUHK takes it over.
        self.store.audit().record(&[made(Deed::IssuingMade, &certificate)]).await?;
        Ok(RenewedIssuing {
            certificate: path,
            serial: certificate.serial().clone(),
            not_after: certificate.not_after(),
        })
    }
}
