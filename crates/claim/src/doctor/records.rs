//! The records: whether they are whole, which schema they have, and what they tell of roster and log.

use claim_core::Timestamp;
use claim_files::FileError;
use claim_store::{Growth, Look, Records, StoreError};

use super::Round;
use super::disk::RECENT_DAYS;
use super::finding::Findings;
use super::place::{Kind, Place};
use crate::cli::Check;

/// A SQLite file of more than so many bytes is compared with itself only when that is asked for.
const LARGE: u64 = 1 << 30;

/// Looks at the records, and tells how they grow.
pub(super) async fn look(
    place: &Place,
    round: &Round<'_>,
    findings: &mut Findings,
) -> Option<Growth> {
    let (url, records) = place.records()?;
    let wanted = [Check::Records, Check::Roster, Check::Log, Check::Disk];
    if !wanted.iter().any(|check| findings.wants(*check)) {
        return None;
    }
    let mut look = match Look::at(&url, records).await {
        Ok(look) => look,
        Err(error) => {
            unreadable(place, &error, findings);
            return None;
        }
    };
    let growth = looked(place, records, &mut look, round, findings).await;
    look.close().await;
    match growth {
        Ok(growth) => Some(growth),
        Err(error) => {
            unreadable(place, &error, findings);
            None
        }
    }
}

async fn looked(
    place: &Place,
    records: Records,
    look: &mut Look,
    round: &Round<'_>,
    findings: &mut Findings,
) -> Result<Growth, StoreError> {
    let version = look.schema_version().await?;
    if version.there > version.known {
        findings.wrong(
            Check::Records,
            format!(
                "The records have schema {}, and this program knows {}.",
                version.there, version.known
            ),
            "A newer program has worked with them.",
            "Install that newer program again.",
        );
    } else if version.there < version.known {
        findings.warning(
            Check::Records,
            format!(
                "The records have schema {}; this program brings them to {}.",
                version.there, version.known
            ),
            "The server was not started since the program was replaced.",
            "Back up, then systemctl restart the server.",
        );
    }
    if findings.wants(Check::Records) && version.there <= version.known {
        whole(place, look, round, version.there, findings).await?;
    }
    // Other schemas may lack what is asked for below.
    let is_known = version.there == version.known;
    match records {
        Records::Cuhk if matches!(place.kind, Kind::Cuhk { offline: true, .. }) => {}
        Records::Cuhk if is_known => roster(look, round.now, findings).await?,
        Records::Cuhk => not_looked_at(Check::Roster, "roster", findings),
        Records::Blackboard if is_known => log(look, round.now, findings).await?,
        Records::Blackboard => not_looked_at(Check::Log, "log", findings),
        Records::Witness => {}
    }
    let since = Timestamp::from_millis(round.now.as_millis() - RECENT_DAYS * 24 * 3600 * 1000);
    look.growth(since).await
}

fn not_looked_at(check: Check, name: &str, findings: &mut Findings) {
    let why = "Its records have another schema than this program's.";
    findings.warning(
        check,
        format!("The {name} was not looked at."),
        why,
        "claim doctor --only records",
    );
}

async fn whole(
    place: &Place,
    look: &mut Look,
    round: &Round<'_>,
    version: i64,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let size = database_bytes(place);
    if size > LARGE && !round.arguments.deep {
        let what = format!(
            "The records have schema {version}; what is in them was not compared, for there are {} GiB (--deep).",
            size >> 30
        );
        findings.well(Check::Records, what);
        return Ok(());
    }
    match look.fault().await? {
        None => findings.well(Check::Records, format!("The records are whole, with schema {version}.")),
        Some(fault) => findings.wrong(
            Check::Records,
            "The records are damaged.",
            format!("The database says: {}.", fault.escape_debug()),
            "Stop the server, save what can be read, and restore the newest backup on another disk.",
        ),
    }
    Ok(())
}

/// How large the SQLite file is, with its log; 0 where the records are elsewhere.
pub(super) fn database_bytes(place: &Place) -> u64 {
    let name = match &place.kind {
        Kind::Cuhk { .. } => "cuhk.db",
        Kind::Blackboard(_) => "blackboard.db",
        _ => "witness.db",
    };
    let length = |end: &str| {
        std::fs::metadata(place.path(&format!("{name}{end}"))).map_or(0, |file| file.len())
    };
    length("") + length("-wal")
}

async fn roster(
    look: &mut Look,
    now: Timestamp,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    if !findings.wants(Check::Roster) {
        return Ok(());
    }
    let roster = look.roster(now).await?;
    let people = roster.people;
    if roster.without_mail > 0 && roster.without_mail < people {
        findings.warning(
            Check::Roster,
            format!("{} of {people} people on the roster have no mail address.", roster.without_mail),
            "Invitations by mail do not reach them.",
            "claim cuhk roster export > roster.csv; add the addresses; claim cuhk roster import roster.csv",
        );
    }
    if roster.forgotten > 0 {
        findings.warning(
            Check::Roster,
            format!(
                "{} of {people} people on the roster have neither a certificate nor an open code.",
                roster.forgotten
            ),
            "They were never invited, or their codes ended before they enrolled.",
            "claim cuhk invite --all-new; claim cuhk invite --resend",
        );
    }
    if roster.forgotten == 0 {
        findings.well(
            Check::Roster,
            format!("The {people} people on the roster have certificates or open codes."),
        );
    }
    Ok(())
}

async fn log(look: &mut Look, now: Timestamp, findings: &mut Findings) -> Result<(), StoreError> {
    if !findings.wants(Check::Log) {
        return Ok(());
    }
    /// How many milliseconds the last cosignature may be old while entries wait for the next.
    const PATIENCE: i64 = 120_000;
    let log = look.log().await?;
    let waiting = (log.size + log.staged).saturating_sub(log.cosigned);
    let late = log.cosigned_at.is_none_or(|at| now.millis_since(at) > PATIENCE);
    if waiting > 0 && late {
        let since = match log.cosigned_at {
            Some(at) => format!("the last cosignature came at {at}"),
            None => "none has cosigned the log yet".to_owned(),
        };
        findings.warning(
            Check::Log,
            format!("{waiting} of the log's {} entries wait for a witness.", log.size + log.staged),
            format!("Receipts wait with them; {since}."),
            "See that Blackboard and CUHK serve: journalctl -u claim-blackboard | grep -i -e witness -e 'log is'",
        );
    } else {
        let what =
            format!("The log has {} entries, of which {} are cosigned.", log.size, log.cosigned);
        findings.well(Check::Log, what);
    }
    Ok(())
}

fn unreadable(place: &Place, error: &StoreError, findings: &mut Findings) {
    if let StoreError::File(error) = error
        && matches!(**error, FileError::Missing { .. })
        && !has_served(place)
    {
        return;
    }
    let (why, next) = match error {
        StoreError::Unavailable { source } => (
            source.to_string(),
            "See that the database server runs, and that this machine may use it.",
        ),
        StoreError::Damaged { source } => (
            source.to_string(),
            "Stop the server, save what can be read, and restore the newest backup on another disk.",
        ),
        error => (
            error.to_string(),
            "Run claim doctor as the server's user or as root; else restore the newest backup.",
        ),
    };
    findings.wrong(Check::Records, "The records cannot be read.", why, next);
}

/// Whether the server was ever started here.
fn has_served(place: &Place) -> bool {
    ["cuhk-server.cer", "blackboard.cer", "witness.cer"]
        .iter()
        .any(|name| place.path(name).exists())
}
