//! Standard base64 with padding (RFC 4648 section 4), in its one canonical form.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes, or `None` for text that [`encode`] would not have written.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
