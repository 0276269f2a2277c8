//! Reading `package-lock.json`, which npm made of what a registry said.

use std::collections::BTreeMap;

use mcpkg_core::{Machine, Platform, System, json};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{TOOL, deprecation};
use crate::closure::{Closure, Member};
use crate::error::{Result, UpstreamError};
use crate::fetch::below;
use crate::{Ecosystem, Package, Reference, Release};

/// The longest lock that is read, in bytes.
const MAX_BYTES: usize = 64 << 20;
/// The most packages. The largest servers have a few hundred.
pub const MAX_MEMBERS: usize = 5_000;
/// What stands before each package in a place.
const FOLDER: &str = "node_modules/";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireLock {
    lockfile_version: u64,
    packages: BTreeMap<String, WirePackage>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "they are npm's")]
struct WirePackage {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    link: bool,
    in_bundle: bool,
    optional: bool,
    has_install_script: bool,
    deprecated: Option<Value>,
    license: Option<Value>,
    os: Words,
    cpu: Words,
    libc: Words,
    dependencies: BTreeMap<String, Value>,
    optional_dependencies: BTreeMap<String, Value>,
    peer_dependencies: BTreeMap<String, Value>,
}

/// One word or several.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Words {
    #[default]
    None,
    One(String),
    Several(Vec<String>),
}

impl Words {
    fn all(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::One(word) => std::slice::from_ref(word),
            Self::Several(words) => words,
        }
    }

    /// Whether they admit `word`: `!win32` is all but that, `linux` is that alone.
    fn admit(&self, word: &str) -> bool {
        let mut named = self.all().iter().filter(|it| !it.starts_with('!')).peekable();
        let is_denied = self.all().iter().any(|it| it.strip_prefix('!') == Some(word));
        let is_open = named.peek().is_none();
        !is_denied && (is_open || named.any(|it| it == word || it == "any"))
    }
}

/// The closure of `reference` in a lock, as far as it is for `platform`.
///
/// # Errors
///
/// [`UpstreamError::Choice`] for links, for what comes from elsewhere than `registry`, and
/// for places that are no folders of packages; [`UpstreamError::Unpinned`];
/// [`UpstreamError::Platform`] if it needs something that is not for `platform`.
pub fn read(
    bytes: &[u8],
    reference: &Reference,
    registry: &Url,
    platform: Platform,
) -> Result<Closure> {
    let wanted = reference.to_string();
    let unusable =
        |reason: String| UpstreamError::Choice { tool: TOOL, wanted: wanted.clone(), reason };
    let value = json::parse(bytes, MAX_BYTES).map_err(|error| unusable(error.to_string()))?;
    let lock: WireLock = json::from_value(&value).map_err(|error| unusable(error.to_string()))?;
    if lock.lockfile_version != 3 {
        return Err(unusable(format!("it has version {}, expected 3", lock.lockfile_version)));
    }
    if lock.packages.len() > MAX_MEMBERS {
        return Err(unusable(format!("it needs more than {MAX_MEMBERS} packages")));
    }
    let root_place = format!("{FOLDER}{}", reference.package.name());
    let is_for = Host::of(platform);
    let mut is_bound = false;
    let mut members: Vec<(Member, &WirePackage)> = Vec::new();
    for (place, wire) in &lock.packages {
        // The empty place is our own project; a bundled package comes in another's tarball.
        if place.is_empty() || wire.in_bundle {
            continue;
        }
        let name = name_at(place).ok_or_else(|| unusable(format!("`{place}` is no place")))?;
        let release = Package::new(Ecosystem::Npm, wire.name.as_deref().unwrap_or(name))
            .and_then(|package| Release::new(package, wire.version.as_deref().unwrap_or_default()))
            .map_err(|error| unusable(error.to_string()))?;
        is_bound |= [&wire.os, &wire.cpu, &wire.libc].iter().any(|words| !words.all().is_empty());
        if !is_for.admits(wire) {
            if wire.optional {
                continue;
            }
            return Err(UpstreamError::Platform { release, platform });
        }
        if wire.link {
            return Err(unusable(format!("`{place}` is a link")));
        }
        let integrity = wire.integrity.as_deref().and_then(|text| text.parse().ok());
        let integrity = integrity.ok_or_else(|| UpstreamError::Unpinned(release.clone()))?;
        let url = tarball(&release, wire.resolved.as_deref(), registry)
            .ok_or_else(|| unusable(format!("`{release}` is not in the registry")))?;
        let member = Member {
            release,
            place: place.clone(),
            integrity,
            url,
            license: wire.license.as_ref().and_then(license),
            needs: Vec::new(),
            has_script: wire.has_install_script,
            // What is unpublished is gone, and cannot have been chosen.
            is_yanked: Some(false),
            deprecated: wire.deprecated.as_ref().and_then(deprecation),
        };
        // The release itself comes first.
        if *place == root_place {
            members.insert(0, (member, wire));
        } else {
            members.push((member, wire));
        }
    }
    let has_root = members.first().is_some_and(|(member, _)| member.place == root_place);
    if !has_root || members[0].0.release.package() != &reference.package {
        return Err(unusable("it is not in its own lock".to_owned()));
    }
    Ok(Closure {
        platform: if is_bound { platform } else { Platform::Any },
        runtime: None,
        members: with_needs(members),
    })
}

/// The words of npm for a platform.
struct Host {
    os: &'static str,
    cpu: &'static str,
}

impl Host {
    fn of(platform: Platform) -> Self {
        match platform {
            Platform::Any => Self { os: "", cpu: "" },
            Platform::Of(system, machine) => Self {
                os: match system {
                    System::Darwin => "darwin",
                    System::Linux => "linux",
                    System::Windows => "win32",
                },
                cpu: match machine {
                    Machine::Aarch64 => "arm64",
                    Machine::X86_64 => "x64",
                },
            },
        }
    }

    fn admits(&self, wire: &WirePackage) -> bool {
        // A package for musl alone is for another Linux than ours.
        wire.os.admit(self.os) && wire.cpu.admit(self.cpu) && wire.libc.admit("glibc")
    }
}

/// The name of the package at a place: `node_modules/a/node_modules/@b/c` is `@b/c`.
pub(crate) fn name_at(place: &str) -> Option<&str> {
    let mut rest = place.strip_prefix(FOLDER)?;
    loop {
        let (name, next) = match rest.split_once(&format!("/{FOLDER}")) {
            Some((name, next)) => (name, Some(next)),
            None => (rest, None),
        };
        Package::new(Ecosystem::Npm, name).ok()?;
        match next {
            Some(next) => rest = next,
            None => return Some(name),
        }
    }
}

/// Where the tarball is: on the registry's own server, or nowhere.
fn tarball(release: &Release, resolved: Option<&str>, registry: &Url) -> Option<Url> {
    if let Some(text) = resolved {
        let url = Url::parse(text).ok()?;
        return (url.origin() == registry.origin()).then_some(url);
    }
    // npm may be told to leave it out where it is as always.
    let package = release.package();
    let file = format!("{}-{}.tgz", package.short(), release.version());
    let mut segments: Vec<&str> = package.name().split('/').collect();
    segments.extend(["-", &file]);
    Some(below(registry, &segments))
}

/// `"MIT"`, or what very old packages have: `{"type": "MIT"}`.
fn license(value: &Value) -> Option<String> {
    let text = value.as_str().or_else(|| value.get("type")?.as_str())?;
    Some(text.chars().filter(|c| !c.is_control()).take(200).collect())
}

/// Finds what each member needs as Node does: in its own folder, then in those around it.
fn with_needs(members: Vec<(Member, &WirePackage)>) -> Vec<Member> {
    let index: BTreeMap<String, usize> =
        members.iter().enumerate().map(|(at, (member, _))| (member.place.clone(), at)).collect();
    members
        .into_iter()
        .map(|(mut member, wire)| {
            let names = wire.dependencies.keys();
            let names = names.chain(wire.optional_dependencies.keys());
            let names = names.chain(wire.peer_dependencies.keys());
            member.needs = names.filter_map(|name| find(&index, &member.place, name)).collect();
            member.needs.sort_unstable();
            member.needs.dedup();
            member
        })
        .collect()
}

fn find(index: &BTreeMap<String, usize>, from: &str, name: &str) -> Option<usize> {
    let mut folder = Some(from);
    while let Some(place) = folder {
        if let Some(found) = index.get(&format!("{place}/{FOLDER}{name}")) {
            return Some(*found);
        }
        folder = place.rsplit_once(&format!("/{FOLDER}")).map(|(outer, _)| outer);
    }
    index.get(&format!("{FOLDER}{name}")).copied()
}
