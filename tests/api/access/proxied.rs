//! A registry behind a proxy: whose word on who asks is taken.

use mcpkg_registry_server::ProxyFile;
use mcpkg_test_support::Setup;

use super::{Company, PACKAGE, Rules};

/// Reading from one network alone.
const INSIDE: &str = "@id(\"inside\") forbid (principal, action == Action::\"read\", resource) \
                      unless { context has address && context.address.isInRange(ip(\"10.0.0.0/8\")) };";

fn behind(trusted: &str) -> Company {
    let proxy = ProxyFile { trusted: vec![trusted.parse().unwrap()], ..ProxyFile::default() };
    let setup = Setup { proxy, ..Setup::default() };
    Company::with(Rules { policy: INSIDE, setup, ..Rules::default() })
}

#[test]
fn a_policy_sees_the_address_that_a_trusted_proxy_vouches_for() {
    for (trusted, forwarded, status) in [
        ("127.0.0.1/32", Some("10.1.2.3"), 200),
        ("127.0.0.1/32", Some("10.1.2.3, 192.0.2.1"), 404),
        ("127.0.0.1/32", None, 404),
        // The same header, from somebody who is no proxy of ours.
        ("192.0.2.0/24", Some("10.1.2.3"), 404),
    ] {
        let company = behind(trusted);
        let authorization = format!("Bearer {}", company.reader());
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(forwarded.map(|address| ("x-forwarded-for", address)));
        let reply = company.registry.http().get_with(PACKAGE, &headers);
        assert_eq!(reply.status, status, "{trusted} {forwarded:?}: {reply}");
    }
}

#[test]
fn clients_that_speak_https_are_told_to_keep_to_it() {
    let https = [("x-forwarded-proto", "https")];
    for (trusted, headers, expected) in [
        ("127.0.0.1/32", &https[..], "max-age=63072000"),
        ("127.0.0.1/32", &[][..], ""),
        ("192.0.2.0/24", &https[..], ""),
    ] {
        let company = behind(trusted);
        for path in ["/healthz", PACKAGE, "/nowhere"] {
            let reply = company.registry.http().get_with(path, headers);
            assert_eq!(reply.header("strict-transport-security"), expected, "{trusted} {path}");
        }
    }
}
