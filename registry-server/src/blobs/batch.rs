//! Keeping many small blobs at once.
//!
//! A blob that is kept alone waits for the disk twice: for its bytes and for its name. Many
//! are all written first, then wait for the disk at the same time, and each folder is asked
//! for once. The order stays that of one: bytes, names, and only then the word of the
//! database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::{BlobError, Blobs, ChunkHasher, Staged, failed_to, lock, sync_folder};
use crate::durable::together;
use crate::store::StoredBlob;

/// How many files are open at once, of which a process may not have many.
const OPEN_FILES: usize = 128;

/// A blob in memory, and what is recorded of it.
#[derive(Clone, Debug)]
pub(crate) struct SmallBlob {
    stored: StoredBlob,
    bytes: bytes::Bytes,
}

impl SmallBlob {
    /// The blob of these bytes, which are hashed here.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut hasher = ChunkHasher::default();
        hasher.update(bytes);
        let (digest, chunks) = hasher.finish();
        let bytes = bytes::Bytes::copy_from_slice(bytes);
        Self { stored: StoredBlob { digest, chunks }, bytes }
    }

    /// What to record of it, once it is in its place.
    pub(crate) fn stored(&self) -> &StoredBlob {
        &self.stored
    }

    /// How long it is.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl Blobs {
    /// Puts all of these in their places. After this, all of them survive a crash; after a
    /// failure, some may be there, which nothing refers to.
    ///
    /// Blocks.
    pub(crate) fn put_all<'a>(
        &self,
        blobs: impl IntoIterator<Item = &'a SmallBlob>,
    ) -> Result<(), BlobError> {
        let places = blobs.into_iter().map(|blob| (self.path(blob.stored.digest), blob));
        let places: Vec<(PathBuf, &SmallBlob)> =
            places.collect::<BTreeMap<_, _>>().into_iter().collect();
        let folders: BTreeSet<PathBuf> =
            places.iter().filter_map(|(path, _)| Some(path.parent()?.to_owned())).collect();
        let folders: Vec<PathBuf> = folders.into_iter().collect();
        let missing: Vec<&PathBuf> = folders.iter().filter(|folder| !folder.is_dir()).collect();
        for folder in &missing {
            fs::create_dir_all(folder).map_err(failed_to("make", folder))?;
        }
        if !missing.is_empty() {
            sync_folder(&self.inner.root)?;
        }
        for part in places.chunks(OPEN_FILES) {
            let write =
                |(_, blob): &(PathBuf, &SmallBlob)| self.write_hashed(&blob.stored, &blob.bytes);
            let staged = part.iter().map(write).collect::<Result<Vec<Staged>, _>>()?;
            together(&staged, Staged::sync)?;
            for (staged, (path, _)) in staged.into_iter().zip(part) {
                let _guard = lock(&self.inner.places);
                staged.move_to(path)?;
            }
        }
        together(&folders, |folder| sync_folder(folder))?;
        let mut damaged = lock(&self.inner.damaged);
        for (_, blob) in &places {
            damaged.remove(&blob.stored.digest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use mcpkg_core::Digest;

    use super::*;

    #[test]
    fn what_is_kept_together_is_what_is_kept_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (together, alone) = (folder.path().join("together"), folder.path().join("alone"));
        let (together, alone) = (Blobs::open(&together).unwrap(), Blobs::open(&alone).unwrap());
        let mut contents: Vec<Vec<u8>> = (0..300_u16).map(|i| i.to_be_bytes().to_vec()).collect();
        contents.extend([Vec::new(), vec![7; 700_000], vec![7; 700_000]]);
        let blobs: Vec<SmallBlob> = contents.iter().map(|it| SmallBlob::new(it)).collect();
        together.put_all(&blobs).unwrap();
        together.put_all(&blobs[..0]).unwrap();
        for (bytes, blob) in contents.iter().zip(&blobs) {
            let staged = alone.stage_bytes(bytes).unwrap();
            assert_eq!((&staged.stored(), bytes.len()), (blob.stored(), blob.len()));
            alone.put(staged).unwrap();
            let (stored, found) = together.survey(Digest::of(bytes)).unwrap();
            assert_eq!((&stored, &found), (blob.stored(), bytes));
        }
        assert_eq!(together.files().unwrap().len(), alone.files().unwrap().len());
        assert_eq!(fs::read_dir(folder.path().join("together/staging")).unwrap().count(), 0);
    }
}
