//! What a server asks for, or may have.
//!
//! One type serves three purposes, because they meet in one formula:
//! **granted = asked ∩ allowed by policy ∩ approved by the user**. What is
//! asked stands in `server.json`, what is granted in the lock. An absent part
//! means none, never all.
//!
//! A grant may cover another: `${workspace}` covers `${workspace}/src`, and
//! `*.example.com:443` covers `api.example.com:443`. [`Permissions::intersect`]
//! and [`Permissions::is_subset_of`] reason about what is covered, not about
//! text.

mod change;
mod host;
mod path;
mod word;

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize};

pub use change::Renewal;
pub use host::{Host, HostPort, Port};
pub use path::PathGrant;
pub use word::{EnvName, ProgramName, SecretName};
pub(crate) use word::{is_env_name, loads_code};

use crate::{Code, Coded};

/// What a server may reach, all empty by default.
///
/// In JSON, and alike in TOML:
///
/// ```json
/// {
///   "filesystem": { "read": ["${workspace}"], "write": ["${data}"] },
///   "network": { "allow": ["api.example.com:443"] },
///   "env": { "allow": ["LANG"] },
///   "secrets": ["api_key"],
///   "run": ["git"]
/// }
/// ```
///
/// Unknown keys are refused: a permission we do not know is one we cannot
/// enforce. Sets are sorted and empty ones left out, so equal permissions are
/// written as equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Permissions {
    /// The files it may read and write.
    #[serde(skip_serializing_if = "is_default")]
    pub filesystem: Filesystem,
    /// The hosts it may connect to.
    #[serde(skip_serializing_if = "is_default")]
    pub network: Network,
    /// The environment variables of the user it may see.
    #[serde(skip_serializing_if = "is_default")]
    pub env: Environment,
    /// The secrets it is handed at launch.
    #[serde(deserialize_with = "bounded", skip_serializing_if = "BTreeSet::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub secrets: BTreeSet<SecretName>,
    /// The programs it may start.
    #[serde(deserialize_with = "bounded", skip_serializing_if = "BTreeSet::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub run: BTreeSet<ProgramName>,
}

/// The files a server may read and write. Its own folder it may always read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Filesystem {
    /// What it may read.
    #[serde(deserialize_with = "bounded", skip_serializing_if = "BTreeSet::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub read: BTreeSet<PathGrant>,
    /// What it may write, which includes reading it back.
    #[serde(deserialize_with = "bounded", skip_serializing_if = "BTreeSet::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub write: BTreeSet<PathGrant>,
}

/// The hosts a server may connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Host and port, for TCP.
    #[serde(deserialize_with = "bounded", skip_serializing_if = "BTreeSet::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub allow: BTreeSet<HostPort>,
}

/// The environment variables of the user that a server may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Environment {
    /// The variables, by name.
    #[serde(deserialize_with = "bounded", skip_serializing_if = "BTreeSet::is_empty")]
    #[cfg_attr(feature = "schema", schemars(length(max = 64)))]
    pub allow: BTreeSet<EnvName>,
}

/// Why a string is not a permission.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// A path that starts nowhere we know, climbs, or grants everything.
    #[error("`{}` is not a path to grant: {reason}", path.escape_debug())]
    Path {
        /// The rejected path.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that is not `host:port`.
    #[error("`{}` is not a host and port to grant: {reason}", host.escape_debug())]
    Host {
        /// The rejected text.
        host: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text that cannot name a variable, a secret or a program.
    #[error("`{}` is not the name of {kind}", name.escape_debug())]
    Name {
        /// The rejected text.
        name: String,
        /// What it should have named, with its article.
        kind: &'static str,
    },
    /// A variable that makes a runtime load code, so that whoever sets it
    /// decides what runs.
    #[error("environment variable `{0}` decides which code a program loads")]
    Hijack(String),
}

impl Coded for PermissionError {
    fn code(&self) -> Code {
        Code::Permission
    }

    fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Path { .. } => Some(
                "start it with `${workspace}`, `${data}`, `${home}/` or `/`, and write it without \
                 `..`",
            ),
            Self::Host { .. } => Some("write it like `api.example.com:443`, `*.example.com:443`"),
            Self::Name { .. } => None,
            Self::Hijack(_) => Some("set it in the manifest instead, to a path inside the package"),
        }
    }
}

/// A permission that may cover another of its kind.
trait Grant: Ord + Clone {
    /// The widest permission that both cover, if there is any.
    fn meet(&self, other: &Self) -> Option<Self>;

    /// Whether all that `other` permits, `self` permits too.
    fn covers(&self, other: &Self) -> bool {
        self.meet(other).as_ref() == Some(other)
    }
}

impl Permissions {
    /// The most members that one set may have: what a person is to approve must
    /// fit a screen or two.
    pub const MAX_MEMBERS: usize = 64;

    /// What both `self` and `other` permit.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self {
            filesystem: Filesystem {
                read: meet_sets(&self.filesystem.read, &other.filesystem.read),
                write: meet_sets(&self.filesystem.write, &other.filesystem.write),
            },
            network: Network { allow: meet_sets(&self.network.allow, &other.network.allow) },
            env: Environment { allow: meet_sets(&self.env.allow, &other.env.allow) },
            secrets: meet_sets(&self.secrets, &other.secrets),
            run: meet_sets(&self.run, &other.run),
        }
    }

    /// Whether `other` permits all that `self` does.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        are_covered(&self.filesystem.read, &other.filesystem.read)
            && are_covered(&self.filesystem.write, &other.filesystem.write)
            && are_covered(&self.network.allow, &other.network.allow)
            && are_covered(&self.env.allow, &other.env.allow)
            && are_covered(&self.secrets, &other.secrets)
            && are_covered(&self.run, &other.run)
    }

    /// Whether nothing is permitted.
    pub fn is_empty(&self) -> bool {
        is_default(self)
    }

    /// One line a permission, for a person to read, in the order of the fields.
    pub fn describe(&self) -> Vec<String> {
        fn lines<T: ToString>(verb: &str, set: &BTreeSet<T>) -> impl Iterator<Item = String> {
            set.iter().map(move |member| format!("{verb} {}", member.to_string()))
        }
        lines("read files in", &self.filesystem.read)
            .chain(lines("write files in", &self.filesystem.write))
            .chain(lines("connect to", &self.network.allow))
            .chain(lines("see the variable", &self.env.allow))
            .chain(lines("use the secret", &self.secrets))
            .chain(lines("start the program", &self.run))
            .collect()
    }
}

/// The widest members that both sets cover, without those that another covers.
fn meet_sets<T: Grant>(left: &BTreeSet<T>, right: &BTreeSet<T>) -> BTreeSet<T> {
    let all: BTreeSet<T> =
        left.iter().flat_map(|a| right.iter().filter_map(|b| a.meet(b))).collect();
    all.iter()
        .filter(|member| !all.iter().any(|other| other != *member && other.covers(member)))
        .cloned()
        .collect()
}

fn are_covered<T: Grant>(narrow: &BTreeSet<T>, wide: &BTreeSet<T>) -> bool {
    narrow.iter().all(|member| wide.iter().any(|other| other.covers(member)))
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Reads a set of at most [`Permissions::MAX_MEMBERS`], each named once.
fn bounded<'de, D, T>(reader: D) -> Result<BTreeSet<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Ord,
{
    let members = Vec::<T>::deserialize(reader)?;
    if members.len() > Permissions::MAX_MEMBERS {
        return Err(serde::de::Error::invalid_length(members.len(), &"at most 64 members"));
    }
    Ok(members.into_iter().collect())
}

#[cfg(test)]
mod tests;
