//! The fixed-size records of a ZIP, as the reader parses and the writer makes
//! them.
//!
//! Source: APPNOTE.TXT sections 4.3.7 (local), 4.3.9 (descriptor), 4.3.12
//! (central) and 4.3.16 (end).

/// Flag bit 0, 6 or 13: the data or the directory is encrypted.
pub(super) const FLAGS_ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
/// Flag bits 1 and 2: how hard the compressor tried.
pub(super) const FLAGS_EFFORT: u16 = 1 << 1 | 1 << 2;
/// Flag bit 3: CRC and sizes are in a data descriptor behind the data.
pub(super) const FLAG_DESCRIPTOR: u16 = 1 << 3;
/// Flag bit 11: the name is UTF-8.
pub(super) const FLAG_UTF8: u16 = 1 << 11;

/// Method 0: the data is the file.
pub(super) const METHOD_STORED: u16 = 0;
/// Method 8: the data is a deflate stream.
pub(super) const METHOD_DEFLATE: u16 = 8;

/// The upper byte of "version made by": DOS attributes only.
pub(super) const MADE_ON_DOS: u8 = 0;
/// The upper byte of "version made by": a Unix mode in the upper 16 bits of
/// the external attributes.
pub(super) const MADE_ON_UNIX: u8 = 3;

/// The value of a 32-bit field whose truth is in a zip64 extra field.
pub(super) const ZIP64_32: u32 = u32::MAX;
/// The value of a 16-bit field whose truth is in the zip64 end record.
pub(super) const ZIP64_16: u16 = u16::MAX;
/// The length of the zip64 end record's locator, which sits before the end record.
pub(super) const ZIP64_LOCATOR_LEN: usize = 20;
/// What the zip64 end record's locator starts with.
pub(super) const ZIP64_LOCATOR_SIGNATURE: [u8; 4] = *b"PK\x06\x07";

/// What a local header says again in the central directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) version_needed: u16,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) time: u16,
    pub(super) date: u16,
    pub(super) crc32: u32,
    pub(super) compressed_size: u32,
    pub(super) size: u32,
    pub(super) name_len: u16,
    // Not the same in both headers: each has its own extra fields.
    pub(super) extra_len: u16,
}

/// The fixed part of an entry of the central directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CentralHeader {
    pub(super) made_by: u16,
    pub(super) member: Member,
    pub(super) comment_len: u16,
    pub(super) disk: u16,
    pub(super) internal_attributes: u16,
    pub(super) external_attributes: u32,
    pub(super) offset: u32,
}

/// The end record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EndRecord {
    pub(super) disk: u16,
    pub(super) directory_disk: u16,
    pub(super) entries_on_disk: u16,
    pub(super) entries: u16,
    pub(super) directory_size: u32,
    pub(super) directory_offset: u32,
    pub(super) comment_len: u16,
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Member {
    const LEN: usize = 26;
    /// The length of a local header without its name and extra fields.
    pub(super) const LOCAL_LEN: usize = 4 + Self::LEN;
    /// What a local header starts with.
    pub(super) const LOCAL_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
    /// The length of a data descriptor with its signature.
    pub(super) const DESCRIPTOR_LEN: usize = 16;
    const DESCRIPTOR_SIGNATURE: [u8; 4] = *b"PK\x07\x08";

    /// Reads a local header, if this is one.
    pub(super) fn from_local(bytes: &[u8; Self::LOCAL_LEN]) -> Option<Self> {
        bytes.starts_with(&Self::LOCAL_SIGNATURE).then(|| Self::parse(&bytes[4..]))
    }

    fn parse(bytes: &[u8]) -> Self {
        Self {
            version_needed: u16_at(bytes, 0),
            flags: u16_at(bytes, 2),
            method: u16_at(bytes, 4),
            time: u16_at(bytes, 6),
            date: u16_at(bytes, 8),
            crc32: u32_at(bytes, 10),
            compressed_size: u32_at(bytes, 14),
            size: u32_at(bytes, 18),
            name_len: u16_at(bytes, 22),
            extra_len: u16_at(bytes, 24),
        }
    }

    /// The local header without its name and extra fields.
    pub(super) fn to_local(self) -> Vec<u8> {
        let mut bytes = Self::LOCAL_SIGNATURE.to_vec();
        self.write(&mut bytes);
        bytes
    }

    fn write(self, bytes: &mut Vec<u8>) {
        for field in [self.version_needed, self.flags, self.method, self.time, self.date] {
            bytes.extend(field.to_le_bytes());
        }
        for field in [self.crc32, self.compressed_size, self.size] {
            bytes.extend(field.to_le_bytes());
        }
        for field in [self.name_len, self.extra_len] {
            bytes.extend(field.to_le_bytes());
        }
    }

    /// The one data descriptor that is true of this member.
    pub(super) fn to_descriptor(self) -> [u8; Self::DESCRIPTOR_LEN] {
        let mut bytes = [0; Self::DESCRIPTOR_LEN];
        bytes[..4].copy_from_slice(&Self::DESCRIPTOR_SIGNATURE);
        bytes[4..8].copy_from_slice(&self.crc32.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.compressed_size.to_le_bytes());
        bytes[12..].copy_from_slice(&self.size.to_le_bytes());
        bytes
    }

    /// Whether a data descriptor follows the data.
    pub(super) const fn has_descriptor(&self) -> bool {
        self.flags & FLAG_DESCRIPTOR != 0
    }
}

impl CentralHeader {
    /// The length without name, extra fields and comment.
    pub(super) const LEN: usize = 46;
    const SIGNATURE: [u8; 4] = *b"PK\x01\x02";

    /// Reads an entry of the central directory, if this is one.
    pub(super) fn parse(bytes: &[u8; Self::LEN]) -> Option<Self> {
        bytes.starts_with(&Self::SIGNATURE).then(|| Self {
            made_by: u16_at(bytes, 4),
            member: Member::parse(&bytes[6..]),
            comment_len: u16_at(bytes, 32),
            disk: u16_at(bytes, 34),
            internal_attributes: u16_at(bytes, 36),
            external_attributes: u32_at(bytes, 38),
            offset: u32_at(bytes, 42),
        })
    }

    /// Appends the header without name, extra fields and comment.
    pub(super) fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(Self::SIGNATURE);
        bytes.extend(self.made_by.to_le_bytes());
        self.member.write(bytes);
        for field in [self.comment_len, self.disk, self.internal_attributes] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(self.external_attributes.to_le_bytes());
        bytes.extend(self.offset.to_le_bytes());
    }
}

impl EndRecord {
    /// The length without the comment.
    pub(super) const LEN: usize = 22;
    /// What an end record starts with.
    pub(super) const SIGNATURE: [u8; 4] = *b"PK\x05\x06";

    /// Reads the end record that `bytes` starts with, if it does.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        (bytes.len() >= Self::LEN && bytes.starts_with(&Self::SIGNATURE)).then(|| Self {
            disk: u16_at(bytes, 4),
            directory_disk: u16_at(bytes, 6),
            entries_on_disk: u16_at(bytes, 8),
            entries: u16_at(bytes, 10),
            directory_size: u32_at(bytes, 12),
            directory_offset: u32_at(bytes, 16),
            comment_len: u16_at(bytes, 20),
        })
    }

    /// Appends the record without a comment.
    pub(super) fn write(self, bytes: &mut Vec<u8>) {
        bytes.extend(Self::SIGNATURE);
        for field in [self.disk, self.directory_disk, self.entries_on_disk, self.entries] {
            bytes.extend(field.to_le_bytes());
        }
        bytes.extend(self.directory_size.to_le_bytes());
        bytes.extend(self.directory_offset.to_le_bytes());
        bytes.extend(self.comment_len.to_le_bytes());
    }
}
