//! The first inputs of the fuzz target `bundle`: bundles that verify, and the
//! trust root they verify under.
//!
//! They are files because a fuzzer needs the same bytes each time, and a
//! Sigstore of our own has new keys at each start. `MCPKG_WRITE_SEEDS=1` makes
//! them anew, all of one instance.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::provenance::Provenance;
use mcpkg_core::{Digest, Platform, TreeDigest, TreeHasher};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_verify::{Attestation, ReleaseSubjects, Subject, TrustRoot, verify, verify_release};

// The fuzz target has the same three.
const ARTIFACT: Digest = Digest::from_bytes([1; 32]);
const METADATA: Digest = Digest::from_bytes([3; 32]);
const BLOB: &[u8] = b"bytes";

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz")
}

fn tree() -> TreeDigest {
    let mut tree = TreeHasher::default();
    tree.add("a", ARTIFACT, false);
    tree.finish()
}

fn write_seeds() {
    let sigstore = TestSigstore::start();
    let statement = Provenance {
        name: &"io.github.acme/weather".parse().unwrap(),
        version: &"1.2.0".parse().unwrap(),
        metadata: METADATA,
        artifacts: &[(Platform::Any, ARTIFACT, tree())],
        build: None,
        recipe: None,
        path: None,
    }
    .statement()
    .to_string();
    let build = Identity::github("acme/weather");
    let person = Identity::email("alice@acme.example");
    let seeds = fuzz_folder().join("seeds/bundle");
    fs::create_dir_all(&seeds).unwrap();
    for (name, text) in [
        ("seeds/bundle/build.json", sigstore.sign_statement(&build, statement.as_bytes())),
        ("seeds/bundle/person.json", sigstore.sign_statement(&person, statement.as_bytes())),
        ("seeds/bundle/blob.json", sigstore.sign_blob(&person, BLOB)),
        ("trusted_root.json", sigstore.trusted_root_json()),
    ] {
        fs::write(fuzz_folder().join(name), text).unwrap();
    }
}

#[test]
fn the_seeds_of_the_fuzz_target_verify() {
    if std::env::var_os("MCPKG_WRITE_SEEDS").is_some() {
        write_seeds();
    }
    let read = |name: &str| fs::read_to_string(fuzz_folder().join(name)).unwrap();
    let root = TrustRoot::from_json(&read("trusted_root.json")).unwrap();
    let release = ReleaseSubjects {
        name: "io.github.acme/weather".parse().unwrap(),
        version: "1.2.0".parse().unwrap(),
        metadata: METADATA,
        artifacts: vec![(ARTIFACT, Some(tree()))],
    };
    for name in ["seeds/bundle/build.json", "seeds/bundle/person.json"] {
        let evidence = verify_release(&release, &[read(name).as_bytes()], &(&root).into()).unwrap();
        assert_eq!(evidence.len(), 1, "{name}");
    }
    let blob = read("seeds/bundle/blob.json");
    let subject = Subject::Artifact(Digest::of(BLOB));
    verify(&[subject], Attestation::Blob, blob.as_bytes(), &root).unwrap();
}
