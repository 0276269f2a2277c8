//! Named registries, as they stand in a file.

use std::collections::BTreeSet;

use super::ConfigError;
use crate::official::NamedRegistry;
use crate::policy::Place;

/// Checks that each can be addressed, and that none is there twice.
pub(super) fn check(registries: Vec<NamedRegistry>) -> Result<Vec<NamedRegistry>, ConfigError> {
    let mut names = BTreeSet::new();
    for registry in &registries {
        let wrong = |expected| ConfigError::Value {
            key: "registry.name",
            found: format!("`{}`", registry.name.escape_debug()),
            expected,
        };
        if !registry.is_addressable() {
            return Err(wrong("1 to 64 lower-case letters, digits and hyphens"));
        }
        // To policies, that is the whole of this one.
        if registry.name == Place::OWN {
            return Err(wrong("another name: this one stands for the whole server"));
        }
        if !names.insert(&registry.name) {
            return Err(wrong("a name that no other has"));
        }
    }
    Ok(registries)
}
