//! What is in an artifact, as far as policy and people ask: licences, and the packages
//! of others that it carries.
//!
//! An artifact holds everything that its server needs, so an advisory about a
//! dependency, and its licence, are found in it. What its author left out of it nobody
//! finds here; what is found follows from the bytes, and is kept by their digest.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Seek};

use mcpkg_core::archive::{Archive, ArchiveError, Limits};
use mcpkg_core::manifest;
use mcpkg_core::review::FileFacts;
use mcpkg_core::{Digest, json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The longest file that is read for a name, a version or a licence, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 1 << 20;

/// The most packages of others that are kept. A server with a thousand is large.
const MAX_PARTS: usize = 20_000;

/// The longest name or version that is kept, in bytes.
const MAX_NAME_LEN: usize = 214;

/// What SPDX calls a licence that nobody says, or that nobody can read.
pub(crate) const NO_ASSERTION: &str = "NOASSERTION";

/// What was found in an artifact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Inspection {
    /// The licences of the package itself, by their SPDX identifiers.
    pub(crate) licences: BTreeSet<String>,
    /// The packages of others.
    pub(crate) parts: BTreeSet<Part>,
}

/// A package that an artifact carries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Part {
    /// Whose names these are, as OSV calls it: `npm` or `PyPI`.
    pub(crate) ecosystem: String,
    /// Its name there.
    pub(crate) name: String,
    /// Its version; `unknown` if it does not say.
    pub(crate) version: String,
    /// Its licences, by their SPDX identifiers.
    pub(crate) licences: BTreeSet<String>,
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} {}", self.ecosystem, self.name, self.version)
    }
}

/// Looks into an artifact. Blocks.
pub(crate) fn inspect(reader: impl Read + Seek) -> Result<Inspection, ArchiveError> {
    let mut archive = Archive::read(reader, &Limits::default())?;
    let paths: Vec<String> =
        archive.entries().iter().map(|entry| entry.path().as_str().to_owned()).collect();
    let mut inspection = Inspection::default();
    let mut read = |path: &str| {
        // A description that is longer than any says nothing.
        match archive.read_file(path, MAX_DESCRIPTION_BYTES as u64) {
            Err(ArchiveError::Limit(_)) => Ok(None),
            other => other,
        }
    };
    let manifest = read(manifest::FILE_NAME)?.and_then(|bytes| document(&bytes));
    let declared = manifest.as_ref().and_then(licence_of);
    inspection.licences = licences(declared.as_deref());
    for path in &paths {
        if inspection.parts.len() >= MAX_PARTS {
            break;
        }
        if let Some(name) = npm_name(path) {
            let description = read(path)?.and_then(|bytes| document(&bytes)).unwrap_or_default();
            let version = description.get("version").and_then(Value::as_str);
            let licence = licence_of(&description);
            inspection.parts.insert(part("npm", name, version, licence.as_deref()));
        } else if let Some((name, version)) = pypi_name(path) {
            let bytes = read(path)?.unwrap_or_default();
            let licence = metadata_licence(&String::from_utf8_lossy(&bytes));
            inspection.parts.insert(part("PyPI", &name, Some(version), licence.as_deref()));
        }
    }
    Ok(inspection)
}

/// Every file of an artifact, by path, for two of them to be compared. Inflates all of
/// it. Blocks.
pub(crate) fn files(reader: impl Read + Seek) -> Result<BTreeMap<String, FileFacts>, ArchiveError> {
    let mut archive = Archive::read(reader, &Limits::default())?;
    let mut files = BTreeMap::new();
    archive.for_each_file(|entry, file| {
        let mut hasher = Sha256::new();
        while let Some(chunk) = file.next_chunk()? {
            hasher.update(chunk);
        }
        let digest = Digest::from_bytes(hasher.finalize().into());
        let facts = (entry.size_bytes(), entry.is_executable(), digest);
        files.insert(entry.path().as_str().to_owned(), facts);
        Ok::<_, ArchiveError>(())
    })?;
    Ok(files)
}

fn document(bytes: &[u8]) -> Option<Value> {
    json::parse_rounding(bytes, MAX_DESCRIPTION_BYTES).ok()
}

/// The licence that a `manifest.json` or a `package.json` states. npm's older forms
/// count too: an object with a type, and a list of them.
fn licence_of(document: &Value) -> Option<String> {
    let one = |value: &Value| {
        let text = value.as_str().or_else(|| value.get("type")?.as_str());
        text.map(str::to_owned)
    };
    let several = |value: &Value| {
        let all: Vec<String> = value.as_array()?.iter().filter_map(one).collect();
        (!all.is_empty()).then(|| all.join(" AND "))
    };
    document.get("license").and_then(one).or_else(|| document.get("licenses").and_then(several))
}

/// The licence in the metadata of a wheel.
///
/// Source: PEP 639 and the core metadata specifications, which are lines like those of
/// a mail, up to an empty one.
fn metadata_licence(text: &str) -> Option<String> {
    let field = |name: &str| {
        let lines = text.lines().take_while(|line| !line.is_empty());
        let mut values = lines.filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        values.next().map(str::trim).filter(|it| !it.is_empty() && *it != "UNKNOWN")
    };
    field("License-Expression").or_else(|| field("License")).map(str::to_owned)
}

/// The identifiers in an SPDX expression. A text that is none asserts nothing, and so
/// does none at all: a list of licences that are allowed then does not have it.
///
/// Every identifier counts, also of those from which one may choose: a policy that
/// forbids one of them has a person look, and one that lists what it allows has to list
/// them all.
pub(crate) fn licences(expression: Option<&str>) -> BTreeSet<String> {
    let none = || BTreeSet::from([NO_ASSERTION.to_owned()]);
    let Some(text) = expression else { return none() };
    // Loose in how names are spelt, as authors are.
    match spdx::Expression::parse_mode(text, spdx::ParseMode::LAX) {
        Ok(expression) => {
            expression.requirements().map(|required| required.req.license.to_string()).collect()
        }
        Err(_) => none(),
    }
}

/// The name of the package that a `package.json` is of, if installers put it there.
fn npm_name(path: &str) -> Option<&str> {
    let folder = path.strip_suffix("/package.json")?;
    let (before, name) = folder.rsplit_once("node_modules/")?;
    let parts = name.split('/').count();
    let is_package = if name.starts_with('@') { parts == 2 } else { parts == 1 };
    (is_package && (before.is_empty() || before.ends_with('/'))).then_some(name)
}

/// The same of a wheel's metadata: the name in the one spelling of PEP 503, and the
/// version.
fn pypi_name(path: &str) -> Option<(String, &str)> {
    let folder = path.strip_suffix(".dist-info/METADATA")?;
    let (name, version) = folder.rsplit('/').next()?.split_once('-')?;
    let mut normal = String::new();
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => (),
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.extend(c.to_lowercase()),
        }
    }
    Some((normal, version))
}

fn part(ecosystem: &str, name: &str, version: Option<&str>, licence: Option<&str>) -> Part {
    let short = |text: &str| text.chars().take(MAX_NAME_LEN).collect::<String>();
    Part {
        ecosystem: ecosystem.to_owned(),
        name: short(name),
        version: short(version.unwrap_or("unknown")),
        licences: licences(licence),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use mcpkg_core::archive::Writer;

    use super::*;

    fn archive(files: &[(&str, &str)]) -> Cursor<Vec<u8>> {
        let mut writer = Writer::new(Vec::new(), &Limits::default());
        let mut files = files.to_vec();
        files.sort_unstable();
        for (path, content) in files {
            writer.add(&path.parse().unwrap(), false, &mut Cursor::new(content)).unwrap();
        }
        Cursor::new(writer.finish().unwrap().output)
    }

    #[test]
    fn licences_are_spdx_or_assert_nothing() {
        for (text, expected) in [
            (Some("MIT"), &["MIT"][..]),
            (Some("MIT OR Apache-2.0"), &["Apache-2.0", "MIT"]),
            (Some("GPL-3.0-or-later WITH Classpath-exception-2.0"), &["GPL-3.0-or-later"]),
            (Some("LicenseRef-acme"), &["LicenseRef-acme"]),
            (Some("SEE LICENSE IN LICENSE.md"), &["NOASSERTION"]),
            (Some("(MIT"), &["NOASSERTION"]),
            (Some(""), &["NOASSERTION"]),
            (None, &["NOASSERTION"]),
        ] {
            let found = licences(text);
            assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    #[test]
    fn what_an_artifact_carries_is_found_where_installers_put_it() {
        let found = inspect(archive(&[
            ("manifest.json", r#"{"license":"Apache-2.0"}"#),
            ("node_modules/flatmap/package.json", r#"{"version":"0.1.1","license":"MIT"}"#),
            ("node_modules/flatmap/lib/package.json", r#"{"version":"9.9.9"}"#),
            (
                "node_modules/@a/b/package.json",
                r#"{"version":"2.0.0","licenses":[{"type":"ISC"}]}"#,
            ),
            ("node_modules/broken/package.json", "{"),
            ("old_node_modules/no/package.json", r#"{"version":"1.0.0"}"#),
            (
                "lib/Foo_Bar-1.2.dist-info/METADATA",
                "Name: x\nLicense-Expression: BSD-3-Clause\n\nLicense: no\n",
            ),
        ]))
        .unwrap();
        assert_eq!(found.licences, licences(Some("Apache-2.0")));
        let parts: Vec<String> = found
            .parts
            .iter()
            .map(|part| format!("{part} {}", part.licences.iter().cloned().collect::<String>()))
            .collect();
        assert_eq!(
            parts,
            [
                "PyPI:foo-bar 1.2 BSD-3-Clause",
                "npm:@a/b 2.0.0 ISC",
                "npm:broken unknown NOASSERTION",
                "npm:flatmap 0.1.1 MIT",
            ]
        );
    }

    #[test]
    fn files_are_compared_by_what_is_in_them() {
        let one = files(archive(&[("a", "x"), ("b", "y")])).unwrap();
        let other = files(archive(&[("a", "x"), ("b", "z")])).unwrap();
        assert_eq!(one["a"], other["a"]);
        assert_ne!(one["b"], other["b"]);
        assert_eq!(one["b"], (1, false, Digest::of(b"y")));
    }
}
