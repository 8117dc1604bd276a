//! What people do at the servers. A deed is taken up again until it is acknowledged, each step with the same bytes.

pub mod enrol;
mod hand_in;
mod message;
mod office;
mod split;
mod witness;

use anyhow::Result;

pub use enrol::{Enrol, Renew};
pub use hand_in::{HandIn, Kind, receipt};
pub use message::Message;
pub use office::{AllowOutage, Import, Invite, Revoke};
pub use split::Split;
pub use witness::Witness;

use crate::world::Scene;

/// Something that somebody does.
pub enum Deed {
    /// Saying something.
    Message(Message),
    /// Handing in, perhaps withdrawing.
    HandIn(Box<HandIn>),
    /// Getting a certificate by a code.
    Enrol(Box<Enrol>),
    /// Getting another certificate by the one of now.
    Renew(Box<Renew>),
    /// Inviting.
    Invite(Invite),
    /// Importing a roster.
    Import(Import),
    /// Revoking.
    Revoke(Revoke),
    /// Saying that Blackboard could not be reached.
    AllowOutage(AllowOutage),
    /// Setting up a witness of one's own, and having it cosign.
    Witness(Box<Witness>),
    /// Showing the witness a second tree of the same size.
    Split(Split),
}

impl Deed {
    /// Goes on from where it stands; `Ok` when all of it is acknowledged.
    ///
    /// # Errors
    /// Why it is not; then it can be gone on with.
    pub async fn advance(&mut self, scene: &Scene) -> Result<()> {
        match self {
            Self::Message(deed) => deed.advance(scene).await,
            Self::HandIn(deed) => deed.advance(scene).await,
            Self::Enrol(deed) => deed.advance(scene).await,
            Self::Renew(deed) => deed.advance(scene).await,
            Self::Invite(deed) => deed.advance(scene).await,
            Self::Import(deed) => deed.advance(scene).await,
            Self::Revoke(deed) => deed.advance(scene).await,
            Self::AllowOutage(deed) => deed.advance(scene).await,
            Self::Witness(deed) => deed.advance(scene).await,
            Self::Split(deed) => deed.advance(scene).await,
        }
    }
}
