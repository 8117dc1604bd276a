//! The roster of a course.

use claim_core::Escaped;
use claim_course::{Change, Enrolled, Member};
use serde_json::json;

use super::{Context, Desk, Done, change, course, files};
use crate::cli::course::MembersCommand;

pub(super) async fn run(command: MembersCommand, desk: &mut Desk, context: &Context) -> Done {
    match command {
        MembersCommand::Import { course, file, groups, apply } => {
            return files::roster(&course, &file, groups.as_ref(), apply, desk, context).await;
        }
        MembersCommand::List { course: id } => {
            course(desk, &id).await?;
            let mut count = 0_u64;
            desk.members(&id, |member| {
                count += 1;
                tell(&member, context);
            })
            .await?;
            if count == 0 {
                context.terminal.say(&format!("Nobody is on the roster of {id} yet."));
            }
        }
        MembersCommand::Add { course: id, sids } => {
            let seen = course(desk, &id).await?;
            let count = sids.len();
            let enrolled = |sid| Enrolled {
                sid,
                name: String::new(),
                email: String::new(),
                extra: Vec::new(),
            };
            let members = sids.into_iter().map(enrolled).collect();
            change(desk, &seen, &[Change::Members { members }]).await?;
            context.terminal.say(&format!("{count} on the roster of {id} now."));
        }
        MembersCommand::Drop { course: id, sids } => {
            let seen = course(desk, &id).await?;
            let count = sids.len();
            change(desk, &seen, &[Change::Drop { sids }]).await?;
            context.terminal.say(&format!(
                "{count} marked as having left {id}. What they handed in stays on record."
            ));
        }
    }
    Ok(())
}

fn tell(member: &Member, context: &Context) {
    let Member { sid, name, email, extra, groups, dropped_at } = member;
    let mut line = format!("{sid}  {}", Escaped(name));
    if !email.is_empty() {
        line.push_str(&format!("  {}", Escaped(email)));
    }
    for (set, group) in groups {
        line.push_str(&format!("  {set}: {}", Escaped(group.as_str())));
    }
    if let Some(at) = dropped_at {
        line.push_str(&format!("  (left {at})"));
    }
    let document = json!({
        "sid": sid, "name": name, "email": email, "extra": extra, "groups": groups,
        "dropped_at": dropped_at,
    });
    context.terminal.result(line.trim_end(), &document);
}
