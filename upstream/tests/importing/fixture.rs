//! A registry of each ecosystem, and somebody who imports from them.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Command;

use mcpkg_core::archive::{Archive, Limits};
use mcpkg_core::{Coded, Platform};
use mcpkg_test_support::sigstore::{Identity, TestSigstore};
use mcpkg_test_support::{NpmAttestor, TestEcosystem};
use mcpkg_upstream::{
    Closure, Importer, Made, Reference, Sources, Statement, Tools, Trust, UpstreamError,
};
use mcpkg_verify::{RegistryKey, TrustRoot};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const LINUX: &str = "linux-x86_64";

pub(crate) struct Fixture {
    pub(crate) sigstore: TestSigstore,
    pub(crate) ecosystem: TestEcosystem,
    pub(crate) attestor: NpmAttestor,
    folder: TempDir,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self {
            sigstore: TestSigstore::start(),
            ecosystem: TestEcosystem::start(),
            attestor: NpmAttestor::generate(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn trust(&self) -> Trust {
        let keys = self.attestor.keys_json("2020-01-01T00:00:00Z");
        Trust {
            roots: vec![TrustRoot::from_json(&self.sigstore.trusted_root_json()).unwrap()],
            keys: RegistryKey::read_npm(&keys).unwrap(),
        }
    }

    pub(crate) fn importer(&self) -> Importer {
        let sources = Sources {
            npm: self.ecosystem.npm_url().parse().unwrap(),
            pypi: self.ecosystem.pypi_url().parse().unwrap(),
            pypi_files: Vec::new(),
        };
        Importer::new(sources, Tools::from_environment(), self.trust()).unwrap()
    }

    pub(crate) fn resolve(&self, reference: &str) -> Result<Closure, UpstreamError> {
        let reference: Reference = reference.parse().unwrap();
        self.importer().resolve(&reference, platform(), &BTreeSet::new())
    }

    pub(crate) fn make(
        &self,
        closure: &Closure,
        statements: &[Statement],
        file: &str,
    ) -> Result<Made, UpstreamError> {
        self.importer().make(closure, statements, &self.folder.path().join(file), |_| ())
    }

    pub(crate) fn bytes(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(file)).unwrap()
    }

    pub(crate) fn archive(&self, file: &str) -> Archive<File> {
        let file = File::open(self.folder.path().join(file)).unwrap();
        Archive::read(file, &Limits::default()).unwrap()
    }

    pub(crate) fn json(&self, file: &str, path: &str) -> Value {
        let bytes = self.archive(file).read_file(path, 1 << 20).unwrap();
        serde_json::from_slice(&bytes.expect("it is in the artifact")).unwrap()
    }

    /// A server of two packages, the other of which is nested in a third version.
    pub(crate) fn weather(&self) -> [u8; 64] {
        self.ecosystem.npm(
            &json!({ "name": "clouds", "version": "2.0.0", "main": "index.js", "license": "MIT" }),
            &[("index.js", "module.exports = () => 'cloudy';\n")],
        );
        self.ecosystem.npm(
            &json!({
                "name": "@acme/weather", "version": "1.2.0", "description": "What the weather is",
                "bin": { "weather": "./cli.js" }, "dependencies": { "clouds": "^2.0.0" },
                "scripts": { "install": "echo ran > /tmp/mcpkg-a-script-ran" },
                "hasInstallScript": true,
            }),
            &[("cli.js", "#!/usr/bin/env node\nconsole.log(require('clouds')());\n")],
        )
    }

    /// The same, attested as npm does.
    pub(crate) fn attested_weather(&self) {
        let sha512 = self.weather();
        self.attest("@acme/weather", "1.2.0", sha512);
    }

    pub(crate) fn attest(&self, name: &str, version: &str, sha512: [u8; 64]) {
        let by = acme();
        let bundles = self.attestor.attest(&self.sigstore, &by, (name, version), sha512);
        let kinds = NpmAttestor::KINDS;
        let attestations = [(kinds[0], bundles[0].as_str()), (kinds[1], bundles[1].as_str())];
        self.ecosystem.npm_attest(name, version, &attestations);
    }
}

pub(crate) fn acme() -> Identity {
    Identity::github("acme/weather").git_ref("refs/tags/v1.2.0")
}

pub(crate) fn platform() -> Platform {
    LINUX.parse().unwrap()
}

/// The stable code of what went wrong, or nothing.
pub(crate) fn code<T>(result: &Result<T, UpstreamError>) -> &'static str {
    result.as_ref().err().map_or("", |error| error.code().as_str())
}

/// Whether `program` is here; says so if it is not.
pub(crate) fn has(program: &str, args: &[&str]) -> bool {
    let is_here = Command::new(program).args(args).output().is_ok_and(|it| it.status.success());
    if !is_here {
        eprintln!("skipped: `{program} {}` does not work on this machine", args.join(" "));
    }
    is_here
}

/// Unpacks an artifact that was made.
pub(crate) fn unpack(fixture: &Fixture, file: &str, folder: &std::path::Path) {
    let mut archive = fixture.archive(file);
    let paths: Vec<_> = archive.entries().iter().map(|it| it.path().to_string()).collect();
    for path in paths {
        let content = archive.read_file(&path, 1 << 20).unwrap().unwrap();
        let target = folder.join(&path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::write(target, content).unwrap();
    }
}
