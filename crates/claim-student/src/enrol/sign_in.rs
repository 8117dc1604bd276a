//! Steps 1 and 2 by the university's single sign-on: the key is left at CUHK, the person signs in with a browser and
//! confirms it there, and the certificate is asked for until then (as in RFC 8628 §3.4, §3.5).

use std::time::Duration;

use claim_core::{Digest, Origin, PersonId, ProblemType};
use claim_http::{
    EstError, ReachError, SignInAnswer, SignInBegun, ask_sign_in, begin_sign_in,
    fetch_ca_certificates, https_client,
};
use claim_pki::Certificate;
use tokio::time::Instant;

use super::{EnrolError, Enrolled};
use crate::error::is_temporary;
use crate::event::Event;
use crate::student::Student;

/// What a server that is asked too often adds to the pause (RFC 8628 §3.5, `slow_down`).
const SLOWER: Duration = Duration::from_secs(5);

/// The longest pause after no answer came.
const LONGEST: Duration = Duration::from_secs(30);

/// How much longer than a sign-in waits somebody asks what became of it: a confirmation may come at the last moment.
const AFTERWARDS: Duration = Duration::from_secs(60);

impl Student {
    /// Steps 1 and 2 by single sign-on, for this person at the CUHK that is configured. The root must be in the folder.
    ///
    /// [`Event::SignInWanted`] tells what the person must be shown. Whatever interrupts it, doing it again goes on with the
    /// same key, and begins the sign-in anew.
    ///
    /// # Errors
    /// [`EnrolError`].
    pub async fn enroll_by_sign_in(&self, id: PersonId) -> Result<Enrolled, EnrolError> {
        let cuhk = &self.config.cuhk;
        let _lock = self.lock(&id).await?;
        let root = self.root()?;
        self.wallet().finish_putting_aside(&id)?;
        self.wallet().settle(&id)?;
        let held = self.enrolled_already(&id, &root)?;
        if let Some(held) = &held
            && self.is_revoked(held, &root, cuhk).await
        {
            self.put_aside(&id, held.person.serial())?;
        } else if let Some(held) = held {
            let (serial, not_after) = (held.person.serial().clone(), held.person.not_after());
            return Ok(Enrolled { id, serial, not_after, already: true });
        }
        let key = self.key(&id)?;
        let trust = self.code_trust(&root, cuhk);
        let client = https_client(&trust, None, self.config.timeouts.exchange)?;
        let authorities = self.patiently(cuhk, || fetch_ca_certificates(&client, cuhk)).await?;
        let body = self.certification_request(&id, &key, cuhk)?;
        let begin = || begin_sign_in(&client, cuhk, &id, &body);
        let begun = self.patiently(cuhk, begin).await?;
        self.tell(Event::SignInWanted {
            link: begun.link.clone(),
            code: begun.code.clone(),
            fingerprint: Digest::from_bytes(*key.public_key().fingerprint()),
            expires_at: begun.expires_at,
        });
        let leaf = self.confirmed(&client, cuhk, &begun).await?;
        let enrolled = self.keep(id.clone(), &key, false, leaf, &authorities, &root)?;
        self.wallet().forget_next_key(&id)?;
        Ok(enrolled)
    }

    /// Asks until the person has confirmed the key, or it is over.
    async fn confirmed(
        &self,
        client: &reqwest::Client,
        cuhk: &Origin,
        begun: &SignInBegun,
    ) -> Result<Certificate, EnrolError> {
        let end = Instant::now() + begun.expires_in + AFTERWARDS;
        let (mut pause, mut slower, mut told) = (begun.interval, Duration::ZERO, false);
        loop {
            tokio::time::sleep(pause + slower).await;
            let device = self.config.device.as_ref();
            let error = match ask_sign_in(client, cuhk, begun, device).await {
                Ok(SignInAnswer::Certified(certificate)) => return Ok(*certificate),
                Ok(SignInAnswer::Waiting { signed_in, pause: asked }) => {
                    if signed_in && !std::mem::replace(&mut told, true) {
                        self.tell(Event::SignedIn);
                    }
                    pause = asked;
                    continue;
                }
                Err(error) => error,
            };
            match after(&error, pause) {
                Some(Again::Slower(asked)) => (pause, slower) = (asked, slower + SLOWER),
                Some(Again::Later(asked)) => pause = asked,
                None => return Err(self.cuhk_error(cuhk, error)),
            }
            let error = self.cuhk_error(cuhk, error);
            if Instant::now() + pause + slower > end {
                return Err(error);
            }
            self.tell(Event::Retrying { why: error.to_string(), after: pause + slower });
        }
    }
}

/// When to ask again after an error.
#[derive(Debug, PartialEq)]
enum Again {
    Later(Duration),
    /// The server is asked too often.
    Slower(Duration),
}

/// Whether to ask again after this error: whatever may pass while a person sits at a browser. `last` is the pause before it.
fn after(error: &EstError, last: Duration) -> Option<Again> {
    let longer = (last * 2).min(LONGEST);
    match error {
        EstError::Reach(ReachError::Tls(_) | ReachError::TooLong { .. }) => None,
        EstError::Reach(_) => Some(Again::Later(longer)),
        EstError::NotEst { status, .. } if is_temporary(*status) => Some(Again::Later(longer)),
        EstError::Refused(problem) => {
            let asked = problem.retry_after.map_or(longer, Duration::from_secs);
            match problem.problem_type {
                Some(ProblemType::SignInPolledTooOften) => Some(Again::Slower(asked)),
                _ if is_temporary(problem.status) => Some(Again::Later(asked)),
                _ => None,
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use claim_http::ProblemAnswer;
    use http::StatusCode;

    use super::*;

    fn refused(problem_type: ProblemType, retry_after: Option<u64>) -> EstError {
        EstError::Refused(Box::new(ProblemAnswer {
            status: StatusCode::from_u16(problem_type.status()).unwrap_or_default(),
            problem_type: Some(problem_type),
            slug: None,
            title: String::new(),
            detail: None,
            extensions: Default::default(),
            retry_after,
            request_id: None,
        }))
    }

    #[test]
    fn it_asks_again_when_that_may_help_and_not_sooner_than_it_is_told() {
        let (last, seconds) = (Duration::from_secs(4), Duration::from_secs);
        for (error, again) in [
            (EstError::Reach(ReachError::Refused), Some(Again::Later(seconds(8)))),
            (EstError::Reach(ReachError::Timeout), Some(Again::Later(seconds(8)))),
            (EstError::Reach(ReachError::TooLong { max: 1 }), None),
            (refused(ProblemType::SignInPolledTooOften, Some(9)), Some(Again::Slower(seconds(9)))),
            (refused(ProblemType::StorageUnavailable, Some(20)), Some(Again::Later(seconds(20)))),
            (refused(ProblemType::Overloaded, None), Some(Again::Later(seconds(8)))),
            (refused(ProblemType::SignInDenied, None), None),
            (refused(ProblemType::SignInExpired, None), None),
            (refused(ProblemType::NotOnRoster, None), None),
            (EstError::NotBase64, None),
        ] {
            assert_eq!(after(&error, last), again, "{error:?}");
        }
        let longest = after(&EstError::Reach(ReachError::Refused), seconds(29));
        assert_eq!(longest, Some(Again::Later(LONGEST)));
    }
}
