//! Which registries are used, and whom the user trusts there.

use std::fmt::Write as _;

use crate::config::RegistryConfig;
use crate::ui::Ui;

/// Shows which log a registry is held to.
pub fn registry_log(ui: &Ui, registry: &RegistryConfig) {
    let Some(key) = &registry.log_key else { return };
    ui.detail("log", key.name());
    ui.detail("key", key.fingerprint());
    if registry.log_key_on_first_use {
        ui.detail("", "trusted on first use: the registry itself named this key.");
        ui.detail("", "Compare it with what its operator says by another way.");
    }
}

/// Registries as text, two lines each.
pub fn registries(registries: &[RegistryConfig]) -> String {
    let mut text = String::new();
    for registry in registries {
        let names: Vec<_> = registry.namespaces.iter().map(ToString::to_string).collect();
        let kind = if registry.private { "private" } else { "public" };
        let log = registry.log_key.as_ref().map_or_else(
            || "no log key".to_owned(),
            |key| format!("log {} {}", key.name(), key.fingerprint()),
        );
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "{:<12} {}  {kind}  {}", registry.name, registry.url, names.join(" "));
        let _ = writeln!(text, "{:<12} {log}", "");
    }
    text
}
