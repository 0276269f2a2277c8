//! Reading blobs, and never sending a byte that was not checked.
//!
//! | what is asked for | before the answer begins | while it is sent |
//! |---|---|---|
//! | up to 8 MiB | all of it is read and hashed | each chunk is hashed again |
//! | more | the first chunk is read and hashed | each chunk is hashed |
//!
//! So a damaged blob of ordinary size gets an error for an answer. In a large
//! one the damage may show when the answer has begun: the connection is then
//! cut before the bad chunk, the client sees a body that is too short, and the
//! next request gets the error at once. Hashing all of a large blob first would
//! make everybody wait for what a disk does once in years.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use mcpkg_core::Digest;

use super::staging::blocking;
use super::{BlobError, Blobs, CHUNK_BYTES, ChunkHasher, failed_to};
use crate::store::StoredBlob;

/// Up to how many bytes are checked before an answer begins.
const CHECKED_FIRST_BYTES: u64 = 8 * 1024 * 1024;

/// An open blob.
#[derive(Clone, Debug)]
pub(crate) struct BlobReader {
    blobs: Blobs,
    file: Arc<File>,
    modified: SystemTime,
    blob: Arc<StoredBlob>,
}

impl Blobs {
    /// Opens a blob that the database knows, and checks its length.
    pub(crate) async fn open_blob(&self, blob: StoredBlob) -> Result<BlobReader, BlobError> {
        let blobs = self.clone();
        blocking(move || blobs.open_now(blob)).await
    }

    /// As [`Self::open_blob`]. Blocks.
    pub(crate) fn open_now(&self, blob: StoredBlob) -> Result<BlobReader, BlobError> {
        let digest = blob.digest;
        let damaged = |reason| Err(BlobError::Damaged { digest, reason });
        let path = self.path(digest);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return damaged("it is missing");
            }
            Err(error) => return Err(failed_to("read", &path)(error)),
        };
        let metadata = file.metadata().map_err(failed_to("read", &path))?;
        let modified = metadata.modified().map_err(failed_to("read", &path))?;
        if metadata.len() != blob.chunks.size_bytes() {
            return damaged("it has another length");
        }
        let (file, blob) = (Arc::new(file), Arc::new(blob));
        Ok(BlobReader { blobs: self.clone(), file, modified, blob })
    }
}

impl BlobReader {
    /// The length of the blob.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.blob.chunks.size_bytes()
    }

    /// All of the blob, for one that is known to be small. Blocks.
    pub(crate) fn read(&self) -> Result<Vec<u8>, BlobError> {
        let chunks = (0..self.blob.chunks.count()).map(|index| self.chunk(index));
        Ok(chunks.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Checks all of the blob, and computes its digest anew. Blocks.
    pub(crate) fn digest(&self) -> Result<Digest, BlobError> {
        let mut hasher = ChunkHasher::default();
        for index in 0..self.blob.chunks.count() {
            hasher.update(&self.chunk(index)?);
        }
        Ok(hasher.finish().0)
    }

    /// All of the blob as a reader, which checks each chunk. It blocks.
    pub(crate) fn into_read(self) -> impl io::Read {
        CheckedRead { reader: self, next: 0, chunk: Bytes::new() }
    }

    /// The bytes in `range`, as a stream of checked pieces.
    ///
    /// An error now is one that the client can be told. An error of the stream
    /// comes too late for that, and must cut the connection.
    pub(crate) async fn stream(
        self,
        range: Range<u64>,
    ) -> Result<impl Stream<Item = Result<Bytes, BlobError>> + Send + use<>, BlobError> {
        let mut indices = chunks_of(&range);
        let is_small = range.end.saturating_sub(range.start) <= CHECKED_FIRST_BYTES;
        let digest = self.blob.digest;
        if !is_small && self.blobs.is_condemned(digest, self.modified) {
            return Err(BlobError::Damaged { digest, reason: "its bytes have changed" });
        }
        let (first, reader) = (indices.clone(), self.clone());
        let head = blocking(move || {
            let Some(index) = first.clone().next() else { return Ok(None) };
            if is_small {
                first.skip(1).try_for_each(|index| reader.chunk(index).map(drop))?;
            }
            reader.chunk(index).map(Some)
        })
        .await?;
        let head = head.zip(indices.next());
        Ok(stream::try_unfold((head, indices), move |(head, mut indices)| {
            let (reader, range) = (self.clone(), range.clone());
            async move {
                let (bytes, index) = match head {
                    Some(head) => head,
                    None => match indices.next() {
                        Some(index) => (blocking(move || reader.chunk(index)).await?, index),
                        None => return Ok(None),
                    },
                };
                Ok(Some((part_in(&range, index, &bytes), (None, indices))))
            }
        }))
    }

    /// The chunk at `index`, checked.
    pub(super) fn chunk(&self, index: usize) -> Result<Bytes, BlobError> {
        let StoredBlob { digest, chunks } = &*self.blob;
        let mut bytes = vec![0; chunks.len_of(index)];
        match self.file.read_exact_at(&mut bytes, index as u64 * CHUNK_BYTES as u64) {
            Ok(()) if chunks.matches(index, &bytes) => Ok(bytes.into()),
            Ok(()) => {
                self.blobs.condemn(*digest, self.modified);
                Err(BlobError::Damaged { digest: *digest, reason: "its bytes have changed" })
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(BlobError::Damaged { digest: *digest, reason: "it was cut short" })
            }
            Err(error) => Err(failed_to("read", &self.blobs.path(*digest))(error)),
        }
    }
}

/// A blob that is read from its beginning to its end.
struct CheckedRead {
    reader: BlobReader,
    next: usize,
    chunk: Bytes,
}

impl io::Read for CheckedRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() && self.next < self.reader.blob.chunks.count() {
            self.chunk = self.reader.chunk(self.next).map_err(io::Error::other)?;
            self.next += 1;
        }
        let count = self.chunk.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.chunk.split_to(count));
        Ok(count)
    }
}

/// The indices of the chunks that `range` touches.
fn chunks_of(range: &Range<u64>) -> Range<usize> {
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let chunk = CHUNK_BYTES as u64;
    if range.is_empty() {
        0..0
    } else {
        index(range.start / chunk)..index(range.end.div_ceil(chunk))
    }
}

/// The part of the chunk at `index` that lies in `range`.
fn part_in(range: &Range<u64>, index: usize, bytes: &Bytes) -> Bytes {
    let start = index as u64 * CHUNK_BYTES as u64;
    let within = |at: u64| {
        usize::try_from(at.saturating_sub(start)).map_or(bytes.len(), |at| at.min(bytes.len()))
    };
    let (from, to) = (within(range.start), within(range.end));
    bytes.slice(from..to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_touches_the_chunks_it_lies_in() {
        let chunk = CHUNK_BYTES as u64;
        for (range, indices) in [
            (0..0, 0..0),
            (0..1, 0..1),
            (0..chunk, 0..1),
            (0..chunk + 1, 0..2),
            (chunk - 1..chunk + 1, 0..2),
            (chunk..2 * chunk, 1..2),
            (5 * chunk + 3..5 * chunk + 4, 5..6),
        ] {
            assert_eq!(chunks_of(&range), indices, "{range:?}");
        }
    }

    #[test]
    fn only_the_asked_part_of_a_chunk_is_sent() {
        let chunk = CHUNK_BYTES as u64;
        let bytes = Bytes::from(vec![7; CHUNK_BYTES]);
        for (range, index, len) in [
            (0..10, 0, 10),
            (5..chunk + 2, 0, CHUNK_BYTES - 5),
            (5..chunk + 2, 1, 2),
            (0..9 * chunk, 4, CHUNK_BYTES),
        ] {
            assert_eq!(part_in(&range, index, &bytes).len(), len, "{range:?} {index}");
        }
    }
}
