//! Reading the files of an archive.

use std::io::{self, Read, Seek};
use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::entry::Entry;
use super::error::ArchiveError;
use super::flaw::{EntryFlaw, LimitError};
use super::inflate::Inflater;
use super::layout::Layout;
use super::limits::Limits;
use super::path::shown;
use super::source::Source;
use crate::{Digest, TreeDigest, TreeHasher};

/// An archive whose structure has been checked, ready to be read.
///
/// Memory does not grow with the files: one archive has one input buffer and
/// one window of 64 KiB each, and reuses them. Reading the files in order reads
/// the underlying reader in order.
#[derive(Debug)]
pub struct Archive<R> {
    layout: Arc<Layout>,
    source: Source<R>,
    inflater: Inflater,
}

/// The content of one file.
///
/// The bytes come as they are inflated, before the CRC-32 of the whole is
/// known: **they may be used only once the reader has come to its end without
/// an error.** The last bytes are not handed out unless size and CRC hold.
#[derive(Debug)]
pub struct EntryReader<'a, R> {
    source: &'a mut Source<R>,
    inflater: &'a mut Inflater,
    entry: &'a Entry,
    input_left: u64,
    output_left: u64,
    crc: crc32fast::Hasher,
    // What lies in the window and was not handed out yet.
    ready: Range<usize>,
    is_stream_end: bool,
    is_verified: bool,
}

impl<R: Read + Seek> Archive<R> {
    /// Checks the structure of the archive in `reader`, all of it, before
    /// anything is inflated.
    ///
    /// See [`Layout::read`] for the errors.
    pub fn read(mut reader: R, limits: &Limits) -> Result<Self, ArchiveError> {
        let layout = Layout::read(&mut reader, limits)?;
        Self::with_layout(reader, Arc::new(layout))
    }

    /// Reads an archive that was checked before, through another reader of the
    /// same bytes, so that two threads can unpack one archive.
    ///
    /// If the bytes are others, files fail to inflate or fail their CRC-32;
    /// nothing else is promised.
    pub fn with_layout(reader: R, layout: Arc<Layout>) -> Result<Self, ArchiveError> {
        const BUFFER_BYTES: usize = 64 << 10;

        let source = Source::new(reader, BUFFER_BYTES).map_err(ArchiveError::Read)?;
        Ok(Self { layout, source, inflater: Inflater::new() })
    }

    /// The files, and where they are.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The files, in the order of the archive.
    pub fn entries(&self) -> &[Entry] {
        self.layout.entries()
    }

    /// The underlying reader, at no particular position.
    pub fn into_inner(self) -> R {
        self.source.into_inner()
    }

    /// Opens the file at `index` of [`Self::entries`].
    ///
    /// # Panics
    ///
    /// If there is no such entry.
    pub fn open(&mut self, index: usize) -> Result<EntryReader<'_, R>, ArchiveError> {
        let entry = &self.layout.entries()[index];
        self.source.seek_to(entry.data_offset).map_err(ArchiveError::Read)?;
        self.inflater.reset();
        Ok(EntryReader {
            source: &mut self.source,
            inflater: &mut self.inflater,
            entry,
            input_left: entry.compressed_size_bytes(),
            output_left: entry.size_bytes(),
            crc: crc32fast::Hasher::new(),
            ready: 0..0,
            is_stream_end: false,
            is_verified: false,
        })
    }

    /// Reads a small file into memory, if it is there.
    ///
    /// A file of more than `max_bytes` is an [`ArchiveError::Limit`].
    pub fn read_file(
        &mut self,
        path: &str,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, ArchiveError> {
        let Some(index) = self.layout.position(path) else { return Ok(None) };
        let found = self.entries()[index].size_bytes();
        if found > max_bytes {
            let path = shown(path.as_bytes());
            return Err(LimitError::File { path, found, allowed: max_bytes }.into());
        }
        let mut file = self.open(index)?;
        let mut content = Vec::new();
        while let Some(chunk) = file.next_chunk()? {
            content.extend_from_slice(chunk);
        }
        Ok(Some(content))
    }

    /// Visits every file in the order of the archive.
    ///
    /// What `visit` leaves unread of a file is read and checked after it, so
    /// that a walk without an error means that every file holds. Stops at the
    /// first error.
    pub fn for_each_file<E: From<ArchiveError>>(
        &mut self,
        mut visit: impl FnMut(&Entry, &mut EntryReader<'_, R>) -> Result<(), E>,
    ) -> Result<(), E> {
        for index in 0..self.layout.entries().len() {
            let mut file = self.open(index)?;
            visit(file.entry(), &mut file)?;
            while file.next_chunk()?.is_some() {}
        }
        Ok(())
    }

    /// Inflates every file and computes the digest of the tree.
    pub fn tree_digest(&mut self) -> Result<TreeDigest, ArchiveError> {
        let mut tree = TreeHasher::default();
        self.for_each_file(|entry, file| {
            let mut hasher = Sha256::new();
            while let Some(chunk) = file.next_chunk()? {
                hasher.update(chunk);
            }
            let content = Digest::from_bytes(hasher.finalize().into());
            tree.add(entry.path().as_str(), content, entry.is_executable());
            Ok::<_, ArchiveError>(())
        })?;
        Ok(tree.finish())
    }
}

impl<'a, R: Read + Seek> EntryReader<'a, R> {
    /// The file that this reads.
    pub const fn entry(&self) -> &'a Entry {
        self.entry
    }

    /// The next bytes of the file, at most 64 KiB, or `None` at its end.
    ///
    /// Does not copy them. `None` means that the file was all that its headers
    /// stated; an error means that no byte of it should be used.
    pub fn next_chunk(&mut self) -> Result<Option<&[u8]>, ArchiveError> {
        self.make_ready()?;
        let chunk = std::mem::replace(&mut self.ready, 0..0);
        Ok(if chunk.is_empty() { None } else { Some(&self.inflater.window()[chunk]) })
    }

    /// Fills `ready`, unless the file is at its end.
    fn make_ready(&mut self) -> Result<(), ArchiveError> {
        while self.ready.is_empty() && !self.is_verified {
            let chunk = if self.entry.is_deflated() { self.inflate()? } else { self.copy()? };
            self.crc.update(&self.inflater.window()[chunk.clone()]);
            self.output_left -= chunk.len() as u64;
            if self.output_left == 0 {
                self.verify()?;
            }
            self.ready = chunk;
        }
        Ok(())
    }

    /// Copies some stored bytes to the window.
    fn copy(&mut self) -> Result<Range<usize>, ArchiveError> {
        if self.input_left == 0 {
            return Ok(0..0);
        }
        let bytes = self.source.buffered().map_err(ArchiveError::Read)?;
        let window = self.inflater.window_mut();
        let count = at_most(self.input_left, bytes.len().min(window.len()));
        window[..count].copy_from_slice(&bytes[..count]);
        self.source.consume(count);
        self.input_left -= count as u64;
        Ok(0..count)
    }

    /// Inflates some bytes to the window.
    fn inflate(&mut self) -> Result<Range<usize>, ArchiveError> {
        if self.is_stream_end {
            return Err(self.entry.flaw(EntryFlaw::Size(self.entry.size_bytes())));
        }
        // The decoder may hold what is left of the output without more input.
        let bytes = match self.input_left {
            0 => &[],
            _ => self.source.buffered().map_err(ArchiveError::Read)?,
        };
        let input = &bytes[..at_most(self.input_left, bytes.len())];
        let is_last = input.len() as u64 == self.input_left;
        // One byte more than stated, so that a stream with more shows itself.
        let max_bytes = at_most(self.output_left + 1, usize::MAX);
        let step = self
            .inflater
            .step(input, max_bytes, is_last)
            .map_err(|_| self.entry.flaw(EntryFlaw::Deflate))?;
        self.source.consume(step.consumed);
        self.input_left -= step.consumed as u64;
        self.is_stream_end = step.is_end;
        if step.written.len() as u64 > self.output_left {
            return Err(self.entry.flaw(EntryFlaw::Size(self.entry.size_bytes())));
        }
        Ok(step.written)
    }

    /// Checks, after the last byte of output, that the input ends there too and
    /// that the CRC-32 holds.
    fn verify(&mut self) -> Result<(), ArchiveError> {
        while self.entry.is_deflated() && !self.is_stream_end {
            // Only the mark of the stream's end may be left: any output is an error.
            self.inflate()?;
        }
        if self.input_left != 0 {
            return Err(self.entry.flaw(EntryFlaw::DeflateTrailing));
        }
        if self.crc.clone().finalize() != self.entry.member.crc32 {
            return Err(self.entry.flaw(EntryFlaw::Crc));
        }
        self.is_verified = true;
        Ok(())
    }
}

impl<R: Read + Seek> Read for EntryReader<'_, R> {
    /// Errors carry an [`ArchiveError`]; [`ArchiveError::from_read`] takes it out.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.make_ready()?;
        let count = buffer.len().min(self.ready.len());
        let taken = self.ready.start..self.ready.start + count;
        buffer[..count].copy_from_slice(&self.inflater.window()[taken.clone()]);
        self.ready.start = taken.end;
        Ok(count)
    }
}

/// `limit` bytes, but no more than `count`.
fn at_most(limit: u64, count: usize) -> usize {
    usize::try_from(limit).map_or(count, |limit| limit.min(count))
}
