//! Steps 5 and 6: proofs without the key, and messages that somebody changed on their way.

use anyhow::{Result, bail};
use claim_core::Digest;
use claim_core::encoding::{Bytes, RequestNonce};
use claim_core::messages::{Challenge, MessageAnswer, SessionRequest};
use claim_core::signing::content_digest;
use claim_core::student::{self, Session};
use claim_core::transcript::{Context, SessionKey, SessionSecret, Transcript};
use claim_http::system_rng;

use super::scene::Scene;
use super::verdict::Outcome;
use super::wire::{self, Message, accepted, post};

/// A challenge for the victim's certificate, answered with a session key that the attacker made up.
pub(super) async fn stolen_challenge(scene: &Scene) -> Result<Outcome> {
    let Scene { stage, client, victim, .. } = scene;
    // Step 3 takes no key: the sentence and the certificate are public, the nonce is anybody's.
    let (request, _) = student::request(victim, &stage.blackboard, &mut system_rng());
    let answer = post(client, stage.blackboard.join("/v1/challenges"), &request).await?;
    let challenge: Challenge = accepted(&answer)?;

    let leaf = Digest::of(request.certificate.leaf());
    let context =
        Context::new(&stage.blackboard, &request.request, &leaf, &request.nonce, &challenge.nonce);
    let Challenge { scheme, enc, ciphertext, .. } = &challenge;
    let transcript = Transcript::new(&context, scheme, enc, ciphertext);
    let guess = SessionSecret::extract(&transcript, &SessionKey::random(&mut system_rng()));
    let confirmation = Bytes(guess.student_key().sign(transcript.as_bytes()));
    let request = SessionRequest { challenge: challenge.challenge, confirmation };
    Ok(wire::outcome(&post(client, stage.blackboard.join("/v1/sessions"), &request).await?))
}

/// One bit of the content.
pub(super) async fn flipped_bit(scene: &Scene) -> Result<Outcome> {
    let mut message = signed(&session(scene).await?, "I hand in 1 page.")?;
    flip(&mut message);
    send(scene, &message).await
}

/// One bit of the content, and the digest to go with it.
pub(super) async fn flipped_bit_new_digest(scene: &Scene) -> Result<Outcome> {
    let mut message = signed(&session(scene).await?, "I hand in 1 page.")?;
    flip(&mut message);
    message.content_digest = content_digest(&message.content);
    send(scene, &message).await
}

/// The head of an accepted request, with other content.
pub(super) async fn replay_other_content(scene: &Scene) -> Result<Outcome> {
    let mut message = signed(&session(scene).await?, "This is recorded on its way.")?;
    accepted::<MessageAnswer>(&message.send(&scene.client).await?)?;
    message.content = b"This is what the attacker would say.".to_vec();
    message.content_digest = content_digest(&message.content);
    send(scene, &message).await
}

/// Another message under the nonce of an accepted one, signed with the right key.
pub(super) async fn nonce_reused(scene: &Scene) -> Result<Outcome> {
    let session = session(scene).await?;
    let nonce = RequestNonce::random(&mut system_rng());
    let first = Message::sign(&session, "This is what I said.", &nonce)?;
    accepted::<MessageAnswer>(&first.send(&scene.client).await?)?;
    let second = Message::sign(&session, "This is what I want to have said.", &nonce)?;
    send(scene, &second).await
}

/// The valid neighbour of a replay: a request that is repeated as it was.
pub(super) async fn same_request_again(scene: &Scene) -> Result<String> {
    let message = signed(&session(scene).await?, "Is this line bad?")?;
    let first: MessageAnswer = accepted(&message.send(&scene.client).await?)?;
    let second: MessageAnswer = accepted(&message.send(&scene.client).await?)?;
    if first != second {
        bail!("the repetition became message {} after message {}", second.number, first.number);
    }
    Ok(format!("message {}, both times", first.number))
}

/// Sends what Blackboard must refuse; a refusal of something that it kept all the same is none.
async fn send(scene: &Scene, message: &Message) -> Result<Outcome> {
    let text = std::str::from_utf8(&message.content)?;
    let before = kept(scene, text).await?;
    let outcome = wire::outcome(&message.send(&scene.client).await?);
    match outcome {
        Outcome::Refused { words, .. } if kept(scene, text).await? != before => {
            Ok(Outcome::Through { words: format!("Blackboard kept it, and answered: {words}") })
        }
        outcome => Ok(outcome),
    }
}

/// How often Blackboard's records hold this text.
async fn kept(scene: &Scene, text: &str) -> Result<usize> {
    let mut messages = claim_blackboard::messages(&scene.stage.dir, None).await?;
    let mut count = 0;
    loop {
        let page = messages.next_page().await?;
        if page.is_empty() {
            return Ok(count);
        }
        count += page.iter().filter(|message| message.text == text).count();
    }
}

/// A session of the victim's, whose messages are to be tampered with.
async fn session(scene: &Scene) -> Result<Session> {
    let Scene { stage, client, victim, .. } = scene;
    let opened = wire::open_session(client, &stage.blackboard, victim, &stage.root).await;
    opened.map(|(session, _)| session)
}

fn signed(session: &Session, text: &str) -> Result<Message> {
    Message::sign(session, text, &RequestNonce::random(&mut system_rng()))
}

/// Makes `1` of `0` or the other way round in the first digit, which is one bit.
fn flip(message: &mut Message) {
    if let Some(digit) = message.content.iter_mut().find(|byte| byte.is_ascii_digit()) {
        *digit ^= 1;
    }
}
