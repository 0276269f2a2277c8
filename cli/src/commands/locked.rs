//! What is installed, verified again from what is on this machine: what `verify`, `sync` and
//! `export` have in common.

use std::path::PathBuf;

use mcpkg_core::Platform;
use mcpkg_core::lock::LockedServer;

use super::Context;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::ops::release::Terms;
use crate::ops::{again, upstream};
use crate::store::Store;

/// Verifies the evidence that was kept, the lock with its receipt, and every file that is
/// unpacked. Nobody is asked.
pub(super) fn check(
    server: &LockedServer,
    config: &Config,
    store: &Store,
    context: &Context,
) -> Result<()> {
    if let Some(locked) = &server.upstream {
        let artifact = server.artifact_for(Platform::current());
        let folder = artifact.map(|artifact| store.check(artifact.tree)).transpose()?;
        let (places, now) = (&context.places, context.now);
        let check = |it: PathBuf| upstream::check(server, locked, &it, config, places, now);
        return folder.map_or(Ok(()), check);
    }
    let source = config
        .registries
        .iter()
        .find(|registry| registry.url.as_str() == server.registry)
        .ok_or_else(|| Error::UnknownRegistry(server.registry.clone()))?;
    let document = store.release(server.metadata)?;
    let trust = context.trust(source)?;
    let policy = again::policy(source.policy());
    let known = context.log(config, source)?;
    let terms =
        Terms { policy: &policy, locked: Some(server), accepts_yanked: false, now: context.now };
    again::check(document, server, &trust, &known, terms)?;
    if let Some(artifact) = server.artifact_for(Platform::current()) {
        store.check(artifact.tree)?;
    }
    Ok(())
}
