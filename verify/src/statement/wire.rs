//! The parts of a statement that are read, as they are written.

use std::collections::BTreeMap;

use mcpkg_core::archive::ArchivePath;
use mcpkg_core::evidence::SourceCommit;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireStatement {
    #[serde(rename = "_type")]
    pub(super) kind: String,
    pub(super) subject: Vec<WireSubject>,
    pub(super) predicate_type: String,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub(super) predicate: WirePredicate,
}

/// PyPI's statements that have nothing to say beyond their type have a predicate `null`.
fn null_is_empty<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<WirePredicate, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Deserialize)]
pub(super) struct WireSubject {
    #[serde(default)]
    pub(super) name: String,
    pub(super) digest: WireDigests,
}

#[derive(Deserialize)]
pub(super) struct WireDigests {
    pub(super) sha256: Option<String>,
    pub(super) sha512: Option<String>,
}

/// The parts of SLSA provenance that are checked; other predicates have none.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WirePredicate {
    pub(super) build_definition: Option<BuildDefinition>,
    pub(super) run_details: Option<RunDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BuildDefinition {
    pub(super) build_type: String,
    /// As they are written, since each build type has its own.
    #[serde(default, with = "serde_with::rust::maps_duplicate_key_is_error")]
    pub(super) external_parameters: BTreeMap<String, Box<RawValue>>,
    #[serde(default)]
    pub(super) resolved_dependencies: Vec<Dependency>,
}

/// The parameter `source` of our own build type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceParameter {
    pub(super) path: ArchivePath,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dependency {
    #[serde(default)]
    pub(super) uri: String,
    #[serde(default)]
    pub(super) digest: GitDigest,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct GitDigest {
    pub(super) git_commit: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RunDetails {
    pub(super) builder: Builder,
}

#[derive(Deserialize)]
pub(super) struct Builder {
    pub(super) id: String,
}

impl BuildDefinition {
    /// A parameter of this name, if there is one.
    pub(super) fn parameter<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> serde_json::Result<Option<T>> {
        let raw = self.external_parameters.get(name);
        raw.map(|raw| serde_json::from_str(raw.get())).transpose()
    }

    /// The first dependency that is a git commit: what was built.
    pub(super) fn source(&self) -> Option<SourceCommit> {
        self.resolved_dependencies.iter().find_map(|dependency| {
            Some(SourceCommit {
                repository: dependency.repository().to_owned(),
                commit: dependency.digest.git_commit.clone()?,
                git_ref: dependency.git_ref().map(str::to_owned),
            })
        })
    }
}

impl Dependency {
    /// `git+<repository>@<ref>` in its parts. It is cut at the last `@`, which no
    /// URL of a forge has.
    pub(super) fn parts(&self) -> (&str, Option<&str>) {
        let uri = self.uri.strip_prefix("git+").unwrap_or(&self.uri);
        match uri.rsplit_once('@') {
            Some((repository, git_ref)) => (repository, Some(git_ref)),
            None => (uri, None),
        }
    }

    pub(super) fn repository(&self) -> &str {
        self.parts().0.trim_end_matches(".git")
    }

    pub(super) fn git_ref(&self) -> Option<&str> {
        self.parts().1
    }
}
