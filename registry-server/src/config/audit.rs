//! Where what is audited goes, as it stands in a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde_with::DeserializeFromStr;

use super::ConfigError;

/// Where what is audited goes beside the data folder: `[audit]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditFile {
    /// A syslog that each record is sent to.
    pub syslog: Option<SyslogAddress>,
    /// The authorities whose certificates a syslog may have over TLS, instead of the
    /// system's. Relative to the file that names them, as all here.
    pub ca: Option<PathBuf>,
    /// The certificate that it is shown, the chain, if it wants to see one.
    pub certificate: Option<PathBuf>,
    /// The key of that.
    pub key: Option<PathBuf>,
}

impl AuditFile {
    /// Makes the paths relative to `folder`.
    pub(super) fn place(&mut self, folder: &Path) {
        for path in [&mut self.ca, &mut self.certificate, &mut self.key].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }

    /// Refuses half a pair, and files for TLS where none is spoken: somebody thinks it is.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key, expected| {
            let found = "there".to_owned();
            Err(ConfigError::Value { key, found, expected })
        };
        if self.certificate.is_some() != self.key.is_some() {
            return wrong("audit.certificate", "`certificate` and `key`, or neither");
        }
        let is_tls = matches!(self.syslog, Some(SyslogAddress::Tls(_)));
        if (self.ca.is_some() || self.key.is_some()) && !is_tls {
            return wrong("audit.ca", "a `syslog` at `tls://…` for the files of TLS");
        }
        Ok(())
    }
}

/// Where a syslog listens, as `udp://10.0.0.1:514`, `tcp://logs.acme.example:601`,
/// `tls://logs.acme.example:6514` or `unix:///dev/log`.
#[derive(Clone, Debug, PartialEq, Eq, DeserializeFromStr)]
pub enum SyslogAddress {
    /// One datagram for each record (RFC 5426).
    Udp(String),
    /// One connection, with the length before each record (RFC 6587).
    Tcp(String),
    /// The same, encrypted, at whoever has the right certificate (RFC 5425).
    Tls(String),
    /// A socket of this machine, of datagrams.
    Unix(PathBuf),
}

/// A string that is no [`SyslogAddress`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is no syslog, expected `udp://<host>:<port>`, `tcp://<host>:<port>`, `tls://<host>:<port>` or `unix://<path>`",
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
            "tls" => host_and_port().map(Self::Tls),
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
            Self::Tls(address) => write!(f, "tls://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_was_read() {
        for text in [
            "udp://10.0.0.1:514",
            "tcp://[::1]:601",
            "tls://logs.acme.example:6514",
            "unix:///dev/log",
        ] {
            assert_eq!(text.parse::<SyslogAddress>().unwrap().to_string(), text);
        }
        for text in [
            "10.0.0.1:514",
            "udp://10.0.0.1",
            "tcp://:601",
            "unix://dev",
            "http://a:1",
            "tcp://a:0",
        ] {
            assert!(text.parse::<SyslogAddress>().is_err(), "{text}");
        }
    }

    #[test]
    fn files_for_tls_are_for_tls_and_a_certificate_has_its_key() {
        let check = |text: &str| toml::from_str::<AuditFile>(text).unwrap().check();
        let tls = "syslog = 'tls://a:6514'\n";
        for (text, is_good) in [
            (tls.to_owned(), true),
            (format!("{tls}ca = 'a'"), true),
            (format!("{tls}certificate = 'a'\nkey = 'b'"), true),
            (format!("{tls}certificate = 'a'"), false),
            (format!("{tls}key = 'b'"), false),
            ("syslog = 'tcp://a:601'\nca = 'a'".to_owned(), false),
            ("certificate = 'a'\nkey = 'b'".to_owned(), false),
            (String::new(), true),
        ] {
            assert_eq!(check(&text).is_ok(), is_good, "{text}");
        }
    }
}
