//! The digest of a whole export, as it is written or read.

use std::io::{self, Read, Write};

use mcpkg_core::Digest;
use sha2::{Digest as _, Sha256};

/// A file, and the digest of what went in or came out.
#[derive(Debug)]
pub(super) struct Hashing<F> {
    file: F,
    hasher: Sha256,
    size_bytes: u64,
}

impl<F> Hashing<F> {
    /// Of `file`, from its start.
    pub(super) fn new(file: F) -> Self {
        Self { file, hasher: Sha256::new(), size_bytes: 0 }
    }

    /// The file, its digest, and how many bytes there were.
    pub(super) fn end(self) -> (F, Digest, u64) {
        (self.file, Digest::from_bytes(self.hasher.finalize().into()), self.size_bytes)
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.size_bytes += bytes.len() as u64;
    }
}

impl<F: Read> Read for Hashing<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.pass(&buffer[..count]);
        Ok(count)
    }
}

impl<F: Write> Write for Hashing<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.pass(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
