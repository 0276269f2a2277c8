//! The rules that an archive can break.

/// What makes a file no archive that every reader sees alike.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZipFlaw {
    /// No end record: not a ZIP, or cut off.
    #[error("the file is not a ZIP archive, or is cut off")]
    NoEndRecord,
    /// Something follows the end record.
    #[error("the archive has {0} bytes after its end record")]
    TrailingBytes(u64),
    /// The end record has a comment, in which anything can hide.
    #[error("the archive has a comment of {0} bytes")]
    Comment(u16),
    /// Readers that search from the front would find another end record.
    #[error("the archive has a second end record at byte {0}")]
    SecondEndRecord(u64),
    /// The archive is one of several volumes.
    #[error("the archive is part of a multi-disk archive")]
    MultiDisk,
    /// The archive has zip64 records, or numbers that refer to them.
    #[error("the archive uses zip64, which one of this size does not need")]
    Zip64,
    /// The end record does not tell where the central directory is.
    #[error("the central directory is not where the end record says")]
    DirectoryPlace,
    /// The central directory does not hold as many entries as stated.
    #[error("the central directory does not hold exactly the {0} entries stated")]
    DirectoryContent(u64),
    /// Bytes between the last file and the central directory.
    #[error("the files end at byte {found}, expected {expected}")]
    Gap {
        /// Where the last file ends.
        found: u64,
        /// Where the central directory starts.
        expected: u64,
    },
}

/// What makes an entry not what every reader sees alike.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryFlaw {
    /// The entry leaves a gap after the one before it, or overlaps it.
    #[error("starts at byte {found}, expected {expected}")]
    Offset {
        /// Where the central directory says it starts.
        found: u64,
        /// Where the entry before it ends.
        expected: u64,
    },
    /// The entry reaches into the central directory.
    #[error("reaches into the central directory")]
    Overlap,
    /// There is no local header where the central directory says.
    #[error("has no local header")]
    NoLocalHeader,
    /// The local header has another name.
    #[error("is called `{0}` in its local header")]
    LocalName(String),
    /// The local header has another size, method, flag, time or checksum.
    #[error("has another {0} in its local header")]
    LocalField(&'static str),
    /// The data descriptor repeats something else, or is not there.
    #[error("has a data descriptor that disagrees with the central directory")]
    DataDescriptor,
    /// Nobody can tell where stored data end that a descriptor follows.
    #[error("is stored and has a data descriptor")]
    StoredDescriptor,
    /// The entry is encrypted.
    #[error("is encrypted")]
    Encrypted,
    /// The entry has flags that change how it is read.
    #[error("has unknown flags {0:#06x}")]
    Flags(u16),
    /// The entry is compressed with something other than deflate.
    #[error("is compressed with method {0}, expected stored or deflate")]
    Method(u16),
    /// The entry asks for a reader with features that we refuse.
    #[error("needs version {0} of the format, expected 10 to 20")]
    Version(u16),
    /// The entry has a comment.
    #[error("has a comment of {0} bytes")]
    Comment(u16),
    /// The entry is on another disk.
    #[error("is on another disk")]
    MultiDisk,
    /// The entry refers to zip64 fields.
    #[error("uses zip64, which one of its size does not need")]
    Zip64,
    /// The entry has an extra field that could change its meaning.
    #[error("has the extra field {0:#06x}")]
    ExtraField(u16),
    /// The extra fields cannot be told apart.
    #[error("has malformed extra fields")]
    MalformedExtra,
    /// The name is not ASCII and not marked as UTF-8.
    #[error("has a name in an unknown encoding")]
    NameEncoding,
    /// The entry was made on a system whose attributes we do not know.
    #[error("was made on system {0}, expected DOS (0) or Unix (3)")]
    MadeBy(u8),
    /// The entry has Unix permissions and was not made on Unix.
    #[error("has Unix permissions, but was not made on Unix")]
    ForeignMode,
    /// The entry has attributes that the format reserves.
    #[error("has reserved attributes {0:#x}")]
    Attributes(u32),
    /// Stored data is as long as the file.
    #[error("is stored, but has two sizes")]
    StoredSize,
    /// The compressed data is no deflate stream, or ends early.
    #[error("is not a valid deflate stream")]
    Deflate,
    /// The deflate stream ends before the compressed data does.
    #[error("has bytes after its deflate stream")]
    DeflateTrailing,
    /// The file inflates to fewer or more bytes than stated.
    #[error("does not inflate to the {0} bytes stated")]
    Size(u64),
    /// The file has another checksum than stated.
    #[error("does not have the CRC-32 stated")]
    Crc,
}

/// More of something than we accept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The archive is too long.
    #[error("the archive is {found} bytes long, expected at most {allowed}")]
    Archive {
        /// Its length in bytes, or the least that it would be.
        found: u64,
        /// The limit in bytes.
        allowed: u64,
    },
    /// There are too many files.
    #[error("the archive has {found} entries, expected at most {allowed}")]
    Entries {
        /// How many there are.
        found: u64,
        /// How many there may be.
        allowed: u64,
    },
    /// One file is too large.
    #[error("`{path}` inflates to {found} bytes, expected at most {allowed}")]
    File {
        /// The file's name.
        path: String,
        /// Its size in bytes, or the least that it is.
        found: u64,
        /// The limit in bytes.
        allowed: u64,
    },
    /// All files together are too large.
    #[error("the archive inflates to {found} bytes or more, expected at most {allowed}")]
    Inflated {
        /// The sum so far, in bytes.
        found: u64,
        /// The limit in bytes.
        allowed: u64,
    },
    /// A file is a bomb.
    #[error("`{path}` inflates to more than {allowed} times its size")]
    Ratio {
        /// The file's name.
        path: String,
        /// How many times larger a file may become.
        allowed: u64,
    },
    /// All files together are a bomb.
    #[error("the archive inflates to more than {allowed} times its size")]
    ArchiveRatio {
        /// How many times larger an archive may become.
        allowed: u64,
    },
}
