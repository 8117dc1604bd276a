#![allow(clippy::unwrap_used, reason = "a test panics to fail")]

use std::collections::HashSet;

use super::*;
use crate::cli::Cli;

const EXPECTED: Refusal = Refusal::Problem(ProblemType::SidMismatch);

fn terminal() -> Terminal {
    let cli = <Cli as clap::Parser>::try_parse_from(["claim", "--quiet", "demo"]).unwrap();
    Terminal::new(&cli.global)
}

fn attack(play: Play<(), Outcome>) -> Attack<()> {
    Attack { name: "attack", line: "An attack.", expected: EXPECTED, play }
}

fn refused(kind: Option<Refusal>) -> Result<Outcome> {
    Ok(Outcome::Refused { kind, words: "words".to_owned() })
}

const REFUSED: Play<(), Outcome> = |()| Box::pin(async { refused(Some(EXPECTED)) });
const PASSES: Neighbour<()> =
    Neighbour { name: "neighbour", line: "", play: |()| Box::pin(async { Ok(String::new()) }) };

async fn exit(neighbours: &[Neighbour<()>], attacks: &[Attack<()>]) -> Exit {
    let neighbours = play_neighbours(&(), neighbours, terminal()).await;
    let attacks = play_attacks(&(), attacks, Manner::Attack, terminal()).await;
    conclude(neighbours, attacks, attacks, terminal())
}

#[tokio::test]
async fn all_refused_is_done() {
    assert_eq!(exit(&[PASSES], &[attack(REFUSED), attack(REFUSED)]).await, Exit::Done);
}

#[tokio::test]
async fn one_that_gets_through_spoils_it() {
    let through: [Play<(), Outcome>; 4] = [
        |()| Box::pin(async { Ok(Outcome::Through { words: "words".to_owned() }) }),
        |()| Box::pin(async { refused(Some(Refusal::Problem(ProblemType::NotFound))) }),
        |()| Box::pin(async { refused(None) }),
        |()| Box::pin(async { Err(anyhow!("nobody answers")) }),
    ];
    for play in through {
        let attacks = [attack(REFUSED), attack(play), attack(REFUSED)];
        assert_eq!(exit(&[PASSES], &attacks).await, Exit::Refused);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_never_ends_spoils_it() {
    let hangs = attack(|()| Box::pin(std::future::pending()));
    assert_eq!(exit(&[PASSES], &[hangs]).await, Exit::Refused);
}

#[tokio::test]
async fn refusing_everything_is_no_success() {
    let fails = Neighbour::<()> {
        name: "neighbour",
        line: "",
        play: |()| Box::pin(async { Err(anyhow!("refused")) }),
    };
    assert_eq!(exit(&[PASSES, fails], &[attack(REFUSED)]).await, Exit::Refused);
}

#[tokio::test]
async fn nothing_played_is_no_success() {
    assert_eq!(exit(&[], &[attack(REFUSED)]).await, Exit::Refused);
    assert_eq!(exit(&[PASSES], &[]).await, Exit::Refused);
}

#[tokio::test]
async fn a_forgery_that_is_believed_spoils_it() {
    let attacks = [attack(REFUSED)];
    let neighbours = play_neighbours(&(), &[PASSES], terminal()).await;
    let refused = play_attacks(&(), &attacks, Manner::Attack, terminal()).await;
    let believed =
        [attack(|()| Box::pin(async { Ok(Outcome::Through { words: "words".to_owned() }) }))];
    let believed = play_attacks(&(), &believed, Manner::Forgery, terminal()).await;
    assert_eq!(conclude(neighbours, refused, refused, terminal()), Exit::Done);
    assert_eq!(conclude(neighbours, refused, believed, terminal()), Exit::Refused);
    assert_eq!(conclude(neighbours, refused, Tally::default(), terminal()), Exit::Refused);
}

#[test]
fn a_verdict_says_what_happened() {
    let words = |played| Verdict::of(EXPECTED, played).told(Manner::Attack);
    assert_eq!(words(refused(Some(EXPECTED))), "refused: words");
    assert_eq!(words(refused(None)), "REFUSED OTHERWISE than by sid-mismatch: words");
    assert_eq!(words(Ok(Outcome::Through { words: "words".to_owned() })), "GOT THROUGH: words");
    assert_eq!(words(Err(anyhow!("words"))), "COULD NOT BE PLAYED: words");
    let words = |played| Verdict::of(EXPECTED, played).told(Manner::Forgery);
    assert_eq!(words(refused(Some(EXPECTED))), "exposed: words");
    assert_eq!(words(refused(None)), "EXPOSED OTHERWISE than by sid-mismatch: words");
}

#[test]
fn names_are_unique() {
    let attacks = ATTACKS.iter().map(|attack| attack.name);
    let forgeries = FORGERIES.iter().map(|forgery| forgery.name);
    let neighbours = NEIGHBOURS.iter().map(|neighbour| neighbour.name);
    let of_forgeries = forgeries::NEIGHBOURS.iter().map(|neighbour| neighbour.name);
    let all: Vec<_> = attacks.chain(forgeries).chain(neighbours).chain(of_forgeries).collect();
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
}
