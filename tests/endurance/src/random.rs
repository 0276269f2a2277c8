//! Chance that can be repeated.

use std::ops::Range;

/// A generator of numbers that look random: `SplitMix64`. The same seed gives the
/// same numbers, so what it finds can be looked for again.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators"
/// (OOPSLA 2014), figure 17.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A generator of its own, for another task.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number of `range`, which is not empty. Slightly more often a small one,
    /// which matters to nobody here.
    pub(crate) fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// True once in `times`.
    pub(crate) fn once_in(&mut self, times: u64) -> bool {
        self.within(0..times) == 0
    }

    /// One of `all`; nothing if there is none.
    pub(crate) fn pick<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let count = all.len() as u64;
        if count == 0 {
            return None;
        }
        all.get(usize::try_from(self.within(0..count)).unwrap_or(0))
    }
}
