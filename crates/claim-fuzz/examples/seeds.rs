//! Writes the real inputs of those targets that have none yet; the argument is the folder.
//!
//! Signatures differ each time, so what is there stays.

use std::path::PathBuf;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or_default());
    for target in claim_fuzz::TARGETS {
        let own = folder.join(target.name);
        if own.exists() {
            continue;
        }
        let seeds = (target.seeds)();
        fs::create_dir_all(&own)?;
        for (number, input) in seeds.iter().enumerate() {
            fs::write(own.join(number.to_string()), input)?;
        }
    }
    Ok(())
}
