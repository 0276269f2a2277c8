//! What PyPI publishes beside a file: attestations, as PEP 740 has them.

use mcpkg_core::evidence::BuildClaims;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use url::Url;

use crate::closure::Member;
use crate::error::{Result, UpstreamError};
use crate::fetch::{Client, below};
use crate::server::plain;

/// The form of PyPI's list of files that names their provenance (PEP 691, PEP 740).
pub(super) const SIMPLE: &str = "application/vnd.pypi.simple.v1+json";
/// The type of what is signed.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A bundle, and who signed it by PyPI's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stated {
    /// The attestation as a Sigstore bundle.
    pub bundle: Vec<u8>,
    /// Who signed it.
    pub publisher: StatedPublisher,
}

/// A publisher, as PyPI names it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct StatedPublisher {
    kind: String,
    #[serde(default)]
    repository: Option<String>,
    #[serde(default)]
    workflow: Option<String>,
    #[serde(default)]
    environment: Option<String>,
}

#[derive(Deserialize)]
struct Project {
    files: Vec<ProjectFile>,
}

#[derive(Deserialize)]
struct ProjectFile {
    filename: String,
    #[serde(default)]
    provenance: Option<String>,
}

#[derive(Deserialize)]
struct Provenance {
    attestation_bundles: Vec<AttestationBundle>,
}

#[derive(Deserialize)]
struct AttestationBundle {
    publisher: StatedPublisher,
    attestations: Vec<Attestation>,
}

#[derive(Deserialize)]
struct Attestation {
    version: u64,
    verification_material: Material,
    envelope: Envelope,
}

#[derive(Deserialize)]
struct Material {
    certificate: String,
    transparency_entries: Vec<Box<RawValue>>,
    /// Not in version 1, whose logs say the time themselves; those of version 2 do not.
    #[serde(default)]
    timestamp_verification_data: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Envelope {
    statement: String,
    signature: String,
}

/// The attestations that `index` has for a wheel. None is an answer: most have none.
///
/// # Errors
///
/// Those of [`Client::document`]; [`UpstreamError::Nonsense`]; [`UpstreamError::Address`]
/// if they are on another server than the index.
pub fn attestations(member: &Member, index: &Url, client: &Client) -> Result<Vec<Stated>> {
    let url = below(index, &[member.release.package().name(), ""]);
    let nonsense = |url: &Url, expected| UpstreamError::Nonsense { url: url.to_string(), expected };
    let Some(body) = client.document(&url, SIMPLE)? else { return Ok(Vec::new()) };
    // An index that only speaks HTML, as it was before 2022, has no attestations.
    let Ok(project) = serde_json::from_slice::<Project>(&body) else { return Ok(Vec::new()) };
    let file = project.files.into_iter().find(|file| file.filename == member.place);
    let Some(address) = file.and_then(|file| file.provenance) else { return Ok(Vec::new()) };
    let address = url.join(&address).map_err(|_| nonsense(&url, "an address"))?;
    if address.origin() != index.origin() {
        let what = "on another server than the index";
        return Err(UpstreamError::Address { url: address.to_string(), what });
    }
    let Some(body) = client.document(&address, "application/json")? else { return Ok(Vec::new()) };
    read(&body).ok_or_else(|| nonsense(&address, "the provenance of a file"))
}

/// The bundles in a provenance object; nothing if it is none.
pub fn read(body: &[u8]) -> Option<Vec<Stated>> {
    let provenance: Provenance = serde_json::from_slice(body).ok()?;
    let mut stated = Vec::new();
    for bundle in provenance.attestation_bundles {
        for attestation in bundle.attestations {
            let bundle_bytes = to_bundle(&attestation)?.to_string().into_bytes();
            stated.push(Stated { bundle: bundle_bytes, publisher: bundle.publisher.clone() });
        }
    }
    Some(stated)
}

/// An attestation as a Sigstore bundle: the same parts under other names.
///
/// Source: PEP 740, "Attestation object"; sigstore-python's conversion.
fn to_bundle(attestation: &Attestation) -> Option<Value> {
    if attestation.version != 1 {
        return None;
    }
    let Attestation { verification_material: material, envelope, .. } = attestation;
    let entries: Option<Vec<Value>> = material
        .transparency_entries
        .iter()
        .map(|it| serde_json::from_str(it.get()).ok())
        .collect();
    let timestamps: Option<Value> = match &material.timestamp_verification_data {
        Some(timestamps) => Some(serde_json::from_str(timestamps.get()).ok()?),
        None => None,
    };
    let mut verification = json!({
        "certificate": { "rawBytes": material.certificate },
        "tlogEntries": entries?,
    });
    if let (Some(timestamps), Some(fields)) = (timestamps, verification.as_object_mut()) {
        fields.insert("timestampVerificationData".to_owned(), timestamps);
    }
    Some(json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": verification,
        "dsseEnvelope": {
            "payload": envelope.statement,
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{ "sig": envelope.signature }],
        },
    }))
}

impl StatedPublisher {
    /// Whether the certificate names this publisher. Where PyPI knows a kind of publisher
    /// that is not known here, the certificate's word stands alone.
    pub fn is(&self, build: Option<&BuildClaims>) -> bool {
        let (forge, folder) = match self.kind.as_str() {
            "GitHub" => ("https://github.com", ".github/workflows/"),
            "GitLab" => ("https://gitlab.com", ""),
            _ => return true,
        };
        let (Some(build), Some(repository)) = (build, &self.repository) else { return false };
        let is_source = build
            .source_repository
            .as_deref()
            .is_some_and(|source| source.eq_ignore_ascii_case(&format!("{forge}/{repository}")));
        let is_workflow = self.workflow.as_ref().is_none_or(|workflow| {
            let named = format!("/{folder}{workflow}@");
            build.build_config_uri.as_deref().is_some_and(|uri| uri.contains(&named))
        });
        let environment = self.environment.as_ref().filter(|name| !name.is_empty());
        let is_environment =
            environment.is_none_or(|name| build.environment.as_ref() == Some(name));
        is_source && is_workflow && is_environment
    }
}

impl std::fmt::Display for StatedPublisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = [Some(&self.kind), self.repository.as_ref(), self.workflow.as_ref()];
        let words: Vec<_> = parts.into_iter().flatten().map(|part| plain(part, 100)).collect();
        f.write_str(&words.join(" "))
    }
}
