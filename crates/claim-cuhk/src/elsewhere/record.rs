//! Putting on record what a root elsewhere has certified: CUHK's witness knows logs by its own records.

use claim_pki::{Certificate, EvidenceAnswer};
use claim_store::cuhk::{Provenance, Reservation, Reserved};

use super::ElsewhereError;
use crate::authority::load_root;
use crate::ceremony::{Ceremony, Service};

/// Puts a certificate on record that was verified; one that is there stays as it is.
pub(crate) async fn record(
    ceremony: &Ceremony<'_>,
    service: &Service,
    certificate: &Certificate,
    key_digest: [u8; 32],
) -> Result<(), ElsewhereError> {
    let serial = certificate.serial().to_string();
    if ceremony.store.certificate(&serial).await?.is_some() {
        return Ok(());
    }
    let reservation = Reservation {
        code_hash: None,
        holder: service.holder(),
        profile: service.profile(),
        key_digest,
        serial: serial.clone(),
        tbs: certificate.tbs_der()?,
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        now: ceremony.now,
        provenance: Provenance::default(),
        most_live: None,
        announce: false,
    };
    let serial = match ceremony.store.reserve(&reservation).await? {
        Reserved::New => serial,
        // What was reserved for the same key while the root was here.
        Reserved::Existing(record) => record.serial,
    };
    ceremony.store.record_issued(&serial, certificate.der()).await?;
    Ok(())
}

/// Puts on record what the root elsewhere has certified for a Blackboard.
pub(crate) async fn record_answer(
    ceremony: &Ceremony<'_>,
    answer: &EvidenceAnswer,
) -> Result<(), ElsewhereError> {
    let root = load_root(ceremony.folder)?;
    let bad = |part| move |source| ElsewhereError::Certificate { part, source };
    let timestamp = root
        .verify_timestamp(answer.timestamp.der(), ceremony.now)
        .map_err(bad("timestamp key"))?;
    let log = root.verify_log(answer.log.der(), ceremony.now).map_err(bad("log key"))?;
    let service = Service::Timestamp(timestamp.origin().clone());
    let digest = *timestamp.public_key().fingerprint();
    record(ceremony, &service, &answer.timestamp, digest).await?;
    let service = Service::Log(log.origin().clone());
    record(ceremony, &service, &answer.log, log.public_key().fingerprint()).await
}
