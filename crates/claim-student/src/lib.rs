//! Student: the one who hands in. Steps 1 to 6 from the student's side, as a library.
//!
//! It implements the client's part of `docs/PROTOCOL.md`: enrolment over EST (RFC 7030, by claim-http), the exchange
//! of steps 3 to 5 and the signed requests of step 6 (RFC 9421, by claim-core), the folder with the student's keys,
//! and what to do when something on the way fails.
//!
//! It never prints and never asks: what happens is told through [`Event`]s, what failed through errors that say
//! what happened, why, and what to do next ([`Explained`]). The protocol itself is in claim-core.

mod certificates;
mod changes;
mod config;
mod courses;
mod enrol;
mod error;
mod event;
mod exchange;
mod hand_in;
mod post;
mod renew;
mod retry;
mod revocations;
mod revoke;
mod say;
mod session;
mod student;
mod take;
mod wallet;
mod watching;

pub use certificates::Certificates;
pub use config::{Config, Timeouts, TlsRoots};
pub use enrol::{EnrolError, Enrolled, Requester};
pub use error::{Explained, Foreign, Outcome, Refused, Service, Unreached};
pub use event::{Event, Observer};
pub use exchange::{AskError, Haste, Hindrance};
pub use hand_in::{
    Change, ChooseError, ClaimWanted, CollectError, Collected, Compared, Difference, Draft,
    ErasedError, EvidenceError, FetchError, Fetched, Finishing, First, HandInError, Kept,
    KeptState, LeftOut, LimitError, Lodged, Lodging, OutageHandInError, Pending, PendingError,
    Place, Plan, Received, RefusedName, SharedClaim, SignedClaim, TogetherError, Wanted,
    WantedError, WhyLeftOut, choose, choose_claim,
};
pub use renew::{RenewalKey, Renewed};
pub use revoke::{RevokeBy, RevokeError, RevokeWhat, RevokedOwn};
pub use say::{MAX_MESSAGE, SayError, Unsettled};
pub use session::{OpenSession, SessionError};
pub use student::Student;
pub use take::{Take, TakeError, TakeOutcome};
pub use wallet::{Identity, IdentityState, Wallet, WalletError};
