//! From where a request comes, really.
//!
//! Anybody may write into a header that they are somebody else. So such headers are
//! read if the connection is from a proxy that the configuration names, and then only
//! as far as that proxy and those before it, which it names too, vouch for: from the
//! end of the list up to the first address that is not one of theirs.
//!
//! Source: RFC 7239, sections 4, 5.2 and 8.1; RFC 6797, section 7.2.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

use super::Access;
use crate::config::{ForwardedHeader, ProxyFile};

/// The most proxies in a row that are looked at.
const MAX_HOPS: usize = 16;

/// Two years, as browsers' preload lists want it.
const FOR_TWO_YEARS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// What is spoken on it.
    pub(crate) scheme: Scheme,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// Plain HTTP.
    #[default]
    Http,
    /// HTTP over TLS.
    Https,
}

/// Where a request comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The address of whoever sent it, as far as that is known.
    pub(crate) address: Option<IpAddr>,
    /// What they speak.
    pub(crate) scheme: Scheme,
}

impl Access {
    /// Where a request comes from that `peer` handed to us.
    pub(crate) fn origin(&self, peer: Option<Peer>, headers: &HeaderMap) -> Origin {
        peer.map_or_else(Origin::default, |peer| origin(&self.proxy, peer, headers))
    }
}

/// Tells a client that speaks HTTPS never to speak anything else to us.
pub(crate) fn secure(origin: Origin, response: &mut Response) {
    if origin.scheme == Scheme::Https {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, FOR_TWO_YEARS);
    }
}

fn origin(proxy: &ProxyFile, peer: Peer, headers: &HeaderMap) -> Origin {
    let peer_address = peer.address.ip().to_canonical();
    let is_proxy = |address: IpAddr| proxy.trusted.iter().any(|network| network.contains(&address));
    let mut origin = Origin { address: Some(peer_address), scheme: peer.scheme };
    if !is_proxy(peer_address) {
        return origin;
    }
    let hops = match proxy.header {
        ForwardedHeader::XForwarded => x_forwarded(headers),
        ForwardedHeader::Forwarded => forwarded(headers),
    };
    // The last hop is what the proxy itself has seen.
    if let Some(scheme) = hops.last().and_then(|hop| hop.scheme) {
        origin.scheme = scheme;
    }
    for hop in hops.iter().rev().take(MAX_HOPS) {
        origin.address = hop.address;
        if !hop.address.is_some_and(is_proxy) {
            break;
        }
    }
    origin
}

/// What one proxy says of whoever spoke to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Hop {
    address: Option<IpAddr>,
    scheme: Option<Scheme>,
}

fn x_forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let mut hops: Vec<Hop> = list(headers, "x-forwarded-for")
        .map(|text| Hop { address: address(text), scheme: None })
        .collect();
    let scheme = list(headers, "x-forwarded-proto").last().and_then(scheme);
    match hops.last_mut() {
        Some(hop) => hop.scheme = scheme,
        // Of whoever spoke to the proxy, only how is known.
        None if scheme.is_some() => hops.push(Hop { address: None, scheme }),
        None => (),
    }
    hops
}

fn forwarded(headers: &HeaderMap) -> Vec<Hop> {
    let hop = |element: &str| {
        let mut hop = Hop::default();
        for (name, value) in element.split(';').filter_map(|pair| pair.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => hop.address = address(value),
                "proto" => hop.scheme = scheme(value),
                _ => (),
            }
        }
        hop
    };
    list(headers, "forwarded").map(hop).collect()
}

fn list<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    values.flat_map(|value| value.to_str().unwrap_or_default().split(',')).map(str::trim)
}

fn scheme(text: &str) -> Option<Scheme> {
    match text.to_ascii_lowercase().as_str() {
        "http" => Some(Scheme::Http),
        "https" => Some(Scheme::Https),
        _ => None,
    }
}

/// An address, with or without a port; `unknown` and names that hide one are none.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip()).ok();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let found: Option<IpAddr> = text.parse().ok().or_else(with_port).or_else(in_brackets);
    found.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(proxy: &ProxyFile, peer: &str, headers: &[(&'static str, &str)]) -> Origin {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let address = SocketAddr::new(peer.parse().unwrap(), 1);
        origin(proxy, Peer { address, scheme: Scheme::Http }, &map)
    }

    #[test]
    fn a_header_counts_as_far_as_trusted_proxies_wrote_it() {
        let trusted = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let x = ProxyFile { trusted: trusted.clone(), header: ForwardedHeader::XForwarded };
        let standard = ProxyFile { trusted, header: ForwardedHeader::Forwarded };
        let nobody = ProxyFile::default();
        let (http, https) = (Scheme::Http, Scheme::Https);
        for (proxy, peer, headers, address, scheme) in [
            (&x, "10.0.0.1", vec![("x-forwarded-for", "192.0.2.1")], Some("192.0.2.1"), http),
            (&x, "10.0.0.1", vec![("x-forwarded-proto", "https")], None, https),
            (&x, "10.0.0.1", vec![], Some("10.0.0.1"), http),
            (
                &x,
                "::ffff:10.0.0.1",
                vec![("x-forwarded-for", "192.0.2.1")],
                Some("192.0.2.1"),
                http,
            ),
            // A stranger who says that they are somebody else.
            (&x, "192.0.2.9", vec![("x-forwarded-for", "10.0.0.2")], Some("192.0.2.9"), http),
            (&x, "192.0.2.9", vec![("x-forwarded-proto", "https")], Some("192.0.2.9"), http),
            (&nobody, "10.0.0.1", vec![("x-forwarded-for", "192.0.2.1")], Some("10.0.0.1"), http),
            // What the client wrote stands before what the proxy did.
            (
                &x,
                "10.0.0.1",
                vec![("x-forwarded-for", "198.51.100.7, 192.0.2.1")],
                Some("192.0.2.1"),
                http,
            ),
            (
                &x,
                "10.0.0.1",
                vec![("x-forwarded-for", "198.51.100.7"), ("x-forwarded-for", "192.0.2.1")],
                Some("192.0.2.1"),
                http,
            ),
            (
                &x,
                "10.0.0.1",
                vec![("x-forwarded-for", "192.0.2.1, 10.0.0.3")],
                Some("192.0.2.1"),
                http,
            ),
            (&x, "10.0.0.1", vec![("x-forwarded-for", "10.1.1.1, unknown, 10.0.0.3")], None, http),
            (
                &x,
                "10.0.0.1",
                vec![("x-forwarded-proto", "https, http"), ("x-forwarded-for", "192.0.2.1")],
                Some("192.0.2.1"),
                http,
            ),
            // The header that this proxy does not write.
            (
                &x,
                "10.0.0.1",
                vec![("forwarded", "for=198.51.100.7;proto=https")],
                Some("10.0.0.1"),
                http,
            ),
            (
                &standard,
                "10.0.0.1",
                vec![("x-forwarded-for", "198.51.100.7")],
                Some("10.0.0.1"),
                http,
            ),
            (
                &standard,
                "10.0.0.1",
                vec![("forwarded", "for=192.0.2.1;proto=https")],
                Some("192.0.2.1"),
                https,
            ),
            (
                &standard,
                "::1",
                vec![("forwarded", "For=\"[2001:db8::1]:4711\"; Proto=https")],
                Some("2001:db8::1"),
                https,
            ),
            (&standard, "10.0.0.1", vec![("forwarded", "for=_hidden, for=10.0.0.4")], None, http),
        ] {
            let found = asked(proxy, peer, &headers);
            let address = address.map(|address| address.parse().unwrap());
            assert_eq!(found, Origin { address, scheme }, "{peer} {headers:?}");
        }
    }
}
