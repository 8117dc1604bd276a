//! Who is staff.

use claim_course::{Change, StaffMember};
use serde_json::json;

use super::{Context, Desk, Done, change, course};
use crate::cli::course::StaffListCommand;

pub(super) async fn run(command: StaffListCommand, desk: &mut Desk, context: &Context) -> Done {
    match command {
        StaffListCommand::Add { course: id, id: person, role } => {
            let seen = course(desk, &id).await?;
            let role_given = Some(role);
            change(desk, &seen, &[Change::Staff { person: person.clone(), role: role_given }])
                .await?;
            tell(&StaffMember { person, role, since: desk.now() }, context);
        }
        StaffListCommand::Remove { course: id, id: person } => {
            let seen = course(desk, &id).await?;
            change(desk, &seen, &[Change::Staff { person: person.clone(), role: None }]).await?;
            context.terminal.say(&format!("{person} is no longer staff of {id}."));
        }
        StaffListCommand::List { course: id } => {
            let staff = desk.setup(&id).await?.staff;
            if staff.is_empty() {
                context.terminal.say(&format!(
                    "{id} has no staff yet: claim blackboard staff add {id} ID --role owner"
                ));
            }
            for member in &staff {
                tell(member, context);
            }
        }
    }
    Ok(())
}

pub(super) fn tell(member: &StaffMember, context: &Context) {
    let StaffMember { person, role, since } = member;
    let document = json!({ "id": person, "role": role, "since": since });
    context.terminal.result(&format!("{person}  {role}, since {since}"), &document);
}
