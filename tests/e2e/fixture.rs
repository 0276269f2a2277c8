//! A Sigstore, a registry with one package in it, and people who use them.

use mcpkg_core::archive::{Archive, Limits};
use mcpkg_core::{Digest, Platform};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Draft, LyingRegistry, Submission, TestRegistry, World, world};
use serde_json::{Value, json};

pub(crate) const NAME: &str = "io.github.acme/weather";

/// A Sigstore and a registry that trusts it.
pub(crate) struct Fixture {
    pub(crate) sigstore: TestSigstore,
    pub(crate) registry: TestRegistry,
}

/// The workflow that releases Acme's weather server, from a tag.
pub(crate) fn acme() -> Identity {
    Identity::github("acme/weather").git_ref("refs/tags/v1.2.0")
}

impl Fixture {
    /// A registry that holds nothing.
    pub(crate) fn empty() -> Self {
        let sigstore = TestSigstore::start();
        let registry = TestRegistry::start(&sigstore.trusted_root_json());
        Self { sigstore, registry }
    }

    /// A registry that holds Acme's weather server, 1.2.0.
    pub(crate) fn with_weather() -> Self {
        let fixture = Self::empty();
        fixture.registry.accept(&fixture.weather("1.2.0"));
        fixture
    }

    /// A release of Acme's weather server, signed by Acme.
    pub(crate) fn weather(&self, version: &str) -> Submission {
        Draft::new(NAME, version).sign(&self.sigstore, &acme())
    }

    /// A person who uses the registry at `url` as their company's own, and has
    /// Claude Code.
    pub(crate) fn developer_at(&self, url: &str) -> World {
        let world = self.stranger_at(url, &["--private"]);
        world.file(".claude.json", "{}\n");
        world
    }

    /// A person who uses the registry.
    pub(crate) fn developer(&self) -> World {
        self.developer_at(self.registry.url())
    }

    /// A person who adds the registry at `url` with these flags.
    pub(crate) fn stranger_at(&self, url: &str, flags: &[&str]) -> World {
        let world = world!();
        world.file("trusted_root.json", self.sigstore.trusted_root_json());
        let args = ["registry", "add", "test", url, "--no-public-good"];
        let root = ["--trusted-root", "trusted_root.json", "--trust-for", "*"];
        world.ok(&[args.as_slice(), &root, flags].concat());
        world
    }

    /// A CI job of `identity`, which uses the registry and may get tokens.
    pub(crate) fn ci(&self, identity: &Identity) -> World {
        let mut world = self.stranger_at(self.registry.url(), &["--private"]);
        let config = world.file("signing_config.json", self.sigstore.signing_config_json());
        world.set(self.sigstore.github_environment(identity));
        world.set([("MCPKG_SIGNING_CONFIG".to_owned(), config.display().to_string())]);
        world
    }

    /// The registry with somebody in between, who edits its release documents.
    pub(crate) fn edited(
        &self,
        edit: impl Fn(&mut Value) + Send + Sync + 'static,
    ) -> LyingRegistry {
        LyingRegistry::start(self.registry.url(), move |path, answer| {
            if is_release(path) && answer.status == 200 { answer.edit(&edit) } else { answer }
        })
    }

    /// A registry that serves `submission` as 1.2.0 without having looked at it,
    /// as one in an attacker's hands would.
    pub(crate) fn careless(&self, submission: Submission) -> LyingRegistry {
        let document = document(&submission);
        LyingRegistry::start(self.registry.url(), move |path, mut answer| {
            if is_release(path) {
                let document = document.clone();
                answer = answer.edit(|release| merge(release, document));
            } else if path.starts_with("/v1/blobs/") {
                answer.status = 200;
                answer.headers.clear();
                answer.body.clone_from(&submission.artifacts[0]);
            }
            answer
        })
    }
}

/// Whether a path is that of a release document.
pub(crate) fn is_release(path: &str) -> bool {
    path.starts_with("/v1/packages/") && path.split('/').count() == 6
}

/// The parts of a release document that follow from what was submitted.
pub(crate) fn document(submission: &Submission) -> Value {
    let server_json: Value = serde_json::from_slice(&submission.server_json).unwrap();
    let artifacts: Vec<_> = submission
        .artifacts
        .iter()
        .map(|bytes| {
            // Of a broken archive the tree is anybody's guess, and the signer's
            // is the one that a liar repeats.
            let tree = Archive::read(std::io::Cursor::new(bytes), &Limits::default())
                .and_then(|mut archive| archive.tree_digest())
                .map_or_else(|_| stated_tree(submission), |tree| tree.to_string());
            json!({
                "platform": Platform::Any,
                "digest": Digest::of(bytes),
                "tree": tree,
                "sizeBytes": bytes.len(),
            })
        })
        .collect();
    let evidence: Vec<_> = submission
        .bundles
        .iter()
        .map(|bundle| {
            let value: Value = serde_json::from_slice(bundle).unwrap();
            json!({ "digest": Digest::of(bundle), "bundle": value })
        })
        .collect();
    json!({
        "metadata": Digest::of(&submission.server_json),
        "serverJson": server_json,
        "artifacts": artifacts,
        "evidence": evidence,
    })
}

fn stated_tree(submission: &Submission) -> String {
    use mcpkg_test_support::sigstore::surgery;
    let bundle: Value = serde_json::from_slice(&submission.bundles[0]).unwrap();
    let statement: Value =
        serde_json::from_slice(&surgery::bytes(&bundle, surgery::PAYLOAD)).unwrap();
    let hex = statement["subject"][2]["digest"]["sha256"].as_str().unwrap().to_owned();
    format!("tree-sha256:{hex}")
}

/// Replaces in `target` what `source` has.
fn merge(target: &mut Value, source: Value) {
    let Value::Object(fields) = source else { panic!("a document is an object") };
    for (key, value) in fields {
        target[&key] = value;
    }
}
