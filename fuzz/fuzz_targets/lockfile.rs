//! Any bytes, as a lock.
//!
//! - Reading does not panic.
//! - What is read can be written, and is then the same lock in the same bytes.
//! - A lock names no server twice, and no platform of a server.

#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use mcpkg_core::lock::Lock;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(lock) = Lock::parse(text) else { return };

    let written = lock.to_toml().expect("what was read can be written");
    let again = Lock::parse(&written).expect("we read what we write");
    assert_eq!(again, lock);
    assert_eq!(again.to_toml().expect("it could be written before"), written);

    for server in lock.servers() {
        assert_eq!(lock.get(&server.name), Some(server));
        assert!(lock.find(server.name.short()).contains(&server));
        let platforms: BTreeSet<_> = server.artifacts.iter().map(|one| one.platform).collect();
        assert_eq!(platforms.len(), server.artifacts.len());
    }
});
