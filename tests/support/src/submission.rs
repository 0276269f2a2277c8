//! Something to publish.

use std::io::Cursor;

use mcpkg_core::archive::{ArchivePath, Limits, Writer};
use mcpkg_core::provenance::Provenance;
use mcpkg_core::server_json::{self, ServerJson};
use mcpkg_core::{Digest, Platform, TreeDigest};
use serde_json::{Value, json};

use crate::sigstore::{Identity, ManagedKey, Provider, TestSigstore, surgery};

/// A release before it is signed: what is in its two documents, and its files.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The `server.json`.
    pub server: Value,
    /// The artifacts.
    pub artifacts: Vec<DraftArtifact>,
}

/// An artifact before it is packed.
#[derive(Clone, Debug)]
pub struct DraftArtifact {
    /// Its `manifest.json`.
    pub manifest: Value,
    /// Its other files, sorted by path.
    pub files: Vec<(String, Vec<u8>)>,
}

/// What is sent to publish a release.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The canonical `server.json`.
    pub server_json: Vec<u8>,
    /// The Sigstore bundles.
    pub bundles: Vec<Vec<u8>>,
    /// The artifacts.
    pub artifacts: Vec<Vec<u8>>,
}

impl Draft {
    /// A release of one small artifact for any platform.
    pub fn new(name: &str, version: &str) -> Self {
        let mut draft = Self::of_remotes(name, version);
        draft.artifacts.push(DraftArtifact::new(name, version));
        draft.server.as_object_mut().expect("it was made as an object").shift_remove("remotes");
        draft
    }

    /// A release without an artifact.
    pub fn of_remotes(name: &str, version: &str) -> Self {
        let server = json!({
            "$schema": server_json::SCHEMA,
            "name": name,
            "version": version,
            "description": "Forecasts for the next ten days",
            "remotes": [{ "type": "streamable-http", "url": "https://mcp.acme.example/" }],
        });
        Self { server, artifacts: Vec::new() }
    }

    /// Says what the server does.
    #[must_use]
    pub fn description(mut self, description: &str) -> Self {
        self.server["description"] = description.into();
        self
    }

    /// Adds a file of random-looking bytes to every artifact, which no
    /// compressor makes smaller.
    #[must_use]
    pub fn with_bytes(mut self, count: usize) -> Self {
        for artifact in &mut self.artifacts {
            artifact.files.push(("server/model.bin".to_owned(), noise(count)));
        }
        self
    }

    /// One artifact for each of these platforms.
    #[must_use]
    pub fn for_platforms(mut self, platforms: &[&str]) -> Self {
        let one = self.artifacts.first().cloned().expect("it has an artifact");
        self.artifacts = platforms
            .iter()
            .map(|platform| {
                let mut artifact = one.clone();
                artifact.manifest["_meta"] = json!({ "dev.mcpkg": { "platform": platform } });
                artifact
            })
            .collect();
        self
    }

    /// Packs and signs it, by one identity, over all of it.
    pub fn sign<P: Provider>(&self, sigstore: &TestSigstore, by: &Identity<P>) -> Submission {
        self.sign_by(|statement| sigstore.sign_statement(by, statement))
    }

    /// Packs and signs it, with a key instead of an identity.
    pub fn sign_with_key(&self, sigstore: &TestSigstore, key: &ManagedKey) -> Submission {
        let hint = key.subject();
        self.sign_by(|statement| sigstore.sign_statement_with_key(key, statement, &hint))
    }

    fn sign_by(&self, sign: impl FnOnce(&[u8]) -> String) -> Submission {
        let server = serde_json::to_vec(&self.server).expect("JSON can be written");
        let server = ServerJson::read_strict(&server).expect("the draft is a server.json");
        let packed: Vec<_> = self.artifacts.iter().map(DraftArtifact::pack).collect();
        let subjects: Vec<_> = packed
            .iter()
            .map(|(platform, bytes, tree)| (*platform, Digest::of(bytes), *tree))
            .collect();
        let statement = Provenance {
            name: server.name(),
            version: server.version(),
            metadata: server.digest(),
            artifacts: &subjects,
            build: None,
            recipe: None,
            path: None,
        }
        .statement()
        .to_string();
        Submission {
            server_json: server.canonical().to_vec(),
            bundles: vec![sign(statement.as_bytes()).into_bytes()],
            artifacts: packed.into_iter().map(|(_, bytes, _)| bytes).collect(),
        }
    }
}

impl DraftArtifact {
    fn new(name: &str, version: &str) -> Self {
        let short = name.rsplit('/').next().unwrap_or(name);
        Self {
            manifest: json!({
                "manifest_version": "0.3",
                "name": short,
                "version": version,
                "description": "Forecasts for the next ten days",
                "author": { "name": "Acme" },
                "server": {
                    "type": "node",
                    "entry_point": "server/index.js",
                    "mcp_config": {
                        "command": "node",
                        "args": ["${__dirname}/server/index.js"],
                    },
                },
            }),
            files: vec![("server/index.js".to_owned(), b"console.log('hello')\n".to_vec())],
        }
    }

    fn pack(&self) -> (Platform, Vec<u8>, TreeDigest) {
        let manifest = self.manifest.to_string().into_bytes();
        let platform = self.manifest.pointer("/_meta/dev.mcpkg/platform").and_then(Value::as_str);
        let platform = platform.unwrap_or("any").parse().expect("the draft names a platform");
        let mut writer = Writer::new(Vec::new(), &Limits::default());
        let all = std::iter::once(("manifest.json", &manifest))
            .chain(self.files.iter().map(|(path, content)| (path.as_str(), content)));
        for (path, content) in all {
            let path: ArchivePath = path.parse().expect("the draft has paths");
            writer.add(&path, false, &mut Cursor::new(content)).expect("the draft can be packed");
        }
        let packed = writer.finish().expect("the draft can be packed");
        (platform, packed.output, packed.tree)
    }
}

impl Submission {
    /// The same, with evidence in which `change` was made before it was signed.
    #[must_use]
    pub fn restated<P: Provider>(
        mut self,
        sigstore: &TestSigstore,
        by: &Identity<P>,
        change: impl FnOnce(&mut Value),
    ) -> Self {
        let bundle = serde_json::from_slice(&self.bundles[0]).expect("a bundle is JSON");
        let payload = surgery::bytes(&bundle, surgery::PAYLOAD);
        let mut statement = serde_json::from_slice(&payload).expect("a statement is JSON");
        change(&mut statement);
        let statement = statement.to_string();
        self.bundles = vec![sigstore.sign_statement(by, statement.as_bytes()).into_bytes()];
        self
    }

    /// The digest of the artifact at `index`.
    pub fn artifact(&self, index: usize) -> Digest {
        Digest::of(&self.artifacts[index])
    }
}

/// Bytes that repeat nowhere: those of a xorshift generator.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(count).collect()
}
