//! Deflating a file, always to the same bytes.

use std::io::{self, Read};

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::CompressionLevel;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, TDEFLStatus, compress};
use sha2::{Digest as _, Sha256};

use crate::Digest;

/// The one compressor: `miniz_oxide`, pinned in the workspace, at level 6.
///
/// Level 9 makes 3,521 files of two `node_modules` folders 0.2 % smaller, and
/// takes 1.6 times as long.
pub(super) struct Deflater {
    compressor: Box<CompressorOxide>,
    input: Box<[u8]>,
    output: Box<[u8]>,
}

/// What is known of a file once it has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measured {
    pub(super) size: u64,
    pub(super) deflated_size: u64,
    pub(super) crc32: u32,
    pub(super) content: Digest,
}

/// Why a file could not be deflated.
pub(super) enum DeflateError {
    /// The file could not be read.
    Source(io::Error),
    /// What takes the output could not.
    Sink(io::Error),
    /// The file has more bytes than it may; this many at least.
    TooLong(u64),
}

impl Deflater {
    // Part of what fixes the output: the input always comes in full blocks of
    // this length, however the source hands it out.
    const BLOCK_BYTES: usize = 64 << 10;

    pub(super) fn new() -> Self {
        let level = CompressionLevel::DefaultLevel;
        let block = || vec![0; Self::BLOCK_BYTES].into_boxed_slice();
        Self {
            compressor: Box::new(CompressorOxide::with_format_and_level(DataFormat::Raw, level)),
            input: block(),
            output: block(),
        }
    }

    /// Deflates `source` to its end, and hands the stream to `sink`.
    pub(super) fn deflate(
        &mut self,
        source: &mut impl Read,
        max_bytes: u64,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Measured, DeflateError> {
        self.compressor.reset();
        let (mut size, mut deflated_size) = (0, 0);
        let mut crc = crc32fast::Hasher::new();
        let mut sha256 = Sha256::new();
        loop {
            let filled = fill(source, &mut self.input).map_err(DeflateError::Source)?;
            let mut input = &self.input[..filled];
            size += filled as u64;
            if size > max_bytes {
                return Err(DeflateError::TooLong(size));
            }
            crc.update(input);
            sha256.update(input);
            let is_last = filled < Self::BLOCK_BYTES;
            let flush = if is_last { TDEFLFlush::Finish } else { TDEFLFlush::None };
            loop {
                let (status, consumed, written) =
                    compress(&mut self.compressor, input, &mut self.output, flush);
                input = &input[consumed..];
                deflated_size += written as u64;
                sink(&self.output[..written]).map_err(DeflateError::Sink)?;
                match status {
                    TDEFLStatus::Done => {
                        let content = Digest::from_bytes(sha256.finalize().into());
                        let crc32 = crc.finalize();
                        return Ok(Measured { size, deflated_size, crc32, content });
                    }
                    TDEFLStatus::Okay if input.is_empty() && !is_last => break,
                    TDEFLStatus::Okay => (),
                    // Neither the parameters nor the buffers depend on the input.
                    TDEFLStatus::BadParam | TDEFLStatus::PutBufFailed => {
                        return Err(DeflateError::Sink(io::Error::other("the compressor failed")));
                    }
                }
            }
        }
    }

    /// Hands `source` to `sink` as it is, if it still is what was `measured`.
    ///
    /// Otherwise the answer differs from `measured`, or is `TooLong`.
    pub(super) fn copy(
        &mut self,
        source: &mut impl Read,
        measured: &Measured,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<Measured, DeflateError> {
        let mut size = 0;
        let mut sha256 = Sha256::new();
        loop {
            let filled = fill(source, &mut self.input).map_err(DeflateError::Source)?;
            let input = &self.input[..filled];
            size += filled as u64;
            if size > measured.size {
                return Err(DeflateError::TooLong(size));
            }
            sha256.update(input);
            sink(input).map_err(DeflateError::Sink)?;
            if filled < Self::BLOCK_BYTES {
                let content = Digest::from_bytes(sha256.finalize().into());
                return Ok(Measured { size, content, ..*measured });
            }
        }
    }
}

impl std::fmt::Debug for Deflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deflater").finish_non_exhaustive()
    }
}

/// Reads until `buffer` is full or `source` ends.
fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => (),
            Err(err) => return Err(err),
        }
    }
    Ok(filled)
}
