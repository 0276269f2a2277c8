//! Real bundles of public packages, recorded from npm, PyPI and conda.
//!
//! They are kept out of this repository: without them these tests say that they
//! were skipped. The same ground is covered by bundles of our own making in
//! `verify/tests/vectors.rs`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::{Coded, Digest};
use mcpkg_verify::{
    Attestation, Subject, TrustRoot, TrustedKey, VerifyError, verify, verify_with_key,
};

fn recorded() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence");
    if folder.is_dir() {
        Some(folder)
    } else {
        eprintln!("skipped: the recorded evidence is not at hand at {}", folder.display());
        None
    }
}

fn subject(artifact: &Path, is_sha512: bool) -> Subject {
    let bytes = fs::read(artifact).unwrap();
    if is_sha512 {
        use sha2::Digest as _;
        Subject::ArtifactSha512(sha2::Sha512::digest(&bytes).into())
    } else {
        Subject::Artifact(Digest::of(&bytes))
    }
}

#[test]
fn real_bundles_verify_and_name_their_builds() {
    let Some(folder) = recorded() else { return };
    let root = TrustRoot::public_good().unwrap();
    for (case, artifact, is_sha512, attestation, repository) in [
        (
            "npm-mcp-server-filesystem-2026.7.10-provenance",
            "modelcontextprotocol-server-filesystem-2026.7.10.tgz",
            true,
            Attestation::Provenance,
            "https://github.com/modelcontextprotocol/servers",
        ),
        (
            "npm-sigstore-2.0.0-provenance",
            "sigstore-2.0.0.tgz",
            true,
            Attestation::Provenance,
            "https://github.com/sigstore/sigstore-js",
        ),
        (
            "pypi-pypi_attestations-0.0.19-slsa",
            "pypi_attestations-0.0.19.tar.gz",
            false,
            Attestation::Provenance,
            "https://github.com/trailofbits/pypi-attestations",
        ),
        (
            "conda-signed-package-2.1.0",
            "signed-package-2.1.0-hb0f4dca_0.conda",
            false,
            Attestation::Ecosystem,
            "https://github.com/prefix-dev/sigstore-example",
        ),
    ] {
        let bundle = fs::read(folder.join(case).join("bundle.sigstore.json")).unwrap();
        let subject = subject(&folder.join(case).join(artifact), is_sha512);
        let evidence = verify(&[subject], attestation, &bundle, &root)
            .unwrap_or_else(|error| panic!("{case}: {error:?}"));
        let build = evidence.signer.build.unwrap();
        assert_eq!(build.source_repository.as_deref(), Some(repository), "{case}");
        assert!(build.source_repository_id.is_some(), "{case}: the numeric id is read");
        assert_eq!(evidence.signer.issuer, "https://token.actions.githubusercontent.com", "{case}");

        let other = if is_sha512 {
            Subject::ArtifactSha512([7; 64])
        } else {
            Subject::Artifact(Digest::of(b"other"))
        };
        let error = verify(&[other], attestation, &bundle, &root).unwrap_err();
        assert!(matches!(error, VerifyError::Subject { .. }), "{case}: {error:?}");
        let error = verify(&[subject, other], attestation, &bundle, &root).unwrap_err();
        assert!(matches!(error, VerifyError::Subject { .. }), "{case}: one of two is not enough");
    }
}

#[test]
fn what_is_not_provenance_is_not_taken_for_it() {
    let Some(folder) = recorded() else { return };
    let folder = folder.join("conda-signed-package-2.1.0");
    let bundle = fs::read(folder.join("bundle.sigstore.json")).unwrap();
    let subject = subject(&folder.join("signed-package-2.1.0-hb0f4dca_0.conda"), false);
    let root = TrustRoot::public_good().unwrap();
    let error = verify(&[subject], Attestation::Provenance, &bundle, &root).unwrap_err();
    assert!(matches!(error, VerifyError::Kind { what: "predicate type", .. }), "{error:?}");
}

#[test]
fn a_bundle_of_rekor_v2_verifies_under_the_staging_root_alone() {
    let Some(folder) = recorded() else { return };
    let bundle = fs::read(folder.join("staging-conda-rekor2/bundle.sigstore.json")).unwrap();
    let conda = "conda-signed-package-2.1.0/signed-package-2.1.0-hb0f4dca_0.conda";
    let subject = subject(&folder.join(conda), false);
    let staging = TrustRoot::staging().unwrap();
    verify(&[subject], Attestation::Ecosystem, &bundle, &staging).unwrap();
    let public = TrustRoot::public_good().unwrap();
    let error = verify(&[subject], Attestation::Ecosystem, &bundle, &public).unwrap_err();
    assert_eq!(error.code().as_str(), "E_SIGNATURE", "{error:?}");
}

#[test]
fn the_given_root_is_as_good_as_the_embedded_one() {
    let Some(folder) = recorded() else { return };
    let json = fs::read_to_string(folder.join("public-good-trusted_root.json")).unwrap();
    let root = TrustRoot::from_json(&json).unwrap();
    let case = folder.join("pypi-pypi_attestations-0.0.19-slsa");
    let bundle = fs::read(case.join("bundle.sigstore.json")).unwrap();
    let subject = subject(&case.join("pypi_attestations-0.0.19.tar.gz"), false);
    verify(&[subject], Attestation::Provenance, &bundle, &root).unwrap();
}

#[test]
fn the_negative_case_is_refused_for_its_signature() {
    let Some(folder) = recorded() else { return };
    let case = folder.join("neg-gundam-visor-invalidsigprov");
    let bundle = fs::read(case.join("bundle.sigstore.json")).unwrap();
    let subject = subject(&case.join("gundam-visor-cli-v1-tag.tgz"), true);
    let root = TrustRoot::public_good().unwrap();
    let error = verify(&[subject], Attestation::Ecosystem, &bundle, &root).unwrap_err();
    let chain = format!("{error:?}");
    assert!(chain.contains("SignatureInvalid"), "{chain}");
    assert_eq!(error.code().as_str(), "E_SIGNATURE");
}

#[test]
fn npms_publish_attestation_verifies_with_its_key_and_within_its_window() {
    let Some(folder) = recorded() else { return };
    let case = folder.join("npm-mcp-server-filesystem-2026.7.10-publish");
    let bundle = fs::read(case.join("bundle.sigstore.json")).unwrap();
    let tarball = case.join("modelcontextprotocol-server-filesystem-2026.7.10.tgz");
    let subject = subject(&tarball, true);
    let root = TrustRoot::public_good().unwrap();

    let keys: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("npm-keys.json")).unwrap()).unwrap();
    let hint = serde_json::from_slice::<serde_json::Value>(&bundle).unwrap()
        ["verificationMaterial"]["publicKey"]["hint"]
        .clone();
    let key = keys["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["keyId"] == hint && key["keyUsage"] == "npm:attestations")
        .expect("npm's key for attestations is there");
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        key["publicKey"]["rawBytes"].as_str().unwrap()
    );
    let verify = |from: Option<&str>, until: Option<&str>| {
        let time = |text: &str| text.parse().unwrap();
        let key = TrustedKey::from_pem(&pem, from.map(time), until.map(time)).unwrap();
        verify_with_key(&[subject], Attestation::Ecosystem, &bundle, &key, &root)
    };
    let evidence = verify(Some("2022-01-01T00:00:00Z"), None).unwrap();
    assert_eq!(evidence.signer.issuer, mcpkg_verify::key::ISSUER);
    for (from, until) in
        [(Some("2126-01-01T00:00:00Z"), None), (None, Some("2022-01-01T00:00:00Z"))]
    {
        let error = verify(from, until).unwrap_err();
        assert!(matches!(error, VerifyError::KeyWindow { .. }), "{error:?}");
    }
}
