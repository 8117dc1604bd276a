//! What of an entry is hashed, and how.

use claim_core::Digest;
use claim_core::encoding::lp;

use super::AuditEntry;

/// What is under the leaf.
pub(super) struct LeafData<'a> {
    pub(super) number: u64,
    pub(super) at: i64,
    pub(super) deed: &'a str,
    pub(super) authentication: &'a str,
    pub(super) credential: &'a str,
    pub(super) serial: &'a str,
    pub(super) digest: &'a [u8],
    pub(super) personal: &'a [u8; 32],
}

impl<'a> LeafData<'a> {
    pub(super) fn of(entry: &'a AuditEntry) -> Self {
        Self {
            number: entry.number,
            at: entry.at.as_millis(),
            deed: &entry.deed,
            authentication: &entry.authentication,
            credential: &entry.credential,
            serial: &entry.serial,
            digest: &entry.digest,
            personal: &entry.personal,
        }
    }

    pub(super) fn to_bytes(&self, context: &str) -> Vec<u8> {
        lp(&[
            context.as_bytes(),
            self.number.to_string().as_bytes(),
            self.at.to_string().as_bytes(),
            self.deed.as_bytes(),
            self.authentication.as_bytes(),
            self.credential.as_bytes(),
            self.serial.as_bytes(),
            self.digest,
            self.personal,
        ])
    }
}

/// The hash that stands for who, whom and what.
pub(super) fn personal(salt: &[u8], actor: &str, subject: &str, details: &str) -> [u8; 32] {
    let parts = lp(&[salt, actor.as_bytes(), subject.as_bytes(), details.as_bytes()]);
    *Digest::of(&parts).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed by `python3 -c` with hashlib and struct from the two lines of the module's documentation.
    #[test]
    fn an_entry_is_hashed_as_documented() {
        let personal = personal(&[7; 16], "ann", "1155123456", "{}");
        let leaf = LeafData {
            number: 12,
            at: 1_790_000_000_123,
            deed: "issued",
            authentication: "code",
            credential: "",
            serial: "5f0c",
            digest: &[9; 32],
            personal: &personal,
        };
        for (log, expected) in [
            (
                &crate::cuhk::audit::LOG,
                "cc95556f5b8cfdfc2106519c38cbfe2675fe6a15234668599d479019bf5d73e0",
            ),
            (
                &crate::blackboard::audit::LOG,
                "ec19d9430188ef245b550f0b8b985254aa4b4882802a9142d30d75c94a0cef37",
            ),
        ] {
            let hash = claim_log::leaf_hash(&leaf.to_bytes(log.context()));
            assert_eq!(Digest::from_bytes(*hash.as_bytes()).to_string(), expected);
        }
    }
}
