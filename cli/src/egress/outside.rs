//! Looking a granted host up, checking what it leads to, and connecting to just that.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use mcpkg_core::address::is_public;
use mcpkg_core::permissions::Host;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Reason;
use super::inside::Destination;
use super::plan::LOCALHOST;

/// How long looking up a name may take: two rounds of a usual resolver.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(10);

/// How long connecting to one address may take. Linux gives up after two minutes,
/// and a server that waits for so long is taken to hang.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The most addresses of one host that are tried.
const MAX_ADDRESSES: usize = 4;

/// Names whose addresses the user fixed, such as those of an intranet. They are not
/// looked up, and may be anywhere: the user named the very address.
///
/// `localhost` is this machine, whatever a resolver says.
#[derive(Clone, Debug)]
pub struct Pins(BTreeMap<String, BTreeSet<IpAddr>>);

impl Default for Pins {
    fn default() -> Self {
        let this_machine = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        Self(BTreeMap::from([(LOCALHOST.to_owned(), BTreeSet::from(this_machine))]))
    }
}

impl Pins {
    /// Fixes an address of `name`, in lower case.
    #[must_use]
    pub fn with(mut self, name: &str, address: IpAddr) -> Self {
        self.0.entry(name.to_owned()).or_default().insert(address);
        self
    }
}

/// Connects to `destination`, at an address that was checked.
pub(super) async fn connect(destination: &Destination, pins: &Pins) -> Result<TcpStream, Reason> {
    let mut failure = io::ErrorKind::AddrNotAvailable;
    for address in addresses(destination, pins).await?.into_iter().take(MAX_ADDRESSES) {
        let address = SocketAddr::new(address, destination.port);
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error.kind(),
            Err(_) => failure = io::ErrorKind::TimedOut,
        }
    }
    Err(Reason::NoConnection(failure))
}

async fn addresses(destination: &Destination, pins: &Pins) -> Result<Vec<IpAddr>, Reason> {
    let name = match &destination.host {
        Host::V4(address) => return Ok(vec![IpAddr::V4(*address)]),
        Host::V6(address) => return Ok(vec![IpAddr::V6(*address)]),
        Host::Name(name) | Host::Below(name) => name,
    };
    if let Some(addresses) = pins.0.get(name) {
        return Ok(addresses.iter().copied().collect());
    }
    let found = timeout(LOOK_UP_TIMEOUT, lookup_host((name.as_str(), destination.port))).await;
    let found = found.map_err(|_| Reason::NoAddress)?.map_err(|_| Reason::NoAddress)?;
    checked(found.map(|address| address.ip()).collect())
}

/// The addresses, if all of them are on the public internet.
///
/// One that is not condemns the others: nobody publishes such a mixture but to have
/// the one taken for the other.
fn checked(addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, Reason> {
    match addresses.iter().find(|address| !is_public(**address)) {
        Some(address) => Err(Reason::NotPublic(*address)),
        None if addresses.is_empty() => Err(Reason::NoAddress),
        None => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_that_is_not_public_condemns_a_name() {
        for (addresses, refused) in [
            (&["93.184.216.34", "2606:4700::1111"][..], None),
            (&["93.184.216.34", "10.0.0.1"], Some("10.0.0.1")),
            (&["127.0.0.1"], Some("127.0.0.1")),
            (&["169.254.169.254"], Some("169.254.169.254")),
            (&["fd00:ec2::254"], Some("fd00:ec2::254")),
            (&["::ffff:169.254.169.254"], Some("::ffff:169.254.169.254")),
            (&["64:ff9b::a9fe:a9fe"], Some("64:ff9b::a9fe:a9fe")),
        ] {
            let addresses: Vec<IpAddr> = addresses.iter().map(|it| it.parse().unwrap()).collect();
            let expected = match refused {
                Some(address) => Err(Reason::NotPublic(address.parse().unwrap())),
                None => Ok(addresses.clone()),
            };
            assert_eq!(checked(addresses), expected);
        }
        assert_eq!(checked(Vec::new()), Err(Reason::NoAddress));
    }
}
