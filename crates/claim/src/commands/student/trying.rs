//! `claim staff try`: what a student would see, and what would become of a hand-in, without one.

use std::sync::Arc;

use anyhow::Result;
use claim_core::PersonId;
use claim_core::hand_in::late_ms;
use claim_course::api::StudentView;
use claim_course::time::shown;
use claim_student::Plan;
use serde_json::json;

use super::job::failed;
use super::{observed, the_one_person};
use crate::cli::staff::{TryArgs, WhoArgs};
use crate::commands::Context;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::words;

/// Goes the whole way up to the signature: nothing is signed, kept or lodged.
pub(crate) async fn try_as(arguments: TryArgs, who: WhoArgs, context: &Context) -> Result<Exit> {
    let terminal = context.terminal;
    let TryArgs { assignment, paths, student } = arguments;
    let progress = Arc::new(Progress::new(terminal));
    let observer = {
        let progress = Arc::clone(&progress);
        move |event| progress.tell(&event, &words::student::words(&event))
    };
    let id = who.id.clone();
    let program = observed(who.servers(), context, Arc::new(observer))?;
    let id = match the_one_person(&program, id, terminal) {
        Ok(id) => id,
        Err(exit) => return Ok(exit),
    };
    let collected = match program.collect(paths).await {
        Ok(collected) => collected,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    let mut session = match program.open_session(&id).await {
        Ok(session) => session,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    let view = match session.student_view(&assignment, &student).await {
        Ok(view) => view,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    progress.clear();
    let StudentView { server_time: now, visible_from, assignment } = view;
    terminal.say(&format!("What {student} sees with `claim student status`:"));
    if let Some(from) = visible_from.filter(|from| now < *from) {
        let from = shown(from, &assignment.zone);
        terminal.say(&format!("(Not yet: students see it from {from} on.)"));
    }
    terminal.say(&words::hand_in::assignment(&assignment, now));
    let left_out: Vec<_> = collected.left_out().iter().map(words::hand_in::left_out).collect();
    let plan = match Plan::new(collected, assignment.clone(), None, now) {
        Ok(plan) => plan,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    let manifest = match session.draft(&plan) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(failed(&error, &progress, terminal)),
    };
    terminal.say("\nWhat is shown before it is signed:");
    let signer = PersonId::from(student.clone());
    for line in words::hand_in::plan(&signer, &plan, now, "Blackboard's clock") {
        terminal.say(&line);
    }
    let files: Vec<_> = manifest.files.entries().iter().map(words::hand_in::file).collect();
    let document = json!({
        "event": "tried", "as": student, "visible_from": visible_from, "server_time": now,
        "late_ms": late_ms(now, assignment.due), "assignment": assignment, "files": files,
        "left_out": left_out,
    });
    terminal.result(&words::hand_in::tried(&assignment, now), &document);
    Ok(Exit::Done)
}
