//! What is stated about packages, the entries that it becomes, and what they are called:
//! read or refused, and what is read is written as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpkg_core::json;
use mcpkg_core::log::{Entry, IndexedEntry};
use mcpkg_core::publisher::Publisher;
use mcpkg_core::statement::{BINDING_V1, PackageStatement, REBUILD_V1, STATUS_V1};
use mcpkg_core::{Digest, log::MAX_ENTRY_LEN};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::parse(bytes) {
        assert_eq!(entry.leaf().as_deref().ok(), Some(bytes), "an entry has one spelling");
    }
    if let Ok(value) = json::parse(bytes, MAX_ENTRY_LEN) {
        for kind in [STATUS_V1, BINDING_V1, REBUILD_V1] {
            let Ok(statement) = PackageStatement::read(kind, &value) else { continue };
            let signed = statement.to_in_toto(Digest::of(bytes));
            let again = PackageStatement::read(statement.predicate_type(), &signed["predicate"]);
            assert_eq!(again.ok(), Some(statement), "it says the same when it is signed");
        }
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(publisher) = Publisher::from_reference(text) {
        assert_eq!(publisher.reference(), text, "a publisher has one reference");
    }
    if let Ok(line) = text.parse::<IndexedEntry>() {
        assert_eq!(line.to_string(), text, "a line of the index has one spelling");
    }
});
