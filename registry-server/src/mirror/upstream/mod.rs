//! Where a source is read from: another registry, or a folder that holds the same.
//!
//! Both have the same files at the same paths, so there is one list of what is read
//! ([`Resource`]) and one way to read it ([`Upstream::open`]). Nothing that arrives is
//! believed here: it is bounded in length and time, and whoever asked for it verifies
//! it.
//!
//! | path | what |
//! |---|---|
//! | `v1/log` | which log, and by which keys; in a folder, `v1/log.json` |
//! | `v1/log/checkpoint` | its newest checkpoint |
//! | `v1/log/tile/entries/…` | entries |
//! | `v1/log/checkpoints/<N>` | the first checkpoint of each size, which receipts end with |
//! | `v1/log/indexes` | POST: signed indexes; in a folder, `v1/log/indexes/<namespace>/<name>` |
//! | `v1/packages/<namespace>/<name>/<version>` | a release with its evidence |
//! | `v1/blobs/<digest>` | bytes |
//! | `v1/removals` | what an operator has taken down |

mod error;
mod folder;
mod http;

use std::fmt::{self, Debug};
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use mcpkg_core::api::{LogDocument, ReleaseDocument, Removals, SignedIndexes};
use mcpkg_core::log::{Level, MAX_ENTRY_LEN, MAX_NOTE_LEN, TILE_WIDTH, TilePath, read_bundle};
use mcpkg_core::{Digest, PackageName, Version};
use serde::de::DeserializeOwned;

pub(crate) use error::UpstreamError;
pub(crate) use folder::Folder;
pub(crate) use http::Http;

/// The longest JSON document, in bytes: a release with sixteen bundles of the largest
/// size that `mcpkg-verify` reads.
const MAX_JSON_BYTES: u64 = 20 << 20;

/// What a source has. Its text is its path, relative to the source's address or folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// Which log it is.
    Log,
    /// The newest checkpoint.
    Checkpoint,
    /// Hashes or entries.
    Tile(TilePath),
    /// The first checkpoints of the sizes `256 n + 1` to `256 n + 256`.
    Checkpoints(u64),
    /// A release.
    Release(PackageName, Version),
    /// A blob.
    Blob(Digest),
    /// What was taken down.
    Removals,
}

/// An answer that may take a while.
pub(crate) type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, UpstreamError>> + Send + 'a>>;

/// The bytes of a [`Resource`], as they arrive: never more than was asked for, never
/// slower than it may be.
pub(crate) type Body = BoxStream<'static, Result<Bytes, UpstreamError>>;

/// Where a source is read from.
pub(crate) trait Upstream: Debug + Send + Sync {
    /// Begins to read a resource of at most `limit_bytes`.
    fn open<'a>(&'a self, resource: &'a Resource, limit_bytes: u64) -> Answer<'a, Body>;

    /// The signed indexes of these packages, at most
    /// [`mcpkg_core::api::MAX_INDEXES`], all of one tree.
    fn indexes<'a>(&'a self, names: &'a [PackageName]) -> Answer<'a, SignedIndexes>;
}

impl dyn Upstream + '_ {
    /// Which log it is, and how it came to its key.
    pub(crate) async fn log(&self) -> Result<LogDocument, UpstreamError> {
        self.json(&Resource::Log).await
    }

    /// The newest checkpoint: a signed note that nobody has looked at.
    pub(crate) async fn checkpoint(&self) -> Result<String, UpstreamError> {
        let resource = Resource::Checkpoint;
        let bytes = self.bytes(&resource, MAX_NOTE_LEN as u64).await?;
        String::from_utf8(bytes).map_err(|_| UpstreamError::malformed(&resource, "it is no text"))
    }

    /// A bundle of entries of a tree of `size`: those from `256 index` on.
    pub(crate) async fn entries(
        &self,
        index: u64,
        size: u64,
    ) -> Result<Vec<Vec<u8>>, UpstreamError> {
        let beyond = || UpstreamError::malformed(&Resource::Checkpoint, "the log ends before that");
        let path = TilePath::of_tree(Level::Entries, index, size).ok_or_else(beyond)?;
        let resource = Resource::Tile(path);
        let limit_bytes = (MAX_ENTRY_LEN as u64 + 2) * TILE_WIDTH;
        let bytes = match self.bytes(&resource, limit_bytes).await {
            // A log may remove one that was not full once it is.
            // Source: C2SP tlog-tiles, "Partial tiles".
            Err(UpstreamError::Missing { .. }) if path.is_partial() => {
                self.bytes(&Resource::Tile(path.full()), limit_bytes).await?
            }
            other => other?,
        };
        let entries = read_bundle(&bytes)
            .map_err(|_| UpstreamError::malformed(&resource, "it is no bundle of entries"))?;
        let entries = entries.get(..usize::from(path.width)).ok_or_else(|| {
            UpstreamError::malformed(&resource, "it has fewer entries than were asked for")
        })?;
        Ok(entries.iter().map(|entry| entry.to_vec()).collect())
    }

    /// The first checkpoints of the sizes `256 index + 1` to `256 index + 256`.
    pub(crate) async fn checkpoints(&self, index: u64) -> Result<Vec<String>, UpstreamError> {
        let resource = Resource::Checkpoints(index);
        // As large as they can be where each is a checkpoint with ten witnesses.
        let bytes = self.bytes(&resource, TILE_WIDTH * 4096).await?;
        let nonsense = || UpstreamError::malformed(&resource, "it is no list of notes");
        let notes = read_bundle(&bytes).map_err(|_| nonsense())?;
        notes
            .into_iter()
            .map(|note| String::from_utf8(note.to_vec()).map_err(|_| nonsense()))
            .collect()
    }

    /// A release with its evidence.
    pub(crate) async fn release(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<ReleaseDocument, UpstreamError> {
        self.json(&Resource::Release(name.clone(), version.clone())).await
    }

    /// What was taken down; nothing where nobody keeps a list.
    pub(crate) async fn removals(&self) -> Result<Removals, UpstreamError> {
        match self.json(&Resource::Removals).await {
            Err(UpstreamError::Missing { .. }) => Ok(Removals::default()),
            other => other,
        }
    }

    /// All bytes of a resource.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Empty`] if there are none: a file server whose disk is gone
    /// answers so, and nothing that is read here is empty.
    pub(crate) async fn bytes(
        &self,
        resource: &Resource,
        limit_bytes: u64,
    ) -> Result<Vec<u8>, UpstreamError> {
        let mut body = self.open(resource, limit_bytes).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        if bytes.is_empty() { Err(UpstreamError::Empty(resource.to_string())) } else { Ok(bytes) }
    }

    async fn json<T: DeserializeOwned>(&self, resource: &Resource) -> Result<T, UpstreamError> {
        let bytes = self.bytes(resource, MAX_JSON_BYTES).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| UpstreamError::malformed(resource, &error.to_string()))
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log => f.write_str("v1/log"),
            Self::Checkpoint => f.write_str("v1/log/checkpoint"),
            Self::Tile(path) => write!(f, "v1/log/tile/{path}"),
            Self::Checkpoints(index) => {
                write!(f, "v1/log/checkpoints/{}", checkpoints_path(*index))
            }
            Self::Release(name, version) => write!(f, "v1/packages/{name}/{version}"),
            Self::Blob(digest) => write!(f, "v1/blobs/{digest}"),
            Self::Removals => f.write_str("v1/removals"),
        }
    }
}

/// How the number of a file of checkpoints is written, as that of a tile is.
fn checkpoints_path(index: u64) -> String {
    let path = TilePath { level: Level::Entries, index, width: 256 }.to_string();
    path.strip_prefix("entries/").unwrap_or(&path).to_owned()
}
