//! From an entry of the log to what the database has of it.
//!
//! The same rows come out as from the publish itself: the database is an index of
//! log and blobs, and can be made again from them.

use jiff::SignedDuration;
use mcpkg_core::Digest;
use mcpkg_core::log::{Entry, Publish};
use mcpkg_core::server_json::ServerJson;

use crate::blobs::Blobs;
use crate::log::LogError;
use crate::store::{Change, NewRelease, NewStatement};

/// What the entry `leaf` at `index` changed, read from its blobs, each of which is
/// hashed. Blocks.
pub(crate) fn change_of(index: u64, leaf: &[u8], blobs: &Blobs) -> Result<Change, LogError> {
    let entry = Entry::parse(leaf)?;
    let evidence = match &entry {
        Entry::Publish(publish) => {
            return release_of(index, publish.clone(), blobs).map(Change::Release);
        }
        Entry::Status(change) => change.evidence,
        Entry::Binding(change) => change.evidence,
        Entry::Rebuild(rebuild) => rebuild.evidence,
    };
    let (bundle, _) = blobs
        .survey(evidence)
        .map_err(|error| LogError::Apply { index, reason: error.to_string() })?;
    Ok(Change::Statement(NewStatement { entry, bundle, delay: SignedDuration::ZERO }))
}

fn release_of(index: u64, publish: Publish, blobs: &Blobs) -> Result<NewRelease, LogError> {
    let broken = |reason: String| LogError::Apply { index, reason };
    let read = |digest: Digest| blobs.survey(digest).map_err(|error| broken(error.to_string()));
    let Publish {
        name, version, metadata, artifacts, evidence, publisher, authority, time, ..
    } = publish;
    let (stored, bytes) = read(metadata)?;
    let server = ServerJson::read_strict(&bytes).map_err(|error| broken(error.to_string()))?;
    let others = artifacts.iter().map(|artifact| artifact.digest).chain(evidence.iter().copied());
    let mut all = vec![stored];
    for digest in others {
        all.push(blobs.survey_large(digest).map_err(|error| broken(error.to_string()))?);
    }
    Ok(NewRelease {
        name,
        version,
        title: server.title().unwrap_or_default().to_owned(),
        description: server.description().to_owned(),
        server_json: String::from_utf8_lossy(server.canonical()).into_owned(),
        metadata,
        artifacts,
        bundles: evidence,
        blobs: all,
        publisher,
        authority,
        published_at: time,
    })
}
