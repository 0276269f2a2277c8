//! Any bytes, as an advisory of OSV.
//!
//! - Reading does not panic, and neither does asking what is affected.
//! - What is about no package affects no version of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpkg_core::advisory::{Advisory, Subject};

fuzz_target!(|bytes: &[u8]| {
    let Ok(Some(advisory)) = Advisory::parse(bytes) else { return };
    for subject in
        [Subject::in_ecosystem("npm", "flatmap-stream"), Subject::in_ecosystem("PyPI", "x")]
    {
        for version in ["0.1.1", "1.2", "unknown", ""] {
            assert!(advisory.is_about(&subject) || !advisory.affects(&subject, version));
        }
    }
});
