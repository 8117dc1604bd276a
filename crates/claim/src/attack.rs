//! `claim demo --attack`: the attacker's part, against the servers of the demonstration.
//!
//! The attacks send real bytes to real servers: whatever refuses them is the server's code, or that of the student's
//! program where the student is the victim, and never the attacker's own. The forgeries are made with the servers' own
//! keys, and whatever exposes them is what everybody runs who judges a receipt or a log.

mod certificates;
mod codes;
mod forgeries;
mod messages;
mod middle;
mod scene;
mod serving;
mod verdict;
mod wire;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Result, anyhow};
use claim_core::ProblemType;
use serde_json::json;

use self::forgeries::{FORGERIES, Forger};
use self::scene::Scene;
use self::verdict::{Distrust, Manner, Outcome, Refusal, Verdict};
use crate::exit::Exit;
use crate::stage::Stage;
use crate::terminal::Terminal;

/// For everything that is set up once.
const SETTING_UP: Duration = Duration::from_secs(30);

/// For one attack; each takes a fraction of a second.
const PLAYING: Duration = Duration::from_secs(10);

/// Something that is played on a scene `S`.
type Play<S, T> = for<'a> fn(&'a S) -> Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// An attack, and how it must end.
struct Attack<S> {
    name: &'static str,
    line: &'static str,
    expected: Refusal,
    play: Play<S, Outcome>,
}

/// The honest neighbour of some attacks, which must pass: refusing everything is no protection. It tells what passed.
struct Neighbour<S> {
    name: &'static str,
    line: &'static str,
    play: Play<S, String>,
}

const NEIGHBOURS: &[Neighbour<Scene>] = &[
    Neighbour {
        name: "honest-session",
        line: "The student opens a session and sends a message.",
        play: |scene| Box::pin(middle::honest_session(scene)),
    },
    Neighbour {
        name: "honest-proxy",
        line: "The same through somebody's TLS proxy that passes everything on as it is.",
        play: |scene| Box::pin(middle::honest_proxy(scene)),
    },
    Neighbour {
        name: "same-request-again",
        line: "The same request twice, as after a lost answer: one message, and the same answer.",
        play: |scene| Box::pin(messages::same_request_again(scene)),
    },
    Neighbour {
        name: "same-key-again",
        line: "The same key with its one-time code once more: the same certificate.",
        play: |scene| Box::pin(codes::same_key(scene)),
    },
];

const ATTACKS: &[Attack<Scene>] = &[
    Attack {
        name: "foreign-ca",
        line: "A foreign CA: the attacker sets up a CUHK of their own, under the same names, and certifies the student's ID.",
        expected: Refusal::Problem(ProblemType::CertificateUntrusted),
        play: |scene| Box::pin(certificates::foreign_authority(scene)),
    },
    Attack {
        name: "edited-certificate",
        line: "An edited certificate: a student writes the victim's SID over their own in the certificate that CUHK gave them.",
        expected: Refusal::Problem(ProblemType::CertificateUntrusted),
        play: |scene| Box::pin(certificates::edited(scene)),
    },
    Attack {
        name: "expired-certificate",
        line: "An expired certificate: really signed by CUHK (with its issuing key, from the folder), but its time is over.",
        expected: Refusal::Problem(ProblemType::CertificateExpired),
        play: |scene| Box::pin(certificates::expired(scene)),
    },
    Attack {
        name: "wrong-profile",
        line: "The wrong profile: the attacker runs a server, and shows the certificate that CUHK gave it as a student's.",
        expected: Refusal::Problem(ProblemType::CertificateProfile),
        play: |scene| Box::pin(certificates::wrong_profile(scene)),
    },
    Attack {
        name: "false-sid",
        line: "A false SID: another student shows their own valid certificate, and says the sentence with the victim's SID.",
        expected: Refusal::Problem(ProblemType::SidMismatch),
        play: |scene| Box::pin(certificates::false_sid(scene)),
    },
    Attack {
        name: "stolen-challenge",
        line: "A stolen challenge: the attacker gets one with the student's certificate, which is public, but has no key to decrypt it, and guesses.",
        expected: Refusal::Problem(ProblemType::ConfirmationWrong),
        play: |scene| Box::pin(messages::stolen_challenge(scene)),
    },
    Attack {
        name: "flipped-bit",
        line: "A flipped bit: one bit of the student's message changes on its way.",
        expected: Refusal::Problem(ProblemType::DigestMismatch),
        play: |scene| Box::pin(messages::flipped_bit(scene)),
    },
    Attack {
        name: "flipped-bit-new-digest",
        line: "A flipped bit, and the attacker puts the right Content-Digest for it into the header.",
        expected: Refusal::Problem(ProblemType::SignatureWrong),
        play: |scene| Box::pin(messages::flipped_bit_new_digest(scene)),
    },
    Attack {
        name: "replay-other-content",
        line: "A replay with other content: the attacker recorded an accepted request, and sends its head with another text and digest.",
        expected: Refusal::Problem(ProblemType::SignatureWrong),
        play: |scene| Box::pin(messages::replay_other_content(scene)),
    },
    Attack {
        name: "nonce-reused",
        line: "A nonce used twice: the student, who has the session key, signs another text under the nonce of an accepted message.",
        expected: Refusal::Problem(ProblemType::NonceReused),
        play: |scene| Box::pin(messages::nonce_reused(scene)),
    },
    Attack {
        name: "relay",
        line: "A relay: the student is lured to another server, certified by CUHK for its own address, which passes everything on to Blackboard.",
        expected: Refusal::Student(Distrust::OtherOrigin),
        play: |scene| Box::pin(middle::relay(scene)),
    },
    Attack {
        name: "relay-renamed",
        line: "The same relay, which also writes its own address over Blackboard's in the answer.",
        expected: Refusal::Student(Distrust::SessionKey),
        play: |scene| Box::pin(middle::relay_renamed(scene)),
    },
    Attack {
        name: "false-blackboard",
        line: "A false Blackboard: it sits at Blackboard's address with a perfectly good TLS certificate, makes a session key of its own and proves that.",
        expected: Refusal::Student(Distrust::OtherServer),
        play: |scene| Box::pin(middle::false_blackboard(scene)),
    },
    Attack {
        name: "false-blackboard-borrowed-certificate",
        line: "The same false Blackboard, which shows Blackboard's own certificate in step 5, but has not its key.",
        expected: Refusal::Student(Distrust::Signature),
        play: |scene| Box::pin(middle::false_blackboard_borrowed(scene)),
    },
    Attack {
        name: "altered-answer",
        line: "An altered answer: whoever ends the TLS connection before Blackboard writes another number into the acknowledgement.",
        expected: Refusal::Student(Distrust::Answer),
        play: |scene| Box::pin(middle::altered_number(scene)),
    },
    Attack {
        name: "altered-status",
        line: "An altered status: the acknowledgement says 200 where Blackboard said 201.",
        expected: Refusal::Student(Distrust::Answer),
        play: |scene| Box::pin(middle::altered_status(scene)),
    },
    Attack {
        name: "invented-acknowledgement",
        line: "An invented acknowledgement: the message is swallowed, and answered with Blackboard's signed answer to an earlier one.",
        expected: Refusal::Student(Distrust::Answer),
        play: |scene| Box::pin(middle::swallowed(scene)),
    },
    Attack {
        name: "second-key",
        line: "A second key on a used code: the attacker found the student's invitation (at a CUHK with a roster) and enrols a key of their own.",
        expected: Refusal::Problem(ProblemType::CodeUsed),
        play: |scene| Box::pin(codes::second_key(scene)),
    },
];

/// Plays the attacker: done only if every attack is refused, and every forgery exposed, in the way it must be.
pub(crate) async fn run(stage: &Stage) -> Result<Exit> {
    let terminal = stage.terminal;
    terminal.head("The attacker's preparations: servers and certificates of their own");
    let scene = tokio::time::timeout(SETTING_UP, Scene::set_up(stage)).await;
    let scene = scene.map_err(|_| anyhow!("the attacks could not be prepared in time"))??;
    terminal.head("What must pass: the honest neighbours of the attacks");
    let neighbours = play_neighbours(&scene, NEIGHBOURS, terminal).await;
    terminal.head("The attacks: each is sent as real bytes");
    let attacks = play_attacks(&scene, ATTACKS, Manner::Attack, terminal).await;
    let forged = forge(&scene, terminal).await;
    scene.stop().await;
    let (honest, forgeries) = forged?;
    Ok(conclude(neighbours.and(honest), attacks, forgeries, terminal))
}

/// Plays the liars: with every key there is, they forge what others will look at later.
async fn forge(scene: &Scene, terminal: Terminal) -> Result<(Tally, Tally)> {
    let forger = tokio::time::timeout(SETTING_UP, Forger::set_up(scene)).await;
    let forger = forger.map_err(|_| anyhow!("the forgeries could not be prepared in time"))??;
    terminal.head("What must pass here: the honest neighbours of the forgeries");
    let neighbours = play_neighbours(&forger, forgeries::NEIGHBOURS, terminal).await;
    terminal.head("The forgeries: somebody has the servers' own keys, and lies");
    let forgeries = play_attacks(&forger, FORGERIES, Manner::Forgery, terminal).await;
    terminal.say(&forger.where_they_are());
    Ok((neighbours, forgeries))
}

/// How many were played, and how many of them ended as they must.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    played: usize,
    good: usize,
}

impl Tally {
    fn count(&mut self, good: bool) {
        self.played += 1;
        self.good += usize::from(good);
    }

    fn and(self, other: Self) -> Self {
        Self { played: self.played + other.played, good: self.good + other.good }
    }

    fn is_clean(self) -> bool {
        self.played > 0 && self.good == self.played
    }
}

async fn play_neighbours<S>(scene: &S, all: &[Neighbour<S>], terminal: Terminal) -> Tally {
    let mut tally = Tally::default();
    for Neighbour { name, line, play } in all {
        terminal.say(line);
        let (passed, words) = match in_time(play(scene)).await {
            Ok(words) => (true, words),
            Err(error) => (false, format!("{error:#}")),
        };
        tally.count(passed);
        if terminal.is_json() {
            terminal.result("", &json!({ "neighbour": name, "passed": passed, "detail": words }));
        } else if passed {
            terminal.verdict(true, &format!("passes: {words}"));
        } else {
            terminal.verdict(false, &format!("DOES NOT PASS: {words}"));
        }
    }
    tally
}

async fn play_attacks<S>(
    scene: &S,
    all: &[Attack<S>],
    manner: Manner,
    terminal: Terminal,
) -> Tally {
    let mut tally = Tally::default();
    for (number, Attack { name, line, expected, play }) in (1..).zip(all) {
        terminal.say(&format!("{number}. {line}"));
        let verdict = Verdict::of(*expected, in_time(play(scene)).await);
        tally.count(verdict.is_good());
        if terminal.is_json() {
            let document = json!({
                manner.noun(): name, "expected": expected.name(), manner.end(): verdict.is_refused(),
                "as_expected": verdict.is_good(), manner.answer(): verdict.words(),
            });
            terminal.result("", &document);
        } else {
            terminal.verdict(verdict.is_good(), &verdict.told(manner));
        }
    }
    tally
}

async fn in_time<T>(playing: impl Future<Output = Result<T>>) -> Result<T> {
    let played = tokio::time::timeout(PLAYING, playing).await;
    played.unwrap_or_else(|_| Err(anyhow!("nothing came of it within {} s", PLAYING.as_secs())))
}

fn conclude(neighbours: Tally, attacks: Tally, forgeries: Tally, terminal: Terminal) -> Exit {
    let clean = neighbours.is_clean() && attacks.is_clean() && forgeries.is_clean();
    terminal.head("Verdict");
    let line = format!(
        "{} of {} attacks were refused as they must be; {} of {} forgeries were exposed as they must be; {} of {} honest neighbours passed.",
        attacks.good,
        attacks.played,
        forgeries.good,
        forgeries.played,
        neighbours.good,
        neighbours.played
    );
    terminal.verdict(clean, &line);
    if terminal.is_json() {
        let document = json!({ "event": "verdict", "passed": clean,
            "attacks": attacks.played, "refused_as_expected": attacks.good,
            "forgeries": forgeries.played, "exposed_as_expected": forgeries.good,
            "neighbours": neighbours.played, "neighbours_passed": neighbours.good });
        terminal.result("", &document);
    }
    if clean { Exit::Done } else { Exit::Refused }
}

#[cfg(test)]
mod tests;
