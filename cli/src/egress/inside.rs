//! Which host the server means by a name or an address, and whether it may.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use mcpkg_core::permissions::{Host, HostPort};

use super::plan::{FIRST_BELOW, LOCALHOST, METADATA, addresses_from};
use super::{Denial, Plan, Reason};

/// The most hosts below wildcards that get an address in one launch. No address is
/// given to a second host: what connects to it still means the first.
const MAX_BELOW: usize = 4096;

/// A host and port that was granted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Destination {
    /// A name or an address, and never a wildcard.
    pub(super) host: Host,
    pub(super) port: u16,
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// What the addresses inside mean.
pub(super) struct Inside {
    plan: Plan,
    below: Mutex<Below>,
}

/// Hosts below wildcards that were asked for.
#[derive(Default)]
struct Below {
    addresses: BTreeMap<String, Ipv4Addr>,
    names: BTreeMap<Ipv4Addr, String>,
}

impl Inside {
    pub(super) fn new(plan: Plan) -> Self {
        Self { plan, below: Mutex::default() }
    }

    /// The address of `name`, in lower case, if any port of it was granted.
    pub(super) fn look_up(&self, name: &str) -> Result<Ipv4Addr, Reason> {
        if name == LOCALHOST {
            return Ok(Ipv4Addr::LOCALHOST);
        }
        if let Some(address) = self.plan.named().get(name) {
            return Ok(*address);
        }
        let is_granted = |grant: &HostPort| grant.host().is_name(name);
        if !self.plan.grants().iter().any(is_granted) || !is_host(name) {
            return Err(Reason::NotGranted);
        }
        let mut below = self.below.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(address) = below.addresses.get(name) {
            return Ok(*address);
        }
        let address = addresses_from(FIRST_BELOW, self.plan.grants())
            .take(MAX_BELOW)
            .nth(below.names.len())
            .ok_or(Reason::TooManyNames)?;
        below.addresses.insert(name.to_owned(), address);
        below.names.insert(address, name.to_owned());
        Ok(address)
    }

    /// What a connection to `address` inside is for.
    pub(super) fn destination(&self, address: SocketAddr) -> Result<Destination, Denial> {
        let port = address.port();
        let granted = |is_host: &dyn Fn(&Host) -> bool| {
            let is_granted =
                |grant: &&HostPort| grant.port().is_port(port) && is_host(grant.host());
            self.plan.grants().iter().find(is_granted)
        };
        let (literal, name) = match address.ip() {
            IpAddr::V4(v4) => (Host::V4(v4), self.name_of(v4)),
            IpAddr::V6(v6) => (Host::V6(v6), None),
        };
        if granted(&|host| *host == literal).is_some() {
            return Ok(Destination { host: literal, port });
        }
        let Some(name) = name else {
            let is_metadata = METADATA.contains(&address.ip());
            let reason = if is_metadata { Reason::Metadata } else { Reason::NotGranted };
            return Err(Denial { host: literal.to_string(), port: Some(port), reason });
        };
        // Another port of the host may be granted, and this one not.
        if granted(&|host| host.is_name(&name)).is_none() {
            return Err(Denial { host: name, port: Some(port), reason: Reason::NotGranted });
        }
        Ok(Destination { host: Host::Name(name), port })
    }

    fn name_of(&self, address: Ipv4Addr) -> Option<String> {
        if address == Ipv4Addr::LOCALHOST {
            return Some(LOCALHOST.to_owned());
        }
        let named = self.plan.named().iter().find(|(_, own)| **own == address);
        named.map(|(name, _)| name.clone()).or_else(|| {
            let below = self.below.lock().unwrap_or_else(PoisonError::into_inner);
            below.names.get(&address).cloned()
        })
    }
}

/// Whether a grant could name it: what a resolver may read as an address is no name.
fn is_host(name: &str) -> bool {
    format!("{name}:1")
        .parse::<HostPort>()
        .is_ok_and(|it| *it.host() == Host::Name(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inside(grants: &[&str]) -> Inside {
        let grants = grants.iter().map(|grant| grant.parse().unwrap()).collect();
        Inside::new(Plan::new(&grants).unwrap())
    }

    #[test]
    fn a_name_has_an_address_if_a_port_of_it_was_granted() {
        let inside = inside(&["api.example.com:443", "*.cdn.example:443"]);
        for (name, expected) in [
            ("api.example.com", Ok([127, 71, 0, 1])),
            ("localhost", Ok([127, 0, 0, 1])),
            ("x.cdn.example", Ok([127, 71, 128, 1])),
            ("a.b.cdn.example", Ok([127, 71, 128, 2])),
            ("x.cdn.example", Ok([127, 71, 128, 1])),
            ("cdn.example", Err(Reason::NotGranted)),
            ("xcdn.example", Err(Reason::NotGranted)),
            ("x.api.example.com", Err(Reason::NotGranted)),
            ("api.example.com.evil.example", Err(Reason::NotGranted)),
            ("_x.cdn.example", Err(Reason::NotGranted)),
            ("-x.cdn.example", Err(Reason::NotGranted)),
            ("", Err(Reason::NotGranted)),
        ] {
            assert_eq!(inside.look_up(name), expected.map(Ipv4Addr::from), "{name}");
        }
    }

    #[test]
    fn a_connection_is_for_what_its_address_stands_for_if_that_port_was_granted() {
        let inside = inside(&[
            "api.example.com:8443",
            "*.cdn.example:443",
            "localhost:5432",
            "10.1.2.3:22",
            "[2001:db8::1]:22",
        ]);
        inside.look_up("x.cdn.example").unwrap();
        for (address, expected) in [
            ("127.71.0.1:8443", Ok("api.example.com:8443")),
            ("127.71.128.1:443", Ok("x.cdn.example:443")),
            ("127.0.0.1:5432", Ok("localhost:5432")),
            ("10.1.2.3:22", Ok("10.1.2.3:22")),
            ("[2001:db8::1]:22", Ok("[2001:db8::1]:22")),
            // The wildcard's listener is on every address.
            ("127.71.0.1:443", Err("api.example.com:443: it was not granted")),
            ("127.71.128.2:443", Err("127.71.128.2:443: it was not granted")),
            ("127.0.0.1:443", Err("localhost:443: it was not granted")),
            ("10.1.2.3:443", Err("10.1.2.3:443: it was not granted")),
            (
                "169.254.169.254:80",
                Err("169.254.169.254:80: it is the metadata service of a cloud"),
            ),
        ] {
            let found = inside.destination(address.parse().unwrap());
            let found = found.map(|it| it.to_string()).map_err(|it| it.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned));
        }
    }

    #[test]
    fn names_below_a_wildcard_are_counted() {
        let inside = inside(&["*.cdn.example:443"]);
        for number in 0..MAX_BELOW {
            inside.look_up(&format!("n{number}.cdn.example")).unwrap();
        }
        assert_eq!(inside.look_up("one-more.cdn.example"), Err(Reason::TooManyNames));
        assert_eq!(inside.look_up("n0.cdn.example"), Ok(FIRST_BELOW));
    }
}
