//! Where a server listens.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 1024;

/// Why a server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// No address was given.
    #[error("no address to listen on")]
    NoAddress,
    /// Another program (or another copy of this one) listens there.
    #[error("{address} is in use by another program")]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system does not let this user listen there.
    #[error("this user may not listen on {address}")]
    Denied {
        /// The address.
        address: SocketAddr,
    },
    /// The machine does not have this address.
    #[error("{address} is not an address of this machine")]
    NotHere {
        /// The address.
        address: SocketAddr,
    },
    /// The system says something else.
    #[error("cannot listen on {address}: {source}")]
    Io {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

/// The default addresses for a port: this machine only, IPv4 and IPv6.
pub fn loopback(port: u16) -> [SocketAddr; 2] {
    [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

/// Listens on all of the addresses, or on none.
///
/// An IPv6 address stands for IPv6 alone: whoever wants all of both names `0.0.0.0` and `[::]`.
/// A machine without IPv6 is no error as long as one of the addresses works.
/// Must be called within a tokio runtime.
///
/// # Errors
/// [`BindError`] for the first address that does not work.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    let mut no_ipv6 = None;
    for &address in addresses {
        match listen(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if address.is_ipv6() && is_no_ipv6(&error) => {
                tracing::debug!(%address, %error, "no IPv6 here");
                no_ipv6.get_or_insert(bind_error(address, error));
            }
            Err(error) => return Err(bind_error(address, error)),
        }
    }
    if listeners.is_empty() { Err(no_ipv6.unwrap_or(BindError::NoAddress)) } else { Ok(listeners) }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `[::]` would take the port of `0.0.0.0` too, so that nobody could listen on both.
        socket.set_only_v6(true)?;
    }
    // A server that restarts need not wait until the connections of the last run are forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// `EADDRNOTAVAIL`, or `EAFNOSUPPORT` when the kernel has no IPv6 at all.
fn is_no_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

fn bind_error(address: SocketAddr, source: io::Error) -> BindError {
    match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse { address },
        io::ErrorKind::PermissionDenied => BindError::Denied { address },
        io::ErrorKind::AddrNotAvailable => BindError::NotHere { address },
        _ => BindError::Io { address, source },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test panics to fail")]
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_named() {
        let first = bind(&[(Ipv4Addr::LOCALHOST, 0).into()]).unwrap();
        let taken = first[0].local_addr().unwrap();
        assert!(matches!(
            bind(&[taken]),
            Err(BindError::InUse { address }) if address == taken
        ));
    }

    #[tokio::test]
    async fn all_of_ipv4_and_all_of_ipv6_go_together() {
        let ipv4 = bind(&[(Ipv4Addr::UNSPECIFIED, 0).into()]).unwrap();
        let port = ipv4[0].local_addr().unwrap().port();
        match bind(&[(Ipv6Addr::UNSPECIFIED, port).into()]) {
            Ok(ipv6) => assert_eq!(ipv6[0].local_addr().unwrap().port(), port),
            // A machine without IPv6.
            Err(error) => assert!(!matches!(error, BindError::InUse { .. }), "{error}"),
        }
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_named() {
        // TEST-NET-1 of RFC 5737.
        let foreign = SocketAddr::from(([192, 0, 2, 1], 0));
        assert!(matches!(bind(&[foreign]), Err(BindError::NotHere { .. })));
        assert!(matches!(bind(&[]), Err(BindError::NoAddress)));
    }

    #[tokio::test]
    async fn ipv4_is_enough() {
        // The documentation prefix of RFC 3849 stands for a machine without IPv6.
        let missing = SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), 0));
        let listeners = bind(&[(Ipv4Addr::LOCALHOST, 0).into(), missing]).unwrap();
        assert_eq!(listeners.len(), 1);
        assert!(bind(&[missing]).is_err());
    }
}
