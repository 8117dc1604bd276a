//! Erasing people who have left, by a rule or because one of them asks, and what is over of everybody.

use claim_core::{PersonId, Timestamp};
use claim_store::Scrubbed;
use claim_store::audit::Entry;
use claim_store::cuhk::audit::Deed;
use claim_store::cuhk::{Departed, Erased, ErasureRule, Traces};

use super::{AdminError, Office};

/// How many days codes that are over, and mails that were sent, are kept at most, whatever the rule for people is.
pub const SPENT_DAYS: u32 = 30;

const SECONDS_A_DAY: i64 = 24 * 3600;

/// How long is kept what names people.
#[derive(Clone, Debug)]
pub struct RetentionRule {
    /// How many days somebody's records are kept after they left the roster and their last certificate ended.
    pub keep_days: u32,
    /// Who is kept nevertheless.
    pub hold: Vec<PersonId>,
}

/// What the rule erases now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPlan {
    /// Whom, by id.
    pub people: Vec<Departed>,
    /// Who would be, but is kept.
    pub held: Vec<PersonId>,
    /// Codes and mails that are over; of those who are not erased too.
    pub spent: Erased,
}

/// What was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retained {
    /// How much.
    pub erased: Erased,
    /// Whether it is out of the database's files too.
    pub files: Scrubbed,
}

impl Office {
    /// What [`Self::apply_retention`] would erase now; nothing is changed.
    ///
    /// # Errors
    /// [`AdminError`] when the records cannot be read.
    pub async fn retention(&self, rule: &RetentionRule) -> Result<RetentionPlan, AdminError> {
        let departed = self.store.departed(self.ago(rule.keep_days)).await?;
        let (held, people): (Vec<_>, Vec<_>) =
            departed.into_iter().partition(|one| rule.hold.contains(&one.id));
        let spent = self.store.spent(self.ago(rule.keep_days.min(SPENT_DAYS))).await?;
        Ok(RetentionPlan { people, held: held.into_iter().map(|one| one.id).collect(), spent })
    }

    /// Erases what the rule says, each part for good when it is done, and takes it out of the database's files.
    ///
    /// # Errors
    /// [`AdminError::Store`], after which it is safe to do it again; after [`AdminError::Scrub`] all is erased, but the files
    /// may still have it.
    pub async fn apply_retention(&self, rule: &RetentionRule) -> Result<Retained, AdminError> {
        let (before, now) = (self.ago(rule.keep_days), self.clock.now());
        let entry =
            Entry::new(Deed::Erased).with("rule", "keep-days").with("keep_days", rule.keep_days);
        let people: Vec<PersonId> =
            self.retention(rule).await?.people.into_iter().map(|one| one.id).collect();
        let rule_of_people = ErasureRule::Before(before);
        let mut erased = self.store.erase_people(&people, rule_of_people, &entry, now).await?;
        let spent_before = self.ago(rule.keep_days.min(SPENT_DAYS));
        erased += self.store.erase_spent(spent_before, &entry).await?;
        // A CUHK that serves does so each hour.
        self.store.forget_sign_ins(now).await?;
        self.scrubbed(erased).await
    }

    /// What is on record of somebody who asks to be erased.
    ///
    /// # Errors
    /// [`AdminError::NotOnRecord`] when nothing is.
    pub async fn traces(&self, id: &PersonId) -> Result<Traces, AdminError> {
        let traces = self.store.traces(id, self.clock.now()).await?;
        if traces == Traces::default() {
            return Err(AdminError::NotOnRecord { ids: vec![id.clone()] });
        }
        Ok(traces)
    }

    /// Erases somebody who asks for it, at once.
    ///
    /// # Errors
    /// [`AdminError::NotGone`] when the person is on the roster, or has a certificate that is good; further as
    /// [`Self::apply_retention`].
    pub async fn erase_person(&self, id: &PersonId) -> Result<Retained, AdminError> {
        let traces = self.traces(id).await?;
        let not_gone = |traces: Traces| AdminError::NotGone {
            id: id.clone(),
            is_on_roster: traces.is_on_roster,
            good: traces.good,
        };
        if traces.is_on_roster || traces.good > 0 {
            return Err(not_gone(traces));
        }
        let now = self.clock.now();
        let entry = Entry::new(Deed::Erased).with("rule", "person");
        let asked = ErasureRule::Asked(now);
        let erased = self.store.erase_people(std::slice::from_ref(id), asked, &entry, now).await?;
        if erased == Erased::default() {
            return Err(not_gone(self.traces(id).await?));
        }
        self.scrubbed(erased).await
    }

    async fn scrubbed(&self, erased: Erased) -> Result<Retained, AdminError> {
        let files = self.store.scrub().await.map_err(AdminError::Scrub)?;
        Ok(Retained { erased, files })
    }

    /// So many days ago.
    fn ago(&self, days: u32) -> Timestamp {
        self.clock.now().plus_seconds(-i64::from(days) * SECONDS_A_DAY)
    }
}
