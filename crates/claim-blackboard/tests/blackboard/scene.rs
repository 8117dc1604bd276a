//! One student and one Blackboard, for all that can go wrong between them.

use claim_blackboard::Config;
use claim_core::student::Session;

use crate::running::{Blackboard, Place};
use crate::student::{SID, Say, Student};

pub(crate) struct Scene {
    pub(crate) place: Place,
    pub(crate) blackboard: Blackboard,
    pub(crate) student: Student,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let place = Place::enrolled();
        let mut config = place.config();
        change(&mut config);
        let blackboard = Blackboard::start(config).await;
        let student = Student::new(&place.authority, &blackboard, SID);
        Self { place, blackboard, student }
    }

    pub(crate) async fn session(&self) -> Session {
        self.student.open(self.place.time.now()).await
    }

    pub(crate) fn text(&self, text: &str) -> Say {
        Say::text(text, self.place.time.now())
    }

    /// Nothing was kept, and nothing told but refusals.
    pub(crate) async fn end(mut self) {
        assert!(self.blackboard.told().is_empty());
        self.blackboard.stop().await;
        assert!(self.place.messages().await.is_empty());
    }
}
