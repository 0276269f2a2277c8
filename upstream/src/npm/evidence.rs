//! What npm publishes beside a package.

use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::Release;
use crate::error::{Result, UpstreamError};
use crate::fetch::{Client, below};

/// npm's keys for its publish attestations, as its TUF repository has them.
pub const KEYS: &str = include_str!("keys.json");

/// What the predicate types start with that are known here.
///
/// What else npm may come to publish says nothing yet, and is left alone.
const KNOWN: [&str; 2] =
    ["https://slsa.dev/provenance/", "https://github.com/npm/attestation/tree/main/specs/publish/"];

#[derive(Deserialize)]
struct Answer {
    attestations: Vec<Attestation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attestation {
    predicate_type: String,
    bundle: Box<RawValue>,
}

/// The bundles that `registry` has for `release`. None at all is an answer: most packages
/// have none, and many mirrors leave them out.
///
/// # Errors
///
/// Those of [`Client::document`]; [`UpstreamError::Nonsense`].
pub fn bundles(release: &Release, registry: &Url, client: &Client) -> Result<Vec<Vec<u8>>> {
    let what = format!("{}@{}", release.package().name(), release.version());
    // The scope's slash is part of the one segment that names the release.
    let url = below(registry, &["-", "npm", "v1", "attestations", &what]);
    let Some(body) = client.document(&url, "application/json")? else { return Ok(Vec::new()) };
    let answer: Answer = serde_json::from_slice(&body).map_err(|_| UpstreamError::Nonsense {
        url: url.to_string(),
        expected: "a list of attestations",
    })?;
    let is_known =
        |it: &Attestation| KNOWN.iter().any(|known| it.predicate_type.starts_with(known));
    let known = answer.attestations.into_iter().filter(is_known);
    Ok(known.map(|it| it.bundle.get().as_bytes().to_vec()).collect())
}
