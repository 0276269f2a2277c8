//! Inflating a tarball, within bounds.

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

use crate::tar::TarError;

/// The longest tar in a tarball, in bytes. The largest packages of npm unpack to about
/// a third of this.
pub const MAX_BYTES: usize = 512 << 20;
/// How many times larger than the tarball a tar may be, as in artifacts.
const MAX_RATIO: usize = 200;
/// 1 MiB may inflate at any ratio: a small file of one repeated byte is no bomb.
const RATIO_FREE_BYTES: usize = 1 << 20;

const FLAG_HEADER_CRC: u8 = 1 << 1;
const FLAG_EXTRA: u8 = 1 << 2;
const FLAG_NAME: u8 = 1 << 3;
const FLAG_COMMENT: u8 = 1 << 4;
const RESERVED_FLAGS: u8 = 0b1110_0000;

/// Inflates a gzip file of one member, to the byte: two members, or bytes after it, are
/// what two readers could see differently.
///
/// Source: RFC 1952.
///
/// # Errors
///
/// [`TarError::Gzip`], and [`TarError::Limit`] before more memory is taken.
pub fn inflate_whole(bytes: &[u8]) -> Result<Vec<u8>, TarError> {
    let body = after_header(bytes).ok_or(TarError::Gzip("it is not gzip"))?;
    let allowed = MAX_BYTES.min(bytes.len().saturating_mul(MAX_RATIO).max(RATIO_FREE_BYTES));
    let mut state = InflateState::new_boxed(DataFormat::Raw);
    let (mut inflated, mut rest) = (Vec::new(), body);
    let mut window = vec![0; 64 << 10];
    loop {
        let step = inflate(&mut state, rest, &mut window, MZFlush::None);
        rest = &rest[step.bytes_consumed..];
        if inflated.len() + step.bytes_written > allowed {
            return Err(TarError::Limit { what: "bytes", allowed });
        }
        inflated.extend_from_slice(&window[..step.bytes_written]);
        match step.status {
            Ok(MZStatus::StreamEnd) => break,
            Ok(_) if step.bytes_consumed + step.bytes_written > 0 => {}
            _ => return Err(TarError::Gzip("its deflate stream is invalid or cut off")),
        }
    }
    let number = |at: usize| {
        let bytes = rest.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_le_bytes)
    };
    let (Some(crc), Some(length), 8) = (number(0), number(4), rest.len()) else {
        return Err(TarError::Gzip("it is cut off, or something follows its only member"));
    };
    // The length is modulo 2^32, and ours is below that.
    if crc != crc32fast::hash(&inflated) || u32::try_from(inflated.len()) != Ok(length) {
        return Err(TarError::Gzip("its checksum or length is wrong"));
    }
    Ok(inflated)
}

/// What follows the header, or nothing if there is no header.
fn after_header(bytes: &[u8]) -> Option<&[u8]> {
    let [0x1f, 0x8b, 8, flags, _, _, _, _, _, _, rest @ ..] = bytes else { return None };
    if flags & RESERVED_FLAGS != 0 {
        return None;
    }
    let mut rest = rest;
    if flags & FLAG_EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for flag in [FLAG_NAME, FLAG_COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|&byte| byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & FLAG_HEADER_CRC != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}
