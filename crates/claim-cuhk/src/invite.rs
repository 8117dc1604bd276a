//! Invitations: made, put on record as a hash, and shown once.

use claim_core::invitation::{Code, Invitation, Invitee, RootPin};
use claim_core::{Origin, Timestamp};
use claim_store::cuhk::{Invitation as Record, Invitee as Invited};

use claim_http::system_rng;

/// Where invitations lead, and how long they last.
#[derive(Clone, Debug)]
pub(crate) struct Invitations {
    pub(crate) cuhk: Origin,
    pub(crate) pin: RootPin,
    /// How long a code is valid, in seconds.
    pub(crate) life: i64,
}

impl Invitations {
    /// An invitation with a fresh code, and what goes on record of it.
    pub(crate) fn make(&self, invitee: Invitee, now: Timestamp) -> (Invitation, Record) {
        let invited = match &invitee {
            Invitee::Person(id) => Invited::Person(id.clone()),
            Invitee::Server(origin) => Invited::Server(origin.clone()),
        };
        self.make_as(invitee, invited, now)
    }

    /// The invitation for whichever server is started on this machine.
    pub(crate) fn make_for_any_loopback_server(&self, now: Timestamp) -> (Invitation, Record) {
        self.make_as(loopback_invitee(), Invited::AnyLoopbackServer, now)
    }

    fn make_as(&self, invitee: Invitee, invited: Invited, now: Timestamp) -> (Invitation, Record) {
        let code = Code::random(&mut system_rng());
        let record = Record {
            code_hash: *code.hash(&invitee).as_bytes(),
            invitee: invited,
            created_at: now,
            expires_at: now.plus_seconds(self.life),
        };
        (Invitation { cuhk: self.cuhk.clone(), invitee, code, pin: self.pin }, record)
    }
}

/// The id in the invitation for any loopback server: the one loopback origin that no server has, as it lacks a port.
#[allow(clippy::expect_used, reason = "the text is a constant, and a test reads it")]
pub(crate) fn loopback_invitee() -> Invitee {
    Invitee::Server("https://localhost".parse().expect("an origin"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use claim_core::Digest;

    use super::*;

    #[test]
    fn what_is_on_record_fits_what_is_shown() {
        let cuhk = "https://localhost:9335".parse().unwrap();
        let invitations = Invitations { cuhk, pin: RootPin::of(&Digest::of(b"root")), life: 60 };
        let now = Timestamp::from_seconds(1000);
        let (shown, record) = invitations.make_for_any_loopback_server(now);
        assert!(shown.expose().contains("/https%3A%2F%2Flocalhost/"));
        assert_eq!(record.code_hash, *shown.code.hash(&shown.invitee).as_bytes());
        assert_eq!(record.expires_at, Timestamp::from_seconds(1060));
        let person = Invitee::Person("1155123456".parse().unwrap());
        let (first, second) =
            (invitations.make(person.clone(), now), invitations.make(person, now));
        assert_ne!(first.1.code_hash, second.1.code_hash);
    }
}
