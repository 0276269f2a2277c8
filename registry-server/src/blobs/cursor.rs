//! A blob as something to read and seek in, for those who look into archives.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;

use super::{BlobReader, CHUNK_BYTES};

/// A place in a blob. No byte comes from it that was not checked. Blocks.
#[derive(Debug)]
pub(crate) struct BlobCursor {
    reader: BlobReader,
    position: u64,
    // The chunk that was read last, and which one it is.
    chunk: Option<(usize, Bytes)>,
}

impl BlobReader {
    /// The blob from its start on.
    pub(crate) fn into_cursor(self) -> BlobCursor {
        BlobCursor { reader: self, position: 0, chunk: None }
    }
}

impl Read for BlobCursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || self.position >= self.reader.size_bytes() {
            return Ok(0);
        }
        let chunk_bytes = CHUNK_BYTES as u64;
        let index = usize::try_from(self.position / chunk_bytes).map_err(io::Error::other)?;
        let bytes = match &self.chunk {
            Some((at, bytes)) if *at == index => bytes.clone(),
            _ => {
                let bytes = self.reader.chunk(index).map_err(io::Error::other)?;
                self.chunk = Some((index, bytes.clone()));
                bytes
            }
        };
        let start = usize::try_from(self.position % chunk_bytes).map_err(io::Error::other)?;
        let rest = bytes.get(start..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for BlobCursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.reader.size_bytes().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a position before the start");
        self.position = position.ok_or_else(before)?;
        Ok(self.position)
    }
}
