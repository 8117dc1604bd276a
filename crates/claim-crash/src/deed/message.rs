//! Saying something, once.

use std::sync::Arc;

use anyhow::{Result, bail};
use claim_core::json;
use claim_core::messages::MessageAnswer;
use claim_core::student::Session;
use http::StatusCode;

use crate::wire::{Ask, refused};
use crate::world::Scene;

/// A message, and the session that it is sent in: in another one it would be another message.
pub struct Message {
    person: usize,
    text: String,
    ask: Ask,
    session: Option<Arc<Session>>,
}

impl Message {
    /// A message of this student's.
    pub fn new(scene: &Scene, person: usize, text: String) -> Self {
        let content = text.clone().into_bytes();
        let ask =
            Ask::with("POST", "/v1/messages".to_owned(), "text/plain; charset=utf-8", content);
        scene.record().messages.insert(text.clone(), None);
        Self { person, text, ask, session: None }
    }

    pub(super) async fn advance(&mut self, scene: &Scene) -> Result<()> {
        let person = scene.person(self.person)?;
        let session = match &self.session {
            Some(session) => Arc::clone(session),
            None => {
                let session = person.session(&scene.blackboard).await?;
                Arc::clone(self.session.insert(session))
            }
        };
        let answer = scene.blackboard.ask(&session, &self.ask).await?;
        if answer.status != StatusCode::CREATED {
            bail!("{}", refused(&answer));
        }
        let answer: MessageAnswer = json::from_slice(&answer.body)?;
        scene.record().messages.insert(self.text.clone(), Some(answer.number));
        Ok(())
    }
}
