//! How a release was built, as its signer says it.

#![expect(clippy::unwrap_used, reason = "all of this is test code")]

use mcpkg_core::evidence::{BuildClaims, Evidence, SourceCommit};
use mcpkg_core::project::Recipe;
use mcpkg_core::provenance::Provenance;
use mcpkg_core::{Coded as _, Digest, Platform, TreeHasher};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_verify::{ReleaseSubjects, TrustRoot, VerifyError, verify_release};
use serde_json::{Value, json};

const METADATA: Digest = Digest::from_bytes([1; 32]);
const ARTIFACT: Digest = Digest::from_bytes([2; 32]);
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn recipe() -> Recipe {
    serde_json::from_value(json!({ "steps": [["npm", "run", "build"]], "folder": "out" })).unwrap()
}

/// What `mcpkg publish` signs in CI about a package in a folder of its repository.
fn statement() -> Value {
    let mut tree = TreeHasher::default();
    tree.add("manifest.json", METADATA, false);
    let build = BuildClaims {
        source_repository: Some("https://github.com/acme/weather".to_owned()),
        source_commit: Some(COMMIT.to_owned()),
        source_ref: Some("refs/tags/v1.2.0".to_owned()),
        build_config_uri: Some("https://github.com/acme/weather/w.yml@refs/tags/v1.2.0".to_owned()),
        ..BuildClaims::default()
    };
    Provenance {
        name: &"io.github.acme/weather".parse().unwrap(),
        version: &"1.2.0".parse().unwrap(),
        metadata: METADATA,
        artifacts: &[(Platform::Any, ARTIFACT, tree.finish())],
        build: Some(&build),
        recipe: Some(&recipe()),
        path: Some(&"packages/weather".parse().unwrap()),
    }
    .statement()
}

fn check(statement: &str) -> Result<Evidence, VerifyError> {
    let sigstore = TestSigstore::start();
    let root = TrustRoot::from_json(&sigstore.trusted_root_json()).unwrap();
    // Somebody without a CI's claims, so that the statement's own word is all there is.
    let bundle = sigstore.sign_statement(&Identity::email("a@acme.example"), statement.as_bytes());
    let release = ReleaseSubjects {
        name: "io.github.acme/weather".parse().unwrap(),
        version: "1.2.0".parse().unwrap(),
        metadata: METADATA,
        artifacts: vec![(ARTIFACT, None)],
    };
    Ok(verify_release(&release, &[bundle.as_bytes()], &(&root).into())?.remove(0))
}

#[test]
fn the_recipe_the_source_and_all_parameters_are_read_back() {
    let evidence = check(&statement().to_string()).unwrap();
    let source = SourceCommit {
        repository: "https://github.com/acme/weather".to_owned(),
        commit: COMMIT.to_owned(),
        git_ref: Some("refs/tags/v1.2.0".to_owned()),
    };
    assert_eq!(evidence.source(), Some(source.clone()));
    let statement = evidence.statement.unwrap();
    assert_eq!(statement.source, Some(source));
    assert_eq!(statement.recipe, Some(recipe()));
    assert_eq!(statement.path.unwrap().as_str(), "packages/weather");
    assert_eq!(statement.parameters, ["build", "name", "source", "version", "workflow"]);
}

#[test]
fn what_the_issuer_certified_is_the_source_and_not_what_the_build_says() {
    let mut evidence = check(&statement().to_string()).unwrap();
    evidence.signer.build = Some(BuildClaims {
        source_repository: Some("https://github.com/acme/fork".to_owned()),
        source_commit: Some("ab".repeat(20)),
        ..BuildClaims::default()
    });
    assert_eq!(evidence.source().unwrap().repository, "https://github.com/acme/fork");
    assert_eq!(evidence.source().unwrap().commit, "ab".repeat(20));
}

#[test]
fn a_parameter_of_ours_that_cannot_be_read_is_no_evidence() {
    let parameters = "/predicate/buildDefinition/externalParameters";
    for (name, value) in [
        ("build", json!({ "steps": [] })),
        ("build", json!({ "steps": [["make"]], "shell": true })),
        ("build", json!({ "steps": [["make"]], "folder": "../.." })),
        ("build", json!("make")),
        ("build", Value::Null),
        ("source", json!({ "path": "../.." })),
        ("source", json!({ "path": "/etc" })),
        ("source", json!({})),
    ] {
        let mut statement = statement();
        statement.pointer_mut(parameters).unwrap()[name] = value.clone();
        let error = check(&statement.to_string()).unwrap_err();
        assert_eq!(error.code().as_str(), "E_ATTESTATION", "{name}: {value}");
    }
    let text = statement().to_string();
    let twice = text.replace("\"folder\":\"out\"", "\"folder\":\"out\",\"folder\":\"in\"");
    assert_ne!(text, twice);
    assert_eq!(check(&twice).unwrap_err().code().as_str(), "E_ATTESTATION", "a key twice");
    let twice = text.replace("\"build\":{", "\"build\":{\"steps\":[[\"x\"]]},\"build\":{");
    assert_ne!(text, twice);
    assert_eq!(check(&twice).unwrap_err().code().as_str(), "E_ATTESTATION", "a parameter twice");
}

#[test]
fn another_build_type_has_parameters_and_no_recipe() {
    let mut statement = statement();
    let definition = &mut statement["predicate"]["buildDefinition"];
    definition["buildType"] = json!("https://actions.github.io/buildtypes/workflow/v1");
    definition["externalParameters"]["build"] = json!("not ours to read");
    let statement = check(&statement.to_string()).unwrap().statement.unwrap();
    assert_eq!((statement.recipe, statement.path), (None, None));
    assert_eq!(statement.parameters.len(), 5);
    assert_eq!(statement.source.unwrap().commit, COMMIT);
}
