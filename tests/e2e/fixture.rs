//! A Sigstore, a registry with one package in it, and people who use them.

use jiff::Timestamp;
use mcpkg_core::archive::{Archive, Limits};
use mcpkg_core::log::{Entry, Receipt};
use mcpkg_core::{Digest, Platform};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{
    Draft, LyingRegistry, RegistryLog, Setup, Submission, TestRegistry, World, world,
};
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
        Self::set_up(Setup::default())
    }

    /// The same, set up otherwise.
    pub(crate) fn set_up(setup: Setup) -> Self {
        let sigstore = TestSigstore::start();
        let registry = TestRegistry::start_with(&sigstore.trusted_root_json(), setup);
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

    /// A person who adds the registry at `url` with these flags, and was told the
    /// key of its log.
    pub(crate) fn stranger_at(&self, url: &str, flags: &[&str]) -> World {
        let world = world!();
        self.add_registry(&world, url, flags);
        world
    }

    /// Adds the registry at `url`, with the key of its log.
    pub(crate) fn add_registry(&self, world: &World, url: &str, flags: &[&str]) {
        let key = self.registry.log_key().verifier().to_string();
        self.add_registry_without_key(world, url, &[flags, &["--log-key", &key]].concat());
    }

    /// Adds the registry at `url`, with these flags and no others about its log.
    #[track_caller]
    pub(crate) fn add_registry_without_key(&self, world: &World, url: &str, flags: &[&str]) {
        world.file("trusted_root.json", self.sigstore.trusted_root_json());
        let args = ["registry", "add", "test", url, "--no-public-good"];
        // What is tied to `*` does not speak for a forge's accounts.
        let names = ["*", "io.github.acme/*", "io.github.mallory/*"];
        let names = names.iter().flat_map(|name| ["--trust-for", name]).collect();
        let root = [vec!["--trusted-root", "trusted_root.json"], names].concat();
        world.ok(&[args.as_slice(), &root, flags].concat());
    }

    /// The log of the registry, with its key: what somebody has who holds it. It
    /// has the entries of these releases, which are all that were published.
    pub(crate) fn log(&self, releases: &[(&str, &str)]) -> RegistryLog {
        let mut log = RegistryLog::new(self.registry.log_key());
        for (name, version) in releases {
            let release = self.release(name, version);
            assert_eq!(log.push_leaf(leaf(&release)), entry(&release), "in their order");
        }
        log
    }

    /// What the registry says of a release.
    pub(crate) fn release(&self, name: &str, version: &str) -> Value {
        self.registry.http().get(&format!("/v1/packages/{name}/{version}")).json()
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

    /// A registry that logs and serves `submission` as 1.2.0, its only release,
    /// without having looked at it, as one in an attacker's hands would.
    pub(crate) fn careless(&self, submission: Submission) -> LyingRegistry {
        self.careless_about(submission, |_| ())
    }

    /// The same, which also changes what it serves and logs.
    pub(crate) fn careless_about(
        &self,
        submission: Submission,
        change: impl FnOnce(&mut Value),
    ) -> LyingRegistry {
        let mut release = self.release(NAME, "1.2.0");
        merge(&mut release, document(&submission));
        change(&mut release);
        let mut log = RegistryLog::new(self.registry.log_key());
        log_release(&mut log, &mut release, None);
        let index = index_log(&log, None, &[0]);
        LyingRegistry::start(self.registry.url(), move |path, mut answer| {
            if is_index(path) {
                answer = answer.edit(|document| document["log"] = index.clone());
            } else if is_release(path) {
                answer = answer.edit(|document| *document = release.clone());
            } else if path.starts_with("/v1/blobs/") {
                answer.status = 200;
                answer.headers.clear();
                answer.body.clone_from(&submission.artifacts[0]);
            }
            answer
        })
    }
}

/// The index of a release's entry.
fn entry(release: &Value) -> u64 {
    let receipt: Receipt = release["log"]["receipt"].as_str().unwrap().parse().unwrap();
    receipt.index
}

/// The entry of a release, as it was logged.
pub(crate) fn leaf(release: &Value) -> Vec<u8> {
    // In a leaf the members are sorted, and stay so in a document.
    release["log"]["entry"].to_string().into_bytes()
}

/// Logs what `release` says, and puts the proof into it.
pub(crate) fn log_release(log: &mut RegistryLog, release: &mut Value, previous: Option<u64>) {
    let evidence: Vec<Value> = release["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bundle| bundle["digest"].clone())
        .collect();
    let mut publish = json!({
        "name": release["name"],
        "version": release["version"],
        "metadata": release["metadata"],
        "artifacts": release["artifacts"],
        "evidence": evidence,
        "publisher": release["publisher"],
        "time": release["publishedAt"],
    });
    if let Some(previous) = previous {
        publish["previous"] = json!(previous);
    }
    let entry = Entry::Publish(serde_json::from_value(publish).unwrap());
    let index = log.push(&entry);
    let entry: Value = serde_json::from_slice(&entry.leaf().unwrap()).unwrap();
    let receipt = log.receipt(index, log.size(), Timestamp::now());
    release["log"] = json!({ "entry": entry, "receipt": receipt, "consistency": [] });
}

/// What a log says with the index of Acme's weather server, of these entries, to
/// somebody who has seen its tree of some size.
pub(crate) fn index_log(log: &RegistryLog, seen: Option<u64>, entries: &[u64]) -> Value {
    let name = NAME.parse().unwrap();
    let mut document = json!({
        "index": log.index(&name, entries),
        "checkpoint": log.checkpoint(Timestamp::now()),
    });
    if let Some(seen) = seen {
        document["consistency"] = json!(log.consistency(seen, log.size()));
    }
    document
}

/// Whether a path is that of the index of Acme's weather server.
pub(crate) fn is_index(path: &str) -> bool {
    path == "/v1/packages/io.github.acme/weather"
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
