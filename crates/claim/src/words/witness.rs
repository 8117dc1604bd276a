//! What the terminal of a witness says.

use claim_witness::Event;
use serde_json::json;

use super::{health_line, join, tls_not_reloaded, tls_reloaded, warning};
use crate::terminal::Words;

/// The words for an event of a witness.
pub(crate) fn words(event: &Event) -> Words {
    match event {
        Event::KeyPutAside { path, name } => {
            let name = name.as_ref().map_or_else(String::new, |name| format!(" of {name}"));
            Words {
                json: Some(json!({ "event": "key-put-aside", "file": path })),
                ..warning(format!(
                    "The records here do not remember what the key{name} in {} has cosigned, so it is put aside \
                     and cosigns nothing more: this witness takes a new key. Have the old certificate revoked \
                     (claim cuhk revoke SERIAL).",
                    path.display()
                ))
            }
        }
        Event::Listening { key, origin, addresses, logs, metrics } => Words {
            plain: Some(format!(
                "Witness {} listens on {} as {origin}.{}\n\
                 It witnesses {}.\n\
                 Its key, for claim verify --witness: {key}",
                key.name(),
                join(addresses),
                health_line(*metrics),
                logs.join(" and ")
            )),
            json: Some(json!({ "event": "listening", "name": key.name().as_str(),
                "key": key.to_string(), "origin": origin, "addresses": addresses, "logs": logs,
                "metrics": metrics })),
            ..Words::default()
        },
        Event::LogSplit { origin, size } => Words {
            json: Some(json!({ "event": "log-split", "origin": origin, "size": size })),
            ..warning(format!(
                "The log {} shows two histories: it has signed two different trees of {size} entries. Both checkpoints are kept in the records here; nothing more of it is cosigned that does not continue the first.",
                origin.escape_debug()
            ))
        },
        Event::TlsReloaded { not_after } => tls_reloaded(*not_after),
        Event::TlsNotReloaded { reason } => tls_not_reloaded(reason),
        Event::Refused { problem_type, detail, peer } => Words {
            plain: Some(format!("Refused {peer}: {} ({detail})", problem_type.title())),
            json: Some(
                json!({ "event": "refused", "problem": problem_type.slug(), "detail": detail, "peer": peer }),
            ),
            ..Words::default()
        },
        _ => Words::default(),
    }
}
