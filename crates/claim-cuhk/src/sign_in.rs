//! Step 1 by the university's single sign-on: a terminal's key waits until its person has signed in, in a browser, and has
//! confirmed it.
//!
//! The terminal has a secret that it asks with; the browser has a cookie; CUHK's records have hashes of both. What the person
//! types, the short code, only leads from one to the other: it is worth nothing to whoever does not sign in as the person
//! for whom the terminal asks.

mod browser;
mod code;
mod fields;
mod terminal;

use std::num::NonZeroU32;

use claim_core::{Digest, Problem, ProblemType, Timestamp};
use claim_http::{Budget, Household};

use crate::event::Event;
use crate::sso::Provider;
use crate::state::Cuhk;

pub(crate) use browser::{Browser, Visit, is_same_token, other_browser};
pub(crate) use fields::Fields;
pub use fields::SignInReturn;
pub use terminal::SignInRequest;
pub(crate) use terminal::{Asked, RETRY_AFTER};

/// The page that people open, where they type the code.
pub(crate) const PAGE: &str = "/sign-in";

/// Where the sign-in service sends browsers back: the redirect URI, below CUHK's origin.
pub(crate) const CALLBACK: &str = "/sign-in/callback";

/// The page where people confirm.
pub(crate) const CONFIRM: &str = "/sign-in/confirm";

/// How long a key waits for its person, in seconds.
pub(crate) const LIFE: i64 = 10 * 60;

/// How long after that the terminal may fetch the certificate of a key that was confirmed, in seconds.
const COLLECT: i64 = 10 * 60;

/// How often a terminal may ask in a minute.
const POLLS: NonZeroU32 = NonZeroU32::new(30).unwrap();

/// What signing in takes, where it is offered.
pub(crate) struct SignIns {
    pub(crate) provider: Provider,
    /// How many sign-ins each address begins.
    begun: Budget<Household>,
    /// How often each terminal asks.
    polled: Budget<Digest>,
    /// How many may wait.
    most: NonZeroU32,
}

impl SignIns {
    pub(crate) fn new(provider: Provider, per_minute: NonZeroU32, most: NonZeroU32) -> Self {
        Self { provider, begun: Budget::new(per_minute), polled: Budget::new(POLLS), most }
    }
}

/// What signing in takes; a refusal where it is not offered.
pub(crate) fn offered(cuhk: &Cuhk) -> Result<&SignIns, Problem> {
    cuhk.sign_ins.as_ref().ok_or_else(|| {
        Problem::new(ProblemType::SignInNotOffered, "no sign-in service is configured")
    })
}

fn expired(at: Timestamp) -> Problem {
    Problem::new(ProblemType::SignInExpired, format!("it waited until {at}"))
}

/// Tells of a key that somebody has disowned: it may be an attempt to have a person confirm another's key.
fn tell_denied(cuhk: &Cuhk, sign_in: &claim_store::cuhk::SignIn, key_fingerprint: Digest) {
    cuhk.tell(Event::SignInDenied {
        person: sign_in.person.clone(),
        key_fingerprint,
        begun_from: sign_in.begun_from.clone(),
    });
}
