//! Step 6: handing in, from files on disk to a receipt.
//!
//! [`Collected`] files become, for an assignment, a [`Plan`] that a person can look at; signed ([`SignedClaim`]), it is
//! lodged ([`Lodged`]), which fixes what and when; then the files follow, and at last there is a receipt ([`Received`]).
//! Every step can be repeated: a claim that was signed is kept in the folder before it is sent, so that the same files
//! handed in again go on with it instead of making another.

mod change;
mod choose;
mod collect;
mod difference;
mod draft;
mod erased;
mod error;
mod evidence;
mod fetch;
mod kept;
mod known;
mod lodge;
mod outage;
mod pending;
mod place;
mod plan;
mod receive;
mod stored_path;
mod together;
mod told;
mod upload;
mod withdraw;

pub use change::{Change, First};
pub use choose::{ChooseError, ClaimWanted, Wanted, WantedError, choose, choose_claim};
pub use collect::{CollectError, Collected, LeftOut, RefusedName, WhyLeftOut};
pub use difference::Difference;
pub use draft::Draft;
pub use erased::ErasedError;
pub use error::HandInError;
pub use evidence::EvidenceError;
pub use fetch::{FetchError, Fetched};
pub use kept::{Kept, KeptState};
pub use lodge::{Lodged, Lodging};
pub use outage::{Finishing, OutageHandInError};
pub use pending::{Pending, PendingError};
pub use place::Place;
pub use plan::{LimitError, Plan, SignedClaim};
pub use receive::Received;
pub use together::{Compared, SharedClaim, TogetherError};
pub(crate) use upload::{AT_ONCE, narrowed};

use claim_core::claim::ClaimId;
use claim_core::hand_in::Assignments;

use crate::exchange::{Ask, AskError, Haste};
use crate::session::OpenSession;

/// The largest answer with assignments or with a claim's state that is read, in bytes: a stored claim of more than
/// 4 MiB may be in it, as base64.
const MAX_DOCUMENT: usize = 8 * 1024 * 1024;

impl OpenSession {
    /// What this person may hand in to, and what was handed in.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn assignments(&mut self) -> Result<Assignments, AskError> {
        self.assignments_in(Haste::Patient).await
    }

    /// The same, for somebody who can do something else while Blackboard is away.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn assignments_in(&mut self, haste: Haste) -> Result<Assignments, AskError> {
        let ask = Ask::get("/v1/assignments").at_most(MAX_DOCUMENT).in_haste(haste);
        let told = self.ask_json(&ask).await?;
        // For a time when Blackboard cannot be reached. Where it cannot be kept, that time will say so.
        let wallet = self.party.student.wallet();
        let _ = wallet.keep_told(self.id(), self.session.origin(), &told);
        Ok(told)
    }
}

/// The address of a claim, or of what belongs to it.
pub(crate) fn target(claim: ClaimId, rest: &str) -> String {
    format!("/v1/claims/{claim}{rest}")
}
