//! Nothing makes a decoder take much memory: neither real inputs, nor changed ones, nor lengths that promise more.
//!
//! The only test of its file: it measures the whole program.

#![allow(clippy::expect_used, reason = "a test panics to fail")]

use claim_fuzz::{MAX_INPUT, Random, TARGETS, mutate};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What one input of at most [`MAX_INPUT`] bytes may take beside itself, in bytes.
const BUDGET: usize = 1024 * 1024;

/// Texts and encodings that promise far more than there is, or nest.
fn promises() -> Vec<Vec<u8>> {
    let deep = |open: &str| open.repeat(MAX_INPUT / open.len()).into_bytes();
    vec![
        [&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff], [0x30; 64].as_slice()].concat(),
        [0x30, 0x80].repeat(MAX_INPUT / 2),
        [0x31, 0x84, 0x0f, 0xff, 0xff, 0xff].repeat(MAX_INPUT / 6),
        [&[0; 7], [0xff; 64].as_slice()].concat(),
        deep("["),
        deep("{\"a\":"),
        deep("[[],"),
        deep("id,"),
        deep("a = [\n"),
        deep("("),
        deep("-----BEGIN CERTIFICATE-----\n"),
    ]
}

#[test]
fn memory_is_bounded() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        // Once before, so that what is kept for all does not count.
        seeds.iter().for_each(|seed| {
            let _ = (target.run)(seed);
        });
        let changed = (0..100).filter_map(|number| {
            let seed = seeds.get(number % seeds.len())?;
            Some(mutate(seed, &mut Random::new(number as u64), MAX_INPUT))
        });
        for input in promises().into_iter().chain(seeds.clone()).chain(changed) {
            let before = MEMORY.current_usage();
            MEMORY.reset_peak_usage();
            (target.run)(&input);
            let taken = MEMORY.peak_usage().saturating_sub(before);
            assert!(
                taken <= BUDGET,
                "{} takes {taken} bytes for {:?}",
                target.name,
                input.get(..64)
            );
        }
    }
}
