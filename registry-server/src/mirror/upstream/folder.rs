//! A source in a folder: what was carried over from where there is a network.

use std::io;
use std::path::PathBuf;

use futures_util::stream::{self, StreamExt as _};
use mcpkg_core::PackageName;
use mcpkg_core::api::SignedIndexes;
use mcpkg_core::log::MAX_NOTE_LEN;
use tokio::fs::{self, File};
use tokio::io::AsyncReadExt as _;

use super::{Answer, Body, Resource, Upstream, UpstreamError};

/// How much is read at once, in bytes.
const PIECE_BYTES: usize = 256 * 1024;

/// A folder with the files of a source at their paths.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The source in the folder `root`.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The body of the file at `path`, of at most `limit_bytes`.
    async fn file(&self, path: String, limit_bytes: u64) -> Result<Body, UpstreamError> {
        let place = self.root.join(&path);
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                UpstreamError::Missing { address: path.clone() }
            }
            _ => UpstreamError::Transport { address: path.clone(), source: source.into() },
        };
        // A link could lead to a file that is nobody's to copy.
        let metadata = fs::symlink_metadata(&place).await.map_err(failed)?;
        if !metadata.is_file() {
            let reason = "it is not a plain file".to_owned();
            return Err(UpstreamError::Malformed { address: path, reason });
        }
        if metadata.len() > limit_bytes {
            return Err(UpstreamError::TooLong { address: path, limit_bytes });
        }
        let file = File::open(&place).await.map_err(failed)?.take(limit_bytes);
        Ok(stream::try_unfold((file, path), |(mut file, path)| async move {
            let mut piece = Vec::with_capacity(PIECE_BYTES);
            let mut part = (&mut file).take(PIECE_BYTES as u64);
            match part.read_to_end(&mut piece).await {
                Ok(0) => Ok(None),
                Ok(_) => Ok(Some((piece.into(), (file, path)))),
                Err(source) => {
                    Err(UpstreamError::Transport { address: path, source: source.into() })
                }
            }
        })
        .boxed())
    }

    async fn note(&self, path: String) -> Result<String, UpstreamError> {
        let mut body = self.file(path.clone(), MAX_NOTE_LEN as u64).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece?);
        }
        String::from_utf8(bytes).map_err(|_| UpstreamError::Malformed {
            address: path,
            reason: "it is no text".to_owned(),
        })
    }

    async fn notes(&self, names: &[PackageName]) -> Result<SignedIndexes, UpstreamError> {
        let checkpoint = self.note(Resource::Checkpoint.to_string()).await?;
        let mut indexes = Vec::with_capacity(names.len());
        for name in names {
            match self.note(format!("v1/log/indexes/{name}")).await {
                Ok(note) => indexes.push(note),
                Err(UpstreamError::Missing { .. }) => (),
                Err(error) => return Err(error),
            }
        }
        Ok(SignedIndexes { checkpoint, indexes })
    }
}

impl Upstream for Folder {
    fn open<'a>(&'a self, resource: &'a Resource, limit_bytes: u64) -> Answer<'a, Body> {
        let path = match resource {
            // The others of the log are below a folder of that name.
            Resource::Log => "v1/log.json".to_owned(),
            other => other.to_string(),
        };
        Box::pin(self.file(path, limit_bytes))
    }

    fn indexes<'a>(&'a self, names: &'a [PackageName]) -> Answer<'a, SignedIndexes> {
        Box::pin(self.notes(names))
    }
}
