//! Which address inside stands for which grant.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use mcpkg_core::permissions::{Host, HostPort, Port};
use serde::{Deserialize, Serialize};

use super::EgressError;

/// Where the server's questions about names are answered.
pub(super) const NAME_SERVER: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), 53);

/// What `localhost` is, here and everywhere (RFC 6761, section 6.3).
pub(super) const LOCALHOST: &str = "localhost";

/// The first address of the hosts that are granted by name.
const FIRST_NAMED: Ipv4Addr = Ipv4Addr::new(127, 71, 0, 1);

/// The first address of the hosts that turn up below a wildcard.
pub(super) const FIRST_BELOW: Ipv4Addr = Ipv4Addr::new(127, 71, 128, 1);

/// Where clouds answer their machines over HTTP, and where theft of credentials
/// begins. Nothing is reachable there; these are listened at so that a server that
/// tries is noticed.
///
/// AWS, Azure, GCP and others; AWS containers; Alibaba; Oracle; Azure's host; AWS
/// over IPv6.
pub(super) const METADATA: [IpAddr; 6] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// `/etc/nsswitch.conf` for the inside: the hosts file, then the name server there.
///
/// The system's own may ask `systemd-resolved`, `nscd` or Avahi first, over Unix
/// sockets that lead out of the namespace.
pub const NSSWITCH_CONF: &str =
    "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n";

/// Which address inside stands for which granted host.
///
/// The same grants make the same plan, so both sides of the namespace have it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "BTreeSet<HostPort>", into = "BTreeSet<HostPort>")]
pub struct Plan {
    grants: BTreeSet<HostPort>,
    named: BTreeMap<String, Ipv4Addr>,
}

impl Plan {
    /// The plan for these grants.
    ///
    /// # Errors
    ///
    /// [`EgressError::EveryPort`] and [`EgressError::Nowhere`]: a grant that cannot
    /// be enforced is refused, not widened and not left out.
    pub fn new(grants: &BTreeSet<HostPort>) -> Result<Self, EgressError> {
        for grant in grants {
            if grant.port() == Port::Any {
                return Err(EgressError::EveryPort(grant.clone()));
            }
            if !is_somewhere(grant.host()) {
                return Err(EgressError::Nowhere(grant.clone()));
            }
        }
        let hosts: BTreeSet<&str> = grants
            .iter()
            .filter_map(|grant| match grant.host() {
                Host::Name(name) if name != LOCALHOST => Some(name.as_str()),
                _ => None,
            })
            .collect();
        let addresses = addresses_from(FIRST_NAMED, grants);
        let named = hosts.into_iter().map(str::to_owned).zip(addresses).collect();
        Ok(Self { grants: grants.clone(), named })
    }

    /// `/etc/hosts` for the inside.
    pub fn hosts(&self) -> String {
        let mut text = String::from("127.0.0.1 localhost\n");
        for (name, address) in &self.named {
            writeln!(text, "{address} {name}").unwrap_or_else(|_| unreachable!("it is a string"));
        }
        text
    }

    /// `/etc/resolv.conf` for the inside. No name is completed: `search .`.
    pub fn resolv_conf(&self) -> String {
        format!("nameserver {}\nsearch .\n", NAME_SERVER.ip())
    }

    /// What was granted.
    pub(super) fn grants(&self) -> &BTreeSet<HostPort> {
        &self.grants
    }

    /// The hosts that are granted by name, and their addresses.
    pub(super) fn named(&self) -> &BTreeMap<String, Ipv4Addr> {
        &self.named
    }

    /// Where to listen for what was granted.
    ///
    /// A port that is granted for a wildcard is listened at on every address: the
    /// addresses of the hosts below it are not known yet.
    #[cfg(any(test, target_os = "linux"))]
    pub(super) fn listeners(&self) -> BTreeSet<SocketAddr> {
        let every = self.ports_of_wildcards();
        self.grants
            .iter()
            .filter_map(|grant| {
                let Port::One(port) = grant.port() else { return None };
                let address = match grant.host() {
                    Host::V6(address) => IpAddr::V6(*address),
                    _ if every.contains(&port) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                    Host::V4(address) => IpAddr::V4(*address),
                    Host::Name(name) if name == LOCALHOST => IpAddr::V4(Ipv4Addr::LOCALHOST),
                    Host::Name(name) => IpAddr::V4(*self.named.get(name)?),
                    Host::Below(_) => return None,
                };
                Some(SocketAddr::new(address, port))
            })
            .chain(every.iter().map(|port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, *port))))
            .collect()
    }

    /// Where to listen for what nobody should try.
    #[cfg(any(test, target_os = "linux"))]
    pub(super) fn tripwires(&self) -> BTreeSet<SocketAddr> {
        const HTTP: u16 = 80;
        let is_covered = self.ports_of_wildcards().contains(&HTTP);
        METADATA
            .into_iter()
            .filter(|address| !(is_covered && address.is_ipv4()))
            .map(|address| SocketAddr::new(address, HTTP))
            .filter(|address| !self.listeners().contains(address))
            .collect()
    }

    /// The addresses that have to be the loopback interface's, for the server to
    /// connect to them.
    #[cfg(any(test, target_os = "linux"))]
    pub(super) fn addresses(&self) -> BTreeSet<IpAddr> {
        let granted = self.grants.iter().filter_map(|grant| match grant.host() {
            Host::V4(address) => Some(IpAddr::V4(*address)),
            Host::V6(address) => Some(IpAddr::V6(*address)),
            Host::Name(_) | Host::Below(_) => None,
        });
        granted.filter(|address| !address.is_loopback()).collect()
    }

    #[cfg(any(test, target_os = "linux"))]
    fn ports_of_wildcards(&self) -> BTreeSet<u16> {
        self.grants
            .iter()
            .filter_map(|grant| match (grant.host(), grant.port()) {
                (Host::Below(_), Port::One(port)) => Some(port),
                _ => None,
            })
            .collect()
    }
}

/// Addresses to hand out, from `first` on, without those that are granted as such.
pub(super) fn addresses_from(
    first: Ipv4Addr,
    grants: &BTreeSet<HostPort>,
) -> impl Iterator<Item = Ipv4Addr> {
    (u32::from(first)..)
        .map(Ipv4Addr::from)
        .filter(|address| !grants.iter().any(|grant| *grant.host() == Host::V4(*address)))
}

/// Whether a connection to it is possible, and its address has one spelling.
fn is_somewhere(host: &Host) -> bool {
    match host {
        Host::Name(_) | Host::Below(_) => true,
        Host::V4(address) => {
            !(address.is_unspecified() || address.is_multicast() || address.is_broadcast())
        }
        Host::V6(address) => {
            !(address.is_unspecified()
                || address.is_multicast()
                || address.to_ipv4_mapped().is_some())
        }
    }
}

impl TryFrom<BTreeSet<HostPort>> for Plan {
    type Error = EgressError;

    fn try_from(grants: BTreeSet<HostPort>) -> Result<Self, EgressError> {
        Self::new(&grants)
    }
}

impl From<Plan> for BTreeSet<HostPort> {
    fn from(plan: Plan) -> Self {
        plan.grants
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(grants: &[&str]) -> Result<Plan, EgressError> {
        Plan::new(&grants.iter().map(|grant| grant.parse().unwrap()).collect())
    }

    fn listeners(grants: &[&str]) -> Vec<String> {
        plan(grants).unwrap().listeners().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_granted_host_is_listened_for_at_an_address_of_its_own() {
        for (grants, expected) in [
            (
                &["a.example:443", "a.example:80", "b.example:443"][..],
                &["127.71.0.1:80", "127.71.0.1:443", "127.71.0.2:443"][..],
            ),
            (&["localhost:5432"], &["127.0.0.1:5432"]),
            (&["10.1.2.3:22", "[2001:db8::1]:22"], &["10.1.2.3:22", "[2001:db8::1]:22"]),
            // An address that was granted is nobody else's.
            (&["127.71.0.1:80", "a.example:443"], &["127.71.0.1:80", "127.71.0.2:443"]),
            // A wildcard takes its port on every address, and no other port.
            (
                &["*.c.example:443", "a.example:443", "a.example:80", "10.1.2.3:443", "[::1]:443"],
                &["0.0.0.0:443", "127.71.0.1:80", "[::1]:443"],
            ),
            (&[], &[]),
        ] {
            assert_eq!(listeners(grants), expected, "{grants:?}");
        }
    }

    #[test]
    fn a_grant_that_cannot_be_enforced_is_refused() {
        for (grant, expected) in [
            (
                "a.example:*",
                "`a.example:*` grants every port, which cannot be confined to one host",
            ),
            ("0.0.0.0:80", "`0.0.0.0:80` is not an address to connect to"),
            ("224.0.0.1:80", "`224.0.0.1:80` is not an address to connect to"),
            ("255.255.255.255:80", "`255.255.255.255:80` is not an address to connect to"),
            ("[::]:80", "`[::]:80` is not an address to connect to"),
            ("[ff02::1]:80", "`[ff02::1]:80` is not an address to connect to"),
            ("[::ffff:10.0.0.1]:80", "`[::ffff:10.0.0.1]:80` is not an address to connect to"),
        ] {
            let refused = plan(&["b.example:443", grant]).unwrap_err();
            assert_eq!(refused.to_string(), expected);
        }
    }

    #[test]
    fn both_sides_of_the_namespace_make_the_same_plan() {
        let plan = plan(&["b.example:443", "*.c.example:443", "10.0.0.1:5432"]).unwrap();
        let handed_over: Plan =
            serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        assert_eq!(handed_over, plan);
        assert_eq!(plan.hosts(), "127.0.0.1 localhost\n127.71.0.1 b.example\n");
        assert_eq!(plan.resolv_conf(), "nameserver 127.0.0.53\nsearch .\n");
    }

    #[test]
    fn metadata_addresses_are_watched_unless_they_are_granted() {
        let address: SocketAddr = "169.254.169.254:80".parse().unwrap();
        assert!(plan(&[]).unwrap().tripwires().contains(&address));
        assert_eq!(plan(&[]).unwrap().tripwires().len(), METADATA.len());
        assert!(!plan(&["169.254.169.254:80"]).unwrap().tripwires().contains(&address));
        // Listened at already: a second listener would be refused.
        let left = plan(&["*.a.example:80"]).unwrap().tripwires();
        assert!(left.iter().all(SocketAddr::is_ipv6), "{left:?}");
    }
}
