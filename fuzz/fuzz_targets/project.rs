//! Any text, as an `mcpkg.toml` and as a signed recipe.
//!
//! - Reading does not panic.
//! - What was read keeps its bounds, and is signed and read back as itself.
//! - What is packed lies below the source folder.
//! - Which releases are wanted is written and read back as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use mcpkg_core::project::{Project, Recipe, VersionRange};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let project = Project::parse(text).ok();
    for (_, wanted) in project.iter().flat_map(|project| project.servers.iter()) {
        let text = wanted.version.to_string();
        assert_eq!(text.parse::<VersionRange>().as_ref(), Ok(&wanted.version));
    }
    let declared = project.and_then(|project| project.build);
    for recipe in declared.into_iter().chain(serde_json::from_str(text).ok()) {
        let signed = recipe.canonical();
        assert!(signed.len() <= Recipe::MAX_BYTES);
        assert!(recipe.steps().iter().all(|step| !step[0].is_empty()));
        let folder = recipe.folder().map_or("", |folder| folder.as_str());
        assert!(!folder.starts_with('/') && folder.split('/').all(|part| part != ".."));
        assert_eq!(serde_json::from_slice::<Recipe>(&signed).expect("it was signed"), recipe);
    }
});
