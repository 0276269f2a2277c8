//! A package of one program: what its author writes, packs and publishes.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use mcpkg_test_support::World;
use mcpkg_test_support::sigstore::Identity;
use serde_json::{Value, json};

use crate::fixture::{Fixture, acme};

/// A package whose server is a program in it.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) manifest: Value,
    pub(crate) server: Value,
    files: Vec<(String, Vec<u8>)>,
    surface: Option<String>,
}

impl Program {
    /// Version 1.2.0 of a package that starts these bytes, with no argument.
    pub(crate) fn new(name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let manifest = json!({
            "manifest_version": "0.3",
            "name": name.rsplit('/').next(),
            "version": "1.2.0",
            "description": "Tells the weather",
            "author": { "name": "Acme" },
            "server": {
                "type": "binary",
                "entry_point": "server/run",
                "mcp_config": { "command": "${__dirname}/server/run" },
            },
        });
        let server = json!({
            "$schema": mcpkg_core::server_json::SCHEMA,
            "name": name,
            "version": "1.2.0",
            "description": "Tells the weather",
        });
        let files = vec![("server/run".to_owned(), bytes.into())];
        Self { manifest, server, files, surface: None }
    }

    /// The same, under another name.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.manifest["name"] = json!(name.rsplit('/').next());
        self.server["name"] = name.into();
        self
    }

    /// Another version of it.
    pub(crate) fn version(mut self, version: &str) -> Self {
        self.manifest["version"] = version.into();
        self.server["version"] = version.into();
        self
    }

    /// The same, started with these arguments.
    pub(crate) fn args(mut self, args: &[&str]) -> Self {
        self.manifest["server"]["mcp_config"]["args"] = json!(args);
        self
    }

    /// The same, with these variables in its environment.
    pub(crate) fn env(mut self, env: Value) -> Self {
        self.manifest["server"]["mcp_config"]["env"] = env;
        self
    }

    /// The same, with settings.
    pub(crate) fn user_config(mut self, settings: Value) -> Self {
        self.manifest["user_config"] = settings;
        self
    }

    /// The same, which asks for these permissions.
    pub(crate) fn permissions(mut self, permissions: &Value) -> Self {
        let ours = json!({ "mcpkg": { "permissions": permissions } });
        self.server["_meta"] =
            json!({ "io.modelcontextprotocol.registry/publisher-provided": ours });
        self
    }

    /// The same, with one more file.
    pub(crate) fn file(mut self, path: &str, content: &str) -> Self {
        self.files.push((path.to_owned(), content.as_bytes().to_vec()));
        self
    }

    /// The same, with what its author says that it shows.
    pub(crate) fn surface(mut self, surface: &str) -> Self {
        self.surface = Some(surface.to_owned());
        self
    }

    /// Writes and packs it.
    #[track_caller]
    pub(crate) fn pack(&self, author: &World) {
        author.file("package/manifest.json", self.manifest.to_string());
        author.file("package/server.json", self.server.to_string());
        for (path, content) in &self.files {
            author.file(&format!("package/{path}"), content);
        }
        let run = author.path().join("package/server/run");
        fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
        let platform = mcpkg_core::Platform::current().unwrap().to_string();
        let mut pack = vec!["pack", "package", "--platform", &platform];
        if let Some(surface) = &self.surface {
            author.file("surface.json", surface);
            pack.extend(["--surface", "surface.json"]);
        }
        author.ok(&pack);
    }

    /// Packs it and publishes it, as Acme.
    #[track_caller]
    pub(crate) fn publish(&self, fixture: &Fixture) {
        self.publish_as(fixture, &acme());
    }

    /// Packs it and publishes it, as somebody.
    #[track_caller]
    pub(crate) fn publish_as(&self, fixture: &Fixture, author: &Identity) {
        let author = fixture.ci(author);
        self.pack(&author);
        author.ok(&["publish"]);
    }
}
