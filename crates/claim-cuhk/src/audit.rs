//! What goes into the audit log beside the deeds of the records: starts, keys that were made, refusals.
//!
//! These are done outside the database, so the entry cannot share their transaction. Of keys it is made up for at the
//! next start; starts and refusals are kept in memory until the database takes them.

mod ledger;
mod settings;

use claim_core::Digest;
use claim_pki::Certificate;
use claim_store::StoreError;
use claim_store::cuhk::CuhkStore;
use claim_store::cuhk::audit::{Deed, Entry, EntryFilter};

pub(crate) use self::ledger::Ledger;
pub(crate) use self::settings::started;
use crate::authority::Authority;

/// Entries for root and issuing certificates that have none yet: they are files, made before there are records.
pub(crate) async fn unrecorded(
    store: &CuhkStore,
    authority: &Authority,
) -> Result<Vec<Entry>, StoreError> {
    let root = std::iter::once((Deed::RootMade, authority.root_certificate()));
    let issuing = authority.issuing_certificates().map(|one| (Deed::IssuingMade, one));
    let mut entries = Vec::new();
    for (deed, certificate) in root.chain(issuing) {
        let serial = certificate.serial().to_string();
        let filter =
            EntryFilter { deed: Some(deed.into()), serial: Some(serial), ..EntryFilter::default() };
        if store.audit().entries(0, &filter, 1).await?.is_empty() {
            entries.push(made(deed, certificate));
        }
    }
    Ok(entries)
}

/// That this certificate of CUHK's own was made.
pub(crate) fn made(deed: Deed, certificate: &Certificate) -> Entry {
    Entry::new(deed)
        .about(certificate.common_name().unwrap_or_default())
        .serial(certificate.serial().to_string())
        .digest(*Digest::of(certificate.der()).as_bytes())
        .with("not_after", certificate.not_after().to_string())
}
