//! Inflating one file at a time, with one buffer for all.

use std::ops::Range;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress_with_limit, inflate_flags};

/// A deflate decoder and the window that it writes to.
pub(super) struct Inflater {
    decoder: Box<DecompressorOxide>,
    // A power of two, and at least the 32 KiB that a match may reach back.
    window: Box<[u8]>,
    position: usize,
    // Whether `position` has come around, so that all of `window` is this file's.
    has_wrapped: bool,
}

/// What one step gave: bytes of the window, how much input it took, and
/// whether that was the end of the stream.
pub(super) struct Step {
    pub(super) written: Range<usize>,
    pub(super) consumed: usize,
    pub(super) is_end: bool,
}

/// The input is no deflate stream, or ends before the stream does.
pub(super) struct InvalidStream;

impl Inflater {
    const WINDOW_BYTES: usize = 64 << 10;

    pub(super) fn new() -> Self {
        Self {
            decoder: Box::default(),
            window: vec![0; Self::WINDOW_BYTES].into_boxed_slice(),
            position: 0,
            has_wrapped: false,
        }
    }

    /// Forgets the stream before.
    pub(super) fn reset(&mut self) {
        self.decoder.init();
        self.position = 0;
        self.has_wrapped = false;
    }

    pub(super) fn window(&self) -> &[u8] {
        &self.window
    }

    /// The window, for a file that is not compressed.
    pub(super) fn window_mut(&mut self) -> &mut [u8] {
        &mut self.window
    }

    /// Inflates some of `input`, at most `max_bytes` of output.
    ///
    /// `is_last` says that there is no input after this.
    pub(super) fn step(
        &mut self,
        input: &[u8],
        max_bytes: usize,
        is_last: bool,
    ) -> Result<Step, InvalidStream> {
        if self.position == Self::WINDOW_BYTES {
            self.position = 0;
            self.has_wrapped = true;
        }
        let mut flags = inflate_flags::TINFL_FLAG_IGNORE_ADLER32;
        if !is_last {
            flags |= inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
        }
        if !self.has_wrapped {
            // A match may then not reach behind the first byte. Without this
            // the decoder would take what the window held before: another
            // file's bytes, where every other reader reports an error.
            flags |= inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        }
        let (status, consumed, written) = decompress_with_limit(
            &mut self.decoder,
            input,
            &mut self.window,
            self.position,
            max_bytes,
            flags,
        );
        let is_end = match status {
            TINFLStatus::Done => true,
            // Without progress a caller would come back for ever.
            TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput if consumed + written > 0 => {
                false
            }
            _ => return Err(InvalidStream),
        };
        let written = self.position..self.position + written;
        self.position = written.end;
        Ok(Step { written, consumed, is_end })
    }
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("position", &self.position).finish_non_exhaustive()
    }
}
