//! Where calls may leave for, judged by the address that is connected to and never by the name in front of it.
//!
//! A name stands for whatever its owner says, and for something else a moment later; so the addresses are looked at after the name was
//! resolved, and the connection goes to one of those that were looked at. For peers whose addresses come from outside
//! (`guarded`) everything that is not the public internet is closed: this machine, the province's own networks, the address at which
//! clouds tell their secrets. `gateway.destinations` opens of it what lies within one of the closed ranges; an entry
//! as wide as everything opens nothing of it.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use ipnet::IpNet;
use tower_service::Service;

use crate::config::door::networks;

/// What is not the public internet: the special-purpose registries of IANA (RFC 6890 and its successors), and of IPv6 everything
/// outside of 2000::/3, so that an IPv4 address within an IPv6 one finds no way either.
const CLOSED: [&str; 24] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
    "::/3",
    "4000::/2",
    "8000::/1",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
];

/// Where no file is ever, whatever a name stands for: this machine, what is beside it on the same line, everybody at once.
const NEVER: [&str; 7] =
    ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/96", "fe80::/10", "ff00::/8"];

/// The networks that a peer's calls may leave for.
#[derive(Debug)]
pub(super) struct Destinations {
    open: Vec<IpNet>,
    closed: Option<Vec<IpNet>>,
    /// Closed whatever is open.
    never: Vec<IpNet>,
    /// Open whatever is closed.
    named: Vec<IpAddr>,
}

impl Destinations {
    pub(super) fn new(open: &[String], guarded: bool) -> Self {
        let closed = guarded.then(|| networks(&CLOSED.map(str::to_owned)));
        Destinations { open: networks(open), closed, never: Vec::new(), named: Vec::new() }
    }

    /// The same for addresses that stand in documents: what somebody wrote there leads neither to this machine nor beside it, unless it is
    /// named as an address itself.
    pub(super) fn of_files(open: &[String], guarded: bool, named: Vec<IpAddr>) -> Self {
        let never = networks(&NEVER.map(str::to_owned));
        let named = named.into_iter().map(|address| address.to_canonical()).collect();
        Destinations { never, named, ..Destinations::new(open, guarded) }
    }

    /// May a connection be made to this address?
    pub(super) fn may_be(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if self.named.contains(&address) {
            return true;
        }
        if self.never.iter().any(|net| net.contains(&address)) {
            return false;
        }
        let listed = || self.open.iter().filter(|net| net.contains(&address));
        match &self.closed {
            None => self.open.is_empty() || listed().next().is_some(),
            Some(closed) if !closed.iter().any(|range| range.contains(&address)) => true,
            Some(closed) => listed().any(|net| closed.iter().any(|range| range.contains(net))),
        }
    }

    /// The same of a host that is an address by itself, for which no name is resolved.
    pub(super) fn may_be_host(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse().map_or(true, |address| self.may_be(address))
    }
}

pub(super) fn refused() -> io::Error {
    let words = "its address is not among gateway.destinations, or is closed to a guarded peer";
    io::Error::new(io::ErrorKind::PermissionDenied, words)
}

/// The system's resolver, without the addresses that no call may leave for.
#[derive(Clone)]
pub(super) struct Checked {
    resolver: GaiResolver,
    destinations: Arc<Destinations>,
}

impl Checked {
    pub(super) fn new(destinations: Arc<Destinations>) -> Self {
        Checked { resolver: GaiResolver::new(), destinations }
    }
}

impl Service<Name> for Checked {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.resolver.poll_ready(context)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (resolving, destinations) = (self.resolver.call(name), self.destinations.clone());
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolving.await?.filter(|at| destinations.may_be(at.ip())).collect();
            if found.is_empty() { Err(refused()) } else { Ok(found.into_iter()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(open: &[&str], guarded: bool, address: &str) -> bool {
        let open: Vec<String> = open.iter().map(|net| (*net).to_owned()).collect();
        Destinations::new(&open, guarded).may_be_host(address)
    }

    #[test]
    fn an_empty_list_opens_all_and_any_other_only_itself() {
        assert!(may(&[], false, "10.0.0.1") && may(&[], false, "8.8.8.8") && may(&[], false, "[::1]"));
        assert!(may(&["10.0.0.0/8"], false, "10.255.0.1"));
        assert!(may(&["10.0.0.0/8"], false, "[::ffff:10.0.0.1]"));
        assert!(!may(&["10.0.0.0/8"], false, "8.8.8.8"));
    }

    #[test]
    fn whoever_is_guarded_reaches_the_public_internet_only() {
        for closed in [
            "127.0.0.1",
            "10.1.2.3",
            "172.31.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.100.100.200",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "[::1]",
            "[::]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001:db8::1]",
            "[ff02::1]",
        ] {
            assert!(!may(&[], true, closed), "{closed}");
            assert!(!may(&["0.0.0.0/0", "::/0"], true, closed), "{closed}");
        }
        for open in ["8.8.8.8", "113.160.0.1", "[2405:4800::1]"] {
            assert!(may(&[], true, open), "{open}");
            assert!(may(&["10.0.0.0/8"], true, open), "{open}");
        }
        assert!(may(&["10.20.0.0/16"], true, "10.20.0.1"));
        assert!(!may(&["10.20.0.0/16"], true, "10.21.0.1"));
        let closed = networks(&CLOSED.map(str::to_owned));
        assert_eq!(closed.len(), CLOSED.len());
    }
}
