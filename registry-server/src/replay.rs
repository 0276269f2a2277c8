//! From an entry of the log to what the database has of it.
//!
//! The same rows come out as from the publish itself: the database is an index of
//! log and blobs, and can be made again from them.

use mcpkg_core::Digest;
use mcpkg_core::log::{Entry, Publish};
use mcpkg_core::server_json::ServerJson;

use crate::blobs::Blobs;
use crate::log::LogError;
use crate::store::NewRelease;

/// The release that the entry `leaf` at `index` published, read from its blobs,
/// each of which is hashed. Blocks.
pub(crate) fn release_of(index: u64, leaf: &[u8], blobs: &Blobs) -> Result<NewRelease, LogError> {
    let broken = |reason: String| LogError::Apply { index, reason };
    let Entry::Publish(publish) = Entry::parse(leaf)?;
    let read = |digest: Digest| blobs.survey(digest).map_err(|error| broken(error.to_string()));
    let Publish { name, version, metadata, artifacts, evidence, publisher, time, .. } = publish;
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
        metadata,
        artifacts,
        bundles: evidence,
        blobs: all,
        publisher,
        published_at: time,
    })
}
