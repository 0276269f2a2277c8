//! The registry that one logs in for. The only file that knows what checks the tokens.
//!
//! It is the test's own [`Gate`], a small verifier in front of a real registry. README.md
//! says what to change to have the registry check them itself.

use jsonwebtoken::jwk::JwkSet;
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Draft, Gate, TestCa, TestRegistry, TlsFront};

use crate::provider::ISSUER;

/// What it is called.
pub(crate) const REGISTRY: &str = "https://mcp.acme.example";

/// The package that it has.
pub(crate) const NAME: &str = "io.github.acme/weather";

/// A registry with one package, which takes tokens of [`ISSUER`] for [`REGISTRY`].
pub(crate) struct Registry {
    pub(crate) sigstore: TestSigstore,
    pub(crate) behind: TestRegistry,
    gate: Gate,
    pub(crate) front: TlsFront,
}

impl Registry {
    /// Starts it. It trusts tokens that are signed by one of `keys`, and wants each to be
    /// tied to a key, and each proof to hold its nonce.
    pub(crate) fn start(ca: &TestCa, keys: JwkSet) -> Self {
        let sigstore = TestSigstore::start();
        let registry = TestRegistry::start(&sigstore.trusted_root_json());
        let author = Identity::github("acme/weather").git_ref("refs/tags/v1.2.0");
        registry.accept(&Draft::new(NAME, "1.2.0").sign(&sigstore, &author));
        let gate =
            Gate::of(Some(REGISTRY), registry.url(), (ISSUER, keys), Some("a-nonce"), |document| {
                document["dpop_bound_access_tokens_required"] = true.into();
            });
        let front = TlsFront::start(ca, &["mcp.acme.example"], gate.url());
        Self { sigstore, behind: registry, gate, front }
    }

    /// What was asked for since the last time, each with the status of the answer.
    pub(crate) fn asked(&self) -> Vec<(u16, String)> {
        self.gate.asked()
    }
}
