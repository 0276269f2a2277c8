//! The suite's own cases, where a checkout of it is at hand.
//!
//! `SIGSTORE_CONFORMANCE` names the folder; it belongs to no package registry,
//! and its files are not ours to keep. A case is a folder whose name ends in
//! `_fail` if it has to be refused, laid out as the suite documents it in
//! `test/assets/bundle-verify/README.md`; each is asked twice, with the file
//! and with its digest.

use std::fs;
use std::path::{Path, PathBuf};

use mcpkg_core::Digest;

use crate::client::run;

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

#[test]
fn the_public_suite_passes_where_it_is_at_hand() {
    let Some(suite) = std::env::var_os("SIGSTORE_CONFORMANCE") else {
        eprintln!("skipped: SIGSTORE_CONFORMANCE names no checkout of the conformance suite");
        return;
    };
    let folder = PathBuf::from(suite).join("test/assets/bundle-verify");
    let mut cases: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("bundle.sigstore.json").is_file())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no case in {}", folder.display());
    let mut wrong = Vec::new();
    for case in &cases {
        for by_digest in [false, true] {
            let outcome = run(arguments(&folder, case, by_digest));
            let name = case.file_name().unwrap().to_string_lossy();
            eprintln!("{name}: {:?} {}", outcome.code, outcome.stderr.trim_end());
            let expected = i32::from(name.ends_with("_fail"));
            if outcome.code != Some(expected) {
                wrong.push(format!("{name}: {}", outcome.stderr));
            }
        }
    }
    eprintln!("{} cases", cases.len() * 2);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn arguments(folder: &Path, case: &Path, by_digest: bool) -> Vec<String> {
    let has = |name: &str| case.join(name).is_file();
    let text = |name: &str, default: &str| {
        fs::read_to_string(case.join(name))
            .map_or(default.to_owned(), |text| text.trim().to_owned())
    };
    let path = |name: &str| case.join(name).display().to_string();
    let mut args =
        vec!["verify-bundle".to_owned(), "--bundle".to_owned(), path("bundle.sigstore.json")];
    if has("key.pub") {
        args.extend(["--key".to_owned(), path("key.pub")]);
    } else {
        args.extend(["--certificate-identity".to_owned(), text("identity", IDENTITY)]);
        args.extend(["--certificate-oidc-issuer".to_owned(), text("issuer", ISSUER)]);
    }
    if has("trusted_root.json") {
        args.extend(["--trusted-root".to_owned(), path("trusted_root.json")]);
    }
    let artifact = if has("artifact") { case.join("artifact") } else { folder.join("a.txt") };
    args.push(if by_digest {
        Digest::of(&fs::read(&artifact).unwrap()).to_string()
    } else {
        artifact.display().to_string()
    });
    args
}
