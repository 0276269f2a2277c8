//! How much of everything we accept.

/// How much an archive may hold, and how much it may become.
///
/// All of it is checked against what the headers state, before anything is
/// inflated or allocated, and then held while inflating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest archive, in bytes.
    pub archive_bytes: u64,
    /// The most that all files together may inflate to, in bytes.
    pub inflated_bytes: u64,
    /// The most that one file may inflate to, in bytes.
    pub file_bytes: u64,
    /// The most files.
    pub entries: u64,
    /// How many times larger than its compressed form a file may be, and all
    /// files than the archive. Less than [`Self::RATIO_FREE_BYTES`] may inflate
    /// at any ratio.
    pub ratio: u64,
}

impl Limits {
    /// 512 MiB: the largest server bundles with a vendored runtime and a
    /// browser stay under half of that.
    pub const ARCHIVE_BYTES: u64 = 512 << 20;
    /// 2 GiB: four times the longest archive, which is what deflate makes of
    /// code and text.
    pub const INFLATED_BYTES: u64 = 2 << 30;
    /// 512 MiB: nothing in an archive is larger than the largest archive.
    pub const FILE_BYTES: u64 = 512 << 20;
    /// 65,534: the format's own end without zip64, which we refuse (65,535
    /// means "look in the zip64 record"). `DESIGN.md` allows 200,000, which no
    /// archive without zip64 can have.
    pub const ENTRIES: u64 = 0xFFFE;
    /// 200: text and code deflate to a third or a tenth, sparse data to a
    /// fiftieth; a bomb comes near deflate's own end, which is 1,032.
    pub const RATIO: u64 = 200;
    /// 1 MiB: a small file of one repeated byte is no bomb.
    pub const RATIO_FREE_BYTES: u64 = 1 << 20;

    /// Whether `inflated` bytes out of `compressed` are more than the ratio allows.
    pub(super) fn is_bomb(&self, inflated: u64, compressed: u64) -> bool {
        inflated > Self::RATIO_FREE_BYTES && inflated > compressed.saturating_mul(self.ratio)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive_bytes: Self::ARCHIVE_BYTES,
            inflated_bytes: Self::INFLATED_BYTES,
            file_bytes: Self::FILE_BYTES,
            entries: Self::ENTRIES,
            ratio: Self::RATIO,
        }
    }
}
