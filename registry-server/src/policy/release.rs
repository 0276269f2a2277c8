//! What a policy may ask of a release that is to come in.

use std::collections::BTreeSet;

use cedar_policy::{Entity, EntityUid, RestrictedExpression};
use mcpkg_core::api::Status;
use mcpkg_core::permissions::Permissions;
use mcpkg_core::publisher::Publisher;
use mcpkg_core::{PackageName, Version};

use super::entities::{Attributes, Unfit, uid};
use super::who::attributes_of;

/// A release and its facts. All of them were verified by whoever fills this in; what
/// a release says of itself (its permissions, its licences) was signed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReleaseFacts {
    /// The package.
    pub(crate) name: PackageName,
    /// Which release of it.
    pub(crate) version: Version,
    /// The source that it comes from.
    pub(crate) source: String,
    /// Who signed it, if that is proven.
    pub(crate) publisher: Option<Publisher>,
    /// Whether there is proof of how it was built.
    pub(crate) has_provenance: bool,
    /// For how long it has been logged, by the log's time.
    pub(crate) age_seconds: u64,
    /// How many independent rebuilders reproduced it.
    pub(crate) rebuilds: u64,
    /// How many built something else from the same source.
    pub(crate) rebuilds_that_differ: u64,
    /// What it asks for.
    pub(crate) permissions: Permissions,
    /// Its licences, as SPDX identifiers.
    pub(crate) licences: BTreeSet<String>,
    /// Those of the packages that it carries.
    pub(crate) carried_licences: BTreeSet<String>,
    /// What is known against it.
    pub(crate) advisories: Advisories,
    /// What its publisher says of it.
    pub(crate) status: Status,
    /// Whether there is nothing to install, only addresses to connect to.
    pub(crate) is_remote_only: bool,
    /// The size of all its artifacts together.
    pub(crate) size_bytes: u64,
    /// Whether every artifact was looked into, for licences and for what it carries.
    pub(crate) is_inspected: bool,
}

/// What is known against a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advisories {
    /// What the advisories are called.
    pub(crate) ids: BTreeSet<String>,
    /// The worst severity: 0 none, 1 low, 2 medium, 3 high, 4 critical.
    pub(crate) worst: u8,
}

impl ReleaseFacts {
    pub(super) fn entity(&self, package: EntityUid) -> Result<Entity, Unfit> {
        let name = self.name.as_str().to_ascii_lowercase();
        let id = uid("Release", &format!("{name}@{}", self.version))?;
        let source = RestrictedExpression::new_entity_uid(uid("Source", &self.source)?);
        let advisories = Attributes::default()
            .texts("ids", &self.advisories.ids)
            .number("worst", self.advisories.worst.into());
        let mut facts = Attributes::default()
            .text("name", self.name.as_str())
            .text("namespace", &self.name.namespace().to_ascii_lowercase())
            .text("version", &self.version.to_string())
            .value("isPrerelease", RestrictedExpression::new_bool(self.version.is_prerelease()))
            .value("source", source)
            .value("hasProvenance", RestrictedExpression::new_bool(self.has_provenance))
            .number("ageSeconds", self.age_seconds)
            .number("rebuilds", self.rebuilds)
            .number("rebuildsThatDiffer", self.rebuilds_that_differ)
            .record("permissions", permissions(&self.permissions))?
            .texts("licences", &self.licences)
            .texts("carriedLicences", &self.carried_licences)
            .record("advisories", advisories)?
            .text("status", self.status.as_str())
            .value("isRemoteOnly", RestrictedExpression::new_bool(self.is_remote_only))
            .number("sizeBytes", self.size_bytes)
            .value("isInspected", RestrictedExpression::new_bool(self.is_inspected));
        if let Some(publisher) = &self.publisher {
            facts = facts.record("publisher", attributes_of(publisher))?;
        }
        facts.entity(id, [package])
    }
}

fn permissions(asked: &Permissions) -> Attributes {
    Attributes::default()
        .texts("hosts", &asked.network.allow)
        .texts("reads", &asked.filesystem.read)
        .texts("writes", &asked.filesystem.write)
        .texts("env", &asked.env.allow)
        .texts("secrets", &asked.secrets)
        .texts("run", &asked.run)
}
