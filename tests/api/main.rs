//! The registry over HTTP: the real server, a real database, real signatures.

#![expect(clippy::unwrap_used, reason = "all of this is a test, also what several tests share")]

mod access;
mod admission;
mod backup;
mod blobs;
mod crash;
mod faults;
mod fsck;
mod guard;
mod limits;
mod log;
mod mirror;
mod official;
mod packages;
mod process;
mod publish;
mod refusals;
mod search;
mod statements;
mod storage_faults;
mod tls;
mod witness;
mod witnessed;

use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{Draft, Submission, TestRegistry};

/// The package that most tests publish.
const NAME: &str = "io.github.acme/weather";

/// A Sigstore, and a registry that trusts it.
fn start() -> (TestSigstore, TestRegistry) {
    let sigstore = TestSigstore::start();
    let registry = TestRegistry::start(&sigstore.trusted_root_json());
    (sigstore, registry)
}

/// The workflow that may publish [`NAME`].
fn acme() -> Identity {
    Identity::github("acme/weather")
}

/// The workflow that may publish `io.github.acme/news`.
fn acme_news() -> Identity {
    Identity::github("acme/news")
}

/// A small release of [`NAME`], signed by who may publish it.
fn release(sigstore: &TestSigstore, version: &str) -> Submission {
    Draft::new(NAME, version).sign(sigstore, &acme())
}
