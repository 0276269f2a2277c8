//! From an artifact that was made to a server that is pinned.

use std::collections::BTreeMap;

use mcpkg_core::lock::{LockedArtifact, LockedServer, LockedUpstream};
use mcpkg_core::project::VersionRange;
use mcpkg_core::{PackageName, Platform};
use mcpkg_upstream::{Closure, Importer, Made, Member, pinned, version};

use super::{Chosen, failed, release};
use crate::error::Result;
use crate::ops::change::Names;

/// What the lock says of it: what was decided, with what its user said of an earlier
/// release carried over, its grants among it. Nobody upstream can ask for more.
pub fn server(
    name: &PackageName,
    (chosen, made): (&Chosen, &Made),
    importer: &Importer,
    range: Option<VersionRange>,
    previous: Option<&LockedServer>,
) -> Result<LockedServer> {
    let root = chosen.closure.root();
    let mut evidence: Vec<_> =
        chosen.statements.iter().map(|it| it.evidence.evidence.bundle).collect();
    evidence.sort_unstable();
    let built = chosen.statements.iter().find_map(|it| it.evidence.evidence.source());
    let kept = previous.cloned();
    Ok(LockedServer {
        name: name.clone(),
        version: version(&root.release).map_err(failed)?,
        registry: importer.registry(root.release.package().ecosystem()).to_string(),
        // There is no signed server.json, so it is the artifact that stands for the rest.
        metadata: made.digest,
        signed_at: chosen.signed_at,
        commit: built.map(|source| source.commit),
        confinement: previous.and_then(|it| it.confinement),
        evidence,
        publisher: chosen.publisher.clone(),
        log: None,
        upstream: Some(LockedUpstream {
            release: root.release.to_string(),
            integrity: root.integrity.to_string(),
            range,
            runtime: chosen.closure.runtime.clone(),
            files: pinned::write(&chosen.closure),
        }),
        elsewhere: None,
        artifacts: vec![LockedArtifact {
            platform: made.platform,
            digest: made.digest,
            tree: made.tree,
            size_bytes: made.size_bytes,
        }],
        granted: kept.as_ref().map(|it| it.granted.clone()).unwrap_or_default(),
        config: kept.as_ref().map(|it| it.config.clone()).unwrap_or_default(),
        secrets: kept.as_ref().map(|it| it.secrets.clone()).unwrap_or_default(),
        brokered: kept.as_ref().map(|it| it.brokered.clone()).unwrap_or_default(),
        tools: kept.as_ref().map(|it| it.tools.clone()).unwrap_or_default(),
        surface: kept.as_ref().map(|it| it.surface.clone()).unwrap_or_default(),
        agents: kept.map(|it| it.agents).unwrap_or_default(),
    })
}

/// What the packages that `server` is locked with become in `closure`. Where nobody can
/// say what they were, all of them are new.
pub fn dependencies(server: &LockedServer, closure: &Closure) -> Names {
    let locked = server.upstream.as_ref().and_then(|upstream| {
        let chosen_for = (Platform::Any, upstream.runtime.as_deref());
        pinned::read(&upstream.files, &release(upstream).ok()?, chosen_for, |_| true).ok()
    });
    let before = locked.as_ref().map(others).unwrap_or_default();
    Names::between(&before, &others(closure), |name, before, after| {
        let versions = |files: &BTreeMap<String, String>| {
            files.keys().map(String::as_str).collect::<Vec<_>>().join(" and ")
        };
        let (old, new) = (versions(before), versions(after));
        if old == new {
            format!("{name} {old}: other bytes")
        } else {
            format!("{name} {old} -> {new}")
        }
    })
}

/// The other packages of a closure, each with its versions and their digests.
fn others(closure: &Closure) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut others: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for Member { release, integrity, .. } in &closure.members[1..] {
        let versions = others.entry(release.package().to_string()).or_default();
        versions.insert(release.version().to_owned(), integrity.to_string());
    }
    others
}
