//! Proxies in front, as they stand in a file.

use ipnet::IpNet;
use serde::Deserialize;

/// Proxies whose word on who asks is taken: `[proxy]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProxyFile {
    /// The networks that they are in. What anybody else says is ignored.
    pub trusted: Vec<IpNet>,
    /// The header that they write. The other one they pass on as a client sent it, so
    /// it is never looked at.
    pub header: ForwardedHeader,
}

/// How a proxy says who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For` and `X-Forwarded-Proto`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}
