//! Where what is audited goes, as it stands in a file.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde_with::DeserializeFromStr;

/// Where what is audited goes beside the data folder: `[audit]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditFile {
    /// A syslog that each record is sent to.
    pub syslog: Option<SyslogAddress>,
}

/// Where a syslog listens, as `udp://10.0.0.1:514`, `tcp://logs.acme.example:601` or
/// `unix:///dev/log`.
#[derive(Clone, Debug, PartialEq, Eq, DeserializeFromStr)]
pub enum SyslogAddress {
    /// One datagram for each record (RFC 5426).
    Udp(String),
    /// One connection, with the length before each record (RFC 6587).
    Tcp(String),
    /// A socket of this machine, of datagrams.
    Unix(PathBuf),
}

/// A string that is no [`SyslogAddress`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no syslog, expected `udp://<host>:<port>`, `tcp://<host>:<port>` or `unix://<path>`",
    .0.escape_debug()
)]
pub struct SyslogAddressError(String);

impl FromStr for SyslogAddress {
    type Err = SyslogAddressError;

    fn from_str(text: &str) -> Result<Self, SyslogAddressError> {
        let error = || SyslogAddressError(text.chars().take(200).collect());
        let (scheme, rest) = text.split_once("://").ok_or_else(error)?;
        let host_and_port = || {
            let (host, port) = rest.rsplit_once(':').ok_or_else(error)?;
            let is_port = port.parse::<u16>().is_ok_and(|port| port != 0);
            let is_host = !host.is_empty() && !host.contains(['/', '@', ' ']);
            if is_host && is_port { Ok(rest.to_owned()) } else { Err(error()) }
        };
        match scheme {
            "udp" => host_and_port().map(Self::Udp),
            "tcp" => host_and_port().map(Self::Tcp),
            "unix" if rest.starts_with('/') => Ok(Self::Unix(rest.into())),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for SyslogAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udp(address) => write!(f, "udp://{address}"),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_was_read() {
        for text in ["udp://10.0.0.1:514", "tcp://[::1]:601", "unix:///dev/log"] {
            assert_eq!(text.parse::<SyslogAddress>().unwrap().to_string(), text);
        }
        for text in
            ["10.0.0.1:514", "udp://10.0.0.1", "tcp://:601", "unix://dev", "tls://a:1", "tcp://a:0"]
        {
            assert!(text.parse::<SyslogAddress>().is_err(), "{text}");
        }
    }
}
