//! Certificates revoked by their own holder: by one of them, or by an open code.
//!
//! Whoever asks is one person, and only that person's certificates are ever read: another's serial number is as unknown as
//! one that nobody has.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use claim_core::invitation::Invitee;
use claim_core::revoking::{OwnRevoked, RevocationAnswer, RevocationRequest, RevokeOwn};
use claim_core::{PersonId, Problem, ProblemType, Timestamp};
use claim_pki::RevocationReason;
use claim_store::cuhk::CertificateRecord;
use claim_store::cuhk::audit::{Authentication, By};
use claim_store::{DiskFault, Need};
use tokio::time::Instant;

use crate::codes::{Claimed, code_refused};
use crate::credentials::Credentials;
use crate::crl::{ListOf, hex};
use crate::enrolment::{no_storage, storage};
use crate::event::{Event, RevokedByHolder};
use crate::renewal::{holder, not_revoked};
use crate::revoking::{Known, RevokedEntry, Revoker, RevokerError, line};
use crate::state::Cuhk;

/// Who asks, and by what.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(crate) id: PersonId,
    /// As the audit log has it.
    pub(crate) by: By,
}

impl Owner {
    /// Takes whoever holds a certificate that is not revoked, up to the grace after its end. Whether its holder is still on
    /// the roster does not matter: giving something up is everybody's right. `known_as` is who it is, as soon as that is
    /// known, also of somebody who is refused.
    pub(crate) async fn by_certificate<C: AsRef<[u8]>>(
        cuhk: &Cuhk,
        chain: &[C],
        now: Timestamp,
        known_as: &mut Option<By>,
    ) -> Result<Self, Problem> {
        let known = holder(&cuhk.desk.authority(), chain, now, cuhk.renewal_grace)?;
        let by = known.by();
        *known_as = Some(by.clone());
        match known.holder {
            Invitee::Person(id) => {
                not_revoked(cuhk, chain).await?;
                Ok(Self { id, by })
            }
            Invitee::Server(origin) => {
                let detail = format!("the certificate is that of the server {origin}");
                Err(Problem::new(ProblemType::CertificateProfile, detail))
            }
        }
    }

    /// Takes whoever has an open code, which stays open.
    ///
    /// As at enrolment: unknown ids, ids without a code, wrong codes and what is no code at all cost the same work and get
    /// one and the same answer; so does a server's code. A code that has enrolled a key is no secret any more, and revokes
    /// nothing. `known_as` as above.
    pub(crate) async fn by_code(
        cuhk: &Cuhk,
        credentials: Option<&Credentials>,
        peer: IpAddr,
        now: Timestamp,
        known_as: &mut Option<By>,
    ) -> Result<Self, Problem> {
        let claimed = Claimed::from_credentials(credentials);
        cuhk.guesses.admit(&claimed, peer, Instant::now())?;
        let store = &cuhk.desk.store;
        let found = claimed.check(store).await.map_err(storage)?;
        let (Some(hash), Invitee::Person(id)) = (found, claimed.requester()) else {
            cuhk.guesses.count(&claimed, peer, Instant::now());
            return Err(code_refused());
        };
        let record = store.invitation(hash.as_bytes()).await.map_err(storage)?;
        let record = record.ok_or_else(code_refused)?;
        let by = By::known(id.as_str(), Authentication::Code);
        *known_as = Some(by.clone());
        if let Some(bound) = record.bound {
            let detail =
                format!("the code has enrolled a key (certificate {}) and is spent", bound.serial);
            return Err(Problem::new(ProblemType::CodeUsed, detail));
        }
        let expires_at = record.invitation.expires_at;
        if now >= expires_at {
            let detail = format!("the code was valid until {expires_at}");
            return Err(Problem::new(ProblemType::CodeExpired, detail));
        }
        Ok(Self { id: id.clone(), by })
    }
}

/// Revokes what this person wants revoked of their own, all or nothing, and makes the lists that say so.
///
/// When this returns, it is on record for good. A list that could not be made is made by the maintenance within a minute.
pub(crate) async fn revoke(
    cuhk: &Cuhk,
    owner: Owner,
    request: RevocationRequest,
    peer: SocketAddr,
) -> Result<RevocationAnswer, Problem> {
    if let Err(error) = cuhk.room.check(Need::Record) {
        tracing::debug!(%error, "refused for want of room");
        return Err(no_storage(Some(DiskFault::NoRoom)));
    }
    let (folder, store) = (&cuhk.folder, &cuhk.desk.store);
    let revoker = Revoker { folder, store, now: cuhk.desk.clock.now() };
    let mut revoked = Vec::new();
    // The second look finds what was issued while the first ones were being revoked.
    for _ in 0..2 {
        let of_theirs =
            store.certificates_of("person", owner.id.as_str()).await.map_err(storage)?;
        let mut records = wanted(of_theirs, &request.what, revoker.now);
        records.retain(|one| !revoked.iter().any(|done: &OwnRevoked| done.serial == one.serial));
        revoked.extend(revoke_these(cuhk, &revoker, records, request.reason, &owner.by).await?);
    }
    if revoked.is_empty() && request.what != RevokeOwn::All {
        let detail = format!("{} {} has no such certificate", owner.id.label(), owner.id);
        return Err(Problem::new(ProblemType::NotFound, detail));
    }
    let new: Vec<String> =
        revoked.iter().filter(|one| !one.before).map(|one| one.serial.clone()).collect();
    if !new.is_empty() {
        cuhk.tell(Event::RevokedByHolder(RevokedByHolder {
            id: owner.id,
            by_code: owner.by.authentication == Authentication::Code,
            serials: new,
            reason: request.reason,
            peer,
        }));
    }
    Ok(RevocationAnswer { revoked })
}

fn wanted(all: Vec<CertificateRecord>, what: &RevokeOwn, now: Timestamp) -> Vec<CertificateRecord> {
    let lasts = |one: &CertificateRecord| one.not_after >= now;
    match what {
        RevokeOwn::All => all.into_iter().filter(lasts).collect(),
        RevokeOwn::Serial(serial) => line(all, &BTreeSet::from([serial.to_string()]), now),
        RevokeOwn::Device(name) => {
            let on_it = |one: &&CertificateRecord| {
                lasts(one) && one.provenance.device.as_ref() == Some(name)
            };
            let named = all.iter().filter(on_it).map(|one| one.serial.clone()).collect();
            line(all, &named, now)
        }
    }
}

async fn revoke_these(
    cuhk: &Cuhk,
    revoker: &Revoker<'_>,
    records: Vec<CertificateRecord>,
    reason: RevocationReason,
    by: &By,
) -> Result<Vec<OwnRevoked>, Problem> {
    if records.is_empty() {
        return Ok(Vec::new());
    }
    let devices: Vec<_> =
        records.iter().map(|one| one.provenance.device.as_ref().map(ToString::to_string)).collect();
    let known: Result<Vec<Known>, _> =
        records.into_iter().map(|record| revoker.known(record)).collect();
    let known = known.map_err(unknown)?;
    let entries = revoker.revoke(&known, reason, Some(by)).await.map_err(storage)?;
    if entries.iter().any(|entry| !entry.before) {
        publish(cuhk, &known).await;
    }
    let own = |((entry, known), device): ((RevokedEntry, Known), _)| OwnRevoked {
        serial: entry.serial,
        revoked_at: entry.revoked_at,
        reason: entry.reason.as_str().to_owned(),
        before: entry.before,
        device,
        not_after: known.not_after,
    };
    Ok(entries.into_iter().zip(known).zip(devices).map(own).collect())
}

/// Makes the lists of those who issued these, as far as their keys are here.
async fn publish(cuhk: &Cuhk, known: &[Known]) {
    let authority = cuhk.desk.authority();
    for issuer in authority.issuers() {
        let key_id = hex(issuer.key_id());
        if !known.iter().any(|one| one.issuer == key_id) {
            continue;
        }
        if let Err(error) = cuhk.lists().publish(issuer, ListOf::Issuing).await {
            tracing::warn!(%error, "what was revoked stands on the next list, which could not be made yet");
        }
    }
}

fn unknown(error: RevokerError) -> Problem {
    match error {
        RevokerError::Store(error) => storage(error),
        error => {
            tracing::error!(%error, "a certificate cannot be revoked");
            Problem::new(ProblemType::InternalError, "the certificate could not be revoked")
        }
    }
}
