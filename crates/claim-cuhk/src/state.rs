//! What all requests share.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use claim_core::invitation::Invitee;
use claim_core::{Digest, Origin, Problem, ProblemType};
use claim_files::{FileError, Mode as FileMode, replace};
use claim_http::{Rates, Refusal};
use claim_pki::Certificate;
use claim_store::cuhk::ReserveError;
use claim_store::cuhk::audit::By;
use claim_store::{DiskFault, Need, Room, StoreError};
use claim_witness::Witness;
use tokio::sync::Notify;

use crate::audit::Ledger;
use crate::ceremony::Ceremony;
use crate::codes::Guesses;
use crate::crl::Lists;
use crate::desk::{Desk, DeskError, Order};
use crate::enrolment::{issue_problem, no_storage};
use crate::error::StartError;
use crate::event::{Event, Observer};
use crate::folder::Folder;
use crate::invite::Invitations;
use crate::mode::Mode;
use crate::sign_in::SignIns;
use crate::timestamps::TimestampAuthority;

/// A serving CUHK.
pub(crate) struct Cuhk {
    pub(crate) desk: Desk,
    pub(crate) mode: Mode,
    pub(crate) origin: Origin,
    pub(crate) folder: Folder,
    pub(crate) room: Room,
    pub(crate) witness: Witness,
    pub(crate) timestamps: TimestampAuthority,
    /// How many timestamps each person gets.
    pub(crate) rates: Rates,
    /// How many renewals each person gets.
    pub(crate) renewals: Rates,
    /// How many wrong codes each id may have.
    pub(crate) guesses: Guesses,
    pub(crate) invitations: Invitations,
    /// Enrolment by the university's single sign-on, where it is offered.
    pub(crate) sign_ins: Option<SignIns>,
    /// How long after its end a certificate can still be renewed, in seconds.
    pub(crate) renewal_grace: u32,
    /// How many live certificates one person may hold.
    pub(crate) certificates_per_person: NonZeroU32,
    /// Whether people are told by mail of what is issued to them.
    pub(crate) announces: bool,
    /// Wakes whoever tells them.
    pub(crate) issued: Notify,
    pub(crate) body_read_timeout: Duration,
    pub(crate) observer: Observer,
    /// What is to go into the audit log.
    pub(crate) ledger: Ledger,
}

/// How a certificate was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    /// By an id and a code.
    ByCode {
        /// Whether the code is the one in the folder.
        from_folder: bool,
    },
    /// By the university's single sign-on.
    SignedIn,
    /// By the certificate of now.
    ByCertificate,
}

/// Why no invitation could be left in the folder.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LeaveError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<LeaveError> for StartError {
    fn from(error: LeaveError) -> Self {
        match error {
            LeaveError::Store(error) => error.into(),
            LeaveError::File(error) => error.into(),
        }
    }
}

impl Cuhk {
    /// Makes what was ordered, and tells of it.
    pub(crate) async fn certify(
        &self,
        order: Order,
        asked: Asked,
        peer: SocketAddr,
    ) -> Result<Certificate, Problem> {
        if let Err(error) = self.room.check(Need::Record) {
            tracing::debug!(%error, "refused for want of room");
            return Err(no_storage(Some(DiskFault::NoRoom)));
        }
        let key_fingerprint = Digest::from_bytes(*order.public_key.fingerprint());
        let invitee = order.holder.clone();
        let (most_live, announce) = (self.most_live(&invitee), self.announces_to(&invitee));
        let order = Order { most_live, announce, ..order };
        let given = match self.desk.issue(order).await {
            Ok(given) => given,
            Err(error) => {
                match &error {
                    DeskError::Reserve(ReserveError::OtherKey { .. }) => {
                        self.tell(Event::CodeReused { invitee, key_fingerprint, peer });
                    }
                    DeskError::Reserve(ReserveError::Renewed { bound }) => {
                        let renewed_by = bound.serial.clone();
                        self.tell(Event::RenewedBefore {
                            holder: invitee,
                            renewed_by,
                            key_fingerprint,
                            peer,
                        });
                    }
                    _ => {}
                }
                return Err(issue_problem(error));
            }
        };
        let issued = given.issued;
        let repeated = issued.repeated;
        self.issued.notify_one();
        self.tell(match asked {
            Asked::ByCode { .. } | Asked::SignedIn => Event::Enrolled(issued),
            Asked::ByCertificate => Event::Renewed(issued),
        });
        if !repeated && matches!(asked, Asked::ByCode { from_folder: true }) {
            // The server that asked has its certificate; the next one can wait until somebody mends this.
            if let Err(error) = self.leave_invitation().await {
                tracing::error!(%error, "no new invitation could be left in the folder");
            }
        }
        Ok(given.certificate)
    }

    /// How many live certificates somebody may hold; nobody counts those of servers, nor in a local demonstration, where
    /// anyone may enrol anyone.
    pub(crate) fn most_live(&self, who: &Invitee) -> Option<NonZeroU32> {
        let counts = matches!((who, self.mode), (Invitee::Person(_), Mode::Rostered));
        counts.then_some(self.certificates_per_person)
    }

    /// Whether somebody is told by mail of each certificate.
    fn announces_to(&self, who: &Invitee) -> bool {
        matches!((who, self.mode), (Invitee::Person(_), Mode::Rostered)) && self.announces
    }

    /// The root's ceremonies, as of now.
    pub(crate) fn ceremony(&self) -> Ceremony<'_> {
        let Self { folder, desk, origin, .. } = self;
        Ceremony { folder, store: &desk.store, origin, now: desk.clock.now() }
    }

    /// The revocation lists, as of now.
    pub(crate) fn lists(&self) -> Lists<'_> {
        Lists { folder: &self.folder, store: &self.desk.store, now: self.desk.clock.now() }
    }

    /// Leaves a fresh invitation for any server on this machine in the folder (local demo mode).
    pub(crate) async fn leave_invitation(&self) -> Result<(), LeaveError> {
        let now = self.desk.clock.now();
        let (invitation, record) = self.invitations.make_for_any_loopback_server(now);
        // On record first: a line that is not open yet would be refused.
        self.desk.store.put_invitation(&record).await?;
        let line = zeroize::Zeroizing::new(format!("{}\n", invitation.expose()));
        replace(&self.folder.blackboard_invitation(), line.as_bytes(), FileMode::Private)?;
        Ok(())
    }

    /// The answer to a request, telling of it when it is a refusal.
    pub(crate) fn answer(&self, peer: SocketAddr, result: Result<Response, Problem>) -> Response {
        self.answer_to(None, peer, result)
    }

    /// The same to somebody who is known, or says so where only those are refused who are.
    pub(crate) fn answer_to(
        &self,
        by: Option<By>,
        peer: SocketAddr,
        result: Result<Response, Problem>,
    ) -> Response {
        result.unwrap_or_else(|problem| {
            self.tell_refused(by, peer, &problem);
            Refusal(problem).into_response()
        })
    }

    /// Tells of a refusal.
    pub(crate) fn tell_refused(&self, by: Option<By>, peer: SocketAddr, problem: &Problem) {
        let (problem_type, detail) = (problem.problem_type, problem.detail.clone());
        self.ledger.refused(problem_type, &detail, by, peer.ip(), self.desk.clock.now());
        // The terminal has it too; here it stands with the request's id.
        tracing::debug!(problem = problem_type.slug(), detail, "refused");
        // A flood that is turned away must not flood the terminal; it is counted.
        if problem_type != ProblemType::TooManyRefusals {
            self.tell(Event::Refused { problem_type, detail, peer });
        }
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.observer)(event);
    }
}
