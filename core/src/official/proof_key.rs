//! The key that speaks for a domain.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const RECORD_VERSION: &str = "v=MCPv1";
/// The longest record: a P-384 key needs 90 bytes, and a TXT record may be in parts.
const MAX_RECORD_LEN: usize = 512;

/// A public key that a domain lists for those who publish in its namespace:
/// `v=MCPv1; k=ed25519; p=<base64>`, in a TXT record of the domain itself, or at
/// [`PROOF_PATH`](super::PROOF_PATH) of its host.
///
/// Source: the MCP registry's guide to DNS and HTTP authentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofKey {
    /// An Ed25519 key (RFC 8032).
    Ed25519([u8; 32]),
    /// A point of NIST P-384, compressed (SEC 1, section 2.3.3).
    EcdsaP384([u8; 49]),
}

/// Why a record has no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofKeyError {
    /// It is longer than any we know.
    #[error("the record is {0} bytes long, expected at most {MAX_RECORD_LEN}")]
    Length(usize),
    /// A part is none that we know, is missing or comes twice.
    #[error("`{}` has no place in the record", .0.escape_debug())]
    Part(String),
    /// The algorithm is none that we know, or there is none.
    #[error("the record's `k` is neither `ed25519` nor `ecdsap384`")]
    Algorithm,
    /// The key is not base64, or not as long as one of its algorithm.
    #[error("the record's `p` is no key of its algorithm")]
    Key,
}

impl ProofKey {
    /// Reads one record. `None` is a record about something else.
    ///
    /// # Errors
    ///
    /// [`ProofKeyError`] if it is meant for us, and wrong.
    pub fn parse(record: &str) -> Result<Option<Self>, ProofKeyError> {
        let mut parts = record.trim().split(';').map(str::trim);
        if parts.next() != Some(RECORD_VERSION) {
            return Ok(None);
        }
        if record.len() > MAX_RECORD_LEN {
            return Err(ProofKeyError::Length(record.len()));
        }
        let (mut algorithm, mut key) = (None, None);
        for part in parts.filter(|part| !part.is_empty()) {
            let unknown = || ProofKeyError::Part(part.chars().take(80).collect());
            let place = match part.split_once('=').ok_or_else(unknown)? {
                ("k", value) => algorithm.replace(value.trim()),
                // The padding of base64 has the same sign.
                ("p", value) => key.replace(value.trim()),
                _ => return Err(unknown()),
            };
            if place.is_some() {
                return Err(unknown());
            }
        }
        let bytes = STANDARD.decode(key.unwrap_or_default()).map_err(|_| ProofKeyError::Key)?;
        match algorithm {
            Some("ed25519") => bytes.try_into().map(Self::Ed25519).map_err(|_| ProofKeyError::Key),
            Some("ecdsap384") => {
                let point: [u8; 49] = bytes.try_into().map_err(|_| ProofKeyError::Key)?;
                let is_compressed = matches!(point[0], 2 | 3);
                is_compressed.then_some(Self::EcdsaP384(point)).ok_or(ProofKeyError::Key)
            }
            _ => Err(ProofKeyError::Algorithm),
        }
        .map(Some)
    }
}
