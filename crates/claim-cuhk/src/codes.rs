//! Checking a one-time code in a way that tells nobody which ids there are.
//!
//! An unknown id, an id without a code, a wrong code and what is no code at all take one path: one look-up, by a hash of
//! both, then one comparison in constant time, with a hash that no code has where the look-up found nothing. What comes
//! back is the same, too.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use claim_core::invitation::{Code, Invitee};
use claim_core::{Digest, PersonId, Problem, ProblemType, Secret};
use claim_http::{Budget, Household, system_rng};
use claim_store::StoreError;
use claim_store::cuhk::{CuhkStore, InvitationRecord};
use tokio::time::Instant;

use crate::credentials::Credentials;

/// Wrong codes for one id from one address in a minute that are looked at whatever others send for that id: nobody is
/// locked out from afar.
const OWN_SHARE: NonZeroU32 = const { NonZeroU32::new(3).unwrap() };

/// Stands for the hash of the code where the look-up has found none.
const NO_CODE: [u8; 32] = [0; 32];

/// Where codes are looked up, and how they are compared.
pub(crate) trait Codes {
    /// The code of this hash.
    fn look_up(
        &self,
        hash: &Digest,
    ) -> impl Future<Output = Result<Option<InvitationRecord>, StoreError>> + Send;

    /// Whether two hashes are the same, in constant time.
    fn is_same(&self, one: &[u8; 32], other: &[u8; 32]) -> bool {
        Secret::new(*one) == Secret::new(*other)
    }
}

impl Codes for CuhkStore {
    async fn look_up(&self, hash: &Digest) -> Result<Option<InvitationRecord>, StoreError> {
        self.invitation(hash.as_bytes()).await
    }
}

/// What somebody says: an id and a code, or something in their place that nobody has.
pub(crate) struct Claimed {
    requester: Invitee,
    code: Code,
    /// The id that was sent, where one was: of those that were not there is no count.
    id: Option<Digest>,
}

impl Claimed {
    /// Takes what was sent; what is missing or unreadable is replaced, so that it costs and tells the same.
    pub(crate) fn from_credentials(credentials: Option<&Credentials>) -> Self {
        let requester = credentials.map_or_else(nobody, |sent| sent.requester().clone());
        let code = credentials.and_then(Credentials::code);
        let id = credentials.map(|sent| Digest::of(sent.requester().user_id().as_bytes()));
        Self { requester, code: code.unwrap_or_else(|| Code::random(&mut system_rng())), id }
    }

    /// Who it says that it is.
    pub(crate) fn requester(&self) -> &Invitee {
        &self.requester
    }

    /// The hash under which the code is on record, if it was given to this id.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub(crate) async fn check(&self, codes: &impl Codes) -> Result<Option<Digest>, StoreError> {
        self.check_as(&self.requester, codes).await
    }

    /// The same as if the code were for another.
    ///
    /// # Errors
    /// Whatever befalls the database.
    pub(crate) async fn check_as(
        &self,
        invitee: &Invitee,
        codes: &impl Codes,
    ) -> Result<Option<Digest>, StoreError> {
        let hash = self.code.hash(invitee);
        let found = codes.look_up(&hash).await?;
        let stored = found.as_ref().map_or(NO_CODE, |record| record.invitation.code_hash);
        let is_same = codes.is_same(&stored, hash.as_bytes());
        Ok((is_same && found.is_some()).then_some(hash))
    }
}

/// The one answer to whatever is not an open code of that id.
pub(crate) fn code_refused() -> Problem {
    Problem::new(
        ProblemType::CodeRefused,
        "there is no open code for that id which reads like this",
    )
}

/// Stands for whoever sends no id: a student that no university has.
#[allow(clippy::expect_used, reason = "the text is a constant, and a test reads it")]
fn nobody() -> Invitee {
    Invitee::Person("0000000000".parse::<PersonId>().expect("an id"))
}

/// How many wrong codes are looked at for one id, whether there is such an id or not.
///
/// Codes have 128 bits, so this is no wall against guessing; it bounds the noise that somebody can make for one id.
pub(crate) struct Guesses {
    ids: Budget<Digest>,
    own: Budget<(Digest, Household)>,
}

impl Guesses {
    /// So many wrong codes for one id in a minute.
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        Self { ids: Budget::new(per_minute), own: Budget::new(OWN_SHARE) }
    }

    /// Whether a code for this id, from this address, is looked at.
    ///
    /// # Errors
    /// [`ProblemType::TooManyRefusals`], with the seconds until one is again.
    pub(crate) fn admit(
        &self,
        claimed: &Claimed,
        peer: IpAddr,
        now: Instant,
    ) -> Result<(), Problem> {
        let Some(id) = claimed.id else { return Ok(()) };
        let waits = (self.ids.wait(&id, now), self.own.wait(&(id, peer.into()), now));
        let (Some(ids), Some(own)) = waits else { return Ok(()) };
        let seconds = Duration::min(ids, own).as_secs().max(1);
        let detail = "too many codes for that id were refused within a minute";
        Err(Problem::new(ProblemType::TooManyRefusals, detail).with("retry_after", seconds))
    }

    /// Counts a code that was refused.
    pub(crate) fn count(&self, claimed: &Claimed, peer: IpAddr, now: Instant) {
        let Some(id) = claimed.id else { return };
        self.ids.count(id, now);
        self.own.count((id, peer.into()), now);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use std::sync::atomic::{AtomicU32, Ordering};

    use claim_core::Timestamp;
    use claim_core::encoding::base64;
    use claim_store::DatabaseUrl;
    use claim_store::cuhk::{Invitation, Invitee as Invited};
    use http::{HeaderMap, header};

    use super::*;

    /// The store, with a count of what is asked of it.
    struct Counted {
        store: CuhkStore,
        look_ups: AtomicU32,
        comparisons: AtomicU32,
    }

    impl Codes for Counted {
        async fn look_up(&self, hash: &Digest) -> Result<Option<InvitationRecord>, StoreError> {
            self.look_ups.fetch_add(1, Ordering::Relaxed);
            self.store.look_up(hash).await
        }

        fn is_same(&self, one: &[u8; 32], other: &[u8; 32]) -> bool {
            self.comparisons.fetch_add(1, Ordering::Relaxed);
            self.store.is_same(one, other)
        }
    }

    fn credentials(pair: &str) -> Option<Credentials> {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", base64(pair.as_bytes()));
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        Credentials::from_headers(&headers)
    }

    #[tokio::test]
    async fn whatever_is_no_open_code_costs_the_same_work() {
        let folder = tempfile::tempdir().unwrap();
        let store = CuhkStore::open(&DatabaseUrl::sqlite(folder.path().join("cuhk.db"))).await;
        let store = store.unwrap();
        let id: PersonId = "1155123456".parse().unwrap();
        let code = Code::random(&mut system_rng());
        let invitation = Invitation {
            code_hash: *code.hash(&Invitee::Person(id.clone())).as_bytes(),
            invitee: Invited::Person(id),
            created_at: Timestamp::from_seconds(0),
            expires_at: Timestamp::from_seconds(i64::from(u32::MAX)),
        };
        store.put_invitation(&invitation).await.unwrap();
        let counted =
            Counted { store, look_ups: AtomicU32::new(0), comparisons: AtomicU32::new(0) };
        let (good, wrong) = (code.expose(), "AQEBAQEBAQEBAQEBAQEBAQ");
        let mut answers = Vec::new();
        for (number, (pair, is_good)) in [
            (format!("1155123456:{good}"), true),
            (format!("1155123456:{wrong}"), false),
            (format!("1155123457:{good}"), false),
            (format!("1155123457:{wrong}"), false),
            ("1155123456:not a code".to_owned(), false),
            ("1155123457:".to_owned(), false),
            (format!("no id:{good}"), false),
            (format!("https%3A%2F%2Fblackboard.example:{good}"), false),
            ("nothing at all".to_owned(), false),
        ]
        .into_iter()
        .enumerate()
        {
            let claimed = Claimed::from_credentials(credentials(&pair).as_ref());
            let found = claimed.check(&counted).await.unwrap();
            assert_eq!(found.is_some(), is_good, "{pair}");
            let done = u32::try_from(number).unwrap() + 1;
            assert_eq!(counted.look_ups.load(Ordering::Relaxed), done, "{pair}");
            assert_eq!(counted.comparisons.load(Ordering::Relaxed), done, "{pair}");
            if found.is_none() {
                answers.push(format!("{:?}", code_refused()));
            }
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
    }

    #[test]
    fn an_id_is_heard_so_often_and_nobody_is_locked_out_from_afar() {
        let guesses = Guesses::new(NonZeroU32::new(20).unwrap());
        let claimed =
            |id: &str| Claimed::from_credentials(credentials(&format!("{id}:x")).as_ref());
        let (victim, other) = (claimed("1155123456"), claimed("1155123457"));
        let address = |number: u8| IpAddr::from([192, 0, 2, number]);
        let now = Instant::now();
        for number in 0..20 {
            guesses.admit(&victim, address(number % 5), now).unwrap();
            guesses.count(&victim, address(number % 5), now);
        }
        let refused = guesses.admit(&victim, address(0), now).unwrap_err();
        assert_eq!(refused.problem_type, ProblemType::TooManyRefusals);
        assert_eq!(refused.extensions["retry_after"], 3);
        assert!(guesses.admit(&other, address(0), now).is_ok(), "another id");
        // The owner, from where nobody has guessed, is heard, and may mistype twice.
        for _ in 0..3 {
            guesses.admit(&victim, address(9), now).unwrap();
            guesses.count(&victim, address(9), now);
        }
        assert!(guesses.admit(&victim, address(9), now).is_err());
        let later = now + Duration::from_secs(20);
        assert!(guesses.admit(&victim, address(9), later).is_ok());
        // Whoever names nobody is not counted as anybody.
        let nobody = Claimed::from_credentials(None);
        for _ in 0..30 {
            guesses.admit(&nobody, address(7), now).unwrap();
            guesses.count(&nobody, address(7), now);
        }
    }
}
