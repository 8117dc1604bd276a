//! `claim doctor`: looks at servers as the people who run them would, by their files, their records and the network, and
//! says what is well, what is not, and what to do.
//!
//! It changes nothing: no file is made, nothing is locked, records are opened for reading. It uses nothing of a server's own
//! code, so that it also says what a server would not say of itself.

mod certificates;
mod disk;
mod evidence;
mod finding;
mod keys;
mod lists;
mod network;
mod permissions;
mod place;
mod records;

use std::path::{Path, PathBuf};

use anyhow::Result;
use claim_core::Timestamp;
use claim_http::Clock;
use serde_json::json;

use self::finding::{Findings, Verdict};
use self::place::{Kind, Place};
use crate::cli::{Check, DoctorArgs};
use crate::commands::Context;
use crate::exit::Exit;

/// Where the units of a server have it.
const USUAL: [&str; 3] =
    ["/var/lib/claim-cuhk", "/var/lib/claim-blackboard", "/var/lib/claim-witness"];

/// What all checks are told.
struct Round<'a> {
    arguments: &'a DoctorArgs,
    now: Timestamp,
}

pub(crate) async fn run(arguments: DoctorArgs, context: &Context) -> Result<Exit> {
    let mut findings = Findings::of(arguments.only.clone());
    let round = Round { arguments: &arguments, now: Clock::system().now() };
    findings.well(Check::Settings, concat!("claim ", env!("CARGO_PKG_VERSION"), "."));
    let folders = folders(&arguments, context);
    let mut seen = 0;
    for folder in &folders {
        for place in Place::all_in(folder, &mut findings) {
            seen += 1;
            findings.look_at(place.title());
            look(&place, &round, &mut findings).await;
        }
    }
    if seen == 0 && findings.count(Verdict::Wrong) == 0 {
        let named: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
        findings.look_at(String::new());
        findings.wrong(
            Check::Settings,
            format!("There is nothing of Claim in {}.", named.join(", ")),
            "A server's folder has its keys and its records; neither is there.",
            "claim doctor FOLDER, with the folder of a server",
        );
    }
    findings.tell(context.terminal);
    let (warnings, wrong) = (findings.count(Verdict::Warning), findings.count(Verdict::Wrong));
    let (well, checks) = (findings.count(Verdict::Well), findings.count(Verdict::Well));
    let line = match (warnings, wrong) {
        (0, 0) => format!("All is well: {checks} checks."),
        (1, wrong) => format!("1 warning, {wrong} wrong."),
        (warnings, wrong) => format!("{warnings} warnings, {wrong} wrong."),
    };
    let document = json!({ "ok": well, "warnings": warnings, "wrong": wrong,
        "version": env!("CARGO_PKG_VERSION") });
    context.terminal.finding((warnings, wrong) == (0, 0), &line, &document);
    Ok(match (warnings, wrong) {
        (0, 0) => Exit::Done,
        (_, 0) => Exit::Incomplete,
        _ => Exit::Refused,
    })
}

/// The folders to look at.
fn folders(arguments: &DoctorArgs, context: &Context) -> Vec<PathBuf> {
    if !arguments.folders.is_empty() {
        return arguments.folders.clone();
    }
    if let Some(dir) = &context.dir {
        return vec![dir.clone()];
    }
    let here = PathBuf::from(".");
    let usual = USUAL.iter().map(PathBuf::from).filter(|folder| folder.is_dir());
    let usual: Vec<_> = usual.collect();
    if usual.is_empty() || place::is_anything(&here) { vec![here] } else { usual }
}

async fn look(place: &Place, round: &Round<'_>, findings: &mut Findings) {
    permissions::look(place, findings);
    keys::look(place, findings);
    certificates::look(place, round.now, findings);
    if let Kind::Cuhk { .. } | Kind::Blackboard(_) = place.kind {
        evidence::look(place, round.now, findings);
        lists::look(place, round.now, findings);
    }
    if place.records().is_some() {
        let growth = records::look(place, round, findings).await;
        disk::look(place, growth, round.now, findings);
    }
    network::look(place, round, findings).await;
}

/// Reads a file that anybody may read; `None` where there is none or it cannot be read.
fn read_public(path: &Path) -> Option<String> {
    /// The longest that is read, in bytes.
    const MOST: u64 = 1 << 20;
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MOST {
        return None;
    }
    std::fs::read_to_string(path).ok()
}

/// Whole days from one time to another.
fn days(from: Timestamp, to: Timestamp) -> i64 {
    to.millis_since(from).div_euclid(24 * 3600 * 1000)
}
