//! Packing a tree, always to the same bytes.

use std::io::{Read, Seek, SeekFrom, Write};

use super::deflate::{DeflateError, Deflater, Measured};
use super::error::ArchiveError;
use super::flaw::LimitError;
use super::layout::{TAIL_BYTES, parse_end};
use super::limits::Limits;
use super::path::ArchivePath;
use super::record::{
    CentralHeader, EndRecord, FLAG_UTF8, MADE_ON_UNIX, METHOD_DEFLATE, METHOD_STORED, Member,
};
use super::tree::PathTree;
use crate::{TreeDigest, TreeHasher};

/// 1980-01-01 in DOS form: year 0, month 1, day 1.
///
/// Source: APPNOTE.TXT section 4.4.6.
const DOS_DATE: u16 = 1 << 5 | 1;

/// Version 2.0 of the format, which has deflate.
const VERSION: u8 = 20;

/// Writes an archive whose bytes depend on the files and on nothing else.
///
/// Files come in the order of the bytes of their paths. There are no entries
/// for folders, no extra fields and no data descriptors; the time of every file
/// is the first that DOS knows, and its mode 0644 or 0755. A file is deflated
/// at one level by one implementation, and stored where that would not make it
/// smaller, or so much smaller that [`Limits::ratio`] would take it for a bomb.
///
/// What this writes, [`Layout::read`](super::Layout::read) accepts under the
/// same limits.
///
/// Each file is read twice if it does not deflate to less than 8 MiB, since its
/// checksum and sizes stand before its data; so memory stays flat.
#[derive(Debug)]
pub struct Writer<W> {
    output: W,
    limits: Limits,
    deflater: Deflater,
    // The newest file's deflate stream, if it is short enough to keep.
    kept: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
    written_bytes: u64,
    // The last bytes of them, and somewhat more.
    tail: Vec<u8>,
    inflated_bytes: u64,
    paths: PathTree,
    newest: Option<ArchivePath>,
    tree: TreeHasher,
}

/// A finished archive.
#[derive(Debug)]
pub struct Packed<W> {
    /// What the archive was written to.
    pub output: W,
    /// The digest of the tree in it.
    pub tree: TreeDigest,
    /// Its length in bytes.
    pub size_bytes: u64,
}

impl<W: Write> Writer<W> {
    /// The most of a deflate stream that is kept in memory.
    const KEPT_BYTES: usize = 8 << 20;

    const FILE_MODE: u32 = 0o100_644;
    const EXECUTABLE_MODE: u32 = 0o100_755;

    /// Starts an archive at the current position of `output`.
    ///
    /// Many small pieces are written, so `output` should have a buffer.
    pub fn new(output: W, limits: &Limits) -> Self {
        // Whatever the caller allows, the format ends here.
        let format = u64::from(u32::MAX) - 1;
        let limits = Limits {
            archive_bytes: limits.archive_bytes.min(format),
            file_bytes: limits.file_bytes.min(format),
            entries: limits.entries.min(Limits::ENTRIES),
            ..limits.clone()
        };
        Self {
            output,
            limits,
            deflater: Deflater::new(),
            kept: Vec::new(),
            directory: Vec::new(),
            entries: 0,
            written_bytes: 0,
            tail: Vec::new(),
            inflated_bytes: 0,
            paths: PathTree::default(),
            newest: None,
            tree: TreeHasher::default(),
        }
    }

    /// Adds a file, the rest of `source`.
    ///
    /// After an error the output holds part of an archive and is of no use.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::OutOfOrder`] if `path` does not sort after the one
    /// before; [`ArchiveError::Collision`], [`ArchiveError::FileAsFolder`] and
    /// [`ArchiveError::TwoManifests`] if it is another's file on some system;
    /// [`ArchiveError::Limit`]; [`ArchiveError::Changed`] if the second reading
    /// of `source` differs from the first; and errors of reading and writing.
    pub fn add(
        &mut self,
        path: &ArchivePath,
        is_executable: bool,
        source: &mut (impl Read + Seek),
    ) -> Result<(), ArchiveError> {
        self.check_path(path)?;
        let unreadable = |source| ArchiveError::Source { path: path.shown(), source };
        let start = source.stream_position().map_err(unreadable)?;
        let (measured, is_kept) = self.measure(path, source)?;
        let is_deflated = measured.deflated_size < measured.size
            && measured.size <= measured.deflated_size.saturating_mul(self.limits.ratio);
        let member = member(path, &measured, is_deflated);
        let offset = self.check_sizes(&measured, &member)?;

        self.write(&member.to_local())?;
        self.write(path.as_str().as_bytes())?;
        if is_deflated && is_kept {
            let kept = std::mem::take(&mut self.kept);
            self.write(&kept)?;
            self.kept = kept;
        } else {
            source.seek(SeekFrom::Start(start)).map_err(unreadable)?;
            self.write_again(path, source, &measured, is_deflated)?;
        }

        let mode = if is_executable { Self::EXECUTABLE_MODE } else { Self::FILE_MODE };
        let header = CentralHeader {
            made_by: u16::from_be_bytes([MADE_ON_UNIX, VERSION]),
            member,
            comment_len: 0,
            disk: 0,
            internal_attributes: 0,
            external_attributes: mode << 16,
            offset,
        };
        header.write(&mut self.directory);
        self.directory.extend_from_slice(path.as_str().as_bytes());
        self.entries += 1;
        self.inflated_bytes += measured.size;
        self.tree.add(path.as_str(), measured.content, is_executable);
        self.newest = Some(path.clone());
        Ok(())
    }

    /// Writes the central directory and flushes the output.
    ///
    /// # Errors
    ///
    /// [`ArchiveError::Zip`] if a stored file was made to look like the end of
    /// this very archive; and errors of writing.
    pub fn finish(mut self) -> Result<Packed<W>, ArchiveError> {
        let end = EndRecord {
            disk: 0,
            directory_disk: 0,
            entries_on_disk: self.entries,
            entries: self.entries,
            directory_size: to_u32(self.directory.len() as u64),
            directory_offset: to_u32(self.written_bytes),
            comment_len: 0,
        };
        let mut directory = std::mem::take(&mut self.directory);
        end.write(&mut directory);
        self.write(&directory)?;
        self.output.flush().map_err(ArchiveError::Write)?;
        parse_end(&self.tail[self.tail.len().saturating_sub(TAIL_BYTES)..], self.written_bytes)?;
        let (tree, size_bytes) = (self.tree.finish(), self.written_bytes);
        Ok(Packed { output: self.output, tree, size_bytes })
    }

    fn check_path(&mut self, path: &ArchivePath) -> Result<(), ArchiveError> {
        if let Some(previous) = &self.newest
            && previous >= path
        {
            return Err(ArchiveError::OutOfOrder {
                path: path.shown(),
                previous: previous.shown(),
            });
        }
        let found = u64::from(self.entries) + 1;
        if found > self.limits.entries {
            return Err(LimitError::Entries { found, allowed: self.limits.entries }.into());
        }
        self.paths.insert(path)
    }

    /// Reads a file to its end, and keeps its deflate stream if that is short.
    fn measure(
        &mut self,
        path: &ArchivePath,
        source: &mut impl Read,
    ) -> Result<(Measured, bool), ArchiveError> {
        self.kept.clear();
        let kept = &mut self.kept;
        let mut is_kept = true;
        let keep = |bytes: &[u8]| {
            is_kept = is_kept && kept.len() + bytes.len() <= Self::KEPT_BYTES;
            if is_kept {
                kept.extend_from_slice(bytes);
            }
            Ok(())
        };
        let allowed = self.limits.file_bytes;
        let measured = self
            .deflater
            .deflate(source, allowed, keep)
            .map_err(|err| explain(err, path, allowed))?;
        Ok((measured, is_kept))
    }

    /// Holds the archive with one more file to the limits, and returns where
    /// that file starts.
    fn check_sizes(&self, measured: &Measured, member: &Member) -> Result<u32, ArchiveError> {
        let limits = &self.limits;
        let found = self.inflated_bytes + measured.size;
        if found > limits.inflated_bytes {
            return Err(LimitError::Inflated { found, allowed: limits.inflated_bytes }.into());
        }
        let name_len = u64::from(member.name_len);
        let headers =
            Member::LOCAL_LEN + self.directory.len() + CentralHeader::LEN + EndRecord::LEN;
        let data = u64::from(member.compressed_size);
        let found = self.written_bytes + headers as u64 + 2 * name_len + data;
        if found > limits.archive_bytes {
            return Err(LimitError::Archive { found, allowed: limits.archive_bytes }.into());
        }
        Ok(to_u32(self.written_bytes))
    }

    /// Reads a file for the second time, and writes what it is in the archive.
    fn write_again(
        &mut self,
        path: &ArchivePath,
        source: &mut impl Read,
        measured: &Measured,
        is_deflated: bool,
    ) -> Result<(), ArchiveError> {
        let (output, tail) = (&mut self.output, &mut self.tail);
        let written_bytes = &mut self.written_bytes;
        let write = |bytes: &[u8]| {
            *written_bytes += bytes.len() as u64;
            remember(tail, bytes);
            output.write_all(bytes)
        };
        let again = if is_deflated {
            self.deflater.deflate(source, measured.size, write)
        } else {
            self.deflater.copy(source, measured, write)
        };
        match again {
            Ok(again) if again == *measured => Ok(()),
            Ok(_) | Err(DeflateError::TooLong(_)) => {
                Err(ArchiveError::Changed { path: path.shown() })
            }
            Err(err) => Err(explain(err, path, measured.size)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.output.write_all(bytes).map_err(ArchiveError::Write)?;
        self.written_bytes += bytes.len() as u64;
        remember(&mut self.tail, bytes);
        Ok(())
    }
}

/// Keeps at least the last [`TAIL_BYTES`] of what was written.
fn remember(tail: &mut Vec<u8>, bytes: &[u8]) {
    // Forgets only when twice as much has come together, so as not to move the
    // same bytes for every small file.
    if tail.len() + bytes.len() > 2 * TAIL_BYTES {
        tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
    }
    tail.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
}

/// What both headers of a file say.
fn member(path: &ArchivePath, measured: &Measured, is_deflated: bool) -> Member {
    let compressed_size = if is_deflated { measured.deflated_size } else { measured.size };
    Member {
        version_needed: VERSION.into(),
        flags: FLAG_UTF8,
        method: if is_deflated { METHOD_DEFLATE } else { METHOD_STORED },
        time: 0,
        date: DOS_DATE,
        crc32: measured.crc32,
        compressed_size: to_u32(compressed_size),
        size: to_u32(measured.size),
        name_len: u16::try_from(path.as_str().len()).expect("a path has at most 512 bytes"),
        extra_len: 0,
    }
}

/// A number that a limit has shown to fit.
fn to_u32(number: u64) -> u32 {
    u32::try_from(number).expect("limits keep every number below 4 GiB")
}

fn explain(err: DeflateError, path: &ArchivePath, allowed: u64) -> ArchiveError {
    match err {
        DeflateError::Source(source) => ArchiveError::Source { path: path.shown(), source },
        DeflateError::Sink(source) => ArchiveError::Write(source),
        DeflateError::TooLong(found) => {
            LimitError::File { path: path.shown(), found, allowed }.into()
        }
    }
}
