//! Any bytes, as a page of another registry, as an entry of one, and as what a domain
//! lists for those who publish.
//!
//! - Reading does not panic.
//! - What is kept of an entry is what was sent, and reads the same again.
//! - A key is read from its own record alone.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpkg_core::official::{ListedServer, ProofKey, ServerPage};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(page) = ServerPage::parse(bytes) {
        for entry in &page.servers {
            check(entry.get());
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    check(text);
    if let Ok(Some(_)) = ProofKey::parse(text) {
        assert!(text.trim().starts_with("v=MCPv1"));
    }
});

fn check(entry: &str) {
    let Ok(listed) = ListedServer::read(entry) else { return };
    assert!(entry.contains(&listed.document));
    assert!((1..=255).contains(&listed.version.len()));
    // Alone, without what the registry said of it, it is the same document.
    let alone = format!("{{\"server\":{}}}", listed.document);
    let again = ListedServer::read(&alone).expect("it was read before");
    assert_eq!(again.document, listed.document);
    assert_eq!(again.version, listed.version);
    assert_eq!(again.is_presentable(), listed.is_presentable());
}
