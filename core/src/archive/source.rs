//! A buffered reader that knows where it is.

use std::io::{self, BufRead as _, BufReader, Read, Seek, SeekFrom};

/// Reads `reader` from the front, and skips without a system call where the
/// bytes are buffered.
#[derive(Debug)]
pub(super) struct Source<R> {
    reader: BufReader<R>,
    position: u64,
}

impl<R: Read + Seek> Source<R> {
    /// Starts at the first byte of `reader`, wherever it was.
    pub(super) fn new(mut reader: R, buffer_bytes: usize) -> io::Result<Self> {
        reader.seek(SeekFrom::Start(0))?;
        Ok(Self { reader: BufReader::with_capacity(buffer_bytes, reader), position: 0 })
    }

    pub(super) fn seek_to(&mut self, position: u64) -> io::Result<()> {
        match position.checked_signed_diff(self.position) {
            Some(distance) => self.reader.seek_relative(distance)?,
            None => drop(self.reader.seek(SeekFrom::Start(position))?),
        }
        self.position = position;
        Ok(())
    }

    pub(super) fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.reader.read_exact(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// The bytes that are buffered, at least one.
    pub(super) fn buffered(&mut self) -> io::Result<&[u8]> {
        let bytes = self.reader.fill_buf()?;
        // The layout said that there is more: the file was cut off since.
        if bytes.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(bytes) }
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.reader.consume(count);
        self.position += count as u64;
    }

    pub(super) fn into_inner(self) -> R {
        self.reader.into_inner()
    }
}
