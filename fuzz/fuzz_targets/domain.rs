//! Any bytes, as what a domain says about who may publish in its namespace.
//!
//! - Reading does not panic, and keeps within bounds.
//! - What a proof records reads as what was found.
//! - A domain is a name: no address, no port, no path, and nobody's but its own.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpkg_core::domain::{
    DomainMethod, DomainProof, MAX_IDENTITIES, MAX_TXT_BYTES, domain_of, parse_txt,
    parse_well_known,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(listed) = parse_well_known(bytes) {
        assert!(listed.len() <= MAX_IDENTITIES);
        for (identity, record) in listed {
            assert_eq!(proof(DomainMethod::WellKnown, record).identities(), [identity]);
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(Some(identity)) = parse_txt(text) {
        assert!(text.len() <= MAX_TXT_BYTES);
        assert_eq!(proof(DomainMethod::Dns, text.to_owned()).identities(), [identity]);
    }
    if let Some(domain) = domain_of(text) {
        assert!(domain.parse::<std::net::IpAddr>().is_err());
        assert!(domain.len() < 253 && domain.contains('.'));
        assert!(domain.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.')));
        let is_forges = |forge: &str| domain == forge[1..] || domain.ends_with(forge);
        assert!(!is_forges(".github.io") && !is_forges(".gitlab.io"));
    }
});

fn proof(method: DomainMethod, record: String) -> DomainProof {
    DomainProof { domain: "example.com".to_owned(), method, record }
}
