//! The target that `CLAIM_FUZZ_TARGET` names, under libFuzzer.

#![no_main]

use std::sync::LazyLock;

use claim_fuzz::{Random, Target, mutate, target};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("CLAIM_FUZZ_TARGET").expect("CLAIM_FUZZ_TARGET names a target");
    target(&name).unwrap_or_else(|| panic!("there is no target {name:?}"))
});

fuzz_target!(|data: &[u8]| {
    (TARGET.run)(data);
});

// Every third change is one that knows DER and words; the others are libFuzzer's own.
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    if seed % 3 != 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    let changed = mutate(&data[..size], &mut Random::new(seed.into()), max_size);
    data[..changed.len()].copy_from_slice(&changed);
    changed.len()
});
