//! Steps 3 to 6 over a network that belongs to the attacker: messages are lost, repeated, swapped, edited, spliced
//! and brought to the wrong place, and the clock jumps.
//!
//! An input is a list of moves, four octets each: what, who, which message, how. What must hold after each move: a
//! student's session is with the Blackboard that the student connected to, which has the same session for the same
//! person; a Blackboard's session is one that this student began with this Blackboard; a request or an answer that
//! is accepted was signed by the other side, with this content, in this session.

mod step6;

use std::collections::HashMap;

use claim_core::blackboard::{self, ExpectConfirmation};
use claim_core::encoding::Bytes;
use claim_core::messages::{Challenge, ChallengeRequest, SessionAnswer, SessionRequest};
use claim_core::{Origin, PersonId, Timestamp, json, student};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use self::step6::Step6;
use crate::world::{self, WORLD};
use crate::{Outcome, Random, mutate};

/// The most moves of one input.
const MOVES: usize = 48;

/// The moves; each number is the first octet of a move, modulo how many there are.
#[derive(Clone, Copy)]
enum Move {
    /// A student says the sentence to a Blackboard.
    Begin,
    /// A message of step 3 arrives at a Blackboard.
    Challenge,
    /// A message of step 4 arrives at a student who waits for one.
    Confirm,
    /// A message of step 5 arrives at a Blackboard.
    Open,
    /// The answer of step 5 arrives at a student who waits for it.
    Finish,
    /// A message is changed and stays beside the original.
    Edit,
    /// A member of one message is put into another of the same step.
    Splice,
    /// Time passes.
    Wait,
    /// A student signs a request.
    Sign,
    /// A request arrives at a Blackboard, which answers.
    Answer,
    /// An answer arrives at a student who waits for one.
    Believe,
    /// The attacker makes up a confirmation for a challenge.
    Forge,
}

const ALL: [Move; 12] = [
    Move::Begin,
    Move::Challenge,
    Move::Confirm,
    Move::Open,
    Move::Finish,
    Move::Edit,
    Move::Splice,
    Move::Wait,
    Move::Sign,
    Move::Answer,
    Move::Believe,
    Move::Forge,
];

/// What a session is about; both sides must say the same.
#[derive(Clone, PartialEq, Eq, Debug)]
struct About {
    person: PersonId,
    origin: Origin,
    /// The fingerprint of the session key.
    key: Bytes<8>,
}

/// Everything that there is at one moment.
struct Play {
    now: Timestamp,
    rng: ChaCha20Rng,
    /// Messages of the four kinds, in the order of the steps.
    messages: [Vec<Vec<u8>>; 4],
    wait_challenge: Vec<student::ExpectChallenge<'static>>,
    wait_confirmation: Vec<(About, student::ExpectConfirmation<'static>)>,
    /// What students have confirmed.
    confirmed: Vec<About>,
    /// What Blackboards have encrypted, by challenge token.
    challenged: HashMap<String, About>,
    /// What Blackboards have opened, by session token.
    opened: HashMap<String, About>,
    step6: Step6,
}

/// Plays the moves.
pub(crate) fn exchange(data: &[u8]) -> Outcome {
    let mut play = Play {
        now: world::now(),
        rng: ChaCha20Rng::seed_from_u64(1),
        messages: Default::default(),
        wait_challenge: Vec::new(),
        wait_confirmation: Vec::new(),
        confirmed: Vec::new(),
        challenged: HashMap::new(),
        opened: HashMap::new(),
        step6: Step6::default(),
    };
    for &[what, who, which, how] in data.as_chunks::<4>().0.iter().take(MOVES) {
        let who = usize::from(who);
        play.step(ALL[usize::from(what) % ALL.len()], who, usize::from(which), how);
    }
    if play.step6.sessions.is_empty() { Outcome::Refused } else { Outcome::Accepted }
}

impl Play {
    fn step(&mut self, what: Move, who: usize, which: usize, how: u8) {
        // `Option` is for moves that have nothing to move.
        let _moved: Option<()> = match what {
            Move::Begin => self.begin(who, which),
            Move::Challenge => self.challenge(who, which),
            Move::Confirm => self.confirm(who, which),
            Move::Open => self.open(who, which),
            Move::Finish => self.finish(who, which),
            Move::Edit => self.edit(who, which, how),
            Move::Splice => self.splice(who, which, how),
            Move::Wait => {
                self.now = self
                    .now
                    .plus_seconds(i64::from(how) * if who.is_multiple_of(2) { 1 } else { 300 });
                Some(())
            }
            Move::Sign => self.step6.sign(who, which, how, self.now),
            Move::Answer => self.step6.answer(who, which, how, self.now),
            Move::Believe => self.step6.believe(who, which, how),
            Move::Forge => self.forge(which, how),
        };
    }

    fn begin(&mut self, who: usize, with: usize) -> Option<()> {
        let credential = &WORLD.credentials[who % 2];
        let origin = &WORLD.identities[with % 2].origin;
        let (request, waiting) = student::request(credential, origin, &mut self.rng);
        self.messages[0].push(serde_json::to_vec(&request).unwrap());
        self.wait_challenge.push(waiting);
        Some(())
    }

    fn challenge(&mut self, at: usize, which: usize) -> Option<()> {
        let at = at % 2;
        let request: ChallengeRequest = json::from_slice(chosen(&self.messages[0], which)?).ok()?;
        let chain = request.certificate.certificates();
        let person = WORLD.trusted.verify_person(&chain, self.now).ok()?;
        let origin = &WORLD.identities[at].origin;
        let ring = &WORLD.rings[at];
        let (challenge, key) =
            blackboard::challenge(origin, &request, &person, ring, self.now, &mut self.rng).ok()?;
        let about = About { person: person.id().clone(), origin: origin.clone(), key };
        self.challenged.insert(challenge.challenge.clone(), about);
        self.messages[1].push(serde_json::to_vec(&challenge).unwrap());
        Some(())
    }

    fn confirm(&mut self, who: usize, which: usize) -> Option<()> {
        let challenge: Challenge = json::from_slice(chosen(&self.messages[1], which)?).ok()?;
        let waiting = taken(&mut self.wait_challenge, who)?;
        let origin = challenge.origin.clone();
        let (request, waiting) = waiting.receive(&challenge).ok()?;
        let key = waiting.key_fingerprint();
        // Only the holder of the private key decrypts, so the key was made for that person, by that Blackboard.
        let about = self.challenged.values().find(|about| about.key == key);
        let about = about.expect("a session key that no Blackboard made").clone();
        assert_eq!(about.origin, origin, "made by another Blackboard than was connected to");
        self.confirmed.push(about.clone());
        self.messages[2].push(serde_json::to_vec(&request).unwrap());
        self.wait_confirmation.push((about, waiting));
        Some(())
    }

    fn open(&mut self, at: usize, which: usize) -> Option<()> {
        let at = at % 2;
        let request: SessionRequest = json::from_slice(chosen(&self.messages[2], which)?).ok()?;
        let (identity, ring) = (&WORLD.identities[at], &WORLD.rings[at]);
        let waiting =
            ExpectConfirmation::open(&request.challenge, &identity.origin, ring, self.now).ok()?;
        let (answer, session) =
            waiting.confirm(&request.confirmation, identity, ring, self.now, &mut self.rng).ok()?;
        let about = self.challenged.get(&request.challenge).expect("a token that nobody sealed");
        assert_eq!((&about.person, &about.origin), (session.person(), &identity.origin));
        assert!(self.confirmed.contains(about), "a session that no student confirmed");
        self.opened.insert(answer.session.clone(), about.clone());
        self.messages[3].push(serde_json::to_vec(&answer).unwrap());
        Some(())
    }

    fn finish(&mut self, who: usize, which: usize) -> Option<()> {
        let answer: SessionAnswer = json::from_slice(chosen(&self.messages[3], which)?).ok()?;
        let (about, waiting) = taken(&mut self.wait_confirmation, who)?;
        let session = waiting.receive(answer, &WORLD.trusted, self.now).ok()?;
        let theirs = self.opened.get(session.token()).expect("a session that nobody opened");
        assert_eq!((theirs, session.origin()), (&about, &about.origin), "the two sides disagree");
        self.step6.begin(about.origin, about.person, session);
        Some(())
    }

    fn edit(&mut self, kind: usize, which: usize, how: u8) -> Option<()> {
        let kind = kind % 4;
        let original = chosen(&self.messages[kind], which)?;
        let mut random = Random::new(u64::from(how));
        let edited = mutate(original, &mut random, 16 * 1024);
        self.messages[kind].push(edited);
        Some(())
    }

    fn forge(&mut self, which: usize, how: u8) -> Option<()> {
        let challenge: Challenge = json::from_slice(chosen(&self.messages[1], which)?).ok()?;
        let request =
            SessionRequest { challenge: challenge.challenge, confirmation: Bytes([how; 32]) };
        self.messages[2].push(serde_json::to_vec(&request).unwrap());
        Some(())
    }

    fn splice(&mut self, kind: usize, which: usize, how: u8) -> Option<()> {
        let kind = kind % 4;
        let read = |which| {
            serde_json::from_slice::<serde_json::Value>(chosen(&self.messages[kind], which)?).ok()
        };
        let (mut message, other) = (read(which)?, read(usize::from(how >> 4))?);
        let members = message.as_object_mut()?;
        let names: Vec<String> = members.keys().cloned().collect();
        let name = chosen(&names, usize::from(how & 0x0f))?;
        members.insert(name.clone(), other.get(name)?.clone());
        self.messages[kind].push(serde_json::to_vec(&message).unwrap());
        Some(())
    }
}

/// Counted from the newest: a move without a thought takes what came last.
fn chosen<T>(all: &[T], which: usize) -> Option<&T> {
    all.iter().rev().nth(which % all.len().max(1))
}

/// The same, and it is gone.
fn taken<T>(all: &mut Vec<T>, which: usize) -> Option<T> {
    let count = all.len();
    (count > 0).then(|| all.remove(count - 1 - which % count))
}

/// Honest exchanges, with a relay, a repetition and a late message among them.
pub(crate) fn exchanges() -> Vec<Vec<u8>> {
    const HONEST: [[u8; 4]; 8] = [
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [2, 0, 0, 0],
        [3, 0, 0, 0],
        [4, 0, 0, 0],
        [8, 0, 0, 0],
        [9, 0, 0, 0],
        [10, 0, 0, 0],
    ];
    let honest = HONEST.as_flattened().to_vec();
    // Staff with the other Blackboard; step 5 twice; a relay of the first answer.
    let other: [[u8; 4]; 9] = [
        [0, 1, 1, 0],
        [1, 1, 0, 0],
        [2, 0, 0, 0],
        [3, 1, 0, 0],
        [3, 1, 0, 0],
        [4, 0, 0, 0],
        [8, 0, 0, 1],
        [9, 1, 0, 0],
        [10, 0, 0, 0],
    ];
    let relayed: [[u8; 4]; 4] = [[0, 0, 0, 0], [1, 1, 0, 0], [2, 0, 0, 0], [7, 0, 0, 59]];
    let edited: [[u8; 4]; 4] = [[0, 0, 0, 0], [5, 0, 0, 9], [1, 0, 1, 0], [6, 1, 0, 0x12]];
    let forged: [[u8; 4]; 4] = [[0, 0, 0, 0], [1, 0, 0, 0], [11, 0, 0, 5], [3, 0, 0, 0]];
    // After an honest exchange: a request that is late; one with other content; an answer with another status, content.
    let late: [[u8; 4]; 3] = [[8, 0, 0, 2], [7, 1, 0, 2], [9, 0, 0, 0]];
    let changed: [[u8; 4]; 6] = [
        [8, 0, 0, 3],
        [9, 0, 0, 120],
        [9, 0, 0, 90],
        [9, 0, 0, 0],
        [10, 0, 0, 120],
        [10, 0, 0, 90],
    ];
    vec![
        honest.clone(),
        [&honest, other.as_flattened()].concat(),
        [relayed.as_flattened(), &honest].concat(),
        [edited.as_flattened(), &honest].concat(),
        [forged.as_flattened(), &honest].concat(),
        [&honest, late.as_flattened()].concat(),
        [&honest, changed.as_flattened()].concat(),
    ]
}
