//! One file of an archive, as its central header describes it.

use super::error::ArchiveError;
use super::extra::{self, ExtraError};
use super::flaw::EntryFlaw;
use super::path::{ArchivePath, shown};
use super::record::{
    CentralHeader, FLAG_DESCRIPTOR, FLAG_UTF8, FLAGS_EFFORT, FLAGS_ENCRYPTED, MADE_ON_DOS,
    MADE_ON_UNIX, METHOD_DEFLATE, METHOD_STORED, Member, ZIP64_32,
};

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    path: ArchivePath,
    is_executable: bool,
    pub(super) member: Member,
    // Where its local header starts, and where its data does. The second is
    // only known once the local header was read.
    pub(super) header_offset: u64,
    pub(super) data_offset: u64,
    // Only while a layout is read that leaves folders out.
    pub(super) is_folder: bool,
}

/// What becomes of entries for folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Folders {
    /// They are no files.
    Refused,
    /// They are held to what files are held to, hold nothing, and are left out.
    LeftOut,
}

/// What an entry of an archive is, when it is no regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryKind {
    /// A folder. Folders follow from the files in them.
    #[error("a folder")]
    Folder,
    /// A symbolic link.
    #[error("a symbolic link")]
    Symlink,
    /// A link in PKWARE's extra field, symbolic or hard.
    #[error("a link")]
    Link,
    /// A block or character device.
    #[error("a device")]
    Device,
    /// A named pipe.
    #[error("a named pipe")]
    Pipe,
    /// A socket.
    #[error("a socket")]
    Socket,
    /// A file that runs as its owner or group, or with the sticky bit.
    #[error("a file with setuid, setgid or sticky bit")]
    Privileged,
    /// Something that DOS attributes make special: a volume label, a hidden or
    /// system file, a reparse point.
    #[error("a file with special DOS attributes")]
    Special,
    /// A file type that no Unix has.
    #[error("of an unknown type")]
    Unknown,
}

impl Entry {
    /// The file's path.
    pub fn path(&self) -> &ArchivePath {
        &self.path
    }

    /// Whether the file may be executed.
    pub const fn is_executable(&self) -> bool {
        self.is_executable
    }

    /// The file's size in bytes. Reading it gives exactly as many, or an error.
    pub fn size_bytes(&self) -> u64 {
        self.member.size.into()
    }

    /// What the file takes in the archive, in bytes, without its headers.
    pub fn compressed_size_bytes(&self) -> u64 {
        self.member.compressed_size.into()
    }

    pub(super) const fn is_deflated(&self) -> bool {
        self.member.method == METHOD_DEFLATE
    }

    /// An error about this entry.
    pub(super) fn flaw(&self, flaw: EntryFlaw) -> ArchiveError {
        ArchiveError::ZipEntry { path: self.path.shown(), flaw }
    }

    /// Reads a central header with its name and extra fields.
    pub(super) fn from_central(
        header: &CentralHeader,
        name: &[u8],
        extra: &[u8],
        folders: Folders,
    ) -> Result<Self, ArchiveError> {
        let flaw = |flaw| ArchiveError::ZipEntry { path: shown(name), flaw };
        let kind = |found| ArchiveError::EntryType { path: shown(name), found };

        check_member(&header.member).map_err(flaw)?;
        if header.comment_len != 0 {
            return Err(flaw(EntryFlaw::Comment(header.comment_len)));
        }
        if header.disk != 0 {
            return Err(flaw(EntryFlaw::MultiDisk));
        }
        if header.offset == ZIP64_32 {
            return Err(flaw(EntryFlaw::Zip64));
        }
        // Bit 0 guesses that the file is text; the others are reserved.
        if header.internal_attributes & !1 != 0 {
            return Err(flaw(EntryFlaw::Attributes(header.internal_attributes.into())));
        }
        if header.member.flags & FLAG_UTF8 == 0 && !name.is_ascii() {
            return Err(flaw(EntryFlaw::NameEncoding));
        }
        extra::check(extra).map_err(|err| match err {
            ExtraError::Flaw(found) => flaw(found),
            ExtraError::Kind(found) => kind(found),
        })?;
        let folder = name.strip_suffix(b"/");
        let is_empty = header.member.size == 0 && header.member.compressed_size == 0;
        if folder.is_some() && !(folders == Folders::LeftOut && is_empty) {
            return Err(kind(EntryKind::Folder));
        }
        let path = ArchivePath::from_bytes(folder.unwrap_or(name))?;
        let mode = match header.made_by.to_be_bytes()[0] {
            MADE_ON_UNIX => header.external_attributes >> 16,
            MADE_ON_DOS if header.external_attributes >> 16 == 0 => 0,
            // Some readers look at the mode whatever the system is.
            MADE_ON_DOS => return Err(flaw(EntryFlaw::ForeignMode)),
            system => return Err(flaw(EntryFlaw::MadeBy(system))),
        };
        match check_attributes(header.external_attributes & 0xFFFF, mode) {
            Err(EntryKind::Folder) if folder.is_some() => (),
            other => other.map_err(kind)?,
        }
        Ok(Self {
            path,
            is_executable: mode & 0o111 != 0,
            member: header.member,
            header_offset: header.offset.into(),
            data_offset: 0,
            is_folder: folder.is_some(),
        })
    }
}

/// Checks that the data is what every reader knows how to read.
fn check_member(member: &Member) -> Result<(), EntryFlaw> {
    let flags = member.flags;
    if flags & FLAGS_ENCRYPTED != 0 {
        return Err(EntryFlaw::Encrypted);
    }
    if flags & !(FLAGS_EFFORT | FLAG_DESCRIPTOR | FLAG_UTF8) != 0 {
        return Err(EntryFlaw::Flags(flags));
    }
    if [member.size, member.compressed_size].contains(&ZIP64_32) {
        return Err(EntryFlaw::Zip64);
    }
    match member.method {
        METHOD_STORED if member.has_descriptor() => return Err(EntryFlaw::StoredDescriptor),
        METHOD_STORED if member.size != member.compressed_size => {
            return Err(EntryFlaw::StoredSize);
        }
        METHOD_STORED | METHOD_DEFLATE => (),
        method => return Err(EntryFlaw::Method(method)),
    }
    // 1.0 is the least there is, and 2.0 is what deflate needs.
    if !(10..=20).contains(&member.version_needed) {
        return Err(EntryFlaw::Version(member.version_needed));
    }
    Ok(())
}

/// Checks that DOS attributes and a Unix mode both say "regular file".
///
/// A mode without a type is one: fflate writes only the permissions.
///
/// Source: `sys/stat.h` in POSIX.1-2024; `FILE_ATTRIBUTE_*`, Win32 documentation.
fn check_attributes(dos: u32, mode: u32) -> Result<(), EntryKind> {
    const DOS_FOLDER: u32 = 0x10;
    // Read-only and archive: they say nothing that lasts.
    const DOS_HARMLESS: u32 = 0x01 | 0x20;

    match mode & 0o170_000 {
        0 | 0o100_000 => (),
        0o040_000 => return Err(EntryKind::Folder),
        0o120_000 => return Err(EntryKind::Symlink),
        0o020_000 | 0o060_000 => return Err(EntryKind::Device),
        0o010_000 => return Err(EntryKind::Pipe),
        0o140_000 => return Err(EntryKind::Socket),
        _ => return Err(EntryKind::Unknown),
    }
    if mode & 0o7000 != 0 {
        return Err(EntryKind::Privileged);
    }
    if dos & DOS_FOLDER != 0 {
        return Err(EntryKind::Folder);
    }
    if dos & !DOS_HARMLESS != 0 {
        return Err(EntryKind::Special);
    }
    Ok(())
}
