//! What was changed in a course, in words.

use claim_core::{Escaped, Timestamp};
use claim_course::ToldChange;
use serde_json::Value;

/// One change in one line, in the zone of its course.
pub(crate) fn line(change: &ToldChange) -> String {
    let ToldChange { at, course, zone, assignment, .. } = change;
    let place = match (course, assignment) {
        (Some(course), Some(assignment)) => format!("{course}/{assignment}"),
        (Some(course), None) => course.to_string(),
        (None, _) => "all courses".to_owned(),
    };
    let by = match &change.by {
        Some(by) => Escaped(by).to_string(),
        None => "the people who run Blackboard".to_owned(),
    };
    let mut line = format!("{}  {place}: {}; by {by}", zone.shown(*at), what(change));
    if let Some(reason) = change.said.get("reason") {
        line.push_str(&format!("; because: {}", shown(reason, change)));
    }
    line
}

fn what(change: &ToldChange) -> String {
    if change.is_erased {
        return format!("{}, of which the rest was erased", Escaped(&change.deed));
    }
    let said = |name: &str| change.said.get(name).map(|value| shown(value, change));
    let about = said("about").map(|about| format!("{about} ")).unwrap_or_default();
    let changed = changed(change);
    let with = |what: String| match changed.is_empty() {
        true => what,
        false => format!("{what}: {changed}"),
    };
    match change.deed.as_str() {
        "assignment-recorded" => with(is_new(change, "assignment")),
        "course-recorded" => with(is_new(change, "course")),
        "member-added" => with(format!("{about}on the roster")),
        "member-restored" => with(format!("{about}on the roster again")),
        "member-dropped" => format!("{about}off the roster"),
        "group-recorded" | "group-removed" => with(format!("{about}groups")),
        "extension-granted" => format!("more time{} until {}", whom(change), due(change)),
        "extension-revoked" => {
            format!("more time{} until {} was taken back", whom(change), due(change))
        }
        "staff-recorded" => with(format!("{about}staff")),
        "staff-removed" => with(format!("{about}no longer staff")),
        "counting-chosen" => with("staff chose which claim counts".to_owned()),
        "counting-unchosen" => with("the rule says again which claim counts".to_owned()),
        "handed-in-on-behalf" => format!(
            "staff handed in on behalf, claim {:.16}, lodged {}",
            said("claim").unwrap_or_default(),
            said("lodged_at").unwrap_or_default()
        ),
        "outage-allowed" => format!(
            "Blackboard could not be reached from {} until {}",
            said("since").unwrap_or_default(),
            said("until").unwrap_or_default()
        ),
        other => with(Escaped(&other.replace('-', " ")).to_string()),
    }
}

/// What has no value before is new.
fn is_new(change: &ToldChange, what: &str) -> String {
    match change.changed.get("title") {
        Some((Value::Null, _)) => format!("{what} set up"),
        _ => format!("{what} changed"),
    }
}

fn due(change: &ToldChange) -> String {
    change.said.get("due").map(|due| shown(due, change)).unwrap_or_default()
}

fn whom(change: &ToldChange) -> String {
    match change.said.get("for") {
        Some(Value::String(_)) => " for everybody".to_owned(),
        Some(Value::Object(one)) => one
            .iter()
            .map(|(kind, name)| format!(" for the {} {}", Escaped(kind), shown(name, change)))
            .collect(),
        _ => String::new(),
    }
}

fn changed(change: &ToldChange) -> String {
    let one = |(name, (was, is)): (&String, &(Value, Value))| {
        let name = Escaped(&name.replace('_', " ")).to_string();
        match was {
            Value::Null => format!("{name} {}", shown(is, change)),
            was => format!("{name} {} → {}", shown(was, change), shown(is, change)),
        }
    };
    let told = change.changed.iter().filter(|(_, (was, is))| !(was.is_null() && is.is_null()));
    told.map(one).collect::<Vec<_>>().join(", ")
}

fn shown(value: &Value, change: &ToldChange) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(time) => change.zone.shown(time),
            Err(_) => Escaped(text).to_string(),
        },
        other => Escaped(&other.to_string()).to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn lines() {
        let change = |deed: &str, changed: &str, said: &str| {
            let text = format!(
                r#"{{"number":7,"at":"2026-11-20T02:00:00.000Z","deed":"{deed}","course":"A","zone":"Asia/Hong_Kong",
                "assignment":"lab1","by":"chan.tm","changed":{changed},"said":{said},"is_erased":false}}"#
            );
            line(&serde_json::from_str(&text).unwrap())
        };
        let at = "2026-11-20 10:00:00.000 +08:00 (Asia/Hong_Kong)  A/lab1: ";
        let due = r#"{"due":["2026-11-24T15:59:59.999Z","2026-11-25T15:59:59.999Z"]}"#;
        assert_eq!(
            change("assignment-recorded", due, "{}"),
            format!(
                "{at}assignment changed: due 2026-11-24 23:59:59.999 +08:00 (Asia/Hong_Kong) → \
                 2026-11-25 23:59:59.999 +08:00 (Asia/Hong_Kong); by chan.tm"
            )
        );
        let said = r#"{"for":{"student":"1155123456"},"due":"2026-11-25T15:59:59.999Z","reason":"ill\u001b[31m"}"#;
        assert_eq!(
            change("extension-granted", "{}", said),
            format!(
                "{at}more time for the student 1155123456 until 2026-11-25 23:59:59.999 +08:00 (Asia/Hong_Kong); \
                 by chan.tm; because: ill\\u{{1b}}[31m"
            )
        );
        assert_eq!(change("newer-deed", "{}", "{}"), format!("{at}newer deed; by chan.tm"));
    }
}
