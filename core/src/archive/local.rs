//! Local headers: whether they say what the central directory says.

use std::io::{Read, Seek};

use super::entry::Entry;
use super::error::ArchiveError;
use super::extra;
use super::flaw::{EntryFlaw, ZipFlaw};
use super::path::{ArchivePath, shown};
use super::record::Member;
use super::source::Source;

/// Checks that local headers and data follow one another without a gap from
/// the first byte to the central directory, and say what it says.
pub(super) fn check_local_headers<R: Read + Seek>(
    reader: &mut R,
    entries: &mut [Entry],
    directory_offset: u64,
) -> Result<(), ArchiveError> {
    // Room for the headers and the data of a few small files. Most data is
    // skipped, so a larger buffer would mostly read what nobody looks at.
    const BUFFER_BYTES: usize = 4 << 10;

    let mut source = Source::new(reader, BUFFER_BYTES).map_err(ArchiveError::Read)?;
    let mut expected = 0;
    for entry in entries {
        if entry.header_offset != expected {
            let found = entry.header_offset;
            return Err(entry.flaw(EntryFlaw::Offset { found, expected }));
        }
        expected = check_local_header(&mut source, entry, directory_offset)?;
    }
    if expected == directory_offset {
        Ok(())
    } else {
        Err(ZipFlaw::Gap { found: expected, expected: directory_offset }.into())
    }
}

/// Checks one local header, and returns where the entry ends.
fn check_local_header<R: Read + Seek>(
    source: &mut Source<R>,
    entry: &mut Entry,
    directory_offset: u64,
) -> Result<u64, ArchiveError> {
    let name_offset = entry.header_offset + Member::LOCAL_LEN as u64;
    if name_offset > directory_offset {
        return Err(entry.flaw(EntryFlaw::Overlap));
    }
    let mut fixed = [0; Member::LOCAL_LEN];
    source.seek_to(entry.header_offset).map_err(ArchiveError::Read)?;
    source.read_exact(&mut fixed).map_err(ArchiveError::Read)?;
    let local = Member::from_local(&fixed).ok_or_else(|| entry.flaw(EntryFlaw::NoLocalHeader))?;
    compare(&local, &entry.member).map_err(|flaw| entry.flaw(flaw))?;

    let (name_len, extra_len) = (usize::from(local.name_len), usize::from(local.extra_len));
    if extra_len > extra::MAX_LEN {
        return Err(entry.flaw(EntryFlaw::MalformedExtra));
    }
    let data_offset = name_offset + (name_len + extra_len) as u64;
    let data_end = data_offset + entry.compressed_size_bytes();
    let descriptor_len = if local.has_descriptor() { Member::DESCRIPTOR_LEN } else { 0 };
    let entry_end = data_end + descriptor_len as u64;
    if entry_end > directory_offset {
        return Err(entry.flaw(EntryFlaw::Overlap));
    }

    // The central name is no longer than this, and the lengths agree.
    let mut rest = [0; ArchivePath::MAX_LEN + extra::MAX_LEN];
    let rest = &mut rest[..name_len + extra_len];
    source.read_exact(rest).map_err(ArchiveError::Read)?;
    let (name, extra) = rest.split_at(name_len);
    let stated = if entry.is_folder { name.strip_suffix(b"/") } else { Some(name) };
    if stated != Some(entry.path().as_str().as_bytes()) {
        return Err(entry.flaw(EntryFlaw::LocalName(shown(name))));
    }
    extra::check(extra).map_err(|err| match err {
        extra::ExtraError::Flaw(flaw) => entry.flaw(flaw),
        extra::ExtraError::Kind(found) => ArchiveError::EntryType { path: shown(name), found },
    })?;
    if local.has_descriptor() {
        let mut descriptor = [0; Member::DESCRIPTOR_LEN];
        source.seek_to(data_end).map_err(ArchiveError::Read)?;
        source.read_exact(&mut descriptor).map_err(ArchiveError::Read)?;
        if descriptor != entry.member.to_descriptor() {
            return Err(entry.flaw(EntryFlaw::DataDescriptor));
        }
    }
    entry.data_offset = data_offset;
    Ok(entry_end)
}

/// Compares a local header with the central one.
///
/// With a data descriptor the local header may come before anybody knew the
/// CRC and the sizes. It then leaves zero what it did not know (Info-ZIP knows
/// the size), and may not claim anything else.
fn compare(local: &Member, central: &Member) -> Result<(), EntryFlaw> {
    let is_known_later =
        |found, expected| found == expected || (found == 0 && central.has_descriptor());
    for (field, is_same) in [
        ("version", local.version_needed == central.version_needed),
        ("set of flags", local.flags == central.flags),
        ("compression method", local.method == central.method),
        ("time", (local.time, local.date) == (central.time, central.date)),
        ("CRC-32", is_known_later(local.crc32, central.crc32)),
        ("compressed size", is_known_later(local.compressed_size, central.compressed_size)),
        ("size", is_known_later(local.size, central.size)),
        ("length of its name", local.name_len == central.name_len),
    ] {
        if !is_same {
            return Err(EntryFlaw::LocalField(field));
        }
    }
    Ok(())
}
