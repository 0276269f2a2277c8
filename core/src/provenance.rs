//! The statement that an author signs: SLSA provenance over a release.
//!
//! Sources: [in-toto Statement v1][statement], [SLSA provenance v1][slsa].
//!
//! [statement]: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
//! [slsa]: https://slsa.dev/spec/v1.0/provenance

mod import;

use serde_json::{Value, json};

use crate::archive::ArchivePath;
use crate::evidence::BuildClaims;
use crate::project::Recipe;
use crate::{Digest, PackageName, Platform, TreeDigest, Version};

pub use import::{ImportRecord, ImportedFile};

/// The type of an in-toto statement, version 1.
pub const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";

/// The type of SLSA provenance, version 1.
pub const SLSA_V1: &str = "https://slsa.dev/provenance/v1";

/// The media type of a statement in an envelope.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The type of our own builds: `mcpkg pack`, then `mcpkg publish`. Its external
/// parameters are described in `schemas/README.md`.
pub const PACK_BUILD_TYPE: &str = "https://mcpkg.dev/build-types/pack/v1";

/// The type of builds that make an artifact of another ecosystem's package, see
/// `docs/importing.md`. Its dependencies are every file that went into it, by digest.
pub const IMPORT_BUILD_TYPE: &str = "https://mcpkg.dev/build-types/import/v1";

/// What is added to an artifact's file name to name its tree as a subject.
///
/// The subject's digest is the SHA-256 of the tree's listing, so that it needs
/// no digest algorithm that other verifiers would have to know.
pub const TREE_SUFFIX: &str = ".tree";

/// The file name of the canonical `server.json`, as packed and as a subject.
pub const SERVER_JSON: &str = "server.json";

/// What is to be signed about a release.
#[derive(Clone, Copy, Debug)]
pub struct Provenance<'a> {
    /// The package.
    pub name: &'a PackageName,
    /// Which release of it.
    pub version: &'a Version,
    /// The digest of the canonical `server.json`.
    pub metadata: Digest,
    /// The artifacts, each with its platform and tree.
    pub artifacts: &'a [(Platform, Digest, TreeDigest)],
    /// What the CI's token says about the build, where there is one.
    pub build: Option<&'a BuildClaims>,
    /// How the artifacts were built, where that was declared.
    pub recipe: Option<&'a Recipe>,
    /// The source folder, from the root of its repository; `None` is the root.
    pub path: Option<&'a ArchivePath>,
}

impl Provenance<'_> {
    /// The statement, as JSON. Two calls with equal values give equal text.
    pub fn statement(&self) -> Value {
        let mut subjects = vec![subject(SERVER_JSON, self.metadata)];
        for (platform, artifact, tree) in self.artifacts {
            let file = artifact_file_name(self.name, self.version, *platform);
            subjects.push(subject(&file, *artifact));
            subjects.push(subject(&format!("{file}{TREE_SUFFIX}"), tree.of_listing()));
        }
        json!({
            "_type": STATEMENT_V1,
            "subject": subjects,
            "predicateType": SLSA_V1,
            "predicate": {
                "buildDefinition": self.build_definition(),
                "runDetails": self.run_details(),
            },
        })
    }

    fn build_definition(&self) -> Value {
        let mut parameters = json!({ "name": self.name, "version": self.version });
        let mut dependencies = Vec::new();
        if let Some(fields) = parameters.as_object_mut() {
            if let Some(recipe) = self.recipe {
                fields.insert("build".to_owned(), json!(recipe));
            }
            if let Some(path) = self.path {
                fields.insert("source".to_owned(), json!({ "path": path }));
            }
        }
        let source = self.build.and_then(|claims| {
            Some((claims, claims.source_repository.as_ref()?, claims.source_ref.as_ref()?))
        });
        if let Some((claims, repository, git_ref)) = source {
            if let Some(commit) = &claims.source_commit {
                let uri = format!("git+{repository}@{git_ref}");
                dependencies.push(json!({ "uri": uri, "digest": { "gitCommit": commit } }));
            }
            if let (Some(uri), Some(fields)) =
                (&claims.build_config_uri, parameters.as_object_mut())
            {
                let workflow = json!({ "repository": repository, "ref": git_ref, "uri": uri });
                fields.insert("workflow".to_owned(), workflow);
            }
        }
        json!({
            "buildType": PACK_BUILD_TYPE,
            "externalParameters": parameters,
            "internalParameters": {},
            "resolvedDependencies": dependencies,
        })
    }

    fn run_details(&self) -> Value {
        let claim = |get: fn(&BuildClaims) -> &Option<String>| {
            self.build.and_then(|claims| get(claims).clone())
        };
        let builder = claim(|claims| &claims.build_signer_uri)
            .unwrap_or_else(|| "https://mcpkg.dev/builders/unattested".to_owned());
        let mut details = json!({ "builder": { "id": builder } });
        if let (Some(run), Some(fields)) =
            (claim(|claims| &claims.run_uri), details.as_object_mut())
        {
            fields.insert("metadata".to_owned(), json!({ "invocationId": run }));
        }
        details
    }
}

/// The file name of an artifact: `weather-1.2.0.mcpb`, and with the platform
/// where it is for one, `weather-1.2.0-linux-x86_64.mcpb`.
pub fn artifact_file_name(name: &PackageName, version: &Version, platform: Platform) -> String {
    match platform {
        Platform::Any => format!("{}-{version}.mcpb", name.short()),
        Platform::Of(..) => format!("{}-{version}-{platform}.mcpb", name.short()),
    }
}

fn subject(name: &str, digest: Digest) -> Value {
    json!({ "name": name, "digest": { "sha256": digest.to_hex() } })
}
