//! What verifying costs, beside the library that does most of it.

#![expect(clippy::unwrap_used, reason = "a figure of something that fails is none")]

use divan::Bencher;
use mcpkg_core::provenance::Provenance;
use mcpkg_core::{Digest, Platform, TreeDigest, TreeHasher};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_verify::{ReleaseSubjects, TrustRoot, verify_release};
use sigstore_trust_root::TrustedRoot;
use sigstore_verify::types::{Bundle, Sha256Hash};
use sigstore_verify::{VerificationPolicy, Verifier};

fn main() {
    divan::main();
}

/// A release of one artifact, as `mcpkg publish` signs it.
struct Signed {
    release: ReleaseSubjects,
    bundle: String,
    root: String,
}

fn signed() -> Signed {
    let sigstore = TestSigstore::start();
    let tree: TreeDigest = TreeHasher::default().finish();
    let release = ReleaseSubjects {
        name: "io.github.acme/weather".parse().unwrap(),
        version: "1.2.0".parse().unwrap(),
        metadata: Digest::of(b"server.json"),
        artifacts: vec![(Digest::of(b"artifact"), Some(tree))],
    };
    let statement = Provenance {
        name: &release.name,
        version: &release.version,
        metadata: release.metadata,
        artifacts: &[(Platform::Any, Digest::of(b"artifact"), tree)],
        build: None,
        recipe: None,
        path: None,
    }
    .statement();
    let identity = Identity::github("acme/weather");
    let bundle = sigstore.sign_statement(&identity, statement.to_string().as_bytes());
    Signed { release, bundle, root: sigstore.trusted_root_json() }
}

/// The baseline: the library alone, over one subject.
#[divan::bench]
fn sigstore_verify_alone(bencher: Bencher<'_, '_>) {
    let Signed { bundle, root, .. } = signed();
    let verifier = Verifier::new(&TrustedRoot::from_json(&root).unwrap()).unwrap();
    let policy = VerificationPolicy::any_identity();
    let digest = *Digest::of(b"artifact").as_bytes();
    bencher.bench(|| {
        let bundle = Bundle::from_json(&bundle).unwrap();
        verifier.verify(Sha256Hash::new(digest), &bundle, &policy).unwrap()
    });
}

/// All that a release's evidence has to hold.
#[divan::bench]
fn one_release(bencher: Bencher<'_, '_>) {
    let Signed { release, bundle, root } = signed();
    let root = TrustRoot::from_json(&root).unwrap();
    bencher.bench(|| verify_release(&release, &[bundle.as_bytes()], &(&root).into()).unwrap());
}
