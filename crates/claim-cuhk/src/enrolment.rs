//! Steps 1 and 2: who asks, whether they may, and what they get.

use std::net::IpAddr;

use claim_core::invitation::Invitee;
use claim_core::{DeviceName, Digest, Problem, ProblemType};
use claim_pki::{CertificationRequest, IssueError, KeyError, PersonId, PublicKey};
use claim_store::cuhk::audit::Authentication;
use claim_store::cuhk::{Device, Provenance, ReserveError};
use claim_store::{DiskFault, StoreError};
use tokio::time::Instant;

use crate::codes::{Claimed, code_refused};
use crate::credentials::Credentials;
use crate::desk::{DeskError, Order};
use crate::est::request_problem;
use crate::invite::loopback_invitee;
use crate::mode::Mode;
use crate::renewal::{Known, revoked};
use crate::state::Cuhk;

/// Somebody who may have a certificate.
#[derive(Debug)]
pub(crate) struct Admitted {
    holder: Invitee,
    name: Option<String>,
    code_hash: Option<Digest>,
    provenance: Provenance,
    /// Whether the code is the one in the folder, which is spent now and must be replaced.
    pub(crate) by_folder_code: bool,
}

impl Admitted {
    /// Checks who asks, before anything of the request's content is looked at.
    ///
    /// Unknown ids, ids without a code, wrong codes and what is no code at all cost the same work and get one and the
    /// same answer.
    pub(crate) async fn by_code(
        cuhk: &Cuhk,
        credentials: Option<Credentials>,
        peer: IpAddr,
    ) -> Result<Self, Problem> {
        match (cuhk.mode, credentials.as_ref().map(Credentials::requester)) {
            (Mode::LocalDemo, Some(Invitee::Person(id @ PersonId::Student(_)))) => {
                let holder = Invitee::Person(id.clone());
                let provenance = known_by(Authentication::LocalDemo);
                let (name, code_hash, by_folder_code) = (None, None, false);
                return Ok(Self { holder, name, code_hash, provenance, by_folder_code });
            }
            (Mode::LocalDemo, Some(Invitee::Person(PersonId::Staff(_)))) => {
                let detail = "a CUHK in local demo mode certifies student IDs only";
                return Err(Problem::new(ProblemType::NotOnRoster, detail));
            }
            _ => {}
        }
        let claimed = Claimed::from_credentials(credentials.as_ref());
        cuhk.guesses.admit(&claimed, peer, Instant::now())?;
        let Some((code_hash, by_folder_code)) = find_code(cuhk, &claimed).await? else {
            cuhk.guesses.count(&claimed, peer, Instant::now());
            return Err(code_refused());
        };
        let holder = claimed.requester().clone();
        let name = name_on_record(cuhk, &holder).await?;
        let provenance = known_by(Authentication::Code);
        Ok(Self { holder, name, code_hash: Some(code_hash), provenance, by_folder_code })
    }

    /// Takes whoever holds a certificate that may be renewed, if they are still on record.
    pub(crate) async fn by_certificate(cuhk: &Cuhk, known: Known) -> Result<Self, Problem> {
        let Known { holder, serial } = known;
        let name = name_on_record(cuhk, &holder).await?;
        let serial = serial.to_string();
        // The device stays the same until another name is said.
        let before = cuhk.desk.store.certificate(&serial).await.map_err(storage)?;
        let device = before.and_then(|record| record.provenance.device);
        let predecessor = Some(serial);
        let authenticated_by = Some(Authentication::Certificate);
        let provenance = Provenance { authenticated_by, device, predecessor };
        Ok(Self { holder, name, code_hash: None, provenance, by_folder_code: false })
    }

    /// Takes whoever has signed in with the university, if they are on the roster. Whether they were once is not told.
    pub(crate) async fn by_sign_in(
        cuhk: &Cuhk,
        holder: Invitee,
        secret_hash: [u8; 32],
    ) -> Result<Self, Problem> {
        let name =
            name_on_record(cuhk, &holder).await.map_err(|problem| match problem.problem_type {
                ProblemType::NotOnRoster => {
                    Problem::new(ProblemType::NotOnRoster, format!("{holder} is not on the roster"))
                }
                _ => problem,
            })?;
        let code_hash = Some(Digest::from_bytes(secret_hash));
        let provenance = known_by(Authentication::SingleSignOn);
        Ok(Self { holder, name, code_hash, provenance, by_folder_code: false })
    }

    /// What is to be made for a key whose request was checked before.
    pub(crate) fn order_for(self, public_key: PublicKey) -> Order {
        let Self { holder, name, code_hash, provenance, .. } = self;
        let (most_live, announce) = (None, false);
        Order { holder, name, public_key, code_hash, provenance, most_live, announce }
    }

    /// The same, for the device of this name; servers have none.
    pub(crate) fn on(mut self, device: Option<DeviceName>) -> Self {
        if matches!(self.holder, Invitee::Person(_)) && device.is_some() {
            self.provenance.device = device;
        }
        self
    }

    /// What is to be made of this request: the key is the request's, the subject is not.
    ///
    /// # Errors
    /// [`ProblemType::RequestSubject`] when the request names somebody else.
    pub(crate) fn order(self, request: &CertificationRequest) -> Result<Order, Problem> {
        match &self.holder {
            Invitee::Person(id) => request.names_only(id),
            Invitee::Server(origin) => request.names_only_host(origin),
        }
        .map_err(|error| request_problem(&error))?;
        Ok(Order {
            holder: self.holder,
            name: self.name,
            public_key: request.public_key().clone(),
            code_hash: self.code_hash,
            provenance: self.provenance,
            most_live: None,
            announce: false,
        })
    }
}

/// Somebody who was known by this.
fn known_by(authenticated_by: Authentication) -> Provenance {
    Provenance { authenticated_by: Some(authenticated_by), ..Provenance::default() }
}

/// The hash under which the code was given out, if it was, and whether it is the one in the folder.
async fn find_code(cuhk: &Cuhk, claimed: &Claimed) -> Result<Option<(Digest, bool)>, Problem> {
    let store = &cuhk.desk.store;
    if let Some(hash) = claimed.check(store).await.map_err(storage)? {
        return Ok(Some((hash, false)));
    }
    let Invitee::Server(origin) = claimed.requester() else { return Ok(None) };
    // CUHK's own name is not for others, on whichever port of this machine they listen.
    if cuhk.mode != Mode::LocalDemo || !origin.is_loopback() || *origin == cuhk.origin {
        return Ok(None);
    }
    // Only one code is ever on record for this invitee: the one in the folder.
    let found = claimed.check_as(&loopback_invitee(), store).await.map_err(storage)?;
    Ok(found.map(|hash| (hash, true)))
}

/// Refuses a person who is not on the roster, or no longer.
///
/// # Errors
/// [`ProblemType::NotOnRoster`]; whatever befalls the database.
pub(crate) async fn on_record(cuhk: &Cuhk, who: &Invitee) -> Result<(), Problem> {
    name_on_record(cuhk, who).await.map(|_| ())
}

/// The name as CUHK's own records have it; a person must be in them unless this is a local demonstration.
async fn name_on_record(cuhk: &Cuhk, who: &Invitee) -> Result<Option<String>, Problem> {
    let (Invitee::Person(id), Mode::Rostered) = (who, cuhk.mode) else { return Ok(None) };
    match cuhk.desk.store.person(id).await.map_err(storage)? {
        Some(person) if person.removed_at.is_none() => Ok(person.name),
        Some(_) => {
            let detail = format!("{} {id} is no longer on CUHK's roster", id.label());
            Err(Problem::new(ProblemType::NotOnRoster, detail))
        }
        None => {
            let detail = format!("{} {id} is not in CUHK's records", id.label());
            Err(Problem::new(ProblemType::NotOnRoster, detail))
        }
    }
}

/// The problem that goes with each reason for making no certificate.
pub(crate) fn issue_problem(error: DeskError) -> Problem {
    match error {
        DeskError::Reserve(ReserveError::UnknownCode | ReserveError::OtherHolder { .. }) => {
            code_refused()
        }
        DeskError::Reserve(ReserveError::Expired { expires_at, .. }) => {
            Problem::new(ProblemType::CodeExpired, format!("the code was valid until {expires_at}"))
        }
        DeskError::Reserve(ReserveError::OtherKey { bound }) => {
            let detail =
                format!("the code has enrolled another key (certificate {})", bound.serial);
            Problem::new(ProblemType::CodeUsed, detail)
        }
        DeskError::Reserve(ReserveError::Revoked { serial, at }) => revoked(&serial, at),
        DeskError::Reserve(ReserveError::Renewed { bound }) => {
            let detail =
                format!("it was renewed with another key before (certificate {})", bound.serial);
            Problem::new(ProblemType::CertificateRenewed, detail)
        }
        DeskError::Reserve(ReserveError::TooMany { live }) => too_many(&live),
        DeskError::Reserve(ReserveError::Store(error)) | DeskError::Store(error) => storage(error),
        // The code was used up by a certificate that is no longer good: it is not given out again.
        DeskError::Revoked { serial, at } => revoked(&serial, at),
        // The code cannot lead to a certificate any more, by nobody's fault: only a new one helps.
        DeskError::Resume { .. } => {
            tracing::error!(%error, "a reserved certificate cannot be signed");
            let detail = "what this code began can no longer be signed: CUHK has another issuing \
                 certificate now";
            Problem::new(ProblemType::CodeExpired, detail)
        }
        DeskError::NoAnswer(_) | DeskError::Issue(IssueError::Key(KeyError::Elsewhere { .. })) => {
            tracing::error!(%error, "the issuing key does not sign");
            let detail = "the issuing key is in a token, which did not sign";
            Problem::new(ProblemType::SigningUnavailable, detail)
        }
        error => {
            tracing::error!(%error, "a certificate could not be made");
            Problem::new(ProblemType::InternalError, "the certificate could not be made")
        }
    }
}

/// The refusal of one certificate more, which names those there are: one of them must go first.
fn too_many(live: &[Device]) -> Problem {
    let named = |one: &Device| {
        let device =
            one.provenance.device.as_ref().map_or("a device without a name", DeviceName::as_str);
        format!("{device} ({}, until {})", one.serial, one.not_after)
    };
    let devices: Vec<_> = live.iter().map(named).collect();
    let detail = format!("{} are live: {}", live.len(), devices.join("; "));
    Problem::new(ProblemType::TooManyCertificates, detail)
}

/// The problem for whatever befalls the database; what it was stays in the log.
pub(crate) fn storage(error: StoreError) -> Problem {
    tracing::error!(error = &error as &dyn std::error::Error, "the database failed");
    no_storage(error.disk_fault())
}

/// A full disk is something else than one that fails, or a database that is away.
pub(crate) fn no_storage(fault: Option<DiskFault>) -> Problem {
    /// Seconds until somebody may have made room.
    const RETRY_AFTER: u64 = 20;
    match fault {
        Some(DiskFault::NoRoom) => {
            Problem::new(ProblemType::StorageFull, NOT_ACCEPTED).with("retry_after", RETRY_AFTER)
        }
        Some(DiskFault::Failing) | None => {
            Problem::new(ProblemType::StorageUnavailable, NOT_ACCEPTED)
        }
    }
}

const NOT_ACCEPTED: &str = "nothing of this request was accepted";
