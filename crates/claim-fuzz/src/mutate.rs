//! Changes that keep an input near to something real: DER with its lengths put right, texts by their words, octets.
//!
//! The same changes serve libFuzzer, beside its own, and the smoke run, which makes a fixed number of them.

mod der;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use self::der::Tree;

/// Numbers that are the same for the same seed.
pub struct Random(ChaCha20Rng);

impl Random {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// A number below `limit`; 0 when that is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        if limit == 0 { 0 } else { usize::try_from(self.0.next_u32()).unwrap_or(0) % limit }
    }

    /// Any octet.
    fn octet(&mut self) -> u8 {
        self.0.next_u32().to_le_bytes()[0]
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }
}

/// What stands at the ends of ranges.
const OCTETS: [u8; 12] = [0, 1, 2, 4, 0x20, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0xff];

/// Words that readers treat each in its own way.
const WORDS: [&str; 20] = [
    "",
    "0",
    "-1",
    "1e999",
    "9223372036854775808",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "\u{feff}",
    "\u{202e}",
    "https://",
    "%00",
    "=",
    "==",
    " \t",
    "-----BEGIN ",
];

/// One to four changes of the input, at most `max` bytes long.
pub fn mutate(input: &[u8], random: &mut Random, max: usize) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        bytes = match random.below(4) {
            0 => octets(bytes, random),
            1 => words(&bytes, random),
            _ => match Tree::parse(&bytes) {
                Some(tree) => tree.changed(random),
                None if random.below(2) == 0 => words(&bytes, random),
                None => octets(bytes, random),
            },
        };
        bytes.truncate(max);
    }
    bytes
}

fn octets(mut bytes: Vec<u8>, random: &mut Random) -> Vec<u8> {
    let at = random.below(bytes.len() + 1);
    let end = (at + 1 + random.below(16)).min(bytes.len());
    match random.below(8) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at.min(end)..end)),
        2 => bytes.insert(at, random.octet()),
        3 => {
            let copy: Vec<u8> = bytes[at.min(end)..end].to_vec();
            let to = random.below(bytes.len() + 1);
            drop(bytes.splice(to..to, copy));
        }
        4 => {
            if let Some(octet) = bytes.get_mut(at) {
                *octet = random.one(&OCTETS).copied().unwrap_or_default();
            }
        }
        5 => {
            if let Some(octet) = bytes.get_mut(at) {
                *octet = octet.wrapping_add(1);
            }
        }
        6 => {
            if let Some(octet) = bytes.get_mut(at) {
                *octet = random.octet();
            }
        }
        _ => {
            if let Some(octet) = bytes.get_mut(at) {
                *octet ^= 1 << random.below(8);
            }
        }
    }
    bytes
}

/// Changes a word: a run of letters and digits, or what stands between two.
fn words(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut words: Vec<&[u8]> =
        bytes.chunk_by(|a, b| a.is_ascii_alphanumeric() == b.is_ascii_alphanumeric()).collect();
    let (at, other) = (random.below(words.len()), random.below(words.len()));
    let known = random.one(&WORDS).copied().unwrap_or_default().as_bytes();
    match random.below(6) {
        0 if !words.is_empty() => drop(words.remove(at)),
        1 if !words.is_empty() => words.insert(other, words[at]),
        2 if !words.is_empty() => words.swap(at, other),
        3 if !words.is_empty() => words[at] = words[other],
        4 if !words.is_empty() => words[at] = known,
        _ => words.insert(at, known),
    }
    words.concat()
}
