//! The statement about an artifact that was made of another ecosystem's package.
//!
//! It is SLSA provenance too, of a build type of its own: what went into the artifact are
//! its resolved dependencies, each by the digest that it was held to, and what was found
//! attested of the package stands beside them. Whoever imported it signs that this is what
//! they did; who built the package upstream is in the evidence that the artifact carries.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{IMPORT_BUILD_TYPE, Provenance};
use crate::Digest;

/// How an artifact was made of another ecosystem's package: left beside it by whoever made
/// it, for whoever signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportRecord {
    /// The artifact.
    pub artifact: Digest,
    /// The release upstream, such as `npm:@acme/weather@1.2.0`.
    pub upstream: String,
    /// The address of the registry that it came from.
    pub registry: String,
    /// What was attested of it there, by the digests of the bundles. The artifact has them.
    pub evidence: Vec<Digest>,
    /// Every file that went into the artifact.
    pub files: Vec<ImportedFile>,
}

/// One file that went into an artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImportedFile {
    /// What it is, as a package URL.
    pub uri: String,
    /// The name of its digest in statements: `sha512` or `sha256`.
    pub algorithm: String,
    /// The digest, in hex.
    pub digest: String,
}

impl ImportRecord {
    /// The name of its file, beside the artifact.
    pub const FILE: &str = "mcpkg-import.json";

    /// The longest file, in bytes: 200 for each of some thousand packages.
    pub const MAX_BYTES: usize = 4 << 20;

    /// The statement about the artifacts of `provenance`, as JSON.
    pub fn statement(&self, provenance: &Provenance<'_>) -> Value {
        let mut statement = provenance.statement();
        let files = self.files.iter().map(
            |file| json!({ "uri": file.uri, "digest": { file.algorithm.as_str(): file.digest } }),
        );
        let evidence: Vec<_> =
            self.evidence.iter().map(|it| json!({ "sha256": it.to_hex() })).collect();
        if let Some(build) = statement.pointer_mut("/predicate/buildDefinition")
            && let Some(fields) = build.as_object_mut()
        {
            fields.insert("buildType".to_owned(), json!(IMPORT_BUILD_TYPE));
            let found = json!({ "registry": self.registry, "evidence": evidence });
            fields.insert("internalParameters".to_owned(), found);
            if let Some(Value::Object(parameters)) = fields.get_mut("externalParameters") {
                parameters.insert("upstream".to_owned(), json!(self.upstream));
            }
            if let Some(Value::Array(dependencies)) = fields.get_mut("resolvedDependencies") {
                dependencies.extend(files);
            }
        }
        statement
    }
}
