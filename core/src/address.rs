//! Which addresses are on the public internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether `address` is on the public internet, and not of this machine, this
/// network, or a kind that nobody is reached at.
///
/// Source: IANA's registries of special-purpose addresses (RFC 6890), without the
/// few that are globally reachable. An IPv6 address that stands for an IPv4
/// address (mapped, 6to4, NAT64) is what that is.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    // This network; private; loopback; multicast, reserved and broadcast.
    let is_special = matches!(a, 0 | 10 | 127 | 224..)
        // Private. Link-local, where clouds keep their credentials.
        || matches!((a, b), (172, 16..=31) | (192, 168) | (169, 254))
        // Shared with one's provider (RFC 6598). Benchmarks (RFC 2544).
        || matches!((a, b), (100, 64..=127) | (198, 18 | 19))
        // Protocol assignments, and the old relays of 6to4 (RFC 7526).
        || matches!((a, b, c), (192, 0, 0) | (192, 88, 99))
        // Documentation (RFC 5737).
        || matches!((a, b, c), (192, 0, 2) | (198, 51, 100) | (203, 0, 113))
        // Looks public, and is the host below every machine of Azure.
        || address == Ipv4Addr::new(168, 63, 129, 16);
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let v4 = |high: u16, low: u16| {
        is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => v4(high, low),
        // Protocol assignments with Teredo (RFC 2928), documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast is 2000::/3, and nothing else is.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_internet_is_told_from_everything_else() {
        for (address, expected) in [
            ("93.184.216.34", true),
            ("1.1.1.1", true),
            ("172.15.0.1", true),
            ("172.32.0.1", true),
            ("100.128.0.1", true),
            ("192.0.3.1", true),
            ("2606:4700::1111", true),
            ("::ffff:1.1.1.1", true),
            ("64:ff9b::1.1.1.1", true),
            ("127.0.0.1", false),
            ("127.255.0.1", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.100.100.200", false),
            ("168.63.129.16", false),
            ("168.63.129.17", true),
            ("100.64.0.1", false),
            ("192.0.0.1", false),
            ("192.0.2.1", false),
            ("198.18.0.1", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b:1::1", false),
            ("2002:7f00:1::", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("fc00::1", false),
            ("fd12::1", false),
            ("fd00:ec2::254", false),
            ("64:ff9b::169.254.169.254", false),
            ("2002:a9fe:a9fe::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), expected, "{address}");
        }
    }
}
