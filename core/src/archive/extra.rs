//! Extra fields: the two that mean nothing to us, and all others.

use super::entry::EntryKind;
use super::flaw::EntryFlaw;

/// Extended timestamps of Info-ZIP and yazl: a byte of flags and three times at most.
const TIMESTAMPS: (u16, usize) = (0x5455, 13);
/// Owner and group of Info-ZIP: a version and two lengths, and two ids.
const OWNER: (u16, usize) = (0x7875, 19);
/// zip64: sizes that replace those in the header.
const ZIP64: u16 = 0x0001;
/// PKWARE's Unix field, which can say what a link points to.
const PKWARE_UNIX: u16 = 0x000D;

/// The longest extra fields that [`check`] accepts, with a header of 4 bytes each.
pub(super) const MAX_LEN: usize = 4 + TIMESTAMPS.1 + 4 + OWNER.1;

/// Why extra fields are refused.
pub(super) enum ExtraError {
    Flaw(EntryFlaw),
    Kind(EntryKind),
}

/// Accepts extra fields that cannot change what an entry is.
///
/// An allow-list, because any field may: 0x7075 renames the entry, 0x0001 moves
/// its data, 0x9901 encrypts it, and others are yet to be invented.
///
/// Source: APPNOTE.TXT section 4.5; Info-ZIP `proginfo/extrafld.txt`.
pub(super) fn check(mut bytes: &[u8]) -> Result<(), ExtraError> {
    let malformed = || ExtraError::Flaw(EntryFlaw::MalformedExtra);
    let mut seen = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<4>() {
        let id = u16::from_le_bytes([header[0], header[1]]);
        let len = usize::from(u16::from_le_bytes([header[2], header[3]]));
        let max_len = match id {
            _ if id == TIMESTAMPS.0 => TIMESTAMPS.1,
            _ if id == OWNER.0 => OWNER.1,
            ZIP64 => return Err(ExtraError::Flaw(EntryFlaw::Zip64)),
            PKWARE_UNIX => return Err(ExtraError::Kind(EntryKind::Link)),
            _ => return Err(ExtraError::Flaw(EntryFlaw::ExtraField(id))),
        };
        if len > max_len || len > rest.len() || seen.contains(&id) {
            return Err(malformed());
        }
        seen.push(id);
        bytes = &rest[len..];
    }
    if bytes.is_empty() { Ok(()) } else { Err(malformed()) }
}
