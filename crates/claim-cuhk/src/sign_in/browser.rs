//! The browser's side: the code is typed, the person signs in, and confirms or denies. One browser goes the whole way.

use claim_core::encoding::{Bytes, b64u, from_b64u, lp};
use claim_core::invitation::Invitee;
use claim_core::{Digest, Escaped, PersonId, Problem, ProblemType, Secret};
use claim_http::system_rng;
use claim_store::cuhk::audit::{Authentication, By};
use claim_store::cuhk::{Decision, SignIn, SignInRecord};

use super::code::ShortCode;
use super::fields::SignInReturn;
use super::terminal::collect_until;
use super::{SignIns, expired, tell_denied};
use crate::enrolment::{Admitted, storage};
use crate::sso::{Attempt, IdentifyError, ProviderError};
use crate::state::Cuhk;

/// What a browser has that no other has: the value of its cookie.
pub(crate) struct Browser(Secret<32>);

/// A sign-in as the person at the browser sees it.
pub(crate) struct Visit {
    pub(crate) person: PersonId,
    /// In two groups, as the terminal shows it.
    pub(crate) code: String,
    /// SHA-256 of the public key.
    pub(crate) key: Digest,
    pub(crate) sign_in: SignIn,
    pub(crate) decision: Option<Decision>,
}

impl Browser {
    pub(crate) fn new() -> Self {
        Self(Secret::random(&mut system_rng()))
    }

    /// From the value of the cookie.
    pub(crate) fn from_cookie(value: &str) -> Option<Self> {
        let bytes: [u8; 32] = from_b64u(value).ok()?.try_into().ok()?;
        Some(Self(Secret::new(bytes)))
    }

    pub(crate) fn cookie(&self) -> String {
        b64u(self.0.expose())
    }

    /// What the form for the code holds, which no other page knows.
    pub(crate) fn form_token(&self) -> String {
        self.token(b"form", &[])
    }

    /// What the form for this decision holds: it decides on what it has shown, and on nothing else.
    pub(crate) fn decision_token(&self, visit: &Visit) -> String {
        self.token(b"decision", &visit.sign_in.secret_hash)
    }

    /// Under which it is on record.
    fn hash(&self) -> [u8; 32] {
        self.derived(b"browser", &[])
    }

    fn token(&self, purpose: &[u8], what: &[u8]) -> String {
        b64u(&self.derived(purpose, what))
    }

    fn derived(&self, purpose: &[u8], what: &[u8]) -> [u8; 32] {
        *Digest::of(&lp(&[b"claim v1 sign-in", purpose, self.0.expose(), what])).as_bytes()
    }
}

/// Whether two tokens are the same, in constant time.
pub(crate) fn is_same_token(sent: &str, expected: &str) -> bool {
    let bytes = |text: &str| -> Option<Secret<32>> {
        from_b64u(text).ok()?.try_into().ok().map(Secret::new)
    };
    matches!((bytes(sent), bytes(expected)), (Some(sent), Some(expected)) if sent == expected)
}

impl SignIns {
    /// A code was typed: where the browser signs in.
    pub(crate) async fn typed(
        &self,
        cuhk: &Cuhk,
        browser: &Browser,
        typed: &str,
    ) -> Result<String, Problem> {
        let wrong = || Problem::new(ProblemType::SignInCodeWrong, "no key waits under this code");
        let code = ShortCode::typed(typed).ok_or_else(wrong)?;
        let attempt = Bytes::<32>::random(&mut system_rng()).0;
        let visit = Attempt::new(&browser.0, &attempt);
        let url = self.provider.authorization(&visit).await.map_err(unavailable)?;
        let store = &cuhk.desk.store;
        let now = cuhk.desk.clock.now();
        let bound = store.bind_sign_in(code.letters(), &browser.hash(), &attempt, now).await;
        bound.map_err(storage)?.ok_or_else(wrong)?;
        Ok(url)
    }

    /// The browser has come back: who sits there is found out, and must be whom the terminal asks for. `known_as` is who it
    /// is, also of somebody who is refused then.
    pub(crate) async fn came_back(
        &self,
        cuhk: &Cuhk,
        browser: &Browser,
        answer: SignInReturn,
        known_as: &mut Option<By>,
    ) -> Result<PersonId, Problem> {
        let record = self.record(cuhk, browser).await?;
        let state_wrong = |detail| Problem::new(ProblemType::SignInStateWrong, detail);
        let attempt = record.attempt.ok_or_else(|| state_wrong("it was used before"))?;
        let visit = Attempt::new(&browser.0, &attempt);
        if !visit.has_state(answer.state.as_deref().unwrap_or_default()) {
            return Err(state_wrong("its state is not that of this visit"));
        }
        let store = &cuhk.desk.store;
        // From here on it is used, whatever comes of it.
        if !store.use_attempt(&browser.hash(), &attempt).await.map_err(storage)? {
            return Err(state_wrong("it was used before"));
        }
        self.provider.check_issuer(answer.iss.as_deref()).await.map_err(identify_problem)?;
        if let Some(error) = answer.error {
            let error: String = error.chars().take(100).collect();
            let detail = format!("the sign-in service says: {}", Escaped(&error));
            return Err(Problem::new(ProblemType::SignInNotMade, detail));
        }
        let code = answer.code.unwrap_or_default();
        let person = self.provider.identify(&visit, &code).await.map_err(identify_problem)?;
        let sign_in = record.sign_in;
        *known_as = Some(By::known(person.as_str(), Authentication::SingleSignOn));
        if person != sign_in.person {
            let detail = format!("you are {person}, and the terminal asks for another ID");
            return Err(Problem::new(ProblemType::SignInOtherPerson, detail));
        }
        Admitted::by_sign_in(cuhk, Invitee::Person(person.clone()), sign_in.secret_hash).await?;
        let (secret, now) = (&sign_in.secret_hash, cuhk.desk.clock.now());
        let signed_in = store.person_signed_in(secret, &browser.hash(), now).await;
        match signed_in.map_err(storage)? {
            true => Ok(person),
            false => Err(expired(sign_in.expires_at)),
        }
    }

    /// What the person who is signed in at this browser is to confirm, or has decided.
    pub(crate) async fn visit(&self, cuhk: &Cuhk, browser: &Browser) -> Result<Visit, Problem> {
        let record = self.record(cuhk, browser).await?;
        if record.signed_in_at.is_none() {
            let detail = "nobody has signed in yet for the code that was typed here";
            return Err(Problem::new(ProblemType::SignInStateWrong, detail));
        }
        let sign_in = record.sign_in;
        let code = ShortCode::typed(&sign_in.code).map(|code| code.to_string());
        Ok(Visit {
            person: sign_in.person.clone(),
            code: code.unwrap_or_default(),
            key: Digest::of(&sign_in.public_key),
            sign_in,
            decision: record.decision,
        })
    }

    /// The person decides. Doing it again changes nothing.
    pub(crate) async fn decide(
        &self,
        cuhk: &Cuhk,
        browser: &Browser,
        visit: Visit,
        decision: Decision,
    ) -> Result<Visit, Problem> {
        if visit.decision.is_none() {
            let (sign_in, now) = (&visit.sign_in, cuhk.desk.clock.now());
            let until = collect_until(sign_in);
            let store = &cuhk.desk.store;
            let decided =
                store.decide_sign_in(sign_in, &browser.hash(), decision, now, until).await;
            if decided.map_err(storage)? && decision == Decision::Denied {
                tell_denied(cuhk, sign_in, visit.key);
            }
        }
        // As it is now, whoever has decided.
        let now = self.visit(cuhk, browser).await?;
        match now.decision {
            Some(_) => Ok(now),
            None => Err(expired(now.sign_in.expires_at)),
        }
    }

    /// The sign-in of this browser, while it may go on or was decided.
    async fn record(&self, cuhk: &Cuhk, browser: &Browser) -> Result<SignInRecord, Problem> {
        let found = cuhk.desk.store.sign_in_of_browser(&browser.hash()).await.map_err(storage)?;
        let record = found.ok_or_else(other_browser)?;
        let ends = record.sign_in.expires_at;
        if record.decision.is_none() && cuhk.desk.clock.now() >= ends {
            return Err(expired(ends));
        }
        Ok(record)
    }
}

/// The one answer to whoever has no sign-in under way in this browser.
pub(crate) fn other_browser() -> Problem {
    Problem::new(
        ProblemType::SignInOtherBrowser,
        "no code was typed in this browser, or it was since typed elsewhere",
    )
}

fn unavailable(error: ProviderError) -> Problem {
    tracing::warn!(%error, "the sign-in service cannot be used");
    let detail = "it did not answer as it should";
    Problem::new(ProblemType::SignInUnavailable, detail).with("retry_after", error.retry_after())
}

fn identify_problem(error: IdentifyError) -> Problem {
    match error {
        IdentifyError::Provider(error) => unavailable(error),
        IdentifyError::Refused { .. } => Problem::new(ProblemType::SignInNotMade, error),
        IdentifyError::Token(error) => {
            tracing::warn!(%error, "an ID token is refused");
            Problem::new(ProblemType::SignInTokenRefused, error)
        }
        IdentifyError::NoId { .. } => Problem::new(ProblemType::SignInWithoutId, error),
    }
}
