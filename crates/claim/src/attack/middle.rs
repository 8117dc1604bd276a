//! Attacks from between the student and Blackboard. The victim is the student's program as it is.

mod front;
mod impostor;
mod server;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use claim_core::Origin;
use claim_core::student::ExchangeError;
use claim_pki::PathError;
use claim_student::{Config, Explained, Hindrance, SayError, SessionError, Student, Timeouts};

pub(super) use self::front::Front;
pub(super) use self::server::Middle;
use self::server::{Alteration, Mode};
use super::scene::Scene;
use super::verdict::{Distrust, Outcome, Refusal};

/// A patient program would try for longer, to no other end.
const TIMEOUTS: Timeouts = Timeouts {
    exchange: Duration::from_secs(5),
    patience: Duration::from_millis(300),
    first_pause: Duration::from_millis(50),
    longest_pause: Duration::from_millis(100),
    lock: Duration::from_secs(5),
};

/// The valid neighbour of everything: Blackboard itself.
pub(super) async fn honest_session(scene: &Scene) -> Result<String> {
    honest(scene, &scene.stage.blackboard).await
}

/// The valid neighbour of what the server in the middle does: it does nothing.
pub(super) async fn honest_proxy(scene: &Scene) -> Result<String> {
    scene.front.middle().set(Mode::PassOn);
    honest(scene, scene.front.origin()).await
}

/// The student believes that the relay is Blackboard.
pub(super) async fn relay(scene: &Scene) -> Result<Outcome> {
    scene.relay.set(Mode::PassOn);
    Ok(open(scene, scene.relay.origin()).await)
}

/// The same, with the one thing changed that gave the relay away.
pub(super) async fn relay_renamed(scene: &Scene) -> Result<Outcome> {
    scene.relay.set(Mode::Rename);
    Ok(open(scene, scene.relay.origin()).await)
}

/// Step 5 by a server that has a session key, but is certified for another origin.
pub(super) async fn false_blackboard(scene: &Scene) -> Result<Outcome> {
    let front = &scene.front;
    front.middle().set(Mode::Impostor(front.impostor_with_own_certificate()));
    Ok(open(scene, front.origin()).await)
}

/// Step 5 by a server that has a session key and Blackboard's certificate, which is public.
pub(super) async fn false_blackboard_borrowed(scene: &Scene) -> Result<Outcome> {
    let front = &scene.front;
    front.middle().set(Mode::Impostor(front.impostor_with_borrowed_certificate()));
    Ok(open(scene, front.origin()).await)
}

/// The content of the answer to a message.
pub(super) async fn altered_number(scene: &Scene) -> Result<Outcome> {
    altered(scene, Alteration::Number).await
}

/// The status of the answer to a message.
pub(super) async fn altered_status(scene: &Scene) -> Result<Outcome> {
    altered(scene, Alteration::Status).await
}

/// The whole answer to a message, which never arrives at Blackboard.
pub(super) async fn swallowed(scene: &Scene) -> Result<Outcome> {
    altered(scene, Alteration::Earlier).await
}

async fn honest(scene: &Scene, blackboard: &Origin) -> Result<String> {
    let mut session = student(scene, blackboard).open_session(&scene.victim.id).await?;
    let answer = session.say("An honest message.").await?;
    Ok(format!("message {} to {blackboard}", answer.number))
}

/// Steps 3 to 5 by the victim.
async fn open(scene: &Scene, blackboard: &Origin) -> Outcome {
    match student(scene, blackboard).open_session(&scene.victim.id).await {
        Ok(session) => Outcome::Through {
            words: format!("the student has a session, until {}", session.expires_at()),
        },
        Err(error) => Outcome::Refused {
            kind: distrust_of_server(&error).map(Refusal::Student),
            words: said(&error),
        },
    }
}

/// Step 6 by the victim: a message that passes, then one whose answer is tampered with.
async fn altered(scene: &Scene, alteration: Alteration) -> Result<Outcome> {
    let front = &scene.front;
    front.middle().set(Mode::PassOn);
    let mut session = student(scene, front.origin()).open_session(&scene.victim.id).await?;
    session.say("The answer to this comes as it is.").await.context("an honest message")?;
    front.middle().set(Mode::Alter(alteration));
    match session.say("The answer to this does not.").await {
        Ok(answer) => Ok(Outcome::Through {
            words: format!("the student believes that this is message {}", answer.number),
        }),
        Err(error) => Ok(Outcome::Refused {
            kind: distrust_of_answer(&error).map(Refusal::Student),
            words: said(&error),
        }),
    }
}

/// The victim's program, with the key and certificate of the demonstration.
fn student(scene: &Scene, blackboard: &Origin) -> Student {
    let stage = &scene.stage;
    let mut config = Config::new(&stage.dir, stage.cuhk.clone(), blackboard.clone());
    config.timeouts = TIMEOUTS;
    Student::new(config, Arc::new(|_| {}))
}

fn distrust_of_server(error: &SessionError) -> Option<Distrust> {
    let SessionError::Exchange { source, .. } = error else { return None };
    match source {
        ExchangeError::OtherOrigin { .. } => Some(Distrust::OtherOrigin),
        ExchangeError::NotForUs => Some(Distrust::SessionKey),
        ExchangeError::Certificate(PathError::WrongOrigin { .. }) => Some(Distrust::OtherServer),
        ExchangeError::Signature => Some(Distrust::Signature),
        _ => None,
    }
}

fn distrust_of_answer(error: &SayError) -> Option<Distrust> {
    match error {
        SayError::OutcomeUnknown { last, .. }
            if matches!(**last, Hindrance::NotAuthentic { .. }) =>
        {
            Some(Distrust::Answer)
        }
        _ => None,
    }
}

fn said(error: &dyn Explained) -> String {
    format!("the student's program says: {error}")
}
