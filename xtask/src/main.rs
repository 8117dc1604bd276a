//! Claim.
fn main() {}
