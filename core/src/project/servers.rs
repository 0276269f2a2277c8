//! `[servers]`: which servers a project wants, and on what terms.
//!
//! ```toml
//! [servers]
//! "io.github.acme/weather" = "^1.2"
//!
//! [servers."io.github.acme/tides"]
//! version = "2.0.1"                             # exactly this one
//! agents = ["claude-code", "cursor"]            # [default: all that are found]
//! secrets = { api_key = "env:TIDES_KEY" }
//! permissions = { network = { allow = ["api.tides.example:443"] } }
//!
//! [servers."org.npmjs.acme/clouds"]
//! version = "^1"
//! from = "npm:@acme/clouds"                     # and from no registry of releases
//! ```
//!
//! `permissions` narrows what the server asks for and never widens it; without it,
//! what the server asks for is what the user is shown and approves. What comes from
//! another ecosystem asks for nothing, and gets what stands there.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_with::{DeserializeFromStr, SerializeDisplay};

use crate::lock::SecretReference;
use crate::permissions::Permissions;
use crate::{PackageName, Version};

/// The servers that a project wants, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Servers(BTreeMap<PackageName, WantedServer>);

/// What a project wants of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedServer {
    /// Which of its releases.
    pub version: VersionRange,
    /// The agents to link it into, by their ids; all that are found, if it is not
    /// said.
    pub agents: Option<Vec<String>>,
    /// Where its secrets are found.
    pub secrets: BTreeMap<String, SecretReference>,
    /// The most that it is to be granted; what it asks for, if it is not said.
    pub permissions: Option<Permissions>,
    /// The package of another ecosystem that it is made of: `npm:@acme/weather`. From
    /// the registry that serves the name, or where it is locked from, if it is not said.
    pub from: Option<String>,
}

/// Which releases a project takes: exactly `1.2.0`, or a range as Cargo reads it,
/// with an operator: `^1.2`, `~1.2.3`, `>=1, <3`, `*`.
#[derive(Clone, Debug, PartialEq, Eq, DeserializeFromStr, SerializeDisplay)]
pub enum VersionRange {
    /// This release.
    Exactly(Version),
    /// Any release of this range.
    Range(semver::VersionReq),
}

/// A text that says no releases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is no version and no range, such as `1.2.0`, `^1.2` or `*`", .0.escape_debug())]
pub struct VersionRangeError(String);

impl Servers {
    /// What is wanted of the server of this name.
    pub fn get(&self, name: &PackageName) -> Option<&WantedServer> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&PackageName, &WantedServer)> {
        self.0.iter()
    }

    /// Whether none is wanted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl VersionRange {
    /// The longest text, in bytes.
    pub const MAX_LEN: usize = 256;

    /// The range of releases that are compatible with `version`.
    pub fn compatible_with(version: &Version) -> Self {
        let semver::Version { major, minor, patch, pre, .. } = version.as_semver().clone();
        let comparator = semver::Comparator {
            op: semver::Op::Caret,
            major,
            minor: Some(minor),
            patch: Some(patch),
            pre,
        };
        Self::Range(semver::VersionReq { comparators: vec![comparator] })
    }

    /// Whether `version` is one of them.
    pub fn matches(&self, version: &Version) -> bool {
        match self {
            Self::Exactly(wanted) => wanted == version,
            Self::Range(range) => range.matches(version.as_semver()),
        }
    }
}

impl FromStr for VersionRange {
    type Err = VersionRangeError;

    fn from_str(text: &str) -> Result<Self, VersionRangeError> {
        let refused = || VersionRangeError(text.chars().take(80).collect());
        if text.len() > Self::MAX_LEN {
            return Err(refused());
        }
        // A bare version is that version, not the range that Cargo would read into it,
        // as on the command line.
        if let Ok(version) = text.parse() {
            return Ok(Self::Exactly(version));
        }
        if !text.contains(['^', '~', '*', '<', '>', '=']) {
            return Err(refused());
        }
        text.parse().map(Self::Range).map_err(|_| refused())
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(version) => version.fmt(f),
            Self::Range(range) => range.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for Servers {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(ServersVisitor)
    }
}

struct ServersVisitor;

impl<'de> Visitor<'de> for ServersVisitor {
    type Value = Servers;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of packages")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Servers, A::Error> {
        let mut servers = BTreeMap::new();
        while let Some((name, wanted)) = map.next_entry::<PackageName, WantedServer>()? {
            // TOML refuses equal keys, and names are equal without case.
            if servers.contains_key(&name) {
                return Err(A::Error::custom(format!("`{name}` is there twice")));
            }
            servers.insert(name, wanted);
        }
        Ok(Servers(servers))
    }
}

impl<'de> Deserialize<'de> for WantedServer {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_any(WantedVisitor)
    }
}

struct WantedVisitor;

impl<'de> Visitor<'de> for WantedVisitor {
    type Value = WantedServer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a version, a range or a table")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<WantedServer, E> {
        Ok(WantedServer {
            version: text.parse().map_err(E::custom)?,
            agents: None,
            secrets: BTreeMap::new(),
            permissions: None,
            from: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WantedServer, A::Error> {
        let WireServer { version, agents, secrets, permissions, from } =
            WireServer::deserialize(MapAccessDeserializer::new(map))?;
        Ok(WantedServer { version, agents, secrets, permissions, from })
    }
}

/// A server with more to say of it than its version.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct WireServer {
    /// Which of its releases.
    version: VersionRange,
    /// The agents to link it into; all that are found, if it is not said.
    #[serde(default)]
    agents: Option<Vec<String>>,
    /// Where its secrets are found.
    #[serde(default)]
    secrets: BTreeMap<String, SecretReference>,
    /// The most that it is to be granted; what it asks for, if it is not said.
    #[serde(default)]
    permissions: Option<Permissions>,
    /// The package of another ecosystem that it is made of, such as `npm:@acme/weather`.
    #[serde(default)]
    from: Option<String>,
}

/// What a project wants of one server.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename = "WantedServer")]
#[serde(untagged)]
#[expect(dead_code, reason = "it is the shape of a value, and nobody makes one")]
pub(crate) enum WireWanted {
    /// Which of its releases.
    Version(VersionRange),
    /// The same, with more to say.
    Table(Box<WireServer>),
}
