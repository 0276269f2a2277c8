//! Bundles that others made, recorded by the authors of `sigstore-verify` from
//! the suite, from sigstore-python, cosign and conda.
//!
//! They come with the sources of that crate, which Cargo has: none of them is in
//! this repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::client::{Outcome, run};

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const OAUTH: &str = "https://github.com/login/oauth";
/// Who signs the suite's own cases.
const BEACON: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const CONDA: &str =
    "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main";
const A_TXT: &str = "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf";
const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Where the crate's test data is, if its package has any.
fn folder() -> Option<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // What was built for this machine is here; what others need may not be.
    let about = Command::new(&cargo).arg("-vV").output().unwrap();
    let about = String::from_utf8(about.stdout).unwrap();
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--offline", "--locked"])
        .args(["--filter-platform", host])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "sigstore-verify").unwrap();
    let folder =
        PathBuf::from(package["manifest_path"].as_str().unwrap()).with_file_name("test_data");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: `sigstore-verify` comes without its test data");
    None
}

/// The bundle; the flags; who signed and what. Paths are below the folder.
type Case = (&'static str, &'static [&'static str], &'static str, &'static str, &'static str);

fn verify(folder: &Path, (bundle, flags, identity, issuer, artifact): Case) -> Outcome {
    let path = |name: &str| folder.join(name).display().to_string();
    let mut args = vec!["verify-bundle".to_owned(), "--bundle".to_owned(), path(bundle)];
    // What starts with dashes is an option; the rest are files.
    args.extend(
        flags.iter().map(
            |flag| {
                if flag.starts_with("--") { (*flag).to_owned() } else { path(flag) }
            },
        ),
    );
    if !flags.contains(&"--key") {
        args.extend(
            ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer]
                .map(str::to_owned),
        );
    }
    args.push(if artifact.starts_with("sha256:") { artifact.to_owned() } else { path(artifact) });
    run(args)
}

#[test]
fn what_other_clients_signed_verifies() {
    let Some(folder) = folder() else { return };
    let cases: [Case; 10] = [
        (
            "bundles/cosign-v3-blob.sigstore.json",
            &[],
            "w.vollprecht@gmail.com",
            OAUTH,
            "bundles/cosign-v3-blob.txt",
        ),
        (
            "bundles/conda-attestation.sigstore.json",
            &[],
            CONDA,
            GITHUB,
            "bundles/signed-package-2.1.0-hb0f4dca_0.conda",
        ),
        (
            "bundles/conda-attestation-rekor2.sigstore.json",
            &["--staging"],
            "jku@goto.fi",
            OAUTH,
            "bundles/signed-package-2.1.0-hb0f4dca_0.conda",
        ),
        (
            "bundles/bundle_v3_github.whl.sigstore",
            &[],
            "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
            GITHUB,
            "sha256:c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201",
        ),
        (
            "upstream/sigstore-python/staging-rekor-v2.txt.sigstore.json",
            &["--staging"],
            "jku@goto.fi",
            OAUTH,
            "upstream/sigstore-python/staging-rekor-v2.txt",
        ),
        (
            "upstream/sigstore-python/a.dsse.staging-rekor-v2.txt.sigstore.json",
            &["--staging"],
            BEACON,
            GITHUB,
            A_TXT,
        ),
        (
            "timestamps/valid_bundle.json",
            &["--trusted-root", "timestamps/valid_trusted_root.json"],
            BEACON,
            GITHUB,
            A_TXT,
        ),
        ("invalid-ct-key_fail/bundle.sigstore.json", &[], BEACON, GITHUB, A_TXT),
        (
            "sct-multi-intermediate/staging_bundle.sigstore.json",
            &["--trusted-root", "sct-multi-intermediate/staging_trusted_root.json"],
            "https://github.com/sigstore/root-signing-staging/.github/workflows/custom-test.yml@refs/heads/main",
            GITHUB,
            EMPTY,
        ),
        (
            "managed-key/bundle.sigstore.json",
            &["--key", "managed-key/key.pub"],
            "",
            "",
            "managed-key/artifact.txt",
        ),
    ];
    for case in cases {
        verify(&folder, case).accepted(case.0);
    }
}

#[test]
fn what_others_recorded_as_wrong_is_refused_for_its_own_reason() {
    let Some(folder) = folder() else { return };
    let yossarian = "william@yossarian.net";
    let cases: [(Case, &str); 11] = [
        (
            (
                "invalid-ct-key_fail/bundle.sigstore.json",
                &["--trusted-root", "invalid-ct-key_fail/trusted_root.json"],
                BEACON,
                GITHUB,
                A_TXT,
            ),
            "invalid signed certificate timestamp",
        ),
        (
            (
                "bundles/bundle_cve_2022_36056.txt.sigstore",
                &["--staging"],
                yossarian,
                OAUTH,
                "sha256:c87b5b213ab08b32970c106d0c7e4423e67f5449c2fd2d1e9b4ea6cc43b6ee7c",
            ),
            "certificate in bundle does not match certificate in Rekor entry",
        ),
        (
            (
                "bundles/bundle_invalid_version.txt.sigstore",
                &["--staging"],
                yossarian,
                OAUTH,
                "sha256:7a1f2b23ec9add163c6d0bbb454af45e1483b9bec7b72aea1b4fdf0e2f5644f0",
            ),
            "Invalid media type",
        ),
        (
            (
                "bundles/bundle_no_log_entry.txt.sigstore",
                &[],
                "alex.cameron@trailofbits.com",
                "https://accounts.google.com",
                "sha256:9b469fc9761e8b933073b62725fbc98b549c3314199ded71cc8b286ef2c6fb9b",
            ),
            "must have an inclusion promise",
        ),
        (
            (
                "bundles/bundle_no_checkpoint.txt.sigstore",
                &["--staging"],
                yossarian,
                OAUTH,
                "sha256:802dd60ff88333802f2585e73043bd21c341285e1992fe5b31755e1cadeae30e",
            ),
            "no checkpoint",
        ),
        (
            (
                "bundles/bundle_v3_no_signed_time.txt.sigstore.json",
                &["--staging"],
                yossarian,
                OAUTH,
                "sha256:ca6de99a11d3d38056d838c7dc9a23a11a0c81bcace0d11eaa301a2ffb482c42",
            ),
            "no verified timestamp",
        ),
        (
            ("bundles/dsse-2sigs.sigstore.json", &[], BEACON, OAUTH, A_TXT),
            "2 signatures, expected exactly one",
        ),
        (
            (
                "upstream/sigstore-python/a.dsse.staging-rekor-v2.txt.sigstore.json",
                &[],
                BEACON,
                GITHUB,
                A_TXT,
            ),
            "does not match any trusted TSA certificate",
        ),
        (
            ("managed-key/bundle.sigstore.json", &[], BEACON, GITHUB, "managed-key/artifact.txt"),
            "no signing certificate",
        ),
        (
            (
                "bundles/cosign-v3-blob.sigstore.json",
                &["--key", "managed-key/key.pub"],
                "",
                "",
                "bundles/cosign-v3-blob.txt",
            ),
            "contains a certificate but public-key verification was requested",
        ),
        (
            ("managed-key/bundle.sigstore.json", &["--key", "managed-key/key.pub"], "", "", EMPTY),
            "does not match artifact hash",
        ),
    ];
    for (case, reason) in cases {
        verify(&folder, case).refused(case.0, reason);
    }
}
