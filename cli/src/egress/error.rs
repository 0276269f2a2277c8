//! What is refused before a launch, and what is denied during one.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use mcpkg_core::permissions::HostPort;
use mcpkg_core::{Code, Coded};

/// Why the hosts that a server was granted cannot be offered to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// A grant of every port: there is no listening on all of them.
    #[error("`{0}` grants every port, which cannot be confined to one host")]
    EveryPort(HostPort),
    /// A grant of an address that no connection is made to.
    #[error("`{0}` is not an address to connect to")]
    Nowhere(HostPort),
    /// The loopback interface could not be brought up.
    #[error("could not bring the loopback interface up")]
    Loopback(#[source] io::Error),
    /// The namespace did not take an address.
    #[error("could not give the loopback interface the address {address}")]
    Address {
        /// The address.
        address: IpAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The namespace did not take a socket.
    #[error("could not listen at {address}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
    /// The sockets did not get from the namespace to the broker.
    #[error("could not hand the sockets over")]
    HandOver(#[source] io::Error),
    /// A secret is to go to a host, and this is several.
    #[error("`{0}` is not one host and port, so no secret can be tied to it")]
    NotOneHost(HostPort),
    /// A secret cannot be put into requests.
    #[error("the secret cannot be kept from the server: {0}")]
    NotBrokered(&'static str),
    /// The certificates of this launch could not be made.
    #[error("could not make the certificates of this launch")]
    Authority(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no authority whose word could be taken for who a host is.
    #[error("found no certificate authority to trust")]
    Roots,
    /// The broker could not be started.
    #[error("could not start the broker")]
    Start(#[source] io::Error),
}

impl EgressError {
    pub(super) fn authority(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Authority(source.into())
    }
}

impl Coded for EgressError {
    fn code(&self) -> Code {
        match self {
            Self::EveryPort(_) | Self::Nowhere(_) | Self::NotOneHost(_) => Code::Permission,
            _ => Code::Config,
        }
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::EveryPort(_) => Some("grant the ports that the server needs, one by one"),
            Self::NotOneHost(_) => Some("name one host and one port, like `api.example.com:443`"),
            Self::NotBrokered(_) => Some("hand it to the server instead"),
            Self::Roots => Some("install your system's certificates, `ca-certificates` on Debian"),
            _ => None,
        }
    }
}

/// A connection that a server wanted and did not get, or a name that it asked for.
///
/// It says where to and why, and never holds a byte that the server sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    /// The host, as the server named it.
    pub host: String,
    /// The port, if it got as far as naming one.
    pub port: Option<u16>,
    /// Why not.
    pub reason: Reason,
}

/// Why a connection was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// It was not granted.
    NotGranted,
    /// It is where a cloud keeps the credentials of its machines.
    Metadata,
    /// It was granted by name, and the name leads to this address of this machine,
    /// its network, or a kind that nobody is reached at.
    NotPublic(IpAddr),
    /// The server asked for more names below its wildcards than are kept.
    TooManyNames,
    /// The name has no address, or it took too long to find one.
    NoAddress,
    /// No address of it could be connected to, or it took too long.
    NoConnection(io::ErrorKind),
    /// A request on a connection to a host that has secrets was for another host, or
    /// could have been read as one.
    Misdirected,
    /// A TLS handshake failed, with the server or with a host that has secrets.
    NoTls,
    /// A host answered with the secret in it, which was masked.
    Echoed,
    /// A host answered with what could not be searched for the secret.
    Encoded,
}

impl Reason {
    /// Whether something was refused, rather than found to be absent.
    pub const fn is_refusal(self) -> bool {
        !matches!(self, Self::NoAddress | Self::NoConnection(_) | Self::NoTls)
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host.escape_debug())?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGranted => f.write_str("it was not granted"),
            Self::Metadata => f.write_str("it is the metadata service of a cloud"),
            Self::NotPublic(address) => {
                write!(f, "it leads to {address}, which is not on the public internet")
            }
            Self::TooManyNames => f.write_str("too many names were asked for"),
            Self::NoAddress => f.write_str("it has no address"),
            Self::NoConnection(kind) => write!(f, "it could not be connected to: {kind}"),
            Self::Misdirected => f.write_str("the request is not for the host that has the secret"),
            Self::NoTls => f.write_str("the TLS handshake failed"),
            Self::Echoed => f.write_str("the secret was in the answer, and was masked"),
            Self::Encoded => {
                f.write_str("the answer is compressed, and could not be searched for the secret")
            }
        }
    }
}
