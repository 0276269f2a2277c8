//! Folders and files that a user names in a server's settings, and what it sees of them.
//!
//! A setting of MCPB says where something is; only a grant lets a confined server look
//! there. An author who forgets to ask has a server that finds nothing, with an error of
//! the kernel's for an explanation. So it is said before: to the author who packs it, and
//! to the user who installs it.

use std::collections::BTreeMap;
use std::path::Path;

use mcpkg_core::lock::ConfigText;
use mcpkg_core::manifest::{ConfigType, Manifest};
use mcpkg_core::permissions::{PathGrant, Permissions};

/// The settings that name a folder or a file, of a server that asks to read and write
/// nothing but its own data. A sentence for each.
pub fn unasked(manifest: &Manifest, asked: &Permissions) -> Vec<String> {
    let files = &asked.filesystem;
    if files.read.iter().chain(&files.write).any(|grant| grant.split_base().0 != "${data}") {
        return Vec::new();
    }
    let sentence = |(key, what): (&str, &str)| {
        format!(
            "its setting `{key}` is {what}, and its server.json asks for no file: a confined \
             server will not see it"
        )
    };
    settings(manifest).map(sentence).collect()
}

/// The values of such settings that are in nothing that was granted.
pub fn unseen(
    manifest: &Manifest,
    config: &BTreeMap<String, ConfigText>,
    granted: &Permissions,
    home: &Path,
) -> Vec<String> {
    let mut unseen = Vec::new();
    for (key, _) in settings(manifest) {
        let values = match config.get(key) {
            None => continue,
            Some(ConfigText::One(value)) => std::slice::from_ref(value),
            Some(ConfigText::Many(values)) => values,
        };
        for value in values.iter().filter(|value| !is_granted(value, granted, home)) {
            unseen.push(format!(
                "its setting `{key}` is `{value}`, which is in nothing that it was granted: a \
                 confined server will not see it"
            ));
        }
    }
    unseen
}

fn settings(manifest: &Manifest) -> impl Iterator<Item = (&str, &'static str)> {
    manifest.config_keys().iter().filter_map(|(key, config)| match config.kind {
        ConfigType::Directory => Some((key.as_str(), "a folder")),
        ConfigType::File => Some((key.as_str(), "a file")),
        ConfigType::String | ConfigType::Number | ConfigType::Boolean => None,
    })
}

/// Whether a path is in what was granted, in either of its spellings.
fn is_granted(path: &str, granted: &Permissions, home: &Path) -> bool {
    let below = Path::new(path).strip_prefix(home).ok().and_then(Path::to_str);
    let spellings = [Some(path.to_owned()), below.map(|rest| format!("${{home}}/{rest}"))];
    spellings.iter().flatten().filter_map(|text| text.parse::<PathGrant>().ok()).any(|grant| {
        let (mut read, mut write) = (Permissions::default(), Permissions::default());
        read.filesystem.read.insert(grant.clone());
        write.filesystem.write.insert(grant);
        read.is_subset_of(granted) || write.is_subset_of(granted)
    })
}

#[cfg(test)]
mod tests {
    use mcpkg_core::json;
    use serde_json::json;

    use super::*;

    fn permissions(value: &serde_json::Value) -> Permissions {
        json::from_value(value).unwrap()
    }

    #[test]
    fn a_path_is_seen_below_a_grant_in_either_spelling() {
        let granted = permissions(&json!({
            "filesystem": { "read": ["${home}/docs", "/srv"], "write": ["/var/x"] }
        }));
        for (path, is_seen) in [
            ("/home/ada/docs", true),
            ("/home/ada/docs/a", true),
            ("/srv/a b", true),
            ("/var/x/y", true),
            ("/home/ada", false),
            ("/home/ada/docs2", false),
            ("/home/bob/docs", false),
            ("relative", false),
            ("/srv/../etc", false),
        ] {
            assert_eq!(is_granted(path, &granted, Path::new("/home/ada")), is_seen, "{path}");
        }
    }
}
