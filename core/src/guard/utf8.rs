//! UTF-8, a byte at a time.

use super::message::Fault;

/// A character outside ASCII that has begun.
///
/// Source: The Unicode Standard, table 3-7: without overlong forms, which a careless
/// reader takes for quotes, and without surrogates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Utf8 {
    /// How many bytes are to come.
    left: u8,
    /// The least and the largest that the next one may be.
    next: (u8, u8),
}

impl Utf8 {
    pub(super) fn is_open(self) -> bool {
        self.left > 0
    }

    pub(super) fn take(&mut self, byte: u8) -> Result<(), Fault> {
        if self.left > 0 {
            if byte < self.next.0 || byte > self.next.1 {
                return Err(Fault::Utf8);
            }
            *self = Self { left: self.left - 1, next: (0x80, 0xbf) };
            return Ok(());
        }
        let (left, next) = match byte {
            0xc2..=0xdf => (1, (0x80, 0xbf)),
            0xe0 => (2, (0xa0, 0xbf)),
            0xed => (2, (0x80, 0x9f)),
            0xe1..=0xef => (2, (0x80, 0xbf)),
            0xf0 => (3, (0x90, 0xbf)),
            0xf1..=0xf3 => (3, (0x80, 0xbf)),
            0xf4 => (3, (0x80, 0x8f)),
            _ => return Err(Fault::Utf8),
        };
        *self = Self { left, next };
        Ok(())
    }
}
