//! What an update changes: everything that its user should know before it is done.

mod closure;

use std::collections::BTreeMap;
use std::path::Path;

use mcpkg_core::Version;
use mcpkg_core::elsewhere::Pinned;
use mcpkg_core::lock::LockedServer;
use mcpkg_core::manifest::Manifest;
use mcpkg_core::permissions::Permissions;
use serde::Serialize;
use serde_json::Value;

pub use self::closure::{Closure, Dependency, Ecosystem, pypi_name};
use crate::error::Result;

/// What changes between two releases of a package.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// The release that is installed.
    pub from: Version,
    /// The one that takes its place.
    pub to: Version,
    /// Who published the one and the other, where that is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<(String, String)>,
    /// The source commit of each.
    pub commit: (Option<String>, Option<String>),
    /// Which image is started or which address connected to, where that is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runs: Option<(String, String)>,
    /// What is asked for and was not before.
    pub permissions_added: Permissions,
    /// What was granted and no longer is.
    pub permissions_removed: Permissions,
    /// The settings and secrets that it takes.
    pub settings: Names,
    /// The tools that its manifest announces.
    pub tools: Names,
    /// Its files.
    pub files: Names,
    /// The packages of others that it carries.
    pub dependencies: Names,
}

/// What was added, removed and changed among named things.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    /// What is new.
    pub added: Vec<String>,
    /// What is gone.
    pub removed: Vec<String>,
    /// What is there in both, and not the same.
    pub changed: Vec<String>,
}

impl Names {
    /// Compares what is called by the same name. `describe` is given what changed.
    pub fn between<K: Ord + ToString, V: PartialEq>(
        old: &BTreeMap<K, V>,
        new: &BTreeMap<K, V>,
        describe: impl Fn(&K, &V, &V) -> String,
    ) -> Self {
        let only = |these: &BTreeMap<K, V>, those: &BTreeMap<K, V>| {
            these.keys().filter(|key| !those.contains_key(key)).map(K::to_string).collect()
        };
        let changed = old.iter().filter_map(|(key, value)| {
            let found = new.get(key).filter(|found| *found != value)?;
            Some(describe(key, value, found))
        });
        Self { added: only(new, old), removed: only(old, new), changed: changed.collect() }
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// A release as it is on disk: its manifest, and the folder it lies in.
pub struct OnDisk<'a> {
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// Its folder.
    pub folder: &'a Path,
}

impl Change {
    /// What changes from `old` to `new`. Where the files of the old release are not at
    /// hand, all of the new one's are new; and one without an artifact has none.
    pub fn between(
        (old, old_files): (&LockedServer, Option<OnDisk<'_>>),
        (new, new_files): (&LockedServer, Option<OnDisk<'_>>),
        permissions_added: Permissions,
    ) -> Result<Self> {
        let is_other = old.publisher.difference(&new.publisher).is_some();
        let publisher = is_other.then(|| (old.publisher.reference(), new.publisher.reference()));
        let manifest = old_files.as_ref().map(|it| it.manifest);
        let closure = |files: Option<&OnDisk<'_>>| match files {
            Some(files) => Closure::read(files.folder),
            None => Ok(Closure::default()),
        };
        let before = closure(old_files.as_ref())?;
        let after = closure(new_files.as_ref())?;
        let next = new_files.as_ref().map(|it| it.manifest);
        let (before_ran, runs) = (old.elsewhere.as_ref(), new.elsewhere.as_ref());
        Ok(Self {
            from: old.version.clone(),
            to: new.version.clone(),
            publisher,
            commit: (old.commit.clone(), new.commit.clone()),
            runs: (before_ran != runs).then(|| (in_words(before_ran), in_words(runs))),
            permissions_removed: old.granted.beyond(&new.granted),
            permissions_added,
            settings: Names::between(
                &manifest.map(settings).unwrap_or_default(),
                &next.map(settings).unwrap_or_default(),
                |key, _, now| format!("{key}: {now}"),
            ),
            tools: Names::between(
                &manifest.map(tools).unwrap_or_default(),
                &next.map(tools).unwrap_or_default(),
                |name, _, _| format!("{name}: it is described differently"),
            ),
            files: Names::between(&before.files, &after.files, |path, _, _| path.clone()),
            dependencies: Names::between(
                &versions(&before),
                &versions(&after),
                |name, before, now| format!("{name} {before} -> {now}"),
            ),
        })
    }
}

/// What is started or connected to.
fn in_words(pinned: Option<&Pinned>) -> String {
    pinned.map_or_else(|| "its own files".to_owned(), ToString::to_string)
}

/// The settings that a server takes, each with what it is.
fn settings(manifest: &Manifest) -> BTreeMap<String, String> {
    let describe = |key: &mcpkg_core::manifest::ConfigKey| {
        let kind = if key.is_sensitive { "a secret" } else { "a setting" };
        let need = if key.is_required { "required" } else { "optional" };
        format!("{kind}, {need}")
    };
    let keys = manifest.config_keys().iter();
    keys.map(|(name, key)| (name.clone(), describe(key))).collect()
}

/// The tools that a manifest announces, each with all that it says of it.
fn tools(manifest: &Manifest) -> BTreeMap<String, Value> {
    let tools = manifest.value().get("tools").and_then(Value::as_array);
    let named = |tool: &Value| Some((tool.get("name")?.as_str()?.to_owned(), tool.clone()));
    tools.into_iter().flatten().filter_map(named).collect()
}

/// The dependencies as they are shown: `npm:flatmap`, with its versions.
fn versions(closure: &Closure) -> BTreeMap<String, String> {
    let shown = |(dependency, versions): (&Dependency, &std::collections::BTreeSet<String>)| {
        let versions: Vec<_> = versions.iter().map(String::as_str).collect();
        let name = format!("{}:{}", dependency.ecosystem.as_str(), dependency.name);
        (name, versions.join(" and "))
    };
    closure.dependencies.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_added_removed_or_changed() {
        let map = |pairs: &[(&str, u8)]| -> BTreeMap<String, u8> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
        };
        let names = Names::between(
            &map(&[("gone", 1), ("same", 1), ("other", 1)]),
            &map(&[("new", 1), ("same", 1), ("other", 2)]),
            |name, old, new| format!("{name} {old} -> {new}"),
        );
        assert_eq!(names.added, ["new"]);
        assert_eq!(names.removed, ["gone"]);
        assert_eq!(names.changed, ["other 1 -> 2"]);
        assert!(!names.is_empty());
    }
}
