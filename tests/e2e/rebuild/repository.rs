//! A git repository with a package in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::NAME;

/// A repository with one commit: a package that a script builds.
pub(crate) struct Repository {
    root: TempDir,
    package: String,
    commit: String,
}

impl Repository {
    /// A package at the root, built by this script, which finds `pkg/server` made
    /// and has to write `index.js` into it. `None` if there is no git here.
    pub(crate) fn new(script: &str) -> Option<Self> {
        Self::with(script, "", &[])
    }

    /// The same with more files, in this folder of the repository.
    pub(crate) fn with(script: &str, folder: &str, files: &[(&str, &str)]) -> Option<Self> {
        let recipe = "[build]\nsteps = [[\"sh\", \"build.sh\"]]\nfolder = \"pkg\"\n";
        let script = format!("set -eu\nmkdir -p pkg/server\n{script}");
        let common = [("mcpkg.toml", recipe), ("build.sh", script.as_str())];
        Self::of_files(folder, &[&common, files].concat())
    }

    /// A package of these files, of which later ones replace earlier ones, and its
    /// `server.json` and manifest.
    #[expect(clippy::print_stderr, reason = "what is skipped has to be said")]
    pub(crate) fn of_files(folder: &str, files: &[(&str, &str)]) -> Option<Self> {
        if Command::new("git").arg("--version").output().is_err() {
            eprintln!("skipped: there is no git here");
            return None;
        }
        let root = tempfile::tempdir().unwrap();
        let package = root.path().join(folder);
        for (path, content) in documents("1.2.0") {
            write(&package, path, &content);
        }
        for (path, content) in files {
            write(&package, path, content);
        }
        let package = package.to_str().unwrap().to_owned();
        let mut repository = Self { root, package, commit: String::new() };
        repository.git(&["init", "--quiet"]);
        repository.git(&["add", "--all"]);
        repository.git(&["commit", "--quiet", "--message", "The weather"]);
        repository.commit = repository.git(&["rev-parse", "HEAD"]);
        Some(repository)
    }

    /// The commit's id.
    pub(crate) fn commit(&self) -> &str {
        &self.commit
    }

    /// The root of the repository.
    pub(crate) fn path(&self) -> &str {
        self.root.path().to_str().unwrap()
    }

    /// The folder of the package.
    pub(crate) fn package(&self) -> &str {
        &self.package
    }

    /// Writes a file of the package, and commits nothing.
    pub(crate) fn write(&self, path: &str, content: &str) {
        write(Path::new(&self.package), path, content);
    }

    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_NAME"), "Acme")))
            .envs(["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_EMAIL"), "a@acme.example")))
            .envs(
                ["AUTHOR", "COMMITTER"].map(|who| (format!("GIT_{who}_DATE"), "1700000000 +0000")),
            )
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

/// The `server.json` and the manifest of a release, with their paths.
pub(crate) fn documents(version: &str) -> [(&'static str, String); 2] {
    let manifest = json!({
        "manifest_version": "0.3",
        "name": "weather",
        "version": version,
        "description": "The weather",
        "author": { "name": "Acme" },
        "server": {
            "type": "node",
            "entry_point": "server/index.js",
            "mcp_config": { "command": "node", "args": ["${__dirname}/server/index.js"] },
        },
    });
    let server = json!({
        "$schema": mcpkg_core::server_json::SCHEMA,
        "version": version,
        "name": NAME,
        "description": "The weather",
    });
    [("server.json", server.to_string()), ("pkg/manifest.json", manifest.to_string())]
}

fn write(folder: &Path, path: &str, content: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
