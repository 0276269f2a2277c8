//! A member's header, and its path and size in one.

use super::{BLOCK, TarPath, padding};

/// Where a field is in a header, and how long it is.
///
/// Source: POSIX.1-2017, `pax`, "ustar Header Block".
pub(super) mod field {
    use std::ops::Range;

    pub(in crate::tar) const NAME: Range<usize> = 0..100;
    const MODE: Range<usize> = 100..108;
    const UID: Range<usize> = 108..116;
    const GID: Range<usize> = 116..124;
    pub(in crate::tar) const SIZE: Range<usize> = 124..136;
    const MTIME: Range<usize> = 136..148;
    pub(super) const CHECKSUM: Range<usize> = 148..156;
    pub(in crate::tar) const KIND: usize = 156;
    const MAGIC: Range<usize> = 257..265;
    const DEVICE: Range<usize> = 329..345;

    /// What is the same in every header.
    pub(super) const FIXED: [(Range<usize>, &[u8]); 6] = [
        (MODE, b"0000644\0"),
        (UID, b"0000000\0"),
        (GID, b"0000000\0"),
        (MTIME, b"00000000000\0"),
        (MAGIC, b"ustar\x0000"),
        (DEVICE, b"0000000\x000000000\0"),
    ];
}

/// The kind of a plain file.
pub(super) const FILE: u8 = b'0';
/// The kind of records about the next member.
pub(super) const RECORDS: u8 = b'x';
/// What records are called, for readers that take them for a file.
const RECORDS_NAME: &[u8] = b"././@PaxHeader";
/// The largest size that fits into a header, in bytes: eleven octal digits.
pub(super) const MAX_SIZE: u64 = (1 << 33) - 1;

/// What stands before the bytes of a member: a header, and before that, where the path
/// needs it, a pax record.
pub fn header(path: &TarPath, size_bytes: u64) -> Vec<u8> {
    let path = path.as_str().as_bytes();
    let mut header = Vec::with_capacity(3 * BLOCK);
    if path.len() > field::NAME.len() {
        let record = record(path);
        header.extend(block(RECORDS_NAME, record.len() as u64, RECORDS));
        header.extend_from_slice(&record);
        header.resize(header.len() + padding(record.len() as u64), 0);
    }
    let name = &path[..path.len().min(field::NAME.len())];
    header.extend(block(name, size_bytes, FILE));
    header
}

/// The record that names a path: its own length in decimal is part of that length.
fn record(path: &[u8]) -> Vec<u8> {
    let rest = " path=\n".len() + path.len();
    let mut len = rest + 1;
    while rest + len.to_string().len() > len {
        len += 1;
    }
    [len.to_string().as_bytes(), b" path=", path, b"\n"].concat()
}

fn block(name: &[u8], size_bytes: u64, kind: u8) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..name.len()].copy_from_slice(name);
    for (range, value) in field::FIXED {
        block[range].copy_from_slice(value);
    }
    let size = format!("{size_bytes:011o}\0");
    block[field::SIZE].copy_from_slice(&size.as_bytes()[..field::SIZE.len()]);
    block[field::KIND] = kind;
    // The sum is taken with spaces in its own place.
    block[field::CHECKSUM].fill(b' ');
    let sum: u32 = block.iter().copied().map(u32::from).sum();
    block[field::CHECKSUM].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}
