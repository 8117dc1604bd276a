//! Groups.

use std::collections::BTreeMap;

use claim_core::{Escaped, Sid};
use claim_course::{Change, GroupName, GroupPlace, GroupSet};
use serde_json::json;

use super::{Context, Desk, Done, change, course};
use crate::cli::course::GroupCommand;

pub(super) async fn run(command: GroupCommand, desk: &mut Desk, context: &Context) -> Done {
    match command {
        GroupCommand::List { course: id } => {
            course(desk, &id).await?;
            let mut groups: BTreeMap<(GroupSet, GroupName), Vec<Sid>> = BTreeMap::new();
            desk.members(&id, |member| {
                if member.dropped_at.is_none() {
                    for place in member.groups {
                        groups.entry(place).or_default().push(member.sid.clone());
                    }
                }
            })
            .await?;
            if groups.is_empty() {
                context.terminal.say(&format!("{id} has no groups yet."));
            }
            for ((set, group), sids) in &groups {
                let members: Vec<_> = sids.iter().map(Sid::as_str).collect();
                let line = format!("{set}  {}: {}", Escaped(group.as_str()), members.join(", "));
                let document = json!({ "set": set, "group": group, "sids": sids });
                context.terminal.result(&line, &document);
            }
        }
        GroupCommand::Put { course: id, group, sids, set } => {
            let seen = course(desk, &id).await?;
            let count = sids.len();
            let places = places(sids, Some(&group));
            change(desk, &seen, &[Change::Groups { set: set.set, places }]).await?;
            let group = Escaped(group.as_str()).to_string();
            context.terminal.say(&format!("{count} in the group {group} now."));
        }
        GroupCommand::Leave { course: id, sids, set } => {
            let seen = course(desk, &id).await?;
            let count = sids.len();
            let places = places(sids, None);
            change(desk, &seen, &[Change::Groups { set: set.set, places }]).await?;
            context.terminal.say(&format!("{count} in no group now."));
        }
    }
    Ok(())
}

fn places(sids: Vec<Sid>, group: Option<&GroupName>) -> Vec<GroupPlace> {
    sids.into_iter().map(|sid| GroupPlace { sid, group: group.cloned() }).collect()
}
