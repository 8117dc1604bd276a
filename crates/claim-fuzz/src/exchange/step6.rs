//! Step 6 in the same play.

use claim_core::blackboard::{Answerer, Session};
use claim_core::encoding::Bytes;
use claim_core::signing::{AnswerParts, Content, Outgoing, RequestParts, SignatureFields};
use claim_core::{Origin, PersonId, Timestamp, student};

use super::chosen;
use crate::world::WORLD;
use crate::{Random, mutate};

/// The sessions of students, and what was signed in them.
#[derive(Default)]
pub(super) struct Step6 {
    pub(super) sessions: Vec<Theirs>,
    requests: Vec<Request>,
    answers: Vec<Answer>,
    count: u8,
}

/// A student's session and whom it is with.
pub(super) struct Theirs {
    origin: Origin,
    person: PersonId,
    session: student::Session,
}

#[derive(Clone)]
struct Request {
    /// Which session signed it, and what stands in it.
    session: usize,
    token: String,
    target: String,
    content: Vec<u8>,
    nonce: u8,
    created: Timestamp,
    fields: SignatureFields,
}

#[derive(Clone)]
struct Answer {
    /// The request's signature that it is for.
    to: String,
    status: u16,
    content: Vec<u8>,
    fields: SignatureFields,
}

const TEXT: &str = "text/plain";

impl Step6 {
    pub(super) fn begin(&mut self, origin: Origin, person: PersonId, session: student::Session) {
        self.sessions.push(Theirs { origin, person, session });
    }

    /// `how` decides what is said; every request has a nonce of its own.
    pub(super) fn sign(&mut self, who: usize, which: usize, how: u8, now: Timestamp) -> Option<()> {
        let session = (who + which) % self.sessions.len().max(1);
        let theirs = self.sessions.get(session)?;
        self.count = self.count.wrapping_add(1);
        let content = vec![how; usize::from(how % 4)];
        let target = format!("/v1/messages?{how}");
        let outgoing = Outgoing {
            method: "POST",
            target: &target,
            content: Some(Content { media_type: TEXT, bytes: &content }),
        };
        let (fields, _) = theirs.session.sign(&outgoing, now, &Bytes([self.count; 16]));
        let token = theirs.session.token().to_owned();
        let nonce = self.count;
        self.requests.push(Request {
            session,
            token,
            target,
            content,
            nonce,
            created: now,
            fields,
        });
        Some(())
    }

    /// What is accepted was signed: by this person, for this Blackboard, with this content.
    pub(super) fn answer(
        &mut self,
        at: usize,
        which: usize,
        how: u8,
        now: Timestamp,
    ) -> Option<()> {
        let at = at % 2;
        let origin = &WORLD.identities[at].origin;
        let mut request = chosen(&self.requests, which)?.clone();
        change_request(&mut request, how);
        let session = Session::open(&request.token, origin, &WORLD.rings[at], now).ok()?;
        let parts = RequestParts {
            method: "POST",
            target: &request.target,
            claim_session: &request.token,
            content_digest: request.fields.content_digest.as_deref(),
            content_type: Some(TEXT),
            signature_input: &request.fields.signature_input,
            signature: &request.fields.signature,
        };
        let head = session.authenticate(origin, &parts).ok()?;
        let answerer: Answerer = head.answerer();
        let timely = head.timely(now).ok()?;
        let authentic = timely.content(&request.content).ok()?;
        let signed = |one: &&Request| {
            one.target == request.target
                && one.content == request.content
                && one.token == request.token
                && authentic.nonce() == Bytes([one.nonce; 16])
        };
        let original = self.requests.iter().find(signed).expect("a request that nobody signed");
        let theirs = &self.sessions[original.session];
        assert_eq!((&theirs.person, &theirs.origin), (authentic.person(), origin));
        assert!(now.millis_since(original.created).abs() < 301_000, "an old request");
        let content = vec![how; 3];
        let signed = Content { media_type: TEXT, bytes: &content };
        let fields = answerer.sign(201, Some(signed), now);
        let to = original.fields.signature.clone();
        self.answers.push(Answer { to, status: 201, content, fields });
        Some(())
    }

    /// What is believed was signed for this very request.
    pub(super) fn believe(&mut self, about: usize, which: usize, how: u8) -> Option<()> {
        let request = chosen(&self.requests, about)?;
        let mut answer = chosen(&self.answers, which)?.clone();
        change_answer(&mut answer, how);
        let outgoing = Outgoing {
            method: "POST",
            target: &request.target,
            content: Some(Content { media_type: TEXT, bytes: &request.content }),
        };
        let session = &self.sessions[request.session].session;
        // Signing again with the same nonce and time is the same request.
        let (again, waiting) =
            session.sign(&outgoing, request.created, &Bytes([request.nonce; 16]));
        assert_eq!(again, request.fields);
        let parts = AnswerParts {
            status: answer.status,
            content_digest: answer.fields.content_digest.as_deref(),
            content_type: Some(TEXT),
            signature_input: &answer.fields.signature_input,
            signature: &answer.fields.signature,
        };
        waiting.receive(&parts, &answer.content).ok()?;
        let signed = self.answers.iter().any(|one| {
            one.to == request.fields.signature
                && one.status == answer.status
                && one.content == answer.content
        });
        assert!(signed, "an answer that Blackboard did not sign for this request");
        Some(())
    }
}

fn change_request(request: &mut Request, how: u8) {
    let mut random = Random::new(u64::from(how));
    match how {
        1..=40 => request.fields.signature = edited(&request.fields.signature, &mut random),
        41..=80 => {
            request.fields.signature_input = edited(&request.fields.signature_input, &mut random)
        }
        81..=110 => request.target = edited(&request.target, &mut random),
        111..=140 => request.content = mutate(&request.content, &mut random, 64),
        141..=170 => request.token = edited(&request.token, &mut random),
        171..=190 => {
            let digest = request.fields.content_digest.take();
            request.fields.content_digest = digest.map(|digest| edited(&digest, &mut random));
        }
        _ => {}
    }
}

fn change_answer(answer: &mut Answer, how: u8) {
    let mut random = Random::new(u64::from(how));
    match how {
        1..=40 => answer.fields.signature = edited(&answer.fields.signature, &mut random),
        41..=80 => {
            answer.fields.signature_input = edited(&answer.fields.signature_input, &mut random)
        }
        81..=110 => answer.status = answer.status.wrapping_add(how.into()),
        111..=150 => answer.content = mutate(&answer.content, &mut random, 64),
        151..=170 => answer.fields.content_digest = None,
        _ => {}
    }
}

fn edited(text: &str, random: &mut Random) -> String {
    String::from_utf8_lossy(&mutate(text.as_bytes(), random, 4096)).into_owned()
}
