//! What Blackboard's terminal says of revocation lists.

use claim_core::Timestamp;
use claim_pki::SerialNumber;
use serde_json::json;

use super::warning;
use crate::terminal::Words;

/// They come to their end.
pub(super) fn end(until: Timestamp, left: i64, fault: Option<&str>) -> Words {
    let hours = left / 3600;
    let time = match hours / 24 {
        0 => format!("{hours} hours"),
        days => format!("{days} days"),
    };
    Words {
        json: Some(json!({ "event": "lists-end", "until": until, "seconds_left": left,
            "reason": fault })),
        ..warning(format!(
            "The revocation list ends at {until}, in {time}, and there is no newer one{}. Until then everything goes on; after that nobody opens a session or hands in. Start CUHK, or lay out its folder public elsewhere and name the place with --crl-from.",
            because(fault)
        ))
    }
}

/// They have ended.
pub(super) fn ended(until: Timestamp, fault: Option<&str>) -> Words {
    Words {
        json: Some(json!({ "event": "lists-ended", "until": until, "reason": fault })),
        ..warning(format!(
            "THE REVOCATION LIST HAS ENDED, at {until}, and there is no newer one{}. Nobody opens a session or hands in any more, as nobody can tell whose certificate is revoked; sessions that are open go on. Start CUHK, or lay out its folder public elsewhere and name the place with --crl-from.",
            because(fault)
        ))
    }
}

/// There are newer ones.
pub(super) fn renewed(until: Timestamp) -> Words {
    Words {
        plain: Some(format!("There is a newer revocation list; it ends at {until}.")),
        json: Some(json!({ "event": "lists-renewed", "until": until })),
        ..Words::default()
    }
}

/// The root has revoked a key of this Blackboard's evidence.
pub(super) fn evidence_revoked(serial: &SerialNumber) -> Words {
    Words {
        json: Some(json!({ "event": "evidence-revoked", "serial": serial.to_string() })),
        ..warning(format!(
            "THE ROOT HAS REVOKED certificate {serial}, by which this Blackboard timestamps or logs. No claims are taken any more: nobody would believe their receipts. OPERATIONS.md, \"Revoking\", says how to proceed."
        ))
    }
}

fn because(fault: Option<&str>) -> String {
    fault.map_or(String::new(), |fault| format!(" ({})", fault.escape_debug()))
}
