//! Judging again what was lodged, when due times changed.

use claim_core::claim::Holder;
use claim_core::{AssignmentRef, Timestamp};
use claim_course::{AssignmentPlan, Extension, ExtensionScope, Terms};
use sqlx::AnyConnection;

use super::{extensions, groups};
use crate::StoreError;
use crate::blackboard::assignments::holder_key;

/// Judges all claims for an assignment by the due times that hold now. What was in time by the due time that both signed
/// stays in time ([`claim_course::judged_late_ms`], here in SQL).
pub(super) async fn judge_again(
    connection: &mut AnyConnection,
    plan: &AssignmentPlan,
) -> Result<(), StoreError> {
    let reference = plan.reference();
    let extensions = extensions::holding(connection, &reference).await?;
    let for_all = |extension: &&Extension| extension.scope == ExtensionScope::All;
    let due = Terms::of(plan, extensions.iter().filter(for_all)).due;
    set_late(connection, &reference, None, due).await?;
    let mut done: Vec<&ExtensionScope> = Vec::new();
    for Extension { scope, .. } in &extensions {
        if done.contains(&scope) {
            continue;
        }
        done.push(scope);
        let holder = match scope {
            ExtensionScope::All => continue,
            ExtensionScope::Student(sid) => Some(Holder::one(sid.clone())),
            ExtensionScope::Group(group) => match &plan.groups {
                Some(set) => groups::holder(connection, &reference.course, set, group).await?,
                None => None,
            },
        };
        let Some(holder) = holder else { continue };
        let theirs = extensions.iter().filter(|extension| {
            extension.scope == ExtensionScope::All || extension.scope == *scope
        });
        let due = Terms::of(plan, theirs).due;
        set_late(connection, &reference, Some(&holder), due).await?;
    }
    Ok(())
}

async fn set_late(
    connection: &mut AnyConnection,
    reference: &AssignmentRef,
    holder: Option<&Holder>,
    due: Option<Timestamp>,
) -> Result<(), StoreError> {
    let only = holder.map(holder_key).unwrap_or_default();
    let query = match due {
        Some(_) => sqlx::query(
            "UPDATE claims SET late_ms = CASE WHEN due IS NULL \
             OR COALESCE(stamped_at, lodged_at) <= due OR COALESCE(stamped_at, lodged_at) <= $4 THEN 0 \
             ELSE COALESCE(stamped_at, lodged_at) - CASE WHEN due > $4 THEN due ELSE $4 END END \
             WHERE course = $1 AND assignment = $2 AND ($3 = '' OR holder = $3)",
        ),
        None => sqlx::query(
            "UPDATE claims SET late_ms = 0 \
             WHERE course = $1 AND assignment = $2 AND ($3 = '' OR holder = $3)",
        ),
    };
    let query =
        query.bind(reference.course.as_str()).bind(reference.assignment.as_str()).bind(only);
    let query = match due {
        Some(due) => query.bind(due.as_millis()),
        None => query,
    };
    query.execute(connection).await?;
    Ok(())
}
