//! `claim cuhk retention`.

use anyhow::Result;
use claim_core::PersonId;
use claim_cuhk::{
    AdminError, Clock, Departed, Erased, Office, Retained, RetentionPlan, RetentionRule,
    SPENT_DAYS, Scrubbed, Traces,
};
use serde_json::{Value, json};

use super::admin_failure;
use crate::cli::CuhkRetentionArgs;
use crate::commands::Context;
use crate::exit::Exit;

pub(super) async fn run(arguments: CuhkRetentionArgs, context: &Context) -> Result<Exit> {
    let CuhkRetentionArgs { keep_days, hold, person, apply, database } = arguments;
    let what = match (person, keep_days) {
        (Some(id), _) if hold.contains(&id) => {
            let what = format!("{id} is to be kept, by --hold, and to be erased");
            context.terminal.failure(&what, None, "Leave out one of them.");
            return Ok(Exit::Usage);
        }
        (Some(id), _) => What::Person(id),
        (None, Some(keep_days)) => What::Rule(RetentionRule { keep_days, hold }),
        (None, None) => {
            let advice = "Give --keep-days N, here or as keep-days below [cuhk] in claim.toml, or \
                 --person ID; without --apply nothing is erased.";
            context.terminal.failure("it is not said what to erase", None, advice);
            return Ok(Exit::Usage);
        }
    };
    let (dir, url) = (context.server_dir(), database.database);
    let office = match Office::open(&dir, url.as_deref(), Clock::system()).await {
        Ok(office) => office,
        Err(error) => return Ok(admin_failure(context, &error)),
    };
    let done = match apply {
        true => do_it(&office, &what, context).await,
        false => preview(&office, &what, context).await,
    };
    office.close().await;
    Ok(match done {
        Ok(()) => Exit::Done,
        Err(error) => admin_failure(context, &error),
    })
}

/// What is to be erased.
enum What {
    Rule(RetentionRule),
    Person(PersonId),
}

async fn preview(office: &Office, what: &What, context: &Context) -> Result<(), AdminError> {
    match what {
        What::Rule(rule) => {
            let plan = office.retention(rule).await?;
            plan.people.iter().for_each(|one| show(one, context));
            context.terminal.result(&summary(&plan, rule), &summary_document(&plan, rule));
        }
        What::Person(id) => {
            let traces = office.traces(id).await?;
            context.terminal.result(&words(id, &traces), &traces_document(id, &traces));
        }
    }
    Ok(())
}

async fn do_it(office: &Office, what: &What, context: &Context) -> Result<(), AdminError> {
    let done = match what {
        What::Rule(rule) => office.apply_retention(rule).await?,
        What::Person(id) => office.erase_person(id).await?,
    };
    // Nobody is named: this may go into a log that is kept longer.
    let Retained { erased, files } = done;
    let (files_line, files_name) = match files {
        Scrubbed::Whole => ("The database's file has none of it any more.", "clean"),
        Scrubbed::LogInUse => (
            "The database's write-ahead log (-wal) may still have it, as it was being read all the time: do it \
             again, or stop CUHK and do it then.",
            "log-in-use",
        ),
        Scrubbed::ByServer => (
            "PostgreSQL's files have it until VACUUM FULL was done, and its archived write-ahead logs until they are \
             deleted.",
            "by-server",
        ),
    };
    let line = match erased == Erased::default() {
        true => format!("There was nothing to erase. {files_line}"),
        false => format!("Erased: {}. {files_line}", counted(&erased)),
    };
    let mut document = document(&erased);
    document["applied"] = true.into();
    document["files"] = files_name.into();
    context.terminal.result(&line, &document);
    Ok(())
}

fn show(one: &Departed, context: &Context) {
    let Departed { id, removed_at, certificates, ended_at, codes } = one;
    let left = removed_at.map_or("not on the roster".to_owned(), |at| format!("left {at}"));
    let ended = ended_at.map_or(String::new(), |at| format!(", the last ended {at}"));
    let line = format!("{id:<12}  {left}  certificates: {certificates}{ended}  codes: {codes}");
    let document = json!({
        "person": id, "removed_at": removed_at, "certificates": certificates, "ended_at": ended_at, "codes": codes,
    });
    context.terminal.result(&line, &document);
}

fn summary(plan: &RetentionPlan, rule: &RetentionRule) -> String {
    let days = rule.keep_days;
    let held = match &plan.held[..] {
        [] => String::new(),
        held => {
            let held: Vec<String> = held.iter().map(ToString::to_string).collect();
            format!(" Kept by --hold: {}.", held.join(", "))
        }
    };
    format!(
        "--apply would erase: {} who left, and whose last certificate ended, more than {} ago; {} and {} that were over {} \
         ago.{held}\nNothing was erased.",
        number(plan.people.len() as u64, "person", "people"),
        number(u64::from(days), "day", "days"),
        number(plan.spent.codes, "code", "codes"),
        number(plan.spent.mails, "mail", "mails"),
        number(u64::from(days.min(SPENT_DAYS)), "day", "days"),
    )
}

fn summary_document(plan: &RetentionPlan, rule: &RetentionRule) -> Value {
    json!({
        "applied": false, "keep_days": rule.keep_days, "people": plan.people.len(), "held": plan.held,
        "codes": plan.spent.codes, "mails": plan.spent.mails,
    })
}

/// What goes and what stays of one person, for somebody who has to answer that person.
fn words(id: &PersonId, traces: &Traces) -> String {
    let on_it = match (traces.is_on_roster, traces.was_on_roster) {
        (true, _) => {
            "the roster's record (name, mail address, role), from which the person must be taken off first; "
        }
        (_, true) => "the roster's record (name, mail address, role); ",
        (false, false) => "",
    };
    let good = match traces.good {
        0 => String::new(),
        good => format!(", {good} of which must be revoked first"),
    };
    format!(
        "Of {id} --apply would erase: {on_it}the id, key, device and content of {}{good}; {}; {}; {}; who, whom and what in {} \
         of the audit log.\n\
         What stays: the serial numbers of the certificates with their dates, their SHA-256, how their holder was known, and \
         whether they were revoked, since no serial number may be given out twice and nothing that was revoked may become \
         good; and that something was done at the time of each entry, since the audit log could not be verified otherwise. \
         None of it has the id.\n\
         Not reached from here: backups; archives of the audit log (`claim cuhk audit redact`); what Blackboard has; receipts, \
         which have their own copy of the certificate; and your roster file, with which an import would put the person \
         back.\n\
         Nothing was erased.",
        number(traces.certificates, "certificate", "certificates"),
        number(traces.codes, "code", "codes"),
        number(traces.mails, "mail", "mails"),
        number(traces.sign_ins, "sign-in", "sign-ins"),
        number(traces.entries, "entry", "entries"),
    )
}

fn traces_document(id: &PersonId, traces: &Traces) -> Value {
    json!({
        "applied": false, "person": id, "on_roster": traces.is_on_roster, "certificates": traces.certificates,
        "good_certificates": traces.good, "codes": traces.codes, "mails": traces.mails, "sign_ins": traces.sign_ins,
        "entries": traces.entries,
    })
}

fn counted(erased: &Erased) -> String {
    [
        number(erased.people, "person", "people"),
        number(erased.certificates, "certificate", "certificates"),
        number(erased.codes, "code", "codes"),
        number(erased.mails, "mail", "mails"),
        number(erased.sign_ins, "sign-in", "sign-ins"),
        format!(
            "who, whom and what in {} of the audit log",
            number(erased.entries, "entry", "entries")
        ),
    ]
    .join(", ")
}

fn document(erased: &Erased) -> Value {
    json!({
        "people": erased.people, "certificates": erased.certificates, "codes": erased.codes, "mails": erased.mails,
        "sign_ins": erased.sign_ins, "entries": erased.entries,
    })
}

fn number(count: u64, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
