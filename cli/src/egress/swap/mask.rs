//! Masking secrets in bytes that arrive piece by piece.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use memchr::memmem;

use super::{Brokered, Site};

/// Masks the secrets of one site. What goes out is as long as what came in, and is
/// held back only while it could be the beginning of a secret.
pub(super) struct Mask {
    site: Arc<Site>,
    held: BytesMut,
    /// Whether a secret was there.
    pub(super) has_masked: bool,
}

impl Mask {
    pub(super) fn new(site: Arc<Site>) -> Self {
        Self { site, held: BytesMut::new(), has_masked: false }
    }

    /// How many bytes are held back.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes the next piece, and gives what is known to be none of a secret.
    pub(super) fn push(&mut self, piece: Bytes) -> Bytes {
        let is_untouched = self.held.is_empty() && !self.site.is_in(&piece);
        let held = self.site.beginning_at_the_end_of(&piece);
        if is_untouched && held == 0 {
            return piece;
        }
        self.held.extend_from_slice(&piece);
        self.has_masked |= self.site.mask(&mut self.held);
        let held = self.site.beginning_at_the_end_of(&self.held);
        self.held.split_to(self.held.len() - held).freeze()
    }

    /// Gives what was held back, when nothing follows.
    pub(super) fn finish(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

impl Site {
    fn values(&self) -> impl Iterator<Item = &[u8]> {
        self.secrets.iter().map(Brokered::value)
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        self.values().any(|value| memmem::find(bytes, value).is_some())
    }

    /// Overwrites each secret in `bytes` with asterisks. Says whether there was one.
    pub(super) fn mask(&self, bytes: &mut [u8]) -> bool {
        let mut has_masked = false;
        for value in self.values() {
            while let Some(at) = memmem::find(bytes, value) {
                bytes[at..at + value.len()].fill(b'*');
                has_masked = true;
            }
        }
        has_masked
    }

    /// The length of the longest end of `bytes` that a secret begins with, and that
    /// is none by itself.
    fn beginning_at_the_end_of(&self, bytes: &[u8]) -> usize {
        let longest = |value: &[u8]| {
            let most = bytes.len().min(value.len() - 1);
            (1..=most).rev().find(|length| bytes.ends_with(&value[..*length])).unwrap_or(0)
        };
        self.values().map(longest).max().unwrap_or(0)
    }
}
