//! `claim cuhk list`, `search`, `show` and `export`: what was issued.

use std::collections::BTreeMap;

use anyhow::Result;
use claim_core::encoding::base64;
use claim_core::{Digest, PersonId};
use claim_course::table::csv_line;
use claim_cuhk::{AdminError, CertificateEntry, CertificateFilter, Clock, EntryFilter, Office};
use serde_json::json;

use super::{admin_failure, entry_document, roster, show_entry};
use crate::cli::{
    AnySerial, CountArg, DatabaseArgs, ExportArgs, FormatArg, ListArgs, SearchArgs, ShowArgs,
    WhichArgs,
};
use crate::commands::{Context, audit};
use crate::exit::Exit;

/// The columns of a table of certificates. Further ones may come behind these.
const COLUMNS: [&str; 14] = [
    "serial",
    "profile",
    "holder",
    "issued_at",
    "not_before",
    "not_after",
    "sha256",
    "key_sha256",
    "revoked_at",
    "revocation_reason",
    "authentication",
    "device",
    "renewed_from",
    "erased_at",
];

pub(super) async fn list(arguments: ListArgs, context: &Context) -> Result<Exit> {
    let ListArgs { which, count, database } = arguments;
    with_office(database, context, async |office| {
        let Some(count) = count else {
            let mut any = false;
            each(office, &which, |entry| {
                any = true;
                show_entry(context, entry);
            })
            .await?;
            if !any {
                context.terminal.say("No certificate has been issued yet.");
            }
            return Ok(Exit::Done);
        };
        let mut days: BTreeMap<String, u64> = BTreeMap::new();
        each(office, &which, |entry| {
            let length = match count {
                CountArg::Day => "2026-05-17".len(),
                CountArg::Month => "2026-05".len(),
            };
            if entry.fingerprint.is_some() {
                let day = entry.reserved_at.to_string().chars().take(length).collect();
                *days.entry(day).or_default() += 1;
            }
        })
        .await?;
        for (day, count) in days {
            let document = json!({ "issued": day, "count": count });
            context.terminal.result(&format!("{day}  {count:>7}"), &document);
        }
        Ok(Exit::Done)
    })
    .await
}

pub(super) async fn search(arguments: SearchArgs, context: &Context) -> Result<Exit> {
    let SearchArgs { text, mut which, database } = arguments;
    if let Ok(digest) = text.parse::<Digest>() {
        which.digest = Some(digest);
    } else if let Some(serial) = serial(&text) {
        which.serial = Some(serial);
    } else {
        which.holder = Some(text);
    }
    with_office(database, context, async |office| {
        let mut any = false;
        each(office, &which, |entry| {
            any = true;
            show_entry(context, entry);
        })
        .await?;
        if !any {
            context.terminal.say("No certificate is like that.");
        }
        Ok(Exit::Done)
    })
    .await
}

pub(super) async fn show(arguments: ShowArgs, context: &Context) -> Result<Exit> {
    let ShowArgs { text, database } = arguments;
    with_office(database, context, async |office| {
        let Some(serial) = serial(&text) else { return show_holder(office, &text, context).await };
        let which = WhichArgs { serial: Some(serial.clone()), ..WhichArgs::default() };
        let mut any = false;
        each(office, &which, |entry| {
            any = true;
            show_entry(context, entry);
            if let (false, Some(der)) = (context.terminal.is_json(), &entry.der) {
                context.terminal.text(&pem(der));
            }
        })
        .await?;
        for serial in serial.candidates() {
            let filter = EntryFilter { serial: Some(serial.clone()), ..EntryFilter::default() };
            audit::show_all(office.audit(), &filter, context).await?;
        }
        if any {
            return Ok(Exit::Done);
        }
        let advice =
            "`claim cuhk list` shows what there is; what was pruned stands in its archive.";
        context.terminal.failure("no certificate has this serial number", None, advice);
        Ok(Exit::Refused)
    })
    .await
}

async fn show_holder(office: &Office, text: &str, context: &Context) -> Result<Exit, AdminError> {
    let mut any = false;
    if let Ok(id) = text.parse::<PersonId>() {
        match office.person(&id).await {
            Ok(person) => {
                any = true;
                roster::show(&person, context);
            }
            // In a local demonstration nobody is on record.
            Err(AdminError::NotOnRecord { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let which = WhichArgs { holder: Some(text.to_owned()), ..WhichArgs::default() };
    each(office, &which, |entry| {
        any = true;
        show_entry(context, entry);
    })
    .await?;
    let filter = EntryFilter { person: Some(text.to_owned()), ..EntryFilter::default() };
    audit::show_all(office.audit(), &filter, context).await?;
    if any {
        return Ok(Exit::Done);
    }
    let advice = "`claim cuhk roster list` shows who is on record, `claim cuhk list` what was issued. Whoever was erased is \
         not found by name any more; their certificates are, by serial number.";
    context.terminal.failure("nobody of this name is on record", None, advice);
    Ok(Exit::Refused)
}

pub(super) async fn export(arguments: ExportArgs, context: &Context) -> Result<Exit> {
    let ExportArgs { format, which, database } = arguments;
    with_office(database, context, async |office| {
        if format == FormatArg::Csv {
            context.terminal.text(&csv_line(&COLUMNS));
        }
        each(office, &which, |entry| match format {
            FormatArg::Csv => context.terminal.text(&row(entry)),
            FormatArg::Json => context.terminal.text(&entry_document(entry).to_string()),
            FormatArg::Pem => {
                if let Some(der) = &entry.der {
                    context.terminal.text(&pem(der));
                }
            }
        })
        .await?;
        Ok(Exit::Done)
    })
    .await
}

fn row(entry: &CertificateEntry) -> String {
    let optional = |text: Option<String>| text.unwrap_or_default();
    let fields = [
        entry.serial.clone(),
        entry.profile.clone(),
        entry.holder.clone(),
        entry.reserved_at.to_string(),
        entry.not_before.to_string(),
        entry.not_after.to_string(),
        optional(entry.fingerprint.map(|digest| digest.to_string())),
        optional(entry.key_fingerprint.map(|digest| digest.to_string())),
        optional(entry.revoked.map(|(at, _)| at.to_string())),
        optional(entry.revoked.map(|(_, reason)| reason.to_string())),
        optional(entry.authenticated_by.map(|how| how.to_string())),
        optional(entry.device.as_ref().map(ToString::to_string)),
        optional(entry.predecessor.clone()),
        optional(entry.erased_at.map(|at| at.to_string())),
    ];
    csv_line(&fields.each_ref().map(String::as_str))
}

/// RFC 7468 §2, without the last line's end.
fn pem(der: &[u8]) -> String {
    let text = base64(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let body = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----")
}

/// A serial number, unless it is somebody's id. An id may look like a number in hexadecimal; none is as long as those.
fn serial(text: &str) -> Option<AnySerial> {
    /// CUHK's serial numbers have 32 digits but for leading zeros.
    const LONG: usize = 30;
    let is_long = text.len() >= LONG && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_long {
        return text.parse().ok();
    }
    if text.parse::<PersonId>().is_ok() { None } else { text.parse().ok() }
}

/// Goes through the certificates that are meant, a thousand at a time.
async fn each(
    office: &Office,
    which: &WhichArgs,
    mut show: impl FnMut(&CertificateEntry),
) -> Result<(), AdminError> {
    let filter = CertificateFilter {
        holder: which.holder.clone(),
        serials: which.serial.as_ref().map(|serial| serial.candidates().to_vec()),
        profile: which.profile.clone(),
        authenticated_by: which.authentication,
        device: which.device.clone(),
        from: which.issued.map(|period| period.from),
        until: which.issued.map(|period| period.until),
    };
    let mut last = None;
    loop {
        let page = office.certificates(&filter, last.as_ref()).await?;
        let Some(end) = page.last().cloned() else { return Ok(()) };
        last = Some(end);
        let is_wanted = |entry: &&CertificateEntry| {
            which.digest.is_none_or(|digest| entry.fingerprint == Some(digest))
        };
        page.iter().filter(is_wanted).for_each(&mut show);
    }
}

async fn with_office(
    database: DatabaseArgs,
    context: &Context,
    work: impl AsyncFnOnce(&Office) -> Result<Exit, AdminError>,
) -> Result<Exit> {
    let (dir, url) = (context.server_dir(), database.database);
    let office = match Office::open(&dir, url.as_deref(), Clock::system()).await {
        Ok(office) => office,
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let done = work(&office).await;
    office.close().await;
    Ok(done.unwrap_or_else(|error| admin_failure(context, &error)))
}
