//! Hosts and ports that a server may connect to.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde_with::{DeserializeFromStr, SerializeDisplay};

use super::{Grant, PermissionError};

/// A host and a port, `api.example.com:443`.
///
/// The host may be a whole subtree, `*.example.com:443`; the port may be every
/// port, `example.com:*`. There is no way to write "every host" or a whole
/// top-level domain. IPv6 addresses stand in brackets, `[::1]:8080`.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, DeserializeFromStr, SerializeDisplay,
)]
pub struct HostPort {
    host: Host,
    port: Port,
}

/// Which hosts a [`HostPort`] is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// The host of this name, in lower case.
    Name(String),
    /// Every host strictly below this name, in lower case: `a.example.com` and
    /// `a.b.example.com`, but not `example.com`.
    Below(String),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

/// Which ports a [`HostPort`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Port {
    /// Every port.
    Any,
    /// One port, never 0.
    One(u16),
}

impl HostPort {
    /// The host, or the hosts.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, or all of them.
    pub fn port(&self) -> Port {
        self.port
    }
}

impl Host {
    /// Whether the host called `name`, in lower case, is one of these.
    pub fn is_name(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Below(suffix) => is_below(name, suffix),
            Self::V4(_) | Self::V6(_) => false,
        }
    }
}

impl Port {
    /// Whether `port` is one of these.
    pub fn is_port(self, port: u16) -> bool {
        self == Self::Any || self == Self::One(port)
    }
}

/// Whether `name` is strictly below `suffix`.
fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
}

impl FromStr for HostPort {
    type Err = PermissionError;

    fn from_str(text: &str) -> Result<Self, PermissionError> {
        let refused =
            |reason| PermissionError::Host { host: text.chars().take(80).collect(), reason };
        let (host, port) =
            text.rsplit_once(':').ok_or_else(|| refused("it does not end with a port"))?;
        let port = match port {
            "*" => Port::Any,
            // No sign and no leading zero: one port, one spelling.
            _ if !port.starts_with(|c: char| matches!(c, '1'..='9')) => {
                return Err(refused("its port is not 1 to 65535 or `*`"));
            }
            _ => port
                .parse()
                .map(Port::One)
                .map_err(|_| refused("its port is not 1 to 65535 or `*`"))?,
        };
        let host = parse_host(host).map_err(refused)?;
        Ok(Self { host, port })
    }
}

fn parse_host(text: &str) -> Result<Host, &'static str> {
    if let Some(address) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return address.parse().map(Host::V6).map_err(|_| "it is not an IPv6 address");
    }
    let text = text.to_ascii_lowercase();
    if let Some(suffix) = text.strip_prefix("*.") {
        check_domain(suffix)?;
        if !suffix.contains('.') {
            return Err("it grants a whole top-level domain");
        }
        return Ok(Host::Below(suffix.to_owned()));
    }
    if text == "*" {
        return Err("it grants every host");
    }
    if let Ok(address) = text.parse() {
        return Ok(Host::V4(address));
    }
    check_domain(&text)?;
    Ok(Host::Name(text))
}

/// Checks that `text` is a domain in letters, digits and hyphens.
///
/// Names in other scripts are written as `xn--`, so that two that look alike
/// do not read alike. A last label that is a number is refused, because some
/// resolvers read `127.1` and `0x7f000001` as addresses.
///
/// Source: RFC 1123, section 2.1; WHATWG URL, "ends in a number checker".
fn check_domain(text: &str) -> Result<(), &'static str> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if text.len() > 253 || !text.split('.').all(is_label) {
        return Err("its host is not a domain name");
    }
    let last = text.rsplit('.').next().unwrap_or(text);
    if last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x") {
        return Err("its host could be read as an address");
    }
    Ok(())
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Below(suffix) => write!(f, "*.{suffix}"),
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::One(port) => port.fmt(f),
        }
    }
}

impl Grant for HostPort {
    fn meet(&self, other: &Self) -> Option<Self> {
        Some(Self { host: self.host.meet(&other.host)?, port: self.port.meet(&other.port)? })
    }
}

impl Grant for Host {
    fn meet(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (a, b) if a == b => Some(a.clone()),
            (narrow @ (Self::Name(name) | Self::Below(name)), Self::Below(suffix))
            | (Self::Below(suffix), narrow @ (Self::Name(name) | Self::Below(name)))
                if is_below(name, suffix) =>
            {
                Some(narrow.clone())
            }
            // Of two subtrees either may be the inner one.
            (Self::Below(suffix), inner @ Self::Below(name)) if is_below(name, suffix) => {
                Some(inner.clone())
            }
            _ => None,
        }
    }
}

impl Grant for Port {
    fn meet(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, port) | (port, Self::Any) => Some(*port),
            (a, b) => (a == b).then_some(*a),
        }
    }
}
