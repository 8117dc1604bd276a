//! What Blackboard's terminal says of clocks.

use claim_blackboard::ClockNews;
use serde_json::json;

use super::{plain, warning};
use crate::terminal::Words;

/// How to find out which clock is right.
const HOW: &str = "Compare them with a clock that is right: `date -u`; `chronyc tracking` or `timedatectl` tells whether a machine follows a time server.";

/// The words for news of the clocks.
pub(super) fn words(news: &ClockNews) -> Words {
    match news {
        ClockNews::Leapt { by } => Words {
            json: Some(json!({ "event": "clock-leapt", "by_ms": by })),
            ..warning(format!(
                "THIS MACHINE'S CLOCK WAS SET {} while Blackboard serves. Hand-ins are judged as if it had not been, until CUHK's clock tells which is right.",
                moved(*by)
            ))
        },
        ClockNews::LeapWrong { by } => Words {
            json: Some(json!({ "event": "clock-wrong", "ahead_ms": by })),
            ..warning(format!(
                "THIS MACHINE'S CLOCK IS WRONG: it is {}, as CUHK's clock shows. Hand-ins are judged by the right time as long as Blackboard is not started anew; set the clock.",
                off(*by)
            ))
        },
        ClockNews::LeapOver => Words {
            json: Some(json!({ "event": "clock-back" })),
            ..plain("This machine's clock agrees with Blackboard's time again.".to_owned())
        },
        ClockNews::Followed { by } => Words {
            json: Some(json!({ "event": "clock-followed", "by_ms": by })),
            ..warning(format!(
                "This machine's clock was set {}, and CUHK's clock confirms it: hand-ins are judged by it from now on. What was judged before stays as it was; compare it with the times in the receipts if a deadline was near.",
                moved(*by)
            ))
        },
        ClockNews::Differs { witness, ahead_ms } => Words {
            json: Some(
                json!({ "event": "clock-differs", "witness": witness, "ahead_ms": ahead_ms }),
            ),
            ..warning(format!(
                "THE CLOCKS DIFFER: this machine's is {} by that of the witness {witness}. One of the two is wrong; hand-ins are judged by this one, and receipts prove it by the other. {HOW} Set the wrong one. Blackboard would not start like this.",
                off(*ahead_ms)
            ))
        },
        ClockNews::Agrees { witness } => Words {
            json: Some(json!({ "event": "clock-agrees", "witness": witness })),
            ..plain(format!("This machine's clock and that of the witness {witness} agree again."))
        },
        _ => Words::default(),
    }
}

/// "forward by 3600 s".
fn moved(by: i64) -> String {
    format!("{} by {}", if by > 0 { "forward" } else { "back" }, seconds(by))
}

/// "3600 s ahead".
fn off(by: i64) -> String {
    format!("{} {}", seconds(by), if by > 0 { "ahead" } else { "behind" })
}

/// With a decimal where it is a matter of seconds.
fn seconds(millis: i64) -> String {
    let millis = millis.unsigned_abs();
    match millis {
        ..60_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => format!("{} s", (millis + 500) / 1000),
    }
}
