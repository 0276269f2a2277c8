//! What a release brings along: its files, and the packages of others among them.
//!
//! An artifact holds everything that the server needs, so a dependency that an update
//! adds is there to be seen: event-stream (2018) was one line in a list that nobody
//! was shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use mcpkg_core::Digest;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::store::hash_files;

/// The longest `package.json` that is read for a version, in bytes.
const MAX_METADATA_BYTES: u64 = 1 << 20;

/// A package that an artifact carries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dependency {
    /// Whose names these are.
    pub ecosystem: Ecosystem,
    /// Its name there.
    pub name: String,
}

/// Where a dependency comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Ecosystem {
    /// npm: a folder in `node_modules`.
    #[serde(rename = "npm")]
    Npm,
    /// `PyPI`: a folder `*.dist-info`.
    #[serde(rename = "PyPI")]
    Pypi,
}

impl Ecosystem {
    /// What OSV calls it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Npm => "npm",
            Self::Pypi => "PyPI",
        }
    }
}

/// What is in a tree.
#[derive(Debug, Default)]
pub struct Closure {
    /// The files, by path.
    pub files: BTreeMap<String, Digest>,
    /// The packages of others, each in every version that is there.
    pub dependencies: BTreeMap<Dependency, BTreeSet<String>>,
}

impl Closure {
    /// Reads the tree below `root`.
    pub fn read(root: &Path) -> Result<Self> {
        let mut closure = Self::default();
        for ((path, _), digest) in hash_files(root)? {
            if let Some((dependency, version)) = dependency(root, &path) {
                closure.dependencies.entry(dependency).or_default().insert(version);
            }
            closure.files.insert(path, digest);
        }
        Ok(closure)
    }
}

/// The dependency that the file at `path` describes, if it describes one.
fn dependency(root: &Path, path: &str) -> Option<(Dependency, String)> {
    if let Some(folder) = path.strip_suffix("/package.json") {
        let (before, name) = folder.rsplit_once("node_modules/")?;
        let parts = name.split('/').count();
        let is_package = if name.starts_with('@') { parts == 2 } else { parts == 1 };
        if !is_package || !(before.is_empty() || before.ends_with('/')) {
            return None;
        }
        let version = npm_version(&root.join(path)).unwrap_or_else(|| "unknown".to_owned());
        let dependency = Dependency { ecosystem: Ecosystem::Npm, name: name.to_owned() };
        return Some((dependency, version));
    }
    let folder = path.strip_suffix(".dist-info/METADATA")?;
    let (name, version) = folder.rsplit('/').next()?.split_once('-')?;
    let name = pypi_name(name);
    Some((Dependency { ecosystem: Ecosystem::Pypi, name }, version.to_owned()))
}

/// The one spelling of a name in `PyPI`.
///
/// Source: PEP 503, "Normalized Names".
pub fn pypi_name(name: &str) -> String {
    let mut normal = String::new();
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => (),
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.extend(c.to_lowercase()),
        }
    }
    normal
}

fn npm_version(path: &Path) -> Option<String> {
    #[derive(Deserialize)]
    struct PackageJson {
        version: String,
    }
    let mut text = Vec::new();
    File::open(path).ok()?.take(MAX_METADATA_BYTES).read_to_end(&mut text).ok()?;
    let package: PackageJson = serde_json::from_slice(&text).ok()?;
    (package.version.len() <= 128).then_some(package.version)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_packages_of_others_are_found_where_installers_put_them() {
        let root = tempfile::tempdir().unwrap();
        let file = |path: &str, content: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        file("package.json", r#"{"name":"mine","version":"1.0.0"}"#);
        file("node_modules/flatmap/package.json", r#"{"version":"0.1.1"}"#);
        file("node_modules/flatmap/lib/package.json", r#"{"version":"9.9.9"}"#);
        file("node_modules/@a/b/package.json", r#"{"version":"2.0.0"}"#);
        file("node_modules/x/node_modules/flatmap/package.json", r#"{"version":"0.1.0"}"#);
        file("node_modules/broken/package.json", "{");
        file("old_node_modules/no/package.json", r#"{"version":"1.0.0"}"#);
        file("server/lib/Foo_Bar-1.2.dist-info/METADATA", "");
        let closure = Closure::read(root.path()).unwrap();
        let found: Vec<_> = closure
            .dependencies
            .iter()
            .map(|(it, versions)| {
                let versions: Vec<_> = versions.iter().map(String::as_str).collect();
                format!("{}:{} {}", it.ecosystem.as_str(), it.name, versions.join(" "))
            })
            .collect();
        assert_eq!(
            found,
            ["npm:@a/b 2.0.0", "npm:broken unknown", "npm:flatmap 0.1.0 0.1.1", "PyPI:foo-bar 1.2",]
        );
        assert_eq!(closure.files.len(), 8);
    }
}
