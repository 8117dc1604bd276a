//! Who counts as one stranger.

use std::net::{IpAddr, Ipv6Addr};

/// What counts as one address: IPv4 as it is, IPv6 by its /64, of which one subscriber has all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Household(IpAddr);

impl From<IpAddr> for Household {
    fn from(peer: IpAddr) -> Self {
        Self(match peer.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                IpAddr::V6(Ipv6Addr::from(network))
            }
            ipv4 => ipv4,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[test]
    fn an_ipv4_address_and_a_64_of_ipv6_are_one_household_each() {
        let household = |text: &str| Household::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(household("192.0.2.1"), household("::ffff:192.0.2.1"));
        assert_ne!(household("192.0.2.1"), household("192.0.2.2"));
        assert_eq!(household("2001:db8:0:1::1"), household("2001:db8:0:1:ffff::2"));
        assert_ne!(household("2001:db8:0:1::1"), household("2001:db8:0:2::1"));
    }
}
