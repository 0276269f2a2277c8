//! Reading the entries of a source's log that are new, and proving that they are its.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use mcpkg_core::log::{Hash, SignedCheckpoint, TILE_WIDTH};

use super::MirrorError;
use super::source::Source;
use super::upstream::Upstream;
use crate::blobs::blocking;
use crate::failpoint;
use crate::log::{Edge, size_of};

/// How many bundles of entries are asked for at once.
const PARALLEL_BUNDLES: usize = 4;

impl Source {
    /// Reads the entries that are new, and writes the tiles that they make. They are
    /// those that the log has signed, or nothing of it counts.
    pub(super) async fn read_entries(
        &self,
        upstream: &dyn Upstream,
        signed: &SignedCheckpoint,
    ) -> Result<Edge, MirrorError> {
        let (mut edge, tree) = (self.log.edge(), signed.tree());
        let (begin, mut frontier) = (edge.size(), edge.frontier());
        let bundles = begin / TILE_WIDTH..tree.size.div_ceil(TILE_WIDTH);
        let fetched = stream::iter(bundles).map(|index| async move {
            let (entries, notes) =
                tokio::try_join!(upstream.entries(index, tree.size), upstream.checkpoints(index))?;
            Ok::<_, MirrorError>((index, entries, notes))
        });
        let mut fetched = std::pin::pin!(fetched.buffered(PARALLEL_BUNDLES));
        let mut covered = begin;
        while let Some((index, entries, notes)) = fetched.try_next().await? {
            let (log, trust) = (self.log.clone(), self.log.trust());
            let start = edge.size();
            let step = move || {
                let is_new = |note: &String| (start + 1..=tree.size).contains(&size_of(note));
                let notes: Vec<String> = notes.into_iter().filter(is_new).collect();
                let mut expected = notes.iter().peekable();
                let mut tiles = Vec::new();
                let skip = usize::try_from(start - index * TILE_WIDTH).unwrap_or(usize::MAX);
                for leaf in entries.iter().skip(skip) {
                    tiles.extend(edge.append(leaf));
                    frontier.push(Hash::leaf(leaf));
                    let size = frontier.size();
                    let Some(note) = expected.next_if(|note| size_of(note) == size) else {
                        continue;
                    };
                    if trust.verify_checkpoint(note)?.tree() != frontier.tree() {
                        return Err(MirrorError::Entries { first: covered, last: size - 1 });
                    }
                    covered = size;
                }
                let is_whole = expected.next().is_none() && frontier.size() - covered < TILE_WIDTH;
                if !is_whole {
                    return Err(MirrorError::Receipts(covered));
                }
                if edge.tree() == tree && covered == tree.size {
                    tiles.extend(edge.partial());
                }
                log.put_copied(&tiles, index, notes)?;
                Ok((edge, frontier, covered))
            };
            (edge, frontier, covered) = blocking(step).await?;
        }
        if edge.tree() != tree {
            return Err(MirrorError::Entries { first: begin, last: tree.size.saturating_sub(1) });
        }
        if covered != tree.size {
            return Err(MirrorError::Receipts(covered));
        }
        failpoint::hit("source-tiles");
        Ok(edge)
    }
}
