//! Another registry, mirrored: what is copied, what is refused, and what is given out.

mod airgap;
mod bytes;
mod checkpoints;
mod crash;
mod follow;
mod fsck;
mod imported;
mod lies;
mod listed;
mod names;
mod removed;
mod unsigned;

use std::fs;
use std::path::Path;

use mcpkg_core::Code;
use mcpkg_core::api::PackageIndex;
use mcpkg_core::log::VerifierKey;
use mcpkg_test_support::sigstore::TestSigstore;
use mcpkg_test_support::{Http, LyingRegistry, TestRegistry};

use crate::process::{Place, Process};
use crate::{NAME, release, start};

/// A registry with one release, and a place for a mirror of it.
struct Stage {
    sigstore: TestSigstore,
    source: TestRegistry,
    place: Place,
}

impl Stage {
    /// A mirror that is asked once a minute, and answers with what it has meanwhile.
    fn new() -> Self {
        Self::with("fallback")
    }

    fn with(mode: &str) -> Self {
        let (sigstore, source) = start();
        source.accept(&release(&sigstore, "1.0.0"));
        let place = Place::new(&sigstore);
        let stage = Self { sigstore, source, place };
        stage.mirror("public", stage.source.url(), mode, "namespaces = ['*']");
        stage
    }

    fn key(&self) -> VerifierKey {
        self.source.log_key().verifier()
    }

    /// Adds a source to the mirror's configuration.
    fn mirror(&self, name: &str, url: &str, mode: &str, rest: &str) {
        configure(&self.place, (name, url, &self.key().to_string()), mode, rest);
    }

    /// Points the mirror at another address of the same source.
    fn point_to(&self, url: &str) {
        point(&self.place, url);
    }

    /// Follows the source, with success.
    fn sync(&self) {
        self.place.json(&["mirror", "sync"]);
    }

    /// Follows what lies, and is refused with this code.
    #[track_caller]
    fn sync_refused(&self, liar: &LyingRegistry, code: Code) -> String {
        self.point_to(liar.url());
        let said = self.place.refused(&["mirror", "sync"], 3);
        assert!(said.starts_with(&format!("error[{code}]")), "{said}");
        self.point_to(self.source.url());
        said
    }

    /// How many entries the mirror serves.
    fn entries(&self) -> u64 {
        self.place.json(&["mirror", "status"])["sources"][0]["entries"].as_u64().unwrap()
    }

    /// The mirror, when it has followed its source.
    fn serve(&self) -> Process {
        let process = self.place.serve();
        process.wait_for_log("followed the source");
        process
    }
}

/// Points the one source of a mirror at another address.
fn point(place: &Place, url: &str) {
    let path = place.folder().join("registry.toml");
    let text = fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| match line.strip_prefix("url = ") {
        Some(_) => format!("url = '{url}'\n"),
        None => format!("{line}\n"),
    });
    fs::write(path, lines.collect::<String>()).unwrap();
}

/// Adds a source that trusts the same Sigstore as the mirror.
fn configure(place: &Place, (name, url, key): (&str, &str, &str), mode: &str, rest: &str) {
    place.configure(&format!(
        "[[source]]\nname = '{name}'\nurl = '{url}'\nlog_key = '{key}'\nmode = '{mode}'\n{rest}\n\
         trust_public_good = false\n[[source.trust_root]]\nfile = 'trusted_root.json'\n\
         namespaces = ['*', 'io.github.acme/*']"
    ));
}

/// The index of the package, from below `base`.
#[track_caller]
fn index(http: &Http, base: &str) -> PackageIndex {
    let reply = http.get(&format!("{base}/v1/packages/{NAME}"));
    assert_eq!(reply.status, 200, "{reply}");
    reply.json()
}

/// Every file below a folder of the mirror, with its content.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                files.push((name, fs::read(path).unwrap()));
            }
        }
    }
    files.sort();
    files
}
