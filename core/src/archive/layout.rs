//! Where everything in an archive is: the walk before anything is inflated.

use std::io::{Read, Seek, SeekFrom};

use super::entry::{Entry, Folders};
use super::error::ArchiveError;
use super::extra;
use super::flaw::{EntryFlaw, LimitError, ZipFlaw};
use super::limits::Limits;
use super::local::check_local_headers;
use super::path::{ArchivePath, PathError};
use super::record::{
    CentralHeader, EndRecord, ZIP64_16, ZIP64_32, ZIP64_LOCATOR_LEN, ZIP64_LOCATOR_SIGNATURE,
};
use super::source::Source;
use super::tree::PathTree;

/// The files of an archive that every reader sees alike, and where they are.
///
/// Holds no reader, so several threads can read one archive through one layout
/// (see [`Archive::with_layout`](super::Archive::with_layout)). Takes some 100
/// bytes of memory per file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    entries: Vec<Entry>,
    size_bytes: u64,
    inflated_bytes: u64,
}

impl Layout {
    /// Walks the structure of the archive in `reader`, from its first byte to
    /// its last.
    ///
    /// Reads the headers and skips the data. Each error names the rule that the
    /// archive breaks; none is worth a retry, except [`ArchiveError::Read`].
    pub fn read<R: Read + Seek>(reader: &mut R, limits: &Limits) -> Result<Self, ArchiveError> {
        Self::walk(reader, limits, Folders::Refused)
    }

    /// The same, for archives of another format than ours, such as wheels: entries for
    /// folders are held to all of these rules, have no content, and are left out.
    pub fn read_without_folders<R: Read + Seek>(
        reader: &mut R,
        limits: &Limits,
    ) -> Result<Self, ArchiveError> {
        Self::walk(reader, limits, Folders::LeftOut)
    }

    fn walk<R: Read + Seek>(
        reader: &mut R,
        limits: &Limits,
        folders: Folders,
    ) -> Result<Self, ArchiveError> {
        let size_bytes = reader.seek(SeekFrom::End(0)).map_err(ArchiveError::Read)?;
        if size_bytes > limits.archive_bytes {
            let (found, allowed) = (size_bytes, limits.archive_bytes);
            return Err(LimitError::Archive { found, allowed }.into());
        }
        let end = find_end(reader, size_bytes)?;
        let mut entries = read_directory(reader, &end, limits, folders)?;
        let inflated_bytes = check_sizes(&entries, size_bytes, limits)?;
        let mut tree = PathTree::default();
        let mut files = entries.iter().filter(|entry| !entry.is_folder);
        files.try_for_each(|entry| tree.insert(entry.path()))?;
        check_local_headers(reader, &mut entries, end.directory_offset.into())?;
        entries.retain(|entry| !entry.is_folder);
        Ok(Self { entries, size_bytes, inflated_bytes })
    }

    /// The files, in the order of the archive.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Where the file of this path is in [`Self::entries`].
    pub fn position(&self, path: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.path().as_str() == path)
    }

    /// The length of the archive, in bytes.
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// What all files together inflate to, in bytes.
    pub const fn inflated_bytes(&self) -> u64 {
        self.inflated_bytes
    }
}

/// As far from the end as an end record with the longest comment could start.
pub(super) const TAIL_BYTES: usize = EndRecord::LEN + u16::MAX as usize;

/// Reads the end record, which must be the very end.
fn find_end<R: Read + Seek>(reader: &mut R, size: u64) -> Result<EndRecord, ArchiveError> {
    let start = size.saturating_sub(TAIL_BYTES as u64);
    reader.seek(SeekFrom::Start(start)).map_err(ArchiveError::Read)?;
    let mut tail = Vec::new();
    reader.take(TAIL_BYTES as u64).read_to_end(&mut tail).map_err(ArchiveError::Read)?;
    parse_end(&tail, size)
}

/// Reads the end record from `tail`, the last [`TAIL_BYTES`] of an archive of
/// `size` bytes.
///
/// The writer asks this of its own archive too: the files in it may be made to
/// look like an end record, and then no reader should see it.
pub(super) fn parse_end(tail: &[u8], size: u64) -> Result<EndRecord, ArchiveError> {
    let start = size - tail.len() as u64;
    let at = tail.len().saturating_sub(EndRecord::LEN);
    let Some(end) = EndRecord::parse(&tail[at..]) else { return Err(explain_missing_end(tail)) };
    // Readers that search from the front take the first record whose comment
    // reaches the end of the file. A stored file could hide one.
    let mut earlier = end_records(&tail[..at]);
    if let Some((hidden, _)) = earlier.find(|(at, end)| comment_fits(tail, *at, end)) {
        return Err(ZipFlaw::SecondEndRecord(start + hidden as u64).into());
    }
    if end.comment_len != 0 {
        return Err(ZipFlaw::Comment(end.comment_len).into());
    }
    let has_locator = at
        .checked_sub(ZIP64_LOCATOR_LEN)
        .is_some_and(|at| tail[at..].starts_with(&ZIP64_LOCATOR_SIGNATURE));
    if has_locator
        || [end.entries, end.entries_on_disk].contains(&ZIP64_16)
        || [end.directory_offset, end.directory_size].contains(&ZIP64_32)
    {
        return Err(ZipFlaw::Zip64.into());
    }
    if end.disk != 0 || end.directory_disk != 0 || end.entries_on_disk != end.entries {
        return Err(ZipFlaw::MultiDisk.into());
    }
    let directory_end = u64::from(end.directory_offset) + u64::from(end.directory_size);
    if directory_end + EndRecord::LEN as u64 != size {
        return Err(ZipFlaw::DirectoryPlace.into());
    }
    Ok(end)
}

/// Every place in `bytes` that looks like an end record.
fn end_records(bytes: &[u8]) -> impl Iterator<Item = (usize, EndRecord)> {
    bytes
        .windows(EndRecord::LEN)
        .enumerate()
        .filter(|(_, window)| window.starts_with(&EndRecord::SIGNATURE))
        .filter_map(|(at, window)| Some((at, EndRecord::parse(window)?)))
}

/// Whether the comment of the record at `at` would reach the end of `tail`.
fn comment_fits(tail: &[u8], at: usize, end: &EndRecord) -> bool {
    at + EndRecord::LEN + usize::from(end.comment_len) == tail.len()
}

/// Says why `tail` does not end in an end record.
fn explain_missing_end(tail: &[u8]) -> ArchiveError {
    const SIGNED_START: &[u8] = b"MCPB_SIG_V1";
    const SIGNED_END: &[u8] = b"MCPB_SIG_END";

    if tail.ends_with(SIGNED_END)
        || tail.windows(SIGNED_START.len()).any(|window| window == SIGNED_START)
    {
        return ArchiveError::Signed;
    }
    let Some((at, end)) = end_records(tail).last() else { return ZipFlaw::NoEndRecord.into() };
    if comment_fits(tail, at, &end) {
        return ZipFlaw::Comment(end.comment_len).into();
    }
    ZipFlaw::TrailingBytes((tail.len() - at - EndRecord::LEN) as u64).into()
}

/// Reads the central directory.
fn read_directory<R: Read + Seek>(
    reader: &mut R,
    end: &EndRecord,
    limits: &Limits,
    folders: Folders,
) -> Result<Vec<Entry>, ArchiveError> {
    const BUFFER_BYTES: usize = 64 << 10;

    let count = u64::from(end.entries);
    if count > limits.entries {
        return Err(LimitError::Entries { found: count, allowed: limits.entries }.into());
    }
    let wrong_content = || ArchiveError::from(ZipFlaw::DirectoryContent(count));
    let mut left_bytes = u64::from(end.directory_size);
    let mut take = |len: usize| {
        left_bytes = left_bytes.checked_sub(len as u64).ok_or_else(wrong_content)?;
        Ok::<_, ArchiveError>(len)
    };

    let mut source = Source::new(reader, BUFFER_BYTES).map_err(ArchiveError::Read)?;
    source.seek_to(end.directory_offset.into()).map_err(ArchiveError::Read)?;
    let mut entries = Vec::new();
    let mut rest = [0; ArchivePath::MAX_LEN + extra::MAX_LEN];
    for _ in 0..count {
        let mut fixed = [0; CentralHeader::LEN];
        take(CentralHeader::LEN)?;
        source.read_exact(&mut fixed).map_err(ArchiveError::Read)?;
        let header = CentralHeader::parse(&fixed).ok_or_else(wrong_content)?;

        let name_len = usize::from(header.member.name_len);
        let extra_len = usize::from(header.member.extra_len);
        if name_len > ArchivePath::MAX_LEN {
            return Err(PathError::too_long(name_len).into());
        }
        let rest = &mut rest[..name_len + extra_len.min(extra::MAX_LEN)];
        take(rest.len())?;
        source.read_exact(rest).map_err(ArchiveError::Read)?;
        let (name, extra) = rest.split_at(name_len);
        let entry = Entry::from_central(&header, name, extra, folders)?;
        if extra_len > extra::MAX_LEN {
            return Err(entry.flaw(EntryFlaw::MalformedExtra));
        }
        entries.push(entry);
    }
    if left_bytes == 0 { Ok(entries) } else { Err(wrong_content()) }
}

/// Holds the stated sizes to the limits, and adds them up.
fn check_sizes(entries: &[Entry], archive: u64, limits: &Limits) -> Result<u64, ArchiveError> {
    let mut inflated = 0;
    for entry in entries {
        let (size, compressed) = (entry.size_bytes(), entry.compressed_size_bytes());
        let path = || entry.path().shown();
        if size > limits.file_bytes {
            let (found, allowed) = (size, limits.file_bytes);
            return Err(LimitError::File { path: path(), found, allowed }.into());
        }
        if limits.is_bomb(size, compressed) {
            return Err(LimitError::Ratio { path: path(), allowed: limits.ratio }.into());
        }
        inflated += size;
        if inflated > limits.inflated_bytes {
            let (found, allowed) = (inflated, limits.inflated_bytes);
            return Err(LimitError::Inflated { found, allowed }.into());
        }
    }
    if limits.is_bomb(inflated, archive) {
        return Err(LimitError::ArchiveRatio { allowed: limits.ratio }.into());
    }
    Ok(inflated)
}
