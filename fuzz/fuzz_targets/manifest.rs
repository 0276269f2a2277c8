//! Any bytes, as a manifest.
//!
//! - Reading and launching do not panic.
//! - What is launched is a runtime we know, or a file below the artifact's folder.
//! - What a user enters is never read as a template.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use mcpkg_core::System;
use mcpkg_core::manifest::{ConfigValue, LaunchContext, Manifest, RUNTIMES};

const DIRNAME: &str = "/opt/artifact";

fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = Manifest::read(bytes) else { return };
    let _ = manifest.check_against_paths(["manifest.json", "a.whl"].into_iter());

    // Were it a template, launching would fail for the unknown variable.
    let entered = ConfigValue::String("${unknown}".to_owned());
    let config: BTreeMap<_, _> =
        manifest.config_keys().keys().map(|key| (key.clone(), entered.clone())).collect();
    for system in [System::Linux, System::Windows, System::Darwin] {
        let context = LaunchContext {
            dirname: DIRNAME,
            home: Some("/home/user"),
            desktop: None,
            documents: Some("/home/user/Documents"),
            downloads: None,
            system,
            config: &config,
        };
        let Ok(launch) = manifest.launch(&context) else { continue };
        let name = launch.command.to_ascii_lowercase();
        let is_runtime = RUNTIMES.contains(&name.strip_suffix(".exe").unwrap_or(&name));
        let below = launch.command.strip_prefix(DIRNAME);
        let is_file = below.is_some_and(|path| {
            path.starts_with(['/', '\\']) && !path.split(['/', '\\']).any(|part| part == "..")
        });
        assert!(is_runtime || is_file, "{}", launch.command);
    }
});
