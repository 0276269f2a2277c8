//! Any bytes, as a VEX document.
//!
//! - Reading does not panic, and neither does asking what is excused.
//! - What names no product of ours excuses nothing of ours.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpkg_core::vex::Document;

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::parse(bytes) else { return };
    let (Ok(name), Ok(version)) = ("io.github.acme/weather".parse(), "1.2.0".parse()) else {
        return;
    };
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for advisory in ["GHSA-1234-5678-9abc", "CVE-2026-1", ""] {
        if document.says(&name, &version, advisory).is_some_and(|it| it.excuses()) {
            // JSON may write any character as an escape.
            assert!(text.contains("acme/weather") || text.contains("\\u") || text.contains("\\/"));
        }
    }
});
