//! Reading pip's report of what it would install.
//!
//! Source: pip documentation, "Installation Report", version 1.

use std::collections::BTreeMap;

use mcpkg_core::{Platform, json};
use serde::Deserialize;
use url::Url;

use crate::closure::{Closure, Member};
use crate::error::{Result, UpstreamError};
use crate::server::plain;
use crate::{Ecosystem, Integrity, Package, Reference, Release};

/// The longest report that is read, in bytes: it repeats each project's description.
const MAX_BYTES: usize = 64 << 20;
/// The most wheels.
pub const MAX_MEMBERS: usize = 2_000;
/// Words of a marker that depend on the system.
const SYSTEM: [&str; 7] = [
    "sys_platform",
    "platform_system",
    "platform_machine",
    "platform_release",
    "platform_version",
    "platform_python_implementation",
    "os_name",
];

#[derive(Deserialize)]
struct Report {
    version: String,
    install: Vec<Item>,
    environment: Environment,
}

#[derive(Deserialize)]
struct Environment {
    python_version: String,
}

#[derive(Deserialize)]
struct Item {
    download_info: Download,
    #[serde(default)]
    requested: bool,
    /// Said since pip 23.3.
    #[serde(default)]
    is_yanked: Option<bool>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Download {
    url: String,
    archive_info: Option<Archive>,
}

#[derive(Deserialize)]
struct Archive {
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
    #[serde(default)]
    requires_dist: Vec<String>,
    #[serde(default)]
    license: Option<String>,
    #[serde(default)]
    license_expression: Option<String>,
}

/// The closure of `reference` in a report that was made on `platform`.
///
/// # Errors
///
/// [`UpstreamError::Choice`] for what is no wheel, or comes from elsewhere than `index`
/// and `file_hosts`; [`UpstreamError::Unpinned`].
pub fn read(
    bytes: &[u8],
    reference: &Reference,
    index: &Url,
    file_hosts: &[Url],
    platform: Platform,
) -> Result<Closure> {
    let unusable = |reason: String| UpstreamError::Choice {
        tool: "pip",
        wanted: reference.to_string(),
        reason,
    };
    let value = json::parse_rounding(bytes, MAX_BYTES).map_err(|it| unusable(it.to_string()))?;
    let report: Report = json::from_value(&value).map_err(|it| unusable(it.to_string()))?;
    if report.version != "1" {
        return Err(unusable("its report is of another version than 1".to_owned()));
    }
    if report.install.len() > MAX_MEMBERS {
        return Err(unusable(format!("it needs more than {MAX_MEMBERS} wheels")));
    }
    let mut items = report.install;
    // The release itself comes first, and the others by their names.
    items.sort_by(|a, b| (!a.requested, &a.metadata.name).cmp(&(!b.requested, &b.metadata.name)));
    let (mut is_of_system, mut is_of_python) = (false, false);
    let mut members = Vec::new();
    for item in &items {
        let release = Package::new(Ecosystem::PyPi, &item.metadata.name)
            .and_then(|package| Release::new(package, &item.metadata.version))
            .map_err(|error| unusable(error.to_string()))?;
        let url = Url::parse(&item.download_info.url)
            .map_err(|_| unusable(format!("`{release}` has no address")))?;
        let is_known = |host: &Url| host.origin() == url.origin();
        if !is_known(index) && !file_hosts.iter().any(is_known) {
            let host = url.host_str().unwrap_or("nowhere");
            return Err(unusable(format!("`{release}` is at `{host}`, not in the index")));
        }
        let file = url.path_segments().and_then(|mut it| it.next_back()).unwrap_or_default();
        let tags = WheelName::of(file)
            .ok_or_else(|| unusable(format!("`{release}` is no wheel: `{}`", plain(file, 120))))?;
        is_of_system |= tags.platform != "any";
        is_of_python |= tags.abi != "none";
        for marker in item.metadata.requires_dist.iter().filter_map(|it| it.split_once(';')) {
            is_of_system |= SYSTEM.iter().any(|word| marker.1.contains(word));
            is_of_python |= marker.1.contains("python_");
        }
        let hashes = item.download_info.archive_info.as_ref().map(|archive| &archive.hashes);
        let sha256 = hashes.and_then(|hashes| hashes.get("sha256"));
        let sha256 = sha256.and_then(|hex| mcpkg_core::Digest::from_hex(hex).ok());
        let integrity =
            Integrity::Sha256(sha256.ok_or_else(|| UpstreamError::Unpinned(release.clone()))?);
        let license = item.metadata.license_expression.as_ref().or(item.metadata.license.as_ref());
        members.push(Member {
            place: file.to_owned(),
            release,
            integrity,
            url,
            // Some put all of its text there.
            license: license.filter(|text| text.len() <= 200).map(|text| plain(text, 200)),
            needs: Vec::new(),
            has_script: false,
            is_yanked: item.is_yanked,
            deprecated: None,
        });
    }
    match members.first() {
        Some(root) if root.release.package() == &reference.package => {}
        _ => return Err(unusable("it is not in its own report".to_owned())),
    }
    for (at, item) in items.iter().enumerate() {
        members[at].needs = needs(&item.metadata.requires_dist, &members);
    }
    let python = report.environment.python_version;
    Ok(Closure {
        platform: if is_of_system { platform } else { Platform::Any },
        runtime: is_of_python.then(|| only(&python)).flatten(),
        members,
    })
}

/// What a wheel's file name says of it.
///
/// Source: PyPA, "Binary distribution format", file name convention.
pub(crate) struct WheelName<'a> {
    name: &'a str,
    /// The version, as Python writes it.
    pub(crate) version: &'a str,
    abi: &'a str,
    platform: &'a str,
}

impl<'a> WheelName<'a> {
    /// The parts of `file`, if it is the name of a wheel.
    pub(crate) fn of(file: &'a str) -> Option<Self> {
        // It names a file in the artifact too, and no other than this one.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+!".contains(c);
        if !file.chars().all(is_plain) {
            return None;
        }
        let parts: Vec<&str> = file.strip_suffix(".whl")?.split('-').collect();
        // There may be a build's number before the interpreter.
        match parts[..] {
            [name, version, _, abi, platform] | [name, version, _, _, abi, platform] => {
                Some(Self { name, version, abi, platform })
            }
            _ => None,
        }
    }

    /// Whether it is one of the wheels of `package`.
    pub(crate) fn is_of(&self, package: &Package) -> bool {
        Package::new(Ecosystem::PyPi, self.name).is_ok_and(|named| named == *package)
    }
}

/// `3.11` alone, as a range.
fn only(python: &str) -> Option<String> {
    let (major, minor) = python.split_once('.')?;
    let (major, minor): (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
    Some(format!(">={major}.{minor},<{major}.{}", minor + 1))
}

/// The members that are named in `requires`, as far as they were chosen.
fn needs(requires: &[String], members: &[Member]) -> Vec<usize> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut needs: Vec<usize> = requires
        .iter()
        .filter_map(|text| {
            let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
            let package = Package::new(Ecosystem::PyPi, &text[..end]).ok()?;
            members.iter().position(|member| member.release.package() == &package)
        })
        .collect();
    needs.sort_unstable();
    needs.dedup();
    needs
}
