//! From the text in columns to domain values, and back.

use std::error::Error;
use std::str::FromStr;

use jiff::Timestamp;
use mcpkg_core::domain::DomainProof;
use mcpkg_core::publisher::Publisher;

use super::StoreError;
use super::error::corrupt;

/// Parses a column. A value that does not parse is an error, never a default.
pub(super) fn parse<T>(column: &'static str, text: &str) -> Result<T, StoreError>
where
    T: FromStr,
    T::Err: Error + Send + Sync + 'static,
{
    text.parse().map_err(corrupt(column))
}

/// Reads a publisher from its JSON.
pub(super) fn publisher(column: &'static str, json: &str) -> Result<Publisher, StoreError> {
    serde_json::from_str(json).map_err(corrupt(column))
}

/// Writes a publisher as JSON.
pub(super) fn publisher_json(publisher: &Publisher) -> Result<String, StoreError> {
    serde_json::to_string(publisher).map_err(corrupt("binding.publisher"))
}

/// Reads what a domain said, from its JSON.
pub(super) fn proof(json: Option<&str>) -> Result<Option<DomainProof>, StoreError> {
    json.map(|json| serde_json::from_str(json).map_err(corrupt("binding.authority"))).transpose()
}

/// Writes what a domain said, as JSON.
pub(super) fn proof_json(proof: Option<&DomainProof>) -> Result<Option<String>, StoreError> {
    let json = |proof| serde_json::to_string(proof).map_err(corrupt("binding.authority"));
    proof.map(json).transpose()
}

/// Reads a size or a position.
pub(super) fn unsigned(column: &'static str, number: i64) -> Result<u64, StoreError> {
    number.try_into().map_err(corrupt(column))
}

/// Writes a size or a position.
pub(super) fn signed(column: &'static str, number: u64) -> Result<i64, StoreError> {
    number.try_into().map_err(corrupt(column))
}

/// Writes a time to the whole second: at one precision, text sorts as time.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_text() {
        let text = |at: &str| time(at.parse().unwrap());
        assert_eq!(text("2026-11-01T00:00:00.999Z"), "2026-11-01T00:00:00Z");
        assert!(text("2026-11-01T00:00:00Z") < text("2026-11-01T00:00:01Z"));
    }
}
