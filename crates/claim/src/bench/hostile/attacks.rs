//! The attacks: each is what one connection does, and how many of them do it at once.

mod below;
mod http1;
mod http2;
mod protocol;

use std::future::Future;
use std::pin::Pin;

use anyhow::Result;

use super::Victim;
use super::stage::Stage;

/// One attack.
pub(super) struct Attack {
    pub(super) name: &'static str,
    pub(super) victim: Victim,
    /// What it does, in a few words.
    pub(super) what: &'static str,
    /// How many do it at once; each begins anew when it is through.
    pub(super) at_once: usize,
    /// From connecting to the end, whichever side makes it.
    pub(super) play: for<'s> fn(&'s Stage) -> Playing<'s>,
}

pub(super) type Playing<'s> = Pin<Box<dyn Future<Output = Result<()>> + Send + 's>>;

use Victim::{Blackboard, Cuhk};

/// All of them. The first is none: what the students lose to it, they lose to the attacker's share of the machine.
pub(super) const ATTACKS: [Attack; 24] = [
    Attack {
        name: "control",
        victim: Blackboard,
        what: "burns one processor and leaves the servers alone",
        at_once: 1,
        play: |_| Box::pin(below::control()),
    },
    Attack {
        name: "half-open",
        victim: Blackboard,
        what: "opens connections and says nothing",
        at_once: 1_000,
        play: |stage| Box::pin(below::half_open(stage)),
    },
    Attack {
        name: "connections",
        victim: Blackboard,
        what: "opens connections and closes them",
        at_once: 16,
        play: |stage| Box::pin(below::connections(stage)),
    },
    Attack {
        name: "slow-handshakes",
        victim: Blackboard,
        what: "sends its first TLS message byte by byte",
        at_once: 500,
        play: |stage| Box::pin(below::slow_handshake(stage)),
    },
    Attack {
        name: "handshakes",
        victim: Blackboard,
        what: "does whole TLS handshakes and goes",
        at_once: 32,
        play: |stage| Box::pin(below::handshake(stage)),
    },
    Attack {
        name: "certificate-handshakes",
        victim: Cuhk,
        what: "shows a certificate in TLS handshakes and goes",
        at_once: 32,
        play: |stage| Box::pin(below::certified_handshake(stage)),
    },
    Attack {
        name: "slow-headers",
        victim: Blackboard,
        what: "sends headers byte by byte",
        at_once: 300,
        play: |stage| Box::pin(http1::slow_header(stage)),
    },
    Attack {
        name: "slow-bodies",
        victim: Blackboard,
        what: "sends content byte by byte",
        at_once: 300,
        play: |stage| Box::pin(http1::slow_body(stage)),
    },
    Attack {
        name: "slow-readers",
        victim: Blackboard,
        what: "asks for pages and reads none",
        at_once: 300,
        play: |stage| Box::pin(http1::slow_reader(stage)),
    },
    Attack {
        name: "endless-bodies",
        victim: Blackboard,
        what: "sends content without end",
        at_once: 32,
        play: |stage| Box::pin(http1::endless_body(stage)),
    },
    Attack {
        name: "pipelining",
        victim: Blackboard,
        what: "sends requests without waiting for answers",
        at_once: 16,
        play: |stage| Box::pin(http1::pipelining(stage)),
    },
    Attack {
        name: "rapid-reset",
        victim: Blackboard,
        what: "takes HTTP/2 requests back at once (CVE-2023-44487)",
        at_once: 16,
        play: |stage| Box::pin(http2::rapid_reset(stage)),
    },
    Attack {
        name: "continuation",
        victim: Blackboard,
        what: "sends HTTP/2 headers without end",
        at_once: 16,
        play: |stage| Box::pin(http2::continuation(stage)),
    },
    Attack {
        name: "settings",
        victim: Blackboard,
        what: "floods with HTTP/2 SETTINGS",
        at_once: 16,
        play: |stage| Box::pin(http2::settings(stage)),
    },
    Attack {
        name: "pings",
        victim: Blackboard,
        what: "floods with HTTP/2 PING",
        at_once: 16,
        play: |stage| Box::pin(http2::pings(stage)),
    },
    Attack {
        name: "zero-windows",
        victim: Blackboard,
        what: "asks in many streams and lets no answer through",
        at_once: 300,
        play: |stage| Box::pin(http2::zero_window(stage)),
    },
    Attack {
        name: "tiny-windows",
        victim: Blackboard,
        what: "takes answers byte by byte",
        at_once: 50,
        play: |stage| Box::pin(http2::tiny_window(stage)),
    },
    Attack {
        name: "header-bombs",
        victim: Blackboard,
        what: "sends small HPACK that unfolds into large headers",
        at_once: 16,
        play: |stage| Box::pin(http2::header_bomb(stage)),
    },
    Attack {
        name: "requests",
        victim: Blackboard,
        what: "asks for the start page as fast as it is answered",
        at_once: 32,
        play: |stage| Box::pin(protocol::requests(stage)),
    },
    Attack {
        name: "challenges",
        victim: Blackboard,
        what: "begins sessions with somebody else's certificate",
        at_once: 200,
        play: |stage| Box::pin(protocol::challenges(stage)),
    },
    Attack {
        name: "garbage-certificates",
        victim: Blackboard,
        what: "begins sessions with certificates that lead nowhere",
        at_once: 200,
        play: |stage| Box::pin(protocol::garbage(stage)),
    },
    Attack {
        name: "one-session",
        victim: Blackboard,
        what: "sends messages in one session by a thousand connections",
        at_once: 1_000,
        play: |stage| Box::pin(protocol::one_session(stage)),
    },
    Attack {
        name: "wrong-codes",
        victim: Cuhk,
        what: "tries enrolment codes",
        at_once: 64,
        play: |stage| Box::pin(protocol::wrong_codes(stage)),
    },
    Attack {
        name: "cuhk-handshakes",
        victim: Cuhk,
        what: "does whole TLS handshakes with CUHK and goes",
        at_once: 32,
        play: |stage| Box::pin(below::cuhk_handshake(stage)),
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::ATTACKS;

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = ATTACKS.iter().map(|attack| attack.name).collect();
        assert_eq!(names.len(), ATTACKS.len());
    }
}
