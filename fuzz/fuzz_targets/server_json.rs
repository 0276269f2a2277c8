//! Any bytes, as a `server.json`.
//!
//! - Neither reader panics.
//! - The canonical form of what is published is read as the same document.
//! - What is published has nothing odd for those who read it leniently.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpkg_core::server_json::{ForeignServerJson, ServerJson};

fuzz_target!(|bytes: &[u8]| {
    let foreign = ForeignServerJson::read_lenient(bytes);
    let Ok(server) = ServerJson::read_strict(bytes) else { return };

    let again = ServerJson::read_strict(server.canonical()).expect("we read what we write");
    assert_eq!(again.canonical(), server.canonical());
    assert_eq!(again.digest(), server.digest());
    assert_eq!(again.permissions(), server.permissions());

    let foreign = foreign.expect("the lenient reader takes what the strict one takes");
    assert_eq!(foreign.oddities, []);
});
