//! The protocol: what each argument means, against a Sigstore of our own.

use std::fs;
use std::path::PathBuf;

use mcpkg_core::Digest;
use mcpkg_test_support::sigstore::{GITHUB_ISSUER, Identity, TestSigstore};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Outcome, run};

pub(crate) const ARTIFACT: &[u8] = b"what was signed\n";
pub(crate) const SIGNER: &str =
    "https://github.com/acme/weather/.github/workflows/release.yml@refs/heads/main";

/// A folder with an artifact, its bundle, and whom to trust.
pub(crate) struct Case {
    folder: TempDir,
    pub(crate) identity: String,
    pub(crate) issuer: String,
    pub(crate) artifact: String,
}

impl Case {
    pub(crate) fn new(sigstore: &TestSigstore, bundle: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("trusted_root.json"), sigstore.trusted_root_json()).unwrap();
        fs::write(folder.path().join("bundle"), bundle).unwrap();
        fs::write(folder.path().join("artifact"), ARTIFACT).unwrap();
        let artifact = folder.path().join("artifact").display().to_string();
        Self { folder, identity: SIGNER.to_owned(), issuer: GITHUB_ISSUER.to_owned(), artifact }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn verify(&self) -> Outcome {
        let path = |name| self.path(name).display().to_string();
        run([
            "verify-bundle",
            "--bundle",
            &path("bundle"),
            "--certificate-identity",
            &self.identity,
            "--certificate-oidc-issuer",
            &self.issuer,
            "--trusted-root",
            &path("trusted_root.json"),
            &self.artifact,
        ])
    }
}

pub(crate) fn statement() -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": "artifact", "digest": { "sha256": Digest::of(ARTIFACT).to_hex() } }],
        "predicateType": "https://example.com/predicate/v1",
        "predicate": {},
    })
}

#[test]
fn a_file_and_its_digest_are_the_same_to_both_kinds_of_bundle() {
    let sigstore = TestSigstore::start();
    let job = Identity::github("acme/weather");
    let statement = statement().to_string();
    for (kind, bundle) in [
        ("message", sigstore.sign_blob(&job, ARTIFACT)),
        ("envelope", sigstore.sign_statement(&job, statement.as_bytes())),
    ] {
        let mut case = Case::new(&sigstore, &bundle);
        case.verify().accepted(kind);
        case.artifact = Digest::of(ARTIFACT).to_string();
        case.verify().accepted(kind);
    }
}

#[test]
fn what_is_no_digest_is_the_name_of_a_file() {
    let sigstore = TestSigstore::start();
    let bundle = sigstore.sign_blob(&Identity::github("acme/weather"), ARTIFACT);
    let mut case = Case::new(&sigstore, &bundle);
    let digest = Digest::of(ARTIFACT).to_string();
    for artifact in [&digest[..digest.len() - 1], &digest.replace("sha256:", "sha512:")] {
        artifact.clone_into(&mut case.artifact);
        case.verify().refused(artifact, "cannot read");
    }
}

#[test]
fn what_it_signs_it_verifies() {
    let sigstore = TestSigstore::start();
    let statement = statement().to_string();
    for (flags, signed) in [(vec![], ARTIFACT), (vec!["--in-toto"], statement.as_bytes())] {
        let case = Case::new(&sigstore, "replaced");
        fs::write(case.path("signing_config.json"), sigstore.signing_config_json()).unwrap();
        fs::write(case.path("signed"), signed).unwrap();
        let path = |name| case.path(name).display().to_string();
        let token = sigstore.token(&Identity::github("acme/weather"));
        let options = [
            "sign-bundle".to_owned(),
            "--identity-token".to_owned(),
            token,
            "--bundle".to_owned(),
            path("bundle"),
            "--trusted-root".to_owned(),
            path("trusted_root.json"),
            "--signing-config".to_owned(),
            path("signing_config.json"),
        ];
        let flags: Vec<String> = flags.into_iter().map(str::to_owned).collect();
        run([options.as_slice(), &flags, &[path("signed")]].concat()).accepted("signing");
        case.verify().accepted("verifying");
    }
}

#[test]
fn the_command_line_has_to_say_who_signed() {
    for args in [
        vec!["verify-bundle", "--bundle", "b", "artifact"],
        vec!["verify-bundle", "--bundle", "b", "--certificate-identity", "a", "artifact"],
        vec![
            "verify-bundle",
            "--bundle",
            "b",
            "--key",
            "key.pub",
            "--certificate-identity",
            "a",
            "--certificate-oidc-issuer",
            "i",
            "artifact",
        ],
    ] {
        assert_eq!(run(&args).code, Some(2), "{args:?}");
    }
}
