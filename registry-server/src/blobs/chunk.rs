//! Digests of parts of a blob.
//!
//! A blob's own digest says nothing until the last byte was read. To send half
//! a gigabyte, one would have to read it twice, or send bytes that nobody has
//! checked. So a second set of digests is taken while the blob is received: one
//! of each 256 KiB. A part can then be read, hashed, and sent or refused.
//!
//! They are kept in the database, away from the bytes they vouch for, and are
//! no promise to clients, who check the blob's digest.
//!
//! A chunk is large enough that the digests of the largest blob take 64 KiB,
//! and small enough that a thousand downloads take 256 MiB of memory at most.

use mcpkg_core::Digest;
use sha2::{Digest as _, Sha256};

/// The length of every chunk but the last, in bytes. The migrations know it too.
pub(crate) const CHUNK_BYTES: usize = 256 * 1024;

/// The length of a blob and the digest of each of its chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChunkDigests {
    size_bytes: u64,
    digests: Vec<[u8; 32]>,
}

/// Digests whose number does not fit the blob's length.
#[derive(Debug, thiserror::Error)]
#[error("{found} bytes of chunk digests do not fit a blob of {size_bytes} bytes")]
pub(crate) struct ChunkError {
    size_bytes: u64,
    found: usize,
}

impl ChunkDigests {
    /// The digests as [`Self::to_bytes`] gave them.
    pub(crate) fn from_parts(size_bytes: u64, bytes: &[u8]) -> Result<Self, ChunkError> {
        let (digests, rest) = bytes.as_chunks::<32>();
        let expected = size_bytes.div_ceil(CHUNK_BYTES as u64);
        if !rest.is_empty() || digests.len() as u64 != expected {
            return Err(ChunkError { size_bytes, found: bytes.len() });
        }
        Ok(Self { size_bytes, digests: digests.to_vec() })
    }

    /// The digests one after the other.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.digests.concat()
    }

    /// The length of the blob.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// How many chunks there are.
    pub(crate) fn count(&self) -> usize {
        self.digests.len()
    }

    /// The length of the chunk at `index`: of the last, what is left.
    pub(crate) fn len_of(&self, index: usize) -> usize {
        let start = index as u64 * CHUNK_BYTES as u64;
        let left = self.size_bytes.saturating_sub(start);
        usize::try_from(left).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES))
    }

    /// Whether `bytes` are the chunk at `index`.
    pub(crate) fn matches(&self, index: usize, bytes: &[u8]) -> bool {
        self.digests
            .get(index)
            .is_some_and(|digest| <[u8; 32]>::from(Sha256::digest(bytes)) == *digest)
    }
}

/// Computes a blob's digest, and those of its chunks, as it goes by.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChunkHasher {
    whole: Sha256,
    chunk: Sha256,
    chunk_len: usize,
    size_bytes: u64,
    digests: Vec<[u8; 32]>,
}

impl ChunkHasher {
    /// Goes on with `bytes`.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        self.size_bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let (head, tail) = bytes.split_at(bytes.len().min(CHUNK_BYTES - self.chunk_len));
            self.chunk.update(head);
            self.chunk_len += head.len();
            if self.chunk_len == CHUNK_BYTES {
                self.finish_chunk();
            }
            bytes = tail;
        }
    }

    /// How many bytes went by.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The digests of all that went by.
    pub(crate) fn finish(mut self) -> (Digest, ChunkDigests) {
        if self.chunk_len > 0 {
            self.finish_chunk();
        }
        let digest = Digest::from_bytes(self.whole.finalize().into());
        (digest, ChunkDigests { size_bytes: self.size_bytes, digests: self.digests })
    }

    fn finish_chunk(&mut self) {
        self.digests.push(self.chunk.finalize_reset().into());
        self.chunk_len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_do_not_depend_on_how_the_bytes_arrive() {
        for len in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7] {
            let bytes: Vec<u8> = (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let mut at_once = ChunkHasher::default();
            at_once.update(&bytes);
            let (digest, chunks) = at_once.finish();
            assert_eq!(digest, Digest::of(&bytes));
            assert_eq!(chunks.size_bytes(), len as u64);

            let mut in_pieces = ChunkHasher::default();
            bytes.chunks(70_001).for_each(|piece| in_pieces.update(piece));
            assert_eq!(in_pieces.finish(), (digest, chunks.clone()), "{len}");

            let read = ChunkDigests::from_parts(len as u64, &chunks.to_bytes()).unwrap();
            assert_eq!(read, chunks);
            for (index, chunk) in bytes.chunks(CHUNK_BYTES).enumerate() {
                assert_eq!(chunks.len_of(index), chunk.len());
                assert!(chunks.matches(index, chunk));
                assert!(!chunks.matches(index + 1, chunk));
            }
        }
    }

    #[test]
    fn digests_must_fit_the_length() {
        let size = CHUNK_BYTES as u64 + 1;
        for (len, accepted) in [(64, true), (32, false), (96, false), (63, false), (0, false)] {
            assert_eq!(ChunkDigests::from_parts(size, &vec![0; len]).is_ok(), accepted, "{len}");
        }
    }
}
